// A model into the workspace: a GGUF file or Hugging Face folder whose family is computed here, or a checkpoint of this program. The files
// are copied as they are, each with its checksum, so that the model stays what it was; weights in this program's vocabulary are also
// written as a checkpoint, from which runs can start.

import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream, existsSync } from 'node:fs'
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { ImportRecord, Model } from '../../../src-preload/contract.ts'
import { LabError } from '../../../src-preload/contract.ts'
import { detectImport } from '../../data/detect.ts'
import { loadCheckpoint, saveCheckpoint } from '../../model/checkpoint.ts'
import { readPeft } from '../../model/adapters.ts'
import { adapterSpecs, parameterCount, parameterSpecs } from '../../model/config.ts'
import type { LlamaConfig } from '../../model/config.ts'
import { readGgufModel } from '../../model/ggufModel.ts'
import { openGgufTokenizer } from '../../model/tokenizers/gguf.ts'
import { huggingFaceWeights, readHuggingFace } from '../../model/huggingFace.ts'
import type { HuggingFaceModel } from '../../model/huggingFace.ts'
import type { Store } from '../../store/openStore.ts'
import { GGUF_FILE } from '../training/start.ts'
import type { Base } from '../training/start.ts'
import { modelHere } from '../process/found.ts'
import { notationOfSize } from '../../tasks/registry.ts'

export const MODELS = 'models'

export interface ModelOptions {
  readonly name: string | null
  readonly signal: AbortSignal
  readonly now: () => number
}

interface CopiedFile {
  readonly name: string
  readonly bytes: number
  readonly sha256: string
}

/** Whether a file or folder is a model, by what is in it. Throws LabError file.missing, file.unreadable. */
export const isModel = async (path: string): Promise<boolean> => (await detectImport(path)).kind === 'model'

/** Throws ModelFileError `model.*`, `checkpoint.*`, `gguf.*`, `safetensors.*`, LabError `model.single` and `model.known`. */
export async function importModel(store: Store, path: string, options: ModelOptions): Promise<{ modelId: number; record: ImportRecord }> {
  if (path.toLowerCase().endsWith('.gguf')) return takeGguf(store, path, options)
  const folder = (await stat(path)).isDirectory() ? path : dirname(resolve(path))
  const single =
    folder === path && !existsSync(join(folder, 'config.json'))
      ? (await readdir(folder)).filter((name) => name.toLowerCase().endsWith('.gguf'))
      : []
  if (single.length === 1) return takeGguf(store, join(folder, single[0]!), options)
  if (folder !== path && !existsSync(join(folder, 'config.json')))
    throw new LabError('model.single', {
      expected: 'the folder of a model, with config.json beside its safetensors files',
      found: `${basename(path)} alone`,
      next: 'Drop the whole folder, or a GGUF file, which holds everything.',
    })
  return existsSync(join(folder, 'checkpoint.json')) ? takeCheckpoint(store, folder, options) : takeHuggingFace(store, folder, options)
}

async function takeHuggingFace(
  store: Store,
  folder: string,
  { name, signal, now }: ModelOptions,
): Promise<{ modelId: number; record: ImportRecord }> {
  const model = await readHuggingFace(folder)
  const title = name ?? basename(folder)
  const unfinished = join(store.folder, MODELS, `.unfinished-${process.pid}-${now()}`)
  await mkdir(unfinished, { recursive: true })
  try {
    const copied: CopiedFile[] = []
    for (const file of model.files) copied.push(await copyWithHash(join(folder, file), join(unfinished, file), signal))
    const sha256 = createHash('sha256')
      .update(copied.map((file) => `${file.name} ${file.sha256}`).join('\n'))
      .digest('hex')
    refuseKnown(store.models.bySha256(sha256))
    const place = join(MODELS, sha256.slice(0, 32))
    const notation = notationOfSize(model.config.vocabSize)
    if (notation !== null) await writeCheckpoint(unfinished, model)
    await rm(join(store.folder, place), { recursive: true, force: true })
    await rename(unfinished, join(store.folder, place))
    const atMs = now()
    const modelId = store.models.add({
      name: title,
      kind: 'huggingface',
      family: model.config.architecture,
      config: { ...model.config },
      tokenizer: {
        files: model.files.filter((file) => /token|vocab|merges/i.test(file)),
        vocabSize: model.config.vocabSize,
        task: notation,
      },
      parameterCount: parameterCount(model.config),
      bytes: copied.reduce((sum, { bytes }) => sum + bytes, 0),
      path: place,
      sha256,
      provenance: {
        from: basename(folder),
        licence: model.licence,
        dtypes: [...model.dtypes],
        files: copied.map((file) => ({ ...file })),
        statedName: typeof model.stated._name_or_path === 'string' ? model.stated._name_or_path : null,
        importedAtMs: atMs,
      },
      createdAtMs: atMs,
    })
    return { modelId, record: recordOf(copied, atMs) }
  } finally {
    await rm(unfinished, { recursive: true, force: true })
  }
}

/** The file is looked at whole before it is copied: shapes, metadata, and the tokenizer. */
async function takeGguf(
  store: Store,
  path: string,
  { name, signal, now }: ModelOptions,
): Promise<{ modelId: number; record: ImportRecord }> {
  const { config, metadata, dtypes } = await readGgufModel(path)
  const { size } = openGgufTokenizer(metadata, basename(path))
  const unfinished = join(store.folder, MODELS, `.unfinished-${process.pid}-${now()}`)
  await mkdir(unfinished, { recursive: true })
  try {
    const copied = await copyWithHash(path, join(unfinished, GGUF_FILE), signal)
    refuseKnown(store.models.bySha256(copied.sha256))
    const place = join(MODELS, copied.sha256.slice(0, 32))
    await rm(join(store.folder, place), { recursive: true, force: true })
    await rename(unfinished, join(store.folder, place))
    const atMs = now()
    const text = (key: string): string | null => (typeof metadata.get(key) === 'string' ? (metadata.get(key) as string) : null)
    const modelId = store.models.add({
      name: name ?? basename(path).replace(/\.gguf$/i, ''),
      kind: 'gguf',
      family: config.architecture,
      config: { ...config },
      tokenizer: { files: [GGUF_FILE], vocabSize: size, task: null },
      parameterCount: parameterCount(config),
      bytes: copied.bytes,
      path: place,
      sha256: copied.sha256,
      provenance: {
        from: basename(path),
        licence: text('general.license'),
        dtypes: [...dtypes],
        files: [{ ...copied }],
        statedName: text('general.name'),
        importedAtMs: atMs,
      },
      createdAtMs: atMs,
    })
    return { modelId, record: recordOf([copied], atMs) }
  } finally {
    await rm(unfinished, { recursive: true, force: true })
  }
}

/** The weights as a checkpoint inside the folder, in 32 bits. */
async function writeCheckpoint(folder: string, model: HuggingFaceModel): Promise<void> {
  const dims = new Map(parameterSpecs(model.config).map((spec) => [spec.name, spec.dims]))
  const tensors = new Map<string, { dims: readonly number[]; data: Float32Array }>()
  for await (const [name, data] of huggingFaceWeights(folder, model)) tensors.set(name, { dims: dims.get(name)!, data })
  const saved = await saveCheckpoint(join(folder, '.saving'), {
    config: model.config,
    tensors,
    meta: { made: 'from a Hugging Face folder', licence: model.licence },
  })
  await rename(saved.path, join(folder, 'checkpoint'))
  await rm(join(folder, '.saving'), { recursive: true, force: true })
}

async function takeCheckpoint(
  store: Store,
  folder: string,
  { name, signal, now }: ModelOptions,
): Promise<{ modelId: number; record: ImportRecord }> {
  const { id, config, meta } = await loadCheckpoint(folder)
  refuseKnown(store.models.bySha256(id))
  const place = join(MODELS, id)
  const target = join(store.folder, place)
  const unfinished = join(store.folder, MODELS, `.unfinished-${process.pid}-${now()}`)
  await mkdir(unfinished, { recursive: true })
  const copied: CopiedFile[] = []
  try {
    for (const file of ['checkpoint.json', 'weights.safetensors', 'optimizer.safetensors']) {
      if (existsSync(join(folder, file))) copied.push(await copyWithHash(join(folder, file), join(unfinished, file), signal))
    }
    await rm(target, { recursive: true, force: true })
    await rename(unfinished, target)
  } finally {
    await rm(unfinished, { recursive: true, force: true })
  }
  const atMs = now()
  const shape = config as unknown as LlamaConfig
  const modelId = store.models.add({
    name: name ?? (typeof meta.name === 'string' ? meta.name : basename(folder)),
    kind: 'checkpoint',
    family: shape.architecture,
    config: { ...shape },
    tokenizer: { task: notationOfSize(shape.vocabSize) },
    parameterCount: parameterCount(shape),
    bytes: copied.reduce((sum, { bytes }) => sum + bytes, 0),
    path: place,
    sha256: id,
    provenance: { from: basename(folder), files: copied.map((file) => ({ ...file })), meta: meta as never, importedAtMs: atMs },
    createdAtMs: atMs,
  })
  return { modelId, record: recordOf(copied, atMs) }
}

/**
 * Adapters that PEFT saved, on a model that is here. They become a checkpoint that names it, from which runs start and go on. Throws LabError `model.unknown`,
 * `adapters.onAdapters`, `model.known`, and what reading them throws.
 */
export async function importAdapters(
  store: Store,
  folder: string,
  baseId: number,
  options: ModelOptions,
): Promise<{ modelId: number; record: ImportRecord }> {
  const base = modelHere(baseId, store.models.get(baseId))
  const shape = base.config as unknown as LlamaConfig
  if (shape.lora !== undefined)
    throw new LabError('adapters.onAdapters', {
      expected: 'a model without adapters to put these on',
      found: `${base.name}, which has some`,
      next: 'Name the model that both were trained on.',
    })
  const { config, adapters, baseName } = await readPeft(folder, shape)
  const saving = join(store.folder, MODELS, `.unfinished-${process.pid}-${options.now()}-adapters`)
  try {
    const saved = await saveCheckpoint(saving, {
      config,
      tensors: new Map(adapterSpecs(config).map(({ name, dims }) => [name, { dims, data: adapters.get(name)! }])),
      meta: {
        name: basename(resolve(folder)),
        made: 'from adapters of PEFT',
        statedBase: baseName,
        base: { kind: 'model', id: base.sha256, name: base.name } satisfies Base,
      },
    })
    return await takeCheckpoint(store, saved.path, options)
  } finally {
    await rm(saving, { recursive: true, force: true })
  }
}

function refuseKnown(known: Model | null): void {
  if (known !== null)
    throw new LabError('model.known', {
      expected: 'a model that is not here yet',
      found: `the same weights under the name ${known.name}`,
      next: 'Use that one.',
    })
}

async function copyWithHash(from: string, to: string, signal: AbortSignal): Promise<CopiedFile> {
  const hash = createHash('sha256')
  let bytes = 0
  const look = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk)
      bytes += chunk.length
      done(null, chunk)
    },
  })
  await pipeline(createReadStream(from), look, createWriteStream(to, { flags: 'wx' }), { signal })
  return { name: basename(to), bytes, sha256: hash.digest('hex') }
}

const recordOf = (files: readonly CopiedFile[], atMs: number): ImportRecord => ({
  importId: `${atMs}-00000000`,
  kind: 'model',
  files: files.map(({ name, bytes, sha256 }) => ({
    name,
    format: name.split('.').at(-1) ?? name,
    compression: 'none',
    bytes,
    sha256,
    source: null,
    rows: 0,
    imported: 0,
    rejected: 0,
    notes: [],
  })),
  rows: 1,
  imported: 1,
  rejectedRows: 0,
  rejectedByCode: {},
  similar: { count: 0, examples: [] },
  split: null,
  why: { roles: '', grader: '' },
  notes: [],
  atMs,
})
