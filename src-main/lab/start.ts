// Where a run's weights come from: the shipped starter model, a checkpoint of this workspace, or a checkpoint folder on disk.
import { existsSync } from 'node:fs'
import { isAbsolute, join, resolve } from 'node:path'
import { LabError, type Model } from '../../src-preload/contract.ts'
import { loadCheckpoint } from '../model/checkpoint.ts'
import { parameterCount } from '../model/config.ts'
import type { LlamaConfig } from '../model/config.ts'
import type { Store } from '../store/openStore.ts'
import { resourcesFolder } from './resources.ts'

const CHECKPOINT = /^checkpoint:(\d+)$/

export interface Start {
  readonly config: LlamaConfig
  readonly tensors: ReadonlyMap<string, Float32Array>
  /** Id of the model's record in the store. */
  readonly modelId: number
  /** The run and step that a checkpoint belongs to; null for other weights. */
  readonly runId: number | null
  readonly step: number | null
}

/** The checkpoint that weights of this name come from, by its id; null for weights that a model's record names. */
export function startCheckpoint(name: string): number | null {
  const [, id] = CHECKPOINT.exec(name) ?? []
  return id === undefined ? null : Number(id)
}

/** @param name `starter`, `checkpoint:<id>`, `model:<id>`, or the path of a checkpoint folder. Throws LabError `start.unknown`. */
export async function loadStart(store: Store, name: string, now: () => number): Promise<Start> {
  const id = startCheckpoint(name)
  if (id !== null) {
    const checkpoint = store.checkpoints.get(id)
    if (!checkpoint) throw unknown(name, `no checkpoint with id ${id}`)
    const loaded = await load(join(store.checkpointsFolder, checkpoint.contentId))
    return { ...loaded, modelId: checkpoint.modelId ?? record(store, loaded, name, 'checkpoint', now), runId: checkpoint.runId, step: checkpoint.step }
  }
  const [, modelId] = /^model:(\d+)$/.exec(name) ?? []
  if (modelId !== undefined) {
    const model = store.models.get(Number(modelId))
    if (!model) throw unknown(name, `no model with id ${modelId}`)
    const loaded = await load(weightsFolder(store, model))
    return { ...loaded, modelId: model.id, runId: null, step: null }
  }
  const folder = name === 'starter' ? join(resourcesFolder(), 'starter') : isAbsolute(name) ? name : resolve(name)
  if (!existsSync(folder)) throw unknown(name, `no folder ${folder}`)
  const loaded = await load(folder)
  return { ...loaded, modelId: record(store, loaded, name, name === 'starter' ? 'starter' : 'checkpoint', now), runId: null, step: null }
}

/** Where a model's weights lie as a checkpoint; imported ones have them only in this program's vocabulary. */
function weightsFolder(store: Store, { name, kind, path }: Model): string {
  const own = isAbsolute(path) ? path : join(store.folder, path)
  const folder = kind === 'huggingface' ? join(own, 'checkpoint') : kind === 'starter' ? join(resourcesFolder(), 'starter') : own
  if (!existsSync(folder)) throw unknown(name, kind === 'huggingface' ? 'a model in another vocabulary than that of the tasks here' : `no folder ${folder}`)
  return folder
}

function unknown(name: string, found: string): LabError {
  return new LabError('start.unknown', { expected: `weights to start from at "${name}"`, found, next: 'Use "starter", "checkpoint:<id>", "model:<id>" or the path of a checkpoint folder.' })
}

type Loaded = Pick<Start, 'config' | 'tensors'> & { readonly id: string; readonly bytes: number; readonly folder: string; readonly meta: Readonly<Record<string, unknown>> }

async function load(folder: string): Promise<Loaded> {
  const { config, tensors, id, meta } = await loadCheckpoint(folder)
  const bytes = [...tensors.values()].reduce((sum, { data }) => sum + data.byteLength, 0)
  return { config: config as unknown as LlamaConfig, tensors: new Map([...tensors].map(([name, { data }]) => [name, data])), id, bytes, folder, meta }
}

function record(store: Store, { config, id, bytes, folder, meta }: Loaded, name: string, kind: 'starter' | 'checkpoint', now: () => number): number {
  return store.models.bySha256(id)?.id ?? store.models.add({
    name, kind, family: config.architecture, config: { ...config }, tokenizer: { task: 'countdown' }, parameterCount: parameterCount(config), bytes,
    // The starter comes with the program, wherever that is installed; its record travels with a workspace.
    path: kind === 'starter' ? 'starter' : folder, sha256: id, provenance: meta as never, createdAtMs: now(),
  })
}
