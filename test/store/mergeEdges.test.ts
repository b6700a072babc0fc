// What a merge does where the two workspaces are not as a program of ours left them, or where it must let others go on meanwhile.
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, readFileSync, statSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { describe, expect, it } from 'vitest'
import type { Store } from '../../src-main/store/openStore.ts'
import {
  addDataset,
  newCheckpoint,
  newEvaluation,
  newModel,
  newRun,
  newStore,
  problemNamed,
  rolloutOf,
  startedRun,
  stepOf,
} from './records.ts'

const now = (): number => 1000
const merge = (into: Store, from: Store, more: { signal?: AbortSignal; told?: (done: number, total: number) => void } = {}) =>
  into.others.merge(from.folder, { uids: null, now, ...more })

function checkpointOf(store: Store, runId: number, contentId: string, files = true): number {
  if (files) {
    mkdirSync(join(store.checkpointsFolder, contentId), { recursive: true })
    writeFileSync(join(store.checkpointsFolder, contentId, 'weights'), `${contentId} of ${store.folder}`)
  }
  return store.checkpoints.add(newCheckpoint(runId, contentId))
}

describe('a merge lets others go on', () => {
  /** How many turns of the event loop there were until now. */
  function countTurns(): { now: number; stop(): void } {
    let next: NodeJS.Immediate
    const count = { now: 0, stop: () => clearImmediate(next) }
    const turn = (): void => {
      count.now++
      next = setImmediate(turn)
    }
    next = setImmediate(turn)
    return count
  }

  it('between any two pieces, of a few hundred rollouts each, and tells how far it is', async () => {
    const [from, into] = [newStore(), newStore()]
    const { run, problemId } = startedRun(from)
    const plain = rolloutOf(problemId, { episodes: [], progress: [] })
    const rollouts = Array.from({ length: 401 }, (_, sample) => ({ ...plain, sample }))
    from.steps.record({ step: stepOf(run.id, 0), rollouts, events: [] })
    const turns = countTurns()
    const heard: { done: number; total: number; turn: number }[] = []
    await merge(into, from, { told: (done, total) => heard.push({ done, total, turn: turns.now }) })
    turns.stop()
    expect(heard.map(({ done, total }) => [done, total])).toEqual([
      [400, 401],
      [401, 401],
    ])
    expect(heard[1]!.turn).toBeGreaterThan(heard[0]!.turn)
    expect(into.workspace().counts.rollouts).toBe(401)
    // The first rollouts of a workspace have the first numbers.
    expect(into.rollouts.get(1)).toMatchObject({ runId: 1, sample: 0 })
  })

  it('between any two checkpoints, and can be ended there', async () => {
    const [from, into] = [newStore(), newStore()]
    const { run } = startedRun(from)
    for (const contentId of ['a', 'b', 'c']) checkpointOf(from, run.id, contentId)
    const turns = countTurns()
    const asked: number[] = []
    const signal = { throwIfAborted: () => void asked.push(turns.now) } as unknown as AbortSignal
    await merge(into, from, { signal })
    turns.stop()
    expect(asked).toHaveLength(3)
    expect(new Set(asked).size).toBe(3)

    const other = newStore()
    await expect(merge(other, from, { signal: AbortSignal.abort() })).rejects.toThrow(/abort/i)
    expect([other.runs.list(), readdirSync(other.checkpointsFolder)]).toEqual([[], []])
  })
})

describe('a merge takes what is there', () => {
  it('files of checkpoints and models that are here stay, and what an earlier one left half copied is none', async () => {
    const [from, into] = [newStore(), newStore()]
    const { run } = startedRun(from)
    checkpointOf(from, run.id, 'same')
    checkpointOf(from, run.id, 'half')
    mkdirSync(join(into.checkpointsFolder, 'same'), { recursive: true })
    writeFileSync(join(into.checkpointsFolder, 'same', 'weights'), 'mine')
    mkdirSync(join(into.checkpointsFolder, 'half.unfinished', 'deep'), { recursive: true })
    for (const [store, content] of [
      [from, 'theirs'],
      [into, 'mine'],
    ] as const) {
      mkdirSync(join(store.folder, 'models', 'm'), { recursive: true })
      writeFileSync(join(store.folder, 'models', 'm', 'weights'), content)
    }
    for (const path of ['models/m', 'models/missing']) from.models.add(newModel(path, path))
    const { missingCheckpoints } = await merge(into, from)
    expect(missingCheckpoints).toBe(0)
    expect(readFileSync(join(into.checkpointsFolder, 'same', 'weights'), 'utf8')).toBe('mine')
    expect(readFileSync(join(into.folder, 'models', 'm', 'weights'), 'utf8')).toBe('mine')
    expect(readdirSync(into.checkpointsFolder).sort()).toEqual(['half', 'same'])
    expect(readdirSync(join(into.checkpointsFolder, 'half'))).toEqual(['weights'])
    expect(into.models.list().map(({ path }) => path)).toEqual(['models/m', 'models/missing'])
    expect(existsSync(join(into.folder, 'models', 'missing'))).toBe(false)
  })

  it('evaluations that were under way are interrupted here, and one without a run is known by when it was made', async () => {
    const [from, into] = [newStore(), newStore()]
    const { run, datasetId } = startedRun(from)
    const modelId = from.models.add(newModel('m', 'm'))
    from.evaluations.add(newEvaluation(datasetId, { runId: run.id, step: 1 }))
    const start = from.evaluations.add(newEvaluation(datasetId, { modelId }))
    from.evaluations.finish(start.id, { status: 'finished', atMs: 5, wallMs: 1, tokens: 2, metrics: {}, points: [] })
    expect((await merge(into, from)).added.evaluations).toBe(2)
    expect(into.evaluations.list().map(({ runId, modelId: of, status }) => [runId, of, status])).toEqual([
      [1, null, 'interrupted'],
      [null, 1, 'finished'],
    ])
    expect((await merge(into, from)).added.evaluations).toBe(0)
  })

  it('names of weights that are nowhere stay as they are, wherever they stand', async () => {
    const [from, into] = [newStore(), newStore()]
    into.models.add(newModel('mine', 'mine'))
    into.runs.add(newRun({ name: 'mine' }))
    const modelId = from.models.add(newModel('m', 'm'))
    const parts = ['model:99', 'checkpoint:99', 'a model:1', `model:${modelId}`, 1, null, true]
    const { uid } = from.runs.add(newRun({ config: { weights: parts, runId: 99, runIds: 1, deep: { runId: 1, list: [{ modelId }] } } }))
    from.runs.add(newRun({ name: 'first of its own', parentRunId: 1, parentStep: 3 }))
    // Two rollouts are here already, so that those that come are the third and on.
    const ofNoRun = { runId: null, evaluationId: null, phase: 'imported', step: 0 } as const
    const [problemId] = into.datasets.addProblems(addDataset(into), [problemNamed('x')])
    into.rollouts.add(ofNoRun, [rolloutOf(problemId!), rolloutOf(problemId!, { sample: 1 })])
    from.events.add({
      runId: 1,
      step: 0,
      kind: 'log',
      level: 'info',
      code: 'a.b',
      message: '',
      data: { seen: [{ rolloutId: 1 }], rolloutId: 9 },
      atMs: 1,
    })
    await merge(into, from)
    expect(into.events.ofRun(2, 'log', 0, 9)[0]!.data).toEqual({ seen: [{ rolloutId: 3 }], rolloutId: 11 })
    const [, brought, child] = into.runs.list().map(({ run }) => run)
    expect(brought).toMatchObject({ uid, id: 2 })
    expect(brought!.config).toEqual({
      weights: ['model:99', 'checkpoint:99', 'a model:1', 'model:2', 1, null, true],
      runId: null,
      runIds: 1,
      deep: { runId: 2, list: [{ modelId: 2 }] },
    })
    expect(child).toMatchObject({ id: 3, parentRunId: 2, parentStep: 3 })
  })

  it('what came later names the runs that had come before under their ids here', async () => {
    const [from, into] = [newStore(), newStore()]
    into.runs.add(newRun({ name: 'mine' }))
    from.runs.add(newRun({ name: 'parent' }))
    await merge(into, from)
    from.runs.add(newRun({ name: 'child', parentRunId: 1, parentStep: 2 }))
    expect((await merge(into, from)).skipped.map(({ id }) => id)).toEqual([2])
    expect(into.runs.list().map(({ run }) => [run.name, run.parentRunId])).toEqual([
      ['mine', null],
      ['parent', null],
      ['child', 2],
    ])
  })

  it('problems that a run only drew from a set of another come with their set', async () => {
    const [from, into] = [newStore(), newStore()]
    const [problemId] = from.datasets.addProblems(addDataset(from), [problemNamed('x')])
    addDataset(from)
    const run = from.runs.add(newRun())
    from.steps.record({ step: stepOf(run.id, 0), rollouts: [rolloutOf(problemId!)], events: [] })
    from.runs.add(newRun({ name: 'left there' }))
    await into.others.merge(from.folder, { uids: [run.uid], now })
    expect(into.workspace().counts).toMatchObject({ runs: 1, datasets: 1, rollouts: 1 })
    expect(into.rollouts.detail(1)!.problem.key).toBe('x')
  })
})

describe('a merge is refused whole', () => {
  it('into a workspace where a record already refers to nothing', async () => {
    const [from, into] = [newStore(), newStore()]
    startedRun(from)
    const db = new Database(join(into.folder, 'workspace.db'))
    db.pragma('foreign_keys = OFF')
    db.prepare(
      "INSERT INTO events (run_id, kind, level, code, message, data, at_ms) VALUES (77, 'log', 'info', 'a.b', '', 'null', 1)",
    ).run()
    db.close()
    await expect(merge(into, from)).rejects.toThrow('leaves 1 references to nothing')
    expect([into.runs.list(), into.datasets.list()]).toEqual([[], []])
  })

  it('from one that is damaged, which is named, and nothing of it stays', async () => {
    const [from, into] = [newStore(), newStore()]
    for (let at = 0; at < 20; at++) from.settings.set(`key ${at}`, 'x'.repeat(4000))
    from.close()
    const file = join(from.folder, 'workspace.db')
    const pages = statSync(file).size / 4096
    const handle = openSync(file, 'r+')
    writeSync(handle, Buffer.alloc(4096, 0x5a), 0, 4096, Math.floor(pages / 2) * 4096)
    closeSync(handle)
    await expect(merge(into, from)).rejects.toMatchObject({
      code: 'workspace.corrupt',
      expected: `an intact database in ${from.folder}`,
      found: expect.stringMatching(/^a damaged one \([^\n]+\)$/),
    })
    expect(readdirSync(into.folder).filter((name) => name.startsWith('.merging'))).toEqual([])
  })
})
