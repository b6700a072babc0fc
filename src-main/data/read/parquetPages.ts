// The headers of a column's pages, walked before the column is decoded: hyparquet takes their lengths as they stand, and one that is missing
// (a flipped bit is enough) makes it read the same byte for ever. Only the headers are read, not the pages.

import type { AsyncBuffer } from 'hyparquet'

const FIRST_BYTES = 256
const MOST_BYTES = 1 << 20
const DEEPEST = 16

type Struct = Map<number, number | Struct | null>

/** One struct of Thrift's compact protocol: its numbers and structs by field, everything else as null. Throws RangeError at the end of the view. */
function structAt(view: DataView, from: number, depth = 0): readonly [Struct, number] {
  if (depth > DEEPEST) throw new Error('a page header is nested too deeply')
  let at = from
  const varint = (): number => {
    let value = 0
    for (let scale = 1; ; scale *= 128) {
      const byte = view.getUint8(at++)
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return value
      if (scale > 2 ** 63) throw new Error('a number of a page header does not end')
    }
  }
  const zigzag = (): number => {
    const value = varint()
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2
  }
  const value = (type: number): number | Struct | null => {
    switch (type) {
      case 1:
      case 2:
        return null
      case 3:
        at++
        return null
      case 4:
      case 5:
      case 6:
        return zigzag()
      case 7:
        at += 8
        return null
      case 8: {
        const length = varint()
        at += length
        return null
      }
      case 9:
      case 10: {
        const head = view.getUint8(at++)
        for (let left = head >> 4 === 15 ? varint() : head >> 4; left > 0; left--) {
          if ((head & 15) <= 2) at++
          else value(head & 15)
          if (at > view.byteLength) throw new RangeError('the view ends')
        }
        return null
      }
      case 12: {
        const [inner, end] = structAt(view, at, depth + 1)
        at = end
        return inner
      }
      default:
        throw new Error(`a page header has a field of the unknown type ${type}`)
    }
  }
  const fields: Struct = new Map()
  for (let field = 0; ;) {
    const head = view.getUint8(at++)
    if ((head & 15) === 0) return [fields, at]
    field = head >> 4 === 0 ? zigzag() : field + (head >> 4)
    fields.set(field, value(head & 15))
  }
}

/** The header at a place, read in as many bytes as it takes, and where it ends. */
async function headerAt(buffer: AsyncBuffer, from: number, to: number): Promise<readonly [Struct, number]> {
  for (let bytes = FIRST_BYTES; ; bytes *= 8) {
    const view = new DataView(await buffer.slice(from, Math.min(to, from + bytes)))
    try {
      const [header, end] = structAt(view, 0)
      if (end <= view.byteLength) return [header, from + end]
    } catch (error) {
      if (!(error instanceof RangeError)) throw error
    }
    if (from + bytes >= to || bytes > MOST_BYTES) throw new Error('a page header does not end')
  }
}

/** Throws Error where a page's lengths or counts are missing, or cannot be those of a column of `values` values in the bytes [from, to). */
export async function checkPages(buffer: AsyncBuffer, from: number, to: number, values: number): Promise<void> {
  for (let at = from; at < to;) {
    const [header, body] = await headerAt(buffer, at, to)
    const number = (struct: number | Struct | null | undefined, field: number, most: number, what: string): number => {
      const found = struct instanceof Map ? struct.get(field) : undefined
      if (typeof found !== 'number' || !(found >= 0 && found <= most))
        throw new Error(`${what} of a page is ${typeof found === 'number' ? found : 'missing'}`)
      return found
    }
    const type = number(header, 1, 3, 'the type')
    number(header, 2, 2 ** 31, 'the unpacked length')
    const packed = number(header, 3, to - body, 'the length')
    if (type === 0) number(header.get(5), 1, values, 'the number of values')
    if (type === 2) number(header.get(7), 1, 2 ** 31, 'the number of entries')
    if (type === 3) {
      const page = header.get(8)
      number(page, 2, number(page, 1, values, 'the number of values'), 'the number of nulls')
      number(page, 3, values, 'the number of rows')
      number(page, 5, packed - number(page, 6, packed, 'the length of the repetition levels'), 'the length of the definition levels')
    }
    at = body + packed
  }
}
