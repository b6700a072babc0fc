// The value of thinking on: at each boundary of a rollout the share of K fresh continuations that end right, drawn from the policy that sampled it.
// Where mu forces the end of thinking, this lets the policy go on as it likes (Kazemnejad et al., "VinePPO", arXiv 2410.01679, section 3).
import type { Decoder } from '../engine/decoder.ts'
import { deriveSeed } from '../numeric/rng.ts'
import type { SpokenTask } from '../tasks/types.ts'
import { sampleRollouts, type RolloutPlan, type SampleSettings } from './sample.ts'
import type { ForkedTrace } from './sampledMu.ts'

export interface ContinuedValues {
  /** Share of right continuations for each trace and cut. */
  readonly V: Float64Array[]
  /** Tokens generated to measure it. */
  readonly generatedTokens: number
}

/** @param samples K, continuations per cut */
export async function continuedValues(
  decoder: Decoder,
  task: SpokenTask,
  traces: readonly ForkedTrace[],
  samples: number,
  settings: SampleSettings,
  signal?: AbortSignal,
): Promise<ContinuedValues> {
  const plans: (RolloutPlan & { readonly trace: number; readonly cut: number })[] = []
  traces.forEach(({ problem, completion, cuts, seed }, trace) =>
    cuts.forEach((offset, cut) => {
      for (let k = 0; k < samples; k++)
        plans.push({
          prompt: problem.promptTokens,
          prefix: completion,
          prefixTokens: offset,
          seed: deriveSeed(seed, 'continue', cut, k),
          trace,
          cut,
        })
    }),
  )
  const continuations = await sampleRollouts(decoder, task.format, plans, settings, { signal })
  const right = traces.map(({ cuts }) => new Int32Array(cuts.length))
  let generatedTokens = 0
  continuations.forEach((continuation, index) => {
    const { trace, cut } = plans[index]!
    if (task.grade(traces[trace]!.problem, continuation.tokens).correct) right[trace]![cut]!++
    generatedTokens += continuation.tokens.length - continuation.prefixTokens
  })
  return { V: right.map((counts) => Float64Array.from(counts, (count) => count / samples)), generatedTokens }
}
