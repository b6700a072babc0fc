// The rollouts that an analysis of thinking reads: those of a run, of some of its steps, or of an evaluation, with one measurement of J
// each, grouped by problem. A scope larger than the limit is thinned evenly. Rollouts without J at every boundary are counted, never
// filled in. Also the figures that such analyses answer with: a mean over problems with its bootstrap interval.

import {
  countedIn,
  type Estimator,
  type Figure,
  type Histogram,
  LabError,
  type ProgressCurve,
  type Rollout,
  type RolloutDetail,
  type ThinkingScope,
} from '../../../src-preload/contract.ts'
import type { Counted, MeasuredTrace } from '../../episodes/budgetCurve.ts'
import { regretTrace } from '../../episodes/regret.ts'
import { bootstrapMean, type Clusters } from '../../numeric/bootstrap.ts'
import { mean } from '../../numeric/stats.ts'
import type { Store } from '../../store/openStore.ts'
import { basisOf, clusterOf, clustersOf } from '../comparing/clusters.ts'
import { orderedCurve } from '../answers/queriesRollouts.ts'

const PAGE = 1000
const BINS = 24
const SEED = 20_260_101
/** Resamples behind an interval; fewer where there are so many problems that fewer do as well. */
const DRAWS = { few: 2000, many: 400, manyFrom: 600 } as const
/** Rollouts read before the process looks after its other callers. */
const BATCH = 250

export interface MeasuredRollout {
  readonly detail: RolloutDetail
  readonly curve: ProgressCurve
  /** Completion tokens before each boundary, and J there. */
  readonly boundaries: readonly number[]
  readonly J: readonly number[]
}

/** The measured rollouts of one problem. */
export interface Question {
  readonly problemId: number
  readonly members: readonly MeasuredRollout[]
}

export interface ScopeReading {
  readonly rolloutCount: number
  /** Rollouts that were looked at. */
  readonly read: readonly Rollout[]
  readonly measured: readonly MeasuredRollout[]
  readonly questions: readonly Question[]
}

/** Rows of a scope, in order of step, group and sample: those that stopped where they stopped, unless the scope asks for kept thinking. Throws LabError `thinking.scope` for one that names neither run nor evaluation. */
export function rowsOf(store: Store, { estimator: _estimator, keptThinking = false, ...rest }: ThinkingScope): Rollout[] {
  const filter = { ...rest, ...(rest.evaluationId !== undefined && { keptThinking }) }
  if (filter.runId === undefined && filter.evaluationId === undefined)
    throw new LabError('thinking.scope', { expected: 'a run or an evaluation', found: 'neither', next: 'Name one of them.' })
  const rows: Rollout[] = []
  for (let after: string | null = null; ;) {
    const page = store.rollouts.page({ filter, sort: 'place', descending: false, limit: PAGE, after })
    rows.push(...page.rollouts)
    if (page.next === null) return rows
    after = page.next
  }
}

/** At most `limit` items, evenly spread. */
export function thin<T>(items: readonly T[], limit: number): readonly T[] {
  if (items.length <= limit) return items
  return Array.from({ length: limit }, (_, index) => items[Math.floor((index * items.length) / limit)]!)
}

/** Details of rollouts one by one, letting others speak in between. */
export async function* detailsOf(store: Store, rows: readonly Rollout[], signal: AbortSignal): AsyncGenerator<RolloutDetail> {
  for (const [index, row] of rows.entries()) {
    if (index % BATCH === BATCH - 1) await new Promise((resolve) => setImmediate(resolve))
    signal.throwIfAborted()
    const detail = store.rollouts.readable(row.id)
    if (detail !== null) yield detail
  }
}

/** Measurements of the same kind share it, whatever training step the weights were of. A temperature that the record does not say counts as the usual one. */
export const estimatorKey = ({ method, samples, weights, checkpointId, prover, temperature, served }: Estimator): string =>
  [method, samples, weights, checkpointId ?? 'none', prover, ...temperatureKey(temperature), ...servedKey(served)].join('-')

export const temperatureKey = (temperature: number | null): string[] =>
  temperature === null || temperature === 1 ? [] : [`T${temperature}`]

/** Measurements of models that were asked at other addresses are of other kinds. */
export const servedKey = (served: Estimator['served']): string[] => (served === undefined ? [] : [`by ${served}`])

/** A curve with a value at every boundary of its rollout. */
export const isComplete = ({ episodes }: Pick<RolloutDetail, 'episodes'>, { estimates }: ProgressCurve): boolean =>
  estimates.length === episodes.length + 1

/** What regret counts in a scope: what is asked for, or else what its evaluation or run counts. */
export function countedOf(
  { evaluations, runs }: Pick<Store, 'evaluations' | 'runs'>,
  { evaluationId, runId }: ThinkingScope,
  asked?: Counted,
): Counted {
  return (
    asked ??
    countedIn(evaluationId !== undefined ? evaluations.get(evaluationId)?.config : runId != null ? runs.readable(runId)?.config : null)
  )
}

export async function readScope(store: Store, scope: ThinkingScope, limit: number, signal: AbortSignal): Promise<ScopeReading> {
  const rows = rowsOf(store, scope)
  const read = thin(rows, limit)
  const worthwhile = read.filter(({ progress, episodeCount }) => progress !== null || episodeCount === 0)
  const measured: MeasuredRollout[] = []
  for await (const detail of detailsOf(store, worthwhile, signal)) {
    const curve = detail.progress.find(
      (each) => isComplete(detail, each) && (scope.estimator === undefined || estimatorKey(each.estimator) === scope.estimator),
    )
    if (curve !== undefined) measured.push({ detail, curve, ...orderedCurve(curve) })
  }
  return { rolloutCount: rows.length, read, measured, questions: byProblem(measured) }
}

export const byProblem = (measured: readonly MeasuredRollout[]): Question[] =>
  [...Map.groupBy(measured, ({ detail }) => detail.problem.id)].map(([problemId, members]) => ({ problemId, members }))

/** A stored rollout as regret reads it. */
export const traceOf = ({ detail, boundaries, J }: MeasuredRollout): MeasuredTrace =>
  regretTrace({ promptTokens: detail.promptTokens.length, completionTokens: detail.tokens.length, boundaries, J })

/** One number per question: the mean over its rollouts. */
export const perQuestion = (questions: readonly Question[], of: (rollout: MeasuredRollout) => number): number[] =>
  questions.map(({ members }) => mean(members.map(of)))

export const orNull = (value: number): number | null => (Number.isFinite(value) ? value : null)

/** Clusters of the problems of these questions, in their order. */
export const clustersOfQuestions = (questions: readonly Question[]): Clusters =>
  clustersOf(questions.map(({ members }) => clusterOf(members[0]!.detail.problem)))

/** The mean of one value per problem, with its interval over clusters and problems where there is more than one. @param clusters [problems] */
export function figureOf(values: ArrayLike<number>, clusters: Clusters): Figure {
  const { estimate, low, high } = bootstrapMean(values, { ...bootstrapOf(values.length), clusters })
  return {
    value: estimate,
    low: values.length < 2 ? null : orNull(low),
    high: values.length < 2 ? null : orNull(high),
    n: values.length,
    basis: basisOf(clusters, 0),
  }
}

export const figureOrNull = (values: ArrayLike<number>, clusters: Clusters): Figure | null =>
  values.length === 0 ? null : figureOf(values, clusters)

export const bootstrapOf = (n: number): { readonly seed: number; readonly draws: number } => ({
  seed: SEED,
  draws: n < DRAWS.manyFrom ? DRAWS.few : DRAWS.many,
})

/** Share of right ones among the graded rollouts, mean over problems; null when none was graded. */
export const accuracyOf = (store: Store, rows: readonly Pick<Rollout, 'problemId' | 'correct'>[]): Figure | null => {
  const graded = Map.groupBy(
    rows.filter(({ correct }) => correct !== null),
    ({ problemId }) => problemId,
  )
  const clusters = clustersOf(
    [...graded.keys()].map((id) => {
      const problem = store.datasets.readable(id)
      return problem === null ? null : clusterOf(problem)
    }),
  )
  const share = figureOrNull(
    [...graded.values()].map((members) => mean(members.map(({ correct }) => Number(correct)))),
    clusters,
  )
  return (
    share && {
      ...share,
      low: share.low === null ? null : Math.max(0, share.low),
      high: share.high === null ? null : Math.min(1, share.high),
    }
  )
}

export function histogramOf(values: readonly number[]): Histogram {
  const low = values.reduce((least, value) => Math.min(least, value), Infinity)
  const high = values.reduce((most, value) => Math.max(most, value), -Infinity)
  const counts = new Array<number>(BINS).fill(0)
  if (values.length === 0) return { low: 0, high: 0, counts, missing: 0 }
  const width = (high - low) / BINS || 1
  for (const value of values) counts[Math.min(BINS - 1, Math.floor((value - low) / width))]! += 1
  return { low, high, counts, missing: 0 }
}
