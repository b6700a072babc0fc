// Where a thought is read under a budget: as the cut falls, or after the last whole attempt.
import { describe, expect, it } from 'vitest'
import { cutAt, wholeCutAt } from '../../src-main/episodes/cutThought.ts'

describe('a thought under a budget', () => {
  it('is cut at the budget, or where it ended before', () => {
    expect([5, 30, 40].map((budget) => cutAt({ thinkEnd: 30 }, budget))).toEqual([5, 30, 30])
  })

  it('is read after its last whole attempt within the budget, and empty before the first', () => {
    const thought = { boundaries: [0, 10, 20, 30], forcedStop: false }
    expect([0, 9, 10, 19, 20, 29, 30, 99].map((budget) => wholeCutAt(thought, budget))).toEqual([0, 0, 10, 10, 20, 20, 30, 30])
  })

  it('that was stopped in the middle of an attempt is never read at its end, which ends no attempt', () => {
    const thought = { boundaries: [0, 10, 20, 30], forcedStop: true }
    expect([9, 10, 20, 29, 30, 99].map((budget) => wholeCutAt(thought, budget))).toEqual([0, 10, 20, 20, 20, 20])
    expect(wholeCutAt({ boundaries: [0, 30], forcedStop: true }, 99)).toBe(0)
    expect(wholeCutAt({ boundaries: [0], forcedStop: true }, 99)).toBe(0)
  })
})
