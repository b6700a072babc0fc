// The schema as numbered steps: `migrations/0001-....sql` and on, discovered by number and applied in order, each in its own
// transaction. A workspace with data is copied first, and the last few copies are kept. The SQL files must lie beside this
// module (or its bundle). `user_version` holds the number reached, `application_id` marks the file as ours.

import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { LabError } from '../../src-preload/contract.ts'
import type { Connection } from './database.ts'
import { settleFile } from './database.ts'

/** 'MRTW' */
const APPLICATION_ID = 0x4d525457
const BACKUPS_KEPT = 3

export const MIGRATIONS = fileURLToPath(new URL('./migrations', import.meta.url))
export const BACKUPS = 'backups'

export interface Migration {
  readonly number: number
  readonly path: string
}

/** Migrations of a folder, checked to be 1, 2, 3, ... without gaps. */
export function findMigrations(folder: string): readonly Migration[] {
  const found = readdirSync(folder)
    .filter((file) => /^\d{4}-[\w-]+\.sql$/.test(file))
    .sort()
    .map((file) => ({ number: Number(file.slice(0, 4)), path: join(folder, file) }))
  const wrong = found.findIndex((migration, index) => migration.number !== index + 1)
  if (found.length === 0 || wrong !== -1)
    throw new Error(`migrations in ${folder} are numbered ${found.map((each) => each.number).join(', ')}, not 1, 2, 3, ...`)
  return found
}

const numberPragma = (db: Connection, pragma: string): number => db.pragma(pragma, { simple: true }) as number

/** True for a database without a single table: one that was never finished being created. */
export const isBlank = (db: Connection): boolean => db.prepare('SELECT count(*) FROM sqlite_schema').pluck().get() === 0

/** The schema number of an existing workspace. Throws LabError when the file is another program's, or newer than we know. */
export function checkSchema(db: Connection, migrations: readonly Migration[], file: string): number {
  const schema = numberPragma(db, 'user_version')
  if (numberPragma(db, 'application_id') !== APPLICATION_ID)
    throw new LabError('workspace.notOne', {
      expected: `an MRT workspace at ${file}`,
      found: 'a SQLite database of another program',
      next: 'Nothing was changed. Choose another folder, or make a new workspace in an empty one.',
    })
  if (schema > migrations.length)
    throw new LabError('workspace.newer', {
      expected: `a workspace of schema ${migrations.length} or older`,
      found: `schema ${schema}, written by a newer version of this program`,
      next: 'Nothing was changed. Open it with that version, or update this one.',
    })
  return schema
}

/** Copies the database to `backups/`, complete and synced before it gets its name, and drops all but the newest few copies. */
function backUp(db: Connection, folder: string, schema: number, nowMs: number): void {
  const backups = join(folder, BACKUPS)
  mkdirSync(backups, { recursive: true })
  const temporary = join(backups, 'unfinished.db')
  rmSync(temporary, { force: true })
  db.prepare('VACUUM INTO ?').run(temporary)
  const stamp = new Date(nowMs).toISOString().replaceAll(/[:.]/g, '-')
  settleFile(temporary, join(backups, `${stamp}-schema-${schema}.db`))
  const copies = readdirSync(backups)
    .filter((file) => /-schema-\d+\.db$/.test(file))
    .sort()
  for (const old of copies.slice(0, -BACKUPS_KEPT)) rmSync(join(backups, old))
}

/** Marks a database as ours, at this schema. */
export function markSchema(db: Connection, schema: number): void {
  db.pragma(`application_id = ${APPLICATION_ID}`)
  db.pragma(`user_version = ${schema}`)
}

/** Brings the database from schema `from` (0 when blank) to the newest. A failed step leaves the schema it started from. */
export function migrate(db: Connection, folder: string, from: number, migrations: readonly Migration[], nowMs: number): void {
  if (from === migrations.length) return
  if (from > 0) backUp(db, folder, from, nowMs)
  // Rebuilding a table would otherwise delete what refers to it; references are checked before each commit instead.
  db.pragma('foreign_keys = OFF')
  for (const migration of migrations.slice(from))
    db.transaction(() => {
      db.exec(readFileSync(migration.path, 'utf8'))
      const broken = db.pragma('foreign_key_check') as unknown[]
      if (broken.length > 0) throw new Error(`migration ${migration.number} breaks ${broken.length} references`)
      markSchema(db, migration.number)
    }).immediate()
  db.pragma('foreign_keys = ON')
}
