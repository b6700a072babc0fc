// A workspace whose evaluations are given number by number: four problems of two targets, and as many runs as a test asks for.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openStore, type Store } from '../../src-main/store/openStore.ts'
import type { Evaluation, NewEvaluation, NewRun } from '../../src-preload/contract.ts'
import { newEvaluation, newModel, newRun, stepOf } from '../store/runRecord.ts'
import { addCountdown, BUDGETS, rollout } from './records.ts'

/** What an evaluation found of one problem: what was not said follows from its accuracy. */
export interface Scored {
  readonly accuracy: number
  readonly tokens?: number
  /** [budgets] */
  readonly at?: readonly number[]
  readonly regret?: readonly number[]
}

export interface EvaluatedWorkspace {
  readonly store: Store
  readonly datasetId: number
  readonly modelId: number
  readonly problemIds: readonly number[]
  /** A run of its own configuration, with so many steps. */
  run(name: string, more?: Partial<NewRun>, steps?: number): number
  /** @param problems those that the results are of, from the first one on unless given */
  evaluate(
    runId: number | null,
    results: readonly Scored[],
    more?: Partial<NewEvaluation> & Partial<Pick<Evaluation, 'status' | 'metrics'>> & { readonly problems?: readonly number[] },
  ): number
  /** Keeps an answer to the first problem with an evaluation. */
  keep(evaluationId: number, problemId?: number): void
  close(): void
}

export function openEvaluated(): EvaluatedWorkspace {
  const folder = mkdtempSync(join(tmpdir(), 'mrt-evaluated-'))
  const store = openStore(join(folder, 'workspace'), { create: true, now: () => 1 })
  const { datasetId, problemIds } = addCountdown(store, [1, 1, 2, 2], 1)
  const modelId = store.models.add(newModel('model', 'abc'))
  return {
    store,
    datasetId,
    modelId,
    problemIds,
    run(name, more = {}, steps = 0) {
      const { id } = store.runs.add(newRun({ name, groupKey: name, modelId, datasetId, config: {}, ...more }))
      for (let step = 1; step <= steps; step++) store.steps.record({ step: stepOf(id, step), rollouts: [], events: [] })
      return id
    },
    evaluate(runId, results, { status = 'finished', metrics = {}, problems = problemIds, ...more } = {}) {
      const step = runId === null ? 0 : 4
      const { id } = store.evaluations.add(
        newEvaluation(datasetId, { runId, modelId, split: 'heldout', step, config: {}, budgets: BUDGETS, trainedBudget: 20, ...more }),
      )
      store.evaluations.addResults(
        id,
        results.map(
          ({ accuracy, tokens = 10, at = [accuracy / 4, accuracy / 2, accuracy], regret = at.map((share) => 1 - share) }, index) => ({
            problemId: problems[index]!,
            samples: 2,
            accuracy,
            meanTokens: tokens,
            accuracyAtBudget: Float32Array.from(at),
            regretAtBudget: Float32Array.from(regret),
            keptAtBudget: Float32Array.from(at),
            keptWholeAtBudget: Float32Array.from(at),
            keptRegretAtBudget: Float32Array.from(regret),
          }),
        ),
        [],
      )
      if (status !== 'running') store.evaluations.finish(id, { status, atMs: 2, wallMs: 3, tokens: 4, metrics, points: [] })
      return id
    },
    keep(evaluationId, problemId = problemIds[0]!) {
      store.rollouts.add({ runId: null, evaluationId, phase: 'eval', step: 0 }, [rollout(problemId, 0, 0, true)])
    },
    close() {
      store.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
