// What can still be read of a damaged workspace, taken into a new one and counted. The damaged folder is only read: its database is copied first,
// with what its last writer had not folded in. A page that cannot be read costs the rows on it; what referred to them goes too, or
// refers to nothing where it may. Nothing is guessed: a rollout without its text or all its episodes is left out, and said.

import {
  closeSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  truncateSync,
} from 'node:fs'
import { join, resolve } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { LabError, type Salvaged } from '../../src-preload/contract.ts'
import { makeFolder } from '../disk/makeFolder.ts'
import { connect, type Connection } from './database.ts'
import { explain } from './errors.ts'
import { checkSchema, findMigrations, markSchema, MIGRATIONS } from './schema.ts'

const DATABASE = 'workspace.db'
const CHECKPOINTS = 'checkpoints'
const MAGIC = 'SQLite format 3\0'
const HEAD = 100
/** A head that speaks of so many times the file is damaged itself. */
const MOST_MISSING = 1000
/** Rows copied between two turns of the event loop. */
const CHUNK = 500
/** Ids that fail one after another beyond the largest one known, after which nothing more is expected. */
const PATIENCE = 20_000

type Row = Record<string, unknown>
interface Counts {
  kept: number
  lost: number
  orphaned: number
}
interface ForeignKey {
  readonly from: string
  readonly table: string
  readonly to: string | null
  readonly on_delete: string
}

export interface SalvageOptions {
  readonly signal?: AbortSignal
  /** Hears of tables as they are done. */
  readonly told?: (done: number, total: number) => void
  readonly migrations?: string
  readonly now?: () => number
}

const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`

/**
 * Copies every row that can be read of the workspace in `from` into a new one in `into`, in the schema that it had; opening that brings it up to date.
 * Checkpoints and the other files come along. Throws LabError `workspace.missing`, `salvage.into` where `into` is not empty, `salvage.nothing`
 * where not even the schema can be read, or `disk.*`. `lost` is an upper bound: an id on a page that cannot be read counts whether it was given or not.
 */
export async function salvage(
  from: string,
  into: string,
  { signal, told = () => {}, migrations = MIGRATIONS, now = Date.now }: SalvageOptions = {},
): Promise<Salvaged> {
  const [source, target] = [resolve(from), resolve(into)]
  if (!existsSync(join(source, DATABASE)))
    throw new LabError('workspace.missing', {
      expected: `a workspace (${DATABASE}) in ${source}`,
      found: 'none',
      next: 'Choose the folder that holds workspace.db.',
    })
  if (existsSync(target) && readdirSync(target).length > 0)
    throw new LabError('salvage.into', {
      expected: `an empty or new folder at ${target}`,
      found: 'a folder with files in it',
      next: 'Name another folder; what can be read is written there.',
    })
  makeFolder(target)
  const copy = join(target, '.damaged')
  const file = join(target, DATABASE)
  let damaged: Connection | null = null
  let whole: Connection | null = null
  let saved: Salvaged | null = null
  try {
    damaged = openDamaged(join(source, DATABASE), copy)
    const known = findMigrations(migrations)
    const schema = checkSchema(damaged, known, join(source, DATABASE))
    whole = connect(file, {})
    whole.pragma('foreign_keys = OFF')
    const fresh = whole
    fresh.transaction(() => {
      for (const { path } of known.slice(0, schema)) fresh.exec(readFileSync(path, 'utf8'))
      markSchema(fresh, schema)
    })()
    const counts = await copyTables(damaged, whole, signal, told)
    const incomplete = dropIncomplete(whole, counts)
    copyFiles(source, target)
    const missingCheckpoints = dropMissingCheckpoints(whole, target)
    dropOrphans(whole, counts)
    fresh.exec('UPDATE runs SET rollout_count = (SELECT count(*) FROM rollouts WHERE run_id = runs.id)')
    const tables = Object.entries(counts)
      .map(([table, count]) => ({ table, ...count }))
      .filter(({ kept, lost, orphaned }) => kept + lost + orphaned > 0)
    const data = JSON.stringify({ from: source, tables, incompleteRollouts: incomplete, missingCheckpoints })
    fresh
      .prepare(
        `INSERT INTO events (run_id, step, kind, level, code, message, data, at_ms) VALUES (NULL, NULL, 'log', 'warn', 'workspace.salvaged', ?, ?, ?)`,
      )
      .run(sentence(source, tables, incomplete, missingCheckpoints), data, now())
    const complaint = fresh.pragma('integrity_check(1)', { simple: true })
    if (complaint !== 'ok') throw new Error(`the salvaged database is not whole: ${String(complaint)}`)
    saved = { folder: target, tables, incompleteRollouts: incomplete, missingCheckpoints }
    return saved
  } catch (error) {
    throw explain(error, join(source, DATABASE))
  } finally {
    damaged?.close()
    whole?.close()
    if (saved === null) rmSync(file, { force: true })
    rmSync(copy, { recursive: true, force: true })
  }
}

const sentence = (source: string, tables: Salvaged['tables'], incomplete: number, missing: number): string => {
  const lost = tables.filter((each) => each.lost + each.orphaned > 0).map(({ table, lost, orphaned }) => `${lost + orphaned} of ${table}`)
  return `Salvaged from ${source}: ${tables.reduce((sum, { kept }) => sum + kept, 0)} rows kept${lost.length === 0 ? '' : `; lost at most ${lost.join(', ')}`}${incomplete === 0 ? '' : `; ${incomplete} rollouts were incomplete`}${missing === 0 ? '' : `; ${missing} checkpoints had no files`}.`
}

/** SQLite opens no file that is shorter than its head says: one that was cut off gets empty pages there, which are read as damaged ones. */
function lengthen(file: string): void {
  const { size } = statSync(file)
  const head = Buffer.alloc(HEAD)
  const opened = openSync(file, 'r')
  try {
    readSync(opened, head)
  } finally {
    closeSync(opened)
  }
  if (!head.toString('latin1').startsWith(MAGIC)) return
  const page = head.readUInt16BE(16) === 1 ? 65_536 : head.readUInt16BE(16)
  const whole = page * head.readUInt32BE(28)
  if (whole <= size * MOST_MISSING) truncateSync(file, Math.max(size, whole))
}

/**
 * A copy of the database in the folder `copy`, opened so that SQLite folds its log in; where the log itself is damaged, without it. Closing folds
 * it in as well, so that the copy is made anew then.
 */
function openDamaged(source: string, copy: string): Connection {
  const file = join(copy, DATABASE)
  for (const endings of [['', '-wal'], ['']]) {
    rmSync(copy, { recursive: true, force: true })
    mkdirSync(copy)
    for (const ending of endings) if (existsSync(source + ending)) copyFileSync(source + ending, file + ending)
    lengthen(file)
    let db: Connection | null = null
    try {
      db = connect(file, { fileMustExist: true })
      // A list of tables that says nonsense of one is read for the others, which the driver otherwise forbids.
      db.unsafeMode(true)
      db.pragma('writable_schema = ON')
      db.prepare('SELECT count(*) FROM sqlite_schema').get()
      return db
    } catch {
      db?.close()
    }
  }
  throw new LabError('salvage.nothing', {
    expected: `a database at ${source} whose list of tables can be read`,
    found: 'one whose first page is damaged',
    next: 'Restore the newest file of the backups folder; its checkpoints are still there.',
  })
}

/** Tables of the schema, those that others refer to first; without the text index, which the triggers make again. */
function tablesOf(db: Connection): string[] {
  const names = db
    .prepare<unknown[], string>(
      `SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE 'rollout_text%'`,
    )
    .pluck()
    .all()
  const ordered: string[] = []
  const visit = (name: string, path: readonly string[]): void => {
    if (ordered.includes(name) || path.includes(name)) return
    for (const { table } of keysOf(db, name)) visit(table, [...path, name])
    ordered.push(name)
  }
  for (const name of names) visit(name, [])
  return ordered
}

const keysOf = (db: Connection, table: string): ForeignKey[] => db.pragma(`foreign_key_list(${quoted(table)})`) as ForeignKey[]
const columnsOf = (db: Connection, table: string): { name: string; pk: number; notnull: number }[] =>
  (db.pragma(`table_xinfo(${quoted(table)})`) as { name: string; pk: number; notnull: number; hidden: number }[]).filter(
    ({ hidden }) => hidden === 0,
  )
const hasRowids = (db: Connection, table: string): boolean =>
  !/WITHOUT\s+ROWID/i.test(
    db.prepare<unknown[], string>(`SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ?`).pluck().get(table)!,
  )

async function copyTables(
  damaged: Connection,
  whole: Connection,
  signal: AbortSignal | undefined,
  told: (done: number, total: number) => void,
): Promise<Record<string, Counts>> {
  const counts: Record<string, Counts> = {}
  const tables = tablesOf(whole)
  for (const [at, table] of tables.entries()) {
    const count: Counts = (counts[table] = { kept: 0, lost: 0, orphaned: 0 })
    const columns = columnsOf(whole, table)
    const names = columns.map(({ name }) => quoted(name)).join(', ')
    const insert = whole.prepare(`INSERT OR IGNORE INTO main.${quoted(table)} (${names}) VALUES (${columns.map(() => '?').join(', ')})`)
    const put = (row: Row): void => {
      // What a damaged page made of a value may not fit its column; such a row is lost.
      try {
        if (insert.run(...columns.map(({ name }) => row[name])).changes === 1) count.kept++
        else count.lost++
      } catch (error) {
        if (!String((error as { code?: unknown }).code).startsWith('SQLITE_CONSTRAINT')) throw error
        count.lost++
      }
    }
    const rows = hasRowids(whole, table)
      ? readByRowid(damaged, table, names, count)
      : readByKey(damaged, whole, table, names, columns, count)
    for (let done = false; !done;) {
      whole.exec('BEGIN')
      try {
        for (let taken = 0; taken < CHUNK; taken++) {
          const next = rows.next()
          if (next.done === true) {
            done = true
            break
          }
          put(next.value)
        }
        whole.exec('COMMIT')
      } catch (error) {
        whole.exec('ROLLBACK')
        throw error
      }
      await turn()
      signal?.throwIfAborted()
    }
    told(at + 1, tables.length)
  }
  return counts
}

/** Every row of a table with rowids, id by id across pages that cannot be read. */
function* readByRowid(db: Connection, table: string, names: string, count: Counts): Generator<Row> {
  const scan = db.prepare<unknown[], Row>(
    `SELECT rowid AS "the rowid", ${names} FROM main.${quoted(table)} NOT INDEXED WHERE rowid >= ? ORDER BY rowid`,
  )
  const largest =
    tried(
      () =>
        db
          .prepare<unknown[], number | null>(`SELECT max(rowid) FROM main.${quoted(table)} NOT INDEXED`)
          .pluck()
          .get() ?? 0,
    ) ?? 0
  let at = Number.MIN_SAFE_INTEGER
  for (let failed = 0; ;) {
    try {
      for (const row of scan.iterate(at)) {
        failed = 0
        at = (row['the rowid'] as number) + 1
        yield row
      }
      return
    } catch (error) {
      if (!isDamage(error)) throw error
      // A seek that fails before any id is known begins at the smallest one that rows are given.
      if (at < 1) at = 1
      else {
        count.lost++
        at++
        failed++
      }
      if (at > largest && failed > PATIENCE) {
        count.lost -= failed
        return
      }
    }
  }
}

/** Every row of a table that lies in the order of its key: in one go while that works, then by the rows that it belongs to. */
function* readByKey(
  db: Connection,
  whole: Connection,
  table: string,
  names: string,
  columns: readonly { name: string; pk: number }[],
  count: Counts,
): Generator<Row> {
  const first = columns.find(({ pk }) => pk === 1)!.name
  const parent = keysOf(whole, table).find(({ from }) => from === first)
  let last: unknown = null
  let inLast = 0
  try {
    for (const row of db.prepare<unknown[], Row>(`SELECT ${names} FROM main.${quoted(table)} ORDER BY ${quoted(first)}`).iterate()) {
      inLast = row[first] === last ? inLast + 1 : 1
      last = row[first]
      yield row
    }
    return
  } catch (error) {
    if (!isDamage(error)) throw error
    count.lost++
  }
  if (parent === undefined) return
  const of = db.prepare<unknown[], Row>(`SELECT ${names} FROM main.${quoted(table)} WHERE ${quoted(first)} = ?`)
  const ids = whole
    .prepare<unknown[], number>(
      `SELECT ${quoted(parent.to ?? 'id')} FROM main.${quoted(parent.table)} WHERE ${quoted(parent.to ?? 'id')} >= ? ORDER BY 1`,
    )
    .pluck()
  for (const id of ids.all(last ?? Number.MIN_SAFE_INTEGER)) {
    let skip = id === last ? inLast : 0
    try {
      for (const row of of.iterate(id)) if (skip-- <= 0) yield row
    } catch (error) {
      if (!isDamage(error)) throw error
      count.lost++
    }
  }
}

const isDamage = (error: unknown): boolean => /^SQLITE_(CORRUPT|IOERR|NOTADB|ERROR)/.test(String((error as { code?: unknown }).code))
function tried<T>(work: () => T): T | null {
  try {
    return work()
  } catch (error) {
    if (!isDamage(error)) throw error
    return null
  }
}

/** Rows that refer to rows that are gone: they go too, or refer to nothing where that is allowed. */
function dropOrphans(db: Connection, counts: Record<string, Counts>): void {
  const tables = tablesOf(db)
  for (let changed = 1; changed > 0;) {
    changed = 0
    for (const table of tables) {
      const columns = columnsOf(db, table)
      for (const { from, table: parent, to, on_delete: rule } of keysOf(db, table)) {
        const orphaned = `${quoted(from)} IS NOT NULL AND NOT EXISTS (SELECT 1 FROM main.${quoted(parent)} p WHERE p.${quoted(to ?? 'id')} = main.${quoted(table)}.${quoted(from)})`
        const goes = rule === 'CASCADE' || columns.find(({ name }) => name === from)!.notnull === 1
        const { changes } = db
          .prepare(
            goes
              ? `DELETE FROM main.${quoted(table)} WHERE ${orphaned}`
              : `UPDATE main.${quoted(table)} SET ${quoted(from)} = NULL WHERE ${orphaned}`,
          )
          .run()
        changed += changes
        if (!goes) continue
        const count = counts[table]!
        count.kept -= changes
        count.orphaned += changes
      }
    }
  }
}

/** Rollouts whose text or episodes did not all come. Returns how many; what belongs to them is dropped as orphans. */
function dropIncomplete(db: Connection, counts: Record<string, Counts>): number {
  const { changes } = db
    .prepare(
      `DELETE FROM rollouts WHERE NOT EXISTS (SELECT 1 FROM rollout_bodies b WHERE b.rollout_id = rollouts.id) OR episode_count <> (SELECT count(*) FROM episodes e WHERE e.rollout_id = rollouts.id)`,
    )
    .run()
  const count = counts.rollouts!
  count.kept -= changes
  count.lost += changes
  return changes
}

/** Everything beside the database but its backups and what only a running program needs. */
function copyFiles(source: string, target: string): void {
  for (const name of readdirSync(source)) {
    if (/^workspace\./.test(name) || name === 'backups' || name.startsWith('.')) continue
    cpSync(join(source, name), join(target, name), { recursive: true, filter: (path) => !/[\\/]\.unfinished-[^\\/]*$/.test(path) })
  }
  mkdirSync(join(target, CHECKPOINTS), { recursive: true })
}

function dropMissingCheckpoints(db: Connection, target: string): number {
  const remove = db.prepare('DELETE FROM checkpoints WHERE id = ?')
  const missing = db
    .prepare<unknown[], { id: number; content_id: string }>('SELECT id, content_id FROM checkpoints')
    .all()
    .filter(({ content_id }) => !existsSync(join(target, CHECKPOINTS, content_id)))
  for (const { id } of missing) remove.run(id)
  return missing.length
}
