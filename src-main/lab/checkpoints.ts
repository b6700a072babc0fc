// Saving a run and picking it up again: weights, optimizer moments, the moving average and the stale weights where there are any, and the step. Draws depend on
// seed and step alone, so nothing else has to be kept for a resumed run to give the numbers of an uninterrupted one.
import { join } from 'node:path'
import type { ParameterSet } from '../engine/parameters.ts'
import { loadCheckpoint, saveCheckpoint } from '../model/checkpoint.ts'
import type { LlamaConfig } from '../model/config.ts'
import type { LabContext } from './context.ts'
import type { Learner } from './learner.ts'
import type { PolicySet } from './policySet.ts'

/** Saves what resuming needs, durably, and returns the checkpoint's id in the store. */
export async function saveRun({ store, now }: LabContext, runId: number, step: number, config: LlamaConfig, policies: PolicySet, learner: Learner): Promise<number> {
  const { parameters } = policies.current
  const kept = (['ema', 'stale'] as const).flatMap((role) => {
    const weights = policies.weights(role)
    return weights ? [[role, { dims: [weights.elements], data: weights.snapshot() }] as const] : []
  })
  const state = learner.state()
  const saved = await saveCheckpoint(store.checkpointsFolder, {
    config,
    tensors: tensorsOf(parameters),
    optimizer: { m: { dims: [state.m.length], data: state.m }, v: { dims: [state.v.length], data: state.v }, ...Object.fromEntries(kept) },
    meta: { step, optimizerStep: state.step, run: store.runs.get(runId)!.uid, weights: parameters.checksum() },
  })
  return store.checkpoints.add({ contentId: saved.id, runId, step, kind: 'full', modelId: store.runs.get(runId)!.modelId, bytes: saved.bytes, resumable: true, pinned: false, createdAtMs: now() })
}

/** Takes a run back to a checkpoint. */
export async function restoreRun({ store }: LabContext, contentId: string, policies: PolicySet, learner: Learner): Promise<void> {
  const { tensors, optimizer, meta } = await loadCheckpoint(join(store.checkpointsFolder, contentId))
  for (const [name, { data }] of tensors) policies.current.parameters.set(name, data)
  learner.loadState({ step: Number(meta.optimizerStep), m: optimizer!.m!.data, v: optimizer!.v!.data })
  for (const role of ['ema', 'stale'] as const) {
    const kept = optimizer![role]
    if (kept) policies.restore(role, kept.data)
  }
}

/** Every parameter as named tensors. */
export function tensorsOf(parameters: ParameterSet): Map<string, { dims: readonly number[]; data: Float32Array }> {
  return new Map(parameters.specs.map(({ name, dims }) => [name, { dims, data: parameters.get(name) }]))
}
