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

/** Slices in which input that failed is fed again: first to find the fault, then to come close to it. */
const SLICES = [256, 1]

/**
 * Unpacks as far as possible. An early end or damage becomes a note, not an error. When zlib fails it keeps back what it had
 * unpacked from the failing piece of input; the text is then unpacked again up to there and fed in ever smaller slices, so
 * that nothing before the fault is lost. `raw` opens the packed bytes anew, quietly when they were reported already.
 */
export async function* unpack(
  raw: (quiet: boolean) => AsyncGenerator<Buffer>,
  compression: 'gzip' | 'zstd',
  size: number,
  notes: NoteBook,
  state: { cut: boolean },
): AsyncGenerator<Buffer> {
  let inflater = createInflater(compression)
  let given = 0 // bytes handed out
  let safe = 0 // bytes of input that go through
  try {
    for await (const piece of raw(false)) {
      for (const chunk of await inflater.feed(piece)) {
        given += chunk.length
        yield chunk
      }
      if (inflater.ended() || inflater.failure() !== null) break
      safe += piece.length
    }
    if (!inflater.ended() && inflater.failure() === null) yield* await inflater.finish()
    else if (inflater.failure() !== null) {
      for (const slice of SLICES) {
        inflater.destroy()
        inflater = createInflater(compression)
        let unpacked = 0
        for await (const piece of cutUp(raw(true), safe, slice)) {
          for (const chunk of await inflater.feed(piece)) {
            const known = Math.min(chunk.length, Math.max(0, given - unpacked))
            unpacked += chunk.length
            if (known === chunk.length) continue
            given = unpacked
            yield chunk.subarray(known)
          }
          if (inflater.failure() !== null) break
        }
        safe = Math.max(safe, Math.floor((inflater.consumed() - safe) / slice) * slice + safe)
      }
    }
    const error = inflater.failure()
    if (error === null) {
      const trailing = size - inflater.consumed()
      if (trailing > 0) notes.add('compressed.trailing', null, null, trailing)
    } else if (given > 0 && error.message === 'incorrect header check') {
      notes.add('compressed.trailing', null, null, size - safe)
    } else {
      state.cut = true
      notes.add(/unexpected end|incomplete/i.test(error.message) ? 'compressed.cut' : 'compressed.damaged', null, error.message)
    }
  } finally {
    inflater.destroy()
  }
}

/** The stream with everything from byte `from` on in slices. */
async function* cutUp(stream: AsyncGenerator<Buffer>, from: number, slice: number): AsyncGenerator<Buffer> {
  let at = 0
  for await (const piece of stream) {
    const whole = Math.min(piece.length, Math.max(0, from - at))
    at += piece.length
    if (whole > 0) yield piece.subarray(0, whole)
    for (let cut = whole; cut < piece.length; cut += slice) yield piece.subarray(cut, cut + slice)
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

/** A window as large as zstd --ultra --long=31 writes; it fills only as far as text is unpacked. */
const WINDOW_LOG_MAX = 31
const MAGIC_BYTES = 4

/** True at the start of a zstd frame, skippable ones included. */
function startsFrame(bytes: Buffer): boolean {
  const magic = bytes.readUInt32LE(0)
  return magic === 0xfd2fb528 || (magic & 0xfffffff0) >>> 0 === 0x184d2a50
}

function createInflater(compression: 'gzip' | 'zstd'): Inflater {
  const ready: Buffer[] = []
  let failure: Error | null = null
  let ended = false
  let wake = (): void => {}
  let before = 0 // input bytes of the frames that are done
  let given = 0 // input bytes given to the stream of this frame
  let waiting = Buffer.alloc(0) // too few bytes after a frame to tell what follows
  let stream = openStream()

  function openStream(): zlib.Gunzip | zlib.ZstdDecompress {
    const opened =
      compression === 'gzip'
        ? zlib.createGunzip()
        : zlib.createZstdDecompress({ params: { [zlib.constants.ZSTD_d_windowLogMax]: WINDOW_LOG_MAX } })
    opened.on('data', (chunk: Buffer) => ready.push(chunk))
    opened.on('error', (error: Error) => {
      failure = error
      wake()
    })
    opened.on('end', () => {
      if (opened === stream) ended = compression === 'gzip'
      wake()
    })
    return opened
  }
  const act = (write: (done: () => void) => void): Promise<void> =>
    new Promise<void>((resolve) => {
      wake = resolve
      write(resolve)
    })

  /** Node ends a zstd stream with its first frame; what the stream leaves of its input opens the next one. */
  async function feed(input: Buffer): Promise<Buffer[]> {
    let rest = waiting.length === 0 ? input : Buffer.concat([waiting, input])
    waiting = Buffer.alloc(0)
    while (rest.length > 0 && failure === null && !ended) {
      const piece = rest
      given += piece.length
      await act((done) => stream.write(piece, () => done()))
      if (compression === 'gzip' || failure !== null) break
      const left = given - stream.bytesWritten
      if (left <= 0) break
      rest = piece.subarray(piece.length - left)
      if (rest.length < MAGIC_BYTES) {
        waiting = Buffer.from(rest)
        given -= rest.length
        break
      }
      if (!startsFrame(rest)) {
        ended = true
        break
      }
      before += stream.bytesWritten
      given = 0
      stream.destroy()
      stream = openStream()
    }
    return ready.splice(0)
  }

  return {
    feed,
    async finish() {
      if (!stream.readableEnded) await act(() => stream.end())
      return ready.splice(0)
    },
    ended: () => ended,
    failure: () => failure,
    consumed: () => before + stream.bytesWritten,
    destroy: () => stream.destroy(),
  }
}
