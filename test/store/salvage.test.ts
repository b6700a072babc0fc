// A database that a disk has damaged: what only repeats the tables is made again, damage to what was recorded is refused, and what can
// still be read goes into a new workspace, counted.

import { createHash } from 'node:crypto'
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { describe, expect, it, onTestFinished } from 'vitest'
import { complaintAbout } from '../../src-main/store/check.ts'
import { openStore } from '../../src-main/store/openStore.ts'
import { salvage } from '../../src-main/store/salvage.ts'
import { LabError } from '../../src-preload/contract.ts'
import { newStore, rolloutOf, startedRun, stepOf, temporaryFolder, thrownBy } from './records.ts'

const STEPS = 40
const PER_STEP = 8

/** A closed workspace of 320 rollouts with long texts, and one checkpoint whose files are there and one whose files are not. */
function recorded(): string {
  const store = newStore()
  const { run, problemId } = startedRun(store)
  for (let step = 0; step < STEPS; step++)
    store.steps.record({
      step: stepOf(run.id, step),
      rollouts: Array.from({ length: PER_STEP }, (_, sample) =>
        rolloutOf(problemId, { sample, text: `wait step ${step} sample ${sample} ${'word '.repeat(100)}` }),
      ),
      events: [],
    })
  for (const contentId of ['a'.repeat(32), 'b'.repeat(32)])
    store.checkpoints.add({
      contentId,
      runId: run.id,
      step: 1,
      kind: 'full',
      modelId: null,
      bytes: 1,
      resumable: true,
      pinned: false,
      createdAtMs: 1,
    })
  mkdirSync(join(store.checkpointsFolder, 'a'.repeat(32)))
  writeFileSync(join(store.checkpointsFolder, 'a'.repeat(32), 'weights'), 'w')
  store.runs.setStatus(run.id, 'finished', 50)
  store.close()
  return store.folder
}

const fileOf = (folder: string): string => join(folder, 'workspace.db')
function asked<T>(folder: string, sql: string): T[] {
  const db = new Database(fileOf(folder), { readonly: true })
  try {
    return db.prepare<unknown[], T>(sql).all()
  } finally {
    db.close()
  }
}
/** Pages of the b-tree of a table or an index, in the order of the file. */
const pagesOf = (folder: string, name: string): number[] =>
  asked<{ pageno: number }>(folder, `SELECT pageno FROM dbstat WHERE name = '${name}' AND pagetype = 'leaf'`).map(({ pageno }) => pageno)
function damage(folder: string, pages: readonly number[]): void {
  const handle = openSync(fileOf(folder), 'r+')
  for (const page of pages) writeSync(handle, Buffer.alloc(4096, 0x5a), 0, 4096, (page - 1) * 4096)
  closeSync(handle)
}
const unclean = (folder: string): void => writeFileSync(join(folder, 'workspace.owner.json'), '{}')
const hashOf = (folder: string): string =>
  createHash('sha256')
    .update(readFileSync(fileOf(folder)))
    .digest('hex')
function reopened(folder: string) {
  const store = openStore(folder)
  onTestFinished(() => store.close())
  return store
}

describe('damage to what only repeats the tables', () => {
  it('an index is made again, and nothing is lost', () => {
    const folder = recorded()
    damage(folder, pagesOf(folder, 'rollouts_by_problem').slice(0, 1))
    expect(complaintAbout(fileOf(folder))).toContain('rollouts_by_problem')
    unclean(folder)
    const store = reopened(folder)
    expect(store.workspace().counts.rollouts).toBe(STEPS * PER_STEP)
    expect(
      store.events.list(0, 10).some(({ code, message }) => code === 'workspace.rebuilt' && message.includes('index rollouts_by_problem')),
    ).toBe(true)
    store.close()
    expect(complaintAbout(fileOf(folder))).toBeNull()
    expect(asked<{ n: number }>(folder, 'SELECT count(*) AS n FROM rollouts INDEXED BY rollouts_by_problem WHERE problem_id = 1')).toEqual([
      { n: STEPS * PER_STEP },
    ])
  })

  it('the text index is made again and finds every text', () => {
    const folder = recorded()
    damage(folder, pagesOf(folder, 'rollout_text_data').slice(0, 2))
    unclean(folder)
    const store = reopened(folder)
    expect(store.rollouts.search({ text: 'wait' }, 0, 1000)).toHaveLength(STEPS * PER_STEP)
    store.close()
    expect(complaintAbout(fileOf(folder))).toBeNull()
  })
})

describe('a value that no program of ours wrote', () => {
  it('is no damage to its file: it opens as it is, and only a whole check names the table', () => {
    const folder = recorded()
    const at = readFileSync(fileOf(folder)).indexOf('{"reward":0.3}')
    expect(at).toBeGreaterThan(0)
    const handle = openSync(fileOf(folder), 'r+')
    writeSync(handle, '{"spoilt":0.3[', at)
    closeSync(handle)
    expect(complaintAbout(fileOf(folder))).toBe('malformed JSON in a row of steps')
    unclean(folder)
    const store = reopened(folder)
    expect([store.recovery!.interruptedRuns, store.events.list(0, 9)]).toEqual([[], []])
    expect(thrownBy(() => store.steps.get(1, 3)).code).toBe('workspace.badRow')
    expect(store.steps.get(1, 4)!.metrics).toEqual({ reward: 0.4 })
  })
})

describe('damage to what was recorded', () => {
  it('is refused with the command that helps, again and again, and changes nothing', () => {
    const folder = recorded()
    damage(folder, pagesOf(folder, 'rollout_bodies').slice(0, 1))
    unclean(folder)
    const before = hashOf(folder)
    for (let attempt = 0; attempt < 2; attempt++)
      expect(thrownBy(() => openStore(folder))).toMatchObject({ code: 'workspace.corrupt', next: expect.stringContaining('salvage') })
    expect(hashOf(folder)).toBe(before)
  })

  it('is salvaged: all but the rows of the damaged pages, whole, counted, with the files; the damaged folder stays as it is', async () => {
    const folder = recorded()
    const before = asked<{ id: number; text: string }>(folder, 'SELECT rollout_id AS id, text FROM rollout_bodies ORDER BY 1')
    damage(folder, pagesOf(folder, 'rollout_bodies').slice(3, 6))
    const hash = hashOf(folder)
    const into = join(temporaryFolder(), 'saved')
    const saved = await salvage(folder, into, { now: () => 9 })
    expect(hashOf(folder)).toBe(hash)

    const after = asked<{ id: number; text: string }>(into, 'SELECT rollout_id AS id, text FROM rollout_bodies ORDER BY 1')
    const kept = new Map(before.map(({ id, text }) => [id, text]))
    expect(after.every(({ id, text }) => kept.get(id) === text)).toBe(true)
    const missing = before.length - after.length
    expect(missing).toBeGreaterThan(0)
    expect(missing).toBeLessThan(60)
    const of = Object.fromEntries(saved.tables.map((each) => [each.table, each]))
    expect(of.rollout_bodies).toMatchObject({ kept: before.length - missing, lost: missing })
    expect(of.rollouts).toMatchObject({ kept: before.length - missing, lost: missing })
    expect(of.episodes!.orphaned).toBe(2 * missing)
    expect([saved.incompleteRollouts, saved.missingCheckpoints]).toEqual([missing, 1])

    const store = reopened(into)
    expect(store.workspace()).toMatchObject({
      access: { mode: 'write' },
      counts: { rollouts: before.length - missing, runs: 1, checkpoints: 1 },
    })
    expect(store.runs.list()[0]).toMatchObject({ rolloutCount: before.length - missing, run: { lastStep: STEPS - 1 } })
    expect(store.rollouts.search({ text: 'wait' }, 0, 1000)).toHaveLength(after.length)
    expect(existsSync(join(into, 'checkpoints', 'a'.repeat(32), 'weights'))).toBe(true)
    expect(store.checkpoints.ofRun(1).map(({ contentId }) => contentId)).toEqual(['a'.repeat(32)])
    expect(store.events.list(0, 10).find(({ code }) => code === 'workspace.salvaged')?.message).toContain(`${missing} of rollout_bodies`)
    store.close()
    expect(complaintAbout(fileOf(into))).toBeNull()
    expect(asked(into, 'PRAGMA foreign_key_check')).toEqual([])
  })

  it('noise over any tenth of the pages but the first still gives a whole workspace', async () => {
    for (let round = 0; round < 4; round++) {
      const folder = recorded()
      const pages = statSync(fileOf(folder)).size / 4096
      damage(
        folder,
        Array.from({ length: Math.floor(pages / 10) }, (_, at) => 2 + ((at * 10 + 3 * round + 7) % (pages - 2))),
      )
      const into = join(temporaryFolder(), 'saved')
      let saved
      try {
        saved = await salvage(folder, into)
      } catch (error) {
        // The list of tables takes more than the first page; without it there is nothing to go by.
        expect(error).toBeInstanceOf(LabError)
        expect((error as LabError).code).toBe('salvage.nothing')
        expect(existsSync(fileOf(into))).toBe(false)
        continue
      }
      expect(saved.tables.length).toBeGreaterThan(0)
      expect(complaintAbout(fileOf(into))).toBeNull()
      reopened(into).close()
    }
  })

  it('a file that was cut off gives what stands before the cut', async () => {
    const folder = recorded()
    truncateSync(fileOf(folder), Math.floor((statSync(fileOf(folder)).size * 2) / 3))
    const into = join(temporaryFolder(), 'saved')
    const { tables } = await salvage(folder, into)
    const bodies = tables.find(({ table }) => table === 'rollout_bodies')!
    expect(bodies.kept).toBeGreaterThan(100)
    expect(bodies.lost).toBeGreaterThan(20)
    expect(complaintAbout(fileOf(into))).toBeNull()
    expect(reopened(into).workspace().counts.rollouts).toBe(bodies.kept)
  })

  it('a first page that is gone is said, and nothing is made', async () => {
    const folder = recorded()
    damage(folder, [1])
    const into = join(temporaryFolder(), 'saved')
    await expect(salvage(folder, into)).rejects.toMatchObject({ code: expect.stringMatching(/^(salvage\.nothing|workspace\.corrupt)$/) })
    expect(existsSync(into) ? readdirSync(into) : []).toEqual([])
  })

  it('a folder with files in it takes nothing', async () => {
    const folder = recorded()
    await expect(salvage(folder, folder)).rejects.toMatchObject({ code: 'salvage.into' })
    const full = temporaryFolder()
    writeFileSync(join(full, 'thesis.tex'), 'work')
    await expect(salvage(folder, full)).rejects.toMatchObject({ code: 'salvage.into' })
    expect(readdirSync(full)).toEqual(['thesis.tex'])
    const empty = temporaryFolder()
    expect((await salvage(folder, empty)).folder).toBe(empty)
  })

  it('a folder without a workspace is refused, and nothing is made', async () => {
    const into = join(temporaryFolder(), 'saved')
    await expect(salvage(temporaryFolder(), into)).rejects.toMatchObject({ code: 'workspace.missing' })
    expect(existsSync(into)).toBe(false)
  })

  it('is salvaged table by table, and stopped between two of them leaves nothing that looks like a workspace', async () => {
    const folder = recorded()
    writeFileSync(join(folder, 'checkpoints', 'a'.repeat(32), '.unfinished-part'), 'half')
    mkdirSync(join(folder, 'exports'))
    writeFileSync(join(folder, 'exports', 'table.csv'), 'a,b')
    mkdirSync(join(folder, 'backups'))
    const told: (readonly [number, number])[] = []
    const into = join(temporaryFolder(), 'saved')
    const { tables, incompleteRollouts } = await salvage(folder, into, { told: (...each) => told.push(each) })
    expect(told.map(([done]) => done)).toEqual(told.map((_, at) => at + 1))
    expect(told.every(([, total]) => total === told.length)).toBe(true)
    expect(incompleteRollouts).toBe(0)
    expect(tables.every(({ lost, orphaned }) => lost + orphaned === 0)).toBe(true)
    expect(Object.fromEntries(tables.map(({ table, kept }) => [table, kept]))).toMatchObject({ steps: STEPS, rollouts: STEPS * PER_STEP })
    expect(readdirSync(into).sort()).toEqual(['checkpoints', 'exports', 'workspace.db'])
    expect(readdirSync(join(into, 'checkpoints', 'a'.repeat(32)))).toEqual(['weights'])
    const abort = new AbortController()
    const stopped = join(temporaryFolder(), 'stopped')
    await expect(salvage(folder, stopped, { signal: abort.signal, told: () => abort.abort() })).rejects.toThrow(/abort/i)
    expect(readdirSync(stopped)).toEqual([])
  })
})
