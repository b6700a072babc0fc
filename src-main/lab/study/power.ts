// What a study can see, before it starts: the smallest difference in accuracy between two arms that it would find four times out of five.
import { degreesOfFreedom } from '../../numeric/bootstrap.ts'
import { normalQuantile, questionsNeeded } from '../../numeric/intervals.ts'
import { studentQuantile } from '../../numeric/student.ts'

/** Assumed until a study has measured them: standard deviation over problems of the true difference, variance of one answer, standard deviation over seeds of one run's accuracy. */
export const ASSUMED = { differenceDeviation: 0.2, withinVariance: 0.15, seedDeviation: 0.025 } as const
const LEVEL = 0.95
const POWER = 0.8

export interface PowerEstimate {
  readonly problems: number
  readonly clusters: number
  readonly seeds: number
  /** Difference in accuracy, a share. */
  readonly smallest: number
  /** Problems that would be needed to see 3 points if seeds did not differ. */
  readonly neededFor3Points: number
}

/**
 * @param clusters [problems]; unequal clusters count as the equal ones with the same spread
 * Variance of a paired difference: (w^2 + 2 s^2 / samples) / units + 2 sd_seed^2 / seeds, where units are problems, or, where clusters
 * differ as a whole, at worst the clusters: half of w^2 is taken to lie between clusters.
 */
export function powerOf(clusters: readonly number[], samples: number, seeds: number): PowerEstimate {
  const { differenceDeviation, withinVariance, seedDeviation } = ASSUMED
  const df = degreesOfFreedom(Int32Array.from(clusters), seeds)
  const units = degreesOfFreedom(Int32Array.from(clusters)) + 1
  const between = differenceDeviation ** 2 / 2
  const error = Math.sqrt(between / units + (between + (2 * withinVariance) / samples) / clusters.length + (2 * seedDeviation ** 2) / seeds)
  return {
    problems: clusters.length, clusters: new Set(clusters).size, seeds,
    smallest: (studentQuantile(1 - LEVEL, df) + normalQuantile(POWER)) * error,
    neededFor3Points: questionsNeeded({ difference: 0.03, differenceVariance: differenceDeviation ** 2, a: { withinVariance, samples }, b: { withinVariance, samples } }),
  }
}
