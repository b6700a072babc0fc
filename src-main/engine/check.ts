// Checks of arguments. Each answers the value, narrowed, or throws an EngineError that says what was expected.
import { EngineError, type EngineErrorCode } from './errors.ts'

export function fail(code: EngineErrorCode, expected: string, found: unknown, next = 'Correct the call.'): never {
  throw new EngineError(code, { expected, found: show(found), next })
}

function show(value: unknown): string {
  if (value === null || typeof value !== 'object') return typeof value === 'string' ? JSON.stringify(value) : String(value)
  if (ArrayBuffer.isView(value))
    return `${value.constructor.name} of ${(value as unknown as ArrayLike<unknown>).length ?? value.byteLength}`
  if (Array.isArray(value)) return value.length > 8 ? `a list of ${value.length}` : `[${value.map(show).join(', ')}]`
  return value.constructor?.name ?? 'an object'
}

/** A whole number in low..high, both included. */
export function wholeNumber(what: string, value: unknown, low: number, high = 2 ** 31 - 1): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= low && value <= high) return value
  const range = high === 2 ** 31 - 1 ? `at least ${low}` : `${low} to ${high}`
  return fail('bad-argument', `${what} to be a whole number, ${range}`, value)
}

/** A finite number in low..high, both included. */
export function finiteNumber(what: string, value: unknown, low = -Infinity, high = Infinity): number {
  if (typeof value === 'number' && Number.isFinite(value) && value >= low && value <= high) return value
  const range = low === -Infinity && high === Infinity ? '' : ` from ${low} to ${high}`
  return fail('bad-argument', `${what} to be a finite number${range}`, value)
}

export function oneOf<Choice extends string>(what: string, value: unknown, choices: readonly Choice[]): Choice {
  const found = choices.find((choice) => choice === value)
  return found ?? fail('bad-argument', `${what} to be one of ${choices.join(', ')}`, value)
}

export function dimensions(what: string, value: unknown): readonly number[] {
  const usable = Array.isArray(value) && value.every((dim) => Number.isSafeInteger(dim) && dim >= 0)
  if (!usable || !Number.isSafeInteger(volume(value as number[]))) {
    return fail('wrong-shape', `${what} to be a list of whole numbers`, value)
  }
  return value as readonly number[]
}

export function float32Array(what: string, value: unknown, length: number): Float32Array {
  if (!(value instanceof Float32Array)) return fail('wrong-dtype', `${what} to be a Float32Array`, value)
  if (value.length !== length) return fail('wrong-shape', `${what} to hold ${length} numbers`, value.length)
  return value
}

export function record(what: string, value: unknown): Record<string, unknown> {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return fail('bad-argument', `${what} to be a record`, value)
  return value as Record<string, unknown>
}

export function optionalSignal(value: unknown): AbortSignal | undefined {
  if (value === undefined || value instanceof AbortSignal) return value
  return fail('bad-argument', 'signal to be an AbortSignal', value)
}

/** Number of elements of a shape. */
export function volume(dims: readonly number[]): number {
  return dims.reduce((product, dim) => product * dim, 1)
}
