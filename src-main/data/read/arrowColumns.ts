// The columns of one Arrow batch as functions of the row. Every buffer is checked against the number of values when a column is opened, and
// every offset when a value is taken, so that a damaged file throws Error and never reads what is not its own.

import { zstdDecompressSync } from 'node:zlib'
import type { ArrowBatch, ArrowField, ArrowType } from './arrowSchema.ts'
import { unpackLz4Frame } from './lz4.ts'
import { decimalValue, isoDay, isoTime } from './values.ts'

/** The value in a row, ready for `toJson`; null where it is null. Throws Error where the row is damaged. */
export type ArrowColumn = (row: number) => unknown

/** Entries of dictionaries, by the number of the dictionary. */
export interface Dictionary {
  readonly length: number
  readonly at: ArrowColumn
}
export type Dictionaries = Map<bigint, Dictionary>

/** Largest buffer unpacked, and longest list taken apart. */
const BUFFER_LIMIT = 1 << 28
const LONGEST_LIST = 1e7

interface Cursor {
  node: number
  buffer: number
  variadic: number
}

/** Opens a batch's columns, one after the other; the error in place of one that cannot be read. Throws Error where the batch does not fit the fields at all. */
export function openColumns(
  fields: readonly ArrowField[],
  batch: ArrowBatch,
  body: Buffer,
  v4: boolean,
  dictionaries: Dictionaries,
): (ArrowColumn | Error)[] {
  const cursor: Cursor = { node: 0, buffer: 0, variadic: 0 }
  const starts = fields.map((field) => {
    const start = { ...cursor }
    skip(field, batch, v4, cursor)
    return start
  })
  if (cursor.node !== batch.nodes.length || cursor.buffer !== batch.buffers.length)
    throw new Error('its columns are not those of the schema')
  return fields.map((field, at) => {
    try {
      const { length, column } = createOpener(batch, body, v4, dictionaries, starts[at]!)(field)
      return length === batch.rows ? column : new Error(`column ${field.name} has ${length} of ${batch.rows} values`)
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error))
    }
  })
}

/** Buffers that a type has of its own, data buffers of views apart. */
function ownBuffers({ kind }: ArrowType, dense: boolean, v4: boolean): number {
  switch (kind) {
    case 'null':
    case 'runEnds':
      return 0
    case 'union':
      return (dense ? 2 : 1) + (v4 ? 1 : 0)
    case 'struct':
    case 'fixedList':
      return 1
    case 'utf8':
    case 'largeUtf8':
    case 'binary':
    case 'largeBinary':
    case 'listView':
    case 'largeListView':
      return 3
    default:
      return 2
  }
}

const isView = ({ kind }: ArrowType): boolean => kind === 'utf8View' || kind === 'binaryView'

function skip({ type, children, dictionary }: ArrowField, batch: ArrowBatch, v4: boolean, cursor: Cursor): void {
  cursor.node++
  if (dictionary !== null) {
    cursor.buffer += 2
    return
  }
  cursor.buffer += ownBuffers(type, type.kind === 'union' && type.dense, v4)
  if (isView(type)) cursor.buffer += batch.variadic[cursor.variadic++] ?? 0
  for (const child of children) skip(child, batch, v4, cursor)
}

interface Opened {
  readonly length: number
  readonly column: ArrowColumn
}

function createOpener(
  batch: ArrowBatch,
  body: Buffer,
  v4: boolean,
  dictionaries: Dictionaries,
  cursor: Cursor,
): (field: ArrowField) => Opened {
  /** The next buffer, unpacked. */
  function take(): Buffer {
    const { offset, length } = batch.buffers[cursor.buffer++]!
    if (offset + length > body.length) throw new Error('a buffer lies outside the batch')
    const raw = body.subarray(offset, offset + length)
    if (batch.codec === 'none' || raw.length === 0) return raw
    if (raw.length < 8) throw new Error('a packed buffer is cut off')
    const unpacked = raw.readBigInt64LE(0)
    const packed = raw.subarray(8)
    if (unpacked === -1n) return packed
    if (unpacked < 0n || unpacked > BigInt(BUFFER_LIMIT)) throw new Error(`a buffer claims ${unpacked} bytes`)
    const bytes = Number(unpacked)
    if (bytes === 0) return Buffer.alloc(0)
    const out = batch.codec === 'lz4' ? unpackLz4Frame(packed, bytes) : zstdDecompressSync(packed, { maxOutputLength: bytes })
    if (out.length !== bytes) throw new Error(`a buffer holds ${out.length} of ${bytes} bytes`)
    return Buffer.from(out.buffer, out.byteOffset, out.byteLength)
  }
  /** The next buffer, which holds at least so many bytes. */
  function takeAtLeast(bytes: number): Buffer {
    const buffer = take()
    if (buffer.length < bytes) throw new Error(`a buffer has ${buffer.length} of ${bytes} bytes`)
    return buffer
  }
  /** Which of the next `length` values are there. */
  function takeValidity(length: number): (row: number) => boolean {
    const bits = take()
    if (bits.length === 0) return () => true
    if (bits.length < Math.ceil(length / 8)) throw new Error('a buffer of nulls is too short')
    return (row) => ((bits[row >> 3]! >> (row & 7)) & 1) === 1
  }
  /** The range [from, to) of each of `length` values in what follows, at most `limit` long in all. */
  function takeRanges(length: number, large: boolean, limit: () => number): (row: number) => readonly [number, number] {
    const width = large ? 8 : 4
    const offsets = length === 0 ? take() : takeAtLeast((length + 1) * width)
    const at = (index: number): number => (large ? Number(offsets.readBigInt64LE(8 * index)) : offsets.readInt32LE(4 * index))
    return (row) => {
      const [from, to] = [at(row), at(row + 1)]
      if (!(from >= 0 && to >= from && to <= limit())) throw new Error('a value lies outside its buffer')
      return [from, to]
    }
  }

  const whenThere =
    (there: (row: number) => boolean, value: ArrowColumn): ArrowColumn =>
    (row) =>
      there(row) ? value(row) : null

  function listOf(child: Opened): (from: number, to: number) => unknown[] {
    return (from, to) => {
      if (to > child.length || to - from > LONGEST_LIST) throw new Error('a list lies outside its values')
      return Array.from({ length: to - from }, (_, index) => child.column(from + index))
    }
  }

  function open(field: ArrowField): Opened {
    const length = batch.nodes[cursor.node++]!
    const { dictionary } = field
    if (dictionary === null) return { length, column: columnOf(field, length) }
    const there = takeValidity(length)
    const index = numbers(dictionary.index, length)
    const known = dictionaries.get(dictionary.id)
    if (known === undefined) throw new Error('its dictionary is not there')
    return {
      length,
      column: whenThere(there, (row) => {
        const entry = Number(index(row))
        if (!(entry >= 0 && entry < known.length)) throw new Error(`entry ${entry} of its dictionary is not there`)
        return known.at(entry)
      }),
    }
  }

  /** Values of one fixed width. */
  function numbers(type: ArrowType, length: number): ArrowColumn {
    const fixed = (bytes: number, read: (buffer: Buffer, at: number) => unknown): ArrowColumn => {
      const values = takeAtLeast(length * bytes)
      return (row) => read(values, row * bytes)
    }
    switch (type.kind) {
      case 'int': {
        const { bits, signed } = type
        if (bits === 64) return fixed(8, (buffer, at) => (signed ? buffer.readBigInt64LE(at) : buffer.readBigUInt64LE(at)))
        return fixed(bits / 8, (buffer, at) => (signed ? buffer.readIntLE(at, bits / 8) : buffer.readUIntLE(at, bits / 8)))
      }
      case 'float':
        return type.bits === 64
          ? fixed(8, (buffer, at) => buffer.readDoubleLE(at))
          : type.bits === 32
            ? fixed(4, (buffer, at) => buffer.readFloatLE(at))
            : fixed(2, (buffer, at) => half(buffer.readUInt16LE(at)))
      case 'decimal': {
        const { bits, scale } = type
        return fixed(bits / 8, (buffer, at) =>
          decimalValue(
            BigInt.asIntN(
              bits,
              BigInt(
                `0x${Buffer.from(buffer.subarray(at, at + bits / 8))
                  .reverse()
                  .toString('hex')}`,
              ),
            ),
            scale,
          ),
        )
      }
      case 'date':
        return type.bits === 32
          ? fixed(4, (buffer, at) => isoDay(buffer.readInt32LE(at)))
          : fixed(8, (buffer, at) => isoTime(buffer.readBigInt64LE(at), 1000n)?.slice(0, 10) ?? null)
      case 'time':
        return type.bits === 32 ? fixed(4, (buffer, at) => buffer.readInt32LE(at)) : fixed(8, (buffer, at) => buffer.readBigInt64LE(at))
      case 'timestamp':
        return fixed(8, (buffer, at) => isoTime(buffer.readBigInt64LE(at), type.perSecond))
      case 'duration':
        return fixed(8, (buffer, at) => buffer.readBigInt64LE(at))
      case 'interval':
        if (type.unit === 0) return fixed(4, (buffer, at) => ({ months: buffer.readInt32LE(at) }))
        if (type.unit === 1) return fixed(8, (buffer, at) => ({ days: buffer.readInt32LE(at), milliseconds: buffer.readInt32LE(at + 4) }))
        return fixed(16, (buffer, at) => ({
          months: buffer.readInt32LE(at),
          days: buffer.readInt32LE(at + 4),
          nanoseconds: buffer.readBigInt64LE(at + 8),
        }))
      case 'bytes':
        return fixed(type.width, (buffer, at) => buffer.subarray(at, at + type.width))
      default:
        throw new Error(`${type.kind} is not of a fixed width`)
    }
  }

  function columnOf({ type, children }: ArrowField, length: number): ArrowColumn {
    switch (type.kind) {
      case 'null':
        return () => null
      case 'bool': {
        const there = takeValidity(length)
        const bits = takeAtLeast(Math.ceil(length / 8))
        return whenThere(there, (row) => ((bits[row >> 3]! >> (row & 7)) & 1) === 1)
      }
      case 'utf8':
      case 'largeUtf8':
      case 'binary':
      case 'largeBinary': {
        const there = takeValidity(length)
        const range = takeRanges(length, type.kind.startsWith('large'), () => values.length)
        const values = take()
        return whenThere(there, (row) => values.toString('utf8', ...range(row)))
      }
      case 'utf8View':
      case 'binaryView': {
        const there = takeValidity(length)
        const views = takeAtLeast(16 * length)
        const data = Array.from({ length: batch.variadic[cursor.variadic++] ?? 0 }, take)
        return whenThere(there, (row) => {
          const bytes = views.readInt32LE(16 * row)
          if (bytes >= 0 && bytes <= 12) return views.toString('utf8', 16 * row + 4, 16 * row + 4 + bytes)
          const [buffer, from] = [data[views.readInt32LE(16 * row + 8)], views.readInt32LE(16 * row + 12)]
          if (buffer === undefined || bytes < 0 || from < 0 || from + bytes > buffer.length)
            throw new Error('a text lies outside its buffer')
          return buffer.toString('utf8', from, from + bytes)
        })
      }
      case 'list':
      case 'largeList':
      case 'map': {
        const there = takeValidity(length)
        const range = takeRanges(length, type.kind === 'largeList', () => child.length)
        const child = open(children[0]!)
        const items = listOf(child)
        return whenThere(there, (row) => (type.kind === 'map' ? mapped(items(...range(row))) : items(...range(row))))
      }
      case 'listView':
      case 'largeListView': {
        const there = takeValidity(length)
        const wide = type.kind === 'largeListView'
        const [offsets, sizes] = [takeAtLeast(length * (wide ? 8 : 4)), takeAtLeast(length * (wide ? 8 : 4))]
        const number = (buffer: Buffer, row: number): number =>
          wide ? Number(buffer.readBigInt64LE(8 * row)) : buffer.readInt32LE(4 * row)
        const items = listOf(open(children[0]!))
        return whenThere(there, (row) => {
          const [from, size] = [number(offsets, row), number(sizes, row)]
          if (!(from >= 0 && size >= 0)) throw new Error('a list lies outside its values')
          return items(from, from + size)
        })
      }
      case 'fixedList': {
        const there = takeValidity(length)
        const items = listOf(open(children[0]!))
        return whenThere(there, (row) => items(row * type.size, (row + 1) * type.size))
      }
      case 'struct': {
        const there = takeValidity(length)
        const parts = children.map((child) => [child.name, open(child)] as const)
        const short = parts.find(([, part]) => part.length < length)
        if (short !== undefined) throw new Error(`${short[0]} has ${short[1].length} of ${length} values`)
        return whenThere(there, (row) => Object.fromEntries(parts.map(([name, part]) => [name, part.column(row)])))
      }
      case 'union': {
        if (v4) take()
        const which = takeAtLeast(length)
        const offsets = type.dense ? takeAtLeast(4 * length) : null
        const parts = children.map(open)
        return (row) => {
          const id = which.readInt8(row)
          const part = parts[type.ids.length === 0 ? id : type.ids.indexOf(id)]
          const at = offsets === null ? row : offsets.readInt32LE(4 * row)
          if (part === undefined || !(at >= 0 && at < part.length)) throw new Error('a value of a union is not there')
          return part.column(at)
        }
      }
      case 'runEnds': {
        const [ends, values] = [open(children[0]!), open(children[1]!)]
        return (row) => {
          let [low, high] = [0, ends.length]
          while (low < high) {
            const middle = (low + high) >> 1
            if (Number(ends.column(middle)) > row) high = middle
            else low = middle + 1
          }
          if (low >= values.length) throw new Error('a run is not there')
          return values.column(low)
        }
      }
      default: {
        const there = takeValidity(length)
        return whenThere(there, numbers(type, length))
      }
    }
  }
  return open
}

/** Entries of a map as an object where their keys are text, else as they are. */
function mapped(entries: readonly unknown[]): unknown {
  const pairs = entries.map((entry) => Object.values(entry as object))
  return pairs.every(([key]) => typeof key === 'string') ? Object.fromEntries(pairs as [string, unknown][]) : entries
}

function half(bits: number): number {
  const [sign, exponent, fraction] = [bits >> 15 === 0 ? 1 : -1, (bits >> 10) & 31, bits & 1023]
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15))
}
