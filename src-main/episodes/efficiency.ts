// Accuracy against tokens as a curve over voting sizes or budgets, and what it says of two methods at equal accuracy.
// Token efficiency of A over B at accuracy a = tokens B needs for a / tokens A needs for a, both read off the curves by
// linear interpolation. It is undefined where the curves do not overlap in accuracy, and then null, never extrapolated.

import { firstReach } from '../numeric/curves.ts'
import { majAtK, type MajorityOptions, type Vote } from '../numeric/passAtK.ts'

/** Points in ascending order of tokens. */
export interface AccuracyCurve {
  readonly tokens: readonly number[]
  readonly accuracy: readonly number[]
}

/** tokens_B(level) / tokens_A(level): above 1 where A needs fewer tokens than B. */
export function tokenEfficiency(a: AccuracyCurve, b: AccuracyCurve, level: number): number | null {
  const tokensA = tokensToReach(a, level)
  const tokensB = tokensToReach(b, level)
  return tokensA === null || tokensB === null ? null : tokensB / tokensA
}

/** Tokens at which a curve first reaches an accuracy, or null below its first and above its highest point. */
export function tokensToReach({ tokens, accuracy }: AccuracyCurve, level: number): number | null {
  return tokens.length === 0 || level < accuracy[0] ? null : firstReach(tokens, accuracy, level)
}

/** `count` accuracy levels evenly spread over the range that both curves cover, ends included; empty without overlap. */
export function commonLevels(a: AccuracyCurve, b: AccuracyCurve, count: number): number[] {
  const low = Math.max(a.accuracy[0], b.accuracy[0])
  const high = Math.min(Math.max(...a.accuracy), Math.max(...b.accuracy))
  if (!(low <= high)) return []
  return Array.from({ length: count }, (_, i) => (count === 1 ? high : low + ((high - low) * i) / (count - 1)))
}

/** The answers sampled at one boundary. */
export interface AnswersAtBoundary {
  /** Tokens spent before answering. */
  readonly prefixTokens: number
  readonly votes: readonly Vote[]
  /** Tokens of each answer. */
  readonly answerTokens: readonly number[]
}

/** [maj@p]_j: accuracy of a vote among p answers at each boundary, at a cost of prefix + p x mean answer tokens. */
export function votingCurve(boundaries: readonly AnswersAtBoundary[], p: number, options: MajorityOptions = {}): AccuracyCurve {
  return {
    tokens: boundaries.map(({ prefixTokens, answerTokens }) =>
      prefixTokens + (p * answerTokens.reduce((sum, t) => sum + t, 0)) / answerTokens.length),
    accuracy: boundaries.map(({ votes }) => majAtK(votes, p, options)),
  }
}
