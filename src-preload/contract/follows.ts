// Following a run that trains elsewhere: folders that other trainers write to, read as they grow. What is known of each: how it stands,
// what came of it, and which of its files are in trouble. Each belongs to one imported run, which stays when the folder is forgotten.

import { z } from 'zod'
import { labErrorData } from './errors.ts'
import { identities, importMap } from './imports.ts'
import { count, id, name, timeMs } from './values.ts'
import type { Of } from './values.ts'

/**
 * `following`: rows or metrics have come and more are looked for; `waiting`: nothing of either is there yet; `missing`: there is nothing at the
 * path now; `failed`: nothing of it can be read, or the workspace cannot take it, and `reason` says why; `stopped`: nobody looks.
 */
export const followStates = ['following', 'waiting', 'missing', 'failed', 'stopped'] as const
export type FollowState = (typeof followStates)[number]

export const followedFile = z.object({
  /** Inside the folder, with forward slashes. */
  path: name,
  kind: z.enum(['rows', 'metrics', 'events']),
  /** As what it is read; null until it was. */
  source: name.nullable(),
  rows: count,
  rejected: count,
  /** Bytes of a last line that is not whole yet. */
  waitingBytes: count,
  reason: labErrorData.nullable(),
})

export const follow = z.object({
  id,
  runId: id,
  runName: name,
  path: name,
  state: z.enum(followStates),
  /** Why it failed, or why the first file in trouble cannot be read though others can. */
  reason: labErrorData.nullable(),
  /** Rows read, the rejected ones among them, and rollouts made of them. */
  rows: count,
  rejected: count,
  rollouts: count,
  lastStep: z.int().nullable(),
  lastRowAtMs: timeMs.nullable(),
  /** When it was last looked at by this process; null until then. */
  checkedAtMs: timeMs.nullable(),
  createdAtMs: timeMs,
  /** Names the rows that were kept aside, for `imports.rejected`. */
  importId: name,
  fileCount: count,
  /** Files in trouble first, then the newest by name; at most 50. */
  files: z.array(followedFile),
})
export type Follow = Of<typeof follow>

/** What came of one look at a folder. */
export const followLook = z.object({
  /** `missing`: there is nothing at the path now, and everything waits for it. */
  state: z.enum(['there', 'missing']),
  /** Rows that came with this look, rollouts made of them, and rows turned away. */
  rows: count,
  rollouts: count,
  rejected: count,
  /** Steps of which a trainer's own metrics came. */
  steps: count,
  /** Files that have something new which is left for the next look: it was being written. */
  putOff: count,
  /** Files that were read in this look. */
  read: z.array(name),
})
export type FollowLook = Of<typeof followLook>

export const followStart = z.object({
  /** Absolute path of a folder, or of a file, on the machine of the lab. */
  path: name,
  as: name.nullable().default(null),
  map: importMap.default({}),
  identity: z.enum(identities).default('prompt'),
  /** Grades rollouts that carry no verdict but a reference answer. */
  grader: name.nullable().default(null),
  /** Of the run; the name of the folder when null. */
  name: name.nullable().default(null),
})
