// The shape of a Llama-style decoder and the parameters that follow from it. Parameter names and layouts are those of
// Hugging Face Llama checkpoints (linear weights stored [out, in]), so a checkpoint of ours is readable elsewhere and vice versa.
import type { Dtype } from '../graph/tensorType.ts'
import { createRng } from '../numeric/rng.ts'

/** Families that are computed here; what tells them apart stands in families.ts. */
export type FamilyName = 'llama' | 'qwen2' | 'qwen3'

/**
 * How rotary angles change for sequences longer than a model was first trained on. Positions divided by a factor (linear), low frequencies
 * divided and high ones kept (llama3), both with scaled cosines (yarn, Peng et al. 2023), or one divisor per frequency as GGUF files hold them.
 */
export type RopeScaling =
  | { readonly kind: 'linear'; readonly factor: number }
  | {
      readonly kind: 'llama3'
      readonly factor: number
      readonly lowFrequencyFactor: number
      readonly highFrequencyFactor: number
      readonly originalPositions: number
    }
  | {
      readonly kind: 'yarn'
      readonly factor: number
      readonly betaFast: number
      readonly betaSlow: number
      readonly originalPositions: number
      readonly attentionFactor: number
      readonly truncate: boolean
    }
  | { readonly kind: 'divisors'; readonly divisors: readonly number[] }

/** The linear maps of a layer, by the short names that settings use. */
export const LINEARS = ['q', 'k', 'v', 'o', 'gate', 'up', 'down'] as const
export type Linear = (typeof LINEARS)[number]

/**
 * Low-rank adapters (Hu et al. 2021): each target W of the layers becomes W + (alpha / rank) B A with A [rank, in] and B [out, rank]. They train;
 * everything else stays as it is.
 */
export type LoraConfig = {
  readonly rank: number
  readonly alpha: number
  /** In the order of LINEARS, each once. */
  readonly targets: readonly Linear[]
  /** Which of several sets of adapters that lie beside one model; the one that trains has no name. */
  readonly set?: string
}

/** Llama-style decoder: RMSNorm, rotary positions, SwiGLU, grouped-query heads. What is left out of the optional part is not there. */
export interface LlamaConfig {
  readonly architecture: FamilyName
  readonly vocabSize: number
  readonly hiddenSize: number
  readonly intermediateSize: number
  readonly layers: number
  readonly heads: number
  /** Key/value heads; divides `heads`. */
  readonly kvHeads: number
  readonly headDim: number
  readonly ropeTheta: number
  readonly rmsEps: number
  /** Longest sequence in tokens that positions are prepared for. */
  readonly maxPositions: number
  /** Which attention projections add a bias. */
  readonly attentionBias?: 'qkv' | 'qkvo'
  /** True where the output matrix is a parameter of its own and not the embedding. */
  readonly untiedHead?: boolean
  /** True where each head's queries and keys are normalised before they are rotated. */
  readonly qkNorm?: boolean
  readonly ropeScaling?: RopeScaling
  /** Adapters on a frozen model; without them every parameter trains. */
  readonly lora?: LoraConfig
  /** What the matrices of the model are held in, where none of them trains; float32 unless given. Norms and biases are float32 in any case. */
  readonly held?: HeldIn
}

/** What frozen matrices may be held in besides float32: 16 bits, or 4 with a scale and an offset for every block of 32. */
export const HELD_IN = ['bfloat16', 'float16', 'int4'] as const
export type HeldIn = (typeof HELD_IN)[number]

export interface ParameterSpec {
  readonly name: string
  readonly dims: readonly number[]
  /** Whether decoupled weight decay applies (matrices yes, norms no). */
  readonly decay: boolean
  /** Whether it is trained: with adapters only they are. */
  readonly trainable: boolean
  /** What it is held in; float32 unless given. */
  readonly dtype?: HeldIn
}

/** The starter model: small enough to train on two cores in minutes. */
export const STARTER_CONFIG: LlamaConfig = {
  architecture: 'llama',
  vocabSize: 416,
  hiddenSize: 128,
  intermediateSize: 384,
  layers: 4,
  heads: 4,
  kvHeads: 2,
  headDim: 32,
  ropeTheta: 10_000,
  rmsEps: 1e-5,
  maxPositions: 512,
}

export const EMBEDDING = 'model.embed_tokens.weight'
export const FINAL_NORM = 'model.norm.weight'
export const HEAD = 'lm_head.weight'

/** Names of one layer's parameters. */
export function layerNames(layer: number) {
  const prefix = `model.layers.${layer}`
  return {
    inputNorm: `${prefix}.input_layernorm.weight`,
    q: `${prefix}.self_attn.q_proj.weight`,
    k: `${prefix}.self_attn.k_proj.weight`,
    v: `${prefix}.self_attn.v_proj.weight`,
    o: `${prefix}.self_attn.o_proj.weight`,
    qBias: `${prefix}.self_attn.q_proj.bias`,
    kBias: `${prefix}.self_attn.k_proj.bias`,
    vBias: `${prefix}.self_attn.v_proj.bias`,
    oBias: `${prefix}.self_attn.o_proj.bias`,
    qNorm: `${prefix}.self_attn.q_norm.weight`,
    kNorm: `${prefix}.self_attn.k_norm.weight`,
    postNorm: `${prefix}.post_attention_layernorm.weight`,
    gate: `${prefix}.mlp.gate_proj.weight`,
    up: `${prefix}.mlp.up_proj.weight`,
    down: `${prefix}.mlp.down_proj.weight`,
  } as const
}

/** The names of the two factors of the adapter on a linear map with this weight: as in PEFT's files, and with a set's name as in PEFT's modules. */
export function adapterNames(weight: string, set?: string) {
  const of = (factor: 'A' | 'B'): string => weight.replace(/weight$/, `lora_${factor}.${set === undefined ? '' : `${set}.`}weight`)
  return { a: of('A'), b: of('B') }
}

/** The model without its adapters: what they were trained on. */
export function withoutAdapters({ lora: _lora, ...base }: LlamaConfig): LlamaConfig {
  return base
}

/** Parameters of the adapters alone, in the order of `parameterSpecs`; none for a model without them. */
export const adapterSpecs = (config: LlamaConfig): ParameterSpec[] =>
  config.lora === undefined ? [] : parameterSpecs(config).filter((spec) => spec.trainable)

/** Every parameter in a fixed order: those of the model, then those of its adapters. */
export function parameterSpecs(config: LlamaConfig): ParameterSpec[] {
  const { lora, held } = config
  const model = modelSpecs(config).map((spec) => ({
    ...spec,
    trainable: lora === undefined,
    ...(spec.decay && held && { dtype: heldOf(spec, held) }),
  }))
  if (lora === undefined) return model
  const dims = new Map(model.map((spec) => [spec.name, spec.dims]))
  const adapters = Array.from({ length: config.layers }, (_, layer) =>
    lora.targets.flatMap((target) => {
      const weight = layerNames(layer)[target]
      const [out, into] = dims.get(weight)!
      const { a, b } = adapterNames(weight, lora.set)
      return [
        { name: a, dims: [lora.rank, into!], decay: true, trainable: true },
        { name: b, dims: [out!, lora.rank], decay: true, trainable: true },
      ]
    }),
  )
  return [...model, ...adapters.flat()]
}

/** Numbers along a row that share a scale where they are held in 4 bits. */
export const BLOCK = 32

/** What a matrix is held in. 4 bits are for the linear maps of the layers with rows of whole blocks: an embedding that is the output matrix too loses too much by them. */
const heldOf = ({ name, dims }: Pick<ParameterSpec, 'name' | 'dims'>, held: HeldIn): HeldIn =>
  held === 'int4' && (name === EMBEDDING || name === HEAD || dims[1]! % BLOCK !== 0) ? 'bfloat16' : held

/** The names under which graphs read the parts of a matrix in blocks: its bytes, and the scale and the offset of each block. */
export const partsOf = (name: string) => ({ blocks: `${name}/blocks`, scales: `${name}/scales`, offsets: `${name}/offsets` }) as const

/** The inputs by which graphs may read a parameter: itself, and the parts of one in blocks. */
export function portsOf({ name, dims, dtype }: ParameterSpec): { name: string; dtype: Dtype; dims: readonly number[] }[] {
  if (dtype !== 'int4') return [{ name, dtype: dtype ?? 'float32', dims }]
  const { blocks, scales, offsets } = partsOf(name)
  const [rows, count] = [dims[0]!, dims[1]! / BLOCK]
  return [
    { name, dtype: 'uint4', dims },
    { name: blocks, dtype: 'uint8', dims: [rows, count, BLOCK / 2] },
    { name: scales, dtype: 'float32', dims: [rows, count] },
    { name: offsets, dtype: 'float32', dims: [rows, count] },
  ]
}

/**
 * The matrices that do not change, by the inputs through which decoding multiplies with them, and the bytes of a copy of them: in single precision, or in
 * blocks; those in 16 bits are widened in every step and have none.
 * @param whole nothing of the model changes. With adapters it is the model beneath them in any case, and the adapters are never among them
 */
export function fixedMatrices(config: LlamaConfig, whole: boolean): { readonly names: readonly string[]; readonly bytes: number } {
  const fixed = parameterSpecs(config).filter(
    ({ decay, trainable, dtype }) => decay && (config.lora === undefined ? whole : !trainable) && (dtype ?? 'int4') === 'int4',
  )
  const multiplied = fixed.filter(({ name }) => !config.untiedHead || name !== EMBEDDING)
  const elements = (dims: readonly number[]): number => dims.reduce((product, dim) => product * dim, 1)
  return {
    names: multiplied.flatMap(({ name, dtype }) => (dtype === 'int4' ? [partsOf(name).blocks, partsOf(name).scales] : [name])),
    bytes: multiplied.reduce((sum, { dims, dtype }) => sum + elements(dims) * (dtype === 'int4' ? 0.5 : 4), 0),
  }
}

function modelSpecs(config: LlamaConfig): Omit<ParameterSpec, 'trainable'>[] {
  const { hiddenSize: d, intermediateSize: f, heads, kvHeads, headDim } = config
  const specs: Omit<ParameterSpec, 'trainable'>[] = [{ name: EMBEDDING, dims: [config.vocabSize, d], decay: true }]
  for (let layer = 0; layer < config.layers; layer++) {
    const names = layerNames(layer)
    specs.push(
      { name: names.inputNorm, dims: [d], decay: false },
      { name: names.q, dims: [heads * headDim, d], decay: true },
      { name: names.k, dims: [kvHeads * headDim, d], decay: true },
      { name: names.v, dims: [kvHeads * headDim, d], decay: true },
      { name: names.o, dims: [d, heads * headDim], decay: true },
      ...(config.attentionBias !== undefined
        ? [
            { name: names.qBias, dims: [heads * headDim], decay: false },
            { name: names.kBias, dims: [kvHeads * headDim], decay: false },
            { name: names.vBias, dims: [kvHeads * headDim], decay: false },
          ]
        : []),
      ...(config.attentionBias === 'qkvo' ? [{ name: names.oBias, dims: [d], decay: false }] : []),
      ...(config.qkNorm
        ? [
            { name: names.qNorm, dims: [headDim], decay: false },
            { name: names.kNorm, dims: [headDim], decay: false },
          ]
        : []),
      { name: names.postNorm, dims: [d], decay: false },
      { name: names.gate, dims: [f, d], decay: true },
      { name: names.up, dims: [f, d], decay: true },
      { name: names.down, dims: [d, f], decay: true },
    )
  }
  specs.push({ name: FINAL_NORM, dims: [d], decay: false })
  if (config.untiedHead) specs.push({ name: HEAD, dims: [config.vocabSize, d], decay: true })
  return specs
}

export function parameterCount(config: LlamaConfig): number {
  return parameterSpecs(config).reduce((sum, spec) => sum + spec.dims.reduce((a, b) => a * b, 1), 0)
}

/**
 * Initial weights: normal with sd 0.02 (residual outputs divided by sqrt(2 layers), GPT-2 report section 2.3), norms at one, biases at zero;
 * adapters as `initialAdapters`. The same seed gives the same weights.
 */
export function initialWeights(config: LlamaConfig, seed: number): Map<string, Float32Array> {
  const weights = new Map<string, Float32Array>()
  modelSpecs(config).forEach((spec, index) => {
    const values = new Float32Array(spec.dims.reduce((a, b) => a * b, 1))
    if (!spec.decay) values.fill(spec.name.endsWith('.bias') ? 0 : 1)
    else {
      const rng = createRng(seed, index)
      const residual = spec.name.endsWith('o_proj.weight') || spec.name.endsWith('down_proj.weight')
      const sd = residual ? 0.02 / Math.sqrt(2 * config.layers) : 0.02
      for (let i = 0; i < values.length; i++) values[i] = sd * rng.gaussian()
    }
    weights.set(spec.name, values)
  })
  for (const [name, values] of initialAdapters(config, seed)) weights.set(name, values)
  return weights
}

/** The same of a training token: forward, the gradients of activations at the same price, and those of what trains: everything, or the adapters alone. */
export function trainFlopsPerToken(config: LlamaConfig, contextTokens: number): number {
  const forward = forwardFlopsPerToken(config, contextTokens)
  return 2 * forward + (config.lora === undefined ? forward : 2 * trainedCount(config))
}

/** Numbers that training changes. */
export function trainedCount(config: LlamaConfig): number {
  return parameterSpecs(config).reduce((sum, { dims, trainable }) => sum + (trainable ? dims.reduce((a, b) => a * b, 1) : 0), 0)
}

/** Streams of random numbers from here on are those of adapters; a model's own parameters count from 0. */
const ADAPTER_STREAM = 2 ** 20

/**
 * Adapters that change nothing yet: A uniform in +-1 / sqrt(in), which is what Kaiming's rule with a = sqrt(5) comes to, and B zero, as PEFT
 * starts them. Empty for a model without adapters; the same seed gives the same ones.
 */
export function initialAdapters(config: LlamaConfig, seed: number): Map<string, Float32Array> {
  return new Map(
    adapterSpecs(config).map(({ name, dims }, index) => {
      const values = new Float32Array(dims[0]! * dims[1]!)
      if (name.endsWith('lora_B.weight')) return [name, values]
      const rng = createRng(seed, ADAPTER_STREAM + index)
      const bound = 1 / Math.sqrt(dims[1]!)
      for (let i = 0; i < values.length; i++) values[i] = bound * (2 * rng.float() - 1)
      return [name, values]
    }),
  )
}

/**
 * Floating-point operations of a forward pass over one token at a given context: 2 per weight used plus attention's two products.
 */
export function forwardFlopsPerToken(config: LlamaConfig, contextTokens: number): number {
  const matrices = parameterSpecs(config).filter((spec) => spec.decay && !(config.untiedHead && spec.name === EMBEDDING))
  const linear = 2 * matrices.reduce((sum, { dims }) => sum + dims.reduce((a, b) => a * b, 1), 0)
  return linear + 4 * config.layers * config.heads * config.headDim * contextTokens
}
