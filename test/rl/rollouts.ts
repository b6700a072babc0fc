// Small graded rollouts for tests: say what matters, the rest is plain.
import fc from 'fast-check'
import { expect } from 'vitest'
import { createMethod, creditBatch, needsOf, type AlgorithmName, type Method } from '../../src-main/rl/algorithms.ts'
import type { CreditContext, GradedRollout } from '../../src-main/rl/types.ts'

export const context: CreditContext = { budgetTokens: 16, seed: 7, done: 0.5 }

/** What a method pays a group. */
export const credit = (
  name: AlgorithmName,
  group: readonly GradedRollout[],
  options: Record<string, unknown> = {},
  more: Partial<CreditContext> = {},
) => creditBatch(createMethod(name, options), group, { ...context, ...more })
/** These values to six places. */
export const near = (...values: readonly number[]) => values.map((value): unknown => expect.closeTo(value, 6))

/** Ten sampled tokens, no episodes, stopped by itself, wrong. */
export function rollout(given: Partial<GradedRollout> = {}): GradedRollout {
  const tokenCount = given.tokenCount ?? 10
  return {
    group: 0,
    sample: 0,
    tokenCount,
    correct: 0,
    finish: 'stop',
    episodes: [],
    thinkEnd: tokenCount,
    sampled: new Uint8Array(tokenCount).fill(1),
    ...given,
  }
}

/** One rollout per outcome, in one group. */
export function outcomes(...corrects: readonly (0 | 1)[]): GradedRollout[] {
  return corrects.map((correct, sample) => rollout({ correct, sample }))
}

/**
 * A rollout whose episodes are two tokens each, then a closing token and a two-token answer: J has one entry more than there are episodes.
 */
export function thinking(correct: 0 | 1, J: readonly number[], given: Partial<GradedRollout> = {}): GradedRollout {
  const count = J.length - 1
  return rollout({
    correct,
    J: Float64Array.from(J),
    tokenCount: 2 * count + 3,
    thinkEnd: 2 * count,
    episodes: Array.from({ length: count }, (_, index) => ({ start: 2 * index, end: 2 * index + 2 })),
    ...given,
  })
}

/** Any group of 1..6 thinking rollouts of 0..4 episodes; V as shares of 9 continuations. */
export function anyGroup(least = 1): fc.Arbitrary<GradedRollout[]> {
  const score = fc.double({ min: 0, max: 1, noNaN: true })
  return fc
    .array(
      fc.record({
        correct: fc.constantFrom(0 as const, 1 as const),
        J: fc.array(score, { minLength: 1, maxLength: 5 }),
        stopped: fc.boolean(),
      }),
      { minLength: least, maxLength: 6 },
    )
    .map((items) =>
      items.map((item, sample) =>
        thinking(item.correct, item.J, {
          sample,
          finish: item.stopped ? 'stop' : 'length',
          V: Float64Array.from(item.J, (J) => Math.round(9 * J) / 9),
        }),
      ),
    )
}

/** A group cut at thinking budgets where the method asks for that: J there is that of the last boundary before; the second half counts as kept going where it asks for such. The thinking budget is 8 tokens. */
export function asNeeded(method: Method, group: readonly GradedRollout[]): GradedRollout[] {
  const { cuts, kept } = needsOf(method)
  if (!cuts) return [...group]
  const budgets = cuts.shares.map((share) => Math.max(1, Math.round(8 * share)))
  return group.map((one, index) => {
    const offsets = budgets.map((budget) => Math.min(budget, one.thinkEnd))
    return {
      ...one,
      ...(kept && index >= group.length / 2 && { kept: true }),
      cuts: {
        budgets,
        offsets,
        J: Float64Array.from(offsets, (offset) => one.J![one.episodes.filter(({ end }) => end <= offset).length]!),
      },
    }
  })
}

export function sum(values: Iterable<number>): number {
  let total = 0
  for (const value of values) total += value
  return total
}
