// A comparison of runs as data: what the quickstart prints and what `--json` writes. Figures come from the newest evaluations in the
// workspace; the statistics are those of the comparison screen.
import {
  LabError,
  type BudgetCurveView,
  type CompareReport,
  type CompareRow,
  type CompareTable,
  type Evaluation,
} from '../../../src-preload/contract.ts'
import { tokenEfficiency } from '../../episodes/efficiency.ts'
import { bootstrapMean } from '../../numeric/bootstrap.ts'
import type { Store } from '../../store/openStore.ts'
import { clusterOf, clustersOf } from './clusters.ts'
import { armsOf, newestFinished } from './compareArms.ts'
import { DRAWS, SEED } from './compareFigures.ts'
import { thinkingAt } from './evaluationBudgets.ts'
import { compareQueries } from '../answers/queriesCompare.ts'

type Reported = Omit<CompareReport, 'table'>
type ReportedTable = CompareReport['table']

/** A report is asked for by the program itself and cannot be withdrawn. */
const ASKED = { signal: new AbortController().signal }

/** Below this the baseline's gain is noise and a ratio to it means nothing. */
const LEAST_GAIN = 0.005

/** Everything a comparison says, as data. `baseline` is the run that others are compared with. Throws LabError `run.unknown` or `compare.notEvaluated`. */
export function compareReport(store: Store, runIds: readonly number[], baseline: number): CompareReport {
  for (const id of [...runIds, baseline]) {
    if (store.runs.get(id) === null)
      throw new LabError('run.unknown', { expected: 'the id of a run', found: String(id), next: 'List the runs with `mrt runs`.' })
    if (newestFinished(store.evaluations.ofRun(id)) === null)
      throw new LabError('compare.notEvaluated', {
        expected: 'runs that have been evaluated',
        found: `run ${id} without an evaluation`,
        next: `Evaluate it: mrt evaluate ${id}.`,
      })
  }
  const table = reportTable(store, runIds, baseline)
  return { ...reportOf(store, runIds, table), table }
}

function reportOf(store: Store, runIds: readonly number[], { methods, baseline: base }: ReportedTable): Reported {
  const runs = runIds.map((id): Reported['runs'][number] => {
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
      regret: Object.fromEntries(
        evaluation.budgets.flatMap((budget) => {
          const regret = regretOf(evaluation, budget)
          return regret === undefined ? [] : [[String(budget), regret]]
        }),
      ),
    }
  })
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
function reportTable(store: Store, runIds: readonly number[], baseline: number): ReportedTable {
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
const regretOf = ({ metrics, trainedBudget }: Evaluation, budget: number): number | undefined =>
  metrics[`ttc/${thinkingAt(budget, trainedBudget) === 'kept' ? 'kept_' : ''}regret@${budget}`]

/** Of the latest step, whatever was measured last: a study measures earlier checkpoints after the end. */
const newestOf = (store: Store, runId: number): Evaluation => newestFinished(store.evaluations.ofRun(runId))!
