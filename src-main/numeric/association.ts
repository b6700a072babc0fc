// How well one list of numbers tells about another: rank correlation, and the quality of predicted probabilities.

import { mean } from './stats.ts'

/** Ranks from 1, ties sharing the mean of their ranks. */
export function ranks(values: ArrayLike<number>): Float64Array {
  const order = Array.from(values, (_, i) => i).sort((a, b) => values[a] - values[b])
  const out = new Float64Array(values.length)
  for (let start = 0; start < order.length;) {
    let end = start + 1
    while (values[order[end]] === values[order[start]]) end++
    for (let i = start; i < end; i++) out[order[i]] = (start + end + 1) / 2
    start = end
  }
  return out
}

/** Pearson correlation; NaN when a list is constant or shorter than two. */
export function pearson(a: ArrayLike<number>, b: ArrayLike<number>): number {
  requireSameLength(a, b)
  const centreA = mean(a)
  const centreB = mean(b)
  let ab = 0
  let aa = 0
  let bb = 0
  for (let i = 0; i < a.length; i++) {
    ab += (a[i] - centreA) * (b[i] - centreB)
    aa += (a[i] - centreA) ** 2
    bb += (b[i] - centreB) ** 2
  }
  return ab / Math.sqrt(aa * bb)
}

/** Spearman rank correlation: Pearson correlation of the ranks, ties averaged. */
export function spearman(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return pearson(ranks(a), ranks(b))
}

/**
 * Area under the ROC curve: the chance that a random positive scores above a random negative, ties counting half.
 * @param outcomes 1 (or true) for positives, 0 for negatives; NaN when one kind is missing
 */
export function auroc(scores: ArrayLike<number>, outcomes: ArrayLike<number | boolean>): number {
  requireSameLength(scores, outcomes)
  const rank = ranks(scores)
  let positives = 0
  let rankSum = 0
  for (let i = 0; i < scores.length; i++) {
    if (!outcomes[i]) continue
    positives++
    rankSum += rank[i]
  }
  const negatives = scores.length - positives
  return (rankSum - (positives * (positives + 1)) / 2) / (positives * negatives)
}

/** Brier score: mean squared distance between predicted probability and outcome (0 or 1); 0 is best. */
export function brier(probabilities: ArrayLike<number>, outcomes: ArrayLike<number | boolean>): number {
  requireSameLength(probabilities, outcomes)
  return mean(Array.from(probabilities, (p, i) => (p - Number(outcomes[i])) ** 2))
}

export interface ReliabilityBin {
  readonly low: number
  readonly high: number
  readonly count: number
  /** Mean predicted probability and share of positives in the bin; NaN when it is empty. */
  readonly predicted: number
  readonly observed: number
}

/** Predictions in equally wide bins of [0, 1] beside what happened; the last bin includes 1. */
export function reliability(probabilities: ArrayLike<number>, outcomes: ArrayLike<number | boolean>, bins = 10): ReliabilityBin[] {
  requireSameLength(probabilities, outcomes)
  const members: number[][] = Array.from({ length: bins }, () => [])
  for (let i = 0; i < probabilities.length; i++) {
    members[Math.min(bins - 1, Math.max(0, Math.floor(probabilities[i] * bins)))].push(i)
  }
  return members.map((indices, bin) => ({
    low: bin / bins,
    high: (bin + 1) / bins,
    count: indices.length,
    predicted: mean(indices.map((i) => probabilities[i])),
    observed: mean(indices.map((i) => Number(outcomes[i]))),
  }))
}

/** Expected calibration error: mean |predicted - observed| over bins, weighted by their counts. */
export function calibrationError(bins: readonly ReliabilityBin[]): number {
  const filled = bins.filter((bin) => bin.count > 0)
  const total = filled.reduce((n, bin) => n + bin.count, 0)
  return filled.reduce((error, bin) => error + (bin.count / total) * Math.abs(bin.predicted - bin.observed), 0)
}

function requireSameLength(a: ArrayLike<unknown>, b: ArrayLike<unknown>): void {
  if (a.length !== b.length) throw new RangeError(`lists must be equally long, found ${a.length} and ${b.length}`)
}
