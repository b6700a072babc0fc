// What regret is taken against, made from thoughts whose J is given: over episodes and over tokens, for all of a scope and for a part of it.
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { describeComparators, makeComparator } from '../../src-main/lab/comparing/comparators.ts'
import type { Question } from '../../src-main/lab/thinking/measuredRollouts.ts'
import type { ComparatorName } from '../../src-preload/contract.ts'
import { openEvaluated, type EvaluatedWorkspace } from './evaluated.ts'

/** Thoughts with a boundary at every tenth token, a prompt of three tokens and an answer of four. */
const question = (problemId: number, ...thoughts: readonly (readonly number[])[]): Question =>
  ({
    problemId,
    members: thoughts.map((J) => ({
      J,
      boundaries: J.map((_, at) => 10 * at),
      detail: {
        promptTokens: new Int32Array(3),
        tokens: new Int32Array(10 * (J.length - 1) + 4),
        problem: { id: problemId, datasetId: 1 },
      },
    })),
  }) as unknown as Question

const UNEVEN = [question(1, [0.1, 0.2, 0.3, 0.4], [0.1, 0.5]), question(2, [0.2, 0.6, 0.9])]
const near = (value: number): number => expect.closeTo(value, 12) as number

let made: EvaluatedWorkspace
beforeEach(() => {
  made = openEvaluated()
})
afterEach(() => made.close())

const against = async (name: ComparatorName, questions: readonly Question[] = UNEVEN) =>
  makeComparator(name, {
    store: made.store,
    scope: { runId: 1 },
    questions,
    counted: 'thinking',
    limit: 100,
    signal: new AbortController().signal,
  })

describe('a comparator', () => {
  it('is right from the start, or from where any thought of the problem was right', async () => {
    const oracle = (await against('oracle'))(UNEVEN)
    expect([oracle.questions, oracle.tokens, oracle.episodes(1, 0)]).toEqual([UNEVEN, { kind: 'oracle' }, 1])
    const enough = (await against('sufficient'))(UNEVEN)
    expect([0, 1, 2].map((boundary) => [enough.episodes(0, boundary), enough.episodes(1, boundary)])).toEqual([
      [0, 0],
      [1, 1],
      [1, 1],
    ])
    expect(enough.tokens).toMatchObject({
      kind: 'sufficient',
      pool: [[{ boundaries: [0, 10, 20, 30] }, {}], [{ accuracy: [0.2, 0.6, 0.9] }]],
    })
  })

  it('of equal spend stops all thoughts after as many tokens and episodes as they took on average, those of a part of them as those of all', async () => {
    const equal = await against('equal')
    // Thirty and ten tokens in three episodes and one, and twenty in two: twenty in two on average.
    const whole = equal(UNEVEN)
    expect(whole.tokens).toEqual({ kind: 'equal', tokens: 20 })
    expect([0, 1, 2, 3].map((boundary) => whole.episodes(0, boundary))).toEqual([0.1, 0.35, 0.4, 0.4].map(near))
    const part = equal(UNEVEN.slice(1))
    expect([part.questions, part.tokens, part.episodes(0, 1), part.episodes(0, 2)]).toEqual([UNEVEN.slice(1), whole.tokens, 0.6, 0.9])
    const short = await against('equal', [question(1, [0.1, 0.2, 0.3, 0.4]), question(2, [0.5, 0.9])])
    expect([1, 2, 3].map((boundary) => short([question(3, [0, 0.1, 0.2, 0.3])]).episodes(0, boundary))).toEqual([0.1, 0.2, 0.2])
  })

  it('of the best checkpoint has the problems that were kept there, with J as it was there, and none where there is none', async () => {
    expect((await against('best'))(UNEVEN)).toMatchObject({ questions: [], tokens: { kind: 'reference', traces: [] } })
    const [first, second] = made.problemIds as [number, number]
    const own = [question(second, [0.5, 0.5]), question(first, [0.3, 0.4])]
    made.keep(made.evaluate(null, [{ accuracy: 1 }, { accuracy: 1 }]))
    const best = (await against('best', own))(own)
    expect(best.questions.map(({ problemId }) => problemId)).toEqual([first])
    // The answer that is kept there: 0.1, 0.3 and 0.9.
    expect([0, 1, 2, 9].map((boundary) => best.episodes(0, boundary))).toEqual([0.1, 0.3, 0.9, 0.9].map(near))
    expect(best.tokens).toMatchObject({ kind: 'reference', traces: [[{ promptTokens: 3, boundaries: [0, 5, 9] }]] })
  })
})

describe('the best checkpoint', () => {
  const one = (id = made.problemIds[0]!): Question[] => [question(id, [0.1, 0.2])]
  const all = (): Question[] => made.problemIds.flatMap((id) => one(id))
  const title = (questions: readonly Question[] = all()): string => describeComparators(made.store, {}, questions)[1]!.title
  /** With as many problems as there are lists of regrets. */
  function add(name: string, regrets: readonly (readonly number[])[], more: Parameters<EvaluatedWorkspace['evaluate']>[2] = {}): number {
    const id = made.evaluate(
      null,
      regrets.map((regret) => ({ accuracy: 0, at: regret, regret })),
      { name, ...more },
    )
    made.keep(id)
    return id
  }
  const same = (regret: readonly number[], problems = 4): (readonly number[])[] => Array.from({ length: problems }, () => regret)

  it('has the least regret at the last budget that it was trained with', () => {
    add('elsewhere', same([0.1, 0.9, 0.1]))
    add('there', same([0.9, 0.1, 0.9]))
    expect(title()).toBe('best checkpoint: there')
    add('at the first, which is beyond', same([0.05, 0.9, 0.9]), { budgets: [30, 40, 50] })
    expect(title()).toBe('best checkpoint: at the first, which is beyond')
    add('at the last, without any', same([0.9, 0.9, 0.01]), { trainedBudget: null })
    expect(title()).toBe('best checkpoint: at the last, without any')
  })

  it('measured most of the problems that are asked about, whatever its regret', () => {
    add('of three', same([0.1, 0.1, 0.1], 3))
    add('of four', same([0.5, 0.5, 0.5]))
    expect([title(), title(one())]).toEqual(['best checkpoint: of four', 'best checkpoint: of three'])
  })

  it('has measured regret there, holds answers and results, and is finished', () => {
    const none = { title: 'best checkpoint', meaning: '', reason: 'No evaluation has measured these problems.' }
    add('running', same([0.1, 0.1, 0.1]), { status: 'running' })
    add('failed', same([0.1, 0.1, 0.1]), { status: 'failed' })
    add('without results', [])
    add('up to another budget', same([0.1]))
    made.evaluate(
      null,
      same([0.1, 0.1, 0.1]).map((at) => ({ accuracy: 0, at })),
    )
    expect(describeComparators(made.store, {}, all())[1]).toMatchObject(none)
    add('this', same([0.4, 0.4, 0.4]))
    expect(title()).toBe('best checkpoint: this')
  })

  it('is none where nothing was measured, and no other comparator is to be had', () => {
    expect(describeComparators(made.store, {}, []).map(({ name, reason }) => [name, reason])).toEqual(
      ['oracle', 'best', 'sufficient', 'equal'].map((name) => [name, 'No rollout here has J.']),
    )
    expect(describeComparators(made.store, {}, [])[3]!.meaning).toContain('(the mean that was spent, 0 of thinking)')
    expect(describeComparators(made.store, {}, UNEVEN)[3]!.meaning).toContain('(the mean that was spent, 20 of thinking)')
  })
})
