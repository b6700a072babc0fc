// The figures of a study's report, worked out of its record alone: means over problems and seeds, paired differences, and what follows from
// whole curves, all from the same resamples of clusters, problems and seeds.
import { tokensToReach } from '../../episodes/efficiency.ts'
import { degreesOfFreedom } from '../../numeric/bootstrap.ts'
import { overResampledSeeds, questionResampling, resampledMeans, seedResampling } from '../../numeric/resampling.ts'
import { inferenceOf } from '../../numeric/significance.ts'
import { mean } from '../../numeric/stats.ts'
import type { RecordedCell, StudyRecord, Values } from './record.ts'
import { SHARES, TOKENS } from './record.ts'

export const DRAWS = 2_000
export const SEED = 20_260_101

export interface StudyFigure {
  readonly value: number
  readonly low: number
  readonly high: number
  readonly p: number
}

/** A mean, and the same mean over every resample. */
export interface Sampled {
  readonly value: number
  /** [draws] */
  readonly draws: Float64Array
  readonly df: number
}

/** What is asked of each problem of one cell. [problems] */
export type Column = (values: Values) => readonly number[]

const scaled = (column: readonly number[], unit: number): Float64Array => Float64Array.from(column, (value) => value / unit)

/** Resamples over one set of problems. @param clusters [problems] */
export function resamplesOf(clusters: readonly number[]) {
  const plan = questionResampling(clusters.length, DRAWS, SEED, Int32Array.from(clusters))
  return {
    problems: clusters.length,
    clusters: new Set(clusters).size,
    /** The mean of one column per seed over resampled problems and seeds. @param bySeed [seeds][problems] */
    sampled(bySeed: readonly (readonly number[])[], unit: number): Sampled {
      const columns = bySeed.map((column) => scaled(column, unit))
      return lazily(mean(columns.map((column) => mean(column))), degreesOfFreedom(Int32Array.from(clusters), bySeed.length), () => {
        const means = resampledMeans(plan, columns)
        return means.length === 1 ? means[0]! : overResampledSeeds(seedResampling(means.length, DRAWS, SEED), means)
      })
    },
  }
}
export type Resamples = ReturnType<typeof resamplesOf>

/** Much of a report needs means alone: resamples are drawn when they are first read. */
function lazily(value: number, df: number, draw: () => Float64Array): Sampled {
  let draws: Float64Array | null = null
  return {
    value,
    df,
    get draws() {
      return (draws ??= draw())
    },
  }
}

export function figureOf({ value, draws, df }: Sampled): StudyFigure {
  return { value, ...inferenceOf(value, draws, df) }
}

/** What follows from several means, draw by draw. The same seeds must lie behind all of them. */
export function combine(parts: readonly Sampled[], how: (values: readonly number[]) => number): Sampled {
  return lazily(how(parts.map(({ value }) => value)), Math.min(...parts.map(({ df }) => df)), () => {
    const drawn = parts.map(({ draws }) => draws)
    return Float64Array.from({ length: DRAWS }, (_, draw) => how(drawn.map((draws) => draws[draw]!)))
  })
}

export type Quantity = 'accuracy' | 'regret' | 'tokens' | { readonly natural: number } | { readonly kept: number }

/** The column of a quantity, and the unit that it is recorded in. */
export function columnOf(
  { budgets, trainedBudget }: Pick<StudyRecord, 'budgets' | 'trainedBudget'>,
  quantity: Quantity,
): { readonly column: Column; readonly unit: number } {
  if (quantity === 'regret') return { column: ({ regret }) => regret, unit: SHARES }
  if (quantity === 'tokens') return { column: ({ tokens }) => tokens, unit: TOKENS }
  const [kind, budget] =
    quantity === 'accuracy'
      ? ['natural' as const, trainedBudget]
      : 'natural' in quantity
        ? ['natural' as const, quantity.natural]
        : ['kept' as const, quantity.kept]
  const at = budgets.indexOf(budget)
  return { column: (values) => values[kind][at]!, unit: SHARES }
}

/** Thinking tokens at which a natural curve, drawn up to the training budget, first reaches a level; NaN where it does not. */
export function tokensFor(budgets: readonly number[], level: number): (accuracy: readonly number[]) => number {
  return (accuracy) => tokensToReach({ tokens: budgets, accuracy }, level) ?? NaN
}

/** Finished cells of an arm that have an evaluation of a split, by seed. */
export function cellsOf({ cells }: Pick<StudyRecord, 'cells'>, arm: string): RecordedCell[] {
  return cells.filter((cell) => cell.arm === arm && cell.status === 'finished').toSorted((a, b) => a.seed - b.seed)
}
