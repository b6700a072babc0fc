/** Where the words of a search lie in a text. */
import { describe, expect, it } from 'vitest'
import { placesOf, wordsOf } from '../../src-renderer/pages/rollouts/highlight.ts'

const found = (text: string, query: string) => placesOf(text, wordsOf(query)).map(([from, to]) => text.slice(from, to))

describe('words of a search', () => {
  it('are found whole and in any case, phrases as they stand', () => {
    expect(found('Wait 40 + 41 = 81 , wait, awaiting', 'wait')).toEqual(['Wait', 'wait'])
    expect(found('40 + 41 = 81 , 140 + 41', '"40 + 41"')).toEqual(['40 + 41'])
    expect(found('a\n b', '“a b”')).toEqual(['a\n b'])
  })

  it('leave out what only joins them, and never read as a pattern', () => {
    expect(wordsOf('wait OR yes + (')).toEqual(['wait', 'yes'])
    expect(found('f(x', 'f(x')).toEqual(['f(x'])
  })
})
