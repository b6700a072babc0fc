// Graphs as text: the whole of a small one, and how long data is cut.

import { expect, test } from 'vitest'
import { GraphBuilder } from '../../src-main/graph/builder.ts'
import { print } from '../../src-main/graph/print.ts'

test('a graph prints one line per part, in the order it runs', () => {
  const g = new GraphBuilder('scores')
  const tokens = g.input('tokens', 'int64', ['B', 'T'])
  const table = g.input('table', 'float32', [10, 4])
  const x = g.reshape(g.gather(table, tokens), ['B*T', 4])
  const [left, right] = g.split(g.gemm(x, table, null, { transB: true, alpha: 0.5 }), 1, [6, 4])
  g.output('loss', g.reduceSum(g.mul(right, 2), undefined, false))
  g.output('left', left)
  expect(print(g.build())).toBe(`graph scores
  input tokens int64[B,T]
  input table float32[10,4]
  constant Constant_4 float32[] {2}
  Gather_0 float32[B,T,4] = Gather(table, tokens, axis=0)
  Reshape_1 float32[B*T,4] = Reshape(Gather_0, shape=[B*T,4])
  Gemm_2 float32[B*T,10] = Gemm(Reshape_1, table, transA=false, transB=true, alpha=0.5, beta=1)
  Split_3 float32[B*T,6], Split_3.1 float32[B*T,4] = Split(Gemm_2, axis=1, sizes=[6,4])
  Mul_5 float32[B*T,4] = Mul(Split_3.1, Constant_4)
  ReduceSum_6 float32[] = ReduceSum(Mul_5, axes=[0,1], keepdims=false)
  output loss = ReduceSum_6
  output left = Split_3
`)
})

test('long constants are cut and counted, and a node without inputs prints its attributes alone', () => {
  const g = new GraphBuilder('long')
  g.output(
    'c',
    g.add(
      g.constant(
        Float32Array.from({ length: 9 }, (_, i) => i),
        [9],
        'c0',
      ),
      g.constantOfShape([9], 1),
    ),
  )
  expect(print(g.build())).toBe(`graph long
  constant c0 float32[9] {0, 1, 2, 3, 4, 5, 6, 7, ... 9 in all}
  ConstantOfShape_0 float32[9] = ConstantOfShape(shape=[9], value=1, dtype=float32)
  Add_1 float32[9] = Add(c0, ConstantOfShape_0)
  output c = Add_1
`)
})
