// Rows to Parquet through hyparquet-writer, a row group at a time, so that memory is one group however many rows there are.
// Every column may be null. Lists and objects are JSON columns.

import { ByteWriter, parquetWriteRows } from 'hyparquet-writer'
import type { BasicType } from 'hyparquet-writer'
import type { Json, JsonObject } from '../json.ts'
import type { Sink } from './atomicFile.ts'

export interface ParquetColumn {
  readonly name: string
  readonly type: Extract<BasicType, 'STRING' | 'INT64' | 'DOUBLE' | 'BOOLEAN' | 'JSON'>
}

const GROUP_ROWS = 1000

/** Writes rows under fixed columns; fields without a column are not written. */
export async function writeParquet(sink: Sink, columns: readonly ParquetColumn[], rows: AsyncIterable<JsonObject>): Promise<void> {
  const bytes = new ByteWriter()
  const drain = async (): Promise<void> => {
    await sink.write(bytes.getBytes())
    bytes.index = 0
  }
  const writer = Object.assign(bytes, { flush: drain, finish: drain })
  await parquetWriteRows({
    writer,
    rows: cells(rows, columns),
    columns: columns.map(({ name, type }) => ({ name, type, nullable: true })),
    rowGroupSize: GROUP_ROWS,
    createdBy: 'MRT Workbench',
  })
}

async function* cells(rows: AsyncIterable<JsonObject>, columns: readonly ParquetColumn[]): AsyncGenerator<Record<string, unknown>> {
  for await (const row of rows) yield Object.fromEntries(columns.map(({ name, type }) => [name, cell(row[name], type)]))
}

function cell(value: Json | undefined, type: ParquetColumn['type']): unknown {
  if (value === undefined || value === null) return null
  if (type === 'JSON') return plain(value)
  return type === 'INT64' ? BigInt(value as number) : value
}

/** The writer copies objects key by key, which loses a key `__proto__`; those without a prototype it leaves as they are. */
function plain(value: Json): Json {
  if (Array.isArray(value)) return value.map(plain)
  return typeof value === 'object' && value !== null ? Object.assign(Object.create(null) as JsonObject, value) : value
}

/** The narrowest column type that holds these values; text where there are none. */
export function typeOf(values: readonly (Json | undefined)[]): ParquetColumn['type'] {
  const present = values.filter((value) => value !== undefined && value !== null)
  if (present.every((value) => typeof value === 'string')) return 'STRING'
  if (present.every((value) => typeof value === 'boolean')) return 'BOOLEAN'
  if (!present.every((value) => typeof value === 'number')) return 'JSON'
  return present.every((value) => Number.isSafeInteger(value)) ? 'INT64' : 'DOUBLE'
}
