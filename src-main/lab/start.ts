// Where a run's weights come from: the shipped starter model, a checkpoint of this workspace, or a checkpoint folder on disk.
import { existsSync } from 'node:fs'
import { isAbsolute, join, resolve } from 'node:path'
import { LabError, type Model } from '../../src-preload/contract.ts'
import { loadCheckpoint } from '../model/checkpoint.ts'
import { ggufWeights, readGgufModel } from '../model/ggufModel.ts'
import { huggingFaceWeights, readHuggingFace } from '../model/huggingFace.ts'
import { openGgufTokenizer } from '../model/tokenizers/gguf.ts'
import { openFolderTokenizer } from '../model/tokenizers/huggingFace.ts'
import type { TextTokenizer } from '../model/tokenizers/tokenizer.ts'
import type { WeightSource } from '../rollout/policy.ts'
import { notationOfSize } from '../tasks/registry.ts'
import type { Vocabulary } from './tasks.ts'
import { parameterCount } from '../model/config.ts'
import type { LlamaConfig } from '../model/config.ts'
import type { Store } from '../store/openStore.ts'
import { resourcesFolder } from './resources.ts'

const CHECKPOINT = /^checkpoint:(\d+)$/

/** Where a GGUF file lies within its model's folder. */
export const GGUF_FILE = 'model.gguf'

export interface Start {
  readonly config: LlamaConfig
  /** Every tensor once, each read when it is its turn. */
  readonly weights: WeightSource
  /** The tokenizer of a model of text; null for one that speaks the notation of a task. */
  readonly tokenizer: TextTokenizer | null
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

/** In which tokens a start speaks. */
export const vocabularyOf = ({ config, tokenizer }: Pick<Start, 'config' | 'tokenizer'>): Vocabulary => ({ size: config.vocabSize, tokenizer })

/** @param name `starter`, `checkpoint:<id>`, `model:<id>`, or the path of a checkpoint folder. Throws LabError `start.unknown`. */
export async function loadStart(store: Store, name: string, now: () => number): Promise<Start> {
  const id = startCheckpoint(name)
  if (id !== null) {
    const checkpoint = store.checkpoints.get(id)
    if (!checkpoint) throw unknown(name, `no checkpoint with id ${id}`)
    const loaded = await load(join(store.checkpointsFolder, checkpoint.contentId))
    const model = checkpoint.modelId === null ? null : store.models.get(checkpoint.modelId)
    return { ...loaded, tokenizer: model === null ? null : await tokenizerOf(store, model), modelId: checkpoint.modelId ?? record(store, loaded, name, 'checkpoint', now), runId: checkpoint.runId, step: checkpoint.step }
  }
  const [, modelId] = /^model:(\d+)$/.exec(name) ?? []
  if (modelId !== undefined) {
    const model = store.models.get(Number(modelId))
    if (!model) throw unknown(name, `no model with id ${modelId}`)
    return { ...await loadModel(store, model), modelId: model.id, runId: null, step: null }
  }
  const folder = name === 'starter' ? join(resourcesFolder(), 'starter') : isAbsolute(name) ? name : resolve(name)
  if (!existsSync(folder)) throw unknown(name, `no folder ${folder}`)
  const loaded = await load(folder)
  return { ...loaded, tokenizer: null, modelId: record(store, loaded, name, name === 'starter' ? 'starter' : 'checkpoint', now), runId: null, step: null }
}

type Kinds = { readonly [K in Model['kind']]: (store: Store, model: Model) => Promise<Pick<Start, 'config' | 'weights' | 'tokenizer'>> }

const ofCheckpoint = async (_store: Store, model: Model, folder: string): Promise<Pick<Start, 'config' | 'weights' | 'tokenizer'>> => {
  if (!existsSync(folder)) throw unknown(model.name, `no folder ${folder}`)
  return { ...await load(folder), tokenizer: null }
}

/** How the weights of each kind of model are read. */
const kinds: Kinds = {
  starter: (store, model) => ofCheckpoint(store, model, join(resourcesFolder(), 'starter')),
  scratch: (store, model) => ofCheckpoint(store, model, placeOf(store, model)),
  checkpoint: (store, model) => ofCheckpoint(store, model, placeOf(store, model)),
  async huggingface(store, model) {
    const place = placeOf(store, model)
    const checkpoint = join(place, 'checkpoint')
    if (notationOfSize(vocabSizeOf(model)) !== null && existsSync(checkpoint)) return ofCheckpoint(store, model, checkpoint)
    const read = await readHuggingFace(place)
    return { config: read.config, weights: huggingFaceWeights(place, read), tokenizer: await openFolderTokenizer(place) }
  },
  async gguf(store, model) {
    const file = join(placeOf(store, model), GGUF_FILE)
    const { config, metadata } = await readGgufModel(file)
    return { config, weights: ggufWeights(file), tokenizer: openGgufTokenizer(metadata, model.name) }
  },
}

/** A model's shape, weights and tokenizer. Throws LabError `start.unknown` and what reading its files throws. */
export const loadModel = (store: Store, model: Model): Promise<Pick<Start, 'config' | 'weights' | 'tokenizer'>> => kinds[model.kind](store, model)

/** The tokenizer of a model of text; null for one that speaks the notation of a task. */
async function tokenizerOf(store: Store, model: Model): Promise<TextTokenizer | null> {
  if (model.kind === 'gguf') return openGgufTokenizer((await readGgufModel(join(placeOf(store, model), GGUF_FILE))).metadata, model.name)
  return model.kind === 'huggingface' && notationOfSize(vocabSizeOf(model)) === null ? openFolderTokenizer(placeOf(store, model)) : null
}

const placeOf = (store: Store, { path }: Model): string => (isAbsolute(path) ? path : join(store.folder, path))
const vocabSizeOf = ({ config }: Model): number => (config as unknown as LlamaConfig).vocabSize

function unknown(name: string, found: string): LabError {
  return new LabError('start.unknown', { expected: `weights to start from at "${name}"`, found, next: 'Use "starter", "checkpoint:<id>", "model:<id>" or the path of a checkpoint folder.' })
}

type Loaded = Pick<Start, 'config' | 'weights'> & { readonly id: string; readonly bytes: number; readonly folder: string; readonly meta: Readonly<Record<string, unknown>> }

async function load(folder: string): Promise<Loaded> {
  const { config, tensors, id, meta } = await loadCheckpoint(folder)
  const bytes = [...tensors.values()].reduce((sum, { data }) => sum + data.byteLength, 0)
  return { config: config as unknown as LlamaConfig, weights: [...tensors].map(([name, { data }]) => [name, data] as const), id, bytes, folder, meta }
}

function record(store: Store, { config, id, bytes, folder, meta }: Loaded, name: string, kind: 'starter' | 'checkpoint', now: () => number): number {
  return store.models.bySha256(id)?.id ?? store.models.add({
    name, kind, family: config.architecture, config: { ...config }, tokenizer: { task: notationOfSize(config.vocabSize) }, parameterCount: parameterCount(config), bytes,
    // The starter comes with the program, wherever that is installed; its record travels with a workspace.
    path: kind === 'starter' ? 'starter' : folder, sha256: id, provenance: meta as never, createdAtMs: now(),
  })
}
