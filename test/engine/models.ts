// Small models for the engine's tests. The Markov model's logits are a row of a table that the test fills, so a test decides
// every distribution; it still carries a real key/value cache. The Llama is the product's own graph in miniature.
import type { Decoder } from '../../src-main/engine/decoder.ts'
import type { Engine } from '../../src-main/engine/engine.ts'
import type { ParameterSet } from '../../src-main/engine/parameters.ts'
import { GraphBuilder } from '../../src-main/graph/builder.ts'
import { toOnnx } from '../../src-main/graph/onnx.ts'
import { initialWeights, parameterSpecs, type LlamaConfig } from '../../src-main/model/config.ts'
import { decodeGraph, scoreGraph } from '../../src-main/model/llama.ts'

const HEAD_DIM = 16
const MARKOV_POSITIONS = 128

/** A decode graph whose logits are `table[last token]`. */
export function markovOnnx(vocabulary: number): Uint8Array {
  const g = new GraphBuilder('markov')
  const tokens = g.input('tokens', 'int64', ['B', 'S'])
  const seqlensK = g.input('seqlens_k', 'int32', ['B'])
  const totalSequenceLength = g.input('total_sequence_length', 'int32', [])
  const cache = ['B', 1, 'M', HEAD_DIM]
  const pastKey = g.input('past_key_0', 'float32', cache)
  const pastValue = g.input('past_value_0', 'float32', cache)
  const table = g.input('table', 'float32', [vocabulary, vocabulary])
  const flat = (value: number) =>
    g.constant(new Float32Array((MARKOV_POSITIONS * HEAD_DIM) / 2).fill(value), [MARKOV_POSITIONS, HEAD_DIM / 2])
  const query = g.gather(g.constant(new Float32Array(vocabulary * HEAD_DIM).fill(1), [vocabulary, HEAD_DIM]), tokens)
  const { presentKey, presentValue } = g.groupQueryAttention(
    { query, key: query, value: query, pastKey, pastValue, seqlensK, totalSequenceLength, cosCache: flat(1), sinCache: flat(0) },
    { numHeads: 1, kvNumHeads: 1 },
  )
  g.output('logits', g.gather(table, g.reshape(g.slice(tokens, 1, 'S-1', 'S'), ['B'])))
  g.output('present_key_0', presentKey)
  g.output('present_value_0', presentValue)
  return toOnnx(g.build())
}

export interface Markov {
  readonly parameters: ParameterSet
  readonly decoder: Decoder
  readonly onnx: Uint8Array
}

/** @param logits the row of the table for a token */
export async function openMarkov(
  engine: Engine,
  vocabulary: number,
  logits: (token: number) => ArrayLike<number>,
  rows = 4,
  maxLength = 64,
): Promise<Markov> {
  const parameters = engine.createParameters([{ name: 'table', dims: [vocabulary, vocabulary], decay: false }])
  const table = new Float32Array(vocabulary * vocabulary)
  for (let token = 0; token < vocabulary; token++) table.set(Array.from(logits(token)), token * vocabulary)
  parameters.set('table', table)
  const onnx = markovOnnx(vocabulary)
  const decoder = await engine.createDecoder({ onnx, parameters, layers: 1, kvHeads: 1, headDim: HEAD_DIM, maxLength, vocabulary, rows })
  return { parameters, decoder, onnx }
}

/** Logits that all but force one token. */
export function surely(vocabulary: number, token: number): number[] {
  return Array.from({ length: vocabulary }, (_, id) => (id === token ? 50 : 0))
}

export const LLAMA: LlamaConfig = {
  architecture: 'llama',
  vocabSize: 61,
  hiddenSize: 48,
  intermediateSize: 64,
  layers: 2,
  heads: 4,
  kvHeads: 2,
  headDim: 16,
  ropeTheta: 10_000,
  rmsEps: 1e-5,
  maxPositions: 160,
}

/** The miniature Llama with weights large enough that its distributions differ from token to token. */
export function llamaParameters(engine: Engine, seed = 1): ParameterSet {
  const parameters = engine.createParameters(parameterSpecs(LLAMA))
  for (const [name, values] of initialWeights(LLAMA, seed)) {
    parameters.set(name, parameters.specs.find((spec) => spec.name === name)!.decay ? values.map((value) => value * 12) : values)
  }
  return parameters
}

export function openLlama(engine: Engine, parameters: ParameterSet, rows: number, maxLength = 128): Promise<Decoder> {
  return engine.createDecoder({
    onnx: toOnnx(decodeGraph(LLAMA)),
    parameters,
    layers: LLAMA.layers,
    kvHeads: LLAMA.kvHeads,
    headDim: LLAMA.headDim,
    maxLength,
    vocabulary: LLAMA.vocabSize,
    rows,
  })
}

export const scoreOnnx = (): Uint8Array => toOnnx(scoreGraph(LLAMA))

/** A pseudo-random prompt. */
export function prompt(length: number, salt: number): Int32Array {
  return Int32Array.from({ length }, (_, i) => (salt * 31 + i * (salt + 7) * 13 + i * i) % LLAMA.vocabSize)
}
