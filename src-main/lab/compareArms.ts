// Who is compared: an arm is one run, or the seeds of one configuration; the weights that all of them start from are an arm too.
// What is read of a run is its newest finished evaluation, or the newest at or before a training step; before its first one a run
// is what it started from.

import type { CompareRow, Evaluation, EvaluationResult, Run } from '../../src-preload/contract.ts'
import type { Store } from '../store/openStore.ts'

export interface Arm {
  readonly key: string
  readonly title: string
  readonly runIds: number[]
  readonly method: string
  readonly algorithm: string
  readonly runs: readonly Run[]
}

/** One evaluation with its results by problem. */
export interface Evaluated {
  /** The same for the same evaluation of the same workspace, and for nothing else. */
  readonly key: string
  readonly evaluation: Evaluation
  readonly results: ReadonlyMap<number, EvaluationResult>
}

export const START: Arm = { key: 'start', title: 'Start', runIds: [], method: 'start', algorithm: 'none', runs: [] }

/** Runs in the order given, or their groups in the order in which each first appears; seeds in order, so that arms pair seed by seed. */
export function armsOf(runs: readonly Run[], by: 'run' | 'group'): Arm[] {
  return [...Map.groupBy(runs, (run) => (by === 'run' ? String(run.id) : run.groupKey)).values()].map((members) => {
    const [first] = members as [Run, ...Run[]]
    return {
      key: by === 'run' ? `run-${first.id}` : `group-${first.id}`, title: first.name, runIds: members.map(({ id }) => id), method: first.method, algorithm: first.algorithm,
      runs: members.toSorted((a, b) => a.seed - b.seed || a.id - b.id),
    }
  })
}

/** The part of an arm that answers carry. */
export const face = ({ key, title, runIds, method, algorithm }: Arm): Pick<CompareRow, 'key' | 'title' | 'runIds' | 'method' | 'algorithm'> => ({ key, title, runIds, method, algorithm })

/** The newest finished one, at or before `step` unless that is null. */
export function newestFinished(evaluations: readonly Evaluation[], step: number | null = null): Evaluation | null {
  return evaluations
    .filter((each) => each.status === 'finished' && (step === null || (each.step ?? Infinity) <= step))
    .toSorted((a, b) => (b.step ?? 0) - (a.step ?? 0) || b.id - a.id)[0] ?? null
}

/** The evaluation of the weights that all of these runs start from, under the conditions of theirs; null without one. */
export function startEvaluation(store: Store, runs: readonly Run[]): Evaluation | null {
  const [first] = runs
  const own = first === undefined ? null : newestFinished(store.evaluations.ofRun(first.id))
  if (own === null || first!.modelId === null || runs.some(({ modelId }) => modelId !== first!.modelId)) return null
  return newestFinished(store.evaluations.ofModel(first!.modelId).filter(({ datasetId, budgets }) => datasetId === own.datasetId && JSON.stringify(budgets) === JSON.stringify(own.budgets)))
}
