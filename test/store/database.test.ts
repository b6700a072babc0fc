// What is on the disk when a call returns: which bytes were waited for and in which order, and how SQLite was told to commit.

import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { join, relative } from 'node:path'
import Database from 'better-sqlite3'
import { describe, expect, it, onTestFinished } from 'vitest'
import { complaintAbout } from '../../src-main/store/check.ts'
import { atomically, connect, settleFile } from '../../src-main/store/database.ts'
import { openStore as openAgain } from '../../src-main/store/openStore.ts'
import { salvage } from '../../src-main/store/salvage.ts'
import { newCheckpoint, newModel, newRun, newStore, startedRun, temporaryFolder } from './records.ts'

/** Writes down, by their place in `folder`, what is waited for to be on the disk and what gets its name; until the test ends. */
function disk(folder: string): string[] {
  const told: string[] = []
  const real = { openSync: fs.openSync, closeSync: fs.closeSync, fsyncSync: fs.fsyncSync, renameSync: fs.renameSync }
  const set = (functions: Partial<typeof fs>): void => {
    Object.assign(fs, functions)
    syncBuiltinESMExports()
  }
  onTestFinished(() => set(real))
  const opened = new Map<number, string>()
  const place = (path: fs.PathLike): string => relative(folder, String(path)) || '.'
  set({
    openSync(path, flags, mode) {
      const handle = real.openSync(path, flags, mode)
      opened.set(handle, place(path))
      return handle
    },
    closeSync(handle) {
      real.closeSync(handle)
      opened.delete(handle)
    },
    fsyncSync(handle) {
      real.fsyncSync(handle)
      told.push(`sync ${opened.get(handle)}`)
    },
    renameSync(from, to) {
      real.renameSync(from, to)
      told.push(`rename ${place(to)}`, ...[...opened.values()].map((path) => `open ${path}`))
    },
  })
  return told
}
/** Windows waits for the names in a folder by itself. */
const syncFolder = (place: string): string[] => (process.platform === 'win32' ? [] : [`sync ${place}`])

describe('a file that must be there after a power cut', () => {
  it('is on the disk before it gets its name, and its name is when the call returns', () => {
    const folder = temporaryFolder()
    fs.writeFileSync(join(folder, 'half'), 'whole by now')
    const told = disk(folder)
    settleFile(join(folder, 'half'), join(folder, 'whole'))
    expect(told).toEqual(['sync half', 'rename whole', ...syncFolder('.')])
    expect(fs.readFileSync(join(folder, 'whole'), 'utf8')).toBe('whole by now')
  })

  it('of a merged workspace is waited for like that, file by file', async () => {
    const from = newStore()
    const { run } = startedRun(from)
    from.checkpoints.add(newCheckpoint(run.id, 'c1'))
    from.models.add(newModel('models/one.gguf', 'sha'))
    for (const name of ['checkpoints/c1/deep/state', 'checkpoints/c1/weights', 'models/one.gguf']) {
      fs.mkdirSync(join(from.folder, name, '..'), { recursive: true })
      fs.writeFileSync(join(from.folder, name), name)
    }
    const into = newStore()
    const told = disk(into.folder)
    await into.others.merge(from.folder, { uids: null, now: () => 1 })
    expect(told.map((each) => each.replaceAll('\\', '/')).sort()).toEqual(
      [
        'sync checkpoints/c1.unfinished/deep/state',
        'sync checkpoints/c1.unfinished/weights',
        'rename checkpoints/c1',
        ...syncFolder('checkpoints'),
        'sync models/one.gguf.unfinished',
        'rename models/one.gguf',
        ...syncFolder('models'),
      ].sort(),
    )
  })
})

describe('a commit', () => {
  /** What `PRAGMA synchronous` answers. */
  const [NORMAL, FULL] = [1, 2]

  it('waits for the disk where it must be durable, and where it must be quick it does not', () => {
    const db = connect(join(temporaryFolder(), 'a.db'), {})
    onTestFinished(() => void db.close())
    const synchronous = (): unknown => db.pragma('synchronous', { simple: true })
    for (const [durability, expected] of [
      ['durable', FULL],
      ['quick', NORMAL],
      ['durable', FULL],
    ] as const)
      expect(atomically(db, durability, synchronous)).toBe(expected)
  })

  it('inside another is part of that one, whichever way it asks for', () => {
    const db = connect(join(temporaryFolder(), 'a.db'), {})
    onTestFinished(() => void db.close())
    db.exec('CREATE TABLE words (word TEXT)')
    const add = (word: string) => (): unknown => db.prepare('INSERT INTO words VALUES (?)').run(word)
    const all = (): unknown => db.prepare('SELECT word FROM words').pluck().all()
    expect(() =>
      atomically(db, 'quick', () => {
        atomically(db, 'durable', add('inner'))
        throw new Error('undone')
      }),
    ).toThrow('undone')
    expect(all()).toEqual([])
    atomically(db, 'quick', () => atomically(db, 'durable', add('kept')))
    expect([all(), db.pragma('synchronous', { simple: true })]).toEqual([['kept'], NORMAL])
  })
})

describe.skipIf(process.platform !== 'linux')('files of a workspace', () => {
  /** Files under `folder` that this process has open. */
  const openIn = (folder: string): string[] =>
    fs.readdirSync('/proc/self/fd').flatMap((handle) => {
      try {
        const path = fs.readlinkSync(join('/proc/self/fd', handle))
        return path.startsWith(folder) ? [relative(folder, path)] : []
      } catch {
        return []
      }
    })

  it('are closed with it, whoever else had tried to write or looked at it meanwhile', async () => {
    const writer = newStore()
    writer.runs.add(newRun())
    expect(openIn(writer.folder)).toContain('workspace.db')
    const [reader, other] = [openAgain(writer.folder), newStore()]
    expect(reader.access.mode).toBe('read')
    other.others.inspect(writer.folder)
    await other.others.merge(writer.folder, { uids: null, now: () => 1 })
    for (const store of [reader, writer, other]) store.close()
    expect([...openIn(writer.folder), ...openIn(other.folder)]).toEqual([])
  })

  it('are closed when it is refused, or when nothing can be read of it', async () => {
    const folder = temporaryFolder()
    const file = join(folder, 'workspace.db')
    const refused = async (work: () => unknown, code: string): Promise<void> => {
      await expect((async () => work())()).rejects.toMatchObject({ code })
      expect(openIn(folder)).toEqual([])
    }
    const into = newStore()
    const tries = async (code: string): Promise<void> => {
      await refused(() => openAgain(folder), code)
      await refused(() => openAgain(folder, { readOnly: true }), code)
      await refused(() => into.others.inspect(folder), code)
    }
    fs.writeFileSync(file, 'not a database, but long enough to look like one '.repeat(40))
    await tries('workspace.corrupt')
    await refused(() => complaintAbout(file), 'workspace.corrupt')
    await refused(() => salvage(folder, join(folder, 'saved')), 'salvage.nothing')
    fs.rmSync(file)
    const db = new Database(file)
    db.exec('CREATE TABLE songs (title TEXT)')
    db.close()
    await tries('workspace.notOne')
    await refused(() => salvage(folder, join(folder, 'again')), 'workspace.notOne')
    expect(complaintAbout(file)).toBeNull()
    expect(openIn(folder)).toEqual([])
  })
})
