// The anytime methods (BRPO, regret-exact): thinking is paid the accuracy at the budgets still ahead, answers at a cut are paid apart; by hand.
import { describe, expect, it } from 'vitest'
import { createMethod, needsOf } from '../../src-main/rl/algorithms.ts'
import { drawBudgets } from '../../src-main/rl/anytime.ts'
import type { GradedRollout } from '../../src-main/rl/types.ts'
import { credit, near, rollout, sum } from './rollouts.ts'

/** Two tokens that were sampled after a prefix of two and the forced end of its thinking. */
const answer = (correct: 0 | 1, sample: number, given: Partial<GradedRollout> = {}) =>
  rollout({
    correct,
    sample,
    tokenCount: 5,
    thinkEnd: 2,
    prefixTokens: 2,
    arm: 'terminate',
    cut: [0],
    sampled: Uint8Array.of(1, 1, 0, 1, 1),
    ...given,
  })

describe('BRPO', () => {
  // Four budgets of two tokens each. One rollout thinks for all eight tokens, the other stops after three.
  const cut = (one: GradedRollout, ...J: readonly number[]): GradedRollout => ({
    ...one,
    cuts: { budgets: [2, 4, 6, 8], offsets: [2, 4, 6, 8].map((budget) => Math.min(budget, one.thinkEnd)), J: Float64Array.from(J) },
  })
  const long = rollout({ correct: 1, tokenCount: 11, thinkEnd: 8 })
  const short = rollout({ sample: 1, tokenCount: 6, thinkEnd: 3 })
  const pair = [cut(long, 0, 0.5, 0.5, 1), cut(short, 0, 0.25, 0.25, 0.25)]

  it('pays a token the accuracy at the budgets still ahead of it, less a baseline of budgets behind it and of the group', () => {
    const [first, second] = credit('brpo', pair, { prior: 'uniform' })
    // Ahead, a quarter each: 0.5, 0.5, 0.375, 0.25 and 0.1875, 0.1875, 0.125, 0.0625; means 0.34375, 0.34375, 0.25, 0.15625.
    // V1 of the long one: none; 0 of 3/4; (2 * 0 + 4 * 0.5) / 6 of 1/2; (2 * 0 + 4 * 0.5 + 8 * 0.5) / 14 of 1/4.
    const baselines = [0.34375, (2 * 0 + 2 * 0.34375) / 4, (3 * (1 / 6) + 0.25) / 4, (4 * (6 / 14 / 4)) / 4]
    const paid = [0.5, 0.5, 0.375, 0.25].map((ahead, segment) => ahead - baselines[segment]!)
    expect([...first.advantage]).toEqual(
      near(paid[0]!, paid[0]!, paid[1]!, paid[1]!, paid[2]!, paid[2]!, paid[3]!, paid[3]!, paid[3]!, 0, 0),
    )
    // Three tokens of thinking and the closing one, the answer is not paid here.
    expect([...second.mask]).toEqual([1, 1, 1, 1, 0, 0])
    expect(second.advantage[3]).toBeCloseTo(0.1875 - (2 * 0 + 2 * 0.34375) / 4, 6)
    expect(first.reward).toBeCloseTo(0.5, 9)
  })

  it('weighs budgets by the prior: the last alone, all alike, or in proportion', () => {
    expect(['base', 'uniform', 'linear'].map((prior) => credit('brpo', pair, { prior })[0].reward)).toEqual(
      near(1, 0.5, (0.5 * 2 + 0.5 * 3 + 1 * 4) / 10),
    )
  })

  it('pays the answers of a cut their centred outcome, after the prefix', () => {
    expect(credit('brpo', [answer(1, 0), answer(0, 1)]).map((one) => [...one.advantage])).toEqual([
      [0, 0, 0, 0.5, 0.5],
      [0, 0, 0, -0.5, -0.5],
    ])
    // Learned from at half of the cuts, each counts twice; answers of one kind say nothing and are not learned from.
    expect([...credit('brpo', [answer(1, 0), answer(0, 1)], { answerShare: 0.5 })[0].advantage]).toEqual([0, 0, 0, 1, 1])
    expect(credit('brpo', [answer(0, 0), answer(0, 1)]).map(({ discardReason }) => discardReason)).toEqual(['no-signal', 'no-signal'])
  })

  it('asks for answers at equal shares of the thinking budget', () => {
    expect(needsOf(createMethod('brpo')).cuts).toEqual({ shares: [0.25, 0.5, 0.75, 1], J: 'sampled', answers: 4, learned: 1 })
  })
})

describe('regret-exact', () => {
  const shares = [2, 4, 8, 12]
  const cut = (one: GradedRollout, ...J: readonly number[]): GradedRollout => ({
    ...one,
    cuts: { budgets: shares, offsets: shares.map((budget) => Math.min(budget, one.thinkEnd)), J: Float64Array.from(J) },
  })
  const options = { budgets: 2, reach: 3, beyond: 0.5, keptShare: 0.5, baseline: 'group' }
  const natural = (sample: number, ...J: readonly number[]) => cut(rollout({ sample, tokenCount: 6, thinkEnd: 4 }), ...J)
  const kept = (sample: number, ...J: readonly number[]) =>
    cut(
      rollout({ sample, kept: true, tokenCount: 14, thinkEnd: 12, sampled: Uint8Array.of(1, 1, 1, 1, 0, 1, 1, 1, 1, 1, 1, 1, 0, 1) }),
      ...J,
    )

  it('pays the area still ahead less the mean of rollouts of the same kind, over a prior that only kept ones have beyond the budget', () => {
    const credits = credit(
      'regret-exact',
      [natural(0, 0, 1, 1, 1), natural(1, 0, 0, 0, 0), kept(2, 0, 0, 1, 1), kept(3, 0, 0, 0, 1)],
      options,
    )
    // Halves within the budget: areas 0.5 and 0. Kept: quarters of four budgets: 0.5 and 0.25.
    expect(credits.map(({ reward }) => reward)).toEqual(near(0.5, 0, 0.5, 0.25))
    expect([...credits[0].advantage]).toEqual(near(0.25, 0.25, 0.25, 0.25, 0, 0))
    expect([...credits[2].advantage.subarray(0, 12)]).toEqual(near(0.125, 0.125, 0.125, 0.125, 0, 0.125, 0.125, 0.125, 0, 0, 0, 0))
  })

  it('can hold the area against what it would be if J stayed as it is', () => {
    const [one] = credit('regret-exact', [natural(0, 0.5, 1, 1, 1), natural(1, 0.5, 0, 0, 0)], { ...options, baseline: 'before' })
    // Second segment: 0.5 * 1 ahead, 0.5 * 0.5 if it stayed.
    expect(one.advantage[2]).toBeCloseTo(0.5 - 0.25, 6)
  })

  it('moves from the mean of the group to J before the segment, by default, a share of the way with each segment', () => {
    const { baseline: _baseline, ...usual } = options
    const [, , one] = credit(
      'regret-exact',
      [natural(0, 0, 1, 1, 1), natural(1, 0, 0, 0, 0), kept(2, 0.5, 0.5, 1, 1), kept(3, 0, 0, 0, 1)],
      usual,
    )
    // Areas ahead 0.75, 0.625, 0.5, 0.25, of the group on average 0.5, 0.4375, 0.375, 0.25; if J stayed 0.375, 0.25 and 0.25 from the second
    // segment on, which count for a half, three quarters and all of what is held against them.
    const held = [0.5, (0.375 + 0.4375) / 2, (3 * 0.25 + 0.375) / 4, 0.25]
    const paid = [0.75, 0.625, 0.5, 0.25].map((ahead, segment) => ahead - held[segment]!)
    expect([0, 2, 5, 8].map((token) => one!.advantage[token])).toEqual(near(...paid))
  })

  it('weighs sampled answers by the prior of the budgets that cut there, leave-one-out, so that their sum estimates the gradient of J', () => {
    const given = [answer(1, 0, { cut: [1, 2], kept: true }), answer(0, 1, { cut: [1, 2], kept: true })]
    // Prior of the two budgets 1/4 each; (1 - 0) / 2 answers.
    const all = { ...options, answerShare: 1 }
    expect([...credit('regret-exact', given, all)[0].advantage]).toEqual(near(0, 0, 0, 0.25, 0.25))
    const fifth = { ...options, answerShare: 0.2 }
    expect([...credit('regret-exact', given, fifth)[0].advantage]).toEqual(near(0, 0, 0, 1.25, 1.25))
    expect(credit('regret-exact', [answer(1, 0), answer(1, 1)], all).map(({ used }) => used)).toEqual([false, false])
  })

  it('weighs a sampled answer by how rare its rollout, its group and its budget are, and by the weight of answers', () => {
    const paid = (more: Record<string, unknown>, given: Partial<GradedRollout> = {}) =>
      credit('regret-exact', [answer(1, 0, { cut: [1], ...given }), answer(0, 1, { cut: [1], ...given })], {
        ...options,
        answerShare: 1,
        ...more,
      })[0].advantage[4]
    // The second budget has half of the prior of a usual rollout, a quarter of that of a kept one; (1 - 0) / 2 answers.
    expect([paid({}), paid({}, { kept: true })]).toEqual(near(0.25, 0.125))
    // Only kept ones are of groups drawn by lot, here a quarter of them.
    expect([paid({ keptGroups: 0.25 }), paid({ keptGroups: 0.25 }, { kept: true })]).toEqual(near(0.25, 0.5))
    // Two of four budgets, and one of them.
    expect([paid({ cutShare: 0.5 }), paid({ cutShare: 0.25 })]).toEqual(near(0.5, 1))
    expect(paid({ answerWeight: 3 })).toBeCloseTo(0.75, 9)
  })

  it('pays on average over the lot what it pays without, where J is taken at a share of the budgets, and answers weigh as much on average', () => {
    const group = [natural(0, 0.2, 0.9, 0.9, 0.9), natural(1, 0.4, 0.1, 0.1, 0.1), kept(2, 0.3, 0.5, 1, 0.7), kept(3, 0.6, 0.2, 0.1, 0.4)]
    const under = { ...options, answerGradient: 'exact' }
    const whole = credit('regret-exact', group, under)
    for (const cutShare of [0.25, 0.5, 0.75]) {
      // Lots that stand for all of them alike: each draws budgets with chance 4 * cutShare / 4.
      const lots = [0.125, 0.375, 0.625, 0.875]
      const drawn = lots.map((lot) => drawBudgets(cutShare, 4, lot))
      expect(drawn.every((indices) => indices.length === 4 * cutShare && new Set(indices).size === indices.length)).toBe(true)
      for (const index of [0, 1, 2, 3]) expect(drawn.filter((indices) => indices.includes(index)).length / lots.length).toBe(cutShare)
      const paid = drawn.map((indices) =>
        credit(
          'regret-exact',
          group.map((one) => ({
            ...one,
            cuts: {
              budgets: indices.map((index) => one.cuts!.budgets[index]!),
              offsets: indices.map((index) => one.cuts!.offsets[index]!),
              J: Float64Array.from(indices, (index) => one.cuts!.J[index]!),
              drawn: indices,
            },
          })),
          { ...under, cutShare },
        ),
      )
      whole.forEach((credits, at) => {
        credits.advantage.forEach((advantage, token) =>
          expect(sum(paid.map((lot) => lot[at].advantage[token])) / lots.length).toBeCloseTo(advantage, 6),
        )
        credits.answerWeights!.forEach((weight, index) =>
          expect(sum(paid.map((lot, draw) => lot[at].answerWeights![drawn[draw]!.indexOf(index)] ?? 0)) / lots.length).toBeCloseTo(
            weight,
            9,
          ),
        )
      })
    }
  })

  it('weighs what was drawn by lot as much more as it is rarer: kept rollouts of few groups, answers at few budgets or of few rollouts', () => {
    const group = [kept(0, 0, 0, 1, 1), kept(1, 0, 0, 0, 1)]
    const of = (more: Record<string, unknown>, seed = 7) =>
      credit('regret-exact', group, { ...options, answerGradient: 'exact', ...more }, { seed })[0]
    expect([...of({ keptGroups: 0.25 }).advantage]).toEqual([...of({}).advantage].map((value) => expect.closeTo(4 * value, 6)))
    expect(of({ keptGroups: 0.25 }).answerWeights).toEqual(of({}).answerWeights!.map((weight) => 4 * weight))
    const followed = Array.from({ length: 400 }, (_, seed) => of({ followShare: 0.25 }, seed).answerWeights)
    expect(followed.find((weights) => weights !== undefined)).toEqual(of({}).answerWeights!.map((weight) => 4 * weight))
    // The prior of a kept rollout is a quarter for each of the four budgets.
    expect(of({ answerWeight: 3 }).answerWeights).toEqual([0.75, 0.75, 0.75, 0.75])
    const share = followed.filter((weights) => weights !== undefined).length / 400
    expect(Math.abs(share - 0.25)).toBeLessThan(0.07)
  })

  it('asks for J at the budgets, and for rollouts kept going where the prior reaches beyond', () => {
    expect(needsOf(createMethod('regret-exact', options))).toMatchObject({
      cuts: { shares: [0.5, 1, 2, 3], J: 'exact' },
      kept: { share: 0.5, times: 3 },
    })
    for (const without of [{ reach: 1 }, { keptShare: 0 }])
      expect(needsOf(createMethod('regret-exact', without))).not.toHaveProperty('kept')
    const drawn = (keptGroups: number) => [
      ...credit('regret-exact', [natural(0, 0.5, 1, 1, 1), natural(1, 0.5, 0, 0, 0)], { ...options, keptGroups })[0].advantage,
    ]
    expect(drawn(0.5)).toEqual(drawn(1))
    const kept = (given: Record<string, unknown>) => needsOf(createMethod('regret-exact', given)).kept
    expect(kept({ reach: 2, keptShare: 0.5, keptGroups: 1 })).toEqual({ share: 0.5, times: 2 })
    expect(kept({ reach: 2, keptShare: 0.5, keptGroups: 0.5 })).toEqual({ share: 0.5, times: 2, groups: 0.5 })
    const asked = (given: Record<string, unknown>) => needsOf(createMethod('regret-exact', given)).cuts!
    expect(asked({ answerWeight: 0.5, answerGradient: 'sampled', answers: 3 })).toMatchObject({ answers: 3 })
    expect(asked({ answerWeight: 0, answerGradient: 'sampled', answers: 3 })).toMatchObject({ answers: 0 })
    expect(asked({ answerWeight: 0.5, answerGradient: 'exact' })).toMatchObject({ answers: 0, follows: true })
    expect(asked({ answerWeight: 0, answerGradient: 'exact' })).not.toHaveProperty('follows')
    expect(asked({ cutShare: 1 })).not.toHaveProperty('measured')
    expect(asked({ cutShare: 0.5 })).toMatchObject({ measured: 0.5 })
  })
})
