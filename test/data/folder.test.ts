// What a folder is taken for: what a README of a dataset on Hugging Face says of its files (which are the default configuration, and which split each
// is), and the archives that lie in it.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { DatasetRow } from '../../src-main/data/datasets/normalise.ts'
import { detectImport } from '../../src-main/data/detect.ts'
import { planFolder } from '../../src-main/data/folder.ts'
import { configurationsOf, patternTest } from '../../src-main/data/frontMatter.ts'
import { importFiles } from '../../src-main/data/importFiles.ts'
import { previewImport } from '../../src-main/data/preview.ts'
import { zipOf } from './archives.ts'
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
    const readme =
      '---\nlicense: mit\nconfigs:\n- config_name: default\n  data_files:\n  - split: train\n    path: "problems/a*.jsonl"\n  - split: held_out\n    path:\n    - problems/b.jsonl\n    - problems/c.jsonl\n---\n# Title\n'
    expect(await plan(readme, 'problems/a1.jsonl', 'problems/a2.jsonl', 'problems/b.jsonl', 'problems/c.jsonl')).toEqual({
      files: { 'problems/a1.jsonl': 'train', 'problems/a2.jsonl': 'train', 'problems/b.jsonl': 'held_out', 'problems/c.jsonl': 'held_out' },
      skipped: [],
    })
  })

  it('makes its default configuration the one that is read; files of others are named with their configuration', async () => {
    const readme =
      "---\nconfigs:\n  - config_name: small\n    data_files: small.jsonl\n  - config_name: whole\n    default: true\n    data_files: [whole.jsonl]   # everything\n  - config_name: 'other'\n    data_dir: other\n    data_files:\n      test: '*.jsonl'\n---\n"
    const { files, skipped } = await plan(readme, 'small.jsonl', 'whole.jsonl', 'other/x.jsonl', 'stray.jsonl')
    expect(files).toEqual({ 'whole.jsonl': 'train' })
    expect(skipped.sort()).toEqual([
      'other/x.jsonl (it is of the configuration other; import it by its own path)',
      'small.jsonl (it is of the configuration small; import it by its own path)',
      'stray.jsonl (the README does not name it for the configuration whole)',
    ])
  })

  it('changes nothing where it names files that are not here, or cannot be read', async () => {
    expect(await plan('---\nconfigs:\n- config_name: a\n  data_files: gone-*.parquet\n---\n', 'here.jsonl')).toEqual({
      files: { 'here.jsonl': undefined },
      skipped: [],
    })
    expect(await plan('---\n\t: [\n  - {{\n---\n', 'here.jsonl')).toEqual({ files: { 'here.jsonl': undefined }, skipped: [] })
    expect(configurationsOf('# A README without a head')).toEqual([])
  })

  it('has patterns as fsspec does', () => {
    const matched = (pattern: string): string[] =>
      ['a.jsonl', 'data/a.jsonl', 'data/x/a.jsonl', 'data/train-00000-of-00001.parquet', 'b(1).csv'].filter(patternTest(pattern))
    expect(matched('*.jsonl')).toEqual(['a.jsonl'])
    expect(matched('**/*.jsonl')).toEqual(['a.jsonl', 'data/a.jsonl', 'data/x/a.jsonl'])
    expect(matched('data/')).toEqual(['data/a.jsonl', 'data/x/a.jsonl', 'data/train-00000-of-00001.parquet'])
    expect(matched('data/train-[0-9]*.{parquet,csv}')).toEqual(['data/train-00000-of-00001.parquet'])
    expect(matched('b(1).csv')).toEqual(['b(1).csv'])
  })
})

describe('a folder of archives', () => {
  it('of logs is read log by log, and what holds no rows is named', async () => {
    const folder = newFolder()
    const log = readFileSync(join(import.meta.dirname, 'inputs', 'inspect-eval', '2025-05-01T10-00-00+00-00_arith_abc.eval'))
    for (const name of ['a.eval', 'b.eval']) writeFileSync(join(folder, name), log)
    writeFileSync(join(folder, 'pictures.zip'), zipOf([['a.png', 'x']]))
    writeFileSync(join(folder, 'runs.db'), 'SQLite format 3\0')
    const job = importFiles([folder])
    let rollouts = 0
    for await (const batch of job) rollouts += batch.kind === 'rollouts' ? batch.rows.length : 0
    const report = job.report()
    expect([rollouts, new Set(report.files.map(({ source }) => source)), report.files.length]).toEqual([4, new Set(['inspect']), 4])
    expect(report.notes.map(({ detail }) => detail).join(' ')).toMatch(
      /runs\.db \(a database; import it by its own path, with its table\).*pictures\.zip \(none of its 1 files/,
    )
    expect(await detectImport(folder)).toMatchObject({ kind: 'rollouts', source: 'inspect' })
    expect((await previewImport(folder)).rows).toHaveLength(1)
  })

  it('beside files of rows is read with them, each file as what it is', async () => {
    const folder = newFolder()
    writeFileSync(join(folder, 'train.jsonl'), '{"question": "1+1?", "answer": "2"}\n')
    writeFileSync(join(folder, 'more.zip'), zipOf([['test/x.csv', 'question,answer\n1+2?,3\n']]))
    const job = importFiles([folder])
    const found: unknown[] = []
    for await (const batch of job) found.push(...(batch.rows as readonly DatasetRow[]).map(({ split, answer }) => [split, answer]))
    expect(found).toEqual([
      ['train', '2'],
      ['test', '3'],
    ])
  })
})
