// Thinking on behind a window: a sampler by rule shows what is dropped, where each piece begins and where a cut is read.
import { describe, expect, it } from 'vitest'
import { linearised, viewsOf } from '../../src-main/rollout/linearised.ts'
import type { RolloutPlan, SampledRollout, SampleSettings } from '../../src-main/rollout/sample.ts'
import type { Sampler } from '../../src-main/rollout/sampler.ts'
import { COUNTDOWN_FORMAT } from '../../src-main/tasks/countdown.ts'
import { END_THINK, EOS, WAIT } from '../../src-main/tasks/countdown/vocabulary.ts'

const settings = { temperature: 1, topK: 0, topP: 1, minP: 0, thinkingTokens: 20, answerTokens: 4 }
const WORD = 20

/** Writes attempts of four tokens, the first of each but the first `Wait`, by what stands before it alone; ends by itself after `ends` tokens of its context. */
function writer(ends = Infinity) {
  const asked: { plans: readonly RolloutPlan[]; settings: SampleSettings }[] = []
  const sampler: Pick<Sampler, 'sample'> = {
    sample(format, plans, given) {
      asked.push({ plans, settings: given })
      return Promise.resolve(
        plans.map(({ prompt, prefix = [], stopNow }): SampledRollout => {
          const tokens = Array.from(prefix)
          const before = tokens.length
          const natural = ends < given.thinkingTokens && stopNow !== true
          if (stopNow !== true)
            while (tokens.length < Math.min(ends, given.thinkingTokens)) tokens.push(tokens.length % 4 === 3 ? WAIT : WORD + tokens.length)
          const thinkEnd = tokens.length
          tokens.push(END_THINK, WORD, EOS)
          const sampled = Uint8Array.from(tokens, (_, at) => Number(at >= before && (natural || at !== thinkEnd)))
          const thought = format.read(tokens)
          return {
            prompt,
            tokens: Int32Array.from(tokens),
            logps: new Float32Array(tokens.length).fill(-1),
            sampled,
            prefixTokens: before,
            finish: 'stop',
            error: null,
            forcedStop: !natural,
            boundaries: thought.boundaries,
            episodes: [],
            thinkEnd,
            closed: true,
          }
        }),
      )
    },
  }
  return { sampler, asked }
}

const plan: RolloutPlan = { prompt: [1, 2], seed: 7 }
const sampleOne = async (window: number, ends?: number) => {
  const { sampler, asked } = writer(ends)
  const [rollout] = await linearised(sampler, window).sample(COUNTDOWN_FORMAT, [plan], settings, {})
  return { rollout: rollout!, asked }
}

describe('thinking on behind a window', () => {
  it('is the rollout without one where the thought is not longer', async () => {
    const { rollout, asked } = await sampleOne(20)
    expect(asked).toEqual([{ plans: [plan], settings }])
    expect(rollout.views).toBeUndefined()
    expect(rollout.thinkEnd).toBe(20)
  })

  it('drops the oldest attempts, keeps at most half a window of whole ones without the word that opens them, and writes the rest as if it began there', async () => {
    const { rollout, asked } = await sampleOne(12)
    // Twelve tokens: 20 21 22 Wait, 24 25 26 Wait, 28 29 30 Wait. The attempts begin at 0, 3, 7 and 11, so of the last six tokens those from 7 on are whole; behind its Wait.
    const first = [20, 21, 22, WAIT, 24, 25, 26, WAIT, 28, 29, 30, WAIT]
    expect(asked[1]!.plans[0]!.prefix).toEqual(first.slice(8))
    // Behind four tokens it writes eight more, and the thought has twenty.
    expect([...rollout.tokens.slice(0, 20)]).toEqual([...first, 24, 25, 26, WAIT, 28, 29, 30, WAIT])
    expect(rollout.views).toEqual([
      { start: 0, end: 12 },
      { start: 8, end: 23 },
    ])
    expect([rollout.thinkEnd, rollout.forcedStop, rollout.tokens.length]).toEqual([20, true, 23])
    expect(rollout.boundaries).toEqual([0, 3, 7, 11, 15, 19, 20])
    expect(asked.map(({ settings: { thinkingTokens } }) => thinkingTokens)).toEqual([12, 12])
    // Every token that it drew counts as drawn, in all pieces; the forced closing does not.
    expect([...rollout.sampled]).toEqual([...new Array<number>(20).fill(1), 0, 1, 1])
  })

  it('is cut at the longest budget where a piece went beyond it, and answers there', async () => {
    const { sampler, asked } = writer()
    const [rollout] = await linearised(sampler, 12).sample(COUNTDOWN_FORMAT, [plan], { ...settings, thinkingTokens: 18 }, {})
    expect(rollout!.thinkEnd).toBe(18)
    expect(asked[2]!.plans[0]).toMatchObject({ stopNow: true })
    expect(asked[2]!.plans[0]!.prefix).toHaveLength(10)
    expect(rollout!.views).toEqual([
      { start: 0, end: 12 },
      { start: 8, end: 21 },
    ])
  })

  it('ends where the policy ends it', async () => {
    const { rollout } = await sampleOne(12, 9)
    expect([rollout.thinkEnd, rollout.forcedStop]).toEqual([9, false])
  })

  it('keeps half a window of an attempt that is longer', async () => {
    const { sampler, asked } = writer()
    await linearised(sampler, 3).sample(COUNTDOWN_FORMAT, [plan], { ...settings, thinkingTokens: 6 }, {})
    expect(asked[1]!.plans[0]!.prefix).toEqual([22])
  })

  it('reads each cut behind what stood before it when it was written, and one at a seam behind the fuller window', async () => {
    const { rollout } = await sampleOne(12)
    expect(viewsOf(rollout, [0, 7, 12, 13, 20])).toEqual([
      { start: 0, end: 12, cuts: [0, 7, 12] },
      { start: 8, end: 23, cuts: [5, 12] },
    ])
    expect(viewsOf({ tokens: new Int32Array(9) }, [0, 9])).toEqual([{ start: 0, end: 9, cuts: [0, 9] }])
  })

  it('refuses a window without room', () => expect(() => linearised(writer().sampler, 1)).toThrow(RangeError))
})
