// What regret is taken against, for the rollouts of a scope. Each of the four comparators is made once for the whole scope and then gives
// its side for any of its problems, over token budgets and over episodes, so that a slice is compared with what its scope is.

import type { ComparatorDescription, ComparatorName, Evaluation, ThinkingScope } from '../../../src-preload/contract.ts'
import type { Counted } from '../../episodes/budgetCurve.ts'
import { equalEpisodes, oracleEpisodes, referenceEpisodes, sufficientEpisodes, type EpisodeComparator } from '../../episodes/cumulative.ts'
import { meanSpend, type Comparator } from '../../episodes/regret.ts'
import { mean } from '../../numeric/stats.ts'
import type { Store } from '../../store/openStore.ts'
import { perQuestion, readScope, traceOf, type Question } from '../thinking/measuredRollouts.ts'

export interface Side {
  /** The questions that can be compared, in order. */
  readonly questions: readonly Question[]
  readonly tokens: Comparator
  readonly episodes: EpisodeComparator
}

/** The comparator's side for some of the questions it was made for. */
export type Against = (questions: readonly Question[]) => Side

interface Making {
  readonly store: Store
  readonly scope: ThinkingScope
  readonly questions: readonly Question[]
  readonly counted: Counted
  readonly limit: number
  readonly signal: AbortSignal
}

const tracesOf = (questions: readonly Question[]) => questions.map(({ members }) => members.map(traceOf))
const JsOf = (questions: readonly Question[]) => questions.map(({ members }) => members.map(({ J }) => J))

const makers: { readonly [N in ComparatorName]: (making: Making) => Promise<Against> | Against } = {
  oracle: () => (questions) => ({ questions, tokens: { kind: 'oracle' }, episodes: oracleEpisodes }),
  sufficient: () => (questions) => ({
    questions,
    tokens: { kind: 'sufficient', pool: tracesOf(questions) },
    episodes: sufficientEpisodes(JsOf(questions)),
  }),
  equal({ questions: whole, counted }) {
    const tokens = meanSpend(tracesOf(whole), counted)
    const episodes = Math.round(mean(perQuestion(whole, ({ J }) => J.length - 1)))
    return (questions) => ({ questions, tokens: { kind: 'equal', tokens }, episodes: equalEpisodes(JsOf(questions), episodes) })
  },
  async best({ store, questions: whole, limit, signal }) {
    const best = bestEvaluation(store, whole)
    const other = best === null ? [] : (await readScope(store, { evaluationId: best.evaluation.id }, limit, signal)).questions
    const byId = new Map(other.map((question) => [question.problemId, question]))
    return (questions) => {
      const shared = questions.filter(({ problemId }) => byId.has(problemId))
      const reference = shared.map(({ problemId }) => byId.get(problemId)!)
      return { questions: shared, tokens: { kind: 'reference', traces: tracesOf(reference) }, episodes: referenceEpisodes(JsOf(reference)) }
    }
  },
}

export const makeComparator = (name: ComparatorName, making: Making): Promise<Against> | Against => makers[name](making)

/** The finished evaluation that keeps rollouts of the most of these problems and, among those, has the least regret on them at the budget it was trained to. */
function bestEvaluation(store: Store, questions: readonly Question[]): { readonly evaluation: Evaluation; readonly shared: number } | null {
  const wanted = new Set(questions.map(({ problemId }) => problemId))
  const datasets = new Set(questions.map(({ members }) => members[0]!.detail.problem.datasetId))
  const scored = store.evaluations
    .list()
    .filter(({ status, datasetId }) => status === 'finished' && datasets.has(datasetId))
    .flatMap((evaluation) => {
      const { budgets, trainedBudget } = evaluation
      const at = Math.max(
        0,
        budgets.findLastIndex((budget) => budget <= (trainedBudget ?? Infinity)),
      )
      const results = store.evaluations
        .results(evaluation.id)
        .filter(({ problemId, regretAtBudget }) => wanted.has(problemId) && regretAtBudget.length > at)
      const kept =
        results.length > 0 &&
        store.rollouts.page({ filter: { evaluationId: evaluation.id }, sort: 'place', descending: false, limit: 1, after: null }).rollouts
          .length > 0
      return kept ? [{ evaluation, shared: results.length, regret: mean(results.map(({ regretAtBudget }) => regretAtBudget[at]!)) }] : []
    })
  return scored.sort((a, b) => b.shared - a.shared || a.regret - b.regret)[0] ?? null
}

/** Every comparator with what it means here, and why it cannot be used where it cannot. */
export function describeComparators(store: Store, scope: ThinkingScope, questions: readonly Question[]): ComparatorDescription[] {
  const none = questions.length === 0 ? 'No rollout here has J.' : null
  const best = none === null ? bestEvaluation(store, questions) : null
  const spend = none === null ? Math.round(meanSpend(tracesOf(questions), 'thinking')) : 0
  const itself = best !== null && best.evaluation.id === scope.evaluationId
  return [
    {
      name: 'oracle',
      title: 'perfect from token zero',
      meaning: 'Area lost against an answer that is right from the first token on: the published definition.',
      reason: none,
    },
    {
      name: 'best',
      title: best === null ? 'best checkpoint' : `best checkpoint: ${best.evaluation.name}${itself ? ', these themselves' : ''}`,
      meaning:
        best === null
          ? ''
          : `Area lost against the evaluation with the least regret on these problems (${best.evaluation.name}, step ${best.evaluation.step ?? 0}), on the problems that both have.${itself ? ' It is the one being looked at, so nothing is lost.' : ''}`,
      reason: none ?? (best === null ? 'No evaluation has measured these problems.' : null),
    },
    {
      name: 'sufficient',
      title: 'smallest sufficient budget of each problem',
      meaning:
        'Area lost against being right from the fewest tokens at which any of these rollouts of the problem was and stayed right; problems that none solved ask for nothing.',
      reason: none,
    },
    {
      name: 'equal',
      title: 'equal spend',
      meaning: `Area lost against the same rollouts stopped after the same number of tokens on every problem (the mean that was spent, ${spend} of thinking). Below zero: spending more on some problems than on others paid off.`,
      reason: none,
    },
  ]
}
