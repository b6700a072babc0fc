// The safetensors format: eight bytes of header length, a JSON header, then the tensors' bytes. Reading trusts nothing: lengths,
// offsets, shapes, gaps and overlaps are checked before a byte is interpreted, and tensors are read one at a time so that a large
// file is never in memory twice. Writing is deterministic: the same tensors make the same bytes in whatever order they come.
// Follows the format's description at github.com/huggingface/safetensors. Left out: float8 types, and sharded indexes.

import { createHash } from 'node:crypto'
import { open, type FileHandle } from 'node:fs/promises'

/** A file that cannot be taken for what it should be. `code` is stable; `expected`, `found` and `next` are for the reader. */
export class ModelFileError extends Error {
  readonly code: string
  readonly expected: string
  readonly found: string
  readonly next: string

  constructor(code: string, parts: { readonly expected: string; readonly found: string; readonly next: string }, options?: ErrorOptions) {
    super(`Expected ${parts.expected}; found ${parts.found}. ${parts.next}`, options)
    this.name = 'ModelFileError'
    this.code = code
    this.expected = parts.expected
    this.found = parts.found
    this.next = parts.next
  }
}

interface ElementType {
  readonly size: number
  readonly view: (bytes: ArrayBuffer) => TensorArray
}

/** Element types and how their bytes become numbers. BF16 has no typed array, so it is widened to float32, which holds it exactly. */
const types = {
  F64: { size: 8, view: (bytes) => new Float64Array(bytes) },
  F32: { size: 4, view: (bytes) => new Float32Array(bytes) },
  F16: { size: 2, view: (bytes) => new Float16Array(bytes) },
  BF16: { size: 2, view: widenBfloat16 },
  I64: { size: 8, view: (bytes) => new BigInt64Array(bytes) },
  I32: { size: 4, view: (bytes) => new Int32Array(bytes) },
  I16: { size: 2, view: (bytes) => new Int16Array(bytes) },
  I8: { size: 1, view: (bytes) => new Int8Array(bytes) },
  U8: { size: 1, view: (bytes) => new Uint8Array(bytes) },
  BOOL: { size: 1, view: (bytes) => new Uint8Array(bytes) },
} as const satisfies Record<string, ElementType>

export type Dtype = keyof typeof types
export type TensorArray = Float64Array | Float32Array | Float16Array | BigInt64Array | Int32Array | Int16Array | Int8Array | Uint8Array

/** A tensor to write, or as read: row-major. */
export interface TensorData {
  readonly dims: readonly number[]
  readonly data: TensorArray
}

export interface TensorEntry {
  readonly name: string
  readonly dtype: Dtype
  readonly dims: readonly number[]
  /** Of its first byte, from the start of the file. */
  readonly offset: number
  readonly bytes: number
}

const MAX_HEADER_BYTES = 100_000_000
const CHUNK_BYTES = 16 * 2 ** 20
const ALIGNMENT = 8

/** bfloat16 is the upper half of a float32. */
function widenBfloat16(bytes: ArrayBuffer): Float32Array<ArrayBuffer> {
  const upper = new Uint16Array(bytes)
  const words = new Uint32Array(upper.length)
  for (let at = 0; at < upper.length; at++) words[at] = upper[at]! << 16
  return new Float32Array(words.buffer)
}

function dtypeOf(data: TensorArray): Dtype {
  const found = (Object.keys(types) as Dtype[]).find(
    (dtype) => dtype !== 'BF16' && types[dtype].view(new ArrayBuffer(0)).constructor === data.constructor,
  )
  if (found === undefined) throw new TypeError(`safetensors has no type for ${data.constructor.name}`)
  return found
}

const elements = (dims: readonly number[]): number => dims.reduce((product, dim) => product * dim, 1)

// ------------------------------------------------------------------------------------------------------------ reading

const wrong = (file: string, expected: string, found: string): ModelFileError =>
  new ModelFileError('safetensors.malformed', {
    expected: `${expected} in ${file}`,
    found,
    next: 'The file is damaged or was cut short; fetch or export it again.',
  })

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0

/** One header entry, checked on its own. `dataStart` is where tensor bytes begin, `dataBytes` how many there are. */
function parseEntry(file: string, name: string, value: unknown, dataStart: number, dataBytes: number): TensorEntry {
  const { dtype, shape, data_offsets: offsets } = (value ?? {}) as { dtype?: unknown; shape?: unknown; data_offsets?: unknown }
  if (typeof dtype !== 'string' || !Object.hasOwn(types, dtype))
    throw new ModelFileError('safetensors.dtype', {
      expected: `tensors of type ${Object.keys(types).join(', ')} in ${file}`,
      found: `${name} of type ${String(dtype)}`,
      next: 'Convert the model to one of these types.',
    })
  if (!Array.isArray(shape) || !shape.every(isCount))
    throw wrong(file, `a shape of whole numbers for ${name}`, JSON.stringify(shape) ?? 'none')
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isCount))
    throw wrong(file, `two byte offsets for ${name}`, JSON.stringify(offsets) ?? 'none')
  const [start, end] = offsets as [number, number]
  const bytes = elements(shape) * types[dtype as Dtype].size
  if (end > dataBytes || start > end) throw wrong(file, `${name} within the ${dataBytes} bytes of data`, `bytes ${start} to ${end}`)
  if (end - start !== bytes) throw wrong(file, `${bytes} bytes for ${name} (${dtype} [${shape.join(', ')}])`, `${end - start}`)
  return { name, dtype: dtype as Dtype, dims: shape, offset: dataStart + start, bytes }
}

/** Every byte of data must belong to exactly one tensor: overlaps and gaps are how a hostile file hides things. */
function checkLayout(file: string, entries: readonly TensorEntry[], dataStart: number, fileBytes: number): void {
  let at = dataStart
  for (const entry of entries.toSorted((a, b) => a.offset - b.offset || a.bytes - b.bytes)) {
    if (entry.offset !== at)
      throw wrong(
        file,
        `${entry.name} to begin at byte ${at}`,
        `byte ${entry.offset}, ${entry.offset < at ? 'inside another tensor' : 'after a gap'}`,
      )
    at += entry.bytes
  }
  if (at !== fileBytes) throw wrong(file, `a file of ${at} bytes`, `${fileBytes} bytes`)
}

async function readExactly(handle: FileHandle, file: string, offset: number, bytes: number): Promise<ArrayBuffer> {
  const buffer = new ArrayBuffer(bytes)
  for (let at = 0; at < bytes;) {
    const { bytesRead } = await handle.read(new Uint8Array(buffer, at, Math.min(CHUNK_BYTES, bytes - at)), 0, undefined, offset + at)
    if (bytesRead === 0) throw wrong(file, `${bytes} bytes from byte ${offset}`, `the end of the file after ${at}`)
    at += bytesRead
  }
  return buffer
}

function parseHeader(file: string, text: string): Record<string, unknown> {
  try {
    const header: unknown = JSON.parse(text)
    if (header !== null && typeof header === 'object' && !Array.isArray(header)) return header as Record<string, unknown>
  } catch {
    // Reported below, with the same words as any other header that is not an object.
  }
  throw wrong(file, 'a header that is a JSON object', text.slice(0, 40))
}

export interface SafetensorsFile {
  /** In the order of their bytes. */
  readonly entries: readonly TensorEntry[]
  readonly metadata: Readonly<Record<string, string>>
  /** Reads one tensor; throws when the file has none of that name. */
  read(name: string): Promise<TensorData>
  close(): Promise<void>
}

/** Opens a file and checks its whole header. Throws ModelFileError `safetensors.malformed` or `safetensors.dtype`. */
export async function openSafetensors(file: string): Promise<SafetensorsFile> {
  const handle = await open(file, 'r')
  try {
    const fileBytes = (await handle.stat()).size
    if (fileBytes < 8) throw wrong(file, 'at least 8 bytes', `${fileBytes}`)
    const headerBytes = new DataView(await readExactly(handle, file, 0, 8)).getBigUint64(0, true)
    if (headerBytes > BigInt(Math.min(MAX_HEADER_BYTES, fileBytes - 8)))
      throw wrong(file, `a header that fits in the file's ${fileBytes} bytes`, `a length of ${headerBytes}`)
    const dataStart = 8 + Number(headerBytes)
    const { __metadata__: metadata = {}, ...tensors } = parseHeader(
      file,
      new TextDecoder().decode(await readExactly(handle, file, 8, Number(headerBytes))),
    )
    if (metadata === null || typeof metadata !== 'object' || !Object.values(metadata).every((value) => typeof value === 'string'))
      throw wrong(file, 'metadata of names and texts', JSON.stringify(metadata).slice(0, 40))
    const entries = Object.entries(tensors).map(([name, value]) => parseEntry(file, name, value, dataStart, fileBytes - dataStart))
    checkLayout(file, entries, dataStart, fileBytes)
    const byName = new Map(entries.map((entry) => [entry.name, entry]))
    return {
      entries: entries.toSorted((a, b) => a.offset - b.offset),
      metadata: metadata as Record<string, string>,
      async read(name) {
        const entry = byName.get(name)
        if (entry === undefined) throw wrong(file, `a tensor named ${name}`, 'none')
        return { dims: entry.dims, data: types[entry.dtype].view(await readExactly(handle, file, entry.offset, entry.bytes)) }
      },
      close: () => handle.close(),
    }
  } catch (error) {
    await handle.close()
    throw error
  }
}

/** Every tensor of a file, by name. Errors as `openSafetensors`. */
export async function readSafetensors(file: string): Promise<Map<string, TensorData>> {
  const opened = await openSafetensors(file)
  try {
    const tensors = new Map<string, TensorData>()
    for (const { name } of opened.entries) tensors.set(name, await opened.read(name))
    return tensors
  } finally {
    await opened.close()
  }
}

// ------------------------------------------------------------------------------------------------------------ writing

const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/** Widest elements first, so that every tensor is aligned to its own type; then by name. */
function layOut(tensors: ReadonlyMap<string, TensorData>): { name: string; dtype: Dtype; tensor: TensorData }[] {
  return [...tensors]
    .map(([name, tensor]) => {
      const dtype = dtypeOf(tensor.data)
      if (elements(tensor.dims) !== tensor.data.length)
        throw new Error(`${name} has dims [${tensor.dims.join(', ')}] and ${tensor.data.length} elements`)
      return { name, dtype, tensor }
    })
    .sort((a, b) => types[b.dtype].size - types[a.dtype].size || byText(a.name, b.name))
}

function headerOf(placed: ReturnType<typeof layOut>, metadata: Readonly<Record<string, string>>): Buffer {
  let at = 0
  const entries = placed.map(({ name, dtype, tensor }) => {
    const start = at
    at += tensor.data.byteLength
    return [name, { dtype, shape: tensor.dims, data_offsets: [start, at] }] as const
  })
  return headerText(entries, metadata)
}

function headerText(entries: readonly (readonly [string, object])[], metadata: Readonly<Record<string, string>>): Buffer {
  const about = Object.entries(metadata).sort(([a], [b]) => byText(a, b))
  const json = Buffer.from(
    JSON.stringify(Object.fromEntries([...(about.length === 0 ? [] : [['__metadata__', Object.fromEntries(about)] as const]), ...entries])),
  )
  const header = Buffer.alloc(8 + Math.ceil(json.length / ALIGNMENT) * ALIGNMENT, ' ')
  header.writeBigUInt64LE(BigInt(header.length - 8))
  json.copy(header, 8)
  return header
}

/**
 * Writes and syncs a file of float32 tensors of which one is in memory at a time, in whatever order they come. Throws for one that is missing, not
 * announced, or of another size.
 */
export async function writeFloats(
  file: string,
  announced: readonly { readonly name: string; readonly dims: readonly number[] }[],
  source: Iterable<readonly [string, Float32Array]> | AsyncIterable<readonly [string, Float32Array]>,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  let at = 0
  const places = new Map(
    announced.map(({ name, dims }) => {
      const start = at
      at += elements(dims) * Float32Array.BYTES_PER_ELEMENT
      return [name, { dims, start, end: at }] as const
    }),
  )
  const header = headerText(
    [...places].map(([name, { dims, start, end }]) => [name, { dtype: 'F32', shape: dims, data_offsets: [start, end] }] as const),
    metadata,
  )
  const handle = await open(file, 'wx')
  try {
    await handle.write(header, 0, header.length, 0)
    const missing = new Set(places.keys())
    for await (const [name, values] of source) {
      const place = places.get(name)
      if (!missing.delete(name) || place === undefined || values.byteLength !== place.end - place.start)
        throw new Error(`${name} was not announced, came twice, or has another size`)
      const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
      for (let from = 0; from < bytes.length; from += CHUNK_BYTES)
        await handle.write(bytes, from, Math.min(CHUNK_BYTES, bytes.length - from), header.length + place.start + from)
    }
    if (missing.size > 0) throw new Error(`no tensor came for ${[...missing].slice(0, 3).join(', ')}`)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/**
 * Writes and syncs a file of float32, float16, int64, ... tensors; returns its size and sha256. The data must not change until
 * this resolves. The path should be a temporary one: a file half written is a file.
 */
export async function writeSafetensors(
  file: string,
  tensors: ReadonlyMap<string, TensorData>,
  metadata: Readonly<Record<string, string>> = {},
): Promise<{ bytes: number; sha256: string }> {
  const placed = layOut(tensors)
  const hash = createHash('sha256')
  const handle = await open(file, 'wx')
  let written = 0
  const write = async (bytes: Uint8Array): Promise<void> => {
    for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
      const chunk = bytes.subarray(at, at + CHUNK_BYTES)
      hash.update(chunk)
      await handle.writeFile(chunk)
    }
    written += bytes.length
  }
  try {
    await write(headerOf(placed, metadata))
    for (const { tensor } of placed) await write(new Uint8Array(tensor.data.buffer, tensor.data.byteOffset, tensor.data.byteLength))
    await handle.sync()
  } finally {
    await handle.close()
  }
  return { bytes: written, sha256: hash.digest('hex') }
}
