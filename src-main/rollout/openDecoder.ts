// The decoder of a model over existing weights: matrices are fixed in its graph, laid out for its products, where that pays.
import type { Decoder } from '../engine/decoder.ts'
import type { Engine } from '../engine/engine.ts'
import type { ParameterSet } from '../engine/parameters.ts'
import type { Device } from '../engine/providers.ts'
import { fixedMatrices } from '../model/config.ts'
import type { LlamaConfig } from '../model/config.ts'
import { withPositions } from '../model/llama.ts'
import { decodeModel } from '../model/onnx.ts'

/** Most bytes of matrices that a decoder has a copy of, laid out for its products. */
const FIXED_BYTES = 2 ** 30
/** Fewest bytes of a model without adapters for which that gains more than laying them out takes: of smaller ones, products are not what takes the time. */
const WORTH_FIXING_BYTES = 2 ** 23

export interface FixedChoice {
  /** Default the processor. */
  readonly device?: Device
  /**
   * What becomes of weights while the decoder is open: they stay, or they train, and are laid out anew whenever they have changed. Where it is not said, as of what writes
   * one text, only what lies beneath adapters is fixed: laying out a large model takes as long as it saves in 80 tokens.
   */
  readonly weights?: 'stay' | 'train'
}

interface Fixed extends ReturnType<typeof fixedMatrices> {
  /** Whether they are laid out anew when they have changed. */
  readonly relaid: boolean
}

/** What a decoder takes a copy of, where there is room for it. Whether weights stay or train it is the same, so that evaluations while a model trains and afterwards have the same bits. */
export function fixedFor(config: LlamaConfig, { device = 'cpu', weights }: FixedChoice): Fixed {
  const worth = weights !== undefined && fixedMatrices(config, true).bytes >= WORTH_FIXING_BYTES
  const { names, bytes } = fixedMatrices(config, worth)
  const relaid = config.lora === undefined && weights === 'train'
  return device === 'cpu' && bytes <= FIXED_BYTES ? { names, bytes, relaid } : { names: [], bytes: 0, relaid }
}

export interface DecoderChoice extends FixedChoice {
  /** Rows decoded at once. */
  readonly rows: number
  /** Longest prompt and completion together, in tokens. */
  readonly maxLength: number
}

/** @param fixed matrices that are fixed, if not those that are as a rule. Rejects as `Engine.createDecoder` does */
export function openDecoder(
  engine: Engine,
  config: LlamaConfig,
  parameters: ParameterSet,
  choice: DecoderChoice,
  { names: fixed, relaid }: Pick<Fixed, 'names' | 'relaid'> = fixedFor(config, choice),
): Promise<Decoder> {
  const { rows, maxLength, device = 'cpu' } = choice
  return engine.createDecoder({
    onnx: decodeModel(withPositions(config, maxLength), { names: fixed, file: engine.fixedFile }, device === 'cpu'),
    parameters,
    fixed,
    relaid,
    layers: config.layers,
    kvHeads: config.kvHeads,
    headDim: config.headDim,
    vocabulary: config.vocabSize,
    rows,
    maxLength,
    device,
  })
}
