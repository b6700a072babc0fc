// The decoder's graphs as ONNX bytes, for those who run them and need not know how a graph is written.
import { toOnnx } from '../graph/onnx.ts'
import { branchGraph } from './branches.ts'
import type { LlamaConfig } from './config.ts'
import { decodeGraph, scoreGraph } from './llama.ts'

export const decodeModel = (config: LlamaConfig): Uint8Array => toOnnx(decodeGraph(config))
/** Log-probs under softmax(logits / temperature). */
export const scoreModel = (config: LlamaConfig, temperature = 1): Uint8Array => toOnnx(scoreGraph(config, temperature))
/** Without trace log-probs, which sampling has given already; under softmax(logits / temperature). */
export const branchModel = (config: LlamaConfig, temperature = 1): Uint8Array =>
  toOnnx(branchGraph(config, { traceLogps: false, temperature }))
