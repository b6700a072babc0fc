// A write-ahead log that was cut anywhere, or changed anywhere, as by a power cut on a disk that lies: what is opened is whole, holds the first
// so many steps and nothing of any other, and goes on recording.
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { expect, it } from 'vitest'
import { openStore } from '../../src-main/store/openStore.ts'
import { newStore, rolloutOf, startedRun, stepOf, temporaryFolder } from './records.ts'

const STEPS = 12
const SAMPLES = 3

/** A workspace as a killed process leaves it, its last steps in the log alone. */
function killedWorkspace(): { readonly database: string; readonly log: Buffer; readonly record: (folder: string, step: number) => void } {
  const store = newStore()
  const { run, problemId } = startedRun(store)
  const recordInto = (into: Pick<typeof store, 'steps'>, step: number): void =>
    void into.steps.record({
      step: stepOf(run.id, step),
      rollouts: Array.from({ length: SAMPLES }, (_, sample) => rolloutOf(problemId, { sample, text: `step ${step} sample ${sample}` })),
      events: [],
    })
  store.compact()
  for (let step = 0; step < STEPS; step++) recordInto(store, step)
  const folder = temporaryFolder()
  for (const name of ['workspace.db', 'workspace.db-wal', 'workspace.owner.json'])
    copyFileSync(join(store.folder, name), join(folder, name))
  return {
    database: folder,
    log: readFileSync(join(folder, 'workspace.db-wal')),
    record(into, step) {
      const opened = openStore(into)
      recordInto(opened, step)
      opened.close()
    },
  }
}

it('leaves whole steps only, however much of the log is left and whatever was changed in it', () => {
  const { database, log, record } = killedWorkspace()
  expect(log.length).toBeGreaterThan(100_000)
  const changed = (at: number): Buffer => {
    const copy = Buffer.from(log)
    copy[at]! ^= 0x40
    return copy
  }
  const even = Array.from({ length: 24 }, (_, part) => Math.floor((log.length * part) / 24))
  const logs = [
    ...[1, 31, 32, 33, 56, 57, log.length - 1, ...even].map((length) => log.subarray(0, length)),
    ...[3, 20, 40, ...even.map((at) => at + 300)].map((at) => changed(Math.min(at, log.length - 1))),
  ]
  const counts = logs.map((left, at) => {
    const folder = join(temporaryFolder(), `cut-${at}`)
    mkdirSync(folder)
    for (const name of ['workspace.db', 'workspace.owner.json']) copyFileSync(join(database, name), join(folder, name))
    writeFileSync(join(folder, 'workspace.db-wal'), left)
    const store = openStore(folder)
    expect(store.recovery).not.toBeNull()
    store.close()
    const db = new Database(join(folder, 'workspace.db'))
    expect([db.pragma('integrity_check', { simple: true }), db.pragma('foreign_key_check')]).toEqual(['ok', []])
    const [steps, rollouts, found] = [
      'SELECT count(*) FROM steps',
      'SELECT count(*) FROM rollouts',
      `SELECT count(*) FROM rollout_text WHERE rollout_text MATCH 'sample'`,
    ].map((sql) => db.prepare<unknown[], number>(sql).pluck().get()!) as [number, number, number]
    expect(db.prepare('SELECT step FROM steps ORDER BY step').pluck().all()).toEqual(Array.from({ length: steps }, (_, step) => step))
    expect([rollouts, found]).toEqual([steps * SAMPLES, steps * SAMPLES])
    db.close()
    record(folder, steps)
    return steps
  })
  // The cuts do tell: some keep nothing of the log, some nearly all.
  expect(Math.min(...counts)).toBe(0)
  expect(Math.max(...counts)).toBeGreaterThanOrEqual(STEPS - 1)
  expect(new Set(counts).size).toBeGreaterThan(6)
})
