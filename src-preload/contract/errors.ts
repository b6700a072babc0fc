// The one error a person sees: what was expected, what was found, what to do next. It survives any process line as
// plain data. A rollout that went wrong is data on the rollout instead, and a bug of ours stays an ordinary error.

import { z } from 'zod'
import type { Of } from './values.ts'

/** What a person sees when the mistake, or the obstacle, is outside the program. Codes are `noun.problem`. */
export const labErrorData = z.object({
  code: z.string().regex(/^[a-z][A-Za-z]*(\.[a-z][A-Za-z]*)+$/),
  expected: z.string(),
  found: z.string(),
  next: z.string(),
})
export type LabErrorData = Of<typeof labErrorData>

/** `new LabError('workspace.newer', {expected, found, next})`; each part is a sentence fragment in the person's words. */
export class LabError extends Error {
  readonly code: string
  readonly expected: string
  readonly found: string
  readonly next: string

  constructor(code: string, parts: Omit<LabErrorData, 'code'>, options?: ErrorOptions) {
    super(`Expected ${parts.expected}; found ${parts.found}. ${parts.next}`, options)
    this.name = 'LabError'
    this.code = code
    this.expected = parts.expected
    this.found = parts.found
    this.next = parts.next
  }

  toJSON(): LabErrorData {
    return { code: this.code, expected: this.expected, found: this.found, next: this.next }
  }

  /** Rebuilds the error on the far side of a process line; throws ZodError when `value` is not one. */
  static from(value: unknown): LabError {
    const { code, ...parts } = labErrorData.parse(value)
    return new LabError(code, parts)
  }
}
