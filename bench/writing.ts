// The texts that decoding is timed on: prompts of two tokens, so that nearly all work is decoding, and completions that no token ends.
import type { Completion, Decoder } from '../src-main/engine/decoder.ts'
import type { Engine } from '../src-main/engine/engine.ts'
import type { ParameterSet } from '../src-main/engine/parameters.ts'
import type { LlamaConfig } from '../src-main/model/config.ts'

export function prompts(rows: number): Int32Array[] {
  return Array.from({ length: rows }, (_, row) => Int32Array.of(1, 15 + row))
}

/** @param tokens drawn at most; what was drawn ends where the cache is full */
export function write(decoder: Decoder, rows: number, tokens: number): Promise<Completion[]> {
  const sources = prompts(rows)
  return decoder.generate({
    sources,
    requests: sources.map((_, source) => ({ source, seed: source, maxNewTokens: tokens, stopTokens: [] })),
  })
}

/** A decoder over a graph of one's own, its matrices where they lie. */
export function openWriter(
  engine: Engine,
  { layers, kvHeads, headDim, vocabSize: vocabulary }: LlamaConfig,
  parameters: ParameterSet,
  { onnx, rows, positions: maxLength }: { readonly onnx: Uint8Array; readonly rows: number; readonly positions: number },
): Promise<Decoder> {
  return engine.createDecoder({ onnx, parameters, layers, kvHeads, headDim, vocabulary, rows, maxLength })
}
