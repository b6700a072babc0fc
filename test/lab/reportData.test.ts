// How much a page of a comparison holds: which of many steps it can be read as of, which budget it opens at, and how finely its curves are drawn.
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { reportData } from '../../src-main/lab/comparing/reportFile.ts'
import { decimate } from '../../src-main/store/decimate.ts'
import type { Store } from '../../src-main/store/openStore.ts'
import { exportRequest, type ExportAsked, type ReportData } from '../../src-preload/contract.ts'
import { stepOf } from '../store/runRecord.ts'
import { openEvaluated, type EvaluatedWorkspace } from './evaluated.ts'

type Asked = Extract<ExportAsked, { kind: 'report' }>
let made: EvaluatedWorkspace
beforeEach(() => {
  made = openEvaluated()
})
afterEach(() => made.close())

/** The same at every budget, so that there is one accuracy to ask about. */
const RESULTS = [1, 2, 3, 4].map(() => ({ accuracy: 0.5, at: [0.5, 0.5, 0.5] }))
const asked = (runIds: readonly number[], more: object = {}): Asked => exportRequest.parse({ kind: 'report', runIds, ...more }) as Asked
const dataOf = (request: Asked, store: Store = made.store, told: (done: number, total: number) => void = () => {}): Promise<ReportData> =>
  reportData({ store, version: '1', now: () => 5 }, request, told)

describe('a report', () => {
  it('can be read as of ten earlier steps at most', async () => {
    const id = made.run('a')
    for (let step = 1; step <= 13; step++) made.evaluate(id, RESULTS, { step })
    const { steps, views, evaluations } = await dataOf(asked([id]))
    // Twelve earlier ones, of which ten are evenly spread.
    expect(steps).toEqual([1, 2, 3, 5, 6, 7, 8, 10, 11, 12, 13])
    expect(views.map(({ step }) => step)).toEqual([null, ...steps.slice(0, -1)])
    expect(evaluations.map(({ step }) => step).sort((a, b) => a! - b!)).toEqual(steps)
  })

  it('can be read as of the start where that was measured, and tells how much of it is gathered', async () => {
    const id = made.run('a')
    for (const step of [1, 2, 3]) made.evaluate(id, RESULTS, { step })
    made.evaluate(null, RESULTS)
    const heard: (readonly [number, number])[] = []
    const { steps, views } = await dataOf(asked([id]), made.store, (done, total) => heard.push([done, total]))
    expect([steps, views.map(({ step }) => step)]).toEqual([
      [1, 2, 3],
      [null, 0, 1, 2],
    ])
    expect(heard).toEqual([1, 2, 3, 4].map((done) => [done, 4]))
  })

  it('opens at the budget that is asked for, else at that of training, else in the middle of those measured', async () => {
    const [trained, free] = [made.run('trained'), made.run('free')]
    made.evaluate(trained, RESULTS)
    made.evaluate(free, RESULTS, { trainedBudget: null })
    const budgetOf = async (id: number, budget?: number) => (await dataOf(asked([id], budget === undefined ? {} : { budget }))).budget
    expect([await budgetOf(trained, 40), await budgetOf(trained), await budgetOf(free)]).toEqual([40, 20, 20])
    const finer = RESULTS.map((each) => ({ ...each, at: [0.1, 0.2, 0.3, 0.4] }))
    made.evaluate(free, finer, { trainedBudget: null, budgets: [10, 15, 30, 40], step: 5 })
    expect(await budgetOf(free)).toBe(30)
  })

  it('is whole where its runs were measured at a single budget', async () => {
    const id = made.run('a')
    const single = RESULTS.map((each) => ({ ...each, at: [0.5] }))
    for (const of of [null, id]) made.evaluate(of, single, { budgets: [20] })
    const { budgets, views } = await dataOf(asked([id]))
    expect([budgets, views.map(({ step, tables }) => [step, tables.length])]).toEqual([
      [20],
      [
        [null, 1],
        [0, 1],
      ],
    ])
  })

  it('holds what its runs are and were made of, and nothing of other runs', async () => {
    const [first, second, other] = [made.run('a'), made.run('b'), made.run('c')]
    for (const id of [first, second, other]) made.evaluate(id, RESULTS)
    const data = await dataOf(asked([second, first]))
    expect(data).toMatchObject({ title: 'b, a', baseline: second, madeAtMs: 5, groupBy: 'group', models: [{ id: made.modelId }] })
    expect(data.runs.map(({ run }) => run.id)).toEqual([first, second])
    expect(data.evaluations.map(({ runId }) => runId)).toEqual([first, second])
    expect([data.datasets.length, (await dataOf(asked([first, second], { baseline: second }))).baseline]).toEqual([1, second])
  })

  it('has a thousand points in a curve at most, sixty at least, and between them as many as leave room for all', async () => {
    const [first, second, third] = [made.run('a', { seed: 1 }), made.run('a', { seed: 2 }), made.run('b')]
    for (const id of [first, second, third]) made.evaluate(id, RESULTS)
    const valuesOf = (length: number): number[] => Array.from({ length }, (_, at) => Math.sin(at) + at / 1000)
    const withMetrics = (count: number, value: number[]): Store => ({
      ...made.store,
      steps: {
        ...made.store.steps,
        metricNames: () => Array.from({ length: count }, (_, at) => `metric ${at}`),
        series(runId, metric) {
          const step = value.map((_, at) => at + 1)
          return {
            runId,
            metric,
            step,
            value: value.map((each) => each + runId),
            tokens: step,
            wallMs: step,
            flops: step,
            pointCount: step.length,
            exact: true,
          }
        },
      },
    })
    const pointsOf = async (count: number, length: number, runIds: readonly number[], groupBy: 'run' | 'group' = 'group') => {
      const { curves } = await dataOf(asked(runIds, { groupBy }), withMetrics(count, valuesOf(length)))
      expect(Object.keys(curves)).toHaveLength(count)
      return curves['metric 0']!.map(({ curve }) => curve.value.length)
    }
    const points = (most: number, length: number): number => decimate(valuesOf(length), most).length
    expect(await pointsOf(1, 1500, [third])).toEqual([points(1000, 1500)])
    // Nine bytes a number; six numbers a point, and eight more where seeds have bands; two arms of two and one seeds.
    const all = [first, second, third]
    expect(await pointsOf(30, 400, all)).toEqual([331, 331].map((most) => points(most, 400)))
    expect(await pointsOf(30, 600, all, 'run')).toEqual([514, 514, 514].map((most) => points(most, 600)))
    expect(await pointsOf(260, 80, all, 'run')).toEqual([60, 60, 60].map((most) => points(most, 80)))
    // Of runs that were trained elsewhere nothing is scored: each is an arm, or those of one configuration together are.
    const elsewhere = [1, 2].map((seed) => made.run('c', { seed, method: 'imported' }))
    expect(await pointsOf(30, 1000, elsewhere, 'run')).toEqual([772, 772].map((most) => points(most, 1000)))
    expect(await pointsOf(30, 1000, elsewhere)).toEqual([points(661, 1000)])
  })

  it('has every band of arms of several seeds, and none of others', async () => {
    const [first, second, third] = [made.run('a', { seed: 1 }, 2), made.run('a', { seed: 2 }), made.run('b', {}, 2)]
    for (const id of [first, second, third]) made.evaluate(id, RESULTS)
    for (const step of [1, 2])
      made.store.steps.record({ step: stepOf(second, step, { reward: step / 10 + 0.2 }), rollouts: [], events: [] })
    const bandsOf = async (groupBy: 'run' | 'group') =>
      (await dataOf(asked([first, second, third], { groupBy }))).curves.reward!.map(({ bands }) => bands)
    const [two, one] = await bandsOf('group')
    // Means of 0.2 and 0.3, seeds 0.2 apart: their deviation, its error, and t of one degree of freedom times that.
    const around = (half: number) => ({
      low: [0.2, 0.3].map((mean) => expect.closeTo(mean - half, 6) as number),
      high: [0.2, 0.3].map((mean) => expect.closeTo(mean + half, 6) as number),
    })
    expect(two).toEqual({
      deviation: around(0.2 / Math.SQRT2),
      error: around(0.1),
      bootstrap: around(12.706204736 * 0.1),
      range: around(0.1),
    })
    const none = { deviation: null, error: null, bootstrap: null, range: null }
    expect([one, await bandsOf('run')]).toEqual([none, [none, none, none]])
  })
})
