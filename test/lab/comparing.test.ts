// The rules of a comparison one by one: which evaluation speaks for a run, which budgets are shared, which accuracies are asked for, who
// wins, and which weights all of them start from.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { compareQueries } from '../../src-main/lab/answers/queriesCompare.ts'
import { newestFinished, startEvaluation } from '../../src-main/lab/comparing/compareArms.ts'
import { openFigures, remembering, valueOf, type Column } from '../../src-main/lab/comparing/compareFigures.ts'
import { curveOf } from '../../src-main/lab/comparing/compareCurves.ts'
import { levelsOf, usualLevel } from '../../src-main/lab/comparing/compareTokens.ts'
import { sharedBudgets, trainedBudgetOf } from '../../src-main/lab/comparing/compared.ts'
import { atOnce, budgetsOf, longestOf, thinkingAt } from '../../src-main/lab/comparing/evaluationBudgets.ts'
import { compareReport } from '../../src-main/lab/comparing/report.ts'
import { spread } from '../../src-main/lab/comparing/reportFile.ts'
import { openStore, type Store } from '../../src-main/store/openStore.ts'
import type { Evaluation, EvaluationResult } from '../../src-preload/contract.ts'
import { BUDGETS, makeWorkspace, type Filled } from './records.ts'

const folder = mkdtempSync(join(tmpdir(), 'mrt-comparing-'))
const options = { signal: new AbortController().signal }
let store: Store
let filled: Filled
beforeAll(() => {
  filled = makeWorkspace(join(folder, 'workspace'))
  store = openStore(join(folder, 'workspace'), { program: 'test' })
})
afterAll(() => {
  store.close()
  rmSync(folder, { recursive: true, force: true })
})
const evaluation = (more: Partial<Evaluation>): Evaluation =>
  ({ id: 1, status: 'finished', split: 'heldout', step: 4, budgets: [10, 20, 40], trainedBudget: 20, ...more }) as Evaluation
const close = (value: number | null | undefined, expected: number): void => expect(value).toBeCloseTo(expected, 9)

describe('budgets of an evaluation', () => {
  const spec = (budgets: number[], thinkingTokens: number, more: object = {}) =>
    ({ evaluation: { budgets, longest: null, window: null, ...more }, budget: { thinkingTokens } }) as never

  it('are those asked for and that of training, each once, in order', () => {
    expect(budgetsOf(spec([40, 8, 20], 20))).toEqual([8, 20, 40])
    expect(budgetsOf(spec([], 20))).toEqual([20])
  })

  it('reach three times that of training, or as far as was asked for', () => {
    expect([longestOf(spec([10], 20)), longestOf(spec([100], 20)), longestOf(spec([10], 20, { longest: 20 }))]).toEqual([60, 100, 20])
    expect(() => longestOf(spec([10], 20, { longest: 19 }))).toThrow(expect.objectContaining({ code: 'evaluation.longest', found: '20' }))
    expect([atOnce(spec([10], 20)), atOnce(spec([10], 20, { window: 30 })), atOnce(spec([10], 20, { window: 90 }))]).toEqual([60, 30, 60])
  })

  it('beyond that of training are spoken for by thoughts that were kept going', () => {
    expect([thinkingAt(20, 20), thinkingAt(21, 20), thinkingAt(99, null)]).toEqual(['natural', 'kept', 'natural'])
  })

  it('are shared where every one measured them, and none of no tokens', () => {
    const of = (...budgets: number[][]) => sharedBudgets(budgets.map((each) => ({ evaluation: evaluation({ budgets: each }) })))
    expect([of([0, 1, 10, 20], [0, 1, 20, 30]), of([0, 10]), of()]).toEqual([[1, 20], [10], []])
    const trained = (...budgets: (number | null)[]) =>
      trainedBudgetOf(budgets.map((trainedBudget) => ({ evaluation: evaluation({ trainedBudget }) })))
    expect([trained(30, null, 20), trained(null), trained()]).toEqual([20, null, null])
  })
})

describe('the evaluation that speaks for a run', () => {
  it('is the finished one of the latest step on held-out problems, the newer of two, at or before the step that is asked for', () => {
    const all = [
      evaluation({ id: 1, step: 4 }),
      evaluation({ id: 2, step: 8 }),
      evaluation({ id: 3, step: 8 }),
      evaluation({ id: 4, step: 9, status: 'failed' as never }),
      evaluation({ id: 5, step: 9, split: 'train' }),
      evaluation({ id: 6, step: null }),
    ]
    const id = (step: number | null, split?: string) => newestFinished(all, step, split)?.id ?? null
    expect([id(null), id(8), id(7), id(3), id(null, 'train')]).toEqual([3, 3, 1, null, 5])
    // One that says no step is not known to be at or before any.
    expect([newestFinished(all.slice(5)), newestFinished(all.slice(5), 100), newestFinished([])]).toEqual([all[5], null, null])
  })

  it('is that of the start where all runs start from the same weights and were asked the same', () => {
    const runs = filled.runIds.map((id) => store.runs.get(id)!)
    expect(startEvaluation(store, runs)!.id).toBe(filled.startEvaluationId)
    expect(startEvaluation(store, [])).toBeNull()
    expect(startEvaluation(store, [{ ...runs[0]!, modelId: null }])).toBeNull()
    expect(startEvaluation(store, [runs[0]!, { ...runs[1]!, modelId: 99 }])).toBeNull()
    const fromCheckpoint = { ...runs[1]!, config: { start: 'checkpoint:1' } }
    expect(startEvaluation(store, [runs[0]!, fromCheckpoint])).toBeNull()
    expect(startEvaluation(store, [fromCheckpoint])).toBeNull()
  })
})

describe('what a problem came to', () => {
  const result = {
    accuracy: 0.6,
    meanTokens: 12,
    accuracyAtBudget: [0.1, 0.2, 0.4],
    regretAtBudget: [0.9, 0.8, 0.6],
    keptWholeAtBudget: [0.2, 0.3, 0.8],
    keptRegretAtBudget: [0.95, 0.85, 0.5],
  } as unknown as EvaluationResult
  const at = (column: Column, more: Partial<EvaluationResult> = {}): number => valueOf(column, evaluation({}), { ...result, ...more })

  it('is as it was sampled without a budget, and read off its curve at one', () => {
    expect([at({ quantity: 'accuracy', budget: null }), at({ quantity: 'meanTokens', budget: 40 })]).toEqual([0.6, 12])
    close(at({ quantity: 'regret', budget: null }), 0.4)
    close(at({ quantity: 'accuracy', budget: 15 }), 0.15)
    close(at({ quantity: 'regret', budget: 20 }), 0.8)
  })

  it('is of kept thinking beyond the budget of training, unless asked otherwise or never kept', () => {
    close(at({ quantity: 'accuracy', budget: 40 }), 0.8)
    close(at({ quantity: 'regret', budget: 40 }), 0.5)
    close(at({ quantity: 'accuracy', budget: 40, thinking: 'natural' }), 0.4)
    close(at({ quantity: 'accuracy', budget: 10, thinking: 'kept' }), 0.2)
    close(at({ quantity: 'accuracy', budget: 40 }, { keptWholeAtBudget: [] as never }), 0.4)
  })
})

describe('what is remembered', () => {
  it('is made once, null and nothing too, and the oldest goes first', () => {
    const made: string[] = []
    const remember = remembering<string | null | undefined>(2)
    const ask = (key: string, value: string | null | undefined) =>
      remember(key, () => {
        made.push(key)
        return value
      })
    expect([ask('a', 'x'), ask('a', 'y'), ask('b', undefined), ask('b', 'z')]).toEqual(['x', 'x', undefined, undefined])
    ask('c', null)
    expect([ask('b', 'later'), ask('c', 'later'), ask('a', 'again')]).toEqual([undefined, null, 'again'])
    expect(made).toEqual(['a', 'b', 'c', 'a'])
  })

  it('gives the same figures when they are asked again, alone or with others', () => {
    const evaluated = filled.evaluationIds.map((id) => ({
      key: `w:${id}:1`,
      evaluation: store.evaluations.get(id)!,
      results: new Map(store.evaluations.results(id).map((each) => [each.problemId, each])),
    }))
    const [own, base] = [evaluated.slice(2), evaluated.slice(0, 2)]
    const columns = BUDGETS.map((budget): Column => ({ quantity: 'accuracy', budget }))
    const fresh = () => openFigures((id) => (id < 3 ? 'one' : null))
    const [first, second] = [fresh(), fresh()]
    const problems = first.common(evaluated)
    expect(first.common(evaluated)).toBe(problems)
    const all = first.differences(own, base, problems, columns)
    expect(first.differences(own, base, problems, columns.slice(1))).toEqual(all.slice(1))
    const one = second.differences(own, base, second.common(evaluated), columns.slice(2))
    expect([one[0], second.differences(own, base, second.common(evaluated), columns)]).toEqual([all[2], all])
    expect(first.figures(own, problems, columns)).toEqual(second.figures(own, second.common(evaluated), columns))
    // Unequal numbers of seeds are resampled each by itself; the mean is the same.
    const unequal = first.differences(own, base.slice(0, 1), problems, columns)
    unequal.forEach(({ value }, at) => close(value, all[at]!.value))
    expect(unequal[2]!.basis).toMatchObject({ seeds: 1 })
    expect(all[2]!.basis).toMatchObject({ seeds: 2, clusters: 3 })
    // Two thirds of the sets lie apart: a mean of probabilities stays within 0 and 1.
    for (const figure of first.figures(own, problems, columns)) expect([figure!.low! >= 0, figure!.high! <= 1]).toEqual([true, true])
    expect(first.figures(own, { ...problems, ids: [] }, columns)).toEqual([null, null, null])
    const tokens = first.differences(own, base, problems, [{ quantity: 'meanTokens', budget: null }])
    expect(tokens[0]!.value).toBe(0)
  })
})

describe('accuracies that are asked for', () => {
  it('are round, at most twenty-four, between the least and the most that any curve has', () => {
    expect(levelsOf([])).toEqual([])
    expect(levelsOf([[0.101, 0.2], [0.15]])).toEqual([0.11, 0.12, 0.13, 0.14, 0.15, 0.16, 0.17, 0.18, 0.19, 0.2])
    expect(levelsOf([[0, 0.48]])).toEqual(Array.from({ length: 25 }, (_, at) => Number((at * 0.02).toFixed(2))))
    expect(levelsOf([[0, 0.49]])).toEqual(Array.from({ length: 10 }, (_, at) => Number((at * 0.05).toFixed(2))))
    expect(levelsOf([[0, 1]])).toEqual(Array.from({ length: 21 }, (_, at) => Number((at * 0.05).toFixed(2))))
    expect(levelsOf([[0, 3]])).toHaveLength(31)
    expect(levelsOf([[0.101, 0.109]])).toEqual([])
  })

  it('are by themselves the highest whole percentage that every curve reaches', () => {
    expect(usualLevel([[0.2, 0.519], [0.7], []])).toBe(0.51)
    expect([usualLevel([[]]), usualLevel([])]).toEqual([null, null])
  })
})

describe('who wins', () => {
  it('is told problem by problem, a difference of nothing being a tie', async () => {
    const ask = compareQueries(() => store)
    const [a, b, c] = filled.evaluationIds as [number, number, number]
    const same = await ask.paired({ a, b, budget: 40 }, options)
    expect(same).toMatchObject({ wins: 0, losses: 0, ties: 4, budget: 40, evaluationA: a, evaluationB: b })
    expect(await ask.paired({ a: c, b: a, budget: null }, options)).toMatchObject({ wins: 0, losses: 4, ties: 0 })
    expect(await ask.paired({ a, b: c, budget: null }, options)).toMatchObject({ wins: 4, losses: 0, ties: 0 })
    const [runA, , runC] = filled.runIds as [number, number, number]
    const pairs = (await ask.pairs({ a: [runC], b: [runA], step: null }, options))!
    expect(pairs.scores.map(({ wins, losses, ties }) => [wins, losses, ties])).toEqual([
      [0, 4, 0],
      [0, 4, 0],
      [0, 4, 0],
    ])
    expect(await ask.pairs({ a: [runA], b: [runC], step: 3 }, options)).toMatchObject({ evaluationsA: [filled.startEvaluationId] })
    await expect(async () => ask.paired({ a: 99, b, budget: null }, options)).rejects.toMatchObject({ code: 'evaluation.unknown' })
  })
})

describe('a problem whose record cannot be read', () => {
  it('counts as it was graded, and stands for itself among the clusters', async () => {
    const asked = { runIds: filled.runIds, budgets: [40], groupBy: 'run' as const, baseline: filled.runIds[0]!, step: null }
    const known = await compareQueries(() => store).tables(asked, options)
    const [lost] = filled.problemIds
    const readable: Store['datasets']['readable'] = (id) => (id === lost ? null : store.datasets.readable(id))
    const bare: Store = { ...store, datasets: { ...store.datasets, readable } }
    const [table] = await compareQueries(() => bare).tables(asked, options)
    expect(table!.rows.map(({ accuracy }) => accuracy!.value)).toEqual(known[0]!.rows.map(({ accuracy }) => accuracy!.value))
  })
})

describe('runs of which some were not evaluated', () => {
  /** A workspace of its own, with a run that nothing is known of. */
  async function apart(work: (own: Store, of: Filled & { readonly bare: number }) => Promise<void>): Promise<void> {
    const place = mkdtempSync(join(tmpdir(), 'mrt-apart-'))
    const of = makeWorkspace(join(place, 'workspace'))
    const own = openStore(join(place, 'workspace'), { program: 'test' })
    try {
      const { id: _id, uid: _uid, ...near } = own.runs.get(of.runIds[0]!)!
      await work(own, { ...of, bare: own.runs.add({ ...near, name: 'bare', modelId: null }).id })
    } finally {
      own.close()
      rmSync(place, { recursive: true, force: true })
    }
  }

  it('have no winner', () =>
    apart(async (own, { runIds: [a], bare }) => {
      const ask = compareQueries(() => own)
      for (const [left, right] of [
        [[bare], [a!]],
        [[a!], [bare]],
        [[], [bare]],
        [[bare], []],
      ] as const)
        expect(await ask.pairs({ a: [...left], b: [...right], step: null }, options)).toBeNull()
      for (const [left, right] of [
        [bare, a!],
        [a!, bare],
      ] as const)
        expect(await ask.wins({ a: left, b: right, budget: null, step: null }, options)).toBeNull()
    }))

  it('can be looked at where a finished evaluation on held-out problems was made', () =>
    apart(async (own, { runIds: [a, b], bare }) => {
      const ask = compareQueries(() => own)
      const { id: _id, ...like } = own.evaluations.ofRun(a!)[0]!
      const evaluated = (more: Partial<Evaluation>, status: 'finished' | null = 'finished'): void => {
        const { id } = own.evaluations.add({ ...like, runId: a!, modelId: own.models.list()[0]!.id, ...more } as never)
        if (status !== null) own.evaluations.finish(id, { status, atMs: 1, wallMs: 1, tokens: 1, metrics: {}, points: [] })
      }
      evaluated({ step: 2, budgets: [7] })
      evaluated({ step: null, budgets: [7] })
      evaluated({ step: 7, split: 'train', budgets: [7] })
      evaluated({ step: 8, budgets: [7] }, null)
      const asked = { runIds: [b!, a!, bare] }
      expect(await ask.budgets(asked, options)).toEqual({ budgets: BUDGETS, trainedBudget: 20, steps: [2, 4] })
      evaluated({ step: 10, budgets: [20, 60], trainedBudget: 15 })
      expect(await ask.budgets(asked, options)).toEqual({ budgets: [20], trainedBudget: 15, steps: [2, 4, 10] })
      expect(await ask.budgets({ runIds: [bare] }, options)).toEqual({ budgets: [], trainedBudget: null, steps: [] })
    }))

  it('are compared no further once nobody waits for it', () =>
    apart(async (own, { runIds }) => {
      const asked = { runIds, budgets: [20], groupBy: 'group' as const, baseline: null, step: null }
      await expect(compareQueries(() => own).tables(asked, { signal: AbortSignal.abort() })).rejects.toThrow()
    }))
})

describe('a curve over training', () => {
  it('has the steps that all seeds have, and says whether it has all of them', () => {
    const [first, second] = filled.runIds as [number, number]
    const { id: _id, uid: _uid, ...near } = store.runs.get(second)!
    const { id } = store.runs.add({ ...near, name: 'short' })
    for (const step of [1, 2, 3])
      store.steps.record({ step: { ...store.steps.get(second, step)!, runId: id, tokens: 100 }, rollouts: [], events: [] })
    const arm = { key: 'x', title: 'x', runIds: [first, id], method: 'x', algorithm: 'x', runs: [] }
    const curve = curveOf(store, arm, 'reward', 'tokens', 'none', 100)
    expect([curve.step, curve.exact, curve.n, curve.low]).toEqual([[1, 2, 3], true, [2, 2, 2], null])
    curve.value.forEach((value, at) => close(value, (at + 1) / 10 + 0.005))
    curve.x.forEach((value, at) => close(value, (at + 1) * 74))
    const thin = curveOf(store, arm, 'reward', 'tokens', 'range', 2)
    expect([thin.exact, thin.step.length < 3]).toEqual([false, true])
    expect(curveOf(store, arm, 'unheard of', 'tokens', 'none', 100)).toMatchObject({ step: [], value: [], exact: true })
  })
})

describe('some of many steps', () => {
  it('are evenly spread, the first and the last among them, and all where they are few', () => {
    expect([spread([3, 1, 2], 3), spread([], 3)]).toEqual([[3, 1, 2], []])
    expect(spread([0, 1, 2, 3, 4, 5, 6, 7, 8], 3)).toEqual([0, 4, 8])
    expect(spread([0, 1, 2, 3], 3)).toEqual([0, 2, 3])
  })
})

describe('the report of a comparison', () => {
  it('says what each arm gained over the start, by how many times the baseline, and where they are as good', () => {
    const [base, , other] = filled.runIds as [number, number, number]
    const { runs, comparisons, table } = compareReport(store, filled.runIds, base)
    expect(runs.map(({ id, seed, steps, accuracy, meanTokens }) => [id, seed, steps, accuracy, meanTokens])).toEqual(
      filled.runIds.map((id, at) => [id, 1 + (at % 2), 4, 0.5, 13]),
    )
    for (const { accuracyCi } of runs)
      expect([accuracyCi[0]! >= 0, accuracyCi[0]! < accuracyCi[1]!, accuracyCi[1]! <= 1]).toEqual([true, true, true])
    // Accuracy at 10, 20 and 40 tokens: the start 0.075, 0.15, 0.3; the baseline 0.125, 0.25, 0.5; the other 0.175, 0.35, 0.7.
    expect([table.baseline, table.budget]).toEqual(['dr-grpo', 20])
    expect(table.level).toBeCloseTo(0.25, 6)
    const methods = table.methods.map(({ row, gain, tokenEfficiency, budgets }) => [row.title, gain, tokenEfficiency, budgets])
    expect(methods).toEqual([
      ['Start', null, null, BUDGETS],
      ['dr-grpo', expect.closeTo(1, 6), null, BUDGETS],
      ['mrt-exact', expect.closeTo(2, 6), expect.closeTo(20 / (10 + (10 * 0.075) / 0.175), 5), BUDGETS],
    ])
    const told = comparisons.filter(({ b, metric }) => b === 'mrt-exact' && metric === 'accuracy')
    expect(told).toMatchObject([{ a: 'dr-grpo', difference: expect.closeTo(0.1, 6) as unknown }])
    expect(comparisons.some(({ b }) => b === 'dr-grpo')).toBe(false)
    expect(() => compareReport(store, [99], base)).toThrow(expect.objectContaining({ code: 'run.unknown' }))
    const { id: _id, uid: _uid, ...near } = store.runs.get(other)!
    const { id } = store.runs.add({ ...near, name: 'unevaluated' })
    expect(() => compareReport(store, [base, id], base)).toThrow(expect.objectContaining({ code: 'compare.notEvaluated' }))
  })
})
