// What the lab tells while work goes on, without being asked.

import { z } from 'zod'
import { labErrorData } from './errors.ts'
import { evaluation, run, runEvent, step } from './records.ts'
import { tried } from './trying.ts'
import { count, id, name, timeMs } from './values.ts'
import type { Of } from './values.ts'

/** Counted work in progress; `etaMs` is null until it can be guessed. */
export const progressReport = z.object({
  job: name,
  label: z.string(),
  done: z.number().nonnegative(),
  total: z.number().nonnegative().nullable(),
  unit: z.string(),
  etaMs: z.number().nullable(),
  tokensPerSecond: z.number().nullable(),
  memoryBytes: z.number().nullable(),
  atMs: timeMs,
})
export type ProgressReport = Of<typeof progressReport>

/** What the lab tells without being asked. Reports may be dropped when a listener is slow; the others never are. */
export const labEvent = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('progress'), runId: id.nullable(), report: progressReport }),
  z.object({ kind: z.literal('run'), run }),
  z.object({ kind: z.literal('step'), step }),
  z.object({ kind: z.literal('evaluation'), evaluation }),
  z.object({ kind: z.literal('event'), event: runEvent }),
  z.object({
    kind: z.literal('changed'),
    noun: z.enum([
      'workspace',
      'datasets',
      'models',
      'runs',
      'rollouts',
      'checkpoints',
      'evaluations',
      'settings',
      'jobs',
      'follows',
      'studies',
    ]),
    ids: z.array(id),
  }),
  /** The whole text so far of a rollout of the playground; `key` is the asker's. A newer one replaces it. */
  z.object({ kind: z.literal('playground'), key: name, text: z.string(), tokens: count, tokensPerSecond: z.number() }),
  /** A level of a task that a model was tried on; nothing of it is recorded. */
  z.object({ kind: z.literal('tried'), job: name, tried }),
  /** A cell of a study that a command works on. */
  z.object({
    kind: z.literal('cell'),
    state: z.enum(['begins', 'ends', 'fails']),
    title: z.string(),
    /** The how manyth it is of how many, from 0 on. */
    index: count,
    count,
    /** Of all cells; null before the first one is finished. */
    remainingMs: z.number().nullable(),
    finished: z.boolean(),
    wallMs: z.number(),
    /** Why it failed; empty where it did not. */
    error: z.string(),
  }),
  z.object({ kind: z.literal('failed'), job: name, error: labErrorData }),
])
export type LabEvent = Of<typeof labEvent>
