// Does mu tell the truth? Two questions. Does J predict what happens (Brier, AUROC, rank correlation, reliability), at
// every depth of the thought? And do two ways of measuring the same J agree: the exact sum over all right answers, and
// the share of right ones among sampled answers?

import { auroc, brier, reliability, spearman, type ReliabilityBin } from '../numeric/association.ts'
import { binomialRange } from '../numeric/significance.ts'
import { mean } from '../numeric/stats.ts'
import { progressOf } from './progress.ts'

/** One forecast: J at a boundary, and whether the rollout's own final answer was right. */
export interface Forecast {
  readonly boundary: number
  readonly J: number
  readonly correct: boolean
}

export interface Calibration {
  readonly count: number
  readonly brier: number
  /** NaN when all outcomes are the same. */
  readonly auroc: number
  readonly spearman: number
  readonly bins: readonly ReliabilityBin[]
}

/** Calibration of all forecasts together. */
export function calibrate(forecasts: readonly Pick<Forecast, 'J' | 'correct'>[], bins = 10): Calibration {
  const J = forecasts.map((f) => f.J)
  const outcomes = forecasts.map((f) => Number(f.correct))
  return {
    count: forecasts.length,
    brier: brier(J, outcomes),
    auroc: auroc(J, outcomes),
    spearman: spearman(J, outcomes),
    bins: reliability(J, outcomes, bins),
  }
}

export interface Scores {
  readonly brier: number
  /** NaN when all outcomes are the same. */
  readonly auroc: number
  readonly spearman: number
}

/**
 * Brier score, AUROC and rank correlation of forecasts that each count `weight` times, as in a resample of the problems they
 * belong to. The forecasts are ordered once; a resample then costs one walk. Equal to `calibrate` where all weights are 1.
 */
export function weightedScores(forecasts: readonly Pick<Forecast, 'J' | 'correct'>[]): (weight: (index: number) => number) => Scores {
  const order = forecasts.map((_, index) => index).sort((a, b) => forecasts[a].J - forecasts[b].J)
  const J = Float64Array.from(order, (index) => forecasts[index].J)
  const outcome = Uint8Array.from(order, (index) => Number(forecasts[index].correct))
  return (weight) => {
    let count = 0
    let positives = 0
    let squares = 0
    let rankSum = 0
    let rankSquares = 0
    let rankOfPositives = 0
    for (let start = 0; start < J.length;) {
      let [tied, tiedPositives, end] = [0, 0, start]
      for (; J[end] === J[start]; end++) {
        const w = weight(order[end])
        tied += w
        tiedPositives += w * outcome[end]
        squares += w * (J[end] - outcome[end]) ** 2
      }
      // The ranks count + 1 .. count + tied are shared.
      const rank = count + (tied + 1) / 2
      rankSum += tied * rank
      rankSquares += tied * rank * rank
      rankOfPositives += tiedPositives * rank
      count += tied
      positives += tiedPositives
      start = end
    }
    const negatives = count - positives
    // The outcome takes two values, so its ranks are a straight line of it and correlate alike.
    const covariance = rankOfPositives - (rankSum * positives) / count
    const spreadOfRanks = rankSquares - (rankSum * rankSum) / count
    const spreadOfOutcomes = (positives * negatives) / count
    return {
      brier: squares / count,
      auroc: (rankOfPositives - (positives * (positives + 1)) / 2) / (positives * negatives),
      spearman: spreadOfRanks <= 1e-9 ? NaN : covariance / Math.sqrt(spreadOfRanks * spreadOfOutcomes),
    }
  }
}

/** One rollout measured both ways: J[j] exactly, and correct[j] right ones among `samples` answers at each boundary. */
export interface DoublyMeasured {
  readonly exact: ArrayLike<number>
  readonly correct: ArrayLike<number>
  readonly samples: number
}

export interface Agreement {
  readonly boundaries: number
  /** Share of boundaries whose count lies in the central binomial range of the exact J; at least `level` is expected. */
  readonly coverage: number
  /** Mean difference sampled - exact, which an unbiased pair has at 0. */
  readonly bias: number
  readonly meanAbsoluteDifference: number
  /** Share of episodes whose progress has the same sign both ways, ties in the sampled value counting half; NaN without episodes. */
  readonly progressSignAgreement: number
}

/** How well sampled J agrees with exact J. Both must come from the same weights, prefix, suffix and temperature 1. */
export function agreement(rollouts: readonly DoublyMeasured[], level = 0.95): Agreement {
  const covered: number[] = []
  const differences: number[] = []
  const signs: number[] = []
  for (const { exact, correct, samples } of rollouts) {
    const sampled = Float64Array.from(correct, (count) => count / samples)
    for (let j = 0; j < exact.length; j++) {
      const { low, high } = binomialRange(samples, exact[j], level)
      covered.push(correct[j] >= low && correct[j] <= high ? 1 : 0)
      differences.push(sampled[j] - exact[j])
    }
    const sampledProgress = progressOf(sampled)
    for (const [e, step] of progressOf(exact).entries()) {
      if (step === 0) continue
      signs.push(sampledProgress[e] === 0 ? 0.5 : Math.sign(sampledProgress[e]) === Math.sign(step) ? 1 : 0)
    }
  }
  return {
    boundaries: covered.length,
    coverage: mean(covered),
    bias: mean(differences),
    meanAbsoluteDifference: mean(differences.map(Math.abs)),
    progressSignAgreement: mean(signs),
  }
}
