// A run's life as a person steers it, over experiments that keep records and compute nothing.
import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { LabEvent, RunStatus } from '../../src-preload/contract.ts'
import type { LabContext } from '../../src-main/lab/process/context.ts'
import { parseSpec } from '../../src-main/lab/training/runSpecs.ts'
import { fakeExperiments } from './fakeExperiments.ts'
import { openLocalLab, type LocalLab } from './localLab.ts'
import { specOf } from './records.ts'

let lab: LocalLab
beforeEach(async () => {
  lab = await openLocalLab()
})
afterEach(() => lab.close())

/** Resolves at the first event that `wanted` accepts, from now on. */
const event = (wanted: (event: LabEvent) => boolean): Promise<LabEvent> =>
  new Promise((resolve) => {
    const stop = lab.onEvent((told) => {
      if (!wanted(told)) return
      stop()
      resolve(told)
    })
  })
const becomes = (runId: number, status: RunStatus): Promise<LabEvent> =>
  event((told) => told.kind === 'run' && told.run.id === runId && told.run.status === status)
const step = (runId: number, at: number): Promise<LabEvent> =>
  event((told) => told.kind === 'step' && told.step.runId === runId && told.step.step === at)
const idle = (): Promise<LabEvent> =>
  event((told) => told.kind === 'changed' && told.noun === 'jobs' && lab.lab.workspaces.current() !== null)
const spec = (name: string, steps: number) => specOf('grpo', 1, { name, steps })

/** Waits until no job is left. */
async function quiet(): Promise<void> {
  while ((await lab.client.jobs.list()).length > 0) await idle()
}

describe('a run', () => {
  it('is queued, runs, tells its steps, and finishes', async () => {
    const { id, status } = await lab.client.runs.start({ spec: spec('short', 3) })
    expect(status).toBe('queued')
    expect((await lab.client.runs.get({ runId: id })).job).toMatchObject({ kind: 'train', label: 'short, seed 1', runId: id })
    await becomes(id, 'finished')
    await quiet()
    expect((await lab.client.runs.get({ runId: id })).item.run.status).toBe('finished')
    expect(lab.events.filter((told) => told.kind === 'step')).toHaveLength(3)
    expect(lab.events.some((told) => told.kind === 'progress' && told.report.done === 3)).toBe(true)
  })

  it('pauses after the step at hand and goes on from there', async () => {
    const { id } = await lab.client.runs.start({ spec: spec('long', 12) })
    await step(id, 2)
    await lab.client.runs.pause({ runId: id })
    await quiet()
    const paused = await lab.client.runs.get({ runId: id })
    expect(paused.item.run.status).toBe('paused')
    expect(paused.job).toBeNull()
    const stoppedAt = paused.item.run.lastStep!
    expect(stoppedAt).toBeLessThan(12)
    await lab.client.runs.resume({ runId: id })
    await becomes(id, 'finished')
    const steps = await lab.client.steps.list({ runId: id, from: 1, to: 12 })
    expect(steps.map((each) => each.step)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])
  })

  it('goes on at once after its checkpoint was saved, before what waits', async () => {
    const { id } = await lab.client.runs.start({ spec: spec('first', 12) })
    await lab.client.runs.start({ spec: spec('second', 2) })
    await step(id, 2)
    await lab.client.runs.saveCheckpoint({ runId: id })
    await becomes(id, 'finished')
    const finished = lab.events.flatMap((told) => (told.kind === 'run' && told.run.status === 'finished' ? [told.run.name] : []))
    expect(finished).toEqual(['first'])
    expect((await lab.client.checkpoints.list({ runId: id })).some(({ step: at }) => at % 5 !== 0)).toBe(true)
    await quiet()
  })

  it('waits for those that were started before it', async () => {
    for (const name of ['first', 'second', 'third', 'fourth']) await lab.client.runs.start({ spec: spec(name, 2) })
    await quiet()
    const finished = lab.events.flatMap((told) => (told.kind === 'run' && told.run.status === 'finished' ? [told.run.name] : []))
    expect(finished).toEqual(['first', 'second', 'third', 'fourth'])
  })

  it('stays stopped when that was asked for while its checkpoint was being saved', async () => {
    const { id } = await lab.client.runs.start({ spec: spec('stopped while saving', 1000) })
    await step(id, 2)
    await Promise.all([lab.client.runs.saveCheckpoint({ runId: id }), lab.client.runs.stopAfterStep({ runId: id })])
    await quiet()
    expect((await lab.client.runs.get({ runId: id })).item.run.status).toBe('paused')
  })

  it('stays paused when that was asked for while its checkpoint was being saved', async () => {
    const { id } = await lab.client.runs.start({ spec: spec('paused while saving', 1000) })
    await step(id, 2)
    await Promise.all([lab.client.runs.saveCheckpoint({ runId: id }), lab.client.runs.pause({ runId: id })])
    await quiet()
    expect((await lab.client.runs.get({ runId: id })).item.run.status).toBe('paused')
  })

  it('is interrupted when cancelled, whether it runs or waits', async () => {
    const running = await lab.client.runs.start({ spec: spec('running', 1000) })
    const waiting = await lab.client.runs.start({ spec: spec('waiting', 1000) })
    await step(running.id, 1)
    await lab.client.runs.cancel({ runId: waiting.id })
    await lab.client.runs.cancel({ runId: running.id })
    await quiet()
    for (const { id } of [running, waiting]) expect((await lab.client.runs.get({ runId: id })).item.run.status).toBe('interrupted')
    expect(lab.events.some((told) => told.kind === 'failed')).toBe(false)
  })

  it('that fails says why, and leaves the queue to the next', async () => {
    const failing = await lab.client.runs.start({ spec: spec('fails', 5) })
    const next = await lab.client.runs.start({ spec: spec('next', 2) })
    await becomes(next.id, 'finished')
    expect((await lab.client.runs.get({ runId: failing.id })).item.run).toMatchObject({ status: 'failed', error: { code: 'run.failed' } })
    expect(lab.events.find((told) => told.kind === 'failed')).toMatchObject({ error: { code: 'run.failed' } })
  })

  it('that has finished training but whose evaluation was broken off goes on with the evaluation alone', async () => {
    await lab.close()
    const evaluated: unknown[] = []
    lab = await openLocalLab({ ...fakeExperiments, evaluateRun: (_context, target) => pause(30).then(() => evaluated.push(target)) })
    const { id } = await lab.client.runs.start({ spec: spec('evaluated later', 5) })
    await becomes(id, 'finished')
    await quiet()
    lab.events.length = 0
    await lab.client.runs.resume({ runId: id })
    await quiet()
    expect(lab.events.some((told) => told.kind === 'step')).toBe(false)
    expect(evaluated).toEqual([{ runId: id }, { runId: id }])
  })

  it('that has finished is not resumed but branched', async () => {
    const [finished] = lab.filled.runIds
    await expect(lab.client.runs.resume({ runId: finished! })).rejects.toMatchObject({ code: 'run.finished' })
    const [checkpoint] = await lab.client.checkpoints.list({ runId: finished! })
    const branched = await lab.client.runs.branch({
      checkpointId: checkpoint!.id,
      spec: await lab.client.runs.duplicate({ runId: finished! }),
    })
    expect((branched.config as { start: string }).start).toBe(`checkpoint:${checkpoint!.id}`)
    await becomes(branched.id, 'finished')
  })

  it('at rest cannot be paused, and at work cannot be removed', async () => {
    await expect(lab.client.runs.pause({ runId: lab.filled.runIds[0]! })).rejects.toMatchObject({ code: 'run.idle' })
    const { id } = await lab.client.runs.start({ spec: spec('busy', 1000) })
    await step(id, 1)
    await expect(lab.client.runs.remove({ runId: id })).rejects.toMatchObject({ code: 'run.busy' })
    await expect(lab.client.workspace.close()).rejects.toMatchObject({ code: 'workspace.busyJobs' })
    await lab.client.runs.cancel({ runId: id })
    await quiet()
  })
})

describe('several runs', () => {
  it('are all queued, or none when one of them is wrong', async () => {
    const before = (await lab.client.runs.list()).length
    const wrong = specOf('grpo', 1, { algorithm: { name: 'unheard-of' } })
    await expect(lab.client.runs.startAll({ specs: [spec('good', 2), wrong] })).rejects.toMatchObject({ code: 'run.algorithm' })
    expect(await lab.client.runs.list()).toHaveLength(before)
    expect(await lab.client.jobs.list()).toEqual([])
    // What was told to be there is told to have changed.
    expect(lab.events.at(-1)).toEqual({ kind: 'changed', noun: 'runs', ids: [] })
    const started = await lab.client.runs.startAll({ specs: [spec('a', 2), spec('b', 2)] })
    await becomes(started[1]!.id, 'finished')
  })
})

describe('what is asked for', () => {
  it('reaches the work: which checkpoint and which problems are evaluated, whose weights, and where a run goes on', async () => {
    await lab.close()
    const evaluated: unknown[] = []
    const trained: unknown[] = []
    const made: unknown[] = []
    lab = await openLocalLab({
      ...fakeExperiments,
      evaluateRun: (_context, target) => Promise.resolve(evaluated.push(target)),
      trainRun(context, id, options) {
        trained.push([id, options.here])
        return fakeExperiments.trainRun(context, id, options)
      },
      createRun(context, given, environment) {
        made.push(environment)
        return fakeExperiments.createRun(context, given, environment)
      },
    })
    const [runId] = lab.filled.runIds as [number]
    const own = specOf('dr-grpo', 1)
    for (const job of [
      await lab.client.evaluations.start({ runId, checkpointId: 1, split: 'validation' }),
      await lab.client.evaluations.start({ runId }),
      await lab.client.evaluations.startOf({ spec: own, split: 'train' }),
    ])
      await lab.client.jobs.done({ jobId: job.id })
    expect(evaluated).toEqual([
      { runId, checkpointId: 1, split: 'validation' },
      { runId, split: 'heldout' },
      { startOf: parseSpec(own), split: 'train' },
    ])
    const ray = { address: '127.0.0.1:6379', workers: 5 }
    const { id } = await lab.client.runs.start({ spec: spec('over a cluster', 2), ray, evaluated: false })
    await lab.client.runs.done({ runId: id })
    await lab.client.runs.startAll({ specs: [spec('here', 2)], evaluated: false })
    await quiet()
    expect(made).toEqual([{ cores: 2, ray: expect.objectContaining(ray) as unknown }, { cores: 2 }])
    const store = lab.lab.workspaces.store()
    for (const here of [true, false]) {
      store.runs.setStatus(id, 'interrupted', 1)
      await lab.client.runs.resume({ runId: id, here, evaluated: false })
      await lab.client.runs.done({ runId: id })
    }
    expect(trained.map((each) => (each as unknown[])[1])).toEqual([undefined, undefined, true, undefined])
  })
})

describe('whoever waits for a run', () => {
  it('is told of its end, and of what stopped it, also after it has ended', async () => {
    const good = await lab.client.runs.start({ spec: spec('short', 3) })
    await lab.client.runs.done({ runId: good.id })
    expect((await lab.client.runs.get({ runId: good.id })).item.run.status).toBe('finished')
    const bad = await lab.client.runs.start({ spec: spec('fails', 5) })
    for (let asked = 0; asked < 2; asked++)
      await expect(lab.client.runs.done({ runId: bad.id })).rejects.toMatchObject({ code: 'run.failed', found: 'one made to fail' })
    await expect(lab.client.runs.done({ runId: 999 })).rejects.toMatchObject({ code: 'job.unknown' })
  })

  it('is given the id of the evaluation that a job made', async () => {
    const { id: runId } = await lab.client.runs.start({ spec: spec('evaluated', 2) })
    await lab.client.runs.done({ runId })
    const { id } = await lab.client.evaluations.start({ runId })
    expect(await lab.client.jobs.done({ jobId: id })).toEqual(expect.any(Number))
  })

  it('finds a run that asked not to be evaluated trained and nothing more', async () => {
    await lab.close()
    const evaluated: unknown[] = []
    lab = await openLocalLab({ ...fakeExperiments, evaluateRun: (_context, target) => Promise.resolve(evaluated.push(target)) })
    for (const [name, ask] of [
      ['alone', false],
      ['whole', undefined],
    ] as const) {
      const { id: runId } = await lab.client.runs.start({ spec: spec(name, 2), evaluated: ask })
      await lab.client.runs.done({ runId })
      expect((await lab.client.runs.get({ runId })).item.run.status).toBe('finished')
    }
    expect(evaluated).toHaveLength(1)
  })
})

describe('an evaluation', () => {
  it('that finds the reward rising and accuracy falling says so as a health event', async () => {
    await lab.close()
    const add = ({ store, now }: LabContext, runId: number | null, at: number, accuracy: number): number => {
      const { id } = store.evaluations.add({
        ...store.evaluations.list()[0]!,
        runId,
        step: at,
        modelId: store.models.list()[0]!.id,
        createdAtMs: now(),
      })
      store.evaluations.finish(id, {
        status: 'finished',
        atMs: now(),
        wallMs: 1,
        tokens: 1,
        metrics: { accuracy, 'completions/mean_length': 13 },
        points: [],
      })
      return id
    }
    lab = await openLocalLab({
      ...fakeExperiments,
      evaluateStart: (context) => Promise.resolve(void add(context, null, 0, 0.5)),
      evaluateRun: (context, target) => Promise.resolve(add(context, 'runId' in target ? target.runId : null, 20, 0.3)),
    })
    // Rewards of the fake run are a hundredth of the step: 0.03 over the first five, 0.18 over the last.
    const { id: runId } = await lab.client.runs.start({ spec: spec('hacked', 20) })
    const told = await event((each) => each.kind === 'event' && each.event.kind === 'health')
    expect(told).toMatchObject({ event: { code: 'reward.hacking', runId } })
    expect((await lab.client.health.list({ runId })).map(({ code }) => code)).toContain('reward.hacking')
  })
})

describe('a run that nothing works on', () => {
  it('is interrupted by a cancel while it waits or is paused, and left as it is once it has ended', async () => {
    const { id } = await lab.client.runs.start({ spec: spec('paused', 1000) })
    await step(id, 1)
    await lab.client.runs.pause({ runId: id })
    await quiet()
    const told = becomes(id, 'interrupted')
    await lab.client.runs.cancel({ runId: id })
    await told
    const store = lab.lab.workspaces.store()
    store.runs.setStatus(id, 'queued', 1)
    await lab.client.runs.cancel({ runId: id })
    expect(store.runs.get(id)!.status).toBe('interrupted')
    const [finished] = lab.filled.runIds
    await lab.client.runs.cancel({ runId: finished! })
    expect(store.runs.get(finished!)!.status).toBe('finished')
    store.runs.setStatus(id, 'failed', 1)
    await lab.client.runs.cancel({ runId: id })
    expect(store.runs.get(id)!.status).toBe('failed')
  })

  it.each(['queued', 'running', 'paused', 'interrupted', 'failed'] as const)('goes on where it was left %s', async (status) => {
    const [runId] = lab.filled.runIds as [number]
    lab.lab.workspaces.store().runs.setStatus(runId, status, 1)
    const finished = becomes(runId, 'finished')
    await lab.client.runs.resume({ runId })
    await finished
    await lab.client.runs.done({ runId })
  })

  it('is interrupted when its job ends before it said anything, and keeps the failure that it said', async () => {
    await lab.close()
    lab = await openLocalLab({ ...fakeExperiments, trainRun: () => Promise.reject(new Error('never began')) })
    const { id } = await lab.client.runs.start({ spec: spec('never', 3) })
    await expect(lab.client.runs.done({ runId: id })).rejects.toMatchObject({ code: 'lab.bug' })
    expect(lab.events.some((told) => told.kind === 'run' && told.run.id === id && told.run.status === 'interrupted')).toBe(true)
    expect(lab.lab.workspaces.store().runs.get(id)!.status).toBe('interrupted')
  })

  it('that has finished is evaluated again only where no evaluation of its newest checkpoint finished, and where it may be', async () => {
    await lab.close()
    const evaluated: unknown[] = []
    lab = await openLocalLab({ ...fakeExperiments, evaluateRun: (_context, target) => Promise.resolve(evaluated.push(target)) })
    const store = lab.lab.workspaces.store()
    const [runId, other, third] = lab.filled.runIds as [number, number, number]
    const refused = async (id: number, more: object = {}) =>
      expect(lab.client.runs.resume({ runId: id, ...more })).rejects.toMatchObject({ code: 'run.finished' })
    await refused(runId)
    // A checkpoint that nothing goes on from asks for no evaluation; a newer one to go on from does.
    const [checkpoint] = store.checkpoints.ofRun(runId)
    store.checkpoints.add({ ...checkpoint!, step: 6, contentId: 'six', resumable: false })
    await refused(runId)
    store.checkpoints.add({ ...checkpoint!, step: 5, contentId: 'five' })
    await refused(runId, { evaluated: false })
    await lab.client.runs.resume({ runId })
    await lab.client.runs.done({ runId })
    expect(evaluated).toEqual([{ runId }])
    // An evaluation that does not say of which step it is counts.
    const { id: evaluationId, ...like } = store.evaluations.ofRun(other)[0]!
    store.checkpoints.add({ ...store.checkpoints.ofRun(other)[0]!, step: 5, contentId: 'other' })
    const { id } = store.evaluations.add({ ...like, modelId: store.models.list()[0]!.id, step: null } as never)
    store.evaluations.finish(id, { status: 'finished', atMs: 1, wallMs: 1, tokens: 1, metrics: {}, points: [] })
    expect(evaluationId).not.toBe(id)
    await refused(other)
    store.checkpoints.remove(store.checkpoints.ofRun(third)[0]!.id)
    await refused(third)
  })
})

describe('what is refused', () => {
  it('is to save a checkpoint of a run that waits, or of one that is evaluated', async () => {
    await lab.close()
    const release = Promise.withResolvers<number>()
    const began = Promise.withResolvers<undefined>()
    lab = await openLocalLab({
      ...fakeExperiments,
      evaluateRun: () => {
        began.resolve(undefined)
        return release.promise
      },
    })
    const [runId] = lab.filled.runIds as [number]
    const job = await lab.client.evaluations.start({ runId })
    expect(job).toMatchObject({ kind: 'evaluate', label: 'Evaluating dr-grpo', runId })
    await began.promise
    await expect(lab.client.runs.saveCheckpoint({ runId })).rejects.toMatchObject({ code: 'run.ofStudy' })
    const waiting = await lab.client.runs.start({ spec: spec('waiting', 2) })
    await expect(lab.client.runs.saveCheckpoint({ runId: waiting.id })).rejects.toMatchObject({ code: 'run.notRunning' })
    release.resolve(1)
    await lab.client.runs.done({ runId: waiting.id })
  })

  it('is to start anything in a workspace that is open for reading, or to branch from what is not there', async () => {
    await expect(lab.client.runs.branch({ checkpointId: 999, spec: spec('none', 2) })).rejects.toMatchObject({ code: 'checkpoint.unknown' })
    await lab.client.workspace.close()
    await lab.client.workspace.open({ folder: lab.folder, readOnly: true })
    await expect(lab.client.runs.start({ spec: spec('read', 2) })).rejects.toMatchObject({ code: 'workspace.readOnly' })
  })
})
