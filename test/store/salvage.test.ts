// A database that a disk has damaged: what only repeats the tables is made again, damage to what was recorded is refused, and what can
// still be read goes into a new workspace, counted.

import { createHash } from 'node:crypto'
import {
  closeSync,
  copyFileSync,
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
import {
  newCheckpoint,
  newEvaluation,
  newModel,
  newRun,
  newStore,
  rolloutOf,
  startedRun,
  stepOf,
  temporaryFolder,
  thrownBy,
} from './records.ts'

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
  for (const contentId of ['a'.repeat(32), 'b'.repeat(32)]) store.checkpoints.add(newCheckpoint(run.id, contentId, { step: 1 }))
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
/** Overwrites a few bytes of the database. */
function overwrite(folder: string, at: number, bytes: Uint8Array): void {
  const handle = openSync(fileOf(folder), 'r+')
  writeSync(handle, bytes, 0, bytes.length, at)
  closeSync(handle)
}
/** Overwrites the first page wherever a log holds it, with checksums that fit; gives how often it does. */
function spoilFirstPage(path: string): number {
  const log = readFileSync(path)
  const [page, words] = [log.readUInt32BE(8), log.readUInt32BE(0) === 0x377f0683 ? 'readUInt32BE' : 'readUInt32LE'] as const
  let [one, two] = [log.readUInt32BE(24), log.readUInt32BE(28)]
  let found = 0
  for (let at = 32; at + 24 + page <= log.length; at += 24 + page) {
    if (log.readUInt32BE(at) === 1) {
      log.fill(0x5a, at + 24, at + 24 + page)
      found++
    }
    for (const part of [log.subarray(at, at + 8), log.subarray(at + 24, at + 24 + page)])
      for (let word = 0; word < part.length; word += 8) {
        one = (one + part[words](word) + two) >>> 0
        two = (two + part[words](word + 4) + one) >>> 0
      }
    log.writeUInt32BE(one, at + 16)
    log.writeUInt32BE(two, at + 20)
  }
  writeFileSync(path, log)
  return found
}
/** What was made again when it was opened, for each time. */
const rebuiltBy = (store: ReturnType<typeof openStore>): string[][] =>
  store.events
    .list(0, 9)
    .filter(({ code }) => code === 'workspace.rebuilt')
    .map(({ data }) => (data as { rebuilt: string[] }).rebuilt)
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
    expect(complaintAbout(fileOf(folder))).toBe('the text index')
    unclean(folder)
    const store = reopened(folder)
    expect(store.rollouts.search({ text: 'wait' }, 0, 1000)).toHaveLength(STEPS * PER_STEP)
    expect(rebuiltBy(store)).toEqual([['text index']])
    store.close()
    expect(complaintAbout(fileOf(folder))).toBeNull()
  })

  it('pages that nothing uses are given back', () => {
    const folder = recorded()
    const { size } = statSync(fileOf(folder))
    const pages = Buffer.alloc(4)
    pages.writeUInt32BE(size / 4096 + 2)
    truncateSync(fileOf(folder), size + 2 * 4096)
    overwrite(folder, 28, pages)
    expect(complaintAbout(fileOf(folder))).toBe('pages that nothing uses')
    unclean(folder)
    const store = reopened(folder)
    expect(rebuiltBy(store)).toEqual([['pages that nothing used']])
    expect(store.workspace().counts.rollouts).toBe(STEPS * PER_STEP)
    store.close()
    expect(complaintAbout(fileOf(folder))).toBeNull()
    expect(statSync(fileOf(folder)).size).toBeLessThanOrEqual(size)
  })

  it('several at once are made again together, each named once', () => {
    const folder = recorded()
    const names = ['rollouts_by_problem', 'rollouts_by_reward']
    for (const name of names) damage(folder, pagesOf(folder, name))
    damage(folder, pagesOf(folder, 'rollout_text_data').slice(0, 1))
    unclean(folder)
    const [rebuilt, ...more] = rebuiltBy(reopened(folder))
    expect([[...rebuilt!].sort(), more]).toEqual([[...names.map((name) => `index ${name}`), 'text index'], []])
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

  it('is refused also where it is the only way by which equal records are told', () => {
    const folder = recorded()
    damage(folder, pagesOf(folder, 'sqlite_autoindex_problems_1'))
    unclean(folder)
    expect(thrownBy(() => openStore(folder)).code).toBe('workspace.corrupt')
    expect(complaintAbout(fileOf(folder))).not.toBeNull()
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
    expect(of.episodes).toEqual({ table: 'episodes', kept: 2 * (before.length - missing), lost: 0, orphaned: 2 * missing })
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
    const { message, data } = store.events.list(0, 10).find(({ code }) => code === 'workspace.salvaged')!
    expect(message).toContain(`${missing} of rollout_bodies`)
    expect(message).toContain(`${2 * missing} of episodes`)
    expect(message).not.toContain('of runs')
    expect(data).toMatchObject({ from: folder, incompleteRollouts: missing, missingCheckpoints: 1 })
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

  it('is salvaged though the list of tables says nonsense of an index', async () => {
    const folder = recorded()
    const db = new Database(fileOf(folder))
    db.unsafeMode(true)
    db.pragma('writable_schema = ON')
    db.exec("UPDATE sqlite_schema SET sql = 'CREATE INDEX of nothing' WHERE name = 'rollouts_by_problem'")
    db.close()
    expect(() => asked(folder, 'SELECT count(*) FROM rollouts')).toThrow('malformed database schema')
    const { tables } = await salvage(folder, join(temporaryFolder(), 'saved'))
    expect(tables.find(({ table }) => table === 'rollouts')).toMatchObject({ kept: STEPS * PER_STEP, lost: 0 })
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
    await expect(salvage(folder, into)).rejects.toMatchObject({ code: 'salvage.nothing' })
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
    for (const name of ['backups', '.merging-abc']) mkdirSync(join(folder, name))
    const told: (readonly [number, number])[] = []
    const into = join(temporaryFolder(), 'saved')
    const { tables, incompleteRollouts } = await salvage(folder, into, { told: (...each) => told.push(each), now: () => 9 })
    expect(told.map(([done]) => done)).toEqual(told.map((_, at) => at + 1))
    expect(told.every(([, total]) => total === told.length)).toBe(true)
    expect(incompleteRollouts).toBe(0)
    expect(tables.every(({ kept, lost, orphaned }) => kept > 0 && lost === 0 && orphaned === 0)).toBe(true)
    expect(Object.fromEntries(tables.map(({ table, kept }) => [table, kept]))).toMatchObject({ steps: STEPS, rollouts: STEPS * PER_STEP })
    expect(readdirSync(into).sort()).toEqual(['checkpoints', 'exports', 'workspace.db'])
    expect(readdirSync(join(into, 'checkpoints', 'a'.repeat(32)))).toEqual(['weights'])
    const store = reopened(into)
    const rows = tables.reduce((sum, { kept }) => sum + kept, 0)
    expect(store.events.list(0, 9)).toMatchObject([
      { level: 'warn', message: `Salvaged from ${folder}: ${rows} rows kept; 1 checkpoints had no files.`, atMs: 9 },
    ])
    store.close()
    const abort = new AbortController()
    const stopped = join(temporaryFolder(), 'stopped')
    await expect(salvage(folder, stopped, { signal: abort.signal, told: () => abort.abort() })).rejects.toThrow(/abort/i)
    expect(readdirSync(stopped)).toEqual([])
  })

  it('counts every id that stood before the last one that can be read, and none behind it: nobody knows whether those were given', async () => {
    const folder = recorded()
    const idsOf = (of: string): number[] => asked<{ id: number }>(of, 'SELECT rollout_id AS id FROM rollout_bodies').map(({ id }) => id)
    const before = idsOf(folder)
    const pages = pagesOf(folder, 'rollout_bodies')
    damage(folder, [pages[0]!, pages[4]!, pages.at(-1)!])
    const into = join(temporaryFolder(), 'saved')
    const { tables } = await salvage(folder, into)
    const kept = new Set(idsOf(into))
    const largest = Math.max(...kept)
    const lost = before.filter((id) => id < largest && !kept.has(id)).length
    // Ids are given from 1, and three pages are gone.
    expect([kept.has(1), kept.has(before.at(-1)!), lost > 1]).toEqual([false, false, true])
    expect(tables.find(({ table }) => table === 'rollout_bodies')).toMatchObject({ kept: kept.size, lost })
    expect(tables.find(({ table }) => table === 'rollouts')).toMatchObject({ kept: kept.size, lost: before.length - kept.size })
  })

  it('of a table in the order of its key costs the rows of the damaged page, and each of the others comes once', async () => {
    const folder = recorded()
    const [, page] = asked<{ pageno: number; ncell: number }>(
      folder,
      `SELECT pageno, ncell FROM dbstat WHERE name = 'episodes' AND pagetype = 'leaf' ORDER BY path`,
    )
    damage(folder, [page!.pageno])
    const into = join(temporaryFolder(), 'saved')
    const { tables, incompleteRollouts } = await salvage(folder, into)
    const of = Object.fromEntries(tables.map((each) => [each.table, each]))
    expect(incompleteRollouts).toBeGreaterThanOrEqual(page!.ncell / 2)
    // Once where reading in one go ended, once for the rollout before the page, whose end cannot be seen, and once for each rollout on it.
    expect(of.episodes).toMatchObject({ kept: 2 * (STEPS * PER_STEP - incompleteRollouts), lost: 2 + incompleteRollouts })
    expect(of.rollouts).toMatchObject({ kept: STEPS * PER_STEP - incompleteRollouts, lost: incompleteRollouts })
  })

  it('of what others refer to takes those along, or leaves them without where they may be', async () => {
    const folder = recorded()
    const store = openStore(folder)
    const modelId = store.models.add(newModel('m', 'm'))
    const run = store.runs.add(newRun({ name: 'second', modelId }))
    store.evaluations.add(newEvaluation(1, { runId: run.id, modelId }))
    store.close()
    damage(folder, pagesOf(folder, 'models'))
    const into = join(temporaryFolder(), 'saved')
    expect((await salvage(folder, into)).tables.filter(({ lost, orphaned }) => lost + orphaned > 0)).toEqual([])
    const saved = reopened(into)
    expect(saved.models.list()).toEqual([])
    expect(saved.runs.list().map(({ run: { name, modelId: of } }) => [name, of])).toEqual([
      ['first', null],
      ['second', null],
    ])
    expect(saved.evaluations.list()).toMatchObject([{ runId: 2, datasetId: 1, modelId: null }])
    saved.close()

    // Problems and evaluations are of a data set; rollouts and their parts are of problems; runs go on without.
    damage(folder, pagesOf(folder, 'datasets'))
    const rest = join(temporaryFolder(), 'rest')
    const { tables } = await salvage(folder, rest)
    expect(tables.filter(({ orphaned }) => orphaned > 0).map(({ table, orphaned }) => [table, orphaned])).toEqual([
      ['problems', 1],
      ['evaluations', 1],
      ['rollouts', STEPS * PER_STEP],
      ['rollout_bodies', STEPS * PER_STEP],
      ['episodes', 2 * STEPS * PER_STEP],
      ['progress_estimates', 3 * STEPS * PER_STEP],
    ])
    expect(reopened(rest).runs.list()).toMatchObject([
      { rolloutCount: 0, run: { name: 'first', datasetId: null, lastStep: STEPS - 1 } },
      { rolloutCount: 0, run: { name: 'second', datasetId: null } },
    ])
  })

  it('that left values which do not fit their columns costs those rows', async () => {
    const folder = recorded()
    const db = new Database(fileOf(folder))
    db.unsafeMode(true)
    db.pragma('ignore_check_constraints = ON')
    // An answer of no evaluation, and a text where a number belongs.
    db.exec("UPDATE rollouts SET phase = 'eval' WHERE id = 5")
    db.pragma('writable_schema = ON')
    const strict = db.prepare("SELECT sql FROM sqlite_schema WHERE name = 'steps'").pluck().get() as string
    const setSql = db.prepare("UPDATE sqlite_schema SET sql = ? WHERE name = 'steps'")
    setSql.run(strict.replace(') STRICT', ')'))
    db.close()
    const loose = new Database(fileOf(folder))
    loose.exec("UPDATE steps SET tokens = 'many' WHERE step = 7")
    loose.close()
    const into = join(temporaryFolder(), 'saved')
    const { tables } = await salvage(folder, into)
    const of = Object.fromEntries(tables.map((each) => [each.table, each]))
    expect(of.steps).toMatchObject({ kept: STEPS - 1, lost: 1 })
    expect(of.rollouts).toMatchObject({ kept: STEPS * PER_STEP - 1, lost: 1 })
    expect(of.rollout_bodies).toMatchObject({ kept: STEPS * PER_STEP - 1, lost: 0, orphaned: 1 })
  })

  it('comes with what its last writer had not folded in', async () => {
    const folder = recorded()
    const writer = openStore(folder)
    onTestFinished(() => writer.close())
    writer.settings.set('page', 'compare')
    const killed = temporaryFolder()
    for (const name of ['workspace.db', 'workspace.db-wal']) copyFileSync(join(folder, name), join(killed, name))
    expect(statSync(join(killed, 'workspace.db-wal')).size).toBeGreaterThan(0)
    const into = join(temporaryFolder(), 'saved')
    await salvage(killed, into)
    expect(reopened(into).settings.all()).toEqual({ page: 'compare' })
    expect(readdirSync(killed).sort()).toEqual(['workspace.db', 'workspace.db-wal'])
  })

  it('in the log alone costs what is in the log', async () => {
    const folder = recorded()
    const writer = openStore(folder)
    onTestFinished(() => writer.close())
    // So many pages more that the first page, which says how many there are, is written too.
    writer.settings.set('page', 'x'.repeat(50_000))
    const killed = temporaryFolder()
    for (const name of ['workspace.db', 'workspace.db-wal']) copyFileSync(join(folder, name), join(killed, name))
    expect(spoilFirstPage(join(killed, 'workspace.db-wal'))).toBeGreaterThan(0)
    const into = join(temporaryFolder(), 'saved')
    const { tables } = await salvage(killed, into)
    expect(tables.find(({ table }) => table === 'rollouts')).toMatchObject({ kept: STEPS * PER_STEP, lost: 0 })
    expect(reopened(into).settings.all()).toEqual({})
  })

  it('whose pages are of the largest size is read as far as it goes when it was cut off', async () => {
    const folder = recorded()
    const db = new Database(fileOf(folder))
    db.pragma('journal_mode = DELETE')
    db.pragma('page_size = 65536')
    db.exec('VACUUM')
    db.close()
    const { size } = statSync(fileOf(folder))
    expect(size % 65_536).toBe(0)
    truncateSync(fileOf(folder), size - 65_536)
    const into = join(temporaryFolder(), 'saved')
    const { tables } = await salvage(folder, into)
    expect(tables.find(({ table }) => table === 'runs')).toMatchObject({ kept: 1, lost: 0 })
    expect(complaintAbout(fileOf(into))).toBeNull()
  })

  it('keeps what stands behind the end that its head names', async () => {
    const folder = recorded()
    const pages = Buffer.alloc(4)
    pages.writeUInt32BE(3)
    const { size } = statSync(fileOf(folder))
    overwrite(folder, 28, pages)
    // A head whose count of changes is another one is not believed about the size.
    overwrite(folder, 92, Buffer.of(0, 0, 0, 0))
    const into = join(temporaryFolder(), 'saved')
    const { tables } = await salvage(folder, into)
    expect(tables.find(({ table }) => table === 'rollouts')).toMatchObject({ kept: STEPS * PER_STEP, lost: 0 })
    expect(statSync(fileOf(folder)).size).toBe(size)
  })
})
