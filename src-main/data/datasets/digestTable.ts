// A set of texts by their digests, small enough for millions: 96 bits each in flat arrays instead of a string and a map's entry.
// Two different texts of a million share 96 bits with a chance of about 10^-17.

import { hash } from 'node:crypto'

const WORDS = 3
const FEWEST = 1 << 10

/** [3] the first 96 bits of the text's MD5. Refilled by every call. */
const digestNow = new Uint32Array(WORDS)

export function digestOf(text: string): Uint32Array {
  const bytes = hash('md5', text, 'buffer')
  for (let word = 0; word < WORDS; word++) digestNow[word] = bytes.readUInt32LE(4 * word)
  return digestNow
}

export interface DigestTable {
  readonly size: number
  /** The place at which this digest was added, counted from 0; -1 when it was not. */
  find(digest: Uint32Array): number
  /** Adds a digest that is not there yet; returns its place. */
  add(digest: Uint32Array): number
}

/** An empty table: digests in the order they came, found by open addressing at most two thirds full. */
export function createDigestTable(): DigestTable {
  let digests = new Uint32Array(FEWEST * WORDS)
  let slots = new Int32Array(2 * FEWEST).fill(-1)
  let size = 0

  const same = (place: number, digest: Uint32Array): boolean =>
    digests[place * WORDS] === digest[0] && digests[place * WORDS + 1] === digest[1] && digests[place * WORDS + 2] === digest[2]

  /** The slot that holds the digest, or the free one where it would stand. */
  function slotOf(digest: Uint32Array): number {
    let slot = digest[0]! & (slots.length - 1)
    while (slots[slot]! >= 0 && !same(slots[slot]!, digest)) slot = (slot + 1) & (slots.length - 1)
    return slot
  }

  function grow(): void {
    const larger = new Uint32Array(digests.length * 2)
    larger.set(digests)
    digests = larger
  }

  function spread(): void {
    slots = new Int32Array(slots.length * 2).fill(-1)
    for (let place = 0; place < size; place++) slots[slotOf(digests.subarray(place * WORDS, (place + 1) * WORDS))] = place
  }

  return {
    get size() {
      return size
    },
    find: (digest) => slots[slotOf(digest)]!,
    add(digest) {
      if ((size + 1) * WORDS > digests.length) grow()
      if (3 * (size + 1) > 2 * slots.length) spread()
      digests.set(digest, size * WORDS)
      slots[slotOf(digest)] = size
      return size++
    },
  }
}
