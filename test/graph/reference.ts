// The slow, obvious meaning of every op: a float64 interpreter of graphs, against which the real runtimes and
// the gradient rules are checked. Booleans are 0 and 1, integers are numbers. One entry per op; most fill the
// output coordinate by coordinate.

import { evaluateDim } from '../../src-main/graph/dims.ts'
import type { Graph, Node, TensorData } from '../../src-main/graph/ir.ts'
import type { OpAttributes, OpName } from '../../src-main/graph/opAttributes.ts'

export interface NdArray {
  readonly shape: readonly number[]
  readonly data: Float64Array
}

export type Sizes = Readonly<Record<string, number>>
type Index = readonly number[]

const count = (shape: readonly number[]): number => shape.reduce((product, d) => product * d, 1)

export function ndarray(shape: readonly number[], data: ArrayLike<number>): NdArray {
  if (count(shape) !== data.length) throw new Error(`${data.length} elements do not fill [${shape}]`)
  return { shape, data: Float64Array.from(data) }
}

/** Elements as text that keeps every bit, NaN and infinities too, which JSON numbers would not. */
export const packed = ({ data }: NdArray): string => Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('base64')

export function unpacked(shape: readonly number[], text: string): NdArray {
  const bytes = Uint8Array.from(Buffer.from(text, 'base64'))
  return ndarray(shape, new Float64Array(bytes.buffer))
}

export function fromTensorData(shape: readonly number[], data: TensorData): NdArray {
  return ndarray(shape, Array.from(data as ArrayLike<number | bigint>, Number))
}

function* indices(shape: readonly number[]): Generator<number[]> {
  for (let flat = 0; flat < count(shape); flat++) {
    let rest = flat
    yield shape.map((_, axis) => {
      const stride = count(shape.slice(axis + 1))
      const at = Math.floor(rest / stride)
      rest -= at * stride
      return at
    })
  }
}

const offset = (shape: readonly number[], index: Index): number => index.reduce((sum, at, axis) => sum * shape[axis] + at, 0)

/** The element at this index, where axes of size 1 and missing leading axes repeat. */
function get(x: NdArray, index: Index): number {
  const own = index.slice(index.length - x.shape.length).map((at, axis) => (x.shape[axis] === 1 ? 0 : at))
  return x.data[offset(x.shape, own)]
}

function fill(shape: readonly number[], element: (index: number[]) => number): NdArray {
  return { shape, data: Float64Array.from(indices(shape), element) }
}

/** Coordinates of x that a reduction over these axes brings to `index` (given with the reduced axes as 0). */
function gathered(x: NdArray, index: Index, axes: readonly number[]): number[] {
  const varying = x.shape.map((d, axis) => (axes.includes(axis) ? d : 1))
  return Array.from(indices(varying), (at) =>
    get(
      x,
      at.map((a, axis) => (axes.includes(axis) ? a : index[axis])),
    ),
  )
}

type Kernel<A> = (
  inputs: readonly NdArray[],
  attributes: A,
  shapes: readonly (readonly number[])[],
  size: (d: number | string) => number,
) => NdArray[]

const zip =
  (f: (...x: number[]) => number) =>
  (inputs: readonly NdArray[], _: unknown, [shape]: readonly (readonly number[])[]): NdArray[] => [
    fill(shape, (index) => f(...inputs.map((x) => get(x, index)))),
  ]

const sum = (values: readonly number[]): number => values.reduce((total, v) => total + v, 0)

const reduce =
  (f: (values: number[]) => number): Kernel<OpAttributes['ReduceSum']> =>
  ([x], { axes, keepdims }, [shape]) => {
    const kept = fill(
      x.shape.map((d, axis) => (axes.includes(axis) ? 1 : d)),
      (index) => f(gathered(x, index, axes)),
    )
    return [keepdims ? kept : { shape, data: kept.data }]
  }

const alongAxis =
  (f: (value: number, all: number[]) => number): Kernel<OpAttributes['Softmax']> =>
  ([x], { axis }, [shape]) => [fill(shape, (index) => f(get(x, index), gathered(x, index, [axis])))]

const swapLast = (x: NdArray, swap: boolean): NdArray =>
  swap
    ? fill([...x.shape.slice(0, -2), x.shape.at(-1)!, x.shape.at(-2)!], (index) =>
        get(x, [...index.slice(0, -2), index.at(-1)!, index.at(-2)!]),
      )
    : x

const product = (a: NdArray, b: NdArray, transA: boolean, transB: boolean, alpha: number, shape: readonly number[]): NdArray => {
  const [left, right] = [swapLast(a, transA), swapLast(b, transB)]
  const inner = Array.from({ length: left.shape.at(-1)! }, (_, k) => k)
  return fill(shape, (index) => {
    const [batch, i, j] = [index.slice(0, -2), index.at(-2)!, index.at(-1)!]
    return alpha * sum(inner.map((k) => get(left, [...batch, i, k]) * get(right, [...batch, k, j])))
  })
}

const relabel: Kernel<unknown> = ([x], _, [shape]) => [{ shape, data: x.data }]

/** Writes updates into a copy of data at the place each index of `at` names. */
function scattered(data: NdArray, updates: NdArray, reduction: string, place: (index: Index) => Index): NdArray[] {
  const out = Float64Array.from(data.data)
  for (const index of indices(updates.shape)) {
    const to = offset(data.shape, place(index))
    out[to] = (reduction === 'add' ? out[to] : 0) + get(updates, index)
  }
  return [{ shape: data.shape, data: out }]
}

/** exp(x^2) erf(x) by its series, 2 / sqrt(pi) * sum 2^n x^(2n+1) / (1 3 5 ... (2n+1)). */
function erf(x: number): number {
  let term = x
  let total = x
  for (let n = 1; n < 200; n++) total += term *= (2 * x * x) / (2 * n + 1)
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * total
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x))

/** Halves, or neighbouring pairs, of the last axis of x [B,H,S,D] turned by the angle of each position. */
function rotate(x: NdArray, position: (b: number, s: number) => number, cos: NdArray, sin: NdArray, interleaved: boolean): NdArray {
  const half = cos.shape[1]
  return fill(x.shape, ([b, h, s, d]) => {
    if (d >= 2 * half) return get(x, [b, h, s, d])
    const pair = interleaved ? d >> 1 : d % half
    const first = interleaved ? d % 2 === 0 : d < half
    const [i, j] = interleaved ? [2 * pair, 2 * pair + 1] : [pair, pair + half]
    const [c, n] = [get(cos, [position(b, s), pair]), get(sin, [position(b, s), pair])]
    const [u, v] = [get(x, [b, h, s, i]), get(x, [b, h, s, j])]
    return first ? u * c - v * n : u * n + v * c
  })
}

const splitHeads = (x: NdArray, heads: number): NdArray => {
  const width = x.shape[2] / heads
  return fill([x.shape[0], heads, x.shape[1], width], ([b, h, s, d]) => get(x, [b, s, h * width + d]))
}
const joinHeads = (x: NdArray): NdArray => {
  const [batch, heads, steps, width] = x.shape
  return fill([batch, steps, heads * width], ([b, s, f]) => get(x, [b, Math.floor(f / width), s, f % width]))
}

const KERNELS: { readonly [K in OpName]: Kernel<OpAttributes[K]> } = {
  Add: zip((a, b) => a + b),
  Sub: zip((a, b) => a - b),
  Mul: zip((a, b) => a * b),
  Div: zip((a, b) => a / b),
  Pow: zip(Math.pow),
  Min: zip(Math.min),
  Max: zip(Math.max),
  Neg: zip((x) => -x),
  Abs: zip(Math.abs),
  Sign: zip(Math.sign),
  Exp: zip(Math.exp),
  Log: zip(Math.log),
  Sqrt: zip(Math.sqrt),
  Reciprocal: zip((x) => 1 / x),
  Sigmoid: zip(sigmoid),
  Tanh: zip(Math.tanh),
  Relu: zip((x) => Math.max(x, 0)),
  Softplus: zip((x) => Math.log1p(Math.exp(x))),
  Erf: zip(erf),
  Cos: zip(Math.cos),
  Sin: zip(Math.sin),
  QuickGelu: (inputs, { alpha }, shapes) => zip((x) => x * sigmoid(alpha * x))(inputs, null, shapes),
  Clip: (inputs, { min, max }, shapes) => zip((x) => Math.min(Math.max(x, min), max))(inputs, null, shapes),
  Equal: zip((a, b) => Number(a === b)),
  Less: zip((a, b) => Number(a < b)),
  LessOrEqual: zip((a, b) => Number(a <= b)),
  Greater: zip((a, b) => Number(a > b)),
  GreaterOrEqual: zip((a, b) => Number(a >= b)),
  And: zip((a, b) => a * b),
  Or: zip(Math.max),
  Not: zip((a) => 1 - a),
  Where: zip((condition, a, b) => (condition ? a : b)),
  Cast: (inputs, { to }, shapes) =>
    zip((x) => (to === 'bool' ? Number(x !== 0) : to === 'float32' ? x : Math.trunc(x)))(inputs, null, shapes),
  Gemm: ([a, b, c], { transA, transB, alpha, beta }, [shape]) => {
    const ab = product(a, b, transA, transB, alpha, shape)
    return [c ? fill(shape, (index) => get(ab, index) + beta * get(c, index)) : ab]
  },
  MatMulNBits: ([x, blocks, scales], { k, n, blockSize }, [shape]) => {
    const bytes = Array.from(blocks.data)
    const numbers = bytes.flatMap((byte) => [(byte & 15) - 8, (byte >> 4) - 8])
    const w = ndarray(
      [n, k],
      numbers.map((number, i) => number * scales.data[Math.floor(i / blockSize)]),
    )
    return [product(x, w, false, true, 1, shape)]
  },
  DequantizeLinear: ([x, scales], { axis, blockSize }, [shape]) => {
    const block = (index: Index): number[] => index.map((at, i) => (i === axis ? Math.floor(at / blockSize) : at))
    return [fill(shape, (index) => get(x, index) * get(scales, block(index)))]
  },
  MatMul: ([a, b], _, [shape]) => [product(a, b, false, false, 1, shape)],
  FusedMatMul: ([a, b], { transA, transB, alpha }, [shape]) => [product(a, b, transA, transB, alpha, shape)],
  ReduceSum: reduce(sum),
  ReduceMean: reduce((values) => sum(values) / values.length),
  ReduceMax: reduce((values) => Math.max(...values)),
  ReduceMin: reduce((values) => Math.min(...values)),
  ReduceSumSquare: reduce((values) => sum(values.map((v) => v * v))),
  ArgMax: (inputs, { axis, keepdims }, shapes, size) =>
    reduce((values) => values.indexOf(Math.max(...values)))(inputs, { axes: [axis], keepdims }, shapes, size),
  Softmax: alongAxis((x, all) => Math.exp(x) / sum(all.map(Math.exp))),
  LogSoftmax: alongAxis((x, all) => x - Math.log(sum(all.map(Math.exp)))),
  Reshape: relabel,
  Squeeze: relabel,
  Unsqueeze: relabel,
  Identity: relabel,
  StopGradient: relabel,
  Expand: zip((x) => x),
  Transpose: ([x], { perm }, [shape]) => [
    fill(shape, (index) =>
      get(
        x,
        perm.map((_, axis) => index[perm.indexOf(axis)]),
      ),
    ),
  ],
  Concat: (inputs, { axis }, [shape]) => [
    fill(shape, (index) => {
      let at = index[axis]
      const from = inputs.find((x) => (at < x.shape[axis] ? true : ((at -= x.shape[axis]), false)))!
      return get(from, index.with(axis, at))
    }),
  ],
  Split: ([x], { axis }, shapes) =>
    shapes.map((shape, i) => {
      const start = sum(shapes.slice(0, i).map((before) => before[axis]))
      return fill(shape, (index) => get(x, index.with(axis, index[axis] + start)))
    }),
  Slice: ([x], { axes, starts }, [shape], size) => [
    fill(shape, (index) =>
      get(
        x,
        index.map((at, axis) => (axes.includes(axis) ? at + size(starts[axes.indexOf(axis)]) : at)),
      ),
    ),
  ],
  Pad: ([x], { axes, before }, [shape], size) => [
    fill(shape, (index) => {
      const at = index.map((a, axis) => (axes.includes(axis) ? a - size(before[axes.indexOf(axis)]) : a))
      return at.every((a, axis) => a >= 0 && a < x.shape[axis]) ? get(x, at) : 0
    }),
  ],
  Trilu: ([x], { upper, k }, [shape]) => [
    fill(shape, (index) => {
      const above = index.at(-1)! - index.at(-2)! - k
      return (upper ? above >= 0 : above <= 0) ? get(x, index) : 0
    }),
  ],
  Gather: ([data, at], { axis }, [shape]) => [
    fill(shape, (index) =>
      get(data, [...index.slice(0, axis), get(at, index.slice(axis, axis + at.shape.length)), ...index.slice(axis + at.shape.length)]),
    ),
  ],
  GatherElements: ([data, at], { axis }, [shape]) => [
    fill(shape, (index) => data.data[offset(data.shape, index.with(axis, get(at, index)))]),
  ],
  ScatterElements: ([data, at, updates], { axis, reduction }) =>
    scattered(data, updates, reduction, (index) => index.with(axis, get(at, index))),
  ConstantOfShape: (_, { value }, [shape]) => [fill(shape, () => value)],
  Range: (_, { start }, [shape], size) => [fill(shape, ([i]) => size(start) + i)],
  Shape: ([x], { start, end }) => [ndarray([end - start], x.shape.slice(start, end))],
  SimplifiedLayerNormalization: ([x, scale], { axis, epsilon }, [shape]) => {
    const axes = x.shape.map((_, i) => i).slice(axis)
    return [
      fill(shape, (index) => {
        const values = gathered(x, index, axes)
        return (get(x, index) * get(scale, index)) / Math.sqrt(sum(values.map((v) => v * v)) / values.length + epsilon)
      }),
    ]
  },
  RotaryEmbedding: ([x, positions, cos, sin], { interleaved }) => {
    const position = (b: number, s: number): number => get(positions, [b, s])
    if (x.shape.length === 4) return [rotate(x, position, cos, sin, interleaved)]
    const heads = x.shape[2] / (2 * cos.shape[1])
    return [joinHeads(rotate(splitHeads(x, heads), position, cos, sin, interleaved))]
  },
  GroupQueryAttention: (
    [query, key, value, pastKey, pastValue, seqlensK, , cos, sin],
    { numHeads, kvNumHeads, scale, doRotary, rotaryInterleaved },
  ) => {
    const steps = query.shape[1]
    const start = (b: number): number => get(seqlensK, [b]) + 1 - steps
    const turned = (x: NdArray): NdArray => (doRotary ? rotate(x, (b, s) => start(b) + s, cos, sin, rotaryInterleaved) : x)
    const [q, k, v] = [turned(splitHeads(query, numHeads)), turned(splitHeads(key, kvNumHeads)), splitHeads(value, kvNumHeads)]
    const extended = (past: NdArray, now: NdArray): NdArray =>
      fill(past.shape, ([b, h, t, d]) =>
        t < start(b) ? get(past, [b, h, t, d]) : t < start(b) + steps ? get(now, [b, h, t - start(b), d]) : 0,
      )
    const [presentKey, presentValue] = [extended(pastKey, k), extended(pastValue, v)]
    const attended = fill(q.shape, ([b, h, s, d]) => {
      const kv = Math.floor((h * kvNumHeads) / numHeads)
      const seen = Array.from({ length: start(b) + s + 1 }, (_, t) => t)
      const weights = seen.map((t) =>
        Math.exp(scale * sum(Array.from({ length: q.shape[3] }, (_, i) => get(q, [b, h, s, i]) * get(presentKey, [b, kv, t, i])))),
      )
      return sum(seen.map((t) => weights[t] * get(presentValue, [b, kv, t, d]))) / sum(weights)
    })
    return [joinHeads(attended), presentKey, presentValue]
  },
}

/** Sizes of the names in the inputs' shapes, read off the tensors given for them. */
export function sizesOf(graph: Graph, feeds: Readonly<Record<string, NdArray>>): Sizes {
  return Object.fromEntries(
    graph.inputs.flatMap((input) => input.shape.flatMap((d, axis) => (typeof d === 'string' ? [[d, feeds[input.name].shape[axis]]] : []))),
  )
}

/** Every output of the graph for these inputs, in float64. */
export function interpret(graph: Graph, feeds: Readonly<Record<string, NdArray>>): Record<string, NdArray> {
  const sizes = sizesOf(graph, feeds)
  const size = (d: number | string): number => evaluateDim(d, sizes)
  const values = new Map<string, NdArray>(graph.inputs.map((input) => [input.name, feeds[input.name]]))
  for (const { value, data } of graph.constants) values.set(value.name, fromTensorData(value.shape as number[], data))
  for (const node of graph.nodes as readonly Node[]) {
    const inputs = node.inputs.map((name) => values.get(name ?? '')!)
    const shapes = node.outputs.map((output) => output.shape.map(size))
    const kernel = KERNELS[node.op] as Kernel<never>
    kernel(inputs, node.attributes as never, shapes, size).forEach((result, i) => values.set(node.outputs[i].name, result))
  }
  return Object.fromEntries(graph.outputs.map(({ name, value }) => [name, values.get(value)!]))
}
