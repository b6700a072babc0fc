// A study as one JSON: everything that its report is made of, problem by problem, so that every printed figure can be worked out again
// without the workspace. Values are whole ten-thousandths (tokens: hundredths), in the order of the problems of their set.
import type { Counted, Json, RunSpec } from '../../../src-preload/contract.ts'
import type { Conditions, StudySplit } from './grid.ts'

export const SHARES = 10_000
export const TOKENS = 100

/** [problems], or [budgets][problems] */
export interface Values {
  /** Chance of being right when natural thinking is cut at each budget. */
  readonly natural: readonly (readonly number[])[]
  /** The same of thinking that was kept going, after its last whole attempt. */
  readonly kept: readonly (readonly number[])[]
  /** Regret of natural thinking up to the training budget. */
  readonly regret: readonly number[]
  /** Tokens of an answer whose thinking ends where it ends. */
  readonly tokens: readonly number[]
}

export interface RecordedCell {
  readonly arm: string
  readonly seed: number
  readonly status: string
  readonly learningRate: number
  readonly steps: number
  readonly revision: string | null
  readonly engine: string
  readonly wallMs: number
  /** The study of the workspace whose run this is as well. */
  readonly from?: string
  /** Of training alone, estimates of J included: tokens sampled, tokens forwarded for estimates, operations. */
  readonly cost: { readonly tokens: number; readonly estimateTokens: number; readonly flops: number }
  readonly evaluations: { readonly [split in StudySplit]?: Values }
  /** The weights that had cost at most what the baseline of the same seed cost in all; null where there are none. */
  readonly equalCost: { readonly step: number; readonly flops: number; readonly values: Values } | null
  readonly validation: readonly { readonly step: number; readonly accuracy: number; readonly regret: readonly number[] }[]
}

export interface StudyRecord {
  readonly format: 1
  readonly study: string
  readonly title: string
  readonly uid: string
  readonly conditions: Conditions
  readonly spec: Pick<RunSpec, 'task' | 'budget' | 'sampling' | 'promptsPerStep' | 'groupSize' | 'start'> & {
    readonly kept: number
    /** What regret counts; everything where it is not said. */
    readonly counted?: Counted
    readonly seed: number
  }
  readonly environment: Json
  readonly start: {
    readonly parameters: number
    readonly sha256: string
    readonly evaluations: { readonly [split in StudySplit]?: Values }
  }
  readonly budgets: readonly number[]
  readonly trainedBudget: number
  readonly baseline: string
  readonly subject: string
  /** Every arm of the preset, run or not. */
  readonly arms: readonly {
    readonly key: string
    readonly title: string
    readonly role: string
    readonly algorithm: string
    readonly options: Json
    readonly sweep: readonly { readonly rate: number; readonly accuracy: number }[]
  }[]
  /** [problems] the cluster of each problem */
  readonly clusters: { readonly [split in StudySplit | 'validation']?: readonly number[] }
  readonly cells: readonly RecordedCell[]
}

/** As text, one cell a line, so that what changed can be seen. */
export function recordText({ cells, ...rest }: StudyRecord): string {
  return `${JSON.stringify(rest).slice(0, -1)},"cells":[\n${cells.map((cell) => JSON.stringify(cell)).join(',\n')}\n]}\n`
}
