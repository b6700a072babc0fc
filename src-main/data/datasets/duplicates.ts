// Problems that are the same, or nearly: exact by a hash of the text with case and white space evened out, near by MinHash
// over shingles of three words (Broder 1997) with locality-sensitive bands (Leskovec, Rajaraman, Ullman, ch. 3). Memory is
// bounded: beyond `nearLimit` problems only exact repeats are found, and a crowded band forgets its oldest entry, so near
// repeats may be missed, never invented beyond the estimate's error (about 0.06 at similarity 0.8).

import { createDigestTable, digestOf } from './digestTable.ts'

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
  const plain = (ascii.test(text) ? text : text.normalize('NFKC')).toLowerCase()
  return (ragged.test(plain) ? plain.replace(/\s+/g, ' ') : plain).trim()
}

const ascii = /^[\0-\x7f]*$/
/** White space that is not a single blank. */
const ragged = /\s\s|[^\S ]/

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
  const exact = createDigestTable()
  /** Of every problem remembered, in order; the first `near` of them have signatures. */
  const keys: string[] = []
  let near = 0
  const mostDifferent = Math.floor((1 - threshold) * HASHES)
  let signatures = new Uint32Array(HASHES * 64)
  let slots = FEWEST_SLOTS
  let tables = new Int32Array(BANDS * slots).fill(-1)

  function place(signature: Uint32Array, index: number): void {
    for (let band = 0; band < BANDS; band++) tables[slot(signature, band, slots)] = index
  }

  function makeRoom(): void {
    if ((near + 1) * HASHES > signatures.length) {
      const larger = new Uint32Array(Math.min(nearLimit * HASHES, signatures.length * 2))
      larger.set(signatures)
      signatures = larger
    }
    if (near < slots || slots >= MOST_SLOTS) return
    slots *= 2
    tables = new Int32Array(BANDS * slots).fill(-1)
    for (let index = 0; index < near; index++) place(signatures.subarray(index * HASHES, (index + 1) * HASHES), index)
  }

  function lookUp(evened: string): { digest: Uint32Array; match: Match | null; signature: Uint32Array | null } {
    const digest = digestOf(evened)
    const same = exact.find(digest)
    if (same >= 0) return { digest, match: { key: keys[same]!, similarity: 1 }, signature: null }
    const signature = minHash(evened)
    let best = -1
    let similarity = 0
    for (let band = 0; band < BANDS; band++) {
      const candidate = tables[slot(signature, band, slots)]!
      if (candidate < 0 || candidate === best) continue
      const estimate = agreement(signature, signatures, candidate * HASHES, mostDifferent)
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
      exact.add(digest)
      const index = keys.push(key) - 1
      if (index >= nearLimit) return match
      makeRoom()
      signatures.set(signature, index * HASHES)
      place(signature, index)
      near++
      return match
    },
  }
}

/** [64] least hash of any shingle, for each hash function. Refilled by every call. */
const signatureNow = new Uint32Array(HASHES)

function minHash(evened: string): Uint32Array {
  const words = wordHashes(evened)
  signatureNow.fill(0xffffffff)
  const last = Math.max(0, words.length - SHINGLE)
  for (let at = 0; at <= last; at++) {
    let shingle = 0x811c9dc5
    for (let word = at; word < at + SHINGLE && word < words.length; word++) shingle = Math.imul(shingle ^ words[word]!, 0x01000193) ^ (shingle >>> 15)
    shingle = Math.imul(shingle ^ (shingle >>> 16), 0x7feb352d) >>> 0
    for (let k = 0; k < HASHES; k++) {
      const mixed = Math.imul(shingle, multipliers[k]!) + offsets[k]!
      const value = (mixed ^ (mixed >>> 15)) >>> 0
      if (value < signatureNow[k]!) signatureNow[k] = value
    }
  }
  return signatureNow
}

const SPACE = 0
const SIGN = 1
const WORD = 2
/** What each UTF-16 unit is, decided once. */
const kinds = Uint8Array.from({ length: 0x10000 }, (_, unit) => {
  const letter = String.fromCharCode(unit)
  return /\s/.test(letter) ? SPACE : /[\p{L}\p{N}\p{Cs}]/u.test(letter) ? WORD : SIGN
})

/** A hash (FNV-1a over UTF-16 units) of every word, and of every other sign by itself, in order. */
function wordHashes(evened: string): number[] {
  const hashes: number[] = []
  for (let at = 0; at < evened.length; ) {
    const kind = kinds[evened.charCodeAt(at)]!
    if (kind === SPACE) {
      at++
      continue
    }
    let hash = 0x811c9dc5
    do {
      hash = Math.imul(hash ^ evened.charCodeAt(at++), 0x01000193)
    } while (kind === WORD && at < evened.length && kinds[evened.charCodeAt(at)] === WORD)
    hash ^= hash >>> 16
    hashes.push(Math.imul(hash, 0x7feb352d) >>> 0)
  }
  return hashes
}

/** Place of a band's four hashes in its table. */
function slot(signature: Uint32Array, band: number, slots: number): number {
  let hash = 0x811c9dc5
  for (let row = 0; row < ROWS; row++) hash = Math.imul(hash ^ signature[band * ROWS + row]!, 0x01000193) ^ (hash >>> 13)
  hash = Math.imul(hash ^ (hash >>> 16), 0x45d9f3b)
  return band * slots + ((hash ^ (hash >>> 15)) & (slots - 1))
}

/** The share of equal hashes; 0 as soon as more than `mostDifferent` differ. */
function agreement(signature: Uint32Array, signatures: Uint32Array, from: number, mostDifferent: number): number {
  let different = 0
  for (let k = 0; k < HASHES; k++) if (signature[k] !== signatures[from + k] && ++different > mostDifferent) return 0
  return 1 - different / HASHES
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
