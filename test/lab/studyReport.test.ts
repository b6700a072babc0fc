// The report of a study follows from its record: sentences turn with the numbers, gaps are named, and printed figures are those that anyone
// works out of the values by problem.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { RecordedCell, StudyRecord, Values } from '../../src-main/lab/study/record.ts'
import { parseSpec } from '../../src-main/lab/training/runSpecs.ts'
import { ASSUMED, powerOf, spreadsOf, spreadsText } from '../../src-main/lab/study/power.ts'
import { answerOf, levellingOf, plateauOf } from '../../src-main/lab/study/answer.ts'
import { renderReport } from '../../src-main/lab/study/report.ts'
import { createRng } from '../../src-main/numeric/rng.ts'
import { studentQuantile } from '../../src-main/numeric/student.ts'
import { plainFigure, tOutside } from './plainResampling.ts'
import { expectIntervals, expectMeans } from './studyFigures.ts'
import { armsOf, cellOf, recordWith } from './writtenStudy.ts'

const BUDGETS = [30, 60, 120, 240, 360]
const PROBLEMS = 80
const CLUSTERS = Array.from({ length: PROBLEMS }, (_, problem) => problem % 20)

/** A share that is usually near `centre`, in ten-thousandths. */
function values(
  seed: number,
  {
    accuracy,
    tokens = 80,
    kept = accuracy,
    regret = 1 - accuracy,
  }: { readonly accuracy: number; readonly tokens?: number; readonly kept?: number; readonly regret?: number },
): Values {
  const rng = createRng(seed)
  const around = (centre: number) =>
    Array.from({ length: PROBLEMS }, () => Math.round(10_000 * Math.min(1, Math.max(0, centre + 0.1 * (rng.float() - 0.5)))))
  return {
    natural: BUDGETS.map((budget) => around(accuracy * Math.min(1, 0.5 + (0.5 * budget) / 120))),
    kept: BUDGETS.map(() => around(kept)),
    regret: around(regret),
    tokens: Array.from({ length: PROBLEMS }, () => Math.round(100 * (tokens + 10 * rng.float()))),
  }
}

type Effect = Parameters<typeof values>[1]
const cell = (arm: string, seed: number, effect: Effect, more: Partial<RecordedCell> = {}): RecordedCell =>
  cellOf(
    arm,
    seed,
    {},
    {
      cost: { tokens: 1e6, estimateTokens: 0, flops: arm === 'outcome' ? 100 : 140 },
      evaluations: { heldout: values(seed * 7 + arm.length, effect), 'heldout-targets': values(seed * 11 + arm.length, effect) },
      equalCost: arm === 'outcome' ? null : { step: 30, flops: 99, values: values(seed * 13 + arm.length, effect) },
      validation: [30, 35, 40].map((step) => ({ step, accuracy: effect.accuracy, regret: values(seed + step, effect).regret })),
      ...more,
    },
  )

const ARMS = ['outcome', 'dapo', 'length-0.5', 'mrt-exact']
const record = (effects: Readonly<Record<string, Effect>>, seeds = 6): StudyRecord =>
  recordWith(
    Object.entries(effects).flatMap(([arm, effect]) => Array.from({ length: seeds }, (_, index) => cell(arm, index + 1, effect))),
    {
      budgets: BUDGETS,
      conditions: {
        steps: 40,
        problems: PROBLEMS,
        samples: 2,
        learningRate: 'fixed',
        validation: PROBLEMS,
        checkpointEvery: 5,
        changes: {},
      },
      start: {
        parameters: 100,
        sha256: 'f00',
        evaluations: { heldout: values(1, { accuracy: 0.5 }), 'heldout-targets': values(2, { accuracy: 0.5 }) },
      },
      arms: armsOf(ARMS),
      clusters: { heldout: CLUSTERS, 'heldout-targets': CLUSTERS, validation: CLUSTERS },
    },
  )
const firstParagraph = (of: StudyRecord): string => renderReport(of).split('\n\n')[3]!
/** The same record with the numbers of two arms exchanged. */
const exchanged = (of: StudyRecord, a: string, b: string): StudyRecord => ({
  ...of,
  cells: of.cells.map((each) => ({ ...each, arm: each.arm === a ? b : each.arm === b ? a : each.arm })),
})

describe('the report of a study', () => {
  const usual = record({
    outcome: { accuracy: 0.6, kept: 0.7 },
    'length-0.5': { accuracy: 0.7, kept: 0.7 },
    'mrt-exact': { accuracy: 0.7, kept: 0.65 },
  })

  it('gives the answer first, with interval, problems, clusters and seeds', () => {
    const text = firstParagraph(usual)
    expect(text).toMatch(/^\*\*mrt-exact gains more than outcome: \+1\d\.\d points \(\+\d/)
    expect(text).toContain('at equal total cost, estimates of J included')
    expect(text).toContain('80 problems in 20 clusters, 6 seeds')
    expect(text).toMatch(/worse at 240 tokens/)
  })

  it('turns its first paragraph when the records of the two arms are exchanged', () => {
    const text = firstParagraph(exchanged(usual, 'outcome', 'mrt-exact'))
    expect(text).toMatch(/^\*\*mrt-exact gains less than outcome: −/)
    expect(text).toMatch(/better at 240 tokens/)
  })

  it('says the opposite, to the digit, when the two arms change their roles', () => {
    const [there, back] = [answerOf(usual)!, answerOf({ ...usual, subject: usual.baseline, baseline: usual.subject })!]
    for (const pick of [
      (answer: typeof there) => answer.gain.figure,
      (answer: typeof there) => answer.regret.figure,
      (answer: typeof there) => answer.extrapolation[0]!.figure,
    ]) {
      const [a, b] = [pick(there), pick(back)]
      expect([b.value, b.low, b.high]).toEqual([expect.closeTo(-a.value, 12), expect.closeTo(-a.high, 12), expect.closeTo(-a.low, 12)])
      expect(b.p).toBeCloseTo(a.p, 9)
    }
    expect(back.efficiency!.figure.value).toBeCloseTo(1 / there.efficiency!.figure.value, 12)
  })

  it('does not depend on the order of problems, cells or the numbers of seeds and clusters', () => {
    const order = CLUSTERS.map((_, problem) => (problem * 7 + 3) % PROBLEMS)
    const moved = (values: Values): Values => ({
      natural: values.natural.map((row) => order.map((at) => row[at]!)),
      kept: values.kept.map((row) => order.map((at) => row[at]!)),
      regret: order.map((at) => values.regret[at]!),
      tokens: order.map((at) => values.tokens[at]!),
    })
    const shuffled: StudyRecord = {
      ...usual,
      clusters: { ...usual.clusters, heldout: order.map((at) => 19 - CLUSTERS[at]!) },
      start: { ...usual.start, evaluations: { heldout: moved(usual.start.evaluations.heldout!) } },
      cells: usual.cells
        .toReversed()
        .map((each) => ({
          ...each,
          seed: 100 - each.seed,
          evaluations: { heldout: moved(each.evaluations.heldout!) },
          equalCost: each.equalCost && { ...each.equalCost, values: moved(each.equalCost.values) },
        })),
    }
    const [one, other] = [answerOf(usual)!, answerOf(shuffled)!]
    for (const pick of [
      (answer: typeof one) => answer.gain.figure,
      (answer: typeof one) => answer.gainAtCost!.figure,
      (answer: typeof one) => answer.regret.figure,
      (answer: typeof one) => answer.rival!.figure,
    ]) {
      const [a, b] = [pick(one), pick(other)]
      expect(b.value).toBeCloseTo(a.value, 9)
      // Other resamples of the same things: the interval is the same but for the luck of the draw.
      for (const end of ['low', 'high'] as const) expect(Math.abs(b[end] - a[end])).toBeLessThan(0.12 * (a.high - a.low))
    }
    expect([other.multiple, other.level]).toEqual([expect.closeTo(one.multiple!, 9), expect.closeTo(one.level, 9)])
  })

  it('decides nothing when the arms are alike', () =>
    expect(firstParagraph(record({ outcome: { accuracy: 0.6 }, 'mrt-exact': { accuracy: 0.6 } }))).toMatch(
      /^\*\*Whether mrt-exact gains more than outcome is not decided/,
    ))

  it('says beside each of several comparisons how it stands when all of them are made at once', () => {
    const rows = (of: StudyRecord): string[][] =>
      renderReport(of)
        .split('## On held-out problems, at equal steps')[1]!
        .split('\n\n')[2]!
        .split('\n')
        .map((line) => line.split(' | ').map((cell) => cell.replace(/^\| | \|$/g, '')))
    const alike = record({
      outcome: { accuracy: 0.6 },
      dapo: { accuracy: 0.602 },
      'length-0.5': { accuracy: 0.606 },
      'mrt-exact': { accuracy: 0.61 },
    })
    const [header, , ...body] = rows(alike)
    const last = header!.length - 1
    expect(header![last]).toMatch(/^of \d+ together$/)
    const compared = body.filter((row) => row[last] !== '')
    expect(compared).toHaveLength(Number(/\d+/.exec(header![last]!)![0]))
    const read = (text: string): number => Number(/p [=<] ([\d.]+)/.exec(text)![1])
    for (const row of compared) expect(read(row[last]!)).toBeGreaterThanOrEqual(read(row[last - 1]!))
    expect(compared.some((row) => read(row[last]!) > read(row[last - 1]!))).toBe(true)
    // One comparison is its own family.
    const [alone] = rows(record({ outcome: { accuracy: 0.6 }, 'mrt-exact': { accuracy: 0.66 } }))
    expect(alone!.at(-1)).toBe('accuracy against outcome')
  })

  it('says in its first paragraph who of all arms is told apart from the baseline, and how far they reach', () => {
    const apart = firstParagraph(
      record({ outcome: { accuracy: 0.6 }, dapo: { accuracy: 0.5 }, 'length-0.5': { accuracy: 0.6 }, 'mrt-exact': { accuracy: 0.7 } }),
    )
    expect(apart).toMatch(
      /\*\*Of the 3 arms beside outcome, compared at once, mrt-exact is ahead, dapo is behind; they reach from mrt-exact, \+1\d\.\d points .*, to dapo, −1?\d\.\d points/,
    )
    const alike = record({ outcome: { accuracy: 0.6 }, dapo: { accuracy: 0.6 }, 'mrt-exact': { accuracy: 0.6 } })
    expect(firstParagraph(alike)).toContain('Of the 2 arms beside outcome, compared at once, none is told apart from it')
    expect(firstParagraph(record({ outcome: { accuracy: 0.6 }, 'mrt-exact': { accuracy: 0.6 } }))).not.toContain('compared at once')
  })

  it('names what the paper reports beside MRT against outcome RL, and beside nothing else', () => {
    expect(firstParagraph(usual)).toContain('(the paper reports 2 to 3)')
    expect(firstParagraph({ ...usual, baseline: 'mrt-exact', subject: 'outcome' })).not.toContain('paper')
    expect(firstParagraph({ ...usual, baseline: 'outcome', subject: 'length-0.5' })).not.toContain('paper')
  })

  it('has its question and its name, and the page of results its own', () => {
    expect(renderReport(usual)).toMatch(/^# Results\n/)
    const alpha = renderReport({ ...usual, study: 'alpha' })
    expect(alpha).toMatch(/^# The study alpha\n/)
    expect(alpha).toContain('What it asks: Accuracy and regret of MRT-exact over alpha')
  })

  it('says by rule whether the length penalty matches', () => {
    expect(firstParagraph(usual)).toContain('Length-0.5 matches mrt-exact on accuracy')
    const apart = record({ outcome: { accuracy: 0.6 }, 'length-0.5': { accuracy: 0.62 }, 'mrt-exact': { accuracy: 0.7 } })
    expect(firstParagraph(apart)).toMatch(/ahead of length-0\.5 on accuracy by \+/)
    expect(firstParagraph(exchanged(apart, 'length-0.5', 'mrt-exact'))).toMatch(/Length-0\.5 is ahead of mrt-exact/)
  })

  it('reports a part of the grid as a part and names what is missing', () => {
    const partial = {
      ...usual,
      cells: usual.cells.map((each) =>
        each.arm === 'mrt-exact' && each.seed === 2
          ? { ...each, status: 'running', steps: 7, evaluations: {}, equalCost: null, validation: [] }
          : each,
      ),
    }
    const text = renderReport(partial)
    expect(text).toContain(
      `**This is a part of the grid.** Not run: dapo. Not finished: mrt-exact seed 2 (7 of ${usual.conditions.steps} steps).`,
    )
    expect(answerOf(partial)!.seeds).toBe(5)
    expect(renderReport({ ...usual, arms: usual.arms.filter(({ key }) => key !== 'dapo') })).toContain('The grid is complete.')
  })

  it('says which arms have fewer seeds than others, and names a command for each number of them', () => {
    const uneven = {
      ...usual,
      arms: usual.arms.filter(({ key }) => key !== 'dapo'),
      cells: usual.cells.filter(({ arm, seed }) => arm !== 'length-0.5' || seed <= 3),
    }
    const most = Math.max(...usual.cells.map(({ seed }) => seed))
    const text = renderReport(uneven)
    expect(text).toContain(`**This is a part of the grid.** 3 of ${most} seeds: length-0.5.`)
    const commands = [...text.matchAll(/^npm run mrt -- study \S+ --seeds (\d+) .*--arms (\S+)$/gm)].map(([, seeds, arms]) => [
      Number(seeds),
      arms,
    ])
    expect(commands).toEqual([
      [3, 'length-0.5'],
      [most, [...new Set(usual.cells.map(({ arm }) => arm))].filter((arm) => arm !== 'length-0.5').join(',')],
    ])
    // Asked for again, no cell is made that is not there, and none is left out.
    expect(commands.reduce((sum, [seeds, arms]) => sum + Number(seeds) * String(arms).split(',').length, 0)).toBe(uneven.cells.length)
  })

  it('gives no answer without a pair of finished runs, and says so', () =>
    expect(renderReport(record({ outcome: { accuracy: 0.6 } }))).toContain('No answer yet'))

  it('says of arms of one seed that their intervals leave the noise of training out, and nothing of the kind where there are many', () => {
    const effects = { outcome: { accuracy: 0.6 }, 'mrt-exact': { accuracy: 0.66 } }
    const sentence = 'where there is one seed, interval and p leave it out'
    expect(renderReport(record(effects, 1))).toContain(sentence)
    const some = renderReport(record(effects, 4))
    expect(some).not.toContain(sentence)
    expect(some).toContain('Of arms with fewer than 5 seeds the noise of training is hardly covered.')
    expect(renderReport(record(effects, 5))).not.toContain('Of arms with fewer than')
  })

  it('says that few seeds hardly cover the noise of training', () =>
    expect(firstParagraph(record({ outcome: { accuracy: 0.6 }, 'mrt-exact': { accuracy: 0.7 } }, 2))).toContain('with fewer than 5 seeds'))

  it('sees a run that has not levelled off', () => {
    const falling = {
      ...usual,
      cells: usual.cells.map((each) =>
        each.arm !== 'outcome'
          ? each
          : {
              ...each,
              validation: [30, 35, 40].map((step, at) => ({
                step,
                accuracy: 0.6,
                regret: values(step, { accuracy: 0.6, regret: 0.5 - 0.1 * at }).regret,
              })),
            },
      ),
    }
    expect(plateauOf(falling, 'outcome')!.value).toBeCloseTo(-0.2, 2)
    expect(levellingOf(falling, 'outcome').verdict).toBe('falling')
    expect(renderReport(falling)).toContain('outcome had not: still falling')
    expect(renderReport(falling)).toMatch(/\| outcome \|.*\| no: still falling \|/)
    const rising = {
      ...falling,
      cells: falling.cells.map((each) => ({
        ...each,
        validation: each.validation.map((point, at, all) => ({ ...point, regret: all[all.length - 1 - at]!.regret })),
      })),
    }
    expect(levellingOf(rising, 'outcome').verdict).toBe('rising')
    expect(renderReport(rising)).toContain('outcome had not: getting worse')
    expect(renderReport(rising)).toMatch(/\| outcome \|.*\| no: getting worse \|/)
  })

  it('says of every arm that has runs whether it had levelled off, and what its noise would hide', () => {
    const flat = {
      ...usual,
      cells: usual.cells.map((each) => ({ ...each, validation: each.arm === 'length-0.5' ? each.validation.slice(2) : each.validation })),
    }
    expect(['outcome', 'length-0.5', 'mrt-exact'].map((arm) => levellingOf(flat, arm).verdict)).toEqual([
      'levelled',
      'unmeasured',
      'levelled',
    ])
    const text = renderReport(flat).split('## Had they levelled off?')[1]!
    expect(text).toContain('By that rule: outcome, mrt-exact had levelled off; length-0.5 not measured.')
    expect(text).toMatch(/\| outcome \|.*\| yes: within noise, which would hide a fall of up to 0\.\d+ \|/)
    expect(text).toContain('| length-0.5 |  | not measured |')
    expect(text).not.toContain('| dapo |')
  })

  it('prints the means that follow from the values by problem', () => expectMeans(usual, renderReport(usual)))
  it('prints no share below 0 or above 100 %, however little two seeds say', () => {
    const far = record({ outcome: { accuracy: 0.5 } }, 0)
    const apart = { ...far, cells: [cell('outcome', 1, { accuracy: 0.05 }), cell('outcome', 2, { accuracy: 0.95 })] }
    const shares = renderReport(apart).matchAll(/ ([\d.−]+)–([\d.−]+)\) %/g)
    for (const [, low, high] of shares) expect([low!.startsWith('−'), Number(high) <= 100]).toEqual([false, true])
    expect(renderReport(apart)).toMatch(/\(0\.0–100\.0\) %/)
  })
  it('prints the intervals that plain resampling of clusters, problems and seeds gives', () => expectIntervals(usual, renderReport(usual)))
})

const root = join(import.meta.dirname, '../..')
const shipped = join(root, 'resources/study/headline.json')
describe('docs/results.md', () => {
  const ours = JSON.parse(readFileSync(shipped, 'utf8')) as StudyRecord
  const page = readFileSync(join(root, 'docs/results.md'), 'utf8')

  it('is the report of the record that ships, to the letter', () => expect(renderReport(ours)).toBe(page))
  it('prints the means that follow from the values by problem', () => expectMeans(ours, page))

  it('prints the intervals that plain resampling of clusters, problems and seeds gives', () => {
    const finished = new Set(ours.cells.filter(({ status }) => status === 'finished').map(({ arm }) => arm)).size
    expect(expectIntervals(ours, page)).toBeGreaterThanOrEqual(2 * (3 + 3 * finished + (finished - 1)))
  })

  it('stands behind the learning rate that runs have by default: the best of the sweep of its baseline', () => {
    const { sweep } = ours.arms.find(({ key }) => key === ours.baseline)!
    const best = sweep.toSorted((one, other) => other.accuracy - one.accuracy)[0]
    expect(sweep.length).toBeGreaterThanOrEqual(3)
    expect(parseSpec({ algorithm: { name: 'dr-grpo' } }).optimizer.lr).toBe(best?.rate)
  })

  it('would not pass that with intervals that forget clusters, or seeds, or few units', () => {
    const { heldout } = ours.clusters
    const at = ours.budgets.indexOf(ours.trainedBudget)
    const accuracy = [ours.start.evaluations['heldout-targets']!.natural[at]!.map((value) => value / 100)]
    const clustered = plainFigure([accuracy], ours.clusters['heldout-targets']!)
    const alone = plainFigure(
      [accuracy],
      accuracy[0]!.map((_, problem) => problem),
    )
    expect(alone.low - clustered.low).toBeGreaterThan(clustered.leeway[0])
    expect(clustered.high - alone.high).toBeGreaterThan(clustered.leeway[1])
    expect(heldout).toHaveLength(ours.conditions.problems)
    for (const df of [1, 2, 5, 8, 30]) expect(tOutside(0.05, df)).toBeCloseTo(studentQuantile(0.05, df), 3)
  })
})

describe('the power of a study before it starts', () => {
  const spread = (between: number, within: number, seedShift: number, seeds: number): StudyRecord => {
    const rng = createRng(5)
    const normal = () => Math.sqrt(-2 * Math.log(1 - rng.float())) * Math.cos(2 * Math.PI * rng.float())
    const clusters = Array.from({ length: 400 }, (_, problem) => problem % 40)
    const shifts = Array.from({ length: 40 }, () => between * normal())
    const own = clusters.map((cluster) => shifts[cluster]! + within * normal())
    const runOf = (arm: string, seed: number, base: number) => {
      const natural = [
        clusters.map((_, problem) =>
          Math.round(10_000 * (base + (arm === 'mrt-exact' ? own[problem]! : 0) + seedShift * (seed % 2 === 0 ? 1 : -1))),
        ),
      ]
      return {
        ...cell(arm, seed, { accuracy: 0.5 }),
        evaluations: { heldout: { natural, kept: natural, regret: natural[0]!, tokens: natural[0]! } },
      }
    }
    return {
      ...record({}),
      budgets: [120],
      trainedBudget: 120,
      conditions: { ...record({}).conditions, samples: 1_000_000 },
      clusters: { heldout: clusters },
      cells: ['outcome', 'mrt-exact'].flatMap((arm) => Array.from({ length: seeds }, (_, index) => runOf(arm, index + 1, 0.5))),
    }
  }

  it('rests on how far recorded runs spread: between clusters, within them, and between seeds', () => {
    const found = spreadsOf(spread(0.2, 0.1, 0.03, 4))!
    expect(found).toMatchObject({ pairs: 4, seededRuns: 8 })
    expect(Math.sqrt(found.betweenClusters)).toBeGreaterThan(0.14)
    expect(Math.sqrt(found.betweenClusters)).toBeLessThan(0.26)
    expect(Math.sqrt(found.withinClusters)).toBeCloseTo(0.1, 1)
    expect(found.seedDeviation).toBeCloseTo(0.03 * Math.sqrt(4 / 3), 3)
  })

  it('assumes the spread between seeds where no arm has two, all of them without a pair, and says which', () => {
    const single = spreadsOf(spread(0.2, 0.1, 0.03, 1))!
    expect(single).toMatchObject({ pairs: 1, seededRuns: 0, seedDeviation: ASSUMED.seedDeviation })
    expect(spreadsOf(record({ outcome: { accuracy: 0.5 } }))).toBeNull()
    expect(spreadsText(single, 'this study')).toMatch(/of 1 pair of runs in this study, and assuming 2\.5 points between seeds/)
    expect(spreadsText(ASSUMED, 'no record')).toMatch(/^assuming a spread .* no pair of runs is on record$/)
    expect(spreadsText(spreadsOf(spread(0.2, 0.1, 0.03, 4))!, 'this study')).toMatch(
      /of 4 pairs of runs and of 3\.5 points between seeds of 8 runs in this study$/,
    )
  })

  it('sees less with more spread, fewer clusters and fewer seeds', () => {
    const clusters = Array.from({ length: 400 }, (_, problem) => problem % 40)
    const usual = powerOf(clusters, 4, 8, ASSUMED).smallest
    for (const wider of [
      { ...ASSUMED, betweenClusters: 0.04 },
      { ...ASSUMED, withinClusters: 0.04 },
      { ...ASSUMED, seedDeviation: 0.05 },
    ])
      expect(powerOf(clusters, 4, 8, wider).smallest).toBeGreaterThan(usual)
    expect(
      powerOf(
        clusters.map((cluster) => cluster % 5),
        4,
        8,
        ASSUMED,
      ).smallest,
    ).toBeGreaterThan(usual)
    expect(powerOf(clusters, 4, 3, ASSUMED).smallest).toBeGreaterThan(usual)
  })

  it('adds clusters, problems, answers of both arms and seeds of both arms by their variances', () => {
    const clusters = Array.from({ length: 400 }, (_, problem) => problem % 40)
    const none = { ...ASSUMED, betweenClusters: 0, withinClusters: 0, answerVariance: 0, seedDeviation: 0 }
    const seen = (spreads: Partial<typeof none>): number => powerOf(clusters, 4, 8, { ...none, ...spreads }).smallest
    // A variance of 0.04 between 40 clusters, 0.04 within them over 400 problems, 2 x 0.2 / 4 of answers over 400 problems, 2 x 0.03^2 of seeds over 8.
    const one = seen({ betweenClusters: 0.04 }) / Math.sqrt(0.04 / 40)
    expect(seen({ withinClusters: 0.04 }) / one).toBeCloseTo(Math.sqrt(0.04 / 400), 12)
    expect(seen({ answerVariance: 0.2 }) / one).toBeCloseTo(Math.sqrt(0.1 / 400), 12)
    expect(seen({ seedDeviation: 0.03 }) / one).toBeCloseTo(Math.sqrt((2 * 0.0009) / 8), 12)
    expect(seen({ betweenClusters: 0.04, withinClusters: 0.04, answerVariance: 0.2, seedDeviation: 0.03 }) / one).toBeCloseTo(
      Math.sqrt(0.04 / 40 + 0.04 / 400 + 0.1 / 400 + 0.0018 / 8),
      12,
    )
  })
})
