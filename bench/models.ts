// The two models that are measured: a Llama of 4.8 million parameters with random weights, large enough that arithmetic and memory
// decide, and the starter model that the product's own experiments run on.
import { loadCheckpoint } from '../src-main/model/checkpoint.ts'
import { initialWeights, parameterSpecs } from '../src-main/model/config.ts'
import type { LlamaConfig } from '../src-main/model/config.ts'
import { createRng } from '../src-main/numeric/rng.ts'

export interface Weights {
  readonly config: LlamaConfig
  readonly tensors: ReadonlyMap<string, Float32Array>
}

/** 4,826,880 parameters; half as many key heads as query heads, as in the starter model. */
export const BENCH_CONFIG: LlamaConfig = {
  architecture: 'llama',
  vocabSize: 416,
  hiddenSize: 256,
  intermediateSize: 768,
  layers: 6,
  heads: 8,
  kvHeads: 4,
  headDim: 32,
  ropeTheta: 10_000,
  rmsEps: 1e-5,
  maxPositions: 512,
}

/** The larger model. Norm scales are moved off 1 so that a check sees their gradients. */
export function benchWeights(): Weights {
  const tensors = initialWeights(BENCH_CONFIG, 1)
  for (const [name, values] of tensors) {
    if (name.endsWith('norm.weight'))
      values.forEach((_, index) => {
        values[index] = 1 + 0.1 * Math.sin(index)
      })
    else
      values.forEach((value, index) => {
        values[index] = 3 * value
      })
  }
  return { config: BENCH_CONFIG, tensors }
}

/** Weights and shape of a checkpoint folder, as the product loads it. */
export async function startWeights(folder: string): Promise<Weights> {
  const { config, tensors } = await loadCheckpoint(folder)
  return { config: config as unknown as LlamaConfig, tensors: new Map([...tensors].map(([name, { data }]) => [name, data])) }
}

/** The shape of SmolLM2-135M: 134,515,008 parameters. */
export const SMOL_CONFIG: LlamaConfig = {
  architecture: 'llama',
  vocabSize: 49_152,
  hiddenSize: 576,
  intermediateSize: 1536,
  layers: 30,
  heads: 9,
  kvHeads: 3,
  headDim: 64,
  ropeTheta: 100_000,
  rmsEps: 1e-5,
  maxPositions: 8192,
}

/** Random weights of any size, quickly made. */
export function* randomWeights(config: LlamaConfig): Generator<readonly [string, Float32Array]> {
  const rng = createRng(1)
  const pool = Float32Array.from({ length: 1 << 16 }, () => 0.03 * rng.gaussian())
  // Each begins at another place: a runtime that finds equal matrices may keep one of them.
  for (const [place, { name, dims }] of parameterSpecs(config).entries()) {
    const values = new Float32Array(dims.reduce((a, b) => a * b, 1))
    for (let i = 0; i < values.length; i++) values[i] = name.includes('norm') ? 1 : pool[(i * 7919 + place * 104_729) % pool.length]!
    yield [name, values]
  }
}
