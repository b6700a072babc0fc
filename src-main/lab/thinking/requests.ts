// What may be asked of weights about rollouts that are in the store already.
import type { BallotRule, Counted, SegmentRule, ThinkingScope } from '../../../src-preload/contract.ts'

export interface StopHereRequest {
  readonly rolloutId: number
  readonly boundary: number
  readonly samples: number
  /** Weights that answer, named as a run's specification names its start; null: the newest checkpoint of the rollout's run. */
  readonly start: string | null
}

export interface MeasureRequest {
  readonly scope: ThinkingScope
  /** Weights that answer, named as a run's specification names its start. */
  readonly start: string
  readonly method: 'exact' | 'sampled'
  /** K of the sampled estimator. */
  readonly samples: number
  /** Rollouts at most. */
  readonly limit: number
}

export interface Measurement {
  readonly measured: number
  /** Had this measurement before. */
  readonly known: number
  /** Could not be read as rollouts of the task, by reason. */
  readonly unreadable: Readonly<Record<string, number>>
}

export interface VoteRequest extends Omit<MeasureRequest, 'method'> {
  readonly ballots: BallotRule
}

export interface SensitivityRequest extends Omit<MeasureRequest, 'method' | 'samples'> {
  readonly rules: readonly { readonly name: string; readonly rule: SegmentRule }[]
  readonly budget: number
  readonly counted?: Counted
}
