// Questions about the records, and the shape of their answers: lists, series, filters, picks and pairs. What a screen asks
// is a value, so the same question can be a link, a test or a line in a terminal.

import { z } from 'zod'
import { evaluationResult, finishReasons, phases, problem, rollout, run } from './records.ts'
import { count, id, metrics, name } from './values.ts'
import type { Of } from './values.ts'

/** `exact` false means min and max of `pointCount` measured points were kept per bucket, and the chart must say so. */
export const metricSeries = z.object({
  runId: id,
  metric: name,
  exact: z.boolean(),
  pointCount: count,
  step: z.array(z.number()),
  value: z.array(z.number()),
  /** Totals since the start of the run at each point: the other x axes. */
  tokens: z.array(z.number()),
  wallMs: z.array(z.number()),
  flops: z.array(z.number()),
})
export type MetricSeries = Of<typeof metricSeries>

/** Metrics kept as columns, so that every run's sparkline is one index scan. */
export const headlineMetrics = ['reward', 'rewards/outcome/mean', 'completions/mean_length', 'mrt/progress_mean', 'loss'] as const
export type HeadlineMetric = (typeof headlineMetrics)[number]

/**
 * Whether a metric of an imported run was computed here from the rollouts of its files, under the name that runs of this program use (`reward`,
 * `completions/mean_length`), perhaps with the split before it (`eval/reward`); any other was stated by the trainer that wrote them.
 */
export const derivedMetric = (name: string): boolean =>
  /^(?:(?!train\/|stated\/)[^/]+\/)?(?:n\/(?:rollouts|reward|graded|length)|reward|reward_std|rewards\/[^/]+\/mean|completions\/(?:mean_length|min_length|max_length|mean_characters|clipped_ratio))$/.test(
    name,
  )

export const sparkline = z.object({
  metric: z.enum(headlineMetrics),
  exact: z.boolean(),
  step: z.array(z.number()),
  value: z.array(z.number()),
})
export const runListItem = z.object({ run, latest: metrics, sparklines: z.array(sparkline), rolloutCount: count, checkpointCount: count })
export type RunListItem = Of<typeof runListItem>

export const groupSummary = z.object({
  group: count,
  problem,
  rolloutCount: count,
  usedCount: count,
  correctCount: count,
  meanReward: z.number().nullable(),
  minReward: z.number().nullable(),
  maxReward: z.number().nullable(),
  meanTokens: z.number(),
  meanProgress: z.number().nullable(),
})
export type GroupSummary = Of<typeof groupSummary>

const range = z.tuple([z.number().nullable(), z.number().nullable()])
export const rolloutSorts = ['place', 'reward', 'tokens', 'progress', 'overthink'] as const

/** Every given field narrows; ranges are inclusive, null is open. Text takes words and "exact phrases". */
export const rolloutFilter = z.object({
  runId: id.optional(),
  evaluationId: id.optional(),
  phase: z.enum(phases).optional(),
  problemId: id.optional(),
  steps: range.optional(),
  group: count.optional(),
  correct: z.boolean().optional(),
  used: z.boolean().optional(),
  finishReason: z.enum(finishReasons).optional(),
  keptThinking: z.boolean().optional(),
  reward: range.optional(),
  tokens: range.optional(),
  progress: range.optional(),
  text: z.string().optional(),
})
export type RolloutFilter = Of<typeof rolloutFilter>

export const rolloutQuery = z.object({
  filter: rolloutFilter,
  sort: z.enum(rolloutSorts),
  descending: z.boolean(),
  limit: z.int().min(1).max(1000),
  /** From the previous page's `next`. */
  after: z.string().nullable(),
})
export type RolloutQuery = Of<typeof rolloutQuery>

export const rolloutPage = z.object({ rollouts: z.array(rollout), next: z.string().nullable() })
export type RolloutPage = Of<typeof rolloutPage>

/** `snippet` marks each match between U+0002 and U+0003, so no markup has to be escaped. */
export const searchHit = z.object({ rollout, snippet: z.string() })
export type SearchHit = Of<typeof searchHit>

export const histogram = z.object({ low: z.number(), high: z.number(), counts: z.array(count), missing: count })
export type Histogram = Of<typeof histogram>

/** The samples a reader starts from. `random` is drawn from `seed`, so a link shows the same one. */
export const samplePicks = z.object({
  shortest: rollout.nullable(),
  longest: rollout.nullable(),
  random: rollout.nullable(),
  mostProgress: rollout.nullable(),
  leastProgress: rollout.nullable(),
  mostOverthinking: rollout.nullable(),
})
export type SamplePicks = Of<typeof samplePicks>

/** A problem of a run's watch list, with every sample of it that was drawn to be read, in order of step. */
export const watchedProblem = z.object({ problem, asked: z.array(rollout) })
export type WatchedProblem = Of<typeof watchedProblem>

/** The same problem in two evaluations. */
export const pairedResult = z.object({ problem, a: evaluationResult, b: evaluationResult })
export type PairedResult = Of<typeof pairedResult>
