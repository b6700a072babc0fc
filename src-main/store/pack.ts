// Typed arrays to blobs and back. Blobs are little-endian, as is every machine the program is built for, so packing is a view
// of the same memory and unpacking one copy (SQLite's buffers are not aligned for four-byte elements).

/** The bytes of `values`, not copied: bind them before the array changes. */
export function pack(values: Int32Array | Float32Array | Uint8Array): Buffer {
  return Buffer.from(values.buffer, values.byteOffset, values.byteLength)
}

function aligned(blob: Uint8Array): ArrayBuffer {
  const copy = new Uint8Array(blob.byteLength)
  copy.set(blob)
  return copy.buffer
}

/** Throws RangeError when the blob is not a whole number of elements. */
export const unpackInt32 = (blob: Uint8Array): Int32Array => new Int32Array(aligned(blob))
export const unpackFloat32 = (blob: Uint8Array): Float32Array => new Float32Array(aligned(blob))
export const unpackBytes = (blob: Uint8Array): Uint8Array => new Uint8Array(aligned(blob))
