// Columns of an Arrow batch, laid out by hand as the columnar format says (version 1.5): every type gives its values, from the second row as
// from the first, and a buffer that is too short or points elsewhere is an error and no value.

import { zstdCompressSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { openColumns } from '../../../src-main/data/read/arrowColumns.ts'
import type { ArrowColumn, Dictionaries } from '../../../src-main/data/read/arrowColumns.ts'
import type { ArrowBatch, ArrowField, ArrowType } from '../../../src-main/data/read/arrowSchema.ts'
import { decimalValue, isoDay, isoTime, uniqueColumns } from '../../../src-main/data/read/values.ts'

const field = (type: ArrowType, children: readonly ArrowField[] = [], name = 'x'): ArrowField => ({
  name,
  type,
  children,
  dictionary: null,
})
const bytes = (...values: number[]): Buffer => Buffer.from(values)
const of = (array: ArrayBufferView): Buffer => Buffer.from(array.buffer, array.byteOffset, array.byteLength)
const i32 = (...values: number[]): Buffer => of(Int32Array.from(values))
const i64 = (...values: number[]): Buffer => of(BigInt64Array.from(values.map(BigInt)))
/** No bits of nulls: all values are there. */
const all = bytes()

interface Laid {
  /** Numbers of values, depth first; as many as rows for one column unless given. */
  readonly nodes?: readonly number[]
  readonly codec?: ArrowBatch['codec']
  readonly variadic?: readonly number[]
  readonly v4?: boolean
  readonly dictionaries?: Dictionaries
}
/** Opens one column of so many rows over these buffers, which lie one after the other. */
function opened(one: ArrowField, rows: number, buffers: readonly Buffer[], { nodes, codec, variadic, v4, dictionaries }: Laid = {}) {
  let offset = 0
  const places = buffers.map(({ length }) => ({ offset: (offset += length) - length, length }))
  const batch: ArrowBatch = { rows, nodes: nodes ?? [rows], buffers: places, codec: codec ?? 'none', variadic: variadic ?? [] }
  return openColumns([one], batch, Buffer.concat(buffers), v4 ?? false, dictionaries ?? new Map())[0]!
}
function valuesOf(one: ArrowField, rows: number, buffers: readonly Buffer[], laid?: Laid): unknown[] {
  const column = opened(one, rows, buffers, laid)
  if (column instanceof Error) throw column
  return Array.from({ length: rows }, (_, row) => column(row))
}
const plain = (type: ArrowType, rows: number, data: Buffer): unknown[] => valuesOf(field(type), rows, [all, data])

describe('values of a fixed width', () => {
  it('are whole numbers of every width, with a sign and without', () => {
    const int = (bits: number, signed: boolean): ArrowType => ({ kind: 'int', bits, signed })
    expect(plain(int(8, true), 2, bytes(1, 0xfe))).toEqual([1, -2])
    expect(plain(int(8, false), 2, bytes(1, 0xfe))).toEqual([1, 254])
    expect(plain(int(16, true), 2, bytes(1, 0, 0xfe, 0xff))).toEqual([1, -2])
    expect(plain(int(16, false), 2, bytes(1, 2, 0xfe, 0xff))).toEqual([513, 65534])
    expect(plain(int(32, true), 2, i32(1, -2))).toEqual([1, -2])
    expect(plain(int(32, false), 2, i32(1, -2))).toEqual([1, 2 ** 32 - 2])
    expect(plain(int(64, true), 2, i64(1, -2))).toEqual([1n, -2n])
    expect(plain(int(64, false), 2, i64(1, -2))).toEqual([1n, 2n ** 64n - 2n])
  })

  it('are floating-point numbers of every width, the halves by their bits', () => {
    expect(plain({ kind: 'float', bits: 64 }, 2, of(Float64Array.of(0.1, -2)))).toEqual([0.1, -2])
    expect(plain({ kind: 'float', bits: 32 }, 2, of(Float32Array.of(0.5, -2)))).toEqual([0.5, -2])
    // Sign, five bits of exponent beyond 15, ten of fraction; an exponent of 0 counts in 2 ** -24.
    const halves = [0x3c00, 0xc000, 0x3e00, 0x0001, 0x83ff, 0x7bff, 0x7c00, 0xfc00, 0x7e00, 0x0400]
    expect(plain({ kind: 'float', bits: 16 }, halves.length, of(Uint16Array.from(halves)))).toEqual([
      1,
      -2,
      1.5,
      2 ** -24,
      -1023 * 2 ** -24,
      65504,
      Infinity,
      -Infinity,
      NaN,
      2 ** -14,
    ])
  })

  it('are decimals with their sign and scale', () => {
    const decimal = (bits: number, scale: number): ArrowType => ({ kind: 'decimal', bits, scale })
    expect(plain(decimal(32, 2), 2, i32(150, -25))).toEqual([1.5, -0.25])
    expect(plain(decimal(64, -2), 2, i64(3, -4))).toEqual([300, -400])
    const wide = Buffer.concat([of(BigInt64Array.of(-1n, -1n)), of(BigInt64Array.of(0n, 1n))])
    expect(plain(decimal(128, 0), 2, wide)).toEqual([-1, String(2n ** 64n)])
  })

  it('are days, times of day, moments, spans and stretches of the calendar', () => {
    expect(plain({ kind: 'date', bits: 32 }, 2, i32(0, 1))).toEqual(['1970-01-01', '1970-01-02'])
    expect(plain({ kind: 'date', bits: 64 }, 2, i64(0, 86_400_000))).toEqual(['1970-01-01', '1970-01-02'])
    expect(plain({ kind: 'time', bits: 32 }, 2, i32(5, 61))).toEqual([5, 61])
    expect(plain({ kind: 'time', bits: 64 }, 2, i64(5, 61))).toEqual([5n, 61n])
    expect(plain({ kind: 'timestamp', perSecond: 1000n }, 2, i64(0, 1500))).toEqual(['1970-01-01T00:00:00Z', '1970-01-01T00:00:01.5Z'])
    expect(plain({ kind: 'duration' }, 2, i64(7, -8))).toEqual([7n, -8n])
    expect(plain({ kind: 'interval', unit: 0 }, 2, i32(13, 14))).toEqual([{ months: 13 }, { months: 14 }])
    expect(plain({ kind: 'interval', unit: 1 }, 2, i32(1, 2, 3, 4))).toEqual([
      { days: 1, milliseconds: 2 },
      { days: 3, milliseconds: 4 },
    ])
    const both = Buffer.concat([i32(1, 2), i64(3), i32(4, 5), i64(6)])
    expect(plain({ kind: 'interval', unit: 2 }, 2, both)).toEqual([
      { months: 1, days: 2, nanoseconds: 3n },
      { months: 4, days: 5, nanoseconds: 6n },
    ])
    expect(plain({ kind: 'bytes', width: 2 }, 2, Buffer.from('abcd'))).toEqual([Buffer.from('ab'), Buffer.from('cd')])
  })

  it('are refused where their buffer is too short by a byte', () => {
    const short = (type: ArrowType, data: Buffer): unknown => opened(field(type), 2, [all, data])
    for (const [type, width] of [
      [{ kind: 'int', bits: 16, signed: true }, 2],
      [{ kind: 'float', bits: 64 }, 8],
      [{ kind: 'float', bits: 32 }, 4],
      [{ kind: 'float', bits: 16 }, 2],
      [{ kind: 'decimal', bits: 32, scale: 0 }, 4],
      [{ kind: 'date', bits: 64 }, 8],
      [{ kind: 'time', bits: 32 }, 4],
      [{ kind: 'interval', unit: 0 }, 4],
      [{ kind: 'interval', unit: 1 }, 8],
      [{ kind: 'interval', unit: 2 }, 16],
      [{ kind: 'bytes', width: 3 }, 3],
    ] as const) {
      expect(short(type, Buffer.alloc(2 * width - 1))).toEqual(new Error(`a buffer has ${2 * width - 1} of ${2 * width} bytes`))
      expect(short(type, Buffer.alloc(2 * width))).not.toBeInstanceOf(Error)
    }
  })
})

describe('values that are not there', () => {
  it('are null, by one bit each from the lowest of the first byte on', () => {
    const nine = Array.from({ length: 9 }, (_, at) => at)
    expect(valuesOf(field({ kind: 'int', bits: 8, signed: true }), 9, [bytes(0b01111101, 0b1), bytes(...nine)])).toEqual([
      0,
      null,
      2,
      3,
      4,
      5,
      6,
      null,
      8,
    ])
    expect(opened(field({ kind: 'int', bits: 8, signed: true }), 9, [bytes(0xff), bytes(...nine)])).toEqual(
      new Error('a buffer of nulls is too short'),
    )
    expect(valuesOf(field({ kind: 'null' }), 2, [])).toEqual([null, null])
  })

  it('are told from false', () => {
    const bool = field({ kind: 'bool' })
    expect(valuesOf(bool, 9, [bytes(0xff, 0), bytes(0b10000010, 0b1)])).toEqual([
      false,
      true,
      false,
      false,
      false,
      false,
      false,
      true,
      null,
    ])
    expect(opened(bool, 9, [all, bytes(0xff)])).toEqual(new Error('a buffer has 1 of 2 bytes'))
  })
})

describe('texts', () => {
  it('lie between their offsets, short ones and long ones', () => {
    expect(valuesOf(field({ kind: 'utf8' }), 3, [all, i32(0, 1, 1, 4), Buffer.from('aébc')])).toEqual(['a', '', 'éb'])
    expect(valuesOf(field({ kind: 'largeUtf8' }), 2, [bytes(0b10), i64(0, 1, 3), Buffer.from('abc')])).toEqual([null, 'bc'])
    expect(valuesOf(field({ kind: 'binary' }), 1, [all, i32(1, 3), Buffer.from('abc')])).toEqual(['bc'])
    // A column of no rows may come without its one offset.
    expect(valuesOf(field({ kind: 'utf8' }), 0, [all, all, all])).toEqual([])
    expect(opened(field({ kind: 'utf8' }), 1, [all, i32(0), Buffer.from('a')])).toEqual(new Error('a buffer has 4 of 8 bytes'))
  })

  it('are refused where they lie outside their buffer, one by one', () => {
    const column = opened(field({ kind: 'utf8' }), 4, [all, i32(0, 3, 2, 4, -1), Buffer.from('abc')]) as ArrowColumn
    expect(column(0)).toBe('abc')
    for (const row of [1, 2, 3]) expect(() => column(row)).toThrow('outside its buffer')
  })

  it('of up to twelve bytes stand in their view, longer ones where it points', () => {
    const view = (length: number, rest: Buffer): Buffer => Buffer.concat([i32(length), rest, Buffer.alloc(12 - rest.length)])
    const long = (length: number, buffer: number, from: number): Buffer =>
      view(length, Buffer.concat([bytes(0, 0, 0, 0), i32(buffer, from)]))
    const rows = [
      view(12, Buffer.from('twelve bytes')),
      view(0, bytes()),
      long(13, 1, 2),
      long(14, 1, 2),
      long(13, 2, 0),
      long(13, 1, -1),
      long(-1, 0, 0),
      long(15, 1, 0),
    ]
    const data = [Buffer.from('not this one, surely'), Buffer.from('__thirteen by..')]
    const column = opened(field({ kind: 'utf8View' }), rows.length, [all, Buffer.concat(rows), ...data], { variadic: [2] }) as ArrowColumn
    expect([column(0), column(1), column(2), column(7)]).toEqual(['twelve bytes', '', 'thirteen by..', '__thirteen by..'])
    for (const row of [3, 4, 5, 6]) expect(() => column(row)).toThrow('outside its buffer')
    expect(valuesOf(field({ kind: 'binaryView' }), 1, [all, rows[0]!], { variadic: [0] })).toEqual(['twelve bytes'])
    expect(opened(field({ kind: 'utf8View' }), 2, [all, rows[0]!], { variadic: [0] })).toEqual(new Error('a buffer has 16 of 32 bytes'))
  })
})

const int8 = field({ kind: 'int', bits: 8, signed: true })

describe('lists', () => {
  it('are ranges of the values in them, by offsets of either width', () => {
    const laid = { nodes: [3, 4] }
    const values = [all, bytes(1, 2, 3, 4)]
    expect(valuesOf(field({ kind: 'list' }, [int8]), 3, [bytes(0b101), i32(0, 2, 2, 4), ...values], laid)).toEqual([[1, 2], null, [3, 4]])
    expect(valuesOf(field({ kind: 'largeList' }, [int8]), 3, [all, i64(0, 0, 1, 4), ...values], laid)).toEqual([[], [1], [2, 3, 4]])
    const outside = opened(field({ kind: 'list' }, [int8]), 2, [all, i32(0, 4, 5), ...values], { nodes: [2, 4] }) as ArrowColumn
    expect(outside(0)).toEqual([1, 2, 3, 4])
    expect(() => outside(1)).toThrow('outside')
  })

  it('as views are ranges in any order, each with its length', () => {
    const values = [all, bytes(1, 2, 3, 4)]
    for (const [kind, number] of [
      ['listView', i32],
      ['largeListView', i64],
    ] as const) {
      const column = opened(field({ kind }, [int8]), 5, [bytes(0b11011), number(2, 0, 0, 3, -1), number(2, 1, 9, 2, 1), ...values], {
        nodes: [5, 4],
      }) as ArrowColumn
      expect([column(0), column(1), column(2)]).toEqual([[3, 4], [1], null])
      for (const row of [3, 4]) expect(() => column(row)).toThrow('outside')
      expect(opened(field({ kind }, [int8]), 2, [all, number(0), number(0, 0), ...values], { nodes: [2, 4] })).toBeInstanceOf(Error)
      expect(opened(field({ kind }, [int8]), 2, [all, number(0, 0), number(0), ...values], { nodes: [2, 4] })).toBeInstanceOf(Error)
    }
  })

  it('of a fixed length lie one after the other', () => {
    const pairs = field({ kind: 'fixedList', size: 2 }, [int8])
    const buffers = [all, all, bytes(1, 2, 3, 4)]
    expect(valuesOf(pairs, 2, buffers, { nodes: [2, 4] })).toEqual([
      [1, 2],
      [3, 4],
    ])
    expect(() => valuesOf(pairs, 2, buffers, { nodes: [2, 3] })).toThrow('outside its values')
  })

  it('of pairs are objects where the keys are text, and pairs where they are not', () => {
    const entry = (key: ArrowField): ArrowField =>
      field({ kind: 'struct' }, [key, field({ kind: 'int', bits: 8, signed: true }, [], 'value')], 'entries')
    const map = (key: ArrowField): ArrowField => field({ kind: 'map' }, [entry(key)])
    const laid = { nodes: [1, 2, 2, 2] }
    const text = field({ kind: 'utf8' }, [], 'key')
    expect(valuesOf(map(text), 1, [all, i32(0, 2), all, all, i32(0, 1, 2), Buffer.from('ab'), all, bytes(5, 6)], laid)).toEqual([
      { a: 5, b: 6 },
    ])
    const number = field({ kind: 'int', bits: 8, signed: true }, [], 'key')
    expect(valuesOf(map(number), 1, [all, i32(0, 2), all, all, bytes(1, 2), all, bytes(5, 6)], laid)).toEqual([
      [
        { key: 1, value: 5 },
        { key: 2, value: 6 },
      ],
    ])
  })
})

describe('values of several columns', () => {
  const [a, b] = [field({ kind: 'int', bits: 8, signed: true }, [], 'a'), field({ kind: 'utf8' }, [], 'b')]

  it('are objects, and refused where a column in them is shorter', () => {
    const both = field({ kind: 'struct' }, [a, b])
    const buffers = [bytes(0b01), all, bytes(1, 2), all, i32(0, 1, 2), Buffer.from('xy')]
    expect(valuesOf(both, 2, buffers, { nodes: [2, 2, 2] })).toEqual([{ a: 1, b: 'x' }, null])
    expect(valuesOf(both, 1, buffers, { nodes: [1, 2, 1] })).toEqual([{ a: 1, b: 'x' }])
    expect(opened(both, 2, buffers, { nodes: [2, 2, 1] })).toEqual(new Error('b has 1 of 2 values'))
  })

  it('of which each row has one are that one, where it stands or where it is pointed to', () => {
    const union = (dense: boolean, ids: readonly number[]): ArrowField => field({ kind: 'union', dense, ids }, [a, b])
    const parts = [all, bytes(1, 2), all, i32(0, 1, 2), Buffer.from('xy')]
    expect(valuesOf(union(false, []), 2, [bytes(0, 1), ...parts], { nodes: [2, 2, 2] })).toEqual([1, 'y'])
    expect(valuesOf(union(false, [5, 7]), 2, [bytes(7, 5), ...parts], { nodes: [2, 2, 2] })).toEqual(['x', 2])
    expect(valuesOf(union(true, []), 3, [bytes(1, 0, 1), i32(1, 0, 0), ...parts], { nodes: [3, 2, 2] })).toEqual(['y', 1, 'x'])
    // Before version 5 a union had bits of nulls too.
    expect(valuesOf(union(true, []), 1, [bytes(1), bytes(1), i32(1), ...parts], { nodes: [1, 2, 2], v4: true })).toEqual(['y'])
    expect(valuesOf(union(false, []), 1, [bytes(1), bytes(1), ...parts], { nodes: [1, 2, 2], v4: true })).toEqual(['x'])
    const bad = opened(union(true, []), 4, [bytes(0, 0, 2, 1), i32(2, -1, 0, 0), ...parts], { nodes: [4, 2, 2] }) as ArrowColumn
    for (const row of [0, 1, 2]) expect(() => bad(row)).toThrow('a value of a union is not there')
    expect(bad(3)).toBe('x')
    expect(opened(union(true, []), 2, [bytes(0, 0), i32(0), ...parts], { nodes: [2, 2, 2] })).toBeInstanceOf(Error)
  })

  it('that repeat are found by the end of their run', () => {
    const runs = field({ kind: 'runEnds' }, [field({ kind: 'int', bits: 32, signed: true }), b])
    const buffers = [all, i32(2, 3, 6), all, i32(0, 1, 2, 3), Buffer.from('xyz')]
    expect(valuesOf(runs, 6, buffers, { nodes: [6, 3, 3] })).toEqual(['x', 'x', 'y', 'z', 'z', 'z'])
    const column = opened(runs, 7, buffers, { nodes: [7, 3, 3] }) as ArrowColumn
    expect(() => column(6)).toThrow('a run is not there')
  })

  it('of a dictionary are its entries, by their numbers', () => {
    const one: ArrowField = { ...b, dictionary: { id: 3n, index: { kind: 'int', bits: 8, signed: true } } }
    const dictionaries: Dictionaries = new Map([[3n, { length: 2, at: (entry: number) => ['no', 'yes'][entry] }]])
    const buffers = [bytes(0b11011), bytes(1, 0, 1, 2, -1)]
    const column = opened(one, 5, buffers, { dictionaries }) as ArrowColumn
    expect([column(0), column(1), column(2)]).toEqual(['yes', 'no', null])
    for (const row of [3, 4]) expect(() => column(row)).toThrow('of its dictionary is not there')
    expect(opened(one, 5, buffers)).toEqual(new Error('its dictionary is not there'))
  })
})

describe('a packed buffer', () => {
  const [type, data] = [field({ kind: 'int', bits: 8, signed: true }), bytes(7, 8, 9)]
  const packed = (claimed: number, content: Buffer): unknown =>
    opened(type, 3, [all, Buffer.concat([i64(claimed), content])], { codec: 'zstd' })

  it('is unpacked, or taken as it is where it says so, or is empty', () => {
    const three = (column: unknown): unknown[] => [0, 1, 2].map((row) => (column as ArrowColumn)(row))
    expect(three(packed(3, zstdCompressSync(data)))).toEqual([7, 8, 9])
    expect(three(packed(-1, data))).toEqual([7, 8, 9])
    const empty = [Buffer.concat([i64(0), bytes(1, 2)]), Buffer.concat([i64(-1), data])]
    expect(valuesOf(type, 3, empty, { codec: 'zstd' })).toEqual([7, 8, 9])
    // One block of three bytes that are not packed: magic, version 1, largest block, checksum of the head, length with its highest bit set.
    const frame = Buffer.concat([bytes(0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82), i32(0x80000003 | 0), data, i32(0)])
    expect(valuesOf(type, 3, [all, Buffer.concat([i64(3), frame])], { codec: 'lz4' })).toEqual([7, 8, 9])
  })

  it('is refused where it has another length, claims too much, or is cut off', () => {
    expect(packed(4, zstdCompressSync(data))).toEqual(new Error('a buffer holds 3 of 4 bytes'))
    expect(packed(2 ** 28 + 1, zstdCompressSync(data))).toEqual(new Error('a buffer claims 268435457 bytes'))
    expect(packed(-2, data)).toEqual(new Error('a buffer claims -2 bytes'))
    expect(opened(type, 3, [all, bytes(1, 2, 3, 4, 5, 6, 7)], { codec: 'zstd' })).toEqual(new Error('a packed buffer is cut off'))
  })
})

describe('a batch', () => {
  const batch = (changes: Partial<ArrowBatch>): ArrowBatch => ({
    rows: 2,
    nodes: [2],
    buffers: [
      { offset: 0, length: 0 },
      { offset: 0, length: 2 },
    ],
    codec: 'none',
    variadic: [],
    ...changes,
  })
  const open = (changes: Partial<ArrowBatch>, fields = [int8]) => openColumns(fields, batch(changes), bytes(1, 2), false, new Map())

  it('of other columns than the schema has is refused whole', () => {
    expect(open({})[0]).not.toBeInstanceOf(Error)
    const [nothing, two] = [
      { offset: 0, length: 0 },
      { offset: 0, length: 2 },
    ]
    for (const changes of [{ nodes: [2, 2] }, { nodes: [] }, { buffers: [nothing] }, { buffers: [nothing, two, nothing] }])
      expect(() => open(changes)).toThrow('its columns are not those of the schema')
  })

  it('loses only the column that cannot be read', () => {
    const buffers = [
      { offset: 0, length: 0 },
      { offset: 1, length: 2 },
      { offset: 0, length: 0 },
      { offset: 0, length: 2 },
    ]
    const [first, second] = open({ nodes: [2, 2], buffers }, [int8, int8])
    expect(first).toEqual(new Error('a buffer lies outside the batch'))
    expect([0, 1].map(second as ArrowColumn)).toEqual([1, 2])
    const [short, whole] = open({ nodes: [1, 2], buffers: [buffers[0]!, buffers[3]!, buffers[2]!, buffers[3]!] }, [int8, int8])
    expect(short).toEqual(new Error('column x has 1 of 2 values'))
    expect(whole).not.toBeInstanceOf(Error)
  })
})

describe('what a value is as text', () => {
  it('is a moment with as many decimals as it needs, before 1970 too, and the bare number where it is none', () => {
    expect(isoTime(-1n, 1000n)).toBe('1969-12-31T23:59:59.999Z')
    expect(isoTime(1_000_000_050n, 1_000_000_000n)).toBe('1970-01-01T00:00:01.00000005Z')
    expect([isoTime(7n, 1n), isoTime(null, 1n), isoTime(undefined, 1n)]).toEqual(['1970-01-01T00:00:07Z', null, null])
    expect(isoTime(10n ** 18n, 1n)).toBe('1000000000000000000')
    expect([isoDay(-1), isoDay(1e9)]).toEqual(['1969-12-31', null])
  })

  it('is a decimal with all of its digits, as a number while it has fifteen of them', () => {
    expect([decimalValue(5n, 3), decimalValue(-5n, 3), decimalValue(1230n, 2), decimalValue(1200n, 2)]).toEqual([0.005, -0.005, 12.3, 12])
    expect([decimalValue(123_456_789_012_345n, 5), decimalValue(1_234_567_890_123_456n, 5)]).toEqual([
      1234567890.12345,
      '12345678901.23456',
    ])
    expect([decimalValue(7n, -1), decimalValue(0n, 0)]).toEqual([70, 0])
  })

  it('stands under a name of its own', () => {
    const renamed: string[] = []
    expect(uniqueColumns(['a', '', 'a', 'a', 'a_2', 'b'], (name) => renamed.push(name))).toEqual([
      'a',
      'column_2',
      'a_2',
      'a_3',
      'a_2_2',
      'b',
    ])
    expect(renamed).toEqual(['column_2', 'a_2', 'a_3', 'a_2_2'])
  })
})
