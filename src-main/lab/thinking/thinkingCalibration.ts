// Does J tell the truth? Against what was graded: reliability, Brier score, AUROC and rank correlation, at the end and at every depth.
// And against itself: measured exactly and by sampling, under the same weights. Intervals are bootstraps over clusters of problems, and
// problems, since rollouts of one problem are not independent.

import type {
  AgreementReport,
  Answers,
  Estimator,
  EstimatorCount,
  Figure,
  Problem,
  ProgressCurve,
  RolloutDetail,
} from '../../../src-preload/contract.ts'
import { agreement, calibrate, weightedScores, type Forecast } from '../../episodes/calibration.ts'
import { calibrationError } from '../../numeric/association.ts'
import { bootstrapCurve } from '../../numeric/bootstrap.ts'
import { wilson } from '../../numeric/intervals.ts'
import { mean } from '../../numeric/stats.ts'
import type { Store } from '../../store/openStore.ts'
import { basisOf, clusterOf, clustersOf } from '../comparing/clusters.ts'
import {
  bootstrapOf,
  detailsOf,
  estimatorKey,
  figureOf,
  figureOrNull,
  isComplete,
  orNull,
  readScope,
  rowsOf,
  servedKey,
  temperatureKey,
  thin,
  type Question,
} from './measuredRollouts.ts'
import { orderedCurve } from '../answers/queriesRollouts.ts'

const POINTS = 600
/** Forecasts that all resamples of one figure may visit together, so that a large scope stays quick. */
const VISITS = 4_000_000

type Answer = Pick<Answers<'thinking'>['thinking'], 'calibration' | 'agreement' | 'estimators'>
/** Forecasts of one problem, and the cluster that it belongs to. */
interface Forecasts {
  readonly cluster: string | null
  readonly own: readonly Forecast[]
}
type Clustered = readonly Forecasts[]
const pooled = (problems: Clustered): Forecast[] => problems.flatMap(({ own }) => own)

interface Figures {
  readonly brier: Figure | null
  readonly auroc: Figure | null
  readonly spearman: Figure | null
}

/** Neither Brier score nor AUROC nor rank correlation can lie below these, or above 1; intervals that are widened for few units could. */
const LEAST = [0, 0, -1]

function figures(problems: Clustered): Figures {
  if (problems.length === 0) return { brier: null, auroc: null, spearman: null }
  const owner = Int32Array.from(problems.flatMap(({ own }, problem) => own.map(() => problem)))
  const scores = weightedScores(pooled(problems))
  const times = new Int32Array(problems.length)
  const { seed, draws } = bootstrapOf(problems.length)
  const clusters = clustersOf(problems.map(({ cluster }) => cluster))
  const [brier, auroc, spearman] = bootstrapCurve(
    { questions: problems.length },
    (drawn) => {
      times.fill(0)
      for (const problem of drawn) times[problem]!++
      const found = scores((index) => times[owner[index]!]!)
      return [found.brier, found.auroc, found.spearman]
    },
    { seed, clusters, draws: Math.max(100, Math.min(draws, Math.floor(VISITS / owner.length))) },
  ).map(({ estimate, low, high }, index): Figure | null => {
    const bound = (value: number): number | null =>
      problems.length < 2 || !Number.isFinite(value) ? null : Math.min(1, Math.max(LEAST[index]!, value))
    return Number.isFinite(estimate)
      ? { value: estimate, low: bound(low), high: bound(high), n: problems.length, basis: basisOf(clusters, 0) }
      : null
  })
  return { brier: brier!, auroc: auroc!, spearman: spearman! }
}

function forecastsOf(questions: readonly Question[], boundariesOf: (J: readonly number[]) => readonly number[]): Clustered {
  return questions
    .map(({ members }) => ({
      cluster: clusterOf(members[0]!.detail.problem),
      own: members.flatMap(
        ({
          detail: {
            rollout: { correct },
          },
          J,
        }) => (correct === null ? [] : boundariesOf(J).map((boundary): Forecast => ({ boundary, J: J[boundary]!, correct }))),
      ),
    }))
    .filter(({ own }) => own.length > 0)
}

const last = (J: readonly number[]): number[] => [J.length - 1]
const all = (J: readonly number[]): number[] => J.map((_, boundary) => boundary)

const weightsTitle = ({ weights, checkpointId }: Estimator): string =>
  ({
    current: 'weights that wrote them',
    frozen: 'frozen start weights',
    ema: 'averaged weights',
    checkpoint: checkpointId === null ? 'start weights' : `checkpoint ${checkpointId}`,
    unknown: 'weights not recorded',
  })[weights]

export const estimatorTitle = (estimator: Estimator): string =>
  `${estimator.method === 'exact' ? 'exact' : `${estimator.samples} answers`}, ${estimator.served ?? weightsTitle(estimator)}${estimator.prover > 1 ? `, best of ${estimator.prover}` : ''}${estimator.temperature === null || estimator.temperature === 1 ? '' : `, temperature ${estimator.temperature}`}`

const weightsKey = ({ weights, checkpointId, step, prover, temperature, served }: Estimator): string =>
  [weights, checkpointId, step, prover, ...temperatureKey(temperature), ...servedKey(served)].join(' ')

/** An exact and a sampled curve under the same weights, at the same places. */
function pairOf(detail: RolloutDetail): { readonly exact: ProgressCurve; readonly sampled: ProgressCurve } | null {
  const complete = detail.progress.filter((curve) => isComplete(detail, curve))
  for (const sampled of complete.filter(({ estimator }) => estimator.method === 'sampled')) {
    const exact = complete.find(({ estimator }) => estimator.method === 'exact' && weightsKey(estimator) === weightsKey(sampled.estimator))
    if (exact !== undefined) return { exact, sampled }
  }
  return null
}

export function calibrationQueries(open: () => Store): Answer {
  return {
    async calibration({ scope, bins, depth, limit }, { signal }) {
      const { questions } = await readScope(open(), scope, limit, signal)
      const problems = forecastsOf(questions, depth === 'last' ? last : all)
      const forecasts = pooled(problems)
      const everywhere = forecastsOf(questions, all)
      const depths = [...new Set(pooled(everywhere).map(({ boundary }) => boundary))].sort((a, b) => a - b)
      const { bins: filled } = forecasts.length === 0 ? { bins: [] } : calibrate(forecasts, bins)
      return {
        bins: filled.map(({ low, high, count, predicted, observed }) => {
          const interval = count === 0 ? null : wilson(Math.round(observed * count), count)
          return {
            low,
            high,
            count,
            forecast: orNull(predicted),
            outcome: orNull(observed),
            outcomeLow: interval?.low ?? null,
            outcomeHigh: interval?.high ?? null,
          }
        }),
        n: forecasts.length,
        problemCount: problems.length,
        ...figures(problems),
        error: filled.length === 0 ? null : calibrationError(filled),
        byDepth: depths.map((boundary) => {
          const here = everywhere
            .map(({ cluster, own }) => ({ cluster, own: own.filter((forecast) => forecast.boundary === boundary) }))
            .filter(({ own }) => own.length > 0)
          return {
            boundary,
            count: pooled(here).length,
            J: figureOf(
              here.map(({ own }) => mean(own.map(({ J }) => J))),
              clustersOf(here.map(({ cluster }) => cluster)),
            ),
            ...figures(here),
          }
        }),
      }
    },

    async agreement({ scope, limit }, { signal }): Promise<AgreementReport> {
      const store = open()
      const both: {
        readonly problem: Problem
        readonly exact: number[]
        readonly sampled: ProgressCurve['estimates']
        readonly samples: number
      }[] = []
      for await (const detail of detailsOf(
        store,
        thin(rowsOf(store, scope), limit).filter(({ progress }) => progress !== null),
        signal,
      )) {
        const pair = pairOf(detail)
        if (pair !== null)
          both.push({
            problem: detail.problem,
            exact: orderedCurve(pair.exact).J,
            sampled: orderedCurve(pair.sampled).ordered,
            samples: pair.sampled.estimator.samples,
          })
      }
      const found = agreement(
        both.map(({ exact, sampled, samples }) => ({ exact, correct: sampled.map(({ value }) => Math.round(value * samples)), samples })),
      )
      const byProblem = [...Map.groupBy(both, ({ problem }) => problem.id).values()]
      const differences = byProblem.map((members) =>
        mean(members.flatMap(({ exact, sampled }) => sampled.map(({ value }, j) => value - exact[j]!))),
      )
      return {
        rolloutCount: both.length,
        boundaryCount: found.boundaries,
        samples: Math.max(0, ...both.map(({ samples }) => samples)),
        coverage: orNull(found.coverage),
        bias: figureOrNull(differences, clustersOf(byProblem.map((members) => clusterOf(members[0]!.problem)))),
        meanAbsoluteDifference: orNull(found.meanAbsoluteDifference),
        progressSignAgreement: orNull(found.progressSignAgreement),
        points: [
          ...thin(
            both.flatMap(({ exact, sampled }) =>
              sampled.map(({ value, low, high }, j) => ({ exact: exact[j]!, sampled: value, low, high })),
            ),
            POINTS,
          ),
        ],
      }
    },

    async estimators({ scope, limit }, { signal }): Promise<EstimatorCount[]> {
      const store = open()
      const found = new Map<string, { estimator: Estimator; rolloutCount: number }>()
      for await (const detail of detailsOf(
        store,
        thin(rowsOf(store, scope), limit).filter(({ progress }) => progress !== null),
        signal,
      )) {
        for (const curve of detail.progress.filter((each) => isComplete(detail, each))) {
          const key = estimatorKey(curve.estimator)
          const known = found.get(key) ?? { estimator: curve.estimator, rolloutCount: 0 }
          found.set(key, { ...known, rolloutCount: known.rolloutCount + 1 })
        }
      }
      return [...found]
        .map(([key, each]) => ({ key, title: estimatorTitle(each.estimator), ...each }))
        .sort((a, b) => b.rolloutCount - a.rolloutCount)
    },
  }
}
