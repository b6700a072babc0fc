// How the head, the driver and the workers speak over pipes: frames of a header in JSON and a body of bytes. A frame is the length of its header
// (4 bytes) and of its body (8 bytes), little endian, then both. What has typed arrays in it is packed so that every bit comes back.
import type { Readable, Writable } from 'node:stream'

export type Header = { readonly kind: string; readonly [field: string]: unknown }

export interface Frame {
  readonly header: Header
  readonly body: Buffer
}

const PREFIX = 12
const EMPTY = Buffer.alloc(0)

/** Resolves once the pipe has taken the frame. */
export function writeFrame(pipe: Writable, header: Header, body: Buffer = EMPTY): Promise<void> {
  const json = Buffer.from(JSON.stringify(header))
  const prefix = Buffer.alloc(PREFIX)
  prefix.writeUInt32LE(json.length, 0)
  prefix.writeBigUInt64LE(BigInt(body.length), 4)
  const head = Buffer.concat([prefix, json])
  return new Promise((resolve, reject) => {
    const done = (error?: Error | null): void => (error ? reject(error) : resolve())
    if (body.length === 0) pipe.write(head, done)
    else {
      pipe.write(head)
      pipe.write(body, done)
    }
  })
}

/** The frames that a pipe brings, until it ends. A frame that is cut short by the end is dropped. */
export async function* readFrames(pipe: Readable): AsyncGenerator<Frame> {
  let parts: Buffer[] = []
  let held = 0
  const take = (count: number): Buffer => {
    const all = parts.length === 1 ? parts[0]! : Buffer.concat(parts)
    parts = all.length > count ? [all.subarray(count)] : []
    held -= count
    return all.subarray(0, count)
  }
  let wanted: { readonly header: number; readonly body: number } | null = null
  for await (const chunk of pipe) {
    parts.push(chunk as Buffer)
    held += (chunk as Buffer).length
    for (;;) {
      if (wanted === null) {
        if (held < PREFIX) break
        const prefix = take(PREFIX)
        wanted = { header: prefix.readUInt32LE(0), body: Number(prefix.readBigUInt64LE(4)) }
      }
      if (held < wanted.header + wanted.body) break
      const header = JSON.parse(take(wanted.header).toString('utf8')) as Header
      const body = take(wanted.body)
      wanted = null
      yield { header, body }
    }
  }
}

const ARRAYS = { Int32Array, Uint8Array, Float32Array, Float64Array } as const
type ArrayName = keyof typeof ARRAYS

/** A value with typed arrays in it as bytes. */
export function pack(value: unknown): Buffer {
  return Buffer.from(
    JSON.stringify(value, (_key, each: unknown) => {
      if (!ArrayBuffer.isView(each)) return each
      const name = each.constructor.name
      if (!Object.hasOwn(ARRAYS, name)) throw new Error(`a typed array that can be packed, found ${name}`)
      return { $: name, bytes: Buffer.from(each.buffer, each.byteOffset, each.byteLength).toString('base64') }
    }),
  )
}

/** What `pack` was given. */
export function unpack(bytes: Buffer): unknown {
  return JSON.parse(bytes.toString('utf8'), (_key, each: unknown) => {
    if (typeof each !== 'object' || each === null || !('$' in each)) return each
    const { $: name, bytes: text } = each as { readonly $: ArrayName; readonly bytes: string }
    // A copy of its own, so that it lies as its type needs.
    const own = new Uint8Array(Buffer.from(text, 'base64'))
    return new ARRAYS[name](own.buffer)
  })
}

/** Numbers as bytes, without a copy. */
export const bytesOf = (values: Float32Array): Buffer => Buffer.from(values.buffer, values.byteOffset, values.byteLength)

/** Bytes as numbers, copied. */
export const floatsOf = (bytes: Buffer): Float32Array => new Float32Array(new Uint8Array(bytes).buffer)
