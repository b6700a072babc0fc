// Summaries and standard errors against values computed with NumPy 2.4 and SciPy 1.17.
import { describe, expect, it } from 'vitest'
import { normalQuantile, questionsNeeded, wilson } from '../../src-main/numeric/intervals.ts'
import { mean, median, populationDeviation, quantile, sampleDeviation, sampleVariance, sum } from '../../src-main/numeric/stats.ts'

const VALUES = [3.1, -2.0, 7.5, 0.25, 7.5, 1.0, 12.0, -4.4, 3.3]

describe('summaries', () => {
  it('agree with NumPy on mean and both standard deviations', () => {
    expect(mean(VALUES)).toBeCloseTo(3.1388888888888893, 14)
    expect(sampleDeviation(VALUES)).toBeCloseTo(5.1568993698841075, 13)
    expect(populationDeviation(VALUES)).toBeCloseTo(4.8619713524555825, 13)
    expect(sampleVariance(VALUES)).toBeCloseTo(5.1568993698841075 ** 2, 12)
    expect(sum(Float32Array.from([1, 2, 3]))).toBe(6)
  })

  it('keep their digits when every value has a large offset', () => {
    expect(sampleDeviation([1e9 + 1, 1e9 + 2, 1e9 + 3])).toBe(1)
  })

  it('agree with NumPy on quantiles and leave the list in its order', () => {
    const expected = [-4.4, -2.48, 0.25, 3.1, 8.4, 11.1, 12.0]
    const list = [...VALUES]
    for (const [i, p] of [0, 0.1, 0.25, 0.5, 0.9, 0.975, 1].entries()) expect(quantile(list, p)).toBeCloseTo(expected[i], 13)
    expect(list).toEqual(VALUES)
    expect(median([4, 1, 3, 2])).toBe(2.5)
  })

  it('give NaN for the mean of nothing, no spread for a single value and one for two', () => {
    expect(mean([])).toBeNaN()
    expect(populationDeviation([])).toBeNaN()
    expect(quantile([], 0.5)).toBeNaN()
    expect([sampleDeviation([1, 3]), populationDeviation([1, 3])]).toEqual([Math.SQRT2, 1])
    expect([sampleDeviation([]), sampleDeviation([5]), populationDeviation([5])]).toEqual([0, 0, 0])
  })
})

describe('the Wilson interval', () => {
  it.each([
    [140, 200, 0.95, 0.6332093162728073, 0.759252553176286],
    [0, 10, 0.95, 0, 0.27753279986288926],
    [10, 10, 0.95, 0.7224672001371109, 1],
    [3, 20, 0.9, 0.061582410477368316, 0.3218280756753068],
    [1, 1, 0.99, 0.13097754328018596, 1],
  ])('of %d out of %d at level %d agrees with SciPy', (successes, n, level, low, high) => {
    const interval = wilson(successes, n, level)
    expect(interval.low).toBeCloseTo(low, 13)
    expect(interval.high).toBeCloseTo(high, 13)
  })

  it('knows nothing before the first trial', () => {
    expect(wilson(0, 0)).toEqual({ low: 0, high: 1 })
  })
})

describe('the normal quantile', () => {
  it.each([
    [1e-300, -37.0470962993612],
    [1e-20, -9.262340089798409],
    [1e-15, -7.941345326170998],
    [1e-10, -6.361340902404056],
    [1e-4, -3.7190164854556804],
    [0.01, -2.3263478740408408],
    [0.025, -1.9599639845400545],
    [0.2, -0.8416212335729142],
    [0.5, 0],
    [0.6, 0.2533471031357997],
    [0.925, 1.4395314709384563],
    [0.975, 1.959963984540054],
    [0.999999, 4.753424308817087],
  ])('at %d agrees with SciPy', (p, expected) => {
    expect(Math.abs(normalQuantile(p) - expected)).toBeLessThanOrEqual(1e-13 * Math.max(1, Math.abs(expected)))
  })

  it('is infinite at the ends', () => {
    expect([normalQuantile(0), normalQuantile(1)]).toEqual([-Infinity, Infinity])
  })
})

describe('the power of a comparison', () => {
  it('says how many questions a difference of three points needs', () => {
    const run = { withinVariance: 0.15, samples: 8 }
    expect(questionsNeeded({ difference: 0.03, differenceVariance: 1 / 9, a: run, b: run })).toBe(1297)
  })
})
