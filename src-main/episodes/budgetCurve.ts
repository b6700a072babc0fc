// A rollout as a curve: tokens spent against the chance of success if it stopped there. The points are its boundaries;
// everything about token budgets (regret, accuracy at a budget, averages over rollouts) reads this one curve.
// What counts as spent is an explicit choice, because the published analysis counts the prompt and the forced-stop text.

import { interpolate } from '../numeric/curves.ts'
import { mean, sampleDeviation } from '../numeric/stats.ts'

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
    throw new RangeError(`a trace with ${length} boundaries has ${trace.answerTokens.length} answer lengths and ${trace.accuracy.length} accuracies`)
  }
  const points = Array.from({ length }, (_, j) => ({ tokens: cost[counted](trace, j), accuracy: trace.accuracy[j] }))
  points.sort((a, b) => a.tokens - b.tokens)
  return { tokens: [0, ...points.map((p) => p.tokens)], accuracy: [0, ...points.map((p) => p.accuracy)] }
}

/**
 * Accuracy of a trace under a budget. `reached` takes the last point that fits into the budget, as a real cut-off would
 * (0 when not even the first fits); `linear` reads the straight line between points, as regret does.
 */
export function accuracyAt(curve: BudgetCurve, budget: number, between: 'reached' | 'linear' = 'reached'): number {
  if (between === 'linear') return interpolate(curve.tokens, curve.accuracy, budget)
  let at = 0
  while (at + 1 < curve.tokens.length && curve.tokens[at + 1] <= budget) at++
  return curve.accuracy[at]
}

export interface AveragePoint {
  /** Mean over questions of the mean over their traces. */
  readonly mean: number
  /** Standard error over questions (ddof 1), NaN for a single question. */
  readonly error: number
  /** Questions that contributed. */
  readonly questions: number
}

/** Average accuracy at each budget. @param questions traces of each question */
export function averageAtBudgets(
  questions: readonly (readonly MeasuredTrace[])[], budgets: readonly number[],
  options: { readonly counted?: Counted, readonly between?: 'reached' | 'linear' } = {},
): AveragePoint[] {
  const curves = questions.map((traces) => traces.map((trace) => budgetCurve(trace, options.counted)))
  return budgets.map((budget) => average(curves.map((own) => own.map((curve) => accuracyAt(curve, budget, options.between)))))
}

/**
 * Average J at each boundary index, from the empty think block on. A rollout with fewer episodes either keeps its last J
 * (`hold`: it has stopped and would still answer like that) or leaves the average (`drop`: only those still thinking
 * count, so the composition changes along the curve).
 * @param questions J lists of each question's rollouts
 */
export function averageAtEpisodes(
  questions: readonly (readonly ArrayLike<number>[])[], missing: 'hold' | 'drop' = 'hold',
): AveragePoint[] {
  const longest = Math.max(0, ...questions.flat().map((J) => J.length))
  return Array.from({ length: longest }, (_, j) => average(questions.map((rollouts) => rollouts
    .filter((J) => J.length > 0 && (missing === 'hold' || j < J.length))
    .map((J) => J[Math.min(j, J.length - 1)]))))
}

function average(perQuestion: readonly (readonly number[])[]): AveragePoint {
  const means = perQuestion.filter((values) => values.length > 0).map(mean)
  const error = means.length < 2 ? NaN : sampleDeviation(means) / Math.sqrt(means.length)
  return { mean: mean(means), error, questions: means.length }
}
