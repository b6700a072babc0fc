// Records that several nouns speak of.

import { z } from 'zod'
import { progressReport } from './events.ts'
import { pairedResult } from './questions.ts'
import { count, id, name, timeMs, type Of } from './values.ts'

// ------------------------------------------------------------------------------------------------------------ parts of answers

/**
 * What an interval rests on: clusters of problems that were resampled (as many as problems where each stands for itself), training seeds
 * (0 where no training is involved; a single one is not resampled, so that the interval says nothing of the noise of training), and the
 * degrees of freedom of the t distribution it was read with.
 */
export const basis = z.object({ clusters: count, seeds: count, df: count })
/** A figure that stands in a table: its value, its 95 % interval where one can be given, and what it was taken over. */
export const figure = z.object({
  value: z.number(),
  low: z.number().nullable(),
  high: z.number().nullable(),
  n: count,
  basis: basis.optional(),
})
export type Figure = Of<typeof figure>
/** A paired difference b - a; `p` is two-sided and from the resamples of the interval: below 0.05 exactly where the interval leaves 0 out. */
export const difference = figure.extend({ p: z.number().nullable() })
export type Difference = Of<typeof difference>
export const jobKinds = ['train', 'evaluate', 'stopHere', 'playground', 'measure', 'selfTest', 'export', 'import', 'study'] as const
export const jobStates = ['queued', 'running', 'pausing', 'stopping', 'cancelling'] as const
/** Work that waits or goes on; what has ended or is paused is in the records. Training and evaluation run one at a time, in order. */
export const job = z.object({
  id: name,
  kind: z.enum(jobKinds),
  label: z.string(),
  state: z.enum(jobStates),
  runId: id.nullable(),
  progress: progressReport.nullable(),
  queuedAtMs: timeMs,
  startedAtMs: timeMs.nullable(),
})
export type Job = Of<typeof job>
/** Rollouts that an analysis reads: of a run, of some of its steps, or of an evaluation. */
export const thinkingScope = z.object({
  runId: id.optional(),
  evaluationId: id.optional(),
  steps: z.tuple([z.number().nullable(), z.number().nullable()]).optional(),
  problemId: id.optional(),
  /** Rollouts of an evaluation that were forced to think on, instead of those that stopped where they stopped. */
  keptThinking: z.boolean().optional(),
  /** Which of several measurements of J is read (`thinking.estimators`); the first that a rollout ever had when absent. */
  estimator: name.optional(),
})
export type ThinkingScope = Of<typeof thinkingScope>
export const budgetPoint = figure.extend({ budget: z.number().positive(), extrapolated: z.boolean() })
export type BudgetPoint = Of<typeof budgetPoint>
/** Chances of a right answer on one problem count as equal within this: one point. */
export const EQUAL_WITHIN = 0.01
export const pairedComparison = z.object({
  evaluationA: id,
  evaluationB: id,
  budget: z.number().nullable(),
  /** Problems on which `b` is better, worse, or within `EQUAL_WITHIN` of `a`. */
  wins: count,
  losses: count,
  ties: count,
  accuracy: difference,
  meanTokens: difference,
  pairs: z.array(pairedResult.extend({ accuracyA: z.number(), accuracyB: z.number() })),
})
export type PairedComparison = Of<typeof pairedComparison>
// ------------------------------------------------------------------------------------------------------------------- the table

export const nothing = z.null()
export const none = z.undefined()
export const ofRun = z.object({ runId: id })
export const method = <Input extends z.ZodType, Output extends z.ZodType>(input: Input, output: Output) => ({ input, output })
