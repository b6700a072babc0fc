// Saving a run and picking it up again: weights, optimizer moments, the moving average and the stale weights where there are any, and the step. Draws depend on
// seed and step alone, so nothing else has to be kept for a resumed run to give the numbers of an uninterrupted one. Of a run with adapters only
// these are kept, with the name of the weights that they were trained on.
import { join } from 'node:path'
import { loadCheckpoint, readCheckpointMeta, saveCheckpoint, type LoadedCheckpoint } from '../../model/checkpoint.ts'
import { adapterSpecs, parameterSpecs } from '../../model/config.ts'
import type { LlamaConfig } from '../../model/config.ts'
import { ModelFileError } from '../../model/safetensors.ts'
import type { Checkpoint } from '../../../src-preload/contract.ts'
import type { Store } from '../../store/openStore.ts'
import type { LabContext } from '../process/context.ts'
import type { Learner } from './learner.ts'
import type { PolicySet } from './policySet.ts'
import type { Base } from './start.ts'

/** Saves what resuming needs, durably, and returns the checkpoint's id in the store. */
export async function saveRun(
  { store, now }: LabContext,
  runId: number,
  step: number,
  config: LlamaConfig,
  base: Base,
  policies: PolicySet,
  learner: Learner,
): Promise<number> {
  const { parameters } = policies.current
  const kept = (['ema', 'stale'] as const).flatMap((role) => {
    const values = policies.values(role)
    return values ? [[role, { dims: [values.length], data: values }] as const] : []
  })
  const state = learner.state()
  const adapted = config.lora !== undefined
  const saved = await saveCheckpoint(store.checkpointsFolder, {
    config,
    tensors: new Map(
      (adapted ? adapterSpecs(config) : parameterSpecs(config)).map(({ name, dims }) => [name, { dims, data: parameters.get(name) }]),
    ),
    optimizer: { m: { dims: [state.m.length], data: state.m }, v: { dims: [state.v.length], data: state.v }, ...Object.fromEntries(kept) },
    meta: { step, optimizerStep: state.step, run: store.runs.get(runId)!.uid, weights: parameters.checksum(), ...(adapted && { base }) },
  })
  return store.checkpoints.add({
    contentId: saved.id,
    runId,
    step,
    kind: adapted ? 'adapter' : 'full',
    modelId: store.runs.get(runId)!.modelId,
    bytes: saved.bytes,
    resumable: true,
    pinned: false,
    createdAtMs: now(),
  })
}

/**
 * What a run goes on from: its newest checkpoint that can be read, null where it has none. Damaged or missing ones are passed over with an
 * event; throws ModelFileError `checkpoint.damaged` or `.missing` of the newest where not one of several can be read.
 */
export async function newestReadable(
  { store, now }: LabContext,
  runId: number,
): Promise<{ readonly checkpoint: Checkpoint; readonly loaded: LoadedCheckpoint } | null> {
  const kept = store.checkpoints.ofRun(runId).filter(({ resumable }) => resumable)
  const passed: { readonly step: number; readonly error: ModelFileError }[] = []
  for (const checkpoint of kept.reverse())
    try {
      const loaded = await loadCheckpoint(join(store.checkpointsFolder, checkpoint.contentId))
      for (const { step, error } of passed)
        store.events.add({
          runId,
          step: checkpoint.step,
          kind: 'log',
          level: 'warn',
          code: error.code,
          message: `The checkpoint of step ${step} cannot be read (expected ${error.expected}; found ${error.found}); going on from step ${checkpoint.step}.`,
          data: { contentId: checkpoint.contentId },
          atMs: now(),
        })
      return { checkpoint, loaded }
    } catch (error) {
      if (!(error instanceof ModelFileError) || !/^checkpoint\./.test(error.code)) throw error
      passed.push({ step: checkpoint.step, error })
    }
  if (passed.length > 0) throw passed[0]!.error
  return null
}

/** Takes a run back to a checkpoint. */
export function restoreRun({ tensors, optimizer, meta }: LoadedCheckpoint, policies: PolicySet, learner: Learner): void {
  for (const [name, { data }] of tensors) policies.current.parameters.set(name, data)
  learner.loadState({ step: Number(meta.optimizerStep), m: optimizer!.m!.data, v: optimizer!.v!.data })
  for (const role of ['ema', 'stale'] as const) {
    const kept = optimizer![role]
    if (kept) policies.restore(role, kept.data)
  }
}

/** Contents of checkpoints that must stay: those of every run, and those that adapters of a run were trained on. */
export async function contentsInUse(store: Store): Promise<Set<string>> {
  const used = new Set(store.checkpoints.referenced())
  for (const { run } of store.runs.list()) {
    // All checkpoints of a run rest on the same weights, so any that can be read says which.
    const adapted = store.checkpoints.ofRun(run.id).filter(({ kind }) => kind === 'adapter')
    for (const [at, { contentId }] of adapted.entries())
      try {
        const { base } = (await readCheckpointMeta(join(store.checkpointsFolder, contentId))) as { readonly base?: Base }
        if (base?.kind === 'checkpoint') used.add(base.id)
        break
      } catch (error) {
        if (at === adapted.length - 1) throw error
      }
  }
  return used
}
