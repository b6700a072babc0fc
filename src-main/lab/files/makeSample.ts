// Makes the sample workspace that ships with the program out of a real one: a few runs with all their metrics, evaluations and results,
// but with the rollouts of some steps and problems only, and last checkpoints as weights in half precision.
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { loadCheckpoint, saveCheckpoint } from '../../model/checkpoint.ts'
import { openStore } from '../../store/openStore.ts'
import type { Store } from '../../store/openStore.ts'
import { makeFolder } from '../../disk/makeFolder.ts'

export interface SampleOptions {
  readonly runIds: readonly number[]
  /** Every so many steps keep their rollouts; the first and the last always do. */
  readonly everySteps: number
  /** Groups kept of each such step, and problems kept of each evaluation. */
  readonly groups: number
  readonly evaluationProblems: number
}

/** Writes the sample to `folder`, replacing what is there. */
export async function makeSample(
  source: Store,
  folder: string,
  { runIds, everySteps, groups, evaluationProblems }: SampleOptions,
): Promise<void> {
  rmSync(folder, { recursive: true, force: true })
  makeFolder(folder)
  await source.backUpTo(join(folder, 'workspace.db'))
  const store = openStore(folder, { program: 'sample' })
  try {
    for (const { run } of store.runs.list()) if (!runIds.includes(run.id)) store.runs.remove(run.id)
    for (const { run } of store.runs.list()) {
      const last = run.lastStep ?? 0
      const kept = Array.from({ length: last }, (_, index) => index + 1).filter(
        (step) => step === 1 || step === last || step % everySteps === 0,
      )
      store.rollouts.thinRun(run.id, kept, groups)
      await keepLastWeights(source, store, run.id)
    }
    for (const evaluation of store.evaluations.list()) store.rollouts.thinEvaluation(evaluation.id, evaluationProblems)
    store.renumberRuns()
    store.compact()
  } finally {
    store.close()
  }
  for (const left of ['workspace.lock', 'workspace.owner.json', 'workspace.checked', 'backups'])
    rmSync(join(folder, left), { recursive: true, force: true })
}

async function keepLastWeights(source: Store, store: Store, runId: number): Promise<void> {
  const checkpoints = store.checkpoints.ofRun(runId)
  const last = checkpoints.at(-1)
  for (const checkpoint of checkpoints) store.checkpoints.remove(checkpoint.id)
  if (!last) return
  const { config, tensors, meta } = await loadCheckpoint(join(source.checkpointsFolder, last.contentId))
  const saved = await saveCheckpoint(store.checkpointsFolder, { config, tensors, meta, dtype: 'F16' })
  const { id: _id, ...rest } = last
  store.checkpoints.add({ ...rest, contentId: saved.id, bytes: saved.bytes, resumable: false })
}
