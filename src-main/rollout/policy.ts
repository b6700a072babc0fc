// A model ready to act: one set of weights with the sessions that read it. Weights change in place (the optimizer writes the same
// memory), so a policy never has to be reloaded after an update.
import type { Decoder } from '../engine/decoder.ts'
import type { Engine } from '../engine/engine.ts'
import type { ParameterSet } from '../engine/parameters.ts'
import { parameterSpecs } from '../model/config.ts'
import type { LlamaConfig, ParameterSpec } from '../model/config.ts'
import { withPositions } from '../model/llama.ts'
import { contextKey } from './contextKey.ts'
import { exactMu } from './exactMu.ts'
import type { CutTrace } from './exactMu.ts'
import { openDecoder, type DecoderChoice } from './openDecoder.ts'
import { isWide, openBranches, openScores } from './readers.ts'
import type { BranchReader } from './readers.ts'
import { sampleRollouts } from './sample.ts'
import type { SampledRollout } from './sample.ts'
import type { Sampler } from './sampler.ts'
import { inShares } from './shares.ts'
import type { Sequence } from './sequences.ts'

export interface Policy extends Sampler {
  readonly config: LlamaConfig
  readonly parameters: ParameterSet
  readonly decoder: Decoder
  /** What exact mu runs. */
  readonly branches: BranchReader
  /** Log-probs of completion tokens at the policy's temperature, without filters, one array per sequence. */
  score(sequences: readonly Sequence[], signal?: AbortSignal): Promise<Float32Array[]>
  dispose(): void
}

/** Most bytes that the cache of a decoder may claim. */
const CACHE_BYTES = 1.5 * 2 ** 30
/** Most bytes of keys and values that are kept for J. */
const KEPT_KEYS_BYTES = 128 * 2 ** 20
const MOST_ROWS = 256
const FEWEST_ROWS = 4

/** Rows that are decoded at once: as many as help, and no more than the cache has room for. */
export function rowsFor({ layers, kvHeads, headDim }: LlamaConfig, maxLength: number): number {
  const bytes = 2 * 4 * layers * kvHeads * headDim * maxLength
  return Math.max(FEWEST_ROWS, Math.min(MOST_ROWS, Math.floor(CACHE_BYTES / bytes)))
}

export interface PolicyOptions extends DecoderChoice {
  /** Scores and exact mu are those of softmax(logits / temperature); default 1. What is drawn follows the settings of each call, which should agree. */
  readonly temperature?: number
  /** Shares into which what is drawn by one call is cut, each decoded by itself; default 1. */
  readonly shares?: number
}

/** Tensors by name, each given once; read as they come, so that a large model is never in memory twice. */
export type WeightSource = Iterable<readonly [string, Float32Array]> | AsyncIterable<readonly [string, Float32Array]>

/**
 * Makes parameters of a model's shape and fills them from a source. Throws an EngineError for a tensor of another size.
 * @param beside further parameters to lie in the same set, zero at first
 */
export async function loadWeights(
  engine: Engine,
  config: LlamaConfig,
  source: WeightSource,
  beside: readonly ParameterSpec[] = [],
): Promise<ParameterSet> {
  const wanted = parameterSpecs(config)
  const parameters = engine.createParameters([...wanted, ...beside])
  const missing = new Set(wanted.map(({ name }) => name))
  try {
    for await (const [name, values] of source) if (missing.delete(name)) parameters.set(name, values)
    if (missing.size > 0) throw new Error(`the weights have no tensor ${[...missing].slice(0, 3).join(', ')}`)
  } catch (error) {
    parameters.dispose()
    throw error
  }
  return parameters
}

/** Makes parameters of a model's shape and fills them. Throws an EngineError when a tensor is missing or has another size. */
export function createWeights(engine: Engine, config: LlamaConfig, tensors: ReadonlyMap<string, Float32Array>): ParameterSet {
  const parameters = engine.createParameters(parameterSpecs(config))
  for (const { name } of parameters.specs) {
    const values = tensors.get(name)
    if (!values) throw new Error(`the weights have no tensor ${name}; they have ${[...tensors.keys()].slice(0, 3).join(', ')}, ...`)
    parameters.set(name, values)
  }
  return parameters
}

/** Opens the sessions of a policy over existing weights. Disposing the policy leaves the weights to their owner. */
export async function openPolicy(engine: Engine, config: LlamaConfig, parameters: ParameterSet, options: PolicyOptions): Promise<Policy> {
  const sized = withPositions(config, options.maxLength)
  const { device = 'cpu' } = options
  const decoding = openDecoder(engine, config, parameters, options)
  // A graphics driver is asked for one session at a time.
  if (device !== 'cpu') await decoding
  const branching = openBranches(engine, sized, parameters, options)
  if (device !== 'cpu') await branching
  const scoring = openScores(engine, sized, parameters, options)
  const [decoder, branches, scores] = await Promise.all([decoding, branching, scoring])
  const shares = options.shares ?? 1
  const drawing = inShares(decoder, shares)
  // Keys and values of what was drawn, by the very array of its tokens, for J at its cuts. In shares nothing is kept: whoever draws one need not be
  // who measures it, and bits must not tell.
  const keeps = device === 'cpu' && shares === 1 && !isWide(config)
  const { layers, kvHeads, headDim } = config
  const kept = new Map<object, { readonly prompt: ArrayLike<number>; readonly values: Float32Array; readonly changes: number }>()
  const keptOf = (trace: CutTrace): CutTrace => {
    const known = kept.get(trace.completion as object)
    const same = known?.changes === parameters.changes && contextKey(known.prompt) === contextKey(trace.prompt)
    return same ? { ...trace, kept: { layers, kvHeads, headDim, values: known.values } } : trace
  }
  return {
    config,
    parameters,
    decoder,
    branches,
    noMeasure: null,
    sample(format, plans, settings, sampling) {
      const { changes } = parameters
      const keeping = {
        keepBytes: KEPT_KEYS_BYTES - [...kept.values()].reduce((sum, { values }) => sum + values.byteLength, 0),
        onKept: ({ prompt, tokens }: Pick<SampledRollout, 'prompt' | 'tokens'>, values: Float32Array) =>
          void kept.set(tokens, { prompt, values, changes }),
      }
      return sampleRollouts(drawing, format, plans, settings, { ...sampling, ...(keeps && keeping) })
    },
    measure: (traces, suffix, signal) => exactMu(traces.map(keptOf), suffix, (feeds, read) => branches.run(feeds, read, signal)),
    forget() {
      // Given back at once: what comes next may be the step of training, which needs the room.
      for (const { values } of kept.values()) (values.buffer as ArrayBuffer).transfer(0)
      kept.clear()
      decoder.forget()
    },
    score: scores.score,
    dispose() {
      for (const part of [decoder, branches, scores]) part.dispose()
    },
  }
}
