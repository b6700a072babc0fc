// What the store is told of a rollout: how it ended, what it was paid, where its episodes are, and what of its thinking came too late.
import { describe, expect, it } from 'vitest'
import type { Measured } from '../../src-main/lab/training/estimate.ts'
import type { Entry } from '../../src-main/lab/training/gather.ts'
import { placedEpisodes, rolloutRecords, type Recordable } from '../../src-main/lab/training/record.ts'
import { gradedRollout } from '../../src-main/lab/training/gather.ts'
import { discard, gradedParts, pay } from '../../src-main/rl/pay.ts'
import type { Credit } from '../../src-main/rl/types.ts'
import { ABORTED, countdown, entryOf, rightAfter, wrongAfter } from './written.ts'

const problems = countdown()
const [problem] = problems.ofStep(1, 1)
const THOUGHT = '1 + 2 = 3 no Wait 3 + 4 = 7 yes'
const provenance = {
  source: 'sampled',
  checkpointId: null,
  policyStep: 0,
  sampling: {},
  template: 'bare',
  device: 'cpu',
  engine: 'none',
  file: null,
} as const
const settings = {
  task: problems.task,
  budgetTokens: 24,
  provenance,
  estimator: { weights: 'current', checkpointId: null, step: 0, prover: 1, template: 'bare', temperature: 1 },
} as const
const of = (text: string, more: Parameters<typeof entryOf>[3] = {}): Entry => entryOf(problems, problem!, text, more)
const item = (entry: Entry, more: Partial<Recordable> = {}): Recordable => ({ entry, problemId: 1, measured: null, credit: null, ...more })
const recordOf = (entry: Entry, more: Partial<Recordable> = {}) => rolloutRecords([item(entry, more)], settings)[0]!
const exactly = (J: readonly number[]): Measured => ({
  boundaries: [0, 6, 13],
  J: Float64Array.from(J),
  intervals: null,
  method: 'exact',
  samples: 0,
})

describe('the record of a rollout', () => {
  it('says how it ended', () => {
    const ends = [{}, { forcedStop: true }, { finish: 'length' }, { finish: 'length', forcedStop: true }, ABORTED] as const
    expect(ends.map((rollout) => recordOf(of(wrongAfter(THOUGHT), { rollout })).finishReason)).toEqual([
      'stop',
      'forced',
      'length',
      'length',
      'error',
    ])
    expect(recordOf(of(wrongAfter(THOUGHT), { rollout: ABORTED })).error).toBe(ABORTED.error)
  })

  it('has its outcome as reward where nothing was paid, and then counts as used', () => {
    expect(recordOf(of(rightAfter(problems, problem!, THOUGHT)))).toMatchObject({
      correct: true,
      reward: 1,
      rewardParts: { outcome: 1 },
      advantage: null,
      advantages: null,
      used: true,
      discardReason: null,
      thinkingTokens: 13,
      budgetTokens: 24,
      sampled: null,
      overthinkTokens: null,
      progress: [],
    })
    expect(recordOf(of(wrongAfter(THOUGHT)))).toMatchObject({ correct: false, reward: 0, rewardParts: { outcome: 0 } })
    expect(recordOf(of(wrongAfter(THOUGHT), { kept: 72 })).budgetTokens).toBe(72)
  })

  it('has what it was paid, in the mean over the tokens that carry loss', () => {
    const entry = of(wrongAfter(THOUGHT), { rollout: { prefixTokens: 4 } })
    const graded = gradedRollout(entry, entry.rollout.boundaries, null)
    const parts = { outcome: 0, progress: 2 }
    const credit = pay(graded, { parts, outcomeAdvantage: -1, episodeBonus: Float64Array.of(0.5, 3), tailBonus: 1 })
    const { tokens } = entry.rollout
    // Tokens 4 and 5 of the first episode, 7 of the second, and 5 behind the thought.
    const paid = 2 * -0.5 + 7 * 2 + (tokens.length - 13) * 0
    const record = recordOf(entry, { credit })
    expect(record).toMatchObject({ reward: 2, rewardParts: parts, used: true, discardReason: null, advantages: credit.advantage })
    expect(record.advantage).toBeCloseTo(paid / (tokens.length - 4), 9)
    expect(record.episodes.map(({ bonus }) => bonus)).toEqual([0.5, 3])
    const outcomeAlone = recordOf(entry, { credit: { ...credit, parts: { outcome: 0 } } })
    expect(outcomeAlone.episodes.map(({ bonus }) => bonus)).toEqual([null, null])
    const thrown: Credit = discard(graded, gradedParts(graded), 'no-signal')
    expect(recordOf(entry, { credit: thrown })).toMatchObject({ advantage: null, used: false, discardReason: 'no-signal' })
  })

  it('says which tokens were drawn where not all were', () => {
    const sampled = (tokens: number): Uint8Array => new Uint8Array(tokens).fill(1).fill(0, 2, 3)
    const { tokens } = of(wrongAfter(THOUGHT)).rollout
    const mask = sampled(tokens.length)
    expect(recordOf(of(wrongAfter(THOUGHT), { rollout: { sampled: mask } })).sampled).toEqual(mask)
  })

  it('has J at each boundary with its interval, and one estimator for all that were measured alike', () => {
    const sampled: Measured = {
      ...exactly([0, 0.5, 1]),
      method: 'sampled',
      samples: 4,
      intervals: [0, 1, 2].map((at) => ({ low: at, high: at + 5 })),
    }
    const entry = of(wrongAfter(THOUGHT))
    const records = rolloutRecords(
      [exactly([0.1, 0.2, 0.3]), exactly([0, 0, 0]), sampled, { ...sampled, samples: 8 }].map((measured) => item(entry, { measured })),
      settings,
    )
    const curves = records.map(({ progress }) => progress[0]!)
    expect(curves[0]!.estimates.map(({ boundary, tokenOffset, value, low, high }) => [boundary, tokenOffset, value, low, high])).toEqual([
      [0, 0, 0.1, null, null],
      [1, 6, 0.2, null, null],
      [2, 13, 0.3, null, null],
    ])
    expect(curves[2]!.estimates.map(({ low, high }) => [low, high])).toEqual([
      [0, 5],
      [1, 6],
      [2, 7],
    ])
    expect(curves[0]!.estimates[0]!.tokensForwarded).toBe(0)
    expect(curves.map(({ estimator: { method, samples } }) => [method, samples])).toEqual([
      ['exact', 0],
      ['exact', 0],
      ['sampled', 4],
      ['sampled', 8],
    ])
    expect(curves[1]!.estimator).toBe(curves[0]!.estimator)
  })

  it('has the tokens of thinking that came after its answer was sure, those of measured ones alone', () => {
    const entry = of(wrongAfter(THOUGHT))
    const items = [
      item(entry),
      item(entry, { measured: exactly([0, 0.9, 0.9]) }),
      item(entry, { measured: exactly([0, 0, 0]), problemId: 2 }),
    ]
    expect(rolloutRecords(items, settings).map(({ overthinkTokens }) => overthinkTokens)).toEqual([null, 7, 0])
  })
})

describe('the episodes of a rollout', () => {
  const { format } = problems.task
  const placed = (text: string, boundaries: readonly number[]) => {
    const tokens = Int32Array.from(format.toTokens(text)!)
    return placedEpisodes(format, text, tokens, boundaries).map(({ textStart, textEnd, startToken, endToken, marker, index }) => [
      index,
      text.slice(textStart, textEnd),
      startToken,
      endToken,
      marker,
    ])
  }

  it('are told in tokens and in text, white space between them left out, with the word that opens each but the first', () => {
    expect(placed(wrongAfter(THOUGHT), [0, 6, 13])).toEqual([
      [0, '1 + 2 = 3 no', 0, 6, ''],
      [1, 'Wait 3 + 4 = 7 yes', 6, 13, 'Wait'],
    ])
    expect(placed(wrongAfter('Wait 1 + 2 = 3'), [0, 6])).toEqual([[0, 'Wait 1 + 2 = 3', 0, 6, '']])
  })

  it('have no such word where one opens with something else', () => {
    expect(placed(wrongAfter(THOUGHT), [0, 7, 13])).toEqual([
      [0, '1 + 2 = 3 no Wait', 0, 7, ''],
      [1, '3 + 4 = 7 yes', 7, 13, ''],
    ])
    const unmarked = { ...format, extendTokens: [] }
    const text = wrongAfter(THOUGHT)
    expect(placedEpisodes(unmarked, text, Int32Array.from(format.toTokens(text)!), [0, 6, 13])[1]!.marker).toBe('')
  })

  it('of a rollout that did not think are none', () => {
    expect(placed('</think> 1 + 1 <eos>', [0])).toEqual([])
  })
})
