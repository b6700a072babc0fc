// JSON text to values without losing numbers. `JSON.parse` rounds whole numbers beyond 2^53 and refuses the NaN and
// Infinity that Python writes; here both come back as text, digit for digit. The common case costs one `JSON.parse` and
// one walk over the result; only a row that holds such a number is parsed a second time with the source text at hand.
// Left out: objects that name the same key twice keep the last value, as everywhere in JavaScript.

import type { Json } from '../../src-preload/contract.ts'

export type { Json }
export type JsonObject = { readonly [key: string]: Json }

export const MAX_DEPTH = 200

/** What the parser met on its way; counted by the caller, row by row. */
export interface NumberTally {
  exact: boolean
  nonFinite: boolean
}

/** Text that is not JSON, or JSON nested too deeply. */
export class JsonError extends Error {
  readonly code: 'row.notJson' | 'row.tooDeep'
  constructor(code: JsonError['code'], message: string) {
    super(message)
    this.name = 'JsonError'
    this.code = code
  }
}

/**
 * The value of one JSON text. Whole numbers beyond 2^53, numbers beyond a double, NaN and Infinity come back as strings
 * and set their flag in `tally`. Throws JsonError.
 */
export function parseJson(text: string, tally?: NumberTally): Json {
  let value: Json
  try {
    value = JSON.parse(text) as Json
  } catch (error) {
    text = quoteNonFinite(text)
    if (text === '') throw new JsonError('row.notJson', describe(error))
    value = parseOr(text)
    if (tally !== undefined) tally.nonFinite = true
  }
  if (!hasLossyNumber(value, 0)) return value
  if (tally !== undefined) tally.exact = true
  return JSON.parse(text, keepExact as (this: unknown, key: string, value: unknown) => unknown) as Json
}

function parseOr(text: string): Json {
  try {
    return JSON.parse(text) as Json
  } catch (error) {
    throw new JsonError('row.notJson', describe(error))
  }
}

/** The engine's message without the excerpt it quotes: the row's own text is kept beside it anyway. */
function describe(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error)
  return message.replace(/,? \.{0,3}"[^]*" is not valid JSON$/, '').replace(/ in JSON at position (\d+)[^]*$/, ' at character $1')
}

/** True where a number came out rounded or infinite. Throws JsonError beyond MAX_DEPTH. */
function hasLossyNumber(value: Json, depth: number): boolean {
  if (typeof value === 'number') return Number.isInteger(value) ? !Number.isSafeInteger(value) : !Number.isFinite(value)
  if (typeof value !== 'object' || value === null) return false
  if (depth >= MAX_DEPTH) throw new JsonError('row.tooDeep', `nested more than ${MAX_DEPTH} levels`)
  if (Array.isArray(value)) {
    for (let at = 0; at < value.length; at++) if (hasLossyNumber(value[at] as Json, depth + 1)) return true
    return false
  }
  const object = value as JsonObject
  for (const key in object) if (hasLossyNumber(object[key], depth + 1)) return true
  return false
}

function keepExact(_key: string, value: unknown, context: { source?: string }): unknown {
  if (typeof value !== 'number' || Number.isSafeInteger(value) || context.source === undefined) return value
  if (!Number.isFinite(value)) return context.source
  return /^-?\d+$/.test(context.source) ? context.source : value
}

const stringsAndNonFinite = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\bInfinity\b|\bNaN\b/g

/** `{"a": NaN}` as `{"a": "NaN"}`; '' when there is nothing of the kind outside strings. */
function quoteNonFinite(text: string): string {
  if (!text.includes('NaN') && !text.includes('Infinity')) return ''
  try {
    let found = false
    const quoted = text.replace(stringsAndNonFinite, (match) => {
      if (match.startsWith('"')) return match
      found = true
      return `"${match}"`
    })
    return found ? quoted : ''
  } catch {
    return '' // the pattern's own stack ran out on a row of millions of escapes
  }
}

/** Whether a value is a JSON object, and not null or a list. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/**
 * The value at a path: names parted by dots, `[2]` into a list (`[-1]` from its end), `[*]` for all of a list: `resps[0][0]`,
 * `output.choices[*].message.content`. A name that is a column as it stands comes before its parts, longer names before shorter ones; text that
 * is JSON is gone into. Undefined where there is nothing.
 */
export function valueAt(row: Json | undefined, path: string): Json | undefined {
  if (path === '') return row
  if (typeof row === 'string') {
    const inner = jsonInText(row)
    return inner === undefined ? undefined : valueAt(inner, path)
  }
  if (Array.isArray(row)) {
    const [whole, index] =
      /^(?:\[(-?\d+|\*)\]|(\d+)(?=$|[.[]))\.?/
        .exec(path)
        ?.slice(0, 3)
        .flatMap((part, at) => (at === 0 || part !== undefined ? [part] : [])) ?? []
    if (whole === undefined || index === undefined) return undefined
    const rest = path.slice(whole.length)
    if (index !== '*') return valueAt(row.at(Number(index)) as Json | undefined, rest)
    const all = (row as readonly Json[]).map((each) => valueAt(each, rest))
    return all.every((each) => each !== undefined) ? (all as Json[]) : undefined
  }
  if (!isObject(row)) return undefined
  if (Object.hasOwn(row, path)) return row[path]
  for (let at = path.length - 1; at > 0; at--) {
    if ((path[at] !== '.' && path[at] !== '[') || !Object.hasOwn(row, path.slice(0, at))) continue
    const found = valueAt(row[path.slice(0, at)], path[at] === '.' ? path.slice(at + 1) : path.slice(at))
    if (found !== undefined) return found
  }
  return undefined
}

/** The list or object that a text is, as tables without nested values write them. */
function jsonInText(text: string): Json | undefined {
  if (!/^\s*[[{]/.test(text)) return undefined
  try {
    return parseJson(text)
  } catch {
    return undefined
  }
}

/** How far paths lead into values, and how many there are at most. */
const PATH_DEPTH = 6
const MOST_PATHS = 200

/** Paths to the values of rows as `valueAt` reads them: fields of objects, and the first of each list. */
export function pathsOf(sample: readonly JsonObject[]): string[] {
  const paths = new Set<string>()
  const walk = (given: Json | undefined, path: string, depth: number): void => {
    if (depth > PATH_DEPTH || paths.size >= MOST_PATHS) return
    if (path !== '') paths.add(path)
    const value = typeof given === 'string' ? (jsonInText(given) ?? given) : given
    if (Array.isArray(value)) {
      if (value.length > 0 && (typeof value[0] !== 'number' || depth === 1)) walk(value[0] as Json, `${path}[0]`, depth + 1)
    } else if (isObject(value)) for (const name of Object.keys(value)) walk(value[name], path === '' ? name : `${path}.${name}`, depth + 1)
  }
  for (const row of sample) for (const name of Object.keys(row)) paths.add(name)
  for (const row of sample) walk(row, '', 0)
  return [...paths]
}

/** What a value is, in a person's words. */
export function kindOf(value: Json | undefined): string {
  if (value === undefined) return 'nothing'
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'a list'
  return { string: 'text', number: 'a number', boolean: 'true or false', object: 'an object' }[typeof value as 'string']!
}
