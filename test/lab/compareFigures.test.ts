// The statistics of a comparison against plain resampling, and its tables, curves and pairs where arms were evaluated unevenly or not at all.
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { compareQueries } from '../../src-main/lab/answers/queriesCompare.ts'
import type { Evaluated } from '../../src-main/lab/comparing/compareArms.ts'
import { openFigures, type Column } from '../../src-main/lab/comparing/compareFigures.ts'
import { compareReport } from '../../src-main/lab/comparing/report.ts'
import { bootstrapMean, bootstrapSeeds, degreesOfFreedom } from '../../src-main/numeric/bootstrap.ts'
import { overResampledSeeds, questionResampling, resampledMeans, seedResampling } from '../../src-main/numeric/resampling.ts'
import { inferenceOf } from '../../src-main/numeric/significance.ts'
import { mean } from '../../src-main/numeric/stats.ts'
import type { BudgetCurveView, CompareTable, Evaluation, EvaluationResult, OverlayCurve } from '../../src-preload/contract.ts'
import { openEvaluated, type EvaluatedWorkspace, type Scored } from './evaluated.ts'
import { BUDGETS } from './records.ts'

const near = (value: number): number => expect.closeTo(value, 9) as number
const NOTHING = { value: 0, low: null, high: null, n: 0, p: null }

describe('the figures of a comparison', () => {
  const HOW = { seed: 20_260_101, draws: 2000 }
  const ACCURACY: Column = { quantity: 'accuracy', budget: null }
  const TOKENS: Column = { quantity: 'meanTokens', budget: null }
  /** An evaluation of problems 1, 2, 3, ... */
  const evaluated = (
    id: number,
    shares: readonly number[],
    { runId = id, tokens = shares, workspace = 'w' }: { runId?: number | null; tokens?: readonly number[]; workspace?: string } = {},
  ): Evaluated => ({
    key: `${workspace}:${id}:1`,
    evaluation: { id, runId, budgets: BUDGETS, trainedBudget: 20 } as unknown as Evaluation,
    results: new Map(shares.map((accuracy, at) => [at + 1, { accuracy, meanTokens: tokens[at]! } as EvaluationResult])),
  })
  const SIX = Int32Array.from({ length: 12 }, (_, at) => Math.floor(at / 2))
  const inSix = () => openFigures((id) => `cluster ${SIX[id - 1]}`)
  /** Twelve shares about one half, another row for each `by`. */
  const shares = (by: number): number[] => Array.from({ length: 12 }, (_, at) => 0.4 + ((at * by) % 12) / 60 + by / 500)
  const rows = [1, 5, 7, 11, 13].map(shares)
  const all = rows.map((row, at) => evaluated(at + 1, row))

  it('have the interval of a plain bootstrap over clusters and problems, and over seeds where there are several', () => {
    const figures = inSix()
    const problems = figures.common(all)
    const [alone] = figures.figures(all.slice(0, 1), problems, [ACCURACY])
    const one = bootstrapMean(rows[0]!, { ...HOW, clusters: SIX })
    expect(alone).toEqual({
      value: near(mean(rows[0]!)),
      low: near(one.low),
      high: near(one.high),
      n: 12,
      basis: { clusters: 6, seeds: 1, df: 5 },
    })
    const [three] = figures.figures(all.slice(0, 3), problems, [ACCURACY])
    const seeded = bootstrapSeeds(rows.slice(0, 3), { ...HOW, clusters: SIX })
    expect(three).toMatchObject({
      value: near(seeded.estimate),
      low: near(seeded.low),
      high: near(seeded.high),
      basis: { seeds: 3, df: 2 },
    })
  })

  it('differ seed by seed where both arms have as many, with the p of the same resamples', () => {
    const figures = inSix()
    const [difference] = figures.differences([all[0]!, all[1]!], [all[2]!, all[3]!], figures.common(all), [ACCURACY])
    const apart = [0, 1].map((seed) => rows[seed]!.map((value, at) => value - rows[seed + 2]![at]!))
    const { estimate, low, high, p } = bootstrapSeeds(apart, { ...HOW, clusters: SIX })
    expect(difference).toMatchObject({ value: near(estimate), low: near(low), high: near(high), p: near(p) })
  })

  it('differ by seeds that are drawn for each arm by itself where one has more', () => {
    const figures = inSix()
    const [difference] = figures.differences(all.slice(0, 2), all.slice(2), figures.common(all), [ACCURACY])
    const plan = questionResampling(12, HOW.draws, HOW.seed, SIX)
    const means = (of: readonly (readonly number[])[]) =>
      resampledMeans(
        plan,
        of.map((row) => Float64Array.from(row)),
      )
    const own = overResampledSeeds(seedResampling(2, HOW.draws, HOW.seed), means(rows.slice(0, 2)))
    const base = overResampledSeeds(seedResampling(3, HOW.draws, HOW.seed, true), means(rows.slice(2)))
    const value = mean(rows.slice(0, 2).map((row) => mean(row))) - mean(rows.slice(2).map((row) => mean(row)))
    const { low, high, p } = inferenceOf(
      value,
      own.map((share, draw) => share - base[draw]!),
      degreesOfFreedom(SIX, 2),
    )
    expect(difference).toMatchObject({ value: near(value), low: near(low), high: near(high), p: near(p), basis: { seeds: 2 } })
  })

  it('of shares stay within what a share, or a difference of two, can be; of tokens they may be anything', () => {
    const figures = openFigures(() => null)
    const [up, down] = [evaluated(1, [0, 1], { tokens: [1, 1000] }), evaluated(2, [1, 0], { tokens: [1000, 1] })]
    const problems = figures.common([up, down])
    const [share, tokens] = figures.figures([up], problems, [ACCURACY, TOKENS])
    expect([share!.low, share!.high]).toEqual([0, 1])
    expect([tokens!.low! < 0, tokens!.high! > 1000]).toEqual([true, true])
    const [apart, longer] = figures.differences([up], [down], problems, [ACCURACY, TOKENS])
    expect([apart!.low, apart!.high]).toEqual([-1, 1])
    expect([longer!.low! < -1000, longer!.high! > 1000]).toEqual([true, true])
  })

  it('have no interval over a single problem, and are none over none', () => {
    const figures = openFigures(() => null)
    const [one, two] = [evaluated(1, [0.25]), evaluated(2, [0.75])]
    const problems = figures.common([one, two])
    expect(figures.figures([one], problems, [ACCURACY])).toMatchObject([{ value: 0.25, low: null, high: null, n: 1 }])
    expect(figures.differences([two], [one], problems, [ACCURACY])).toMatchObject([{ value: 0.5, low: null, high: null, p: null, n: 1 }])
    expect(figures.figures([one], figures.common([]), [ACCURACY, TOKENS])).toEqual([null, null])
  })

  it('rest on the seeds of trained arms, the fewest of them, and on none where nothing was trained', () => {
    const figures = inSix()
    const start = evaluated(9, rows[4]!, { runId: null })
    const problems = figures.common([...all, start])
    const seedsOf = (own: readonly Evaluated[], base: readonly Evaluated[]) =>
      figures.differences(own, base, problems, [ACCURACY])[0]!.basis!.seeds
    expect(figures.figures([start], problems, [ACCURACY])[0]!.basis).toEqual({ clusters: 6, seeds: 0, df: 5 })
    expect([seedsOf(all.slice(0, 2), [start]), seedsOf(all.slice(0, 3), all.slice(3)), seedsOf([start], [start])]).toEqual([2, 2, 0])
    expect(figures.inferred(1, new Float64Array(2000).fill(1), problems, [all.slice(0, 3), [start]]).basis!.seeds).toBe(3)
  })

  it('are over the problems that all have, of one workspace', () => {
    const figures = openFigures(() => null)
    const of = (id: number, ids: readonly number[], workspace?: string): Evaluated => ({
      ...evaluated(id, [], { ...(workspace !== undefined && { workspace }) }),
      results: new Map(ids.map((problem) => [problem, {} as EvaluationResult])),
    })
    const problems = figures.common([of(1, [1, 2, 3]), of(2, [2, 1]), of(3, [3, 1])])
    expect(problems.ids).toEqual([1])
    expect(figures.common([of(4, [1])])).toBe(problems)
    expect(figures.common([of(4, [1], 'other')])).not.toBe(problems)
  })
})

describe('arms that were evaluated unevenly', () => {
  let made: EvaluatedWorkspace
  let ask: ReturnType<typeof compareQueries>
  beforeEach(() => {
    made = openEvaluated()
    ask = compareQueries(() => made.store)
  })
  afterEach(() => made.close())
  const options = { signal: new AbortController().signal }
  const flat = (at: readonly number[], more: Partial<Scored> = {}): Scored[] =>
    [0, 1, 2, 3].map(() => ({ accuracy: at.at(-1)!, at, ...more }))
  const LOW = [0.1, 0.25, 0.5]
  const HIGH = [0.2, 0.35, 0.7]
  const table = (runIds: readonly number[], more: object = {}) =>
    ask.table({ runIds: [...runIds], budget: 40, groupBy: 'group', baseline: null, step: null, ...more }, options) as CompareTable

  it('are over problems that are resampled by their target', () => {
    const id = made.run('a')
    made.evaluate(id, flat(LOW))
    expect(table([id]).rows[0]!.accuracy!.basis).toEqual({ clusters: 2, seeds: 1, df: 1 })
  })

  it('say where their thinking went over all rollouts, each evaluation as much as it has, and nothing where one does not say', () => {
    const [first, second] = [made.run('a', { seed: 1 }), made.run('a', { seed: 2 })]
    const metrics = (times: number) => ({
      'ttc/useful_tokens': 3 * times,
      'ttc/overthink_tokens': 2 * times,
      'ttc/futile_tokens': 5 * times,
      'ttc/starved_tokens': 7 * times,
      'ttc/starved_frac': times / 10,
    })
    made.evaluate(first, flat(LOW), { metrics: metrics(1) })
    made.evaluate(second, flat(LOW).slice(0, 2), { metrics: metrics(4) })
    // Eight rollouts, and four with four times as much: twice as much in the mean.
    expect(table([first, second]).rows[0]!.account).toEqual({
      useful: 6,
      overthinking: 4,
      futile: 10,
      starved: 14,
      starvedShare: near(0.2),
      rollouts: 12,
    })
    const { 'ttc/starved_frac': _, ...partly } = metrics(1)
    const third = made.run('a', { seed: 3 })
    made.evaluate(third, flat(LOW), { metrics: partly })
    expect([table([first, second, third]).rows[0]!.account, table([made.run('b')]).rows[0]!.account]).toEqual([null, null])
  })

  it('cost what all steps of all their seeds did', () => {
    const [first, second] = [made.run('a', { seed: 1 }, 3), made.run('a', { seed: 2 }, 1)]
    expect(table([first, second]).rows[0]!.cost).toEqual({ steps: 4, tokens: 200, estimateTokens: 80, flops: 4e9, wallMs: 400 })
  })

  it('are set against nothing where either was not evaluated or no problem is common', () => {
    const [one, unevaluated, elsewhere] = [made.run('a'), made.run('b'), made.run('c')]
    made.evaluate(one, flat(LOW).slice(0, 2))
    made.evaluate(elsewhere, flat(HIGH).slice(0, 2), { problems: made.problemIds.slice(2) })
    const runIds = [one, unevaluated, elsewhere]
    for (const baseline of runIds) expect(table(runIds, { baseline }).rows.map(({ against }) => against)).toEqual([null, null, null])
    expect(table(runIds).rows.map(({ accuracy, problemCount }) => [accuracy?.n ?? null, problemCount])).toEqual([
      [2, 2],
      [null, 0],
      [2, 2],
    ])
    const [left, right] = [one, elsewhere].map((id) => made.store.evaluations.ofRun(id)[0]!.id)
    expect(ask.paired({ a: left!, b: right!, budget: null }, options)).toMatchObject({
      wins: 0,
      losses: 0,
      ties: 0,
      accuracy: NOTHING,
      meanTokens: NOTHING,
      pairs: [],
    })
    expect(ask.pairs({ a: [one], b: [elsewhere], step: null }, options)).toMatchObject({
      problems: [],
      meanTokens: NOTHING,
      scores: BUDGETS.map((budget) => ({ budget, wins: 0, losses: 0, ties: 0, accuracy: NOTHING })),
    })
  })

  it('are beyond training where any of them is, and exact where every one measured the budget', () => {
    const seeds = [1, 2].map((seed) => made.run('a', { seed }))
    made.evaluate(seeds[0]!, flat(LOW), { trainedBudget: 40 })
    made.evaluate(seeds[1]!, flat(LOW), { trainedBudget: 20 })
    const [untrained, unevaluated] = [made.run('b'), made.run('c')]
    made.evaluate(untrained, flat(LOW), { trainedBudget: null })
    const beyond = (budget: number) => table([...seeds, untrained, unevaluated], { budget }).rows.map(({ extrapolated }) => extrapolated)
    expect([beyond(20), beyond(30), beyond(41)]).toEqual([
      [false, false, false],
      [true, false, false],
      [true, false, false],
    ])
    const coarse = made.run('d')
    made.evaluate(coarse, flat([0.1, 0.5]), { budgets: [10, 40] })
    const exact = (budget: number) => table([untrained, coarse], { budget }).exact
    expect([exact(10), exact(20), exact(40)]).toEqual([true, false, true])
  })

  it('have a baseline that is there, and none where no start was measured', () => {
    const id = made.run('a')
    made.evaluate(id, flat(LOW))
    expect(() => table([id], { baseline: 99 })).toThrow(expect.objectContaining({ code: 'run.unknown' }))
    const started = table([id], { baseline: 'start' })
    expect([started.baseline, started.rows.map(({ against }) => against)]).toEqual([null, [null]])
    // Before its first evaluation a run is its start, of which nothing is known here.
    expect(table([id], { step: 3 }).rows.map(({ evaluationIds, evaluatedSteps }) => [evaluationIds, evaluatedSteps])).toEqual([[[], []]])
  })

  it('have curves of the seeds that tell of a metric', () => {
    const [told, untold] = [made.run('a', { seed: 1 }, 3), made.run('a', { seed: 2 })]
    const [curve] = ask.curves(
      { runIds: [told, untold], metric: 'reward', x: 'step', groupBy: 'group', band: 'range', maxPoints: 10 },
      options,
    ) as readonly OverlayCurve[]
    expect(curve).toMatchObject({ step: [1, 2, 3], value: [0.1, 0.2, 0.3], n: [1, 1, 1], low: null })
  })

  it('have points where their seeds share problems, those of kept thinking beyond the budget of training alone', () => {
    const curves = (runIds: number[]) =>
      ask.budgetCurves({ runIds, quantity: 'accuracy', groupBy: 'group', step: null, start: false }, options) as readonly BudgetCurveView[]
    const [first, second] = [made.run('a', { seed: 1 }), made.run('a', { seed: 2 })]
    made.evaluate(first, flat(LOW).slice(0, 2))
    made.evaluate(second, flat(LOW).slice(0, 2), { problems: made.problemIds.slice(2) })
    expect(curves([first, second])).toMatchObject([{ trainedBudget: 20, points: [], kept: [] }])
    expect(curves([first])[0]!.kept.map(({ budget, extrapolated }) => [budget, extrapolated])).toEqual([[40, true]])
    const untrained = made.run('b')
    made.evaluate(untrained, flat(LOW), { trainedBudget: null })
    const [free] = curves([untrained])
    expect([free!.points.map(({ extrapolated }) => extrapolated), free!.kept]).toEqual([[false, false, false], []])
  })

  describe('and how many tokens they need', () => {
    const tokensFor = async (runIds: readonly number[], accuracy: number | null, baseline: number | null = null) =>
      ask.tokensFor({ runIds: [...runIds], accuracy, groupBy: 'group', baseline, step: null }, options)
    const told = async (...given: Parameters<typeof tokensFor>) =>
      (await tokensFor(...given)).rows.map(({ tokens, efficiency, reached, extrapolated }) => [
        tokens?.value ?? null,
        efficiency?.value ?? null,
        reached,
        extrapolated,
      ])
    let low: number
    let high: number
    beforeEach(() => {
      ;[low, high] = [made.run('low'), made.run('high')]
      made.evaluate(low, flat(LOW))
      made.evaluate(high, flat(HIGH))
    })
    const close = (value: number): number => expect.closeTo(value, 4) as number

    it('is within training up to its very budget, and never or always reached where no problem differs', async () => {
      expect(await told([low, high], 0.25, low)).toEqual([
        [20, null, 1, false],
        [close(10 + 10 / 3), close(20 / (10 + 10 / 3)), 1, false],
      ])
    })

    it('is compared where both sides reach the accuracy, with a baseline alone', async () => {
      const late = close(20 + (20 * 0.25) / 0.35)
      expect([await told([low, high], 0.6, low), await told([low, high], 0.6, high), await told([low, high], 0.25)]).toEqual([
        [
          [null, null, 0, false],
          [late, null, 1, true],
        ],
        [
          [null, null, 0, false],
          [late, null, 1, true],
        ],
        [
          [20, null, 1, false],
          [close(10 + 10 / 3), null, 1, false],
        ],
      ])
    })

    it('is asked at what all reach at any budget where none was trained with one', async () => {
      const free = made.run('free')
      made.evaluate(free, flat(LOW), { trainedBudget: null })
      expect((await tokensFor([free], null)).accuracy).toBe(0.5)
      expect(await told([free], 0.5)).toEqual([[40, null, 1, false]])
      expect((await tokensFor([low], null)).accuracy).toBe(0.25)
    })

    it('is nothing where nothing was evaluated, or not on the same problems', async () => {
      const [bare, apart] = [made.run('bare'), made.run('apart')]
      expect(await tokensFor([bare], null)).toEqual({ accuracy: null, levels: [], baseline: null, rows: [] })
      const half = made.run('half')
      made.evaluate(half, flat(LOW).slice(0, 2))
      made.evaluate(apart, flat(LOW).slice(0, 2), { problems: made.problemIds.slice(2) })
      expect(await told([half, apart], 0.3)).toEqual([
        [null, null, 0, false],
        [null, null, 0, false],
      ])
      expect((await tokensFor([half, apart], null)).accuracy).toBeNull()
    })
  })

  it('tie where a problem differs by a point or less, whichever is ahead, and say what their answers took', () => {
    const [a, b] = [made.run('a'), made.run('b')]
    const scored = (accuracy: number, tokens: number): Scored => ({ accuracy, at: [accuracy, accuracy, accuracy], tokens })
    const left = made.evaluate(a, [scored(0.5, 10), scored(0.505, 20), scored(0.2, 30), scored(0, 40)])
    const right = made.evaluate(b, [scored(0.505, 12), scored(0.5, 24), scored(0.3, 36), scored(0.01, 48)])
    made.keep(left)
    made.keep(right, made.problemIds[1])
    expect(ask.paired({ a: left, b: right, budget: null }, options)).toMatchObject({
      wins: 1,
      losses: 0,
      ties: 3,
      meanTokens: { value: 5 },
    })
    expect(ask.paired({ a: right, b: left, budget: null }, options)).toMatchObject({
      wins: 0,
      losses: 1,
      ties: 3,
      meanTokens: { value: -5 },
    })
    const pairs = ask.pairs({ a: [a], b: [b], step: null }, options)
    expect(pairs).toMatchObject({
      meanTokens: { value: 5 },
      scores: BUDGETS.map((budget) => ({ budget, wins: 1, losses: 0, ties: 3 })),
      problems: [
        { keptA: true, keptB: false, tokensA: 10, tokensB: 12 },
        { keptA: false, keptB: true, tokensA: 20, tokensB: 24 },
        { keptA: false, keptB: false },
        { keptA: false, keptB: false },
      ],
    })
  })

  describe('in a report', () => {
    const gains = (runIds: readonly number[], baseline: number) =>
      compareReport(made.store, runIds, baseline).table.methods.map(({ row, gain }) => [row.method, gain])
    const told = { metrics: { accuracy: 0.5, 'completions/mean_length': 10 } }

    it('gain nothing that a baseline could be measured by where that gained nothing, or no start is known', () => {
      const [still, better] = [made.run('still', { method: 'still' }), made.run('better', { method: 'better' })]
      made.evaluate(still, flat(LOW), told)
      made.evaluate(better, flat(HIGH), told)
      expect(gains([still, better], still)).toEqual([
        ['still', null],
        ['better', null],
      ])
      made.evaluate(null, flat(LOW), told)
      expect(gains([still, better], still)).toEqual([
        ['start', null],
        ['still', null],
        ['better', null],
      ])
      expect(gains([still, better], better)).toEqual([
        ['start', null],
        ['still', 0],
        ['better', 1],
      ])
      expect(() => compareReport(made.store, [still], 99)).toThrow(expect.objectContaining({ code: 'run.unknown', found: '99' }))
      const unevaluated = made.run('unevaluated')
      expect(() => compareReport(made.store, [still], unevaluated)).toThrow(
        expect.objectContaining({ code: 'compare.notEvaluated', found: `run ${unevaluated} without an evaluation` }),
      )
    })

    it('say the regrets that are on record, of kept thinking beyond training, and an interval that is a share', () => {
      const id = made.run('a')
      made.evaluate(
        id,
        [0, 0, 1, 1].map((accuracy) => ({ accuracy })),
        { metrics: { ...told.metrics, 'ttc/regret@10': 0.9, 'ttc/regret@40': 0.7, 'ttc/kept_regret@20': 0.6 } },
      )
      const [run] = compareReport(made.store, [id], id).runs
      expect(run).toMatchObject({ steps: 0, regret: { 10: 0.9 }, accuracyCi: [0, 1] })
      expect(Object.keys(run!.regret)).toEqual(['10'])
      const other = made.run('b', {}, 2)
      const shares = [0.49, 0.5, 0.5, 0.51]
      made.evaluate(
        other,
        shares.map((accuracy) => ({ accuracy })),
        { metrics: { ...told.metrics, 'ttc/kept_regret@40': 0.4 } },
      )
      const { low, high } = bootstrapMean(shares, { seed: 20_260_101, draws: 2000, clusters: Int32Array.of(0, 0, 1, 1) })
      expect(compareReport(made.store, [other], other).runs).toMatchObject([
        { steps: 2, regret: { 40: 0.4 }, accuracyCi: [near(low), near(high)] },
      ])
    })
  })
})
