// Tests of a difference between two runs on the same questions, and the correction when several are made at once.

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
export function signFlipTest(differences: ArrayLike<number>, options: { readonly seed: Seed, readonly draws?: number }): SignFlipResult {
  const { seed, draws = 10_000 } = options
  const n = differences.length
  const difference = mean(differences)
  if (n === 0) return { difference, p: 1, patterns: 0, exact: true }
  const exact = 2 ** n <= draws
  const patterns = exact ? 2 ** n : draws
  const words = new Uint32Array(4)
  const [low, high] = seedWords(seed)
  // Patterns as extreme as the observed one must count although their sums are rounded differently.
  const threshold = Math.abs(difference * n) * (1 - 1e-12)
  let hits = 0
  for (let pattern = 0; pattern < patterns; pattern++) {
    let total = 0
    for (let i = 0; i < n; i++) {
      let flip: number
      if (exact) flip = (pattern >>> i) & 1
      else {
        if (i % 128 === 0) philox4x32(low, high, i / 128, pattern, 0, 0, words)
        flip = (words[(i % 128) >>> 5] >>> (i & 31)) & 1
      }
      total += flip === 1 ? -differences[i] : differences[i]
    }
    if (Math.abs(total) >= threshold) hits++
  }
  return { difference, p: exact ? hits / patterns : (1 + hits) / (1 + patterns), patterns, exact }
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
