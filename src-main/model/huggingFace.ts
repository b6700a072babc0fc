// A Hugging Face model folder as the architecture that this program computes: config.json read into a LlamaConfig, or the reason why not;
// and the tensors of its safetensors files held against the parameters that follow. Reads headers only, so a large model costs nothing.
// Fields and their defaults follow LlamaConfig of the transformers library. Left out: quantised weights, adapters, other families.

import { readFile, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { EMBEDDING, parameterSpecs, type LlamaConfig } from './config.ts'
import { ModelFileError, openSafetensors } from './safetensors.ts'

type Fields = Readonly<Record<string, unknown>>

const refusal = (code: string, expected: string, found: string, next: string): ModelFileError => new ModelFileError(code, { expected, found, next })

const notComputed = (found: string): ModelFileError =>
  refusal('model.architecture', 'a Llama-style decoder: RMSNorm, rotary positions, SwiGLU, no biases, tied embeddings', found, 'Choose a model of this family, such as SmolLM2-135M, or a checkpoint of this program.')

/** What makes a model another architecture than ours, in the words of its config. */
const demands: readonly { readonly says: (config: Fields) => string | null }[] = [
  { says: ({ model_type: type, architectures }) => (type === 'llama' || (Array.isArray(architectures) && architectures.includes('LlamaForCausalLM')) ? null : `model_type ${JSON.stringify(type ?? null)}`) },
  { says: ({ quantization_config: quantised }) => (quantised === undefined || quantised === null ? null : 'quantised weights') },
  { says: ({ hidden_act: act = 'silu' }) => (act === 'silu' ? null : `the activation ${JSON.stringify(act)}`) },
  { says: ({ attention_bias: bias = false }) => (bias === false ? null : 'biases in attention') },
  { says: ({ mlp_bias: bias = false }) => (bias === false ? null : 'biases in the feed-forward part') },
  { says: ({ tie_word_embeddings: tied = false }) => (tied === true ? null : 'an output matrix of its own (tie_word_embeddings is false)') },
  { says: ({ rope_scaling: scaling }) => scaledRope(scaling) },
  { says: ({ rope_parameters: parameters }) => scaledRope(parameters) },
]

function scaledRope(scaling: unknown): string | null {
  if (scaling === undefined || scaling === null || typeof scaling !== 'object') return null
  const { rope_type: type, type: older = 'default' } = scaling as Fields
  return (type ?? older) === 'default' ? null : `scaled rotary positions (${String(type ?? older)})`
}

/** The architecture of a config.json. Throws ModelFileError `model.architecture` or `model.config`. */
export function llamaOf(config: Fields): LlamaConfig {
  for (const { says } of demands) {
    const found = says(config)
    if (found !== null) throw notComputed(found)
  }
  const count = (name: string, otherwise?: number): number => {
    const value = config[name] ?? otherwise
    if (!Number.isSafeInteger(value) || (value as number) < 1) throw refusal('model.config', `${name} as a whole number above 0 in config.json`, JSON.stringify(config[name]) ?? 'none', 'Fetch the model again; its config.json is not whole.')
    return value as number
  }
  const number = (name: string, otherwise: number, from: Fields = config): number => {
    const value = from[name] ?? otherwise
    if (typeof value !== 'number' || !(value > 0)) throw refusal('model.config', `${name} as a number above 0 in config.json`, JSON.stringify(value), 'Fetch the model again; its config.json is not whole.')
    return value
  }
  const heads = count('num_attention_heads')
  const hiddenSize = count('hidden_size')
  const kvHeads = count('num_key_value_heads', heads)
  if (heads % kvHeads !== 0) throw refusal('model.config', `${kvHeads} key/value heads to divide ${heads} heads`, 'that they do not', 'Fetch the model again; its config.json is not whole.')
  return {
    architecture: 'llama',
    vocabSize: count('vocab_size'), hiddenSize, intermediateSize: count('intermediate_size'), layers: count('num_hidden_layers'), heads, kvHeads,
    headDim: count('head_dim', Math.floor(hiddenSize / heads)),
    ropeTheta: number('rope_theta', number('rope_theta', 10_000, (config.rope_parameters ?? {}) as Fields)),
    rmsEps: number('rms_norm_eps', 1e-6),
    maxPositions: count('max_position_embeddings', 2048),
  }
}

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
const belongs = /^(config|generation_config|tokenizer|tokenizer_config|special_tokens_map|vocab|added_tokens|model\.safetensors\.index)\.json$|^merges\.txt$|^tokenizer\.model$|^(README|LICENSE)(\.\w+)?$|\.safetensors$/i
/** Tensors that some exports carry and that follow from the configuration. */
const derived = /rotary_emb\.inv_freq$/

/**
 * Looks at a folder with config.json and safetensors. Throws ModelFileError `model.missing`, `model.config`, `model.architecture`, `model.tensors`,
 * and what opening safetensors throws.
 */
export async function readHuggingFace(folder: string): Promise<HuggingFaceModel> {
  const names = (await readdir(folder)).sort()
  const weights = names.filter((name) => name.endsWith('.safetensors'))
  if (!names.includes(CONFIG)) throw refusal('model.missing', `${CONFIG} in ${folder}`, 'none', 'Choose the folder that holds config.json and the safetensors files.')
  if (weights.length === 0) throw refusal('model.missing', `weights as safetensors in ${folder}`, names.some((name) => /\.bin$|\.pt$|\.gguf$/.test(name)) ? 'another format' : 'none', 'Save the model with safe_serialization=True, then import that folder.')
  const stated = await readConfig(join(folder, CONFIG))
  const config = llamaOf(stated)
  const dtypes = await checkTensors(folder, weights, config)
  const files = names.filter((name) => belongs.test(name))
  const sizes = await Promise.all(files.map(async (name) => (await stat(join(folder, name))).size))
  return { config, stated, weights, files, dtypes, licence: await licenceOf(folder, names), bytes: sizes.reduce((sum, size) => sum + size, 0) }
}

async function readConfig(path: string): Promise<Fields> {
  const broken = (found: string): ModelFileError => refusal('model.config', `a JSON object in ${path}`, found, 'Fetch the model again; its config.json is not whole.')
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
  const wrong = (expected: string, found: string): ModelFileError => refusal('model.tensors', expected, found, 'Its weights and its config.json do not belong together; fetch the model again.')
  for (const file of weights) {
    const opened = await openSafetensors(join(folder, file))
    await opened.close()
    for (const { name, dims, dtype } of opened.entries) {
      if (derived.test(name)) continue
      // Tied weights are sometimes written twice.
      const shape = name === 'lm_head.weight' ? wanted.get(EMBEDDING) : wanted.get(name)
      if (shape === undefined) throw wrong('only the tensors of a Llama model', `${name} in ${file}`)
      if (shape.join() !== dims.join()) throw wrong(`${name} of shape [${shape.join(', ')}]`, `[${dims.join(', ')}] in ${file}`)
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
