// The analysis of thoughts.

import { z } from 'zod'
import { histogram } from './questions.ts'
import { estimator } from './records.ts'
import { countedTokens } from './runSpec.ts'
import { budgetPoint, figure, job, method, none, thinkingScope } from './shared.ts'
import { count, id, name, type Of } from './values.ts'

const tokenAccount = z.object({
  tokens: z.object({ useful: z.number(), overthinking: z.number(), futile: z.number(), starved: z.number() }),
  rollouts: z.object({ solved: count, futile: count, starved: count }),
})
export const thinkingSummary = z.object({
  rolloutCount: count,
  /** Rollouts with J at every boundary; everything below is over them. */
  measuredCount: count,
  /** Rollouts that were looked at; fewer than `rolloutCount` when the scope is larger than the limit. */
  readCount: count,
  episodes: histogram,
  episodeTokens: histogram,
  thinkingTokens: figure.nullable(),
  /** Graded share that is right, over all graded rollouts read, measured or not. */
  accuracy: figure.nullable(),
  /** Mean J at boundary j over problems, rollouts that have stopped keeping their last J. */
  curve: z.array(figure),
  progress: figure.nullable(),
  account: tokenAccount,
})
export type ThinkingSummary = Of<typeof thinkingSummary>
/** `thinking` counts the prefix alone, `completion` adds the answer, `all` adds the prompt (as published). Left out: as the evaluation or run of the scope counts. */
export const counted = z.enum(countedTokens)
export const comparators = ['oracle', 'best', 'sufficient', 'equal'] as const
/** What regret is against: right from token zero; the best evaluated checkpoint; the smallest sufficient budget of each problem; the same spend for every problem. */
export const comparator = z.enum(comparators)
export type ComparatorName = (typeof comparators)[number]
/** `reason`: why it cannot be used for these rollouts; null when it can. */
export const comparatorDescription = z.object({ name: comparator, title: z.string(), meaning: z.string(), reason: z.string().nullable() })
export type ComparatorDescription = Of<typeof comparatorDescription>
const agreementFigures = { brier: figure.nullable(), auroc: figure.nullable(), spearman: figure.nullable() }
/** J against what was graded. Intervals are bootstraps over problems; a figure is null where it is not defined (all outcomes alike). */
export const calibrationReport = z.object({
  bins: z.array(
    z.object({
      low: z.number(),
      high: z.number(),
      count,
      forecast: z.number().nullable(),
      outcome: z.number().nullable(),
      outcomeLow: z.number().nullable(),
      outcomeHigh: z.number().nullable(),
    }),
  ),
  /** Forecasts in the bins, and problems they belong to. */
  n: count,
  problemCount: count,
  ...agreementFigures,
  /** Expected calibration error over the bins. */
  error: z.number().nullable(),
  /** The same at each boundary, shallowest first; `n` of the figures counts problems, `count` rollouts. */
  byDepth: z.array(z.object({ boundary: count, count, J: figure, ...agreementFigures })),
})
export type CalibrationReport = Of<typeof calibrationReport>
/** What J foretold at the end of thoughts beside what was graded, over the problems of one type. */
export const typeCalibration = z.object({
  type: z.string(),
  problems: count,
  /** Rollouts that were graded and measured; one forecast each. */
  forecasts: count,
  /** Mean J at the end of the thoughts, and share of right answers. */
  foretold: figure,
  realised: figure,
  /** Foretold less realised: above 0 where J promises too much. */
  gap: figure,
  brier: z.number(),
  error: z.number(),
})
export type TypeCalibration = Of<typeof typeCalibration>
export const calibrationByType = z.object({
  /** What the problems are told apart by, in words. */
  title: z.string(),
  types: z.array(typeCalibration),
  all: typeCalibration,
  /** Mean forecast and share of right answers of each; null where a bin is empty. */
  bins: z.array(z.object({ low: z.number(), high: z.number(), count, predicted: z.number().nullable(), observed: z.number().nullable() })),
})
export type CalibrationByType = Of<typeof calibrationByType>
/** J measured exactly and by sampling, under the same weights, at the same boundaries. */
export const agreementReport = z.object({
  rolloutCount: count,
  boundaryCount: count,
  /** K; the most where several were used. */
  samples: count,
  /** Share of boundaries whose count of right answers lies in the central 95 % binomial range of the exact J. */
  coverage: z.number().nullable(),
  /** Sampled minus exact, mean over problems. */
  bias: figure.nullable(),
  meanAbsoluteDifference: z.number().nullable(),
  progressSignAgreement: z.number().nullable(),
  /** At most 600, evenly thinned. */
  points: z.array(z.object({ exact: z.number(), sampled: z.number(), low: z.number().nullable(), high: z.number().nullable() })),
})
export type AgreementReport = Of<typeof agreementReport>
/** Measurements of J that rollouts of a scope carry. */
export const estimatorCount = z.object({ key: name, title: z.string(), estimator, rolloutCount: count })
export type EstimatorCount = Of<typeof estimatorCount>
/** What can be had for the same tokens: thinking on, the best of several answers here, or the best of several answers at once. */
export const episodeCurves = z.object({
  /** Sizes of `bestOf`, ascending. */
  sizes: z.array(count),
  boundaries: z.array(
    z.object({
      boundary: count,
      /** Mean tokens spent by then, one answer included. */
      tokens: z.number(),
      J: figure,
      /** One entry per size p: the chance that the best of p answers from here is right, and what they cost. */
      bestOf: z.array(z.object({ tokens: z.number(), value: figure })),
      /** Cumulative regret of the episodes before this boundary. */
      regret: figure.nullable(),
    }),
  ),
  /** The best of k answers without thinking. */
  direct: z.array(z.object({ size: count, tokens: z.number(), value: figure })),
  /** Whole thoughts against as many direct answers as their tokens buy. */
  equalTokens: z.object({ answers: z.number(), thinking: figure, direct: figure, difference: figure }).nullable(),
})
export type EpisodeCurves = Of<typeof episodeCurves>
/**
 * What an answer's vote weighs, and how its tokens count: one answer one vote; the mean likelihood of its tokens, as the paper describes; as its released notebook
 * has it, 2 to the power of their mean natural log-prob, and tokens of answers counted half.
 */
export const ballotRules = ['plain', 'described', 'released'] as const
export type BallotRule = (typeof ballotRules)[number]
/** [maj@p]_j from answers drawn for it: a vote among p of the answers at each boundary. */
export const votingCurves = z.object({
  rolloutCount: count,
  problemCount: count,
  samples: count,
  temperature: z.number(),
  model: z.string(),
  ballots: z.enum(ballotRules),
  tokensGenerated: count,
  /** Vote sizes p. */
  sizes: z.array(count),
  boundaries: z.array(z.object({ boundary: count, votes: z.array(z.object({ tokens: z.number(), value: figure })) })),
  /** Voting among k answers without thinking, and whether any of them is right. */
  direct: z.array(z.object({ size: count, tokens: z.number(), majority: figure, any: figure })),
  /** A vote that gathers while a thought goes on, one answer after each episode, and one among whole thoughts of the problem. */
  successive: z.array(z.object({ attempts: count, tokens: z.number(), value: figure })),
  parallel: z.array(z.object({ thoughts: count, tokens: z.number(), value: figure })),
  /** What was lost by thinking on where a vote would have bought more, for budgets of so many blocks between boundaries; null where nothing can be told, empty below 8 answers at each boundary. */
  episodeRegret: z.array(z.object({ blocks: count, episodes: count, value: figure.nullable() })),
})
export type VotingCurves = Of<typeof votingCurves>
export const sliceRow = z.object({
  slice: z.string(),
  rolloutCount: count,
  problemCount: count,
  measuredCount: count,
  accuracy: figure.nullable(),
  tokens: figure.nullable(),
  start: figure.nullable(),
  end: figure.nullable(),
  progress: figure.nullable(),
  regret: figure.nullable(),
  account: tokenAccount,
})
export type SliceRow = Of<typeof sliceRow>
export const sliceReport = z.object({
  /** What these rollouts can be sliced by. */
  available: z.array(z.object({ by: name, title: z.string() })),
  rows: z.array(sliceRow),
})
export type SliceReport = Of<typeof sliceReport>
/** Weights that can answer for the measuring of J. `start` names them as a run's specification does. */
export const prover = z.object({ start: name, title: z.string(), runId: id.nullable(), step: z.int().nullable() })
export type Prover = Of<typeof prover>
export const segmentUnits = ['paragraph', 'line', 'word'] as const
/** How text is cut into episodes: what it is walked in, what makes a piece open one, pieces between cuts, cuts at most, episodes merged into one. */
export const segmentRule = z.object({
  opener: z.discriminatedUnion('kind', [
    /** It starts with one of the phrases, or a regular expression matches at its start. */
    z.object({ kind: z.literal('phrases'), phrases: z.array(z.string().min(1)), patterns: z.array(z.string().min(1)).default([]) }),
    /** Every piece. */
    z.object({ kind: z.literal('paragraphs') }),
    /** Every `size`-th piece. */
    z.object({ kind: z.literal('windows'), size: z.int().min(1).max(100_000) }),
    /** Its words differ from those of the `window` pieces before. */
    z.object({ kind: z.literal('topics'), window: z.int().min(1).max(50) }),
  ]),
  unit: z.enum(segmentUnits).default('paragraph'),
  minGap: count,
  maxCuts: count.nullable(),
  groupSize: z.int().positive(),
})
export type SegmentRule = Of<typeof segmentRule>
/** What a rule does to measured rollouts, and to their regret. */
export const segmentationRow = z.object({
  name,
  /** Rollouts whose cuts can be placed in tokens. */
  rolloutCount: count,
  episodes: figure.nullable(),
  episodeTokens: figure.nullable(),
  regret: figure.nullable(),
  /** Against the first rule, on the same problems. */
  difference: figure.nullable(),
  /** Share of cuts at which J was measured; at the others it is read off the line between its neighbours. */
  measuredShare: z.number().nullable(),
})
export type SegmentationRow = Of<typeof segmentationRow>
/** An episode of a text: characters [textStart, textEnd). */
export const cut = z.object({ index: count, textStart: count, textEnd: count })
export type Cut = Of<typeof cut>
/** Rollouts read at most, evenly thinned beyond it. */
const thinkingLimit = z.int().min(1).max(20_000).default(4000)

export const thinkingMethods = {
  thinking: {
    summary: method(z.object({ scope: thinkingScope, limit: thinkingLimit }), thinkingSummary),
    regret: method(
      z.object({
        scope: thinkingScope,
        budgets: z.array(z.number().positive()).min(1).max(200),
        counted: counted.optional(),
        comparator: comparator.default('oracle'),
        limit: thinkingLimit,
      }),
      z.array(budgetPoint),
    ),
    /** What regret can be taken against for these rollouts. */
    comparators: method(z.object({ scope: thinkingScope }), z.array(comparatorDescription)),
    /** J by number of episodes and by tokens, beside the best of several answers for the same tokens; cumulative regret. */
    curves: method(
      z.object({
        scope: thinkingScope,
        sizes: z.array(z.int().min(2).max(256)).max(8).default([2, 4, 8]),
        counted: counted.default('completion'),
        comparator: comparator.default('oracle'),
        limit: thinkingLimit,
      }),
      episodeCurves,
    ),
    /** J after the last episode (or at every boundary) against what was graded. */
    calibration: method(
      z.object({
        scope: thinkingScope,
        bins: z.int().min(2).max(50).default(10),
        depth: z.enum(['last', 'all']).default('last'),
        limit: thinkingLimit,
      }),
      calibrationReport,
    ),
    /** The same at the end of thoughts that ended by themselves, by `level` (difficulty) or `column:NAME`. Throws `thinking.unmeasured`, `thinking.slice`. */
    calibrationByType: method(
      z.object({ scope: thinkingScope, by: name.default('level'), bins: z.int().min(1).max(50).default(10), limit: thinkingLimit }),
      calibrationByType,
    ),
    agreement: method(z.object({ scope: thinkingScope.omit({ estimator: true }), limit: thinkingLimit }), agreementReport),
    estimators: method(z.object({ scope: thinkingScope.omit({ estimator: true }), limit: thinkingLimit }), z.array(estimatorCount)),
    slices: method(
      z.object({
        scope: thinkingScope,
        by: name.default('level'),
        budget: z.number().positive(),
        counted: counted.optional(),
        comparator: comparator.default('oracle'),
        limit: thinkingLimit,
      }),
      sliceReport,
    ),
    /** Live preview: where a rule would cut the thinking of a text. */
    segment: method(z.object({ text: z.string().max(1_000_000), rule: segmentRule }), z.array(cut)),
    /** Rules by name, the paper's first, to start editing from. */
    rules: method(none, z.array(z.object({ name, title: z.string(), about: z.string(), rule: segmentRule }))),
    /** The same rollouts cut by several rules. */
    sensitivity: method(
      z.object({
        scope: thinkingScope,
        rules: z
          .array(z.object({ name, rule: segmentRule }))
          .min(1)
          .max(20),
        budget: z.number().positive(),
        counted: counted.optional(),
        limit: thinkingLimit,
      }),
      z.array(segmentationRow),
    ),
    /** The same with exact J measured wherever a rule cuts, under these weights; nothing is recorded. */
    measureCuts: method(
      z.object({
        scope: thinkingScope.omit({ estimator: true }),
        start: name,
        rules: z
          .array(z.object({ name, rule: segmentRule }))
          .min(1)
          .max(20),
        budget: z.number().positive(),
        counted: counted.optional(),
        limit: z.int().min(1).max(2000).default(200),
      }),
      z.array(segmentationRow),
    ),
    provers: method(none, z.array(prover)),
    /**
     * Queues the measuring of J at every boundary of rollouts that lack it under these weights, and records it with its estimator.
     * Imported text is read with the tokenizer of the task. Fails with `measure.*` where nothing in the scope can be measured.
     */
    measure: method(
      z.object({
        scope: thinkingScope.omit({ estimator: true }),
        start: name,
        method: z.enum(['exact', 'sampled']),
        samples: z.int().min(1).max(1024).default(16),
        limit: thinkingLimit,
      }),
      job,
    ),
    /** Draws answers at every boundary of some rollouts and lets them vote; nothing is recorded. */
    vote: method(
      z.object({
        scope: thinkingScope.omit({ estimator: true }),
        start: name,
        samples: z.int().min(2).max(128).default(8),
        limit: z.int().min(1).max(2000).default(40),
        ballots: z.enum(ballotRules).default('plain'),
      }),
      votingCurves,
    ),
  },
}
