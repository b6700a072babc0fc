// A Hugging Face model folder: the tensors of its safetensors files, one file or many, held against the parameters that follow from its
// config.json (families.ts). Looking reads headers only, so a large model costs nothing; weights are read a tensor at a time.
// Written the same way. Left out: quantised weights; adapters are in adapters.ts.

import { readFile, readdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { EMBEDDING, HEAD, parameterSpecs, type LlamaConfig } from './config.ts'
import { configFromHuggingFace, configToHuggingFace, modelRefusal as refusal, type Fields } from './families.ts'
import { openSafetensors, writeFloats, type ModelFileError, type SafetensorsFile } from './safetensors.ts'

export interface HuggingFaceModel {
  readonly config: LlamaConfig
  /** As config.json says it. */
  readonly stated: Fields
  /** Names of the weight files, in order. */
  readonly weights: readonly string[]
  /** Names of the files that belong to it: config, weights, tokenizer, card. */
  readonly files: readonly string[]
  /** Element types of the weights. */
  readonly dtypes: readonly string[]
  /** A licence named in the model's card; null without one. */
  readonly licence: string | null
  readonly bytes: number
}

const CONFIG = 'config.json'
const LARGEST_CONFIG = 1 << 20
const belongs =
  /^(config|generation_config|tokenizer|tokenizer_config|special_tokens_map|vocab|added_tokens|model\.safetensors\.index)\.json$|^merges\.txt$|^tokenizer\.model$|^chat_template\.jinja$|^(README|LICENSE)(\.\w+)?$|\.safetensors$/i
const floating = new Set(['F32', 'F16', 'BF16'])
/** Tensors that some exports carry and that follow from the configuration. */
const derived = /rotary_emb\.inv_freq$/

/**
 * Looks at a folder with config.json and safetensors. Throws ModelFileError `model.missing`, `model.config`, `model.architecture`, `model.tensors`,
 * and what opening safetensors throws.
 */
export async function readHuggingFace(folder: string): Promise<HuggingFaceModel> {
  const names = (await readdir(folder)).sort()
  const weights = names.filter((name) => name.endsWith('.safetensors'))
  if (!names.includes(CONFIG))
    throw refusal('model.missing', `${CONFIG} in ${folder}`, 'none', 'Choose the folder that holds config.json and the safetensors files.')
  if (weights.length === 0)
    throw refusal(
      'model.missing',
      `weights as safetensors in ${folder}`,
      names.some((name) => /\.bin$|\.pt$|\.gguf$/.test(name)) ? 'another format' : 'none',
      'Save the model with safe_serialization=True, then import that folder.',
    )
  const stated = await readConfig(join(folder, CONFIG))
  const config = configFromHuggingFace(stated)
  const dtypes = await checkTensors(folder, weights, config)
  const files = names.filter((name) => belongs.test(name))
  const sizes = await Promise.all(files.map(async (name) => (await stat(join(folder, name))).size))
  return {
    config,
    stated,
    weights,
    files,
    dtypes,
    licence: await licenceOf(folder, names),
    bytes: sizes.reduce((sum, size) => sum + size, 0),
  }
}

async function readConfig(path: string): Promise<Fields> {
  const broken = (found: string): ModelFileError =>
    refusal('model.config', `a JSON object in ${path}`, found, 'Fetch the model again; its config.json is not whole.')
  if ((await stat(path)).size > LARGEST_CONFIG) throw broken('a file of more than 1 MB')
  try {
    const read: unknown = JSON.parse(await readFile(path, 'utf8'))
    if (read !== null && typeof read === 'object' && !Array.isArray(read)) return read as Fields
  } catch {
    // Said below, in the same words as for JSON that is no object.
  }
  throw broken('something else')
}

/** Holds names and shapes against what the configuration calls for; gives the element types. */
async function checkTensors(folder: string, weights: readonly string[], config: LlamaConfig): Promise<string[]> {
  const wanted = new Map(parameterSpecs(config).map(({ name, dims }) => [name, dims]))
  const dtypes = new Set<string>()
  const seen = new Set<string>()
  const wrong = (expected: string, found: string): ModelFileError =>
    refusal('model.tensors', expected, found, 'Its weights and its config.json do not belong together; fetch the model again.')
  for (const file of weights) {
    const opened = await openSafetensors(join(folder, file))
    await opened.close()
    for (const { name, dims, dtype } of opened.entries) {
      if (derived.test(name)) continue
      // Tied weights are sometimes written twice.
      const shape = wanted.get(name === HEAD && !config.untiedHead ? EMBEDDING : name)
      if (shape === undefined) throw wrong(`only the tensors of a ${config.architecture} model`, `${name} in ${file}`)
      if (shape.join() !== dims.join()) throw wrong(`${name} of shape [${shape.join(', ')}]`, `[${dims.join(', ')}] in ${file}`)
      if (!floating.has(dtype)) throw wrong(`${name} of type ${[...floating].join(', ')}`, `${dtype} in ${file}`)
      if (seen.has(name)) throw wrong(`${name} once`, `it again in ${file}`)
      seen.add(name)
      dtypes.add(dtype)
    }
  }
  const missing = [...wanted.keys()].find((name) => !seen.has(name))
  if (missing !== undefined) throw wrong(`a tensor ${missing}`, `none in ${weights.join(', ')}`)
  return [...dtypes]
}

/** `license: ...` in the front matter of the card. */
async function licenceOf(folder: string, names: readonly string[]): Promise<string | null> {
  const card = names.find((name) => /^README\.md$/i.test(name))
  if (card === undefined) return null
  const text = (await readFile(join(folder, card), 'utf8')).slice(0, 20_000)
  return /^---\s[\s\S]*?^license:\s*(\S+)/m.exec(text)?.[1] ?? null
}

/**
 * The weights of a model folder in 32 bits, in the order of their bytes, file after file: one tensor is in memory at a time, and its caller
 * copies it to where it belongs. Throws ModelFileError `model.values` for a tensor with numbers that are not finite, and as `openSafetensors`.
 */
export async function* huggingFaceWeights(
  folder: string,
  { config, weights }: Pick<HuggingFaceModel, 'config' | 'weights'>,
): AsyncGenerator<readonly [string, Float32Array]> {
  const wanted = new Set(parameterSpecs(config).map(({ name }) => name))
  for (const file of weights) {
    const opened: SafetensorsFile = await openSafetensors(join(folder, file))
    try {
      for (const { name } of opened.entries) {
        if (!wanted.has(name)) continue
        const { data } = await opened.read(name)
        yield [name, finite(data instanceof Float32Array ? data : Float32Array.from(data as Float16Array), name, file)]
      }
    } finally {
      await opened.close()
    }
  }
}

/**
 * Writes a model as a folder that the transformers library loads: config.json and one file of float32 weights, of which one is in memory at a time.
 * The folder must be there. Throws ModelFileError `model.export`.
 */
export async function writeHuggingFace(
  folder: string,
  config: LlamaConfig,
  weights: Iterable<readonly [string, Float32Array]> | AsyncIterable<readonly [string, Float32Array]>,
): Promise<void> {
  await writeFile(join(folder, CONFIG), `${JSON.stringify(configToHuggingFace(config), null, 2)}\n`, { flag: 'wx' })
  await writeFloats(join(folder, 'model.safetensors'), parameterSpecs(config), weights, { format: 'pt' })
}

/** The values, all of them finite. Throws ModelFileError `model.values`. */
export function finite(values: Float32Array, name: string, file: string): Float32Array {
  for (let i = 0; i < values.length; i++)
    if (!Number.isFinite(values[i]!))
      throw refusal(
        'model.values',
        `finite numbers in ${name} of ${file}`,
        `${values[i]} at element ${i}`,
        'The file is damaged or holds a model whose training failed; fetch it again.',
      )
  return values
}
