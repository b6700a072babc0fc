// The records, grouped by noun: exactly what the store keeps and the screens show. `newX` is what is handed in, `x` what
// comes back. Token arrays are typed arrays so that a million rollouts stay small.

import { z } from 'zod'
import { labErrorData } from './errors.ts'
import { bytes, count, float32s, id, int32s, json, metrics, name, timeMs } from './values.ts'
import type { Of } from './values.ts'

// ---------------------------------------------------------------------------------------------------------- workspace

export const workspaceOwner = z.object({ pid: z.int(), host: z.string(), startedAtMs: timeMs, program: z.string() })
export type WorkspaceOwner = Of<typeof workspaceOwner>

/** How this process holds the workspace. Exactly one process writes; any other reads and is told why. */
export const workspaceAccess = z.discriminatedUnion('mode', [
  z.object({ mode: z.literal('write') }),
  z.object({ mode: z.literal('read'), reason: z.enum(['asked', 'locked', 'folder']), owner: workspaceOwner.nullable() }),
])
export type WorkspaceAccess = Of<typeof workspaceAccess>

/** What opening found after an exit that was not clean; `interruptedRuns` may be resumed. */
export const recovery = z.object({
  previousOwner: workspaceOwner.nullable(),
  interruptedRuns: z.array(z.object({ runId: id, name, lastStep: z.int().nullable() })),
  /** Evaluations of finished runs that were cut short; each may be made anew. */
  interruptedEvaluations: z.array(
    z.object({ evaluationId: id, runId: id, name, step: z.int().nullable(), checkpointId: id, split: z.string() }),
  ),
  quickCheckMs: z.number(),
})
export type Recovery = Of<typeof recovery>

export const workspace = z.object({
  folder: z.string(),
  uid: name,
  schema: count,
  createdAtMs: timeMs,
  access: workspaceAccess,
  recovery: recovery.nullable(),
  migratedFrom: count.nullable(),
  databaseBytes: count,
  /** Rows met so far that cannot be read, each named; they are left out of lists. */
  unreadable: z.array(labErrorData),
  counts: z.object({ datasets: count, models: count, runs: count, rollouts: count, evaluations: count, checkpoints: count }),
})
export type Workspace = Of<typeof workspace>

// ---------------------------------------------------------------------------------------------- datasets and problems

export const datasetKinds = ['procedural', 'imported'] as const

export const newDataset = z.object({
  name,
  kind: z.enum(datasetKinds),
  /** Generator and seed, or file name, format and sha256. */
  source: json,
  /** Which column plays which part (prompt, answer, id, slices); null for procedural sets. */
  roles: json,
  grader: name,
  note: z.string(),
  createdAtMs: timeMs,
})
export type NewDataset = Of<typeof newDataset>
export const dataset = newDataset.extend({ id, problemCount: count, splits: z.record(z.string(), count) })
export type Dataset = Of<typeof dataset>

export const newProblem = z.object({
  /** Content hash or the file's own id: the same key in one dataset is the same problem. */
  key: name,
  split: name,
  prompt: z.string(),
  /** What the grader needs: a string, a list of accepted answers, or {numbers, target}. */
  answer: json,
  level: z.number().nullable(),
  /** Other columns to slice by: subject, source, problem type. */
  slices: z.record(z.string(), json),
  /** What its file said besides, by column; only where a single problem is asked for. */
  extra: z.record(z.string(), json).optional(),
})
export type NewProblem = Of<typeof newProblem>
export const problem = newProblem.extend({ id, datasetId: id })
export type Problem = Of<typeof problem>

// ------------------------------------------------------------------------------------------------------------- models

/** `served`: no weights are here, another program has them and is asked. */
export const modelKinds = ['starter', 'scratch', 'huggingface', 'gguf', 'checkpoint', 'served'] as const

export const newModel = z.object({
  name,
  kind: z.enum(modelKinds),
  family: name,
  /** Architecture numbers exactly as the model code takes them. */
  config: json,
  tokenizer: json,
  parameterCount: count,
  bytes: count,
  /** Absolute path, or relative to the workspace folder. */
  path: z.string(),
  sha256: z.string(),
  /** Where it came from: licence, source, training, conversion. */
  provenance: json,
  createdAtMs: timeMs,
})
export type NewModel = Of<typeof newModel>
export const model = newModel.extend({ id })
export type Model = Of<typeof model>

/** A model with a tokenizer for text, its own or that of the model under its adapters: any task can be asked of it. */
export function isOfText({ kind, tokenizer, config }: Pick<Model, 'kind' | 'tokenizer' | 'config'>): boolean {
  const known = ((tokenizer ?? {}) as { readonly task?: unknown }).task ?? null
  const hasAdapters = ((config ?? {}) as { readonly lora?: unknown }).lora !== undefined
  return known === null && (kind === 'gguf' || kind === 'huggingface' || (kind === 'checkpoint' && hasAdapters))
}

// ----------------------------------------------------------------------------------------------------- runs and steps

export const runStatuses = ['queued', 'running', 'paused', 'finished', 'failed', 'interrupted'] as const
export type RunStatus = (typeof runStatuses)[number]

export const newRun = z.object({
  /** Names repeat; `id` is unique in the workspace and `uid` everywhere. */
  name,
  /** What is rewarded and credited: outcome, length, mrt-exact, mrt-online, imported, ... */
  method: name,
  /** The base estimator under it: grpo, dr-grpo, rloo, dapo, gspo, sft, ... */
  algorithm: name,
  /** Every option after defaults, as run. */
  config: json,
  seed: z.int(),
  /** Runs that differ only by seed share it; bands and means are taken over it. */
  groupKey: name,
  modelId: id.nullable(),
  datasetId: id.nullable(),
  /** Set when branched from a checkpoint of another run. */
  parentRunId: id.nullable(),
  parentStep: z.int().nullable(),
  plannedSteps: count,
  /** Machine, device, versions, git revision. */
  environment: json,
  note: z.string(),
  createdAtMs: timeMs,
})
export type NewRun = Of<typeof newRun>

export const run = newRun.extend({
  id,
  uid: name,
  status: z.enum(runStatuses),
  startedAtMs: timeMs.nullable(),
  finishedAtMs: timeMs.nullable(),
  /** Time spent working: pauses and interruptions left out. */
  activeMs: z.number().nonnegative(),
  lastStep: z.int().nullable(),
  error: labErrorData.nullable(),
})
export type Run = Of<typeof run>

export const step = z.object({
  runId: id,
  step: z.int().nonnegative(),
  metrics,
  wallMs: z.number().nonnegative(),
  /** Tokens sampled or trained on in this step. */
  tokens: count,
  /** Tokens forwarded only to estimate progress: what keeps comparisons at equal cost honest. */
  estimateTokens: count,
  flops: z.number().nonnegative(),
  learningRate: z.number().nonnegative(),
  /** Generator state after the step, enough to go on with the same numbers. */
  seedState: json,
  createdAtMs: timeMs,
})
export type Step = Of<typeof step>

// ----------------------------------------------------------------------------------------------------------- rollouts

export const phases = ['train', 'eval', 'imported'] as const
export type Phase = (typeof phases)[number]
/** `unknown`: a file that was imported did not say. `stop`: an end token. `length`: the limit. `forced`: thinking was ended for it. `cancelled`, `error`: see `error`. */
export const finishReasons = ['stop', 'length', 'forced', 'cancelled', 'error', 'unknown'] as const
export type FinishReason = (typeof finishReasons)[number]

/** Which weights, settings and engine made a sample; stored once and pointed at. */
export const sampleProvenance = z.object({
  source: z.enum(['sampled', 'imported']),
  checkpointId: id.nullable(),
  policyStep: z.int().nullable(),
  sampling: json,
  template: z.string(),
  device: z.string(),
  engine: z.string(),
  /** File, format and sha256 when imported. */
  file: json,
})
export type SampleProvenance = Of<typeof sampleProvenance>

/** Episode `index` covers completion tokens [startToken, endToken) and characters [textStart, textEnd) of the text. */
export const episode = z.object({
  index: count,
  startToken: count,
  endToken: count,
  textStart: count,
  textEnd: count,
  marker: z.string(),
  /** What credit paid for it, after alpha; null where the method pays nothing per episode. */
  bonus: z.number().nullable(),
})
export type Episode = Of<typeof episode>

/** How J was measured, and under which weights. */
export const estimator = z.object({
  method: z.enum(['exact', 'sampled']),
  /** K answers per boundary; 0 when exact. */
  samples: count,
  weights: z.enum(['current', 'frozen', 'ema', 'checkpoint', 'unknown']),
  checkpointId: id.nullable(),
  step: z.int().nullable(),
  /** Best-of-K prover 1-(1-J)^K; 1 is J itself. */
  prover: z.int().positive(),
  template: z.string(),
  /** Divides the logits of the policy whose answers J counts; null where the record does not say. */
  temperature: z.number().positive().nullable(),
  /** The model and the address of its server where another program answered; absent where the engine here did. */
  served: z.string().optional(),
})
export type Estimator = Of<typeof estimator>

/** J at one boundary: 0 is the empty think block, j the end of episode j-1. The interval is null when exact. */
export const progressEstimate = z.object({
  boundary: count,
  tokenOffset: count,
  value: z.number(),
  low: z.number().nullable(),
  high: z.number().nullable(),
  tokensForwarded: count,
})
export type ProgressEstimate = Of<typeof progressEstimate>

export const progressCurve = z.object({ estimator, estimates: z.array(progressEstimate) })
export type ProgressCurve = Of<typeof progressCurve>

/** What a list shows of a rollout: everything but the token arrays and the text. */
const rolloutFacts = z.object({
  problemId: id,
  group: count,
  sample: count,
  budgetTokens: count.nullable(),
  thinkingTokens: count.nullable(),
  finishReason: z.enum(finishReasons),
  /** Graded outcome; null when there was nothing to grade against. */
  correct: z.boolean().nullable(),
  extractedAnswer: z.string().nullable(),
  reward: z.number().nullable(),
  rewardParts: z.record(z.string(), z.number()),
  /** One number for the list; per-token values are in the body. */
  advantage: z.number().nullable(),
  used: z.boolean(),
  discardReason: z.string().nullable(),
  /** Tokens spent after the answer was right and stayed right. */
  overthinkTokens: count.nullable(),
  error: z.string().nullable(),
  /** It was forced to think on wherever it would have stopped: a rollout of an evaluation's kept-thinking curves. */
  keptThinking: z.boolean(),
})

const rolloutBody = z.object({
  text: z.string(),
  promptTokens: int32s,
  tokens: int32s,
  /** Log-probability of each completion token under the sampling weights; empty when not known. */
  logps: float32s,
  /** 1 where the policy sampled the token, 0 where it was forced in; null when all were sampled. */
  sampled: bytes.nullable(),
  advantages: float32s.nullable(),
  episodes: z.array(episode),
  progress: z.array(progressCurve),
  /** What the file it was imported from said beyond this record, and what it did not say; absent for what was sampled here. */
  origin: json.optional(),
})

/** As written: one completion, kept whether or not it was used. The first progress curve is the one lists sort by. */
export const newRollout = rolloutFacts.extend(rolloutBody.shape).extend({
  /** False unless given. */
  keptThinking: z.boolean().optional(),
  provenance: sampleProvenance,
  /** Numbers of tokens that a file states without the tokens themselves; the lengths of the arrays unless given, and then 0 means not known. */
  statedTokens: z.object({ prompt: count, completion: count }).optional(),
})
export type NewRollout = Of<typeof newRollout>

export const rollout = rolloutFacts.extend({
  id,
  runId: id.nullable(),
  evaluationId: id.nullable(),
  phase: z.enum(phases),
  step: z.int().nonnegative(),
  promptTokenCount: count,
  tokenCount: count,
  episodeCount: count,
  /** J after the last episode minus J at the empty think block; null when not estimated. */
  progress: z.number().nullable(),
})
export type Rollout = Of<typeof rollout>

export const rolloutDetail = z.object({ rollout, problem, provenance: sampleProvenance, ...rolloutBody.shape })
export type RolloutDetail = Of<typeof rolloutDetail>

// -------------------------------------------------------------------------------------------------------- checkpoints

export const newCheckpoint = z.object({
  /** Folder name under `checkpoints/`, the hash of what is in it; two runs may share one. */
  contentId: name,
  runId: id.nullable(),
  step: z.int().nonnegative(),
  kind: z.enum(['full', 'adapter']),
  modelId: id.nullable(),
  bytes: count,
  /** Whether optimizer and generator state are there, so that training can go on. */
  resumable: z.boolean(),
  pinned: z.boolean(),
  createdAtMs: timeMs,
})
export type NewCheckpoint = Of<typeof newCheckpoint>
export const checkpoint = newCheckpoint.extend({ id })
export type Checkpoint = Of<typeof checkpoint>

// -------------------------------------------------------------------------------------------------------- evaluations

export const newEvaluation = z.object({
  name,
  runId: id.nullable(),
  checkpointId: id.nullable(),
  modelId: id.nullable(),
  datasetId: id,
  split: name,
  step: z.int().nullable(),
  /** n, temperature, template, estimator of J and everything else that changes the numbers. */
  config: json,
  /** Token budgets scored, ascending; every per-problem result has one number per budget. */
  budgets: z.array(count),
  /** Budgets above it are extrapolation and drawn so; null when the model was not trained to one. */
  trainedBudget: count.nullable(),
  /** Rollouts of a problem that stopped naturally; those that were kept thinking are besides. */
  samplesPerProblem: count,
  createdAtMs: timeMs,
})
export type NewEvaluation = Of<typeof newEvaluation>

export const evaluation = newEvaluation.extend({
  id,
  status: z.enum(runStatuses),
  finishedAtMs: timeMs.nullable(),
  wallMs: z.number().nonnegative(),
  tokens: count,
  problemCount: count,
  metrics,
})
export type Evaluation = Of<typeof evaluation>

/**
 * The curves over budgets, each with one estimator at every budget, never joined with another. Natural: rollouts that stop where they
 * stop, cut at the budget. Kept: rollouts forced to think on, read at the budget as the cut falls (`kept`) or after the last whole
 * attempt within it (`kept-whole`). Regret is an area over whole attempts, so there is one of each kind of rollouts.
 */
export const budgetCurveNames = ['natural', 'kept', 'kept-whole', 'natural-regret', 'kept-regret'] as const
export type BudgetCurveName = (typeof budgetCurveNames)[number]

/** One point of a named curve (one of `budgetCurveNames`, `pass@k`, `maj@k`) with its interval and n, the problems. */
export const evaluationPoint = z.object({
  curve: name,
  x: z.number(),
  value: z.number(),
  low: z.number().nullable(),
  high: z.number().nullable(),
  n: count,
  extrapolated: z.boolean(),
})
export type EvaluationPoint = Of<typeof evaluationPoint>

export const evaluationResult = z.object({
  problemId: id,
  samples: count,
  /** Fraction of the natural samples right, graded as they ended. */
  accuracy: z.number(),
  meanTokens: z.number(),
  /** Chance of being right when natural thinking is cut at each of the evaluation's budgets: the curve `natural`. */
  accuracyAtBudget: float32s,
  /** Normalized regret of natural thinking up to each budget: area lost against an answer that is right from the first token. */
  regretAtBudget: float32s,
  /** The same of thinking that was kept going, as the cut falls and after the last whole attempt; empty where that was not measured. */
  keptAtBudget: float32s,
  keptWholeAtBudget: float32s,
  keptRegretAtBudget: float32s,
})
export type EvaluationResult = Of<typeof evaluationResult>

// ------------------------------------------------------------------------------------------------------------- events

export const eventKinds = ['log', 'health', 'lifecycle'] as const
export const eventLevels = ['info', 'warn', 'error'] as const

export const newRunEvent = z.object({
  runId: id.nullable(),
  step: z.int().nullable(),
  kind: z.enum(eventKinds),
  level: z.enum(eventLevels),
  /** Stable name of the rule or the moment: `completions.clipped`, `run.started`. */
  code: name,
  message: z.string(),
  data: json,
  atMs: timeMs,
})
export type NewRunEvent = Of<typeof newRunEvent>
export const runEvent = newRunEvent.extend({ id })
export type RunEvent = Of<typeof runEvent>
