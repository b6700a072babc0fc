// Unpacking of gzip and zstd streams as far as they go: a file that was cut off or damaged yields everything before that
// point, and a note says how it ended. Members that follow one another are one text, as gzip has it.

import zlib from 'node:zlib'
import type { NoteBook } from '../notes.ts'

export type Compression = 'none' | 'gzip' | 'zstd'

/** How a file is packed, by its first four bytes. */
export function compressionOf(magic: Uint8Array): Compression {
  if (magic[0] === 0x1f && magic[1] === 0x8b) return 'gzip'
  if (magic[0] === 0x28 && magic[1] === 0xb5 && magic[2] === 0x2f && magic[3] === 0xfd) return 'zstd'
  return 'none'
}

/**
 * Unpacks as far as possible. An early end or damage becomes a note, not an error. When zlib fails it keeps back what it had
 * unpacked from the failing piece of input; that piece is then fed again, byte by byte, so that nothing before the fault is lost.
 */
export async function* unpack(
  raw: (quiet: boolean) => AsyncGenerator<Buffer>, compression: 'gzip' | 'zstd', size: number, notes: NoteBook, state: { cut: boolean },
): AsyncGenerator<Buffer> {
  let inflater = createInflater(compression)
  let given = 0 // bytes handed out
  let fed = 0 // bytes of input that went through without failure
  try {
    for await (const piece of raw(false)) {
      for (const chunk of await inflater.feed(piece)) {
        given += chunk.length
        yield chunk
      }
      if (inflater.ended() || inflater.failure() !== null) break
      fed += piece.length
    }
    if (!inflater.ended() && inflater.failure() === null) yield* await inflater.finish()
    else if (inflater.failure() !== null) {
      inflater.destroy()
      inflater = createInflater(compression)
      for await (const chunk of refeed(raw(true), inflater, given, fed)) {
        given += chunk.length
        yield chunk
      }
    }
    const error = inflater.failure()
    if (error === null) {
      const trailing = size - inflater.consumed()
      if (trailing > 0) notes.add('compressed.trailing', null, null, trailing)
    } else if (given > 0 && error.message === 'incorrect header check') {
      notes.add('compressed.trailing', null, null, size - inflater.consumed())
    } else {
      state.cut = true
      notes.add(/unexpected end|incomplete/i.test(error.message) ? 'compressed.cut' : 'compressed.damaged', null, error.message)
    }
  } finally {
    inflater.destroy()
  }
}

/** Feeds everything once more, byte by byte from where it failed, and gives out what comes after the first `given` bytes. */
async function* refeed(raw: AsyncGenerator<Buffer>, inflater: Inflater, given: number, failedAt: number): AsyncGenerator<Buffer> {
  let consumed = 0
  let unpacked = 0
  for await (const piece of raw) {
    const slice = consumed + piece.length > failedAt ? 1 : piece.length
    consumed += piece.length
    for (let at = 0; at < piece.length && inflater.failure() === null; at += slice) {
      for (const chunk of await inflater.feed(piece.subarray(at, at + slice))) {
        const known = Math.min(chunk.length, Math.max(0, given - unpacked))
        unpacked += chunk.length
        if (known < chunk.length) yield chunk.subarray(known)
      }
    }
    if (inflater.failure() !== null) return
  }
}

interface Inflater {
  /** What the input unpacks to, so far as it goes. */
  feed(input: Buffer): Promise<Buffer[]>
  finish(): Promise<Buffer[]>
  ended(): boolean
  failure(): Error | null
  /** Input bytes that belonged to the compressed data. */
  consumed(): number
  destroy(): void
}

function createInflater(compression: 'gzip' | 'zstd'): Inflater {
  const stream = compression === 'gzip' ? zlib.createGunzip() : zlib.createZstdDecompress()
  let ready: Buffer[] = []
  let failure: Error | null = null
  let ended = false
  let wake = (): void => {}
  stream.on('data', (chunk: Buffer) => ready.push(chunk))
  stream.on('error', (error: Error) => { failure = error; wake() })
  stream.on('end', () => { ended = true; wake() })
  const through = async (act: (done: () => void) => void): Promise<Buffer[]> => {
    await new Promise<void>((resolve) => { wake = resolve; act(resolve) })
    return ready.splice(0)
  }
  return {
    feed: (input) => through((done) => stream.write(input, () => done())),
    finish: () => through(() => stream.end()),
    ended: () => ended,
    failure: () => failure,
    consumed: () => stream.bytesWritten,
    destroy: () => stream.destroy(),
  }
}
