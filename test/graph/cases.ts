// One small use of every op, several where attributes or broadcasting change what it does. The same table is
// run through the float64 reference, finite differences, ONNX Runtime on the CPU and on WebGPU.

import type { GraphBuilder } from '../../src-main/graph/builder.ts'
import type { Shape } from '../../src-main/graph/dims.ts'
import type { Dtype, Value } from '../../src-main/graph/ir.ts'
import type { Sizes } from './reference.ts'

/** The sizes the symbolic dimensions of all cases have. */
export const SIZES: Sizes = { B: 2, T: 3, N: 5 }

/** An input: type, shape, and where its values lie ([low, high), whole numbers unless float32). */
export interface Input {
  readonly dtype: Dtype
  readonly shape: Shape
  readonly range: readonly [low: number, high: number]
  /** Given values instead of random ones. */
  readonly values?: readonly number[]
}

export interface Case {
  readonly title: string
  /** Float inputs to which no gradient flows, by design. */
  readonly constant?: readonly string[]
  readonly inputs: Readonly<Record<string, Input>>
  /** The value under test; the loss is its sum under fixed random weights. */
  readonly build: (g: GraphBuilder, x: Readonly<Record<string, Value>>) => Value
}

const float = (...shape: Shape): Input => ({ dtype: 'float32', shape, range: [-1.5, 1.5] })
const positive = (...shape: Shape): Input => ({ dtype: 'float32', shape, range: [0.3, 2] })
const index = (limit: number, ...shape: Shape): Input => ({ dtype: 'int64', shape, range: [0, limit] })
const bool = (...shape: Shape): Input => ({ dtype: 'bool', shape, range: [0, 2] })
const given = (dtype: Dtype, shape: Shape, values: readonly number[]): Input => ({ dtype, shape, range: [0, 0], values })

type Binary = 'add' | 'sub' | 'mul' | 'div' | 'pow' | 'min' | 'max' | 'equal' | 'less' | 'lessOrEqual' | 'greater' | 'greaterOrEqual'
type Unary =
  | 'neg'
  | 'abs'
  | 'sign'
  | 'exp'
  | 'log'
  | 'sqrt'
  | 'reciprocal'
  | 'sigmoid'
  | 'tanh'
  | 'relu'
  | 'softplus'
  | 'erf'
  | 'cos'
  | 'sin'
  | 'quickGelu'
  | 'identity'

const binary = (op: Binary, a = float('B', 'T', 4), b = float('B', 'T', 4), title: string = op): Case => ({
  title,
  inputs: { a, b },
  build: (g, x) => g[op](x.a, x.b),
})
const unary = (op: Unary, x = float('B', 4)): Case => ({ title: op, inputs: { x }, build: (g, v) => g[op](v.x) })
const one = (title: string, x: Input, build: (g: GraphBuilder, x: Value) => Value): Case => ({
  title,
  inputs: { x },
  build: (g, v) => build(g, v.x),
})
const two = (title: string, a: Input, b: Input, build: (g: GraphBuilder, a: Value, b: Value) => Value): Case => ({
  title,
  inputs: { a, b },
  build: (g, v) => build(g, v.a, v.b),
})

const swaps = [false, true].flatMap((transA) => [false, true].map((transB) => ({ transA, transB })))
const matrixShape = (rows: Shape[number], columns: Shape[number], swapped: boolean): Shape => (swapped ? [columns, rows] : [rows, columns])

const whole = (x: Input): Input => ({ ...x, dtype: 'int32', range: [0, 3] })

/** The case with these inputs, or all of them, taken as constants. */
const constant = (c: Case, ...names: readonly string[]): Case => ({ ...c, constant: names.length > 0 ? names : Object.keys(c.inputs) })

/** Angles and positions of a rotary embedding for heads of size 8, up to 6 positions. */
const rotary = { positions: index(6, 'B', 'T'), cos: float(6, 4), sin: float(6, 4) }

const cached = { heads: 4, kvHeads: 2, size: 16, longest: 6 }

export const CASES: readonly Case[] = [
  ...(['add', 'sub', 'mul', 'min', 'max'] as const).map((op) => binary(op)),
  binary('div', float('B', 'T', 4), positive('B', 'T', 4)),
  binary('pow', positive('B', 4), float('B', 4)),
  one('pow with a number', float('B', 4), (g, x) => g.pow(x, 3)),
  ...(['neg', 'abs', 'exp', 'sigmoid', 'tanh', 'relu', 'softplus', 'erf', 'cos', 'sin', 'quickGelu', 'identity'] as const).map((op) =>
    unary(op),
  ),
  constant(unary('sign')),
  ...(['log', 'sqrt', 'reciprocal'] as const).map((op) => unary(op, positive('B', 4))),
  one('quickGelu with another alpha', float('B', 4), (g, x) => g.quickGelu(x, 1.7)),
  one('clip between two bounds', float('B', 'T', 4), (g, x) => g.clip(x, -0.5, 0.75)),
  one('clip from above only', float('B', 4), (g, x) => g.clip(x, -Infinity, 0.25)),

  binary('add', float('B', 'T', 4), float(4), 'add of a row'),
  binary('add', float(), float('B', 'T', 4), 'add of a scalar'),
  binary('sub', float('T', 1), float('B', 'T', 4), 'sub of a broadcast column'),
  binary('mul', float('B', 'T', 4), float(1, 'T', 1), 'mul by a middle axis'),
  binary('mul', float('B', 1, 4), float('T', 1), 'mul where both sides broadcast'),
  binary('div', float('B', 'T', 4), positive('B', 1, 1), 'div by a leading axis'),
  one('mul of a value by itself', float('B', 4), (g, x) => g.mul(x, x)),
  two('a sum added to every element', float('B', 'T', 4), float('B', 'T', 4), (g, a, b) => g.add(a, g.reduceSum(b, [1, 2]))),
  two('a total subtracted from a row added to it', float('B', 4), float(4), (g, a, b) => g.sub(g.reduceSum(a), g.add(a, b))),
  two('a sum of a broadcast row', float('B', 'T', 4), float(4), (g, a, b) => g.reduceSum(g.add(a, b))),
  two('a sum of a broadcast middle axis', float('B', 'T', 4), float('T', 1), (g, a, b) => g.reduceSum(g.sub(a, b), [0, 2])),

  ...(['equal', 'less', 'lessOrEqual', 'greater', 'greaterOrEqual'] as const).map((op) =>
    binary(op, whole(float('B', 'T', 4)), whole(float('T', 1))),
  ),
  two('and', bool('B', 4), bool(4), (g, a, b) => g.and(a, b)),
  two('or', bool('B', 4), bool(4), (g, a, b) => g.or(a, b)),
  one('not', bool('B', 4), (g, x) => g.not(x)),
  { title: 'where', inputs: { c: bool('B', 1, 4), a: float('B', 'T', 4), b: float(4) }, build: (g, { c, a, b }) => g.where(c, a, b) },
  one('where with a number', float('B', 4), (g, x) => g.where(g.less(x, 0), x, 2)),
  one('cast to whole numbers', float('B', 4), (g, x) => g.cast(x, 'int64')),
  one('cast of booleans', bool('B', 4), (g, x) => g.cast(x, 'float32')),

  ...swaps.map((swap) =>
    two(`gemm ${JSON.stringify(swap)}`, float(...matrixShape('N', 4, swap.transA)), float(...matrixShape(4, 3, swap.transB)), (g, a, b) =>
      g.gemm(a, b, null, { ...swap, alpha: 0.5 }),
    ),
  ),
  {
    title: 'gemm with a bias',
    inputs: { a: float('N', 4), b: float(3, 4), c: float(3) },
    build: (g, { a, b, c }) => g.gemm(a, b, c, { transB: true }),
  },
  {
    title: 'gemm with a scaled column',
    inputs: { a: float('N', 4), b: float(4, 3), c: float('N', 1) },
    build: (g, { a, b, c }) => g.gemm(a, b, c, { beta: 0.5 }),
  },
  two('matMul', float('B', 'T', 4), float('B', 4, 3), (g, a, b) => g.matMul(a, b)),
  two('matMul by one matrix', float('B', 'T', 4), float(4, 3), (g, a, b) => g.matMul(a, b)),
  ...swaps.map((swap) =>
    two(
      `fusedMatMul ${JSON.stringify(swap)}`,
      float('B', ...matrixShape('T', 4, swap.transA)),
      float('B', ...matrixShape(4, 'N', swap.transB)),
      (g, a, b) => g.fusedMatMul(a, b, { ...swap, alpha: 0.5 }),
    ),
  ),
  two('fusedMatMul with broadcast heads', float('B', 2, 'T', 4), float('B', 1, 'T', 4), (g, a, b) => g.fusedMatMul(a, b, { transB: true })),

  one('reduceSum over all axes', float('B', 'T', 4), (g, x) => g.reduceSum(x, undefined, false)),
  one('reduceSum dropping a middle axis', float('B', 'T', 4), (g, x) => g.reduceSum(x, [1], false)),
  one('reduceMean over the last axis', float('B', 'T', 4), (g, x) => g.reduceMean(x, [-1])),
  one('reduceMean over named axes', float('B', 'T', 4), (g, x) => g.reduceMean(x, [0, 1], false)),
  one('reduceMax', float('B', 'T', 4), (g, x) => g.reduceMax(x, [-1])),
  one('reduceMin dropping its axis', float('B', 'T', 4), (g, x) => g.reduceMin(x, [1], false)),
  one('reduceSumSquare', float('B', 'T', 4), (g, x) => g.reduceSumSquare(x, [-1])),
  one('argMax', float('B', 'T', 4), (g, x) => g.argMax(x, 1, false)),
  one('softmax', float('B', 'T', 4), (g, x) => g.softmax(x)),
  one('softmax along a middle axis', float('B', 'T', 4), (g, x) => g.softmax(x, 1)),
  one('logSoftmax', float('B', 'T', 4), (g, x) => g.logSoftmax(x)),

  one('reshape that flattens names', float('B', 'T', 4), (g, x) => g.reshape(x, ['B*T', 4])),
  one('reshape that splits features', float('B', 'T', 4), (g, x) => g.reshape(x, ['B', 'T', 2, 2])),
  one('reshape that brings names back', float('B', 'T', 4), (g, a) => g.reshape(g.reshape(a, ['B*T', 4]), ['B', 'T', 2, 2])),
  one('expand', float('B', 1, 4), (g, x) => g.expand(x, ['B', 3, 4])),
  constant(
    two('expand to a named axis', float(1, 4), float('T'), (g, a) => g.expand(a, ['T', 4])),
    'b',
  ),
  one('transpose', float('B', 'T', 2, 4), (g, x) => g.transpose(x, [0, 2, 3, 1])),
  one('squeeze', float('B', 1, 4), (g, x) => g.squeeze(x, [1])),
  one('unsqueeze', float('B', 4), (g, x) => g.unsqueeze(x, [0, -1])),
  two('concat', float('B', 'T', 4), float('B', 2, 4), (g, a, b) => g.concat([a, b], 1)),
  one('split, one part unused', float('B', 6), (g, x) => {
    const [first, , last] = g.split(x, 1, [2, 1, 3])
    return g.concat([last, first], 1)
  }),
  one('slice from the end', float('B', 'T', 4), (g, x) => g.slice(x, 1, 1)),
  one('slice up to a name', float('B', 'T', 4), (g, x) => g.slice(x, 1, 0, 'T-1')),
  constant(
    two('slice to the size of another axis', float('B+T', 4), float('B', 'T'), (g, a) => g.slice(a, 0, 'B')),
    'b',
  ),
  one('pad', float('B', 'T', 4), (g, x) => g.pad(x, 1, 2, 1)),
  one('trilu, upper', float('B', 4, 4), (g, x) => g.trilu(x, true, 1)),
  one('trilu, lower', float('B', 'T', 4), (g, x) => g.trilu(x, false)),
  constant(one('stopGradient', float('B', 4), (g, x) => g.stopGradient(x))),

  two('gather of rows, some twice', float(7, 4), index(7, 'B', 'T'), (g, table, at) => g.gather(table, at)),
  two('gather along the last axis', float('B', 'T', 7), index(7, 3), (g, x, at) => g.gather(x, at, -1)),
  two('gather of one row', float(7, 4), index(7), (g, x, at) => g.gather(x, at)),
  two('gatherElements, one per row', float('N', 7), index(7, 'N', 1), (g, x, at) => g.gatherElements(x, at)),
  two('gatherElements, some twice', float('B', 4, 3), given('int64', ['B', 2, 3], [0, 3, 1, 0, 2, 1, 1, 1, 1, 2, 0, 1]), (g, x, at) =>
    g.gatherElements(x, at, 1),
  ),
  {
    title: 'scatterElements',
    inputs: { x: float('B', 4), at: given('int64', ['B', 2], [0, 3, 2, 1]), u: float('B', 2) },
    build: (g, { x, at, u }) => g.scatterElements(x, at, u),
  },
  {
    title: 'scatterElements, adding',
    inputs: { x: float('B', 4), at: given('int64', ['B', 2], [0, 0, 2, 1]), u: float('B', 2) },
    build: (g, { x, at, u }) => g.scatterElements(x, at, u, 1, 'add'),
  },

  constant(one('constantOfShape', float('B', 'T'), (g) => g.constantOfShape(['B*T', 2], 3))),
  // 4-bit numbers in blocks of 32, two in a byte for the one, each by itself for the other.
  constant({
    title: 'matMulNBits',
    inputs: { x: float('B', 64), blocks: { dtype: 'uint8', shape: [5, 2, 16], range: [0, 256] }, scales: positive(5, 2) },
    build: (g, { x, blocks, scales }) => g.matMulNBits(x, blocks, scales),
  }),
  {
    title: 'dequantizeLinear, where the gradient of what is multiplied passes it by',
    constant: ['scales'],
    inputs: { x: float('B', 64), numbers: { dtype: 'uint4', shape: [6, 64], range: [0, 16] }, scales: positive(6, 2) },
    build: (g, { x, numbers, scales }) => g.gemm(x, g.dequantizeLinear(numbers, scales), null, { transB: true }),
  },

  one('constantOfShape of whole numbers', float('B', 'T'), (g) => g.constantOfShape(['T', 2], -4, 'int64')),
  one('range', float('B', 'T'), (g) => g.range(1, 'B*T-1')),
  one('shape', float('B', 'T', 4), (g, x) => g.shape(x, 1)),

  constant(
    two('simplifiedLayerNormalization', float('B', 'T', 8), float(8), (g, x, scale) => g.simplifiedLayerNormalization(x, scale, 1e-5)),
  ),
  {
    constant: ['cos', 'sin'],
    title: 'rotaryEmbedding of heads',
    inputs: { x: float('B', 2, 'T', 8), ...rotary },
    build: (g, { x, positions, cos, sin }) => g.rotaryEmbedding(x, positions, cos, sin),
  },
  {
    constant: ['cos', 'sin'],
    title: 'rotaryEmbedding, interleaved',
    inputs: { x: float('B', 2, 'T', 8), ...rotary },
    build: (g, { x, positions, cos, sin }) => g.rotaryEmbedding(x, positions, cos, sin, { interleaved: true }),
  },
  {
    constant: ['cos', 'sin'],
    title: 'rotaryEmbedding of features',
    inputs: { x: float('B', 'T', 16), ...rotary },
    build: (g, { x, positions, cos, sin }) => g.rotaryEmbedding(x, positions, cos, sin),
  },
  ...[1, 3].map((steps) => {
    const { heads, kvHeads, size, longest } = cached
    const past = float('B', kvHeads, longest, size)
    return constant({
      title: `groupQueryAttention of ${steps} steps on a cache`,
      inputs: {
        query: float('B', steps, heads * size),
        key: float('B', steps, kvHeads * size),
        value: float('B', steps, kvHeads * size),
        pastKey: past,
        pastValue: past,
        // Rows decode together at different lengths; a prompt of several steps starts from nothing.
        seqlensK: given('int32', ['B'], steps === 1 ? [2, 4] : [2, 2]),
        totalSequenceLength: given('int32', [], [steps === 1 ? 5 : 3]),
        cosCache: float(longest, size / 2),
        sinCache: float(longest, size / 2),
      },
      build: (g, { query, key, value, pastKey, pastValue, seqlensK, totalSequenceLength, cosCache, sinCache }) =>
        g.groupQueryAttention(
          { query, key, value, pastKey, pastValue, seqlensK, totalSequenceLength, cosCache, sinCache },
          { numHeads: heads, kvNumHeads: kvHeads },
        ).output,
    })
  }),
]
