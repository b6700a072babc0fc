// Another workspace, looked at and taken over: its runs become runs of the open one, under new ids and the same universal ones.

import { z } from 'zod'
import { runStatuses } from './records.ts'
import { count, id, name, timeMs } from './values.ts'
import type { Of } from './values.ts'

const otherRun = z.object({
  /** The same in every workspace that holds the run. */
  uid: name,
  name,
  method: name,
  algorithm: name,
  seed: z.int(),
  groupKey: name,
  status: z.enum(runStatuses),
  steps: count,
  plannedSteps: count,
  rollouts: count,
  evaluations: count,
  checkpoints: count,
  createdAtMs: timeMs,
  /** Its id in the open workspace, where it is there already. */
  here: id.nullable(),
})

export const otherWorkspace = z.object({
  folder: z.string(),
  uid: name,
  schema: count,
  databaseBytes: count,
  /** It is the open one. */
  same: z.boolean(),
  runs: z.array(otherRun),
})
export type OtherWorkspace = Of<typeof otherWorkspace>

export const merged = z.object({
  folder: z.string(),
  uid: name,
  /** In the order in which they were made. */
  runs: z.array(z.object({ uid: name, id, name })),
  /** Here already; left as they are. */
  skipped: z.array(z.object({ uid: name, id, name })),
  added: z.object({
    datasets: count,
    problems: count,
    models: count,
    steps: count,
    rollouts: count,
    evaluations: count,
    checkpoints: count,
    events: count,
  }),
  /** Checkpoints whose files were not there; their rows were left out. */
  missingCheckpoints: count,
})
export type Merged = Of<typeof merged>

/** What was taken out of a damaged workspace. */
export const salvaged = z.object({
  /** Of the new workspace. */
  folder: z.string(),
  /** Tables with rows. `lost`: at most so many could not be read, or did not fit; `orphaned`: read, and left out because what they belong to is gone. */
  tables: z.array(z.object({ table: name, kept: count, lost: count, orphaned: count })),
  /** Left out because their text or some of their episodes are gone; counted among the lost. */
  incompleteRollouts: count,
  /** Checkpoints whose files were not there; their rows were left out. */
  missingCheckpoints: count,
})
export type Salvaged = Of<typeof salvaged>
