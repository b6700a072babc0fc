// The bootstrap against what theory says of a mean, with clusters and few seeds as well; and that interval and p-value are one test.
import { describe, expect, it } from 'vitest'
import {
  bootstrap,
  bootstrapCurve,
  bootstrapMean,
  bootstrapSeeds,
  degreesOfFreedom,
  questionDrawer,
} from '../../src-main/numeric/bootstrap.ts'
import { overResampledSeeds, questionResampling, resampledMeans, seedResampling } from '../../src-main/numeric/resampling.ts'
import { createRng, fillIndices } from '../../src-main/numeric/rng.ts'
import { inferenceOf } from '../../src-main/numeric/significance.ts'
import { mean, populationDeviation } from '../../src-main/numeric/stats.ts'

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
    const ratio = bootstrap(
      { questions: 300 },
      (questions) => {
        let a = 0
        let b = 0
        for (const q of questions) {
          a += tokensA[q]
          b += tokensB[q]
        }
        return b / a
      },
      { seed: 3, draws: 2000 },
    )
    expect(ratio.estimate).toBeCloseTo(mean(tokensB) / mean(tokensA), 14)
    expect(ratio.low).toBeLessThan(ratio.estimate)
    expect(ratio.high).toBeGreaterThan(ratio.estimate)
  })

  it('gives a curve one interval per point, each as if it had been asked for alone', () => {
    const options = { seed: 5, draws: 500 }
    const curve = bootstrapCurve(
      { questions: 300 },
      (questions) => [0.1, 0.5].map((cut) => questions.filter((q) => values[q] > cut).length / 300),
      options,
    )
    const alone = bootstrap({ questions: 300 }, (questions) => questions.filter((q) => values[q] > 0.5).length / 300, options)
    expect(curve).toHaveLength(2)
    expect(curve[1]).toEqual(alone)
  })

  it('leaves out draws on which the statistic is undefined and says how many it kept', () => {
    const result = bootstrap({ questions: 4 }, (questions) => (questions[0] === 1 ? NaN : 1), { seed: 1, draws: 1000 })
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

  it('has a single seed unless more are given', () => {
    expect(bootstrap({ questions: 3 }, (_, seeds) => seeds.length, { seed: 1, draws: 10 }).estimate).toBe(1)
  })

  it('refuses seeds that answered different questions', () => {
    expect(() => bootstrapSeeds([[1, 2], [1]], { seed: 1 })).toThrow(/same questions, found rows of 2, 1/)
  })
})

describe('resampled means', () => {
  const seedsOf = (count: number) =>
    Array.from({ length: count }, (_, seed) =>
      Float64Array.from({ length: 40 }, (__, question) => values[seed * 40 + question] + seed / 10),
    )

  it('are those of the bootstrap that resamples by index, with seeds, with clusters and without', () => {
    const unequal = Int32Array.from({ length: 40 }, (_, question) => Math.floor(Math.sqrt(question)))
    for (const count of [1, 3])
      for (const clusters of [undefined, unequal]) {
        const table = seedsOf(count)
        const reference = bootstrapSeeds(table, { seed: 4, draws: 500, clusters })
        const means = resampledMeans(questionResampling(40, 500, 4, clusters), table)
        const { low, high, p } = inferenceOf(reference.estimate, overResampledSeeds(seedResampling(count, 500, 4), means), reference.df)
        expect(low).toBeCloseTo(reference.low, 12)
        expect(high).toBeCloseTo(reference.high, 12)
        expect(p).toBeCloseTo(reference.p, 9)
      }
  })

  it('draw questions, seeds, questions within clusters and the seeds of another arm from streams 0 to 3, so that none depends on another', () => {
    const from = (stream: number, n: number, length: number, draw: number) => {
      const drawn = new Int32Array(length)
      fillIndices(drawn, n, 9, stream, draw)
      return [...drawn]
    }
    const seedsDrawn = (other: boolean) => [...seedResampling(3, 5, 9, other).counts.subarray(4 * 3)]
    const counted = (drawn: readonly number[]) => [0, 1, 2].map((seed) => drawn.filter((each) => each === seed).length)
    expect([...questionDrawer(6, 9)(4)]).toEqual(from(0, 6, 6, 4))
    expect(seedsDrawn(false)).toEqual(counted(from(1, 3, 3, 4)))
    expect(seedsDrawn(true)).toEqual(counted(from(3, 3, 3, 4)))
    // Three clusters of two questions: of each that was drawn, the first or the second by the upper half of a draw.
    const within = from(2, 2, 6, 4)
    expect([...questionDrawer(6, 9, Int32Array.of(0, 0, 1, 1, 2, 2))(4)]).toEqual(
      from(0, 3, 3, 4).flatMap((cluster, at) => [2 * cluster + within[2 * at]!, 2 * cluster + within[2 * at + 1]!]),
    )
    expect(seedsDrawn(true)).not.toEqual(seedsDrawn(false))
  })

  it('come out the same however many columns are asked for at once', () => {
    const plan = questionResampling(40, 100, 1)
    const columns = seedsOf(7)
    const together = resampledMeans(plan, columns)
    columns.forEach((column, at) =>
      resampledMeans(plan, [column])[0].forEach((value, draw) => expect(together[at][draw]).toBeCloseTo(value, 14)),
    )
  })

  it('refuse columns of different lengths', () => {
    expect(() => resampledMeans(questionResampling(3, 2, 1), [new Float64Array(3), new Float64Array(2)])).toThrow(/3 items, found one of 2/)
  })
})

describe('clusters', () => {
  /** `size` questions in each of the clusters, all of a cluster alike but for `within`. */
  const clustered = (effects: readonly number[], size: number, within: (question: number) => number = () => 0) => ({
    values: effects.flatMap((effect, cluster) => Array.from({ length: size }, (_, k) => effect + within(cluster * size + k))),
    clusters: Int32Array.from({ length: effects.length * size }, (_, question) => Math.floor(question / size)),
  })

  it('widen the interval to that of their own number where all the variance is between them: 12 clusters of 40, SE sqrt(40) times the naive one', () => {
    const effects = [0, 1, 0, 1, 1, 0, 1, 0, 0, 1, 1, 0]
    const { values: own, clusters } = clustered(effects, 40)
    const [naive, honest] = [bootstrapMean(own, { seed: 1 }), bootstrapMean(own, { seed: 1, clusters })]
    // sd (ddof 0) is 1/2: 0.5 / sqrt(480) against 0.5 / sqrt(12).
    expect(Math.abs(naive.error / 0.022822 - 1)).toBeLessThan(0.03)
    expect(Math.abs(honest.error / 0.144338 - 1)).toBeLessThan(0.03)
    expect(honest.estimate).toBe(0.5)
    expect(honest.df).toBe(11)
    // Close to the t interval of 12 values: 0.5 -+ t(11) * sd / sqrt(12) = 0.5 -+ 2.201 * 0.52223 / 3.4641 = 0.5 -+ 0.3318.
    expect(Math.abs(honest.high - 0.5 - 0.3318)).toBeLessThan(0.05)
    expect(Math.abs(0.5 - honest.low - 0.3318)).toBeLessThan(0.05)
  })

  it('call a difference nothing that rests on one of nine targets, which 500 problems taken for independent call certain', () => {
    const { values: gaps, clusters } = clustered([0.45, 0, 0, 0, 0, 0, 0, 0, 0], 56)
    expect(bootstrapMean(gaps, { seed: 1 }).p).toBeLessThan(0.001)
    const honest = bootstrapMean(gaps, { seed: 1, clusters })
    expect(honest.p).toBeGreaterThan(0.05)
    expect(honest.low).toBeLessThanOrEqual(0)
  })

  it('of one question each, or a single one, change nothing', () => {
    const plain = bootstrapMean(values, { seed: 2, draws: 500 })
    expect(bootstrapMean(values, { seed: 2, draws: 500, clusters: Int32Array.from(values, (_, i) => i) })).toEqual(plain)
    expect(bootstrapMean(values, { seed: 2, draws: 500, clusters: new Int32Array(values.length) })).toEqual(plain)
  })

  it('count as fewer where a few hold most: three with 72 % of the questions leave 4 degrees of freedom of 9 clusters', () => {
    // 3 of 120 and 6 of 23: 498^2 / (3 * 120^2 + 6 * 23^2) = 5.3, rounded, less one.
    const sizes = [120, 120, 120, 23, 23, 23, 23, 23, 23]
    expect(
      bootstrapMean(new Float64Array(498), {
        seed: 1,
        draws: 10,
        clusters: Int32Array.from(sizes.flatMap((size, cluster) => new Array<number>(size).fill(cluster))),
      }).df,
    ).toBe(4)
  })

  it('must be given for every question', () => {
    expect(() => bootstrapMean([1, 2, 3], { seed: 1, clusters: Int32Array.of(0, 1) })).toThrow(/found 2 for 3 questions/)
  })

  it('cover the true mean about as often as claimed with only 6 of them, equal or not, where problems taken for independent cover it less than half the time', () => {
    const source = createRng(11)
    const sizes = { equal: [20, 20, 20, 20, 20, 20], unequal: [50, 30, 20, 10, 5, 5] }
    for (const [name, own] of Object.entries(sizes)) {
      let [covered, naive] = [0, 0]
      for (let run = 0; run < 200; run++) {
        const sample = own.flatMap((size) => {
          const effect = source.gaussian()
          return Array.from({ length: size }, () => effect + source.gaussian())
        })
        const clusters = Int32Array.from(own.flatMap((size, cluster) => new Array<number>(size).fill(cluster)))
        const { low, high } = bootstrapMean(sample, { seed: run, draws: 200, clusters })
        const alone = bootstrapMean(sample, { seed: run, draws: 200 })
        if (low <= 0 && 0 <= high) covered++
        if (alone.low <= 0 && 0 <= alone.high) naive++
      }
      expect(covered / 200, name).toBeGreaterThan(0.9)
      expect(covered / 200, name).toBeLessThan(0.995)
      expect(naive / 200, name).toBeLessThan(0.5)
    }
  })
})

describe('interval and p-value', () => {
  it('are one test: p is below 0.05 exactly where the 95 % interval leaves 0 out, whatever the design', () => {
    const source = createRng(5)
    let significant = 0
    for (let run = 0; run < 300; run++) {
      const seeds = 1 + source.int(6)
      const questions = 4 + source.int(40)
      const shift = source.gaussian() * 2
      const table = Array.from({ length: seeds }, () => {
        const training = source.gaussian() * 0.2
        return Array.from({ length: questions }, () => shift + training + source.gaussian() ** 3)
      })
      const clusters = source.chance(0.5) ? undefined : Int32Array.from({ length: questions }, (_, question) => question % (2 + (run % 3)))
      const { low, high, p } = bootstrapSeeds(table, { seed: run, draws: 200, clusters })
      expect(p < 0.05, `run ${run}: ${low} to ${high}, p = ${p}`).toBe(low > 0 || high < 0)
      if (p < 0.05) significant++
    }
    expect(significant).toBeGreaterThan(40)
    expect(significant).toBeLessThan(260)
  })

  it('are one test at other levels too', () => {
    const source = createRng(6)
    for (let run = 0; run < 100; run++) {
      const sample = Array.from({ length: 9 }, () => 0.4 + source.gaussian())
      const { p } = bootstrapMean(sample, { seed: run, draws: 400 })
      for (const outside of [0.2, 0.01]) {
        const { low, high } = bootstrapMean(sample, { seed: run, draws: 400, level: 1 - outside })
        if (Math.abs(p / outside - 1) > 1e-6) expect(p < outside).toBe(low > 0 || high < 0)
      }
    }
  })

  it('give p-values that are uniform when nothing differs, with 4 seeds as with 300 questions', () => {
    const source = createRng(3)
    const few = Array.from(
      { length: 300 },
      (_, run) =>
        bootstrapSeeds(
          Array.from({ length: 4 }, () => {
            const training = source.gaussian()
            return Array.from({ length: 10 }, () => training)
          }),
          { seed: run, draws: 300 },
        ).p,
    )
    const many = Array.from(
      { length: 200 },
      (_, run) => bootstrapMean(Array.from({ length: 150 }, source.gaussian), { seed: run, draws: 400 }).p,
    )
    for (const pValues of [few, many]) {
      expect(Math.abs(mean(pValues) - 0.5)).toBeLessThan(0.07)
      expect(pValues.filter((p) => p < 0.05).length / pValues.length).toBeLessThan(0.09)
    }
  })

  it('of three seeds are read with two degrees of freedom, much wider than the spread of the resamples says', () => {
    const table = [0.02, 0.05, 0.08].map((gap) => new Array<number>(200).fill(gap))
    const result = bootstrapSeeds(table, { seed: 1 })
    expect(result.df).toBe(2)
    // All three gain, and yet: t(2) = 4.303, 0.05 -+ about 4.303 * 0.03 / sqrt(3) = 0.075.
    expect(result.low).toBeLessThan(0)
    expect(result.p).toBeGreaterThan(0.05)
    expect(Math.abs((result.high - result.low) / 2 - 0.075)).toBeLessThan(0.015)
  })

  it('are certain of nothing without differences, never report zero, and leave out what is not finite', () => {
    expect(bootstrapMean([0, 0, 0], { seed: 1, draws: 100 }).p).toBe(1)
    expect(bootstrapMean(new Array<number>(100).fill(1), { seed: 1, draws: 1000 }).p).toBeCloseTo(1 / 1001, 12)
    expect(inferenceOf(2, Float64Array.of(NaN, 2, Infinity, 2), Infinity)).toMatchObject({ low: 2, high: 2 })
    expect(inferenceOf(2, Float64Array.of(NaN), Infinity).p).toBeNaN()
    expect(inferenceOf(NaN, Float64Array.of(1, 2), Infinity).p).toBeNaN()
    expect(inferenceOf(2, Float64Array.of(3), Infinity)).toMatchObject({ low: 3, high: 3 })
    expect(inferenceOf(0, Float64Array.of(-2, -1, 0, 1, 2), Infinity).p).toBe(1)
    expect(inferenceOf(0, Float64Array.of(-2, -1, 1, 2), Infinity).p).toBe(1)
  })

  it('report no p below one in so many resamples and one, where these are too few for the 95 % interval to tell', () => {
    // Nine, the lowest at -1 and the others at 3: a tenth outside begins at -1 + 0.4 * 4 = 0.6, a twentieth at -1 + 0.2 * 4 = -0.2.
    const draws = Float64Array.of(-1, 3, 3, 3, 3, 3, 3, 3, 3)
    const { low, p } = inferenceOf(3, draws, Infinity)
    expect([low, p]).toEqual([expect.closeTo(-0.2, 9), 0.1])
  })

  it('with many units are those of the percentiles', () => {
    const draws = Float64Array.from({ length: 999 }, (_, i) => i + 1)
    const { low, high, p } = inferenceOf(500, draws, Infinity)
    expect([low, high]).toEqual([expect.closeTo(25.95, 9), expect.closeTo(974.05, 9)])
    expect(p).toBeCloseTo(1 / 1000, 12)
    // The point below which 5 % of the resamples lie is where the 90 % interval begins.
    expect(
      inferenceOf(
        500 - 50.9,
        draws.map((value) => value - 50.9),
        Infinity,
      ).p,
    ).toBeCloseTo(0.1, 6)
  })
})

describe('degrees of freedom', () => {
  it('are one less than the fewest things resampled at any level, and at least one', () => {
    expect([10, 2, 1, 0].map((questions) => degreesOfFreedom(questions))).toEqual([9, 1, 1, 1])
    expect([1, 2, 3, 50].map((seeds) => degreesOfFreedom(10, seeds))).toEqual([9, 1, 2, 9])
  })

  it('count unequal clusters as the equal ones with the same spread, and none where all or each are one', () => {
    expect(degreesOfFreedom(Int32Array.of(0, 0, 1, 1, 2, 2, 3, 3))).toBe(3)
    expect(degreesOfFreedom(Int32Array.of(0, 0, 0, 1, 1, 1))).toBe(1)
    // 12^2 / (6^2 + 3 * 2^2) = 3.
    expect(degreesOfFreedom(Int32Array.of(0, 0, 0, 0, 0, 0, 1, 1, 2, 2, 3, 3))).toBe(2)
    expect(degreesOfFreedom(Int32Array.of(0, 0, 1, 1, 2, 2, 3, 3), 2)).toBe(1)
    expect([degreesOfFreedom(new Int32Array(6)), degreesOfFreedom(Int32Array.of(0, 1, 2, 3, 4, 5))]).toEqual([5, 5])
  })
})

describe('drawing questions by cluster', () => {
  it('draws for each drawn cluster as many of its own questions as it has, and nothing else', () => {
    const clusters = Int32Array.of(0, 1, 1, 2, 2, 2, 2)
    const draw = questionDrawer(clusters.length, 5, clusters)
    const sizes = new Set<number>()
    for (let n = 0; n < 60; n++) {
      const drawn = draw(n)
      sizes.add(drawn.length)
      expect(Math.min(...drawn)).toBeGreaterThanOrEqual(0)
      expect(Math.max(...drawn)).toBeLessThan(clusters.length)
      for (const [cluster, size] of [1, 2, 4].entries())
        expect(drawn.filter((question) => clusters[question] === cluster).length % size).toBe(0)
    }
    expect([...sizes].every((size) => size >= 3 && size <= 12)).toBe(true)
    expect(sizes.size).toBeGreaterThan(4)
  })

  it('draws any question of a large cluster', () => {
    const draw = questionDrawer(
      300,
      5,
      Int32Array.from({ length: 300 }, (_, question) => Math.floor(question / 150)),
    )
    // Forty resamples of 300: one question is missed by all of them with chance e^-40.
    const seen = new Set(Array.from({ length: 40 }, (_, n) => [...draw(n)]).flat())
    expect(seen.size).toBe(300)
  })
})
