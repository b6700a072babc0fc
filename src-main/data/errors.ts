// The catalogue of refusals: every reason why a whole file cannot be imported, with what was expected and what to do
// next. Call sites read as the rule that was broken: `throw refuse('file.pickle', name)`. A single bad row is not an
// error: it is kept aside with its own reason (see rejected.ts) and the import goes on.

import { LabError } from '../../src-preload/contract.ts'

const refusals = {
  'file.missing': { expected: 'a file or folder', next: 'Check the path, or drop the file again.' },
  'file.unreadable': { expected: 'a file that may be read', next: 'Check its permissions and whether its disk is still there.' },
  'file.special': { expected: 'an ordinary file or folder', next: 'Save the data to a file first.' },
  'file.empty': { expected: 'a file with rows in it', next: 'Check that the program that wrote it had finished.' },
  'file.unknown': {
    expected:
      'JSONL, JSON, CSV, TSV, Parquet, Arrow or Feather (each may be packed by gzip or zstd), a SQLite database, a zip or tar of these, a folder of these, a model or a workspace',
    next: 'Convert it to JSONL with one object per line and import that.',
  },
  'file.encoding': { expected: 'text in UTF-8, UTF-16 or Latin-1', next: 'Save it as UTF-8 and import it again.' },
  'file.pickle': {
    expected: 'a file that holds data only',
    next: 'A pickle can run code when it is opened, so it is never opened here. Where you trust it, convert it with this and import the result:',
  },
  'file.pointer': {
    expected: 'the file itself',
    next: 'It was cloned without its content: run git lfs pull in its repository, or download the file, and import that.',
  },
  'file.webPage': {
    expected: 'the file itself',
    next: 'A page was saved in place of the file: download it by its own link (on Hugging Face, resolve in place of blob), logged in where that is needed.',
  },
  'file.workbook': {
    expected: 'a table as text, or Parquet',
    next: 'Save it as CSV UTF-8 from the program that made it, and import that.',
  },
  'file.archive': {
    expected: 'the files themselves, or a zip or tar of files of rows',
    next: 'Unpack the archive and import what is inside.',
  },
  'file.gzipTooLarge': {
    expected: 'a gzipped Parquet file, a tar or a file of an archive of at most 256 MB unpacked',
    next: 'Unpack it and import what is inside.',
  },
  'parquet.truncated': {
    expected: 'a Parquet file with its footer',
    next: 'The footer at the end holds the column names, so nothing can be read without it. Copy the file again from its source.',
  },
  'parquet.damaged': { expected: 'a Parquet file whose footer can be read', next: 'Copy the file again from its source.' },
  'arrow.damaged': { expected: 'an Arrow or Feather file whose schema can be read', next: 'Copy the file again from its source.' },
  'sqlite.damaged': {
    expected: 'a SQLite database that can be read',
    next: 'Copy it again from its source, with the files -wal and -shm beside it where there are any; sqlite3 FILE ".recover" may save a damaged one.',
  },
  'sqlite.packed': { expected: 'a SQLite database as a file of its own', next: 'Unpack it and import the database itself.' },
  'csv.header': { expected: 'a first line with the names of the columns', next: 'Correct the first line of the file.' },
  'import.nothing': {
    expected: 'at least one row that can be imported',
    next: 'Read why its rows were turned away, then name the columns with --map or the format with --as; --allow-empty accepts an import of nothing.',
  },
  'import.notRows': { expected: 'a dataset or rollouts', next: 'Import a model on the Models page; open a workspace from the File menu.' },
  'import.whichTable': {
    expected: 'the name of the table to read',
    next: 'Name it: --table NAME, or choose it where the import is looked at.',
  },
  'import.noTable': { expected: 'a table that the database has', next: 'Correct the --table option.' },
  'import.noProblem': {
    expected: 'a column with the problem (prompt, problem, question, input, instruction or messages)',
    next: 'Name it: --map problem=COLUMN; if these are rollouts, --as rollouts --map completion=COLUMN.',
  },
  'import.noAnswer': {
    expected: 'a column with the answer (answer, ground_truth, gts, label, final_answer), or a solution that ends in \\boxed{} or ####',
    next: 'Name it: --map answer=COLUMN; if these are rollouts, --as rollouts --map completion=COLUMN.',
  },
  'import.noColumn': { expected: 'a column that the file has', next: 'Correct the --map option.' },
  'import.badMap': { expected: 'role=column pairs, such as problem=question,answer=gold', next: 'Correct the --map option.' },
  'import.badAs': { expected: 'dataset, rollouts, or the name of a rollout source', next: 'Correct the --as option.' },
  'import.requests': {
    expected: 'answers of a batch',
    next: 'These are the requests that were sent: import the output file of the batch.',
  },
  'import.otherSource': {
    expected: 'rows of the source that --as names',
    next: 'Name the source that they are of with --as, or leave --as out.',
  },
  'import.noCompletion': {
    expected: 'rollouts with a completion, or with the number of tokens and rewards of each',
    next: 'Name the column: --map completion=COLUMN.',
  },
  'events.damaged': {
    expected: 'an event file of TensorBoard with sound records',
    next: 'What came before was kept. Copy the file again from its source; it is looked at when it changes.',
  },
  'follow.early': {
    expected: 'a few rows, which tell what the columns hold',
    next: 'It is read as soon as more come, or none do for a while.',
  },
  'export.failed': { expected: 'to write the file', next: 'Check the free space and permissions of the folder, then export again.' },
  'export.empty': { expected: 'at least one row to write', next: 'Widen the filter.' },
} as const

export type RefusalCode = keyof typeof refusals

/**
 * The `LabError` for a refusal code; `found` says, in the person's words, what was there instead, and `more` goes on where
 * the catalogue's advice ends in a colon.
 */
export function refuse(code: RefusalCode, found: string, options: ErrorOptions & { more?: string } = {}): LabError {
  const { expected, next } = refusals[code]
  return new LabError(code, { expected, found, next: options.more === undefined ? next : `${next}\n\n${options.more}` }, options)
}

/** The refusal for a failed system call on `path`. */
export function refuseSystem(error: unknown, path: string): LabError {
  const code = (error as NodeJS.ErrnoException).code
  if (code === 'ENOENT' || code === 'ENOTDIR') return refuse('file.missing', `nothing at ${path}`, { cause: error })
  return refuse('file.unreadable', `${path} could not be read (${code ?? String(error)})`, { cause: error })
}
