// Several tests made at once.
import { describe, expect, it } from 'vitest'
import { holm } from '../../src-main/numeric/significance.ts'
import { createRng } from '../../src-main/numeric/rng.ts'

describe('p-values of tests that are made at once', () => {
  it('are those that Holm works out by hand', () => {
    // 4 x .01, 3 x .013, 2 x .02 and 1 x .04 in that order, each at least the one before it.
    expect(holm([0.02, 0.01, 0.04, 0.013]).map((p) => Number(p.toFixed(6)))).toEqual([0.04, 0.04, 0.04, 0.04])
    expect(holm([0.001, 0.2, 0.03]).map((p) => Number(p.toFixed(6)))).toEqual([0.003, 0.2, 0.06])
    expect(holm([0.5, 0.9])).toEqual([1, 1])
    expect(holm([0.03])).toEqual([0.03])
    expect(holm([])).toEqual([])
  })

  it('go with their tests, and leave one that could not be made out of the count', () => {
    const [first, absent, last] = holm([0.04, NaN, 0.01])
    expect([first, last]).toEqual([0.04, 0.02])
    expect(absent).toBeNaN()
  })

  it('call one of twenty tests with nothing to find a finding in at most a twentieth of all cases', () => {
    const rng = createRng(3)
    const cases = 4_000
    let plain = 0
    let together = 0
    for (let at = 0; at < cases; at++) {
      const ps = Array.from({ length: 20 }, () => rng.float())
      if (ps.some((p) => p < 0.05)) plain++
      if (holm(ps).some((p) => p < 0.05)) together++
    }
    expect(plain / cases).toBeGreaterThan(0.6)
    expect(together / cases).toBeLessThan(0.06)
    expect(together / cases).toBeGreaterThan(0.035)
  })
})
