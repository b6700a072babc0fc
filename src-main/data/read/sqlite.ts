// Tables of a SQLite database, opened for reading only and never changed. A database may hold many tables and nothing in it says which are
// rollouts: where there is more than one, a person names the one to read. Whole numbers beyond 2^53 and bytes become text.

import Database from 'better-sqlite3'
import { refuse } from '../errors.ts'
import { reject } from '../rejected.ts'
import type { Rejected } from '../rejected.ts'
import { BATCH_ROWS, inMegabytes } from './reader.ts'
import type { ReadBatch, ReaderOptions, SourceRow } from './reader.ts'
import { toJson, uniqueColumns } from './values.ts'

const BUSY_MS = 2000

export interface SqliteTable {
  readonly name: string
  /** Null where it cannot be counted. */
  readonly rows: number | null
}

type Connection = InstanceType<typeof Database>

function connect(path: string): Connection {
  try {
    return new Database(path, { readonly: true, timeout: BUSY_MS })
  } catch (error) {
    throw refuse('sqlite.damaged', `${path}: ${(error as Error).message}`, { cause: error })
  }
}

const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`

function listed(db: Connection, path: string): SqliteTable[] {
  try {
    const names = db
      .prepare(
        "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY type, name",
      )
      .pluck()
      .all() as string[]
    return names.map((name) => ({ name, rows: countOf(db, name) }))
  } catch (error) {
    throw refuse('sqlite.damaged', `${path}: ${(error as Error).message}`, { cause: error })
  }
}

function countOf(db: Connection, name: string): number | null {
  try {
    return db
      .prepare(`SELECT count(*) FROM ${quoted(name)}`)
      .pluck()
      .get() as number
  } catch {
    return null
  }
}

/** Tables and views in a database, tables first. Throws LabError sqlite.damaged. */
export function sqliteTables(path: string): readonly SqliteTable[] {
  const db = connect(path)
  try {
    return listed(db, path)
  } finally {
    db.close()
  }
}

/** Names with their numbers of rows, for a sentence. */
export const tablesText = (tables: readonly SqliteTable[]): string =>
  tables.map(({ name, rows }) => `${name} (${rows === null ? 'not to be counted' : `${rows} rows`})`).join(', ')

/** The table that is read: the one that was asked for, else the only one. Throws LabError import.whichTable, import.noTable and sqlite.damaged. */
export function chooseTable(path: string, wanted: string | undefined): SqliteTable {
  const tables = sqliteTables(path)
  const found = wanted === undefined ? (tables.length === 1 ? tables[0] : undefined) : tables.find(({ name }) => name === wanted)
  if (found !== undefined) return found
  if (wanted !== undefined)
    throw refuse('import.noTable', `no table "${wanted}" in ${path}; it has ${tables.length === 0 ? 'none' : tablesText(tables)}`)
  throw tables.length === 0
    ? refuse('file.empty', `${path} is a SQLite database without tables`)
    : refuse('import.whichTable', `${path} has the tables ${tablesText(tables)}`)
}

/** Reads a table. Throws what `chooseTable` throws; where reading breaks off, the rows that are left are named. */
export async function* readSqlite(path: string, wanted: string | undefined, options: ReaderOptions): AsyncGenerator<ReadBatch> {
  const table = chooseTable(path, wanted)
  const db = connect(path)
  let read = 0
  let rows: SourceRow[] = []
  let rejected: Rejected[] = []
  try {
    const statement = db
      .prepare(`SELECT * FROM ${quoted(table.name)}`)
      .safeIntegers()
      .raw()
    const names = uniqueColumns(
      statement.columns().map(({ name }) => name),
      (name) => options.notes.add('columns.renamed', null, name),
    )
    for (const cells of statement.iterate() as IterableIterator<unknown[]>) {
      read++
      const place = { line: read, start: null, end: null }
      const tally = { exact: false, nonFinite: false }
      const value = Object.fromEntries(names.map((name, at) => [name, toJson(cells[at], tally)]))
      if (tally.exact) options.notes.add('number.exact', read)
      if (tally.nonFinite) options.notes.add('number.nonFinite', read)
      const length = cells.reduce<number>(
        (sum, cell) => sum + (typeof cell === 'string' || cell instanceof Uint8Array ? cell.length : 8),
        0,
      )
      if (length > options.maxRowBytes)
        rejected.push(reject(path, place, 'row.tooLong', inMegabytes(options.maxRowBytes), JSON.stringify(value).slice(0, 4000)))
      else rows.push({ ...place, value })
      if (rows.length + rejected.length < BATCH_ROWS) continue
      yield { rows, rejected }
      options.signal?.throwIfAborted()
      rows = []
      rejected = []
    }
    yield { rows, rejected }
  } catch (error) {
    if (!(error instanceof Database.SqliteError)) throw error
    const left = table.rows === null ? 1 : Math.max(1, table.rows - read)
    yield {
      rows,
      rejected: [
        ...rejected,
        reject(
          path,
          { line: read + 1, start: null, end: null },
          'row.damaged',
          `table ${table.name} from row ${read + 1} on, ${error.message}`,
          '',
          left,
        ),
      ],
    }
  } finally {
    db.close()
  }
}
