// The gradient of every differentiable op, one entry each, with its formula. A rule receives the gradient g of
// the loss with respect to the node's output and returns one gradient per input, null where there is none; it
// writes nodes with the builder models use. No rule mentions broadcasting: gradients.ts sums it away. Rules
// may compute more than is asked for, since nodes nobody needs are dropped. Ops without a gradient are
// listed at the end with the reason; an op in neither table does not compile.

import { addDims, elementsOf, subDims } from '../graph/dims.ts'
import type { GraphBuilder, Operand } from '../graph/builder.ts'
import type { Value } from '../graph/ir.ts'
import type { OpAttributes, OpName } from '../graph/opAttributes.ts'

/** The node a rule is applied to, and the builder that writes its gradients. */
export interface Site<K extends OpName> {
  readonly to: GraphBuilder
  readonly inputs: readonly Value[]
  readonly outputs: readonly Value[]
  readonly attributes: OpAttributes[K]
  /** Gradient of each output, null where the loss does not depend on it; g is the first. */
  readonly grads: readonly (Value | null)[]
}

export type Rule<K extends OpName> = (g: Value, site: Site<K>) => readonly (Value | null)[]

const zerosLike = (to: GraphBuilder, x: Value): Value => to.constantOfShape(x.shape)

const reshapeToInput: Rule<'Reshape' | 'Squeeze' | 'Unsqueeze'> = (g, { to, inputs: [x] }) => [to.reshape(g, x.shape)]

/** A reduction's output or its gradient, with the reduced axes put back as 1. */
function keepReduced(to: GraphBuilder, y: Value, x: Value, axes: readonly number[]): Value {
  return to.reshape(
    y,
    x.shape.map((d, axis) => (axes.includes(axis) ? 1 : d)),
  )
}

/** How many elements of x share their coordinates along the other axes, as a factor. */
export function elementCount(to: GraphBuilder, x: Value, axes: readonly number[]): Operand {
  const count = elementsOf(axes.map((axis) => x.shape[axis]))
  if (typeof count === 'number') return count
  return axes.map((axis) => to.squeeze(to.cast(to.shape(x, axis, axis + 1), 'float32'), [0])).reduce((n, size) => to.mul(n, size))
}

/** y = extreme(x): the gradient goes to the elements equal to y, shared equally among ties. */
const extreme: Rule<'ReduceMax' | 'ReduceMin'> = (g, { to, inputs: [x], outputs: [y], attributes: { axes } }) => {
  const chosen = to.cast(to.equal(x, keepReduced(to, y, x, axes)), 'float32')
  return [to.mul(chosen, to.div(keepReduced(to, g, x, axes), to.reduceSum(chosen, axes)))]
}

/** Y = alpha A' B' with A' = A or its transpose: dA = alpha g B'^T and dB = alpha A'^T g, read without transposing. */
function productGradients(
  product: (a: Value, b: Value, transA: boolean, transB: boolean) => Value,
  g: Value,
  [a, b]: readonly Value[],
  { transA, transB }: { readonly transA: boolean; readonly transB: boolean },
): [Value, Value] {
  return [
    transA ? product(b, g, transB, true) : product(g, b, false, !transB),
    transB ? product(g, a, true, transA) : product(a, g, !transA, false),
  ]
}

/**
 * Zeros with g added at the gathered places, the axes of the indices taken as one. ScatterElements and not
 * ScatterND: ORT's CPU kernel of the latter adds rows from several threads without locks, and loses some.
 */
const gatherRule: Rule<'Gather'> = (g, { to, inputs: [data, indices], attributes: { axis } }) => {
  const count = elementsOf(indices.shape)
  const flat = to.reshape(g, data.shape.with(axis, count))
  const at = to.reshape(
    to.cast(indices, 'int64'),
    data.shape.map((_, i) => (i === axis ? count : 1)),
  )
  return [to.scatterElements(zerosLike(to, data), to.expand(at, flat.shape), flat, axis, 'add'), null]
}

export const RULES: { readonly [K in Exclude<OpName, keyof typeof WITHOUT_GRADIENT>]: Rule<K> } = {
  // d(a + b) = da + db, d(a - b) = da - db
  Add: (g) => [g, g],
  Sub: (g, { to }) => [g, to.neg(g)],
  // d(a b) = b da + a db
  Mul: (g, { to, inputs: [a, b] }) => [to.mul(g, b), to.mul(g, a)],
  // d(a / b) = da / b - (a / b) db / b
  Div: (g, { to, inputs: [, b], outputs: [y] }) => {
    const da = to.div(g, b)
    return [da, to.neg(to.mul(da, y))]
  },
  // d(x^p) = p x^(p-1) dx + x^p log(x) dp
  Pow: (g, { to, inputs: [x, p], outputs: [y] }) => [to.mul(g, to.mul(p, to.pow(x, to.sub(p, 1)))), to.mul(g, to.mul(y, to.log(x)))],
  // The chosen one takes the gradient; at a tie, the first.
  Min: (g, { to, inputs: [a, b] }) => [to.where(to.lessOrEqual(a, b), g, 0), to.where(to.lessOrEqual(a, b), 0, g)],
  Max: (g, { to, inputs: [a, b] }) => [to.where(to.greaterOrEqual(a, b), g, 0), to.where(to.greaterOrEqual(a, b), 0, g)],

  Neg: (g, { to }) => [to.neg(g)],
  Abs: (g, { to, inputs: [x] }) => [to.mul(g, to.sign(x))],
  // d exp(x) = y dx
  Exp: (g, { to, outputs: [y] }) => [to.mul(g, y)],
  Log: (g, { to, inputs: [x] }) => [to.div(g, x)],
  // d sqrt(x) = dx / (2 y)
  Sqrt: (g, { to, outputs: [y] }) => [to.mul(g, to.div(0.5, y))],
  // d (1 / x) = -y^2 dx
  Reciprocal: (g, { to, outputs: [y] }) => [to.mul(g, to.neg(to.mul(y, y)))],
  // d sigmoid(x) = y (1 - y) dx
  Sigmoid: (g, { to, outputs: [y] }) => [to.mul(g, to.mul(y, to.sub(1, y)))],
  // d tanh(x) = (1 - y^2) dx
  Tanh: (g, { to, outputs: [y] }) => [to.mul(g, to.sub(1, to.mul(y, y)))],
  Relu: (g, { to, inputs: [x] }) => [to.where(to.greater(x, 0), g, 0)],
  // d log(1 + exp(x)) = sigmoid(x) dx
  Softplus: (g, { to, inputs: [x] }) => [to.mul(g, to.sigmoid(x))],
  // d erf(x) = 2 / sqrt(pi) exp(-x^2) dx
  Erf: (g, { to, inputs: [x] }) => [to.mul(g, to.mul(2 / Math.sqrt(Math.PI), to.exp(to.neg(to.mul(x, x)))))],
  Cos: (g, { to, inputs: [x] }) => [to.neg(to.mul(g, to.sin(x)))],
  Sin: (g, { to, inputs: [x] }) => [to.mul(g, to.cos(x))],
  // y = x s with s = sigmoid(alpha x): dy = (s + alpha y (1 - s)) dx
  QuickGelu: (g, { to, inputs: [x], outputs: [y], attributes: { alpha } }) => {
    const s = to.sigmoid(alpha === 1 ? x : to.mul(alpha, x))
    const slope = to.mul(y, to.sub(1, s))
    return [to.mul(g, to.add(s, alpha === 1 ? slope : to.mul(alpha, slope)))]
  },
  // Elements that clipping left alone, the bounds included.
  Clip: (g, { to, inputs: [x], outputs: [y] }) => [to.where(to.equal(x, y), g, 0)],
  Where: (g, { to, inputs: [condition] }) => [null, to.where(condition, g, 0), to.where(condition, 0, g)],

  Gemm: (g, { to, inputs, attributes }) => {
    const { alpha, beta } = attributes
    const product = (a: Value, b: Value, transA: boolean, transB: boolean): Value => to.gemm(a, b, null, { transA, transB, alpha })
    return [...productGradients(product, g, inputs, attributes), beta === 1 ? g : to.mul(beta, g)]
  },
  MatMul: (g, { to, inputs }) => {
    const product = (a: Value, b: Value, transA: boolean, transB: boolean): Value => to.fusedMatMul(a, b, { transA, transB })
    return productGradients(product, g, inputs, { transA: false, transB: false })
  },
  FusedMatMul: (g, { to, inputs, attributes }) => {
    const product = (a: Value, b: Value, transA: boolean, transB: boolean): Value =>
      to.fusedMatMul(a, b, { transA, transB, alpha: attributes.alpha })
    return productGradients(product, g, inputs, attributes)
  },

  // Every element summed receives the gradient of the sum.
  ReduceSum: (g, { to, inputs: [x], attributes: { axes } }) => [keepReduced(to, g, x, axes)],
  ReduceMean: (g, { to, inputs: [x], attributes: { axes } }) => [to.div(keepReduced(to, g, x, axes), elementCount(to, x, axes))],
  ReduceMax: extreme,
  ReduceMin: extreme,
  // d sum(x^2) = 2 x dx
  ReduceSumSquare: (g, { to, inputs: [x], attributes: { axes } }) => [to.mul(x, to.mul(2, keepReduced(to, g, x, axes)))],
  // dx = y (g - sum(g y))
  Softmax: (g, { to, outputs: [y], attributes: { axis } }) => [to.mul(y, to.sub(g, to.reduceSum(to.mul(g, y), [axis])))],
  // dx = g - exp(y) sum(g)
  LogSoftmax: (g, { to, outputs: [y], attributes: { axis } }) => [to.sub(g, to.mul(to.exp(y), to.reduceSum(g, [axis])))],

  Reshape: reshapeToInput,
  Squeeze: reshapeToInput,
  Unsqueeze: reshapeToInput,
  Expand: (g) => [g],
  Transpose: (g, { to, attributes: { perm } }) => [
    to.transpose(
      g,
      perm.map((_, axis) => perm.indexOf(axis)),
    ),
  ],
  Concat: (g, { to, inputs, attributes: { axis } }) =>
    to.split(
      g,
      axis,
      inputs.map((x) => x.shape[axis]),
    ),
  Split: (_, { to, outputs, grads, attributes: { axis } }) => [
    to.concat(
      outputs.map((y, i) => grads[i] ?? zerosLike(to, y)),
      axis,
    ),
  ],
  Slice: (g, { to, inputs: [x], attributes: { axes, starts, ends } }) => [
    axes.reduce((sum, axis, i) => to.pad(sum, axis, starts[i], subDims(x.shape[axis], ends[i])), g),
  ],
  Pad: (g, { to, inputs: [x], attributes: { axes, before } }) => [
    axes.reduce((part, axis, i) => to.slice(part, axis, before[i], addDims(before[i], x.shape[axis])), g),
  ],
  Trilu: (g, { to, attributes: { upper, k } }) => [to.trilu(g, upper, k)],
  Identity: (g) => [g],

  Gather: gatherRule,
  // Where each index along the axis is alone, nothing is added twice and replacing zeros is enough.
  GatherElements: (g, { to, inputs: [data, indices], attributes: { axis } }) => [
    to.scatterElements(zerosLike(to, data), to.cast(indices, 'int64'), g, axis, indices.shape[axis] === 1 ? 'none' : 'add'),
    null,
  ],
  ScatterElements: (g, { to, inputs: [, indices, updates], attributes: { axis, reduction } }) => [
    reduction === 'add' ? g : to.scatterElements(g, indices, zerosLike(to, updates), axis),
    null,
    to.gatherElements(g, indices, axis),
  ],

  // A rotation's transpose is the rotation by the negative angle. Positions and caches are not trained.
  RotaryEmbedding: (g, { to, inputs: [, positions, cos, sin], attributes }) => [
    to.rotaryEmbedding(g, positions, cos, to.neg(sin), attributes),
    null,
    null,
    null,
  ],
}

/** 'none': the derivative is zero or meaningless, so the walk stops there. 'forward': asking for it is a mistake. */
export const WITHOUT_GRADIENT = {
  Sign: { kind: 'none', reason: 'constant between its jumps' },
  Equal: { kind: 'none', reason: 'yields booleans' },
  Less: { kind: 'none', reason: 'yields booleans' },
  LessOrEqual: { kind: 'none', reason: 'yields booleans' },
  Greater: { kind: 'none', reason: 'yields booleans' },
  GreaterOrEqual: { kind: 'none', reason: 'yields booleans' },
  And: { kind: 'none', reason: 'takes and yields booleans' },
  Or: { kind: 'none', reason: 'takes and yields booleans' },
  Not: { kind: 'none', reason: 'takes and yields booleans' },
  Cast: { kind: 'none', reason: 'float32 is the only type with gradients, so one side has none' },
  ArgMax: { kind: 'none', reason: 'yields positions' },
  DequantizeLinear: { kind: 'none', reason: 'reads what is frozen' },

  ConstantOfShape: { kind: 'none', reason: 'has no input' },
  Range: { kind: 'none', reason: 'has no input' },
  Shape: { kind: 'none', reason: 'yields sizes' },
  StopGradient: { kind: 'none', reason: 'stopping is its purpose' },
  SimplifiedLayerNormalization: {
    kind: 'forward',
    reason: 'its saved inverse deviation is wrong on WebGPU; compose it from reduceSumSquare, sqrt, reciprocal and mul',
  },
  MatMulNBits: { kind: 'forward', reason: 'it reads a matrix that is frozen; where gradients pass, dequantise it and take gemm' },
  GroupQueryAttention: { kind: 'forward', reason: 'it is for decoding with a cache; compose attention from fusedMatMul and softmax' },
} as const satisfies { readonly [K in OpName]?: { readonly kind: 'none' | 'forward'; readonly reason: string } }
