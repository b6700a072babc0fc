// Types and shapes: for every kind of op, what comes out for what goes in. The op table (ops.ts) names these
// functions; each takes the inputs and the attributes and throws with what was expected and found. Dimensions
// may be names: two are equal when they are written equally, and nothing is assumed about their size.

import { addDims, broadcastShapes, elementsOf, sameShape, showShape, subDims } from './dims.ts'
import type { Dim, Shape } from './dims.ts'
import type { OpAttributes, OpName } from './opAttributes.ts'
import type { Dtype, TensorType } from './tensorType.ts'

/** Optional inputs that are not given are undefined. */
export type Infer<A = unknown> = (inputs: readonly TensorType[], attributes: A) => TensorType[]
type InferOf<K extends OpName> = Infer<OpAttributes[K]>

export function expect(condition: boolean, expected: string, found: string): asserts condition {
  if (!condition) throw new Error(`expected ${expected}, found ${found}`)
}

const show = (...inputs: readonly TensorType[]): string => inputs.map(({ dtype, shape }) => `${dtype}${showShape(shape)}`).join(' and ')

function expectDtype(dtype: Dtype, ...inputs: readonly TensorType[]): void {
  expect(
    inputs.every((x) => x.dtype === dtype),
    dtype,
    show(...inputs),
  )
}

function expectRank(rank: number, ...inputs: readonly TensorType[]): void {
  expect(
    inputs.every((x) => x.shape.length === rank),
    `rank ${rank}`,
    show(...inputs),
  )
}

function expectShape(wanted: Shape, ...inputs: readonly TensorType[]): void {
  expect(
    inputs.every((x) => sameShape(x.shape, wanted)),
    showShape(wanted),
    show(...inputs),
  )
}

function expectAxes(axes: readonly number[], rank: number): void {
  const legal = axes.every((axis) => Number.isInteger(axis) && axis >= 0 && axis < rank) && new Set(axes).size === axes.length
  expect(legal, `distinct axes in 0..${rank - 1}`, `[${axes}]`)
}

function expectNumbers(...inputs: readonly TensorType[]): void {
  expect(
    inputs.every((x) => x.dtype === inputs[0].dtype && x.dtype !== 'bool'),
    'numbers of one type',
    show(...inputs),
  )
}

function expectIndices(x: TensorType): void {
  expect(x.dtype === 'int64' || x.dtype === 'int32', 'integer indices', show(x))
}

/** Not known to be negative: a name is given the benefit of the doubt. */
const atLeastZero = (d: Dim): boolean => typeof d === 'string' || d >= 0

function broadcast(...inputs: readonly TensorType[]): Shape {
  const shape = broadcastShapes(...inputs.map((x) => x.shape))
  expect(shape !== null, 'shapes that broadcast', show(...inputs))
  return shape
}

function expectBroadcastTo(x: TensorType, shape: Shape): void {
  const together = broadcastShapes(x.shape, shape)
  expect(together !== null && sameShape(together, shape), `a shape that broadcasts to ${showShape(shape)}`, show(x))
}

// Elementwise.

export const unchanged: Infer = ([x]) => [x]

export const numbers: Infer = (inputs) => {
  expectNumbers(...inputs)
  return [{ dtype: inputs[0].dtype, shape: broadcast(...inputs) }]
}

export const floats: Infer = ([x]) => {
  expectDtype('float32', x)
  return [x]
}

export const comparison: Infer = (inputs) => {
  expectNumbers(...inputs)
  return [{ dtype: 'bool', shape: broadcast(...inputs) }]
}

export const logic: Infer = (inputs) => {
  expectDtype('bool', ...inputs)
  return [{ dtype: 'bool', shape: broadcast(...inputs) }]
}

export const where: Infer = ([condition, a, b]) => {
  expectDtype('bool', condition)
  expect(a.dtype === b.dtype, 'branches of one type', show(a, b))
  return [{ dtype: a.dtype, shape: broadcast(condition, a, b) }]
}

export const cast: InferOf<'Cast'> = ([x], { to }) => [{ dtype: to, shape: x.shape }]

export const expand: InferOf<'Expand'> = ([x], { shape }) => {
  expectBroadcastTo(x, shape)
  return [{ dtype: x.dtype, shape }]
}

// Matrix products.

const matrix = (shape: Shape, transposed: boolean): [Dim, Dim] => {
  const [rows, columns] = shape.slice(-2)
  return transposed ? [columns, rows] : [rows, columns]
}

export const product: Infer<{ readonly transA: boolean; readonly transB: boolean }> = ([a, b], { transA, transB }) => {
  expectDtype('float32', a, b)
  expect(a.shape.length >= 2 && b.shape.length >= 2, 'at least two axes each', show(a, b))
  const [m, inner] = matrix(a.shape, transA)
  const [innerB, n] = matrix(b.shape, transB)
  expect(inner === innerB, 'equal inner dimensions', `${inner} and ${innerB} of ${show(a, b)}`)
  const batch = broadcastShapes(a.shape.slice(0, -2), b.shape.slice(0, -2))
  expect(batch !== null, 'leading axes that broadcast', show(a, b))
  return [{ dtype: 'float32', shape: [...batch, m, n] }]
}

export const blockedProduct: InferOf<'MatMulNBits'> = ([x, blocks, scales], { k, n, blockSize }) => {
  expectDtype('float32', x, scales)
  expectDtype('uint8', blocks)
  expect(k % blockSize === 0, `rows of whole blocks of ${blockSize}`, `${k}`)
  expectShape([n, k / blockSize, blockSize / 2], blocks)
  expectShape([n, k / blockSize], scales)
  expect(x.shape.at(-1) === k, `rows of ${k}`, show(x))
  return [{ dtype: 'float32', shape: [...x.shape.slice(0, -1), n] }]
}

export const dequantized: InferOf<'DequantizeLinear'> = ([x, scales], { axis, blockSize }) => {
  expectDtype('uint4', x)
  expectDtype('float32', scales)
  expectAxes([axis], x.shape.length)
  const size = x.shape[axis]
  expect(typeof size === 'number' && size % blockSize === 0, `whole blocks of ${blockSize}`, show(x))
  expectShape(x.shape.toSpliced(axis, 1, Number(size) / blockSize), scales)
  return [{ dtype: 'float32', shape: x.shape }]
}

export const gemm: InferOf<'Gemm'> = ([a, b, c], attributes) => {
  expectRank(2, a, b)
  const [out] = product([a, b], attributes)
  if (c) {
    expectDtype('float32', c)
    expectBroadcastTo(c, out.shape)
  }
  return [out]
}

// Reductions.

function reduced(shape: Shape, axes: readonly number[], keepdims: boolean): Shape {
  expectAxes(axes, shape.length)
  return keepdims ? shape.map((d, i) => (axes.includes(i) ? 1 : d)) : shape.filter((_, i) => !axes.includes(i))
}

export const reduction: InferOf<'ReduceSum'> = ([x], { axes, keepdims }) => {
  expectNumbers(x)
  return [{ dtype: x.dtype, shape: reduced(x.shape, axes, keepdims) }]
}

export const argMax: InferOf<'ArgMax'> = ([x], { axis, keepdims }) => {
  expectNumbers(x)
  return [{ dtype: 'int64', shape: reduced(x.shape, [axis], keepdims) }]
}

export const softmax: InferOf<'Softmax'> = ([x], { axis }) => {
  expectDtype('float32', x)
  expectAxes([axis], x.shape.length)
  return [x]
}

// Rearrangement.

export const reshape: InferOf<'Reshape'> = ([x], { shape }) => {
  const [held, wanted] = [elementsOf(x.shape), elementsOf(shape)]
  expect(held === wanted, `${held} elements as in ${show(x)}`, `${wanted} in ${showShape(shape)}`)
  return [{ dtype: x.dtype, shape }]
}

export const transpose: InferOf<'Transpose'> = ([x], { perm }) => {
  expectAxes(perm, x.shape.length)
  expect(perm.length === x.shape.length, `${x.shape.length} axes`, `[${perm}]`)
  return [{ dtype: x.dtype, shape: perm.map((axis) => x.shape[axis]) }]
}

export const squeeze: InferOf<'Squeeze'> = ([x], { axes }) => {
  expectAxes(axes, x.shape.length)
  expect(
    axes.every((axis) => x.shape[axis] === 1),
    `1 at axes [${axes}]`,
    show(x),
  )
  return [{ dtype: x.dtype, shape: x.shape.filter((_, axis) => !axes.includes(axis)) }]
}

export const unsqueeze: InferOf<'Unsqueeze'> = ([x], { axes }) => {
  const rank = x.shape.length + axes.length
  expectAxes(axes, rank)
  const rest = x.shape.values()
  return [{ dtype: x.dtype, shape: Array.from({ length: rank }, (_, axis) => (axes.includes(axis) ? 1 : rest.next().value!)) }]
}

export const concat: InferOf<'Concat'> = (inputs, { axis }) => {
  const [first] = inputs
  expectAxes([axis], first.shape.length)
  const joined = inputs.map((x) => x.shape[axis]).reduce(addDims)
  const alike = inputs.every(
    (x) =>
      x.dtype === first.dtype &&
      x.shape.length === first.shape.length &&
      sameShape(x.shape.with(axis, joined), first.shape.with(axis, joined)),
  )
  expect(alike, `inputs that differ in axis ${axis} only`, show(...inputs))
  return [{ dtype: first.dtype, shape: first.shape.with(axis, joined) }]
}

export const split: InferOf<'Split'> = ([x], { axis, sizes }) => {
  expectAxes([axis], x.shape.length)
  expect(sizes.reduce(addDims, 0) === x.shape[axis], `sizes adding up to ${x.shape[axis]}`, `[${sizes}]`)
  return sizes.map((size) => ({ dtype: x.dtype, shape: x.shape.with(axis, size) }))
}

function replaceAxes(shape: Shape, axes: readonly number[], size: (d: Dim, i: number) => Dim): Shape {
  expectAxes(axes, shape.length)
  return shape.map((d, axis) => (axes.includes(axis) ? size(d, axes.indexOf(axis)) : d))
}

export const slice: InferOf<'Slice'> = ([x], { axes, starts, ends }) => {
  const shape = replaceAxes(x.shape, axes, (_, i) => subDims(ends[i], starts[i]))
  const inside = axes.every((axis, i) => [starts[i], shape[axis], subDims(x.shape[axis], ends[i])].every(atLeastZero))
  expect(inside, `0 <= start <= end <= size in ${show(x)}`, `[${starts}] to [${ends}] at axes [${axes}]`)
  return [{ dtype: x.dtype, shape }]
}

export const pad: InferOf<'Pad'> = ([x], { axes, before, after }) => {
  expect([...before, ...after].every(atLeastZero), 'padding of at least 0', `[${before}] and [${after}]`)
  return [{ dtype: x.dtype, shape: replaceAxes(x.shape, axes, (d, i) => addDims(d, addDims(before[i], after[i]))) }]
}

export const trilu: Infer = ([x]) => {
  expect(x.shape.length >= 2, 'at least two axes', show(x))
  return [x]
}

// Indexing.

export const gather: InferOf<'Gather'> = ([data, indices], { axis }) => {
  expectIndices(indices)
  expectAxes([axis], data.shape.length)
  return [{ dtype: data.dtype, shape: data.shape.toSpliced(axis, 1, ...indices.shape) }]
}

export const gatherElements: InferOf<'GatherElements'> = ([data, indices], { axis }) => {
  expectIndices(indices)
  expectRank(data.shape.length, indices)
  expectAxes([axis], data.shape.length)
  return [{ dtype: data.dtype, shape: indices.shape }]
}

export const scatterElements: InferOf<'ScatterElements'> = ([data, indices, updates], { axis }) => {
  expectDtype('int64', indices)
  expectRank(data.shape.length, indices)
  expectAxes([axis], data.shape.length)
  expect(sameShape(indices.shape, updates.shape), 'one update per index', show(indices, updates))
  expect(data.dtype === updates.dtype, 'updates of the type of the data', show(data, updates))
  return [data]
}

// Values from no tensor.

export const constantOfShape: InferOf<'ConstantOfShape'> = (_, { shape, dtype }) => [{ dtype, shape }]

export const range: InferOf<'Range'> = (_, { start, limit }) => {
  const length = subDims(limit, start)
  expect(atLeastZero(length), 'start <= limit', `${start} and ${limit}`)
  return [{ dtype: 'int64', shape: [length] }]
}

export const shapeOf: InferOf<'Shape'> = ([x], { start, end }) => {
  expect(start >= 0 && start <= end && end <= x.shape.length, `axes within ${show(x)}`, `${start} to ${end}`)
  return [{ dtype: 'int64', shape: [end - start] }]
}

// Fused inference kernels.

export const rmsNorm: InferOf<'SimplifiedLayerNormalization'> = ([x, scale], { axis }) => {
  expectDtype('float32', x, scale)
  expectAxes([axis], x.shape.length)
  expectShape(x.shape.slice(axis), scale)
  return [x]
}

export const rotaryEmbedding: Infer = ([x, positions, cos, sin]) => {
  expectDtype('float32', x, cos, sin)
  expectDtype('int64', positions)
  expectRank(2, positions, cos, sin)
  expectShape(cos.shape, sin)
  expect(x.shape.length === 3 || x.shape.length === 4, 'three or four axes', show(x))
  expectShape([x.shape[0], x.shape.at(-2)!], positions)
  const [width, size] = [Number(x.shape.at(-1)), 2 * Number(cos.shape[1])]
  expect(x.shape.length === 3 ? width % size === 0 : width === size, `heads of size ${size}`, show(x))
  return [x]
}

export const groupQueryAttention: InferOf<'GroupQueryAttention'> = (
  [query, key, value, pastKey, pastValue, seqlensK, total, cos, sin],
  { numHeads, kvNumHeads, doRotary },
) => {
  expectDtype('float32', query, key, value, pastKey, pastValue)
  expectDtype('int32', seqlensK, total)
  expectRank(3, query, key, value)
  expectRank(4, pastKey, pastValue)
  const [batch, steps, width] = query.shape
  const size = Number(width) / numHeads
  expect(size % 16 === 0, `${numHeads} heads whose size is a multiple of 16`, show(query))
  expectShape([batch, steps, kvNumHeads * size], key, value)
  expectShape([batch, kvNumHeads, pastKey.shape[2], size], pastKey, pastValue)
  expectShape([batch], seqlensK)
  expectShape([], total)
  expect(!doRotary || (cos !== undefined && sin !== undefined), 'cos and sin caches', 'none')
  return [query, pastKey, pastValue]
}
