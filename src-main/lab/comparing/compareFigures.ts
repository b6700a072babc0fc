// The statistics of a comparison: means over clusters of problems, problems and seeds with bootstrap intervals, and paired differences
// whose p-values come from the same resamples. Every evaluation's resampled means are worked out once per quantity and budget and kept;
// arms, differences and whole curves are sums of them, so a slider that comes back costs nothing. All see the same draws, so an interval does not depend on what else
// was asked. Left out: what the figures are of (see queriesCompare.ts).

import type { Difference, Evaluation, EvaluationResult, Figure } from '../../../src-preload/contract.ts'
import { interpolate } from '../../numeric/curves.ts'
import { degreesOfFreedom, type Clusters } from '../../numeric/bootstrap.ts'
import { overResampledSeeds, questionResampling, resampledMeans, seedResampling, type Resampling } from '../../numeric/resampling.ts'
import { inferenceOf } from '../../numeric/significance.ts'
import { mean } from '../../numeric/stats.ts'
import { basisOf, clustersOf } from './clusters.ts'
import type { Evaluated } from './compareArms.ts'
import { thinkingAt } from './evaluationBudgets.ts'

export const DRAWS = 2000
export const SEED = 20_260_101
/** Resampled means of one column: 16 kB each. */
const MOST_COLUMNS = 4000
const MOST_FIGURES = 20_000
/** Plans of resampling: one per set of problems, and per number of seeds. */
const MOST_PLANS = 8

export type Quantity = 'accuracy' | 'regret' | 'meanTokens'

/** What is asked of every problem: a quantity at a budget, or as sampled (null). Tokens are as sampled whatever the budget. */
export interface Column {
  readonly quantity: Quantity
  readonly budget: number | null
  /** Rollouts that speak: those that stop where they stop, or those kept thinking, read after whole attempts; `thinkingAt` the budget unless given. */
  readonly thinking?: 'natural' | 'kept'
}

/** Problems in a fixed order, and the cluster of each; the same list has the same key. */
export interface ProblemSet {
  readonly key: number
  readonly ids: readonly number[]
  readonly clusters: Clusters
}

/** What one problem came to under an evaluation. */
export function valueOf(
  { quantity, budget, thinking }: Column,
  { budgets, trainedBudget }: Pick<Evaluation, 'budgets' | 'trainedBudget'>,
  result: EvaluationResult,
): number {
  if (quantity === 'meanTokens') return result.meanTokens
  if (budget === null) return quantity === 'accuracy' ? result.accuracy : 1 - result.accuracy
  if ((thinking ?? thinkingAt(budget, trainedBudget)) === 'natural' || result.keptWholeAtBudget.length === 0)
    return interpolate(budgets, quantity === 'accuracy' ? result.accuracyAtBudget : result.regretAtBudget, budget)
  return interpolate(budgets, quantity === 'accuracy' ? result.keptWholeAtBudget : result.keptRegretAtBudget, budget)
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
const columnKey = ({ quantity, budget, thinking }: Column): string =>
  quantity === 'meanTokens' ? quantity : `${quantity}@${budget}${thinking ?? ''}`
const armKey = (evaluated: readonly Evaluated[]): string => evaluated.map(({ key }) => key).join('+')
const minus = (a: Float64Array, b: Float64Array): Float64Array => a.map((value, at) => value - b[at]!)
/** Where a mean, or a difference of two, can lie at all: an interval does not reach beyond. */
type Bounds = readonly [least: number, most: number]
const ANY: Bounds = [-Infinity, Infinity]
const boundsOf = ({ quantity }: Column, difference = false): Bounds => (quantity === 'meanTokens' ? ANY : [difference ? -1 : 0, 1])
/** Training seeds of an arm; none for the weights that all start from, which no training made. */
const seedsOf = (evaluated: readonly Evaluated[]): number => evaluated.filter(({ evaluation }) => evaluation.runId !== null).length
/** The fewest seeds of those arms that were trained; 0 where none was. */
function fewestSeeds(arms: readonly (readonly Evaluated[])[]): number {
  const trained = arms.map(seedsOf).filter((count) => count > 0)
  return trained.length === 0 ? 0 : Math.min(...trained)
}

export type Figures = ReturnType<typeof openFigures>

/** @param clusterOf the cluster that a problem of the workspace belongs to, by its id (see clusters.ts) */
export function openFigures(clusterOf: (problemId: number) => string | null) {
  const problemSets = new Map<string, ProblemSet>()
  const questions = remembering<Resampling>(MOST_PLANS)
  const seeds = remembering<Resampling>(MOST_PLANS)
  const columns = new Map<string, Resampled>()
  const figureMemory = remembering<Figure>(MOST_FIGURES)
  const differenceMemory = new Map<string, Difference>()

  /** Problems that all of these evaluations have. */
  function common(evaluated: readonly Evaluated[]): ProblemSet {
    const [first, ...others] = evaluated
    const ids = first === undefined ? [] : [...first.results.keys()].filter((id) => others.every(({ results }) => results.has(id)))
    const text = `${first?.key.split(':', 1)[0]} ${ids.join()}`
    const known = problemSets.get(text) ?? { key: problemSets.size, ids, clusters: clustersOf(ids.map(clusterOf)) }
    problemSets.set(text, known)
    return known
  }

  /** One evaluation's columns, those not known yet in one matrix product. */
  function resampled({ key, evaluation, results }: Evaluated, problems: ProblemSet, wanted: readonly Column[]): Resampled[] {
    const keys = wanted.map((column) => `${key} ${problems.key} ${columnKey(column)}`)
    const found = new Map(keys.flatMap((each) => (columns.has(each) ? [[each, columns.get(each)!] as const] : [])))
    const missing = [...new Map(wanted.map((column, at) => [keys[at]!, column])).entries()].filter(([each]) => !found.has(each))
    if (missing.length > 0) {
      const values = missing.map(([, column]) => Float64Array.from(problems.ids, (id) => valueOf(column, evaluation, results.get(id)!)))
      const plan = questions(String(problems.key), () => questionResampling(problems.ids.length, DRAWS, SEED, problems.clusters))
      const means = resampledMeans(plan, values)
      missing.forEach(([each], at) => {
        found.set(each, { values: values[at]!, means: means[at]! })
        columns.set(each, found.get(each)!)
      })
      while (columns.size > MOST_COLUMNS) columns.delete(columns.keys().next().value!)
    }
    return keys.map((each) => found.get(each)!)
  }

  const overSeeds = (means: readonly Float64Array[], other = false): Float64Array =>
    means.length === 1
      ? means[0]!
      : overResampledSeeds(
          seeds(`${means.length} ${other}`, () => seedResampling(means.length, DRAWS, SEED, other)),
          means,
        )

  /** [columns][seeds] */
  const bySeed = (evaluated: readonly Evaluated[], problems: ProblemSet, wanted: readonly Column[]): Resampled[][] => {
    const rows = evaluated.map((each) => resampled(each, problems, wanted))
    return wanted.map((_, at) => rows.map((row) => row[at]!))
  }

  /** Interval and p of an estimate over these problems and so many training seeds, with what they rest on. */
  function inferred(
    value: number,
    draws: Float64Array,
    { ids, clusters }: ProblemSet,
    seedCount: number,
    [least, most]: Bounds = ANY,
  ): Difference {
    const n = ids.length
    const basis = basisOf(clusters, seedCount)
    if (n < 2) return { value, low: null, high: null, p: null, n, basis }
    const { low, high, p } = inferenceOf(value, draws, degreesOfFreedom(clusters, seedCount))
    return { value, low: finite(Math.max(least, low)), high: finite(Math.min(most, high)), p: finite(p), n, basis }
  }
  const figure = ({ p: _, ...rest }: Difference): Figure => rest

  return {
    common,

    /** Means of an arm over problems and seeds, one per column; null without problems. */
    figures(evaluated: readonly Evaluated[], problems: ProblemSet, wanted: readonly Column[]): (Figure | null)[] {
      const n = problems.ids.length
      if (n === 0) return wanted.map(() => null)
      return bySeed(evaluated, problems, wanted).map((rows, at) =>
        figureMemory(`${armKey(evaluated)} ${problems.key} ${columnKey(wanted[at]!)}`, () =>
          figure(
            inferred(
              mean(rows.map(({ values }) => mean(values))),
              overSeeds(rows.map(({ means }) => means)),
              problems,
              seedsOf(evaluated),
              boundsOf(wanted[at]!),
            ),
          ),
        ),
      )
    },

    /** Resampled means of an arm, [columns][draws], and the means themselves: what a figure of a whole curve is worked out from. */
    draws(
      evaluated: readonly Evaluated[],
      problems: ProblemSet,
      wanted: readonly Column[],
    ): { readonly value: number; readonly draws: Float64Array }[] {
      return bySeed(evaluated, problems, wanted).map((rows) => ({
        value: mean(rows.map(({ values }) => mean(values))),
        draws: overSeeds(rows.map(({ means }) => means)),
      }))
    },

    /** As `draws`, of one figure that was worked out from them: a crossing, or a ratio of crossings. `arms`: those it was made of. */
    inferred: (value: number, draws: Float64Array, problems: ProblemSet, arms: readonly (readonly Evaluated[])[]): Figure =>
      figure(inferred(value, draws, problems, fewestSeeds(arms))),

    /** Own minus base on the same problems, one per column. Seeds are resampled as pairs where both arms have as many, else each by itself. */
    differences(own: readonly Evaluated[], base: readonly Evaluated[], problems: ProblemSet, wanted: readonly Column[]): Difference[] {
      const keys = wanted.map((column) => `${armKey(own)} - ${armKey(base)} ${problems.key} ${columnKey(column)}`)
      const missing = wanted.filter((_, at) => !differenceMemory.has(keys[at]!))
      if (missing.length > 0) {
        const [left, right] = [bySeed(own, problems, missing), bySeed(base, problems, missing)]
        missing.forEach((column, at) => {
          const [a, b] = [left[at]!, right[at]!]
          const value = mean(a.map(({ values }) => mean(values))) - mean(b.map(({ values }) => mean(values)))
          const draws =
            a.length === b.length
              ? overSeeds(a.map(({ means }, seed) => minus(means, b[seed]!.means)))
              : minus(
                  overSeeds(a.map(({ means }) => means)),
                  overSeeds(
                    b.map(({ means }) => means),
                    true,
                  ),
                )
          differenceMemory.set(
            keys[wanted.indexOf(column)]!,
            inferred(value, draws, problems, fewestSeeds([own, base]), boundsOf(column, true)),
          )
        })
      }
      const answers = keys.map((key) => differenceMemory.get(key)!)
      while (differenceMemory.size > MOST_FIGURES) differenceMemory.delete(differenceMemory.keys().next().value!)
      return answers
    },
  }
}
