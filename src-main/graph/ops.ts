// Every operator a graph may contain: read this file first. OpAttributes lists them in groups with a line
// of meaning each; OPS says, for each, how many inputs it takes, which attributes ONNX stores on the node,
// and what type and shape come out. Meanings follow ONNX opset 21 and ORT's com.microsoft domain; where
// ONNX passes sizes as tensors, they are attributes here. Gradients live in autodiff/rules.ts.

import { addDims, broadcastShapes, elementsOf, sameShape, showShape, subDims } from './dims.ts'
import type { Dim, Shape } from './dims.ts'
import type { Dtype, TensorType } from './ir.ts'

type None = Readonly<Record<never, never>>
interface Axes { readonly axes: readonly number[] }
interface Reduce extends Axes { readonly keepdims: boolean }
interface Axis { readonly axis: number }

/** Axes are always non-negative here; the builder counts negative ones from the end. */
export interface OpAttributes {
  // 1. Elementwise on float32 (and on integers where ONNX allows), inputs broadcast against each other.
  Add: None
  Sub: None
  Mul: None
  Div: None
  Pow: None
  Min: None
  Max: None
  // 2. Elementwise on one tensor.
  Neg: None
  Abs: None
  /** -1, 0 or 1. */
  Sign: None
  Exp: None
  Log: None
  Sqrt: None
  Reciprocal: None
  Sigmoid: None
  Tanh: None
  Relu: None
  /** log(1 + exp(x)), without overflow. */
  Softplus: None
  Erf: None
  Cos: None
  Sin: None
  /** x * sigmoid(alpha * x); with alpha 1 this is SiLU. com.microsoft. */
  QuickGelu: { readonly alpha: number }
  Clip: { readonly min: number; readonly max: number }
  // 3. Comparison, logic, choice and type.
  Equal: None
  Less: None
  LessOrEqual: None
  Greater: None
  GreaterOrEqual: None
  And: None
  Or: None
  Not: None
  /** (condition, then, else), all broadcast. */
  Where: None
  Cast: { readonly to: Dtype }
  // 4. Matrix products. transA / transB read the last two axes swapped, at no cost.
  /** alpha * A B + beta * C on matrices; C broadcasts. */
  Gemm: { readonly transA: boolean; readonly transB: boolean; readonly alpha: number; readonly beta: number }
  /** Batched product; leading axes broadcast. */
  MatMul: None
  /** MatMul with alpha and transposed reading, at least two axes each. com.microsoft. */
  FusedMatMul: { readonly transA: boolean; readonly transB: boolean; readonly alpha: number }
  // 5. Reductions, and softmax along one axis.
  ReduceSum: Reduce
  ReduceMean: Reduce
  ReduceMax: Reduce
  ReduceMin: Reduce
  ReduceSumSquare: Reduce
  ArgMax: Axis & { readonly keepdims: boolean }
  Softmax: Axis
  LogSoftmax: Axis
  // 6. Rearrangement.
  Reshape: { readonly shape: Shape }
  Expand: { readonly shape: Shape }
  Transpose: { readonly perm: readonly number[] }
  Squeeze: Axes
  Unsqueeze: Axes
  Concat: Axis
  Split: Axis & { readonly sizes: readonly Dim[] }
  /** Keeps [start, end) along each of the axes. */
  Slice: Axes & { readonly starts: readonly Dim[]; readonly ends: readonly Dim[] }
  /** Zeros added in front of and behind each of the axes. */
  Pad: Axes & { readonly before: readonly Dim[]; readonly after: readonly Dim[] }
  /** Keeps the upper (or lower) triangle of the last two axes, the diagonal moved up by k. */
  Trilu: { readonly upper: boolean; readonly k: number }
  Identity: None
  /** Identity through which no gradient flows. Written to ONNX as nothing at all. */
  StopGradient: None
  // 7. Indexing. ScatterND is left out: ORT's CPU kernel adds from several threads without locks.
  /** (data, indices): whole slices of data along the axis, at indices of any rank. */
  Gather: Axis
  /** (data, indices): one element per index, other coordinates taken from the index's position. */
  GatherElements: Axis
  /** (data, indices, updates): data with elements replaced, or added to. */
  ScatterElements: Axis & { readonly reduction: 'none' | 'add' }
  // 8. Values from no tensor.
  ConstantOfShape: { readonly shape: Shape; readonly value: number; readonly dtype: Dtype }
  /** start, start + 1, ..., limit - 1 as int64. */
  Range: { readonly start: Dim; readonly limit: Dim }
  /** The sizes of axes [start, end) as int64. */
  Shape: { readonly start: number; readonly end: number }
  // 9. Fused inference kernels; com.microsoft except SimplifiedLayerNormalization.
  /** RMSNorm over axes from `axis` on: (x, scale) -> x / sqrt(mean(x^2) + epsilon) * scale. Forward only. */
  SimplifiedLayerNormalization: Axis & { readonly epsilon: number }
  /** (x [B,S,hidden] or [B,heads,S,size], positions [B,S] int64, cos and sin [max, size/2]). */
  RotaryEmbedding: { readonly interleaved: boolean; readonly numHeads: number }
  /**
   * Attention with a key/value cache: (query [B,S,heads*size], key and value [B,S,kvHeads*size], pastKey and
   * pastValue [B,kvHeads,max,size], seqlensK [B] int32 = total length - 1, totalSequenceLength [] int32,
   * cosCache?, sinCache? [max,size/2]) -> (out, presentKey, presentValue). Forward only.
   */
  GroupQueryAttention: {
    readonly numHeads: number
    readonly kvNumHeads: number
    readonly scale: number
    readonly doRotary: boolean
    readonly rotaryInterleaved: boolean
  }
}

export type OpName = keyof OpAttributes

/** How ONNX writes an attribute. Attributes not listed become input tensors or value types in onnx.ts. */
export type OnnxAttributeKind = 'int' | 'float' | 'ints' | 'string' | 'dtype'

export interface OpSpec<K extends OpName> {
  /** Least and most inputs; those between may be null. */
  readonly inputs: readonly [least: number, most: number]
  readonly domain?: 'com.microsoft'
  /** Each output element depends on one element of each input, the one broadcasting brings there. */
  readonly elementwise?: true
  readonly onnx?: { readonly [A in keyof OpAttributes[K]]?: readonly [name: string, kind: OnnxAttributeKind] }
  /** Types of the outputs. Optional inputs not given are undefined. Throws with what was expected and found. */
  readonly infer: (inputs: readonly TensorType[], attributes: OpAttributes[K]) => TensorType[]
}

type Infer<A> = (inputs: readonly TensorType[], attributes: A) => TensorType[]

function expect(condition: boolean, expected: string, found: string): asserts condition {
  if (!condition) throw new Error(`expected ${expected}, found ${found}`)
}

const show = (...inputs: readonly TensorType[]): string => inputs.map(({ dtype, shape }) => `${dtype}${showShape(shape)}`).join(' and ')

function expectDtype(dtype: Dtype, ...inputs: readonly TensorType[]): void {
  expect(inputs.every((x) => x.dtype === dtype), dtype, show(...inputs))
}

function expectRank(rank: number, ...inputs: readonly TensorType[]): void {
  expect(inputs.every((x) => x.shape.length === rank), `rank ${rank}`, show(...inputs))
}

function expectAxes(axes: readonly number[], rank: number): void {
  const legal = axes.every((axis) => Number.isInteger(axis) && axis >= 0 && axis < rank) && new Set(axes).size === axes.length
  expect(legal, `distinct axes in 0..${rank - 1}`, `[${axes}]`)
}

function broadcast(...inputs: readonly TensorType[]): Shape {
  const shape = broadcastShapes(...inputs.map((x) => x.shape))
  expect(shape !== null, 'shapes that broadcast', show(...inputs))
  return shape
}

/** Inputs of one dtype, broadcast; the same dtype out. */
const elementwise: Infer<unknown> = (inputs) => {
  expect(inputs.every((x) => x.dtype === inputs[0].dtype && x.dtype !== 'bool'), 'numbers of one type', show(...inputs))
  return [{ dtype: inputs[0].dtype, shape: broadcast(...inputs) }]
}

const floatMap: Infer<unknown> = ([x]) => {
  expectDtype('float32', x)
  return [x]
}

const compare: Infer<unknown> = ([a, b]) => {
  expect(a.dtype === b.dtype && a.dtype !== 'bool', 'numbers of one type', show(a, b))
  return [{ dtype: 'bool', shape: broadcast(a, b) }]
}

const logical: Infer<unknown> = (inputs) => {
  expectDtype('bool', ...inputs)
  return [{ dtype: 'bool', shape: broadcast(...inputs) }]
}

function reducedShape(shape: Shape, axes: readonly number[], keepdims: boolean): Shape {
  expectAxes(axes, shape.length)
  return keepdims ? shape.map((d, i) => (axes.includes(i) ? 1 : d)) : shape.filter((_, i) => !axes.includes(i))
}

const reduction: Infer<Reduce> = ([x], { axes, keepdims }) => {
  expect(x.dtype !== 'bool', 'numbers', show(x))
  return [{ dtype: x.dtype, shape: reducedShape(x.shape, axes, keepdims) }]
}

const alongAxis: Infer<Axis> = ([x], { axis }) => {
  expectDtype('float32', x)
  expectAxes([axis], x.shape.length)
  return [x]
}

const unchanged: Infer<unknown> = ([x]) => [x]

const matrix = (shape: Shape, transposed: boolean): [Dim, Dim] => {
  const [rows, columns] = shape.slice(-2)
  return transposed ? [columns, rows] : [rows, columns]
}

function product(a: TensorType, b: TensorType, transA: boolean, transB: boolean): TensorType[] {
  expectDtype('float32', a, b)
  expect(a.shape.length >= 2 && b.shape.length >= 2, 'at least two axes each', show(a, b))
  const [m, inner] = matrix(a.shape, transA)
  const [innerB, n] = matrix(b.shape, transB)
  expect(inner === innerB, 'equal inner dimensions', `${show(a, b)}, inner ${inner} and ${innerB}`)
  const batch = broadcastShapes(a.shape.slice(0, -2), b.shape.slice(0, -2))
  expect(batch !== null, 'leading axes that broadcast', show(a, b))
  return [{ dtype: 'float32', shape: [...batch, m, n] }]
}

function replaceAxes(shape: Shape, axes: readonly number[], size: (d: Dim, i: number) => Dim): Shape {
  expectAxes(axes, shape.length)
  return shape.map((d, axis) => (axes.includes(axis) ? size(d, axes.indexOf(axis)) : d))
}

const isIndex = (x: TensorType): boolean => x.dtype === 'int64' || x.dtype === 'int32'

/** An elementwise kind with this many inputs. */
const map = (inputs: number, infer: Infer<unknown>) => ({ inputs: [inputs, inputs] as const, elementwise: true as const, infer })
const reduce = { inputs: [1, 1], onnx: { keepdims: ['keepdims', 'int'] }, infer: reduction } as const
const softmax = { inputs: [1, 1], onnx: { axis: ['axis', 'int'] }, infer: alongAxis } as const

export const OPS: { readonly [K in OpName]: OpSpec<K> } = {
  Add: map(2, elementwise),
  Sub: map(2, elementwise),
  Mul: map(2, elementwise),
  Div: map(2, elementwise),
  Pow: map(2, elementwise),
  Min: map(2, elementwise),
  Max: map(2, elementwise),

  Neg: map(1, elementwise),
  Abs: map(1, elementwise),
  Sign: map(1, elementwise),
  Exp: map(1, floatMap),
  Log: map(1, floatMap),
  Sqrt: map(1, floatMap),
  Reciprocal: map(1, floatMap),
  Sigmoid: map(1, floatMap),
  Tanh: map(1, floatMap),
  Relu: map(1, floatMap),
  Softplus: map(1, floatMap),
  Erf: map(1, floatMap),
  Cos: map(1, floatMap),
  Sin: map(1, floatMap),
  QuickGelu: { ...map(1, floatMap), domain: 'com.microsoft', onnx: { alpha: ['alpha', 'float'] } },
  Clip: map(1, elementwise),

  Equal: map(2, compare),
  Less: map(2, compare),
  LessOrEqual: map(2, compare),
  Greater: map(2, compare),
  GreaterOrEqual: map(2, compare),
  And: map(2, logical),
  Or: map(2, logical),
  Not: map(1, logical),
  Where: {
    inputs: [3, 3],
    elementwise: true,
    infer: ([condition, a, b]) => {
      expectDtype('bool', condition)
      expect(a.dtype === b.dtype, 'branches of one type', show(a, b))
      return [{ dtype: a.dtype, shape: broadcast(condition, a, b) }]
    },
  },
  Cast: { inputs: [1, 1], elementwise: true, onnx: { to: ['to', 'dtype'] }, infer: ([x], { to }) => [{ dtype: to, shape: x.shape }] },

  Gemm: {
    inputs: [2, 3],
    onnx: { transA: ['transA', 'int'], transB: ['transB', 'int'], alpha: ['alpha', 'float'], beta: ['beta', 'float'] },
    infer: ([a, b, c], { transA, transB }) => {
      expectRank(2, a, b)
      const [out] = product(a, b, transA, transB)
      if (c) {
        expectDtype('float32', c)
        const together = broadcastShapes(out.shape, c.shape)
        expect(together !== null && sameShape(together, out.shape), `C that broadcasts to ${showShape(out.shape)}`, show(c))
      }
      return [out]
    },
  },
  MatMul: { inputs: [2, 2], infer: ([a, b]) => product(a, b, false, false) },
  FusedMatMul: {
    inputs: [2, 2],
    domain: 'com.microsoft',
    onnx: { transA: ['transA', 'int'], transB: ['transB', 'int'], alpha: ['alpha', 'float'] },
    infer: ([a, b], { transA, transB }) => product(a, b, transA, transB),
  },

  ReduceSum: reduce,
  ReduceMean: reduce,
  ReduceMax: reduce,
  ReduceMin: reduce,
  ReduceSumSquare: reduce,
  ArgMax: {
    inputs: [1, 1],
    onnx: { axis: ['axis', 'int'], keepdims: ['keepdims', 'int'] },
    infer: ([x], { axis, keepdims }) => [{ dtype: 'int64', shape: reducedShape(x.shape, [axis], keepdims) }],
  },
  Softmax: softmax,
  LogSoftmax: softmax,

  Reshape: {
    inputs: [1, 1],
    infer: ([x], { shape }) => {
      expect(elementsOf(x.shape) === elementsOf(shape), `${elementsOf(x.shape)} elements`, `${elementsOf(shape)} in ${showShape(shape)}`)
      return [{ dtype: x.dtype, shape }]
    },
  },
  Expand: {
    inputs: [1, 1],
    elementwise: true,
    infer: ([x], { shape }) => {
      const together = broadcastShapes(x.shape, shape)
      expect(together !== null && sameShape(together, shape), `a shape that ${show(x)} broadcasts to`, showShape(shape))
      return [{ dtype: x.dtype, shape }]
    },
  },
  Transpose: {
    inputs: [1, 1],
    onnx: { perm: ['perm', 'ints'] },
    infer: ([x], { perm }) => {
      expectAxes(perm, x.shape.length)
      expect(perm.length === x.shape.length, `${x.shape.length} axes`, `[${perm}]`)
      return [{ dtype: x.dtype, shape: perm.map((axis) => x.shape[axis]) }]
    },
  },
  Squeeze: {
    inputs: [1, 1],
    infer: ([x], { axes }) => {
      expectAxes(axes, x.shape.length)
      expect(axes.every((axis) => x.shape[axis] === 1), `1 at axes [${axes}]`, show(x))
      return [{ dtype: x.dtype, shape: x.shape.filter((_, axis) => !axes.includes(axis)) }]
    },
  },
  Unsqueeze: {
    inputs: [1, 1],
    infer: ([x], { axes }) => {
      const rank = x.shape.length + axes.length
      expectAxes(axes, rank)
      const rest = [...x.shape]
      return [{ dtype: x.dtype, shape: Array.from({ length: rank }, (_, axis) => (axes.includes(axis) ? 1 : rest.shift()!)) }]
    },
  },
  Concat: {
    inputs: [1, Infinity],
    onnx: { axis: ['axis', 'int'] },
    infer: (inputs, { axis }) => {
      const [first] = inputs
      expectAxes([axis], first.shape.length)
      const alike = inputs.every((x) => x.dtype === first.dtype && sameShape(x.shape.toSpliced(axis, 1), first.shape.toSpliced(axis, 1)) && x.shape.length === first.shape.length)
      expect(alike, `inputs that differ in axis ${axis} only`, show(...inputs))
      return [{ dtype: first.dtype, shape: first.shape.with(axis, inputs.map((x) => x.shape[axis]).reduce(addDims)) }]
    },
  },
  Split: {
    inputs: [1, 1],
    onnx: { axis: ['axis', 'int'] },
    infer: ([x], { axis, sizes }) => {
      expectAxes([axis], x.shape.length)
      const total = sizes.reduce(addDims, 0)
      expect(total === x.shape[axis], `sizes adding up to ${x.shape[axis]}`, `[${sizes}]`)
      return sizes.map((size) => ({ dtype: x.dtype, shape: x.shape.with(axis, size) }))
    },
  },
  Slice: {
    inputs: [1, 1],
    infer: ([x], { axes, starts, ends }) => {
      const shape = replaceAxes(x.shape, axes, (_, i) => subDims(ends[i], starts[i]))
      const inside = axes.every((axis, i) => [starts[i], subDims(ends[i], starts[i]), subDims(x.shape[axis], ends[i])].every((d) => typeof d === 'string' || d >= 0))
      expect(inside, `0 <= start <= end <= size in ${show(x)}`, `[${starts}) to [${ends}) at axes [${axes}]`)
      return [{ dtype: x.dtype, shape }]
    },
  },
  Pad: {
    inputs: [1, 1],
    infer: ([x], { axes, before, after }) => [{ dtype: x.dtype, shape: replaceAxes(x.shape, axes, (d, i) => addDims(d, addDims(before[i], after[i]))) }],
  },
  Trilu: {
    inputs: [1, 1],
    onnx: { upper: ['upper', 'int'] },
    infer: ([x]) => {
      expect(x.shape.length >= 2, 'at least two axes', show(x))
      return [x]
    },
  },
  Identity: map(1, unchanged),
  StopGradient: map(1, unchanged),

  Gather: {
    inputs: [2, 2],
    onnx: { axis: ['axis', 'int'] },
    infer: ([data, indices], { axis }) => {
      expect(isIndex(indices), 'integer indices', show(indices))
      expectAxes([axis], data.shape.length)
      return [{ dtype: data.dtype, shape: data.shape.toSpliced(axis, 1, ...indices.shape) }]
    },
  },
  GatherElements: {
    inputs: [2, 2],
    onnx: { axis: ['axis', 'int'] },
    infer: ([data, indices], { axis }) => {
      expect(isIndex(indices), 'integer indices', show(indices))
      expectRank(data.shape.length, indices)
      expectAxes([axis], data.shape.length)
      return [{ dtype: data.dtype, shape: indices.shape }]
    },
  },
  ScatterElements: {
    inputs: [3, 3],
    onnx: { axis: ['axis', 'int'], reduction: ['reduction', 'string'] },
    infer: ([data, indices, updates], { axis }) => {
      expectAxes([axis], data.shape.length)
      expectRank(data.shape.length, indices)
      expectDtype('int64', indices)
      expect(sameShape(indices.shape, updates.shape), 'one update per index', show(indices, updates))
      expect(data.dtype === updates.dtype, 'updates of the type of the data', show(data, updates))
      return [data]
    },
  },

  ConstantOfShape: { inputs: [0, 0], infer: (_, { shape, dtype }) => [{ dtype, shape }] },
  Range: { inputs: [0, 0], infer: (_, { start, limit }) => [{ dtype: 'int64', shape: [subDims(limit, start)] }] },
  Shape: {
    inputs: [1, 1],
    onnx: { start: ['start', 'int'], end: ['end', 'int'] },
    infer: ([x], { start, end }) => {
      expect(start >= 0 && start <= end && end <= x.shape.length, `axes within ${show(x)}`, `${start}..${end}`)
      return [{ dtype: 'int64', shape: [end - start] }]
    },
  },

  SimplifiedLayerNormalization: {
    inputs: [2, 2],
    onnx: { axis: ['axis', 'int'], epsilon: ['epsilon', 'float'] },
    infer: ([x, scale], { axis }) => {
      expectDtype('float32', x, scale)
      expectAxes([axis], x.shape.length)
      expect(sameShape(scale.shape, x.shape.slice(axis)), `scale ${showShape(x.shape.slice(axis))}`, show(scale))
      return [x]
    },
  },
  RotaryEmbedding: {
    inputs: [4, 4],
    domain: 'com.microsoft',
    onnx: { interleaved: ['interleaved', 'int'], numHeads: ['num_heads', 'int'] },
    infer: ([x, positions, cos, sin]) => {
      expectDtype('float32', x, cos, sin)
      expectDtype('int64', positions)
      expectRank(2, positions, cos, sin)
      expect(x.shape.length === 3 || x.shape.length === 4, 'three or four axes', show(x))
      expect(sameShape(cos.shape, sin.shape), 'cos and sin of one shape', show(cos, sin))
      return [x]
    },
  },
  GroupQueryAttention: {
    inputs: [7, 9],
    domain: 'com.microsoft',
    onnx: {
      numHeads: ['num_heads', 'int'],
      kvNumHeads: ['kv_num_heads', 'int'],
      scale: ['scale', 'float'],
      doRotary: ['do_rotary', 'int'],
      rotaryInterleaved: ['rotary_interleaved', 'int'],
    },
    infer: ([query, key, value, pastKey, pastValue, seqlensK, total, cos, sin], { numHeads, kvNumHeads, doRotary }) => {
      expectDtype('float32', query, key, value, pastKey, pastValue)
      expectDtype('int32', seqlensK, total)
      expectRank(3, query, key, value)
      expectRank(4, pastKey, pastValue)
      const [batch, steps, width] = query.shape
      const size = Number(width) / numHeads
      const cache = [batch, kvNumHeads, pastKey.shape[2], size]
      expect(size % 16 === 0, `a query width of ${numHeads} heads whose size is a multiple of 16`, show(query))
      expect([key, value].every((x) => sameShape(x.shape, [batch, steps, kvNumHeads * size])), `key and value ${showShape([batch, steps, kvNumHeads * size])}`, show(key, value))
      expect([pastKey, pastValue].every((x) => sameShape(x.shape, cache)), `caches ${showShape(cache)}`, show(pastKey, pastValue))
      expect(sameShape(seqlensK.shape, [batch]) && total.shape.length === 0, `lengths ${showShape([batch])} and a scalar total`, show(seqlensK, total))
      expect(!doRotary || (cos !== undefined && sin !== undefined), 'cos and sin caches', 'none')
      return [query, pastKey, pastValue]
    },
  },
}

/**
 * Types of the outputs of an op, from the table. Throws an error that begins with the label when the number
 * of inputs, a type or a shape does not fit.
 */
export function inferTypes<K extends OpName>(label: string, op: K, inputs: readonly (TensorType | null)[], attributes: OpAttributes[K]): TensorType[] {
  const spec = OPS[op]
  const [least, most] = spec.inputs
  try {
    expect(inputs.length >= least && inputs.length <= most, least === most ? `${least} inputs` : `${least} to ${most} inputs`, `${inputs.length}`)
    const missing = inputs.findIndex((input, i) => input === null && i < least)
    expect(missing < 0, `input ${missing}`, 'none')
    const given = inputs.map((input) => input ?? undefined) as TensorType[]
    return spec.infer(given, attributes).map(({ dtype, shape }) => ({ dtype, shape }))
  } catch (error) {
    throw new Error(`${label}: ${(error as Error).message}`, { cause: error })
  }
}
