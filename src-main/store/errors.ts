// SQLite's codes, turned once into errors a person can act on. Constraint failures are left alone: they are bugs of ours,
// except where a noun's module says otherwise.

import Database from 'better-sqlite3'
import { LabError, type LabErrorData } from '../../src-preload/contract.ts'

type Explanation = (file: string, message: string) => LabErrorData

const explanations: readonly (readonly [prefix: string, Explanation])[] = [
  [
    'SQLITE_FULL',
    (file) => ({
      code: 'workspace.full',
      expected: `room to write to ${file}`,
      found: 'a full disk, or the size limit of the workspace',
      next: 'Nothing recorded so far is lost. Free some space, or prune rollouts, and go on.',
    }),
  ],
  [
    'SQLITE_READONLY',
    (file) => ({
      code: 'workspace.readOnly',
      expected: `permission to write to ${file}`,
      found: 'a workspace that is open for reading only',
      next: 'Close the other program that holds it, or copy the workspace to a folder you may write to.',
    }),
  ],
  [
    'SQLITE_CORRUPT',
    (file, message) => ({
      code: 'workspace.corrupt',
      expected: `an intact database at ${file}`,
      found: `a damaged one (${message})`,
      next: 'Nothing was changed. Save what can be read into a new folder (`mrt salvage`), or restore the newest file of its backups folder.',
    }),
  ],
  [
    'SQLITE_NOTADB',
    (file) => ({
      code: 'workspace.corrupt',
      expected: `a SQLite database at ${file}`,
      found: 'a file that is not one',
      next: 'Nothing was changed. Restore the newest file of the backups folder, or choose another workspace.',
    }),
  ],
  [
    'SQLITE_BUSY',
    (file) => ({
      code: 'workspace.busy',
      expected: `${file} to be free within a few seconds`,
      found: 'another program that keeps it locked',
      next: 'Close the program that has the database open, and try again.',
    }),
  ],
  [
    'SQLITE_CANTOPEN',
    (file) => ({
      code: 'workspace.cannotOpen',
      expected: `to open ${file}`,
      found: 'a file or folder that the system refuses to open',
      next: 'Check that it exists and that you may read it.',
    }),
  ],
  [
    'SQLITE_IOERR',
    (file, message) => ({
      code: 'workspace.io',
      expected: `to read and write ${file}`,
      found: `an error of the disk or file system (${message})`,
      next: 'Check the disk, and that its folder is still there; whole steps recorded so far are safe.',
    }),
  ],
]

/** The error to throw on: coded when SQLite's code is one a person can act on, else `error` itself. */
export function explain(error: unknown, file: string): unknown {
  if (!(error instanceof Database.SqliteError)) return error
  if (BAD_JSON.test(error.message))
    return new LabError(
      'workspace.badRow',
      {
        expected: `readable rows in ${file}`,
        found: 'one that something else has written, or a disk has changed',
        next: 'Check the database with `mrt check`; where it is damaged, save what can be read with `mrt salvage`.',
      },
      { cause: error },
    )
  const found = explanations.find(([prefix]) => error.code.startsWith(prefix))
  if (found === undefined) return error
  const { code, ...parts } = found[1](file, error.message)
  return new LabError(code, parts, { cause: error })
}

/** SQLite's words for a column that it was to take a part of. */
const BAD_JSON = /malformed JSON/

type Functions = Record<string, (...args: never[]) => unknown>

/** The same functions, with what SQLite throws explained. */
export function explained<F extends { readonly [name in keyof F]: (...args: never[]) => unknown }>(functions: F, file: string): F {
  const wrap =
    (run: (...args: never[]) => unknown) =>
    (...args: never[]): unknown => {
      try {
        return run(...args)
      } catch (error) {
        throw explain(error, file)
      }
    }
  return Object.fromEntries(Object.entries(functions as Functions).map(([name, run]) => [name, wrap(run)])) as F
}
