import { describe, expect, it } from 'vitest'
import { cutTexts, cutTokens, readAt, wordEnds } from '../../src-main/episodes/cutsOfRule.ts'
import { OTHER_RULES, type TextRule } from '../../src-main/episodes/segmentText.ts'

const text = '5 + 4 = 9 no Wait 9 * 5 = 45 yes </think> 9 * 5 <eos>'
const ends = wordEnds(text, 18)!
const tokensOf = (of: string, tokenEnds: readonly number[], rule: TextRule): number[] => {
  const cut = cutTexts([of], rule)
  return 'refused' in cut ? [] : cutTokens(of, tokenEnds, cut.episodes[0]!)
}

describe('cutting measured thoughts by another rule', () => {
  it('knows where tokens end only where a token is a word', () => {
    expect(ends.slice(0, 3)).toEqual([1, 3, 5])
    expect(wordEnds(text, 17)).toBeNull()
  })

  it('cuts before the word that opens, and at the end of thinking', () => {
    expect(tokensOf(text, ends, OTHER_RULES.markers)).toEqual([0, 6, 13])
    expect(tokensOf(text, ends, { ...OTHER_RULES.windows, opener: { kind: 'windows', size: 5 } })).toEqual([0, 5, 10, 13])
  })

  it('ends a paragraph with its last word, not with the closing tag behind the space', () => {
    expect(tokensOf(text, ends, OTHER_RULES.paragraphs)).toEqual([0, 13])
  })

  it('finds no episode in a thought that was closed at once', () => {
    expect(tokensOf('</think> 9 * 5', wordEnds('</think> 9 * 5', 4)!, OTHER_RULES.markers)).toEqual([0])
  })

  it('reaches to no token before a thought that begins with white space', () => {
    const spaced = 'a <think>  \n\nWait </think>'
    expect(tokensOf(spaced, wordEnds(spaced, 4)!, OTHER_RULES.paragraphs)).toEqual([0, 2, 3])
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
