// JSON Lines: one object per line. The fast reader of the set, because rollout dumps come this way and are large.
// Blank lines are not rows. A bad line never stops the import.

import { JsonError, isObject, kindOf, parseJson } from '../json.ts'
import type { NumberTally } from '../json.ts'
import type { NoteBook } from '../notes.ts'
import { reject } from '../rejected.ts'
import type { Place, Rejected } from '../rejected.ts'
import { decodeLine, readLines } from './lines.ts'
import type { Line } from './lines.ts'
import { inMegabytes } from './reader.ts'
import type { ReadBatch, ReaderOptions, SourceRow } from './reader.ts'
import type { Source } from './source.ts'

/** Reads JSON Lines. */
export async function* readJsonl(source: Source, options: ReaderOptions): AsyncGenerator<ReadBatch> {
  for await (const lines of readLines(source, options.maxRowBytes)) {
    const rows: SourceRow[] = []
    const rejected: Rejected[] = []
    for (const line of lines) {
      if (isBlank(line.bytes)) continue
      const text = decodeLine(line.bytes, line.line, options.notes)
      if (line.tooLong) {
        const nul = line.bytes.includes(0)
        rejected.push(
          nul
            ? reject(source.path, line, 'row.nul', '', text)
            : reject(source.path, line, 'row.tooLong', inMegabytes(options.maxRowBytes), text),
        )
        continue
      }
      const row = parseRow(source.path, line, text, options.notes, lastCut(source, line))
      if ('code' in row) rejected.push(row)
      else rows.push(row)
    }
    yield { rows, rejected }
  }
}

function lastCut(source: Source, line: Line): string | null {
  if (line.ended) return null
  return source.cut() ? ' because the compressed file is incomplete' : ''
}

/**
 * One row's text to a row, or to the reason why not. `cut` says how to explain text that ends too early; null when the
 * row is known to be whole.
 */
export function parseRow(file: string, place: Place, text: string, notes: NoteBook, cut: string | null): SourceRow | Rejected {
  const tally: NumberTally = { exact: false, nonFinite: false }
  try {
    const value = parseJson(text, tally)
    if (!isObject(value)) return reject(file, place, 'row.notObject', kindOf(value), text)
    if (tally.exact) notes.add('number.exact', place.line)
    if (tally.nonFinite) notes.add('number.nonFinite', place.line)
    return { line: place.line, start: place.start, end: place.end, value }
  } catch (error) {
    if (!(error instanceof JsonError)) throw error
    if (text.includes('\0')) return reject(file, place, 'row.nul', '', text)
    if (cut !== null && error.code === 'row.notJson' && /^\s*[{[]/.test(text)) return reject(file, place, 'row.cutOff', cut, text)
    return reject(file, place, error.code, error.message, text)
  }
}

/** Only spaces, tabs and CR, as an empty line or the end of a file has. */
function isBlank(bytes: Buffer): boolean {
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at]!
    if (byte !== 32 && byte !== 9 && byte !== 13) return false
  }
  return true
}
