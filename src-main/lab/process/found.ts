// What a person names by its id is there, or the answer says that it is not.
import { LabError } from '../../../src-preload/contract.ts'

/** Error `<noun>.unknown`. */
export const missing = (noun: string, id: number | string): LabError =>
  new LabError(`${noun}.unknown`, {
    expected: `the id of a ${noun}`,
    found: String(id),
    next: 'It may have been removed; choose one from the list.',
  })

/** Throws `<noun>.unknown` where there is none. */
export function found<T>(noun: string, id: number, value: T | null): T {
  if (value === null) throw missing(noun, id)
  return value
}
