// How tokens are drawn. Filters apply in this order: temperature, the topK likeliest, the smallest set of likeliest tokens
// that holds topP of what is left, tokens at least minP times as likely as the likeliest; ties go to the smaller id.
// A draw depends on the request's seed and the token's index in its completion, on nothing else: Philox4x32-10 with
// key = seed and counter = (index low, index high, stream, 0) (Salmon et al. 2011).
import type { NativeAddon, NativeDraws, NativeSampling } from './addon.ts'
import { fail, finiteNumber, wholeNumber } from './check.ts'
import { native } from './errors.ts'

export interface Sampling {
  /** Above 0; default 1. */
  readonly temperature?: number
  /** Default 0: all tokens. */
  readonly topK?: number
  /** Above 0, default 1: all. */
  readonly topP?: number
  /** 0 to 1, default 0: none is too unlikely. */
  readonly minP?: number
  /** Take the likeliest token, whatever the rest says. Default false. */
  readonly greedy?: boolean
}

/** 64 bits: a whole number up to 2^53 - 1, a bigint up to 2^64 - 1, or the two 32-bit words, low first. */
export type Seed = number | bigint | readonly [low: number, high: number]

const WORD = 2 ** 32

export function checkSampling(what: string, sampling: Sampling): NativeSampling {
  const temperature = finiteNumber(`${what}.temperature`, sampling.temperature ?? 1, 1e-6, 1e6)
  const topP = finiteNumber(`${what}.topP`, sampling.topP ?? 1, 0, 1)
  if (topP === 0) fail('bad-argument', `${what}.topP to be above 0`, topP)
  return {
    temperature,
    topK: wholeNumber(`${what}.topK`, sampling.topK ?? 0, 0),
    topP,
    minP: finiteNumber(`${what}.minP`, sampling.minP ?? 0, 0, 1),
    greedy: sampling.greedy ?? false,
  }
}

/** The key words of a seed. Throws bad-argument. */
export function seedWords(what: string, seed: unknown): readonly [low: number, high: number] {
  if (typeof seed === 'number' && Number.isSafeInteger(seed) && seed >= 0) return [seed % WORD, Math.floor(seed / WORD)]
  if (typeof seed === 'bigint' && seed >= 0n && seed < 2n ** 64n) return [Number(seed & 0xffffffffn), Number(seed >> 32n)]
  if (Array.isArray(seed) && seed.length === 2 && seed.every((word) => Number.isInteger(word) && word >= 0 && word < WORD)) {
    return [seed[0] as number, seed[1] as number]
  }
  return fail('bad-argument', `${what}.seed to be a whole number, a bigint below 2^64 or two 32-bit words`, seed)
}

/**
 * The native sampler alone: `draws` tokens from one row of logits, at consecutive indices from `firstIndex`.
 * @param logits [V]
 */
export function drawTokens(
  addon: NativeAddon,
  logits: Float32Array,
  sampling: Sampling,
  seed: Seed,
  firstIndex: number,
  draws: number,
): NativeDraws {
  if (!(logits instanceof Float32Array) || logits.length === 0) fail('wrong-dtype', 'logits in a Float32Array', logits)
  const [low, high] = seedWords('draw', seed)
  const first = wholeNumber('firstIndex', firstIndex, 0, Number.MAX_SAFE_INTEGER)
  return native(() => addon.drawTokens(logits, checkSampling('sampling', sampling), low, high, first, wholeNumber('draws', draws, 0)))
}
