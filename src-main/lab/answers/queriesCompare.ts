// Runs side by side: the headline table at a token budget, curves over training, accuracy and regret against budget, the map of accuracy
// and tokens, tokens for an accuracy, and wins on the same problems. Every figure is a mean over problems (and seeds) with a bootstrap
// interval over clusters of problems, problems and seeds; differences are paired problem by problem. An evaluation records the chance of success
// of every problem at every budget, so a budget is a query and not a run. Each of these is a file of comparing/; here they are asked.
import type { Answers, CompareRow, Run } from '../../../src-preload/contract.ts'
import type { Store } from '../../store/openStore.ts'
import { armsOf, newestFinished, type Evaluated } from '../comparing/compareArms.ts'
import { budgetCurves, curveOf } from '../comparing/compareCurves.ts'
import { openComparing, sharedBudgets, trainedBudgetOf } from '../comparing/compared.ts'
import { pair, pairArms } from '../comparing/comparePairs.ts'
import { rowsOf, tableOf } from '../comparing/compareTable.ts'
import { tokensFor } from '../comparing/compareTokens.ts'
import { openMaps } from '../comparing/methodMap.ts'
import { found } from '../process/found.ts'

/** Lets the process look after its other callers. */
const breathe = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

export function compareQueries(
  open: () => Store,
): Omit<Answers<'compare'>['compare'], 'report'> & { readonly paired: Answers<'evaluations'>['evaluations']['paired'] } {
  const source = openComparing(open)
  const { runsOf, startOf, evaluatedOf, compared } = source
  const mapsOf = openMaps(source)

  return {
    table({ budget, ...chosen }) {
      const all = compared(chosen)
      return tableOf(
        budget,
        all,
        all.arms.flatMap((arm) => rowsOf(source, arm, [budget], all.base)),
      )
    },

    async tables({ budgets, ...chosen }, { signal }) {
      const all = compared(chosen)
      const rows: CompareRow[][] = []
      for (const arm of all.arms) {
        await breathe()
        signal.throwIfAborted()
        rows.push(rowsOf(source, arm, budgets, all.base))
      }
      return budgets.map((budget, at) =>
        tableOf(
          budget,
          all,
          rows.map((row) => row[at]!),
        ),
      )
    },

    curves: ({ runIds, metric, x, groupBy, band, maxPoints }) =>
      armsOf(runsOf(runIds), groupBy).map((arm) => curveOf(open(), arm, metric, x, band, maxPoints)),

    budgetCurves: (asked) => budgetCurves(source, asked),

    map: ({ budget, ...chosen }) => mapsOf(chosen, [budget])[0]!,
    maps: ({ budgets, ...chosen }) => mapsOf(chosen, budgets),

    wins({ a, b, budget, step }) {
      const [first, second] = runsOf([a, b]).map((run) => newestFinished(open().evaluations.ofRun(run.id), step))
      return first === null || second === null ? null : pair(source, first!, second!, budget)
    },

    pairs({ a, b, step }) {
      const [left, right] = [runsOf(a), runsOf(b)]
      const start = startOf([...left, ...right])
      const sideOf = (runs: readonly Run[]): Evaluated[] =>
        runs.length > 0 ? armsOf(runs, 'run').flatMap((arm) => evaluatedOf(arm, step, start)) : start === null ? [] : [start]
      const [own, other] = [sideOf(left), sideOf(right)]
      return own.length === 0 || other.length === 0 ? null : pairArms(source, own, other)
    },

    tokensFor: ({ accuracy, ...chosen }) => tokensFor(source, accuracy, compared(chosen)),

    budgets({ runIds }) {
      const finished = runsOf(runIds).map((run) =>
        open()
          .evaluations.ofRun(run.id)
          .filter(({ status, split }) => status === 'finished' && split === 'heldout'),
      )
      const newest = finished.flatMap((evaluations) => newestFinished(evaluations) ?? []).map((evaluation) => ({ evaluation }))
      return {
        budgets: sharedBudgets(newest),
        trainedBudget: trainedBudgetOf(newest),
        steps: [...new Set(finished.flat().flatMap(({ step }) => step ?? []))].sort((x, y) => x - y),
      }
    },

    paired: ({ a, b, budget }) =>
      pair(source, found('evaluation', a, open().evaluations.get(a)), found('evaluation', b, open().evaluations.get(b)), budget),
  }
}
