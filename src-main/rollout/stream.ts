// One rollout, told while it is written. The decoder answers whole requests, so it is asked for growing pieces, each continuing what is there. A
// token that is drawn depends on the seed and on where its piece begins, so the same request gives the same rollout. The rule of thinking (budget,
// forced stop, what closes a thought) is the decoder's own, within a piece; a piece that would end inside of what closes a thought is asked for
// again with the same draws and longer, so that no seam hides a closing and no token is drawn twice.
import type { Decoder } from '../engine/decoder.ts'
import { deriveSeed, type Seed } from '../numeric/rng.ts'
import type { TaskFormat } from '../tasks/types.ts'

export interface StreamSettings {
  /** 0 takes the likeliest token each time. */
  readonly temperature: number
  readonly thinkingTokens: number
  readonly answerTokens: number
  /** Whether thinking is ended at its budget; else what is written may be as long as thought and answer together. */
  readonly forced: boolean
  readonly seed: Seed
}

export interface StreamedRollout {
  readonly tokens: Int32Array
  /** Natural logs at temperature 1, without filters. */
  readonly logps: Float32Array
  /** 1 where the model drew the token. */
  readonly sampled: Uint8Array
  readonly finish: 'stop' | 'length' | 'nonfinite'
}

const FIRST_PIECE = 8
/** A piece is this part of what lies before it, so that reading it again costs a fixed share of writing. */
const PIECE_SHARE = 1 / 4

/** Tokens that a rollout may have at most: the room that a decoder needs beyond the prompt. */
export const mostTokens = (
  format: TaskFormat,
  { thinkingTokens, answerTokens, forced }: Pick<StreamSettings, 'thinkingTokens' | 'answerTokens' | 'forced'>,
): number => thinkingTokens + answerTokens + (forced ? closingTokens(format) : 0)

const closingTokens = ({ closers, terminationSuffix }: TaskFormat): number =>
  closers.reduce((longest, { length }) => Math.max(longest, length), terminationSuffix.length)

/** @param onPiece receives all tokens so far after each piece. Rejects with the reason of an aborted signal. */
export async function streamRollout(
  decoder: Decoder,
  format: TaskFormat,
  prompt: readonly number[],
  settings: StreamSettings,
  { signal, onPiece }: { readonly signal?: AbortSignal; readonly onPiece?: (tokens: readonly number[]) => void } = {},
): Promise<StreamedRollout> {
  const { temperature, thinkingTokens, answerTokens, forced, seed } = settings
  const tokens: number[] = []
  const logps: number[] = []
  const sampled: number[] = []
  const closing = closingTokens(format)
  let finish: StreamedRollout['finish'] | null = null
  while (finish === null) {
    const before = prompt.length + tokens.length
    const { closed, answerStart } = format.read(tokens)
    const thinking = forced && !closed
    // What was forced in to end the thought is no part of the answer.
    const answered = tokens.length - Math.max(answerStart, sampled.lastIndexOf(0) + 1)
    const allowed = thinking
      ? mostTokens(format, settings) - tokens.length
      : forced
        ? answerTokens - answered
        : thinkingTokens + answerTokens - tokens.length
    const room = Math.min(decoder.maxLength - before, allowed)
    if (room <= 0) return done('length')
    const ask = async (maxNewTokens: number) => {
      const [written] = await decoder.generate({
        sources: [Int32Array.from([...prompt, ...tokens])],
        ...(signal && { signal }),
        requests: [
          {
            source: 0,
            seed: deriveSeed(seed, 'piece', tokens.length),
            maxNewTokens,
            temperature: temperature || 1,
            greedy: temperature === 0,
            topK: 0,
            topP: 1,
            minP: 0,
            stopTokens: forced && !thinking ? [...format.stopTokens, ...format.answerStops] : format.stopTokens,
            prefixThinkingTokens: thinking ? tokens.length : 0,
            ...(thinking && {
              thinking: {
                closers: format.closers,
                endTokens: format.terminationSuffix,
                answerStops: format.answerStops,
                budget: thinkingTokens,
                answerTokens,
              },
            }),
          },
        ],
      })
      signal?.throwIfAborted()
      return written!
    }
    let length = Math.min(room, Math.max(FIRST_PIECE, Math.floor(before * PIECE_SHARE)))
    let written = await ask(length)
    while (
      thinking &&
      written.finish === 'length' &&
      written.tokens.length === length &&
      length < room &&
      endsInside(format, [...tokens.slice(-closing), ...written.tokens])
    ) {
      length = Math.min(room, length + closing)
      written = await ask(length)
    }
    tokens.push(...written.tokens)
    logps.push(...written.logps)
    sampled.push(...written.sampled)
    onPiece?.(tokens)
    if (written.finish === 'stop' || written.finish === 'nonfinite') finish = written.finish
    else if (written.tokens.length < length) finish = 'length'
  }
  return done(finish)

  function done(how: StreamedRollout['finish']): StreamedRollout {
    return { tokens: Int32Array.from(tokens), logps: Float32Array.from(logps), sampled: Uint8Array.from(sampled), finish: how }
  }
}

/** Whether the last tokens are the beginning of something that closes a thought and is longer. */
function endsInside({ closers, terminationSuffix }: TaskFormat, tokens: readonly number[]): boolean {
  return [...closers, terminationSuffix].some((run) => {
    for (let length = 1; length < run.length; length++)
      if (run.slice(0, length).every((token, at) => tokens[tokens.length - length + at] === token)) return true
    return false
  })
}
