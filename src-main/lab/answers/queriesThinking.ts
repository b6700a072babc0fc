// Analysis of thoughts, for any rollouts in the store, ours or imported: episodes, J over episodes and tokens, regret against a chosen
// comparator, calibration, slices, the rules that cut text, and the measuring of J where there is none. The measures are those of
// episodes/ and numeric/; this file hands them what they need. Calibration, slices and segmentation have files of their own.

import type { Answers, BudgetPoint, EpisodeCurves, ThinkingScope } from '../../../src-preload/contract.ts'
import { accountTokens, totalAccount } from '../../episodes/accounting.ts'
import type { Counted } from '../../episodes/budgetCurve.ts'
import { cumulativeByQuestion } from '../../episodes/cumulative.ts'
import { regretCurve } from '../../episodes/regret.ts'
import type { Clusters } from '../../numeric/bootstrap.ts'
import { bestOfK } from '../../numeric/passAtK.ts'
import { mean } from '../../numeric/stats.ts'
import type { Store } from '../../store/openStore.ts'
import { thinkingAt } from '../comparing/evaluationBudgets.ts'
import { calibrationByType } from '../thinking/calibrationByType.ts'
import { calibrationQueries } from '../thinking/thinkingCalibration.ts'
import { describeComparators, makeComparator } from '../comparing/comparators.ts'
import {
  countedOf,
  accuracyOf,
  clustersOfQuestions,
  figureOf,
  figureOrNull,
  histogramOf,
  perQuestion,
  readScope,
  traceOf,
  type MeasuredRollout,
  type Question,
} from '../thinking/measuredRollouts.ts'
import type { ThinkingActions } from './thinkingActions.ts'
import { segmentQueries } from '../thinking/thinkingSegments.ts'
import { sliceQueries } from '../thinking/thinkingSlices.ts'

/** Sizes of the best of k answers without thinking. */
const DIRECT_SIZES = [1, 2, 4, 8, 16, 32]

/** Tokens spent before an answer is begun at a boundary, as they are counted. */
const spent = ({ detail, boundaries }: MeasuredRollout, boundary: number, counted: Counted): number =>
  boundaries[Math.min(boundary, boundaries.length - 1)]! + (counted === 'all' ? detail.promptTokens.length : 0)

/** Boundaries of the rollout with the most. */
const longestOf = (questions: readonly Question[]): number =>
  questions.reduce((most, { members }) => members.reduce((longest, { J }) => Math.max(longest, J.length), most), 0)

const held = ({ J }: MeasuredRollout, boundary: number): number => J[Math.min(boundary, J.length - 1)]!
/** Tokens of an answer, the closing of the thought included; nothing where thinking alone is counted. */
const answerCost = (rollout: MeasuredRollout, counted: Counted): number => (counted === 'thinking' ? 0 : traceOf(rollout).answerTokens[0]!)

function curvesOf(
  questions: readonly Question[],
  sizes: readonly number[],
  counted: Counted,
  { lost, clusters: comparedClusters }: { readonly lost: readonly Float64Array[]; readonly clusters: Clusters },
): EpisodeCurves {
  const longest = longestOf(questions)
  const clusters = clustersOfQuestions(questions)
  const point = (boundary: number, size: number) => ({
    tokens: mean(perQuestion(questions, (rollout) => spent(rollout, boundary, counted) + size * answerCost(rollout, counted))),
    value: figureOf(
      perQuestion(questions, (rollout) => bestOfK(held(rollout, boundary), size)),
      clusters,
    ),
  })
  const ascending = [...sizes].sort((a, b) => a - b)
  // As many direct answers as the tokens of the whole thought buy, prompt left out; the last one counts in part.
  const bought = (rollout: MeasuredRollout): number =>
    Math.max(1, rollout.detail.tokens.length / Math.max(1, answerCost(rollout, 'completion')))
  const thinking = perQuestion(questions, ({ J }) => J.at(-1)!)
  const direct = perQuestion(questions, (rollout) => bestOfK(rollout.J[0]!, bought(rollout)))
  return {
    sizes: ascending,
    boundaries: Array.from({ length: longest }, (_, boundary) => {
      const { tokens, value } = point(boundary, 1)
      const regret = boundary === 0 ? undefined : lost[boundary - 1]
      return {
        boundary,
        tokens,
        J: value,
        bestOf: ascending.map((size) => point(boundary, size)),
        regret: regret === undefined ? null : figureOrNull(regret, comparedClusters),
      }
    }),
    direct: questions.length === 0 ? [] : DIRECT_SIZES.map((size) => ({ size, ...point(0, size) })),
    equalTokens:
      questions.length === 0
        ? null
        : {
            answers: mean(perQuestion(questions, bought)),
            thinking: figureOf(thinking, clusters),
            direct: figureOf(direct, clusters),
            difference: figureOf(
              thinking.map((value, index) => value - direct[index]!),
              clusters,
            ),
          },
  }
}

/** Which rollouts of a scope speak for which of the budgets: those of an evaluation by `thinkingAt`, unless the scope says which; all others for all. */
function scopesAt(
  scope: ThinkingScope,
  budgets: readonly number[],
  trained: number | null,
): { readonly scope: ThinkingScope; readonly budgets: readonly number[] }[] {
  if (scope.evaluationId === undefined || scope.keptThinking !== undefined) return [{ scope, budgets }]
  return (['natural', 'kept'] as const)
    .map((thinking) => ({
      scope: { ...scope, keptThinking: thinking === 'kept' },
      budgets: budgets.filter((budget) => thinkingAt(budget, trained) === thinking),
    }))
    .filter(({ budgets: own }) => own.length > 0)
}

export function thinkingQueries(open: () => Store, actions: ThinkingActions): Answers<'thinking'>['thinking'] {
  return {
    async summary({ scope, limit }, { signal }) {
      const { rolloutCount, read, measured, questions } = await readScope(open(), scope, limit, signal)
      const clusters = clustersOfQuestions(questions)
      const accounts = questions.flatMap(({ members }) => accountTokens(members.map(({ boundaries, J }) => ({ boundaries, accuracy: J }))))
      return {
        rolloutCount,
        readCount: read.length,
        measuredCount: measured.length,
        episodes: histogramOf(measured.map(({ detail }) => detail.episodes.length)),
        episodeTokens: histogramOf(
          measured.flatMap(({ detail }) => detail.episodes.map(({ startToken, endToken }) => endToken - startToken)),
        ),
        thinkingTokens: figureOrNull(
          perQuestion(questions, ({ boundaries }) => boundaries.at(-1)!),
          clusters,
        ),
        accuracy: accuracyOf(open(), read),
        curve: Array.from({ length: longestOf(questions) }, (_, boundary) =>
          figureOf(
            perQuestion(questions, (rollout) => held(rollout, boundary)),
            clusters,
          ),
        ),
        progress: figureOrNull(
          perQuestion(questions, ({ J }) => J.at(-1)! - J[0]!),
          clusters,
        ),
        account: totalAccount(accounts),
      }
    },

    async regret({ scope, budgets, counted: asked, comparator, limit }, { signal }) {
      const store = open()
      const counted = countedOf(store, scope, asked)
      const trained = scope.evaluationId === undefined ? null : (store.evaluations.get(scope.evaluationId)?.trainedBudget ?? null)
      const points = await Promise.all(
        scopesAt(scope, budgets, trained).map(async ({ scope: own, budgets: at }): Promise<BudgetPoint[]> => {
          const { measured, questions } = await readScope(store, own, limit, signal)
          const side = (await makeComparator(comparator, { store, scope: own, questions, counted, limit, signal }))(questions)
          if (side.questions.length === 0) return []
          const clusters = clustersOfQuestions(side.questions)
          const beyond = trained ?? Math.max(...measured.map(({ detail }) => detail.rollout.budgetTokens ?? Infinity))
          return regretCurve(
            side.questions.map(({ members }) => members.map(traceOf)),
            at,
            { counted, comparator: side.tokens },
          ).map(({ budget, byQuestion }) => ({ ...figureOf(byQuestion, clusters), budget, extrapolated: budget > beyond }))
        }),
      )
      return points.flat()
    },

    async comparators({ scope }, { signal }) {
      const store = open()
      return describeComparators(store, scope, (await readScope(store, scope, SURVEY, signal)).questions)
    },

    async curves({ scope, sizes, counted, comparator, limit }, { signal }) {
      const store = open()
      const { questions } = await readScope(store, scope, limit, signal)
      const side = (await makeComparator(comparator, { store, scope, questions, counted, limit, signal }))(questions)
      const longest = longestOf(questions)
      const lost = cumulativeByQuestion(
        side.questions.map(({ members }) => members.map(({ J }) => J)),
        side.episodes,
        Math.max(0, longest - 1),
      )
      return curvesOf(questions, sizes, counted, { lost, clusters: clustersOfQuestions(side.questions) })
    },

    ...calibrationQueries(open),
    calibrationByType: ({ scope, ...asked }, { signal }) => calibrationByType(open(), scope, asked, signal),
    ...sliceQueries(open),
    ...segmentQueries(open),
    ...actions,
  }
}

/** Rollouts that are enough to say what a scope can be compared with. */
const SURVEY = 1000
