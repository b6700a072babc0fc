// What a run holds while it trains, and what one step hands from its computation to its record.
import type { RunSpec } from '../../../src-preload/contract.ts'
import type { LlamaConfig } from '../../model/config.ts'
import type { Method } from '../../rl/algorithms.ts'
import type { Credit, GradedRollout } from '../../rl/types.ts'
import type { JobOptions, LabContext } from '../process/context.ts'
import type { Measured } from './estimate.ts'
import type { Entry } from './gather.ts'
import type { Learner, LearnerResult } from './learner.ts'
import type { OverRay } from './overRay.ts'
import type { PolicySet } from './policySet.ts'
import type { ProblemRecords, ProblemSource } from './tasks.ts'

export interface Running {
  readonly context: LabContext
  readonly runId: number
  readonly spec: RunSpec
  readonly method: Method
  readonly problems: ProblemSource & ProblemRecords
  readonly policies: PolicySet
  readonly learner: Learner
  /** The workers that draw and measure; null where this process does. */
  readonly ray: OverRay | null
  readonly config: LlamaConfig
  readonly options: JobOptions
}

export interface ObservedEntry {
  readonly entry: Entry
  readonly measured: Measured
}

/** An entry of the watch list; its J where accepted answers can be listed. */
export interface Looked {
  readonly entry: Entry
  readonly measured: Measured | null
}

/** What one step computed, before it is recorded. */
export interface StepOutcome {
  readonly entries: readonly Entry[]
  /** Entries that were ended early, to be learned from. */
  readonly endings: readonly Entry[]
  /** The entries as credit assignment saw them. */
  readonly graded: readonly GradedRollout[]
  readonly measured: readonly (Measured | null)[]
  /** Full rollouts of the groups that every method observes, with exact J under the weights that sampled them: what live regret and progress are read from. */
  readonly observed: readonly ObservedEntry[]
  /** Whether these were sampled to be observed alone: they are recorded beside the entries and are no part of them. */
  readonly apart: boolean
  /** The watch list, where this step asks it, and what that took. */
  readonly list: { readonly looked: readonly Looked[]; readonly tokens: number } | null
  readonly credits: readonly Credit[]
  readonly endingCredits: readonly Credit[]
  readonly updates: readonly LearnerResult[]
  readonly estimateTokens: number
  readonly learningRate: number
  readonly times: { readonly sample: number; readonly mu: number; readonly train: number; readonly watch: number }
  /** What the workers of a cluster did, by the names of its metrics; empty where everything was computed here. */
  readonly elsewhere: Readonly<Record<string, number>>
}
