// The open connection and the two ways to commit. A training step, a checkpoint row and an evaluation are durable: on disk
// before the call returns, so that a power cut cannot take them. Everything else is quick: consistent after a power cut, but
// possibly without the last moments. Both survive the death of the process whole.

import Database from 'better-sqlite3'

export type Connection = Database.Database
export type Durability = 'durable' | 'quick'

const SYNCHRONOUS: Record<Durability, string> = { durable: 'FULL', quick: 'NORMAL' }

/** Opens a file, or a `file:` address with parameters, which SQLite understands only if told so before it is first loaded. */
export function connect(file: string, options: Database.Options): Connection {
  process.env.SQLITE_USE_URI = '1'
  return new Database(file, options)
}

/** Runs `work` in one transaction, or inside the one already open; what it throws undoes all of it. */
export function atomically<T>(db: Connection, durability: Durability, work: () => T): T {
  if (db.inTransaction) return work()
  db.pragma(`synchronous = ${SYNCHRONOUS[durability]}`)
  return db.transaction(work).immediate()
}
