// A source cut into lines at byte level: newlines are found in the raw bytes and text is decoded line by line, which keeps
// the hot path to one search, one decode and one parse per row. Lines end at LF (a CR before it is left to the readers, for
// whom it is white space), or at CR in files that have no LF at all. A line that is not UTF-8 is read as Windows-1252 and
// counted. A line beyond the limit is not collected: its beginning and its byte range are kept.

import { isAscii, isUtf8 } from 'node:buffer'
import type { NoteBook } from '../notes.ts'
import type { Source } from './source.ts'

const LF = 10
const CR = 13
/** Bytes kept of a line that is too long. */
const EXCERPT_BYTES = 8192

export interface Line {
  /** 1-based. */
  readonly line: number
  /** Byte range without the line end. */
  readonly start: number
  readonly end: number
  /** The line, or its beginning when `tooLong`. */
  readonly bytes: Buffer
  readonly tooLong: boolean
  /** False only for a last line without a line end. */
  readonly ended: boolean
}

/** Lines of a source, a chunk's worth at a time. `maxBytes` bounds what is collected for one line. */
export async function* readLines(source: Source, maxBytes: number): AsyncGenerator<Line[]> {
  const newline = source.head.includes(LF) || !source.head.includes(CR) ? LF : CR
  let line = source.line
  let start = source.start
  let held: Buffer[] = []
  let heldBytes = 0
  let skipped = 0

  function take(last: Buffer, ended: boolean): Line {
    const length = heldBytes + skipped + last.length
    const tooLong = length > maxBytes
    let bytes = held.length === 0 ? last : Buffer.concat([...held, last])
    if (tooLong) bytes = Buffer.from(bytes.subarray(0, EXCERPT_BYTES))
    const result: Line = { line, start, end: start + length, bytes, tooLong, ended }
    line += 1
    start += length + 1
    held = []
    heldBytes = 0
    skipped = 0
    return result
  }

  for await (const chunk of source.chunks()) {
    const lines: Line[] = []
    let at = 0
    for (;;) {
      const end = chunk.indexOf(newline, at)
      if (end < 0) break
      lines.push(take(chunk.subarray(at, end), true))
      at = end + 1
    }
    const rest = chunk.subarray(at)
    if (rest.length > 0) {
      if (heldBytes + skipped + rest.length <= maxBytes) {
        held.push(rest)
        heldBytes += rest.length
      } else {
        if (heldBytes > EXCERPT_BYTES || held.length === 0) {
          const beginning = Buffer.concat([...held, rest]).subarray(0, EXCERPT_BYTES)
          skipped += heldBytes + rest.length - beginning.length
          held = [Buffer.from(beginning)]
          heldBytes = beginning.length
        } else {
          skipped += rest.length
        }
      }
    }
    if (lines.length > 0) yield lines
  }
  if (heldBytes + skipped > 0) yield [take(Buffer.alloc(0), false)]
}

const windows1252 = new TextDecoder('windows-1252')

/** A line's text: UTF-8, or Windows-1252 with a note where it is not. */
export function decodeLine(bytes: Buffer, line: number, notes: NoteBook): string {
  if (isAscii(bytes)) return bytes.toString('latin1')
  if (isUtf8(bytes)) return bytes.toString('utf8')
  notes.add('encoding.windows1252', line)
  return windows1252.decode(bytes)
}
