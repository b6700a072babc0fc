// Seeded tensors for the tests: the same generator gives the same tensors on every machine.

import type { Rng } from '../../src-main/numeric/rng.ts'
import { ndarray } from './reference.ts'
import type { NdArray } from './reference.ts'

/** Float32 values in [low, high), so that single precision starts from exactly the same numbers. */
export function randomArray(shape: readonly number[], rng: Rng, low = -1.5, high = 1.5): NdArray {
  const size = shape.reduce((product, d) => product * d, 1)
  return ndarray(
    shape,
    Float32Array.from({ length: size }, () => low + (high - low) * rng.float()),
  )
}
