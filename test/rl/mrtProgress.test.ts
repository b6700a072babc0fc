// MRT with progress per episode (exact and online): credit rules, baselines, provers and controls on groups worked by hand.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createMethod, creditBatch } from '../../src-main/rl/algorithms.ts'
import { discountedToGo, progressOf } from '../../src-main/rl/mrtProgress.ts'
import type { Credit, GradedRollout } from '../../src-main/rl/types.ts'
import { anyGroup, context, rollout, sum, thinking } from './rollouts.ts'

const exact = (group: readonly GradedRollout[], options: Record<string, unknown> = {}) =>
  creditBatch(createMethod('mrt-exact', options), group, context)
const centred = (group: readonly GradedRollout[], options: Record<string, unknown> = {}) => exact(group, { centre: 'group', ...options })
const online = (group: readonly GradedRollout[], options: Record<string, unknown> = {}) =>
  creditBatch(createMethod('mrt-online', options), group, context)
const bonuses = (credits: readonly Credit[]) => credits.map((one) => [...one.episodeBonus].map((bonus) => Number(bonus.toFixed(6))))

// Right, wrong, wrong without an episode. Outcome advantages 2/3, -1/3, -1/3; progress (0.1, 0.6), (-0.1), (): mean 0.2.
const group = [thinking(1, [0.2, 0.3, 0.9]), thinking(0, [0.2, 0.1], { sample: 1 }), thinking(0, [0.2], { sample: 2 })]

describe('MRT with exact J', () => {
  it('pays the tokens of an episode the outcome plus its progress, as the paper does, the rest the outcome alone', () => {
    const [right, wrong, bare] = exact(group)
    const expected = [2 / 3 + 0.1, 2 / 3 + 0.1, 2 / 3 + 0.6, 2 / 3 + 0.6, 2 / 3, 2 / 3, 2 / 3]
    right.advantage.forEach((value, token) => expect(value).toBeCloseTo(expected[token], 6))
    wrong.advantage.forEach((value, token) => expect(value).toBeCloseTo(token < 2 ? -1 / 3 - 0.1 : -1 / 3, 6))
    bare.advantage.forEach((value) => expect(value).toBeCloseTo(-1 / 3, 6))
  })

  it('takes the mean progress of the group off every episode where that is asked for', () => {
    const [right, wrong, bare] = centred(group)
    const expected = [2 / 3 - 0.1, 2 / 3 - 0.1, 2 / 3 + 0.4, 2 / 3 + 0.4, 2 / 3, 2 / 3, 2 / 3]
    right.advantage.forEach((value, token) => expect(value).toBeCloseTo(expected[token], 6))
    wrong.advantage.forEach((value, token) => expect(value).toBeCloseTo(token < 2 ? -1 / 3 - 0.3 : -1 / 3, 6))
    bare.advantage.forEach((value) => expect(value).toBeCloseTo(-1 / 3, 6))
    expect(right.parts).toEqual({ outcome: 1, progress: expect.closeTo(0.7, 10) })
    expect(right.tailBonus).toBe(0)
  })

  it('scales the bonus by alpha, and is Dr. GRPO at alpha 0', () => {
    expect(bonuses(centred(group, { alpha: 0.5 }))).toEqual([[-0.05, 0.2], [-0.15], []])
    const plain = creditBatch(createMethod('dr-grpo'), group, context)
    exact(group, { alpha: 0 }).forEach((one, index) => expect(one.advantage).toEqual(plain[index].advantage))
  })

  // To go: (0.7, 0.6), (-0.1): mean 0.4.
  it('pays later progress too under return-to-go', () =>
    expect(bonuses(centred(group, { credit: 'return-to-go' }))).toEqual([[0.3, 0.2], [-0.5], []]))
  // Half of what follows: (0.1 + 0.3, 0.6), (-0.1): mean 0.3.
  it('discounts later progress in the mixture', () =>
    expect(bonuses(centred(group, { credit: 'mixture', lambda: 0.5 }))).toEqual([[0.1, 0.3], [-0.4], []]))
  // Rewards 1.7, -0.1, 0: mean 1.6 / 3; less the outcome advantages that leaves 0.5, -0.3, -0.2.
  it('shares the whole progress among all tokens under the scalar rule, answer included', () => {
    const credits = exact(group, { credit: 'scalar' })
    expect(bonuses(credits)).toEqual([[0.5, 0.5], [-0.3], []])
    expect(credits.map((one) => one.tailBonus)).toEqual([0.5, -0.3, -0.2].map((bonus) => expect.closeTo(bonus, 10)))
    expect(credits[0].advantage.at(-1)).toBeCloseTo(2 / 3 + 0.5, 6)
  })

  it('spans episode-local and return-to-go with lambda 0 and 1', () => {
    fc.assert(
      fc.property(anyGroup(), (any) => {
        expect(exact(any, { credit: 'mixture', lambda: 0 })).toEqual(exact(any, { credit: 'episode-local' }))
        expect(exact(any, { credit: 'mixture', lambda: 1 })).toEqual(exact(any, { credit: 'return-to-go' }))
      }),
    )
  })

  it('lets a prover succeed if one of K answers does', () => {
    // 1 - (1 - J)^2: (0.36, 0.51, 0.99) and (0.36, 0.19).
    expect(bonuses(exact(group, { bestOf: 2, centre: 'none' }))).toEqual([[0.15, 0.48], [-0.17], []])
  })

  it('can stand on leave-one-out or scaled outcomes', () => {
    expect(exact(group, { base: 'rloo' }).map((one) => one.outcomeAdvantage)).toEqual([1, -0.5, -0.5])
    // Deviation of (1, 0, 0): sqrt(1/3).
    expect(exact(group, { base: 'grpo' })[0].outcomeAdvantage).toBeCloseTo(2 / 3 / Math.sqrt(1 / 3), 4)
  })

  it('centres bonuses to zero over the episodes of the group and outcomes over its rollouts', () => {
    fc.assert(
      fc.property(anyGroup(), fc.constantFrom('episode-local', 'return-to-go', 'mixture'), (any, credit) => {
        const credits = centred(any, { credit })
        expect(sum(credits.flatMap((one) => [...one.episodeBonus]))).toBeCloseTo(0, 8)
        expect(sum(credits.map((one) => one.outcomeAdvantage))).toBeCloseTo(0, 8)
      }),
    )
  })

  it('still teaches in a group where every answer is wrong', () => {
    const credits = centred([thinking(0, [0, 0.5]), thinking(0, [0, 0.1], { sample: 1 })])
    expect(bonuses(credits)).toEqual([[0.2], [-0.2]])
    expect(credits.map((one) => one.outcomeAdvantage)).toEqual([0, 0])
  })

  it('pays a single rollout its progress alone, and discards it without an episode', () => {
    for (const base of ['dr-grpo', 'rloo', 'grpo'])
      expect(exact([thinking(1, [0, 0.2, 0.8])], { base })).toMatchObject([{ used: true, outcomeAdvantage: 0 }])
    expect(bonuses(exact([thinking(1, [0, 0.2, 0.8])]))).toEqual([[0.2, 0.6]])
    expect(bonuses(centred([thinking(1, [0, 0.2, 0.8])]))).toEqual([[-0.2, 0.2]])
    expect(exact([thinking(1, [0.4])])).toMatchObject([{ used: false, discardReason: 'no-peers' }])
    expect(exact([thinking(1, [0, 0.9])], { credit: 'scalar' })).toMatchObject([{ used: false, discardReason: 'no-peers' }])
  })

  it('pays the last episode of a thought that was cut by the budget', () => {
    const cut = thinking(0, [0, 0.4, 0.1], { tokenCount: 4, thinkEnd: 4, finish: 'length' })
    const [credit] = exact([cut, thinking(1, [0, 0.4, 0.1], { sample: 1 })], { centre: 'none' })
    const expected = [-0.5 + 0.4, -0.5 + 0.4, -0.5 - 0.3, -0.5 - 0.3]
    credit.advantage.forEach((value, token) => expect(value).toBeCloseTo(expected[token], 6))
  })

  it('pays thinking before the first episode the outcome alone', () => {
    const late = rollout({ correct: 1, episodes: [{ start: 4, end: 8 }], thinkEnd: 8, J: Float64Array.of(0, 1) })
    const [credit] = exact([late, thinking(0, [0], { sample: 1 })], { centre: 'none' })
    expect([...credit.advantage]).toEqual([0.5, 0.5, 0.5, 0.5, 1.5, 1.5, 1.5, 1.5, 0.5, 0.5])
  })

  it('takes a J that rounding put above 1 for 1', () => {
    expect([...exact([thinking(1, [0.5, 1 + 5e-7])])[0].episodeBonus]).toEqual([0.5])
  })

  it('refuses rollouts whose J was not measured', () => {
    expect(() => exact([rollout()])).toThrow(expect.objectContaining({ code: 'rl.no-termination-scores' }))
  })
})

describe('MRT online with sampled J', () => {
  it('adds own progress, as it is, to the advantage of GRPO', () => {
    const credits = online(group)
    expect(bonuses(credits)).toEqual([[0.1, 0.6], [-0.1], []])
    expect(credits[1].outcomeAdvantage).toBeCloseTo(-1 / 3 / Math.sqrt(1 / 3), 4)
  })

  // 1 of 4 answers right: two drawn at random hold a right one with chance 1 - C(3,2) / C(4,2) = 1/2, where 1 - 0.75^2 says 0.4375.
  it('estimates the best of K answers without bias', () => {
    expect(bonuses(online([thinking(1, [0, 0.25, 1]), thinking(0, [0], { sample: 1 })], { bestOf: 2 }))).toEqual([[0.5, 0.5], []])
  })

  it('refuses a prover that needs more answers than were sampled', () => {
    expect(() => online(group, { bestOf: 5 })).toThrow(expect.objectContaining({ code: 'rl.option-value' }))
  })

  it('refuses to take the best of K of a J that is no share of its sampled answers', () => {
    expect(() => online(group, { bestOf: 2 })).toThrow('J as a share of 4 sampled answers for bestOf 2, found 0.2')
  })
})

describe('the algebra of progress', () => {
  it('annihilates a bonus that the whole group shares: scalar progress from one start is the outcome again', () => {
    // J ends at the outcome: progress r - b inside a group with one b multiplies Dr. GRPO by 1 + alpha, and scaling removes even that.
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(0 as const, 1 as const), { minLength: 2, maxLength: 6 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.double({ min: 0, max: 3, noNaN: true }),
        (corrects, start, alpha) => {
          const shared = corrects.map((correct, sample) => thinking(correct, [start, correct], { sample }))
          const at = (one: Credit) => one.advantage[0]
          const plain = creditBatch(createMethod('dr-grpo'), shared, context).map(at)
          exact(shared, { credit: 'scalar', alpha })
            .map(at)
            .forEach((value, index) => expect(value).toBeCloseTo((1 + alpha) * plain[index], 5))
          const scaled = creditBatch(createMethod('grpo'), shared, context).map(at)
          exact(shared, { credit: 'scalar', alpha, base: 'grpo' })
            .map(at)
            .forEach((value, index) => expect(value).toBeCloseTo(scaled[index], 4))
        },
      ),
    )
  })

  it('telescopes: the scalar rule does not see J of the empty think block, nor anything between start and end', () => {
    const scalar = (starts: number, middle: number) =>
      exact([thinking(1, [starts, middle, 0.9]), thinking(0, [starts, 0.3], { sample: 1 })], { credit: 'scalar' })
    scalar(0.1, 0.7).forEach((one, index) =>
      one.advantage.forEach((value, token) => expect(value).toBeCloseTo(scalar(0.6, 0)[index].advantage[token], 6)),
    )
  })

  it('telescopes: return-to-go from episode j is J at the end minus J before it', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 8 }), (J) => {
        discountedToGo(progressOf(J), 1).forEach((value, index) => expect(value).toBeCloseTo(J[J.length - 1] - J[index], 10))
      }),
    )
  })
})

describe('the controls', () => {
  it('shuffle J across the boundaries of a rollout, the same way for the same seed', () => {
    fc.assert(
      fc.property(anyGroup(), (any) => {
        const shuffled = exact(any, { control: 'shuffled', centre: 'none' })
        expect(exact(any, { control: 'shuffled', centre: 'none' })).toEqual(shuffled)
        shuffled.forEach((one, index) => {
          const J = [...any[index].J!].sort((a, b) => a - b)
          // Summing the steps from one of the scores gives all scores back.
          const rebuilt = J.map((start) =>
            [...one.episodeBonus].reduce((path, step) => [...path, path.at(-1)! + step], [start]).sort((a, b) => a - b),
          )
          expect(rebuilt.some((path) => path.every((score, at) => Math.abs(score - J[at]) < 1e-9))).toBe(true)
        })
      }),
    )
  })

  it('shuffle differently for another seed or sample', () => {
    const J = [0, 0.1, 0.2, 0.4, 0.8, 1]
    const method = createMethod('mrt-exact', { control: 'shuffled', centre: 'none' })
    const pair = [thinking(1, J), thinking(1, J, { sample: 1 })]
    const [first, second] = creditBatch(method, pair, context)
    expect(first.episodeBonus).not.toEqual(second.episodeBonus)
    expect(creditBatch(method, pair, { ...context, seed: 8 })[0].episodeBonus).not.toEqual(first.episodeBonus)
  })

  it('are centred where they shuffle, and not where what they pay says nothing of progress', () => {
    const bonus = (options: Record<string, unknown>) => sum(centred(group, options).flatMap(({ episodeBonus }) => [...episodeBonus]))
    expect(bonus({ control: 'shuffled' })).toBeCloseTo(0, 10)
    // Three episodes, each paid the mean size or charged the mean.
    expect(bonus({ control: 'constant' })).toBeCloseTo(0.8, 10)
    expect(bonus({ control: 'charge' })).toBeCloseTo(-0.6, 10)
  })

  // Sizes of progress 0.1, 0.6, 0.1: mean 0.8 / 3.
  it('pay every episode the same, whatever its progress', () => {
    expect(bonuses(exact(group, { control: 'constant' }))).toEqual([[0.266667, 0.266667], [0.266667], []])
    expect(exact(group, { control: 'constant' })[0].parts.progress).toBeCloseTo(1.6 / 3, 10)
  })

  // Mean progress 0.2.
  it('charge every episode the mean progress, which is what centring adds to progress as it is', () => {
    expect(bonuses(exact(group, { control: 'charge' }))).toEqual([[-0.2, -0.2], [-0.2], []])
    fc.assert(
      fc.property(anyGroup(), (any) => {
        const [plain, charge, whole] = [exact(any), exact(any, { control: 'charge' }), centred(any)]
        whole.forEach((one, index) =>
          one.episodeBonus.forEach((bonus, episode) =>
            expect(bonus).toBeCloseTo(plain[index].episodeBonus[episode] + charge[index].episodeBonus[episode], 10),
          ),
        )
      }),
    )
  })

  it('throw a coin for every rollout instead of its outcome, keep the outcome on record and pay no episode', () => {
    const many = Array.from({ length: 400 }, (_, sample) => thinking(1, [0.2, 0.9], { sample }))
    const credits = exact(many, { control: 'random' })
    for (const { reward, parts, episodeBonus } of credits) {
      expect(parts).toEqual({ outcome: 1, random: reward - 1, progress: 0 })
      expect([...episodeBonus]).toEqual([0])
    }
    const heads = sum(credits.map(({ reward }) => reward))
    expect(heads).toBeGreaterThan(150)
    expect(heads).toBeLessThan(250)
    expect(exact(many, { control: 'random' })).toEqual(credits)
    expect(creditBatch(createMethod('mrt-exact', { control: 'random' }), many, { ...context, seed: context.seed + 1 })).not.toEqual(credits)
  })
})
