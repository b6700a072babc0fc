// Opening a workspace: made, found again, refused when it is not ours or too new or damaged, shared between one writer and
// readers, brought up to date with a backup, and checked after an exit that was not clean.

import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import {
  chmodSync,
  chownSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
  closeSync,
  statSync,
  symlinkSync,
  utimesSync,
} from 'node:fs'
import { join, resolve } from 'node:path'
import Database from 'better-sqlite3'
import { describe, expect, it, onTestFinished } from 'vitest'
import { MIGRATIONS } from '../../src-main/store/schema.ts'
import { openStore, type OpenOptions } from '../../src-main/store/openStore.ts'
import { LabError } from '../../src-preload/contract.ts'
import { newEvaluation, newRun, newStore, rolloutOf, startedRun, stepOf, temporaryFolder, thrownBy } from './records.ts'

const helper = (name: string): string => resolve(import.meta.dirname, name)
/** The schema of this version. */
const NEWEST = readdirSync(MIGRATIONS).length
const codeOf = (work: () => unknown): string | undefined => thrownBy(work).code

function reopened(folder: string, options: OpenOptions = {}): ReturnType<typeof openStore> {
  const store = openStore(folder, options)
  onTestFinished(() => store.close())
  return store
}

/** Hashes of the files under `folder`, to show that nothing was touched; what SQLite lays beside a database while it is open is left out. */
const contents = (folder: string): Map<string, string> =>
  new Map(
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && !/-(wal|shm)$|\.lock$/.test(entry.name))
      .map((entry) => {
        const path = join(entry.parentPath, entry.name)
        return [path, createHash('sha256').update(readFileSync(path)).digest('hex')]
      }),
  )

/** A closed workspace with one recorded step. */
function closedWorkspace(): string {
  const store = newStore()
  const { run, problemId } = startedRun(store)
  store.steps.record({ step: stepOf(run.id, 0), rollouts: [rolloutOf(problemId)], events: [] })
  store.runs.setStatus(run.id, 'finished', 50)
  store.close()
  return store.folder
}

describe('a new workspace', () => {
  it('is made in a missing folder, closed clean, and found again', () => {
    const folder = join(temporaryFolder(), 'deep', 'lab')
    const store = openStore(folder, { create: true, now: () => 77 })
    const { uid } = store.workspace()
    expect(store.workspace()).toMatchObject({
      folder,
      schema: NEWEST,
      createdAtMs: 77,
      access: { mode: 'write' },
      recovery: null,
      migratedFrom: null,
    })
    store.close()
    expect(readdirSync(folder).sort()).toEqual(['checkpoints', 'workspace.checked', 'workspace.db', 'workspace.lock'])
    expect(reopened(folder).workspace()).toMatchObject({ uid, createdAtMs: 77, recovery: null })
    expect(existsSync(join(folder, 'backups'))).toBe(false)
  })

  it('is not made unless asked for', () => {
    const folder = temporaryFolder()
    expect(codeOf(() => openStore(join(folder, 'nothing')))).toBe('workspace.missing')
    expect(thrownBy(() => openStore(folder))).toMatchObject({ code: 'workspace.notOne', found: 'an empty folder' })
    expect(codeOf(() => openStore(folder, { readOnly: true, create: true }))).toBe('workspace.notOne')
    expect(readdirSync(folder)).toEqual([])
  })

  it('is not made among other files', () => {
    const folder = temporaryFolder()
    writeFileSync(join(folder, 'thesis.tex'), 'work')
    expect(thrownBy(() => openStore(folder, { create: true }))).toMatchObject({
      code: 'workspace.notOne',
      found: expect.stringContaining('thesis.tex'),
    })
    expect(readdirSync(folder)).toEqual(['thesis.tex'])
  })

  it('whose making was cut short is made again', () => {
    const folder = temporaryFolder()
    writeFileSync(join(folder, 'workspace.db'), '')
    expect(reopened(folder, { create: true }).workspace().schema).toBe(NEWEST)
  })
})

describe('what is not an intact workspace is refused and left as it is', () => {
  const refused = (folder: string, options: OpenOptions, code: string): void => {
    const before = contents(folder)
    for (const readOnly of [false, true]) expect(codeOf(() => openStore(folder, { ...options, readOnly }))).toBe(code)
    expect(contents(folder)).toEqual(before)
  }

  it('a file that is no database', () => {
    const folder = temporaryFolder()
    writeFileSync(join(folder, 'workspace.db'), 'not a database, but long enough to look like one '.repeat(40))
    refused(folder, {}, 'workspace.corrupt')
  })

  it('a database of another program', () => {
    const folder = temporaryFolder()
    const other = new Database(join(folder, 'workspace.db'))
    other.exec('CREATE TABLE songs (title TEXT)')
    other.close()
    refused(folder, { create: true }, 'workspace.notOne')
  })

  it('a newer schema', () => {
    const folder = closedWorkspace()
    const db = new Database(join(folder, 'workspace.db'))
    db.pragma('user_version = 99')
    db.close()
    refused(folder, {}, 'workspace.newer')
  })

  it('a database emptied beside checkpoints, which would otherwise be mistaken for a new one', () => {
    const folder = closedWorkspace()
    mkdirSync(join(folder, 'checkpoints', 'a'.repeat(32)))
    writeFileSync(join(folder, 'workspace.db'), '')
    expect(thrownBy(() => openStore(folder, { create: true }))).toMatchObject({ code: 'workspace.corrupt', found: 'an empty one' })
    expect(statSync(join(folder, 'workspace.db')).size).toBe(0)
  })

  it('damaged pages, found on the check after an unclean exit, and again on the next try', () => {
    const folder = closedWorkspace()
    damagePages(join(folder, 'workspace.db'))
    writeFileSync(join(folder, 'workspace.owner.json'), '{}')
    for (let attempt = 0; attempt < 2; attempt++) expect(codeOf(() => openStore(folder))).toBe('workspace.corrupt')
  })

  it('damaged pages met while reading are explained, not passed on raw', () => {
    const folder = closedWorkspace()
    damagePages(join(folder, 'workspace.db'))
    const errors = [
      () => reopened(folder).rollouts.detail(1),
      () => reopened(folder).runs.list(),
      () => reopened(folder).evaluations.list(),
    ].map((work) => {
      try {
        work()
        return null
      } catch (error) {
        return error
      }
    })
    expect(errors.some((error) => error instanceof LabError && error.code === 'workspace.corrupt')).toBe(true)
  })
})

/** Overwrites every page but the first (the schema) with noise. */
function damagePages(file: string): void {
  const handle = openSync(file, 'r+')
  for (let at = 8192; at < statSync(file).size; at += 4096) writeSync(handle, Buffer.alloc(2048, 0x5a), 0, 2048, at)
  closeSync(handle)
}

describe('a row that cannot be read', () => {
  it('stands in the list as a failed run that names itself, beside all others; asked for alone, it is a coded error', () => {
    const store = newStore()
    const [broken, whole] = [store.runs.add(newRun()), store.runs.add(newRun())]
    store.close()
    const db = new Database(join(store.folder, 'workspace.db'))
    db.prepare(`UPDATE runs SET config = '{"name": ' WHERE id = ?`).run(broken.id)
    db.close()
    const again = reopened(store.folder)
    expect(again.runs.list().map(({ run }) => [run.id, run.status, run.error?.code ?? null])).toEqual([
      [broken.id, 'failed', 'workspace.badRow'],
      [whole.id, 'queued', null],
    ])
    expect(again.runs.list()[0]!.run.error!.expected).toContain(`row ${broken.id}`)
    expect(codeOf(() => again.runs.get(broken.id))).toBe('workspace.badRow')
    expect(again.runs.get(whole.id)!.status).toBe('queued')
  })

  it('is left out of what is shown, told of once however often it is met, and named for as long as the workspace is open', () => {
    const store = newStore()
    const { problemId } = startedRun(store)
    const ids = store.rollouts.add(
      { runId: 1, evaluationId: null, phase: 'imported', step: 0 },
      [0, 1, 2].map((sample) => rolloutOf(problemId, { sample })),
    )
    store.close()
    const spoil = (which: string): void => {
      const db = new Database(join(store.folder, 'workspace.db'))
      db.prepare(`UPDATE rollouts SET reward_parts = 'spoilt' WHERE ${which}`).run()
      db.close()
    }
    spoil(`id = ${ids[1]}`)
    const told: string[] = []
    const again = reopened(store.folder, { onUnreadable: ({ expected }) => told.push(expected) })
    for (let time = 0; time < 2; time++) expect(again.shown.rollouts.group({ runId: 1 }).map(({ id }) => id)).toEqual([ids[0], ids[2]])
    expect(told).toEqual([`a readable reward parts in row ${ids[1]} of rollouts`])
    expect(again.workspace().unreadable.map(({ expected }) => expected)).toEqual(told)
    expect(codeOf(() => again.rollouts.group({ runId: 1 }))).toBe('workspace.badRow')
    spoil(`id = ${ids[2]}`)
    expect(again.shown.rollouts.group({ runId: 1 }).map(({ id }) => id)).toEqual([ids[0]])
    expect(told).toHaveLength(2)
    expect(again.shown).toBe(again.shown)
  })

  it('is named one by one a hundred times; beyond that the file is damaged and the list stays short', () => {
    const store = newStore()
    const { run, problemId } = startedRun(store)
    const many = Array.from({ length: 105 }, (_, sample) => rolloutOf(problemId, { sample, episodes: [], progress: [] }))
    store.rollouts.add({ runId: run.id, evaluationId: null, phase: 'imported', step: 0 }, many)
    store.close()
    const db = new Database(join(store.folder, 'workspace.db'))
    db.exec(`UPDATE rollouts SET reward_parts = '[]'`)
    db.close()
    let told = 0
    const again = reopened(store.folder, { onUnreadable: () => told++ })
    expect(again.shown.rollouts.group({ runId: run.id })).toEqual([])
    expect([told, again.workspace().unreadable.length]).toEqual([100, 100])
  })
})

describe('one writer', () => {
  it('a second opener reads, is told who writes, and cannot write', () => {
    const store = newStore({ program: 'the first window' })
    const { run, problemId } = startedRun(store)
    const second = reopened(store.folder)
    expect(second.access).toMatchObject({ mode: 'read', reason: 'locked', owner: { pid: process.pid, program: 'the first window' } })
    store.steps.record({ step: stepOf(run.id, 0), rollouts: [rolloutOf(problemId)], events: [] })
    expect(second.runs.get(run.id)!.lastStep).toBe(0)
    expect(second.rollouts.search({ text: 'wait' }, 0, 10)).toHaveLength(1)
    for (const write of [
      () => second.runs.add(newRun()),
      () => second.steps.record({ step: stepOf(run.id, 1), rollouts: [], events: [] }),
      () => second.settings.set('a', 1),
      () => second.atomically('quick', () => second.settings.set('a', 1)),
    ])
      expect(codeOf(write)).toBe('workspace.readOnly')
    second.leave([run.id])
    expect(store.settings.all()).toEqual({})
  })

  it('closed once more leaves the next writer its note, and closes also where somebody took its own note away', () => {
    const first = newStore()
    const note = join(first.folder, 'workspace.owner.json')
    first.close()
    const next = reopened(first.folder)
    first.close()
    expect(existsSync(note)).toBe(true)
    rmSync(note)
    next.close()
    expect(reopened(first.folder).access).toEqual({ mode: 'write' })
  })

  it('the lock of a killed process is free at once, and its run is marked interrupted', async () => {
    const folder = closedWorkspace()
    const child = spawn(process.execPath, [helper('holdWorkspace.ts'), folder], { stdio: ['ignore', 'pipe', 'inherit'] })
    await once(child.stdout, 'data')
    expect(reopened(folder).access).toMatchObject({ mode: 'read', reason: 'locked', owner: { pid: child.pid } })
    child.kill('SIGKILL')
    await once(child, 'exit')
    const store = reopened(folder, { now: () => 123 })
    expect(store.access).toEqual({ mode: 'write' })
    expect(store.recovery).toMatchObject({
      previousOwner: { pid: child.pid },
      interruptedRuns: [{ runId: 2, name: 'first', lastStep: null }],
    })
    expect(store.runs.get(2)).toMatchObject({ status: 'interrupted', finishedAtMs: 123 })
    expect(store.events.ofRun(2, 'lifecycle', 0, 10)).toMatchObject([{ code: 'run.interrupted', level: 'warn' }])
    store.close()
    expect(reopened(folder).recovery).toBeNull()
  })

  it('asked to read, it reads beside the writer and leaves the lock alone', () => {
    const folder = closedWorkspace()
    const reader = reopened(folder, { readOnly: true })
    expect(reader.access).toEqual({ mode: 'read', reason: 'asked', owner: null })
    expect(reopened(folder).access).toEqual({ mode: 'write' })
    expect(reader.runs.list()).toHaveLength(1)
  })

  /** What a process of somebody who may not write to the folder can see and do there. */
  function readByAnother(folder: string) {
    const parent = resolve(folder, '..')
    for (const path of [parent, folder, join(folder, 'workspace.db')]) chmodSync(path, path === parent ? 0o755 : 0o555)
    const asRoot = process.getuid?.() === 0
    if (asRoot) chownSync(parent, 65534, 65534)
    onTestFinished(() => chmodSync(folder, 0o755))
    return spawnSync(process.execPath, [helper('readWorkspace.ts'), folder], {
      encoding: 'utf8',
      ...(asRoot ? { uid: 65534, gid: 65534 } : {}),
    })
  }

  it('a folder that cannot be written is read where it lies', () => {
    const folder = closedWorkspace()
    rmSync(join(folder, 'workspace.lock'))
    const answer = readByAnother(folder)
    expect(answer.stderr).toBe('')
    expect(JSON.parse(answer.stdout)).toEqual({
      access: { mode: 'read', reason: 'folder', owner: null },
      runs: 1,
      found: 1,
      write: 'workspace.readOnly',
    })
  })

  it('a folder that cannot be written is refused while its newest records are in the log alone', () => {
    const writer = reopened(closedWorkspace())
    writer.settings.set('page', 'newest')
    const folder = join(temporaryFolder(), 'lab')
    mkdirSync(folder)
    for (const name of ['workspace.db', 'workspace.db-wal']) copyFileSync(join(writer.folder, name), join(folder, name))
    const answer = readByAnother(folder)
    expect([answer.status, answer.stdout]).toEqual([1, ''])
    expect(answer.stderr).toMatch(/workspace\.(cannotOpen|readOnly)/)
  })
})

describe('bringing the schema up to date', () => {
  /** The program's migrations and then these. */
  function migrationsWith(...more: string[]): string {
    const folder = temporaryFolder()
    cpSync(MIGRATIONS, folder, { recursive: true })
    more.forEach((sql, index) => writeFileSync(join(folder, `000${index + NEWEST + 1}-more.sql`), sql))
    return folder
  }

  it('copies the database first, applies each step, and keeps what was there', () => {
    const folder = closedWorkspace()
    const migrations = migrationsWith('ALTER TABLE runs ADD COLUMN study TEXT;', 'CREATE TABLE extras (id INTEGER PRIMARY KEY) STRICT;')
    const store = reopened(folder, { migrations, now: () => Date.UTC(2026, 0, 2) })
    expect(store.workspace()).toMatchObject({ schema: NEWEST + 2, migratedFrom: NEWEST })
    expect(store.runs.list()).toHaveLength(1)
    expect(readdirSync(join(folder, 'backups'))).toEqual([`2026-01-02T00-00-00-000Z-schema-${NEWEST}.db`])
    const backup = new Database(join(folder, 'backups', `2026-01-02T00-00-00-000Z-schema-${NEWEST}.db`), { readonly: true })
    expect([
      backup.pragma('user_version', { simple: true }),
      backup.pragma('quick_check', { simple: true }),
      backup.prepare('SELECT count(*) FROM rollouts').pluck().get(),
    ]).toEqual([NEWEST, 'ok', 1])
    backup.close()
  })

  it('keeps of evaluations with joined curves what is true of either, under its own name, and drops the rest', () => {
    const folder = temporaryFolder()
    const db = new Database(join(folder, 'workspace.db'))
    db.exec(readFileSync(join(MIGRATIONS, '0001-laboratory.sql'), 'utf8'))
    db.exec(`
      PRAGMA application_id = ${0x4d525457}; PRAGMA user_version = 1; PRAGMA foreign_keys = OFF;
      INSERT INTO workspace VALUES (1, 'old', 1);
      INSERT INTO datasets VALUES (1, 'd', 'procedural', '{}', 'null', 'g', '', 1);
      INSERT INTO problems VALUES (1, 1, 'p', 'heldout', 'p', '1', NULL, '{}');
      INSERT INTO evaluations (id, name, dataset_id, split, config, budgets, trained_budget, samples_per_problem, created_at_ms, status, metrics)
      VALUES (1, 'e', 1, 'heldout', '{}', '[12,120,360]', 120, 2, 1, 'finished', '{"accuracy":0.5,"ttc/acc@120":0.6,"ttc/acc@360":0.7,"ttc/regret@360":0.3,"pass@1":0.5,"pass@2":0.6,"maj@2":0.5}');
      INSERT INTO evaluation_points VALUES (1, 'accuracy', 120, 0.6, NULL, NULL, 1, 0), (1, 'accuracy', 360, 0.7, NULL, NULL, 1, 1), (1, 'regret', 120, 0.4, NULL, NULL, 1, 0), (1, 'regret', 360, 0.3, NULL, NULL, 1, 1), (1, 'pass@k', 1, 0.5, NULL, NULL, 1, 0), (1, 'pass@k', 2, 0.6, NULL, NULL, 1, 0);`)
    const bytes = (...values: number[]) => Buffer.from(Float32Array.of(...values).buffer)
    db.prepare('INSERT INTO evaluation_results VALUES (1, 1, 2, 0.5, 40, ?, ?)').run(bytes(0.25, 0.5, 0.75), bytes(0.75, 0.5, 0.25))
    db.close()
    const { evaluations } = reopened(folder)
    expect(evaluations.get(1)).toMatchObject({ budgets: [12, 120], metrics: { accuracy: 0.5, 'ttc/acc@120': 0.6, 'pass@1': 0.5 } })
    expect(Object.keys(evaluations.get(1)!.metrics).sort()).toEqual(['accuracy', 'pass@1', 'ttc/acc@120'])
    expect(evaluations.points(1).map(({ curve, x }) => `${curve} ${x}`)).toEqual([
      'kept 360',
      'natural 120',
      'natural-regret 120',
      'pass@k 1',
    ])
    const none = new Float32Array(0)
    expect(evaluations.results(1)[0]).toMatchObject({
      accuracyAtBudget: Float32Array.of(0.25, 0.5),
      regretAtBudget: Float32Array.of(0.75, 0.5),
      keptAtBudget: none,
      keptWholeAtBudget: none,
      keptRegretAtBudget: none,
    })
  })

  it('a restored backup is a workspace', () => {
    const folder = closedWorkspace()
    reopened(folder, { migrations: migrationsWith('CREATE TABLE extra (id INTEGER) STRICT;') }).close()
    const [backup] = readdirSync(join(folder, 'backups'))
    for (const file of readdirSync(folder).filter((name) => name.startsWith('workspace.db'))) rmSync(join(folder, file))
    copyFileSync(join(folder, 'backups', backup!), join(folder, 'workspace.db'))
    expect(reopened(folder).rollouts.detail(1)!.problem.key).toBe('p0')
  })

  it('a step that fails leaves the schema and the data of before', () => {
    const folder = closedWorkspace()
    const migrations = migrationsWith('ALTER TABLE runs ADD COLUMN study TEXT; DROP TABLE no_such_table;')
    expect(() => openStore(folder, { migrations })).toThrow(/no_such_table/)
    const store = reopened(folder)
    expect(store.workspace().schema).toBe(NEWEST)
    expect(store.runs.list()).toHaveLength(1)
  })

  it('a step that would orphan rows is undone', () => {
    const folder = closedWorkspace()
    expect(() => openStore(folder, { migrations: migrationsWith('DELETE FROM problems;') })).toThrow(/references/)
    expect(reopened(folder).rollouts.detail(1)!.problem.key).toBe('p0')
  })

  it('only the newest three copies are kept, beside what is none of them; one that was cut short goes', () => {
    const folder = closedWorkspace()
    mkdirSync(join(folder, 'backups'))
    for (const name of ['unfinished.db', '0-notes.txt']) writeFileSync(join(folder, 'backups', name), 'half')
    for (const year of [2021, 2022, 2023]) writeFileSync(join(folder, 'backups', `${year}-01-01T00-00-00-000Z-schema-1.db`), '')
    reopened(folder, { migrations: migrationsWith('CREATE TABLE extra (id INTEGER) STRICT;'), now: () => Date.UTC(2026, 0, 2) })
    expect(
      readdirSync(join(folder, 'backups'))
        .sort()
        .map((file) => file.slice(0, 4)),
    ).toEqual(['0-no', '2022', '2023', '2026'])
  })

  it('a reader does not migrate, and says what to do', () => {
    const folder = closedWorkspace()
    expect(codeOf(() => openStore(folder, { readOnly: true, migrations: migrationsWith('CREATE TABLE extra (id INTEGER) STRICT;') }))).toBe(
      'workspace.older',
    )
    expect(existsSync(join(folder, 'backups'))).toBe(false)
  })

  it('migrations with a gap are a mistake of ours', () => {
    const migrations = migrationsWith()
    writeFileSync(join(migrations, `000${NEWEST + 2}-late.sql`), '')
    expect(() => openStore(join(temporaryFolder(), 'lab'), { create: true, migrations })).toThrow(`not 1, 2, 3`)
    expect(() => openStore(join(temporaryFolder(), 'lab'), { create: true, migrations: temporaryFolder() })).toThrow(`not 1, 2, 3`)
  })
})

describe('when something goes wrong while it is open', () => {
  it('a full disk fails the step whole, keeps the ones before, and goes on when there is room', () => {
    const store = newStore({ maxBytes: 1_200_000 })
    const { run, problemId } = startedRun(store)
    const large = (sample: number) => rolloutOf(problemId, { sample, text: 'word '.repeat(2000) })
    let written = 0
    const error = thrownBy(() => {
      for (; written < 1000; written++)
        store.steps.record({ step: stepOf(run.id, written), rollouts: [large(0), large(1), large(2), large(3)], events: [] })
    })
    expect(error).toMatchObject({ code: 'workspace.full' })
    expect(written).toBeGreaterThan(2)
    expect(store.runs.list()[0]).toMatchObject({ rolloutCount: written * 4, run: { lastStep: written - 1 } })
    expect(store.runs.rewind(run.id, 0).steps).toBe(written - 1)
    store.steps.record({ step: stepOf(run.id, 1), rollouts: [large(0)], events: [] })
    store.close()
    expect(reopened(store.folder).runs.get(run.id)!.lastStep).toBe(1)
  })

  it('the size that it may grow to is reached to the page, and not passed', () => {
    // 100 pages and a rest that is none.
    const maxBytes = 100 * 4096 + 4000
    const store = newStore({ maxBytes })
    const error = thrownBy(() => {
      for (let at = 0; at < 1000; at++) store.settings.set(`key ${at}`, 'x'.repeat(3000))
    })
    expect(error.code).toBe('workspace.full')
    store.close()
    expect(statSync(join(store.folder, 'workspace.db')).size).toBe(100 * 4096)
  })

  it('a database locked by another program is busy, not broken', () => {
    const folder = closedWorkspace()
    const intruder = new Database(join(folder, 'workspace.db'))
    intruder.exec('BEGIN IMMEDIATE')
    onTestFinished(() => void intruder.close())
    const store = reopened(folder, { busyMs: 20 })
    expect(codeOf(() => store.runs.add(newRun()))).toBe('workspace.busy')
    intruder.exec('ROLLBACK')
    expect(store.runs.add(newRun()).id).toBe(2)
  })

  it('a damaged text index is no loss: it is made again', () => {
    const folder = closedWorkspace()
    const db = new Database(join(folder, 'workspace.db'))
    db.unsafeMode(true)
    db.exec('DELETE FROM rollout_text_data WHERE id > 10; DELETE FROM rollout_text_idx')
    db.close()
    writeFileSync(join(folder, 'workspace.owner.json'), 'half a note')
    const store = reopened(folder)
    expect(store.recovery).toMatchObject({ previousOwner: null })
    expect(store.rollouts.search({ text: 'wait' }, 0, 10)).toHaveLength(1)
  })

  it('several writes made as one are undone as one', () => {
    const store = newStore()
    expect(() =>
      store.atomically('durable', () => {
        store.runs.add(newRun())
        store.settings.set('a', 1)
        throw new Error('changed my mind')
      }),
    ).toThrow('changed my mind')
    expect(store.runs.list()).toEqual([])
    expect(store.settings.get('a')).toBeNull()
  })

  it('a copy made while open is a whole workspace', async () => {
    const store = newStore()
    const { run, problemId } = startedRun(store)
    store.steps.record({ step: stepOf(run.id, 0), rollouts: [rolloutOf(problemId)], events: [] })
    const target = temporaryFolder()
    const told: number[] = []
    await store.backUpTo(join(target, 'workspace.db'), (fraction) => told.push(fraction))
    expect(readdirSync(target)).toEqual(['workspace.db'])
    expect(told.every((fraction) => fraction >= 0 && fraction <= 1)).toBe(true)
    expect(reopened(target).rollouts.detail(1)!.text).toBe(store.rollouts.detail(1)!.text)
  })

  it('a copy tells how far it is, goes over what an earlier one left half done, and is none where it is ended', async () => {
    const store = newStore()
    // About 1,900 pages of 4,096 bytes.
    for (let at = 0; at < 4; at++) store.settings.set(`key ${at}`, 'x'.repeat(1_900_000))
    const target = temporaryFolder()
    const path = join(target, 'copy.db')
    writeFileSync(`${path}.unfinished`, 'half of another copy')
    const told: number[] = []
    await store.backUpTo(path, (fraction) => told.push(fraction))
    // A thousand of its pages at a time; after the last of them it is there.
    expect([told.length, told[0]]).toEqual([2, 0])
    expect(told[1]).toBeGreaterThan(0.4)
    expect(told[1]).toBeLessThan(0.7)
    const ended = store.backUpTo(join(target, 'other.db'), (fraction) => {
      if (fraction > 0) throw new Error('no more')
    })
    await expect(ended).rejects.toThrow('no more')
    expect(readdirSync(target)).toEqual(['copy.db'])
    const copy = new Database(path, { readonly: true })
    expect(copy.prepare('SELECT count(*) FROM settings').pluck().get()).toBe(4)
    copy.close()
  })

  it('closing twice is closing', () => {
    const store = newStore()
    store.close()
    store.close()
    expect(() => store.runs.list()).toThrow(/not open/)
  })
})

describe('what broken-off saves leave', () => {
  it('goes when the workspace is opened by its one writer, and finished checkpoints and models stay', () => {
    const made = newStore()
    made.close()
    const kept = [
      'checkpoints/.unfinished-old',
      `checkpoints/${'f'.repeat(32)}`,
      'models/.unfinished-12-34',
      `models/${'e'.repeat(32)}`,
    ].map((name) => join(made.folder, name))
    for (const folder of kept) {
      mkdirSync(folder, { recursive: true })
      writeFileSync(join(folder, 'weights.safetensors'), 'half')
    }
    // What is as old as the lock may be of its holder; and of a link that leads nowhere nobody knows how old it is.
    const [atMs, young, nowhere] = [Date.UTC(2040, 0), join(made.folder, '.merging-young'), join(made.folder, 'exports', 'a.unfinished')]
    writeFileSync(young, 'half')
    utimesSync(young, atMs / 1000, atMs / 1000)
    mkdirSync(join(made.folder, 'exports'))
    symlinkSync(join(made.folder, 'nowhere'), nowhere)
    const writer = reopened(made.folder, { now: () => atMs })
    expect(kept.map((folder) => existsSync(folder))).toEqual([false, true, false, true])
    expect([existsSync(young), readdirSync(join(made.folder, 'exports'))]).toEqual([true, ['a.unfinished']])
    // Beside a writer nothing is older than its lock for anybody else.
    mkdirSync(kept[0]!)
    reopened(made.folder, { readOnly: true })
    expect([writer.access.mode, existsSync(kept[0]!)]).toEqual(['write', true])
  })
})

describe('what the next start offers', () => {
  it('is what an orderly end stopped, once, and what still waits for a process that is gone', () => {
    const made = newStore()
    const { run } = startedRun(made)
    made.runs.setStatus(run.id, 'interrupted', 20)
    const waits = made.runs.add(newRun({ name: 'waits' }))
    const cancelled = made.runs.add(newRun({ name: 'cancelled by a person' }))
    made.runs.setStatus(cancelled.id, 'interrupted', 20)
    made.leave([run.id, waits.id])
    made.close()
    const next = openStore(made.folder, { now: () => 2000 })
    expect(next.recovery).toEqual({
      previousOwner: null,
      interruptedRuns: [
        { runId: run.id, name: run.name, lastStep: null },
        { runId: waits.id, name: 'waits', lastStep: null },
      ],
      interruptedEvaluations: [],
      quickCheckMs: 0,
    })
    next.runs.setStatus(waits.id, 'finished', 30)
    next.close()
    expect(reopened(made.folder).recovery).toBeNull()
  })

  it('after a cut are also evaluations of checkpoints whose run had finished; others of a run come again with it', () => {
    const made = newStore()
    const { run, datasetId } = startedRun(made)
    const checkpointId = made.checkpoints.add({
      contentId: 'x',
      runId: run.id,
      step: 2,
      kind: 'full',
      modelId: null,
      bytes: 1,
      resumable: true,
      pinned: false,
      createdAtMs: 1,
    })
    const cut = made.evaluations.add(newEvaluation(datasetId, { runId: run.id, checkpointId, step: 2 }))
    const ofNoRun = made.evaluations.add(newEvaluation(datasetId))
    const whole = made.evaluations.add(newEvaluation(datasetId, { runId: run.id, checkpointId, step: 2 }))
    made.evaluations.finish(whole.id, { status: 'finished', atMs: 9, wallMs: 1, tokens: 1, metrics: {}, points: [] })
    made.runs.setStatus(run.id, 'finished', 50)
    made.close()
    const next = reopened(made.folder, { now: () => 2000 })
    expect(next.evaluations.list().map(({ status, finishedAtMs }) => [status, finishedAtMs])).toEqual([
      ['interrupted', 2000],
      ['interrupted', 2000],
      ['finished', 9],
    ])
    // Nobody was cut off in the middle: it was closed.
    expect([next.recovery, ofNoRun.runId]).toEqual([null, null])
    next.close()
    const again = openStore(made.folder, { now: () => 3000 })
    again.evaluations.add({ ...cut, name: 'again' })
    again.close()
    writeFileSync(join(made.folder, 'workspace.owner.json'), 'half a note')
    expect(reopened(made.folder, { now: () => 4000 }).recovery).toMatchObject({
      interruptedRuns: [],
      interruptedEvaluations: [{ runId: run.id, name: 'first', step: 2, checkpointId, split: 'eval' }],
    })
  })

  it('is not held up by a check where the last one is less than a week ago, by a clock that may go back', () => {
    const [day, made] = [24 * 3_600_000, newStore({ now: () => 100 * 24 * 3_600_000 })]
    made.close()
    const checkedOn = (): number => statSync(join(made.folder, 'workspace.checked')).mtimeMs / day
    expect(checkedOn()).toBe(100)
    for (const [today, checked] of [
      [106, 100],
      [94, 100],
      [107, 100],
      [93, 100],
      [92, 92],
      [100, 100],
    ] as const) {
      reopened(made.folder, { now: () => today * day }).close()
      expect(checkedOn()).toBe(checked)
    }
  })

  it('says how long the check took', () => {
    const made = newStore()
    startedRun(made)
    made.close()
    writeFileSync(join(made.folder, 'workspace.owner.json'), 'half a note')
    const startedMs = performance.now()
    const { quickCheckMs } = reopened(made.folder).recovery!
    expect(quickCheckMs).toBeGreaterThan(0)
    expect(quickCheckMs).toBeLessThan(performance.now() - startedMs)
  })

  it('comes after a check of the database once a week, which refuses a damaged one before anything is read from it', () => {
    const week = 7 * 24 * 3_600_000
    const made = newStore({ now: () => week })
    for (let step = 0; step < 40; step++) made.settings.set(`key ${step}`, 'x'.repeat(4000))
    made.close()
    const path = join(made.folder, 'workspace.db')
    const bytes = readFileSync(path)
    // A page in the middle, its content overwritten.
    const handle = openSync(path, 'r+')
    writeSync(handle, Buffer.alloc(4096, 0x5a), 0, 4096, Math.floor(bytes.length / 4096 / 2) * 4096)
    closeSync(handle)
    expect(codeOf(() => openStore(made.folder, { now: () => 2 * week + 1 }))).toBe('workspace.corrupt')
  })
})
