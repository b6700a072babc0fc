// Small rules that several algorithms share: which budgets are measured and what they weigh, what a prover makes of few answers, and how a
// weight changes over a run.
import { describe, expect, it } from 'vitest'
import { areaAhead, cutScores, drawBudgets, measuredOf, meansBySegment, paySegments } from '../../src-main/rl/anytime.ts'
import { bestOfSampled } from '../../src-main/rl/mrtOnline.ts'
import { bestCut } from '../../src-main/rl/mrtStar.ts'
import { reachingPrior, reachingShares } from '../../src-main/rl/regretExact.ts'
import { courseOption, doneBefore } from '../../src-main/rl/schedules.ts'
import { softOverlong } from '../../src-main/rl/overlong.ts'
import { rollout } from './rollouts.ts'

const code = (wanted: string) => expect.objectContaining({ code: wanted })

describe('budgets', () => {
  it('are measured at a share of them, rounded, and never at none', () => {
    expect([0, 0.1, 0.25, 0.3, 0.5, 1].map((share) => measuredOf(share, 6))).toEqual([1, 1, 2, 2, 3, 6])
  })

  it('are drawn evenly spread, each as often as any other, whatever the lot', () => {
    expect(drawBudgets(1, 4, 0.99)).toEqual([0, 1, 2, 3])
    expect([0, 0.5, 0.99, 1].map((lot) => drawBudgets(0.5, 4, lot))).toEqual([
      [0, 2],
      [1, 3],
      [1, 3],
      [2, 3],
    ])
    const drawn = Array.from({ length: 120 }, (_, at) => drawBudgets(0.4, 5, (at + 0.5) / 120)).flat()
    expect([0, 1, 2, 3, 4].map((budget) => drawn.filter((each) => each === budget).length)).toEqual([48, 48, 48, 48, 48])
  })

  it('have ahead of them the weighted area from each segment on', () => {
    expect(areaAhead([1, 0.5, 0.25], [0.5, 0.25, 0.25])).toEqual([0.6875, 0.1875, 0.0625])
    expect(areaAhead([1], [0.5])).toEqual([0.5])
    expect(
      meansBySegment([
        [1, 2],
        [3, 6],
      ]),
    ).toEqual([2, 4])
  })

  it('must all have been measured', () => {
    const measured = { group: 2, sample: 3, cuts: { J: [0.5, 0.5], budgets: [1, 2], offsets: [1, 2] } } as never
    expect(cutScores(measured, 2)).toMatchObject({ J: [0.5, 0.5] })
    expect(() => cutScores(measured, 3)).toThrow(code('rl.no-termination-scores'))
    expect(() => cutScores({ group: 2, sample: 3 } as never, 2)).toThrow(code('rl.no-termination-scores'))
  })

  it('reach in equal parts to the thinking budget and in whole multiples beyond it', () => {
    expect(reachingShares({ budgets: 4, reach: 1 })).toEqual([0.25, 0.5, 0.75, 1])
    expect(reachingShares({ budgets: 2, reach: 4 })).toEqual([0.5, 1, 2, 3, 4])
  })

  it('beyond the thinking budget weigh their part for a rollout that was kept thinking, and nothing for another', () => {
    expect(reachingPrior({ budgets: 2, reach: 3, beyond: 0.5 }, true)).toEqual([0.25, 0.25, 0.25, 0.25])
    expect(reachingPrior({ budgets: 2, reach: 2, beyond: 0.25 }, true)).toEqual([0.375, 0.375, 0.25])
    expect(reachingPrior({ budgets: 2, reach: 3, beyond: 0.5 }, false)).toEqual([0.5, 0.5, 0, 0])
    expect(reachingPrior({ budgets: 4, reach: 1, beyond: 0.5 }, true)).toEqual([0.25, 0.25, 0.25, 0.25])
  })
})

describe('pay by segments of thinking', () => {
  // Five tokens of thinking and the one that closes it; the first budget is two tokens, the second lies beyond the end.
  const paid = (...forced: readonly number[]) =>
    paySegments(
      rollout({
        tokenCount: 8,
        thinkEnd: 5,
        episodes: [
          { start: 0, end: 2 },
          { start: 2, end: 5 },
        ],
        sampled: Uint8Array.from({ length: 8 }, (_, token) => Number(!forced.includes(token))),
      }),
      { budgets: [2, 6], offsets: [2, 5], J: Float64Array.of(0, 0) },
      { outcome: 1, area: 0.5 },
      [3, 5],
    )

  it('pays no outcome on top, and tells an episode and the end of thinking the mean over the tokens that are paid', () => {
    const { reward, used, outcomeAdvantage, episodeBonus, tailBonus, advantage } = paid(3)
    expect([...advantage]).toEqual([3, 3, 5, 0, 5, 5, 0, 0])
    expect([reward, used, outcomeAdvantage, [...episodeBonus], tailBonus]).toEqual([1.5, true, 0, [3, 5], 5])
    expect([...paid(0, 2, 3).episodeBonus]).toEqual([3, 5])
  })

  it('tells nothing of what was forced, and learns nothing where all of it was', () => {
    expect(paid(0, 1, 5)).toMatchObject({ used: true, tailBonus: 0 })
    expect([...paid(0, 1, 5).episodeBonus]).toEqual([0, 5])
    expect(paid(0, 1, 2, 3, 4, 5)).toMatchObject({ used: false, discardReason: 'no-tokens', reward: 1.5 })
  })
})

describe('a prover that succeeds if any of K answers does', () => {
  it('is the unbiased estimate from the answers that were sampled, and J itself for one', () => {
    expect(bestOfSampled(0.3, 4, 1)).toBe(0.3)
    expect(bestOfSampled(0.5, 4, 2)).toBeCloseTo(1 - 1 / 6, 12)
    expect(bestOfSampled(0.25 + 1e-8, 4, 4)).toBe(1)
  })

  it('refuses more answers than there are, and a J that is no share of them', () => {
    expect(() => bestOfSampled(0.5, 4, 5)).toThrow(code('rl.option-value'))
    expect(() => bestOfSampled(0.3, 4, 2)).toThrow(code('rl.rollout'))
    expect(() => bestOfSampled(0.25 + 1e-5, 4, 2)).toThrow(code('rl.rollout'))
  })
})

it('the best cut is the earliest of the highest J, measured from the empty thought', () => {
  expect(bestCut([0.25, 0.75, 0.5, 0.75])).toEqual({ boundary: 1, progress: 0.5 })
  expect(bestCut([0.5, 0.25])).toEqual({ boundary: 0, progress: 0 })
})

it('a text is too long from the buffer before the budget on, in a line down to -1', () => {
  expect([79, 80, 90, 100, 200].map((length) => softOverlong(length, 100, 20) + 0)).toEqual([0, 0, -0.5, -1, -1])
  expect([softOverlong(200, 100, 0), softOverlong(200, 100, -1)]).toEqual([0, 0])
})

it('a course is asked for under the conditions that its maker names', () => {
  expect(courseOption('r', { alpha: { above: 0 } }).when).toEqual({ alpha: { above: 0 } })
  expect(courseOption('r')).not.toHaveProperty('when')
  expect([1, 2, 5].map((step) => doneBefore(step, 4))).toEqual([0, 0.25, 1])
})
