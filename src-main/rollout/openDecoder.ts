// The decoder of a model over existing weights: what of them does not change is fixed in its graph.
import type { Decoder } from '../engine/decoder.ts'
import type { Engine } from '../engine/engine.ts'
import type { ParameterSet } from '../engine/parameters.ts'
import type { Device } from '../engine/providers.ts'
import { fixedMatrices } from '../model/config.ts'
import type { LlamaConfig } from '../model/config.ts'
import { withPositions } from '../model/llama.ts'
import { decodeModel } from '../model/onnx.ts'
import { isWide } from './readers.ts'

/** Most bytes of matrices that a decoder has a copy of, laid out for its products. */
const FIXED_BYTES = 2 ** 30

export interface FixedChoice {
  /** Default the processor. */
  readonly device?: Device
  /** The weights do not change while the decoder is open; of a model with adapters those beneath them do not in any case. */
  readonly unchanging?: boolean
}

/**
 * What a decoder takes a copy of: matrices that do not change, where there is room for it. Of a small model that trains whole it takes none when it is evaluated either,
 * so that evaluations while it trains and afterwards have the same bits.
 */
export function fixedFor(config: LlamaConfig, { device = 'cpu', unchanging = false }: FixedChoice): ReturnType<typeof fixedMatrices> {
  const { names, bytes } = fixedMatrices(config, unchanging && isWide(config))
  return device === 'cpu' && bytes <= FIXED_BYTES ? { names, bytes } : { names: [], bytes: 0 }
}

export interface DecoderChoice extends FixedChoice {
  /** Rows decoded at once. */
  readonly rows: number
  /** Longest prompt and completion together, in tokens. */
  readonly maxLength: number
}

/** @param fixed matrices that do not change, if not those that are fixed as a rule. Rejects as `Engine.createDecoder` does */
export function openDecoder(
  engine: Engine,
  config: LlamaConfig,
  parameters: ParameterSet,
  choice: DecoderChoice,
  fixed: readonly string[] = fixedFor(config, choice).names,
): Promise<Decoder> {
  const { rows, maxLength, device = 'cpu' } = choice
  return engine.createDecoder({
    onnx: decodeModel(withPositions(config, maxLength), { names: fixed, file: engine.fixedFile }),
    parameters,
    fixed,
    layers: config.layers,
    kvHeads: config.kvHeads,
    headDim: config.headDim,
    vocabulary: config.vocabSize,
    rows,
    maxLength,
    device,
  })
}
