// The report of a study follows from its record: sentences turn with the numbers, gaps are named, and printed figures are those that anyone
// works out of the values by problem.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { RecordedCell, StudyRecord, Values } from '../../src-main/lab/study/record.ts'
import { answerOf, plateauOf, renderReport } from '../../src-main/lab/study/report.ts'
import { createRng } from '../../src-main/numeric/rng.ts'

const BUDGETS = [30, 60, 120, 240, 360]
const PROBLEMS = 80
const CLUSTERS = Array.from({ length: PROBLEMS }, (_, problem) => problem % 20)

/** A share that is usually near `centre`, in ten-thousandths. */
function values(seed: number, { accuracy, tokens = 80, kept = accuracy, regret = 1 - accuracy }: { readonly accuracy: number; readonly tokens?: number; readonly kept?: number; readonly regret?: number }): Values {
  const rng = createRng(seed)
  const around = (centre: number) => Array.from({ length: PROBLEMS }, () => Math.round(10_000 * Math.min(1, Math.max(0, centre + 0.1 * (rng.float() - 0.5)))))
  return {
    natural: BUDGETS.map((budget) => around(accuracy * Math.min(1, 0.5 + (0.5 * budget) / 120))), kept: BUDGETS.map(() => around(kept)), regret: around(regret),
    tokens: Array.from({ length: PROBLEMS }, () => Math.round(100 * (tokens + 10 * rng.float()))),
  }
}

type Effect = Parameters<typeof values>[1]
function cell(arm: string, seed: number, effect: Effect, more: Partial<RecordedCell> = {}): RecordedCell {
  return {
    arm, seed, status: 'finished', learningRate: 3e-4, steps: 40, revision: 'abc1234', engine: '1.30.0', wallMs: 60_000, cost: { tokens: 1e6, estimateTokens: 0, flops: arm === 'outcome' ? 100 : 140 },
    evaluations: { heldout: values(seed * 7 + arm.length, effect), 'heldout-targets': values(seed * 11 + arm.length, effect) },
    equalCost: arm === 'outcome' ? null : { step: 30, flops: 99, values: values(seed * 13 + arm.length, effect) },
    validation: [30, 35, 40].map((step) => ({ step, accuracy: effect.accuracy, regret: values(seed + step, effect).regret })), ...more,
  }
}

const ARMS = ['outcome', 'dapo', 'length-0.5', 'mrt-exact']
function record(effects: Readonly<Record<string, Effect>>, seeds = 6): StudyRecord {
  return {
    format: 1, study: 'headline', title: 'A study', uid: 'u', baseline: 'outcome', subject: 'mrt-exact', budgets: BUDGETS, trainedBudget: 120,
    conditions: { steps: 40, problems: PROBLEMS, samples: 2, learningRate: 'fixed', validation: PROBLEMS, checkpointEvery: 5, changes: {} },
    spec: { task: { name: 'countdown', options: { level: '3' } }, budget: { thinkingTokens: 120, answerTokens: 24 }, sampling: { temperature: 1, topK: 0, topP: 1, minP: 0 }, promptsPerStep: 32, groupSize: 8, start: 'starter', kept: 2, seed: 1 },
    environment: { cpu: 'a processor', cores: 2, program: '0.1.0', node: 'v24' },
    start: { parameters: 100, sha256: 'f00', evaluations: { heldout: values(1, { accuracy: 0.5 }), 'heldout-targets': values(2, { accuracy: 0.5 }) } },
    arms: ARMS.map((key) => ({ key, title: key, role: 'method', algorithm: key, options: {}, sweep: [] })),
    clusters: { heldout: CLUSTERS, 'heldout-targets': CLUSTERS, validation: CLUSTERS },
    cells: Object.entries(effects).flatMap(([arm, effect]) => Array.from({ length: seeds }, (_, index) => cell(arm, index + 1, effect))),
  }
}
const firstParagraph = (of: StudyRecord): string => renderReport(of).split('\n\n')[3]!
/** The same record with the numbers of two arms exchanged. */
const exchanged = (of: StudyRecord, a: string, b: string): StudyRecord => ({ ...of, cells: of.cells.map((each) => ({ ...each, arm: each.arm === a ? b : each.arm === b ? a : each.arm })) })

describe('the report of a study', () => {
  const usual = record({ outcome: { accuracy: 0.6, kept: 0.7 }, 'length-0.5': { accuracy: 0.7, kept: 0.7 }, 'mrt-exact': { accuracy: 0.7, kept: 0.65 } })

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

  it('decides nothing when the arms are alike', () =>
    expect(firstParagraph(record({ outcome: { accuracy: 0.6 }, 'mrt-exact': { accuracy: 0.6 } }))).toMatch(/^\*\*Whether mrt-exact gains more than outcome is not decided/))

  it('says by rule whether the length penalty matches', () => {
    expect(firstParagraph(usual)).toContain('Length-0.5 matches mrt-exact on accuracy')
    const apart = record({ outcome: { accuracy: 0.6 }, 'length-0.5': { accuracy: 0.62 }, 'mrt-exact': { accuracy: 0.7 } })
    expect(firstParagraph(apart)).toMatch(/ahead of length-0\.5 on accuracy by \+/)
    expect(firstParagraph(exchanged(apart, 'length-0.5', 'mrt-exact'))).toMatch(/Length-0\.5 is ahead of mrt-exact/)
  })

  it('reports a part of the grid as a part and names what is missing', () => {
    const partial = { ...usual, cells: usual.cells.map((each) => (each.arm === 'mrt-exact' && each.seed === 2 ? { ...each, status: 'running', steps: 7, evaluations: {}, equalCost: null, validation: [] } : each)) }
    const text = renderReport(partial)
    expect(text).toContain(`**This is a part of the grid.** Not run: dapo. Not finished: mrt-exact seed 2 (7 of ${usual.conditions.steps} steps).`)
    expect(answerOf(partial)!.seeds).toBe(5)
    expect(renderReport({ ...usual, arms: usual.arms.filter(({ key }) => key !== 'dapo') })).toContain('The grid is complete.')
  })

  it('gives no answer without a pair of finished runs, and says so', () =>
    expect(renderReport(record({ outcome: { accuracy: 0.6 } }))).toContain('No answer yet'))

  it('says that few seeds hardly cover the noise of training', () =>
    expect(firstParagraph(record({ outcome: { accuracy: 0.6 }, 'mrt-exact': { accuracy: 0.7 } }, 2))).toContain('with fewer than 5 seeds'))

  it('sees a run that has not levelled off', () => {
    const falling = { ...usual, cells: usual.cells.map((each) => (each.arm !== 'outcome' ? each : { ...each, validation: [30, 35, 40].map((step, at) => ({ step, accuracy: 0.6, regret: values(step, { accuracy: 0.6, regret: 0.5 - 0.1 * at }).regret })) })) }
    expect(plateauOf(falling, 'outcome')!.value).toBeCloseTo(-0.2, 2)
    expect(renderReport(falling)).toContain('outcome has not levelled off')
  })

  it('prints the means that follow from the values by problem', () => expectMeans(usual, renderReport(usual)))
})

/** Accuracy, tokens, regret and the paired gain of the table at equal steps, worked out here with sums alone. */
function expectMeans(of: StudyRecord, page: string): void {
  const section = page.split('## On held-out problems, at equal steps')[1]!
  const average = (numbers: readonly number[]): number => numbers.reduce((sum, value) => sum + value, 0) / numbers.length
  const at = of.budgets.indexOf(of.trainedBudget)
  for (const { key, title } of of.arms) {
    const cells = of.cells.filter(({ arm, status, evaluations }) => arm === key && status === 'finished' && evaluations.heldout)
    if (cells.length === 0) continue
    const row = section.split('\n').find((line) => line.startsWith(`| ${title} |`) || line.startsWith(`| ${title} (control) |`))!.split(' | ')
    const held = cells.map(({ evaluations }) => evaluations.heldout!)
    expect([row[1], row[2]!.split(' ')[0], row[3]!.split(' ')[0], row[4]!.split(' ')[0]]).toEqual([
      String(cells.length), (average(held.map(({ natural }) => average(natural[at]!))) / 100).toFixed(1), (average(held.map(({ tokens }) => average(tokens))) / 100).toFixed(1), (average(held.map(({ regret }) => average(regret))) / 10_000).toFixed(3),
    ])
    const curve = page.split('Natural thinking, cut at the budget:')[1]!.split('\n').find((line) => line.startsWith(`| ${title} |`))!.split('|').slice(2, -1).map((text) => text.trim())
    expect(curve).toEqual(of.budgets.map((_, budget) => (average(held.map(({ natural }) => average(natural[budget]!))) / 10_000).toFixed(3)))
  }
}

const root = join(import.meta.dirname, '../..')
const shipped = join(root, 'resources/study/headline.json')
describe('docs/results.md', () => {
  const ours = JSON.parse(readFileSync(shipped, 'utf8')) as StudyRecord
  const page = readFileSync(join(root, 'docs/results.md'), 'utf8')

  it('is the report of the record that ships, to the letter', () => expect(renderReport(ours)).toBe(page))
  it('prints the means that follow from the values by problem', () => expectMeans(ours, page))
})
