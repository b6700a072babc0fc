// The builder: what it infers, what it refuses and where, what it shares and what it drops.

import { describe, expect, test } from 'vitest'
import { GraphBuilder } from '../../src-main/graph/builder.ts'
import type { Value } from '../../src-main/graph/ir.ts'

function start(): { g: GraphBuilder; x: Value; w: Value; tokens: Value } {
  const g = new GraphBuilder('test')
  return {
    g,
    x: g.input('x', 'float32', ['B', 'T', 4]),
    w: g.input('w', 'float32', [3, 4]),
    tokens: g.input('tokens', 'int64', ['B', 'T']),
  }
}

test('shapes follow the names through flattening, products and back', () => {
  const { g, x, w } = start()
  const y = g.gemm(g.reshape(x, ['T*B', 4]), w, null, { transB: true })
  expect(y.shape).toEqual(['B*T', 3])
  expect(g.reshape(y, ['B', 'T', 3]).shape).toEqual(['B', 'T', 3])
  expect(g.slice(x, 1, 0, -1).shape).toEqual(['B', 'T-1', 4])
  expect(g.gather(w, g.range(0, 2)).shape).toEqual([2, 4])
})

test('an expression written twice is one node', () => {
  const { g, x } = start()
  expect(g.exp(g.mul(x, 2))).toBe(g.exp(g.mul(x, 2)))
  expect(g.constantOfShape([2], Infinity)).not.toBe(g.constantOfShape([2], -Infinity))
  expect(g.scalar(0)).not.toBe(g.scalar(-0))
})

test('operations that would change nothing make no node', () => {
  const { g, x } = start()
  expect(g.reshape(x, ['B', 'T', 4])).toBe(x)
  expect(g.expand(x, ['B', 'T', 4])).toBe(x)
  expect(g.transpose(x, [0, 1, 2])).toBe(x)
  expect(g.slice(x, 1, 0)).toBe(x)
  expect(g.cast(x, 'float32')).toBe(x)
  expect(g.concat([x], 0)).toBe(x)
})

test('a number takes the type of the value beside it', () => {
  const { g, tokens } = start()
  expect(g.add(tokens, 1).dtype).toBe('int64')
  expect(g.less(1, tokens).dtype).toBe('bool')
})

test('nodes and constants no output needs are dropped, inputs are kept', () => {
  const { g, x } = start()
  g.exp(g.mul(x, 3))
  g.output('y', g.neg(x))
  const graph = g.build()
  expect(graph.nodes.map((node) => node.op)).toEqual(['Neg'])
  expect(graph.constants).toEqual([])
  expect(graph.inputs.map((input) => input.name)).toEqual(['x', 'w', 'tokens'])
})

test('a builder that goes on from a graph shares its nodes and keeps its outputs', () => {
  const { g, x } = start()
  const y = g.exp(x)
  g.output('y', y)
  const more = GraphBuilder.from(g.build())
  expect(more.exp(more.value('x'))).toBe(more.value(y.name))
  more.output('z', more.neg(y))
  expect(more.build().outputs.map((output) => output.name)).toEqual(['y', 'z'])
})

describe('a mistake fails where it is written, with the node, what was expected and what was found', () => {
  const mistakes: readonly [string, (t: ReturnType<typeof start>) => unknown, string][] = [
    [
      'dtypes that differ',
      ({ g, x, tokens }) => g.add(x, tokens),
      "Add 'Add_0': expected numbers of one type, found float32[B,T,4] and int64[B,T]",
    ],
    [
      'shapes that do not broadcast',
      ({ g, x, w }) => g.mul(x, w),
      "Mul 'Mul_0': expected shapes that broadcast, found float32[B,T,4] and float32[3,4]",
    ],
    [
      'inner dimensions',
      ({ g, x, w }) => g.matMul(x, w),
      "MatMul 'MatMul_0': expected equal inner dimensions, found 4 and 3 of float32[B,T,4] and float32[3,4]",
    ],
    ['a Gemm of three axes', ({ g, x, w }) => g.gemm(x, w), 'expected rank 2'],
    [
      'a bias that does not fit',
      ({ g, w }) => g.gemm(w, w, w, { transB: true }),
      'expected a shape that broadcasts to [3,3], found float32[3,4]',
    ],
    ['a reshape of other size', ({ g, x }) => g.reshape(x, ['B', 4]), 'expected 4*B*T elements as in float32[B,T,4], found 4*B in [B,4]'],
    ['an expand to fewer', ({ g, x }) => g.expand(x, [1, 'T', 4]), 'expected a shape that broadcasts to [1,T,4]'],
    ['an axis out of range', ({ g, x }) => g.softmax(x, 3), 'expected distinct axes in 0..2, found [3]'],
    ['an axis named twice', ({ g, x }) => g.reduceSum(x, [1, -2]), 'expected distinct axes in 0..2, found [1,1]'],
    ['a squeeze of a full axis', ({ g, x }) => g.squeeze(x, [2]), 'expected 1 at axes [2]'],
    ['split sizes', ({ g, x }) => g.split(x, 2, [1, 2]), 'expected sizes adding up to 4, found [1,2]'],
    ['a slice past the end', ({ g, x }) => g.slice(x, 2, 1, 5), 'expected 0 <= start <= end <= size'],
    ['parts that do not join', ({ g, x, w }) => g.concat([x, w], 0), 'expected inputs that differ in axis 0 only'],
    ['float indices', ({ g, x, w }) => g.gather(w, x), 'expected integer indices'],
    [
      'updates of another shape',
      ({ g, w }) => g.scatterElements(w, g.constantOfShape([3, 2], 0, 'int64'), w),
      'expected one update per index',
    ],
    ['a condition that is no boolean', ({ g, x }) => g.where(x, x, x), 'expected bool, found float32[B,T,4]'],
    ['heads of an odd size', ({ g, x, tokens, w }) => g.rotaryEmbedding(x, tokens, w, w), 'expected heads of size 8, found float32[B,T,4]'],
    ['an input declared twice', ({ g }) => g.input('x', 'bool', []), "graph 'test': 'x' is declared twice"],
    ['an output named twice', ({ g, x }) => [g.output('y', x), g.output('y', x)], "output 'y' is named twice"],
    ['a value of another graph', ({ g }) => g.neg(start().x), "graph 'test': value 'x' belongs to another graph"],
    ['an unknown name', ({ g }) => g.value('nothing'), "graph 'test' has no value 'nothing'"],
    ['half a token', ({ g, tokens }) => g.mul(tokens, 0.5), 'a scalar of type int64 cannot be 0.5'],
    ['a constant that is not full', ({ g }) => g.constant(new Float32Array(3), [2, 2], 'c'), "constant 'c': 3 elements do not fill [2,2]"],
  ]

  test.each(mistakes)('%s', (_, mistake, message) => {
    expect(() => mistake(start())).toThrow(message)
  })
})
