// What runs side by side are read from: the arms with their evaluations, the start first, and what all of them measured. Results are kept in
// memory for as long as the workspace is the same.
import type { Evaluation, Run } from '../../../src-preload/contract.ts'
import type { Store } from '../../store/openStore.ts'
import { found, missing } from '../process/found.ts'
import { clusterOf } from './clusters.ts'
import { armsOf, newestFinished, START, startEvaluation, type Arm, type Evaluated } from './compareArms.ts'
import { openFigures, remembering } from './compareFigures.ts'

/** Evaluations whose results are kept: a few hundred kilobytes each. */
export const MOST_RESULTS = 128

type Baseline = number | 'start' | null
export interface Chosen {
  readonly runIds: readonly number[]
  readonly groupBy: 'run' | 'group'
  readonly baseline: Baseline
  /** Evaluations at or before this training step; null: the newest. */
  readonly step: number | null
}
export interface Compared {
  readonly start: Evaluated | null
  /** The start first, where it was evaluated. */
  readonly arms: readonly { readonly arm: Arm; readonly evaluated: readonly Evaluated[] }[]
  readonly base: { readonly arm: Arm; readonly evaluated: readonly Evaluated[] } | null
}

/** Budgets that all of these evaluations measured; none at all has no regret, which is an area over the budget. */
export const sharedBudgets = (evaluated: readonly { readonly evaluation: Evaluation }[]): number[] =>
  (evaluated[0]?.evaluation.budgets ?? []).filter(
    (budget) => budget > 0 && evaluated.every(({ evaluation }) => evaluation.budgets.includes(budget)),
  )

/** The least budget that one of these was trained with. */
export function trainedBudgetOf(evaluated: readonly { readonly evaluation: Evaluation }[]): number | null {
  const trained = evaluated.flatMap(({ evaluation }) => evaluation.trainedBudget ?? [])
  return trained.length === 0 ? null : Math.min(...trained)
}

export type Comparing = ReturnType<typeof openComparing>

/** Reads a workspace for comparisons; what `open` gives may change from one call to the next. */
export function openComparing(open: () => Store) {
  const figures = openFigures((id) => {
    const problem = open().datasets.readable(id)
    return problem === null ? null : clusterOf(problem)
  })
  const rememberResults = remembering<Evaluated>(MOST_RESULTS)
  const keyOf = ({ id, finishedAtMs }: Evaluation): string => `${open().workspace().uid}:${id}:${finishedAtMs}`
  const read = (evaluation: Evaluation): Evaluated => {
    const key = keyOf(evaluation)
    return rememberResults(key, () => ({
      key,
      evaluation,
      results: new Map(
        open()
          .evaluations.results(evaluation.id)
          .map((result) => [result.problemId, result]),
      ),
    }))
  }
  const runsOf = (ids: readonly number[]): Run[] => ids.map((id) => found('run', id, open().runs.get(id)))
  const startOf = (runs: readonly Run[]): Evaluated | null => {
    const evaluation = startEvaluation(open(), runs)
    return evaluation === null ? null : read(evaluation)
  }
  function evaluatedOf({ runs }: Arm, step: number | null, start: Evaluated | null): Evaluated[] {
    return runs.flatMap((run) => {
      const evaluation = newestFinished(open().evaluations.ofRun(run.id), step)
      return evaluation === null ? (step === null || start === null ? [] : [start]) : [read(evaluation)]
    })
  }

  function compared({ runIds, groupBy, baseline, step }: Chosen): Compared {
    const runs = runsOf(runIds)
    const start = startOf(runs)
    const arms = [
      ...(start === null ? [] : [{ arm: START, evaluated: [start] }]),
      ...armsOf(runs, groupBy).map((arm) => ({ arm, evaluated: evaluatedOf(arm, step, start) })),
    ]
    const base =
      baseline === null ? null : (arms.find(({ arm }) => (baseline === 'start' ? arm === START : arm.runIds.includes(baseline))) ?? null)
    if (typeof baseline === 'number' && base === null) throw missing('run', baseline)
    return { start, arms, base }
  }

  return { open, figures, keyOf, read, runsOf, startOf, evaluatedOf, compared }
}
