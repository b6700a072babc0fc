// Accuracy against tokens as a curve over voting sizes or budgets, and what it says of two methods at equal accuracy.
// Token efficiency of A over B at accuracy a = tokens B needs for a / tokens A needs for a, both read off the curves by
// linear interpolation. It is undefined where the curves do not overlap in accuracy, and then null, never extrapolated.

import { firstReach } from '../numeric/curves.ts'

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
