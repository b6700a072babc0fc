// TensorBoard's event files: records one after another, each with its length and two checksums (TFRecord framing), each an Event of protocol
// buffers that may hold a Summary of tagged values. Read here: single numbers, as `simple_value` or as a tensor of one element, which is what
// SummaryWriter.add_scalar writes in either of its forms. Left out: images, histograms, text, graphs, and the rest of protocol buffers.
// Framing: tensorflow/core/lib/io/record_writer.cc; messages: tensorflow/core/util/event.proto, framework/summary.proto, framework/tensor.proto.

/** A number that was logged. */
export interface EventScalar {
  readonly tag: string
  readonly step: number
  readonly value: number
}

export interface EventRecords {
  readonly scalars: readonly EventScalar[]
  /** Records read whole, and their bytes: what comes after is a record that is being written, or nothing. */
  readonly records: number
  readonly bytes: number
  /** Why reading stopped before the end; null where it did not, or where the end is only missing. */
  readonly damage: string | null
}

/** A record is no longer than this, in bytes; TensorBoard's own images stay below. */
const LONGEST = 1 << 28
const HEADER = 12
const FOOTER = 4

const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0x82f63b78 : value >>> 1
  return value >>> 0
})

/** CRC-32C (Castagnoli, reflected polynomial 0x82f63b78) as an unsigned number. */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff
  for (let at = 0; at < bytes.length; at++) crc = table[(crc ^ bytes[at]!) & 0xff]! ^ (crc >>> 8)
  return (crc ^ 0xffffffff) >>> 0
}

/** As records hold it: turned by 15 bits and moved, so that a checksum of checksums is none. */
export function maskedCrc32c(bytes: Uint8Array): number {
  const crc = crc32c(bytes)
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0
}

/** The records at the beginning of `bytes`, which begin a record. */
export function readEventRecords(bytes: Buffer): EventRecords {
  const scalars: EventScalar[] = []
  let at = 0
  let records = 0
  const until = (damage: string | null): EventRecords => ({ scalars, records, bytes: at, damage })
  while (bytes.length - at >= HEADER) {
    if (bytes.readUInt32LE(at + 8) !== maskedCrc32c(bytes.subarray(at, at + 8))) return until('the checksum of a length is wrong')
    const length = Number(bytes.readBigUInt64LE(at))
    if (length > LONGEST) return until(`a record of ${length} bytes`)
    const end = at + HEADER + length + FOOTER
    if (end > bytes.length) break
    const data = bytes.subarray(at + HEADER, at + HEADER + length)
    if (bytes.readUInt32LE(end - FOOTER) !== maskedCrc32c(data)) return until('the checksum of a record is wrong')
    const found = scalarsOf(data)
    if (found === null) return until('a record is no event')
    scalars.push(...found)
    records++
    at = end
  }
  return until(null)
}

// ------------------------------------------------------------------------------------------------------------ protocol buffers

interface Field {
  readonly number: number
  /** 0 a number of variable length, 1 eight bytes, 2 bytes with their length, 5 four bytes. */
  readonly wire: number
  readonly value: bigint
  readonly bytes: Buffer
}

class Malformed extends Error {}

function varint(bytes: Buffer, from: number): { readonly value: bigint; readonly next: number } {
  let value = 0n
  for (let at = from, shift = 0n; at < bytes.length && shift < 70n; at++, shift += 7n) {
    value |= BigInt(bytes[at]! & 0x7f) << shift
    if (bytes[at]! < 0x80) return { value, next: at + 1 }
  }
  throw new Malformed('a number without an end')
}

function* fieldsOf(bytes: Buffer): Generator<Field> {
  for (let at = 0; at < bytes.length;) {
    const key = varint(bytes, at)
    const [number, wire] = [Number(key.value >> 3n), Number(key.value & 7n)]
    at = key.next
    if (wire === 0) {
      const { value, next } = varint(bytes, at)
      yield { number, wire, value, bytes: bytes.subarray(at, next) }
      at = next
      continue
    }
    const prefix = wire === 2 ? varint(bytes, at) : { value: wire === 1 ? 8n : 4n, next: at }
    if (wire !== 1 && wire !== 2 && wire !== 5) throw new Malformed(`wire type ${wire}`)
    const end = prefix.next + Number(prefix.value)
    if (end > bytes.length) throw new Malformed('a field without an end')
    yield { number, wire, value: 0n, bytes: bytes.subarray(prefix.next, end) }
    at = end
  }
}

/** The numbers of an Event; null where it is none. */
function scalarsOf(event: Buffer): EventScalar[] | null {
  try {
    let step = 0
    const values: { tag: string; value: number }[] = []
    for (const field of fieldsOf(event)) {
      if (field.number === 2 && field.wire === 0) step = Number(BigInt.asIntN(64, field.value))
      if (field.number === 5 && field.wire === 2)
        for (const each of fieldsOf(field.bytes)) if (each.number === 1 && each.wire === 2) values.push(...valueOf(each.bytes))
    }
    return values.map((value) => ({ ...value, step }))
  } catch (error) {
    if (error instanceof Malformed) return null
    throw error
  }
}

/** A Summary.Value that is one number. */
function valueOf(bytes: Buffer): { tag: string; value: number }[] {
  let tag = ''
  let value: number | null = null
  for (const field of fieldsOf(bytes)) {
    if (field.number === 1 && field.wire === 2) tag = field.bytes.toString('utf8')
    if (field.number === 2 && field.wire === 5) value = field.bytes.readFloatLE(0)
    if (field.number === 8 && field.wire === 2) value = tensorOf(field.bytes)
  }
  return tag === '' || value === null ? [] : [{ tag, value }]
}

/** Types of elements by their numbers: how many bytes, and how they are read. */
const elements: { readonly [dtype: number]: { readonly size: number; read(bytes: Buffer): number } } = {
  1: { size: 4, read: (bytes) => bytes.readFloatLE(0) },
  2: { size: 8, read: (bytes) => bytes.readDoubleLE(0) },
  3: { size: 4, read: (bytes) => bytes.readInt32LE(0) },
  9: { size: 8, read: (bytes) => Number(bytes.readBigInt64LE(0)) },
}

/** A tensor of one number, whether its content stands as bytes or as a list; null for any other. */
function tensorOf(bytes: Buffer): number | null {
  let dtype = 0
  let content: Buffer | null = null
  const listed: number[] = []
  for (const { number, wire, value, bytes: own } of fieldsOf(bytes)) {
    if (number === 1 && wire === 0) dtype = Number(value)
    if (number === 4 && wire === 2) content = own
    // Lists are packed into one field, or not where there is a single number.
    if (number === 5) for (let at = 0; at + 4 <= own.length; at += 4) listed.push(own.readFloatLE(at))
    if (number === 6) for (let at = 0; at + 8 <= own.length; at += 8) listed.push(own.readDoubleLE(at))
    if (number === 7 || number === 10) {
      for (let at = 0; at < own.length;) {
        const item = varint(own, at)
        listed.push(Number(BigInt.asIntN(64, item.value)))
        at = item.next
      }
    }
  }
  const kind = elements[dtype]
  if (kind === undefined) return null
  if (content !== null && content.length === kind.size) return kind.read(content)
  return content === null && listed.length === 1 ? listed[0]! : null
}
