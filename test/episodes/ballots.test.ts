// What votes weigh, against the formulas by hand.
import { describe, expect, it } from 'vitest'
import { ballotWeight, countedTokens, needsLogps } from '../../src-main/episodes/ballots.ts'

describe('the vote of an answer', () => {
  const logps = Float32Array.of(Math.log(0.5), Math.log(0.125))
  it('is one, the geometric mean of its chances, or that to the power ln 2, as the rule says', () => {
    expect(ballotWeight('plain', logps)).toBe(1)
    expect(ballotWeight('described', logps)).toBeCloseTo(0.25, 6)
    expect(ballotWeight('released', logps)).toBeCloseTo(0.25 ** Math.LN2, 6)
  })
  it('is that of a certain answer where nothing was written', () => {
    for (const rule of ['plain', 'described', 'released'] as const) expect(ballotWeight(rule, [])).toBe(1)
  })
  it('costs its tokens, half of them as released, and needs log-probs unless it is plain', () => {
    expect((['plain', 'described', 'released'] as const).map((rule) => [countedTokens(rule, 6), needsLogps(rule)])).toEqual([
      [6, false],
      [6, true],
      [3, true],
    ])
  })
})
