// What J foretold by type of problem, on rollouts whose J and grades are known.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { calibrationByType } from '../../src-main/lab/thinking/calibrationByType.ts'
import type { CalibrationByType } from '../../src-preload/contract.ts'
import { evaluateRun } from '../../src-main/lab/comparing/evaluateRun.ts'
import { parseSpec } from '../../src-main/lab/training/runSpecs.ts'
import type { OpenedContext } from '../../src-main/lab/process/openContext.ts'
import { openEvaluated } from './evaluated.ts'
import { microSpec, openBench, type Bench } from './micro.ts'
import { rollout } from './records.ts'

let bench: Bench
let context: OpenedContext
let evaluationId: number
let found: CalibrationByType
const signal = new AbortController().signal
const ask = (by: string) => calibrationByType(context.store, { evaluationId }, { by, bins: 5, limit: 1000 }, signal)
beforeAll(async () => {
  bench = await openBench()
  context = bench.open('calibration')
  evaluationId = await evaluateRun(context, {
    startOf: parseSpec(microSpec('starter', { name: 'dr-grpo' }, { evaluation: { problems: 16, samples: 4, budgets: [24] } })),
  })
  found = await ask('level')
})
afterAll(() => {
  context.close()
  bench.dispose()
})

describe('what J foretold beside what was graded', () => {
  it('is told of every type of problem, and the types together are all of it', () => {
    expect(found.types.length).toBeGreaterThan(1)
    expect(found.all).toMatchObject({ problems: 16, forecasts: 64 })
    for (const part of ['problems', 'forecasts'] as const)
      expect(found.types.reduce((sum, type) => sum + type[part], 0)).toBe(found.all[part])
    const weighed = found.types.reduce((sum, { problems, gap }) => sum + problems * gap.value, 0) / found.all.problems
    expect(weighed).toBeCloseTo(found.all.gap.value, 9)
  })

  it('has as its gap what was foretold less what came, and an interval around it', () => {
    for (const { foretold, realised, gap } of [...found.types, found.all]) {
      expect(gap.value).toBeCloseTo(foretold.value - realised.value, 9)
      if (gap.low !== null) expect(gap.low).toBeLessThanOrEqual(gap.value)
    }
  })

  it('agrees with the records: mean J at the end of thoughts and share of right answers, rollouts kept going left out', () => {
    const rows = context.store.rollouts
      .page({ filter: { evaluationId, keptThinking: false }, sort: 'place', descending: false, limit: 1000, after: null })
      .rollouts.map(({ id }) => context.store.rollouts.detail(id)!)
    expect(rows).toHaveLength(64)
    const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length
    expect(found.all.foretold.value).toBeCloseTo(mean(rows.map(({ progress }) => progress[0]!.estimates.at(-1)!.value)), 6)
    expect(found.all.realised.value).toBeCloseTo(mean(rows.map(({ rollout }) => Number(rollout.correct))), 9)
    // The calibration error by its definition: gaps of the bins, weighed by how many forecasts lie in them.
    const inBin = (J: number): number => Math.min(4, Math.floor(5 * Math.min(1, J)))
    const bins = Map.groupBy(rows, ({ progress }) => inBin(progress[0]!.estimates.at(-1)!.value))
    const error = [...bins.values()].reduce(
      (sum, own) =>
        sum +
        (own.length / 64) *
          Math.abs(
            mean(own.map(({ progress }) => progress[0]!.estimates.at(-1)!.value)) - mean(own.map(({ rollout }) => Number(rollout.correct))),
          ),
      0,
    )
    expect(found.all.error).toBeCloseTo(error, 6)
  })

  it('can tell them apart by a column, and refuses one that there is not', async () => {
    expect((await ask('column:cluster')).types.map(({ type }) => type)).toEqual(
      expect.arrayContaining([expect.stringMatching(/^target \d+$/)]),
    )
    await expect(ask('colour')).rejects.toMatchObject({ code: 'thinking.slice' })
    await expect(calibrationByType(context.store, { evaluationId: 99 }, { by: 'level', bins: 5, limit: 9 }, signal)).rejects.toMatchObject({
      code: 'thinking.unmeasured',
    })
  })
})

describe('forecasts that are known', () => {
  /** A thought that begins at J 0.1 and ends at this. */
  const ending = (problemId: number, sample: number, J: number, correct: boolean | null) => {
    const like = rollout(problemId, problemId, sample, correct === true)
    const [curve] = like.progress
    return {
      ...like,
      correct,
      progress: [{ ...curve!, estimates: curve!.estimates.map((each) => ({ ...each, value: each.boundary === 2 ? J : 0.1 })) }],
    }
  }

  it('are told apart by difficulty or a column in order, each beside what came, those not graded left out', async () => {
    const made = openEvaluated()
    try {
      const { store, datasetId } = made
      const [a, b, c] = store.datasets.addProblems(
        datasetId,
        [
          { kind: 'x10', level: 10 },
          { kind: 'x', level: 1 },
          { kind: 'x2', level: 2 },
        ].map(({ kind, level }) => ({ key: kind, split: 'train', prompt: kind, answer: '1', level, slices: { kind } })),
      ) as [number, number, number]
      const add = (runId: number, ...answers: readonly ReturnType<typeof ending>[]) =>
        store.rollouts.add({ runId, evaluationId: null, phase: 'train', step: 1 }, answers)
      const runId = made.run('a')
      // Sums over many right answers end a rounding error above 1.
      add(runId, ending(b, 0, 1.0000001, true), ending(b, 1, 0.5, false), ending(c, 0, 0.2, true), ending(a, 0, 0.9, false))
      add(runId, ending(a, 1, 0.3, null))
      const asked = (by: string, bins = 2, of = runId) => calibrationByType(store, { runId: of }, { by, bins, limit: 100 }, signal)
      const near = (value: number): number => expect.closeTo(value, 9) as number
      const { title, types, all, bins } = await asked('level')
      expect([title, types.map(({ type }) => type)]).toEqual(['difficulty', ['level 1', 'level 2', 'level 10']])
      expect(types.map(({ problems, forecasts }) => [problems, forecasts])).toEqual([
        [1, 2],
        [1, 1],
        [1, 1],
      ])
      expect(types.map(({ foretold, realised, gap, brier, error }) => [foretold.value, realised.value, gap.value, brier, error])).toEqual([
        [0.75, 0.5, 0.25, 0.125, 0.25].map(near),
        [0.2, 1, -0.8, 0.64, 0.8].map(near),
        [0.9, 0, 0.9, 0.81, 0.9].map(near),
      ])
      expect(all).toMatchObject({ type: 'all', problems: 3, forecasts: 4, foretold: { value: near((0.75 + 0.2 + 0.9) / 3) } })
      expect(bins).toEqual([
        { low: 0, high: 0.5, count: 1, predicted: near(0.2), observed: 1 },
        { low: 0.5, high: 1, count: 3, predicted: near(0.8), observed: near(1 / 3) },
      ])
      expect((await asked('level', 10)).bins[4]).toMatchObject({ count: 0, predicted: null, observed: null })
      expect((await asked('column:kind')).types.map(({ type }) => type)).toEqual(['x', 'x2', 'x10'])
      // Rollouts can be told apart otherwise too, which says nothing of problems.
      await expect(asked('correct')).rejects.toMatchObject({ code: 'thinking.slice', expected: 'level, column:kind', found: 'correct' })
      const [alike, ungraded] = [made.run('b'), made.run('c')]
      add(alike, ending(a, 0, 0.9, true))
      add(ungraded, ending(a, 0, 0.9, null))
      await expect(asked('level', 2, alike)).rejects.toMatchObject({ expected: 'problems that differ in difficulty or in a column' })
      await expect(asked('level', 2, ungraded)).rejects.toMatchObject({ code: 'thinking.unmeasured', found: 'none among 1 that were read' })
    } finally {
      made.close()
    }
  })
})
