import { describe, expect, it } from 'vitest'
import { cutTexts, cutTokens, endsBetween, readAt, wordEnds } from '../../src-main/episodes/cutsOfRule.ts'
import { OTHER_RULES, type TextRule } from '../../src-main/episodes/segmentText.ts'

const text = '5 + 4 = 9 no Wait 9 * 5 = 45 yes </think> 9 * 5 <eos>'
const ends = wordEnds(text, 18)!
const tokensOf = (of: string, tokenEnds: readonly number[], rule: TextRule, thinkEnd = 13): number[] => {
  const cut = cutTexts([of], rule)
  return 'refused' in cut ? [] : cutTokens(tokenEnds, cut.episodes[0]!, thinkEnd)
}

describe('cutting measured thoughts by another rule', () => {
  it('knows where tokens end only where a token is a word', () => {
    expect(ends.slice(0, 3)).toEqual([2, 4, 6])
    expect(wordEnds(text, 17)).toBeNull()
  })

  it('takes no tokens for words that are as many by chance: episodes end elsewhere', () => {
    const said = 'Wait, it is 12.'
    expect(wordEnds(said, 4)).toEqual([6, 9, 12, 15])
    expect(wordEnds(said, 4, [{ endToken: 3, textEnd: 11 }])).toEqual([6, 9, 12, 15])
    expect(wordEnds(said, 4, [{ endToken: 3, textEnd: 12 }])).toEqual([6, 9, 12, 15])
    expect(wordEnds(said, 4, [{ endToken: 3, textEnd: 0 }])).toEqual([6, 9, 12, 15])
    expect(
      wordEnds(said, 4, [
        { endToken: 3, textEnd: 11 },
        { endToken: 4, textEnd: 8 },
      ]),
    ).toBeNull()
    expect(wordEnds(said, 4, [{ endToken: 2, textEnd: 5 }])).toBeNull()
  })

  it('places other tokens between episodes that were placed in both, exactly at their ends', () => {
    // Five tokens and the space behind them, then two, then two that nobody placed.
    const said = 'abcdefgh  klmnop qr'
    const placed = [
      { endToken: 5, textEnd: 10 },
      { endToken: 7, textEnd: 16 },
    ]
    expect(endsBetween(said, 9, placed)).toEqual([2, 4, 6, 8, 10, 13, 16, 17.5, 19])
    expect(tokensOf(said, endsBetween(said, 9, placed)!, OTHER_RULES.windows, 9)).toEqual([0, 9])
    // Behind the last of the text there may be tokens without any.
    expect(endsBetween('abcd', 4, [{ endToken: 2, textEnd: 4 }])).toEqual([2, 4, 4, 4])
  })

  it('passes over places that lead no further or lie outside, and knows nothing of a text of which none is left', () => {
    const placed = [
      { endToken: 2, textEnd: 4 },
      { endToken: 2, textEnd: 6 },
      { endToken: 3, textEnd: 4 },
      { endToken: 9, textEnd: 8 },
    ]
    expect(endsBetween('abcdefgh', 4, placed)).toEqual([2, 4, 6, 8])
    for (const nothing of [[], [{ endToken: 0, textEnd: 0 }], [{ endToken: 9, textEnd: 4 }]])
      expect(endsBetween('abcd', 4, nothing)).toBeNull()
    expect(endsBetween('', 4, placed)).toBeNull()
  })

  it('cuts before the word that opens, and at the end of thinking', () => {
    expect(tokensOf(text, ends, OTHER_RULES.markers)).toEqual([0, 6, 13])
    expect(tokensOf(text, ends, { ...OTHER_RULES.windows, opener: { kind: 'windows', size: 5 } })).toEqual([0, 5, 10, 13])
  })

  it('ends a paragraph with its last word, not with the closing tag behind the space', () => {
    expect(tokensOf(text, ends, OTHER_RULES.paragraphs)).toEqual([0, 13])
  })

  it('finds no episode in a thought that was closed at once', () => {
    expect(tokensOf('</think> 9 * 5', wordEnds('</think> 9 * 5', 4)!, OTHER_RULES.markers, 0)).toEqual([0])
  })

  it('reaches to no token before a thought that begins with white space', () => {
    const spaced = 'a <think>  \n\nWait </think>'
    expect(tokensOf(spaced, wordEnds(spaced, 4)!, OTHER_RULES.paragraphs, 3)).toEqual([0, 2, 3])
  })

  it('gives the last episode the tokens of the thought that add nothing to its text, and no other cut a place behind them', () => {
    const episodes = [
      { start: 0, end: 2 },
      { start: 3, end: 5 },
      { start: 5, end: 7 },
    ]
    expect(cutTokens([1, 3, 4, 7, 7, 9], episodes, 5)).toEqual([0, 2, 4, 5])
    expect(cutTokens([1, 3, 7, 7, 7, 9], episodes, 3)).toEqual([0, 2, 3])
    expect(cutTokens([1, 3], [], 2)).toEqual([0])
  })

  it('says why a rule can cut nothing', () => {
    expect(cutTexts([text], { ...OTHER_RULES.markers, opener: { kind: 'phrases', phrases: [], patterns: ['('] } })).toMatchObject({
      refused: expect.stringContaining('('),
    })
    expect(cutTexts([text], { ...OTHER_RULES.markers, groupSize: 0 })).toMatchObject({ refused: expect.stringContaining('groupSize') })
  })

  it('takes J where it was measured, reads it off the line elsewhere, and says how often', () => {
    const read = readAt({ offsets: [0, 6, 13], J: [0.1, 0.4, 1.1] }, [0, 3, 6, 13])
    expect(read.measured).toBe(3)
    expect(read.J.map((value) => Number(value.toFixed(10)))).toEqual([0.1, 0.25, 0.4, 1.1])
  })
})
