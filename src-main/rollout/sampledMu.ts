// Sampled mu: J at each boundary as the share of K fresh answers that are right, drawn by forking the rollout there and forcing the end of
// thinking. The published estimator; its noise is what exact mu removes. Wilson intervals state that noise.
import { wilson } from '../numeric/intervals.ts'
import type { Interval } from '../numeric/intervals.ts'
import { deriveSeed } from '../numeric/rng.ts'
import type { Seed } from '../numeric/rng.ts'
import type { Problem, SpokenTask } from '../tasks/types.ts'
import type { RolloutPlan, SampleSettings } from './sample.ts'
import type { Sampler } from './sampler.ts'

/** A rollout and the places where its thinking is stopped. */
export interface ForkedTrace {
  readonly problem: Problem
  readonly completion: ArrayLike<number>
  /** Offsets into the completion. */
  readonly cuts: readonly number[]
  readonly seed: Seed
}

export interface SampledMu {
  /** Share of right answers for each trace and cut. */
  readonly J: Float64Array[]
  readonly intervals: Interval[][]
  /** Tokens generated to measure it, forced stops included. */
  readonly generatedTokens: number
}

/** Right ones among rollouts that were drawn from each place. */
export interface Forked {
  /** [traces][cuts] */
  readonly right: readonly Int32Array[]
  /** Tokens generated, what the rollouts were forked from left out. */
  readonly generatedTokens: number
}

/**
 * Draws from every cut of every trace and counts what is right.
 * @param samples K, rollouts per cut
 * @param how whether thinking is ended at the cut, and the word that keeps these draws apart from others of the same seed
 */
export async function forkRollouts(
  sampler: Pick<Sampler, 'sample'>,
  task: SpokenTask,
  traces: readonly ForkedTrace[],
  samples: number,
  how: { readonly stopNow: boolean; readonly label: string },
  settings: SampleSettings,
  signal?: AbortSignal,
): Promise<Forked> {
  const plans: (RolloutPlan & { readonly trace: number; readonly cut: number })[] = []
  traces.forEach(({ problem, completion, cuts, seed }, trace) =>
    cuts.forEach((offset, cut) => {
      for (let k = 0; k < samples; k++)
        plans.push({
          prompt: problem.promptTokens,
          prefix: completion,
          prefixTokens: offset,
          stopNow: how.stopNow,
          seed: deriveSeed(seed, how.label, cut, k),
          trace,
          cut,
        })
    }),
  )
  const drawn = await sampler.sample(task.format, plans, settings, { signal })
  const right = traces.map(({ cuts }) => new Int32Array(cuts.length))
  let generatedTokens = 0
  drawn.forEach(({ tokens, prefixTokens }, index) => {
    const { trace, cut } = plans[index]!
    if (task.grade(traces[trace]!.problem, tokens).correct) right[trace]![cut]!++
    generatedTokens += tokens.length - prefixTokens
  })
  return { right, generatedTokens }
}

/** @param samples K, answers per cut */
export async function sampledMu(
  sampler: Pick<Sampler, 'sample'>,
  task: SpokenTask,
  traces: readonly ForkedTrace[],
  samples: number,
  settings: SampleSettings,
  signal?: AbortSignal,
): Promise<SampledMu> {
  const { right, generatedTokens } = await forkRollouts(sampler, task, traces, samples, { stopNow: true, label: 'mu' }, settings, signal)
  return {
    J: right.map((counts) => Float64Array.from(counts, (count) => count / samples)),
    intervals: right.map((counts) => Array.from(counts, (count) => wilson(count, samples))),
    generatedTokens,
  }
}
