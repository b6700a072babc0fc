// A file as a stream of UTF-8 bytes, whatever it was packed or encoded in: gzip and zstd are recognised by their magic
// (not by name), byte order marks are dropped, UTF-16 becomes UTF-8. A file that ends early or is damaged yields what can
// be unpacked and says so in the notes. Latin-1 is left as it is; it shows only line by line (see lines.ts).
// Memory: one chunk. Left out: random access, which only Parquet needs (see parquet.ts).

import { refuse, refuseSystem } from '../errors.ts'
import type { NoteBook } from '../notes.ts'
import { openBytes } from './archive.ts'
import type { Bytes } from './archive.ts'
import { compressionOf, unpack } from './unpack.ts'
import type { Compression } from './unpack.ts'

export { fileSize } from './archive.ts'

export type Encoding = 'utf-8' | 'utf-16le' | 'utf-16be'

const HEAD_BYTES = 1 << 18
const CHUNK_BYTES = 1 << 18
/** Small, because a hostile archive unpacks a thousandfold and every unpacked byte of a chunk is held at once. */
const PACKED_CHUNK_BYTES = 1 << 16

export interface SourceOptions {
  readonly signal?: AbortSignal | undefined
  /** Called with the bytes read from disk so far. */
  readonly onBytes?: ((bytes: number) => void) | undefined
  readonly notes: NoteBook
  /** First byte to read and its 1-based line, for plain UTF-8 text of which the rest was read before; any other file is read from its start. */
  readonly from?: { readonly byte: number; readonly line: number } | undefined
}

export interface Source {
  readonly path: string
  /** Bytes on disk. */
  readonly size: number
  readonly compression: Compression
  readonly encoding: Encoding
  /** The first 256 KB or so of the text, to recognise the format by. */
  readonly head: Buffer
  /** Offset of the first byte that `chunks` gives: 3 after a UTF-8 byte order mark, where reading goes on, else 0. */
  readonly start: number
  /** 1-based line of the first byte that `chunks` gives. */
  readonly line: number
  /** The whole text, `head` included. May be walked once; closes the file when it ends, fails or is left. */
  chunks(): AsyncGenerator<Buffer, void>
  /** True once the end was reached too early. */
  cut(): boolean
  close(): Promise<void>
}

/**
 * Opens a file and reads its head. Throws LabError for a file that is missing, special, unreadable or in UTF-32, and the
 * signal's reason when cancelled.
 */
export async function openSource(path: string, options: SourceOptions): Promise<Source> {
  const handle = await openBytes(path)
  const { size } = handle
  try {
    const magic = await readExactly(handle, 4, 0)
    const compression = compressionOf(magic)
    const state = { cut: false }
    const raw = (quiet: boolean): AsyncGenerator<Buffer> =>
      readRaw(handle, size, compression === 'none' ? CHUNK_BYTES : PACKED_CHUNK_BYTES, path, quiet ? { signal: options.signal } : options)
    const unpacked = compression === 'none' ? raw(false) : unpack(raw, compression, size, options.notes, state)
    const rawHead = await pull(unpacked, HEAD_BYTES)
    const { encoding, skip } = encodingOf(rawHead.bytes, path)
    const text = encoding === 'utf-8' ? dropBytes(rawHead.rest, skip) : toUtf8(dropBytes(rawHead.rest, skip), encoding, options.notes)
    const head = await pull(text, HEAD_BYTES)
    const from =
      compression === 'none' && encoding === 'utf-8' && options.from !== undefined && options.from.byte > skip ? options.from : null
    return {
      path,
      size,
      compression,
      encoding,
      head: head.bytes,
      start: from?.byte ?? (encoding === 'utf-8' ? skip : 0),
      line: from?.line ?? 1,
      async *chunks() {
        try {
          yield* from === null ? head.rest : readRaw(handle, size, CHUNK_BYTES, path, options, from.byte)
        } finally {
          await handle.close()
        }
      },
      cut: () => state.cut,
      close: () => handle.close(),
    }
  } catch (error) {
    await handle.close()
    throw error
  }
}

async function readExactly(handle: Bytes, length: number, position: number): Promise<Buffer> {
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, position)
  return buffer.subarray(0, bytesRead)
}

/** The bytes that were on disk when the file was opened. Buffers are no larger than what is left to read. */
async function* readRaw(
  handle: Bytes,
  size: number,
  chunkBytes: number,
  path: string,
  { signal, onBytes }: Omit<SourceOptions, 'notes'>,
  from = 0,
): AsyncGenerator<Buffer> {
  signal?.throwIfAborted()
  for (let position = from; position < size;) {
    signal?.throwIfAborted()
    const length = Math.min(chunkBytes, size - position)
    let read
    try {
      read = await handle.read(Buffer.allocUnsafeSlow(length), 0, length, position)
    } catch (error) {
      throw refuseSystem(error, path)
    }
    if (read.bytesRead === 0) return
    position += read.bytesRead
    onBytes?.(position)
    yield read.buffer.subarray(0, read.bytesRead)
  }
}

/** Collects at least `bytes` bytes, and gives them back together with a stream that starts over from the beginning. */
async function pull(stream: AsyncGenerator<Buffer>, bytes: number): Promise<{ bytes: Buffer; rest: AsyncGenerator<Buffer> }> {
  const taken: Buffer[] = []
  let length = 0
  while (length < bytes) {
    const next = await stream.next()
    if (next.done === true) break
    taken.push(next.value)
    length += next.value.length
  }
  async function* rest(): AsyncGenerator<Buffer> {
    try {
      yield* taken
      taken.length = 0
      yield* stream
    } finally {
      await stream.return(undefined)
    }
  }
  return { bytes: taken.length === 1 ? taken[0]! : Buffer.concat(taken), rest: rest() }
}

async function* dropBytes(stream: AsyncGenerator<Buffer>, count: number): AsyncGenerator<Buffer> {
  let left = count
  for await (const chunk of stream) {
    if (left < chunk.length) yield left === 0 ? chunk : chunk.subarray(left)
    left = Math.max(0, left - chunk.length)
  }
}

/** By byte order mark, else by where the zero bytes of a text lie that begins with ASCII. Throws LabError file.encoding for UTF-32. */
function encodingOf(head: Buffer, path: string): { encoding: Encoding; skip: number } {
  const [a, b, c, d] = head
  if ((a === 0xff && b === 0xfe && c === 0 && d === 0) || (a === 0 && b === 0 && c === 0xfe && d === 0xff)) {
    throw refuse('file.encoding', `${path} is in UTF-32`)
  }
  if (a === 0xef && b === 0xbb && c === 0xbf) return { encoding: 'utf-8', skip: 3 }
  if (a === 0xff && b === 0xfe) return { encoding: 'utf-16le', skip: 2 }
  if (a === 0xfe && b === 0xff) return { encoding: 'utf-16be', skip: 2 }
  const pairs = Math.min(head.length, 1024) >> 1
  let evenZeros = 0
  let oddZeros = 0
  for (let at = 0; at < pairs; at++) {
    if (head[2 * at] === 0) evenZeros++
    if (head[2 * at + 1] === 0) oddZeros++
  }
  if (pairs > 1 && b === 0 && d === 0 && oddZeros > 0.4 * pairs && evenZeros < 0.05 * pairs) return { encoding: 'utf-16le', skip: 0 }
  if (pairs > 1 && a === 0 && c === 0 && evenZeros > 0.4 * pairs && oddZeros < 0.05 * pairs) return { encoding: 'utf-16be', skip: 0 }
  return { encoding: 'utf-8', skip: 0 }
}

/** UTF-16 to UTF-8, with half characters and half pairs carried over from chunk to chunk. */
async function* toUtf8(stream: AsyncGenerator<Buffer>, encoding: 'utf-16le' | 'utf-16be', notes: NoteBook): AsyncGenerator<Buffer> {
  notes.add('encoding.utf16')
  let carried = Buffer.alloc(0)
  for await (const chunk of stream) {
    const bytes = Buffer.concat([carried, chunk])
    let whole = bytes.length & ~1
    if (encoding === 'utf-16be') bytes.subarray(0, whole).swap16()
    if (whole >= 2 && (bytes[whole - 1]! & 0xfc) === 0xd8) whole -= 2
    carried = Buffer.from(bytes.subarray(whole))
    if (encoding === 'utf-16be' && carried.length >= 2) carried.subarray(0, 2).swap16()
    const text = bytes.toString('utf16le', 0, whole)
    if (!text.isWellFormed()) notes.add('encoding.broken')
    if (whole > 0) yield Buffer.from(text, 'utf8')
  }
  if (carried.length > 0) {
    notes.add('encoding.broken')
    yield Buffer.from('\ufffd', 'utf8')
  }
}
