// Random numbers that depend only on (seed, stream, index): Philox4x32-10 of Salmon, Moraes, Dror and Shaw,
// "Parallel random numbers: as easy as 1, 2, 3" (SC 2011). Draw number i can be computed without drawing the
// ones before it, so a result does not depend on batch size or on the order in which work is done.
// The native sampler uses the same layout: key = 64-bit seed, counter = (index low, index high, stream, 0).
// Left out: cryptographic strength, and seeds above 2^53 - 1 (a seed is a plain number, so that it can be stored).

/** A seed: a whole number from 0 to 2^53 - 1. */
export type Seed = number

/** Seeded generator. Every call moves `index` on, so the same seed and the same calls give the same numbers. */
export interface Rng {
  /** Uniform in [0, 1) with 53 bits. The i-th call equals `uniformAt(seed, stream, i)`. */
  float(): number
  /** Uniform whole number in 0..n-1. */
  int(n: number): number
  /** Uniform whole number in low..high, both included. */
  between(low: number, high: number): number
  /** True with probability p. */
  chance(p: number): boolean
  /** Standard normal (Box-Muller, two uniforms a call). */
  gaussian(): number
  /** One item, uniformly. */
  pick<T>(items: ArrayLike<T>): T
  /** A shuffled copy (Fisher-Yates). */
  shuffle<T>(items: readonly T[]): T[]
}

const MULTIPLIER_0 = 0xd2511f53
const MULTIPLIER_1 = 0xcd9e8d57
const WEYL_0 = 0x9e3779b9
const WEYL_1 = 0xbb67ae85
/** Words that one counter gives. */
const BLOCK = 4
const TWO_26 = 2 ** 26
const TWO_32 = 2 ** 32
const TWO_53 = 2 ** 53

/** High 32 bits of the 64-bit product of two unsigned 32-bit words, through 16-bit halves. */
function highProduct(a: number, b: number): number {
  const aLow = a & 0xffff
  const aHigh = a >>> 16
  const bLow = b & 0xffff
  const bHigh = b >>> 16
  const middle = Math.imul(aHigh, bLow) >>> 0
  const carry = (Math.imul(aLow, bLow) >>> 16) + (middle & 0xffff) + (Math.imul(aLow, bHigh) >>> 0)
  return Math.imul(aHigh, bHigh) + (middle >>> 16) + Math.floor(carry / 65536)
}

/**
 * One Philox4x32-10 block.
 * @param key0, key1 low and high word of the key
 * @param c0, c1, c2, c3 counter words
 * @param out receives the four output words, unsigned 32 bit
 */
export function philox4x32(key0: number, key1: number, c0: number, c1: number, c2: number, c3: number, out: Uint32Array): void {
  for (let round = 0; round < 10; round++) {
    const high0 = highProduct(MULTIPLIER_0, c0)
    const high1 = highProduct(MULTIPLIER_1, c2)
    const low0 = Math.imul(MULTIPLIER_0, c0)
    const low1 = Math.imul(MULTIPLIER_1, c2)
    c0 = high1 ^ c1 ^ key0
    c2 = high0 ^ c3 ^ key1
    c1 = low1
    c3 = low0
    key0 = (key0 + WEYL_0) | 0
    key1 = (key1 + WEYL_1) | 0
  }
  out[0] = c0
  out[1] = c1
  out[2] = c2
  out[3] = c3
}

/** The two 32-bit key words of a seed, as the native generator wants them. Throws RangeError on an unusable seed. */
export function seedWords(seed: Seed): readonly [low: number, high: number] {
  if (!Number.isSafeInteger(seed) || seed < 0) {
    throw new RangeError(`a seed must be a whole number from 0 to ${Number.MAX_SAFE_INTEGER}, found ${seed}`)
  }
  return [seed % TWO_32, Math.floor(seed / TWO_32)]
}

/** The uniform that the native generator draws for (seed, stream, index): ((x0 >>> 5) 2^26 + (x1 >>> 6)) / 2^53. */
export function uniformAt(seed: Seed, stream: number, index: number): number {
  return uniformOf(seedWords(seed), stream, index, new Uint32Array(BLOCK))
}

/** @param words is written over */
function uniformOf([low, high]: readonly [low: number, high: number], stream: number, index: number, words: Uint32Array): number {
  philox4x32(low, high, index % TWO_32, Math.floor(index / TWO_32), stream, 0, words)
  return ((words[0] >>> 5) * TWO_26 + (words[1] >>> 6)) / TWO_53
}

/** A generator over the draws of one stream (0..2^32-1) of a seed. */
export function createRng(seed: Seed, stream = 0): Rng {
  const key = seedWords(seed)
  const words = new Uint32Array(BLOCK)
  let index = 0

  const float = (): number => uniformOf(key, stream, index++, words)
  const int = (n: number): number => Math.floor(float() * n)

  return {
    float,
    int,
    between: (from, to) => from + int(to - from + 1),
    chance: (p) => float() < p,
    gaussian: () => {
      const radius = Math.sqrt(-2 * Math.log(1 - float()))
      return radius * Math.cos(2 * Math.PI * float())
    },
    pick: (items) => {
      if (items.length === 0) throw new RangeError('cannot pick from an empty list')
      return items[int(items.length)]
    },
    shuffle: (items) => {
      const copy = items.slice()
      for (let i = copy.length - 1; i > 0; i--) {
        const j = int(i + 1)
        const held = copy[i]
        copy[i] = copy[j]
        copy[j] = held
      }
      return copy
    },
  }
}

/**
 * Fills `out` with uniform whole numbers in 0..n-1, four to a block, for the inner loop of a bootstrap.
 * The k-th fill of a (seed, stream) is independent of the others. Bias of a value is below n / 2^32.
 */
export function fillIndices(out: Int32Array, n: number, seed: Seed, stream: number, fill: number): void {
  const [low, high] = seedWords(seed)
  const words = new Uint32Array(BLOCK)
  for (let i = 0, block = 0; i < out.length; block++) {
    philox4x32(low, high, block, fill, stream, FILL_DOMAIN, words)
    for (let w = 0; w < BLOCK && i < out.length; w++, i++) out[i] = Math.floor((words[w] * n) / TWO_32)
  }
}

// The last counter word keeps the three uses of one key apart: draws (0), bulk fills and derivation of seeds.
const FILL_DOMAIN = 1
const DERIVE_DOMAIN = 2

/**
 * A new seed for a named part of the work, e.g. `deriveSeed(runSeed, 'rollout', step, row)`.
 * Different labels give unrelated seeds; the string '1' and the number 1 are different labels.
 */
export function deriveSeed(seed: Seed, ...labels: readonly (string | number)[]): Seed {
  let [low, high] = seedWords(seed)
  const words = new Uint32Array(BLOCK)
  const absorb = (a: number, b: number, kind: number): void => {
    philox4x32(low, high, a, b, kind, DERIVE_DOMAIN, words)
    low = words[0]
    high = words[1]
  }
  const bits = new Uint32Array(2)
  const asDouble = new Float64Array(bits.buffer)
  for (const label of labels) {
    if (typeof label === 'number') {
      asDouble[0] = label
      absorb(bits[0], bits[1], 1)
    } else {
      absorb(label.length, 0, 2)
      for (let i = 0; i < label.length; i += 2) absorb(label.charCodeAt(i), label.charCodeAt(i + 1) | 0, 3)
    }
  }
  absorb(labels.length, 0, 4)
  return (high >>> 11) * TWO_32 + low
}
