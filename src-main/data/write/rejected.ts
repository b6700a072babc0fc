// Rejected rows as JSON Lines: where each lies, why it was rejected, and its text, so that it can be mended and imported on
// its own. Only the beginning of the text was kept by the import; the whole of it is read again from the file.

import { createNoteBook } from '../notes.ts'
import { decodeLine } from '../read/lines.ts'
import { openSource } from '../read/source.ts'
import { REJECTED_TEXT_LIMIT } from '../rejected.ts'
import type { Rejected } from '../rejected.ts'
import { writeAtomically } from './atomicFile.ts'
import type { Written } from './atomicFile.ts'

/** Longest text read again for one row. */
const WHOLE_TEXT_BYTES = 1 << 24

/** Writes rejected rows in the order given; `whole` reads the full text of cut ones from their file again. Throws LabError export.failed. */
export async function writeRejected(path: string, rejected: Iterable<Rejected> | AsyncIterable<Rejected>, { whole = true } = {}): Promise<Written> {
  return writeAtomically(path, async (sink) => {
    for await (const row of rejected) {
      const cut = row.text.length >= REJECTED_TEXT_LIMIT
      const text = cut && whole && row.start !== null && row.end !== null ? await textAgain(row.file, row.start, row.end) ?? row.text : row.text
      await sink.write(`${JSON.stringify({ file: row.file, line: row.line, rows: row.rows, code: row.code, reason: row.reason, start: row.start, end: row.end, text })}\n`)
    }
  })
}

/** The text of a byte range of the unpacked file; null where the file is gone or changed, or the range is beyond the limit. */
async function textAgain(file: string, start: number, end: number): Promise<string | null> {
  if (end - start > WHOLE_TEXT_BYTES) return null
  const notes = createNoteBook()
  const source = await openSource(file, { notes }).catch(() => null)
  if (source === null) return null
  const pieces: Buffer[] = []
  let at = source.start
  for await (const chunk of source.chunks()) {
    const from = Math.max(0, start - at)
    const to = Math.min(chunk.length, end - at)
    if (from < to) pieces.push(Buffer.from(chunk.subarray(from, to)))
    at += chunk.length
    if (at >= end) break
  }
  return at < end ? null : decodeLine(Buffer.concat(pieces), 1, notes)
}
