// Rollouts and the groups that they were sampled in.

import { z } from 'zod'
import { groupSummary, histogram, rolloutFilter, rolloutPage, rolloutQuery, samplePicks, searchHit, watchedProblem } from './questions.ts'
import { estimator, rollout, rolloutDetail } from './records.ts'
import { figure, method, ofRun, thinkingScope } from './shared.ts'
import { count, id, int32s, name, type Of } from './values.ts'

/** What one progress curve says about one rollout. All arrays but `progress` (one shorter) have one entry per boundary. */
export const thinkingView = z.object({
  estimator,
  tokens: z.array(count),
  J: z.array(z.number()),
  low: z.array(z.number().nullable()),
  high: z.array(z.number().nullable()),
  progress: z.array(z.number()),
  /** Regret summed over the episodes so far, against certain success. */
  cumulativeRegret: z.array(z.number()),
  /** The earliest boundary with the largest J. */
  bestBoundary: count,
  /** The first boundary from which J stays at or above one half; null when it never does. */
  stableBoundary: count.nullable(),
  usefulTokens: count.nullable(),
  overthinkTokens: count.nullable(),
  tokensForwarded: count,
})
export type ThinkingView = Of<typeof thinkingView>
/**
 * Which characters of a completion are thought and which are the answer, in order; what lies between are marks. Without any mark (`marked` false) all of it
 * is one answer. `closed` is false where the closing mark never came: nothing after the opening is an answer then.
 */
export const textParts = z.object({
  marked: z.boolean(),
  closed: z.boolean(),
  parts: z.array(z.object({ kind: z.enum(['thought', 'answer']), start: count, end: count })),
  /** The answer alone, without marks around it: what the grader reads. */
  answer: z.string(),
})
export type TextParts = Of<typeof textParts>
export const rolloutReading = z.object({
  detail: rolloutDetail,
  /** What is thought and what is answer, as grader and segmenter read it. */
  said: textParts,
  thinking: z.array(thinkingView),
  /** Where each completion token ends in the text, in characters, white space behind it included; null where nothing says which characters a token covers. */
  textEnds: int32s.nullable(),
})
export type RolloutReading = Of<typeof rolloutReading>
/** What the model was given to go on from: the text as it stood, and the turns that a chat template made it of. */
export const askedText = z.object({
  text: z.string(),
  /** Who said what, the turn that was begun for the model last; empty for a text that no template made. */
  turns: z.array(z.object({ role: name, text: z.string() })),
  /** `tokens`: the very tokens it was sampled from, as text; `messages`: those that its file kept apart; `problem`: the text of its problem. */
  from: z.enum(['tokens', 'messages', 'problem']),
})
export type AskedText = Of<typeof askedText>
const payslip = z.object({
  rolloutId: id,
  reward: z.number(),
  parts: z.record(z.string(), z.number()),
  /** Advantage per token: for the outcome, per episode on top, per episode together, and for the end of thinking and the answer. */
  outcome: z.number(),
  bonuses: z.array(z.number()),
  episodes: z.array(z.number()),
  answer: z.number(),
  discardReason: z.string().nullable(),
})
export type PayslipView = Of<typeof payslip>
/** What a method would have paid the rollouts of a group, in order of sample; or why that cannot be said. */
export const explanation = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('paid'), label: name, payslips: z.array(payslip) }),
  z.object({ kind: z.literal('unavailable'), label: name, code: name, reason: z.string() }),
])
export type ExplanationView = Of<typeof explanation>
export const stopHereResult = z.object({
  boundary: count,
  tokenOffset: count,
  /** The weights that answered. */
  start: name,
  /** At which the answers were drawn: that of the rollout. */
  temperature: z.number().positive(),
  answers: z.array(z.object({ text: z.string(), tokens: count, correct: z.boolean(), finishReason: z.enum(['stop', 'length']) })),
  /** Share of the answers that are right, with its Wilson interval. */
  estimate: figure,
  /** J at this boundary as recorded, where it was. */
  recorded: z.number().nullable(),
})
export type StopHereResult = Of<typeof stopHereResult>

export const rolloutsMethods = {
  groups: { list: method(z.union([z.object({ runId: id, step: count }), z.object({ evaluationId: id })]), z.array(groupSummary)) },
  rollouts: {
    query: method(rolloutQuery, rolloutPage),
    get: method(z.object({ rolloutId: id }), rolloutReading),
    asked: method(z.object({ rolloutId: id }), askedText),
    /** All samples of the group that this rollout belongs to, in order. */
    group: method(z.object({ rolloutId: id }), z.array(rollout)),
    search: method(
      z.object({
        filter: rolloutFilter.extend({ text: z.string() }),
        afterId: count.default(0),
        limit: z.int().min(1).max(500).default(50),
      }),
      z.array(searchHit),
    ),
    picks: method(z.object({ scope: thinkingScope.omit({ problemId: true, estimator: true }), seed: z.int().default(1) }), samplePicks),
    histogram: method(
      z.object({
        filter: rolloutFilter,
        column: z.enum(['reward', 'tokens', 'progress', 'overthink']),
        bins: z.int().min(1).max(200).default(24),
      }),
      histogram,
    ),
    /** Steps of a run that kept rollouts, ascending: a run may keep those of some steps only. */
    steps: method(ofRun, z.array(count)),
    /** The watch list of a run as it stands on record; empty for a run without one. */
    watched: method(ofRun, z.array(watchedProblem)),
    throughTraining: method(z.object({ problemId: id, runId: id.nullable() }), z.array(rollout)),
    /** Reward anatomy of the group this rollout belongs to under each method; none given: the run's own and the three main ones. */
    explain: method(
      z.object({
        rolloutId: id,
        methods: z.array(z.object({ label: name, algorithm: name, options: z.record(z.string(), z.unknown()).default({}) })).default([]),
      }),
      z.array(explanation),
    ),
    /** Samples answers as if thinking had ended at this boundary, with any weights or a served model (null: the newest checkpoint of the run). */
    stopHere: method(
      z.object({ rolloutId: id, boundary: count, samples: z.int().min(1).max(1024).default(32), start: name.nullable().default(null) }),
      stopHereResult,
    ),
  },
}
