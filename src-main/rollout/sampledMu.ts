// Sampled mu: J at each boundary as the share of K fresh answers that are right, drawn by forking the rollout there and forcing the end of
// thinking. The published estimator; its noise is what exact mu removes. Wilson intervals state that noise.
import type { Decoder } from '../engine/decoder.ts'
import { wilson } from '../numeric/intervals.ts'
import type { Interval } from '../numeric/intervals.ts'
import { deriveSeed } from '../numeric/rng.ts'
import type { Seed } from '../numeric/rng.ts'
import type { Problem, SpokenTask } from '../tasks/types.ts'
import { sampleRollouts } from './sample.ts'
import type { RolloutPlan, SampleSettings } from './sample.ts'

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

/** @param samples K, answers per cut */
export async function sampledMu(
  decoder: Decoder,
  task: SpokenTask,
  traces: readonly ForkedTrace[],
  samples: number,
  settings: SampleSettings,
  signal?: AbortSignal,
): Promise<SampledMu> {
  const plans: (RolloutPlan & { readonly trace: number; readonly cut: number })[] = []
  traces.forEach(({ problem, completion, cuts, seed }, trace) =>
    cuts.forEach((offset, cut) => {
      for (let k = 0; k < samples; k++)
        plans.push({
          prompt: problem.promptTokens,
          prefix: completion,
          prefixTokens: offset,
          stopNow: true,
          seed: deriveSeed(seed, 'mu', cut, k),
          trace,
          cut,
        })
    }),
  )
  const answers = await sampleRollouts(decoder, task.format, plans, settings, { signal })
  const right = traces.map(({ cuts }) => new Int32Array(cuts.length))
  let generatedTokens = 0
  answers.forEach((answer, index) => {
    const { trace, cut } = plans[index]!
    if (task.grade(traces[trace]!.problem, answer.tokens).correct) right[trace]![cut]!++
    generatedTokens += answer.tokens.length - answer.prefixTokens
  })
  return {
    J: right.map((counts) => Float64Array.from(counts, (count) => count / samples)),
    intervals: right.map((counts) => Array.from(counts, (count) => wilson(count, samples))),
    generatedTokens,
  }
}
