// Generation over a key/value cache that stays in native memory. Sources are computed once and forked; requests fill a
// fixed number of rows, and a finished row takes the next request while the others go on. Deals in token ids only.
// A completion depends on its request alone: the same seed gives the same tokens at any number of rows, in any order.
import type { DecoderHandle, NativeAddon, NativeCompletion, NativeDecodeProgress, NativeRequest, RuntimeHandle } from './addon.ts'
import { fail, optionalSignal, record, wholeNumber } from './check.ts'
import { fromNative, native } from './errors.ts'
import { Life, type Owner } from './life.ts'
import { ParameterSet } from './parameters.ts'
import type { Device } from './providers.ts'
import { checkSampling, seedWords, type Sampling, type Seed } from './sampling.ts'
import { loadArguments } from './session.ts'

export interface DecoderOptions {
  /**
   * One decode step: inputs `tokens` [B, S] int64, `seqlens_k` [B] int32, `total_sequence_length` [] int32, `past_key_l` and
   * `past_value_l` [B, kvHeads, maxLength, headDim], and parameters; outputs `logits` [B, vocabulary] of the last
   * position, `present_key_l`, `present_value_l`.
   */
  readonly onnx: Uint8Array
  readonly parameters: ParameterSet
  /** As for a session. */
  readonly fixed?: readonly string[]
  /** What is fixed may change between two generations: the one after a change begins by laying it out anew. Default false: it cannot be changed. */
  readonly relaid?: boolean
  readonly layers: number
  readonly kvHeads: number
  readonly headDim: number
  /** Longest sequence, prompt and completion together. */
  readonly maxLength: number
  readonly vocabulary: number
  /**
   * Sequences decoded together. The cache takes 8 layers kvHeads maxLength headDim (rows + 1) bytes; each step reads the filled
   * part, so rows beyond what the processor's last-level cache holds gain little (measured: 16 to 64 are within 15 %).
   */
  readonly rows: number
  readonly device?: Device
  readonly optimization?: 'basic' | 'extended' | 'all'
}

/** Budget forcing (Muennighoff et al. 2025, section 3.1). */
export interface Thinking {
  /** Runs of tokens, each of which closes the thinking where it is written; a mark may be written in several ways. */
  readonly closers: readonly ArrayLike<number>[]
  /** What closes it once the budget is used up, at least one token. */
  readonly endTokens: ArrayLike<number>
  /** After so many thinking tokens, those of the prefix included, endTokens are forced. */
  readonly budget: number
  /** Most tokens after the thinking was closed. */
  readonly answerTokens: number
  /** Before so many thinking tokens a drawn token that completes a closer is replaced by extendTokens. Default 0. The budget goes first. */
  readonly minimum?: number
  /** Needed when minimum is above 0. */
  readonly extendTokens?: ArrayLike<number>
  /** A token from this list ends the completion once the thinking was closed, and is part of it. Default none. */
  readonly answerStops?: ArrayLike<number>
}

/** What to complete: the first `length` tokens of a source, then `suffix`. The suffix is not part of the completion. */
export interface GenerateRequest extends Sampling {
  /** Index into `sources`. */
  readonly source: number
  /** Tokens of the source to keep; default all. */
  readonly length?: number
  /** Forced tokens fed after the prefix. When it holds what closes the thinking, the completion begins as an answer. */
  readonly suffix?: ArrayLike<number>
  readonly seed: Seed
  /** Most tokens to write; the decoder's maxLength limits them too. */
  readonly maxNewTokens: number
  /** A written token from this list ends the completion and is part of it. */
  readonly stopTokens: ArrayLike<number>
  readonly thinking?: Thinking
  /** Thinking tokens that the prefix already holds. Default 0. */
  readonly prefixThinkingTokens?: number
  /** Hand out its keys and values as well, within `keepBytes`. Default false. */
  readonly keep?: boolean
}

/**
 * `tokens`, `logps` (natural log, under the model at temperature 1 without filters), `samplingLogps` (under the sampling
 * rule; -Infinity for a forced token that the rule leaves out), `sampled` (1 drawn, 0 forced), `finish`: a stop token, a
 * limit, cancelled, or logits that were not finite. Arrays have one entry per written token. `cache`, where it was kept: keys and values of all tokens but the
 * last, those before the completion included, [layers, 2, kvHeads, tokens, headDim], keys first, as they were when it was written.
 */
export type Completion = NativeCompletion
export type GenerateProgress = NativeDecodeProgress

export interface GenerateOptions {
  readonly sources: readonly Int32Array[]
  readonly requests: readonly GenerateRequest[]
  /** Aborting ends every unfinished completion where it is, with finish 'cancelled'; the promise still resolves. */
  readonly signal?: AbortSignal
  /** Most bytes of keys and values that are handed out; requests to keep that end beyond it go without. Default 0. */
  readonly keepBytes?: number
  /** Called at most every 50 ms. */
  readonly onProgress?: (progress: GenerateProgress) => void
}

export class Decoder {
  readonly #addon: NativeAddon
  readonly #life: Life<DecoderHandle>
  readonly rows: number
  readonly maxLength: number
  readonly vocabulary: number

  constructor(addon: NativeAddon, owner: Owner, handle: DecoderHandle, options: DecoderOptions) {
    this.#addon = addon
    this.#life = new Life(owner, 'decoder', handle, (gone) => addon.disposeDecoder(gone))
    this.rows = options.rows
    this.maxLength = options.maxLength
    this.vocabulary = options.vocabulary
  }

  /** Native bytes: cache, logits, small tensors. */
  get bytes(): number {
    return native(() => this.#addon.decoderBytes(this.#life.handle))
  }

  /**
   * Writes one completion per request, in their order. Rejects with bad-argument, busy (already generating, or a training
   * step is changing the parameters), disposed, runtime.
   */
  async generate(options: GenerateOptions): Promise<Completion[]> {
    const signal = optionalSignal(options.signal)
    const sources = this.#checkSources(options.sources)
    if (!Array.isArray(options.requests)) fail('bad-argument', 'requests to be a list', options.requests)
    const requests = options.requests.map((request, index) => this.#checkRequest(`requests[${index}]`, request, sources))
    const keepBytes = wholeNumber('keepBytes', options.keepBytes ?? 0, 0)
    return this.#life.run((handle) => this.#addon.generate(handle, sources, requests, options.onProgress, keepBytes), signal)
  }

  /** Gives back the copy of parameters that may change, where it has one; the next generation makes it again. Throws disposed, or busy while it generates. */
  forget(): void {
    this.#life.requireIdle()
    native(() => this.#addon.forgetDecoder(this.#life.handle))
  }

  /** A running generate rejects with disposed. */
  dispose(): void {
    this.#life.dispose()
  }

  [Symbol.dispose](): void {
    this.dispose()
  }

  #checkSources(sources: unknown): readonly Int32Array[] {
    if (!Array.isArray(sources)) return fail('bad-argument', 'sources to be a list', sources)
    return sources.map((source, index) => this.#checkTokens(`sources[${index}]`, source))
  }

  #checkTokens(what: string, tokens: unknown): Int32Array {
    const usable = tokens instanceof Int32Array || Array.isArray(tokens)
    if (!usable) return fail('wrong-dtype', `${what} to be an Int32Array or a list`, tokens)
    for (const token of tokens) wholeNumber(`every token of ${what}`, token, 0, this.vocabulary - 1)
    return tokens instanceof Int32Array ? tokens : Int32Array.from(tokens)
  }

  #checkSome(what: string, tokens: unknown): Int32Array {
    const checked = this.#checkTokens(what, tokens)
    return checked.length > 0 ? checked : fail('bad-argument', `${what} to hold at least one token`, tokens)
  }

  #checkRequest(what: string, request: unknown, sources: readonly Int32Array[]): NativeRequest {
    const given = record(what, request) as unknown as GenerateRequest
    if (sources.length === 0) fail('bad-argument', 'at least one source', sources)
    const source = wholeNumber(`${what}.source`, given.source, 0, sources.length - 1)
    const length = wholeNumber(`${what}.length`, given.length ?? sources[source]!.length, 0, sources[source]!.length)
    const suffix = this.#checkTokens(`${what}.suffix`, given.suffix ?? [])
    wholeNumber(`tokens before the completion of ${what} (prefix and suffix)`, length + suffix.length, 1, this.maxLength)
    return {
      source,
      length,
      suffix,
      seed: seedWords(what, given.seed),
      maxNewTokens: wholeNumber(`${what}.maxNewTokens`, given.maxNewTokens, 1),
      stopTokens: this.#checkTokens(`${what}.stopTokens`, given.stopTokens),
      prefixThinkingTokens: wholeNumber(`${what}.prefixThinkingTokens`, given.prefixThinkingTokens ?? 0, 0),
      keep: given.keep === true,
      thinking: given.thinking && this.#checkThinking(`${what}.thinking`, given.thinking),
      ...checkSampling(what, given),
    }
  }

  #checkThinking(what: string, thinking: Thinking): NonNullable<NativeRequest['thinking']> {
    const minimum = wholeNumber(`${what}.minimum`, thinking.minimum ?? 0, 0)
    if (!Array.isArray(thinking.closers)) fail('bad-argument', `${what}.closers to be a list`, thinking.closers)
    return {
      closers: thinking.closers.map((closer, index) => this.#checkSome(`${what}.closers[${index}]`, closer)),
      endTokens: this.#checkSome(`${what}.endTokens`, thinking.endTokens),
      budget: wholeNumber(`${what}.budget`, thinking.budget, 0),
      answerTokens: wholeNumber(`${what}.answerTokens`, thinking.answerTokens, 0),
      minimum,
      extendTokens: minimum > 0 ? this.#checkSome(`${what}.extendTokens`, thinking.extendTokens ?? []) : new Int32Array(),
      answerStops: this.#checkTokens(`${what}.answerStops`, thinking.answerStops ?? []),
    }
  }
}

/**
 * Loads a decode graph and runs one step of it. Rejects with bad-model (also when shape and graph disagree), missing-input,
 * bad-argument, device-unavailable, wrong-shape, out-of-memory.
 */
export async function createDecoder(addon: NativeAddon, owner: Owner, runtime: RuntimeHandle, options: DecoderOptions): Promise<Decoder> {
  const checked = loadArguments(options.onnx, options, options.relaid === true)
  if (!(options.parameters instanceof ParameterSet)) fail('bad-argument', 'parameters to be a ParameterSet', options.parameters)
  const shape = {
    layers: wholeNumber('layers', options.layers, 1, 1024),
    kvHeads: wholeNumber('kvHeads', options.kvHeads, 1, 4096),
    headDim: wholeNumber('headDim', options.headDim, 1, 4096),
    maxLength: wholeNumber('maxLength', options.maxLength, 1, 2 ** 20),
    vocabulary: wholeNumber('vocabulary', options.vocabulary, 1, 2 ** 24),
    rows: wholeNumber('rows', options.rows, 1, 4096),
  }
  const job = native(() => addon.createDecoder(runtime, checked.onnx, checked.options, options.parameters.handle, shape))
  try {
    return new Decoder(addon, owner, await job.promise, options)
  } catch (thrown) {
    throw fromNative(thrown)
  }
}
