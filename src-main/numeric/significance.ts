// What resampled values say of an estimate: its interval and the p-value of it being 0, which are one test read two ways, so that the
// interval leaves 0 out exactly where p is below its level. Also exact tests of counts, and the correction when several tests are made at once.

import { quantileOfSorted } from './stats.ts'
import { studentQuantile } from './student.ts'

export interface Inference {
  readonly low: number
  readonly high: number
  /** Two-sided p-value of the estimate being 0: the largest level at which its interval contains 0; at least 1 / (draws + 1). */
  readonly p: number
}

/** Halvings of the level at which an interval just reaches 0: p to nine digits. */
const HALVINGS = 32

/**
 * Interval and p-value of an estimate from its values over resamples; those that are not finite are left out, NaN where none is left.
 * The interval is the percentile one, its two arms stretched by t / z and by sqrt(units / (units - 1)), where units = df + 1 is the smallest
 * number of things resampled at any level: few units show too little of their spread (Efron & Tibshirani 1993, 12.5; Hesterberg 2015).
 * With many units it is the percentile interval.
 * @param draws [draws] values over resamples, in any order
 * @param df degrees of freedom, a whole number from 1, or Infinity
 */
export function inferenceOf(estimate: number, draws: Float64Array, df: number, level = 0.95): Inference {
  const sorted = draws.filter(Number.isFinite).sort()
  if (sorted.length === 0 || !Number.isFinite(estimate)) return { low: NaN, high: NaN, p: NaN }
  const { low, high } = stretchedInterval(estimate, sorted, df, 1 - level)
  return { low, high, p: pValue(estimate, sorted, df) }
}

function stretchedInterval(
  estimate: number,
  sorted: Float64Array,
  df: number,
  outside: number,
): { readonly low: number; readonly high: number } {
  const stretch = df === Infinity ? 1 : (studentQuantile(outside, df) / studentQuantile(outside, Infinity)) * Math.sqrt((df + 1) / df)
  const at = (p: number): number => estimate + stretch * (quantileOfSorted(sorted, p) - estimate)
  return { low: at(outside / 2), high: at(1 - outside / 2) }
}

function pValue(estimate: number, sorted: Float64Array, df: number): number {
  const excludes = (outside: number): boolean => {
    const { low, high } = stretchedInterval(estimate, sorted, df, outside)
    return low > 0 || high < 0
  }
  const least = 1 / (sorted.length + 1)
  if (excludes(least)) return least
  // The level of the interval that is shown decides which side of it p is on, whatever rounding does near it.
  let [inside, outside] = excludes(SHOWN) ? [least, SHOWN] : [SHOWN, MOST]
  if (outside === MOST && !excludes(MOST)) return 1
  for (let halving = 0; halving < HALVINGS; halving++) {
    const middle = Math.sqrt(inside * outside)
    if (excludes(middle)) outside = middle
    else inside = middle
  }
  return inside
}

/** What is outside of the intervals that are shown, and the largest level that is asked about (at 1 an interval is a point). */
const SHOWN = 1 - 0.95
const MOST = 0.9999

/** Chance of exactly k successes in n independent trials of chance p. */
export function binomialProbability(k: number, n: number, p: number): number {
  if (p <= 0 || p >= 1) return (p <= 0 ? 0 : n) === k ? 1 : 0
  return Math.exp(logChoose(n, k) + k * Math.log(p) + (n - k) * Math.log1p(-p))
}

/**
 * p-values of several tests that are made at once: each is the chance that any of those at least as small would come about if no test had
 * anything to find. Never below the p-value itself, never above 1; in the order given, NaN where one is.
 * @see Holm 1979, A simple sequentially rejective multiple test procedure
 */
export function holm(ps: readonly number[]): number[] {
  const tested = ps.map((p, at) => ({ p, at })).filter(({ p }) => !Number.isNaN(p))
  const adjusted = ps.map(() => NaN)
  let most = 0
  for (const [rank, { p, at }] of tested.sort((a, b) => a.p - b.p).entries())
    adjusted[at] = most = Math.max(most, Math.min(1, p * (tested.length - rank)))
  return adjusted
}

/**
 * The central range of success counts: the smallest `low` and largest `high` outside of which, on either side, lies at
 * most half of 1 - level. Used to ask whether sampled answers agree with a chance that was computed exactly.
 */
export function binomialRange(n: number, p: number, level = 0.95): { readonly low: number; readonly high: number } {
  const half = (1 - level) / 2
  let low = 0
  for (let below = binomialProbability(0, n, p); below <= half; below += binomialProbability(low, n, p)) low++
  let high = n
  for (let above = binomialProbability(n, n, p); above <= half; above += binomialProbability(high, n, p)) high--
  return { low, high }
}

function logChoose(n: number, k: number): number {
  let total = 0
  for (let i = 1; i <= k; i++) total += Math.log((n - i + 1) / i)
  return total
}
