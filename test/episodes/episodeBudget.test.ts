// Regret over a budget of episodes, by hand.
import { describe, expect, it } from 'vitest'
import { episodeBudgetRegret, episodesOf, MOST_BLOCKS } from '../../src-main/episodes/episodeBudget.ts'

const here = (one: number, two: number, four: number, eight: number) => ({ 1: one, 2: two, 4: four, 8: eight })

describe('regret over a budget of episodes', () => {
  // First block: thinking on goes from 0.2 to 0.7, along 0.2, 0.3, 0.5, 0.7; votes give 0.2, 0.2, 0.4, 0.5 and are never ahead: area 2.25, nothing lost.
  // Second block: thinking on falls from 0.7 to 0.5, area 3; votes give 0.7, 0.7, 0.8, 0.85: 0.7 + 2 * 0.75 + 2 * 0.825 = 3.85, so 0.85 is lost.
  const rollout = [here(0.2, 0.2, 0.4, 0.6), here(0.7, 0.7, 0.8, 0.9), here(0.5, 0.5, 0.5, 0.5)]

  it('is 0 while thinking on is the better way, and the share of the comparator’s area that a vote would have added where it is not', () => {
    expect(episodeBudgetRegret(rollout, 1)).toBeCloseTo(0, 12)
    expect(episodeBudgetRegret(rollout, 2)).toBeCloseTo(0.85 / (2.25 + 3.85), 12)
  })

  it('compares point by point, so that a vote that is ahead only later loses only there', () => {
    // Thinking on: 0.4, 0.4, 0.4, 0.4, area 2. Votes: 0.4, 0.4, 0.4, 0.5, so the last trapezoid holds 0.9 instead of 0.8.
    expect(episodeBudgetRegret([here(0.4, 0.4, 0.4, 0.6), here(0.4, 0, 0, 0)], 1)).toBeCloseTo(0.1 / 2.1, 12)
  })

  it('stays what it is at the end of a rollout for any larger budget', () => {
    expect(episodeBudgetRegret(rollout, 6)).toBe(episodeBudgetRegret(rollout, 2))
  })

  it('is not told of a rollout without a block, nor of one that neither way gets right', () => {
    expect(episodeBudgetRegret([here(1, 1, 1, 1)], 3)).toBeNull()
    expect(episodeBudgetRegret([here(0, 0, 0, 0), here(0, 0, 0, 0)], 3)).toBeNull()
  })

  it('counts five episodes to a block and one before', () => {
    expect(Array.from({ length: MOST_BLOCKS }, (_, index) => episodesOf(index + 1))).toEqual([6, 11, 16, 21, 26, 31])
  })
})
