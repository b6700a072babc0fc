// Rollouts cut at thinking budgets: where each is cut, how J is known there, and which answers are learned from.
import { describe, expect, it } from 'vitest'
import { cutEntries } from '../../src-main/lab/training/cutEntries.ts'
import { sampleSettings } from '../../src-main/lab/training/gather.ts'
import type { Entry } from '../../src-main/lab/training/gather.ts'
import { drawBudgets } from '../../src-main/rl/anytime.ts'
import { createRng, deriveSeed } from '../../src-main/numeric/rng.ts'
import type { CutPlan } from '../../src-main/rl/algorithm.ts'
import { ABORTED, countdown, entryOf, rightAnswer, WRONG_ANSWER, writer, writtenSpec, wrongAfter, type Writer } from './written.ts'

const problems = countdown()
const [first, second] = problems.ofStep(1, 2)
/** Thirteen tokens of thinking, and five. */
const LONG = wrongAfter('1 + 2 = 3 no Wait 3 + 4 = 7 yes')
const SHORT = wrongAfter('1 + 2 = 3')
const settings = sampleSettings(writtenSpec())
const entries: readonly Entry[] = [
  entryOf(problems, first!, LONG, { group: 0, sample: 0 }),
  entryOf(problems, first!, SHORT, { group: 0, sample: 1, kept: 72 }),
  entryOf(problems, second!, LONG, { group: 3, sample: 0, rollout: ABORTED }),
  entryOf(problems, second!, LONG, { group: 3, sample: 1 }),
]
const PLAN: CutPlan = { shares: [0.25, 0.5, 1], J: 'exact', answers: 0, learned: 1 }
const cut = (plan: Partial<CutPlan>, policy: Writer = writer(problems, () => WRONG_ANSWER), of = entries, seed = 9) =>
  cutEntries(policy, problems, of, { ...PLAN, ...plan }, seed, settings)

describe('cuts at budgets', () => {
  it('are at shares of the thinking budget, or where thinking ended before, with J of each; of an aborted rollout there are none', async () => {
    const policy = writer(problems, () => WRONG_ANSWER)
    const { cuts, answers, tokens } = await cut({}, policy)
    const long = { budgets: [6, 12, 24], offsets: [6, 12, 13], J: Float64Array.of(0.06, 0.12, 0.13) }
    expect(cuts).toEqual([long, { budgets: [6, 12, 24], offsets: [5, 5, 5], J: Float64Array.of(0.05, 0.05, 0.05) }, null, long])
    expect([answers, tokens, policy.asked]).toEqual([[], 7 * 9, []])
    expect(policy.measured[0]!.map(({ prompt, completion, answers: trie }) => [prompt, completion, trie])).toEqual(
      [0, 1, 3].map((at) => [entries[at]!.rollout.prompt, entries[at]!.rollout.tokens, problems.answers(entries[at]!.problem)]),
    )
  })

  it('are at one token at least', async () => {
    const { cuts } = await cut({ shares: [0.001, 0.06, 0.07] })
    expect(cuts[0]!.budgets).toEqual([1, 1, 2])
  })

  it('are at some of the budgets, the same for a whole group, where these are drawn by lot', async () => {
    const shares = Array.from({ length: 8 }, (_, index) => (index + 1) / 8)
    const group = (number: number): Entry[] => [0, 1].map((sample) => entryOf(problems, first!, LONG, { group: number, sample }))
    const many = Array.from({ length: 30 }, (_, number) => group(number)).flat()
    const { cuts } = await cut({ shares, measured: 0.25 }, undefined, many)
    const drawn = cuts.map((each) => each!.drawn!)
    for (const [at, own] of drawn.entries()) {
      expect(own).toHaveLength(2)
      expect(own).toEqual(drawn[at - (at % 2)])
      expect(cuts[at]!.budgets).toEqual(own.map((budget) => 3 * (budget + 1)))
      expect(cuts[at]!.offsets).toEqual(cuts[at]!.budgets.map((budget) => Math.min(13, budget)))
      expect(cuts[at]!.J).toHaveLength(2)
    }
    expect([...new Set(drawn.flat())].sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
    const lot = (at: number): number => createRng(deriveSeed(9, 'measured', at >> 1)).float()
    expect(drawn).toEqual(drawn.map((_, at) => drawBudgets(0.25, 8, lot(at))))
    const sampled = await cut({ shares, measured: 0.25, J: 'sampled', answers: 1 })
    expect(sampled.cuts[0]).not.toHaveProperty('drawn')
    expect(sampled.cuts[0]!.budgets).toHaveLength(8)
  })
})

describe('answers at cuts', () => {
  it('are groups of their own, one for each place where a rollout is cut, and say which budgets cut there and whose they are', async () => {
    const policy = writer(problems, () => WRONG_ANSWER)
    const { answers } = await cut({ answers: 2 }, policy)
    expect(answers.map(({ group, sample, cut: budgets, cutGroup, kept, arm }) => [group, sample, budgets, cutGroup, kept, arm])).toEqual(
      [
        [4, [0], 0, undefined],
        [5, [1], 0, undefined],
        [6, [2], 0, undefined],
        [7, [0, 1, 2], 0, 72],
        [8, [0], 3, undefined],
        [9, [1], 3, undefined],
        [10, [2], 3, undefined],
      ].flatMap(([group, budgets, cutGroup, kept]) => [0, 1].map((sample) => [group, sample, budgets, cutGroup, kept, 'terminate'])),
    )
    expect(answers.map(({ problem }) => problem.id)).toEqual(answers.map(({ group }) => (group < 8 ? first : second)!.id))
    const { plans } = policy.asked[0]!
    expect(plans.map(({ prefixTokens }) => prefixTokens)).toEqual([6, 12, 13, 5, 6, 12, 13].flatMap((at) => [at, at]))
    expect(plans.every(({ stopNow }) => stopNow === true)).toBe(true)
    expect(plans.map(({ seed }) => seed)).toEqual(
      [
        [0, 6],
        [0, 12],
        [0, 13],
        [1, 5],
        [3, 6],
        [3, 12],
        [3, 13],
      ].flatMap(([index, offset]) => [0, 1].map((sample) => deriveSeed(9, 'answer', index!, offset!, sample))),
    )
    expect(new Set(plans.map(({ prefix }) => prefix))).toEqual(new Set([0, 1, 3].map((at) => entries[at]!.rollout.tokens)))
  })

  it('cost what was written after the cut, beside what J cost', async () => {
    const { tokens, answers } = await cut({ answers: 2 })
    // The end of thinking, three tokens of answer and the end.
    expect(answers).toHaveLength(14)
    expect(tokens).toBe(7 * 9 + 14 * 5)
  })

  it('that are learned from are drawn by lot, those of a share among those of a greater one, and none else is sampled for an exact J', async () => {
    const many = Array.from({ length: 40 }, (_, group) => entryOf(problems, first!, LONG, { group }))
    const learned = async (share: number) => {
      const policy = writer(problems, () => WRONG_ANSWER)
      const { answers } = await cut({ answers: 1, learned: share }, policy, many)
      expect(policy.asked.flatMap(({ plans }) => plans)).toHaveLength(answers.length)
      return answers.map(({ group }) => group)
    }
    const [some, most, none] = [await learned(0.3), await learned(0.7), await learned(0)]
    expect(some.length).toBeGreaterThan(15)
    expect(some.length).toBeLessThan(60)
    expect(most.length).toBeGreaterThan(60)
    expect(most.length).toBeLessThan(110)
    expect(some.filter((group) => !most.includes(group))).toEqual([])
    expect(none).toEqual([])
    const rng = createRng(deriveSeed(9, 'learned'))
    expect(some).toEqual(Array.from({ length: 120 }, (_, cut) => 40 + cut).filter(() => rng.float() < 0.3))
  })

  it('are J itself where that is sampled: the share of them that is right, learned from or not', async () => {
    const policy = writer(problems, ({ problem, sample, prefixTokens }) =>
      sample === 0 && prefixTokens !== 6 ? rightAnswer(problems, problem!) : WRONG_ANSWER,
    )
    const all = await cut({ J: 'sampled', answers: 2 }, policy)
    const long = { budgets: [6, 12, 24], offsets: [6, 12, 13], J: Float64Array.of(0, 0.5, 0.5) }
    expect(all.cuts).toEqual([long, { budgets: [6, 12, 24], offsets: [5, 5, 5], J: Float64Array.of(0.5, 0.5, 0.5) }, null, long])
    expect([policy.measured, all.answers.length, all.tokens > 0]).toEqual([[], 14, true])
    const none = await cut({ J: 'sampled', answers: 2, learned: 0 }, policy)
    expect([none.cuts, none.answers, none.tokens]).toEqual([all.cuts, [], all.tokens])
  })
})
