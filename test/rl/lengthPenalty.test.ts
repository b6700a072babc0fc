// Arora-Zanette's length penalty by hand, with its traps: deviation among the right answers only, wrong or unfinished earns nothing.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createMethod, creditBatch } from '../../src-main/rl/algorithms.ts'
import { lengthPenalties } from '../../src-main/rl/lengthPenalty.ts'
import { anyGroup, context, outcomes, rollout } from './rollouts.ts'

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x))
const credit = (group: Parameters<typeof creditBatch>[1], options = {}) =>
  creditBatch(createMethod('length-penalty', options), group, context)

describe('the length penalty', () => {
  // Right answers of 4 and 8 tokens: mean 6, population deviation 2, z = -1 and +1. The wrong one of 16 tokens plays no part.
  const group = [
    rollout({ correct: 1, tokenCount: 4 }),
    rollout({ sample: 1, correct: 1, tokenCount: 8 }),
    rollout({ sample: 2, correct: 0, tokenCount: 16 }),
  ]

  it('pays a right answer 1 - alpha * sigmoid(z) and a wrong one nothing', () => {
    const rewards = credit(group, { alpha: 0.4 }).map((one) => one.reward)
    expect(rewards[0]).toBeCloseTo(1 - 0.4 * sigmoid(-1), 6)
    expect(rewards[1]).toBeCloseTo(1 - 0.4 * sigmoid(1), 6)
    expect(rewards[2]).toBe(0)
    // The deviation is held a little above 0, as in the paper: z is 2 / (2 + 1e-7).
    expect(lengthPenalties(group, 0.4)[1]).toBeCloseTo(-0.4 * sigmoid(2 / (2 + 1e-7)), 10)
  })

  it('compares with the mean of the others', () => {
    const [a, b, c] = credit(group, { alpha: 0.4 })
    expect(a.outcomeAdvantage).toBeCloseTo(a.reward - (b.reward + c.reward) / 2, 10)
    expect(a.parts).toEqual({ outcome: 1, length_penalty: expect.closeTo(-0.4 * sigmoid(-1), 6) })
  })

  it('takes half of alpha where there is one right answer or all have one length', () => {
    expect(credit(outcomes(1, 0), { alpha: 0.2 })[0].reward).toBeCloseTo(0.9, 10)
    expect(credit(outcomes(1, 1), { alpha: 0.2 }).map((one) => one.reward)).toEqual([0.9, 0.9])
  })

  it('pays nothing for a right answer that never ended, nor counts its length', () => {
    const unfinished = rollout({ sample: 3, correct: 1, tokenCount: 12, finish: 'length' })
    const credits = credit([...group, unfinished], { alpha: 0.4 })
    expect(credits[3]).toMatchObject({ reward: 0, parts: { outcome: 1, length_penalty: -1 } })
    expect(credits[0].reward).toBe(credit(group, { alpha: 0.4 })[0].reward)
  })

  it('pays nothing in a group without a right answer', () => {
    expect(credit(outcomes(0, 0)).map((one) => [one.reward, one.outcomeAdvantage])).toEqual([
      [0, 0],
      [0, 0],
    ])
  })

  it('never pays a right finished answer less than 1 - alpha, and orders them by length', () => {
    fc.assert(
      fc.property(anyGroup(), fc.double({ min: 0, max: 1, noNaN: true }), (any, alpha) => {
        const penalties = lengthPenalties(any, alpha)
        const right = any
          .map((one, index) => ({ one, penalty: penalties[index] }))
          .filter(({ one }) => one.correct === 1 && one.finish === 'stop')
        for (const { one, penalty } of right) {
          expect(penalty).toBeGreaterThanOrEqual(-alpha)
          for (const other of right) if (other.one.tokenCount > one.tokenCount) expect(other.penalty).toBeLessThanOrEqual(penalty)
        }
      }),
    )
  })
})
