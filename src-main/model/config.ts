// The shape of a Llama-style decoder and the parameters that follow from it. Parameter names and layouts are those of
// Hugging Face Llama checkpoints (linear weights stored [out, in]), so a checkpoint of ours is readable elsewhere and vice versa.
import { createRng } from '../numeric/rng.ts'

/** Llama-style decoder: RMSNorm, rotary positions, SwiGLU, grouped-query heads, tied embeddings. */
export interface LlamaConfig {
  readonly architecture: 'llama'
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
}

export interface ParameterSpec {
  readonly name: string
  readonly dims: readonly number[]
  /** Whether decoupled weight decay applies (matrices yes, norms no). */
  readonly decay: boolean
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

/** Names of one layer's parameters. */
export function layerNames(layer: number) {
  const prefix = `model.layers.${layer}`
  return {
    inputNorm: `${prefix}.input_layernorm.weight`,
    q: `${prefix}.self_attn.q_proj.weight`,
    k: `${prefix}.self_attn.k_proj.weight`,
    v: `${prefix}.self_attn.v_proj.weight`,
    o: `${prefix}.self_attn.o_proj.weight`,
    postNorm: `${prefix}.post_attention_layernorm.weight`,
    gate: `${prefix}.mlp.gate_proj.weight`,
    up: `${prefix}.mlp.up_proj.weight`,
    down: `${prefix}.mlp.down_proj.weight`,
  } as const
}

/** Every parameter in a fixed order. */
export function parameterSpecs(config: LlamaConfig): ParameterSpec[] {
  const { hiddenSize: d, intermediateSize: f, heads, kvHeads, headDim } = config
  const specs: ParameterSpec[] = [{ name: EMBEDDING, dims: [config.vocabSize, d], decay: true }]
  for (let layer = 0; layer < config.layers; layer++) {
    const names = layerNames(layer)
    specs.push(
      { name: names.inputNorm, dims: [d], decay: false },
      { name: names.q, dims: [heads * headDim, d], decay: true },
      { name: names.k, dims: [kvHeads * headDim, d], decay: true },
      { name: names.v, dims: [kvHeads * headDim, d], decay: true },
      { name: names.o, dims: [d, heads * headDim], decay: true },
      { name: names.postNorm, dims: [d], decay: false },
      { name: names.gate, dims: [f, d], decay: true },
      { name: names.up, dims: [f, d], decay: true },
      { name: names.down, dims: [d, f], decay: true },
    )
  }
  specs.push({ name: FINAL_NORM, dims: [d], decay: false })
  return specs
}

export function parameterCount(config: LlamaConfig): number {
  return parameterSpecs(config).reduce((sum, spec) => sum + spec.dims.reduce((a, b) => a * b, 1), 0)
}

/**
 * Initial weights: normal with sd 0.02 (residual outputs divided by sqrt(2 layers), GPT-2 report section 2.3), norms at one.
 * The same seed gives the same weights.
 */
export function initialWeights(config: LlamaConfig, seed: number): Map<string, Float32Array> {
  const weights = new Map<string, Float32Array>()
  parameterSpecs(config).forEach((spec, index) => {
    const values = new Float32Array(spec.dims.reduce((a, b) => a * b, 1))
    if (!spec.decay) values.fill(1)
    else {
      const rng = createRng(seed, index)
      const residual = spec.name.endsWith('o_proj.weight') || spec.name.endsWith('down_proj.weight')
      const sd = residual ? 0.02 / Math.sqrt(2 * config.layers) : 0.02
      for (let i = 0; i < values.length; i++) values[i] = sd * rng.gaussian()
    }
    weights.set(spec.name, values)
  })
  return weights
}

/**
 * Floating-point operations of a forward pass over one token at a given context: 2 per weight used plus attention's two products.
 * A training token costs three times as much.
 */
export function forwardFlopsPerToken(config: LlamaConfig, contextTokens: number): number {
  const linear = 2 * (parameterCount(config) - config.hiddenSize * (2 * config.layers + 1))
  return linear + 4 * config.layers * config.heads * config.headDim * contextTokens
}
