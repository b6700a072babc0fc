// The methods of imitation (STaR, RFT, ReST-EM, MRT-STaR) on groups worked by hand.
import { describe, expect, it } from 'vitest'
import { createMethod, creditBatch, needsOf, type AlgorithmName } from '../../src-main/rl/algorithms.ts'
import { bestCut } from '../../src-main/rl/mrtStar.ts'
import { firstOfPart, partOf } from '../../src-main/rl/schedules.ts'
import type { GradedRollout } from '../../src-main/rl/types.ts'
import { context, outcomes, rollout, thinking } from './rollouts.ts'

const credit = (name: AlgorithmName, group: readonly GradedRollout[], options: Record<string, unknown> = {}) =>
  creditBatch(createMethod(name, options), group, context)
const reasons = (...given: Parameters<typeof credit>) => credit(...given).map(({ discardReason }) => discardReason ?? 'kept')
const needs = (name: AlgorithmName, options: Record<string, unknown> = {}) => needsOf(createMethod(name, options))

describe('a filter by correctness', () => {
  const group = outcomes(1, 0, 1, 1, 1)

  it('keeps every right text and pays each of its tokens 1: STaR', () => {
    expect(reasons('star', group)).toEqual(['kept', 'filtered', 'kept', 'kept', 'kept'])
    expect([...credit('star', group)[0]!.advantage]).toEqual(new Array(10).fill(1))
  })

  it('keeps no more of a problem than the cap, the first ones: ReST-EM keeps three', () => {
    expect(reasons('rest-em', group)).toEqual(['kept', 'filtered', 'kept', 'kept', 'capped'])
    expect(reasons('star', group, { cap: 1 })).toEqual(['kept', 'filtered', 'capped', 'capped', 'capped'])
    expect(reasons('rest-em', group, { cap: 0 })).toEqual(reasons('star', group))
  })

  it('keeps one of texts that are the same, and repetitions use up no cap: RFT', () => {
    const twice = group.map((one, index) => ({ ...one, ...(index === 2 && { repeats: true }) }))
    expect(reasons('rft', twice)).toEqual(['kept', 'filtered', 'repeated', 'kept', 'kept'])
    expect(reasons('rft', twice, { cap: 2 })).toEqual(['kept', 'filtered', 'repeated', 'kept', 'capped'])
    expect(reasons('star', twice)).toEqual(reasons('star', group))
  })

  it('learns nothing from what was forced', () => {
    const [first] = credit('star', [rollout({ correct: 1, tokenCount: 3, sampled: Uint8Array.of(1, 0, 1) })])
    expect([...first!.mask]).toEqual([1, 0, 1])
  })
})

describe('iterations', () => {
  it('are equal parts of a run: seven steps in three parts begin at 1, 4 and 6', () => {
    expect([1, 2, 3, 4, 5, 6, 7].map((step) => partOf(step, 7, 3))).toEqual([0, 0, 0, 1, 1, 2, 2])
    expect([1, 2, 3, 4, 5, 6, 7].map((step) => firstOfPart(step, 7, 3))).toEqual([1, 1, 1, 4, 4, 6, 6])
    expect([1, 2, 3].map((step) => firstOfPart(step, 3, 1))).toEqual([1, 1, 1])
  })

  it('begin anew from the start unless told to go on; RFT has one', () => {
    expect(needs('star').iterations).toEqual({ count: 3, fromStart: true, passes: 3 })
    expect(needs('mrt-star', { iterations: 5, restart: 'last', passes: 1 }).iterations).toEqual({ count: 5, fromStart: false, passes: 1 })
    expect(needs('rft').iterations).toMatchObject({ count: 1 })
  })
})

describe('MRT-STaR', () => {
  // Two tokens an episode: the boundaries lie at 0, 2, 4 and 6.
  const group = [
    thinking(1, [0.2, 0.5, 0.9, 0.6]), // best after its second episode, + 0.7
    thinking(0, [0.2, 0.6, 0.6], { sample: 1 }), // best after its first, the earlier of two, + 0.4
    thinking(0, [0.2, 0.1, 0.2], { sample: 2 }), // nothing beats the empty prefix
    thinking(1, [0.2, 0.9], { sample: 3 }), // + 0.7 again, in fewer tokens
  ]

  it('cuts a text where cumulative progress is greatest, the earliest of equal places', () => {
    expect(bestCut([0.2, 0.5, 0.9, 0.6])).toEqual({ boundary: 2, progress: expect.closeTo(0.7, 12) })
    expect(bestCut([0.5, 0.5])).toEqual({ boundary: 0, progress: 0 })
  })

  it('within texts: each at its own best prefix, right or wrong in the end, and none that made no progress', () => {
    expect(credit('mrt-star', group).map(({ endAt, used }) => [endAt, used])).toEqual([
      [4, false],
      [2, false],
      [undefined, false],
      [2, false],
    ])
    expect(reasons('mrt-star', group)).toEqual(['shortened', 'shortened', 'outdone', 'shortened'])
    expect(credit('mrt-star', group, { leastProgress: 0.5 }).map(({ endAt }) => endAt)).toEqual([4, undefined, undefined, 2])
  })

  it('across texts: the best prefix of the problem alone, the shorter of two that are as good', () => {
    expect(credit('mrt-star', group, { select: 'across' }).map(({ endAt }) => endAt)).toEqual([undefined, undefined, undefined, 2])
  })

  it('learns every token of prefix, forced stop and answer where the answer is right', () => {
    const endings = [1, 0, 1].map((correct, sample) =>
      rollout({
        group: 9,
        sample,
        correct: correct as 0 | 1,
        ending: true,
        tokenCount: 5,
        thinkEnd: 2,
        prefixTokens: 2,
        sampled: Uint8Array.of(0, 0, 0, 1, 1),
      }),
    )
    expect(reasons('mrt-star', endings)).toEqual(['kept', 'filtered', 'kept'])
    expect([...credit('mrt-star', endings)[0]!.advantage]).toEqual([1, 1, 1, 1, 1])
    expect(reasons('mrt-star', endings, { cap: 1 })).toEqual(['kept', 'filtered', 'capped'])
  })

  it('under its control cuts the same values in other places', () => {
    const many = Array.from({ length: 40 }, (_, sample) => thinking(0, [0, 0.1, 0.2, 0.9, 0.3], { sample }))
    const places = new Set(credit('mrt-star', many, { control: 'shuffled' }).map(({ endAt }) => endAt))
    expect(new Set(credit('mrt-star', many).map(({ endAt }) => endAt))).toEqual(new Set([6]))
    expect([...places].filter((place) => place !== undefined).toSorted()).toEqual([2, 4, 6, 8])
  })

  it('needs J, exact unless sampled answers are asked for', () => {
    expect(needs('mrt-star')).toMatchObject({ data: 'rollouts', J: 'exact', endings: true })
    expect(needs('mrt-star', { J: 'sampled', branches: 4 })).toMatchObject({ J: 'sampled', branches: 4 })
  })
})

describe('RISE', () => {
  // Turns of the group: J after its episodes and the outcome, 0.5, 0.9, 1 and 0.1, 0. Their mean is 0.5; with tau at 0.5 a turn weighs exp(2 (r - 0.5)).
  const group = [thinking(1, [0.2, 0.5, 0.9]), thinking(0, [0.2, 0.1], { sample: 1 })]
  const weight = (reward: number) => expect.closeTo(Math.exp(2 * (reward - 0.5)), 6)

  it('imitates every turn by its own success, whatever came before it, and the answer by its outcome', () => {
    const [right, wrong] = credit('rise', group)
    expect([...right!.advantage]).toEqual([0.5, 0.5, 0.9, 0.9, 1, 1, 1].map(weight))
    expect([...wrong!.advantage]).toEqual([0.1, 0.1, 0, 0, 0].map(weight))
    expect([right!.used, wrong!.used]).toEqual([true, true])
  })

  it('imitates all alike where tau is large, and draws as the methods of imitation do', () => {
    for (const { advantage } of credit('rise', group, { tau: 100 })) for (const value of advantage) expect(value).toBeCloseTo(1, 1)
    expect(needs('rise')).toMatchObject({ data: 'rollouts', J: 'exact', iterations: { count: 3, fromStart: true, passes: 1 } })
  })
})
