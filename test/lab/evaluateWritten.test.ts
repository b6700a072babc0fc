// An evaluation of rollouts that were written by hand, with J given at every place, so that each of its figures can be worked out on paper.
import { describe, expect, it } from 'vitest'
import { clustersOf } from '../../src-main/lab/comparing/clusters.ts'
import { evaluate, problemOf, type EvaluateOptions, type EvaluationOutcome } from '../../src-main/lab/comparing/evaluate.ts'
import { SAMPLED_ANSWERS } from '../../src-main/lab/training/estimate.ts'
import { bootstrapMean } from '../../src-main/numeric/bootstrap.ts'
import { majAtK } from '../../src-main/numeric/passAtK.ts'
import { deriveSeed } from '../../src-main/numeric/rng.ts'
import type { Sampler } from '../../src-main/rollout/sampler.ts'
import { votesOf } from '../../src-main/tasks/graders/groups.ts'
import type { Problem } from '../../src-main/tasks/types.ts'
import type { RunSpecInput } from '../../src-preload/contract.ts'
import { countdown, entryOf, rightAfter, WRONG_ANSWER, wrongAfter, writer, writtenSpec, type Writer } from './written.ts'

const problems = countdown()
const [END] = problems.task.format.terminationSuffix as [number]
const TRAINED = 12
const specOf = (evaluation: NonNullable<RunSpecInput['evaluation']>) =>
  writtenSpec({
    budget: { thinkingTokens: TRAINED, answerTokens: 8 },
    evaluation: { samples: 4, kept: 2, budgets: [6, 24], longest: 24, seed: 7, ...evaluation },
  })
/** Thirteen tokens of thinking in two attempts, twelve in two, and five in one. */
const LONG = '1 + 2 = 3 no Wait 3 + 4 = 7 yes'
const TWELVE = '1 + 2 = 3 no Wait 3 + 4 = 7'
const SHORT = '1 + 2 = 3'
/** J at the boundaries of thoughts of so many tokens; elsewhere it is a hundredth of the offset. */
const J: Readonly<Record<number, Readonly<Record<number, number>>>> = {
  13: { 0: 0.1, 6: 0.6, 13: 0.9 },
  12: { 0: 0.1, 6: 0.2, 12: 0.3 },
  5: { 0: 0.1, 5: 0.2 },
}
const JAt = (completion: ArrayLike<number>, offset: number): number => J[Array.from(completion).indexOf(END)]?.[offset] ?? offset / 100

/** Of the first and the third problem: one right answer after thirteen tokens, three wrong ones; of the second only wrong ones at once. */
const mixed = (): Writer =>
  writer(
    problems,
    ({ problem, group, sample }) => {
      if (sample! > 3) return wrongAfter(LONG)
      if (group === 1) return wrongAfter(SHORT)
      return sample === 0 ? rightAfter(problems, problem!, LONG) : wrongAfter(sample === 1 ? TWELVE : SHORT)
    },
    ({ sample }) => (sample === 1 ? { forcedStop: true } : sample === 2 ? { finish: 'length' as const } : {}),
  )
const withJ = (policy: Writer): Sampler => ({
  ...policy,
  measure(traces) {
    const cuts = traces.reduce((sum, trace) => sum + trace.cuts.length, 0)
    return Promise.resolve({
      J: traces.map(({ completion, cuts: at }) => Float64Array.from(at, (offset) => JAt(completion, offset))),
      forwardedTokens: 7 * cuts,
      computedTokens: 7 * cuts,
      cuts,
      distinctCuts: cuts,
    })
  },
})
const evaluated = (policy: Sampler, evaluation = specOf({ problems: 3 }), options: EvaluateOptions = {}): Promise<EvaluationOutcome> =>
  evaluate(policy, problems, evaluation, options)
const near = (value: number): number => expect.closeTo(value, 6) as number

describe('an evaluation of rollouts that are known', () => {
  it('reads each thought where the budget cuts it or where it ended, and what was kept going after its last whole attempt', async () => {
    const { budgets, problems: scored, estimateTokens } = await evaluated(withJ(mixed()))
    expect(budgets).toEqual([6, 12, 24])
    const [first, second] = scored
    expect([...first!.accuracyAtBudget]).toEqual(
      [(0.6 + 0.2 + 2 * 0.2) / 4, (0.12 + 0.3 + 2 * 0.2) / 4, (0.9 + 0.3 + 2 * 0.2) / 4].map(near),
    )
    expect([...second!.accuracyAtBudget]).toEqual([0.2, 0.2, 0.2].map(near))
    expect([...first!.keptAtBudget]).toEqual([0.6, 0.12, 0.9].map(near))
    expect([...first!.keptWholeAtBudget]).toEqual([0.6, 0.6, 0.9].map(near))
    expect([first!.accuracy, second!.accuracy]).toEqual([0.25, 0])
    expect(first!.natural.measured.map(({ method, samples, intervals, boundaries }) => [method, samples, intervals, boundaries])).toEqual(
      [
        [0, 6, 13],
        [0, 6, 12],
        [0, 5],
        [0, 5],
      ].map((boundaries) => ['exact', 0, null, boundaries]),
    )
    // Four places of the longest thought, three of the next and two of each short one; two that were kept going.
    expect(estimateTokens).toBe(7 * (2 * (4 + 3 + 2 + 2) + 4 * 2 + 3 * 2 * 4))
  })

  it('says where its tokens went, which thoughts went beyond training, and how answers ended', async () => {
    const { metrics } = await evaluated(withJ(mixed()), specOf({ problems: 1 }))
    expect(metrics).toMatchObject({
      'ttc/useful_tokens': 6 / 4,
      'ttc/overthink_tokens': 7 / 4,
      'ttc/futile_tokens': 12 / 4,
      'ttc/starved_tokens': 10 / 4,
      'ttc/starved_frac': 2 / 4,
      'ttc/thinking_tokens': (13 + 12 + 5 + 5) / 4,
      'ttc/beyond_training_ratio': 1 / 4,
      'completions/clipped_ratio': 1 / 4,
      'completions/forced_stop_ratio': 1 / 4,
      'mrt/episodes_mean': (2 + 2 + 1 + 1) / 4,
      'mrt/j_start_mean': near(0.1),
      'mrt/j_end_mean': near((0.9 + 0.3 + 0.2 + 0.2) / 4),
      accuracy: 0.25,
      'pass@1': near(0.25),
      'pass@2': near(0.5),
      'ttc/trained_budget': TRAINED,
    })
  })

  it('has intervals of two thousand resamples of clusters of problems', async () => {
    const { metrics, points, problems: scored } = await evaluated(withJ(mixed()))
    const chosen = problems.ofSplit('heldout', 3, deriveSeed(7, 'problems'))
    const how = {
      seed: deriveSeed(7, 'interval'),
      draws: 2000,
      clusters: clustersOf(chosen.map((problem) => problems.task.cluster(problem))),
    }
    expect(metrics.accuracy_error).toBe(
      bootstrapMean(
        scored.map(({ accuracy }) => accuracy),
        how,
      ).error,
    )
    const { low, high } = bootstrapMean(
      scored.map(({ accuracyAtBudget }) => accuracyAtBudget[0]!),
      how,
    )
    expect(points.find(({ curve, x }) => curve === 'natural' && x === 6)).toMatchObject({
      low: Math.max(0, low),
      high: Math.min(1, high),
      n: 3,
      extrapolated: false,
    })
  })

  it('counts votes over subsets of its answers where there are eight or more', async () => {
    const answers = (problem: Problem): string[] => [
      ...Array.from({ length: 6 }, () => rightAfter(problems, problem, SHORT)),
      ...Array.from({ length: 10 }, (_, at) => `${SHORT} </think> ${1 + (at % 3)} + 1 <eos>`),
    ]
    const policy = writer(problems, ({ problem, sample }) => answers(problem!)[sample!] ?? wrongAfter(LONG))
    const { metrics, points, problems: scored } = await evaluated(withJ(policy), specOf({ problems: 1, samples: 16 }))
    const votes = votesOf(
      scored[0]!.natural.entries.map(({ grade }) => grade),
      problems.task,
    )
    for (const k of [4, 8]) {
      const expected = majAtK(votes, k, { draws: 200, seed: 1 })
      expect(metrics[`maj@${k}`]).toBe(expected)
      expect(points.find(({ curve, x }) => curve === 'maj@k' && x === k)).toMatchObject({ value: expected, n: 1, extrapolated: false })
    }
    expect(Object.keys(metrics).filter((name) => name.startsWith('maj@'))).toEqual(['maj@4', 'maj@8'])
  })

  it('samples J where it has no exact value, from answers of their own at every place of every piece of a thought', async () => {
    const views = [
      { start: 0, end: 6 },
      { start: 3, end: 13 },
    ]
    const policy = writer(
      problems,
      ({ stopNow }) => (stopNow === true ? WRONG_ANSWER : wrongAfter(LONG)),
      ({ stopNow, sample }) => (stopNow !== true && sample === 0 ? { views } : {}),
    )
    const { problems: scored, estimateTokens } = await evaluated(
      { ...policy, noMeasure: new Error('no log-probs') },
      specOf({ problems: 1, samples: 2 }),
    )
    const { plans } = policy.asked[2]!
    const seedsOf = (sample: number, cuts: number, view?: number) =>
      Array.from({ length: cuts * SAMPLED_ANSWERS }, (_, at) =>
        deriveSeed(
          deriveSeed(7, 'mu', 0, sample, ...(view === undefined ? [] : [view])),
          'mu',
          Math.floor(at / SAMPLED_ANSWERS),
          at % SAMPLED_ANSWERS,
        ),
      )
    // Places 0, 6, 12 and 13: of the first rollout the last two lie in its second piece, which began at the third token.
    expect(plans.map(({ seed }) => seed)).toEqual([
      ...seedsOf(0, 2),
      ...seedsOf(0, 2, 1),
      ...[1, 2, 3].flatMap((sample) => seedsOf(sample, 4)),
    ])
    const offsets = plans.filter((_, at) => at % SAMPLED_ANSWERS === 0).map(({ prefixTokens }) => prefixTokens)
    expect(offsets).toEqual([0, 6, 9, 10, ...[0, 6, 12, 13], ...[0, 6, 12, 13], ...[0, 6, 12, 13]])
    expect(scored[0]!.natural.measured).toMatchObject([
      { method: 'sampled', samples: SAMPLED_ANSWERS },
      { method: 'sampled', samples: SAMPLED_ANSWERS },
    ])
    // The end of thinking, three tokens of answer and the end.
    expect(estimateTokens).toBe(5 * plans.length)
  })

  it('asks the problems of its split, and tells of each half of its writing as three tenths of its work', async () => {
    const policy = mixed()
    const shares: number[] = []
    await evaluated(withJ(policy), specOf({ problems: 2 }), { split: 'validation', onProgress: (share) => shares.push(share) })
    const chosen = problems.ofSplit('validation', 2, deriveSeed(7, 'problems'))
    expect(policy.asked.map(({ plans }) => plans.map(({ problem }) => problem!.id))).toEqual([
      chosen.flatMap(({ id }) => [id, id, id, id]),
      chosen.flatMap(({ id }) => [id, id]),
    ])
    expect(policy.asked.map(({ plans }) => plans.map(({ group, sample }) => [group, sample]))).toEqual([
      [0, 1].flatMap((group) => [0, 1, 2, 3].map((sample) => [group, sample])),
      [0, 1].flatMap((group) => [4, 5].map((sample) => [group, sample])),
    ])
    expect(policy.asked.map(({ settings }) => [settings.thinkingTokens, settings.minimumThinking])).toEqual([
      [24, undefined],
      [24, 24],
    ])
    expect(shares).toEqual([0.95])
    for (const { options } of policy.asked) options!.onProgress!(1, 4, 0)
    expect(shares.slice(1)).toEqual([0.075, 0.375].map(near))
  })

  it('takes J as exact unless it is told otherwise', () => {
    const [problem] = problems.ofStep(1, 1)
    const known = { entry: entryOf(problems, problem!, wrongAfter(SHORT)) as never, J: new Map([0, 5].map((at) => [at, 0.5])) }
    expect(problemOf([known], [known], [24]).natural.measured).toMatchObject([{ method: 'exact', samples: 0, intervals: null }])
  })
})
