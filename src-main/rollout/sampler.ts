// What training, evaluation and the analysis of thoughts ask of a model, wherever it runs: to write, and to say how likely the accepted answers
// are at cuts. A policy of this process is one; a model behind an address is another. Weights are whoever opened it: those of a policy change in
// place while it trains, those of a server are its own.
import type { TaskFormat } from '../tasks/types.ts'
import type { CutTrace, ExactMu } from './exactMu.ts'
import type { RolloutPlan, SampledRollout, SampleOptions, SampleSettings } from './sample.ts'

export interface Sampler {
  /** Why `measure` cannot be asked, as an error to throw; null where it can: log-probs of given tokens are to be had, at the temperature it was opened for. */
  readonly noMeasure: Error | null
  /** One rollout per plan, in order. What is drawn depends on a plan and its seed alone, as far as the model keeps to its seed. */
  sample(format: TaskFormat, plans: readonly RolloutPlan[], settings: SampleSettings, options?: SampleOptions): Promise<SampledRollout[]>
  /**
   * J at every cut of every trace, in 0..1, as the summed probability of the accepted answers.
   * @param suffix tokens that force the stop
   */
  measure(traces: readonly CutTrace[], suffix: readonly number[], signal?: AbortSignal): Promise<ExactMu>
  /** Nothing more is measured of what was drawn so far: what was kept for it is given back. */
  forget?(): void
}

/** Throws why J has no exact value through this sampler, where it has none. */
export function requireMeasuring({ noMeasure }: Pick<Sampler, 'noMeasure'>): void {
  if (noMeasure !== null) throw noMeasure
}
