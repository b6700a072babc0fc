// The text form of contract values, for the transports that cannot carry typed arrays (HTTP and WebSocket). A typed array
// becomes an object with one key that names its kind and holds its little-endian bytes in base64; everything else is JSON.

const kinds = { $int32: Int32Array, $float32: Float32Array, $uint8: Uint8Array } as const
type Kind = keyof typeof kinds

const CHUNK = 0x8000

function toBase64(bytes: Uint8Array): string {
  const pieces: string[] = []
  for (let at = 0; at < bytes.length; at += CHUNK) pieces.push(String.fromCharCode(...bytes.subarray(at, at + CHUNK)))
  return btoa(pieces.join(''))
}

function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  const binary = atob(text)
  const bytes = new Uint8Array(binary.length)
  for (let at = 0; at < binary.length; at++) bytes[at] = binary.charCodeAt(at)
  return bytes
}

/** Any contract value (JSON-able parts, Int32Array, Float32Array, Uint8Array) as text. */
export function toWire(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) => {
    if (!ArrayBuffer.isView(part)) return part
    const kind = (Object.keys(kinds) as Kind[]).find((each) => part instanceof kinds[each])
    if (kind === undefined) throw new TypeError(`no wire form for ${part.constructor.name}`)
    return { [kind]: toBase64(new Uint8Array(part.buffer, part.byteOffset, part.byteLength)) }
  })
}

/** The value `toWire` was given. Throws SyntaxError for malformed text. */
export function fromWire(text: string): unknown {
  return JSON.parse(text, (_key, part: unknown) => {
    if (part === null || typeof part !== 'object') return part
    const keys = Object.keys(part)
    const kind = keys.length === 1 && keys[0]! in kinds ? (keys[0] as Kind) : null
    const packed = kind === null ? null : (part as Record<Kind, unknown>)[kind]
    return kind === null || typeof packed !== 'string' ? part : new kinds[kind](fromBase64(packed).buffer)
  })
}
