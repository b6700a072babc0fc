// Folders where a person says. Node's own way of making one with those on the way tries for ever where the system lets none be made, as under /proc.
import { mkdirSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { LabError } from '../../src-preload/contract.ts'

/** With the folders on the way; one that is there stays as it is. Throws LabError `disk.name` where there can be none, and what the system says. */
export function makeFolder(folder: string): void {
  const there = statSync(folder, { throwIfNoEntry: false })
  if (there?.isDirectory()) return
  const parent = dirname(folder)
  if (there === undefined && parent !== folder) makeFolder(parent)
  try {
    mkdirSync(folder)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    // Another process may have made it meanwhile.
    if (code === 'EEXIST' && statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return
    if (code !== 'ENOENT' && code !== 'EEXIST') throw error
    throw new LabError(
      'disk.name',
      {
        expected: `a folder at ${folder}`,
        found: code === 'EEXIST' ? 'a file' : `that the system makes none in ${parent}`,
        next: 'Choose another place.',
      },
      { cause: error },
    )
  }
}
