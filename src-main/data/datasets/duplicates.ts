// Problems that are the same, or nearly: exact by a hash of the text with case and white space evened out, near by MinHash
// over shingles of three words (Broder 1997), in bins, with locality-sensitive bands (Leskovec, Rajaraman, Ullman, ch. 3). Memory is
// bounded: beyond `nearLimit` problems only exact repeats are found, and a crowded band forgets its oldest entry, so near
// repeats may be missed, never invented beyond the estimate's error (about 0.06 at similarity 0.8).

import { createDigestTable, digestOf } from './digestTable.ts'

const HASHES = 64
const BANDS = 16
const ROWS = HASHES / BANDS
/** Of texts that are not the same: all their hashes may agree where they differ in one word of many. */
const MOST_ALIKE = 1 - 1 / (2 * HASHES)
/** Slots of a band's table: as many as there are problems, between these powers of two. */
const FEWEST_SLOTS = 1 << 7
const MOST_SLOTS = 1 << 18
const SHINGLE = 3
/** A table's entry: the place of a problem, and above it 11 bits of the band's hash. */
const INDEX_BITS = 20
const MOST_NEAR = 1 << INDEX_BITS

export interface Match<Key = string> {
  /** The name the earlier problem was added under. */
  readonly key: Key
  /** 1 for an exact repeat, else the estimated share of common shingles. */
  readonly similarity: number
}

export interface DuplicateOptions {
  /** Similarity from which two problems are near repeats; 0.8 unless given. */
  readonly threshold?: number
  /** Problems kept for near repeats; 200,000 unless given, a million at most. */
  readonly nearLimit?: number
}

/** `Key` names a problem: text, or a number where there are millions. */
export interface DuplicateIndex<Key = string> {
  readonly size: number
  /** The earlier problem this one repeats, if any; the problem is remembered unless it is an exact repeat. */
  add(key: Key, text: string): Match<Key> | null
  /** Like `add`, without remembering. */
  find(text: string): Match<Key> | null
}

/** Text with case, white space and Unicode forms evened out: what exact repeats are compared by. */
export function evenedOut(text: string): string {
  const plain = (ascii.test(text) ? text : text.normalize('NFKC')).toLowerCase()
  return (ragged.test(plain) ? plain.replace(/\s+/g, ' ') : plain).trim()
}

const ascii = /^[\0-\x7f]*$/
/** White space that is not a single blank. */
const ragged = /\s\s|[^\S ]/

/** [64, 64] for each bin the other bins in a random order, drawn once from a fixed generator: where an empty bin borrows. */
const donors = new Uint8Array(HASHES * HASHES)
for (let state = 0x9e3779b9, bin = 0; bin < HASHES; bin++) {
  const order = donors.subarray(bin * HASHES, (bin + 1) * HASHES)
  for (let at = 0; at < HASHES; at++) {
    state = (Math.imul(state ^ (state >>> 15), 0x85ebca6b) + 0x6d2b79f5) >>> 0
    const other = state % (at + 1)
    order[at] = order[other]!
    order[other] = at
  }
}

/** An empty index. */
export function createDuplicateIndex<Key = string>({
  threshold = 0.8,
  nearLimit: wanted = 200_000,
}: DuplicateOptions = {}): DuplicateIndex<Key> {
  const nearLimit = Math.min(wanted, MOST_NEAR)
  const exact = createDigestTable()
  /** Of every problem remembered, in order; the first `near` of them have signatures. */
  const keys: Key[] = []
  let near = 0
  const mostDifferent = Math.floor((1 - threshold) * HASHES)
  let signatures = new Uint16Array(HASHES * 64)
  let slots = FEWEST_SLOTS
  let tables = new Int32Array(BANDS * slots).fill(-1)

  function place(signature: Uint16Array, index: number): void {
    for (let band = 0; band < BANDS; band++) {
      const hash = bandHash(signature, band)
      tables[band * slots + (hash & (slots - 1))] = (markOf(hash) << INDEX_BITS) | index
    }
  }

  function makeRoom(): void {
    if ((near + 1) * HASHES > signatures.length) {
      const larger = new Uint16Array(Math.min(nearLimit * HASHES, signatures.length * 2))
      larger.set(signatures)
      signatures = larger
    }
    if (near < slots || slots >= MOST_SLOTS) return
    slots *= 2
    tables = new Int32Array(BANDS * slots).fill(-1)
    for (let index = 0; index < near; index++) place(signatures.subarray(index * HASHES, (index + 1) * HASHES), index)
  }

  function lookUp(evened: string): { digest: Uint32Array; match: Match<Key> | null; signature: Uint16Array | null } {
    const digest = digestOf(evened)
    const same = exact.find(digest)
    if (same >= 0) return { digest, match: { key: keys[same]!, similarity: 1 }, signature: null }
    const signature = minHash(evened)
    let best = -1
    let similarity = 0
    for (let band = 0; band < BANDS; band++) {
      const hash = bandHash(signature, band)
      const entry = tables[band * slots + (hash & (slots - 1))]!
      // Signatures lie far apart in memory: the few bits of the band's hash in its table spare looking at nearly all that differ.
      if (entry < 0 || entry >>> INDEX_BITS !== markOf(hash)) continue
      const candidate = entry & (MOST_NEAR - 1)
      if (candidate === best) continue
      const estimate = agreement(signature, signatures, candidate * HASHES, mostDifferent)
      if (estimate > similarity) {
        best = candidate
        similarity = estimate
      }
    }
    return { digest, match: similarity >= threshold ? { key: keys[best]!, similarity: Math.min(similarity, MOST_ALIKE) } : null, signature }
  }

  return {
    get size() {
      return exact.size
    },
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

const EMPTY = 0xffffffff
/** [64] what `minHash` gives, 16 bits of each hash. Refilled by every call. */
const signatureNow = new Uint16Array(HASHES)
const filledNow = new Uint32Array(HASHES)

/**
 * [64] the least hash among the shingles that fall into each bin; an empty bin borrows from the first filled one in an order of its own
 * (one-permutation hashing with optimal densification: Li, Owen and Zhang 2012; Shrivastava 2017). Each shingle is hashed once, not 64 times.
 */
function minHash(evened: string): Uint16Array {
  const words = wordHashes(evened)
  filledNow.fill(EMPTY)
  const last = Math.max(0, words.length - SHINGLE)
  for (let at = 0; at <= last; at++) {
    let shingle = 0x811c9dc5
    for (let word = at; word < at + SHINGLE && word < words.length; word++)
      shingle = Math.imul(shingle ^ words[word]!, 0x01000193) ^ (shingle >>> 15)
    shingle = Math.imul(shingle ^ (shingle >>> 16), 0x7feb352d)
    shingle = Math.imul(shingle ^ (shingle >>> 15), 0x846ca68b) >>> 0
    const bin = shingle >>> 26
    const value = (shingle << 6) >>> 0
    if (value < filledNow[bin]!) filledNow[bin] = value
  }
  for (let bin = 0; bin < HASHES; bin++) {
    let from = bin
    for (let turn = 0; filledNow[from] === EMPTY && turn < HASHES; turn++) from = donors[bin * HASHES + turn]!
    signatureNow[bin] = filledNow[from]! >>> 16
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
  for (let at = 0; at < evened.length;) {
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

/** 32 bits for a band's four hashes: its place in the table by the lowest, its mark by the highest. */
function bandHash(signature: Uint16Array, band: number): number {
  let hash = 0x811c9dc5
  for (let row = 0; row < ROWS; row++) hash = Math.imul(hash ^ signature[band * ROWS + row]!, 0x01000193) ^ (hash >>> 13)
  hash = Math.imul(hash ^ (hash >>> 16), 0x45d9f3b)
  return hash ^ (hash >>> 15)
}

const markOf = (hash: number): number => hash >>> 21

/** The share of equal hashes; 0 as soon as more than `mostDifferent` differ. */
function agreement(signature: Uint16Array, signatures: Uint16Array, from: number, mostDifferent: number): number {
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
