// Writes GGUF files for tests, good ones and such that no program would write: the reader is held to what comes out of here.
export type Plain = number | boolean | string | readonly number[] | readonly string[]

export interface TensorToWrite {
  readonly name: string
  /** Slowest first. */
  readonly dims: readonly number[]
  /** Type number and packed bytes; float32 unless given. */
  readonly type?: number
  readonly bytes: Uint8Array
  /** Where its bytes are said to be, behind the header; the next free multiple of 32 unless given. */
  readonly offset?: number
}

const u32 = (value: number): Buffer => {
  const out = Buffer.alloc(4)
  out.writeUInt32LE(value)
  return out
}
const u64 = (value: number | bigint): Buffer => {
  const out = Buffer.alloc(8)
  out.writeBigUInt64LE(BigInt(value))
  return out
}
const f32 = (value: number): Buffer => {
  const out = Buffer.alloc(4)
  out.writeFloatLE(value)
  return out
}
const text = (value: string): Buffer => Buffer.concat([u64(Buffer.byteLength(value)), Buffer.from(value)])

function valueOf(value: Plain): Buffer {
  if (typeof value === 'string') return Buffer.concat([u32(8), text(value)])
  if (typeof value === 'boolean') return Buffer.concat([u32(7), Buffer.from([value ? 1 : 0])])
  if (typeof value === 'number') return Number.isInteger(value) ? Buffer.concat([u32(4), u32(value)]) : Buffer.concat([u32(6), f32(value)])
  if (typeof value[0] === 'string') return Buffer.concat([u32(9), u32(8), u64(value.length), ...(value as readonly string[]).map(text)])
  return Buffer.concat([u32(9), u32(5), u64(value.length), ...(value as readonly number[]).map(u32)])
}

export const floats = (values: ArrayLike<number>): Uint8Array => new Uint8Array(Float32Array.from(values).buffer)

export function ggufBytes(
  metadata: Readonly<Record<string, Plain>>,
  tensors: readonly TensorToWrite[],
  { version = 3, tensorCount = tensors.length }: { readonly version?: number; readonly tensorCount?: number } = {},
): Buffer {
  let end = 0
  const placed = tensors.map((tensor) => {
    const offset = tensor.offset ?? Math.ceil(end / 32) * 32
    end = Math.max(end, offset + tensor.bytes.length)
    return { ...tensor, offset }
  })
  const header = Buffer.concat([
    Buffer.from('GGUF'),
    u32(version),
    u64(tensorCount),
    u64(Object.keys(metadata).length),
    ...Object.entries(metadata).flatMap(([key, value]) => [text(key), valueOf(value)]),
    ...placed.flatMap(({ name, dims, type = 0, offset }) => [
      text(name),
      u32(dims.length),
      ...dims.toReversed().map(u64),
      u32(type),
      u64(offset),
    ]),
  ])
  const data = Buffer.alloc(end)
  for (const { bytes, offset } of placed) data.set(bytes, offset)
  return Buffer.concat([header, Buffer.alloc(Math.ceil(header.length / 32) * 32 - header.length), data])
}
