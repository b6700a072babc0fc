// Reading and labelling runs over a workspace made by hand: what is counted, what the bin keeps, and what is told of a finding.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { runQueries } from '../../src-main/lab/answers/queriesRuns.ts'
import { binOf, takeOutOfBin } from '../../src-main/lab/process/bin.ts'
import { healthRules, ruleNamed } from '../../src-main/lab/process/health.ts'
import { openStore, type Store } from '../../src-main/store/openStore.ts'
import type { Job } from '../../src-preload/contract.ts'
import { AT_MS, makeWorkspace, type Filled } from './records.ts'

let folder: string
let store: Store
let filled: Filled
let busy: Set<number>
let held: Set<number>
let ask: ReturnType<typeof runQueries>
const options = { signal: new AbortController().signal }
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mrt-runs-'))
  filled = makeWorkspace(join(folder, 'workspace'))
  store = openStore(join(folder, 'workspace'), { program: 'test' })
  busy = new Set()
  held = new Set()
  const job = { id: 'train-1', kind: 'train' } as Job
  ask = runQueries(
    () => store,
    (id) => (busy.has(id) ? job : null),
    (id) => (held.has(id) ? 'controls' : null),
  )
})
afterEach(() => {
  store.close()
  rmSync(folder, { recursive: true, force: true })
})
const nothing = undefined as never

it('a run takes what was counted of it, events and bytes of all its checkpoints too', async () => {
  const [runId] = filled.runIds as [number]
  store.checkpoints.add({ ...store.checkpoints.ofRun(runId)[0]!, step: 5, contentId: 'five', bytes: 234 })
  expect(await ask.footprint({ runId }, options)).toEqual({
    steps: 4,
    rollouts: 16,
    evaluations: 1,
    checkpoints: 2,
    events: store.events.ofRun(runId, null, 0, 1000).length,
    checkpointBytes: 1234,
  })
  expect(store.events.ofRun(runId, null, 0, 1000).length).toBeGreaterThan(0)
  await expect(async () => ask.footprint({ runId: 99 }, options)).rejects.toMatchObject({ code: 'run.unknown' })
})

it('the bin has each run once, hides it from the list, and is emptied of all that nothing works on', async () => {
  const [first, second, third, fourth] = filled.runIds as [number, number, number, number]
  for (const runId of [first, first, second, third]) await ask.remove({ runId }, options)
  expect((await ask.bin(nothing, options)).map(({ id }) => id)).toEqual([first, second, third])
  expect((await ask.list(nothing, options)).map(({ run }) => run.id)).toEqual([fourth])
  busy.add(first)
  held.add(second)
  const gone = await ask.emptyBin(nothing, options)
  expect(gone).toMatchObject({ steps: 4, rollouts: 16, evaluations: 1, checkpoints: 1 })
  expect(gone.events).toBeGreaterThan(0)
  expect((await ask.bin(nothing, options)).map(({ id }) => id)).toEqual([first, second])
  expect(store.runs.list().map(({ run }) => run.id)).toEqual([first, second, fourth])
  await ask.restore({ runId: first }, options)
  expect((await ask.list(nothing, options)).map(({ run }) => run.id)).toEqual([first, fourth])
})

it('a run that something works on is not thrown away', async () => {
  const [runId] = filled.runIds as [number]
  busy.add(runId)
  await expect(async () => ask.remove({ runId }, options)).rejects.toMatchObject({
    code: 'run.busy',
    expected: 'dr-grpo to be at rest',
    found: 'a job that works on it',
    next: 'Cancel the job first.',
  })
  busy.clear()
  held.add(runId)
  await expect(async () => ask.remove({ runId }, options)).rejects.toMatchObject({
    code: 'run.ofStudy',
    expected: 'dr-grpo to be at rest',
    found: 'the study controls, which is at work on it and others',
    next: 'Pause the study first.',
  })
  expect(await ask.bin(nothing, options)).toEqual([])
})

it('a finding of a rule that is known no more is told in its own words, and points to its run', async () => {
  const [runId] = filled.runIds as [number]
  store.events.add({ runId, step: 3, kind: 'health', level: 'warn', code: 'of.olderVersion', message: 'As it was.', data: null, atMs: 5 })
  const findings = await ask.health.list({ runId }, options)
  expect(findings.find(({ code }) => code === 'of.olderVersion')).toMatchObject({
    runId,
    step: 3,
    title: 'As it was.',
    next: '',
    rollouts: { runId },
  })
  expect(findings).toHaveLength(2)
})

it('a finding says everything that its rule and its event say', async () => {
  const [runId] = filled.runIds as [number]
  const [event] = store.events.ofRun(runId, 'health', 0, 10)
  const { title, next } = ruleNamed('groups.noSignal')!
  expect(await ask.health.list({ runId }, options)).toEqual([
    {
      eventId: event!.id,
      runId,
      step: 2,
      code: 'groups.noSignal',
      level: 'warn',
      title,
      message: 'They agree.',
      next,
      rollouts: { runId, steps: [1, 2] },
      atMs: AT_MS,
    },
  ])
  expect(await ask.health.rules(nothing, options)).toEqual(healthRules)
})

it('health and events of a run are read as far as a thousand of them', async () => {
  const [runId] = filled.runIds as [number]
  const { id: _id, ...event } = store.events.ofRun(runId, 'health', 0, 1)[0]!
  store.atomically('quick', () => {
    for (let n = 0; n < 1001; n++) store.events.add(event)
  })
  expect(await ask.health.list({ runId }, options)).toHaveLength(1000)
  expect((await ask.footprint({ runId }, options)).events).toBe(1000)
})

it('the bin holds ids of runs and nothing else, whatever its place in the settings was made to hold', async () => {
  const [first, second] = filled.runIds as [number, number]
  const bin = async () => (await ask.bin(nothing, options)).map(({ id }) => id)
  store.settings.set('bin', { a: first })
  expect(await bin()).toEqual([])
  store.settings.set('bin', ['a', second, 99])
  expect(await bin()).toEqual([second])
  expect(await ask.emptyBin(nothing, options)).toMatchObject({ steps: 4 })
  // Nothing of a bin stays that is empty.
  expect(await ask.settings.all(nothing, options)).not.toHaveProperty('bin')
  await expect(async () => ask.restore({ runId: 99 }, options)).rejects.toMatchObject({ code: 'run.unknown' })
  await expect(async () => ask.duplicate({ runId: 99 }, options)).rejects.toMatchObject({ code: 'run.unknown' })
  expect([takeOutOfBin(store, [first]), binOf(store)]).toEqual([false, []])
  await ask.remove({ runId: first }, options)
  expect([takeOutOfBin(store, [99]), takeOutOfBin(store, [99, first]), binOf(store)]).toEqual([false, true, []])
})

it('events are of one run, or of all, and of one kind where that is asked for', async () => {
  const list = async (more: object) => ask.events.list({ runId: null, kind: null, afterId: 0, limit: 100, ...more } as never, options)
  store.events.add({ runId: filled.runIds[1]!, step: 1, kind: 'log', level: 'info', code: 'x.y', message: 'm', data: null, atMs: 5 })
  const all = await list({})
  expect(all.length).toBeGreaterThan((await list({ runId: filled.runIds[0] })).length)
  const health = await list({ kind: 'health' })
  expect(health.map(({ kind }) => kind)).toEqual(new Array(4).fill('health'))
  expect(all.length).toBeGreaterThan(health.length)
})

it('metrics of several runs are named once, in order, and none of a run that is not there', async () => {
  const [first, , third] = filled.runIds as [number, number, number]
  expect(await ask.metricNames({ runIds: [third, first] }, options)).toEqual([
    'completions/mean_length',
    'loss',
    'reward',
    'rewards/outcome/mean',
  ])
  await expect(async () => ask.series({ runId: 99, metrics: ['reward'], maxPoints: 10 }, options)).rejects.toMatchObject({
    code: 'run.unknown',
  })
  await expect(async () => ask.rename({ runId: 99, name: 'x', note: '' }, options)).rejects.toMatchObject({ code: 'run.unknown' })
  expect(await ask.rename({ runId: first, name: 'mine', note: 'a note' }, options)).toMatchObject({ name: 'mine', note: 'a note' })
  await expect(async () => ask.checkpoints.setPinned({ checkpointId: 99, pinned: true }, options)).rejects.toMatchObject({
    code: 'checkpoint.unknown',
  })
})

it('a run says from where it could go on, and where it cannot', async () => {
  const [runId] = filled.runIds as [number]
  expect(await ask.get({ runId }, options)).toMatchObject({ resumableStep: 4, evaluationCount: 1, job: null })
  store.checkpoints.remove(store.checkpoints.ofRun(runId)[0]!.id)
  busy.add(runId)
  expect(await ask.get({ runId }, options)).toMatchObject({ resumableStep: null, job: { id: 'train-1' } })
})
