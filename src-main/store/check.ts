// Is the database whole? What only repeats what tables hold (indexes, the text index) and pages that nothing uses are made again; damage to
// anything recorded is refused, and nothing is changed. Checking reads the whole file, about 5 s a gigabyte.

import { LabError } from '../../src-preload/contract.ts'
import { connect, type Connection } from './database.ts'
import { explain } from './errors.ts'

const TEXT_INDEX = 'rollout_text'
/** After them the text index merges its pieces; see the first migration. */
const TEXT_INDEX_SETTINGS = `INSERT INTO rollout_text (rollout_text, rank) VALUES ('automerge', 16)`
const MOST_COMPLAINTS = 1000

interface Damage {
  /** The first thing wrong with what was recorded; null where nothing is. */
  readonly loss: string | null
  /** Indexes to be made again. */
  readonly indexes: readonly string[]
  readonly textIndex: boolean
  /** Pages that nothing uses. */
  readonly unused: boolean
}

const INTACT: Damage = { loss: null, indexes: [], textIndex: false, unused: false }

/** A value of which an index takes a part, and which has none: the row is whole, lists leave it out and name it. */
const isBadValue = (error: unknown): boolean => /malformed JSON/.test((error as Error).message)

/** The check stops at such a value, so each table is checked on its own, and one that holds it by reading all of it. Only a whole check complains of it. */
function* besidesBadValues(db: Connection, ask: (table: string) => void, pragma: string): Generator<string> {
  const tables = db
    .prepare<unknown[], string>(`SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite_%'`)
    .pluck()
    .all()
  for (const table of tables)
    try {
      ask(table)
    } catch (error) {
      if (!isBadValue(error)) throw error
      const columns = (db.pragma(`table_info(${table})`) as { name: string }[]).map(({ name }) => `length(${name})`)
      for (const row of db.prepare(`SELECT ${columns.join(', ')} FROM ${table} NOT INDEXED`).iterate()) void row
      if (pragma === 'integrity_check') yield `malformed JSON in a row of ${table}`
    }
}

/** What a check says, sorted by what it is about. */
function damageOf(db: Connection, pragma: 'quick_check' | 'integrity_check'): Damage {
  const lines: string[] = []
  const ask = (about: string | number): void => {
    for (const text of db.prepare<unknown[], string>(`PRAGMA ${pragma}(${about})`).pluck().iterate())
      lines.push(...text.split('\n').filter((line) => line !== 'ok' && line !== '' && !line.startsWith('***')))
  }
  try {
    ask(MOST_COMPLAINTS)
  } catch (error) {
    // The check itself may stumble over what it has just complained of.
    if (lines.length === 0 && !isBadValue(error)) throw error
    if (lines.length === 0) lines.push(...besidesBadValues(db, ask, pragma))
  }
  if (lines.length === 0) return INTACT
  const trees = new Map(
    db
      .prepare<unknown[], { rootpage: number; type: string; name: string; sql: string | null }>(
        `SELECT rootpage, type, name, sql FROM sqlite_schema WHERE rootpage > 0`,
      )
      .all()
      .map((each) => [each.rootpage, each]),
  )
  const byName = new Map([...trees.values()].map((each) => [each.name, each]))
  const indexes = new Set<string>()
  let loss: string | null = null
  let textIndex = false
  let unused = false
  for (const line of lines) {
    const tree = /^Tree (\d+) /.exec(line)?.[1]
    const index = /(?:missing from|wrong # of entries in) index (\S+)/.exec(line)?.[1]
    const about = tree !== undefined ? trees.get(Number(tree)) : index !== undefined ? byName.get(index) : undefined
    if (/^Page \d+: never used/.test(line)) unused = true
    else if (/fts5|malformed inverted index/.test(line) || about?.name.startsWith(TEXT_INDEX)) textIndex = true
    else if (about?.type === 'index' && about.sql !== null) indexes.add(about.name)
    else loss ??= line
  }
  return { loss, indexes: [...indexes], textIndex, unused }
}

const corrupt = (file: string, found: string): LabError =>
  new LabError('workspace.corrupt', {
    expected: `an intact database at ${file}`,
    found: `a damaged one (${found})`,
    next: 'Nothing was changed. Save what can be read into a new folder (`mrt salvage`), or restore the newest file of its backups folder.',
  })

/** Makes again what repeats tables, in one transaction that keeps nothing unless all is whole afterwards, and gives what nothing uses back. */
function rebuild(db: Connection, { indexes, textIndex }: Damage, file: string, pragma: 'quick_check' | 'integrity_check'): void {
  const sqlOf = db.prepare<unknown[], string>('SELECT sql FROM sqlite_schema WHERE name = ?').pluck()
  const again = [...indexes, ...(textIndex ? [TEXT_INDEX] : [])].map((name) => sqlOf.get(name)!)
  // A damaged tree cannot be dropped by reading it: it is struck from the list of tables, and its pages go with the rest that nothing uses.
  db.unsafeMode(true)
  try {
    db.transaction(() => {
      db.pragma('writable_schema = ON')
      for (const name of indexes) db.prepare(`DELETE FROM sqlite_schema WHERE type = 'index' AND name = ?`).run(name)
      if (textIndex)
        db.prepare(`DELETE FROM sqlite_schema WHERE type = 'table' AND (name = ? OR name LIKE ? ESCAPE '\\')`).run(
          TEXT_INDEX,
          `${TEXT_INDEX}\\_%`,
        )
      db.pragma('writable_schema = RESET')
      for (const sql of again) db.exec(sql)
      if (textIndex) db.exec(`${TEXT_INDEX_SETTINGS}; INSERT INTO rollout_text (rollout_text) VALUES ('rebuild')`)
      const left = damageOf(db, pragma)
      if (left.loss !== null || left.indexes.length > 0 || left.textIndex)
        throw corrupt(file, left.loss ?? 'indexes that cannot be made again')
    }).immediate()
  } finally {
    db.pragma('writable_schema = RESET')
    db.unsafeMode(false)
  }
  db.exec('VACUUM')
}

export interface Checked {
  readonly ms: number
  /** What was made again, in words; empty where nothing was wrong. */
  readonly rebuilt: readonly string[]
}

/**
 * Checks, and makes again what can be. `whole` also compares every index with its table and takes several times as long. Throws LabError
 * `workspace.corrupt` when anything recorded is damaged.
 */
export function checkDatabase(db: Connection, file: string, { whole = false }: { readonly whole?: boolean } = {}): Checked {
  const startedMs = performance.now()
  const pragma = whole ? 'integrity_check' : 'quick_check'
  const damage = damageOf(db, pragma)
  if (damage.loss !== null) throw corrupt(file, damage.loss)
  const rebuilt = [
    ...damage.indexes.map((name) => `index ${name}`),
    ...(damage.textIndex ? ['text index'] : []),
    ...(damage.unused && damage.indexes.length === 0 && !damage.textIndex ? ['pages that nothing used'] : []),
  ]
  if (rebuilt.length > 0) rebuild(db, damage, file, pragma)
  return { ms: performance.now() - startedMs, rebuilt }
}

/** What a whole check finds wrong with the database in `file`, which is only read; null where it is intact. Throws LabError about a file that cannot be read. */
export function complaintAbout(file: string): string | null {
  let db: Connection | null = null
  try {
    db = connect(file, { readonly: true })
    const { loss, indexes, textIndex, unused } = damageOf(db, 'integrity_check')
    return (
      loss ??
      (indexes.length > 0 ? `index ${indexes.join(', ')}` : textIndex ? 'the text index' : unused ? 'pages that nothing uses' : null)
    )
  } catch (error) {
    throw explain(error, file)
  } finally {
    db?.close()
  }
}
