// Curves and associations against NumPy 2.4 and SciPy 1.17.
import { describe, expect, it } from 'vitest'
import { auroc, brier, calibrationError, pearson, ranks, reliability, spearman } from '../../src-main/numeric/association.ts'
import { areaUpTo, firstReach, interpolate, trapezoid } from '../../src-main/numeric/curves.ts'

describe('a piecewise-linear curve', () => {
  const x = [0, 1, 3, 3.5, 7]
  const y = [0, 2, 2, 5, 1]

  it('has the trapezoid area', () => {
    expect(trapezoid(x, y)).toBe(17.25)
    expect(trapezoid([1], [5])).toBe(0)
    expect(trapezoid([], [])).toBe(0)
  })

  it('is interpolated between its points and held flat beyond them', () => {
    const expected = [0, 0, 1, 2, 3.5, 1, 1]
    for (const [i, at] of [-1, 0, 0.5, 2, 3.25, 7, 9].entries()) expect(interpolate(x, y, at)).toBeCloseTo(expected[i], 14)
    expect(interpolate([], [], 1)).toBeNaN()
    // Where x repeats, the earlier point counts.
    expect([0, 2].map((at) => interpolate([0, 0, 2, 2], [1, 5, 5, 9], at))).toEqual([1, 5])
  })

  it('has an area up to any end: interpolated inside, held flat outside', () => {
    expect(areaUpTo(x, y, 7)).toBe(17.25)
    expect(areaUpTo(x, y, 2)).toBe(1 + 2)
    expect(areaUpTo(x, y, 3.25)).toBeCloseTo(1 + 4 + (0.25 * (2 + 3.5)) / 2, 14)
    expect(areaUpTo(x, y, 10)).toBe(17.25 + 3)
    expect(areaUpTo([0, 2, 2], [0, 1, 5], 2)).toBe(1)
  })

  it('first reaches a level where its segment crosses it, or never', () => {
    expect(firstReach(x, y, 1)).toBe(0.5)
    expect(firstReach(x, y, 0)).toBe(0)
    expect(firstReach(x, y, 3.5)).toBe(3.25)
    expect([firstReach(x, y, 2), firstReach(x, y, 5)]).toEqual([1, 3.5])
    expect(firstReach(x, y, 5.1)).toBeNull()
  })
})

describe('correlation', () => {
  const a = [1, 2, 2, 3, 5, 8, 8, 8, 1.5]
  const b = [2, 1, 4, 4, 5, 9, 7, 7, 0]

  it('agrees with SciPy, ties ranked in the middle', () => {
    expect([...ranks(a)]).toEqual([1, 3.5, 3.5, 5, 6, 8, 8, 8, 2])
    expect(pearson(a, b)).toBeCloseTo(0.9154564148594033, 14)
    expect(spearman(a, b)).toBeCloseTo(0.9142388742738977, 14)
  })

  it('is 1 for any increasing relation and undefined against a constant', () => {
    expect(spearman([1, 2, 3, 4], [1, 8, 27, 1000])).toBeCloseTo(1, 15)
    expect(spearman([1, 2, 3], [5, 5, 5])).toBeNaN()
    expect(() => spearman([1, 2], [1])).toThrow(/equally long/)
  })
})

describe('predicted probabilities', () => {
  const p = [0.1, 0.4, 0.4, 0.35, 0.8, 0.9, 0.4, 0.05]
  const outcome = [0, 1, 0, 0, 1, 1, 1, 0]

  it('have the AUROC of the Mann-Whitney statistic, ties counting half', () => {
    expect(auroc(p, outcome)).toBeCloseTo(0.9375, 15)
    expect(
      auroc(
        p,
        outcome.map((o) => o === 0),
      ),
    ).toBeCloseTo(1 - 0.9375, 15)
    expect(auroc([0.5, 0.5], [true, false])).toBe(0.5)
    expect(auroc([0.1, 0.9], [1, 1])).toBeNaN()
  })

  it('have the Brier score of their mean squared error', () => {
    expect(brier(p, outcome)).toBeCloseTo(0.133125, 15)
    expect(brier([1, 0], [true, false])).toBe(0)
  })

  it('fall into bins that show what was predicted beside what happened', () => {
    const bins = reliability([0, 0.05, 0.5, 0.55, 1], [0, 1, 1, 0, 1], 2)
    expect(bins).toEqual([
      { low: 0, high: 0.5, count: 2, predicted: 0.025, observed: 0.5 },
      { low: 0.5, high: 1, count: 3, predicted: (0.5 + 0.55 + 1) / 3, observed: 2 / 3 },
    ])
    expect(calibrationError(bins)).toBeCloseTo((2 / 5) * 0.475 + (3 / 5) * Math.abs(2.05 / 3 - 2 / 3), 14)
    expect(calibrationError(reliability([0.3], [0], 10))).toBeCloseTo(0.3, 15)
  })

  it('fall into ten bins unless told otherwise, and into the first or the last where rounding took them out of [0, 1]', () => {
    const bins = reliability([-1e-9, 0.05, 0.1, 0.95, 1, 1 + 1e-9], [0, 0, 0, 1, 1, 1])
    expect(bins.map(({ count }) => count)).toEqual([2, 1, 0, 0, 0, 0, 0, 0, 0, 3])
    expect([bins[9]!.low, bins[9]!.high]).toEqual([0.9, 1])
    expect(bins[5]!.observed).toBeNaN()
    expect(calibrationError([])).toBe(0)
    for (const score of [brier, auroc, reliability]) expect(() => score([0.5], [])).toThrow(/equally long, found 1 and 0/)
  })
})
