// A run that was trained here or over workers, with all that it left, so that one can be held against another.
import { join } from 'node:path'
import { openContext, type OpenedContext } from '../../src-main/lab/process/openContext.ts'
import { createRun } from '../../src-main/lab/training/createRun.ts'
import { onRay, raySettings } from '../../src-main/lab/training/raySettings.ts'
import { trainRun } from '../../src-main/lab/training/trainRun.ts'
import { loadCheckpoint } from '../../src-main/model/checkpoint.ts'

export interface Over {
  readonly workers: number
  /** Stands for, or is, a Python that has the package ray. */
  readonly python: string
  readonly patience?: number
}

/** Trains a run here or over workers, and gives all that it left. */
export async function trainedIn(folder: string, over: Over | null, given: object) {
  const context = openContext({ folder, create: true, program: 'test', threads: 1 })
  try {
    return await trainedWith(context, over, given)
  } finally {
    context.close()
  }
}

async function trainedWith(context: OpenedContext, over: Over | null, given: object) {
  const ray = over && raySettings({ address: '127.0.0.1:6379', ...over })
  const runId = await createRun(context, ...onRay(given, {}, ray))
  await trainRun(context, runId)
  const { store } = context
  const rollouts = store.rollouts
    .page({ filter: { runId }, sort: 'place', descending: false, limit: 200, after: null })
    .rollouts.map(({ id }) => store.rollouts.readable(id)!)
  const steps = store.steps.range(runId, 1, 99)
  const events = store.events.ofRun(runId, null, 0, 1000)
  return {
    /** What must be the same wherever it was computed. */
    numbers: {
      rollouts: rollouts.map(({ tokens, logps, advantages, progress, rollout: { correct } }) => ({
        tokens,
        logps,
        advantages,
        J: progress.map(({ estimates }) => estimates),
        correct,
      })),
      metrics: steps.map(({ metrics }) => Object.entries(metrics).filter(([name]) => !/^(ray|time)\/|step_time/.test(name))),
      weights: await weightsOf(context, runId),
    },
    steps,
    events,
    rollouts,
    run: store.runs.get(runId)!,
  }
}

/** The weights and the state of the optimizer that a run left. */
export async function weightsOf({ store }: OpenedContext, runId: number) {
  const { tensors, optimizer } = await loadCheckpoint(join(store.checkpointsFolder, store.checkpoints.newest(runId)!.contentId))
  return { tensors: [...tensors].map(([name, { data }]) => [name, data]), optimizer }
}
