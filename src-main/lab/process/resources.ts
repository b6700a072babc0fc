// Where the files that ship with the program lie: beside the sources in a checkout, beside the application when packed.
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** Absolute path of `resources/`, found by walking up from this module. Throws when the installation has none. */
export function resourcesFolder(): string {
  for (let folder = import.meta.dirname; ; folder = dirname(folder)) {
    const candidate = join(folder, 'resources')
    if (existsSync(join(candidate, 'starter'))) return candidate
    if (folder === dirname(folder)) throw new Error(`no resources folder above ${import.meta.dirname}`)
  }
}

/** The folder of the program: a checkout, or the packed application. */
export const programFolder = (): string => join(resourcesFolder(), '..')

export const programVersion = (): string =>
  (JSON.parse(readFileSync(join(programFolder(), 'package.json'), 'utf8')) as { version: string }).version
