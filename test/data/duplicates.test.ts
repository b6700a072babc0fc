// Repeats among problems: the same text however it is spaced, texts that differ in little, and texts that only share a template; and
// the table of digests against a plain Set.
import { describe, expect, it } from 'vitest'
import { createDigestTable, digestOf } from '../../src-main/data/datasets/digestTable.ts'
import { createDuplicateIndex } from '../../src-main/data/datasets/duplicates.ts'
import { createRng } from '../../src-main/numeric/rng.ts'

const words = Array.from({ length: 3000 }, (_, index) => `w${(index * 7919) % 9973}`)
const sentence = (rng: ReturnType<typeof createRng>, length: number): string[] =>
  Array.from({ length }, () => words[rng.int(words.length)]!)
/** With a share of its words replaced. */
const changed = (rng: ReturnType<typeof createRng>, text: readonly string[], count: number): string[] => {
  const copy = [...text]
  for (let each = 0; each < count; each++) copy[rng.int(copy.length)] = `new${rng.int(1e9)}`
  return copy
}
/** |A ∩ B| / |A ∪ B| of their runs of three words. */
function jaccard(a: readonly string[], b: readonly string[]): number {
  const shingles = (text: readonly string[]): Set<string> => new Set(text.slice(2).map((_, at) => text.slice(at, at + 3).join(' ')))
  const [one, other] = [shingles(a), shingles(b)]
  return one.intersection(other).size / one.union(other).size
}

describe('an index of problems', () => {
  it('finds the same text under other spacing, case and Unicode forms', () => {
    const index = createDuplicateIndex()
    expect(index.add('first', 'What is  2 + 2?')).toBeNull()
    expect(index.add('second', 'what is 2 + 2?\n')).toEqual({ key: 'first', similarity: 1 })
    expect(index.find('ＷＨＡＴ is 2 + 2?')).toEqual({ key: 'first', similarity: 1 })
    expect(index.size).toBe(1)
  })

  it.each([12, 30, 80, 300])('estimates how alike two texts of %i words are, as counted over their runs of three words', (length) => {
    const rng = createRng(length)
    const errors: number[] = []
    for (let pair = 0; pair < 200; pair++) {
      const text = sentence(rng, length)
      const other = changed(rng, text, 1 + rng.int(Math.ceil(length / 40)))
      const index = createDuplicateIndex({ threshold: 0.3 })
      index.add('one', text.join(' '))
      const match = index.find(other.join(' '))
      if (match !== null) errors.push(match.similarity - jaccard(text, other))
    }
    expect(errors.length).toBeGreaterThan(150)
    expect(Math.abs(errors.reduce((sum, error) => sum + error, 0) / errors.length)).toBeLessThan(0.03)
    expect(Math.sqrt(errors.reduce((sum, error) => sum + error ** 2, 0) / errors.length)).toBeLessThan(0.1)
  })

  it('finds nearly all texts that share nine tenths, and takes no two of other words for alike', () => {
    const rng = createRng(3)
    const index = createDuplicateIndex<number>()
    const texts = Array.from({ length: 3000 }, () => sentence(rng, 60))
    expect(texts.filter((text, place) => index.add(place, text.join(' ')) !== null)).toEqual([])
    const near = texts.map((text) => {
      const copy = [...text]
      copy[0] = 'other'
      return copy
    })
    expect(near.filter((text, place) => index.find(text.join(' '))?.key === place).length).toBeGreaterThan(2970)
  })

  it('never takes a text for the same because every hash of it agrees', () => {
    const body = Array.from({ length: 600 }, (_, n) => `word${n % 37} step${n}`).join(' ')
    const index = createDuplicateIndex()
    for (let n = 0; n < 200; n++) {
      const match = index.add(`p${n}`, `Problem ${n}: ${body}`)
      if (n > 0) expect(match!.similarity).toBeGreaterThan(0.9)
      expect(match?.similarity ?? 0).toBeLessThan(1)
    }
    expect(index.find(`Problem 7: ${body}`)).toEqual({ key: 'p7', similarity: 1 })
  })

  it('goes on finding the same texts beyond what is kept for alike ones', () => {
    const index = createDuplicateIndex({ nearLimit: 2 })
    for (const key of ['a', 'b', 'c']) index.add(key, `${key} ${key} ${key} and a tail of words`)
    expect(index.find('c c c and a tail of words')).toEqual({ key: 'c', similarity: 1 })
  })
})

describe('a table of digests', () => {
  it('holds what a set holds, through all its sizes', () => {
    const table = createDigestTable()
    const set = new Map<string, number>()
    const rng = createRng(9)
    for (let turn = 0; turn < 20_000; turn++) {
      const text = `text ${rng.int(12_000)}`
      const digest = digestOf(text)
      expect(table.find(digest)).toBe(set.get(text) ?? -1)
      if (!set.has(text)) set.set(text, table.add(digest))
    }
    expect(table.size).toBe(set.size)
  })
})
