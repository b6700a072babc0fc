// What a person is told where something is refused: a code, and the three parts of a sentence, none of which may be missing.
import { expect } from 'vitest'
import type { LabErrorData } from '../../src-preload/contract.ts'

/** A refusal of this code that says what was expected, what was found and what to do next; these words among it where they are given. */
export const refusal = (code: string, says: Partial<Omit<LabErrorData, 'code'>> = {}): Error => {
  const part = (words: string | undefined): unknown => (words === undefined ? expect.stringMatching(/\S/) : expect.stringContaining(words))
  return expect.objectContaining({
    code,
    expected: part(says.expected),
    found: part(says.found),
    next: part(says.next),
  }) as unknown as Error
}
