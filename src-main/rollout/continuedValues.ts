// The value of thinking on: at each boundary of a rollout the share of K fresh continuations that end right, drawn from the policy that sampled it.
// Where mu forces the end of thinking, this lets the policy go on as it likes (Kazemnejad et al., "VinePPO", arXiv 2410.01679, section 3).
import type { SpokenTask } from '../tasks/types.ts'
import type { SampleSettings } from './sample.ts'
import type { Sampler } from './sampler.ts'
import { forkRollouts, type ForkedTrace } from './sampledMu.ts'

export interface ContinuedValues {
  /** Share of right continuations for each trace and cut. */
  readonly V: Float64Array[]
  /** Tokens generated to measure it. */
  readonly generatedTokens: number
}

/** @param samples K, continuations per cut */
export async function continuedValues(
  sampler: Pick<Sampler, 'sample'>,
  task: SpokenTask,
  traces: readonly ForkedTrace[],
  samples: number,
  settings: SampleSettings,
  signal?: AbortSignal,
): Promise<ContinuedValues> {
  const how = { stopNow: false, label: 'continue' }
  const { right, generatedTokens } = await forkRollouts(sampler, task, traces, samples, how, settings, signal)
  return { V: right.map((counts) => Float64Array.from(counts, (count) => count / samples)), generatedTokens }
}
