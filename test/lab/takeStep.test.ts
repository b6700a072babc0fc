// One step of training over rollouts that are written by hand: who draws, who measures what, what that costs, and what the step hands on.
import { describe, expect, it } from 'vitest'
import { cutEntries } from '../../src-main/lab/training/cutEntries.ts'
import { endEntries } from '../../src-main/lab/training/endings.ts'
import { continueEntries, estimateJ } from '../../src-main/lab/training/estimate.ts'
import { sampleSettings } from '../../src-main/lab/training/gather.ts'
import type { PaidSequence } from '../../src-main/lab/training/learner.ts'
import type { Role } from '../../src-main/lab/training/policySet.ts'
import type { Running } from '../../src-main/lab/training/step.ts'
import { takeStep } from '../../src-main/lab/training/takeStep.ts'
import type { ProblemSource } from '../../src-main/lab/training/tasks.ts'
import type { OptimizerSettings } from '../../src-main/engine/trainer.ts'
import { deriveSeed } from '../../src-main/numeric/rng.ts'
import { createMethod, creditBatch, needsOf } from '../../src-main/rl/algorithms.ts'
import type { SampledRollout } from '../../src-main/rollout/sample.ts'
import type { Sequence } from '../../src-main/rollout/sequences.ts'
import type { RunSpecInput } from '../../src-preload/contract.ts'
import {
  ABORTED,
  countdown,
  rightAfter,
  rightAnswer,
  WRONG_ANSWER,
  writer,
  writtenSpec,
  wrongAfter,
  type PlanOf,
  type Writer,
} from './written.ts'
import { refusal } from './refusal.ts'

const problems = countdown()
/** Two episodes: boundaries at 0, 6 and 13. */
const THOUGHT = '1 + 2 = 3 no Wait 3 + 4 = 7 yes'
const ANSWERED = wrongAfter(THOUGHT)
/** Right for every other sample. */
const halfRight = ({ problem, sample, stopNow, prefixTokens, prompt }: PlanOf): string => {
  const of = problem ?? problems.ofStep(1, 100).find(({ promptTokens }) => promptTokens === prompt)!
  const right = (sample ?? 0) % 2 === 0
  if (stopNow) return right ? rightAnswer(problems, of) : WRONG_ANSWER
  if (prefixTokens !== undefined) return ANSWERED
  return right ? rightAfter(problems, of, THOUGHT) : ANSWERED
}

function runningOf(
  algorithm: RunSpecInput['algorithm'],
  more: Partial<RunSpecInput> = {},
  {
    source = problems,
    rollout = () => ({}),
    textOf = halfRight,
  }: {
    readonly source?: ProblemSource
    readonly rollout?: (plan: PlanOf, index: number) => Partial<SampledRollout>
    readonly textOf?: (plan: PlanOf) => string
  } = {},
) {
  const spec = writtenSpec({ algorithm, watch: { problems: 0 }, ...more })
  const roles = new Map<Role, Writer & { forgotten: number; forget(): void }>()
  const of = (role: Role) => {
    if (!roles.has(role))
      roles.set(role, {
        ...writer(problems, textOf, rollout),
        forgotten: 0,
        forget() {
          this.forgotten++
        },
      })
    return roles.get(role)!
  }
  const score = (sequences: readonly Sequence[]) => Promise.resolve(sequences.map(({ completion }) => new Float32Array(completion.length)))
  const steps: { readonly paid: readonly PaidSequence[]; readonly optimizer: OptimizerSettings }[] = []
  const running = {
    spec,
    method: createMethod(spec.algorithm.name, spec.algorithm.options),
    problems: source,
    options: {},
    ray: null,
    policies: {
      sampler: (role: Role) => Promise.resolve(of(role)),
      policy: () => Promise.resolve({ score }),
      current: { score, config: { vocabSize: 416 } },
      averageStep: () => {},
    },
    learner: {
      step(paid: readonly PaidSequence[], optimizer: OptimizerSettings) {
        steps.push({ paid, optimizer })
        const logps = paid.map(({ completion }) => new Float32Array(completion.length))
        return Promise.resolve({ loss: 1, gradNorm: 1, applied: true, metrics: {}, logps, forwardedTokens: 5 })
      },
    },
  }
  return { running: running as unknown as Running, of, steps }
}
const silent = (): void => {}
const cutsOf = ({ measured }: Writer): number => measured.flat().reduce((sum, { cuts }) => sum + cuts.length, 0)
const plansOf = ({ asked }: Writer): readonly PlanOf[] => asked.flatMap(({ plans }) => plans)
const seedsOf = (plans: readonly PlanOf[]): readonly number[] => plans.map(({ seed }) => seed)
const someone = (): Writer => writer(problems, halfRight)

describe('a step of a method without J', () => {
  it('draws its groups, measures those that are observed exactly, and learns from all', async () => {
    const { running, of, steps } = runningOf({ name: 'dr-grpo' }, { observeGroups: 2 })
    const outcome = await takeStep(running, 2, silent)
    expect([outcome.entries.length, plansOf(of('current')).length, outcome.apart, outcome.list]).toEqual([12, 12, false, null])
    expect(outcome.measured.map((each) => each !== null)).toEqual(outcome.entries.map(({ group }) => group < 2))
    expect(outcome.observed.map(({ entry }) => [entry.group, entry.sample])).toEqual(
      [0, 1].flatMap((group) => [0, 1, 2, 3].map((sample) => [group, sample])),
    )
    expect(outcome.observed[0]!.measured).toBe(outcome.measured[0])
    expect([cutsOf(of('current')), outcome.estimateTokens]).toEqual([8 * 3, 7 * 8 * 3])
    expect(outcome.graded[0]!.J).toEqual(Float64Array.of(0, 0.06, 0.13))
    expect(outcome.graded[11]).not.toHaveProperty('J')
    expect([outcome.credits.length, outcome.endings, outcome.endingCredits]).toEqual([12, [], []])
    expect(steps[0]!.paid).toHaveLength(12)
    expect(of('current').forgotten).toBe(2)
    expect(outcome.elsewhere).toEqual({})
    for (const time of Object.values(outcome.times)) expect(time).toBeGreaterThanOrEqual(0)
    expect([outcome.times.sample > 0, outcome.times.mu > 0, outcome.times.train > 0, outcome.times.watch]).toEqual([true, true, true, 0])
  })

  it('measures nothing where nothing is observed', async () => {
    const { running, of } = runningOf({ name: 'dr-grpo' }, { observeGroups: 0 })
    const outcome = await takeStep(running, 1, silent)
    expect([outcome.observed, outcome.estimateTokens, of('current').measured]).toEqual([[], 0, []])
  })

  it('samples what it is watched by where right answers cannot be listed, four at each place', async () => {
    const { running, of } = runningOf({ name: 'dr-grpo' }, {}, { source: { ...problems, lists: false } })
    const { measured, estimateTokens } = await takeStep(running, 1, silent)
    expect(measured[0]).toMatchObject({ method: 'sampled', samples: 4 })
    expect([of('current').measured, plansOf(of('current')).length]).toEqual([[], 12 + 4 * 3 * 4])
    expect(estimateTokens).toBeGreaterThan(0)
  })

  it('learns at the rate of its schedule, counted from the first step', async () => {
    const rate = async (step: number, schedule: 'linear' | 'constant', warmupSteps: number): Promise<number> => {
      const { running, steps } = runningOf({ name: 'dr-grpo' }, { steps: 10, optimizer: { lr: 0.5, schedule, warmupSteps } })
      const { learningRate } = await takeStep(running, step, silent)
      expect(steps[0]!.optimizer.lr).toBe(learningRate)
      return learningRate
    }
    expect([await rate(1, 'constant', 4), await rate(4, 'constant', 4), await rate(1, 'linear', 0), await rate(6, 'linear', 0)]).toEqual([
      0.125, 0.5, 0.5, 0.25,
    ])
  })

  it('tells how far it is: four tenths while it draws, six before it learns', async () => {
    const told: number[] = []
    const { running, of } = runningOf({ name: 'dr-grpo' })
    await takeStep(running, 1, (share) => told.push(share))
    expect(told).toEqual([0.6])
    of('current').asked[0]!.options!.onProgress!(3, 4, 0)
    expect(told.at(-1)).toBeCloseTo(0.3, 12)
  })
})

describe('a step of a method of J', () => {
  it('measures all that it drew, under the weights that drew it, and is watched by that', async () => {
    const { running, of } = runningOf({ name: 'mrt-exact' })
    const outcome = await takeStep(running, 1, silent)
    expect(outcome.measured.every((each) => each !== null)).toBe(true)
    expect(outcome.observed).toHaveLength(4)
    expect([cutsOf(of('current')), outcome.estimateTokens]).toEqual([36, 7 * 36])
  })

  it('measures under other weights where it asks for these, and is watched under its own', async () => {
    const { running, of } = runningOf({ name: 'mrt-exact', options: { mu: 'start' } })
    const outcome = await takeStep(running, 1, silent)
    expect([cutsOf(of('start')), cutsOf(of('current')), outcome.observed.length, outcome.estimateTokens]).toEqual([36, 12, 4, 7 * 48])
    expect(outcome.observed[0]!.measured).not.toBe(outcome.measured[0])
  })

  it('samples J where it asks for that, and is watched by exact J', async () => {
    const { running, of } = runningOf({ name: 'mrt-online', options: { branches: 2, maxEpisodes: 1 } })
    const outcome = await takeStep(running, 1, silent)
    expect(outcome.measured.map((each) => [each!.method, each!.samples, each!.boundaries])).toEqual(
      outcome.entries.map(() => ['sampled', 2, [0, 13]]),
    )
    expect(outcome.observed.map(({ measured }) => [measured.method, measured.boundaries])).toEqual(
      outcome.observed.map(() => ['exact', [0, 6, 13]]),
    )
    expect([cutsOf(of('current')), plansOf(of('current')).length]).toEqual([12, 12 + 12 * 2 * 2])
  })

  it('takes J at budgets where it asks for that, and counts what it costs', async () => {
    const { running, of } = runningOf({ name: 'regret-exact', options: { reach: 1, budgets: 2, answers: 2, answerShare: 1 } })
    const outcome = await takeStep(running, 1, silent)
    expect(outcome.graded.every(({ cuts }) => cuts?.offsets.join() === '12,13')).toBe(true)
    // Twelve rollouts with two cuts, two answers at each; four rollouts are watched at three boundaries.
    expect([cutsOf(of('current')), plansOf(of('current')).length]).toEqual([24 + 12, 12 + 48])
    const answers = plansOf(of('current')).slice(12)
    expect(new Set(answers.map(({ group }) => group)).size).toBe(24)
    expect(outcome.estimateTokens).toBeGreaterThan(7 * 36)
    expect(outcome.credits).toHaveLength(12)
  })

  it('draws on from every boundary where it asks for the value of that', async () => {
    const { running, of } = runningOf({ name: 'vine-ppo', options: { continuations: 2 } })
    const outcome = await takeStep(running, 1, silent)
    expect(outcome.graded.every(({ V }) => V?.length === 3)).toBe(true)
    expect(plansOf(of('current'))).toHaveLength(12 + 12 * 3 * 2)
  })
})

describe('a step of a method without full rollouts', () => {
  it('is watched by rollouts of their own, which are no part of it and are counted as what measuring costs', async () => {
    const { running, of } = runningOf({ name: 'sft' }, { observeGroups: 2 })
    const outcome = await takeStep(running, 1, silent)
    expect([outcome.apart, outcome.entries.length, plansOf(of('current')).length]).toEqual([true, 12, 8])
    expect(outcome.measured).toEqual(outcome.entries.map(() => null))
    expect(outcome.observed.map(({ entry }) => entry.group)).toEqual([0, 0, 0, 0, 1, 1, 1, 1])
    const written = outcome.observed.reduce((sum, { entry }) => sum + entry.rollout.tokens.length, 0)
    expect(outcome.estimateTokens).toBe(7 * 24 + written)
  })

  it('is watched by nothing where nothing is observed', async () => {
    const { running, of } = runningOf({ name: 'sft' }, { observeGroups: 0 })
    const { apart, observed, estimateTokens } = await takeStep(running, 1, silent)
    expect([apart, observed, estimateTokens, of('current').asked]).toEqual([false, [], 0, []])
  })

  it('draws from the weights of some steps ago where an iteration began with these, and is watched under its own', async () => {
    const { running, of } = runningOf({ name: 'mrt-star', options: { iterations: 2 } })
    const outcome = await takeStep(running, 3, silent)
    expect([plansOf(of('stale')).filter(({ ending }) => !ending).length, plansOf(of('current')).length]).toEqual([12, 4])
    expect([cutsOf(of('stale')), cutsOf(of('current')), outcome.apart]).toEqual([36, 12, true])
    expect(outcome.graded.filter(({ repeats }) => repeats).map(({ sample }) => sample)).toEqual([2, 3, 2, 3, 2, 3])
    expect(outcome.endings.length).toBeGreaterThan(0)
    expect(outcome.endingCredits).toHaveLength(outcome.endings.length)
    expect(plansOf(of('stale')).filter(({ ending }) => ending)).toHaveLength(outcome.endings.length)
    expect([of('stale').forgotten, of('current').forgotten]).toEqual([1, 1])
  })

  it('does not measure texts of an iteration that asks for no J', async () => {
    const { running, of } = runningOf({ name: 'star' })
    const outcome = await takeStep(running, 1, silent)
    expect([outcome.measured.every((each) => each === null), cutsOf(of('stale')), cutsOf(of('current'))]).toEqual([true, 0, 12])
  })
})

describe('the draws of a step', () => {
  // A run that is resumed, or made again from its specification, has to find them as they were.
  const settings = sampleSettings(writtenSpec())

  it('are those of its run and step alone where J is sampled, for what is learned and for what is watched', async () => {
    const { running, of } = runningOf({ name: 'mrt-online', options: { branches: 2 } }, {}, { source: { ...problems, lists: false } })
    const { entries } = await takeStep(running, 3, silent)
    const again = someone()
    const request = { method: 'sampled', maxEpisodes: needsOf(running.method).maxEpisodes ?? Infinity, settings } as const
    await estimateJ(again, problems, entries, () => true, { ...request, samples: 2, seed: deriveSeed(5, 'mu', 3) })
    await estimateJ(again, problems, entries, ({ group }) => group === 0, {
      ...request,
      samples: 4,
      maxEpisodes: Infinity,
      seed: deriveSeed(5, 'watch', 3),
    })
    expect(seedsOf(plansOf(of('current')).slice(12))).toEqual(seedsOf(plansOf(again)))
  })

  it('are that where rollouts are continued, cut and ended', async () => {
    const continued = runningOf({ name: 'vine-ppo', options: { continuations: 2 } })
    const first = await takeStep(continued.running, 3, silent)
    const again = someone()
    await continueEntries(again, problems, first.entries, 2, { seed: deriveSeed(5, 'continue', 3), settings })
    expect(seedsOf(plansOf(continued.of('current')).slice(12))).toEqual(seedsOf(plansOf(again)))

    const cut = runningOf({ name: 'regret-exact', options: { reach: 1, budgets: 2, answers: 2, answerShare: 0.5 } })
    const second = await takeStep(cut.running, 3, silent)
    const cutAgain = someone()
    await cutEntries(cutAgain, problems, second.entries, needsOf(cut.running.method).cuts!, deriveSeed(5, 'cut', 3), settings)
    expect(seedsOf(plansOf(cut.of('current')).slice(12))).toEqual(seedsOf(plansOf(cutAgain)))
    expect(plansOf(cutAgain).length).toBeGreaterThan(0)

    const ended = runningOf({ name: 'mrt-star', options: { iterations: 2 } })
    const third = await takeStep(ended.running, 3, silent)
    const endAgain = someone()
    await endEntries(endAgain, problems, third.entries, third.credits, deriveSeed(5, 'ending', 3), settings)
    expect(seedsOf(plansOf(ended.of('stale')).filter(({ ending }) => ending))).toEqual(seedsOf(plansOf(endAgain)))
    expect(plansOf(endAgain).length).toBeGreaterThan(0)
  })

  it.each([
    ['mrt-exact', { control: 'random' }],
    ['mrt-exact', { control: 'shuffled' }],
    ['mrt-exact', { alphaCourse: 'rising' }],
    ['overlong', {}],
  ])('are that in what is paid, with the whole budget and the share of the run that is done: %s %o', async (name, options) => {
    const { running } = runningOf({ name, options })
    const { graded, credits } = await takeStep(running, 3, silent)
    const context = { budgetTokens: 24 + 8, seed: deriveSeed(5, 'credit', 3), done: 2 / 4 }
    expect(credits).toEqual(creditBatch(running.method, graded, context))
  })
})

describe('rollouts that are kept going', () => {
  it('are cut as the others are, and are none that the run is watched by', async () => {
    const { running } = runningOf({ name: 'regret-exact', options: { reach: 3, keptShare: 0.5, budgets: 2 } }, { observeGroups: 2 })
    const { entries, observed, graded } = await takeStep(running, 1, silent)
    expect(entries.filter(({ kept }) => kept !== undefined)).toHaveLength(6)
    expect(observed.map(({ entry }) => [entry.group, entry.sample, entry.kept])).toEqual([
      [0, 0, undefined],
      [0, 1, undefined],
      [1, 0, undefined],
      [1, 1, undefined],
    ])
    expect(graded.every(({ cuts }) => cuts !== undefined)).toBe(true)
  })
})

describe('the workers of a cluster', () => {
  it('are told which step begins, and asked what they did for the tokens that were drawn and measured', async () => {
    const { running, of } = runningOf({ name: 'regret-exact', options: { reach: 1, budgets: 2, answers: 2, answerShare: 1 } })
    const began: number[] = []
    const asked: [ms: number, tokens: number][] = []
    const ray = {
      beginStep: (step: number) => began.push(step),
      metrics: (ms: number, tokens: number) => {
        asked.push([ms, tokens])
        return { 'ray/workers': 2 }
      },
    }
    const { elsewhere, times, entries, estimateTokens } = await takeStep({ ...running, ray } as unknown as Running, 3, silent)
    expect([began, elsewhere, of('current').asked.length > 0]).toEqual([[3], { 'ray/workers': 2 }, true])
    expect(asked).toEqual([
      [times.sample + times.mu, estimateTokens + entries.reduce((sum, { rollout }) => sum + rollout.tokens.length, 0)],
    ])
  })

  it('are not credited with prefixes that were there', async () => {
    const { running } = runningOf({ name: 'mrt-pooled', options: { continuations: 2, terminations: 2 } }, { observeGroups: 0 })
    const told: number[] = []
    const ray = {
      beginStep() {},
      metrics(_ms: number, tokens: number) {
        told.push(tokens)
        return {}
      },
    }
    const { entries } = await takeStep({ ...running, ray } as unknown as Running, 1, silent)
    expect(entries.some(({ rollout }) => rollout.prefixTokens > 0)).toBe(true)
    expect(told).toEqual([entries.reduce((sum, { rollout }) => sum + rollout.tokens.length - rollout.prefixTokens, 0)])
  })
})

describe('the watch list', () => {
  it('is asked in the steps that it names, under the weights of then', async () => {
    const { running, of } = runningOf({ name: 'dr-grpo' }, { observeGroups: 0, watch: { problems: 2, every: 2, samples: 3 } })
    const [first, second] = [await takeStep(running, 1, silent), await takeStep(running, 2, silent)]
    expect([first.list!.looked.length, second.list, first.estimateTokens]).toEqual([6, null, 0])
    expect(first.list!.tokens).toBe(7 * 18 + first.list!.looked.reduce((sum, { entry }) => sum + entry.rollout.tokens.length, 0))
    expect([first.times.watch > 0, second.times.watch]).toEqual([true, 0])
    expect(of('current').asked[0]!.plans.map(({ group, sample }) => [group, sample])).toEqual(
      [0, 1].flatMap((group) => [0, 1, 2].map((sample) => [group, sample])),
    )
    expect(seedsOf(of('current').asked[0]!.plans)).toEqual(
      [0, 1].flatMap((group) => [0, 1, 2].map((sample) => deriveSeed(5, 'watch list', group, sample))),
    )
    expect(of('current').asked[0]!.settings).toMatchObject({ thinkingTokens: 24, answerTokens: 8 })
    expect(first.list!.looked.every(({ measured }) => measured?.method === 'exact' && measured.samples === 0)).toBe(true)
  })

  it('has no J where right answers cannot be listed', async () => {
    const more = { observeGroups: 0, watch: { problems: 2, samples: 1 } }
    const { running, of } = runningOf({ name: 'dr-grpo' }, more, { source: { ...problems, lists: false } })
    const { list } = await takeStep(running, 1, silent)
    expect([list!.looked.map(({ measured }) => measured), of('current').measured]).toEqual([[null, null], []])
    expect(list!.tokens).toBe(list!.looked.reduce((sum, { entry }) => sum + entry.rollout.tokens.length, 0))
  })
})

describe('weights that have diverged', () => {
  it.each([
    ['all that they draw is aborted', { rollout: () => ABORTED }],
    ['J is not a number', { source: { ...problems, answers: problems.answers } }],
  ])('are refused where %s', async (_, how) => {
    const { running, of } = runningOf({ name: 'mrt-exact' }, {}, how)
    const measure = of('current').measure
    if (!('rollout' in how))
      Object.assign(of('current'), {
        measure: async (...given: Parameters<typeof measure>) => {
          const told = await measure(...given)
          return { ...told, J: told.J.map((J, at) => (at === 5 ? J.map(() => Number.NaN) : J)) }
        },
      })
    await expect(takeStep(running, 7, silent)).rejects.toEqual(
      refusal('run.diverged', {
        expected: 'a model that gives probabilities',
        found: 'weights before step 7 that give infinite or undefined ones',
        next: 'branch from an earlier checkpoint',
      }),
    )
  })

  it('are not what a single aborted rollout comes from', async () => {
    const { running } = runningOf({ name: 'mrt-exact' }, {}, { rollout: (_, index) => (index > 0 ? ABORTED : {}) })
    const { entries, measured } = await takeStep(running, 1, silent)
    expect(entries.filter(({ rollout }) => rollout.finish !== 'aborted')).toHaveLength(1)
    expect(measured.filter((each) => each !== null)).toHaveLength(1)
  })
})
