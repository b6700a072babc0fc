// The open connection and the two ways to commit. A training step, a checkpoint row and an evaluation are durable: on disk
// before the call returns, so that a power cut cannot take them. Everything else is quick: consistent after a power cut, but
// possibly without the last moments. Both survive the death of the process whole.

import { closeSync, fsyncSync, openSync, renameSync } from 'node:fs'
import { dirname } from 'node:path'
import Database from 'better-sqlite3'

export type Connection = Database.Database
export type Durability = 'durable' | 'quick'

const SYNCHRONOUS: Record<Durability, string> = { durable: 'FULL', quick: 'NORMAL' }

/** Opens a file, or a `file:` address with parameters, which SQLite understands only if told so before it is first loaded. */
export function connect(file: string, options: Database.Options): Connection {
  process.env.SQLITE_USE_URI = '1'
  return new Database(file, options)
}

/** Puts `unfinished`, whose content is complete, where `path` says, so that a power cut leaves all of it or what was there before. */
export function settleFile(unfinished: string, path: string): void {
  syncFile(unfinished)
  renameSync(unfinished, path)
  syncFolder(dirname(path))
}

/** Its content is on the disk when this returns. */
export function syncFile(path: string): void {
  syncThrough(path, 'r+')
}

/** The names in it are on the disk when this returns. Windows has no such call and needs none. */
export function syncFolder(path: string): void {
  if (process.platform !== 'win32') syncThrough(path, 'r')
}

function syncThrough(path: string, flags: string): void {
  const handle = openSync(path, flags)
  try {
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
}

/** Runs `work` in one transaction, or inside the one already open; what it throws undoes all of it. */
export function atomically<T>(db: Connection, durability: Durability, work: () => T): T {
  if (db.inTransaction) return work()
  db.pragma(`synchronous = ${SYNCHRONOUS[durability]}`)
  return db.transaction(work).immediate()
}
