// The decoder's graphs as ONNX bytes, for those who run them and need not know how a graph is written.
import { toOnnx, type Fixed } from '../graph/onnx.ts'
import { branchGraph, branchStatesGraph, keptBranchGraph } from './branches.ts'
import type { LlamaConfig } from './config.ts'
import { chosenGraph, decodeGraph, scoreGraph, statesGraph } from './llama.ts'

/**
 * @param fixed parameters that do not change while the model decodes
 * @param own whether attention over the cache is the native module's, which only the processor has, or the runtime's
 */
export const decodeModel = (config: LlamaConfig, fixed?: Fixed, own = true): Uint8Array => toOnnx(decodeGraph(config), fixed, own)
/** Log-probs under softmax(logits / temperature). */
export const scoreModel = (config: LlamaConfig, temperature = 1): Uint8Array => toOnnx(scoreGraph(config, temperature))
/** Without trace log-probs, which sampling has given already; under softmax(logits / temperature). */
export const branchModel = (config: LlamaConfig, temperature = 1): Uint8Array =>
  toOnnx(branchGraph(config, { traceLogps: false, temperature }))
/** The same behind keys and values that a decoder has kept. */
export const keptBranchModel = (config: LlamaConfig, temperature = 1): Uint8Array => toOnnx(keptBranchGraph(config, temperature))
/** The two halves of scoring for wide vocabularies: states of the scored places, and the head for some of them at a time. */
export const statesModel = (config: LlamaConfig): Uint8Array => toOnnx(statesGraph(config))
export const branchStatesModel = (config: LlamaConfig): Uint8Array => toOnnx(branchStatesGraph(config))
export const chosenModel = (config: LlamaConfig, temperature = 1): Uint8Array => toOnnx(chosenGraph(config, temperature))
