// Seeded numbers for the tests: the same seed gives the same tensors on every machine.

import { ndarray } from './reference.ts'
import type { NdArray } from './reference.ts'

/** A generator of numbers in [0, 1) (mulberry32). */
export function uniform(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

/** Float32 values in [low, high), so that single precision starts from exactly the same numbers. */
export function randomArray(shape: readonly number[], next: () => number, low = -1.5, high = 1.5): NdArray {
  const size = shape.reduce((product, d) => product * d, 1)
  return ndarray(shape, Float32Array.from({ length: size }, () => low + (high - low) * next()))
}
