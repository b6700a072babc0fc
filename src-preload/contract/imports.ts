// Bringing files into a workspace: what a file is before anything is kept (inspect), what to make of it (start), what became of it
// (result, rejected rows), and what is known of a dataset once it is there (facts, overlap). Rows are never lost silently:
// rows = imported + rejected, and every rejected one stays with its line, its reason and its text.

import { z } from 'zod'
import { labErrorData } from './errors.ts'
import { count, id, json, name, timeMs } from './values.ts'
import type { Of } from './values.ts'

export const importKinds = ['dataset', 'rollouts', 'model', 'workspace', 'unknown'] as const
export type ImportKind = (typeof importKinds)[number]

/** Roles to columns: `problem`, `answer`, `id`, `solution`, `split`, `slices` (joined by +) for datasets; names of fields for rollouts. */
export const importMap = z.record(name, name)
export type ImportMap = Of<typeof importMap>

/** Splits by seed: each problem falls into one by a hash of seed and id, so that adding problems moves none of the others. */
export const splitRule = z.object({
  seed: z.int(),
  shares: z
    .array(z.object({ name, share: z.number().positive().max(1) }))
    .min(1)
    .max(8),
})
export type SplitRule = Of<typeof splitRule>

const guess = { confidence: z.enum(['high', 'medium', 'low']), why: z.string() }
export const rolesFound = z.object({
  problem: name,
  answer: name.nullable(),
  /** The answer is the whole column, what follows `####`, or what stands in the last `\boxed{}`. */
  answerIn: z.enum(['whole', 'hashes', 'boxed']),
  id: name.nullable(),
  solution: name.nullable(),
  split: name.nullable(),
  slices: z.array(name),
  ...guess,
})
export type RolesFound = Of<typeof rolesFound>

export const rejectedRow = z.object({
  file: z.string(),
  /** 1-based line where it starts in a text file, or row of a Parquet file. */
  line: count,
  /** How many rows it stands for: more than one only for a damaged part of a Parquet file. */
  rows: count,
  code: name,
  reason: z.string(),
  text: z.string(),
})
export type RejectedRow = Of<typeof rejectedRow>

/** A row as it would be imported; long texts are cut. */
export const previewProblem = z.object({
  line: count,
  key: name,
  problem: z.string(),
  answer: json,
  split: name.nullable(),
  level: z.number().nullable(),
  slices: z.record(z.string(), z.string()),
})
export type PreviewProblem = Of<typeof previewProblem>
export const previewRollout = z.object({
  step: z.int().nullable(),
  prompt: z.string(),
  completion: z.string(),
  truth: json,
  correct: z.boolean().nullable(),
  reward: z.number().nullable(),
  episodes: count,
})
export type PreviewRollout = Of<typeof previewRollout>

export const identities = ['prompt', 'id'] as const
/** Both readings of which rollouts answer the same problem, where their prompts and their ids disagree. */
export const identityFound = z.object({
  by: z.enum(identities),
  /** Problems there are by each reading. */
  byPrompt: count,
  byId: count,
  /** Ids with more than one prompt, prompts with more than one id, prompts with more than one reference answer. */
  collisions: count,
  running: count,
  answers: count,
  /** The first of each, in words. */
  examples: z.array(z.string()),
})
export type IdentityFound = Of<typeof identityFound>

/** What a file or folder is, and what its first 50 rows would become under the options asked for. */
export const importOffer = z.object({
  path: z.string(),
  name,
  bytes: count,
  /** Files of rows that would be read. */
  files: count,
  kind: z.enum(importKinds),
  format: name,
  /** The set or trainer it was recognised as. */
  source: name.nullable(),
  why: z.string(),
  /** Python that converts a pickle, which is never opened here; null otherwise. */
  recipe: z.string().nullable(),
  /** Tables of a SQLite database, to choose from; empty for every other file. */
  tables: z.array(z.object({ name, rows: count.nullable() })),
  columns: z.array(z.string()),
  rowCount: z.object({ rows: count, exact: z.boolean() }).nullable(),
  /** Why it cannot be imported so: which role is missing, for instance. */
  refusal: labErrorData.nullable(),
  roles: rolesFound.nullable(),
  grader: z.object({ grader: name, ...guess }).nullable(),
  problems: z.array(previewProblem),
  rollouts: z.array(previewRollout),
  rejected: z.array(rejectedRow),
  /** Null for datasets. */
  identity: identityFound.nullable(),
  /** What an import would do with these rows that costs none of them but should be known. */
  notes: z.array(z.string()),
})
export type ImportOffer = Of<typeof importOffer>

export const importRequest = z.object({
  /** Absolute paths, files or folders, taken as one import. */
  paths: z.array(name).min(1).max(1000),
  /** `dataset`, `rollouts`, `model` or the name of a rollout source; guessed from the rows when null. */
  as: name.nullable().default(null),
  map: importMap.default({}),
  /** What makes rollouts samples of one problem: the same prompt and answer, or the id that their rows state. */
  identity: z.enum(identities).default('prompt'),
  /** The table of a SQLite database; its only one when null. */
  table: name.nullable().default(null),
})

export const importStart = importRequest.extend({
  /** Of the dataset, run or model; the name of the first file when null. */
  name: name.nullable().default(null),
  /** How answers are compared; guessed for datasets when null. Rollouts that carry no verdict but a reference answer are graded with it. */
  grader: name.nullable().default(null),
  keepDuplicates: z.boolean().default(false),
  /** For problems whose rows name no split; null leaves them all in `imported`. */
  split: splitRule.nullable().default(null),
})
export type ImportStart = Of<typeof importStart>

export const importedFile = z.object({
  name,
  format: name,
  compression: name,
  bytes: count,
  sha256: z.string(),
  source: name.nullable(),
  rows: count,
  imported: count,
  rejected: count,
  notes: z.array(z.string()),
})
/** What is kept of an import with the dataset it made. */
export const importRecord = z.object({
  importId: name,
  kind: z.enum(importKinds),
  files: z.array(importedFile),
  rows: count,
  imported: count,
  rejectedRows: count,
  rejectedByCode: z.record(z.string(), count),
  /** Problems nearly the same as an earlier one, with the first pairs. */
  similar: z.object({ count, examples: z.array(z.object({ key: name, other: z.string(), similarity: z.number() })) }),
  split: splitRule.nullable(),
  why: z.object({ roles: z.string(), grader: z.string() }),
  notes: z.array(z.string()),
  atMs: timeMs,
})
export type ImportRecord = Of<typeof importRecord>

export const importResult = z.object({
  record: importRecord,
  /** Problems or rollouts made: a row may hold several rollouts. */
  records: count,
  /** The first rejected rows; all of them through `imports.rejected`. */
  rejected: z.array(rejectedRow),
  datasetId: id.nullable(),
  runId: id.nullable(),
  modelId: id.nullable(),
})
export type ImportResult = Of<typeof importResult>

const importNote = z.object({ code: name, message: z.string() })
/** Everything that was found out while files were read, by their whole paths. */
export const importReport = z.object({
  kind: z.enum(importKinds),
  files: z.array(importedFile.omit({ name: true }).extend({ path: z.string(), notes: z.array(importNote) })),
  rows: count,
  imported: count,
  rejectedRows: count,
  /** The first thousand of them. */
  rejected: z.array(rejectedRow),
  /** Problems or rollouts made. */
  records: count,
  /** Of datasets, by file: which column has which role, and why it was taken for it. */
  roles: z.array(z.object({ file: z.string(), roles: json, why: z.string() })),
  /** Null for rollouts. */
  grader: z.object({ grader: name, why: z.string() }).nullable(),
  /** Null for datasets. */
  identity: identityFound.nullable(),
  notes: z.array(importNote),
})
export type ImportReport = Of<typeof importReport>

export const importChoices = z.object({
  graders: z.array(z.object({ name, title: z.string(), about: z.string() })),
  sources: z.array(z.object({ name, about: z.string() })),
  roles: z.array(z.object({ name, about: z.string(), needed: z.boolean() })),
  /** Of rollouts: the fields that a column may be named for. */
  fields: z.array(z.object({ name, about: z.string(), needed: z.boolean() })),
})
export type ImportChoices = Of<typeof importChoices>

// --------------------------------------------------------------------------------------------------------- a dataset as it is kept

/** Counts per bin: bin i covers [edges[i], edges[i + 1]). */
export const lengthHistogram = z.object({ edges: z.array(z.number()), counts: z.array(count), unit: z.string() })
export type LengthHistogram = Of<typeof lengthHistogram>

export const datasetFacts = z.object({
  problemLengths: lengthHistogram,
  answerLengths: lengthHistogram,
  /** Problems per number of the level or difficulty column, ascending, each number by itself (from = to) or, where there are many, in bins [from, to); `unlevelled` have none. */
  levels: z.array(z.object({ from: z.number(), to: z.number(), count })),
  unlevelled: count,
  /** The most frequent values of each slice and how many problems have another. */
  slices: z.array(z.object({ name, values: z.array(z.object({ value: z.string(), count })), others: count })),
  /** Null for sets that the program made. */
  record: importRecord.nullable(),
  uses: z.object({ runs: count, evaluations: count, rollouts: z.boolean() }),
})
export type DatasetFacts = Of<typeof datasetFacts>

/** Problems of one part that also stand in another: what an evaluation must not share with training. */
export const overlapPart = z.object({ datasetId: id, name, split: name, problems: count })
export const overlapFound = z.object({
  a: overlapPart,
  b: overlapPart,
  exact: count,
  near: count,
  examples: z.array(z.object({ key: name, problem: z.string(), other: z.string(), similarity: z.number() })),
})
export type OverlapFound = Of<typeof overlapFound>
export const overlapReport = z.object({
  found: z.array(overlapFound),
  /** Pairs of parts that were compared. */
  compared: count,
  /** False: a part was longer than what is compared, so that repeats in the rest may be missed. */
  whole: z.boolean(),
})
export type OverlapReport = Of<typeof overlapReport>
