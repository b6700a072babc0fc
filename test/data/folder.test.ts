// What a README of a dataset on Hugging Face says of its files: which are the default configuration, and which split each is.

import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { planFolder } from '../../src-main/data/folder.ts'
import { configurationsOf, patternTest } from '../../src-main/data/frontMatter.ts'
import { newFolder } from './files.ts'

function repository(readme: string, ...names: string[]): string {
  const folder = newFolder()
  for (const name of names) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), '{"question": "1+1?", "answer": "2"}\n')
  }
  writeFileSync(join(folder, 'README.md'), readme)
  return folder
}

async function plan(readme: string, ...names: string[]): Promise<{ files: Record<string, string | undefined>; skipped: string[] }> {
  const folder = repository(readme, ...names)
  const { files, splits, skipped } = await planFolder(folder)
  const short = (path: string): string => path.slice(folder.length + 1).replaceAll('\\', '/')
  return { files: Object.fromEntries(files.map((path) => [short(path), splits.get(path)])), skipped: skipped.map(short) }
}

describe('the README of a dataset', () => {
  it('names splits that no path does', async () => {
    const readme = '---\nlicense: mit\nconfigs:\n- config_name: default\n  data_files:\n  - split: train\n    path: "problems/a*.jsonl"\n  - split: held_out\n    path:\n    - problems/b.jsonl\n    - problems/c.jsonl\n---\n# Title\n'
    expect(await plan(readme, 'problems/a1.jsonl', 'problems/a2.jsonl', 'problems/b.jsonl', 'problems/c.jsonl')).toEqual({ files: { 'problems/a1.jsonl': 'train', 'problems/a2.jsonl': 'train', 'problems/b.jsonl': 'held_out', 'problems/c.jsonl': 'held_out' }, skipped: [] })
  })

  it('makes its default configuration the one that is read; files of others are named with their configuration', async () => {
    const readme = "---\nconfigs:\n  - config_name: small\n    data_files: small.jsonl\n  - config_name: whole\n    default: true\n    data_files: [whole.jsonl]   # everything\n  - config_name: 'other'\n    data_dir: other\n    data_files:\n      test: '*.jsonl'\n---\n"
    const { files, skipped } = await plan(readme, 'small.jsonl', 'whole.jsonl', 'other/x.jsonl', 'stray.jsonl')
    expect(files).toEqual({ 'whole.jsonl': 'train' })
    expect(skipped.sort()).toEqual(['other/x.jsonl (it is of the configuration other; import it by its own path)', 'small.jsonl (it is of the configuration small; import it by its own path)', 'stray.jsonl (the README does not name it for the configuration whole)'])
  })

  it('changes nothing where it names files that are not here, or cannot be read', async () => {
    expect(await plan('---\nconfigs:\n- config_name: a\n  data_files: gone-*.parquet\n---\n', 'here.jsonl')).toEqual({ files: { 'here.jsonl': undefined }, skipped: [] })
    expect(await plan('---\n\t: [\n  - {{\n---\n', 'here.jsonl')).toEqual({ files: { 'here.jsonl': undefined }, skipped: [] })
    expect(configurationsOf('# A README without a head')).toEqual([])
  })

  it('has patterns as fsspec does', () => {
    const matched = (pattern: string): string[] => ['a.jsonl', 'data/a.jsonl', 'data/x/a.jsonl', 'data/train-00000-of-00001.parquet', 'b(1).csv'].filter(patternTest(pattern))
    expect(matched('*.jsonl')).toEqual(['a.jsonl'])
    expect(matched('**/*.jsonl')).toEqual(['a.jsonl', 'data/a.jsonl', 'data/x/a.jsonl'])
    expect(matched('data/')).toEqual(['data/a.jsonl', 'data/x/a.jsonl', 'data/train-00000-of-00001.parquet'])
    expect(matched('data/train-[0-9]*.{parquet,csv}')).toEqual(['data/train-00000-of-00001.parquet'])
    expect(matched('b(1).csv')).toEqual(['b(1).csv'])
  })
})
