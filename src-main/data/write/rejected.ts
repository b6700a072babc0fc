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
export async function writeRejected(
  path: string,
  rejected: Iterable<Rejected> | AsyncIterable<Rejected>,
  { whole = true } = {},
): Promise<Written> {
  const texts = createTexts()
  try {
    return await writeAtomically(path, async (sink) => {
      for await (const row of rejected) {
        const cut = row.text.length >= REJECTED_TEXT_LIMIT
        const text =
          cut && whole && row.start !== null && row.end !== null ? ((await texts.read(row.file, row.start, row.end)) ?? row.text) : row.text
        await sink.write(
          `${JSON.stringify({ file: row.file, line: row.line, rows: row.rows, code: row.code, reason: row.reason, start: row.start, end: row.end, text })}\n`,
        )
      }
    })
  } finally {
    await texts.close()
  }
}

interface Cursor {
  readonly file: string
  readonly chunks: AsyncGenerator<Buffer>
  /** The chunk at hand and where it begins in the unpacked text. */
  chunk: Buffer
  at: number
}

/** Byte ranges of unpacked files. Ranges that ascend, as rejected rows do, are read in one pass over the file. */
function createTexts(): { read(file: string, start: number, end: number): Promise<string | null>; close(): Promise<void> } {
  const notes = createNoteBook()
  let cursor: Cursor | null = null

  async function close(): Promise<void> {
    await cursor?.chunks.return(undefined)
    cursor = null
  }

  return {
    close,
    /** Null where the file is gone or changed, or the range is beyond the limit. */
    async read(file, start, end) {
      if (end - start > WHOLE_TEXT_BYTES) return null
      if (cursor === null || cursor.file !== file || start < cursor.at) {
        await close()
        const source = await openSource(file, { notes }).catch(() => null)
        if (source === null) return null
        cursor = { file, chunks: source.chunks(), chunk: Buffer.alloc(0), at: source.start }
      }
      const pieces: Buffer[] = []
      for (;;) {
        const from = Math.max(0, start - cursor.at)
        const to = Math.min(cursor.chunk.length, end - cursor.at)
        if (from < to) pieces.push(Buffer.from(cursor.chunk.subarray(from, to)))
        if (cursor.at + cursor.chunk.length >= end) return decodeLine(Buffer.concat(pieces), 1, notes)
        const next = await cursor.chunks.next()
        cursor.at += cursor.chunk.length
        cursor.chunk = next.done === true ? Buffer.alloc(0) : next.value
        if (next.done === true) return null
      }
    },
  }
}
