// What a study can see, before it starts: the smallest difference in accuracy between two arms that it would find four times out of five.
// How far values spread is read from runs that are on record, and assumed only where none can say.
import { degreesOfFreedom } from '../../numeric/bootstrap.ts'
import { normalQuantile, questionsNeeded } from '../../numeric/intervals.ts'
import { mean, sampleVariance } from '../../numeric/stats.ts'
import { studentQuantile } from '../../numeric/student.ts'
import { cellsOf, columnOf } from './figures.ts'
import type { StudyRecord } from './record.ts'

/** All of accuracy at the training budget, as shares. */
export interface Spreads {
  /** Variance of the difference between two arms on one problem, sampling left out: between clusters, and between the problems of one. */
  readonly betweenClusters: number
  readonly withinClusters: number
  /** Variance of one answer to one problem. */
  readonly answerVariance: number
  /** Standard deviation over seeds of one run's accuracy. */
  readonly seedDeviation: number
  /** Paired runs that the first three were measured on, and runs that the last was; 0: assumed. */
  readonly pairs: number
  readonly seededRuns: number
}

/** What is assumed where no record can say. */
export const ASSUMED: Spreads = {
  betweenClusters: 0.02,
  withinClusters: 0.02,
  answerVariance: 0.15,
  seedDeviation: 0.025,
  pairs: 0,
  seededRuns: 0,
}
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
 * How far values spread in a record, over all arms beside its baseline with the same seed; null without such a pair. Spread between clusters by the one-way
 * analysis of variance. Where several answers are averaged only their mean is on record, and p (1 - p) is the most that they can vary.
 */
export function spreadsOf(record: StudyRecord): Spreads | null {
  const { heldout: clusters } = record.clusters
  const { column, unit } = columnOf(record, 'accuracy')
  const { samples } = record.conditions
  const accuracy = (arm: string) =>
    cellsOf(record, arm).flatMap(({ seed, evaluations: { heldout } }) =>
      heldout ? [{ seed, values: column(heldout).map((value) => value / unit) }] : [],
    )
  const base = accuracy(record.baseline)
  const others = record.arms.filter(({ key }) => key !== record.baseline).map(({ key }) => accuracy(key))
  const pairs = others
    .flat()
    .flatMap(({ seed, values }) => base.filter((each) => each.seed === seed).map((other) => [values, other.values] as const))
  if (clusters === undefined || pairs.length === 0) return null
  const answerVariance = mean(pairs.flat().map((values) => mean(values.map((p) => p * (1 - p)))))
  const parts = pairs.map(([a, b]) =>
    variances(
      a.map((value, problem) => value - b[problem]!),
      clusters,
    ),
  )
  const seeded = [base, ...others].filter(({ length }) => length > 1)
  const seedVariance = seeded.length === 0 ? null : mean(seeded.map((runs) => sampleVariance(runs.map(({ values }) => mean(values)))))
  return {
    betweenClusters: mean(parts.map(({ between }) => between)),
    withinClusters: Math.max(0, mean(parts.map(({ within }) => within)) - (2 * answerVariance) / samples),
    answerVariance,
    seedDeviation: seedVariance === null ? ASSUMED.seedDeviation : Math.sqrt(seedVariance),
    pairs: pairs.length,
    seededRuns: seeded.reduce((sum, { length }) => sum + length, 0),
  }
}

/** Components of variance of values in unequal clusters (one-way random effects; Searle, Casella & McCulloch 1992, 3.6). */
function variances(values: readonly number[], clusters: readonly number[]): { readonly between: number; readonly within: number } {
  const groups = [...Map.groupBy(values.keys(), (index) => clusters[index]!).values()].map((members) =>
    members.map((index) => values[index]!),
  )
  const [n, k, centre] = [values.length, groups.length, mean(values)]
  if (k < 2 || k === n) return { between: 0, within: sampleVariance(values) }
  const inside = groups.reduce((sum, own) => sum + own.reduce((all, value) => all + (value - mean(own)) ** 2, 0), 0) / (n - k)
  const across = groups.reduce((sum, own) => sum + own.length * (mean(own) - centre) ** 2, 0) / (k - 1)
  const size = (n - groups.reduce((sum, own) => sum + own.length ** 2, 0) / n) / (k - 1)
  return { between: Math.max(0, (across - inside) / size), within: inside }
}

/**
 * Variance of a paired difference of two arms: between clusters / clusters + (within + 2 answers / samples) / problems + 2 seeds^2 / seeds.
 * @param clusters [problems]; unequal clusters count as the equal ones with the same spread
 */
export function powerOf(clusters: readonly number[], samples: number, seeds: number, spreads: Spreads): PowerEstimate {
  const { betweenClusters, withinClusters, answerVariance, seedDeviation } = spreads
  const df = degreesOfFreedom(Int32Array.from(clusters), seeds)
  const units = degreesOfFreedom(Int32Array.from(clusters)) + 1
  const error = Math.sqrt(
    betweenClusters / units + (withinClusters + (2 * answerVariance) / samples) / clusters.length + (2 * seedDeviation ** 2) / seeds,
  )
  const within = { withinVariance: answerVariance, samples }
  return {
    problems: clusters.length,
    clusters: new Set(clusters).size,
    seeds,
    smallest: (studentQuantile(1 - LEVEL, df) + normalQuantile(POWER)) * error,
    neededFor3Points: questionsNeeded({ difference: 0.03, differenceVariance: betweenClusters + withinClusters, a: within, b: within }),
  }
}

const points = (share: number): string => `${(share * 100).toFixed(1)} points`
const plural = (count: number, one: string): string => `${count} ${one}${count === 1 ? '' : 's'}`

/** Where the spreads come from, in words. @param source what was measured, such as "this workspace" */
export function spreadsText({ betweenClusters, withinClusters, seedDeviation, pairs, seededRuns }: Spreads, source: string): string {
  const problems = `${points(Math.sqrt(betweenClusters + withinClusters))} between problems`
  const seeds = `${points(seedDeviation)} between seeds`
  if (pairs === 0) return `assuming a spread of ${seeds} and ${problems}, since no pair of runs is on record`
  return seededRuns === 0
    ? `with the spread of ${problems} of ${plural(pairs, 'pair')} of runs in ${source}, and assuming ${seeds}, since no arm has two`
    : `with the spread of ${problems} of ${plural(pairs, 'pair')} of runs and of ${seeds} of ${plural(seededRuns, 'run')} in ${source}`
}
