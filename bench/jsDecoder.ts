// The decode graph driven from JavaScript through onnxruntime-node's `run()`: the reference for the native loop. Three ways to keep
// the key/value cache, from what is usual to the best that the package allows.
// - `growing`: the cache of each step is the last step's output, one position longer (what transformers.js does).
// - `whole`: buffers of full size go in and come back as new tensors.
// - `inPlace`: outputs are given the memory of the inputs, so that the graph copies nothing; the package still copies each output into JavaScript.
import { toOnnx } from '../src-main/graph/onnx.ts'
import { decodeGraph } from '../src-main/model/llama.ts'
import { parameterSpecs } from '../src-main/model/config.ts'
import type { Weights } from './models.ts'

export type CacheStyle = 'growing' | 'whole' | 'inPlace'

type Ort = typeof import('onnxruntime-node')
type OrtTensor = import('onnxruntime-node').Tensor
type Feeds = Record<string, OrtTensor>

export interface JsDecoder {
  /** Empties the cache: `rows` sequences of at most `capacity` positions. */
  reset(rows: number, capacity: number, style: CacheStyle): void
  /** Feeds the next chunk of every row, [rows, width] in row order; logits of its last position, [rows, V]. */
  feed(tokens: Int32Array): Promise<Float32Array>
  dispose(): Promise<void>
}

export async function openJsDecoder({ config, tensors }: Weights, threads: number): Promise<JsDecoder> {
  process.env.ORT_DISABLE_TELEMETRY = '1'
  const { InferenceSession, Tensor }: Ort = await import('onnxruntime-node')
  const session = await InferenceSession.create(toOnnx(decodeGraph(config)), {
    intraOpNumThreads: threads,
    graphOptimizationLevel: 'all',
    logSeverityLevel: 3,
  })
  const weights: Feeds = Object.fromEntries(
    parameterSpecs(config).map(({ name, dims }) => [name, new Tensor('float32', tensors.get(name)!, dims)]),
  )
  const names = Array.from({ length: config.layers }, (_, layer) => [`key_${layer}`, `value_${layer}`]).flat()
  let rows = 0
  let style: CacheStyle = 'inPlace'
  let filled = 0
  let cache: Feeds = {}
  return {
    reset(count, capacity, kept) {
      rows = count
      style = kept
      filled = 0
      const positions = style === 'growing' ? 0 : capacity
      const empty = (): OrtTensor =>
        new Tensor('float32', new Float32Array(rows * config.kvHeads * positions * config.headDim), [
          rows,
          config.kvHeads,
          positions,
          config.headDim,
        ])
      cache = Object.fromEntries(names.map((name) => [name, empty()]))
    },
    async feed(tokens) {
      filled += tokens.length / rows
      const past = Object.fromEntries(names.map((name) => [`past_${name}`, cache[name]!]))
      const feeds: Feeds = {
        ...weights,
        ...past,
        tokens: new Tensor('int64', BigInt64Array.from(tokens, BigInt), [rows, tokens.length / rows]),
        seqlens_k: new Tensor('int32', new Int32Array(rows).fill(filled - 1), [rows]),
        total_sequence_length: new Tensor('int32', Int32Array.of(filled), []),
      }
      if (style === 'inPlace') {
        const { logits } = await session.run(feeds, {
          logits: null,
          ...Object.fromEntries(names.map((name) => [`present_${name}`, cache[name]!])),
        })
        return logits!.data as Float32Array
      }
      const outputs = await session.run(feeds)
      cache = Object.fromEntries(names.map((name) => [name, outputs[`present_${name}`] as OrtTensor]))
      return outputs.logits!.data as Float32Array
    },
    dispose: () => session.release(),
  }
}
