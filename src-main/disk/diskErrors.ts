// What the operating system says when a disk refuses, turned once into errors a person can act on. SQLite's own codes are explained in
// errors.ts; these are for plain files: checkpoints, imports, exports, reports.

import { LabError, type LabErrorData } from '../../src-preload/contract.ts'

type Explanation = (path: string) => LabErrorData

const full: Explanation = (path) => ({
  code: 'disk.full',
  expected: `room on the disk to write ${path}`,
  found: 'a full disk',
  next: 'Nothing recorded so far is lost. Free some space (old checkpoints, exports, the bin of runs), then resume or try again.',
})

const explanations: Readonly<Record<string, Explanation>> = {
  ENOSPC: full,
  EDQUOT: (path) => ({ ...full(path), found: 'that your quota of the disk is used up' }),
  EIO: (path) => ({
    code: 'disk.io',
    expected: `to read and write ${path}`,
    found: 'an error of the disk (EIO)',
    next: 'Check the disk and its cable or network; what was recorded before is safe. Then resume or try again.',
  }),
  EROFS: (path) => ({
    code: 'disk.readOnly',
    expected: `a disk that can be written for ${path}`,
    found: 'one that is mounted for reading only',
    next: 'Mount it for writing, or copy the workspace to another disk; then resume or try again.',
  }),
  EACCES: (path) => ({
    code: 'disk.denied',
    expected: `permission to use ${path}`,
    found: 'that the system refuses it',
    next: 'Change the permissions of the file or its folder, or choose another place.',
  }),
  EPERM: (path) => ({
    code: 'disk.denied',
    expected: `permission to use ${path}`,
    found: 'that the system refuses it',
    next: 'Change the permissions of the file or its folder, or choose another place.',
  }),
  EMFILE: (path) => ({
    code: 'disk.tooManyOpen',
    expected: `to open ${path}`,
    found: 'too many files open at once',
    next: 'Close other programs, or raise the limit of open files, and try again.',
  }),
  ENAMETOOLONG: (path) => ({
    code: 'disk.name',
    expected: 'a name that the disk takes',
    found: `one that is too long (${path.slice(-80)})`,
    next: 'Use a shorter name.',
  }),
  EISDIR: (path) => ({ code: 'disk.name', expected: `a file at ${path}`, found: 'a folder', next: 'Choose another name.' }),
  ENOTDIR: (path) => ({ code: 'disk.name', expected: `a folder on the way to ${path}`, found: 'a file', next: 'Choose another place.' }),
}

/** Errors after which the same work can succeed once somebody has seen to the disk. */
const PASSING = new Set([
  'ENOSPC',
  'EDQUOT',
  'EIO',
  'EROFS',
  'disk.full',
  'disk.io',
  'disk.readOnly',
  'workspace.full',
  'workspace.io',
  'workspace.readOnly',
])

/**
 * The error to throw on: a LabError `disk.*` where the system refused a file for a reason a person can mend, else `error` itself.
 * @param where named when the system names no file, as it does not when a disk fills up in the midst of one
 */
export function explainDisk(error: unknown, where = 'a file'): unknown {
  if (!(error instanceof Error) || error instanceof LabError) return error
  const { code, path, dest } = error as NodeJS.ErrnoException & { readonly dest?: string }
  const explanation = typeof code === 'string' ? explanations[code] : undefined
  if (explanation === undefined) return error
  const { code: own, ...parts } = explanation(dest ?? path ?? where)
  return new LabError(own, parts, { cause: error })
}

/** Whether the disk, and not the work, is why `error` came: freed or mended, the work can be tried again. */
export const isOfDisk = (error: unknown): error is Error =>
  error instanceof Error && PASSING.has(String((error as { code?: unknown }).code))
