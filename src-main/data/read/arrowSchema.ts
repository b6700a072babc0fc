// What Arrow's messages say (columnar format 1.5, Message.fbs and Schema.fbs): the schema, and where in its body a batch keeps its columns.
// Tables of FlatBuffers are read through a DataView, which throws beyond its end; counts are checked before anything is allocated from
// them. Everything here throws Error for what is damaged or of another kind.

const DEEPEST = 64
const MOST_FIELDS = 100_000

export type ArrowType =
  | {
      readonly kind:
        | 'null'
        | 'bool'
        | 'utf8'
        | 'largeUtf8'
        | 'binary'
        | 'largeBinary'
        | 'utf8View'
        | 'binaryView'
        | 'struct'
        | 'list'
        | 'largeList'
        | 'listView'
        | 'largeListView'
        | 'map'
        | 'runEnds'
    }
  | { readonly kind: 'int'; readonly bits: number; readonly signed: boolean }
  | { readonly kind: 'float'; readonly bits: number }
  | { readonly kind: 'decimal'; readonly bits: number; readonly scale: number }
  | { readonly kind: 'date'; readonly bits: 32 | 64 }
  | { readonly kind: 'time'; readonly bits: number }
  | { readonly kind: 'timestamp'; readonly perSecond: bigint }
  | { readonly kind: 'duration' }
  | { readonly kind: 'interval'; readonly unit: number }
  | { readonly kind: 'bytes'; readonly width: number }
  | { readonly kind: 'fixedList'; readonly size: number }
  | { readonly kind: 'union'; readonly dense: boolean; readonly ids: readonly number[] }

export interface ArrowField {
  readonly name: string
  readonly type: ArrowType
  readonly children: readonly ArrowField[]
  /** Its values are numbers of entries in this dictionary; null where they are themselves. */
  readonly dictionary: { readonly id: bigint; readonly index: ArrowType } | null
}

/** Where the columns of a batch lie in the body, depth first. */
export interface ArrowBatch {
  readonly rows: number
  readonly nodes: readonly number[]
  readonly buffers: readonly { readonly offset: number; readonly length: number }[]
  readonly codec: 'none' | 'lz4' | 'zstd'
  /** Numbers of data buffers of the columns of views, in order. */
  readonly variadic: readonly number[]
}

export type ArrowMessage = { readonly bodyBytes: number; readonly v4: boolean } & (
  | { readonly kind: 'schema'; readonly fields: readonly ArrowField[] }
  | { readonly kind: 'batch'; readonly batch: ArrowBatch }
  | { readonly kind: 'dictionary'; readonly id: bigint; readonly delta: boolean; readonly batch: ArrowBatch }
  | { readonly kind: 'other' }
)

/** A table of a FlatBuffer: fields by their number in the schema, absent ones with their default. */
interface Table {
  byte(field: number, absent?: number): number
  short(field: number, absent?: number): number
  int(field: number, absent?: number): number
  long(field: number, absent?: bigint): bigint
  text(field: number): string
  table(field: number): Table | null
  tables(field: number): Table[]
  /** [start of the first element, number of elements] of a vector of structs or numbers of `bytes` each. */
  vector(field: number, bytes: number): readonly [number, number]
  readonly view: DataView
}

const wholeNumber = (value: bigint, what: string): number => {
  if (value < 0n || value > BigInt(Number.MAX_SAFE_INTEGER)) throw new Error(`${what} is ${value}`)
  return Number(value)
}

function tableAt(view: DataView, at: number): Table {
  const vtable = at - view.getInt32(at, true)
  const size = view.getUint16(vtable, true)
  const place = (field: number): number => {
    const entry = 4 + 2 * field
    const offset = entry + 2 > size ? 0 : view.getUint16(vtable + entry, true)
    return offset === 0 ? 0 : at + offset
  }
  const pointed = (from: number): number => from + view.getUint32(from, true)
  const vector = (field: number, bytes: number): readonly [number, number] => {
    const from = place(field)
    if (from === 0) return [0, 0]
    const start = pointed(from)
    const length = view.getUint32(start, true)
    if (start + 4 + length * bytes > view.byteLength) throw new Error('a list of the metadata lies outside it')
    return [start + 4, length]
  }
  return {
    view,
    byte: (field, absent = 0) => (place(field) === 0 ? absent : view.getUint8(place(field))),
    short: (field, absent = 0) => (place(field) === 0 ? absent : view.getInt16(place(field), true)),
    int: (field, absent = 0) => (place(field) === 0 ? absent : view.getInt32(place(field), true)),
    long: (field, absent = 0n) => (place(field) === 0 ? absent : view.getBigInt64(place(field), true)),
    text(field) {
      const [start, length] = vector(field, 1)
      return Buffer.from(view.buffer, view.byteOffset + start, length).toString('utf8')
    },
    table: (field) => (place(field) === 0 ? null : tableAt(view, pointed(place(field)))),
    tables(field) {
      const [start, length] = vector(field, 4)
      return Array.from({ length }, (_, index) => tableAt(view, pointed(start + 4 * index)))
    },
    vector,
  }
}

const TICKS = [1n, 1000n, 1_000_000n, 1_000_000_000n] as const
const FLOAT_BITS = [16, 32, 64] as const

/** Types by their number in the union `Type` of Schema.fbs. */
const types: readonly ((table: Table) => ArrowType)[] = [
  () => {
    throw new Error('a column without a type')
  },
  () => ({ kind: 'null' }),
  (t) => ({ kind: 'int', bits: t.int(0), signed: t.byte(1) !== 0 }),
  (t) => ({ kind: 'float', bits: FLOAT_BITS[t.short(0)] ?? 0 }),
  () => ({ kind: 'binary' }),
  () => ({ kind: 'utf8' }),
  () => ({ kind: 'bool' }),
  (t) => ({ kind: 'decimal', scale: t.int(1), bits: t.int(2, 128) }),
  (t) => ({ kind: 'date', bits: t.short(0, 1) === 0 ? 32 : 64 }),
  (t) => ({ kind: 'time', bits: t.int(1, 32) }),
  (t) => ({ kind: 'timestamp', perSecond: TICKS[t.short(0)] ?? 1n }),
  (t) => ({ kind: 'interval', unit: t.short(0) }),
  () => ({ kind: 'list' }),
  () => ({ kind: 'struct' }),
  (t) => {
    const [start, length] = t.vector(1, 4)
    return { kind: 'union', dense: t.short(0) === 1, ids: Array.from({ length }, (_, index) => t.view.getInt32(start + 4 * index, true)) }
  },
  (t) => ({ kind: 'bytes', width: t.int(0) }),
  (t) => ({ kind: 'fixedList', size: t.int(0) }),
  () => ({ kind: 'map' }),
  () => ({ kind: 'duration' }),
  () => ({ kind: 'largeBinary' }),
  () => ({ kind: 'largeUtf8' }),
  () => ({ kind: 'largeList' }),
  () => ({ kind: 'runEnds' }),
  () => ({ kind: 'binaryView' }),
  () => ({ kind: 'utf8View' }),
  () => ({ kind: 'listView' }),
  () => ({ kind: 'largeListView' }),
]

const widths: { readonly [kind in ArrowType['kind']]?: readonly number[] } = {
  int: [8, 16, 32, 64],
  float: [16, 32, 64],
  decimal: [32, 64, 128, 256],
  time: [32, 64],
}
const childCounts: { readonly [kind in ArrowType['kind']]?: number } = {
  list: 1,
  largeList: 1,
  listView: 1,
  largeListView: 1,
  fixedList: 1,
  map: 1,
  runEnds: 2,
}

function typeOf(number: number, table: Table | null): ArrowType {
  const make = types[number]
  if (make === undefined || table === null) throw new Error(`a column of the unknown type ${number}`)
  const type = make(table)
  if ('bits' in type && widths[type.kind]?.includes(type.bits) === false) throw new Error(`${type.kind} of ${type.bits} bits`)
  if ((type.kind === 'bytes' && !(type.width >= 0)) || (type.kind === 'fixedList' && !(type.size >= 0)))
    throw new Error(`a ${type.kind} of negative length`)
  return type
}

function fieldsOf(schema: Table): readonly ArrowField[] {
  let left = MOST_FIELDS
  const fieldOf = (table: Table, depth: number): ArrowField => {
    if (depth > DEEPEST || --left < 0) throw new Error('its columns are nested too deeply or too many')
    const children = table.tables(5).map((child) => fieldOf(child, depth + 1))
    const type = typeOf(table.byte(2), table.table(3))
    const wanted = childCounts[type.kind]
    if (wanted !== undefined && children.length !== wanted) throw new Error(`a ${type.kind} with ${children.length} columns in it`)
    const encoding = table.table(4)
    return {
      name: table.text(0),
      type,
      children,
      dictionary: encoding === null ? null : { id: encoding.long(0), index: indexOf(encoding.table(1)) },
    }
  }
  if (schema.short(0) !== 0) throw new Error('its numbers are big-endian')
  const fields = schema.tables(1).map((field) => fieldOf(field, 1))
  if (fields.length === 0) throw new Error('there are no columns')
  return fields
}

/** Numbers of dictionary entries: 32 bits with a sign unless it says otherwise. */
const indexOf = (table: Table | null): ArrowType => (table === null ? { kind: 'int', bits: 32, signed: true } : typeOf(2, table))

function batchOf(table: Table | null): ArrowBatch {
  if (table === null) throw new Error('a batch without a header')
  const { view } = table
  const longs = (field: number, bytes: number, at: number): number[] => {
    const [start, length] = table.vector(field, bytes)
    return Array.from({ length }, (_, index) => wholeNumber(view.getBigInt64(start + bytes * index + at, true), 'a length of the batch'))
  }
  const lengths = longs(2, 16, 8)
  const compression = table.table(3)
  const codec = compression === null ? 'none' : compression.byte(0) === 0 ? 'lz4' : compression.byte(0) === 1 ? 'zstd' : null
  if (codec === null || (compression !== null && compression.byte(1) !== 0)) throw new Error('it is packed in a way that is not known')
  return {
    rows: wholeNumber(table.long(0), 'the number of rows'),
    nodes: longs(1, 16, 0),
    buffers: longs(2, 16, 0).map((offset, index) => ({ offset, length: lengths[index]! })),
    codec,
    variadic: longs(4, 8, 0),
  }
}

/** The number of record batches that the footer of an Arrow file lists. */
export function batchesInFooter(footer: Uint8Array): number {
  const view = new DataView(footer.buffer, footer.byteOffset, footer.byteLength)
  return tableAt(view, view.getUint32(0, true)).vector(3, 24)[1]
}

/** A message by its metadata. */
export function messageOf(metadata: Uint8Array): ArrowMessage {
  const view = new DataView(metadata.buffer, metadata.byteOffset, metadata.byteLength)
  const table = tableAt(view, view.getUint32(0, true))
  const facts = { bodyBytes: wholeNumber(table.long(3), 'the length of a message'), v4: table.short(0) < 4 }
  const header = table.table(2)
  switch (table.byte(1)) {
    case 1:
      return { ...facts, kind: 'schema', fields: fieldsOf(header!) }
    case 2:
      return { ...facts, kind: 'dictionary', id: header!.long(0), delta: header!.byte(2) !== 0, batch: batchOf(header!.table(1)) }
    case 3:
      return { ...facts, kind: 'batch', batch: batchOf(header) }
    default:
      return { ...facts, kind: 'other' }
  }
}
