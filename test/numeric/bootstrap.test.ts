// The bootstrap against what theory says of a mean, and the tests of a difference against SciPy's exact ones.
import { describe, expect, it } from 'vitest'
import { bootstrap, bootstrapCurve, bootstrapMean, bootstrapSeeds } from '../../src-main/numeric/bootstrap.ts'
import { overResampledSeeds, percentileInterval, questionResampling, resampledMeans, seedResampling } from '../../src-main/numeric/resampling.ts'
import { createRng } from '../../src-main/numeric/rng.ts'
import { binomialProbability, binomialRange, holm, mcnemarTest, signFlipTest } from '../../src-main/numeric/significance.ts'
import { interquartileMean, mean, populationDeviation } from '../../src-main/numeric/stats.ts'

const rng = createRng(42)
const values = Array.from({ length: 300 }, () => rng.float() ** 2)

describe('the bootstrap', () => {
  it('of a mean has the standard error sd(ddof 0)/sqrt(n) and an interval about 1.96 of them wide on each side', () => {
    const result = bootstrapMean(values, { seed: 1 })
    const error = populationDeviation(values) / Math.sqrt(values.length)
    expect(result.estimate).toBe(mean(values))
    expect(result.draws).toBe(10_000)
    expect(Math.abs(result.error / error - 1)).toBeLessThan(0.03)
    expect(Math.abs((result.high - result.estimate) / error - 1.96)).toBeLessThan(0.1)
    expect(Math.abs((result.estimate - result.low) / error - 1.96)).toBeLessThan(0.1)
  })

  it('gives the same interval for the same seed, another for another, and a narrower one at a lower level', () => {
    const at = (seed: number, level = 0.95) => bootstrapMean(values, { seed, level, draws: 2000 })
    expect(at(1)).toEqual(at(1))
    expect(at(1).low).not.toBe(at(2).low)
    expect(at(1, 0.5).high).toBeLessThan(at(1).high)
  })

  it('covers the true mean about as often as it claims', () => {
    const source = createRng(7)
    let covered = 0
    for (let run = 0; run < 300; run++) {
      const sample = Array.from({ length: 60 }, source.float)
      const { low, high } = bootstrapMean(sample, { seed: run, draws: 400 })
      if (low <= 0.5 && 0.5 <= high) covered++
    }
    expect(covered / 300).toBeGreaterThan(0.89)
    expect(covered / 300).toBeLessThan(0.985)
  })

  it('recomputes any statistic on the resampled questions', () => {
    const [tokensA, tokensB] = [values.map((v) => 100 + v), values.map((v) => 50 + 10 * v)]
    const ratio = bootstrap({ questions: 300 }, (questions) => {
      let a = 0
      let b = 0
      for (const q of questions) {
        a += tokensA[q]
        b += tokensB[q]
      }
      return b / a
    }, { seed: 3, draws: 2000 })
    expect(ratio.estimate).toBeCloseTo(mean(tokensB) / mean(tokensA), 14)
    expect(ratio.low).toBeLessThan(ratio.estimate)
    expect(ratio.high).toBeGreaterThan(ratio.estimate)
  })

  it('gives a curve one interval per point, each as if it had been asked for alone', () => {
    const options = { seed: 5, draws: 500 }
    const curve = bootstrapCurve({ questions: 300 }, (questions) => [0.1, 0.5].map((cut) => questions.filter((q) => values[q] > cut).length / 300), options)
    const alone = bootstrap({ questions: 300 }, (questions) => questions.filter((q) => values[q] > 0.5).length / 300, options)
    expect(curve).toHaveLength(2)
    expect(curve[1]).toEqual(alone)
  })

  it('leaves out draws on which the statistic is undefined and says how many it kept', () => {
    const result = bootstrap({ questions: 4 }, (questions) => (questions[0] === 0 ? NaN : 1), { seed: 1, draws: 1000 })
    expect(result.draws).toBeGreaterThan(650)
    expect(result.draws).toBeLessThan(850)
    expect([result.low, result.high]).toEqual([1, 1])
    expect(bootstrap({ questions: 2 }, () => NaN, { seed: 1, draws: 10 }).low).toBeNaN()
  })

  it('over seeds adds the variance between seeds to that between questions', () => {
    // 5 seeds that differ by a constant: the variance of the mean is var(seeds)/5 + var(questions)/Q.
    const offsets = [0, 0.1, 0.25, -0.1, -0.2]
    const table = offsets.map((offset) => values.map((v) => v + offset))
    const result = bootstrapSeeds(table, { seed: 9 })
    const expected = Math.sqrt(populationDeviation(offsets) ** 2 / 5 + populationDeviation(values) ** 2 / 300)
    expect(Math.abs(result.error / expected - 1)).toBeLessThan(0.04)
    const one = bootstrapSeeds([values], { seed: 9 })
    expect(one).toEqual(bootstrapMean(values, { seed: 9 }))
  })

  it('can aggregate seeds by the interquartile mean', () => {
    const table = [0, 1, 2, 3, 100].map((seedValue) => [seedValue, seedValue])
    expect(bootstrapSeeds(table, { seed: 1, draws: 100 }, interquartileMean).estimate).toBe(2)
  })

  it('refuses seeds that answered different questions', () => {
    expect(() => bootstrapSeeds([[1, 2], [1]], { seed: 1 })).toThrow(/same questions, found rows of 2, 1/)
  })
})

describe('resampled means', () => {
  const seedsOf = (count: number) => Array.from({ length: count }, (_, seed) => Float64Array.from({ length: 40 }, (__, question) => values[seed * 40 + question] + seed / 10))

  it('are those of the bootstrap that resamples by index, with seeds and without', () => {
    for (const count of [1, 3]) {
      const table = seedsOf(count)
      const reference = bootstrapSeeds(table, { seed: 4, draws: 500 })
      const means = resampledMeans(questionResampling(40, 500, 4), table)
      const { low, high } = percentileInterval(overResampledSeeds(seedResampling(count, 500, 4), means))
      expect(low).toBeCloseTo(reference.low, 12)
      expect(high).toBeCloseTo(reference.high, 12)
    }
  })

  it('come out the same however many columns are asked for at once', () => {
    const plan = questionResampling(40, 100, 1)
    const columns = seedsOf(7)
    const together = resampledMeans(plan, columns)
    columns.forEach((column, at) => resampledMeans(plan, [column])[0].forEach((value, draw) => expect(together[at][draw]).toBeCloseTo(value, 14)))
  })

  it('leave out what is not finite from an interval, and have none without anything left', () => {
    expect(percentileInterval(Float64Array.of(NaN, 2, Infinity, 2))).toEqual({ low: 2, high: 2 })
    expect(percentileInterval(Float64Array.of(NaN)).low).toBeNaN()
  })

  it('refuse columns of different lengths', () => {
    expect(() => resampledMeans(questionResampling(3, 2, 1), [new Float64Array(3), new Float64Array(2)])).toThrow(/3 items, found one of 2/)
  })
})

describe('the sign-flip test', () => {
  const differences = [0.3, -0.1, 0.25, 0.5, -0.05, 0.1, 0.4, -0.2]

  it('agrees with the exact permutation test on few questions', () => {
    expect(signFlipTest(differences, { seed: 1 })).toEqual({ difference: expect.closeTo(0.15, 14), p: 0.15625, patterns: 256, exact: true })
  })

  it('approximates the exact p-value by random patterns', () => {
    const exact = signFlipTest(differences, { seed: 1 }).p
    const random = signFlipTest(differences, { seed: 1, draws: 255 })
    expect(random.exact).toBe(false)
    expect(Math.abs(random.p - exact)).toBeLessThan(0.08)
    const many = Array.from({ length: 14 }, (_, i) => (i % 3) - 0.7)
    const full = signFlipTest(many, { seed: 1, draws: 2 ** 14 })
    expect(full.exact).toBe(true)
    expect(Math.abs(signFlipTest(many, { seed: 2, draws: 16_000 }).p - full.p)).toBeLessThan(0.015)
  })

  it('is uniform when nothing differs, beyond 128 questions too', () => {
    const source = createRng(3)
    const pValues = Array.from({ length: 200 }, (_, run) =>
      signFlipTest(Array.from({ length: 150 }, source.gaussian), { seed: run, draws: 400 }).p)
    expect(Math.abs(mean(pValues) - 0.5)).toBeLessThan(0.07)
    expect(pValues.filter((p) => p < 0.1).length / 200).toBeLessThan(0.18)
  })

  it('is certain of nothing without differences, and never reports zero', () => {
    expect(signFlipTest([0, 0, 0], { seed: 1 }).p).toBe(1)
    expect(signFlipTest([], { seed: 1 }).p).toBe(1)
    expect(signFlipTest(new Array<number>(100).fill(1), { seed: 1, draws: 1000 }).p).toBeCloseTo(1 / 1001, 12)
  })
})

describe('exact binomial figures', () => {
  it('give McNemar p-values that agree with SciPy', () => {
    for (const [a, b, p] of [[3, 9, 0.14599609375], [10, 10, 1], [0, 5, 0.0625], [41, 60, 0.07275700687752425], [0, 0, 1]]) {
      expect(mcnemarTest(a, b)).toBeCloseTo(p, 12)
      expect(mcnemarTest(b, a)).toBeCloseTo(p, 12)
    }
  })

  it('give probabilities that agree with SciPy', () => {
    expect(binomialProbability(3, 10, 0.3)).toBeCloseTo(0.26682793199999977, 13)
    expect(binomialProbability(128, 256, 0.5)).toBeCloseTo(0.049819109936140166, 12)
    expect([binomialProbability(0, 5, 0), binomialProbability(1, 5, 0), binomialProbability(5, 5, 1)]).toEqual([1, 0, 1])
  })

  it('give central ranges that agree with SciPy', () => {
    for (const [n, p, low, high] of [[256, 0.3, 63, 91], [256, 0.01, 0, 6], [10, 0.5, 2, 8], [256, 0.999, 254, 256], [100, 0.05, 1, 10], [50, 0, 0, 0], [50, 1, 50, 50]]) {
      expect(binomialRange(n, p)).toEqual({ low, high })
    }
  })
})

describe("Holm's correction", () => {
  it('steps down from the smallest p-value and keeps the order given', () => {
    const adjusted = holm([0.01, 0.04, 0.03, 0.005, 0.5])
    for (const [i, expected] of [0.04, 0.09, 0.09, 0.025, 0.5].entries()) expect(adjusted[i]).toBeCloseTo(expected, 14)
    expect(holm([0.6, 0.9])).toEqual([1, 1])
    expect(holm([])).toEqual([])
  })
})
