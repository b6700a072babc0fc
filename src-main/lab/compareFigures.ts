// The statistics of a comparison: means over problems and seeds with bootstrap intervals, and paired differences with a sign-flip
// test. Every evaluation's resampled means are worked out once per quantity and budget and kept; arms, differences and whole curves
// are sums of them, so a slider that comes back costs nothing. All see the same draws, so an interval does not depend on what else
// was asked. Left out: what the figures are of (see queriesCompare.ts).

import type { Difference, EvaluationResult, Figure } from '../../src-preload/contract.ts'
import { interpolate } from '../numeric/curves.ts'
import { overResampledSeeds, percentileInterval, questionResampling, resampledMeans, seedResampling, type Resampling } from '../numeric/resampling.ts'
import { signFlipTests } from '../numeric/significance.ts'
import { mean } from '../numeric/stats.ts'
import type { Evaluated } from './compareArms.ts'

export const DRAWS = 2000
export const SEED = 20_260_101
/** Resampled means of one column: 16 kB each. */
const MOST_COLUMNS = 4000
const MOST_FIGURES = 20_000
/** Plans of resampling: one per number of problems, and of seeds. */
const MOST_PLANS = 8

export type Quantity = 'accuracy' | 'regret' | 'meanTokens'

/** What is asked of every problem: a quantity at a budget, or as sampled (null). Tokens are as sampled whatever the budget. */
export interface Column {
  readonly quantity: Quantity
  readonly budget: number | null
}

/** Problems in a fixed order; the same list has the same key. */
export interface ProblemSet {
  readonly key: number
  readonly ids: readonly number[]
}

/** What one problem came to under an evaluation. */
export function valueOf({ quantity, budget }: Column, budgets: readonly number[], result: EvaluationResult): number {
  if (quantity === 'meanTokens') return result.meanTokens
  if (budget === null) return quantity === 'accuracy' ? result.accuracy : 1 - result.accuracy
  return interpolate(budgets, quantity === 'accuracy' ? result.accuracyAtBudget : result.regretAtBudget, budget)
}

/** Keeps what was last made under a key, at most so many, the oldest dropped first. */
export function remembering<T>(most: number) {
  const known = new Map<string, T>()
  return (key: string, make: () => T): T => {
    const kept = known.get(key)
    if (kept !== undefined || known.has(key)) return kept as T
    const made = make()
    known.set(key, made)
    if (known.size > most) known.delete(known.keys().next().value!)
    return made
  }
}

interface Resampled {
  /** [problems] */
  readonly values: Float64Array
  /** [draws] */
  readonly means: Float64Array
}

const finite = (value: number): number | null => (Number.isFinite(value) ? value : null)
const columnKey = ({ quantity, budget }: Column): string => (quantity === 'meanTokens' ? quantity : `${quantity}@${budget}`)
const armKey = (evaluated: readonly Evaluated[]): string => evaluated.map(({ key }) => key).join('+')
const minus = (a: Float64Array, b: Float64Array): Float64Array => a.map((value, at) => value - b[at]!)
const averaged = (rows: readonly Float64Array[]): Float64Array => (rows.length === 1 ? rows[0]! : Float64Array.from(rows[0]!, (_, at) => mean(rows.map((row) => row[at]!))))

export type Figures = ReturnType<typeof openFigures>

export function openFigures() {
  const problemKeys = new Map<string, number>()
  const questions = remembering<Resampling>(MOST_PLANS)
  const seeds = remembering<Resampling>(MOST_PLANS)
  const columns = new Map<string, Resampled>()
  const figureMemory = remembering<Figure>(MOST_FIGURES)
  const differenceMemory = new Map<string, Difference>()

  /** Problems that all of these evaluations have. */
  function common(evaluated: readonly Evaluated[]): ProblemSet {
    const [first, ...others] = evaluated
    const ids = first === undefined ? [] : [...first.results.keys()].filter((id) => others.every(({ results }) => results.has(id)))
    const text = ids.join()
    const key = problemKeys.get(text) ?? problemKeys.size
    problemKeys.set(text, key)
    return { key, ids }
  }

  /** One evaluation's columns, those not known yet in one matrix product. */
  function resampled({ key, evaluation, results }: Evaluated, problems: ProblemSet, wanted: readonly Column[]): Resampled[] {
    const keys = wanted.map((column) => `${key} ${problems.key} ${columnKey(column)}`)
    const found = new Map(keys.flatMap((each) => (columns.has(each) ? [[each, columns.get(each)!] as const] : [])))
    const missing = [...new Map(wanted.map((column, at) => [keys[at]!, column])).entries()].filter(([each]) => !found.has(each))
    if (missing.length > 0) {
      const values = missing.map(([, column]) => Float64Array.from(problems.ids, (id) => valueOf(column, evaluation.budgets, results.get(id)!)))
      const plan = questions(String(problems.ids.length), () => questionResampling(problems.ids.length, DRAWS, SEED))
      const means = resampledMeans(plan, values)
      missing.forEach(([each], at) => {
        found.set(each, { values: values[at]!, means: means[at]! })
        columns.set(each, found.get(each)!)
      })
      while (columns.size > MOST_COLUMNS) columns.delete(columns.keys().next().value!)
    }
    return keys.map((each) => found.get(each)!)
  }

  const overSeeds = (means: readonly Float64Array[]): Float64Array =>
    means.length === 1 ? means[0]! : overResampledSeeds(seeds(String(means.length), () => seedResampling(means.length, DRAWS, SEED)), means)

  /** [columns][seeds] */
  const bySeed = (evaluated: readonly Evaluated[], problems: ProblemSet, wanted: readonly Column[]): Resampled[][] => {
    const rows = evaluated.map((each) => resampled(each, problems, wanted))
    return wanted.map((_, at) => rows.map((row) => row[at]!))
  }

  function interval(draws: Float64Array, n: number): Pick<Figure, 'low' | 'high'> {
    if (n < 2) return { low: null, high: null }
    const { low, high } = percentileInterval(draws)
    return { low: finite(low), high: finite(high) }
  }

  return {
    common,

    /** Means of an arm over problems and seeds, one per column; null without problems. */
    figures(evaluated: readonly Evaluated[], problems: ProblemSet, wanted: readonly Column[]): (Figure | null)[] {
      const n = problems.ids.length
      if (n === 0) return wanted.map(() => null)
      return bySeed(evaluated, problems, wanted).map((rows, at) =>
        figureMemory(`${armKey(evaluated)} ${problems.key} ${columnKey(wanted[at]!)}`, () => ({ value: mean(rows.map(({ values }) => mean(values))), ...interval(overSeeds(rows.map(({ means }) => means)), n), n })))
    },

    /** Resampled means of an arm, [columns][draws], and the means themselves: what a figure of a whole curve is worked out from. */
    draws(evaluated: readonly Evaluated[], problems: ProblemSet, wanted: readonly Column[]): { readonly value: number; readonly draws: Float64Array }[] {
      return bySeed(evaluated, problems, wanted).map((rows) => ({ value: mean(rows.map(({ values }) => mean(values))), draws: overSeeds(rows.map(({ means }) => means)) }))
    },

    /** Own minus base on the same problems, one per column. Seeds are resampled as pairs where both arms have as many; else only problems are. */
    differences(own: readonly Evaluated[], base: readonly Evaluated[], problems: ProblemSet, wanted: readonly Column[]): Difference[] {
      const n = problems.ids.length
      const keys = wanted.map((column) => `${armKey(own)} - ${armKey(base)} ${problems.key} ${columnKey(column)}`)
      const missing = wanted.filter((_, at) => !differenceMemory.has(keys[at]!))
      if (missing.length > 0) {
        const [left, right] = [bySeed(own, problems, missing), bySeed(base, problems, missing)]
        const parts = (rows: readonly Resampled[], of: 'values' | 'means'): Float64Array[] => rows.map((row) => row[of])
        const gaps = missing.map((_, at) => minus(averaged(parts(left[at]!, 'values')), averaged(parts(right[at]!, 'values'))))
        const tests = n < 2 ? null : signFlipTests(gaps, { seed: SEED, draws: DRAWS })
        missing.forEach((column, at) => {
          const [a, b] = [parts(left[at]!, 'means'), parts(right[at]!, 'means')]
          const draws = a.length === b.length ? overSeeds(a.map((row, seed) => minus(row, b[seed]!))) : minus(averaged(a), averaged(b))
          differenceMemory.set(keys[wanted.indexOf(column)]!, { value: mean(gaps[at]!), ...interval(draws, n), n, p: tests?.[at]!.p ?? null })
        })
      }
      const answers = keys.map((key) => differenceMemory.get(key)!)
      while (differenceMemory.size > MOST_FIGURES) differenceMemory.delete(differenceMemory.keys().next().value!)
      return answers
    },
  }
}
