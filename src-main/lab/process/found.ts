// What a person names by its id is there, or the answer says that it is not.
import { LabError, type Model } from '../../../src-preload/contract.ts'

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

/** What a command names as a model. Throws `model.unknown`. */
export function modelHere(id: number, value: Model | null): Model {
  if (value === null)
    throw new LabError('model.unknown', { expected: 'the id of a model here', found: String(id), next: 'See mrt models list.' })
  return value
}
