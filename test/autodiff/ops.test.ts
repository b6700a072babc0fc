// Every op of the table, forward and backward: values against a float64 interpreter, gradients against finite
// differences in float64, on the interpreter itself, on ONNX Runtime's CPU provider and on its WebGPU
// provider (a software Vulkan driver where there is no GPU).

import { beforeAll, describe, expect, test } from 'vitest'
import { gradientName, gradients } from '../../src-main/autodiff/gradients.ts'
import { GraphBuilder } from '../../src-main/graph/builder.ts'
import { evaluateDim } from '../../src-main/graph/dims.ts'
import type { Graph } from '../../src-main/graph/ir.ts'
import { OPS } from '../../src-main/graph/ops.ts'
import { createRng } from '../../src-main/numeric/rng.ts'
import type { Rng } from '../../src-main/numeric/rng.ts'
import { CASES, SIZES } from '../graph/cases.ts'
import type { Case, Input } from '../graph/cases.ts'
import { runOnCpu, runOnWebgpu } from '../graph/ort.ts'
import type { Feeds } from '../graph/ort.ts'
import { randomArray } from '../graph/random.ts'
import { interpret, ndarray } from '../graph/reference.ts'
import type { NdArray } from '../graph/reference.ts'
import { differences, distance } from './differences.ts'

type Tensors = Readonly<Record<string, NdArray>>

interface Prepared {
  readonly title: string
  readonly graph: Graph
  readonly feeds: Feeds
  readonly expected: Tensors
}

function randomInput({ dtype, shape, range: [low, high], values }: Input, rng: Rng): NdArray {
  const sizes = shape.map((d) => evaluateDim(d, SIZES))
  if (values) return ndarray(sizes, values)
  const array = randomArray(sizes, rng, low, high)
  return dtype === 'float32' ? array : ndarray(sizes, array.data.map(Math.floor))
}

/** The case's graph with outputs y, loss = sum(y * w) for random w, and the loss's gradients, with what they should be. */
function prepare(c: Case, seed: number): Prepared {
  const g = new GraphBuilder(c.title)
  const rng = createRng(seed)
  const x = Object.fromEntries(Object.entries(c.inputs).map(([name, input]) => [name, g.input(name, input.dtype, input.shape)]))
  const feeds: Record<string, NdArray> = Object.fromEntries(
    Object.entries(c.inputs).map(([name, input]) => [name, randomInput(input, rng)]),
  )
  const y = c.build(g, x)
  g.output('y', y)
  const targets =
    y.dtype === 'float32' ? Object.keys(c.inputs).filter((name) => c.inputs[name].dtype === 'float32' && !c.constant?.includes(name)) : []
  if (targets.length > 0) {
    const w = g.input('w', 'float32', y.shape)
    feeds.w = randomInput({ dtype: 'float32', shape: y.shape, range: [-1, 1] }, rng)
    g.output('loss', g.reduceSum(g.mul(y, w), undefined, false))
  }
  const forward = g.build()
  const slopes = targets.map((target) => [gradientName(target), differences(forward, feeds, 'loss', target)])
  return {
    title: c.title,
    graph: targets.length > 0 ? gradients(forward, 'loss', targets) : forward,
    feeds,
    expected: { ...interpret(forward, feeds), ...Object.fromEntries(slopes) },
  }
}

// Vulkan grants sin and cos an absolute error of 2^-11; nothing else comes near it.
const TOLERANCE = { reference: 1e-7, cpu: 1e-5, webgpu: 5e-4 }

function expectClose(found: Tensors, expected: Tensors, tolerance: number): void {
  const distances = Object.fromEntries(Object.keys(expected).map((name) => [name, distance(found[name], expected[name])]))
  const wrong = Object.entries(distances).filter(([, d]) => !(d < tolerance))
  expect(wrong, `outputs further than ${tolerance} from the reference`).toEqual([])
}

const prepared = CASES.map((c, i) => prepare(c, i + 1))

test('the table of cases uses every op, forward or backward', () => {
  const used = new Set(prepared.flatMap(({ graph }) => graph.nodes.map((node) => node.op as string)))
  expect(Object.keys(OPS).filter((op) => !used.has(op))).toEqual([])
})

describe('in float64, the written gradients equal finite differences', () => {
  test.each(prepared)('$title', ({ graph, feeds, expected }) => {
    expectClose(interpret(graph, feeds), expected, TOLERANCE.reference)
  })
})

describe('the CPU provider agrees with the reference, forward and backward', () => {
  test.each(prepared)('$title', async ({ graph, feeds, expected }) => {
    expectClose(await runOnCpu(graph, feeds), expected, TOLERANCE.cpu)
  })
})

describe('the WebGPU provider agrees with the reference, forward and backward', () => {
  // What is held in 4 bits is read on the processor alone: ORT does not bring such numbers to this device.
  const taken = prepared.filter(({ graph }) => !graph.inputs.some(({ dtype }) => dtype === 'uint4'))
  let results: readonly Tensors[]
  beforeAll(async () => {
    results = await runOnWebgpu(taken)
  }, 600_000)

  test.each(taken.map((p, i) => ({ ...p, i })))('$title', ({ i, expected }) => {
    expectClose(results[i], expected, TOLERANCE.webgpu)
  })
})
