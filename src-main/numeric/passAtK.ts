// What k answers are worth: at least one right (pass@k), the one most of them agree on (maj@k), or the best of k
// under a known chance of success. pass@k is the unbiased estimator of Chen et al., "Evaluating large language models
// trained on code" (2021); putting an estimated p into 1 - (1 - p)^k instead would be biased low.

import { createRng, type Rng, type Seed } from './rng.ts'

/**
 * Unbiased chance that k answers, drawn without replacement from n of which c are right, contain a right one:
 * 1 - C(n - c, k) / C(n, k). Throws RangeError unless 1 <= k <= n and 0 <= c <= n.
 */
export function passAtK(n: number, c: number, k: number): number {
  if (!(k >= 1 && k <= n && c >= 0 && c <= n))
    throw new RangeError(`pass@k needs 1 <= k <= n and 0 <= c <= n, found n=${n}, c=${c}, k=${k}`)
  // Where fewer than k are wrong, one of the factors is 0.
  let allWrong = 1
  for (let m = n - c + 1; m <= n; m++) allWrong *= 1 - k / m
  return 1 - allWrong
}

/** Answers from which on a majority is reported. */
const FEWEST_VOTERS = 8

/** The one rule of which pass@k n answers a problem support: k = 1 and powers of two up to n / 2, so that more than one subset speaks for each. */
export function passSizes(n: number): number[] {
  return powersOfTwo(n).filter((k) => k === 1 || 2 * k <= n)
}

/** And which maj@k: powers of two from 4 up to n / 2, where there are at least 8 answers. */
export function majoritySizes(n: number): number[] {
  return n < FEWEST_VOTERS ? [] : powersOfTwo(n).filter((k) => k >= 4 && 2 * k <= n)
}

function powersOfTwo(most: number): number[] {
  const powers: number[] = []
  for (let k = 1; k <= most; k *= 2) powers.push(k)
  return powers
}

/** Chance that the best of k independent answers is right when each is right with the known chance p: 1 - (1 - p)^k. */
export function bestOfK(p: number, k: number): number {
  return -Math.expm1(k * Math.log1p(-p))
}

/** One sampled answer as a vote. Equal groups are the same answer and must agree on `correct`. */
export interface Vote {
  /** Canonical form of the answer, or null when none could be parsed; null never wins. */
  readonly group: string | null
  readonly correct: boolean
  /** Weight of the vote, 1 when absent; for likelihood-weighted voting the probability of the answer. */
  readonly weight?: number
}

export interface MajorityOptions {
  /** Random subsets to average over when there are more subsets than this. */
  readonly draws?: number
  readonly seed?: Seed
}

/**
 * Chance that a vote among k of the n answers picks a right one, averaged over subsets of size k without replacement:
 * over all of them when there are at most `draws`, else over `draws` random ones. m groups tied at the top share the
 * vote, 1/m each. Throws RangeError unless 1 <= k <= n.
 */
export function majAtK(votes: readonly Vote[], k: number, { draws = 10_000, seed = 0 }: MajorityOptions = {}): number {
  const n = votes.length
  if (!(k >= 1 && k <= n)) throw new RangeError(`maj@k needs 1 <= k <= n, found n=${n}, k=${k}`)
  const subsets = countSubsets(n, k, draws) <= draws ? allSubsets(n, k) : randomSubsets(n, k, draws, createRng(seed))
  let total = 0
  let visited = 0
  for (const subset of subsets) {
    total += election(votes, subset)
    visited++
  }
  return total / visited
}

/** Share of the top groups that are right, 0 when no answer could be parsed. */
function election(votes: readonly Vote[], subset: ArrayLike<number>): number {
  const tally = new Map<string, { weight: number; correct: boolean }>()
  for (let i = 0; i < subset.length; i++) {
    const { group, correct, weight = 1 } = votes[subset[i]]
    if (group === null) continue
    const entry = tally.get(group)
    if (entry === undefined) tally.set(group, { weight, correct })
    else entry.weight += weight
  }
  let top = 0
  for (const { weight } of tally.values()) top = Math.max(top, weight)
  // Sums of the same weights in another order may differ in the last digit; they are still a tie.
  const winners = [...tally.values()].filter(({ weight }) => weight >= top * (1 - 1e-12))
  return winners.length === 0 ? 0 : winners.filter(({ correct }) => correct).length / winners.length
}

/** C(n, k), or Infinity as soon as it exceeds `limit`. */
function countSubsets(n: number, k: number, limit: number): number {
  let count = 1
  for (let i = 1; i <= Math.min(k, n - k); i++) {
    count = (count * (n - i + 1)) / i
    if (count > limit) return Infinity
  }
  return count
}

function* allSubsets(n: number, k: number): Generator<number[]> {
  const subset = Array.from({ length: k }, (_, i) => i)
  for (;;) {
    yield subset
    let i = k - 1
    while (i >= 0 && subset[i] === n - k + i) i--
    if (i < 0) return
    subset[i]++
    for (let j = i + 1; j < k; j++) subset[j] = subset[j - 1] + 1
  }
}

function* randomSubsets(n: number, k: number, draws: number, rng: Rng): Generator<Int32Array> {
  const order = Int32Array.from({ length: n }, (_, i) => i)
  for (let draw = 0; draw < draws; draw++) {
    for (let i = 0; i < k; i++) {
      const j = i + rng.int(n - i)
      const held = order[i]
      order[i] = order[j]
      order[j] = held
    }
    yield order.subarray(0, k)
  }
}
