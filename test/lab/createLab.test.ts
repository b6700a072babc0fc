// The laboratory put together: the engine is opened once and when it is needed, changes are told under their noun, and nothing that needs
// the workspace to itself begins while a job is at work.
import { arch, cpus, platform, totalmem } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { openStore } from '../../src-main/store/openStore.ts'
import { fakeEngine, fakeExperiments } from './fakeExperiments.ts'
import { openLocalLab, type LocalLab } from './localLab.ts'
import { fill, makeWorkspace, specOf } from './records.ts'
import type { Experiments } from '../../src-main/lab/process/experiments.ts'

let lab: LocalLab
afterEach(() => lab.close())
async function open(more: Partial<Experiments> = {}): Promise<void> {
  lab = await openLocalLab({ ...fakeExperiments, ...more })
}
const nouns = (): string[] => lab.events.splice(0).flatMap((event) => (event.kind === 'changed' ? [event.noun] : []))
const busy = () => {
  const release = Promise.withResolvers<number>()
  const began = Promise.withResolvers<undefined>()
  const evaluateRun = () => {
    began.resolve(undefined)
    return release.promise
  }
  return { evaluateRun, began: began.promise, release: () => release.resolve(1) }
}

describe('the engine', () => {
  it('is opened once, by the first job that needs it, and again where that failed', async () => {
    let opened = 0
    await open({
      openEngine: () =>
        ++opened === 1 ? Promise.reject(new Error('no engine')) : Promise.resolve({ ...fakeEngine, version: '9', threads: 3 } as never),
    })
    await lab.client.runs.list()
    expect(opened).toBe(0)
    await expect(lab.client.system.selfTest({ device: 'cpu' })).rejects.toMatchObject({ found: 'Error: no engine' })
    expect((await lab.client.system.info()).engine).toMatchObject({ loaded: false, version: null, threads: null })
    for (let times = 0; times < 2; times++) await lab.client.system.selfTest({ device: 'cpu' })
    expect(opened).toBe(2)
    expect((await lab.client.system.info()).engine).toMatchObject({ loaded: true, version: '9', threads: 3 })
  })

  it('is given back when the laboratory closes', async () => {
    let disposed = 0
    await open({
      openEngine: () => Promise.resolve(Object.assign(Object.create(fakeEngine) as typeof fakeEngine, { dispose: () => void disposed++ })),
    })
    await lab.client.system.selfTest({ device: 'cpu' })
    await lab.lab.close()
    expect(disposed).toBe(1)
  })

  it('has on record what its devices showed in a self-test', async () => {
    await open()
    await lab.client.system.selfTest({ device: 'webgpu' })
    const { devices } = (await lab.client.system.info()).engine
    expect(devices.find(({ name }) => name === 'webgpu')!.test).toMatchObject({ device: 'webgpu', ok: true })
  })
})

describe('the pace of the machine', () => {
  it('is measured once, while nothing is at work, and again where it could not be', async () => {
    let measured = 0
    const work = busy()
    await open({
      evaluateRun: work.evaluateRun,
      measureSpeed: () => (++measured === 1 ? Promise.reject(new Error('too busy')) : Promise.resolve({ drawn: 1e4, read: 2e4 })),
    })
    const basis = async () => (await lab.client.runs.estimate({ spec: specOf('gspo', 1) })).basis
    await lab.client.evaluations.start({ runId: lab.filled.runIds[0]! })
    await work.began
    expect([await basis(), measured]).toEqual(['modelled', 0])
    work.release()
    while ((await lab.client.jobs.list()).length > 0) await new Promise((resolve) => setImmediate(resolve))
    expect([await basis(), await basis(), await basis(), measured]).toEqual(['modelled', 'timed', 'timed', 2])
  })
})

describe('what changes', () => {
  it('is told under its noun, and a look at what would go is no change', async () => {
    await open()
    const [runId] = lab.filled.runIds as [number]
    nouns()
    await lab.client.settings.set({ key: 'page', value: 1 })
    await lab.client.runs.rename({ runId, name: 'mine', note: '' })
    const [checkpoint] = await lab.client.checkpoints.list({ runId })
    await lab.client.checkpoints.setPinned({ checkpointId: checkpoint!.id, pinned: true })
    expect(nouns()).toEqual(['settings', 'runs', 'checkpoints'])
    const asked = { rolloutsOf: [runId], checkpointsOf: [], backups: false, exports: false }
    await lab.client.storage.prune({ ...asked, preview: true })
    expect(nouns()).toEqual([])
    await lab.client.storage.prune({ ...asked, preview: false })
    expect(nouns()).toEqual(['runs', 'rollouts', 'checkpoints'])
    await lab.client.runs.remove({ runId })
    await lab.client.runs.restore({ runId })
    await lab.client.runs.emptyBin()
    expect(nouns()).toEqual(['runs', 'runs', 'runs'])
    await lab.client.workspace.forget({ folder: '/nowhere' })
    await lab.client.workspace.close()
    expect(nouns()).toEqual(['workspace', 'workspace'])
    expect(await lab.client.workspace.info()).toBeNull()
  })
})

describe('while a job is at work', () => {
  it('no other workspace is opened, and none is closed, merged, pruned or compacted; the job is named', async () => {
    const work = busy()
    await open({ evaluateRun: work.evaluateRun })
    const { id } = await lab.client.evaluations.start({ runId: lab.filled.runIds[0]! })
    await work.began
    const asked = { rolloutsOf: [], checkpointsOf: [], backups: false, exports: false }
    const calls = [
      () => lab.client.workspace.open({ folder: lab.folder }),
      () => lab.client.workspace.openSample(),
      () => lab.client.workspace.close(),
      () => lab.client.workspaces.merge({ folder: '/nowhere', uids: null } as never),
      () => lab.client.storage.prune({ ...asked, preview: false }),
      () => lab.client.storage.compact(),
      () => lab.client.storage.copyTo({ folder: '/nowhere' }),
    ]
    for (const call of calls) await expect(call()).rejects.toMatchObject({ code: 'workspace.busyJobs', found: 'Evaluating dr-grpo' })
    await lab.client.storage.prune({ ...asked, preview: true })
    work.release()
    expect(await lab.client.jobs.done({ jobId: id })).toBe(1)
  })

  it('one that gives nothing is waited for all the same', async () => {
    await open({ evaluateRun: () => Promise.resolve(undefined as never) })
    const { id } = await lab.client.evaluations.start({ runId: lab.filled.runIds[0]! })
    expect(await lab.client.jobs.done({ jobId: id })).toBeNull()
  })
})

describe('evaluations', () => {
  it('are those of one run or of all, and the newest of each run that is asked for', async () => {
    await open()
    const { runIds, evaluationIds } = lab.filled
    expect((await lab.client.evaluations.list({ runId: runIds[1]! })).map(({ id }) => id)).toEqual([evaluationIds[1]])
    expect(await lab.client.evaluations.list()).toHaveLength(5)
    expect((await lab.client.evaluations.newest({ runIds: [runIds[2]!, runIds[0]!] })).map((each) => each?.id)).toEqual([
      evaluationIds[2],
      evaluationIds[0],
    ])
    await expect(lab.client.evaluations.get({ evaluationId: 99 })).rejects.toMatchObject({ code: 'evaluation.unknown' })
    await expect(lab.client.problems.get({ problemId: 99 })).rejects.toMatchObject({ code: 'problem.unknown' })
  })
})

describe('the machine', () => {
  it('is told as it is', async () => {
    await open()
    const { memory, engine: _engine, ...info } = await lab.client.system.info()
    expect(info).toEqual({
      version: '0.0.0',
      platform: platform(),
      arch: arch(),
      node: process.versions.node,
      cpu: { model: cpus()[0]!.model.trim(), cores: cpus().length },
      network: 'none',
    })
    expect(memory.totalBytes).toBe(totalmem())
    for (const bytes of [memory.freeBytes, memory.labBytes]) expect(bytes > 1e6 && bytes <= memory.totalBytes).toBe(true)
  })

  it('has the words that screens explain themselves with', async () => {
    await open()
    expect((await lab.client.glossary.list()).length).toBeGreaterThan(10)
    expect((await lab.client.runs.specFields()).length).toBeGreaterThan(20)
    expect((await lab.client.presets.list()).length).toBeGreaterThan(5)
  })
})

describe('another workspace', () => {
  it('is looked at and merged as a job, which tells how far it is and of all that came', async () => {
    await open()
    const other = join(lab.home, 'other')
    const store = openStore(other, { create: true, now: () => 1 })
    const { problemIds, runIds } = fill(store)
    for (const { id } of store.runs
      .list()
      .slice(1)
      .map(({ run }) => run))
      store.runs.remove(id)
    store.checkpoints.remove(store.checkpoints.ofRun(runIds[0]!)[0]!.id)
    expect(problemIds).toHaveLength(4)
    store.close()
    const { uid, same, runs } = await lab.client.workspaces.inspect({ folder: other })
    expect([same, runs.map(({ name, here, steps }) => [name, here, steps])]).toEqual([false, [['dr-grpo', null, 4]]])
    lab.events.length = 0
    const merged = await lab.client.workspaces.merge({ folder: other, uids: [runs[0]!.uid] })
    expect(merged).toMatchObject({ uid, runs: [{ uid: runs[0]!.uid, name: 'dr-grpo' }], skipped: [], added: { steps: 4, rollouts: 16 } })
    const reports = lab.events.flatMap((event) => (event.kind === 'progress' ? [event] : []))
    expect(reports.at(-1)).toMatchObject({
      runId: null,
      report: { job: expect.stringMatching(/^import-/) as unknown, label: 'Merging a workspace', unit: 'rollouts', done: 16, total: 16 },
    })
    const told = ['runs', 'evaluations', 'datasets', 'models', 'checkpoints', 'rollouts', 'studies']
    expect(nouns().filter((noun) => noun !== 'jobs')).toEqual(told)
    expect(await lab.client.runs.list()).toHaveLength(5)
    expect((await lab.client.workspaces.inspect({ folder: other })).runs[0]!.here).toBe(merged.runs[0]!.id)
    const [nothing] = [{ folder: other, uids: ['none'] }]
    await expect(lab.client.workspaces.merge(nothing)).rejects.toMatchObject({ code: 'merge.noRun' })
  })

  it('that is damaged is saved as far as it can be read, into a new one', async () => {
    await open()
    const from = join(lab.home, 'from')
    makeWorkspace(from)
    const into = join(lab.home, 'into')
    const { folder, tables } = await lab.client.workspaces.salvage({ folder: from, into })
    expect(folder).toBe(into)
    expect(tables.find(({ table }) => table === 'runs')).toMatchObject({ kept: 4, lost: 0 })
  })
})

describe('a job that is cancelled', () => {
  it('ends for whoever waits for it', async () => {
    await open({
      evaluateRun: (_context, _target, { signal }) =>
        new Promise((_, reject) => signal!.addEventListener('abort', () => reject(new Error('ended')))),
    })
    const { id } = await lab.client.evaluations.start({ runId: lab.filled.runIds[0]! })
    expect(await lab.client.jobs.cancel({ jobId: id })).toBeNull()
    await expect(lab.client.jobs.done({ jobId: id })).rejects.toMatchObject({
      code: 'job.cancelled',
      expected: 'Evaluating dr-grpo to finish',
    })
  })
})
