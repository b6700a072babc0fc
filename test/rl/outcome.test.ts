// The outcome methods (GRPO, Dr. GRPO, RLOO, GSPO, DAPO) on groups worked by hand, and on the groups that have nothing to say.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { algorithmNames, createMethod, creditBatch, type AlgorithmName } from '../../src-main/rl/algorithms.ts'
import { drGrpoAdvantages } from '../../src-main/rl/drGrpo.ts'
import { dynamicSampling } from '../../src-main/rl/dapo.ts'
import { grpoAdvantages } from '../../src-main/rl/grpo.ts'
import { softOverlong } from '../../src-main/rl/overlong.ts'
import { rlooAdvantages } from '../../src-main/rl/rloo.ts'
import type { GradedRollout } from '../../src-main/rl/types.ts'
import { anyGroup, asNeeded, context, outcomes, rollout, sum } from './rollouts.ts'

const credit = (name: AlgorithmName, group: readonly GradedRollout[], options: Record<string, unknown> = {}) =>
  creditBatch(createMethod(name, options), asNeeded(createMethod(name, options), group), context)
const paid = (name: AlgorithmName, group: readonly GradedRollout[], options: Record<string, unknown> = {}) =>
  credit(name, group, options).map((one) => one.outcomeAdvantage)
const close = (actual: readonly number[], expected: readonly number[]) => {
  expect(actual).toHaveLength(expected.length)
  actual.forEach((value, index) => expect(value).toBeCloseTo(expected[index], 5))
}

// One right answer among four: mean 1/4, squared distances (9/16 + 3/16), n - 1 deviation sqrt(0.25) = 1/2.
const oneOfFour = outcomes(1, 0, 0, 0)

describe('outcome advantages', () => {
  it('are centred and divided by the deviation in GRPO', () => close(paid('grpo', oneOfFour), [1.5, -0.5, -0.5, -0.5]))
  it('are bounded in GRPO where rewards hardly differ', () => {
    // Deviation sqrt(2) * 1e-6, to which 1e-6 is added: 1 / (sqrt(2) + 1) = sqrt(2) - 1.
    close(grpoAdvantages([0, 2e-6]), [1 - Math.SQRT2, Math.SQRT2 - 1])
  })
  it('are centred only in Dr. GRPO', () => close(paid('dr-grpo', oneOfFour), [0.75, -0.25, -0.25, -0.25]))
  // The others of the right one average 0; the others of a wrong one average 1/3.
  it('leave the rollout itself out of its baseline in RLOO', () => close(paid('rloo', oneOfFour), [1, -1 / 3, -1 / 3, -1 / 3]))
  it('are those of GRPO in GSPO', () => close(paid('gspo', oneOfFour), [1.5, -0.5, -0.5, -0.5]))

  it('reach every sampled token and no forced one', () => {
    const group = [rollout({ correct: 1, tokenCount: 4, sampled: Uint8Array.of(1, 1, 0, 1) }), rollout({ sample: 1, tokenCount: 2 })]
    const [right, wrong] = credit('dr-grpo', group)
    expect([...right.advantage]).toEqual([0.5, 0.5, 0, 0.5])
    expect([...right.mask]).toEqual([1, 1, 0, 1])
    expect([...wrong.advantage]).toEqual([-0.5, -0.5])
  })

  it('count other graded parts into the reward', () => {
    const group = [rollout({ correct: 1 }), rollout({ sample: 1, correct: 1, parts: { format: 0.5 } })]
    expect(credit('dr-grpo', group).map((one) => [one.reward, one.outcomeAdvantage])).toEqual([
      [1, -0.25],
      [1.5, 0.25],
    ])
  })

  it.each(['grpo', 'dr-grpo', 'rloo', 'gspo'] as const)('of %s are zero in a group whose rollouts all succeed or all fail', (name) => {
    close(paid(name, outcomes(1, 1, 1)), [0, 0, 0])
    close(paid(name, outcomes(0, 0, 0)), [0, 0, 0])
  })

  it.each(['grpo', 'dr-grpo', 'rloo', 'gspo', 'dapo', 'length-penalty'] as const)('of %s discard a rollout without peers', (name) => {
    const [only] = credit(name, outcomes(1))
    expect(only).toMatchObject({ used: false, discardReason: 'no-peers', reward: expect.closeTo(name === 'length-penalty' ? 0.95 : 1, 5) })
    expect(sum(only.mask)).toBe(0)
  })

  it('of RLOO are those of Dr. GRPO times G / (G - 1)', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: -2, max: 2, noNaN: true }), { minLength: 2, maxLength: 9 }), (rewards) => {
        const centred = drGrpoAdvantages(rewards)
        rlooAdvantages(rewards).forEach((value, index) =>
          expect(value).toBeCloseTo((centred[index] * rewards.length) / (rewards.length - 1), 8),
        )
      }),
    )
  })

  it('sum to zero over every group', () => {
    fc.assert(
      fc.property(anyGroup(2), (group) => {
        for (const name of ['grpo', 'dr-grpo', 'rloo', 'gspo'] as const) expect(sum(paid(name, group))).toBeCloseTo(0, 8)
      }),
    )
  })

  it('do not depend on the order of a group or on other groups', () => {
    fc.assert(
      fc.property(anyGroup(2), anyGroup(2), (left, right) => {
        const together = [...left.toReversed(), ...right.map((one) => ({ ...one, group: 1 }))]
        close(paid('grpo', together).slice(0, left.length).toReversed(), paid('grpo', left))
      }),
    )
  })

  it('do not change when every reward moves by the same amount, nor in GRPO when they are scaled', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.integer({ min: -9, max: 9 }), { minLength: 2, maxLength: 6 }),
        fc.integer({ min: -5, max: 5 }),
        (rewards, shift) => {
          close(drGrpoAdvantages(rewards.map((reward) => reward + shift)), drGrpoAdvantages(rewards))
          close(grpoAdvantages(rewards.map((reward) => 10 * reward)), grpoAdvantages(rewards))
        },
      ),
    )
  })
})

describe('any algorithm', () => {
  it('pays a reward that is the sum of its parts and leaves unpaid tokens at zero', () => {
    fc.assert(
      fc.property(anyGroup(), fc.constantFrom(...algorithmNames), (group, name) => {
        for (const one of credit(name, group)) {
          expect(one.reward).toBeCloseTo(sum(Object.values(one.parts)), 10)
          one.mask.forEach((on, token) => on === 0 && expect(one.advantage[token]).toBe(0))
          if (!one.used) expect(sum(one.mask)).toBe(0)
          expect(one.used).toBe(one.discardReason === undefined)
        }
      }),
    )
  })

  it('keeps an aborted rollout out of its group', () => {
    const group = [...outcomes(1, 0), rollout({ sample: 2, correct: 1, finish: 'aborted' })]
    const credits = credit('dr-grpo', group)
    expect(credits.map((one) => one.outcomeAdvantage)).toEqual([0.5, -0.5, 0])
    expect(credits[2]).toMatchObject({ used: false, discardReason: 'aborted', reward: 1 })
  })

  it('discards a rollout whose every token was forced', () => {
    const [first] = credit('grpo', [rollout({ correct: 1, sampled: new Uint8Array(10) }), rollout({ sample: 1 })])
    expect(first).toMatchObject({ used: false, discardReason: 'no-tokens' })
  })

  it.each<[string, Partial<GradedRollout>]>([
    ['a sampled mask of another length', { sampled: new Uint8Array(3) }],
    ['an end of thinking outside the completion', { thinkEnd: 11 }],
    ['a prefix longer than the completion', { prefixTokens: 11 }],
    [
      'episodes that overlap',
      {
        episodes: [
          { start: 0, end: 4 },
          { start: 3, end: 6 },
        ],
      },
    ],
    ['an episode without a token', { episodes: [{ start: 2, end: 2 }] }],
    ['an episode past the end', { episodes: [{ start: 0, end: 11 }] }],
    ['too few scores', { episodes: [{ start: 0, end: 4 }], J: Float64Array.of(0.5) }],
    ['J at fewer budgets than it was cut at', { cuts: { budgets: [2, 4], offsets: [2, 4], J: Float64Array.of(0.5) } }],
    [
      'a cut beyond the end of its thinking',
      { tokenCount: 10, thinkEnd: 3, cuts: { budgets: [2, 4], offsets: [2, 4], J: Float64Array.of(0.5, 0.5) } },
    ],
    ['an end of thinking before the first token', { thinkEnd: -1 }],
    ['a prefix of fewer than no tokens', { prefixTokens: -1 }],
    ['a score that is no probability', { J: Float64Array.of(1.5) }],
    ['a score that is not a number', { J: Float64Array.of(NaN) }],
  ])('refuses a rollout with %s', (_, given) => {
    expect(() => credit('grpo', [rollout(given)])).toThrow(expect.objectContaining({ code: 'rl.rollout' }))
  })

  it('takes a rollout whose thinking, episodes and prefix reach to its very end', () => {
    const whole = rollout({
      prefixTokens: 10,
      thinkEnd: 10,
      episodes: [{ start: 0, end: 10 }],
      tokenCount: 10,
      sampled: new Uint8Array(10).fill(1),
    })
    expect(credit('grpo', [whole, rollout({ sample: 1, correct: 1 })])[0]).toMatchObject({ used: false, discardReason: 'no-tokens' })
  })

  it('pays nothing for a rollout that has no token, and does not mind it', () => {
    const none = rollout({ tokenCount: 0, sampled: new Uint8Array(0), episodes: [], thinkEnd: 0 })
    expect(credit('grpo', [none, rollout({ sample: 1, correct: 1 })])[0]).toMatchObject({ used: false, discardReason: 'no-tokens' })
  })
})

describe('DAPO', () => {
  // Budget 16, buffer 0.25 * 16 = 4: free up to 12 tokens, -1/2 at 14, -1 at 16.
  it('takes a growing part of the reward just before the length limit', () => {
    expect([12, 13, 14, 16, 20].map((length) => softOverlong(length, 16, 4))).toEqual([0, -0.25, -0.5, -1, -1])
    expect(softOverlong(16, 16, 0)).toBe(0)
    const group = [rollout({ correct: 1, tokenCount: 14 }), rollout({ sample: 1, tokenCount: 10 })]
    expect(credit('dapo', group, { overlongBuffer: 0.25 }).map((one) => one.reward)).toEqual([0.5, 0])
  })

  it('pays mixed groups as GRPO', () => close(paid('dapo', oneOfFour), [1.5, -0.5, -0.5, -0.5]))

  it('drops groups that are all right or all wrong even where the length penalty differs', () => {
    const same = [rollout({ correct: 1, tokenCount: 16 }), rollout({ sample: 1, correct: 1 })]
    expect(credit('dapo', same).map((one) => one.discardReason)).toEqual(['no-signal', 'no-signal'])
  })

  it('leaves truncated rollouts out of the loss when asked, not out of the baseline', () => {
    const group = [rollout({ correct: 1 }), rollout({ sample: 1, finish: 'length' })]
    expect(credit('dapo', group).map((one) => one.used)).toEqual([true, true])
    const credits = credit('dapo', group, { dropTruncated: true })
    expect(credits.map((one) => one.discardReason)).toEqual([undefined, 'filtered'])
    expect(credits[0].outcomeAdvantage).toBeCloseTo(Math.SQRT1_2, 5)
  })

  describe('dynamic sampling', () => {
    const groups = (...kinds: readonly ('mixed' | 'right' | 'wrong')[]) =>
      kinds.map((kind, group) => ({ group, rollouts: { mixed: outcomes(1, 0), right: outcomes(1, 1), wrong: outcomes(0, 0) }[kind] }))

    it('trains once enough groups are mixed, on the first of them', () =>
      expect(dynamicSampling(groups('right', 'mixed', 'mixed', 'mixed'), 2, 1, 3)).toEqual({ action: 'train', keep: [1, 2], missing: 0 }))
    it('asks for as many groups as are missing, and be it one', () => {
      expect(dynamicSampling(groups('wrong', 'mixed'), 3, 2, 3)).toEqual({ action: 'resample', keep: [1], missing: 2 })
      expect(dynamicSampling(groups('wrong', 'mixed'), 2, 2, 3)).toEqual({ action: 'resample', keep: [1], missing: 1 })
    })
    it('trains on a short batch once the rounds are spent', () =>
      expect(dynamicSampling(groups('wrong', 'mixed'), 3, 3, 3)).toEqual({ action: 'train', keep: [1], missing: 2 }))
    it('gives up once the rounds are spent without any mixed group', () =>
      expect(dynamicSampling(groups('wrong', 'right'), 2, 3, 3)).toEqual({ action: 'give-up', keep: [], missing: 2 }))
  })
})
