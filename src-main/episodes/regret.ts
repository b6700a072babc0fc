// Normalised regret at a token budget: how much accuracy, averaged over all budgets up to C, separates a model from a
// comparator that is right from the first token on. 0 is best. For a rollout, A = area under its budget curve from 0 to
// C, divided by C (trapezoids, one point interpolated at C, the last accuracy held flat when the rollout ends earlier);
// regret(C) = 1 - mean over questions of the mean over rollouts of A. As in the released analysis of arXiv 2503.07572,
// except that its slips are not reproduced: answers are averaged over the number actually sampled, and budgets beyond
// the natural end (forced continuation) are interpolated like all others instead of closing with a negative width.

import { areaUpTo, interpolate } from '../numeric/curves.ts'
import { mean } from '../numeric/stats.ts'
import { budgetCurve, type Counted, type MeasuredTrace } from './budgetCurve.ts'
import { firstStableBoundary } from './progress.ts'

/** What regret reads of a rollout, as sampled or as stored. */
export interface MeasuredThought {
  readonly promptTokens: number
  /** Everything after the prompt: thinking, its closing and the answer. */
  readonly completionTokens: number
  /** Completion tokens before each boundary, ascending from 0; the last is where the thinking ended. */
  readonly boundaries: ArrayLike<number>
  readonly J: ArrayLike<number>
}

/**
 * A rollout as every regret of this program sees it, on every screen, in every file and in training: what an answer given at a boundary
 * would cost is taken to be what closing and answer of the rollout itself did, so that the same rollout costs the same wherever it is
 * read, ours or imported. Token counting is that of `Counted`, 'all' unless another is asked for.
 */
export function regretTrace({ promptTokens, completionTokens, boundaries, J }: MeasuredThought): MeasuredTrace {
  const answer = Math.max(0, completionTokens - boundaries[boundaries.length - 1])
  return { promptTokens, suffixTokens: 0, boundaries, answerTokens: Array.from(boundaries, () => answer), accuracy: J }
}

/** Traces of each question, the same questions in the same order wherever several lists are compared. */
export type TracesByQuestion = readonly (readonly MeasuredTrace[])[]

/** A of one trace: mean accuracy over all budgets from 0 to `budget`. */
export function areaOf(trace: MeasuredTrace, budget: number, counted: Counted = 'all'): number {
  if (!(budget > 0)) throw new RangeError(`a token budget must be positive, found ${budget}`)
  const { tokens, accuracy } = budgetCurve(trace, counted)
  return areaUpTo(tokens, accuracy, budget) / budget
}

/** Mean A of each question over its traces. Throws RangeError on a question without traces. */
export function areasByQuestion(questions: TracesByQuestion, budget: number, counted: Counted = 'all'): Float64Array {
  return Float64Array.from(questions, (traces, question) => {
    if (traces.length === 0) throw new RangeError(`question ${question} has no traces`)
    return mean(traces.map((trace) => areaOf(trace, budget, counted)))
  })
}

/**
 * What a model is compared with; different comparators can reorder methods, so a figure names its own.
 * - `oracle`: right from token zero (the published one);
 * - `reference`: the areas of another run or checkpoint on the same questions;
 * - `sufficient`: right from the smallest number of tokens at which any trace of the pool is and stays right on that
 *   question, wrong before, and wrong throughout where none is;
 * - `equal`: the same traces, none of which thinks longer than `tokens` (counted as the budget is): what an equal share
 *   for every question would have given. Above 0 the run would have done better so; a trace that ended earlier stays as it is.
 */
export type Comparator =
  | { readonly kind: 'oracle' }
  | { readonly kind: 'reference'; readonly traces: TracesByQuestion }
  | { readonly kind: 'sufficient'; readonly pool: TracesByQuestion; readonly threshold?: number }
  | { readonly kind: 'equal'; readonly tokens: number }

export interface RegretOptions {
  readonly counted?: Counted
  readonly comparator?: Comparator
}

export interface Regret {
  readonly budget: number
  /** Mean over questions. */
  readonly regret: number
  /** [questions] comparator area minus own area; resample these for an interval. */
  readonly byQuestion: Float64Array
}

/** Normalised regret at one budget. With a comparator other than the oracle it may be negative. */
export function normalizedRegret(
  questions: TracesByQuestion,
  budget: number,
  { counted = 'all', comparator = { kind: 'oracle' } }: RegretOptions = {},
): Regret {
  const own = areasByQuestion(questions, budget, counted)
  const best = comparatorAreas(comparator, questions, budget, counted)
  if (best.length !== own.length) throw new RangeError(`the comparator has ${best.length} questions, the run ${own.length}`)
  const byQuestion = own.map((area, q) => best[q] - area)
  return { budget, regret: mean(byQuestion), byQuestion }
}

/** Normalised regret at each of several budgets. */
export function regretCurve(questions: TracesByQuestion, budgets: readonly number[], options: RegretOptions = {}): Regret[] {
  return budgets.map((budget) => normalizedRegret(questions, budget, options))
}

function comparatorAreas(comparator: Comparator, questions: TracesByQuestion, budget: number, counted: Counted): Float64Array {
  switch (comparator.kind) {
    case 'oracle':
      return new Float64Array(questions.length).fill(1)
    case 'reference':
      return areasByQuestion(comparator.traces, budget, counted)
    case 'equal':
      return Float64Array.from(questions, (traces) => mean(traces.map((trace) => cappedArea(trace, budget, comparator.tokens, counted))))
    case 'sufficient':
      return Float64Array.from(comparator.pool, (traces) => {
        const enough = sufficientTokens(traces, counted, comparator.threshold)
        return enough === null ? 0 : Math.max(0, 1 - enough / budget)
      })
  }
}

/** A of a trace that stops at `cap` tokens: its accuracy there is held from then on. */
function cappedArea(trace: MeasuredTrace, budget: number, cap: number, counted: Counted): number {
  const end = Math.min(budget, cap)
  const { tokens, accuracy } = budgetCurve(trace, counted)
  return (areaUpTo(tokens, accuracy, end) + (budget - end) * interpolate(tokens, accuracy, end)) / budget
}

/** Tokens of whole traces, averaged over questions: the equal share that costs what was spent. */
export function meanSpend(questions: TracesByQuestion, counted: Counted = 'all'): number {
  return mean(questions.map((traces) => mean(traces.map((trace) => budgetCurve(trace, counted).tokens.at(-1)!))))
}

/** The fewest tokens at which any of a question's traces is and stays right (J at or above the threshold), or null. */
export function sufficientTokens(traces: readonly MeasuredTrace[], counted: Counted = 'all', threshold = 0.5): number | null {
  const solved = traces.flatMap((trace) => {
    const boundary = firstStableBoundary(trace.accuracy, threshold)
    if (boundary === null) return []
    const { boundaries, answerTokens } = trace
    const point = { ...trace, boundaries: [boundaries[boundary]], answerTokens: [answerTokens[boundary]], accuracy: [1] }
    return budgetCurve(point, counted).tokens[1]
  })
  return solved.length === 0 ? null : Math.min(...solved)
}
