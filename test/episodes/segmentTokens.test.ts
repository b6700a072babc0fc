// Boundaries of token traces and their merging.
import { describe, expect, it } from 'vitest'
import { boundariesInTokens, episodeRanges, limitEpisodes, segmentTokens } from '../../src-main/episodes/segmentTokens.ts'
import { createRng } from '../../src-main/numeric/rng.ts'
import { createCountdown } from '../../src-main/tasks/countdown.ts'

const MARKERS = { openers: [5], closers: [[4]], stops: [2] }

describe('token segmentation', () => {
  it.each<[string, number[], number[], number, boolean]>([
    ['two episodes', [20, 21, 5, 22, 4, 30, 2], [0, 2, 4], 4, true],
    ['a marker at the very beginning', [5, 21, 5, 22, 4, 2], [0, 2, 4], 4, true],
    ['empty thinking', [4, 30, 2], [0], 0, true],
    ['thinking that never ends', [20, 5, 21], [0, 1, 3], 3, false],
    ['an end token inside the thinking', [20, 5, 21, 2, 5, 4], [0, 1, 3], 3, false],
    ['a marker as the last thought', [20, 5, 4, 2], [0, 1, 2], 2, true],
    ['markers one after the other', [20, 5, 5, 21, 4], [0, 1, 2, 4], 4, true],
    ['markers in the answer', [20, 4, 5, 30, 2], [0, 1], 1, true],
    ['nothing', [], [0], 0, false],
  ])('cuts %s', (_name, completion, boundaries, thinkEnd, closed) => {
    expect(segmentTokens(completion, MARKERS)).toEqual({ boundaries, thinkEnd, closed, answerStart: closed ? thinkEnd + 1 : thinkEnd })
    expect(segmentTokens(Int32Array.from(completion), MARKERS).boundaries).toEqual(boundaries)
  })

  it('finds the boundaries at which the Countdown teacher placed them', () => {
    const task = createCountdown({ counts: [3, 4] })
    const rng = createRng(1)
    for (const problem of task.problems('train', 200, 1)) {
      const trace = task.teacherTrace(problem, rng)!
      expect(task.format.read(trace.completion).boundaries).toEqual(trace.boundaries)
    }
  })

  it('takes a run of tokens for the end of thinking, and only the whole run', () => {
    const runs = {
      ...MARKERS,
      closers: [
        [7, 4],
        [9, 7, 4],
      ],
    }
    expect(segmentTokens([20, 4, 5, 7, 7, 4, 30, 2], runs)).toEqual({ boundaries: [0, 2, 4], thinkEnd: 4, answerStart: 6, closed: true })
    expect(segmentTokens([20, 9, 7, 4, 30, 2], runs)).toEqual({ boundaries: [0, 1], thinkEnd: 1, answerStart: 4, closed: true })
    expect(segmentTokens([20, 7, 2], runs)).toEqual({ boundaries: [0, 2], thinkEnd: 2, answerStart: 2, closed: false })
  })

  it('accepts several markers', () => {
    expect(segmentTokens([20, 6, 21, 5, 22, 4], { ...MARKERS, openers: [5, 6] }).boundaries).toEqual([0, 1, 3, 5])
  })
})

describe('merging episodes', () => {
  it('joins all later ones into the last when there are too many', () => {
    expect(limitEpisodes([0, 3, 5, 9, 12, 20], 3)).toEqual([0, 3, 5, 20])
    expect(limitEpisodes([0, 3, 5], 3)).toEqual([0, 3, 5])
    expect(limitEpisodes([0, 3, 5], 1)).toEqual([0, 5])
    expect(() => limitEpisodes([0, 3], 0)).toThrow(RangeError)
  })

  it('turns boundaries into ranges', () => {
    expect(episodeRanges([0, 3, 5])).toEqual([
      { start: 0, end: 3 },
      { start: 3, end: 5 },
    ])
    expect(episodeRanges([0])).toEqual([])
  })
})

describe('boundaries of text in tokens', () => {
  it('take the fewest tokens that reach the end of the episode', () => {
    // "Hello. " "Wait" ", no" "." with an episode ending after "Hello." inside the first token.
    expect(boundariesInTokens([6, 15], [7, 11, 15, 16])).toEqual([0, 1, 3])
    expect(boundariesInTokens([7, 16], [7, 11, 15, 16])).toEqual([0, 1, 4])
    expect(boundariesInTokens([], [3])).toEqual([0])
    expect(boundariesInTokens([0], [3])).toEqual([0, 0])
    expect(boundariesInTokens([1], [3])).toEqual([0, 1])
  })

  it('are all tokens for an episode that ends where no token reaches', () => {
    expect(boundariesInTokens([5, 9], [3, 6])).toEqual([0, 2, 2])
  })
})
