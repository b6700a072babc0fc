// What a report carries: a comparison as the laboratory answered it, at every measured budget, so that a page which opens from a disk
// years later shows the same figures and computes none. Series that differ only in their x axis or band are kept once.

import type { BudgetCurveView, CompareTable, MethodMap, OverlayCurve, TokensForAccuracy } from './compare.ts'
import type { MetricDescription } from './choices.ts'
import type { RunListItem } from './questions.ts'
import type { Dataset, Evaluation, Model } from './records.ts'

/** The id of the element that holds it in the page, as JSON. */
export const REPORT_ELEMENT = 'recording'

export type ReportBand = 'deviation' | 'error' | 'bootstrap' | 'range'
export type ReportAxis = 'tokens' | 'wallMs' | 'flops'

/** One metric of one arm: by step and without a band, then every other x and every band at the same points. */
export interface ReportCurve {
  readonly curve: OverlayCurve
  readonly axes: { readonly [A in ReportAxis]: readonly number[] }
  /** Null where a band says nothing, as for a single run. */
  readonly bands: { readonly [B in ReportBand]: { readonly low: readonly number[]; readonly high: readonly number[] } | null }
}

/** The comparison as of one training step. */
export interface ReportView {
  /** Null: the newest evaluated weights of each run. */
  readonly step: number | null
  /** One per budget. */
  readonly tables: readonly CompareTable[]
  readonly maps: readonly MethodMap[]
  /** The usual accuracy first, then one per accuracy on offer. */
  readonly tokensFor: readonly TokensForAccuracy[]
  /** The start first, where it was evaluated. */
  readonly accuracy: readonly BudgetCurveView[]
  readonly regret: readonly BudgetCurveView[]
}

export interface ReportData {
  readonly schemaVersion: number
  readonly title: string
  readonly madeAtMs: number
  /** Version of the program that made it. */
  readonly version: string
  readonly workspace: { readonly uid: string; readonly schema: number }
  readonly groupBy: 'run' | 'group'
  /** The budget it opens at; 0 where nothing was scored. */
  readonly budget: number
  /** The run whose arm the others are compared with, or the weights that all start from. */
  readonly baseline: number | 'start'
  /** Without sparklines and newest metrics. */
  readonly runs: readonly RunListItem[]
  /** Those that the figures were read from. */
  readonly evaluations: readonly Evaluation[]
  readonly datasets: readonly Dataset[]
  readonly models: readonly Model[]
  readonly metrics: readonly MetricDescription[]
  readonly budgets: readonly number[]
  readonly trainedBudget: number | null
  /** Evaluated steps. */
  readonly steps: readonly number[]
  /** The newest weights first, then as of earlier evaluated steps, ascending; empty for runs that were trained elsewhere and never evaluated here. */
  readonly views: readonly ReportView[]
  readonly curves: { readonly [metric: string]: readonly ReportCurve[] }
}
