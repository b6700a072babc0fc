// The laboratory put together: the engine is opened once and when it is needed, changes are told under their noun, and nothing that needs
// the workspace to itself begins while a job is at work.
import { afterEach, describe, expect, it } from 'vitest'
import { fakeEngine, fakeExperiments } from './fakeExperiments.ts'
import { openLocalLab, type LocalLab } from './localLab.ts'
import { specOf } from './records.ts'
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
