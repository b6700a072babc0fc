// pass@k, maj@k and best-of-k against exact combinatorics.
import { describe, expect, it } from 'vitest'
import { bestOfK, majAtK, majoritySizes, passAtK, passSizes, type Vote } from '../../src-main/numeric/passAtK.ts'

describe('the sizes that so many answers support', () => {
  it('are powers of two up to half of the answers, so that more than one subset speaks for each', () => {
    expect([1, 2, 3, 4, 7, 8, 9].map(passSizes)).toEqual([[1], [1], [1], [1, 2], [1, 2], [1, 2, 4], [1, 2, 4]])
    expect([4, 7, 8, 15, 16, 64].map(majoritySizes)).toEqual([[], [], [4], [4], [4, 8], [4, 8, 16, 32]])
  })
})

describe('a vote in which nobody has any weight', () => {
  it('is a tie of all groups', () => {
    const votes: Vote[] = [
      { group: 'a', correct: true, weight: 0 },
      { group: 'b', correct: false, weight: 0 },
    ]
    expect(majAtK(votes, 2)).toBe(0.5)
  })
})

describe('pass@k', () => {
  it.each([
    [10, 3, 1, 0.3],
    [10, 3, 2, 0.5333333333333333],
    [10, 3, 5, 0.9166666666666666],
    [64, 1, 32, 0.5],
    [5, 4, 2, 1],
    [8, 0, 8, 0],
  ])('with n=%d, c=%d, k=%d is 1 - C(n-c,k)/C(n,k)', (n, c, k, expected) => {
    expect(passAtK(n, c, k)).toBeCloseTo(expected, 14)
  })

  it('stays accurate where the binomial coefficients overflow', () => {
    expect(passAtK(2000, 1, 500)).toBeCloseTo(0.25, 12)
  })

  it('is unbiased, while plugging the estimated accuracy into 1-(1-p)^k is biased low', () => {
    // Average over every outcome of n = 6 answers that are right with chance 0.3.
    const [n, p, k] = [6, 0.3, 3]
    let unbiased = 0
    let plugIn = 0
    for (let pattern = 0; pattern < 2 ** n; pattern++) {
      const c = [...pattern.toString(2)].filter((bit) => bit === '1').length
      const weight = p ** c * (1 - p) ** (n - c)
      unbiased += weight * passAtK(n, c, k)
      plugIn += weight * bestOfK(c / n, k)
    }
    expect(unbiased).toBeCloseTo(bestOfK(p, k), 14)
    expect(plugIn).toBeLessThan(bestOfK(p, k) - 0.02)
  })

  it('refuses more draws than there are answers', () => {
    for (const [n, c, k] of [
      [4, 1, 5],
      [4, 5, 1],
      [4, 1, 0],
      [4, -1, 1],
    ])
      expect(() => passAtK(n, c, k)).toThrow(RangeError)
  })
})

describe('best of k', () => {
  it('is 1-(1-p)^k, to full precision also for tiny p', () => {
    expect(bestOfK(0.3, 4)).toBeCloseTo(1 - 0.7 ** 4, 15)
    expect(bestOfK(0.42, 1)).toBeCloseTo(0.42, 15)
    expect(bestOfK(1e-12, 4) / 4e-12).toBeCloseTo(1, 10)
    expect([bestOfK(0, 8), bestOfK(1, 8)]).toEqual([0, 1])
  })
})

describe('maj@k', () => {
  const vote = (group: string | null): Vote => ({ group, correct: group === 'a' })
  const votes = ['a', 'a', 'b', 'b', 'b', 'c', null, null].map(vote)
  const exact = [0.25, 0.32142857142857145, 0.32142857142857145, 0.30714285714285705, 0.29464285714285715, 0.26785714285714285, 0.1875, 0]

  it('averages over every subset when there are few', () => {
    for (const [i, expected] of exact.entries()) expect(majAtK(votes, i + 1)).toBeCloseTo(expected, 13)
    // As many subsets as may be drawn, C(8, 4), are still few.
    expect(majAtK(votes, 4, { draws: 70 })).toBeCloseTo(exact[3]!, 13)
  })

  it('averages over every subset where each leaves out one of many', () => {
    // Of ten right and ten wrong ones, which agree, half of the subsets have one right one more.
    const even = Array.from({ length: 20 }, (_, i) => vote(i % 2 === 0 ? 'a' : 'b'))
    expect(majAtK(even, 19)).toBe(0.5)
  })

  it('averages over random subsets when there are many, the same for the same seed', () => {
    // 20 answers, 15,504 subsets of 5: all of them, or 15,000 at random.
    const many = Array.from({ length: 20 }, (_, i) => vote(i < 7 ? 'a' : i < 14 ? 'b' : i < 17 ? 'c' : null))
    const all = majAtK(many, 5, { draws: 20_000 })
    const random = [1, 2, 3].map((seed) => majAtK(many, 5, { draws: 15_000, seed }))
    for (const value of random) expect(Math.abs(value - all)).toBeLessThan(0.015)
    expect(new Set([all, ...random]).size).toBe(4)
    expect(majAtK(many, 5, { draws: 15_000, seed: 1 })).toBe(random[0])
  })

  it('splits the vote among groups tied at the top', () => {
    expect(majAtK(['a', 'b'].map(vote), 2)).toBe(0.5)
    expect(majAtK(['a', 'b', 'c'].map(vote), 3)).toBeCloseTo(1 / 3, 15)
    const bothRight: Vote[] = [
      { group: 'x', correct: true },
      { group: 'y', correct: true },
      { group: 'z', correct: false },
    ]
    expect(majAtK(bothRight, 3)).toBeCloseTo(2 / 3, 15)
  })

  it('never lets an unparsable answer win', () => {
    expect(majAtK([null, null, 'a'].map(vote), 3)).toBe(1)
    expect(majAtK([null, null, null].map(vote), 2)).toBe(0)
  })

  it('weighs votes by likelihood when weights are given', () => {
    const weighted: Vote[] = [
      { group: 'a', correct: true, weight: 0.9 },
      { group: 'b', correct: false, weight: 0.3 },
      { group: 'b', correct: false, weight: 0.4 },
    ]
    expect(majAtK(weighted, 3)).toBe(1)
    expect(
      majAtK(
        weighted.map(({ group, correct }) => ({ group, correct })),
        3,
      ),
    ).toBe(0)
    const tied: Vote[] = [
      { group: 'a', correct: true, weight: 0.3 },
      { group: 'b', correct: false, weight: 0.1 },
      { group: 'b', correct: false, weight: 0.2 },
    ]
    expect(majAtK(tied, 3)).toBe(0.5)
  })

  it('weighs a vote without a weight as one among those that have one', () => {
    const against = (weight: number) => majAtK([vote('a'), { group: 'b', correct: false, weight }], 2)
    expect([against(0.9), against(1), against(1.1)]).toEqual([1, 0.5, 0])
  })

  it('refuses more votes than there are answers', () => {
    expect(() => majAtK(votes, 9)).toThrow(/1 <= k <= n/)
    expect(() => majAtK(votes, 0)).toThrow(RangeError)
  })
})
