// What a step samples: whose problems, how many rollouts, from what, with which budget and which draws.
import { describe, expect, it } from 'vitest'
import {
  budgetShareAt,
  correctOf,
  gather,
  gatherObserved,
  gradedRollout,
  repetitions,
  sampleEntries,
  sampleSettings,
  type GatherContext,
} from '../../src-main/lab/training/gather.ts'
import { problemsOf, type ProblemSource } from '../../src-main/lab/training/tasks.ts'
import { createRng, deriveSeed } from '../../src-main/numeric/rng.ts'
import { createMethod } from '../../src-main/rl/algorithms.ts'
import { countdownLevel, createCountdown } from '../../src-main/tasks/countdown.ts'
import type { SpokenTask } from '../../src-main/tasks/types.ts'
import type { RunSpec, RunSpecInput } from '../../src-preload/contract.ts'
import { ABORTED, countdown, entryOf, rightAfter, writer, writtenSpec, wrongAfter, type PlanOf, type Writer } from './written.ts'

const problems = countdown()
const THOUGHT = '1 + 2 = 3 no Wait 3 + 4 = 7 yes'

/** The context of a run with this algorithm; who draws writes wrong answers unless told otherwise. */
function contextOf(
  algorithm: RunSpecInput['algorithm'],
  more: Partial<RunSpecInput> = {},
  policy: Writer = writer(problems, () => wrongAfter(THOUGHT)),
  of: ProblemSource = problems,
): GatherContext & { readonly policy: Writer; readonly spec: RunSpec } {
  const spec = writtenSpec({ algorithm, ...more })
  return {
    spec,
    method: createMethod(spec.algorithm.name, spec.algorithm.options),
    problems: of,
    policy,
    stale: () => Promise.reject(new Error('nothing stale was to be asked')),
    options: {},
  }
}
const placeOf = ({ group, sample }: Pick<PlanOf, 'group' | 'sample'>): string => `${group}/${sample}`
const seedsOf = ({ asked }: Writer): readonly number[] => asked.flatMap(({ plans }) => plans.map(({ seed }) => seed))
const distinct = (values: readonly unknown[]): number => new Set(values).size

describe('the budget of a rollout', () => {
  it('is a share of the thinking budget, in whole tokens and never none, beside the whole of the answer', () => {
    const spec = writtenSpec()
    const thinking = [undefined, 1, 0.5, 0.52, 0.54, 0.001].map((share) => sampleSettings(spec, share).thinkingTokens)
    expect(thinking).toEqual([24, 24, 12, 12, 13, 1])
    expect(sampleSettings(spec, 0.5)).toMatchObject({ ...spec.sampling, answerTokens: 8 })
  })

  it('follows the stages of the run and those of the curriculum, one times the other', () => {
    const at = (algorithm: RunSpecInput['algorithm'], stages?: number[]): number[] => {
      const budget = { thinkingTokens: 24, answerTokens: 8, ...(stages && { stages }) }
      const context = contextOf(algorithm, { budget })
      return [1, 2, 3, 4].map((step) => budgetShareAt(context, step))
    }
    expect(at({ name: 'dr-grpo' })).toEqual([1, 1, 1, 1])
    expect(at({ name: 'dr-grpo' }, [0.25, 0.75])).toEqual([0.25, 0.25, 0.75, 0.75])
    const e3 = { name: 'e3', options: { stages: 2, firstBudget: 0.5 } }
    expect(at(e3)).toEqual([0.5, 0.5, 1, 1])
    expect(at(e3, [0.25, 0.75])).toEqual([0.125, 0.125, 0.75, 0.75])
  })
})

describe('full rollouts', () => {
  it('are a group for each problem of the step, each with a draw of its own that the step alone decides', async () => {
    const [first, again, later] = [1, 1, 2].map(() => contextOf({ name: 'dr-grpo' }))
    const entries = await gather(first!, 2)
    await gather(again!, 2)
    await gather(later!, 3)
    expect(entries.map(placeOf)).toEqual([0, 1, 2].flatMap((group) => [0, 1, 2, 3].map((sample) => `${group}/${sample}`)))
    expect(entries.map(({ problem }) => problem.id)).toEqual(problems.ofStep(2, 3).flatMap(({ id }) => [id, id, id, id]))
    expect(first!.policy.asked).toHaveLength(1)
    expect(distinct(seedsOf(first!.policy))).toBe(12)
    expect(seedsOf(again!.policy)).toEqual(seedsOf(first!.policy))
    expect(distinct([...seedsOf(first!.policy), ...seedsOf(later!.policy)])).toBe(24)
    // Runs on record were drawn so, and are drawn so again.
    expect(seedsOf(first!.policy)).toEqual(
      [0, 1, 2].flatMap((group) => [0, 1, 2, 3].map((sample) => deriveSeed(5, 'rollout', 2, 0, group, sample))),
    )
    expect(first!.policy.asked[0]!.options).toBe(first!.options)
    expect(first!.policy.asked[0]!.settings).toMatchObject({ thinkingTokens: 24, answerTokens: 8 })
    expect(first!.policy.asked[0]!.settings).not.toHaveProperty('minimumThinking')
    for (const entry of entries) for (const name of ['arm', 'kept', 'cut', 'cutGroup', 'ending']) expect(entry).not.toHaveProperty(name)
  })

  it('have the share of the thinking budget that their step has', async () => {
    const context = contextOf({ name: 'dr-grpo' }, { budget: { thinkingTokens: 24, answerTokens: 8, stages: [0.25, 1] } })
    for (const step of [1, 4]) await gather(context, step)
    expect(context.policy.asked.map(({ settings }) => settings.thinkingTokens)).toEqual([6, 24])
  })

  it.each([
    ['dr-grpo', {}, [0, 1]],
    ['mrt-exact', {}, [0, 1, 2]],
    ['mrt-exact', { mu: 'start' }, [0, 1]],
    ['mrt-online', {}, [0, 1]],
    ['regret-exact', { reach: 1 }, [0, 1, 2]],
    ['brpo', { J: 'sampled' }, [0, 1]],
  ])('of %s %o are kept in memory where J will be asked of them', async (name, options, groups) => {
    const context = contextOf({ name, options }, { observeGroups: 2 })
    await gather(context, 1)
    const kept = context.policy.asked[0]!.plans.filter(({ keep }) => keep === true)
    expect([...new Set(kept.map(({ group }) => group))]).toEqual(groups)
    expect(kept).toHaveLength(4 * groups.length)
  })

  it('are not kept in memory where right answers cannot be listed', async () => {
    const context = contextOf(
      { name: 'mrt-exact' },
      {},
      writer(problems, () => wrongAfter(THOUGHT)),
      { ...problems, lists: false },
    )
    await gather(context, 1)
    expect(context.policy.asked[0]!.plans.filter(({ keep }) => keep)).toEqual([])
  })
})

describe('dynamic sampling', () => {
  /** Right for the first rollout of the groups that `mixed` names, by the round in which they are drawn; else all alike. */
  const mixing = (mixed: (round: number, index: number) => boolean): Writer => {
    const policy: Writer = writer(problems, ({ problem, group, sample }) => {
      const first = policy.asked.at(-1)!.plans[0]!.group!
      const right = sample === 0 && mixed(policy.asked.length - 1, group! - first)
      return right ? rightAfter(problems, problem!, THOUGHT) : wrongAfter(THOUGHT)
    })
    return policy
  }
  const sizes = ({ asked }: Writer): number[] => asked.map(({ plans }) => plans.length / 4)

  it('draws as many fresh groups as lack a mix, until there are enough, numbering them on', async () => {
    const policy = mixing((round, index) => round + index === 1 || round === 2)
    const entries = await gather(contextOf({ name: 'dapo', options: { maxSamplingRounds: 9 } }, {}, policy), 1)
    // Of three one has a mix; of two others the first; and then the last one.
    expect(sizes(policy)).toEqual([3, 2, 1])
    expect(entries.map(({ group }) => group)).toEqual([0, 1, 2, 3, 4, 5].flatMap((group) => [group, group, group, group]))
    expect(distinct(seedsOf(policy))).toBe(24)
    expect(policy.asked[0]!.plans.map(({ problem }) => problem!.id)).toEqual(problems.ofStep(1, 3).flatMap(({ id }) => [id, id, id, id]))
    expect(policy.asked[1]!.plans.map(({ problem }) => problem!.id)).toEqual(problems.ofStep(1, 2, 1).flatMap(({ id }) => [id, id, id, id]))
    expect(policy.asked[2]!.plans.map(({ seed }) => seed)).toEqual([0, 1, 2, 3].map((sample) => deriveSeed(5, 'rollout', 1, 2, 0, sample)))
  })

  it('ends after its rounds, whatever is missing, and never begins with one round', async () => {
    for (const maxSamplingRounds of [1, 2, 3]) {
      const policy = mixing(() => false)
      expect(await gather(contextOf({ name: 'dapo', options: { maxSamplingRounds } }, {}, policy), 1)).toHaveLength(12 * maxSamplingRounds)
      expect(sizes(policy)).toEqual(Array.from({ length: maxSamplingRounds }, () => 3))
    }
    const policy = mixing(() => false)
    await gather(contextOf({ name: 'dr-grpo' }, {}, policy), 1)
    expect(sizes(policy)).toEqual([3])
  })
})

describe('a curriculum', () => {
  it('asks the easier problems of those that are drawn first, and the harder ones later', async () => {
    const difficulties = async (step: number): Promise<number[]> => {
      const context = contextOf({ name: 'e3', options: { stages: 2 } }, { promptsPerStep: 6, groupSize: 1 })
      return (await gather(context, step)).map(({ problem }) => problems.task.difficulty(problem)!)
    }
    for (const [step, from] of [
      [1, 0],
      [2, 0],
      [3, 6],
      [4, 6],
    ] as const) {
      const ordered = problems
        .ofStep(step, 12)
        .map((problem) => problems.task.difficulty(problem)!)
        .sort((a, b) => a - b)
      expect(ordered[0]).toBeLessThan(ordered[11]!)
      expect(await difficulties(step)).toEqual(ordered.slice(from, from + 6))
    }
  })

  it('takes problems as they are drawn where the task does not say how difficult they are', async () => {
    const unsaid = { ...problems, task: { ...problems.task, difficulty: () => null } }
    const context = contextOf({ name: 'e3', options: { stages: 3 } }, { steps: 3, groupSize: 1 }, undefined, unsaid)
    const ids = (await gather(context, 2)).map(({ problem }) => problem.id)
    const drawn = problems.ofStep(2, 9).map(({ id }) => id)
    expect(ids).toEqual(drawn.slice(3, 6))
  })
})

describe('rollouts that are kept going', () => {
  const kept = async (options: Record<string, unknown>, more: Partial<RunSpecInput> = {}) => {
    const context = contextOf({ name: 'regret-exact', options: { reach: 3, keptShare: 0.5, ...options } }, more)
    return { entries: await gather(context, 1), asked: context.policy.asked }
  }

  it('are the last of each group, thinking to the reach and no less, between the usual ones in order', async () => {
    const { entries, asked } = await kept({})
    expect(entries.map(placeOf)).toEqual([0, 1, 2].flatMap((group) => [0, 1, 2, 3].map((sample) => `${group}/${sample}`)))
    expect(entries.map((entry) => entry.kept)).toEqual([0, 1, 2].flatMap(() => [undefined, undefined, 72, 72]))
    expect(
      asked.map(({ settings: { thinkingTokens, minimumThinking, answerTokens } }) => [thinkingTokens, minimumThinking, answerTokens]),
    ).toEqual([
      [24, undefined, 8],
      [72, 72, 8],
    ])
    expect(distinct(asked.flatMap(({ plans }) => plans.map(({ seed }) => seed)))).toBe(12)
  })

  it('are two of a group at least, so that they can be compared, and all of a group that has no more', async () => {
    const numberOf = async (keptShare: number, groupSize: number): Promise<number> =>
      (await kept({ keptShare }, { groupSize, promptsPerStep: 1 })).entries.filter((entry) => entry.kept !== undefined).length
    expect([
      await numberOf(0.01, 4),
      await numberOf(0.6, 4),
      await numberOf(0.65, 4),
      await numberOf(1, 4),
      await numberOf(0.5, 1),
    ]).toEqual([2, 2, 3, 4, 1])
  })

  it('are drawn by lot for whole groups where not all have them, others by the step', async () => {
    const withKept = async (keptGroups: number, step: number): Promise<number[]> => {
      const context = contextOf(
        { name: 'regret-exact', options: { reach: 2, keptShare: 0.5, keptGroups } },
        { promptsPerStep: 60, groupSize: 2, observeGroups: 0 },
      )
      const entries = await gather(context, step)
      const sizes = Map.groupBy(entries, ({ group }) => group)
      return [...sizes].filter(([, members]) => members.some((entry) => entry.kept !== undefined)).map(([group]) => group)
    }
    const half = await withKept(0.5, 1)
    const lot = (group: number): number => createRng(deriveSeed(5, 'kept groups', 'rollout', 1, 0, group)).float()
    expect(half).toEqual([...Array.from({ length: 60 }).keys()].filter((group) => lot(group) < 0.5))
    expect(half.length).toBeGreaterThan(15)
    expect(half.length).toBeLessThan(45)
    expect(await withKept(0.5, 1)).toEqual(half)
    expect(await withKept(0.5, 2)).not.toEqual(half)
    const most = await withKept(0.9, 1)
    expect(most.length).toBeGreaterThan(45)
    expect(half.filter((group) => !most.includes(group))).toEqual([])
  })
})

describe('demonstrations', () => {
  it('are one of each problem, as many as a step has rollouts, the same for the same step', async () => {
    const context = contextOf({ name: 'sft' })
    const entries = await gather(context, 1)
    expect(entries.map(placeOf)).toEqual(Array.from({ length: 12 }, (_, group) => `${group}/0`))
    expect(entries.map(({ problem }) => problem.id)).toEqual(problems.ofStep(1, 12).map(({ id }) => id))
    expect(context.policy.asked).toEqual([])
    expect(await gather(contextOf({ name: 'sft' }), 1)).toEqual(entries)
    entries.forEach(({ problem, rollout }, group) =>
      expect(Array.from(rollout.tokens)).toEqual(
        problems.task.teacherTrace(problem, createRng(deriveSeed(5, 'demonstration', 1, group)))!.completion,
      ),
    )
    const others = await gather(contextOf({ name: 'sft' }, { seed: 6 }), 1)
    expect(others.map(({ rollout }) => rollout.tokens.join())).not.toEqual(entries.map(({ rollout }) => rollout.tokens.join()))
    for (const { rollout, grade, problem } of entries) {
      expect(rollout).toMatchObject({ finish: 'stop', error: null, prefixTokens: 0, forcedStop: false, prompt: problem.promptTokens })
      expect([rollout.logps.length, rollout.sampled.length]).toEqual([0, rollout.tokens.length])
      const { boundaries, thinkEnd } = problems.task.format.read(rollout.tokens)
      expect(rollout).toMatchObject({ boundaries, thinkEnd, closed: true })
      expect(rollout.episodes).toHaveLength(boundaries.length - 1)
      expect(grade).toEqual(problems.task.grade(problem, rollout.tokens))
    }
  })

  it('are learned from but for what the teacher did not choose', async () => {
    const teacher = { stopEarly: 0.4, stopAnywhere: 0.7, muteForced: 0.8 }
    const muted = problemsOf(createCountdown(countdownLevel('3'), teacher) as SpokenTask, 1)
    const entries = await gather(contextOf({ name: 'sft' }, { promptsPerStep: 40 }, undefined, muted), 1)
    const forced = entries.flatMap(({ rollout }) => Array.from(rollout.sampled.keys()).filter((at) => rollout.sampled[at] === 0))
    expect(forced.length).toBeGreaterThan(0)
    const all = entries.reduce((sum, { rollout }) => sum + rollout.sampled.length, 0)
    expect(forced.length).toBeLessThan(all / 10)
  })

  it('are refused where the task has no teacher', async () => {
    const untaught = { ...problems, task: { ...problems.task, name: 'untaught', teacherTrace: () => null } }
    await expect(async () => gather(contextOf({ name: 'sft' }, {}, undefined, untaught), 1)).rejects.toThrow(
      'the task untaught has no teacher',
    )
  })
})

describe('what is watched of a method without full rollouts', () => {
  it('is what a method of full rollouts would draw for the first problems of the step', async () => {
    const more = { observeGroups: 2, budget: { thinkingTokens: 24, answerTokens: 8, stages: [0.5, 1] } }
    const [own, other] = [contextOf({ name: 'sft' }, more), contextOf({ name: 'dr-grpo' }, more)]
    const observed = await gatherObserved(own, 2)
    const drawn = await gather(other, 2)
    expect(own.policy.asked[0]!.settings).toEqual(other.policy.asked[0]!.settings)
    expect(own.policy.asked[0]!.settings.thinkingTokens).toBe(12)
    expect(observed.map(placeOf)).toEqual(drawn.slice(0, 8).map(placeOf))
    expect(observed.map(({ problem }) => problem.id)).toEqual(drawn.slice(0, 8).map(({ problem }) => problem.id))
    expect(seedsOf(own.policy)).toEqual(seedsOf(other.policy).slice(0, 8))
    expect(own.policy.asked[0]!.plans.every(({ keep }) => keep === true)).toBe(true)
  })
})

describe('two arms', () => {
  const TEXT = wrongAfter('1 + 2 = 3 Wait 3 + 4 = 7 Wait 7 + 8 = 15 Wait 15 + 1 = 16')
  const ENDS = [0, 5, 11, 17, 23]
  async function arms(options: Record<string, unknown>, promptsPerStep = 40) {
    const policy = writer(problems, () => wrongAfter(THOUGHT))
    const stale = writer(problems, () => TEXT)
    const context = { ...contextOf({ name: 'mrt-pooled', options }, { promptsPerStep }, policy), stale: () => Promise.resolve(stale) }
    return { entries: await gather(context, 1), plans: policy.asked[0]!.plans, stale, policy }
  }

  it('go on from a prefix that the stale weights wrote, some thinking on and some answering at once', async () => {
    const { entries, plans, stale, policy } = await arms({ continuations: 3, terminations: 2 })
    expect(entries.slice(0, 5).map(({ group, sample, arm }) => [group, sample, arm])).toEqual([
      [0, 0, 'continue'],
      [0, 1, 'continue'],
      [0, 2, 'continue'],
      [0, 3, 'terminate'],
      [0, 4, 'terminate'],
    ])
    expect(plans.map(({ stopNow, arm }) => stopNow === (arm === 'terminate'))).toEqual(plans.map(() => true))
    expect(entries.map(({ problem }) => problem.id)).toEqual(problems.ofStep(1, 40).flatMap(({ id }) => [id, id, id, id, id]))
    expect(plans.map(({ prompt }) => prompt)).toEqual(entries.map(({ problem }) => problem.promptTokens))
    expect(stale.asked.map((asked) => asked.plans.map(({ prompt }) => prompt))).toEqual([
      problems.ofStep(1, 40).map(({ promptTokens }) => promptTokens),
    ])
    expect(distinct([...seedsOf(stale), ...seedsOf(policy)])).toBe(240)
    expect(seedsOf(stale)).toEqual(problems.ofStep(1, 40).map((_, group) => deriveSeed(5, 'prefix', 1, group)))
    expect(seedsOf(policy).slice(5, 10)).toEqual([
      ...[0, 1, 2].map((sample) => deriveSeed(5, 'continue', 1, 1, sample)),
      ...[0, 1].map((sample) => deriveSeed(5, 'terminate', 1, 1, sample)),
    ])
    for (const [, members] of Map.groupBy(plans, ({ group }) => group)) expect(distinct(members.map(({ prefix }) => prefix))).toBe(1)
  })

  it.each([
    [0, [0]],
    [2, [0, 5, 11]],
    [9, ENDS],
  ])('begin after none to %i episodes, each number of them as it falls', async (maxPrefixEpisodes, ends) => {
    const { plans } = await arms({ maxPrefixEpisodes, continuations: 1, terminations: 1 })
    const lengths = plans.map(({ prefix }) => prefix!.length)
    expect([...new Set(lengths)].sort((a, b) => a - b)).toEqual(ends)
    const lot = (group: number): number => createRng(deriveSeed(5, 'prefix length', 1, group)).int(ends.length)
    expect(plans.filter(({ arm }) => arm === 'continue').map(({ prefix }) => prefix!.length)).toEqual(
      plans.flatMap(({ arm, group }) => (arm === 'continue' ? [ends[lot(group!)]!] : [])),
    )
    const written = problems.task.format.toTokens(TEXT)!
    for (const { prefix } of plans) expect(Array.from(prefix!)).toEqual(written.slice(0, prefix!.length))
  })

  it('have the share of the thinking budget that their step has, prefixes and all', async () => {
    const [policy, stale] = [writer(problems, () => wrongAfter(THOUGHT)), writer(problems, () => TEXT)]
    const context = contextOf({ name: 'mrt-pooled' }, { budget: { thinkingTokens: 24, answerTokens: 8, stages: [0.25, 1] } }, policy)
    await gather({ ...context, stale: () => Promise.resolve(stale) }, 1)
    for (const { asked } of [policy, stale])
      expect(asked.map(({ settings, options }) => [settings.thinkingTokens, settings.answerTokens, options])).toEqual([
        [6, 8, context.options],
      ])
  })

  it('are of a method that says how many they are', async () => {
    const context = contextOf({ name: 'mrt-pooled' })
    const method = {
      ...context.method,
      algorithm: { ...context.method.algorithm, needs: () => ({ data: 'arms' as const, J: 'none' as const }) },
    }
    await expect(async () => gather({ ...context, method }, 1)).rejects.toThrow('mrt-pooled asks for arms and does not say how many')
  })
})

describe('entries', () => {
  const [problem, other] = problems.ofStep(1, 2)
  const right = rightAfter(problems, problem!, THOUGHT)

  it('keep what their plans say of them and nothing that these do not say', async () => {
    const base = { problem: problem!, group: 2, sample: 3, prompt: problem!.promptTokens, seed: 1 }
    const more = { arm: 'terminate', kept: 0, cut: [1, 2], cutGroup: 0, ending: true } as const
    const policy = writer(problems, ({ sample }) => (sample === 3 ? right : wrongAfter(THOUGHT)))
    const settings = sampleSettings(writtenSpec())
    const [plain, full] = await sampleEntries(policy, problems, [base, { ...base, sample: 4, ...more }], settings, {})
    expect(plain).toMatchObject({ problem, group: 2, sample: 3, grade: { correct: true } })
    for (const name of Object.keys(more)) expect(plain).not.toHaveProperty(name)
    expect(full).toMatchObject({ ...more, sample: 4, grade: { correct: false } })
  })

  it('repeat one of their group with the same tokens and a lower number', () => {
    const of = (group: number, sample: number, text: string) => entryOf(problems, group === 0 ? problem! : other!, text, { group, sample })
    const [a, b] = [wrongAfter('1 + 2 = 3'), wrongAfter('1 + 3 = 4')]
    expect(repetitions([of(0, 0, a), of(0, 1, b), of(0, 2, a), of(1, 0, a), of(0, 3, b)])).toEqual([false, false, true, false, true])
    expect(repetitions([of(0, 2, a), of(0, 1, a), of(0, 0, a)])).toEqual([true, true, false])
  })

  it('are right where the grader says so and the rollout was not aborted', () => {
    expect([
      correctOf(entryOf(problems, problem!, right)),
      correctOf(entryOf(problems, problem!, wrongAfter(THOUGHT))),
      correctOf(entryOf(problems, problem!, right, { rollout: ABORTED })),
    ]).toEqual([1, 0, 0])
  })

  it('are seen by credit with what sets them apart, and nothing else', () => {
    const plain = entryOf(problems, problem!, right, { group: 1, sample: 2 })
    const { rollout } = plain
    const seen = gradedRollout(plain, rollout.boundaries, null)
    expect(seen).toEqual({
      group: 1,
      sample: 2,
      tokenCount: rollout.tokens.length,
      correct: 1,
      finish: 'stop',
      episodes: [
        { start: 0, end: 6 },
        { start: 6, end: 13 },
      ],
      thinkEnd: 13,
      sampled: rollout.sampled,
    })
    const J = Float64Array.from([0.1, 0.2])
    const apart = { arm: 'continue', kept: 0, cut: [1], ending: true, rollout: { prefixTokens: 3 } } as const
    expect(gradedRollout(entryOf(problems, problem!, right, apart), [0, 13], J)).toMatchObject({
      episodes: [{ start: 0, end: 13 }],
      J,
      arm: 'continue',
      kept: true,
      cut: [1],
      ending: true,
      prefixTokens: 3,
    })
  })
})
