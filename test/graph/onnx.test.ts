// Graphs as ONNX models: names, sizes worked out from names at run time, and stored tensors, as ORT sees them.

import { expect, test } from 'vitest'
import { GraphBuilder } from '../../src-main/graph/builder.ts'
import type { Graph } from '../../src-main/graph/ir.ts'
import { toOnnx } from '../../src-main/graph/onnx.ts'
import { runOnCpu } from './ort.ts'
import { interpret, ndarray } from './reference.ts'
import type { NdArray } from './reference.ts'

const count = (...shape: number[]): NdArray =>
  ndarray(
    shape,
    Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => i),
  )

async function expectSame(graph: Graph, feeds: Readonly<Record<string, NdArray>>): Promise<void> {
  expect(await runOnCpu(graph, feeds)).toEqual(interpret(graph, feeds))
}

test('one model serves every size of its named dimensions', async () => {
  const g = new GraphBuilder('sizes')
  const x = g.input('x', 'float32', ['B', 'T', 6])
  const flat = g.reshape(x, ['B*T', 6])
  g.output('heads', g.transpose(g.reshape(flat, ['B', 'T', 2, 3]), [0, 2, 1, 3]))
  g.output('pairs', g.reshape(flat, [3, 'T', 'B', 2]))
  g.output('ones', g.constantOfShape(['B*T-1', 2], 1, 'int32'))
  g.output('middle', g.slice(g.pad(x, 1, 'T', 1), 1, 'T-1', '2*T'))
  g.output('parts', g.split(g.pad(x, 0, 'B', 0), 0, ['B', 'B'])[1])
  g.output('positions', g.range('T', '2*T'))
  const graph = g.build()
  await expectSame(graph, { x: count(2, 3, 6) })
  await expectSame(graph, { x: count(1, 5, 6) })
})

test('an output may be an input, a constant, a stopped value, or a value under a second name', async () => {
  const g = new GraphBuilder('names')
  const x = g.input('x', 'float32', [2])
  const y = g.exp(x)
  g.output('same', x)
  g.output('fixed', g.constant(Int32Array.of(1, 2), [2]))
  g.output('first', y)
  g.output('second', y)
  g.output('stopped', g.stopGradient(g.stopGradient(g.mul(x, 2))))
  const graph = g.build()
  const found = await runOnCpu(graph, { x: count(2) })
  const expected = interpret(graph, { x: count(2) })
  expect(Object.keys(found)).toEqual(['same', 'fixed', 'first', 'second', 'stopped'])
  for (const name of Object.keys(found)) expect([...found[name].data]).toEqual([...Float32Array.from(expected[name].data)])
})

test('stored tensors of every type arrive bit for bit', async () => {
  const g = new GraphBuilder('data')
  g.output('floats', g.constant(Float32Array.of(Math.fround(0.1), -Infinity, 1e-40), [3]))
  g.output('longs', g.constant(BigInt64Array.of(-(2n ** 52n), 7n), [2]))
  g.output('ints', g.constant(Int32Array.of(-(2 ** 31), 5), [2]))
  g.output('bools', g.constant(Uint8Array.of(1, 0, 1), [3]))
  // A view into a larger buffer: only its own bytes are written.
  g.output('view', g.constant(Float32Array.of(1, 2, 3, 4).subarray(1, 3), [2]))
  await expectSame(g.build(), {})
})

test('a graph that does not verify is not written', () => {
  const g = new GraphBuilder('broken')
  g.output('y', g.neg(g.input('x', 'float32', [2])))
  const graph = g.build()
  expect(() => toOnnx({ ...graph, inputs: [] })).toThrow("Neg 'Neg_0': input 'x' is not declared")
})
