// The comparators of length and of information (soft overlong, L1, Kimi, cosine, IGPO, e3) on groups worked by hand.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { passAtK } from '../../src-main/numeric/passAtK.ts'
import { createMethod, creditBatch, needsOf, type AlgorithmName } from '../../src-main/rl/algorithms.ts'
import { drawBudgets } from '../../src-main/rl/anytime.ts'
import { coupledStages } from '../../src-main/rl/e3.ts'
import { grpoAdvantages } from '../../src-main/rl/grpo.ts'
import { courseAt, stageAt } from '../../src-main/rl/schedules.ts'
import type { CreditContext, GradedRollout } from '../../src-main/rl/types.ts'
import { anyGroup, context, outcomes, rollout, sum, thinking } from './rollouts.ts'

const credit = (
  name: AlgorithmName,
  group: readonly GradedRollout[],
  options: Record<string, unknown> = {},
  more: Partial<CreditContext> = {},
) => creditBatch(createMethod(name, options), group, { ...context, ...more })
const rewards = (credits: readonly { readonly reward: number }[]) => credits.map(({ reward }) => Number(reward.toFixed(6)))
const near = (...values: readonly number[]) => values.map((value) => expect.closeTo(value, 6))

// Right and short, right and long, wrong and long. The budget is 16 tokens.
const group = [
  rollout({ correct: 1, tokenCount: 4, sample: 0 }),
  rollout({ correct: 1, tokenCount: 12, sample: 1 }),
  rollout({ correct: 0, tokenCount: 14, sample: 2 }),
]

describe('soft overlong', () => {
  it('charges the last part of the budget alone, right or wrong, and centres like Dr. GRPO', () => {
    // A buffer of a quarter is 4 tokens: (16 - 4 - 14) / 4 = -1/2 for the last.
    const credits = credit('overlong', group, { overlongBuffer: 0.25 })
    expect(rewards(credits)).toEqual([1, 1, -0.5])
    expect(credits.map((one) => one.outcomeAdvantage)).toEqual(near(0.5, 0.5, -1))
  })
})

describe('L1', () => {
  // Shares of the budget: 1/4, 3/4, 7/8; the target is 1/2, being off by a whole budget costs 2.
  it('exact charges the distance from the target on either side, right or wrong', () => {
    expect(rewards(credit('l1-exact', group, { target: 0.5, alpha: 2 }))).toEqual([0.5, 0.5, -0.75])
  })

  it('max is worth delta at the target, at most 1 below it, and nothing where the answer is wrong', () => {
    // 2 (1/2 - 1/4) + 1/2 = 1, 2 (1/2 - 3/4) + 1/2 = 0.
    expect(rewards(credit('l1-max', group, { target: 0.5, alpha: 2, delta: 0.5 }))).toEqual([1, 0, 0])
    expect(rewards(credit('l1-max', group, { target: 0.75, alpha: 2, delta: 0.5 }))).toEqual([1, 0.5, 0])
  })

  it('is GRPO at alpha 0, exact, and with delta 1, max', () => {
    const plain = grpoAdvantages([1, 1, 0])
    expect(credit('l1-exact', group, { alpha: 0 }).map((one) => one.outcomeAdvantage)).toEqual(near(...plain))
    expect(credit('l1-max', group, { alpha: 0, delta: 1 }).map((one) => one.outcomeAdvantage)).toEqual(near(...plain))
  })
})

describe('the Kimi length reward', () => {
  it('pays the shortest half a point more and the longest half a point less; a wrong answer never gains', () => {
    // lambda: 1/2, 1/2 - 8/10 = -0.3, -1/2.
    expect(rewards(credit('kimi-length', group, { weight: 1 }))).toEqual([1.5, 0.7, -0.5])
    const shortWrong = [rollout({ correct: 0, tokenCount: 2 }), rollout({ correct: 1, tokenCount: 10, sample: 1 })]
    expect(rewards(credit('kimi-length', shortWrong))).toEqual([0, 0.5])
  })

  it('says nothing where all lengths agree, and is off for the first part of a run', () => {
    expect(rewards(credit('kimi-length', outcomes(1, 0)))).toEqual([1, 0])
    expect(rewards(credit('kimi-length', group, { lengthFrom: 0.5 }, { done: 0.49 }))).toEqual([1, 1, 0])
    expect(rewards(credit('kimi-length', group, { lengthFrom: 0.5 }, { done: 0.5 }))).toEqual([1.5, 0.7, -0.5])
  })
})

describe('the cosine reward', () => {
  it('falls from short to long where right, rises where wrong, and has its own value at the limit', () => {
    // cos(pi / 4), cos(3 pi / 4): 1 + 0.5 (1 + c) and half of -10 (1 + c) at 7/8.
    const c = (share: number) => Math.cos(Math.PI * share)
    expect(rewards(credit('cosine', group))).toEqual(
      [1 + 0.5 * (1 + c(1 / 4)), 1 + 0.5 * (1 + c(3 / 4)), -5 * (1 + c(7 / 8))].map((value) => expect.closeTo(value, 5)),
    )
    expect(
      rewards(
        credit('cosine', [rollout({ correct: 1, tokenCount: 16 }), rollout({ finish: 'length', tokenCount: 16, sample: 1 })], {
          exceeded: -3,
        }),
      ),
    ).toEqual([1, -3])
  })

  it('is the outcome where all values are 1 and 0', () => {
    fc.assert(
      fc.property(anyGroup(2), (any) => {
        const flat = { rightShort: 1, rightLong: 1, wrongShort: 0, wrongLong: 0, exceeded: 0 }
        const finished = any.map((one) => ({ ...one, finish: 'stop' as const }))
        expect(credit('cosine', finished, flat).map((one) => one.advantage)).toEqual(credit('grpo', finished).map((one) => one.advantage))
      }),
    )
  })
})

describe('IGPO', () => {
  // log J: right -4, -2, 0 (two gains of 2); wrong -4, -3. Means at the places: 1.5, 2.
  const e = Math.exp
  const pair = [thinking(1, [e(-4), e(-2), 1]), thinking(0, [e(-4), e(-3)], { sample: 1 })]

  it('pays each episode its gain of log J less the mean at that place, and the rest the centred outcome', () => {
    const [right, wrong] = credit('igpo', pair)
    expect([...right.advantage]).toEqual(near(0.5, 0.5, 0, 0, 0.5, 0.5, 0.5))
    expect([...wrong.advantage]).toEqual(near(-0.5, -0.5, -0.5, -0.5, -0.5))
    expect(right.parts).toEqual({ outcome: 1, progress: expect.closeTo(4, 9) })
  })

  it('lets what follows flow back as the paper describes, the outcome among it', () => {
    const [right, wrong] = credit('igpo', pair, { flow: 'to-go', alpha: 2 })
    expect([...right.advantage]).toEqual(near(1 + 0.5, 1.5, 0.5, 0.5, 0.5, 0.5, 0.5))
    expect([...wrong.advantage]).toEqual(near(-1 - 0.5, -1.5, -0.5, -0.5, -0.5))
  })

  it('holds log J above a floor and can pay differences of J instead', () => {
    const [one] = credit('igpo', [thinking(1, [0, e(-2)]), thinking(0, [0, 0], { sample: 1 })], { floor: e(-4) as number })
    expect(one.episodeBonus[0]! + one.outcomeAdvantage).toBeCloseTo(1, 9)
    const [plain] = credit('igpo', [thinking(1, [0.1, 0.7]), thinking(0, [0.1, 0.1], { sample: 1 })], { scale: 'probability' })
    expect(plain.advantage[0]).toBeCloseTo(0.3, 6)
  })
})

describe('continue values', () => {
  const V = (...ninths: readonly number[]): Float64Array => Float64Array.from(ninths, (count) => count / 9)
  // Right: 3/9, 6/9, 8/9. Wrong: 3/9, 0.
  const pair = [thinking(1, [0.2, 0.3, 0.9], { V: V(3, 6, 8) }), thinking(0, [0.2, 0.1], { sample: 1, V: V(3, 0) })]

  it('pay, under VinePPO, the change of value over an episode and the outcome less the last value for what follows', () => {
    const [right, wrong] = credit('vine-ppo', pair, { whiten: false })
    expect([...right.advantage]).toEqual(near(3 / 9, 3 / 9, 2 / 9, 2 / 9, 1 / 9, 1 / 9, 1 / 9))
    expect([...wrong.advantage]).toEqual(near(-3 / 9, -3 / 9, 0, 0, 0))
  })

  it('add up to the outcome less the value of the prompt, whatever lies between', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 5 }),
        fc.constantFrom(0 as const, 1 as const),
        (counts, correct) => {
          const [one] = credit(
            'vine-ppo',
            [
              thinking(
                correct,
                counts.map(() => 0),
                { V: V(...counts) },
              ),
            ],
            { whiten: false },
          )
          expect(sum(one.episodeBonus) + one.tailBonus).toBeCloseTo(correct - counts[0]! / 9, 9)
        },
      ),
    )
  })

  it('are whitened over the tokens of the group: mean 0, deviation 1, in the same order', () => {
    const tokens = credit('vine-ppo', pair).flatMap((one) => [...one.advantage])
    expect(sum(tokens)).toBeCloseTo(0, 4)
    expect(Math.sqrt(sum(tokens.map((value) => value ** 2)) / tokens.length)).toBeCloseTo(1, 4)
    const plain = credit('vine-ppo', pair, { whiten: false }).flatMap((one) => [...one.advantage])
    expect(tokens.map((_, i) => i).toSorted((a, b) => tokens[a]! - tokens[b]! || a - b)).toEqual(
      plain.map((_, i) => i).toSorted((a, b) => plain[a]! - plain[b]! || a - b),
    )
  })

  it('pay, under PAV, the outcome less the value before an episode, and alpha times the gain of a best-of-K prover', () => {
    const B = (right: number) => passAtK(9, right, 4)
    const [right, wrong] = credit('pav', pair, { alpha: 2 })
    expect([right.advantage[0], right.advantage[2], right.advantage[4]]).toEqual(
      near(1 - 3 / 9 + 2 * (B(6) - B(3)), 1 - 6 / 9 + 2 * (B(8) - B(6)), 1 / 9),
    )
    expect([wrong.advantage[0], wrong.advantage[2]]).toEqual(near(-3 / 9 - 2 * B(3), 0))
    expect(wrong.parts.progress).toBeCloseTo(-2 * B(3), 9)
  })

  it('are asked for by both, and missed with a code', () => {
    expect([needsOf(createMethod('vine-ppo')).continuations, needsOf(createMethod('pav', { continuations: 12 })).continuations]).toEqual([
      9, 12,
    ])
    for (const name of ['vine-ppo', 'pav'] as const)
      expect(() => credit(name, [thinking(1, [0, 1])])).toThrow(expect.objectContaining({ code: 'rl.no-continue-values' }))
    expect(() => credit('pav', pair, { bestOf: 10 })).toThrow(expect.objectContaining({ code: 'rl.option-value' }))
  })
})

describe('e3', () => {
  it('is Dr. GRPO, and without negative gradients pushes nothing away', () => {
    expect(credit('e3', group).map((one) => one.outcomeAdvantage)).toEqual(near(1 / 3, 1 / 3, -2 / 3))
    expect(credit('e3', group, { negativeGradients: false }).map((one) => one.outcomeAdvantage)).toEqual(near(1 / 3, 1 / 3, 0))
  })

  it('raises budget and difficulty together, in equal parts of the run', () => {
    expect(coupledStages(3, 0.5)).toEqual([
      { budget: 0.5, difficulty: [0, 1 / 3] },
      { budget: 0.75, difficulty: [1 / 3, 2 / 3] },
      { budget: 1, difficulty: [2 / 3, 1] },
    ])
    expect(needsOf(createMethod('e3')).curriculum).toHaveLength(2)
    expect([0, 0.49, 0.5, 0.99].map((done) => stageAt(['first', 'second'], done))).toEqual(['first', 'first', 'second', 'second'])
  })
})

describe('a course', () => {
  it('scales the weight of progress over the run', () => {
    const pair = [thinking(1, [0, 0.5]), thinking(0, [0, 0], { sample: 1 })]
    const bonus = (alphaCourse: string, done: number) => credit('mrt-exact', pair, { alpha: 2, alphaCourse }, { done })[0].episodeBonus[0]
    expect([bonus('constant', 0.25), bonus('rising', 0.25), bonus('falling', 0.25), bonus('rising', 0)]).toEqual([1, 0.25, 0.75, 0])
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1, noNaN: true }), (done) => {
        expect(courseAt('rising', done) + courseAt('falling', done)).toBeCloseTo(1, 12)
      }),
    )
  })
})

it('leaves a group of one without peers to compare with', () => {
  for (const name of ['overlong', 'l1-exact', 'l1-max', 'kimi-length', 'cosine', 'e3'] as const)
    expect(credit(name, [rollout({ correct: 1 })])).toMatchObject([{ used: false, discardReason: 'no-peers' }])
  expect(sum(credit('igpo', [thinking(1, [0.1, 0.5])])[0].mask)).toBe(0)
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
    const answer = (correct: 0 | 1, sample: number) =>
      rollout({
        correct,
        sample,
        group: 9,
        tokenCount: 5,
        thinkEnd: 2,
        prefixTokens: 2,
        arm: 'terminate',
        cut: [0],
        sampled: Uint8Array.of(1, 1, 0, 1, 1),
      })
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
    const answer = (correct: 0 | 1, sample: number) =>
      rollout({
        correct,
        sample,
        tokenCount: 5,
        thinkEnd: 2,
        prefixTokens: 2,
        arm: 'terminate',
        cut: [1, 2],
        kept: true,
        sampled: Uint8Array.of(1, 1, 0, 1, 1),
      })
    // Prior of the two budgets 1/4 each; (1 - 0) / 2 answers.
    const all = { ...options, answerShare: 1 }
    expect([...credit('regret-exact', [answer(1, 0), answer(0, 1)], all)[0].advantage]).toEqual(near(0, 0, 0, 0.25, 0.25))
    const fifth = { ...options, answerShare: 0.2 }
    expect([...credit('regret-exact', [answer(1, 0), answer(0, 1)], fifth)[0].advantage]).toEqual(near(0, 0, 0, 1.25, 1.25))
    expect(credit('regret-exact', [answer(1, 0), answer(1, 1)], all).map(({ used }) => used)).toEqual([false, false])
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
    const share = followed.filter((weights) => weights !== undefined).length / 400
    expect(Math.abs(share - 0.25)).toBeLessThan(0.07)
    const answer = (correct: 0 | 1, sample: number) =>
      rollout({
        correct,
        sample,
        tokenCount: 5,
        thinkEnd: 2,
        prefixTokens: 2,
        arm: 'terminate',
        cut: [1],
        sampled: Uint8Array.of(1, 1, 0, 1, 1),
      })
    const paid = (cutShare: number) =>
      credit('regret-exact', [answer(1, 0), answer(0, 1)], { ...options, answerShare: 1, cutShare })[0].advantage[4]
    expect(paid(0.5)).toBeCloseTo(2 * paid(1)!, 9)
  })

  it('asks for J at the budgets, and for rollouts kept going where the prior reaches beyond', () => {
    expect(needsOf(createMethod('regret-exact', options))).toMatchObject({
      cuts: { shares: [0.5, 1, 2, 3], J: 'exact' },
      kept: { share: 0.5, times: 3 },
    })
    expect(needsOf(createMethod('regret-exact', { reach: 1 }))).not.toHaveProperty('kept')
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
