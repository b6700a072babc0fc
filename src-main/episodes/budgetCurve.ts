// A rollout as a curve: tokens spent against the chance of success if it stopped there. The points are its boundaries;
// everything about token budgets reads this one curve.
// What counts as spent is an explicit choice, because the published analysis counts the prompt and the forced-stop text.

/** One rollout with mu measured at its boundaries. The three lists have the same length, episodes + 1. */
export interface MeasuredTrace {
  readonly promptTokens: number
  /** Tokens of the forced-termination suffix. */
  readonly suffixTokens: number
  /** Completion tokens before each boundary, ascending from 0. */
  readonly boundaries: ArrayLike<number>
  /** Mean length of the answers given at each boundary, over the answers actually sampled (or the listed ones). */
  readonly answerTokens: ArrayLike<number>
  /** J at each boundary. */
  readonly accuracy: ArrayLike<number>
}

/**
 * What the token axis counts:
 * - `all`: prompt + prefix + suffix + answer, the published definition and the default;
 * - `completion`: prefix + suffix + answer, so that problems with long prompts are not charged for them;
 * - `thinking`: the prefix alone.
 */
export type Counted = 'all' | 'completion' | 'thinking'

const cost: Record<Counted, (trace: MeasuredTrace, j: number) => number> = {
  all: (t, j) => t.promptTokens + t.boundaries[j] + t.suffixTokens + t.answerTokens[j],
  completion: (t, j) => t.boundaries[j] + t.suffixTokens + t.answerTokens[j],
  thinking: (t, j) => t.boundaries[j],
}

export interface BudgetCurve {
  readonly tokens: readonly number[]
  readonly accuracy: readonly number[]
}

/**
 * The points of a trace, (0, 0) first. Points are ordered by tokens: where a forced answer at an early boundary is so
 * long that it costs more than one at a later boundary, the cheaper point comes first.
 * Throws RangeError when the lists of the trace differ in length.
 */
export function budgetCurve(trace: MeasuredTrace, counted: Counted = 'all'): BudgetCurve {
  const { length } = trace.boundaries
  if (trace.answerTokens.length !== length || trace.accuracy.length !== length) {
    throw new RangeError(
      `a trace with ${length} boundaries has ${trace.answerTokens.length} answer lengths and ${trace.accuracy.length} accuracies`,
    )
  }
  const points = Array.from({ length }, (_, j) => ({ tokens: cost[counted](trace, j), accuracy: trace.accuracy[j] }))
  points.sort((a, b) => a.tokens - b.tokens)
  return { tokens: [0, ...points.map((p) => p.tokens)], accuracy: [0, ...points.map((p) => p.accuracy)] }
}
