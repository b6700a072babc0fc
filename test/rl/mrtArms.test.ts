// MRT from a stale prefix: the pooled arms and the termination-reward baseline, worked by hand and tied to each other by their algebra.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createMethod, creditBatch } from '../../src-main/rl/algorithms.ts'
import { prefixBoundary } from '../../src-main/rl/mrtTermination.ts'
import type { GradedRollout } from '../../src-main/rl/types.ts'
import { context, rollout, sum, thinking } from './rollouts.ts'

type Outcome = 0 | 1
const mean = (values: readonly number[]) => sum(values) / values.length

/** A prefix of 4 tokens; continuations think on, terminations have their thinking closed by force at token 4. */
const continued = (correct: Outcome, sample: number) => rollout({ correct, sample, arm: 'continue', prefixTokens: 4 })
const terminated = (correct: Outcome, sample: number) =>
  rollout({
    correct,
    sample,
    arm: 'terminate',
    prefixTokens: 4,
    tokenCount: 8,
    thinkEnd: 4,
    sampled: Uint8Array.of(1, 1, 1, 1, 0, 1, 1, 1),
  })
const arms = (r: readonly Outcome[], t: readonly Outcome[]): GradedRollout[] => [
  ...r.map(continued),
  ...t.map((correct, index) => terminated(correct, r.length + index)),
]

const credit = (name: string, group: readonly GradedRollout[], options: Record<string, unknown> = {}) =>
  creditBatch(createMethod(name, options), group, context)
const paid = (name: string, group: readonly GradedRollout[], options: Record<string, unknown> = {}) =>
  credit(name, group, options).map((one) => one.outcomeAdvantage)

const outcomeList = fc.array(fc.constantFrom<Outcome[]>(0, 1), { minLength: 1, maxLength: 6 })

describe('pooled arms', () => {
  // Rewards 1 1 | 1 0: pool mean 3/4, squared distances 3/16 + 9/16 = 3/4, n - 1 deviation 1/2.
  it('normalise both arms together', () => {
    expect(paid('mrt-pooled', arms([1, 1], [1, 0]), { base: 'dr-grpo' })).toEqual([0.25, 0.25, 0.25, -0.75])
    paid('mrt-pooled', arms([1, 1], [1, 0])).forEach((value, index) => expect(value).toBeCloseTo([0.5, 0.5, 0.5, -1.5][index], 5))
  })

  it('are GRPO on the continuations plus progress with the share of terminations as its weight', () => {
    fc.assert(
      fc.property(outcomeList, outcomeList, (r, t) => {
        const pooled = paid('mrt-pooled', arms(r, t), { base: 'dr-grpo' })
        const f = t.length / (r.length + t.length)
        const b = mean(t)
        r.forEach((reward, index) => expect(pooled[index]).toBeCloseTo(reward - mean(r) + f * (mean(r) - b), 10))
        t.forEach((reward, index) => expect(pooled[r.length + index]).toBeCloseTo(reward - b - (1 - f) * (mean(r) - b), 10))
        expect(sum(pooled)).toBeCloseTo(0, 10)
      }),
    )
  })

  it('scale by the deviation of the pool, which is not that of the continuations', () => {
    const [first] = paid('mrt-pooled', arms([1, 0], [0, 0]))
    // Pool 1 0 0 0: (1 - 1/4) / (1/2) = 1.5; the continuations alone would divide by sqrt(1/2).
    expect(first).toBeCloseTo(1.5, 5)
    expect(first).not.toBeCloseTo(0.75 / Math.SQRT1_2, 1)
  })

  it('teach even where all continuations agree, as long as stopping would have gone otherwise', () => {
    expect(paid('mrt-pooled', arms([1, 1], [0, 0]), { base: 'dr-grpo' })).toEqual([0.5, 0.5, -0.5, -0.5])
    expect(paid('mrt-pooled', arms([1, 1], [1, 1]), { base: 'dr-grpo' })).toEqual([0, 0, 0, 0])
  })

  it('put no loss on the stale prefix nor on the forced end of thinking', () => {
    const [onward, stopped] = credit('mrt-pooled', arms([1], [0]))
    expect([...onward.mask]).toEqual([0, 0, 0, 0, 1, 1, 1, 1, 1, 1])
    expect([...stopped.mask]).toEqual([0, 0, 0, 0, 0, 1, 1, 1])
    expect([...stopped.advantage.subarray(0, 5)]).toEqual([0, 0, 0, 0, 0])
  })

  it('pay the forced end of thinking when asked to', () => {
    const [, stopped] = credit('mrt-pooled', arms([1], [0]), { trainForcedStop: true, base: 'dr-grpo' })
    expect([...stopped.mask]).toEqual([0, 0, 0, 0, 1, 1, 1, 1])
    expect(stopped.advantage[4]).toBe(-0.5)
  })

  it('can learn from continuations alone', () => {
    const credits = credit('mrt-pooled', arms([1, 0], [1, 1]), { trainTerminations: false, base: 'dr-grpo' })
    expect(credits.map((one) => one.discardReason)).toEqual([undefined, undefined, 'baseline-only', 'baseline-only'])
    expect(credits[0].outcomeAdvantage).toBe(0.25)
  })

  it('discard a prefix that lacks an arm', () => {
    expect(credit('mrt-pooled', arms([1, 0], [])).map((one) => one.discardReason)).toEqual(['missing-arm', 'missing-arm'])
    expect(credit('mrt-pooled', arms([], [1, 0])).map((one) => one.discardReason)).toEqual(['missing-arm', 'missing-arm'])
  })
})

describe('the termination baseline', () => {
  it('pays a continuation its reward minus the mean reward of stopping there', () => {
    const credits = credit('mrt-termination', arms([1, 0], [1, 0, 0, 0]))
    expect(credits.map((one) => one.outcomeAdvantage)).toEqual([0.75, -0.25, 0, 0, 0, 0])
    expect(credits.map((one) => one.discardReason)).toEqual([undefined, undefined, ...Array(4).fill('baseline-only')])
  })

  it('is GRPO centring plus progress with weight 1', () => {
    fc.assert(
      fc.property(outcomeList, outcomeList, (r, t) => {
        const paidNow = paid('mrt-termination', arms(r, t))
        r.forEach((reward, index) => expect(paidNow[index]).toBeCloseTo(reward - mean(r) + (mean(r) - mean(t)), 10))
      }),
    )
  })

  it('pays a lone continuation, since its baseline is not its peers', () => {
    expect(paid('mrt-termination', arms([1], [0, 1]))).toEqual([0.5, 0, 0])
  })

  it('takes J at the end of the prefix where it is measured', () => {
    // Episodes of two tokens: a prefix of 4 tokens holds two of them, so the baseline is J[2].
    const onward = thinking(1, [0.1, 0.3, 0.6, 0.9], { arm: 'continue', prefixTokens: 4 })
    expect(prefixBoundary(onward)).toBe(2)
    // Without a prefix no episode is inside it, were it a single token.
    expect(prefixBoundary(rollout({ episodes: [{ start: 0, end: 1 }] }))).toBe(0)
    expect(paid('mrt-termination', [onward], { baseline: 'J' })[0]).toBeCloseTo(0.4, 10)
    expect(paid('mrt-termination', [{ ...onward, prefixTokens: undefined }], { baseline: 'J' })[0]).toBeCloseTo(0.9, 10)
    // Best of 2 answers: 1 - 0.4^2 = 0.84.
    expect(paid('mrt-termination', [onward], { baseline: 'J', bestOf: 2 })[0]).toBeCloseTo(0.16, 10)
  })

  it('discards continuations whose prefix was never terminated', () => {
    expect(credit('mrt-termination', arms([1, 0], [])).map((one) => one.discardReason)).toEqual(['missing-arm', 'missing-arm'])
  })

  it('asks for J only where J is its baseline', () => {
    const needs = (options: Record<string, unknown>) => {
      const method = createMethod('mrt-termination', options)
      return method.algorithm.needs(method.options)
    }
    expect(needs({})).toEqual({
      data: 'arms',
      J: 'none',
      arms: { continuations: 4, terminations: 4, maxPrefixEpisodes: 6, staleSteps: 10 },
    })
    expect(needs({ baseline: 'J', mu: 'ema', emaDecay: 0.9, bestOf: 4 })).toMatchObject({
      data: 'arms',
      J: 'exact',
      mu: { weights: 'ema', emaDecay: 0.9, bestOf: 4 },
    })
  })
})
