// What the record of a study says of its question, read off values that are the same for all problems: which arm is ahead, by how much, and where nothing can be said.
import { describe, expect, it } from 'vitest'
import { answerOf, atCost, fieldOf, levellingOf, levelOf, plateauOf, readerOf } from '../../src-main/lab/study/answer.ts'
import { cellsOf, columnOf, combine, figureOf, resamplesOf, tokensFor } from '../../src-main/lab/study/figures.ts'
import { ASSUMED, powerOf, spreadsOf, spreadsText } from '../../src-main/lab/study/power.ts'
import type { RecordedCell, StudyRecord, Values } from '../../src-main/lab/study/record.ts'
import { BUDGETS, cellOf, recordWith, valuesOf, type Level } from './writtenStudy.ts'

const pair = (outcome: Level, exact: Level, more: Partial<StudyRecord> = {}): StudyRecord =>
  recordWith(
    [1, 2].flatMap((seed) => [cellOf('outcome', seed, outcome), cellOf('mrt-exact', seed, exact)]),
    more,
  )
const LOW: Level = { natural: [0.4, 0.5, 0.5, 0.5] }
const HIGH: Level = { natural: [0.45, 0.6, 0.6, 0.6], regret: 0.4 }

describe('the answer of a study', () => {
  it('decides nothing where two arms are the very same, however sure that is', () => {
    const { gain, regret, efficiency, extrapolation, rival, gainAtCost, field } = answerOf(pair(LOW, LOW))!
    expect([gain.verdict, regret.verdict, efficiency!.verdict, extrapolation.map(({ verdict }) => verdict)]).toEqual([
      'undecided',
      'undecided',
      'undecided',
      ['undecided', 'undecided'],
    ])
    expect([gain.figure.value, efficiency!.figure.value, rival, gainAtCost]).toEqual([0, 1, null, null])
    expect(field.map(({ arm }) => arm)).toEqual(['mrt-exact'])
  })

  it('is ahead where it is more accurate and where its regret is lower, and behind the other way round', () => {
    const verdicts = (of: StudyRecord) => {
      const { gain, regret, efficiency } = answerOf(of)!
      return [gain.verdict, regret.verdict, efficiency!.verdict]
    }
    expect(verdicts(pair(LOW, HIGH))).toEqual(['ahead', 'ahead', 'ahead'])
    expect(verdicts(pair(HIGH, LOW))).toEqual(['behind', 'behind', 'behind'])
    expect(answerOf(pair(LOW, HIGH))!.gain.figure.value).toBeCloseTo(0.1, 12)
    expect(answerOf(pair(LOW, HIGH))!.regret.figure.value).toBeCloseTo(-0.2, 12)
  })

  it('counts the problems, the clusters and the seeds that both arms have', () => {
    const uneven = recordWith([
      ...[1, 2, 4].map((seed) => cellOf('outcome', seed, LOW)),
      ...[2, 3, 4].map((seed) => cellOf('mrt-exact', seed, HIGH)),
    ])
    expect(answerOf(uneven)).toMatchObject({ problems: 4, clusters: 2, seeds: 2 })
    expect(answerOf(recordWith([cellOf('outcome', 1), cellOf('mrt-exact', 2)]))).toBeNull()
    expect(answerOf(pair(LOW, HIGH), 'heldout-targets')).toBeNull()
  })

  it('is how many times the gain of the baseline, where that gained what is worth dividing by', () => {
    const at = (share: number): Level => ({ natural: [0.3, share, 0.6, 0.6] })
    expect(answerOf(pair(at(0.4), at(0.55)))!.multiple).toBeCloseTo(2.5, 9)
    expect([answerOf(pair(at(0.304), at(0.55)))!.multiple, answerOf(pair(at(0.2), at(0.55)))!.multiple]).toEqual([null, null])
    expect(answerOf(pair(at(0.306), at(0.36)))!.multiple).toBeCloseTo(10, 9)
    const unstarted = pair(at(0.4), at(0.55), { start: { parameters: 1, sha256: '', evaluations: {} } })
    expect(answerOf(unstarted)!.multiple).toBeNull()
  })

  it('reads efficiency at most of the accuracy that both reach within the training budget', () => {
    // 0.5 is what the lesser of the two reaches; beyond the training budget nothing counts.
    const { level, efficiency } = answerOf(pair({ natural: [0.3, 0.5, 0.9, 0.9] }, { natural: [0.4, 0.7, 0.7, 0.7] }))!
    expect(level).toBeCloseTo(0.95 * 0.5, 12)
    const tokens = (from: number, to: number): number => 60 + (60 * (level - from)) / (to - from)
    expect(efficiency!.figure.value).toBeCloseTo(tokens(0.3, 0.5) / tokens(0.4, 0.7), 9)
    // Reached before the first budget: at which is not known.
    expect(answerOf(pair({ natural: [0.3, 0.5, 0.5, 0.5] }, { natural: [0.6, 0.7, 0.7, 0.7] }))!.efficiency).toBeNull()
  })

  it('looks at twice and three times the training budget, where these were measured', () => {
    const kept: Level = { kept: [0.1, 0.2, 0.7, 0.3] }
    const { extrapolation } = answerOf(pair({ kept: [0.1, 0.2, 0.5, 0.5] }, kept))!
    expect(extrapolation.map(({ budget, verdict, figure }) => [budget, verdict, Number(figure.value.toFixed(9))])).toEqual([
      [240, 'ahead', 0.2],
      [360, 'behind', -0.2],
    ])
    expect(answerOf(pair({}, kept, { budgets: [60, 120, 240, 300] }))!.extrapolation.map(({ budget }) => budget)).toEqual([240])
  })

  it('compares the subject with a price on length where that was run, and is not itself that', () => {
    const rivals = recordWith(['outcome', 'length-0.5', 'mrt-exact'].map((arm) => cellOf(arm, 1, arm === 'mrt-exact' ? HIGH : LOW)))
    expect(answerOf(rivals)!.rival).toMatchObject({ verdict: 'ahead' })
    expect(answerOf({ ...rivals, subject: 'length-0.5' })!.rival).toBeNull()
    expect(answerOf(recordWith([cellOf('outcome', 1), cellOf('mrt-exact', 1), cellOf('length-0.5', 2)]))!.rival).toBeNull()
  })

  it('is read beside every other arm with a seed in common, in the order of the record', () => {
    const field = recordWith([
      cellOf('mrt-exact', 1, HIGH),
      cellOf('length-0.5', 1, LOW),
      cellOf('length-0.5', 2, HIGH),
      cellOf('outcome', 1, LOW),
    ])
    const reader = readerOf(field, 'heldout')!
    expect(fieldOf(reader).map(({ arm, figure }) => [arm, Number(figure.value.toFixed(9))])).toEqual([
      ['length-0.5', 0],
      ['mrt-exact', 0.1],
    ])
    expect(levelOf(reader, [reader.cells('mrt-exact')])).toBeCloseTo(0.95 * 0.6, 12)
  })

  it('at equal cost is that of the checkpoints that cost no more, with the share that was spent', () => {
    const equal = (step: number, flops: number): Partial<RecordedCell> => ({
      equalCost: { step, flops, values: valuesOf({ natural: [0, 0.8, 0.8, 0.8], regret: 0.1 }) },
    })
    const of = recordWith([
      cellOf('outcome', 1, LOW),
      cellOf('outcome', 2, LOW),
      cellOf('outcome', 3, HIGH),
      cellOf('mrt-exact', 1, HIGH, equal(10, 2e12)),
      cellOf('mrt-exact', 2, HIGH, equal(25, 3e12)),
      cellOf('mrt-exact', 3, HIGH),
    ])
    const read = atCost(readerOf(of, 'heldout')!, 'mrt-exact')!
    expect([read.seeds, read.steps, read.spent, read.accuracy.value, read.regret.value]).toEqual([2, 17.5, 5 / 8, 0.8, 0.1])
    expect(read.difference.value).toBeCloseTo(0.3, 12)
    expect(answerOf(of)!.gainAtCost).toMatchObject({ verdict: 'ahead' })
    expect(atCost(readerOf(of, 'heldout')!, 'outcome')).toBeNull()
    const targets = {
      ...of,
      clusters: { 'heldout-targets': [0, 1] },
      cells: of.cells.map((each) => ({ ...each, evaluations: { 'heldout-targets': valuesOf(HIGH, 2) } })),
    }
    expect(answerOf(targets, 'heldout-targets')!.gainAtCost).toBeNull()
  })
})

describe('whether an arm has levelled off', () => {
  const falling = (validation: RecordedCell['validation']): StudyRecord =>
    recordWith([cellOf('outcome', 1, {}, { validation }), cellOf('outcome', 2, {}, { validation })], {
      clusters: { heldout: [0, 0, 1, 1], validation: [0, 1] },
    })
  const point = (step: number, ...regret: number[]) => ({ step, accuracy: 0.5, regret: regret.map((share) => Math.round(share * 10_000)) })

  it('is the slope of its regret over ten steps, by least squares', () => {
    expect(plateauOf(falling([point(30, 0.5, 0.3), point(35, 0.4, 0.3), point(40, 0.3, 0.3)]), 'outcome')!.value).toBeCloseTo(-0.1, 9)
    expect(plateauOf(falling([point(30, 0.2, 0.2), point(32, 0.2, 0.2), point(40, 0.4, 0.4)]), 'outcome')!.value).toBeCloseTo(
      (10 * (-4 * 0.2 - 2 * 0.2 + 6 * 0.4)) / (16 + 4 + 36),
      9,
    )
  })

  it('is not known of fewer than two measurements, or of an arm that was not run', () => {
    expect([plateauOf(falling([point(40, 0.5, 0.5)]), 'outcome'), plateauOf(falling([point(30, 0, 0), point(40, 0, 0)]), 'dapo')]).toEqual([
      null,
      null,
    ])
    expect(levellingOf(falling([]), 'outcome')).toEqual({ verdict: 'unmeasured', slope: null })
    const unclustered = { ...falling([point(30, 0, 0), point(40, 0, 0)]), clusters: {} }
    expect(plateauOf(unclustered, 'outcome')).toBeNull()
    expect(levellingOf(falling([point(30, 0.3, 0.3), point(40, 0.3, 0.3)]), 'outcome').verdict).toBe('levelled')
    // Measured twice at one step, it has no slope.
    expect(levellingOf(falling([point(40, 0.3, 0.3), point(40, 0.2, 0.2)]), 'outcome')).toEqual({ verdict: 'unmeasured', slope: null })
  })
})

describe('the figures of a study', () => {
  it('are means over problems and seeds in units of their own', () => {
    const { column, unit } = columnOf(recordWith([]), 'tokens')
    const resamples = resamplesOf([0, 0, 1])
    expect([resamples.problems, resamples.clusters]).toEqual([3, 2])
    expect(
      figureOf(
        resamples.sampled(
          [
            [100, 200, 300],
            [300, 400, 500],
          ],
          100,
        ),
      ).value,
    ).toBe(3)
    expect([column(valuesOf({ tokens: 12.5 }))[0]! / unit, unit]).toEqual([12.5, 100])
    const read = (quantity: Parameters<typeof columnOf>[1]): number =>
      columnOf(recordWith([]), quantity).column(valuesOf({ natural: [0.1, 0.2, 0.3, 0.4], kept: [0.5, 0.6, 0.7, 0.8], regret: 0.9 }))[0]!
    expect(['accuracy' as const, 'regret' as const, { natural: 60 }, { natural: 360 }, { kept: 240 }].map(read)).toEqual([
      2000, 9000, 1000, 4000, 7000,
    ])
  })

  it('that follow from several are worked out of the same resamples, and are as sure as the least sure of them', () => {
    const part = (value: number, df: number) => ({ value, df, draws: new Float64Array(2000).fill(value) })
    const { value, draws, df } = combine([part(6, 5), part(2, 3)], ([a, b]) => a! / b!)
    expect([value, draws[0], draws.at(-1), draws.length, df]).toEqual([3, 3, 3, 2000, 3])
  })

  it('are of the finished cells of an arm, by seed', () => {
    const cells = [cellOf('outcome', 3), cellOf('outcome', 1), cellOf('dapo', 1), cellOf('outcome', 2, {}, { status: 'running' })]
    expect(cellsOf({ cells }, 'outcome').map(({ seed }) => seed)).toEqual([1, 3])
  })

  it('say where a curve first reaches a level', () => {
    expect(tokensFor([60, 120], 0.5)([0.4, 0.6])).toBeCloseTo(90, 12)
    expect(tokensFor([60, 120], 0.7)([0.4, 0.6])).toBeNaN()
  })
})

describe('how far the values of a record spread', () => {
  /** One pair of runs: the baseline at one half throughout, the other apart by these differences. */
  const apart = (differences: readonly number[], clusters: readonly number[], samples = 1e12, base = 0.5): StudyRecord => {
    const of = (shares: readonly number[]): Values => {
      const row = shares.map((share) => Math.round(share * 10_000))
      return { natural: BUDGETS.map(() => row), kept: BUDGETS.map(() => row), regret: row, tokens: row }
    }
    const heldout = (shares: readonly number[]): Partial<RecordedCell> => ({ evaluations: { heldout: of(shares) } })
    const plain = recordWith([
      cellOf('outcome', 1, {}, heldout(differences.map(() => base))),
      cellOf('mrt-exact', 1, {}, heldout(differences.map((each) => base + each))),
    ])
    return { ...plain, clusters: { heldout: clusters }, conditions: { ...plain.conditions, samples } }
  }
  const DIFFERENCES = [-0.2, 0, 0.2, 0.3, 0.4]

  it('is parted into clusters and the problems of one, by the analysis of variance of unequal clusters', () => {
    const { betweenClusters, withinClusters } = spreadsOf(apart(DIFFERENCES, [0, 0, 1, 1, 1]))!
    // Means -0.1 and 0.3 about 0.14; squares within 0.04, with 3 degrees of freedom; 2 and 3 problems count as 2.4.
    expect(withinClusters).toBeCloseTo(0.04 / 3, 9)
    expect(betweenClusters).toBeCloseTo((0.192 - 0.04 / 3) / 2.4, 9)
  })

  it('is parted in the same way among more of them', () => {
    const { betweenClusters, withinClusters } = spreadsOf(apart(DIFFERENCES, [0, 0, 1, 1, 2]))!
    // Means -0.1, 0.25 and 0.4 about 0.14; squares within 0.025, with 2 degrees of freedom; 2, 2 and 1 problems count as 1.6.
    expect(withinClusters).toBeCloseTo(0.0125, 9)
    expect(betweenClusters).toBeCloseTo((0.207 / 2 - 0.0125) / 1.6, 9)
  })

  it('is all between problems where there is one cluster, or one for each of them', () => {
    for (const clusters of [
      [0, 0, 0, 0, 0],
      [0, 1, 2, 3, 4],
    ]) {
      const { betweenClusters, withinClusters } = spreadsOf(apart(DIFFERENCES, clusters))!
      expect([betweenClusters, withinClusters]).toEqual([0, expect.closeTo(0.058, 9)])
    }
  })

  it('leaves out what sampling of the answers adds, and is never below nothing', () => {
    const variance = (0.25 * 5 + (0.3 * 0.7 + 0.25 + 0.7 * 0.3 + 0.8 * 0.2 + 0.9 * 0.1)) / 10
    const { answerVariance, withinClusters } = spreadsOf(apart(DIFFERENCES, [0, 0, 0, 0, 0], 20))!
    expect(answerVariance).toBeCloseTo(variance, 9)
    expect(withinClusters).toBeCloseTo(0.058 - (2 * variance) / 20, 9)
    expect(spreadsOf(apart(DIFFERENCES, [0, 0, 0, 0, 0], 1))!.withinClusters).toBe(0)
    // Clusters that are more alike than chance would have them.
    expect(spreadsOf(apart([0.1, -0.1, 0.1, -0.1], [0, 0, 1, 1]))!.betweenClusters).toBe(0)
  })

  it('is not known without a pair, and between seeds only where an arm has two', () => {
    expect(spreadsOf(recordWith([cellOf('outcome', 1), cellOf('mrt-exact', 2)]))).toBeNull()
    expect(spreadsOf(apart(DIFFERENCES, [0, 0, 1, 1, 1]))).toMatchObject({ seedDeviation: ASSUMED.seedDeviation, pairs: 1, seededRuns: 0 })
    const seeded = recordWith([cellOf('outcome', 1, LOW), cellOf('outcome', 2, HIGH), cellOf('mrt-exact', 1, LOW)])
    expect(spreadsOf(seeded)).toMatchObject({ seedDeviation: expect.closeTo(Math.sqrt(0.005), 9) as number, pairs: 1, seededRuns: 2 })
  })

  it('is assumed where nothing is on record, and said to be', () => {
    expect(ASSUMED).toMatchObject({ pairs: 0, seededRuns: 0 })
    expect(spreadsText(ASSUMED, 'no record')).toBe(
      'assuming a spread of 2.5 points between seeds and 20.0 points between problems, since no pair of runs is on record',
    )
  })
})

describe('what a study can see', () => {
  it('is the smallest difference that is found four times in five, by the quantiles of t and of the normal distribution', () => {
    const clusters = Array.from({ length: 400 }, (_, problem) => problem % 40)
    const seen = powerOf(clusters, 4, 8, ASSUMED)
    // t of 7 degrees of freedom at 95 %, and 0.8416.
    const error = Math.sqrt(0.02 / 40 + (0.02 + (2 * 0.15) / 4) / 400 + (2 * 0.025 ** 2) / 8)
    expect(seen.smallest).toBeCloseTo((2.3646 + 0.8416) * error, 5)
    expect(seen).toMatchObject({ problems: 400, clusters: 40, seeds: 8 })
    expect(seen.neededFor3Points).toBe(Math.ceil(((1.959964 + 0.841621) ** 2 * (0.04 + (2 * 0.15) / 4)) / 0.03 ** 2))
  })

  it('takes unequal clusters as the equal ones with the same spread', () => {
    const only = { ...ASSUMED, withinClusters: 0, answerVariance: 0, seedDeviation: 0 }
    // Sizes 6, 1, 1: 64 / 38 of them, so two, with one degree of freedom.
    expect(powerOf([0, 0, 0, 0, 0, 0, 1, 2], 4, 1, only).smallest).toBeCloseTo((12.7062 + 0.8416) * Math.sqrt(0.02 / 2), 4)
  })
})
