// Where a run's weights come from: the shipped starter model, a checkpoint of this workspace, or a checkpoint folder on disk; and the adapters
// that a specification asks for, put on them.
import { existsSync } from 'node:fs'
import { isAbsolute, join, resolve } from 'node:path'
import { LabError, type DeviceName, type Model, type RunSpec } from '../../../src-preload/contract.ts'
import { loadCheckpoint, readCheckpointMeta } from '../../model/checkpoint.ts'
import { ggufWeights, readGgufModel } from '../../model/ggufModel.ts'
import { huggingFaceWeights, readHuggingFace } from '../../model/huggingFace.ts'
import { openGgufTokenizer } from '../../model/tokenizers/gguf.ts'
import { openFolderTokenizer } from '../../model/tokenizers/huggingFace.ts'
import type { TextTokenizer } from '../../model/tokenizers/tokenizer.ts'
import type { WeightSource } from '../../rollout/policy.ts'
import { notationOfSize } from '../../tasks/registry.ts'
import type { Vocabulary } from './tasks.ts'
import { chosenAdapters, mergedParameter, withAdapters } from '../../model/adapters.ts'
import { initialAdapters, parameterCount } from '../../model/config.ts'
import type { LlamaConfig } from '../../model/config.ts'
import type { Store } from '../../store/openStore.ts'
import { fetchable } from './fetchModel.ts'
import type { LabContext } from '../process/context.ts'
import { refusalOf } from '../process/deviceTests.ts'
import { resourcesFolder } from '../process/resources.ts'

const CHECKPOINT = /^checkpoint:(\d+)$/

/** Where a GGUF file lies within its model's folder. */
export const GGUF_FILE = 'model.gguf'

/** The weights that adapters are trained on, by the hash of their contents: a model of this workspace, or one of its checkpoints that holds whole weights. */
export type Base = { readonly kind: 'model' | 'checkpoint'; readonly id: string; readonly name: string }

export interface Start {
  readonly config: LlamaConfig
  /** Every tensor once, each read when it is its turn. */
  readonly weights: WeightSource
  /** What its adapters belong to, or would belong to if it were given some. */
  readonly base: Base
  /** The adapters among the weights; null without any. */
  readonly adapters: ReadonlyMap<string, Float32Array> | null
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

/**
 * What computes with weights of this name when they are asked outside of a run: the device of the run that made them, where it has shown on this machine that
 * its numbers are right; else, and for weights that no run here made, the processor.
 */
export function deviceOf({ store, deviceTests }: Pick<LabContext, 'store' | 'deviceTests'>, name: string): DeviceName {
  const id = startCheckpoint(name)
  const runId = id === null ? null : (store.checkpoints.get(id)?.runId ?? null)
  const { device = 'cpu' } = ((runId === null ? null : store.runs.get(runId))?.config ?? {}) as { readonly device?: DeviceName }
  return refusalOf(device, deviceTests) === '' ? device : 'cpu'
}

/** The shape of the weights that a start names, as the store knows it; undefined where only its files do. */
export function configOfStart(store: Store, name: string): LlamaConfig | undefined {
  const checkpoint = startCheckpoint(name)
  const [, id] = /^model:(\d+)$/.exec(name) ?? []
  const modelId = checkpoint === null ? Number(id ?? 0) : (store.checkpoints.get(checkpoint)?.modelId ?? 0)
  return store.models.readable(modelId)?.config as unknown as LlamaConfig | undefined
}

/** In which tokens a start speaks. */
export const vocabularyOf = ({ config, tokenizer }: Pick<Start, 'config' | 'tokenizer'>): Vocabulary => ({
  size: config.vocabSize,
  tokenizer,
})

/** @param name `starter`, `checkpoint:<id>`, `model:<id or name>`, or the path of a checkpoint folder. Throws LabError `start.unknown`, `start.notFetched`. */
export async function loadStart(store: Store, name: string, now: () => number): Promise<Start> {
  const id = startCheckpoint(name)
  if (id !== null) {
    const checkpoint = store.checkpoints.get(id)
    if (!checkpoint) throw unknown(name, `no checkpoint with id ${id}`)
    const loaded = await load(store, join(store.checkpointsFolder, checkpoint.contentId), {
      kind: 'checkpoint',
      id: checkpoint.contentId,
      name,
    })
    const model = checkpoint.modelId === null ? null : store.models.get(checkpoint.modelId)
    return {
      ...loaded,
      tokenizer: model === null ? null : await tokenizerOf(store, model),
      modelId: checkpoint.modelId ?? record(store, loaded, name, 'checkpoint', now),
      runId: checkpoint.runId,
      step: checkpoint.step,
    }
  }
  const [, wanted] = /^model:(.+)$/.exec(name) ?? []
  if (wanted !== undefined) {
    const model = modelCalled(store, wanted)
    return { ...(await loadModel(store, model)), modelId: model.id, runId: null, step: null }
  }
  const folder = name === 'starter' ? join(resourcesFolder(), 'starter') : isAbsolute(name) ? name : resolve(name)
  if (!existsSync(folder)) throw unknown(name, `no folder ${folder}`)
  const loaded = await load(store, folder)
  return {
    ...loaded,
    tokenizer: loaded.adapters && (await tokenizerOfBase(store, loaded.base)),
    modelId: record(store, loaded, name, name === 'starter' ? 'starter' : 'checkpoint', now),
    runId: null,
    step: null,
  }
}

export type LoadedModel = Pick<Start, 'config' | 'weights' | 'base' | 'adapters' | 'tokenizer'>
type Kinds = { readonly [K in Model['kind']]: (store: Store, model: Model) => Promise<LoadedModel> }

const baseOf = ({ sha256, name }: Model): Base => ({ kind: 'model', id: sha256, name })

const ofCheckpoint = async (store: Store, model: Model, folder: string): Promise<LoadedModel> => {
  if (!existsSync(folder)) throw unknown(model.name, `no folder ${folder}`)
  const loaded = await load(store, folder, baseOf(model))
  return { ...loaded, tokenizer: loaded.adapters && (await tokenizerOfBase(store, loaded.base)) }
}

/** The model that `model:<id or name>` names. Throws LabError `start.unknown`, `start.notFetched`. */
export const modelOf = (store: Store, name: string): Model => modelCalled(store, name.replace(/^model:/, ''))

/** The record of a model that is served, by the name that weights have; null for weights that are here. */
export function servedModel(store: Store, name: string): Model | null {
  const [, wanted] = /^model:(.+)$/.exec(name) ?? []
  const model = wanted === undefined ? null : modelCalled(store, wanted)
  return model?.kind === 'served' ? model : null
}

/** A model by id, by the name that it was imported under, or by the name that it is fetched by. */
function modelCalled(store: Store, wanted: string): Model {
  const byId = /^\d+$/.test(wanted) ? store.models.get(Number(wanted)) : null
  if (byId !== null) return byId
  const titles = [wanted, fetchable.find((each) => each.name === wanted)?.title ?? wanted].map((title) => title.toLowerCase())
  const named = store.models.list().find((model) => titles.includes(model.name.toLowerCase()))
  if (named !== undefined) return named
  if (fetchable.some((each) => each.name === wanted))
    throw new LabError('start.notFetched', {
      expected: `the model ${wanted} in this workspace`,
      found: 'none',
      next: `Fetch it first: mrt models fetch ${wanted}, or import its GGUF file.`,
    })
  throw unknown(`model:${wanted}`, `no model with id or name ${wanted}`)
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
    return {
      config: read.config,
      weights: huggingFaceWeights(place, read),
      base: baseOf(model),
      adapters: null,
      tokenizer: await openFolderTokenizer(place),
    }
  },
  async gguf(store, model) {
    const file = join(placeOf(store, model), GGUF_FILE)
    const { config, metadata } = await readGgufModel(file)
    return { config, weights: ggufWeights(file), base: baseOf(model), adapters: null, tokenizer: openGgufTokenizer(metadata, model.name) }
  },
  served: (_store, { name }) =>
    Promise.reject(
      new LabError('start.served', {
        expected: 'weights that are in this workspace',
        found: `${name}, which another program serves`,
        next: 'Import its weights to train them or look into them; served, it can be evaluated and asked to measure J.',
      }),
    ),
}

/** A model's shape, weights and tokenizer. Throws LabError `start.unknown` and what reading its files throws. */
export const loadModel = (store: Store, model: Model): Promise<LoadedModel> => kinds[model.kind](store, model)

/** The tokenizer of a model of text; null for one that speaks the notation of a task. */
export async function tokenizerOf(store: Store, model: Model): Promise<TextTokenizer | null> {
  if (model.kind === 'gguf') return openGgufTokenizer((await readGgufModel(join(placeOf(store, model), GGUF_FILE))).metadata, model.name)
  if (model.kind === 'checkpoint') {
    const { base } = await readCheckpointMeta(placeOf(store, model))
    return base === undefined ? null : tokenizerOfBase(store, base as Base)
  }
  return model.kind === 'huggingface' && notationOfSize(vocabSizeOf(model)) === null ? openFolderTokenizer(placeOf(store, model)) : null
}

/** The tokenizer of what a run starts from, without its weights; null for a model that speaks the notation of a task. Throws as `loadStart` does. */
export async function tokenizerOfStart(store: Store, name: string): Promise<TextTokenizer | null> {
  const id = startCheckpoint(name)
  const [, wanted] = /^model:(.+)$/.exec(name) ?? []
  const modelId = id === null ? null : store.checkpoints.get(id)?.modelId
  const model = wanted !== undefined ? modelCalled(store, wanted) : typeof modelId === 'number' ? store.models.get(modelId) : null
  return model === null ? null : tokenizerOf(store, model)
}

async function tokenizerOfBase(store: Store, base: Base): Promise<TextTokenizer | null> {
  const model = base.kind === 'model' ? store.models.bySha256(base.id) : null
  return model === null ? null : tokenizerOf(store, model)
}

const placeOf = (store: Store, { path }: Model): string => (isAbsolute(path) ? path : join(store.folder, path))
export const vocabSizeOf = ({ config }: Model): number => (config as unknown as LlamaConfig).vocabSize

function unknown(name: string, found: string): LabError {
  return new LabError('start.unknown', {
    expected: `weights to start from at "${name}"`,
    found,
    next: 'Use "starter", "checkpoint:<id>", "model:<id>" or the path of a checkpoint folder.',
  })
}

type Loaded = Pick<Start, 'config' | 'weights' | 'base' | 'adapters'> & {
  readonly id: string
  readonly bytes: number
  readonly folder: string
  readonly meta: Readonly<Record<string, unknown>>
}

/**
 * A checkpoint's weights; of one that holds adapters those of its base with them.
 * @param self what adapters on whole weights from here are to name as their base; the model of these contents unless given
 */
async function load(store: Store, folder: string, self?: Base): Promise<Loaded> {
  const { config: stated, tensors, id, meta } = await loadCheckpoint(folder)
  const config = stated as unknown as LlamaConfig
  const bytes = [...tensors.values()].reduce((sum, { data }) => sum + data.byteLength, 0)
  const own = [...tensors].map(([name, { data }]) => [name, data] as const)
  if (config.lora === undefined)
    return {
      config,
      weights: own,
      base: self ?? { kind: 'model', id, name: typeof meta.name === 'string' ? meta.name : id },
      adapters: null,
      id,
      bytes,
      folder,
      meta,
    }
  const base = meta.base as Base
  return { config, weights: together(await weightsOfBase(store, base), own), base, adapters: new Map(own), id, bytes, folder, meta }
}

async function* together(...sources: readonly WeightSource[]): AsyncGenerator<readonly [string, Float32Array]> {
  for (const source of sources) yield* source
}

/** Throws LabError `adapters.base` where the weights are gone. */
async function weightsOfBase(store: Store, { kind, id, name }: Base): Promise<WeightSource> {
  const gone = new LabError('adapters.base', {
    expected: `the weights of ${name}, which these adapters were trained on, in this workspace`,
    found: `no ${kind} with the contents ${id.slice(0, 12)}…`,
    next: 'Import that model again; its contents must be the same.',
  })
  if (kind === 'checkpoint') {
    const folder = join(store.checkpointsFolder, id)
    if (!existsSync(folder)) throw gone
    return (await load(store, folder)).weights
  }
  const model = store.models.bySha256(id)
  if (model === null) throw gone
  return (await loadModel(store, model)).weights
}

/**
 * A start as a run trains it. Rank 0 trains every weight: adapters that are there are merged into them first. Otherwise adapters that change nothing yet are put
 * on whole weights, drawn by the seed, and those of a checkpoint go on. Throws LabError `run.adapters` where these have another shape, and ModelFileError `adapter.shape`.
 */
export function prepareStart(start: Start, chosen: RunSpec['adapters'], seed: number): Start {
  const { config, weights, adapters } = start
  const wanted = withAdapters(config, chosenAdapters(chosen))
  if (chosen.rank === 0)
    return adapters === null ? start : { ...start, config: wanted, weights: merged(config, weights, adapters), adapters: null }
  if (adapters === null) {
    const fresh = initialAdapters(wanted, seed)
    return { ...start, config: wanted, weights: together(weights, fresh), adapters: fresh }
  }
  const shape = ({ lora }: LlamaConfig): string => `rank ${lora!.rank}, alpha ${lora!.alpha}, targets ${lora!.targets.join(',')}`
  if (shape(wanted) !== shape(config))
    throw new LabError('run.adapters', {
      expected: `the adapters of the start: ${shape(config)}`,
      found: shape(wanted),
      next: 'Ask for those, or for rank 0, which merges them and trains every weight.',
    })
  return { ...start, config: wanted }
}

async function* merged(
  config: LlamaConfig,
  weights: WeightSource,
  adapters: ReadonlyMap<string, Float32Array>,
): AsyncGenerator<readonly [string, Float32Array]> {
  for await (const [name, values] of weights) if (!adapters.has(name)) yield [name, mergedParameter(config, name, values, adapters)]
}

function record(
  store: Store,
  { config, id, bytes, folder, meta }: Loaded,
  name: string,
  kind: 'starter' | 'checkpoint',
  now: () => number,
): number {
  return (
    store.models.bySha256(id)?.id ??
    store.models.add({
      name,
      kind,
      family: config.architecture,
      config: { ...config },
      tokenizer: { task: notationOfSize(config.vocabSize) },
      parameterCount: parameterCount(config),
      bytes,
      // The starter comes with the program, wherever that is installed; its record travels with a workspace.
      path: kind === 'starter' ? 'starter' : folder,
      sha256: id,
      provenance: meta as never,
      createdAtMs: now(),
    })
  )
}
