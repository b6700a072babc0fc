// Contexts that differ keep apart: in the key itself, and in what exact mu and the sampler compute once for all equal ones.
import { describe, expect, it } from 'vitest'
import type { Decoder } from '../../src-main/engine/decoder.ts'
import { contextKey } from '../../src-main/rollout/contextKey.ts'
import { exactMu } from '../../src-main/rollout/exactMu.ts'
import { sampleRollouts } from '../../src-main/rollout/sample.ts'
import { COUNTDOWN_FORMAT } from '../../src-main/tasks/countdown.ts'
import type { AnswerTrie } from '../../src-main/tasks/types.ts'

/** The halves of a surrogate pair, and the one code point they spell. */
const pair = [0xd83d, 0xde00]
const whole = [0x1f600]
const answers: AnswerTrie = { token: Int32Array.of(1), parent: Int32Array.of(-1), terminal: Uint8Array.of(1), strings: 1 }

describe('the key of a context', () => {
  it('tells apart the two ids of a surrogate pair and the one id that they spell', () => {
    expect(pair).toEqual([55357, 56832])
    expect(String.fromCodePoint(...pair)).toBe(String.fromCodePoint(...whole))
    expect(contextKey(pair)).not.toBe(contextKey(whole))
  })

  it('is the same for the same tokens in any kind of list, and reads as many as asked', () => {
    expect(contextKey(Int32Array.of(7, 300, 70_000))).toBe(contextKey([7, 300, 70_000]))
    expect(contextKey([7, 300, 70_000], 2)).toBe(contextKey([7, 300]))
    expect(contextKey([])).toBe('')
  })

  it('takes ids beyond the last code point', () => {
    expect(contextKey([0x110000])).not.toBe(contextKey([0x110001]))
  })

  it('lets exact mu measure colliding prefixes apart', async () => {
    const traces = [pair, whole].map((completion) => ({ prompt: [1], completion, cuts: [completion.length], answers }))
    const { distinctCuts } = await exactMu(traces, [2], async ({ children }) => ({
      child_logps: { dtype: 'float32', dims: children!.dims, data: new Float32Array(children!.data.length) },
    }))
    expect(distinctCuts).toBe(2)
  })

  it('lets the sampler prefill colliding prompts apart, and equal ones once', async () => {
    const seen: number[] = []
    const decoder = {
      generate: async ({ sources, requests }: { sources: unknown[]; requests: unknown[] }) => {
        seen.push(sources.length)
        return requests.map(() => ({
          tokens: Int32Array.of(0),
          logps: Float32Array.of(0),
          samplingLogps: Float32Array.of(0),
          sampled: Uint8Array.of(1),
          finish: 'stop',
        }))
      },
    } as unknown as Decoder
    await sampleRollouts(
      decoder,
      COUNTDOWN_FORMAT,
      [pair, whole, whole].map((prompt, seed) => ({ prompt, seed })),
      { temperature: 1, topK: 0, topP: 1, minP: 0, thinkingTokens: 4, answerTokens: 4 },
    )
    expect(seen).toEqual([2])
  })
})
