import { describe, expect, it } from 'vitest'
import fc from 'fast-check'
import { batchByLength } from '../../src-main/rollout/batches.ts'

describe('batching by length', () => {
  it('holds every sequence exactly once, whatever the lengths', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 300 }), { maxLength: 200 }),
        fc.integer({ min: 64, max: 5000 }),
        (lengths, tokenBudget) => {
          const batches = batchByLength(lengths, { tokenBudget, maxPadding: 0.12 })
          expect(batches.flatMap((batch) => batch.members).sort((a, b) => a - b)).toEqual(lengths.map((_, index) => index))
          for (const batch of batches) {
            expect(batch.width).toBe(Math.max(...batch.members.map((index) => lengths[index]!)))
            if (batch.members.length > 1) expect(batch.width * batch.members.length).toBeLessThanOrEqual(tokenBudget)
          }
        },
      ),
    )
  })

  it('keeps padding under the limit in every batch', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 200 }), (lengths) => {
        for (const { width, members } of batchByLength(lengths))
          expect(1 - members.reduce((sum, index) => sum + lengths[index]!, 0) / (width * members.length)).toBeLessThanOrEqual(0.12 + 1e-12)
      }),
    )
  })

  it('gives a sequence that is longer than the budget a batch of its own', () => {
    expect(batchByLength([10, 900, 12], { tokenBudget: 100, maxPadding: 0.5 })).toEqual([
      { members: [1], width: 900 },
      { members: [2, 0], width: 12 },
    ])
  })
})
