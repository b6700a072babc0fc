// Rollouts without a model: real problems of Countdown, texts written by hand in its notation, and a sampler that writes what it is told for each plan and
// remembers what it was asked, so that what a step samples and measures can be worked out on paper.
import { runSpec, type RunSpec, type RunSpecInput } from '../../src-preload/contract.ts'
import { demonstration, type Entry } from '../../src-main/lab/training/gather.ts'
import { problemsOf, type ProblemSource } from '../../src-main/lab/training/tasks.ts'
import type { CutTrace } from '../../src-main/rollout/exactMu.ts'
import type { RolloutPlan, SampledRollout, SampleOptions, SampleSettings } from '../../src-main/rollout/sample.ts'
import type { Sampler } from '../../src-main/rollout/sampler.ts'
import { countdownLevel, createCountdown } from '../../src-main/tasks/countdown.ts'
import type { Problem } from '../../src-main/tasks/types.ts'

export const countdown = (seed = 1): ProblemSource => problemsOf(createCountdown(countdownLevel('3')), seed)

export const writtenSpec = (more: Partial<RunSpecInput> = {}): RunSpec =>
  runSpec.parse({
    algorithm: { name: 'dr-grpo' },
    steps: 4,
    seed: 5,
    promptsPerStep: 3,
    groupSize: 4,
    observeGroups: 1,
    budget: { thinkingTokens: 24, answerTokens: 8 },
    ...more,
  })

/** A thought, then the first accepted answer of its problem. */
export const rightAfter = (problems: ProblemSource, problem: Problem, thought: string): string =>
  `${thought} </think> ${rightAnswer(problems, problem)}`

export function rightAnswer(problems: ProblemSource, problem: Problem): string {
  const { token, parent, terminal } = problems.answers(problem)
  const tokens: number[] = []
  for (let node = terminal.indexOf(1); node >= 0; node = parent[node]!) tokens.unshift(token[node]!)
  return problems.task.format.toText(tokens)
}

export const WRONG_ANSWER = '1 + 1 <eos>'
export const wrongAfter = (thought: string): string => `${thought} </think> ${WRONG_ANSWER}`

/** A rollout with this text; `more` says what sets it apart. */
export function written(problems: ProblemSource, problem: Problem, text: string, more: Partial<SampledRollout> = {}): SampledRollout {
  const { format } = problems.task
  const completion = format.toTokens(text)!
  return {
    ...demonstration(problem, { completion, forced: [], boundaries: [], solvedInThinking: false, end: 'finished' }, format),
    logps: new Float32Array(completion.length).fill(-0.5),
    ...more,
  }
}

export const ABORTED = { finish: 'aborted', error: 'the decoder ended this rollout: nonfinite' } as const

export function entryOf(
  problems: ProblemSource,
  problem: Problem,
  text: string,
  more: Partial<Omit<Entry, 'rollout' | 'grade'>> & { readonly rollout?: Partial<SampledRollout> } = {},
): Entry {
  const { rollout: of, ...rest } = more
  const rollout = written(problems, problem, text, of)
  return { problem, group: 0, sample: 0, ...rest, rollout, grade: problems.task.grade(problem, rollout.tokens) }
}

export type PlanOf = RolloutPlan & Partial<Pick<Entry, 'problem' | 'group' | 'sample' | 'arm' | 'kept' | 'cut' | 'cutGroup' | 'ending'>>

export interface Writer extends Sampler {
  /** What was asked, in turn. */
  readonly asked: { readonly plans: readonly PlanOf[]; readonly settings: SampleSettings; readonly options: SampleOptions | undefined }[]
  readonly measured: (readonly CutTrace[])[]
}

/** After the prefix of a plan, and the end of thinking where it asks for that, comes what `textOf` says. J at a cut is a hundredth of its offset. */
export function writer(
  problems: ProblemSource,
  textOf: (plan: PlanOf, index: number) => string,
  moreOf: (plan: PlanOf, index: number) => Partial<SampledRollout> = () => ({}),
): Writer {
  const { format } = problems.task
  const asked: Writer['asked'] = []
  const measured: (readonly CutTrace[])[] = []
  return {
    asked,
    measured,
    noMeasure: null,
    sample(_format, plans, settings, options) {
      asked.push({ plans, settings, options })
      return Promise.resolve(
        plans.map((plan, index) => {
          const { prefix = [], prefixTokens = prefix.length, stopNow } = plan
          const before = Array.from(prefix).slice(0, prefixTokens)
          const forced = [...before, ...(stopNow ? format.terminationSuffix : [])]
          const text = format.toText([...forced, ...format.toTokens(textOf(plan, index))!])
          const rollout = written(problems, { ...(plan as PlanOf).problem!, promptTokens: plan.prompt }, text)
          return {
            ...rollout,
            sampled: rollout.sampled.map((_, at) => Number(at >= forced.length)),
            prefixTokens: before.length,
            forcedStop: stopNow === true,
            ...moreOf(plan, index),
          }
        }),
      )
    },
    measure(traces) {
      measured.push(traces)
      const cuts = traces.reduce((sum, { cuts: { length } }) => sum + length, 0)
      return Promise.resolve({
        J: traces.map((trace) => Float64Array.from(trace.cuts, (offset) => offset / 100)),
        forwardedTokens: 7 * cuts,
        computedTokens: 7 * cuts,
        cuts,
        distinctCuts: cuts,
      })
    },
  }
}
