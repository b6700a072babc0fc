// A model of another maker, ready to write text: its weights bound to the decoder, its tokenizer, and generation that tells its text as it
// comes. The cached decoder answers whole requests, so streaming asks it for growing pieces, each continuing what is there; a drawn token
// depends on the seed and on where its piece begins, so the same request gives the same text.
import type { Model } from '../../../src-preload/contract.ts'
import { LabError } from '../../../src-preload/contract.ts'
import type { Engine } from '../../engine/engine.ts'
import type { ParameterSet } from '../../engine/parameters.ts'
import type { LlamaConfig } from '../../model/config.ts'
import type { TextTokenizer } from '../../model/tokenizers/tokenizer.ts'
import { openDecoder } from '../../rollout/openDecoder.ts'
import { loadWeights } from '../../rollout/policy.ts'
import type { Store } from '../../store/openStore.ts'
import type { Message } from '../../tasks/types.ts'
import { loadModel } from './start.ts'

export interface TextModel {
  readonly config: LlamaConfig
  readonly tokenizer: TextTokenizer
  readonly parameters: ParameterSet
  dispose(): void
}

/** Opens an imported model. Throws LabError `model.noText` for a model without a tokenizer, and what reading its files throws. */
export async function openTextModel(engine: Engine, store: Store, model: Model): Promise<TextModel> {
  const { config, weights, tokenizer } = await loadModel(store, model)
  if (tokenizer === null)
    throw new LabError('model.noText', {
      expected: 'an imported model with a tokenizer for text',
      found: `${model.name}, a ${model.kind} model over this program's own vocabulary`,
      next: 'Import a GGUF file or a Hugging Face folder; `mrt models list` shows what is here.',
    })
  if (tokenizer.size > config.vocabSize)
    throw new LabError('model.tokenizer', {
      expected: `a tokenizer of at most ${config.vocabSize} tokens`,
      found: `${tokenizer.size}`,
      next: 'Its weights and its tokenizer do not belong together; fetch the model again.',
    })
  const parameters = await loadWeights(engine, config, weights)
  return { config, tokenizer, parameters, dispose: () => parameters.dispose() }
}

export interface TextRequest {
  /** A conversation for the model's template, or a whole text as it stands. */
  readonly prompt: { readonly messages: readonly Message[] } | { readonly text: string }
  /** Most tokens to write. */
  readonly maxTokens: number
  /** 0 takes the likeliest token each time. */
  readonly temperature: number
  readonly seed: number
}

export interface GeneratedText {
  readonly text: string
  readonly promptTokens: number
  readonly tokens: Int32Array
  /** Natural logs, at temperature 1. */
  readonly logps: Float32Array
  readonly finish: 'stop' | 'length' | 'cancelled'
  /** From the first request to the last token, opening not counted. */
  readonly ms: number
}

const FIRST_PIECE = 8
/** A piece is this part of what lies before it, so that reading it again costs a fixed share of writing. */
const PIECE_SHARE = 1 / 4

/**
 * Writes a continuation; `onText` receives the text as it grows, only whole characters, and how many tokens there are by then. Throws LabError `generate.tooLong` for a prompt that
 * leaves no room within the model's positions, and `model.template`.
 */
export async function generateText(
  engine: Engine,
  { config, tokenizer, parameters }: TextModel,
  request: TextRequest,
  { signal, onText }: { readonly signal?: AbortSignal; readonly onText?: (piece: string, tokens: number) => void } = {},
): Promise<GeneratedText> {
  const { prompt } = request
  const asked =
    'messages' in prompt
      ? tokenizer.chat(prompt.messages)
      : Int32Array.from([...(tokenizer.bos === null ? [] : [tokenizer.bos]), ...tokenizer.encode(prompt.text)])
  if (asked.length === 0 || asked.length >= config.maxPositions)
    throw new LabError('generate.tooLong', {
      expected: `a prompt of 1 to ${config.maxPositions - 1} tokens`,
      found: `${asked.length}`,
      next: 'Change the prompt.',
    })
  const maxLength = Math.min(config.maxPositions, asked.length + request.maxTokens)
  const decoder = await openDecoder(engine, config, parameters, { rows: 1, maxLength })
  try {
    const began = performance.now()
    const tokens: number[] = []
    const logps: number[] = []
    let told = ''
    let finish: GeneratedText['finish'] | null = null
    while (finish === null) {
      const before = asked.length + tokens.length
      const room = maxLength - before
      if (room === 0) {
        finish = 'length'
        break
      }
      const piece = Math.min(room, Math.max(FIRST_PIECE, Math.floor(before * PIECE_SHARE)))
      const [written] = await decoder.generate({
        sources: [Int32Array.from([...asked, ...tokens])],
        ...(signal && { signal }),
        requests: [
          {
            source: 0,
            seed: request.seed + tokens.length * 2 ** 21,
            maxNewTokens: piece,
            stopTokens: tokenizer.stopTokens,
            temperature: request.temperature || 1,
            topK: 0,
            topP: 1,
            minP: 0,
            greedy: request.temperature === 0,
          },
        ],
      })
      tokens.push(...written!.tokens)
      logps.push(...written!.logps)
      const stopped = tokenizer.stopTokens.includes(tokens.at(-1)!)
      const text = tokenizer.decode(stopped ? tokens.slice(0, -1) : tokens, { plain: true })
      finish = stopped
        ? 'stop'
        : signal?.aborted || written!.finish === 'cancelled'
          ? 'cancelled'
          : written!.tokens.length < piece
            ? 'length'
            : null
      // The last character may still lack bytes.
      const whole = finish === null ? text.replace(/\uFFFD+$/, '') : text
      if (whole.length > told.length) onText?.(whole.slice(told.length), tokens.length)
      told = whole
    }
    return {
      text: told,
      promptTokens: asked.length,
      tokens: Int32Array.from(tokens),
      logps: Float32Array.from(logps),
      finish,
      ms: performance.now() - began,
    }
  } finally {
    decoder.dispose()
  }
}
