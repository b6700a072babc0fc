// What takes room in a workspace, and giving it back.

import { z } from 'zod'
import { count, id, name } from './values.ts'
import type { Of } from './values.ts'

export const storageReport = z.object({
  folder: z.string(),
  databaseBytes: count,
  /** Of the database; compacting gives them to the disk. */
  freeBytes: count,
  /** Each checkpoint folder once. */
  checkpointBytes: count,
  backupBytes: count,
  exportBytes: count,
  /** Models, kept rows of imports, everything else in the folder. */
  otherBytes: count,
  runs: z.array(
    z.object({
      runId: id,
      name,
      rollouts: count,
      rolloutBytes: count,
      /** Of evaluations. */
      answers: count,
      answerBytes: count,
      checkpoints: count,
      checkpointBytes: count,
      /** Checkpoints that pruning would take: neither pinned nor the newest of the run. */
      prunable: count,
      prunableBytes: count,
    }),
  ),
})
export type StorageReport = Of<typeof storageReport>

export const pruneRequest = z.object({
  /** Rollouts of training of these runs. */
  rolloutsOf: z.array(id).default([]),
  /** Checkpoints of these runs that are neither pinned nor the newest of their run. */
  checkpointsOf: z.array(id).default([]),
  backups: z.boolean().default(false),
  exports: z.boolean().default(false),
  /** Only says what would go. */
  preview: z.boolean().default(true),
})

export const pruned = z.object({
  rollouts: count,
  rolloutBytes: count,
  checkpoints: count,
  checkpointBytes: count,
  backups: count,
  backupBytes: count,
  exports: count,
  exportBytes: count,
})
export type Pruned = Of<typeof pruned>

export const compacted = z.object({ beforeBytes: count, afterBytes: count })
