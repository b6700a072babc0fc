// Segmentation of text. The letter-coded cases were cut by a separate Python implementation of the published rule.
import { describe, expect, it } from 'vitest'
import { OTHER_RULES, PAPER_PHRASES, PAPER_RULES, segmentText, type TextRule } from '../../src-main/episodes/segmentText.ts'

/** One letter per paragraph: which of the things a paragraph can begin with. */
const PARAGRAPHS: Record<string, string> = {
  x: 'Then we compute.',
  W: 'Wait, maybe not.',
  B: 'But wait, hmm.',
  A: 'Alternatively, try.',
  I: 'Is there another way to think about this? Yes.',
  D: 'But let me double-check this.',
  H: 'But hold on.',
  w: 'wait, lower case.',
  s: ' Wait after a space',
  b: 'But Wait',
  n: '\nWait after three newlines',
  e: '',
}
const write = (code: string): string => [...code].map((letter) => PARAGRAPHS[letter]).join('\n\n')
const paper = (maxCuts: number | null, groupSize: number): TextRule => ({
  opener: { kind: 'phrases', phrases: PAPER_PHRASES },
  minGap: 3,
  maxCuts,
  groupSize,
})
const cut = (text: string, rule: TextRule): number[][] => segmentText(text, rule).episodes.map(({ pieces: { start, end } }) => [start, end])

describe("the paper's rule", () => {
  it.each<[string, number, number, number[][]]>([
    [
      'xxxxWxxxx',
      99,
      1,
      [
        [0, 4],
        [4, 9],
      ],
    ],
    [
      'WxxWxWxxB',
      99,
      1,
      [
        [0, 3],
        [3, 8],
        [8, 9],
      ],
    ],
    [
      'xxWxxxWxxxAxxxIxxxDxxxHx',
      99,
      1,
      [
        [0, 6],
        [6, 10],
        [10, 14],
        [14, 18],
        [18, 22],
        [22, 24],
      ],
    ],
    [
      'xwAxxIxexIWsbx',
      99,
      1,
      [
        [0, 5],
        [5, 9],
        [9, 14],
      ],
    ],
    [
      'bssxxHwbnxDHIx',
      2,
      1,
      [
        [0, 5],
        [5, 10],
        [10, 14],
      ],
    ],
    [
      'xebebxxwxsxBxAxxsxAeIH',
      99,
      2,
      [
        [0, 18],
        [18, 22],
      ],
    ],
    [
      'WexBxHxWwWInxxxsDxWxAxwnewexxe',
      3,
      3,
      [
        [0, 10],
        [10, 30],
      ],
    ],
    ['BeDbxxAxBeWxxxsWxxeBxxxxHxxAxe', 0, 1, [[0, 30]]],
    ['bxeHxxAAxAHBxx', 99, 10, [[0, 14]]],
    [
      'xxxxbxxnDeBnHs',
      99,
      1,
      [
        [0, 8],
        [8, 12],
        [12, 14],
      ],
    ],
    [
      'xBBnDexxAnWBxssWBAbxHxBDsxbbwA',
      5,
      2,
      [
        [0, 8],
        [8, 15],
        [15, 30],
      ],
    ],
  ])('cuts %s with at most %d cuts in groups of %d as published', (code, maxCuts, groupSize, expected) => {
    expect(cut(write(code), paper(maxCuts, groupSize))).toEqual(expected)
  })

  it('opens an episode with each of the six phrases and with nothing that merely resembles them', () => {
    for (const letter of 'WBAIDH')
      expect(cut(write(`xxx${letter}x`), paper(99, 1))).toEqual([
        [0, 3],
        [3, 5],
      ])
    for (const letter of 'wsbne') expect(cut(write(`xxx${letter}x`), paper(99, 1))).toHaveLength(1)
  })

  it('ignores a phrase within three paragraphs of the last cut without starting to count anew', () => {
    expect(cut(write('xxxWxWWx'), paper(99, 1))).toEqual([
      [0, 3],
      [3, 6],
      [6, 8],
    ])
    expect(cut(write('WWWx'), paper(99, 1))).toEqual([[0, 4]])
  })

  it('leaves the rest in one episode after the last allowed cut', () => {
    expect(cut(write('xxxWxxWxxWxx'), paper(1, 1))).toEqual([
      [0, 3],
      [3, 12],
    ])
    expect(cut(write('xxxWxxWxxWxx'), paper(null, 1))).toEqual([
      [0, 3],
      [3, 6],
      [6, 9],
      [9, 12],
    ])
  })

  it('has the three published settings', () => {
    expect(Object.values(PAPER_RULES).map((rule) => [rule.maxCuts, rule.groupSize, rule.minGap])).toEqual([
      [99, 10, 3],
      [49, 5, 3],
      [45, 3, 3],
    ])
  })

  it('has other rules that cut as often as they can, but for a change of subject no sooner than a paragraph after the last', () => {
    expect(Object.values(OTHER_RULES).map((rule) => [rule.maxCuts, rule.groupSize, rule.minGap])).toEqual([
      [null, 1, 0],
      [null, 1, 0],
      [null, 1, 0],
      [null, 1, 1],
    ])
    expect([OTHER_RULES.windows.opener.size, OTHER_RULES.topics.opener.window]).toEqual([16, 2])
  })

  it('gives character ranges into the original text, without the newlines at the end of an episode', () => {
    const text = 'One.\n\nTwo.\n\nThree.\n\n\n\nWait, four.\n'
    const { episodes, pieces } = segmentText(text, paper(99, 1))
    expect(episodes.map(({ characters: { start, end } }) => text.slice(start, end))).toEqual(['One.\n\nTwo.\n\nThree.', 'Wait, four.'])
    expect(pieces.map(({ start, end }) => text.slice(start, end))).toEqual(['One.', 'Two.', 'Three.', '', 'Wait, four.\n'])
    expect(episodes[1].pieces).toEqual({ start: 4, end: 5 })
  })

  it('covers every paragraph exactly once, whatever the text', () => {
    const letters = 'xxxWBAIDHwsbne'
    for (let seed = 1; seed < 200; seed++) {
      const code = Array.from(
        { length: 1 + (seed % 25) },
        (_, i) => letters[(seed * 7919 + i * i * 104729 + i * seed) % letters.length],
      ).join('')
      const { episodes, pieces } = segmentText(write(code), paper(seed % 6, 1 + (seed % 4)))
      let next = 0
      for (const { pieces: range } of episodes) {
        expect(range.start).toBe(next)
        expect(range.end).toBeGreaterThan(range.start)
        next = range.end
      }
      expect(next).toBe(pieces.length)
    }
  })
})

describe('other rules', () => {
  it('find no episode in an empty thought', () => {
    expect(segmentText('', PAPER_RULES.regret)).toEqual({ pieces: [], episodes: [] })
  })

  it('can open an episode at a regular expression that matches at the start of a paragraph', () => {
    const rule: TextRule = {
      opener: { kind: 'phrases', phrases: [], patterns: ['(hmm|wait)\\b', '\\d+\\.'] },
      minGap: 1,
      maxCuts: null,
      groupSize: 1,
    }
    expect(cut('a\n\nwait now\n\nso wait\n\n2. next\n\nwaiting', rule)).toEqual([
      [0, 1],
      [1, 3],
      [3, 5],
    ])
  })

  it('can make an empty paragraph an episode of no characters, where it stands', () => {
    expect(segmentText('a\n\n\n\nb', OTHER_RULES.paragraphs).episodes.map(({ characters }) => characters)).toEqual([
      { start: 0, end: 1 },
      { start: 3, end: 3 },
      { start: 5, end: 6 },
    ])
  })

  it('can make every paragraph an episode, in groups', () => {
    const rule: TextRule = { opener: { kind: 'paragraphs' }, minGap: 1, maxCuts: null, groupSize: 2 }
    expect(cut(write('xxWxx'), rule)).toEqual([
      [0, 2],
      [2, 4],
      [4, 5],
    ])
  })

  it('can cut where the words change', () => {
    const topicA = ['the triangle has three sides', 'each side of the triangle is long', 'the sides of this triangle']
    const topicB = ['now count primes below ten', 'primes below ten are few', 'count primes and sum primes']
    const rule: TextRule = { opener: { kind: 'topics', window: 2 }, minGap: 1, maxCuts: null, groupSize: 1 }
    expect(cut([...topicA, ...topicB].join('\n\n'), rule)).toEqual([
      [0, 3],
      [3, 6],
    ])
    expect(cut([...topicA, ...topicB, ...topicA, ...topicB].join('\n\n'), OTHER_RULES.topics)).toEqual([
      [0, 3],
      [3, 6],
      [6, 9],
      [9, 12],
    ])
    expect(cut(Array(5).fill('the same words').join('\n\n'), rule)).toEqual([[0, 5]])
    expect(cut('only one', rule)).toEqual([[0, 1]])
  })

  it('can walk in words, where a phrase may run on and an opener may stand anywhere', () => {
    const parts = (text: string, rule: TextRule) =>
      segmentText(text, rule).episodes.map(({ characters: { start, end } }) => text.slice(start, end))
    const rule = (phrases: readonly string[]): TextRule => ({
      opener: { kind: 'phrases', phrases },
      unit: 'word',
      minGap: 0,
      maxCuts: null,
      groupSize: 1,
    })
    expect(parts('5 + 4 = 9 no Wait 4 * 15 = 60 no Wait 5 yes', OTHER_RULES.markers)).toEqual([
      '5 + 4 = 9 no',
      'Wait 4 * 15 = 60 no',
      'Wait 5 yes',
    ])
    expect(parts('5 + 4 = 9 no Wait', OTHER_RULES.windows)).toEqual(['5 + 4 = 9 no Wait'])
    expect(parts(' so it is But wait a bit  But hold ', rule(['But wait']))).toEqual(['so it is', 'But wait a bit  But hold'])
    expect(parts('one\ntwo\nWait three', { ...rule(['Wait']), unit: 'line' })).toEqual(['one\ntwo', 'Wait three'])
  })

  it('can cut into windows of equally many words, the last one shorter', () => {
    const rule: TextRule = { opener: { kind: 'windows', size: 3 }, unit: 'word', minGap: 0, maxCuts: null, groupSize: 1 }
    expect(cut('a b c d e f g', rule)).toEqual([
      [0, 3],
      [3, 6],
      [6, 7],
    ])
    expect(cut('a b c d e f g', { ...rule, maxCuts: 1 })).toEqual([
      [0, 3],
      [3, 7],
    ])
    expect(cut('a b c d e f g', { ...rule, maxCuts: 0 })).toEqual([[0, 7]])
    expect(cut('a b', { ...rule, opener: { kind: 'windows', size: 1 } })).toEqual([
      [0, 1],
      [1, 2],
    ])
    expect(() => segmentText('a', { ...rule, opener: { kind: 'windows', size: 0 } })).toThrow(RangeError)
  })

  it('finds a change of words also where one word stands in every paragraph', () => {
    const rule: TextRule = { opener: { kind: 'topics', window: 1 }, minGap: 1, maxCuts: null, groupSize: 1 }
    expect(cut(['so so so so one red', 'so so so so red one', 'so so so so two blue', 'so so so so blue two'].join('\n\n'), rule)).toEqual([
      [0, 2],
      [2, 4],
    ])
  })

  it('refuse impossible settings', () => {
    for (const bad of [{ minGap: -1 }, { maxCuts: -1 }, { groupSize: 0 }]) {
      expect(() => segmentText('x', { ...paper(1, 1), ...bad })).toThrow(RangeError)
    }
  })
})
