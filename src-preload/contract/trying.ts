// How often a model is right on tasks before any training, by level.

import { z } from 'zod'
import { count, name } from './values.ts'
import type { Of } from './values.ts'

export const tried = z.object({
  /** Of the task. */
  name,
  level: name,
  problems: count,
  right: count,
  /** Wilson interval of the share that is right, 95 %. */
  low: z.number(),
  high: z.number(),
  /** Of what is right, how much was written as one of the listed answers. */
  listed: count,
  /** Tokens of a completion, on average. */
  tokens: z.number(),
  /** Thoughts that the budget ended. */
  forced: count,
})
export type Tried = Of<typeof tried>
