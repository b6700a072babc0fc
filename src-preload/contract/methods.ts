// Everything a window, a terminal or a browser may ask, as one table: noun, verb, what goes in, what comes out. The preload, the
// bridge, the served mode, the client and the lab's implementation are all typed from it, so a method is spelled once. Statistics
// are answers, never something a screen works out: every figure comes with its interval and its n where it has them.
// Nouns but `app` are answered by the lab process; `app` by the program around it (Electron or the server), and works without a lab.

import { z } from 'zod'
import { progressReport } from './events.ts'
import { labErrorData } from './errors.ts'
import { exported, exportRequest, exportSizes } from './exports.ts'
import { follow, followStart } from './follows.ts'
import { datasetFacts, importChoices, importOffer, importRequest, importResult, importStart, overlapReport, rejectedRow, splitRule } from './imports.ts'
import {
  groupSummary, histogram, metricSeries, pairedResult, rolloutFilter, rolloutPage, rolloutQuery, runListItem, samplePicks, searchHit,
} from './questions.ts'
import {
  checkpoint, dataset, estimator, evaluation, evaluationPoint, evaluationResult, model, problem, rollout, rolloutDetail, run, runEvent, step, workspace,
} from './records.ts'
import { playgroundProblem, playgroundRequest, playgroundRollout, playgroundSource } from './playground.ts'
import { runSpec, taskSpec } from './runSpec.ts'
import { merged, otherWorkspace, salvaged } from './merging.ts'
import { compacted, pruned, pruneRequest, storageReport } from './storage.ts'
import { count, float32s, id, int32s, json, name, timeMs } from './values.ts'
import type { Of } from './values.ts'

// ------------------------------------------------------------------------------------------------------------ parts of answers

/**
 * What an interval rests on: clusters of problems that were resampled (as many as problems where each stands for itself), training seeds
 * (0 where no training is involved; a single one is not resampled, so that the interval says nothing of the noise of training), and the
 * degrees of freedom of the t distribution it was read with.
 */
export const basis = z.object({ clusters: count, seeds: count, df: count })
/** A figure that stands in a table: its value, its 95 % interval where one can be given, and what it was taken over. */
export const figure = z.object({ value: z.number(), low: z.number().nullable(), high: z.number().nullable(), n: count, basis: basis.optional() })
export type Figure = Of<typeof figure>

/** A paired difference b - a; `p` is two-sided and from the resamples of the interval: below 0.05 exactly where the interval leaves 0 out. */
export const difference = figure.extend({ p: z.number().nullable() })
export type Difference = Of<typeof difference>

const option = z.object({
  name,
  kind: z.enum(['number', 'choice', 'flag']),
  default: z.union([z.number(), z.string(), z.boolean()]),
  min: z.number().nullable(),
  max: z.number().nullable(),
  integer: z.boolean(),
  /** Choice to its meaning; empty unless `kind` is choice. */
  choices: z.record(z.string(), z.string()),
  unit: z.string(),
  reason: z.string(),
  aliases: z.array(z.string()),
})
export type OptionDescription = Of<typeof option>

export const algorithmDescription = z.object({
  name,
  title: z.string(),
  /** What it rewards, as runs record it; the first word is its family. */
  method: name,
  /** The credit rule in one sentence, and the paper it follows. */
  rule: z.string(),
  source: z.string(),
  /** What must be sampled for it, with its default options. */
  needs: z.object({ data: z.enum(['demonstrations', 'rollouts', 'arms']), J: z.enum(['none', 'sampled', 'exact']) }),
  options: z.array(option),
})
export type AlgorithmDescription = Of<typeof algorithmDescription>

export const taskDescription = z.object({
  name,
  title: z.string(),
  /** What its problems ask, in one sentence. */
  about: z.string(),
  /** The dial, the easiest first: what can be chosen as `level`. `problems`: how many different ones there are, where they are few. Empty where there is no dial. */
  levels: z.array(z.object({ id: name, label: z.string(), problems: count.nullable() })),
  options: z.array(option),
})
export type TaskDescription = Of<typeof taskDescription>

export const preset = z.object({
  id: name,
  title: z.string(),
  about: z.string(),
  /** What its algorithm rewards. */
  method: name,
  spec: runSpec,
  /** One of the runs a newcomer compares first. */
  quickstart: z.boolean(),
})
export type PresetDescription = Of<typeof preset>

/** A field of a run's specification outside the algorithm, for the form: `path` is dotted, e.g. `budget.thinkingTokens`. */
export const specField = z.object({
  path: name,
  kind: z.enum(['number', 'text', 'choice', 'list']),
  /** Null where there is none. */
  default: json,
  choices: z.array(json),
  min: z.number().nullable(),
  max: z.number().nullable(),
  integer: z.boolean(),
  about: z.string(),
})
export type SpecField = Of<typeof specField>

export const term = z.object({
  /** As the paper writes it; empty where it has no symbol. */
  symbol: z.string(),
  term: name,
  meaning: z.string(),
  source: z.string(),
})
export type Term = Of<typeof term>

export const metricDescription = z.object({
  /** A name, or a pattern with `<...>` parts such as `ttc/regret@<budget>`. */
  name,
  title: z.string(),
  meaning: z.string(),
  unit: z.enum(['', 'tokens', 'share', 'nats', 'ms', 'tokens/s', 'bytes']),
  better: z.enum(['higher', 'lower', 'neither']),
  section: z.enum(['reward', 'thinking', 'answers', 'stability', 'performance', 'evaluation']),
})
export type MetricDescription = Of<typeof metricDescription>

export const recentWorkspace = z.object({ folder: z.string(), openedAtMs: timeMs, exists: z.boolean() })
export type RecentWorkspace = Of<typeof recentWorkspace>

export const device = z.object({
  name,
  title: z.string(),
  usable: z.boolean(),
  /** Why it cannot be used, or empty. */
  reason: z.string(),
})
export const systemInfo = z.object({
  version: z.string(),
  platform: z.string(),
  arch: z.string(),
  node: z.string(),
  cpu: z.object({ model: z.string(), cores: count }),
  memory: z.object({ totalBytes: count, freeBytes: count, labBytes: count }),
  /** `loaded` false: reading a workspace has not needed it yet; version and devices are then null and empty. */
  engine: z.object({ loaded: z.boolean(), version: z.string().nullable(), threads: count.nullable(), devices: z.array(device) }),
  /** The program opens no connection to anything but its own window. */
  network: z.literal('none'),
})
export type SystemInfo = Of<typeof systemInfo>

export const selfTestReport = z.object({
  device: name,
  ok: z.boolean(),
  checks: z.array(z.object({ name, found: z.number(), limit: z.number(), unit: z.string(), ok: z.boolean() })),
  durationMs: z.number(),
})
export type SelfTestReport = Of<typeof selfTestReport>

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

export const runDetail = z.object({
  item: runListItem,
  metricNames: z.array(name),
  /** Where resuming would go on; null when it would start over or cannot be resumed. */
  resumableStep: z.int().nullable(),
  job: job.nullable(),
  evaluationCount: count,
})
export type RunDetail = Of<typeof runDetail>

export const runEstimate = z.object({
  timeMs: z.object({ low: z.number(), high: z.number() }),
  memoryBytes: z.number(),
  diskBytes: z.number(),
  /** Tokens sampled, and tokens forwarded only to estimate progress. */
  tokens: z.number(),
  estimateTokens: z.number(),
  checkpoints: count,
  /** `measured`: from steps of runs like it on this machine; `timed`: from its speed, timed just now; `modelled`: from operation counts and an assumed speed. */
  basis: z.enum(['measured', 'timed', 'modelled']),
  because: z.string(),
})
export type RunEstimate = Of<typeof runEstimate>

/** What removing a run takes along. */
export const footprint = z.object({ steps: count, rollouts: count, evaluations: count, checkpoints: count, events: count, checkpointBytes: count })
export type Footprint = Of<typeof footprint>

/** One key of the flattened configuration: `sampling.temperature`; dots inside a key are written `\.`. */
export const diffRow = z.object({
  section: z.enum(['config', 'run', 'environment']),
  key: name,
  /** In the order of the runs asked for; `absent` is not the same as null. */
  cells: z.array(z.discriminatedUnion('kind', [z.object({ kind: z.literal('value'), value: json }), z.object({ kind: z.literal('absent') })])),
  differs: z.boolean(),
})
export type DiffRow = Of<typeof diffRow>

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
  /** Where each completion token ends in the text, in characters; null where the record does not say which characters a token covers. */
  textEnds: int32s.nullable(),
})
export type RolloutReading = Of<typeof rolloutReading>

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
  checkpointId: id.nullable(),
  /** At which the answers were drawn: that of the run. */
  temperature: z.number().positive(),
  answers: z.array(z.object({ text: z.string(), tokens: count, correct: z.boolean(), finishReason: z.enum(['stop', 'length']) })),
  /** Share of the answers that are right, with its Wilson interval. */
  estimate: figure,
  /** J at this boundary as recorded, where it was. */
  recorded: z.number().nullable(),
})
export type StopHereResult = Of<typeof stopHereResult>

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

/** `thinking` counts the prefix alone, `completion` adds the answer, `all` adds the prompt (as published). */
export const counted = z.enum(['all', 'completion', 'thinking'])
export const comparators = ['oracle', 'best', 'sufficient', 'equal'] as const
/** What regret is against: right from token zero; the best evaluated checkpoint; the smallest sufficient budget of each problem; the same spend for every problem. */
export const comparator = z.enum(comparators)
export type ComparatorName = (typeof comparators)[number]
/** `reason`: why it cannot be used for these rollouts; null when it can. */
export const comparatorDescription = z.object({ name: comparator, title: z.string(), meaning: z.string(), reason: z.string().nullable() })
export type ComparatorDescription = Of<typeof comparatorDescription>
export const budgetPoint = figure.extend({ budget: z.number().positive(), extrapolated: z.boolean() })
export type BudgetPoint = Of<typeof budgetPoint>

const agreementFigures = { brier: figure.nullable(), auroc: figure.nullable(), spearman: figure.nullable() }
/** J against what was graded. Intervals are bootstraps over problems; a figure is null where it is not defined (all outcomes alike). */
export const calibrationReport = z.object({
  bins: z.array(z.object({ low: z.number(), high: z.number(), count, forecast: z.number().nullable(), outcome: z.number().nullable(), outcomeLow: z.number().nullable(), outcomeHigh: z.number().nullable() })),
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
  boundaries: z.array(z.object({
    boundary: count,
    /** Mean tokens spent by then, one answer included. */
    tokens: z.number(),
    J: figure,
    /** One entry per size p: the chance that the best of p answers from here is right, and what they cost. */
    bestOf: z.array(z.object({ tokens: z.number(), value: figure })),
    /** Cumulative regret of the episodes before this boundary. */
    regret: figure.nullable(),
  })),
  /** The best of k answers without thinking. */
  direct: z.array(z.object({ size: count, tokens: z.number(), value: figure })),
  /** Whole thoughts against as many direct answers as their tokens buy. */
  equalTokens: z.object({ answers: z.number(), thinking: figure, direct: figure, difference: figure }).nullable(),
})
export type EpisodeCurves = Of<typeof episodeCurves>

/** [maj@p]_j from answers drawn for it: a vote among p of the answers at each boundary. */
export const votingCurves = z.object({
  rolloutCount: count,
  problemCount: count,
  samples: count,
  temperature: z.number(),
  model: z.string(),
  tokensGenerated: count,
  /** Vote sizes p. */
  sizes: z.array(count),
  boundaries: z.array(z.object({ boundary: count, votes: z.array(z.object({ tokens: z.number(), value: figure })) })),
  /** Voting among k answers without thinking, and whether any of them is right. */
  direct: z.array(z.object({ size: count, tokens: z.number(), majority: figure, any: figure })),
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

/** What runs are compared by: alone, or seeds of one configuration together. */
export const groupBy = z.enum(['run', 'group'])
const arm = z.object({ key: name, title: z.string(), runIds: z.array(id), method: name, algorithm: name })

export const compareRow = arm.extend({
  /** The evaluations read: the newest finished one of each run; runs without one are left out of the figures. */
  evaluationIds: z.array(id),
  /** The training step of each of them. */
  evaluatedSteps: z.array(z.int().nullable()),
  problemCount: count,
  /** Above the budget trained to: drawn as extrapolation. */
  extrapolated: z.boolean(),
  accuracy: figure.nullable(),
  regret: figure.nullable(),
  meanTokens: figure.nullable(),
  /** Row minus baseline on the problems both have; null for the baseline itself and where nothing pairs. */
  against: z.object({ accuracy: difference, regret: difference, meanTokens: difference }).nullable(),
  /** Thinking tokens per rollout by what became of them, over all rollouts of all evaluations read; null where one does not say. */
  account: z.object({ useful: z.number(), overthinking: z.number(), futile: z.number(), starved: z.number(), starvedShare: z.number(), rollouts: count }).nullable(),
  cost: z.object({ steps: count, tokens: count, estimateTokens: count, flops: z.number(), wallMs: z.number() }),
})
export type CompareRow = Of<typeof compareRow>

export const compareTable = z.object({
  budget: z.number(),
  /** False: the budget lies between measured ones and was read off the straight line between them. */
  exact: z.boolean(),
  comparator: z.literal('oracle'),
  baseline: name.nullable(),
  rows: z.array(compareRow),
  /** In what the trained arms differ besides their methods: one value per trained arm, in the order of the rows; null where it has no such setting. */
  confounds: z.array(z.object({ key: z.string(), values: z.array(z.string().nullable()) })).default([]),
})
export type CompareTable = Of<typeof compareTable>

export const xAxes = ['step', 'tokens', 'wallMs', 'flops'] as const
export const bands = ['none', 'deviation', 'error', 'bootstrap', 'range'] as const
/** One line of an overlay. Several runs are joined at the steps they share; their x is the mean of theirs. */
export const overlayCurve = arm.extend({
  metric: name,
  exact: z.boolean(),
  x: z.array(z.number()),
  step: z.array(z.number()),
  value: z.array(z.number()),
  low: z.array(z.number()).nullable(),
  high: z.array(z.number()).nullable(),
  /** Runs at each point. */
  n: z.array(count),
})
export type OverlayCurve = Of<typeof overlayCurve>

/** `points`: natural thinking, one estimator at every budget. `kept`: thinking forced on, after whole attempts, at the budgets beyond training; never to be joined with the points. */
export const budgetCurve = arm.extend({ trainedBudget: count.nullable(), points: z.array(budgetPoint), kept: z.array(budgetPoint) })
export type BudgetCurveView = Of<typeof budgetCurve>

/**
 * Accuracy against tokens, one dot per evaluation (run null: the weights that all start from), with curves of equal regret for the budget.
 * `path` is the way of the whole arm: means over its seeds at the steps at which all of them were evaluated.
 */
export const methodMap = z.object({
  budget: z.number(),
  paths: z.array(arm.extend({
    dots: z.array(z.object({ runId: id.nullable(), evaluationId: id, step: z.int().nullable(), tokens: z.number(), accuracy: z.number(), regret: z.number() })),
    path: z.array(z.object({ step: z.int().nullable(), tokens: z.number(), accuracy: z.number(), regret: z.number(), n: count })),
  })),
  equalRegret: z.array(z.object({ regret: z.number(), tokens: z.array(z.number()), accuracy: z.array(z.number()) })),
})
export type MethodMap = Of<typeof methodMap>

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

/** Two arms on the same problems, each problem averaged over an arm's seeds; `b` against `a`, at every budget that both measured. */
export const pairedArms = z.object({
  evaluationsA: z.array(id),
  evaluationsB: z.array(id),
  meanTokens: difference,
  scores: z.array(z.object({ budget: z.number(), wins: count, losses: count, ties: count, accuracy: difference })),
  /** `kept`: whether answers are on record, besides the scores. `accuracyA`, `accuracyB`: one per budget, in the order of `scores`. */
  problems: z.array(z.object({ problem, keptA: z.boolean(), keptB: z.boolean(), tokensA: z.number(), tokensB: z.number(), accuracyA: float32s, accuracyB: float32s })),
})
export type PairedArms = Of<typeof pairedArms>

/** Thinking tokens with which each arm first reaches an accuracy, read off the straight line between budgets. */
export const tokensForAccuracy = z.object({
  /** What was read at; null when nothing was asked for and no accuracy is reached by all. */
  accuracy: z.number().nullable(),
  /** Round accuracies between the lowest and the highest measured: what may be asked for. */
  levels: z.array(z.number()),
  baseline: name.nullable(),
  rows: z.array(z.object({
    key: name,
    /** Null where the arm never reaches it, or is there already at the smallest budget. */
    tokens: figure.nullable(),
    /** Share of resamples on which it can be said; the interval is over these. */
    reached: z.number(),
    /** It takes more than the budget trained to. */
    extrapolated: z.boolean(),
    /** Tokens of the baseline divided by those of the arm: above 1 where the arm needs fewer. */
    efficiency: figure.nullable(),
  })),
})
export type TokensForAccuracy = Of<typeof tokensForAccuracy>

/** Who is compared, in which evaluations: the newest of each run, or the newest at or before a training step (before its first, what the run started from). */
const compareScope = z.object({ runIds: z.array(id), groupBy: groupBy.default('group'), step: count.nullable().default(null) })
/** A run, whose arm the others are compared with, or the weights that all start from. */
const compareBaseline = z.union([id, z.literal('start')]).nullable().default(null)
const budgetList = z.array(z.number().positive()).min(1).max(200)

export const healthLevels = ['info', 'warn', 'error'] as const
export const healthRule = z.object({ code: name, level: z.enum(healthLevels), title: z.string(), when: z.string(), next: z.string() })
export type HealthRuleDescription = Of<typeof healthRule>
export const healthFinding = z.object({
  eventId: id,
  runId: id,
  step: z.int().nullable(),
  code: name,
  level: z.enum(healthLevels),
  title: z.string(),
  message: z.string(),
  next: z.string(),
  /** The rollouts that caused it: a filter for `rollouts.query`. */
  rollouts: rolloutFilter,
  atMs: timeMs,
})
export type HealthFinding = Of<typeof healthFinding>

// ------------------------------------------------------------------------------------------------------- the program around it

export const labStates = ['starting', 'ready', 'gone'] as const
/** The lab process as the program around it sees it. `gone`: it died (reason says how); the window lives and may restart it. */
export const labStatus = z.object({
  state: z.enum(labStates),
  /** Why it is gone; or, when it is ready, why the workspace it was to open could not be opened. */
  error: labErrorData.nullable(),
  /** Starts so far, the first included. */
  starts: count,
  sinceMs: timeMs,
  /** The workspace that a restart opens again. */
  folder: z.string().nullable(),
})
export type LabStatus = Of<typeof labStatus>

/** What the commands of the menu stand for right now. `available` null: not said yet, so everything may be chosen. */
export const commandState = z.object({ available: z.array(z.string().max(80)).max(200).nullable(), checked: z.array(z.string().max(80)).max(50) })
export type CommandState = Of<typeof commandState>

export const appInfo = z.object({
  /** `file`: a report, which answers only what it carries. */
  face: z.enum(['electron', 'served', 'test', 'file']),
  version: z.string(),
  platform: z.string(),
  /** What this face can do; pages show a control only where the answer is true. */
  can: z.object({ chooseFolder: z.boolean(), reveal: z.boolean(), openExternal: z.boolean(), notify: z.boolean(), dropPaths: z.boolean() }),
})
export type AppInfo = Of<typeof appInfo>

// ------------------------------------------------------------------------------------------------------------------- the table

const nothing = z.null()
const none = z.undefined()
const ofRun = z.object({ runId: id })
const ofDataset = z.object({ datasetId: id })

/** Rollouts read at most, evenly thinned beyond it. */
const thinkingLimit = z.int().min(1).max(20_000).default(4000)

const method = <Input extends z.ZodType, Output extends z.ZodType>(input: Input, output: Output) => ({ input, output })

export const methods = {
  app: {
    info: method(none, appInfo),
    status: method(none, labStatus),
    restartLab: method(none, labStatus),
    /** A folder the person chose in the system's dialog; null when they did not. */
    chooseFolder: method(z.object({ title: z.string() }), z.string().nullable()),
    chooseFiles: method(z.object({ title: z.string(), extensions: z.array(z.string()) }), z.array(z.string())),
    /** Shows a file or folder of the open workspace in the system's file manager. */
    reveal: method(z.object({ path: z.string() }), nothing),
    openExternal: method(z.object({ url: z.url() }), nothing),
    /** Percent in the title and the task bar: 0..1, null clears. */
    setProgress: method(z.object({ fraction: z.number().min(0).max(1).nullable(), label: z.string(), paused: z.boolean() }), nothing),
    /** Which commands the page can do now and which are switched on, for the menu of the window. */
    setCommands: method(commandState, nothing),
    notify: method(z.object({ title: z.string(), body: z.string(), runId: id.nullable() }), nothing),
  },
  workspace: {
    open: method(z.object({ folder: name, create: z.boolean().default(false), readOnly: z.boolean().default(false) }), workspace),
    /** Opens the three finished runs that come with the program, in a copy of your own. */
    openSample: method(none, workspace),
    /** Null when none is open. */
    info: method(none, workspace.nullable()),
    recents: method(none, z.array(recentWorkspace)),
    forget: method(z.object({ folder: name }), z.array(recentWorkspace)),
    /** Refused with `workspace.busyJobs` while a job runs. */
    close: method(none, nothing),
  },
  system: {
    info: method(none, systemInfo),
    selfTest: method(z.object({ device: z.enum(['cpu', 'webgpu']).default('cpu') }).prefault({}), selfTestReport),
  },
  settings: {
    all: method(none, z.record(z.string(), json)),
    get: method(z.object({ key: name }), json),
    /** Null removes it. */
    set: method(z.object({ key: name, value: json }), nothing),
  },
  presets: { list: method(none, z.array(preset)) },
  algorithms: { list: method(none, z.array(algorithmDescription)) },
  /** Problem sets a run can be trained on, with what can be chosen of each; imported sets are one task that names its dataset. */
  tasks: { list: method(none, z.array(taskDescription)) },
  glossary: {
    list: method(none, z.array(term)),
    metrics: method(none, z.array(metricDescription)),
  },
  runs: {
    list: method(none, z.array(runListItem)),
    get: method(ofRun, runDetail),
    /** Checks the whole specification, then queues. Throws `runSpec.*` naming the field. */
    start: method(z.object({ spec: runSpec }), run),
    /** Arms of a comparison: all queued or none. */
    startAll: method(z.object({ specs: z.array(runSpec).min(1).max(200) }), z.array(run)),
    /** Fields of a specification outside the algorithm, for the form. */
    specFields: method(none, z.array(specField)),
    estimate: method(z.object({ spec: runSpec }), runEstimate),
    pause: method(ofRun, nothing),
    /** Goes on with a paused or interrupted run, from its newest resumable checkpoint where the process is gone. */
    resume: method(ofRun, nothing),
    stopAfterStep: method(ofRun, nothing),
    cancel: method(ofRun, nothing),
    saveCheckpoint: method(ofRun, nothing),
    /** A new run from a checkpoint of another, with some fields changed. */
    branch: method(z.object({ checkpointId: id, spec: runSpec }), run),
    /** The specification of a run, to change and start again. */
    duplicate: method(ofRun, runSpec),
    rename: method(z.object({ runId: id, name, note: z.string() }), run),
    footprint: method(ofRun, footprint),
    /** To the bin: gone from every list, back with `restore`. Refused while the run has a job. */
    remove: method(ofRun, nothing),
    restore: method(ofRun, nothing),
    bin: method(none, z.array(run)),
    /** Removes what is in the bin for good, checkpoint files too. `checkpointBytes` is what that freed on disk: files that other runs share stay. */
    emptyBin: method(none, footprint),
    metricNames: method(z.object({ runIds: z.array(id) }), z.array(name)),
    series: method(z.object({ runId: id, metrics: z.array(name).min(1).max(64), maxPoints: z.int().min(16).max(20_000).default(2000) }), z.array(metricSeries)),
    configDiff: method(z.object({ runIds: z.array(id).min(1) }), z.array(diffRow)),
  },
  steps: {
    list: method(z.object({ runId: id, from: count, to: count }), z.array(step)),
    get: method(z.object({ runId: id, step: count }), step.nullable()),
  },
  groups: {
    list: method(z.union([z.object({ runId: id, step: count }), z.object({ evaluationId: id })]), z.array(groupSummary)),
  },
  rollouts: {
    query: method(rolloutQuery, rolloutPage),
    get: method(z.object({ rolloutId: id }), rolloutReading),
    /** All samples of the group that this rollout belongs to, in order. */
    group: method(z.object({ rolloutId: id }), z.array(rollout)),
    search: method(z.object({ filter: rolloutFilter.extend({ text: z.string() }), afterId: count.default(0), limit: z.int().min(1).max(500).default(50) }), z.array(searchHit)),
    picks: method(z.object({ scope: thinkingScope.omit({ problemId: true, estimator: true }), seed: z.int().default(1) }), samplePicks),
    histogram: method(z.object({ filter: rolloutFilter, column: z.enum(['reward', 'tokens', 'progress', 'overthink']), bins: z.int().min(1).max(200).default(24) }), histogram),
    /** Steps of a run that kept rollouts, ascending: a run may keep those of some steps only. */
    steps: method(ofRun, z.array(count)),
    throughTraining: method(z.object({ problemId: id, runId: id.nullable() }), z.array(rollout)),
    /** Reward anatomy of the group this rollout belongs to under each method; none given: the run's own and the three main ones. */
    explain: method(z.object({ rolloutId: id, methods: z.array(z.object({ label: name, algorithm: name, options: z.record(z.string(), z.unknown()).default({}) })).default([]) }), z.array(explanation)),
    /** Samples answers as if thinking had ended at this boundary, with the weights of a checkpoint (null: the newest of the run). */
    stopHere: method(z.object({ rolloutId: id, boundary: count, samples: z.int().min(1).max(1024).default(32), checkpointId: id.nullable().default(null) }), stopHereResult),
  },
  thinking: {
    summary: method(z.object({ scope: thinkingScope, limit: thinkingLimit }), thinkingSummary),
    regret: method(z.object({ scope: thinkingScope, budgets: z.array(z.number().positive()).min(1).max(200), counted: counted.default('all'), comparator: comparator.default('oracle'), limit: thinkingLimit }), z.array(budgetPoint)),
    /** What regret can be taken against for these rollouts. */
    comparators: method(z.object({ scope: thinkingScope }), z.array(comparatorDescription)),
    /** J by number of episodes and by tokens, beside the best of several answers for the same tokens; cumulative regret. */
    curves: method(z.object({ scope: thinkingScope, sizes: z.array(z.int().min(2).max(256)).max(8).default([2, 4, 8]), counted: counted.default('completion'), comparator: comparator.default('oracle'), limit: thinkingLimit }), episodeCurves),
    /** J after the last episode (or at every boundary) against what was graded. */
    calibration: method(z.object({ scope: thinkingScope, bins: z.int().min(2).max(50).default(10), depth: z.enum(['last', 'all']).default('last'), limit: thinkingLimit }), calibrationReport),
    agreement: method(z.object({ scope: thinkingScope.omit({ estimator: true }), limit: thinkingLimit }), agreementReport),
    estimators: method(z.object({ scope: thinkingScope.omit({ estimator: true }), limit: thinkingLimit }), z.array(estimatorCount)),
    slices: method(z.object({ scope: thinkingScope, by: name.default('level'), budget: z.number().positive(), counted: counted.default('all'), comparator: comparator.default('oracle'), limit: thinkingLimit }), sliceReport),
    /** Live preview: where a rule would cut the thinking of a text. */
    segment: method(z.object({ text: z.string().max(1_000_000), rule: segmentRule }), z.array(cut)),
    /** Rules by name, the paper's first, to start editing from. */
    rules: method(none, z.array(z.object({ name, title: z.string(), about: z.string(), rule: segmentRule }))),
    /** The same rollouts cut by several rules. */
    sensitivity: method(z.object({ scope: thinkingScope, rules: z.array(z.object({ name, rule: segmentRule })).min(1).max(20), budget: z.number().positive(), counted: counted.default('all'), limit: thinkingLimit }), z.array(segmentationRow)),
    /** The same with exact J measured wherever a rule cuts, under these weights; nothing is recorded. */
    measureCuts: method(z.object({ scope: thinkingScope.omit({ estimator: true }), start: name, rules: z.array(z.object({ name, rule: segmentRule })).min(1).max(20), budget: z.number().positive(), counted: counted.default('all'), limit: z.int().min(1).max(2000).default(200) }), z.array(segmentationRow)),
    provers: method(none, z.array(prover)),
    /**
     * Queues the measuring of J at every boundary of rollouts that lack it under these weights, and records it with its estimator.
     * Imported text is read with the tokenizer of the task. Fails with `measure.*` where nothing in the scope can be measured.
     */
    measure: method(z.object({ scope: thinkingScope.omit({ estimator: true }), start: name, method: z.enum(['exact', 'sampled']), samples: z.int().min(1).max(1024).default(16), limit: thinkingLimit }), job),
    /** Draws answers at every boundary of some rollouts and lets them vote; nothing is recorded. */
    vote: method(z.object({ scope: thinkingScope.omit({ estimator: true }), start: name, samples: z.int().min(2).max(128).default(8), limit: z.int().min(1).max(2000).default(40) }), votingCurves),
  },
  evaluations: {
    list: method(z.object({ runId: id.nullable().default(null) }).prefault({}), z.array(evaluation)),
    get: method(z.object({ evaluationId: id }), evaluation),
    curves: method(z.object({ evaluationId: id }), z.array(evaluationPoint)),
    results: method(z.object({ evaluationId: id }), z.array(evaluationResult)),
    /** Queued as a job, on the problems and budgets of the run's specification. `checkpointId` null: the newest checkpoint. */
    start: method(z.object({ runId: id, checkpointId: id.nullable().default(null), split: name.default('heldout') }), job),
    /** The same problems under two evaluations; at a token budget, or with thinking as long as each went (null). */
    paired: method(z.object({ a: id, b: id, budget: z.number().positive().nullable().default(null) }), pairedComparison),
  },
  compare: {
    /** Rows in the order of the runs, before them the shared start where it was evaluated (key `start`, no runs). */
    table: method(compareScope.extend({ budget: z.number().positive(), baseline: compareBaseline }), compareTable),
    /** The same at many budgets at once, in their order: what a slider of budgets moves through. */
    tables: method(compareScope.extend({ budgets: budgetList, baseline: compareBaseline }), z.array(compareTable)),
    curves: method(z.object({ runIds: z.array(id), metric: name, x: z.enum(xAxes).default('step'), groupBy: groupBy.default('group'), band: z.enum(bands).default('bootstrap'), maxPoints: z.int().min(16).max(20_000).default(2000) }), z.array(overlayCurve)),
    /** `start` adds the shared start as the first arm, where it was evaluated. */
    budgetCurves: method(compareScope.extend({ quantity: z.enum(['accuracy', 'regret']), start: z.boolean().default(false) }), z.array(budgetCurve)),
    map: method(compareScope.extend({ budget: z.number().positive() }), methodMap),
    maps: method(compareScope.extend({ budgets: budgetList }), z.array(methodMap)),
    /** Evaluations of two runs, paired; null when one has none. */
    wins: method(z.object({ a: id, b: id, budget: z.number().positive().nullable().default(null), step: count.nullable().default(null) }), pairedComparison.nullable()),
    /** Two arms by their runs (none: the shared start of the other's), paired problem by problem; null when one was not evaluated. */
    pairs: method(z.object({ a: z.array(id), b: z.array(id), step: count.nullable().default(null) }), pairedArms.nullable()),
    /** Tokens for an accuracy; null asks at the highest whole percentage that every arm reaches within the training budget. */
    tokensFor: method(compareScope.extend({ accuracy: z.number().min(0).max(1).nullable().default(null), baseline: compareBaseline }), tokensForAccuracy),
    /** Budgets that every evaluation of these runs measured, and the steps at which any of them was evaluated: the stops of the sliders. */
    budgets: method(z.object({ runIds: z.array(id) }), z.object({ budgets: z.array(z.number()), trainedBudget: count.nullable(), steps: z.array(count) })),
  },
  datasets: {
    list: method(none, z.array(dataset)),
    get: method(ofDataset, dataset),
    facts: method(ofDataset, datasetFacts),
    /** Between the splits of this set, and between them and every other set of the workspace. */
    overlap: method(ofDataset, overlapReport),
    describe: method(ofDataset.extend({ name, note: z.string(), grader: name }), dataset),
    /** Deals all problems into splits anew. Refused with `dataset.inUse` once runs or evaluations refer to the set. */
    split: method(ofDataset.extend({ rule: splitRule }), dataset),
    /** Refused with `dataset.inUse` while anything refers to it. */
    remove: method(ofDataset, nothing),
  },
  problems: {
    list: method(z.object({ datasetId: id, split: name, afterId: count.default(0), limit: z.int().min(1).max(1000).default(100) }), z.array(problem)),
    get: method(z.object({ problemId: id }), problem),
  },
  models: {
    list: method(none, z.array(model)),
    /** The record and, for imported ones, the copy of its files. Refused with `model.inUse` while anything refers to it. */
    remove: method(z.object({ modelId: id }), nothing),
  },
  playground: {
    /** The starter, the models of the workspace and the checkpoints of its runs. */
    sources: method(none, z.array(playgroundSource)),
    /** The problem that a seed draws. Throws `run.task`, `run.fewProblems`. */
    problem: method(z.object({ task: taskSpec, problemSeed: count }), playgroundProblem),
    /**
     * Writes one rollout, as a job; cancelling the call cancels it. While it is written, events of kind `playground` tell its text. It is not recorded.
     * Throws `start.unknown`, `run.task`, `run.vocabulary`, `playground.*`.
     */
    sample: method(playgroundRequest, playgroundRollout),
  },
  imports: {
    /** What can be chosen: graders, sources of rollouts, roles of columns. */
    choices: method(none, importChoices),
    /** What each path is and what its first rows would become. Keeps nothing. */
    inspect: method(importRequest, z.array(importOffer)),
    /** As a job; `result` waits for what came of it. Copies that a browser sent are removed when it ends. */
    start: method(importStart, job),
    /** Rejects with what stopped the job; `import.unknown` for one that ended long ago. */
    result: method(z.object({ jobId: name }), importResult),
    /** Rows kept aside, in order. */
    rejected: method(z.object({ importId: name, offset: count.default(0), limit: z.int().min(1).max(1000).default(200) }), z.object({ rows: z.array(rejectedRow), total: count })),
    /** Rows kept aside, as JSON lines in the workspace's `exports` folder: to mend and import again. */
    exportRejected: method(z.object({ importId: name }), exported),
    /** Removes copies that a browser sent and nobody will import. */
    discard: method(z.object({ paths: z.array(name) }), nothing),
  },
  follows: {
    /** Every folder that is or was followed, oldest first. */
    list: method(none, z.array(follow)),
    /** From now on, also after the program was started anew; one that is known is taken up again. Refused with `file.missing` where there is nothing, `import.relative`. */
    start: method(followStart, follow),
    /** Nobody looks at it until it is resumed; what was read is remembered. */
    stop: method(z.object({ followId: id }), follow),
    resume: method(z.object({ followId: id }), follow),
    /** The run and its rollouts stay; following the folder again would read it into a new run. */
    forget: method(z.object({ followId: id }), nothing),
  },
  checkpoints: {
    list: method(ofRun, z.array(checkpoint)),
    setPinned: method(z.object({ checkpointId: id, pinned: z.boolean() }), nothing),
  },
  events: {
    list: method(z.object({ runId: id.nullable().default(null), kind: z.enum(['log', 'health', 'lifecycle']).nullable().default(null), afterId: count.default(0), limit: z.int().min(1).max(1000).default(200) }).prefault({}), z.array(runEvent)),
  },
  health: {
    rules: method(none, z.array(healthRule)),
    list: method(ofRun, z.array(healthFinding)),
  },
  jobs: {
    list: method(none, z.array(job)),
    cancel: method(z.object({ jobId: name }), nothing),
  },
  workspaces: {
    /** What another workspace holds, read without touching it. */
    inspect: method(z.object({ folder: name }), otherWorkspace),
    /** Takes over its runs (all, or those of these universal ids), as a job. Refused while another job works. */
    merge: method(z.object({ folder: name, uids: z.array(name).nullable().default(null) }), merged),
    /** Takes what can be read of a damaged workspace into a new one at `into`, as a job; the damaged folder is only read. */
    salvage: method(z.object({ folder: name, into: name }), salvaged),
  },
  storage: {
    /** What takes room, by run. */
    report: method(none, storageReport),
    /** Takes out what is asked for, or only says what would go. Refused while a job works; the database keeps its size until it is compacted. */
    prune: method(pruneRequest, pruned),
    /** Gives the room of removed records back to the disk. Refused while a job works. */
    compact: method(none, compacted),
    /** A whole copy of the workspace (database, checkpoints, backups) in an empty folder; the open one stays as it is. */
    copyTo: method(z.object({ folder: name }), z.object({ folder: name, bytes: count })),
  },
  exports: {
    /** Writes a file into the workspace's `exports` folder, as a job of its own; cancelling the call cancels it. */
    write: method(exportRequest, exported),
    sizes: method(ofRun, exportSizes),
  },
} as const

// ------------------------------------------------------------------------------------------------------------ types derived from it

export type Methods = typeof methods
export type Noun = keyof Methods
type Spec = { readonly input: z.ZodType; readonly output: z.ZodType }

/** `runs.list`, `rollouts.query`, ... */
export type MethodName = { [N in Noun]: `${N}.${keyof Methods[N] & string}` }[Noun]
export type InputOf<S extends Spec> = z.output<S['input']>
export type OutputOf<S extends Spec> = Of<S['output']>

export interface CallOptions {
  readonly signal?: AbortSignal
}
type Call<S extends Spec> = undefined extends z.input<S['input']>
  ? (input?: z.input<S['input']>, options?: CallOptions) => Promise<OutputOf<S>>
  : (input: z.input<S['input']>, options?: CallOptions) => Promise<OutputOf<S>>

/** What a page holds: `client.runs.list()`, `client.rollouts.get({ rolloutId })`. Rejects with LabError. */
export type Client = { readonly [N in Noun]: { readonly [V in keyof Methods[N]]: Methods[N][V] extends Spec ? Call<Methods[N][V]> : never } }

type Answer<S extends Spec> = (input: InputOf<S>, options: { readonly signal: AbortSignal }) => OutputOf<S> | Promise<OutputOf<S>>
/** What implements some of the nouns: inputs arrive checked, with defaults filled in. */
export type Answers<N extends Noun> = { readonly [Each in N]: { readonly [V in keyof Methods[Each]]: Methods[Each][V] extends Spec ? Answer<Methods[Each][V]> : never } }
export type AppAnswers = Answers<'app'>['app']
export type LabNoun = Exclude<Noun, 'app'>

/** The schemas of a method, or null where there is none of that name. */
export function methodNamed(given: string): Spec | null {
  const [noun = '', verb = '', ...rest] = given.split('.')
  if (rest.length > 0 || !Object.hasOwn(methods, noun)) return null
  const verbs = methods[noun as Noun] as Readonly<Record<string, Spec>>
  return Object.hasOwn(verbs, verb) ? verbs[verb]! : null
}

export const methodNames = Object.entries(methods).flatMap(([noun, verbs]) => Object.keys(verbs).map((verb) => `${noun}.${verb}`)) as readonly MethodName[]
