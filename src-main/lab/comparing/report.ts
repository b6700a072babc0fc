// A comparison of runs as data: what the quickstart prints and what `--json` writes. Figures come from the newest evaluations in the
// workspace; the statistics are those of the comparison screen.
import type { BudgetCurveView, CompareRow, CompareTable, Evaluation } from '../../../src-preload/contract.ts'
import { tokenEfficiency } from '../../episodes/efficiency.ts'
import { bootstrapMean } from '../../numeric/bootstrap.ts'
import type { Store } from '../../store/openStore.ts'
import { clusterOf, clustersOf } from './clusters.ts'
import { armsOf, newestFinished } from './compareArms.ts'
import { DRAWS, SEED } from './compareFigures.ts'
import { thinkingAt } from './evaluationBudgets.ts'
import { compareQueries } from '../answers/queriesCompare.ts'

export interface ReportedRun {
  readonly id: number
  readonly name: string
  readonly method: string
  readonly seed: number
  readonly steps: number
  /** Share of right answers as sampled under the training budget. */
  readonly accuracy: number
  /** 95 % interval over clusters of problems, and problems. */
  readonly accuracyCi: readonly [number, number]
  readonly meanTokens: number
  /** Normalized regret by token budget. */
  readonly regret: Readonly<Record<string, number>>
}

export interface ReportedComparison {
  readonly a: string
  readonly b: string
  /** `accuracy` and `regret` at the training budget, `meanTokens` as sampled; the difference is b - a on the same problems. */
  readonly metric: string
  readonly difference: number
  readonly ci: readonly [number | null, number | null]
  readonly p: number | null
}

export interface Report {
  readonly runs: readonly ReportedRun[]
  readonly comparisons: readonly ReportedComparison[]
}

/** One method of a comparison: its row and its curve, ready to print. */
export interface ReportedMethod {
  readonly row: CompareRow
  readonly budgets: readonly number[]
  readonly accuracy: readonly number[]
  /** Tokens that the baseline needs for the level of accuracy, divided by the tokens that this method needs; null where undefined. */
  readonly tokenEfficiency: number | null
  /** Gain in accuracy over the start, as a multiple of the baseline's; null where the baseline did not gain. */
  readonly gain: number | null
}

export interface ReportedTable {
  readonly baseline: string
  /** The training budget, at which rows are scored. */
  readonly budget: number
  /** The accuracy at which token efficiency is read: what every method reaches. */
  readonly level: number
  readonly methods: readonly ReportedMethod[]
}

/** A report is asked for by the program itself and cannot be withdrawn. */
const ASKED = { signal: new AbortController().signal }

/** Below this the baseline's gain is noise and a ratio to it means nothing. */
const LEAST_GAIN = 0.005

/** Everything a comparison says, as data. `baseline` is the run that others are compared with. */
export function report(store: Store, runIds: readonly number[], baseline: number): Report {
  const runs = runIds.map((id): ReportedRun => {
    const run = store.runs.get(id)!
    const evaluation = newestOf(store, id)
    const { low, high } = accuracyInterval(store, evaluation.id)
    return {
      id,
      name: run.name,
      method: run.method,
      seed: run.seed,
      steps: run.lastStep ?? 0,
      accuracy: evaluation.metrics.accuracy!,
      accuracyCi: [low, high],
      meanTokens: evaluation.metrics['completions/mean_length']!,
      regret: Object.fromEntries(evaluation.budgets.map((budget) => [String(budget), regretOf(evaluation, budget)])),
    }
  })
  const { methods, baseline: base } = reportTable(store, runIds, baseline)
  return {
    runs,
    comparisons: methods.flatMap(({ row }) =>
      row.against === null
        ? []
        : (['accuracy', 'meanTokens', 'regret'] as const).map((metric) => {
            const { value, low, high, p } = row.against![metric]
            return { a: base, b: row.title, metric, difference: value, ci: [low, high] as const, p }
          }),
    ),
  }
}

/** The rows of the comparison at the training budget, seeds of one configuration together. */
export function reportTable(store: Store, runIds: readonly number[], baseline: number): ReportedTable {
  const compare = compareQueries(() => store)
  const budget = newestOf(store, baseline).trainedBudget!
  const { rows } = compare.table({ runIds: [...runIds], budget, groupBy: 'group', baseline, step: null }, ASKED) as CompareTable
  const curves = compare.budgetCurves(
    { runIds: [...runIds], quantity: 'accuracy', groupBy: 'group', step: null, start: true },
    ASKED,
  ) as readonly BudgetCurveView[]
  const curveOf = (row: CompareRow) => {
    const points = curves.find((curve) => curve.key === row.key)?.points ?? []
    return { tokens: points.map((point) => point.budget), accuracy: points.map((point) => point.value) }
  }
  const arm = armsOf(
    runIds.map((id) => store.runs.get(id)!),
    'group',
  ).find((each) => each.runIds.includes(baseline))!
  const base = rows.find((row) => row.key === arm.key)!
  const start = rows.find((row) => row.method === 'start')
  const gainOf = (row: CompareRow): number | null => (row.accuracy && start?.accuracy ? row.accuracy.value - start.accuracy.value : null)
  const baseGain = gainOf(base)
  const level = Math.min(
    ...rows
      .filter((row) => row !== start)
      .map((row) => Math.max(...curveOf(row).accuracy.filter((_, at) => curveOf(row).tokens[at]! <= budget))),
  )
  return {
    baseline: base.title,
    budget,
    level,
    methods: rows.map((row) => {
      const curve = curveOf(row)
      const gain = gainOf(row)
      return {
        row,
        budgets: curve.tokens,
        accuracy: curve.accuracy,
        tokenEfficiency: row === start || row === base ? null : tokenEfficiency(curve, curveOf(base), level),
        gain: row === start || gain === null || baseGain === null || baseGain < LEAST_GAIN ? null : gain / baseGain,
      }
    }),
  }
}

function accuracyInterval(store: Store, evaluationId: number): { readonly low: number; readonly high: number } {
  const results = store.evaluations.results(evaluationId)
  const clusters = clustersOf(results.map(({ problemId }) => clusterOf(store.datasets.problem(problemId)!)))
  const { low, high } = bootstrapMean(
    results.map(({ accuracy }) => accuracy),
    { seed: SEED, draws: DRAWS, clusters },
  )
  return { low: Math.max(0, low), high: Math.min(1, high) }
}

/** Of the rollouts that speak for the budget; an older evaluation without kept thinking has no budgets beyond training. */
const regretOf = ({ metrics, trainedBudget }: Evaluation, budget: number): number =>
  metrics[`ttc/${thinkingAt(budget, trainedBudget) === 'kept' ? 'kept_' : ''}regret@${budget}`]!

/** Of the latest step, whatever was measured last: a study measures earlier checkpoints after the end. */
const newestOf = (store: Store, runId: number): Evaluation => newestFinished(store.evaluations.ofRun(runId))!
