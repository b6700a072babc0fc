// Central finite differences in float64: the oracle for gradients, and how far two tensors are apart.

import { interpret, ndarray } from '../graph/reference.ts'
import type { Feeds } from '../graph/ort.ts'
import type { NdArray } from '../graph/reference.ts'
import type { Graph } from '../../src-main/graph/ir.ts'

const STEP = 1e-5

/** d loss / d target by (f(x + h) - f(x - h)) / 2h, one element at a time. */
export function differences(graph: Graph, feeds: Feeds, loss: string, target: string): NdArray {
  const x = feeds[target]
  const lossAt = (i: number, value: number): number =>
    interpret(graph, { ...feeds, [target]: ndarray(x.shape, x.data.with(i, value)) })[loss].data[0]
  return ndarray(
    x.shape,
    x.data.map((value, i) => (lossAt(i, value + STEP) - lossAt(i, value - STEP)) / (2 * STEP)),
  )
}

/** Largest difference between two tensors, relative to the largest element when that exceeds 1; NaN when shapes differ. */
export function distance(found: NdArray, expected: NdArray): number {
  if (found.shape.join() !== expected.shape.join()) return NaN
  const scale = expected.data.reduce((most, v) => Math.max(most, Math.abs(v)), 1)
  return expected.data.reduce((worst, v, i) => Math.max(worst, Math.abs(v - found.data[i]) / scale), 0)
}
