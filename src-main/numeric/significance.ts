// Tests of a difference between two runs on the same questions, and the correction when several are made at once.

import { weightedSums } from './resampling.ts'
import { philox4x32, seedWords, type Seed } from './rng.ts'
import { mean } from './stats.ts'

export interface SignFlipResult {
  /** Mean of the differences. */
  readonly difference: number
  /** Two-sided p-value. */
  readonly p: number
  /** Sign patterns tried: all 2^Q when that is at most `draws` (the p-value is then exact), else `draws` random ones. */
  readonly patterns: number
  readonly exact: boolean
}

/**
 * Paired sign-flip permutation test: if the runs did not differ, each difference could as well have the other sign.
 * The random version counts the observed pattern among the patterns, (1 + hits) / (1 + draws), and so is never 0.
 * @param differences [Q] value of run A minus value of run B on each question
 */
export function signFlipTest(differences: ArrayLike<number>, options: SignFlipOptions): SignFlipResult {
  return signFlipTests([Float64Array.from(differences)], options)[0]
}

export interface SignFlipOptions {
  readonly seed: Seed
  /** Patterns tried, 10,000 when absent. */
  readonly draws?: number
}

/** As `signFlipTest`, for several quantities of the same questions: all see the same patterns, in one pass. @param columns [quantities][Q] */
export function signFlipTests(columns: readonly Float64Array[], { seed, draws = 10_000 }: SignFlipOptions): SignFlipResult[] {
  const n = columns[0]?.length ?? 0
  if (n === 0) return columns.map((column) => ({ difference: mean(column), p: 1, patterns: 0, exact: true }))
  const exact = 2 ** n <= draws
  const patterns = exact ? 2 ** n : draws
  const words = new Uint32Array(4)
  const [low, high] = seedWords(seed)
  const flip = exact
    ? (pattern: number, i: number): number => (pattern >>> i) & 1
    : (pattern: number, i: number): number => {
        if (i % 128 === 0) philox4x32(low, high, i / 128, pattern, 0, 0, words)
        return (words[(i % 128) >>> 5] >>> (i & 31)) & 1
      }
  const totals = weightedSums(columns, patterns, (pattern, signs) => {
    for (let i = 0; i < n; i++) signs[i] = 1 - 2 * flip(pattern, i)
  })
  return columns.map((column, at) => {
    const difference = mean(column)
    // Patterns as extreme as the observed one must count although their sums are rounded differently.
    const threshold = Math.abs(difference * n) * (1 - 1e-12)
    const hits = totals[at].reduce((count, total) => count + Number(Math.abs(total) >= threshold), 0)
    return { difference, p: exact ? hits / patterns : (1 + hits) / (1 + patterns), patterns, exact }
  })
}

/**
 * Exact McNemar test for one yes/no answer per question: two-sided binomial p-value of the discordant pairs.
 * @param onlyA questions that only run A got right; @param onlyB likewise for run B
 */
export function mcnemarTest(onlyA: number, onlyB: number): number {
  const n = onlyA + onlyB
  if (n === 0) return 1
  let tail = 0
  for (let k = 0; k <= Math.min(onlyA, onlyB); k++) tail += Math.exp(logChoose(n, k) - n * Math.LN2)
  return Math.min(1, 2 * tail)
}

/** Holm's step-down correction: adjusted p-values in the order given; reject where it is at most the level. */
export function holm(pValues: readonly number[]): number[] {
  const order = pValues.map((_, i) => i).sort((a, b) => pValues[a] - pValues[b])
  const adjusted = new Array<number>(pValues.length)
  let largest = 0
  for (const [rank, index] of order.entries()) {
    largest = Math.max(largest, Math.min(1, (pValues.length - rank) * pValues[index]))
    adjusted[index] = largest
  }
  return adjusted
}

/** Chance of exactly k successes in n independent trials of chance p. */
export function binomialProbability(k: number, n: number, p: number): number {
  if (p <= 0 || p >= 1) return (p <= 0 ? 0 : n) === k ? 1 : 0
  return Math.exp(logChoose(n, k) + k * Math.log(p) + (n - k) * Math.log1p(-p))
}

/**
 * The central range of success counts: the smallest `low` and largest `high` outside of which, on either side, lies at
 * most half of 1 - level. Used to ask whether sampled answers agree with a chance that was computed exactly.
 */
export function binomialRange(n: number, p: number, level = 0.95): { readonly low: number, readonly high: number } {
  const half = (1 - level) / 2
  let low = 0
  for (let below = binomialProbability(0, n, p); below <= half && low < n; below += binomialProbability(low, n, p)) low++
  let high = n
  for (let above = binomialProbability(n, n, p); above <= half && high > 0; above += binomialProbability(high, n, p)) high--
  return { low, high }
}

function logChoose(n: number, k: number): number {
  let total = 0
  for (let i = 1; i <= Math.min(k, n - k); i++) total += Math.log((n - i + 1) / i)
  return total
}
