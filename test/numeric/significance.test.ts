// Several tests made at once, exact tests of counts against SciPy's, and Student's t.
import { describe, expect, it } from 'vitest'
import { createRng } from '../../src-main/numeric/rng.ts'
import { binomialProbability, binomialRange, holm } from '../../src-main/numeric/significance.ts'
import { studentQuantile } from '../../src-main/numeric/student.ts'

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

describe('exact binomial figures', () => {
  it('give probabilities that agree with SciPy', () => {
    expect(binomialProbability(3, 10, 0.3)).toBeCloseTo(0.26682793199999977, 13)
    expect(binomialProbability(128, 256, 0.5)).toBeCloseTo(0.049819109936140166, 12)
    expect([binomialProbability(0, 5, 0), binomialProbability(1, 5, 0), binomialProbability(5, 5, 1)]).toEqual([1, 0, 1])
  })

  it('give central ranges that agree with SciPy', () => {
    for (const [n, p, low, high] of [
      [256, 0.3, 63, 91],
      [256, 0.01, 0, 6],
      [10, 0.5, 2, 8],
      [256, 0.999, 254, 256],
      [100, 0.05, 1, 10],
      [50, 0, 0, 0],
      [50, 1, 50, 50],
    ]) {
      expect(binomialRange(n, p)).toEqual({ low, high })
    }
  })
})

describe("Student's t", () => {
  it('has the quantiles of the tables, and tails that undo them', () => {
    for (const [df, t] of [
      [1, 12.7062047],
      [2, 4.30265273],
      [3, 3.18244631],
      [7, 2.36462425],
      [8, 2.30600414],
      [30, 2.04227246],
      [60, 2.00029782],
      [500, 1.96471984],
    ] as const) {
      expect(studentQuantile(0.05, df)).toBeCloseTo(t, 5)
    }
    expect(studentQuantile(0.05, Infinity)).toBeCloseTo(1.95996398, 7)
    // One and two degrees of freedom have tails in closed form.
    for (const tail of [0.9, 0.2, 1e-3, 1e-6]) {
      expect(1 - (2 / Math.PI) * Math.atan(studentQuantile(tail, 1))).toBeCloseTo(tail, 9)
      const t = studentQuantile(tail, 2)
      expect(1 - t / Math.sqrt(2 + t ** 2)).toBeCloseTo(tail, 9)
    }
  })
})

describe("Student's t from forty degrees of freedom on", () => {
  /** P(|T| > t) by the finite sum for an even number of degrees of freedom. */
  function tailOf(t: number, df: number): number {
    const cosine = 1 / Math.sqrt(1 + t ** 2 / df)
    let [term, total] = [1, 1]
    for (let k = 2; k < df; k += 2) total += term *= (cosine ** 2 * (k - 1)) / k
    return 1 - Math.sqrt(1 - cosine ** 2) * total
  }

  it('is an expansion that has the exact tail to eight digits at the usual level, and to five at a thousandth', () => {
    for (const df of [38, 40, 60, 200])
      for (const [tail, near] of [
        [0.9, 1e-9],
        [0.5, 1e-9],
        [0.05, 2e-8],
        [1e-3, 3e-6],
      ] as const)
        expect(Math.abs(tailOf(studentQuantile(tail, df), df) / tail - 1), `${tail} at ${df}`).toBeLessThan(near)
  })
})
