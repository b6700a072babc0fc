// LZ4 frames, as Arrow packs its buffers in (LZ4 Frame Format 1.6): blocks that may refer to what earlier blocks unpacked to. Checksums are
// not looked at. What a frame may unpack to is known before and bounds it.

const MAGIC = 0x184d2204
const SHORTEST_MATCH = 4

/** What the frame unpacks to, exactly `length` bytes. Throws Error for anything else. */
export function unpackLz4Frame(packed: Uint8Array, length: number): Uint8Array {
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength)
  if (packed.length < 7 || view.getUint32(0, true) !== MAGIC) throw new Error('it is not an LZ4 frame')
  const flags = packed[4]!
  if (flags >> 6 !== 1) throw new Error(`version ${flags >> 6} of LZ4 frames`)
  const blockChecksum = (flags & 16) !== 0 ? 4 : 0
  let at = 6 + ((flags & 8) !== 0 ? 8 : 0) + ((flags & 1) !== 0 ? 4 : 0) + 1
  const out = new Uint8Array(length)
  let filled = 0
  for (;;) {
    if (at + 4 > packed.length) throw new Error('the LZ4 frame is cut off')
    const word = view.getUint32(at, true)
    at += 4
    if (word === 0) break
    const size = word & 0x7fffffff
    if (at + size + blockChecksum > packed.length) throw new Error('the LZ4 frame is cut off')
    const block = packed.subarray(at, at + size)
    if (word >>> 31 === 0) filled = unpackBlock(block, out, filled)
    else {
      if (filled + size > length) throw new Error('the LZ4 frame holds more than it says')
      out.set(block, filled)
      filled += size
    }
    at += size + blockChecksum
  }
  if (filled !== length) throw new Error(`the LZ4 frame holds ${filled} of ${length} bytes`)
  return out
}

/** Unpacks one block into `out` from `filled` on; returns how far it is filled then. */
function unpackBlock(block: Uint8Array, out: Uint8Array, filled: number): number {
  let at = 0
  /** A length whose first nibble was full goes on in bytes until one is not 255. */
  const more = (nibble: number): number => {
    let length = nibble
    for (let byte = nibble === 15 ? 255 : 0; byte === 255; length += byte) {
      byte = block[at++] ?? -1
      if (byte < 0) throw new Error('an LZ4 block is cut off')
    }
    return length
  }
  while (at < block.length) {
    const token = block[at++]!
    const literals = more(token >> 4)
    if (at + literals > block.length || filled + literals > out.length) throw new Error('an LZ4 block is damaged')
    out.set(block.subarray(at, at + literals), filled)
    at += literals
    filled += literals
    if (at >= block.length) break
    const distance = block[at]! | ((block[at + 1] ?? 0) << 8)
    at += 2
    const length = more(token & 15) + SHORTEST_MATCH
    if (distance === 0 || distance > filled || filled + length > out.length) throw new Error('an LZ4 block is damaged')
    for (let end = filled + length; filled < end; filled++) out[filled] = out[filled - distance]!
  }
  return filled
}
