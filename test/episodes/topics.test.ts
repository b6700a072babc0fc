// Changes of subject against the definition written out plainly: every similarity from its own words, every peak by walking.
import { describe, expect, it } from 'vitest'
import { topicShifts } from '../../src-main/episodes/topics.ts'
import { createRng } from '../../src-main/numeric/rng.ts'

/** As TextTiling says it: TF-IDF blocks of `window` paragraphs on each side of a gap, depth of the gap below both peaks, mean plus half a deviation. */
function plainShifts(paragraphs: readonly string[], window: number): boolean[] {
  const words = paragraphs.map((text): readonly string[] => text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [])
  const vocabulary = [...new Set(words.flat())]
  const rarity = (word: string): number => 1 + Math.log((1 + paragraphs.length) / (1 + words.filter((own) => own.includes(word)).length))
  const block = (from: number, to: number): number[] =>
    vocabulary.map(
      (word) =>
        words
          .slice(Math.max(0, from), to)
          .flat()
          .filter((each) => each === word).length * rarity(word),
    )
  const dot = (a: readonly number[], b: readonly number[]): number => a.reduce((sum, value, i) => sum + value * b[i]!, 0)
  const similar: number[] = []
  for (let gap = 1; gap < paragraphs.length; gap++) {
    const [before, after] = [block(gap - window, gap), block(gap, gap + window)]
    similar.push(dot(before, after) === 0 ? 0 : dot(before, after) / Math.sqrt(dot(before, before) * dot(after, after)))
  }
  const climb = (gap: number, step: number): number => {
    for (let at = gap; ; at += step) if (!(similar[at + step]! >= similar[at]!)) return similar[at]!
  }
  const depths = similar.map((own, gap) => climb(gap, -1) + climb(gap, 1) - 2 * own)
  const mean = depths.reduce((sum, depth) => sum + depth, 0) / depths.length
  const deviation = Math.sqrt(depths.reduce((sum, depth) => sum + (depth - mean) ** 2, 0) / depths.length)
  return paragraphs.map((_, i) => i > 0 && depths[i - 1]! > 0 && depths[i - 1]! >= mean + deviation / 2)
}

describe('changes of subject', () => {
  it('are where the definition finds them, over random texts of few words and every window', () => {
    const rng = createRng(11)
    const subjects = [
      ['sum', 'add', 'digit', 'carry'],
      ['angle', 'side', 'circle', 'chord'],
      ['prime', 'factor', 'carry', 'side'],
    ]
    let found = 0
    for (let text = 0; text < 300; text++) {
      const paragraphs = Array.from({ length: 3 + rng.int(8) }, (_, at) =>
        Array.from({ length: 1 + rng.int(5) }, () =>
          rng.pick(rng.chance(0.8) ? subjects[Math.floor(at / 3) % 3]! : ['so', 'then', 'is']),
        ).join(' '),
      )
      for (const window of [1, 2, 3]) {
        const shifts = topicShifts(paragraphs, window)
        expect(shifts, paragraphs.join(' | ')).toEqual(plainShifts(paragraphs, window))
        found += shifts.filter(Boolean).length
      }
    }
    expect(found).toBeGreaterThan(300)
  })

  it('lie on both sides of a paragraph without a word between two subjects', () => {
    // Neighbours are alike, unlike, unlike and alike: depths 0, 2, 2, 0, of which those above 1 + 1 / 2 count.
    expect(topicShifts(['sum digit', 'sum digit', '...', 'side angle', 'side angle'], 1)).toEqual([false, false, true, true, false])
  })

  it('are none in a text of one paragraph, or of the same one again and again', () => {
    expect(topicShifts(['only this'], 2)).toEqual([false])
    expect(topicShifts(['the same', 'the same', 'the same', 'the same'], 1)).toEqual([false, false, false, false])
  })
})
