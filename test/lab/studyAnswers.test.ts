// A study as a person steers it from a window, over experiments that keep records and compute nothing.
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { LabError, type Job, type Study, type StudyRequest } from '../../src-preload/contract.ts'
import { studyPresets } from '../../src-main/lab/study/presets.ts'
import { fakeExperiments } from './fakeExperiments.ts'
import { openLocalLab, type LocalLab } from './localLab.ts'
import { specOf } from './records.ts'

let lab: LocalLab
beforeEach(async () => {
  lab = await openLocalLab()
})
afterEach(() => lab.close())

const request: StudyRequest = {
  name: 'controls',
  arms: ['outcome', 'mrt-exact'],
  seeds: 3,
  steps: 4,
  problems: 8,
  samples: 2,
  validation: 4,
  learningRate: 'fixed',
  start: null,
}

/** Resolves when the list of studies is as wanted; every change of it is told. */
async function list(wanted: (studies: readonly Study[]) => boolean): Promise<readonly Study[]> {
  for (;;) {
    const changed = new Promise<void>((resolve) => {
      const stop = lab.onEvent((told) => {
        if (told.kind !== 'changed' || !['studies', 'jobs'].includes(told.noun)) return
        stop()
        resolve()
      })
    })
    const studies = await lab.client.studies.list()
    if (wanted(studies)) return studies
    await changed
  }
}
const finished = ({ cells }: Study): number => cells.filter(({ status }) => status === 'finished').length

describe('studies', () => {
  it('name what can be asked, with arms of their own and a baseline among them', async () => {
    const { presets, defaults } = await lab.client.studies.presets()
    expect(presets.length).toBeGreaterThan(8)
    for (const { arms, baseline, subject } of presets)
      expect(arms.map(({ key }) => key)).toEqual(expect.arrayContaining([baseline, subject]))
    expect(presets).toEqual(
      Object.entries(studyPresets).map(([name, { arms, ...preset }]) => ({
        name,
        ...preset,
        arms: arms.map(({ key, title, role }) => ({ key, title, role })),
      })),
    )
    expect(defaults).toEqual({ steps: 60, seeds: 8, problems: 256, samples: 4, validation: 64, learningRate: 'sweep' })
  })

  it('are shown with what they ask, of what size, and how far each cell is', async () => {
    const started = await lab.client.studies.start(request)
    const { title, about } = studyPresets.controls!
    const shown = { name: 'controls', title, about, steps: 4, problems: 8, samples: 2, validation: 4, learningRate: 'fixed' }
    const { uid, createdAtMs, environment } = lab.lab.workspaces.store().studies.get(started.id)!
    expect(started).toMatchObject({ ...shown, uid, createdAtMs, leftMs: null, job: { label: 'Study controls', runId: null } })
    expect(environment).toEqual({ cores: 2 })
    const [done] = await list(([study]) => study!.job === null)
    expect(done).toMatchObject({ ...shown, leftMs: 0 })
    for (const cell of done!.cells) expect(cell).toMatchObject({ status: 'finished', runId: null, step: 0, steps: 4, error: null })
    expect(new Set(done!.cells.map((cell) => cell.title))).toEqual(
      new Set(studyPresets.controls!.arms.filter(({ key }) => request.arms!.includes(key)).map((arm) => arm.title)),
    )
  })

  it('are planned and worked on as they are asked for: all of the cells when one goes on, from another start where one is named', async () => {
    await lab.close()
    const asked: unknown[] = []
    lab = await openLocalLab({
      ...fakeExperiments,
      planStudy(_context, name, given) {
        asked.push(['plan', name, given])
        return Promise.reject(new LabError('study.plan', { expected: 'a plan', found: 'none', next: 'Make one.' }))
      },
      runStudy: (_context, { name }, { only, environment }) => Promise.resolve(asked.push(['run', name, only, environment]) > 0),
      reportStudy: () => Promise.resolve(null),
    })
    const { start: _start, ...rest } = request
    await expect(lab.client.studies.plan(request)).rejects.toMatchObject({ code: 'study.plan' })
    await expect(lab.client.studies.plan({ ...request, start: 'model:3' })).rejects.toMatchObject({ code: 'study.plan' })
    const { id } = await lab.client.studies.start({ ...request, arms: ['outcome'], seeds: 2 })
    await list(([study]) => study!.job === null)
    await lab.client.studies.goOn({ studyId: id })
    await list(([study]) => study!.job === null)
    expect(asked).toEqual([
      ['plan', 'controls', rest],
      ['plan', 'controls', { ...rest, changes: { start: 'model:3' } }],
      ['run', 'controls', { arms: ['outcome'], seeds: 2 }, { cores: 2 }],
      ['run', 'controls', undefined, { cores: 2 }],
    ])
    expect(await lab.client.studies.report({ studyId: id })).toBeNull()
  })

  it('are found by the run that they work on, until that run rests, whatever else is told of others', async () => {
    await lab.close()
    const works: unknown[] = []
    lab = await openLocalLab({
      ...fakeExperiments,
      async runStudy({ store }, _study, { onEvent }) {
        await Promise.resolve()
        const [a, b] = lab.filled.runIds as [number, number]
        for (const [id, status] of [
          [a, 'running'],
          [b, 'finished'],
          [a, 'finished'],
          [b, 'running'],
        ] as const) {
          onEvent?.({ kind: 'run', run: { ...store.runs.get(id)!, status } })
          works.push((lab.lab.answers.jobs.list(undefined, { signal: new AbortController().signal }) as Job[])[0]!.runId)
        }
        return true
      },
    })
    await lab.client.studies.start(request)
    await list(([study]) => study!.job === null)
    const [a, b] = lab.filled.runIds
    expect(works).toEqual([a, a, null, b])
    expect(lab.events.filter(({ kind }) => kind === 'run')).toHaveLength(4)
  })

  it('are one job from the first cell to the last, and stay in the list when that has ended', async () => {
    const started = await lab.client.studies.start(request)
    expect(started.job?.kind).toBe('study')
    expect(started.cells.map(({ arm, seed, rate }) => [arm, seed, rate])).toEqual([
      ['outcome', 1, null],
      ['outcome', 2, null],
      ['outcome', 3, null],
      ['mrt-exact', 1, null],
      ['mrt-exact', 2, null],
      ['mrt-exact', 3, null],
    ])
    const [done] = await list(([study]) => study!.job === null)
    expect(finished(done!)).toBe(6)
    expect((await lab.client.studies.report({ studyId: done!.id }))?.text).toContain('# ')
  })

  it('pause, say so, and go on to the cells that are left; asked to go on twice at once, the second is refused', async () => {
    const { id } = await lab.client.studies.start(request)
    await lab.client.studies.pause({ studyId: id })
    const [paused] = await list(([study]) => study!.job === null)
    expect(finished(paused!)).toBeLessThan(6)
    await expect(lab.client.studies.pause({ studyId: id })).rejects.toMatchObject({ code: 'study.idle' })
    await lab.client.studies.goOn({ studyId: id })
    await expect(lab.client.studies.goOn({ studyId: id })).rejects.toMatchObject({ code: 'study.busy' })
    await expect(lab.client.studies.remove({ studyId: id })).rejects.toMatchObject({ code: 'study.busy' })
    const [done] = await list(([study]) => study!.job === null)
    expect(finished(done!)).toBe(6)
  })

  it('of the same conditions are one: asked for more seeds, it gets the cells that it lacks', async () => {
    await lab.client.studies.start({ ...request, seeds: 1 })
    await list(([study]) => study!.job === null)
    await lab.client.studies.start({ ...request, seeds: 2 })
    const studies = await list(([study]) => study!.job === null)
    expect(studies).toHaveLength(1)
    expect(finished(studies[0]!)).toBe(4)
    await lab.client.studies.start({ ...request, steps: 5 })
    expect(await list((all) => all.every(({ job }) => job === null))).toHaveLength(2)
  })

  it('bring a sweep of learning rates for each arm where the best of one is wanted', async () => {
    const { cells } = await lab.client.studies.start({ ...request, arms: ['outcome'], seeds: 1, learningRate: 'sweep' })
    expect(cells.map(({ rate }) => rate)).toEqual([3e-5, 1e-4, 3e-4, 1e-3, null])
    expect(cells.every(({ title }) => title === 'outcome RL (Dr. GRPO)')).toBe(true)
  })

  it('leave the list when somebody takes them out, and nothing is left of their cells', async () => {
    const { id } = await lab.client.studies.start(request)
    await list(([study]) => study!.job === null)
    await lab.client.studies.remove({ studyId: id })
    expect(await lab.client.studies.list()).toEqual([])
    await expect(lab.client.studies.report({ studyId: id })).rejects.toMatchObject({ code: 'study.unknown' })
  })

  it('refuse a name and an arm that nobody knows, by name', async () => {
    await expect(lab.client.studies.start({ ...request, name: 'nonsense' })).rejects.toMatchObject({ code: 'study.unknown' })
    await expect(lab.client.studies.start({ ...request, arms: ['nonsense'] })).rejects.toMatchObject({
      code: 'study.arm',
      found: 'nonsense',
    })
    expect(await lab.client.studies.list()).toEqual([])
  })
})

describe('a study beside other work', () => {
  it('that waits for its turn is taken out of the queue by a pause, and nothing of it was worked on', async () => {
    const { id: runId } = await lab.client.runs.start({ spec: specOf('grpo', 1, { steps: 1000 }) })
    const { id } = await lab.client.studies.start(request)
    await lab.client.studies.pause({ studyId: id })
    const [study] = await list(([one]) => one!.job === null)
    for (const cell of study!.cells) expect(cell).toMatchObject({ status: 'waiting', runId: null, step: 0, steps: 4, wallMs: 0 })
    await lab.client.runs.cancel({ runId })
  })

  it('holds the runs of its cells while it is at work, and takes those it goes on with out of the bin', async () => {
    await lab.close()
    let release = Promise.withResolvers<undefined>()
    let began = Promise.withResolvers<undefined>()
    lab = await openLocalLab({
      ...fakeExperiments,
      async runStudy({ store }, { id }, { onEvent }) {
        const [first, second] = store.studies.cells(id)
        store.studies.setRun(first!.id, lab.filled.runIds[0]!)
        store.studies.setStatus(first!.id, 'finished', 5000, 1)
        store.studies.setRun(second!.id, lab.filled.runIds[1]!)
        store.studies.setNotes(second!.id, { error: 'went wrong' })
        onEvent?.({ kind: 'run', run: { ...store.runs.get(lab.filled.runIds[1]!)!, status: 'running' } })
        began.resolve(undefined)
        await release.promise
        onEvent?.({ kind: 'run', run: store.runs.get(lab.filled.runIds[1]!)! })
        store.studies.setStatus(second!.id, 'failed', 1, 1)
        return false
      },
    })
    const [finished, failed, other] = lab.filled.runIds as [number, number, number]
    await lab.client.runs.remove({ runId: other })
    const { id } = await lab.client.studies.start({ ...request, arms: ['outcome'], seeds: 2 })
    await began.promise
    expect((await lab.client.jobs.list())[0]).toMatchObject({ kind: 'study', runId: failed })
    const [atWork] = await lab.client.studies.list()
    // A failure that is being made good is none.
    expect(atWork!.cells.map(({ runId, status, error }) => [runId, status, error])).toEqual([
      [finished, 'finished', null],
      [failed, 'running', null],
    ])
    expect(atWork!.cells[0]).toMatchObject({ wallMs: 5000, step: 4, steps: 4 })
    // Nothing was noted with the cell yet: what its run knows counts.
    const { activeMs } = lab.lab.workspaces.store().runs.get(failed)!
    expect([activeMs, atWork!.cells[1]!.wallMs]).toEqual([4000, 4000])
    await expect(lab.client.runs.remove({ runId: finished })).rejects.toMatchObject({ code: 'run.ofStudy' })
    release.resolve(undefined)
    const [ended] = await list(([study]) => study!.job === null)
    expect(ended!.cells[1]).toMatchObject({ status: 'failed', error: 'went wrong' })
    const { studies } = lab.lab.workspaces.store()
    studies.setNotes(ended!.cells[1]!.id, {})
    expect((await lab.client.studies.list())[0]!.cells[1]).toMatchObject({ status: 'failed', error: null })
    for (const runId of [finished, failed]) await lab.client.runs.remove({ runId })
    release = Promise.withResolvers()
    began = Promise.withResolvers()
    lab.events.length = 0
    await lab.client.studies.goOn({ studyId: id })
    // What had ended stays where somebody put it.
    expect((await lab.client.runs.bin()).map((run) => run.id)).toEqual([other, finished])
    expect(lab.events.some((told) => told.kind === 'changed' && told.noun === 'runs')).toBe(true)
    release.resolve(undefined)
    await list(([study]) => study!.job === null)
    await expect(lab.client.studies.goOn({ studyId: 999 })).rejects.toMatchObject({ code: 'study.unknown' })
  })
})
