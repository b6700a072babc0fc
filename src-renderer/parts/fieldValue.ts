/** Reading a number as people type it, and saying in one sentence what is wrong with it. */
import { significant } from '../charts/format.ts'

/** NaN when the text is no number. Underscores and thin spaces may group digits; a true minus sign is a minus. */
export function readNumber(text: string): number {
  const plain = text
    .trim()
    .replaceAll('−', '-')
    .replace(/(?<=\d)[_\u202f\u00a0 ](?=\d)/g, '')
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(plain) ? Number(plain) : NaN
}

/** A value as its field shows it: small numbers the way papers write them, 1e-4. */
export function writeNumber(value: number | string): string {
  if (typeof value === 'string' || value === 0 || Math.abs(value) >= 1e-3) return String(value)
  return value.toExponential().replace('e-0', 'e-')
}

export interface Limits {
  readonly min?: number
  readonly max?: number
  readonly whole?: boolean
}

/** null when `text` is an allowed number, else what was expected and what was found. */
export function checkNumber(text: string, { min, max, whole = false }: Limits): string | null {
  const value = readNumber(text)
  const kind = whole ? 'a whole number' : 'a number'
  const say = (bound: number) => (Number.isInteger(bound) ? String(bound) : significant(bound, 3))
  const range =
    min !== undefined && max !== undefined
      ? `${kind} from ${say(min)} to ${say(max)}`
      : min !== undefined
        ? `${kind}, ${say(min)} or more`
        : max !== undefined
          ? `${kind}, ${say(max)} or less`
          : kind
  const ok = Number.isFinite(value) && (!whole || Number.isInteger(value)) && value >= (min ?? -Infinity) && value <= (max ?? Infinity)
  return ok ? null : `Expected ${range}; found ${text.trim()}.`
}
