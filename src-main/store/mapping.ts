// Records to rows and back, from one table per record that says how each field is kept. A column is the field's name in
// snake case unless renamed (a few names are SQL's own words). Leaves out joins: those read like SQL where they are used.

import { LabError } from '../../src-preload/contract.ts'
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

const codecs = {
  plain: { write: (value: unknown) => value, read: (column: unknown) => column },
  flag: { write: unlessNull(Number), read: unlessNull((column: number) => column === 1) },
  json: { write: (value: unknown) => JSON.stringify(value), read: (column: string) => JSON.parse(column) as unknown },
  jsonOrNull: {
    write: unlessNull((value: unknown) => JSON.stringify(value)),
    read: unlessNull((column: string) => JSON.parse(column) as unknown),
  },
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

/** A row that something else has written, or a disk has changed: the error names it. */
const badRow = (row: Row, column: string, cause: unknown): LabError =>
  new LabError(
    'workspace.badRow',
    {
      expected: `a readable ${column.replaceAll('_', ' ')} in row ${String(row.id ?? row.rollout_id ?? 'without a number')} of the workspace`,
      found: `${String(row[column]).slice(0, 60)} (${(cause as Error).message})`,
      next: 'Everything else can be used. Check the database with `mrt check`; where it is damaged, save what can be read with `mrt salvage`.',
    },
    { cause },
  )

const snake = (field: string): string => field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

/** Every field of `R` must be listed, so a field added to the contract does not compile until it has a column. */
export function mapping<R>(
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
          throw badRow(row, part.column, error)
        }
      return record as R
    },
  }
}
