// A study as a person steers it from a window, over experiments that keep records and compute nothing.
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Study, StudyRequest } from '../../src-preload/contract.ts'
import { openLocalLab, type LocalLab } from './localLab.ts'

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
    expect(defaults.seeds).toBeGreaterThanOrEqual(5)
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
