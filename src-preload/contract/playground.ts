// The playground: one prompt, one model, one rollout that is shown while it is written and kept nowhere.

import { z } from 'zod'
import { taskSpec } from './runSpec.ts'
import { bytes, count, float32s, id, int32s, name } from './values.ts'
import type { Of } from './values.ts'

/** Weights that can be prompted. `speaks`: the task whose notation is all that the model knows; null for a model of text, which any task and any text can be asked of. */
export const playgroundSource = z.object({
  start: name,
  title: z.string(),
  speaks: name.nullable(),
  runId: id.nullable(),
  step: z.int().nullable(),
})
export type PlaygroundSource = Of<typeof playgroundSource>

export const playgroundSettings = z.object({
  /** 0 takes the likeliest token each time. */
  temperature: z.number().min(0).max(4).default(1),
  /** Thinking tokens before the answer is forced. Own text is not forced to answer: it may be as long as both together. */
  thinkingTokens: z.int().min(1).max(16_384).default(120),
  answerTokens: z.int().min(1).max(4096).default(24),
  seed: z.int().nonnegative().default(1),
})
export type PlaygroundSettings = Of<typeof playgroundSettings>

/** A problem drawn from the held-out ones of a task, in words; the same for every model. */
export const playgroundProblem = z.object({ key: name, text: z.string() })
export type PlaygroundProblem = Of<typeof playgroundProblem>

export const playgroundRequest = z.object({
  /** Chosen by whoever asks: the events that tell the text while it is written carry it. */
  key: name,
  /** Weights, named as a run's specification names its start. */
  start: name,
  /** A problem of this task, or null where `text` is asked. */
  task: taskSpec.nullable(),
  problemSeed: count.default(0),
  text: z.string().max(200_000).nullable(),
  settings: playgroundSettings.prefault({}),
  measure: z.enum(['exact', 'none']).default('exact'),
})
export type PlaygroundRequest = Of<typeof playgroundRequest>

export const playgroundRollout = z.object({
  start: name,
  /** What was asked, as a person reads it. */
  question: z.string(),
  /** The whole prompt as the model reads it, template and marks included. */
  prompt: z.string(),
  promptTokens: count,
  text: z.string(),
  /** Where each token ends in the text, in characters. */
  textEnds: int32s,
  /** Natural logs at temperature 1, whatever temperature drew the tokens. */
  logps: float32s,
  /** 1 where the model drew the token, 0 where it was forced in. */
  sampled: bytes,
  /** Tokens [startToken, endToken), characters [textStart, textEnd). */
  episodes: z.array(z.object({ startToken: count, endToken: count, textStart: count, textEnd: count, marker: z.string() })),
  /** Characters from here on are the answer and what announced it; the length of the text where thinking never ended. */
  thoughtEnd: count,
  finish: z.enum(['stop', 'length', 'forced']),
  /** The chance of a right answer if thinking were stopped at each boundary, the one before thinking first: summed over `answers` listed token strings of accepted answers, at this temperature. */
  J: z.object({ values: z.array(z.number()), temperature: z.number().positive(), answers: count }).nullable(),
  /** Why J is absent; empty where it is there. */
  noJ: z.string(),
  /** Null for own text, which nothing can grade. */
  grade: z.object({ correct: z.boolean(), extracted: z.string().nullable(), reason: z.string() }).nullable(),
  /** Reading the weights, writing, measuring J. */
  timing: z.object({ openMs: z.number(), writeMs: z.number(), measureMs: z.number() }),
})
export type PlaygroundRollout = Of<typeof playgroundRollout>
