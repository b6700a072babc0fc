// What every experiment of the lab is given: where records go, what computes, and the clock. Handed in, never looked up.
import type { Engine } from '../../engine/engine.ts'
import type { LabEvent, RunSpec } from '../../../src-preload/contract.ts'
import type { Store } from '../../store/openStore.ts'
import type { Split } from '../../tasks/types.ts'
import type { DeviceTests } from './deviceTests.ts'

export interface LabContext {
  readonly store: Store
  readonly engine: Engine
  readonly now: () => number
  /** What devices have shown; without it none but the processor is used. */
  readonly deviceTests?: DeviceTests
}

/** How a running experiment is steered and heard. */
export interface JobOptions {
  readonly signal?: AbortSignal
  /** Asked between steps: go on, wait, or end after the step that is done. */
  readonly control?: () => 'go' | 'pause' | 'stop-after-step'
  readonly onEvent?: (event: LabEvent) => void
  /** Computes everything in this process, whatever cluster the run was started on: the numbers are the same. */
  readonly here?: boolean
}

/** What is evaluated: a checkpoint of a run, its newest unless one is named, or the weights that runs with a specification start from. */
export type EvaluationTarget = { readonly split?: Split } & (
  { readonly runId: number; readonly checkpointId?: number } | { readonly startOf: RunSpec }
)

/** What files that leave are written with. */
export interface ExportContext {
  readonly store: Store
  readonly version: string
  readonly now: () => number
}
