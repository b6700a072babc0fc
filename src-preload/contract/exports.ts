// What leaves the laboratory as a file: what can be asked for, and what a written file is.

import { z } from 'zod'
import { rolloutFilter } from './questions.ts'
import { count, id, name } from './values.ts'
import type { Of } from './values.ts'

/** Whose field names rollouts are written in. */
export const rolloutShapes = ['canonical', 'trl', 'verl'] as const
export type RolloutShape = (typeof rolloutShapes)[number]
export const rolloutFormats = ['jsonl', 'parquet'] as const
export type RolloutFormat = (typeof rolloutFormats)[number]

const rolloutsAs = z.object({ as: z.enum(rolloutShapes).default('canonical'), format: z.enum(rolloutFormats).default('jsonl') })

export const exportRequest = z.discriminatedUnion('kind', [
  /** A line per step, metrics by their public names. */
  z.object({ kind: z.literal('metrics'), runId: id }),
  /** The specification with every default filled in. */
  z.object({ kind: z.literal('config'), runId: id }),
  /** Every rollout that the filter finds, in order of step, group and sample. */
  rolloutsAs.extend({ kind: z.literal('rollouts'), filter: rolloutFilter }),
  /** Answers of the newest evaluations of two runs to the same problems, for LLM Comparator. */
  z.object({ kind: z.literal('comparator'), a: id, b: id }),
  /** A comparison as one page that opens without a laboratory. `budget` null: the one trained to; `baseline` null: the first run. */
  z.object({
    kind: z.literal('report'),
    runIds: z.array(id).min(1).max(200),
    budget: z.number().positive().nullable().default(null),
    groupBy: z.enum(['run', 'group']).default('group'),
    baseline: z
      .union([id, z.literal('start')])
      .nullable()
      .default(null),
  }),
  /** The database as one consistent file, made while work goes on. */
  z.object({ kind: z.literal('workspace') }),
])
export type ExportRequest = z.input<typeof exportRequest>
export type ExportAsked = z.output<typeof exportRequest>
export type ExportKind = ExportAsked['kind']

export const exported = z.object({
  fileName: name,
  path: z.string(),
  bytes: count,
  /** Rollouts, steps or pairs in it; null where it holds no rows. */
  rows: count.nullable(),
  /** Where the page finds it, relative to itself. */
  href: z.string(),
})
export type Exported = Of<typeof exported>

/** About how large the files about a run would be, in bytes: rollouts by measuring a few of them. */
export const exportSizes = z.object({
  metrics: count,
  config: count,
  rollouts: z.object({ count, sizes: z.array(rolloutsAs.extend({ bytes: count })) }),
  workspace: count,
})
export type ExportSizes = Of<typeof exportSizes>
