// The record of a study out of a workspace made by hand: what is written down of cells that are finished, begun and waiting, and what a command makes of it.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { longestOf } from '../../src-main/lab/comparing/evaluationBudgets.ts'
import { openStudy, type Study, type StudyRequest } from '../../src-main/lab/study/grid.ts'
import { openBeside, writeStudy } from '../../src-main/lab/study/ofCommand.ts'
import { recordText, type StudyRecord } from '../../src-main/lab/study/record.ts'
import { recordOf } from '../../src-main/lab/study/recording.ts'
import { renderReport } from '../../src-main/lab/study/report.ts'
import { parseSpec, spoken } from '../../src-main/lab/training/runSpecs.ts'
import { openStore, type Store } from '../../src-main/store/openStore.ts'
import type { StudyCell } from '../../src-main/store/studies.ts'
import type { Json } from '../../src-preload/contract.ts'
import { BUDGETS, fill, type Filled } from './records.ts'

let folder: string
let store: Store
let filled: Filled
let context: { readonly store: Store; readonly now: () => number }
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mrt-study-record-'))
  store = openStore(join(folder, 'workspace'), { create: true, now: () => 1 })
  filled = fill(store)
  context = { store, now: () => 7 }
})
afterEach(() => {
  store.close()
  rmSync(folder, { recursive: true, force: true })
})

const request: StudyRequest = {
  steps: 4,
  problems: 4,
  samples: 2,
  validation: 4,
  learningRate: 'fixed',
  arms: ['outcome', 'mrt-exact'],
  seeds: 2,
  changes: { budget: { thinkingTokens: 20, answerTokens: 4 }, evaluation: { budgets: [10, 40] }, optimizer: { lr: 5e-4 } },
}
const opened = (): Study => openStudy(context, 'headline', request, { cores: 2 })
const cellOf = (study: Study, arm: string, seed: number): StudyCell =>
  store.studies.cells(study.id).find((cell) => cell.arm === arm && cell.seed === seed)!

/** An evaluation of the start as the cells of this study ask it. */
function evaluateStart(study: Study): void {
  const spec = spoken(parseSpec(store.studies.cells(study.id)[0]!.spec), false)
  const { every: _every, ...evaluation } = spec.evaluation
  const { task, format, sampling, budget, device } = spec
  const { id: _id, ...like } = store.evaluations.get(filled.startEvaluationId)!
  const config = JSON.parse(JSON.stringify({ ...evaluation, longest: longestOf(spec), task, format, sampling, budget, device })) as Json
  const { id } = store.evaluations.add({ ...like, config })
  store.evaluations.addResults(id, store.evaluations.results(filled.startEvaluationId), [])
  store.evaluations.finish(id, { status: 'finished', atMs: 1, wallMs: 1, tokens: 1, metrics: {}, points: [] })
}
const NOTES = { validation: [{ step: 4, accuracy: 0.5, regret: [0.25, 0.12344] }], clusters: [0, 1] }

/** One cell finished that was taken over, one that is dearer, one begun, and one that waits. */
function worked(): Study {
  const study = opened()
  evaluateStart(study)
  const given = [
    ['outcome', 1, 0, 'finished', { ...NOTES, from: 'alpha' }],
    ['mrt-exact', 1, 2, 'finished', {}],
    ['outcome', 2, 1, 'running', { ...NOTES, clusters: [0, 0] }],
  ] as const
  for (const [arm, seed, run, status, notes] of given) {
    const { id } = cellOf(study, arm, seed)
    store.studies.setRun(id, filled.runIds[run]!)
    store.studies.setNotes(id, notes as unknown as Json)
    store.studies.setStatus(id, status, 1234.6, status === 'finished' ? 9 : null)
  }
  return study
}

describe('the record of a study', () => {
  it('of which nothing is finished says what was asked, and nothing else', () => {
    const { start, budgets, trainedBudget, clusters, cells, baseline, subject, environment, format } = recordOf(context, opened())
    expect([start, budgets, trainedBudget, clusters]).toEqual([{ parameters: 0, sha256: '', evaluations: {} }, [], 20, {}])
    expect([baseline, subject, environment, format]).toEqual(['outcome', 'mrt-exact', { cores: 2 }, 1])
    expect(cells).toEqual(
      [
        ['outcome', 1],
        ['outcome', 2],
        ['mrt-exact', 1],
        ['mrt-exact', 2],
      ].map(([arm, seed]) => ({
        arm,
        seed,
        status: 'waiting',
        steps: 0,
        revision: null,
        engine: '',
        wallMs: 0,
        learningRate: 5e-4,
        cost: { tokens: 0, estimateTokens: 0, flops: 0 },
        evaluations: {},
        equalCost: null,
        validation: [],
      })),
    )
  })

  it('has no clusters of what was measured of a cell that is only begun', () => {
    const study = opened()
    const { id } = cellOf(study, 'outcome', 1)
    store.studies.setRun(id, filled.runIds[0]!)
    store.studies.setNotes(id, NOTES)
    const { clusters, cells } = recordOf(context, study)
    expect([clusters, cells[0]!.validation]).toEqual([{}, []])
  })

  it('has the numbers of what is finished, the cost of what is begun, and each where it belongs', () => {
    const { start, budgets, clusters, cells } = recordOf(context, worked())
    const tenths = (...shares: number[]): number[] => shares.map((share) => 1000 * share)
    expect(budgets).toEqual(BUDGETS)
    expect(start).toMatchObject({ parameters: 10, sha256: 'abc', evaluations: { heldout: { regret: tenths(10, 9.5, 9, 8.5) } } })
    expect(clusters).toEqual({ heldout: [0, 1, 2, 3], validation: [0, 1] })
    const [first, begun, exact, waiting] = cells
    // Right with 0.2, 0.4, 0.6 and 0.8 at 40 tokens, with half of that at 20 and a quarter at 10.
    const natural = [tenths(0.5, 1, 1.5, 2), tenths(1, 2, 3, 4), tenths(2, 4, 6, 8)]
    const cost = { tokens: 192, estimateTokens: 48, flops: 4e9 }
    expect(first).toMatchObject({
      status: 'finished',
      steps: 4,
      wallMs: 1235,
      from: 'alpha',
      learningRate: 1e-4,
      cost,
      evaluations: { heldout: { natural, kept: natural, regret: tenths(9.5, 9, 8.5, 8), tokens: [1000, 1200, 1400, 1600] } },
      validation: [{ step: 4, accuracy: 0.5, regret: [2500, 1234] }],
    })
    expect(begun).toMatchObject({ status: 'running', steps: 4, cost, equalCost: null, validation: [] })
    expect(begun!.evaluations).toEqual({})
    const better = [tenths(1, 1.5, 2, 2.5), tenths(2, 3, 4, 5), tenths(4, 6, 8, 10)]
    expect(exact).toMatchObject({
      evaluations: { heldout: { natural: better } },
      // It cost what the baseline of its seed did, and is read at its end.
      equalCost: { step: 4, flops: 4e9, values: { natural: better } },
      validation: [],
    })
    expect(exact).not.toHaveProperty('from')
    expect(waiting).toMatchObject({ status: 'waiting', steps: 0, learningRate: 5e-4, cost: { tokens: 0, flops: 0 } })
  })

  it('holds no more of a cell whose run was deleted than that it was finished', () => {
    const study = worked()
    store.runs.remove(filled.runIds[0]!)
    const [gone] = recordOf(context, study).cells
    expect(gone).toMatchObject({ status: 'finished', steps: 0, validation: [], cost: { flops: 0 }, learningRate: 5e-4 })
    expect(gone!.evaluations).toEqual({})
  })
})

describe('a study that a command works on', () => {
  const given = (beside: StudyRecord | undefined) => ({ environment: {}, beside })

  it('is planned by what is asked for and not done elsewhere', () => {
    const record = recordOf(context, worked())
    const asked = { ...request, seeds: 1 }
    expect(openBeside(context, 'headline', request, given(undefined)).plan).toMatchObject({ cells: 4, open: 2 })
    expect(openBeside(context, 'headline', request, given(record)).plan).toMatchObject({ cells: 4, open: 2 })
    expect(openBeside(context, 'headline', asked, given(record)).plan).toMatchObject({ cells: 2, open: 0 })
    // Another size of it is another study, which the record is not of; it is there all the same.
    expect(() => openBeside(context, 'headline', { ...request, steps: 5 }, given(record))).toThrow(
      expect.objectContaining({ code: 'study.record', expected: 'a record with steps 5', found: 'steps 4' }),
    )
    expect(store.studies.list().map(({ conditions }) => (conditions as { steps: number }).steps)).toEqual([4, 5])
  })

  it('is written as a page and a record into folders of their own, finished once every cell is', () => {
    const study = worked()
    const files = { report: join(folder, 'out', 'page', 'study.md'), record: join(folder, 'out', 'records', 'study.json') }
    const own = recordOf(context, study)
    expect(writeStudy(context, study, { beside: undefined, ...files })).toEqual({ text: renderReport(own), finished: false })
    expect([readFileSync(files.report, 'utf8'), readFileSync(files.record, 'utf8')]).toEqual([renderReport(own), recordText(own)])
    // What another place has finished of it is finished here.
    const done = own.cells[0]!
    const beside = {
      ...own,
      cells: own.cells.map((cell) => (cell.status === 'finished' ? cell : { ...done, arm: cell.arm, seed: cell.seed })),
    }
    const { text, finished } = writeStudy(context, study, { beside, ...files })
    expect(finished).toBe(true)
    expect(text).toContain('4 runs of 4 steps')
    expect(readFileSync(files.report, 'utf8')).toBe(text)
    expect((JSON.parse(readFileSync(files.record, 'utf8')) as StudyRecord).cells.map(({ status }) => status)).toEqual(
      Array.from({ length: 4 }, () => 'finished'),
    )
  })
})
