// The one bootstrap: intervals and p-values for any statistic of resampled questions, and of training seeds above them. The whole pipeline
// is recomputed on each resample (a regret, a ratio of token counts, a curve), so nothing about its distribution is assumed. Questions that
// share a cluster (a target, a subject, a source file) are not independent: clusters are resampled, then questions within each cluster drawn
// (which can only widen the interval, most where clusters are many and alike), then seeds. Seeds and questions are crossed: every seed
// answered the same questions, so one resample of questions serves all resampled seeds; drawing anew for each seed would be too narrow.
// Efron & Tibshirani (1993); clusters after Davison & Hinkley (1997), 3.8; seeds as a level after Agarwal et al. (2021).

import { fillIndices, type Seed } from './rng.ts'
import { inferenceOf } from './significance.ts'
import { mean, sampleDeviation } from './stats.ts'

export interface BootstrapOptions {
  readonly seed: Seed
  /** Number of resamples, 10,000 when absent. */
  readonly draws?: number
  /** Two-sided level of the interval, 0.95 when absent. */
  readonly level?: number
  /** [questions] the cluster of each question as 0, 1, 2, ...; every question is its own where absent. */
  readonly clusters?: Clusters
}

export type Clusters = Int32Array

/** What is resampled. */
export interface BootstrapDesign {
  readonly questions: number
  /** Training seeds; 1 when absent, and then only questions are resampled. */
  readonly seeds?: number
}

/**
 * A statistic of resampled question indices and seed indices [seeds], both with repetition. There are as many questions as the clusters
 * that were drawn hold. The arrays are reused from draw to draw and must not be kept.
 */
export type Statistic<T> = (questions: Int32Array, seeds: Int32Array) => T

export interface BootstrapResult {
  /** The statistic on the data as they are. */
  readonly estimate: number
  readonly low: number
  readonly high: number
  /** Two-sided p-value of the statistic being 0, from the same resamples: below 0.05 exactly where the 95 % interval leaves 0 out. */
  readonly p: number
  /** Standard deviation of the statistic over the resamples. */
  readonly error: number
  readonly level: number
  readonly draws: number
  /** Degrees of freedom of the t distribution that interval and p are read with. */
  readonly df: number
}

/** Bootstrap of a single figure. Draws on which the statistic is not finite are left out (see `draws`). */
export function bootstrap(design: BootstrapDesign, statistic: Statistic<number>, options: BootstrapOptions): BootstrapResult {
  return bootstrapCurve(design, (questions, seeds) => [statistic(questions, seeds)], options)[0]
}

/** As `bootstrap`, for a statistic with several values (the points of a curve); the intervals are pointwise. */
export function bootstrapCurve(
  design: BootstrapDesign,
  statistic: Statistic<ArrayLike<number>>,
  { seed, draws = 10_000, level = 0.95, clusters }: BootstrapOptions,
): BootstrapResult[] {
  const seeds = Int32Array.from({ length: design.seeds ?? 1 }, (_, i) => i)
  const estimates = Array.from(
    statistic(
      Int32Array.from({ length: design.questions }, (_, i) => i),
      seeds,
    ),
  )
  const samples = estimates.map(() => new Float64Array(draws))
  const questionsOf = questionDrawer(design.questions, seed, clusters)
  for (let draw = 0; draw < draws; draw++) {
    fillIndices(seeds, seeds.length, seed, SEED_STREAM, draw)
    const values = statistic(questionsOf(draw), seeds)
    for (let point = 0; point < samples.length; point++) samples[point][draw] = values[point]
  }
  const df = degreesOfFreedom(clusters ?? design.questions, design.seeds ?? 1)
  return estimates.map((estimate, point) => {
    const finite = samples[point].filter(Number.isFinite)
    return { estimate, ...inferenceOf(estimate, finite, df, level), error: sampleDeviation(finite), level, draws: finite.length, df }
  })
}

/** Streams of the generator, so that resamples of questions do not depend on how many seeds there are. */
const QUESTION_STREAM = 0
export const SEED_STREAM = 1
const WITHIN_STREAM = 2
/** The seeds of the other side of a difference whose seeds are not paired. */
export const OTHER_SEED_STREAM = 3
/** Fineness of the draws within a cluster. */
const FINE = 2 ** 30

/** Questions of each cluster. Clusters that are one, or are single questions, say nothing about what goes together: then none. */
function membersOf(questions: number, clusters: Clusters | undefined): number[][] | null {
  if (clusters === undefined) return null
  if (clusters.length !== questions)
    throw new RangeError(`every question must have a cluster, found ${clusters.length} for ${questions} questions`)
  const members: number[][] = []
  clusters.forEach((cluster, question) => (members[cluster] ??= []).push(question))
  return members.length < 2 || members.length === questions ? null : members
}

/**
 * Resamples of questions by number: as many clusters as there are, drawn with repetition, and as many questions of each as it has. The array
 * is reused.
 */
export function questionDrawer(questions: number, seed: Seed, clusters?: Clusters): (draw: number) => Int32Array {
  const members = membersOf(questions, clusters)
  if (members === null) {
    const drawn = new Int32Array(questions)
    return (draw) => {
      fillIndices(drawn, questions, seed, QUESTION_STREAM, draw)
      return drawn
    }
  }
  const chosen = new Int32Array(members.length)
  const drawn = new Int32Array(members.length * Math.max(...members.map(({ length }) => length)))
  return (draw) => {
    fillIndices(chosen, members.length, seed, QUESTION_STREAM, draw)
    const size = chosen.reduce((sum, cluster) => sum + members[cluster].length, 0)
    const all = drawn.subarray(0, size)
    fillIndices(all, FINE, seed, WITHIN_STREAM, draw)
    let at = 0
    for (const cluster of chosen) {
      const own = members[cluster]
      for (let k = 0; k < own.length; k++, at++) all[at] = own[Math.floor((all[at] / FINE) * own.length)]
    }
    return all
  }
}

/**
 * Degrees of freedom: one less than the smallest number of things resampled at any level. Clusters of unequal size count as the number of
 * equal ones with the same spread, (sum of sizes)^2 / sum of squared sizes, rounded (Carter, Schnepel & Steigerwald 2017, without
 * their correlation term). At least 1. A single seed is not resampled and limits nothing, nor does a single cluster.
 */
export function degreesOfFreedom(questions: number | Clusters, seeds = 1): number {
  const members = typeof questions === 'number' ? null : membersOf(questions.length, questions)
  const count = typeof questions === 'number' ? questions : questions.length
  const units = members === null ? count : Math.round(count ** 2 / members.reduce((sum, own) => sum + own.length ** 2, 0))
  return Math.max(1, Math.min(units, seeds > 1 ? seeds : Infinity) - 1)
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
  table: readonly ArrayLike<number>[],
  options: BootstrapOptions,
  aggregate: (seedMeans: ArrayLike<number>) => number = mean,
): BootstrapResult {
  const questionCount = table[0]?.length ?? 0
  if (table.some((row) => row.length !== questionCount)) {
    throw new RangeError(`every seed must have answered the same questions, found rows of ${table.map((row) => row.length).join(', ')}`)
  }
  const seedMeans = new Float64Array(table.length)
  return bootstrap(
    { questions: questionCount, seeds: table.length },
    (questions, seeds) => {
      for (let s = 0; s < seeds.length; s++) seedMeans[s] = meanAt(table[seeds[s]], questions)
      return aggregate(seedMeans)
    },
    options,
  )
}

function meanAt(values: ArrayLike<number>, indices: Int32Array): number {
  let total = 0
  for (let i = 0; i < indices.length; i++) total += values[indices[i]]
  return total / indices.length
}
