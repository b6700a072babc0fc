// Values of binary formats (Parquet, Arrow, SQLite) as JSON: whole numbers beyond 2^53, decimals of more digits than a double holds, times
// and bytes become text; NaN becomes the text "NaN", as in JSON.

import type { Json, NumberTally } from '../json.ts'

/** Digits that a double holds for certain. */
export const EXACT_DIGITS = 15

/** ISO 8601 with as many decimals as the unit has and needs; the bare number where it is no time; null for null. */
export function isoTime(ticks: bigint | null | undefined, perSecond: bigint): string | null {
  if (ticks === undefined || ticks === null) return null
  const fraction = ((ticks % perSecond) + perSecond) % perSecond
  const seconds = (ticks - fraction) / perSecond
  const date = new Date(Number(seconds) * 1000)
  if (Number.isNaN(date.getTime())) return `${ticks}`
  const digits =
    fraction === 0n
      ? ''
      : `.${String(fraction)
          .padStart(String(perSecond).length - 1, '0')
          .replace(/0+$/, '')}`
  return date.toISOString().replace('.000Z', `${digits}Z`)
}

/** The day of a number of days since 1970; null where it is none. */
export function isoDay(days: number): string | null {
  const date = new Date(days * 86_400_000)
  return Number.isNaN(date.getTime()) ? null : date.toISOString().slice(0, 10)
}

/** `unscaled` / 10^`scale` with all its digits: a number where a double holds it, else text. */
export function decimalValue(unscaled: bigint, scale: number): number | string {
  const digits = String(unscaled < 0n ? -unscaled : unscaled).padStart(scale + 1, '0')
  const fraction = scale <= 0 ? '' : digits.slice(-scale).replace(/0+$/, '')
  const text = `${unscaled < 0n ? '-' : ''}${scale <= 0 ? digits + '0'.repeat(-scale) : digits.slice(0, -scale)}${fraction === '' ? '' : `.${fraction}`}`
  return text.replace(/\D/g, '').length <= EXACT_DIGITS ? Number(text) : text
}

/** Names for every column: its own, or `column_3` where it has none, or `answer_2` where it repeats one; `renamed` is told of each that was changed. */
export function uniqueColumns(columns: readonly string[], renamed: (name: string) => void): string[] {
  const taken = new Set<string>()
  return columns.map((column, at) => {
    const wanted = column === '' ? `column_${at + 1}` : column
    let name = wanted
    for (let copy = 2; taken.has(name); copy++) name = `${wanted}_${copy}`
    taken.add(name)
    if (name !== column) renamed(name)
    return name
  })
}

/** A decoded value as JSON. Numbers that would be lost become text and set their flag in `tally`. */
export function toJson(value: unknown, tally: NumberTally): Json {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value
    case 'number':
      if (Number.isFinite(value)) return value
      tally.nonFinite = true
      return String(value)
    case 'bigint':
      if (value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(value)
      tally.exact = true
      return String(value)
    default:
      if (value === null || value === undefined) return null
      if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('utf8')
      if (value instanceof Date) return value.toISOString()
      if (Array.isArray(value) || ArrayBuffer.isView(value)) return Array.from(value as ArrayLike<unknown>, (each) => toJson(each, tally))
      return Object.fromEntries(Object.entries(value as object).map(([key, each]) => [key, toJson(each, tally)]))
  }
}
