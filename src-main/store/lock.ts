// One writer per workspace. The lock is an exclusive SQLite transaction held open on an empty file of its own: the operating
// system drops it when the process dies, however it dies, so there is no stale lock to guess about. Beside it lies a note of
// who holds it, for the message to the second process; a note left behind by nobody means the last exit was not clean.

import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { workspaceOwner, type WorkspaceOwner } from '../../src-preload/contract.ts'
import { connect, type Connection } from './database.ts'

const LOCK = 'workspace.lock'
const NOTE = 'workspace.owner.json'

export interface WriterLock {
  readonly held: true
  /** Who held it when the last exit was not clean; null after a clean one. */
  readonly previous: WorkspaceOwner | null
  readonly unclean: boolean
  /** Not `clean` leaves the note, so that the next writer checks the database again. */
  release(how: { readonly clean: boolean }): void
}

export interface NoLock {
  readonly held: false
  readonly reason: 'locked' | 'folder'
  readonly owner: WorkspaceOwner | null
}

/** The note as it lies in the folder: `found` false when there is none, `owner` null when it cannot be read. */
function readNote(folder: string): { found: boolean; owner: WorkspaceOwner | null } {
  let text: string
  try {
    text = readFileSync(join(folder, NOTE), 'utf8')
  } catch {
    return { found: false, owner: null }
  }
  try {
    return { found: true, owner: workspaceOwner.parse(JSON.parse(text)) }
  } catch {
    return { found: true, owner: null }
  }
}

function writeNote(folder: string, owner: WorkspaceOwner): void {
  const temporary = join(folder, `${NOTE}.${owner.pid}`)
  writeFileSync(temporary, JSON.stringify(owner))
  renameSync(temporary, join(folder, NOTE))
}

/** Takes the writer's lock of `folder`, or says why not: another process has it, or the folder cannot be written. */
export function takeLock(folder: string, owner: WorkspaceOwner): WriterLock | NoLock {
  let lock: Connection | null = null
  try {
    lock = connect(join(folder, LOCK), { timeout: 0 })
    lock.exec('BEGIN EXCLUSIVE')
    const note = readNote(folder)
    writeNote(folder, owner)
    const held = lock
    return {
      held: true,
      previous: note.owner,
      unclean: note.found,
      release({ clean }) {
        if (clean) rmSync(join(folder, NOTE), { force: true })
        held.close()
      },
    }
  } catch (error) {
    lock?.close()
    const code = (error as { code?: unknown }).code
    if (code === 'SQLITE_BUSY') return { held: false, reason: 'locked', owner: readNote(folder).owner }
    if (REFUSED.has(String(code))) return { held: false, reason: 'folder', owner: null }
    throw error
  }
}

/** What SQLite and Node say when the folder or a file in it cannot be written. */
const REFUSED = new Set(['SQLITE_CANTOPEN', 'SQLITE_READONLY', 'SQLITE_READONLY_DIRECTORY', 'SQLITE_PERM', 'EACCES', 'EPERM', 'EROFS'])
