// The model families that are computed here, as a table: by which names their files call them, what their attention has besides that of
// Llama, and how a config.json or the metadata of a GGUF file becomes a configuration. One set of graphs (llama.ts) serves all; a new family
// whose layers have the same parts is one more row. Fields and their defaults follow the configuration classes of the transformers library.
import type { FamilyName, LlamaConfig, RopeScaling } from './config.ts'
import { ModelFileError } from './safetensors.ts'

export type Fields = Readonly<Record<string, unknown>>

export interface Family {
  /** `model_type` of its config.json, and `general.architecture` of its GGUF files. */
  readonly name: FamilyName
  /** Its class in the transformers library. */
  readonly architecture: string
  /** Biases of its attention projections, from config.json. */
  readonly attentionBias: (fields: Fields) => LlamaConfig['attentionBias']
  /** Whether each head's queries and keys are normalised. */
  readonly qkNorm: boolean
  /** Head size where config.json names none. */
  readonly headDim: (hiddenSize: number, heads: number) => number
  /** Whether GGUF files hold the rows of q and k with the two halves of a rotary pair side by side. */
  readonly ggufPairsRows: boolean
}

const perHead = (hiddenSize: number, heads: number): number => Math.floor(hiddenSize / heads)
const whenSaid = ({ attention_bias: bias = false }: Fields): LlamaConfig['attentionBias'] => (bias === true ? 'qkvo' : undefined)

export const families: { readonly [Name in FamilyName]: Family } = {
  llama: { name: 'llama', architecture: 'LlamaForCausalLM', attentionBias: whenSaid, qkNorm: false, headDim: perHead, ggufPairsRows: true },
  qwen2: {
    name: 'qwen2',
    architecture: 'Qwen2ForCausalLM',
    attentionBias: () => 'qkv',
    qkNorm: false,
    headDim: perHead,
    ggufPairsRows: false,
  },
  qwen3: {
    name: 'qwen3',
    architecture: 'Qwen3ForCausalLM',
    attentionBias: whenSaid,
    qkNorm: true,
    headDim: () => 128,
    ggufPairsRows: false,
  },
}

const supported = `a model of one of the families ${Object.keys(families).join(', ')}`

export const modelRefusal = (code: string, expected: string, found: string, next: string): ModelFileError =>
  new ModelFileError(code, { expected, found, next })

const notComputed = (found: string): ModelFileError =>
  modelRefusal(
    'model.architecture',
    `${supported}: RMSNorm, rotary positions, SwiGLU, full attention`,
    found,
    'Choose a model of these families, such as SmolLM2-135M or Qwen3-0.6B, or a checkpoint of this program.',
  )

/** What no family here computes, in the words of config.json. */
const obstacles: readonly ((fields: Fields) => string | null)[] = [
  ({ quantization_config: quantised }) => (quantised === undefined || quantised === null ? null : 'quantised weights'),
  ({ hidden_act: act = 'silu' }) => (act === 'silu' ? null : `the activation ${JSON.stringify(act)}`),
  ({ mlp_bias: bias = false }) => (bias === false ? null : 'biases in the feed-forward part'),
  ({ use_sliding_window: sliding = false }) =>
    sliding === true ? 'attention through a sliding window (use_sliding_window is true)' : null,
  ({ layer_types: layers }) => {
    const other = Array.isArray(layers) ? layers.find((layer) => layer !== 'full_attention') : undefined
    return other === undefined ? null : `layers of ${JSON.stringify(other)}`
  },
]

/** The family of a config.json. Throws ModelFileError `model.architecture`. */
export function familyOf(fields: Fields): Family {
  const named = Object.values(families).find(
    ({ name, architecture }) =>
      fields.model_type === name || (Array.isArray(fields.architectures) && fields.architectures.includes(architecture)),
  )
  if (named === undefined) throw notComputed(`model_type ${JSON.stringify(fields.model_type ?? null)}`)
  for (const obstacle of obstacles) {
    const found = obstacle(fields)
    if (found !== null) throw notComputed(found)
  }
  return named
}

/** Reads one group of fields, with errors that say where they stand. */
function reader(fields: Fields, where: string) {
  const broken = (what: string, found: unknown): ModelFileError =>
    modelRefusal(
      'model.config',
      `${what} in ${where}`,
      JSON.stringify(found) ?? 'none',
      `Fetch the model again; its ${where} is not whole.`,
    )
  const number = (name: string, otherwise?: number): number => {
    const value = fields[name] ?? otherwise
    if (typeof value !== 'number' || !(value > 0) || !Number.isFinite(value)) throw broken(`${name} as a number above 0`, value)
    return value
  }
  const count = (name: string, otherwise?: number): number => {
    const value = fields[name] ?? otherwise
    if (!Number.isSafeInteger(value) || (value as number) < 1 || (value as number) > 2 ** 31)
      throw broken(`${name} as a whole number above 0`, fields[name])
    return value as number
  }
  return { number, count, broken, where }
}

type Reader = ReturnType<typeof reader>

/** Rules that hold whatever file a configuration came from. */
function checked(config: LlamaConfig, { where, broken }: Reader): LlamaConfig {
  if (config.heads % config.kvHeads !== 0)
    throw modelRefusal(
      'model.config',
      `${config.kvHeads} key/value heads to divide ${config.heads} heads`,
      'that they do not',
      `Fetch the model again; its ${where} is not whole.`,
    )
  if (config.headDim % 16 !== 0) throw notComputed(`heads of ${config.headDim} features, no multiple of 16`)
  if (config.layers > 1024) throw broken('at most 1024 layers', config.layers)
  return config
}

/** The configuration in a config.json. Throws ModelFileError `model.architecture` or `model.config`. */
export function configFromHuggingFace(fields: Fields): LlamaConfig {
  const family = familyOf(fields)
  const read = reader(fields, 'config.json')
  const heads = read.count('num_attention_heads')
  const hiddenSize = read.count('hidden_size')
  const rope = { ...((fields.rope_parameters ?? {}) as Fields), ...((fields.rope_scaling ?? {}) as Fields) }
  const maxPositions = read.count('max_position_embeddings', 2048)
  const scaling = ropeScalingFrom(rope, maxPositions)
  const attentionBias = family.attentionBias(fields)
  return checked(
    {
      architecture: family.name,
      vocabSize: read.count('vocab_size'),
      hiddenSize,
      intermediateSize: read.count('intermediate_size'),
      layers: read.count('num_hidden_layers'),
      heads,
      kvHeads: read.count('num_key_value_heads', heads),
      headDim: read.count('head_dim', family.headDim(hiddenSize, heads)),
      ropeTheta: read.number('rope_theta', reader(rope, 'rope_parameters of config.json').number('rope_theta', 10_000)),
      rmsEps: read.number('rms_norm_eps', 1e-6),
      maxPositions: scaling.maxPositions,
      ...(attentionBias !== undefined && { attentionBias }),
      ...(fields.tie_word_embeddings !== true && { untiedHead: true }),
      ...(family.qkNorm && { qkNorm: true }),
      ...(scaling.ropeScaling !== undefined && { ropeScaling: scaling.ropeScaling }),
    },
    read,
  )
}

/** The config.json of a model, as the transformers library reads it. Throws ModelFileError `model.export` for what only other files can say. */
export function configToHuggingFace(config: LlamaConfig): Record<string, unknown> {
  const family = families[config.architecture]
  const rope = { rope_theta: config.ropeTheta, ...ropeFields(config.ropeScaling) }
  const scaled = config.ropeScaling !== undefined
  return {
    architectures: [family.architecture],
    model_type: family.name,
    hidden_act: 'silu',
    dtype: 'float32',
    vocab_size: config.vocabSize,
    hidden_size: config.hiddenSize,
    intermediate_size: config.intermediateSize,
    num_hidden_layers: config.layers,
    num_attention_heads: config.heads,
    num_key_value_heads: config.kvHeads,
    head_dim: config.headDim,
    max_position_embeddings: config.maxPositions,
    rms_norm_eps: config.rmsEps,
    tie_word_embeddings: config.untiedHead !== true,
    attention_bias: config.attentionBias === 'qkvo',
    // Older versions of the library read the first two, newer ones the third.
    rope_theta: config.ropeTheta,
    ...(scaled && { rope_scaling: rope }),
    rope_parameters: { rope_type: 'default', ...rope },
  }
}

function ropeFields(scaling: RopeScaling | undefined): Record<string, unknown> {
  switch (scaling?.kind) {
    case undefined:
      return {}
    case 'linear':
      return { rope_type: 'linear', factor: scaling.factor }
    case 'llama3':
      return {
        rope_type: 'llama3',
        factor: scaling.factor,
        low_freq_factor: scaling.lowFrequencyFactor,
        high_freq_factor: scaling.highFrequencyFactor,
        original_max_position_embeddings: scaling.originalPositions,
      }
    case 'yarn':
      return {
        rope_type: 'yarn',
        factor: scaling.factor,
        beta_fast: scaling.betaFast,
        beta_slow: scaling.betaSlow,
        original_max_position_embeddings: scaling.originalPositions,
        attention_factor: scaling.attentionFactor,
        truncate: scaling.truncate,
      }
    case 'divisors':
      throw modelRefusal(
        'model.export',
        'rotary positions that a config.json can describe',
        'one divisor per frequency, as GGUF files of Llama 3 hold them',
        'Export the adapters alone, or start from the Hugging Face folder of this model.',
      )
  }
}

type Stretched = Pick<LlamaConfig, 'maxPositions' | 'ropeScaling'>
type RopeFields = Reader & { readonly rope: Fields; readonly maxPositions: number }

/** Scaling by its `rope_type`. */
const ropeTypes: Readonly<Record<string, (read: RopeFields) => Stretched>> = {
  default: ({ maxPositions }) => ({ maxPositions }),
  // Up to the original length these are plain positions; beyond it every earlier key would change with the length, which a cache cannot do.
  dynamic: ({ count, maxPositions }) => ({ maxPositions: count('original_max_position_embeddings', maxPositions) }),
  linear: ({ number, maxPositions }) => ({ maxPositions, ropeScaling: { kind: 'linear', factor: number('factor') } }),
  llama3: ({ number, count, maxPositions }) => ({
    maxPositions,
    ropeScaling: {
      kind: 'llama3',
      factor: number('factor'),
      lowFrequencyFactor: number('low_freq_factor'),
      highFrequencyFactor: number('high_freq_factor'),
      originalPositions: count('original_max_position_embeddings'),
    },
  }),
  yarn: ({ number, count, rope, maxPositions }) => {
    const originalPositions = count('original_max_position_embeddings', maxPositions)
    const factor = number('factor', maxPositions / originalPositions)
    const hasScales =
      typeof rope.mscale === 'number' && typeof rope.mscale_all_dim === 'number' && rope.mscale !== 0 && rope.mscale_all_dim !== 0
    const attentionFactor = number(
      'attention_factor',
      hasScales ? yarnScale(factor, rope.mscale as number) / yarnScale(factor, rope.mscale_all_dim as number) : yarnScale(factor, 1),
    )
    return {
      maxPositions,
      ropeScaling: {
        kind: 'yarn',
        factor,
        betaFast: number('beta_fast', 32),
        betaSlow: number('beta_slow', 1),
        originalPositions,
        attentionFactor,
        truncate: rope.truncate !== false,
      },
    }
  },
}

/** How much yarn sharpens attention at a factor: 0.1 m ln(factor) + 1 (Peng et al. 2023, equation 22). */
const yarnScale = (factor: number, m: number): number => (factor <= 1 ? 1 : 0.1 * m * Math.log(factor) + 1)

function ropeScalingFrom(rope: Fields, maxPositions: number): Stretched {
  const type = String(rope.rope_type ?? rope.type ?? 'default')
  if (!Object.hasOwn(ropeTypes, type))
    throw notComputed(`scaled rotary positions of type ${JSON.stringify(type)}; ${Object.keys(ropeTypes).join(', ')} are computed`)
  return ropeTypes[type]!({ ...reader(rope, 'rope_scaling of config.json'), rope, maxPositions })
}

/** What a GGUF file's tensors say besides its metadata. */
export interface GgufTensorFacts {
  readonly has: (name: string) => boolean
  /** `rope_freqs.weight`, the divisors of the frequencies, where it is there. */
  readonly ropeDivisors: readonly number[] | null
  /** Rows of the embedding. */
  readonly vocabSize: number
}

/** The configuration in a GGUF file's metadata and tensor names. Throws ModelFileError `model.architecture` or `model.config`. */
export function configFromGguf(metadata: ReadonlyMap<string, unknown>, tensors: GgufTensorFacts): LlamaConfig {
  const architecture = metadata.get('general.architecture')
  if (typeof architecture !== 'string' || !Object.hasOwn(families, architecture))
    throw notComputed(`a GGUF file of architecture ${JSON.stringify(architecture ?? null)}`)
  const family = families[architecture as FamilyName]
  const prefix = `${architecture}.`
  const fields = Object.fromEntries(
    [...metadata].filter(([key]) => key.startsWith(prefix)).map(([key, value]) => [key.slice(prefix.length), value]),
  )
  const read = reader(fields, 'GGUF metadata')
  if (fields.expert_count !== undefined && fields.expert_count !== 0) throw notComputed('a mixture of experts')
  const heads = read.count('attention.head_count')
  const hiddenSize = read.count('embedding_length')
  const maxPositions = read.count('context_length', 2048)
  const ropeScaling = ggufScaling(fields, read, maxPositions, tensors.ropeDivisors)
  const headDim = read.count('attention.key_length', perHead(hiddenSize, heads))
  if (read.count('rope.dimension_count', headDim) !== headDim)
    throw notComputed(`rotary positions on ${String(fields['rope.dimension_count'])} of ${headDim} features`)
  if (
    tensors.ropeDivisors !== null &&
    (tensors.ropeDivisors.length !== headDim / 2 || !tensors.ropeDivisors.every((divisor) => divisor > 0))
  )
    throw read.broken(`rope_freqs.weight of ${headDim / 2} numbers above 0`, tensors.ropeDivisors.length)
  const biased = tensors.has('blk.0.attn_q.bias')
  return checked(
    {
      architecture: family.name,
      vocabSize: tensors.vocabSize,
      hiddenSize,
      intermediateSize: read.count('feed_forward_length'),
      layers: read.count('block_count'),
      heads,
      kvHeads: read.count('attention.head_count_kv', heads),
      headDim,
      ropeTheta: read.number('rope.freq_base', 10_000),
      rmsEps: read.number('attention.layer_norm_rms_epsilon', 1e-6),
      maxPositions,
      ...(biased && { attentionBias: tensors.has('blk.0.attn_output.bias') ? ('qkvo' as const) : ('qkv' as const) }),
      ...(tensors.has('output.weight') && { untiedHead: true }),
      ...(family.qkNorm && { qkNorm: true }),
      ...(ropeScaling !== undefined && { ropeScaling }),
    },
    read,
  )
}

function ggufScaling(
  fields: Fields,
  { number, count }: Reader,
  maxPositions: number,
  divisors: readonly number[] | null,
): RopeScaling | undefined {
  if (divisors !== null) return { kind: 'divisors', divisors }
  const type = fields['rope.scaling.type'] ?? 'none'
  if (type === 'none') return undefined
  const factor = number('rope.scaling.factor')
  if (type === 'linear') return { kind: 'linear', factor }
  const originalPositions = count('rope.scaling.original_context_length', maxPositions)
  if (type === 'yarn')
    return {
      kind: 'yarn',
      factor,
      betaFast: number('rope.scaling.yarn_beta_fast', 32),
      betaSlow: number('rope.scaling.yarn_beta_slow', 1),
      originalPositions,
      attentionFactor: number('rope.scaling.attn_factor', yarnScale(factor, 1)),
      truncate: true,
    }
  throw notComputed(`scaled rotary positions of type ${JSON.stringify(type)}; none, linear and yarn are computed`)
}
