// Problems that are the same, or nearly: exact by a hash of the text with case and white space evened out, near by MinHash
// over shingles of three words (Broder 1997) with locality-sensitive bands (Leskovec, Rajaraman, Ullman, ch. 3). Memory is
// bounded: beyond `nearLimit` problems only exact repeats are found, and a crowded band forgets its oldest entry, so near
// repeats may be missed, never invented beyond the estimate's error (about 0.06 at similarity 0.8).

import { createHash } from 'node:crypto'

const HASHES = 64
const BANDS = 16
const ROWS = HASHES / BANDS
/** Slots of a band's table: as many as there are problems, between these powers of two. */
const FEWEST_SLOTS = 1 << 7
const MOST_SLOTS = 1 << 18
const SHINGLE = 3

export interface Match {
  /** The name the earlier problem was added under. */
  readonly key: string
  /** 1 for an exact repeat, else the estimated share of common shingles. */
  readonly similarity: number
}

export interface DuplicateOptions {
  /** Similarity from which two problems are near repeats; 0.8 unless given. */
  readonly threshold?: number
  /** Problems kept for near repeats; 200,000 unless given. */
  readonly nearLimit?: number
}

export interface DuplicateIndex {
  readonly size: number
  /** The earlier problem this one repeats, if any; the problem is remembered unless it is an exact repeat. */
  add(key: string, text: string): Match | null
  /** Like `add`, without remembering. */
  find(text: string): Match | null
}

/** Text with case, white space and Unicode forms evened out: what exact repeats are compared by. */
export function evenedOut(text: string): string {
  return text.normalize('NFKC').toLowerCase().replace(/\s+/g, ' ').trim()
}

// Multipliers and offsets of the hash family h_k(x) = a_k * x + b_k mod 2^32, drawn once from a fixed generator.
const multipliers = new Uint32Array(HASHES)
const offsets = new Uint32Array(HASHES)
for (let state = 0x9e3779b9, at = 0; at < 2 * HASHES; at++) {
  state = (Math.imul(state ^ (state >>> 15), 0x85ebca6b) + 0x6d2b79f5) >>> 0
  if (at < HASHES) multipliers[at] = state | 1
  else offsets[at - HASHES] = state
}

/** An empty index. */
export function createDuplicateIndex({ threshold = 0.8, nearLimit = 200_000 }: DuplicateOptions = {}): DuplicateIndex {
  const exact = new Map<string, string>()
  const keys: string[] = []
  let signatures = new Uint32Array(HASHES * 64)
  let slots = FEWEST_SLOTS
  let tables = new Int32Array(BANDS * slots).fill(-1)

  function place(signature: Uint32Array, index: number): void {
    for (let band = 0; band < BANDS; band++) tables[slot(signature, band, slots)] = index
  }

  function makeRoom(): void {
    if ((keys.length + 1) * HASHES > signatures.length) {
      const larger = new Uint32Array(signatures.length * 2)
      larger.set(signatures)
      signatures = larger
    }
    if (keys.length < slots || slots >= MOST_SLOTS) return
    slots *= 2
    tables = new Int32Array(BANDS * slots).fill(-1)
    for (let index = 0; index < keys.length; index++) place(signatures.subarray(index * HASHES, (index + 1) * HASHES), index)
  }

  function lookUp(evened: string): { digest: string; match: Match | null; signature: Uint32Array | null } {
    const digest = createHash('md5').update(evened).digest('base64')
    const same = exact.get(digest)
    if (same !== undefined) return { digest, match: { key: same, similarity: 1 }, signature: null }
    const signature = minHash(evened)
    let best = -1
    let similarity = 0
    for (let band = 0; band < BANDS; band++) {
      const candidate = tables[slot(signature, band, slots)]!
      if (candidate < 0 || candidate === best) continue
      const estimate = agreement(signature, signatures, candidate * HASHES)
      if (estimate > similarity) {
        best = candidate
        similarity = estimate
      }
    }
    return { digest, match: similarity >= threshold ? { key: keys[best]!, similarity } : null, signature }
  }

  return {
    get size() { return exact.size },
    find: (text) => lookUp(evenedOut(text)).match,
    add(key, text) {
      const { digest, match, signature } = lookUp(evenedOut(text))
      if (signature === null) return match
      exact.set(digest, key)
      if (keys.length >= nearLimit) return match
      makeRoom()
      const index = keys.push(key) - 1
      signatures.set(signature, index * HASHES)
      place(signature, index)
      return match
    },
  }
}

/** [64] least hash of any shingle, for each hash function. */
function minHash(evened: string): Uint32Array {
  const words = evened.match(/[\p{L}\p{N}]+|[^\s\p{L}\p{N}]/gu) ?? [evened]
  const signature = new Uint32Array(HASHES).fill(0xffffffff)
  const last = Math.max(0, words.length - SHINGLE)
  for (let at = 0; at <= last; at++) {
    const shingle = hashOf(words.slice(at, at + SHINGLE).join(' '))
    for (let k = 0; k < HASHES; k++) {
      const mixed = Math.imul(shingle, multipliers[k]!) + offsets[k]!
      const value = (mixed ^ (mixed >>> 15)) >>> 0
      if (value < signature[k]!) signature[k] = value
    }
  }
  return signature
}

/** FNV-1a over UTF-16 units, 32 bits, mixed at the end. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193)
  hash ^= hash >>> 16
  return Math.imul(hash, 0x7feb352d) >>> 0
}

/** Place of a band's four hashes in its table. */
function slot(signature: Uint32Array, band: number, slots: number): number {
  let hash = 0x811c9dc5
  for (let row = 0; row < ROWS; row++) hash = Math.imul(hash ^ signature[band * ROWS + row]!, 0x01000193) ^ (hash >>> 13)
  hash = Math.imul(hash ^ (hash >>> 16), 0x45d9f3b)
  return band * slots + ((hash ^ (hash >>> 15)) & (slots - 1))
}

function agreement(signature: Uint32Array, signatures: Uint32Array, from: number): number {
  let equal = 0
  for (let k = 0; k < HASHES; k++) if (signature[k] === signatures[from + k]) equal++
  return equal / HASHES
}

export interface Overlap {
  readonly exact: number
  readonly near: number
  readonly total: number
  /** The first pairs, for a person to look at. */
  readonly examples: readonly { readonly key: string; readonly match: Match }[]
}

/** How many problems of one set are also in the set behind `index`: what an evaluation must not share with training. */
export function overlapWith(index: DuplicateIndex, problems: Iterable<{ readonly key: string; readonly text: string }>): Overlap {
  const examples: { key: string; match: Match }[] = []
  let exact = 0
  let near = 0
  let total = 0
  for (const { key, text } of problems) {
    total++
    const match = index.find(text)
    if (match === null) continue
    if (match.similarity === 1) exact++
    else near++
    if (examples.length < 20) examples.push({ key, match })
  }
  return { exact, near, total, examples }
}
