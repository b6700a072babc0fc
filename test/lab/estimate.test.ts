// J of gathered rollouts: of which it is measured, where, how, and at what cost; and rollouts that are ended early.
import { describe, expect, it } from 'vitest'
import { endEntries } from '../../src-main/lab/training/endings.ts'
import { continueEntries, estimateJ, type EstimateRequest } from '../../src-main/lab/training/estimate.ts'
import { sampleSettings } from '../../src-main/lab/training/gather.ts'
import { deriveSeed } from '../../src-main/numeric/rng.ts'
import { wilson } from '../../src-main/numeric/intervals.ts'
import { ABORTED, countdown, entryOf, rightAfter, rightAnswer, WRONG_ANSWER, writer, writtenSpec, wrongAfter } from './written.ts'

const problems = countdown()
const [first, second] = problems.ofStep(1, 2)
/** Boundaries at 0, 6 and 13; and at 0 and 5. */
const LONG = wrongAfter('1 + 2 = 3 no Wait 3 + 4 = 7 yes')
const SHORT = wrongAfter('1 + 2 = 3')
const entries = [
  entryOf(problems, first!, LONG, { group: 0, sample: 0 }),
  entryOf(problems, first!, SHORT, { group: 0, sample: 1 }),
  entryOf(problems, second!, LONG, { group: 1, sample: 0, rollout: ABORTED }),
  entryOf(problems, second!, LONG, { group: 1, sample: 1 }),
]
const request: EstimateRequest = { method: 'exact', samples: 0, maxEpisodes: Infinity, seed: 3, settings: sampleSettings(writtenSpec()) }

describe('J at the boundaries of rollouts', () => {
  it('is measured exactly of those that are wanted and were not aborted', async () => {
    const policy = writer(problems, () => WRONG_ANSWER)
    const { measured, tokens } = await estimateJ(policy, problems, entries, ({ sample }) => sample === 0, request)
    const exact = { intervals: null, method: 'exact', samples: 0 }
    expect(measured).toEqual([{ ...exact, boundaries: [0, 6, 13], J: Float64Array.of(0, 0.06, 0.13) }, null, null, null])
    expect([tokens, policy.asked]).toEqual([21, []])
    const all = await estimateJ(policy, problems, entries, () => true, request)
    expect(all.measured.map((each) => each?.boundaries ?? null)).toEqual([[0, 6, 13], [0, 5], null, [0, 6, 13]])
  })

  it('is at the ends of so many episodes as are asked for, later ones merged', async () => {
    const { measured } = await estimateJ(
      writer(problems, () => WRONG_ANSWER),
      problems,
      entries,
      () => true,
      { ...request, maxEpisodes: 1 },
    )
    expect(measured.map((each) => each?.boundaries ?? null)).toEqual([[0, 13], [0, 5], null, [0, 13]])
  })

  it('asks nothing where nothing is wanted', async () => {
    const policy = writer(problems, () => WRONG_ANSWER)
    for (const method of ['exact', 'sampled'] as const)
      expect(await estimateJ(policy, problems, entries, () => false, { ...request, method })).toEqual({
        measured: [null, null, null, null],
        tokens: 0,
      })
    expect([policy.asked, policy.measured]).toEqual([[], []])
  })

  it('is the share of sampled answers that is right, with its interval, each rollout with draws of its own', async () => {
    const policy = writer(problems, ({ prompt, prefixTokens }, index) =>
      prompt === first!.promptTokens && prefixTokens !== 0 && index % 4 === 0 ? rightAnswer(problems, first!) : WRONG_ANSWER,
    )
    const { measured, tokens } = await estimateJ(policy, problems, entries, () => true, { ...request, method: 'sampled', samples: 4 })
    expect(measured[0]).toMatchObject({ boundaries: [0, 6, 13], J: Float64Array.of(0, 0.25, 0.25), method: 'sampled', samples: 4 })
    expect(measured[0]!.intervals).toEqual([wilson(0, 4), wilson(1, 4), wilson(1, 4)])
    expect([measured[1]!.J, measured[2], measured[3]!.J]).toEqual([Float64Array.of(0, 0.25), null, Float64Array.of(0, 0, 0)])
    const { plans } = policy.asked[0]!
    expect(new Set(plans.map(({ seed }) => seed)).size).toBe(4 * 8)
    expect([policy.measured, tokens > 5 * 32]).toEqual([[], true])
  })
})

describe('the value of thinking on', () => {
  it('is known at every boundary of every rollout that was not aborted, as the share of fresh continuations that is right', async () => {
    const rest = (prefixTokens: number): string => (prefixTokens === 13 ? '</think>' : '5 + 6 = 11 </think>')
    const policy = writer(problems, ({ prompt, prefixTokens }, index) =>
      index % 2 === 0
        ? `${rest(prefixTokens!)} ${rightAnswer(problems, prompt === first!.promptTokens ? first! : second!)}`
        : `${rest(prefixTokens!)} ${WRONG_ANSWER}`,
    )
    const { V, tokens } = await continueEntries(policy, problems, entries, 2, request)
    expect(V).toEqual([Float64Array.of(0.5, 0.5, 0.5), Float64Array.of(0.5, 0.5), null, Float64Array.of(0.5, 0.5, 0.5)])
    expect(policy.asked[0]!.plans.map(({ prefixTokens }) => prefixTokens)).toEqual([0, 6, 13, 0, 5, 0, 6, 13].flatMap((at) => [at, at]))
    expect(new Set(policy.asked[0]!.plans.map(({ seed }) => seed)).size).toBe(16)
    expect(tokens).toBeGreaterThan(16 * 5)
  })
})

describe('rollouts that are ended early', () => {
  it('are entries of their own, of a group for each problem, numbered on', async () => {
    const policy = writer(problems, ({ problem }) => rightAnswer(problems, problem!))
    const ended = await endEntries(policy, problems, entries, [{ endAt: 6 }, {}, {}, { endAt: 0 }], 7, request.settings)
    expect(ended.map(({ group, sample, ending, problem, grade }) => [group, sample, ending, problem, grade.correct])).toEqual([
      [2, 0, true, first, true],
      [3, 1, true, second, true],
    ])
    const { plans } = policy.asked[0]!
    expect(plans.map(({ prefixTokens, stopNow }) => [prefixTokens, stopNow])).toEqual([
      [6, true],
      [0, true],
    ])
    expect(plans.map(({ seed }) => seed)).toEqual([deriveSeed(7, 0, 0), deriveSeed(7, 1, 1)])
    expect(ended.map(({ rollout }) => problems.task.format.toText(rollout.tokens))).toEqual([
      rightAfter(problems, first!, '1 + 2 = 3 no'),
      rightAfter(problems, second!, '').trim(),
    ])
  })

  it('ask nothing where none is', async () => {
    const policy = writer(problems, () => WRONG_ANSWER)
    expect(await endEntries(policy, problems, entries, [{}, {}, {}, {}], 7, request.settings)).toEqual([])
    expect(policy.asked).toEqual([])
  })
})
