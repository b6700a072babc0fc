// Records to rows and back, from one table per record that says how each field is kept. A column is the field's name in
// snake case unless renamed (a few names are SQL's own words). Leaves out joins: those read like SQL where they are used.

import { LabError, type LabErrorData } from '../../src-preload/contract.ts'
import { pack, unpackBytes, unpackFloat32, unpackInt32 } from './pack.ts'

export type Row = Record<string, unknown>

interface Codec {
  readonly write: (value: never) => unknown
  readonly read: (column: never) => unknown
}

const unlessNull =
  <From>(convert: (value: From) => unknown) =>
  (value: From | null): unknown =>
    value === null ? null : convert(value)

/** A text in which a number may stand that no computer number is. */
const TOO_LARGE = /\d{309}|[eE]\+?\d{3}/
const isFiniteThroughout = (value: unknown): boolean =>
  typeof value === 'number'
    ? Number.isFinite(value)
    : typeof value !== 'object' || value === null || Object.values(value).every(isFiniteThroughout)

/** JSON of the kind that the column holds: what parses and is something else is as unreadable as what does not. */
const readJson =
  (kind: string, isKind: (value: unknown) => boolean) =>
  (column: string): unknown => {
    const value = JSON.parse(column) as unknown
    if (!isKind(value) || (TOO_LARGE.test(column) && !isFiniteThroughout(value))) throw new TypeError(`not ${kind}`)
    return value
  }
const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null && !Array.isArray(value)
const areFinite = (values: readonly unknown[]): boolean => values.every(Number.isFinite)
const write = (value: unknown): string => JSON.stringify(value)
const aValue = readJson('a value', () => true)
const anObject = readJson('an object', isObject)

const codecs = {
  plain: { write: (value: unknown) => value, read: (column: unknown) => column },
  flag: { write: unlessNull(Number), read: unlessNull((column: number) => column === 1) },
  json: { write, read: aValue },
  object: { write, read: anObject },
  objectOrNull: { write: unlessNull(write), read: unlessNull(anObject) },
  /** Named numbers, all of them finite. */
  numbers: {
    write,
    read: readJson('an object of finite numbers', (value) => isObject(value) && areFinite(Object.values(value as object))),
  },
  numberList: { write, read: readJson('a list of finite numbers', (value) => Array.isArray(value) && areFinite(value)) },
  int32: { write: unlessNull(pack), read: unlessNull(unpackInt32) },
  float32: { write: unlessNull(pack), read: unlessNull(unpackFloat32) },
  bytes: { write: unlessNull(pack), read: unlessNull(unpackBytes) },
} satisfies Record<string, Codec>

export type CodecName = keyof typeof codecs

export interface Mapping<R> {
  /** `a, b, c`, in the order `toRow` gives values. */
  readonly columns: string
  /** `?, ?, ?` */
  readonly marks: string
  /** `t.a, t.b, t.c` */
  of(table: string): string
  toRow(record: R): unknown[]
  fromRow(row: Row): R
}

/** Columns that name a row of its table, as far as what was asked has them. */
const KEYS: Readonly<Record<string, readonly string[]>> = {
  problems: ['problem_id'],
  steps: ['run_id', 'step'],
  rollout_bodies: ['rollout_id'],
  episodes: ['rollout_id', 'episode_index'],
  progress_estimates: ['rollout_id', 'boundary'],
  evaluation_points: ['evaluation_id', 'curve', 'x'],
  evaluation_results: ['evaluation_id', 'problem_id'],
  settings: ['key'],
}

/** `row 3 of evaluations`, `the row of problems with problem id 4`. */
function nameOf(row: Row, table: string): string {
  const keys = (KEYS[table] ?? ['id']).filter((key) => row[key] !== undefined)
  if (keys.length === 0) return `a row of ${table}`
  const words = keys.map((key) => `${key.replaceAll('_', ' ')} ${String(row[key])}`).join(', ')
  return keys.length === 1 ? `row ${String(row[keys[0]!])} of ${table}` : `the row of ${table} with ${words}`
}

/** A row that something else has written, or a disk has changed: the error names it. */
const badRow = (row: Row, table: string, column: string, cause: unknown): LabError =>
  new LabError(
    BAD_ROW,
    {
      expected: `a readable ${column.replaceAll('_', ' ')} in ${nameOf(row, table)}`,
      found: `${String(row[column]).slice(0, 60)} (${(cause as Error).message})`,
      next: 'Everything else can be used. Check the database with `mrt check`; where it is damaged, save what can be read with `mrt salvage`.',
    },
    { cause },
  )

/** Code of what a row is told by that cannot be read. */
const BAD_ROW = 'workspace.badRow'

/** Reads JSON that stands in no mapping; `check` throws at what it is not. Throws LabError `workspace.badRow`. */
export function readColumn<T = unknown>(row: Row, table: string, column: string, check: (value: unknown) => T = (value) => value as T): T {
  try {
    return check(aValue(row[column] as string))
  } catch (error) {
    throw badRow(row, table, column, error)
  }
}

/** How rows become a list: all of them or an error, or without those that cannot be read. */
export interface Listing {
  <R>(rows: readonly Row[], read: (row: Row) => R): R[]
  /** One value, or null where its row cannot be read and the list goes on without. */
  one<R>(read: () => R): R | null
  /** Hears of a row that a list shows as what cannot be read. */
  told(error: LabErrorData): void
}

/** Work that counts on every row is refused when one cannot be read. */
export const allOrNone: Listing = Object.assign(<R>(rows: readonly Row[], read: (row: Row) => R): R[] => rows.map(read), {
  one: <R>(read: () => R): R => read(),
  told: () => {},
})

/** What is shown goes on without the rows that cannot be read; `told` hears of each what it is. */
export function leavingOut(told: (error: LabErrorData) => void): Listing {
  function one<R>(read: () => R): R | null {
    try {
      return read()
    } catch (error) {
      if (!(error instanceof LabError) || error.code !== BAD_ROW) throw error
      told(error.toJSON())
      return null
    }
  }
  const list = <R>(rows: readonly Row[], read: (row: Row) => R): R[] =>
    rows.flatMap((row) => {
      const kept = one(() => [read(row)])
      return kept ?? []
    })
  return Object.assign(list, { one, told })
}

const snake = (field: string): string => field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

/** Every field of `R` must be listed, so a field added to the contract does not compile until it has a column. */
export function mapping<R>(
  table: string,
  fields: { readonly [F in keyof R]-?: CodecName },
  renamed: { readonly [F in keyof R]?: string } = {},
): Mapping<R> {
  const parts = (Object.keys(fields) as (keyof R & string)[]).map((field) => ({
    field,
    column: renamed[field] ?? snake(field),
    ...(codecs[fields[field]] as { write: (value: unknown) => unknown; read: (column: unknown) => unknown }),
  }))
  return {
    columns: parts.map((part) => part.column).join(', '),
    marks: parts.map(() => '?').join(', '),
    of: (table) => parts.map((part) => `${table}.${part.column}`).join(', '),
    toRow: (record) => parts.map((part) => part.write(record[part.field])),
    fromRow(row) {
      const record: Record<string, unknown> = {}
      for (const part of parts)
        try {
          record[part.field] = part.read(row[part.column])
        } catch (error) {
          throw badRow(row, table, part.column, error)
        }
      return record as R
    },
  }
}
