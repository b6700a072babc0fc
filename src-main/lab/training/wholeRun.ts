// A run from wherever it is to one that is evaluated: trained unless it is, what it started from evaluated unless that is known, its weights
// evaluated, and what the evaluations say against each other noticed. The window, the command line and the quickstart all come through here.
import type { Run, RunSpec } from '../../../src-preload/contract.ts'
import { createMethod } from '../../rl/algorithms.ts'
import { startEvaluation } from '../comparing/compareArms.ts'
import type { JobOptions, LabContext } from '../process/context.ts'
import type { Experiments } from '../process/experiments.ts'
import { newFindings, type HistoryEvaluation } from '../process/health.ts'

/** The experiments that it is made of. */
type Parts = Pick<Experiments, 'trainRun' | 'evaluateStart' | 'evaluateRun'>

/** Ends early, without an error, where the run was told to pause or stop; throws what its parts throw. */
export async function wholeRun(parts: Parts, context: LabContext, runId: number, job: JobOptions): Promise<void> {
  const finished = (): boolean => context.store.runs.get(runId)?.status === 'finished'
  if (!finished()) await parts.trainRun(context, runId, job)
  job.signal?.throwIfAborted()
  if (!finished()) return
  await parts.evaluateStart(context, runId, job)
  await parts.evaluateRun(context, { runId }, job)
  watchEvaluations(context, runId, job.onEvent)
}

/** Health rules that compare evaluations, the start's first; those over steps are kept by the training itself. */
export function watchEvaluations({ store, now }: Pick<LabContext, 'store' | 'now'>, runId: number, onEvent: JobOptions['onEvent']): void {
  const run: Run = store.runs.get(runId)!
  const { algorithm } = run.config as unknown as RunSpec
  const method = createMethod(algorithm.name, algorithm.options)
  const start = startEvaluation(store, [run])
  const finished = store.evaluations.ofRun(runId).filter(({ status }) => status === 'finished')
  const evaluations = [...(start === null ? [] : [start]), ...finished].map(({ step, metrics, budgets }): HistoryEvaluation => ({
    step: step ?? 0,
    accuracy: metrics.accuracy ?? 0,
    accuracyAtMost: metrics[`ttc/acc@${budgets.at(-1)}`] ?? metrics.accuracy ?? 0,
    meanTokens: metrics['completions/mean_length'] ?? 0,
  }))
  if (finished.length === 0) return
  const steps = store.steps.range(runId, 0, Number.MAX_SAFE_INTEGER)
  const { ratio, updatesPerBatch } = method.algorithm.loss(method.options)
  for (const { code, level, step, message, data, rollouts } of newFindings(
    { runId, updatesPerBatch: ratio === 'none' ? null : updatesPerBatch, steps, evaluations },
    'evaluation',
  )) {
    const event = { runId, step, kind: 'health' as const, level, code, message, data: { ...data, rollouts } as never, atMs: now() }
    const id = store.events.add(event)
    onEvent?.({ kind: 'event', event: { ...event, id } })
  }
}
