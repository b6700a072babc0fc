// The first half of a training step: problems become graded rollouts. What is sampled depends on what the algorithm needs:
// demonstrations of the teacher, full rollouts (again and again until enough groups can teach, where the algorithm asks for that), or the
// two arms of a stale prefix. Everything sampled is returned, used or not.
import { deriveSeed, createRng } from '../../numeric/rng.ts'
import { episodeRanges } from '../../episodes/segmentTokens.ts'
import type { KeptPlan } from '../../rl/algorithm.ts'
import { needsOf } from '../../rl/algorithms.ts'
import type { Method } from '../../rl/algorithms.ts'
import { dynamicSampling } from '../../rl/dapo.ts'
import { doneBefore, stageAt } from '../../rl/schedules.ts'
import type { GradedRollout } from '../../rl/types.ts'
import { contextKey } from '../../rollout/contextKey.ts'
import type { RolloutPlan, SampledRollout, SampleOptions, SampleSettings } from '../../rollout/sample.ts'
import type { Sampler } from '../../rollout/sampler.ts'
import type { Grade, Problem, TeacherTrace } from '../../tasks/types.ts'
import type { RunSpec } from '../../../src-preload/contract.ts'
import type { ProblemSource } from './tasks.ts'

/** A rollout with its problem and its grade. */
export interface Entry {
  readonly problem: Problem
  readonly group: number
  readonly sample: number
  readonly arm?: 'continue' | 'terminate'
  /** Thinking tokens to which this rollout was kept going; absent: it ended where the policy ended it. */
  readonly kept?: number
  /** Of an answer at a cut of another rollout: the budgets that cut there, by index. */
  readonly cut?: readonly number[]
  /** And the group of that rollout: both are learned from in one update. */
  readonly cutGroup?: number
  /** Another rollout that was ended where its prefix ends. */
  readonly ending?: boolean
  readonly rollout: SampledRollout
  readonly grade: Grade
}

export interface GatherContext {
  readonly spec: RunSpec
  readonly method: Method
  readonly problems: ProblemSource
  /** What is drawn from. */
  readonly policy: Sampler
  /** The policy that stale prefixes come from: the weights of some steps ago. */
  readonly stale: () => Promise<Sampler>
  readonly options: SampleOptions
}

type Gatherer = (context: GatherContext, step: number) => Promise<Entry[]>

const gatherers: Readonly<Record<'demonstrations' | 'rollouts' | 'arms', Gatherer>> = {
  demonstrations: async (context, step) => gatherDemonstrations(context, step),
  rollouts: gatherRollouts,
  arms: gatherArms,
}

export function gather(context: GatherContext, step: number): Promise<Entry[]> {
  return gatherers[needsOf(context.method).data](context, step)
}

/** @param budgetShare of the thinking budget */
export function sampleSettings(spec: Pick<RunSpec, 'sampling' | 'budget'>, budgetShare = 1): SampleSettings {
  return {
    ...spec.sampling,
    thinkingTokens: Math.max(1, Math.round(budgetShare * spec.budget.thinkingTokens)),
    answerTokens: spec.budget.answerTokens,
  }
}

function gatherDemonstrations({ spec, problems }: GatherContext, step: number): Entry[] {
  const { task } = problems
  return problems.ofStep(step, spec.promptsPerStep * spec.groupSize).map((problem, group) => {
    const trace = task.teacherTrace(problem, createRng(deriveSeed(spec.seed, 'demonstration', step, group)))
    if (!trace) throw new Error(`the task ${task.name} has no teacher`)
    return { problem, group, sample: 0, rollout: demonstration(problem, trace, task.format), grade: task.grade(problem, trace.completion) }
  })
}

/** A given text in the form of a rollout; its log-probs are not known and not needed. */
export function demonstration(
  problem: Problem,
  { completion, forced }: TeacherTrace,
  format: ProblemSource['task']['format'],
): SampledRollout {
  const tokens = Int32Array.from(completion)
  const sampled = new Uint8Array(tokens.length).fill(1)
  for (const offset of forced) sampled[offset] = 0
  const thought = format.read(tokens)
  return {
    prompt: problem.promptTokens,
    tokens,
    logps: new Float32Array(0),
    sampled,
    prefixTokens: 0,
    finish: 'stop',
    error: null,
    forcedStop: false,
    boundaries: thought.boundaries,
    episodes: episodeRanges(thought.boundaries),
    thinkEnd: thought.thinkEnd,
    closed: thought.closed,
  }
}

async function gatherRollouts(context: GatherContext, step: number): Promise<Entry[]> {
  const { spec, method } = context
  const rounds = needsOf(method).samplingRounds ?? 1
  const entries: Entry[] = []
  let wanted = spec.promptsPerStep
  for (let round = 0; ; round++) {
    const first = entries.length === 0 ? 0 : entries.at(-1)!.group + 1
    entries.push(
      ...(await sampleGroups(
        context,
        problemsOfStep(context, step, wanted, round),
        first,
        ['rollout', step, round],
        budgetShareAt(context, step),
        needsOf(method).kept,
      )),
    )
    const groups = [...Map.groupBy(entries, (entry) => entry.group)].map(([group, members]) => ({
      group,
      rollouts: members.map((entry) => ({ correct: correctOf(entry) })),
    }))
    const decision = dynamicSampling(groups, spec.promptsPerStep, round + 1, rounds)
    if (decision.action !== 'resample') return entries
    wanted = decision.missing
  }
}

/** The problems of a step; where the algorithm has a curriculum, those of its window of difficulty among as many more as there are stages. */
function problemsOfStep(
  { spec, method, problems }: Pick<GatherContext, 'spec' | 'method' | 'problems'>,
  step: number,
  count: number,
  round: number,
): readonly Problem[] {
  const { curriculum } = needsOf(method)
  if (!curriculum) return problems.ofStep(step, count, round)
  const drawn = problems.ofStep(step, count * curriculum.length, round)
  const difficulty = new Map(drawn.map((problem) => [problem, problems.task.difficulty(problem) ?? 0]))
  const from = Math.round(stageAt(curriculum, doneBefore(step, spec.steps)).difficulty[0] * drawn.length)
  return drawn.toSorted((a, b) => difficulty.get(a)! - difficulty.get(b)!).slice(from, from + count)
}

/** Share of the thinking budget that rollouts of a step have: the run's own stages, and those of the algorithm's curriculum. */
export function budgetShareAt({ spec: { steps, budget }, method }: Pick<GatherContext, 'spec' | 'method'>, step: number): number {
  const { curriculum } = needsOf(method)
  const done = doneBefore(step, steps)
  return (budget.stages ? stageAt(budget.stages, done) : 1) * (curriculum ? stageAt(curriculum, done).budget : 1)
}

/** Whether the weights that draw are asked for exact J at cuts of what they drew, whatever is watched. */
function asksExactJ(method: Method): boolean {
  const { J, mu, cuts } = needsOf(method)
  return (J === 'exact' && (mu?.weights ?? 'current') === 'current') || cuts?.J === 'exact'
}

async function sampleGroups(
  { spec, method, problems, policy, options }: GatherContext,
  chosen: readonly Problem[],
  firstGroup: number,
  labels: readonly (string | number)[],
  budgetShare: number,
  kept?: KeptPlan,
): Promise<Entry[]> {
  const all = asksExactJ(method)
  const plans = chosen.flatMap((problem, index) =>
    Array.from({ length: spec.groupSize }, (_, sample) => ({
      problem,
      group: firstGroup + index,
      sample,
      prompt: problem.promptTokens,
      seed: deriveSeed(spec.seed, ...labels, index, sample),
      keep: problems.lists && (all || firstGroup + index < spec.observeGroups),
    })),
  )
  const settings = sampleSettings(spec, budgetShare)
  if (!kept) return sampleEntries(policy, problems, plans, settings, options)
  const longest = kept.times * settings.thinkingTokens
  const from = spec.groupSize - Math.min(spec.groupSize, Math.max(2, Math.round(kept.share * spec.groupSize)))
  const hasKept = (group: number): boolean =>
    kept.groups === undefined || createRng(deriveSeed(spec.seed, 'kept groups', ...labels, group)).float() < kept.groups
  const usual = await sampleEntries(
    policy,
    problems,
    plans.filter(({ sample }) => sample < from),
    settings,
    options,
  )
  const forced = await sampleEntries(
    policy,
    problems,
    plans.filter(({ sample, group }) => sample >= from && hasKept(group)).map((plan) => ({ ...plan, kept: longest })),
    { ...settings, thinkingTokens: longest, minimumThinking: longest },
    options,
  )
  return [...usual, ...forced].sort((a, b) => a.group - b.group || a.sample - b.sample)
}

/** What a method is watched by whose own texts are no full rollouts (two arms of a thought, demonstrations): full rollouts of the first problems of the step, with the draws that a method of full rollouts would make. */
export async function gatherObserved(context: GatherContext, step: number): Promise<Entry[]> {
  const { spec, problems } = context
  return sampleGroups(
    context,
    problems.ofStep(step, spec.promptsPerStep).slice(0, spec.observeGroups),
    0,
    ['rollout', step, 0],
    budgetShareAt(context, step),
  )
}

type EntryPlan = RolloutPlan & Pick<Entry, 'problem' | 'group' | 'sample' | 'arm' | 'kept' | 'cut' | 'cutGroup' | 'ending'>

/** Samples plans and grades what comes back. */
export async function sampleEntries(
  policy: Pick<Sampler, 'sample'>,
  problems: ProblemSource,
  plans: readonly EntryPlan[],
  settings: SampleSettings,
  options: SampleOptions,
): Promise<Entry[]> {
  const rollouts = await policy.sample(problems.task.format, plans, settings, options)
  return rollouts.map((rollout, index) => {
    const { problem, group, sample, arm, kept, cut, cutGroup, ending } = plans[index]!
    return {
      problem,
      group,
      sample,
      ...(arm && { arm }),
      ...(kept !== undefined && { kept }),
      ...(cut && { cut }),
      ...(cutGroup !== undefined && { cutGroup }),
      ...(ending && { ending }),
      rollout,
      grade: problems.task.grade(problem, rollout.tokens),
    }
  })
}

/** One stale prefix per problem, then rollouts that think on from it and rollouts that must answer. */
async function gatherArms(context: GatherContext, step: number): Promise<Entry[]> {
  const { spec, method, problems, policy, options } = context
  const { arms } = needsOf(method)
  if (!arms) throw new Error(`${method.algorithm.name} asks for arms and does not say how many`)
  const { continuations, terminations, maxPrefixEpisodes } = arms
  const chosen = problems.ofStep(step, spec.promptsPerStep)
  const stale = await context.stale()
  const settings = sampleSettings(spec, budgetShareAt(context, step))
  const prefixes = await stale.sample(
    problems.task.format,
    chosen.map((problem, group) => ({ prompt: problem.promptTokens, seed: deriveSeed(spec.seed, 'prefix', step, group) })),
    settings,
    options,
  )
  const plans = chosen.flatMap((problem, group) => {
    const { boundaries, tokens } = prefixes[group]!
    const episodes = createRng(deriveSeed(spec.seed, 'prefix length', step, group)).int(
      Math.min(maxPrefixEpisodes, boundaries.length - 1) + 1,
    )
    const prefix = tokens.slice(0, boundaries[episodes])
    const arm = (name: 'continue' | 'terminate', count: number, offset: number): EntryPlan[] =>
      Array.from({ length: count }, (_, k) => ({
        problem,
        group,
        sample: offset + k,
        arm: name,
        prompt: problem.promptTokens,
        prefix,
        stopNow: name === 'terminate',
        seed: deriveSeed(spec.seed, name, step, group, k),
      }))
    return [...arm('continue', continuations, 0), ...arm('terminate', terminations, continuations)]
  })
  return sampleEntries(policy, problems, plans, settings, options)
}

/** Whether each entry has the tokens of one of its group with a lower number. */
export function repetitions(entries: readonly Entry[]): boolean[] {
  const first = new Map<string, number>()
  const keys = entries.map(({ group, rollout }) => `${group} ${contextKey(rollout.tokens)}`)
  entries.forEach(({ sample }, index) => first.set(keys[index]!, Math.min(sample, first.get(keys[index]!) ?? sample)))
  return entries.map(({ sample }, index) => sample > first.get(keys[index]!)!)
}

export function correctOf(entry: Entry): 0 | 1 {
  return entry.grade.correct && entry.rollout.finish !== 'aborted' ? 1 : 0
}

/** An entry as credit assignment sees it. `boundaries` and J may be those of merged episodes. */
export function gradedRollout(entry: Entry, boundaries: readonly number[], J: Float64Array | null): GradedRollout {
  const { rollout } = entry
  return {
    group: entry.group,
    sample: entry.sample,
    tokenCount: rollout.tokens.length,
    correct: correctOf(entry),
    finish: rollout.finish,
    episodes: episodeRanges(boundaries),
    thinkEnd: rollout.thinkEnd,
    sampled: rollout.sampled,
    ...(J && { J }),
    ...(entry.arm && { arm: entry.arm }),
    ...(entry.kept !== undefined && { kept: true }),
    ...(entry.cut && { cut: entry.cut }),
    ...(entry.ending && { ending: true }),
    ...(rollout.prefixTokens > 0 && { prefixTokens: rollout.prefixTokens }),
  }
}
