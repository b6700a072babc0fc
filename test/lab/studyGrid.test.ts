// The grid of a study before anything trains: its cells and what each is to do, the order in which they are worked on, and how long that takes.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  armOf,
  cellsAsked,
  conditionsOf,
  imagineStudy,
  openStudy,
  presetOf,
  remainingMs,
  sweptRates,
  titleOf,
  type StudyRequest,
} from '../../src-main/lab/study/grid.ts'
import { planOf } from '../../src-main/lab/study/plan.ts'
import { checkpointAtCost, costByStep, costOfBaseline, evaluationOf } from '../../src-main/lab/study/reached.ts'
import type { StudyRecord } from '../../src-main/lab/study/record.ts'
import { parseSpec } from '../../src-main/lab/training/runSpecs.ts'
import { openStore, type Store } from '../../src-main/store/openStore.ts'
import type { StudyCell } from '../../src-main/store/studies.ts'
import { fill, type Filled } from './records.ts'
import { cellOf, recordWith, studyCell } from './writtenStudy.ts'

let folder: string
let store: Store
let filled: Filled
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'mrt-grid-'))
  store = openStore(folder, { create: true, now: () => 1 })
  filled = fill(store)
})
afterAll(() => {
  store.close()
  rmSync(folder, { recursive: true, force: true })
})

const request: StudyRequest = {
  steps: 40,
  problems: 8,
  samples: 2,
  validation: 4,
  learningRate: 'fixed',
  arms: ['outcome', 'mrt-exact'],
  seeds: 2,
}
const cellsOf = (more: Partial<StudyRequest> = {}): readonly StudyCell[] =>
  imagineStudy({ store }, 'headline', { ...request, ...more }).cells
const specOf = ({ spec }: StudyCell) => parseSpec(spec)

describe('the cells of a grid', () => {
  it('are every arm with every seed, each as the study asks', () => {
    const cells = cellsOf()
    expect(cells.map(({ arm, seed, status, id, runId }) => [arm, seed, status, id, runId])).toEqual([
      ['outcome', 1, 'waiting', 0, null],
      ['mrt-exact', 1, 'waiting', 0, null],
      ['outcome', 2, 'waiting', 0, null],
      ['mrt-exact', 2, 'waiting', 0, null],
    ])
    const { arms } = presetOf('headline')
    for (const each of cells) {
      const { seed, steps, checkpointEvery, evaluation, optimizer, group, algorithm } = specOf(each)
      const own = parseSpec(arms.find(({ key }) => key === each.arm)!.spec)
      expect([seed, steps, checkpointEvery, evaluation.problems, evaluation.samples, optimizer.lr, group, algorithm.name]).toEqual([
        each.seed,
        40,
        3,
        8,
        2,
        own.optimizer.lr,
        `study  ${each.arm}`,
        own.algorithm.name,
      ])
    }
  })

  it('have a dozen checkpoints unless another number is asked for, and one at every step of few', () => {
    expect(
      [cellsOf({ steps: 60 }), cellsOf({ steps: 11 }), cellsOf({ checkpointEvery: 9 })].map(([first]) => specOf(first!).checkpointEvery),
    ).toEqual([5, 1, 9])
  })

  it('learn at their own rate, at one for all, or at the best of a sweep that comes before them', () => {
    expect(cellsOf({ learningRate: 0.5 }).map((each) => specOf(each).optimizer.lr)).toEqual([0.5, 0.5, 0.5, 0.5])
    const swept = cellsOf({ learningRate: 'sweep', seeds: 1, steps: 41 })
    expect(swept.map(({ arm, seed }) => [arm, seed])).toEqual([
      ...['outcome', 'mrt-exact'].flatMap((arm) => [3e-5, 1e-4, 3e-4, 1e-3].map((rate) => [`${arm} at rate ${rate}`, 1000])),
      ['outcome', 1],
      ['mrt-exact', 1],
    ])
    expect(swept.slice(0, 4).map((each) => [specOf(each).optimizer.lr, specOf(each).steps, specOf(each).group])).toEqual(
      [3e-5, 1e-4, 3e-4, 1e-3].map((rate) => [rate, 21, `study  outcome at rate ${rate}`]),
    )
    expect(specOf(swept.at(-1)!).steps).toBe(41)
    expect(specOf(cellsOf({ learningRate: 'sweep', steps: 1 })[0]!).steps).toBe(1)
  })

  it('are of every arm of the study where none is named, and nothing of them is on record', () => {
    const { study, cells } = imagineStudy({ store }, 'headline', { ...request, arms: null, seeds: 1 })
    expect(cells.map(({ arm }) => arm)).toEqual(presetOf('headline').arms.map(({ key }) => key))
    expect(study).toMatchObject({ id: 0, uid: '', createdAtMs: 0, environment: null })
    for (const cell of cells) expect(cell).toMatchObject({ studyId: 0, wallMs: 0, finishedAtMs: null, notes: {} })
    for (const name of ['nonsense', 'toString'])
      expect(() => presetOf(name)).toThrow(expect.objectContaining({ code: 'study.unknown', found: name }))
  })

  it('that are on record are those, and what is lacking is imagined beside them', () => {
    const study = openStudy({ store, now: () => 7 }, 'headline', { ...request, seeds: 1, steps: 39 }, { cores: 2 })
    expect([study.createdAtMs, study.environment, conditionsOf(study).steps]).toEqual([7, { cores: 2 }, 39])
    expect(openStudy({ store, now: () => 8 }, 'headline', { ...request, seeds: 1, steps: 39 }, {}).id).toBe(study.id)
    const { study: same, cells } = imagineStudy({ store }, 'headline', { ...request, steps: 39 })
    expect(same.id).toBe(study.id)
    expect(cells.map(({ id, arm, seed }) => [id > 0, arm, seed])).toEqual([
      [true, 'outcome', 1],
      [true, 'mrt-exact', 1],
      [false, 'outcome', 2],
      [false, 'mrt-exact', 2],
    ])
    store.studies.remove(study.id)
  })
})

describe('the cells that are asked for', () => {
  const cells = [
    studyCell(1, 'b', 2),
    studyCell(2, 'a', 2),
    studyCell(3, 'a', 1),
    studyCell(4, 'a at rate 0.1', 1000),
    studyCell(5, 'b at rate 0.1', 1000),
    studyCell(6, 'b', 1),
  ]

  it('are worked on seed by seed behind the sweeps', () => {
    expect(cellsAsked(cells).map(({ id }) => id)).toEqual([4, 5, 3, 6, 1, 2])
    expect(cellsAsked(cells, { arms: ['a'] }).map(({ id }) => id)).toEqual([4, 3, 2])
    expect(cellsAsked(cells, { seeds: 1 }).map(({ id }) => id)).toEqual([4, 5, 3, 6])
  })

  it('are called by their arm, and a sweep by its rate', () => {
    expect([armOf({ arm: 'a at rate 0.001' }), armOf({ arm: 'a' })]).toEqual([
      { key: 'a', rate: 0.001 },
      { key: 'a', rate: null },
    ])
    const preset = presetOf('headline')
    expect([
      titleOf(preset, { arm: 'outcome' }),
      titleOf(preset, { arm: 'outcome at rate 0.001' }),
      titleOf(null, { arm: 'x at rate 2' }),
    ]).toEqual(['outcome RL (Dr. GRPO)', 'outcome RL (Dr. GRPO), sweep at 0.001', 'x, sweep at 2'])
  })
})

describe('the time that is left', () => {
  const done = { status: 'finished' } as const

  it('is not known before the first cell is finished', () => {
    expect(remainingMs([studyCell(1, 'a', 1), studyCell(2, 'a', 2, { status: 'failed', wallMs: 9 })])).toBeNull()
  })

  it('is what finished cells of the arm took, or all of them where none is, less what was spent already', () => {
    const cells = [
      studyCell(1, 'a', 1, { ...done, wallMs: 100 }),
      studyCell(2, 'a', 2, { ...done, wallMs: 300 }),
      studyCell(3, 'b', 1, { ...done, wallMs: 50 }),
      studyCell(4, 'a', 3, { wallMs: 80 }),
      studyCell(5, 'c', 1),
      studyCell(6, 'b', 2, { wallMs: 70 }),
    ]
    expect(remainingMs(cells)).toBe(200 - 80 + 150 + 0)
    expect(remainingMs(cells, cells.slice(0, 4))).toBe(120)
    expect(remainingMs(cells.slice(0, 3))).toBe(0)
  })
})

it('a sweep has found what its last measurement on validation problems says', () => {
  const validation = (accuracy: number) => ({
    validation: [
      { step: 1, accuracy: 0, regret: [] },
      { step: 2, accuracy, regret: [] },
    ],
  })
  const cells = [
    studyCell(1, 'a at rate 0.1', 1000, { status: 'finished', notes: validation(0.5) }),
    studyCell(2, 'a at rate 0.2', 1000, { notes: validation(0.9) }),
    studyCell(3, 'b at rate 0.1', 1000, { status: 'finished', notes: validation(0.7) }),
    studyCell(4, 'a', 1, { status: 'finished', notes: validation(0.8) }),
  ]
  expect(sweptRates(cells, 'a')).toEqual([{ rate: 0.1, accuracy: 0.5 }])
})

describe('the plan of a study', () => {
  it('takes a second and a tenth for a step, and 18 thousandths of one for an evaluated rollout, until a cell has been timed', () => {
    const of = (more: Partial<StudyRequest>) => {
      const { study, cells } = imagineStudy({ store }, 'headline', { ...request, ...more })
      return planOf({ store }, study, cells)
    }
    const { kept } = specOf(cellsOf()[0]!).evaluation
    const one = 40 * 1100 + 18 * (2 * 8 * (2 + kept) + 4 * 8)
    expect(of({})).toMatchObject({ cells: 4, open: 4, leftMs: 4 * one, assumed: true })
    const swept = of({ learningRate: 'sweep' })
    expect([swept.cells, swept.leftMs, swept.power.seeds]).toEqual([12, 12 * one, 2])
    expect(of({}).power).toMatchObject({ problems: 8, seeds: 2 })
  })
})

describe('what a run had cost', () => {
  it('is the operations of its steps up to each, and its last checkpoint within so many is the one that they pay for', () => {
    const [runId] = filled.runIds
    expect(Array.from(costByStep({ store }, runId!))).toEqual([1e9, 2e9, 3e9, 4e9])
    const at = (limit: number): number | undefined => checkpointAtCost({ store }, limit, runId!)?.step
    const first = store.checkpoints.ofRun(runId!)[0]!
    const { id: _id, ...same } = first
    store.checkpoints.add({ ...same, contentId: 'two', step: 2 })
    expect([at(4e9), at(4e9 * (1 - 1e-10)), at(3.9e9), at(2e9), at(1.9e9)]).toEqual([4, 4, 2, 2, undefined])
  })

  it('is told beside the newest finished evaluation of its weights at a step, on the problems that are asked for', () => {
    const [runId] = filled.runIds
    const [evaluationId] = filled.evaluationIds
    expect(evaluationOf({ store }, runId!, 4, 'heldout')?.id).toBe(evaluationId)
    expect([evaluationOf({ store }, runId!, 3, 'heldout'), evaluationOf({ store }, runId!, 4, 'validation')]).toEqual([null, null])
    const { id: _id, ...same } = store.evaluations.get(evaluationId!)!
    store.evaluations.add(same)
    expect(evaluationOf({ store }, runId!, 4, 'heldout')?.id).toBe(evaluationId)
  })

  it('of the baseline is that of its finished run here, else that of the record beside', () => {
    const context = { store, now: () => 7 }
    const study = openStudy(context, 'headline', { ...request, steps: 38 }, {})
    const cost = (seed: number, beside?: StudyRecord): number | null => costOfBaseline({ store }, study, seed, beside)
    const beside = recordWith([cellOf('outcome', 1), cellOf('mrt-exact', 2), cellOf('outcome', 3, {}, { status: 'running' })])
    const cell = (arm: string, seed: number): StudyCell =>
      store.studies.cells(study.id).find((each) => each.arm === arm && each.seed === seed)!
    expect([cost(1), cost(1, beside), cost(2, beside), cost(3, beside)]).toEqual([null, 4e12, null, null])
    const { id: _id, uid: _uid, ...near } = store.runs.get(filled.runIds[0]!)!
    const run = store.runs.add({ ...near, name: 'of a study' }).id
    for (const step of [1, 2])
      store.steps.record({ step: { ...store.steps.get(filled.runIds[0]!, step)!, runId: run }, rollouts: [], events: [] })
    for (const [arm, seed] of [
      ['outcome', 1],
      ['mrt-exact', 2],
    ] as const)
      store.studies.setRun(cell(arm, seed).id, run)
    expect(cost(1, beside)).toBe(4e12)
    for (const [arm, seed] of [
      ['outcome', 1],
      ['outcome', 2],
      ['mrt-exact', 2],
    ] as const)
      store.studies.setStatus(cell(arm, seed).id, 'finished', 5, 9)
    // The second seed of the baseline is finished and its run is not here.
    expect([cost(1), cost(1, beside), cost(2), cost(2, beside)]).toEqual([2e9, 2e9, null, null])
    store.runs.remove(run)
    expect([cost(1), cost(1, beside)]).toEqual([null, 4e12])
    store.studies.remove(study.id)
  })
})
