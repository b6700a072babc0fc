// What J foretold by type of problem, on rollouts whose J and grades are known.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { calibrationByType } from '../../src-main/lab/thinking/calibrationByType.ts'
import type { CalibrationByType } from '../../src-preload/contract.ts'
import { evaluateRun } from '../../src-main/lab/comparing/evaluateRun.ts'
import { parseSpec } from '../../src-main/lab/training/runSpecs.ts'
import type { OpenedContext } from '../../src-main/lab/process/openContext.ts'
import { microSpec, openBench, type Bench } from './micro.ts'

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
