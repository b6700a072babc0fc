// The GGUF format of llama.cpp, version 2 and 3: metadata, a table of tensors, then their bytes. Nothing in a file is trusted: every
// length, offset and shape is checked before memory is made for it, overlaps are refused, and tensors are read a slice at a time into the
// one array that is returned. Follows docs/gguf.md of the ggml project; the layouts of the quantised blocks are those of ggml-common.h.
// Left out: big-endian files, files in several parts, writing (tests write their own), types of less than four bits.

import { open, type FileHandle } from 'node:fs/promises'
import { ModelFileError } from './safetensors.ts'

interface BlockType {
  readonly name: string
  /** Elements in a block. */
  readonly size: number
  readonly bytes: number
  /** Decodes `blocks` blocks of `view` from byte 0 on into out[at ...]. */
  readonly decode: (view: DataView, blocks: number, out: Float32Array, at: number) => void
}

/** Element types by their number in the file. */
const types: Readonly<Record<number, BlockType>> = {
  0: {
    name: 'F32',
    size: 1,
    bytes: 4,
    decode: (view, blocks, out, at) => {
      for (let i = 0; i < blocks; i++) out[at + i] = view.getFloat32(4 * i, true)
    },
  },
  1: {
    name: 'F16',
    size: 1,
    bytes: 2,
    decode: (view, blocks, out, at) => {
      for (let i = 0; i < blocks; i++) out[at + i] = view.getFloat16(2 * i, true)
    },
  },
  2: { name: 'Q4_0', size: 32, bytes: 18, decode: decodeQ4(false) },
  3: { name: 'Q4_1', size: 32, bytes: 20, decode: decodeQ4(true) },
  8: { name: 'Q8_0', size: 32, bytes: 34, decode: decodeQ8 },
  12: { name: 'Q4_K', size: 256, bytes: 144, decode: decodeK(false) },
  13: { name: 'Q5_K', size: 256, bytes: 176, decode: decodeK(true) },
  14: { name: 'Q6_K', size: 256, bytes: 210, decode: decodeQ6K },
  30: { name: 'BF16', size: 1, bytes: 2, decode: decodeBfloat16 },
}

/** Types that other programs write and that cannot be read here, for the message. */
const others: Readonly<Record<number, string>> = {
  6: 'Q5_0',
  7: 'Q5_1',
  9: 'Q8_1',
  10: 'Q2_K',
  11: 'Q3_K',
  15: 'Q8_K',
  16: 'IQ2_XXS',
  17: 'IQ2_XS',
  18: 'IQ3_XXS',
  19: 'IQ1_S',
  20: 'IQ4_NL',
  21: 'IQ3_S',
  22: 'IQ2_S',
  23: 'IQ4_XS',
  24: 'I8',
  25: 'I16',
  26: 'I32',
  27: 'I64',
  28: 'F64',
  29: 'IQ1_M',
}

/** bfloat16 is the upper half of a float32. */
function decodeBfloat16(view: DataView, blocks: number, out: Float32Array, at: number): void {
  const words = new Uint32Array(out.buffer, out.byteOffset)
  for (let i = 0; i < blocks; i++) words[at + i] = view.getUint16(2 * i, true) << 16
}

/** A scale (and a minimum), then 32 values of 4 bits, the first half in the low bits: d (q - 8), or d q + m. */
function decodeQ4(withMinimum: boolean): BlockType['decode'] {
  const [bytes, head] = withMinimum ? [20, 4] : [18, 2]
  return (view, blocks, out, at) => {
    for (let block = 0, from = 0; block < blocks; block++, from += bytes, at += 32) {
      const scale = view.getFloat16(from, true)
      const least = withMinimum ? view.getFloat16(from + 2, true) : -8 * scale
      for (let i = 0; i < 16; i++) {
        const pair = view.getUint8(from + head + i)
        out[at + i] = scale * (pair & 15) + least
        out[at + 16 + i] = scale * (pair >> 4) + least
      }
    }
  }
}

/** A scale, then 32 signed bytes. */
function decodeQ8(view: DataView, blocks: number, out: Float32Array, at: number): void {
  for (let block = 0, from = 0; block < blocks; block++, from += 34, at += 32) {
    const scale = view.getFloat16(from, true)
    for (let i = 0; i < 32; i++) out[at + i] = scale * view.getInt8(from + 2 + i)
  }
}

/**
 * 256 values in eight groups of 32 (Q4_K, Q5_K): two scales d and dmin, eight pairs of 6-bit factors packed in 12 bytes, with five bits a
 * fifth bit plane of 32 bytes, and 128 bytes of 4-bit values, two groups to 32 bytes. Value = d factor q - dmin other factor.
 */
function decodeK(fiveBits: boolean): BlockType['decode'] {
  const [bytes, low] = fiveBits ? [176, 48] : [144, 16]
  return (view, blocks, out, at) => {
    for (let block = 0, from = 0; block < blocks; block++, from += bytes, at += 256) {
      const d = view.getFloat16(from, true)
      const dmin = view.getFloat16(from + 2, true)
      const packed = (i: number): number => view.getUint8(from + 4 + i)
      for (let group = 0; group < 8; group++) {
        const scale = d * (group < 4 ? packed(group) & 63 : (packed(group + 4) & 15) | ((packed(group - 4) >> 6) << 4))
        const minimum = dmin * (group < 4 ? packed(group + 4) & 63 : (packed(group + 4) >> 4) | ((packed(group) >> 6) << 4))
        for (let i = 0; i < 32; i++) {
          const pair = view.getUint8(from + low + (group >> 1) * 32 + i)
          const fifth = fiveBits ? ((view.getUint8(from + 16 + i) >> group) & 1) << 4 : 0
          out[at + group * 32 + i] = scale * ((group & 1 ? pair >> 4 : pair & 15) | fifth) - minimum
        }
      }
    }
  }
}

/** 256 values of 6 bits in two halves: low four bits in 128 bytes, high two in 64, sixteen signed scales, one scale d. Value = d scale (q - 32). */
function decodeQ6K(view: DataView, blocks: number, out: Float32Array, at: number): void {
  for (let block = 0, from = 0; block < blocks; block++, from += 210, at += 256) {
    const d = view.getFloat16(from + 208, true)
    for (let half = 0; half < 2; half++) {
      for (let quarter = 0; quarter < 4; quarter++) {
        for (let i = 0; i < 32; i++) {
          const pair = view.getUint8(from + half * 64 + (quarter & 1) * 32 + i)
          const high = (view.getUint8(from + 128 + half * 32 + i) >> (2 * quarter)) & 3
          const q = ((quarter < 2 ? pair & 15 : pair >> 4) | (high << 4)) - 32
          out[at + half * 128 + quarter * 32 + i] = d * view.getInt8(from + 192 + half * 8 + quarter * 2 + (i >> 4)) * q
        }
      }
    }
  }
}

export interface GgufTensor {
  readonly name: string
  /** Slowest first, as everywhere in this program; the file has them the other way round. */
  readonly dims: readonly number[]
  readonly type: string
  /** Of its first byte, from the start of the file. */
  readonly offset: number
  readonly bytes: number
  readonly elements: number
}

export type GgufValue = number | boolean | string | readonly (number | boolean | string)[]

export interface GgufFile {
  readonly version: number
  readonly metadata: ReadonlyMap<string, GgufValue>
  /** In the order of their bytes. */
  readonly tensors: readonly GgufTensor[]
  /** One tensor, decoded to 32 bits. Throws where the file has none of that name. */
  read(name: string): Promise<Float32Array>
  close(): Promise<void>
}

const MAX_HEADER_BYTES = 256 * 2 ** 20
const MAX_TENSORS = 1 << 16
const MAX_PAIRS = 1 << 16
const MAX_TEXT = 1 << 24
const MAX_ELEMENTS = 1 << 24
const SLICE_BYTES = 8 * 2 ** 20

const wrong = (file: string, expected: string, found: string): ModelFileError =>
  new ModelFileError('gguf.malformed', {
    expected: `${expected} in ${file}`,
    found,
    next: 'The file is damaged or was cut short; fetch it again.',
  })

const unreadable = (file: string, found: string): ModelFileError =>
  new ModelFileError('gguf.dtype', {
    expected: `tensors of type ${Object.values(types)
      .map(({ name }) => name)
      .join(', ')} in ${file}`,
    found,
    next: 'Take the model in one of these types, such as its Q8_0 or Q4_K_M file.',
  })

/** Reads a file from its start, a buffer at a time, and never past what a header may measure. */
class HeaderReader {
  readonly #handle: FileHandle
  readonly #file: string
  readonly #size: number
  #buffer = Buffer.alloc(0)
  #start = 0
  at = 0

  constructor(handle: FileHandle, file: string, size: number) {
    this.#handle = handle
    this.#file = file
    this.#size = size
  }

  /** The next `bytes` bytes. They stay as they are until the next call. */
  async take(bytes: number, what: string): Promise<Buffer> {
    if (this.at + bytes > this.#size)
      throw wrong(this.#file, `${bytes} bytes of ${what} at byte ${this.at}`, `the end of the file at ${this.#size}`)
    if (this.at + bytes > MAX_HEADER_BYTES) throw wrong(this.#file, `a header of at most ${MAX_HEADER_BYTES} bytes`, `${what} beyond them`)
    if (this.at + bytes > this.#start + this.#buffer.length) {
      const buffer = Buffer.alloc(Math.min(Math.max(bytes, 1 << 20), this.#size - this.at))
      for (let got = 0; got < buffer.length;) {
        const { bytesRead } = await this.#handle.read(buffer, got, buffer.length - got, this.at + got)
        if (bytesRead === 0) throw wrong(this.#file, `${bytes} bytes of ${what}`, 'the end of the file')
        got += bytesRead
      }
      this.#buffer = buffer
      this.#start = this.at
    }
    const from = this.at - this.#start
    this.at += bytes
    return this.#buffer.subarray(from, from + bytes)
  }

  async count(most: number, what: string): Promise<number> {
    const value = (await this.take(8, what)).readBigUInt64LE()
    if (value > BigInt(most)) throw wrong(this.#file, `${what} of at most ${most}`, `${value}`)
    return Number(value)
  }

  async u32(what: string): Promise<number> {
    return (await this.take(4, what)).readUInt32LE()
  }

  async text(what: string): Promise<string> {
    return (await this.take(await this.count(MAX_TEXT, `the length of ${what}`), what)).toString('utf8')
  }
}

const TEXT = 8
const LIST = 9

/** Metadata values by the number of their type; 64-bit integers as numbers, which every field in use fits. */
const scalars: Readonly<Record<number, { readonly bytes: number; readonly read: (bytes: Buffer) => number | boolean }>> = {
  0: { bytes: 1, read: (bytes) => bytes.readUInt8() },
  1: { bytes: 1, read: (bytes) => bytes.readInt8() },
  2: { bytes: 2, read: (bytes) => bytes.readUInt16LE() },
  3: { bytes: 2, read: (bytes) => bytes.readInt16LE() },
  4: { bytes: 4, read: (bytes) => bytes.readUInt32LE() },
  5: { bytes: 4, read: (bytes) => bytes.readInt32LE() },
  6: { bytes: 4, read: (bytes) => bytes.readFloatLE() },
  7: { bytes: 1, read: (bytes) => bytes.readUInt8() !== 0 },
  10: { bytes: 8, read: (bytes) => Number(bytes.readBigUInt64LE()) },
  11: { bytes: 8, read: (bytes) => Number(bytes.readBigInt64LE()) },
  12: { bytes: 8, read: (bytes) => bytes.readDoubleLE() },
}

async function readValue(from: HeaderReader, file: string, key: string): Promise<GgufValue> {
  const type = await from.u32(`the type of ${key}`)
  if (type === TEXT) return from.text(key)
  if (type !== LIST) return readScalar(from, file, type, key)
  const inner = await from.u32(`the type of the elements of ${key}`)
  const length = await from.count(MAX_ELEMENTS, `the length of ${key}`)
  if (inner === LIST) throw wrong(file, `${key} as a list of values`, 'a list of lists')
  const list: (number | boolean | string)[] = []
  for (let i = 0; i < length; i++) list.push(inner === TEXT ? await from.text(key) : await readScalar(from, file, inner, key))
  return list
}

async function readScalar(from: HeaderReader, file: string, type: number, key: string): Promise<number | boolean> {
  if (!Object.hasOwn(scalars, type)) throw wrong(file, `a known type of the metadata ${key}`, `type ${type}`)
  const { bytes, read } = scalars[type]!
  return read(await from.take(bytes, key))
}

async function readEntry(from: HeaderReader, file: string): Promise<GgufTensor> {
  const name = await from.text('the name of a tensor')
  const rank = await from.u32(`the rank of ${name}`)
  if (rank < 1 || rank > 4) throw wrong(file, `one to four dimensions of ${name}`, `${rank}`)
  const dims: number[] = []
  for (let i = 0; i < rank; i++) dims.unshift(await from.count(2 ** 40, `a dimension of ${name}`))
  const elements = dims.reduce((product, dim) => product * dim, 1)
  if (elements < 1 || elements > 2 ** 40)
    throw wrong(file, `a tensor ${name} of 1 to ${2 ** 40} elements`, `the shape [${dims.join(', ')}]`)
  const number = await from.u32(`the type of ${name}`)
  const offset = await from.count(Number.MAX_SAFE_INTEGER, `the offset of ${name}`)
  if (!Object.hasOwn(types, number)) throw unreadable(file, `${name} of type ${others[number] ?? number}`)
  const type = types[number]!
  if (dims.at(-1)! % type.size !== 0)
    throw wrong(file, `rows of ${name} in blocks of ${type.size} (${type.name})`, `rows of ${dims.at(-1)}`)
  return { name, dims, type: type.name, offset, bytes: (elements / type.size) * type.bytes, elements }
}

/** Every tensor inside the file and none inside another. The padding between them may hold anything. */
function checkLayout(file: string, tensors: readonly GgufTensor[], alignment: number, fileBytes: number): void {
  let end = 0
  for (const { name, offset, bytes } of tensors) {
    if (offset % alignment !== 0) throw wrong(file, `${name} at a multiple of ${alignment}`, `byte ${offset}`)
    if (offset < end) throw wrong(file, `${name} from byte ${end} on`, `byte ${offset}, inside another tensor`)
    end = offset + bytes
    if (end > fileBytes) throw wrong(file, `${name} within the file's ${fileBytes} bytes`, `bytes ${offset} to ${end}`)
  }
}

/** Opens a file and checks its whole header. Throws ModelFileError `gguf.malformed`, `gguf.dtype`, `gguf.version`. */
export async function openGguf(file: string): Promise<GgufFile> {
  const handle = await open(file, 'r')
  try {
    const size = (await handle.stat()).size
    const from = new HeaderReader(handle, file, size)
    const magic = (await from.take(4, 'the format mark')).toString('latin1')
    if (magic !== 'GGUF') throw wrong(file, 'the letters GGUF at the start', JSON.stringify(magic))
    const version = await from.u32('the version')
    if (version !== 2 && version !== 3)
      throw new ModelFileError('gguf.version', {
        expected: `GGUF version 2 or 3, little-endian, in ${file}`,
        found: `version ${version}`,
        next: 'Convert the model with a recent llama.cpp.',
      })
    const tensorCount = await from.count(MAX_TENSORS, 'a number of tensors')
    const pairCount = await from.count(MAX_PAIRS, 'a number of metadata entries')
    const metadata = new Map<string, GgufValue>()
    for (let i = 0; i < pairCount; i++) {
      const key = await from.text('a metadata key')
      if (metadata.has(key)) throw wrong(file, `the metadata ${key} once`, 'it again')
      metadata.set(key, await readValue(from, file, key))
    }
    const found: GgufTensor[] = []
    for (let i = 0; i < tensorCount; i++) found.push(await readEntry(from, file))
    const alignment = metadata.get('general.alignment') ?? 32
    if (typeof alignment !== 'number' || !Number.isInteger(alignment) || alignment < 1 || alignment > 1 << 20)
      throw wrong(file, 'general.alignment as a whole number up to 1048576', String(alignment))
    const start = Math.ceil(from.at / alignment) * alignment
    const tensors = found.map((tensor) => ({ ...tensor, offset: start + tensor.offset })).sort((a, b) => a.offset - b.offset)
    checkLayout(file, tensors, alignment, size)
    const byName = new Map(tensors.map((tensor) => [tensor.name, tensor]))
    if (byName.size !== tensors.length) throw wrong(file, 'every tensor under a name of its own', 'one name twice')
    return {
      version,
      metadata,
      tensors,
      async read(name) {
        const tensor = byName.get(name)
        if (tensor === undefined) throw wrong(file, `a tensor named ${name}`, 'none')
        return readTensor(handle, file, tensor)
      },
      close: () => handle.close(),
    }
  } catch (error) {
    await handle.close()
    throw error
  }
}

/** Reads and decodes a slice of whole blocks at a time, so that the packed bytes are never all in memory. */
async function readTensor(handle: FileHandle, file: string, { name, type, offset, bytes, elements }: GgufTensor): Promise<Float32Array> {
  const block = Object.values(types).find((each) => each.name === type)!
  const out = new Float32Array(elements)
  const slice = Buffer.alloc(Math.min(bytes, Math.floor(SLICE_BYTES / block.bytes) * block.bytes))
  for (let at = 0; at < bytes; at += slice.length) {
    const wanted = Math.min(slice.length, bytes - at)
    for (let got = 0; got < wanted;) {
      const { bytesRead } = await handle.read(slice, got, wanted - got, offset + at + got)
      if (bytesRead === 0) throw wrong(file, `${bytes} bytes of ${name}`, `the end of the file after ${at + got}`)
      got += bytesRead
    }
    block.decode(new DataView(slice.buffer, slice.byteOffset, wanted), wanted / block.bytes, out, (at / block.bytes) * block.size)
  }
  return out
}
