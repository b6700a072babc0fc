// Parquet through hyparquet, one row group at a time: memory is one group. Whole numbers beyond 2^53, timestamps and
// bytes become text; NaN becomes the text "NaN", as in JSON. A group that cannot be read is read again column by column:
// what can be read is kept and what is lost is said, by rows and column. Metadata is checked before anything is allocated
// from it. Left out: page checksums, which hyparquet does not look at, so a flipped bit inside a text goes unseen.

import { parquetMetadataAsync, parquetRead, parquetSchema } from 'hyparquet'
import type { AsyncBuffer, Compressors, FileMetaData, ParquetParsers, RowGroup, SchemaTree } from 'hyparquet'
import { compressors as codecs } from 'hyparquet-compressors'
import { refuse } from '../errors.ts'
import { parseJson } from '../json.ts'
import { reject } from '../rejected.ts'
import { openBytes } from './archive.ts'
import type { Bytes } from './archive.ts'
import { checkPages } from './parquetPages.ts'
import { BATCH_ROWS } from './reader.ts'
import type { ReadBatch, ReaderOptions, SourceRow } from './reader.ts'
import { openSource } from './source.ts'
import { decimalValue, EXACT_DIGITS, isoDay, isoTime, toJson } from './values.ts'

const MAGIC = 'PAR1'
/** A gzipped Parquet file has to be unpacked whole before its footer can be found. */
const UNPACKED_LIMIT = 1 << 28
/** Values in one column of one group; more than this can only be a damaged footer. */
const GROUP_VALUES_LIMIT = 1e8

/** A page of nulls has no values: what a codec makes of nothing is nothing, whatever it was packed in. */
const compressors: Compressors = Object.fromEntries(
  Object.entries(codecs).map(([name, unpack]) => [
    name,
    (input: Uint8Array, length: number) => (length === 0 ? new Uint8Array(0) : unpack(input, length)),
  ]),
)

const parsers: ParquetParsers = {
  timestampFromMilliseconds: (ms) => isoTime(ms, 1000n),
  timestampFromMicroseconds: (us) => isoTime(us, 1_000_000n),
  timestampFromNanoseconds: (ns) => isoTime(ns, 1_000_000_000n),
  dateFromDays: (days) => isoDay(days),
  stringFromBytes: (bytes) => bytes && Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8'),
  jsonFromBytes: (bytes) => bytes && parseJson(Buffer.from(bytes).toString('utf8')),
  geometryFromBytes: (bytes) => bytes && Buffer.from(bytes).toString('base64'),
  geographyFromBytes: (bytes) => bytes && Buffer.from(bytes).toString('base64'),
  uuidFromBytes: (bytes) =>
    bytes &&
    Buffer.from(bytes)
      .toString('hex')
      .replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-'),
}

export interface ParquetColumns {
  readonly names: readonly string[]
  readonly rows: number
}

/** Column names and number of rows. Throws LabError parquet.truncated, parquet.damaged, file.gzipTooLarge. */
export async function parquetColumns(path: string, options: ReaderOptions): Promise<ParquetColumns> {
  const file = await openBuffer(path, options)
  try {
    const metadata = await readMetadata(file.buffer, path)
    return { names: columnNames(metadata), rows: Number(metadata.num_rows) }
  } finally {
    await file.close()
  }
}

/** Reads a Parquet file, `onBytes` told after each row group. Throws what `parquetColumns` throws. */
export async function* readParquet(
  path: string,
  options: ReaderOptions & { onBytes?: ((bytes: number) => void) | undefined },
): AsyncGenerator<ReadBatch> {
  const file = await openBuffer(path, options)
  try {
    const metadata = await readMetadata(file.buffer, path)
    const names = columnNames(metadata)
    let from = 0
    for (const [index, group] of metadata.row_groups.entries()) {
      options.signal?.throwIfAborted()
      const count = Number(group.num_rows)
      yield* readGroup(file.buffer, metadata, names, group, { path, index, from, count }, options)
      from += count
      options.onBytes?.(Math.round((file.diskBytes * (index + 1)) / metadata.row_groups.length))
    }
  } finally {
    await file.close()
  }
}

interface GroupPlace {
  readonly path: string
  readonly index: number
  /** First row, 0-based, and number of rows. */
  readonly from: number
  readonly count: number
}

async function* readGroup(
  buffer: AsyncBuffer,
  metadata: FileMetaData,
  names: readonly string[],
  group: RowGroup,
  place: GroupPlace,
  options: ReaderOptions,
): AsyncGenerator<ReadBatch> {
  const { path, index, from, count } = place
  const lost = new Map<string, string>()
  let columns = await readColumns(buffer, metadata, names, group, place)
  if (columns instanceof Error) {
    const found = new Map<string, ArrayLike<unknown>>()
    for (const name of new Set(names)) {
      const one = await readColumns(buffer, metadata, [name], group, place)
      if (one instanceof Error) lost.set(name, one.message)
      else found.set(name, one.get(name)!)
    }
    columns = found
  }
  const reasons = [...lost].map(([name, reason]) => `${name} (${reason})`).join(', ')
  if (columns.size === 0) {
    yield {
      rows: [],
      rejected: [
        reject(
          path,
          { line: from + 1, start: null, end: null },
          'row.damaged',
          `row group ${index + 1}, rows ${from + 1} to ${from + count}, ${reasons}`,
          '',
          count,
        ),
      ],
    }
    return
  }
  if (lost.size > 0) options.notes.add('columns.lost', from + 1, `rows ${from + 1} to ${from + count}: ${reasons}`, lost.size)
  for (let start = 0; start < count; start += BATCH_ROWS) {
    options.signal?.throwIfAborted()
    const rows: SourceRow[] = []
    for (let at = start; at < Math.min(count, start + BATCH_ROWS); at++) {
      const tally = { exact: false, nonFinite: false }
      const entries = [...columns].map(([name, values]) => [name, toJson(values[at], tally)] as const)
      if (tally.exact) options.notes.add('number.exact', from + at + 1)
      if (tally.nonFinite) options.notes.add('number.nonFinite', from + at + 1)
      rows.push({ line: from + at + 1, start: null, end: null, value: Object.fromEntries(entries) })
    }
    yield { rows, rejected: [] }
  }
}

/** The group's columns by name, each with one value per row; the error where one cannot be read. */
async function readColumns(
  buffer: AsyncBuffer,
  metadata: FileMetaData,
  names: readonly string[],
  group: RowGroup,
  place: GroupPlace,
): Promise<Map<string, ArrayLike<unknown>> | Error> {
  const decimals = longDecimals(metadata)
  const scales = new Map([...decimals].map(({ name, scale }) => [name, scale ?? 0]))
  const parts = new Map<string, { values: unknown[]; rows: number }>(names.map((name) => [name, { values: [], rows: 0 }]))
  try {
    checkGroup(group, metadata, buffer.byteLength)
    for (const { meta_data: column } of group.columns) {
      if (!parts.has(column!.path_in_schema[0]!)) continue
      const start = Number(column!.dictionary_page_offset ?? column!.data_page_offset)
      await checkPages(buffer, start, start + Number(column!.total_compressed_size), Number(column!.num_values))
    }
    await parquetRead({
      file: buffer,
      metadata: {
        ...metadata,
        schema: metadata.schema.map((element) =>
          decimals.has(element) ? { ...element, converted_type: undefined, logical_type: undefined } : element,
        ),
        row_groups: [group],
        num_rows: group.num_rows,
      },
      columns: [...parts.keys()],
      compressors,
      parsers,
      geoparquet: false,
      onChunk: ({ columnName, columnData }) => {
        const part = parts.get(columnName)
        if (part === undefined) return
        const scale = scales.get(columnName)
        for (let at = 0; at < columnData.length; at++)
          part.values.push(scale === undefined ? columnData[at] : decimalText(columnData[at], scale))
        part.rows += columnData.length
      },
    })
    for (const [name, { rows }] of parts) if (rows < place.count) return new Error(`column ${name} has ${rows} of ${place.count} values`)
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error))
  }
  return new Map([...parts].map(([name, { values }]) => [name, values]))
}

/** Columns of decimals with more digits than a double holds; those inside lists and structs are left to hyparquet, which rounds them. */
function longDecimals(metadata: FileMetaData): ReadonlySet<FileMetaData['schema'][number]> {
  const top = new Set(
    parquetSchema(metadata)
      .children.filter(({ children }) => children.length === 0)
      .map(({ element }) => element),
  )
  return new Set(
    metadata.schema.filter(
      (element) =>
        top.has(element) &&
        element.converted_type === 'DECIMAL' &&
        (element.precision ?? 0) > EXACT_DIGITS &&
        (element.type === 'INT64' || element.type === 'FIXED_LEN_BYTE_ARRAY'),
    ),
  )
}

/** A decimal with all its digits: a number where a double holds it, else text. Bytes are big-endian and signed. */
function decimalText(value: unknown, scale: number): unknown {
  if (value === null || value === undefined) return null
  const unscaled =
    value instanceof Uint8Array
      ? BigInt.asIntN(8 * value.length, BigInt(`0x${Buffer.from(value).toString('hex') || '0'}`))
      : BigInt(value as bigint)
  return decimalValue(unscaled, scale)
}

/**
 * Throws when a column lies outside the file, claims more values than can be, or is not one of the schema's. The last matters
 * doubly: hyparquet drops what it was reading when it meets such a column, and nobody would hear of its failure.
 */
function checkGroup(group: RowGroup, metadata: FileMetaData, fileBytes: number): void {
  const found = group.columns.map(({ meta_data: column }) => column?.path_in_schema.join('.'))
  const leaves = leafPaths(parquetSchema(metadata))
  if (new Set(leaves).size < leaves.length) throw new Error('two columns have the same name')
  if (found.length !== leaves.length || found.some((path, at) => path !== leaves[at]))
    throw new Error('its columns are not those of the schema')
  for (const { meta_data: column } of group.columns) {
    const start = Number(column!.dictionary_page_offset ?? column!.data_page_offset)
    const end = start + Number(column!.total_compressed_size)
    const name = column!.path_in_schema.join('.')
    if (!(start >= 4 && end >= start && end <= fileBytes)) throw new Error(`column ${name} lies outside the file`)
    if (Number(column!.num_values) > GROUP_VALUES_LIMIT) throw new Error(`column ${name} claims ${column!.num_values} values`)
  }
}

function leafPaths(node: SchemaTree): string[] {
  return node.children.length === 0 ? [node.path.join('.')] : node.children.flatMap(leafPaths)
}

async function readMetadata(buffer: AsyncBuffer, path: string): Promise<FileMetaData> {
  if (buffer.byteLength < 12 || textAt(await buffer.slice(buffer.byteLength - 4, buffer.byteLength)) !== MAGIC) {
    throw refuse('parquet.truncated', `${path} ends without one (${buffer.byteLength} bytes)`)
  }
  try {
    const metadata = await parquetMetadataAsync(buffer, { parsers, geoparquet: false })
    const counts = metadata.row_groups.map((group) => Number(group.num_rows))
    if (counts.some((count) => !(count >= 0 && count <= GROUP_VALUES_LIMIT)))
      throw new Error(`a row group claims ${Math.max(...counts)} rows`)
    const total = counts.reduce((sum, count) => sum + count, 0)
    if (total !== Number(metadata.num_rows)) throw new Error(`the row groups hold ${total} rows, the file says ${metadata.num_rows}`)
    if (columnNames(metadata).length === 0) throw new Error('there are no columns')
    return metadata
  } catch (error) {
    throw refuse('parquet.damaged', `${path}: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
  }
}

function columnNames(metadata: FileMetaData): string[] {
  return parquetSchema(metadata).children.map((child) => child.element.name)
}

function textAt(bytes: ArrayBuffer): string {
  return Buffer.from(bytes).toString('latin1')
}

/** The file as bytes at random access; unpacked in memory when it is compressed. */
async function openBuffer(
  path: string,
  options: ReaderOptions,
): Promise<{ buffer: AsyncBuffer; diskBytes: number; close(): Promise<void> }> {
  const source = await openSource(path, { signal: options.signal, notes: options.notes })
  if (source.compression !== 'none') {
    const pieces: Buffer[] = []
    let bytes = 0
    for await (const chunk of source.chunks()) {
      pieces.push(chunk)
      bytes += chunk.length
      if (bytes > UNPACKED_LIMIT) throw refuse('file.gzipTooLarge', `${path} unpacks to more`)
    }
    const whole = new Uint8Array(Buffer.concat(pieces)).buffer
    return { buffer: { byteLength: bytes, slice: (start, end) => whole.slice(start, end) }, diskBytes: source.size, close: async () => {} }
  }
  await source.close()
  const handle = await openBytes(path)
  return {
    buffer: { byteLength: source.size, slice: (start, end = source.size) => readSlice(handle, start, end) },
    diskBytes: source.size,
    close: () => handle.close(),
  }
}

async function readSlice(handle: Bytes, start: number, end: number): Promise<ArrayBuffer> {
  const bytes = new Uint8Array(Math.max(0, end - start))
  const { bytesRead } = await handle.read(Buffer.from(bytes.buffer), 0, bytes.length, start)
  if (bytesRead < bytes.length) throw new Error(`the file ends at byte ${start + bytesRead}, expected ${end}`)
  return bytes.buffer
}
