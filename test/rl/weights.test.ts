// Normalisers and sampler corrections: numbers per token, by hand.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { correctedAdvantage, correctionWeights } from '../../src-main/rl/correction.ts'
import { lossTokens, tokenWeights } from '../../src-main/rl/tokenWeights.ts'
import type { ImportanceCorrection } from '../../src-main/rl/types.ts'
import { sum } from './rollouts.ts'

const credit = (...mask: readonly number[]) => ({ mask: Uint8Array.from(mask), used: mask.includes(1) })
// Two tokens with loss of three, four of four, and one rollout that is not used.
const batch = [credit(1, 0, 1), credit(1, 1, 1, 1), credit(0, 0)]

describe('token weights', () => {
  it('divide by the loss tokens of the batch under token-mean', () => {
    expect(tokenWeights(batch, 'token-mean', 16).map((row) => [...row])).toEqual(
      [
        [1 / 6, 0, 1 / 6],
        [1 / 6, 1 / 6, 1 / 6, 1 / 6],
        [0, 0],
      ].map((row) => row.map(Math.fround)),
    )
  })
  it('give every used rollout the same total under sequence-mean', () => {
    expect(tokenWeights(batch, 'sequence-mean', 16).map((row) => [...row])).toEqual([
      [0.25, 0, 0.25],
      [0.125, 0.125, 0.125, 0.125],
      [0, 0],
    ])
  })
  it('divide by used rollouts times the budget under constant', () => {
    expect(tokenWeights(batch, 'constant', 16).map((row) => [...row])).toEqual([
      [1 / 32, 0, 1 / 32],
      [1 / 32, 1 / 32, 1 / 32, 1 / 32],
      [0, 0],
    ])
  })
  it('count an answer at a cut with the rollout that it belongs to, not as one more', () => {
    const [alone] = tokenWeights([credit(1, 1)], 'constant', 16)
    const [rollout, answer] = tokenWeights([credit(1, 1), credit(1, 1)], 'constant', 16, [true, false])
    expect(rollout).toEqual(alone)
    expect(answer).toEqual(alone)
  })

  it('are all zero where nothing is used', () => {
    for (const aggregation of ['token-mean', 'sequence-mean', 'constant'] as const)
      expect(tokenWeights([credit(0, 0)], aggregation, 16)).toEqual([new Float32Array(2)])
  })
  it('sum to one under both means, whatever the masks', () => {
    fc.assert(
      fc.property(fc.array(fc.array(fc.constantFrom(0, 1), { minLength: 1, maxLength: 9 }), { minLength: 1, maxLength: 6 }), (masks) => {
        const credits = masks.map((mask) => credit(...mask))
        for (const aggregation of ['token-mean', 'sequence-mean'] as const) {
          const weights = tokenWeights(credits, aggregation, 16)
          expect(sum(weights.flatMap((row) => [...row]))).toBeCloseTo(credits.some((one) => one.used) ? 1 : 0, 5)
        }
      }),
    )
  })
  it('count loss tokens', () => expect(lossTokens(batch[0])).toBe(2))
})

describe('the sampler correction', () => {
  // Ratios e^0.5, e^-2, (masked), e^1; their product e^-0.5, geometric mean e^(-1/6).
  const old = Float32Array.of(-1, -3, 0, -1)
  const sampler = Float32Array.of(-1.5, -1, -9, -2)
  const mask = Uint8Array.of(1, 1, 0, 1)
  const weights = (level: ImportanceCorrection['level'], how: ImportanceCorrection['how'], low = 0.5, high = 2) =>
    [...correctionWeights({ level, how, low, high }, old, sampler, mask)].map((weight) => Number(weight.toFixed(5)))

  it('caps the ratio of each token', () => expect(weights('token', 'truncate')).toEqual([1.64872, 0.13534, 0, 2]))
  it('caps the ratio of the whole rollout', () => {
    expect(weights('sequence', 'truncate')).toEqual([0.60653, 0.60653, 0, 0.60653])
    expect(weights('sequence', 'truncate', 0.5, 0.6)).toEqual([0.6, 0.6, 0, 0.6])
  })
  it('drops tokens that leave the band', () => expect(weights('token', 'mask')).toEqual([1, 0, 0, 0]))
  it('drops rollouts by their mean ratio, whatever their length', () => {
    expect(weights('sequence', 'mask')).toEqual([1, 1, 0, 1])
    expect(weights('sequence', 'mask', 0.9)).toEqual([0, 0, 0, 0])
    // The mean ratio is 0.846, the product 0.607.
    expect(weights('sequence', 'mask', 0.7)).toEqual([1, 1, 0, 1])
  })
  it('keeps what lies on the edges of the band', () => {
    expect([...correctionWeights({ level: 'token', how: 'mask', low: 1, high: 1 }, old, old, mask)]).toEqual([1, 1, 0, 1])
  })
  it('is one everywhere when both programs agree', () => {
    expect([...correctionWeights({ level: 'sequence', how: 'truncate', low: 0.5, high: 2 }, old, old, mask)]).toEqual([1, 1, 0, 1])
  })
  it('multiplies advantages', () => {
    const corrected = correctedAdvantage(
      { advantage: Float32Array.of(1, 2, 0, -1), mask },
      { level: 'token', how: 'mask', low: 0.1, high: 2 },
      old,
      sampler,
    )
    expect([...corrected]).toEqual([1, 2, 0, -0])
  })
  it('takes a token that one program thinks impossible for e^20 times as likely to the other', () => {
    const [never, likely] = [Float32Array.of(-1e30), Float32Array.of(-1)]
    const of = (trainer: Float32Array, rollout: Float32Array) =>
      correctionWeights({ level: 'token', how: 'truncate', low: 0.5, high: Infinity }, trainer, rollout, Uint8Array.of(1))[0]
    expect(of(never, likely)).toBe(Math.fround(Math.exp(-20)))
    expect(of(likely, never)).toBe(Math.fround(Math.exp(20)))
  })
})
