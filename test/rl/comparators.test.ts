// The comparators of length and of information (soft overlong, L1, Kimi, cosine, IGPO, e3) on groups worked by hand.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { passAtK } from '../../src-main/numeric/passAtK.ts'
import { createMethod, needsOf } from '../../src-main/rl/algorithms.ts'
import { coupledStages } from '../../src-main/rl/e3.ts'
import { grpoAdvantages } from '../../src-main/rl/grpo.ts'
import { courseAt, stageAt } from '../../src-main/rl/schedules.ts'
import type { GradedRollout } from '../../src-main/rl/types.ts'
import { anyGroup, credit, near, outcomes, rollout, sum, thinking } from './rollouts.ts'

const rewards = (credits: readonly { readonly reward: number }[]) => credits.map(({ reward }) => Number(reward.toFixed(6)))

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
    // Longer than the budget by a token, though it ended by itself.
    expect(rewards(credit('cosine', [rollout({ correct: 1, tokenCount: 17 }), rollout({ sample: 1 })], { exceeded: -3 }))[0]).toBe(-3)
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

  it('are whitened over the tokens that are paid alone, and so is what is told of them', () => {
    // The second token of the right one was forced; of the third rollout every token was.
    const forced = (one: GradedRollout, ...tokens: readonly number[]) => ({
      ...one,
      sampled: one.sampled.map((on, token) => (tokens.includes(token) ? 0 : on)),
    })
    const none = forced({ ...pair[1]!, sample: 2 }, 0, 1, 2, 3, 4)
    const credits = credit('vine-ppo', [forced(pair[0]!, 1), pair[1]!, none])
    expect([...credits[0]!.mask]).toEqual([1, 0, 1, 1, 1, 1, 1])
    expect(credits[0]!.advantage[1]).toBe(0)
    const tokens = credits.flatMap(({ advantage, mask }) => [...advantage].filter((_, token) => mask[token] === 1))
    expect(sum(tokens)).toBeCloseTo(0, 4)
    expect(sum(tokens.map((value) => value ** 2)) / tokens.length).toBeCloseTo(1, 4)
    for (const { advantage, outcomeAdvantage, episodeBonus, tailBonus } of credits.slice(0, 2)) {
      expect(outcomeAdvantage + episodeBonus[0]!).toBeCloseTo(advantage[0]!, 5)
      expect(outcomeAdvantage + tailBonus).toBeCloseTo(advantage.at(-1)!, 5)
    }
    expect(credits[2]).toMatchObject({ used: false, outcomeAdvantage: 0, discardReason: 'no-tokens' })
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
    expect(coupledStages(1, 0.5)).toEqual([{ budget: 1, difficulty: [0, 1] }])
    expect(needsOf(createMethod('e3')).curriculum).toHaveLength(2)
    expect([0, 0.49, 0.5, 0.99, 1].map((done) => stageAt(['first', 'second'], done))).toEqual([
      'first',
      'first',
      'second',
      'second',
      'second',
    ])
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
