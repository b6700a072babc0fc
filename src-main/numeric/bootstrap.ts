// The one bootstrap: percentile intervals for any statistic of resampled questions, and of training seeds above them.
// The whole pipeline is recomputed on each resample (a regret, a ratio of token counts, a curve), so nothing about its
// distribution is assumed. Seeds and questions are crossed: every seed answered the same questions, so one resample of
// questions serves all resampled seeds; drawing questions anew for each seed would make the interval too narrow.
// Efron & Tibshirani (1993); seeds as a level after Agarwal et al. (2021).

import { fillIndices, type Seed } from './rng.ts'
import { mean, quantileOfSorted, sampleDeviation } from './stats.ts'

export interface BootstrapOptions {
  readonly seed: Seed
  /** Number of resamples, 10,000 when absent. */
  readonly draws?: number
  /** Two-sided level of the interval, 0.95 when absent. */
  readonly level?: number
}

/** What is resampled. */
export interface BootstrapDesign {
  readonly questions: number
  /** Training seeds; 1 when absent, and then only questions are resampled. */
  readonly seeds?: number
}

/**
 * A statistic of resampled question indices [questions] and seed indices [seeds], both with repetition.
 * The arrays are reused from draw to draw and must not be kept.
 */
export type Statistic<T> = (questions: Int32Array, seeds: Int32Array) => T

export interface BootstrapResult {
  /** The statistic on the data as they are. */
  readonly estimate: number
  readonly low: number
  readonly high: number
  /** Standard deviation of the statistic over the resamples. */
  readonly error: number
  readonly level: number
  readonly draws: number
}

/** Percentile bootstrap of a single figure. Draws on which the statistic is not finite are left out (see `draws`). */
export function bootstrap(design: BootstrapDesign, statistic: Statistic<number>, options: BootstrapOptions): BootstrapResult {
  return bootstrapCurve(design, (questions, seeds) => [statistic(questions, seeds)], options)[0]
}

/** As `bootstrap`, for a statistic with several values (the points of a curve); the intervals are pointwise. */
export function bootstrapCurve(
  design: BootstrapDesign, statistic: Statistic<ArrayLike<number>>, { seed, draws = 10_000, level = 0.95 }: BootstrapOptions,
): BootstrapResult[] {
  const questions = Int32Array.from({ length: design.questions }, (_, i) => i)
  const seeds = Int32Array.from({ length: design.seeds ?? 1 }, (_, i) => i)
  const estimates = Array.from(statistic(questions, seeds))
  const samples = estimates.map(() => new Float64Array(draws))
  for (let draw = 0; draw < draws; draw++) {
    fillIndices(questions, questions.length, seed, QUESTION_STREAM, draw)
    fillIndices(seeds, seeds.length, seed, SEED_STREAM, draw)
    const values = statistic(questions, seeds)
    for (let point = 0; point < samples.length; point++) samples[point][draw] = values[point]
  }
  return estimates.map((estimate, point) => summarise(estimate, samples[point], level))
}

/** Streams of the generator, so that resamples of questions do not depend on how many seeds there are. */
export const QUESTION_STREAM = 0
export const SEED_STREAM = 1

function summarise(estimate: number, samples: Float64Array, level: number): BootstrapResult {
  const finite = samples.filter(Number.isFinite).sort()
  return {
    estimate,
    low: finite.length === 0 ? NaN : quantileOfSorted(finite, (1 - level) / 2),
    high: finite.length === 0 ? NaN : quantileOfSorted(finite, (1 + level) / 2),
    error: sampleDeviation(finite),
    level,
    draws: finite.length,
  }
}

/** Bootstrap of the mean of one value per question. */
export function bootstrapMean(values: ArrayLike<number>, options: BootstrapOptions): BootstrapResult {
  return bootstrap({ questions: values.length }, (questions) => meanAt(values, questions), options)
}

/**
 * Bootstrap over seeds and questions.
 * @param table [seeds][questions] one value per seed and question
 * @param aggregate from the means of the resampled seeds to one figure; the plain mean when absent
 */
export function bootstrapSeeds(
  table: readonly ArrayLike<number>[], options: BootstrapOptions, aggregate: (seedMeans: ArrayLike<number>) => number = mean,
): BootstrapResult {
  const questionCount = table[0]?.length ?? 0
  if (table.some((row) => row.length !== questionCount)) {
    throw new RangeError(`every seed must have answered the same questions, found rows of ${table.map((row) => row.length).join(', ')}`)
  }
  const seedMeans = new Float64Array(table.length)
  return bootstrap({ questions: questionCount, seeds: table.length }, (questions, seeds) => {
    for (let s = 0; s < seeds.length; s++) seedMeans[s] = meanAt(table[seeds[s]], questions)
    return aggregate(seedMeans)
  }, options)
}

function meanAt(values: ArrayLike<number>, indices: Int32Array): number {
  let total = 0
  for (let i = 0; i < indices.length; i++) total += values[indices[i]]
  return total / indices.length
}
