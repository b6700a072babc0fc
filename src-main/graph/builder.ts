// GraphBuilder writes a graph one operator at a time: a method per op, named after it, taking and returning
// values. Types and shapes are inferred at each call, so a mistake fails on the line that makes it. An
// expression written twice becomes one node; build() drops nodes that no output needs and verifies the rest.
// A plain number may stand for a scalar constant wherever an elementwise method takes a value.

import { addDims, canonicalShape, dim, elementsOf, sameShape, showShape } from './dims.ts'
import type { Dim, Shape } from './dims.ts'
import { nodeLabel, scalarData } from './ir.ts'
import type { Constant, Dtype, Graph, Node, Output, TensorData, Value } from './ir.ts'
import { inferTypes } from './ops.ts'
import type { OpAttributes, OpName } from './opAttributes.ts'
import { verify } from './verify.ts'

export type Operand = Value | number

const NONE = {}

const DATA_DTYPES: readonly [abstract new (...args: never[]) => TensorData, Dtype][] = [
  [Float32Array, 'float32'],
  [BigInt64Array, 'int64'],
  [Int32Array, 'int32'],
  [Uint8Array, 'bool'],
]

export class GraphBuilder {
  readonly #name: string
  readonly #inputs: Value[] = []
  readonly #constants: Constant[] = []
  readonly #nodes: Node[] = []
  readonly #outputs: Output[] = []
  readonly #values = new Map<string, Value>()
  /** Expression -> its outputs: what makes an expression written twice one node. */
  readonly #known = new Map<string, readonly Value[]>()
  readonly #scalars = new Map<string, Value>()
  #count = 0

  constructor(name: string) {
    this.#name = name
  }

  /** A builder that goes on where a graph ends: same inputs, nodes and outputs. */
  static from(graph: Graph): GraphBuilder {
    const builder = new GraphBuilder(graph.name)
    for (const value of graph.inputs) builder.#addInput(value)
    for (const constant of graph.constants) builder.#addConstant(constant)
    for (const node of graph.nodes) builder.#addNode(node)
    builder.#outputs.push(...graph.outputs)
    builder.#count = builder.#values.size
    return builder
  }

  /** A tensor given at run time. Its dims name the sizes: ['B', 'T'], ['B*T', 256]. */
  input(name: string, dtype: Dtype, shape: Shape): Value {
    return this.#addInput({ name, dtype, shape: canonicalShape(shape) })
  }

  /** A tensor whose elements are stored in the graph; Uint8Array makes booleans. */
  constant(data: TensorData, shape: readonly number[], name = this.#freshName('Constant')): Value {
    const dtype = DATA_DTYPES.find(([type]) => data instanceof type)![1]
    if (elementsOf(shape) !== data.length) throw new Error(`constant '${name}': ${data.length} elements do not fill ${showShape(shape)}`)
    const value = { name, dtype, shape: [...shape] }
    this.#addConstant({ value, data })
    return value
  }

  /** A constant of rank 0; equal scalars are one constant. */
  scalar(value: number, dtype: Dtype = 'float32'): Value {
    const data = scalarData(value, dtype)
    return this.#scalars.get(scalarKey(dtype, data)) ?? this.constant(data, [])
  }

  /** Names a value for the outside world. */
  output(name: string, value: Value): void {
    if (this.#outputs.some((output) => output.name === name)) throw new Error(`output '${name}' is named twice`)
    this.#own(value)
    this.#outputs.push({ name, value: value.name })
  }

  /** The value of this name. Throws when there is none. */
  value(name: string): Value {
    const value = this.#values.get(name)
    if (!value) throw new Error(`graph '${this.#name}' has no value '${name}'`)
    return value
  }

  /** The finished graph: all inputs, the constants and nodes its outputs need, verified. */
  build(): Graph {
    const needed = new Set(this.#outputs.map((output) => output.value))
    const nodes: Node[] = []
    for (const node of this.#nodes.toReversed()) {
      if (!node.outputs.some((output) => needed.has(output.name))) continue
      nodes.push(node)
      for (const input of node.inputs) if (input !== null) needed.add(input)
    }
    const graph: Graph = {
      name: this.#name,
      inputs: [...this.#inputs],
      constants: this.#constants.filter((constant) => needed.has(constant.value.name)),
      nodes: nodes.reverse(),
      outputs: [...this.#outputs],
    }
    verify(graph)
    return graph
  }

  /** Appends an op of the table and returns its outputs. The methods below are the readable way to call it. */
  apply<K extends OpName>(op: K, inputs: readonly (Value | null)[], attributes: OpAttributes[K]): readonly Value[] {
    for (const input of inputs) if (input) this.#own(input)
    const names = inputs.map((input) => input?.name ?? null)
    const key = keyOf(op, names, attributes)
    const known = this.#known.get(key)
    if (known) return known
    const first = this.#freshName(op)
    const types = inferTypes(nodeLabel(op, first), op, inputs, attributes)
    const outputs = types.map((type, i) => ({ name: i === 0 ? first : `${first}.${i}`, dtype: type.dtype, shape: type.shape }))
    this.#addNode({ op, inputs: names, outputs, attributes } as unknown as Node)
    return outputs
  }

  // Elementwise, broadcasting.
  add(a: Operand, b: Operand): Value {
    return this.#binary('Add', a, b)
  }
  sub(a: Operand, b: Operand): Value {
    return this.#binary('Sub', a, b)
  }
  mul(a: Operand, b: Operand): Value {
    return this.#binary('Mul', a, b)
  }
  div(a: Operand, b: Operand): Value {
    return this.#binary('Div', a, b)
  }
  pow(a: Operand, b: Operand): Value {
    return this.#binary('Pow', a, b)
  }
  min(a: Operand, b: Operand): Value {
    return this.#binary('Min', a, b)
  }
  max(a: Operand, b: Operand): Value {
    return this.#binary('Max', a, b)
  }

  // Elementwise, one tensor.
  neg(x: Value): Value {
    return this.#one('Neg', [x], NONE)
  }
  abs(x: Value): Value {
    return this.#one('Abs', [x], NONE)
  }
  sign(x: Value): Value {
    return this.#one('Sign', [x], NONE)
  }
  exp(x: Value): Value {
    return this.#one('Exp', [x], NONE)
  }
  log(x: Value): Value {
    return this.#one('Log', [x], NONE)
  }
  sqrt(x: Value): Value {
    return this.#one('Sqrt', [x], NONE)
  }
  reciprocal(x: Value): Value {
    return this.#one('Reciprocal', [x], NONE)
  }
  sigmoid(x: Value): Value {
    return this.#one('Sigmoid', [x], NONE)
  }
  tanh(x: Value): Value {
    return this.#one('Tanh', [x], NONE)
  }
  relu(x: Value): Value {
    return this.#one('Relu', [x], NONE)
  }
  softplus(x: Value): Value {
    return this.#one('Softplus', [x], NONE)
  }
  erf(x: Value): Value {
    return this.#one('Erf', [x], NONE)
  }
  cos(x: Value): Value {
    return this.#one('Cos', [x], NONE)
  }
  sin(x: Value): Value {
    return this.#one('Sin', [x], NONE)
  }
  /** x * sigmoid(alpha * x) in one kernel; alpha 1 is SiLU. */
  quickGelu(x: Value, alpha = 1): Value {
    return this.#one('QuickGelu', [x], { alpha })
  }
  clip(x: Value, min: number, max: number): Value {
    return this.#one('Clip', [x], { min, max })
  }

  // Comparison, logic, choice, type.
  equal(a: Operand, b: Operand): Value {
    return this.#binary('Equal', a, b)
  }
  less(a: Operand, b: Operand): Value {
    return this.#binary('Less', a, b)
  }
  lessOrEqual(a: Operand, b: Operand): Value {
    return this.#binary('LessOrEqual', a, b)
  }
  greater(a: Operand, b: Operand): Value {
    return this.#binary('Greater', a, b)
  }
  greaterOrEqual(a: Operand, b: Operand): Value {
    return this.#binary('GreaterOrEqual', a, b)
  }
  and(a: Value, b: Value): Value {
    return this.#one('And', [a, b], NONE)
  }
  or(a: Value, b: Value): Value {
    return this.#one('Or', [a, b], NONE)
  }
  not(a: Value): Value {
    return this.#one('Not', [a], NONE)
  }
  where(condition: Value, a: Operand, b: Operand): Value {
    return this.#one('Where', [condition, ...this.#lift(a, b)], NONE)
  }
  cast(x: Value, to: Dtype): Value {
    return x.dtype === to ? x : this.#one('Cast', [x], { to })
  }

  // Matrix products.
  /** alpha * op(a) op(b) + beta * c, matrices; c [n], [1,n], [m,1], [m,n] or null. */
  gemm(a: Value, b: Value, c: Value | null = null, options: Partial<OpAttributes['Gemm']> = {}): Value {
    const attributes = { transA: false, transB: false, alpha: 1, beta: 1, ...options }
    return this.#one('Gemm', c ? [a, b, c] : [a, b], attributes)
  }
  matMul(a: Value, b: Value): Value {
    return this.#one('MatMul', [a, b], NONE)
  }
  fusedMatMul(a: Value, b: Value, options: Partial<OpAttributes['FusedMatMul']> = {}): Value {
    return this.#one('FusedMatMul', [a, b], { transA: false, transB: false, alpha: 1, ...options })
  }

  /** x W^T for W [n, k] in blocks of 4 bits, each number less 8 times its scale. */
  matMulNBits(x: Value, blocks: Value, scales: Value): Value {
    const [n, count, half] = blocks.shape.map(Number) as [number, number, number]
    return this.#one('MatMulNBits', [x, blocks, scales], { k: 2 * count * half, n, bits: 4, blockSize: 2 * half, accuracyLevel: 0 })
  }
  /** Numbers of 4 bits in blocks along the last axis as float32. */
  dequantizeLinear(x: Value, scales: Value): Value {
    const [size, count] = [Number(x.shape.at(-1)), Number(scales.shape.at(-1))]
    return this.#one('DequantizeLinear', [x, scales], { axis: axisOf(x, -1), blockSize: Math.ceil(size / count) })
  }

  // Reductions; all axes when none are given. Softmax along one axis, the last by default.
  reduceSum(x: Value, axes?: readonly number[], keepdims = true): Value {
    return this.#reduce('ReduceSum', x, axes, keepdims)
  }
  reduceMean(x: Value, axes?: readonly number[], keepdims = true): Value {
    return this.#reduce('ReduceMean', x, axes, keepdims)
  }
  reduceMax(x: Value, axes?: readonly number[], keepdims = true): Value {
    return this.#reduce('ReduceMax', x, axes, keepdims)
  }
  reduceMin(x: Value, axes?: readonly number[], keepdims = true): Value {
    return this.#reduce('ReduceMin', x, axes, keepdims)
  }
  /** Sum of squares in one pass. */
  reduceSumSquare(x: Value, axes?: readonly number[], keepdims = true): Value {
    return this.#reduce('ReduceSumSquare', x, axes, keepdims)
  }
  argMax(x: Value, axis = -1, keepdims = true): Value {
    return this.#one('ArgMax', [x], { axis: axisOf(x, axis), keepdims })
  }
  softmax(x: Value, axis = -1): Value {
    return this.#one('Softmax', [x], { axis: axisOf(x, axis) })
  }
  logSoftmax(x: Value, axis = -1): Value {
    return this.#one('LogSoftmax', [x], { axis: axisOf(x, axis) })
  }

  // Rearrangement. Shapes are full target shapes, e.g. ['B*T', 256] or ['B', 'T', 4, 64].
  reshape(x: Value, shape: Shape): Value {
    const to = canonicalShape(shape)
    return sameShape(x.shape, to) ? x : this.#one('Reshape', [x], { shape: to })
  }
  expand(x: Value, shape: Shape): Value {
    const to = canonicalShape(shape)
    return sameShape(x.shape, to) ? x : this.#one('Expand', [x], { shape: to })
  }
  transpose(x: Value, perm: readonly number[]): Value {
    return perm.every((axis, i) => axis === i) ? x : this.#one('Transpose', [x], { perm: [...perm] })
  }
  squeeze(x: Value, axes: readonly number[]): Value {
    return this.#one('Squeeze', [x], { axes: axes.map((axis) => axisOf(x, axis)) })
  }
  /** Axes count in the result. */
  unsqueeze(x: Value, axes: readonly number[]): Value {
    const rank = x.shape.length + axes.length
    return this.#one('Unsqueeze', [x], { axes: axes.map((axis) => (axis < 0 ? axis + rank : axis)) })
  }
  concat(inputs: readonly Value[], axis: number): Value {
    return inputs.length === 1 ? inputs[0] : this.#one('Concat', inputs, { axis: axisOf(inputs[0], axis) })
  }
  split(x: Value, axis: number, sizes: readonly Dim[]): readonly Value[] {
    return this.apply('Split', [x], { axis: axisOf(x, axis), sizes: sizes.map(dim) })
  }
  /** x[start:end] along one axis. Negative numbers count from the end; a name like 'T-1' is taken as it stands. */
  slice(x: Value, axis: number, start: Dim, end: Dim = x.shape[axisOf(x, axis)]): Value {
    const at = axisOf(x, axis)
    const size = x.shape[at]
    const place = (d: Dim): Dim => (typeof d === 'number' && d < 0 ? addDims(size, d) : dim(d))
    if (place(start) === 0 && place(end) === size) return x
    return this.#one('Slice', [x], { axes: [at], starts: [place(start)], ends: [place(end)] })
  }
  /** Zeros before and after along one axis. */
  pad(x: Value, axis: number, before: Dim, after: Dim): Value {
    return this.#one('Pad', [x], { axes: [axisOf(x, axis)], before: [dim(before)], after: [dim(after)] })
  }
  trilu(x: Value, upper: boolean, k = 0): Value {
    return this.#one('Trilu', [x], { upper, k })
  }
  identity(x: Value): Value {
    return this.#one('Identity', [x], NONE)
  }
  /** x as a constant in the eyes of autodiff. */
  stopGradient(x: Value): Value {
    return this.#one('StopGradient', [x], NONE)
  }

  // Indexing.
  gather(data: Value, indices: Value, axis = 0): Value {
    return this.#one('Gather', [data, indices], { axis: axisOf(data, axis) })
  }
  gatherElements(data: Value, indices: Value, axis = -1): Value {
    return this.#one('GatherElements', [data, indices], { axis: axisOf(data, axis) })
  }
  scatterElements(data: Value, indices: Value, updates: Value, axis = -1, reduction: 'none' | 'add' = 'none'): Value {
    return this.#one('ScatterElements', [data, indices, updates], { axis: axisOf(data, axis), reduction })
  }

  // Values from no tensor.
  constantOfShape(shape: Shape, value = 0, dtype: Dtype = 'float32'): Value {
    return this.#one('ConstantOfShape', [], { shape: canonicalShape(shape), value, dtype })
  }
  /** [start, ..., limit - 1] int64; range(0, 'T') has shape ['T']. */
  range(start: Dim, limit: Dim): Value {
    return this.#one('Range', [], { start: dim(start), limit: dim(limit) })
  }
  /** Sizes of axes [start, end) as int64. */
  shape(x: Value, start = 0, end = x.shape.length): Value {
    return this.#one('Shape', [x], { start, end })
  }

  // Fused inference kernels.
  simplifiedLayerNormalization(x: Value, scale: Value, epsilon: number, axis = -1): Value {
    return this.#one('SimplifiedLayerNormalization', [x, scale], { axis: axisOf(x, axis), epsilon })
  }
  rotaryEmbedding(x: Value, positions: Value, cos: Value, sin: Value, options: Partial<OpAttributes['RotaryEmbedding']> = {}): Value {
    return this.#one('RotaryEmbedding', [x, positions, cos, sin], { interleaved: false, ...options })
  }
  groupQueryAttention(
    inputs: {
      readonly query: Value
      readonly key: Value
      readonly value: Value
      readonly pastKey: Value
      readonly pastValue: Value
      readonly seqlensK: Value
      readonly totalSequenceLength: Value
      readonly cosCache?: Value
      readonly sinCache?: Value
    },
    options: Pick<OpAttributes['GroupQueryAttention'], 'numHeads' | 'kvNumHeads'> & Partial<OpAttributes['GroupQueryAttention']>,
  ): { readonly output: Value; readonly presentKey: Value; readonly presentValue: Value } {
    const { query, key, value, pastKey, pastValue, seqlensK, totalSequenceLength, cosCache, sinCache } = inputs
    const caches = cosCache && sinCache ? [cosCache, sinCache] : []
    const size = Number(query.shape[2]) / options.numHeads
    const attributes = { scale: 1 / Math.sqrt(size), doRotary: caches.length > 0, rotaryInterleaved: false, ...options }
    const given = [query, key, value, pastKey, pastValue, seqlensK, totalSequenceLength, ...caches]
    const [output, presentKey, presentValue] = this.apply('GroupQueryAttention', given, attributes)
    return { output, presentKey, presentValue }
  }

  #one<K extends OpName>(op: K, inputs: readonly (Value | null)[], attributes: OpAttributes[K]): Value {
    return this.apply(op, inputs, attributes)[0]
  }

  #binary(
    op: 'Add' | 'Sub' | 'Mul' | 'Div' | 'Pow' | 'Min' | 'Max' | 'Equal' | 'Less' | 'LessOrEqual' | 'Greater' | 'GreaterOrEqual',
    a: Operand,
    b: Operand,
  ): Value {
    return this.#one(op, this.#lift(a, b), NONE)
  }

  /** Numbers become scalars of the other operand's type. */
  #lift(a: Operand, b: Operand): [Value, Value] {
    const dtype = typeof a !== 'number' ? a.dtype : typeof b !== 'number' ? b.dtype : 'float32'
    return [typeof a === 'number' ? this.scalar(a, dtype) : a, typeof b === 'number' ? this.scalar(b, dtype) : b]
  }

  #reduce(
    op: 'ReduceSum' | 'ReduceMean' | 'ReduceMax' | 'ReduceMin' | 'ReduceSumSquare',
    x: Value,
    axes: readonly number[] | undefined,
    keepdims: boolean,
  ): Value {
    const over = (axes ?? x.shape.map((_, axis) => axis)).map((axis) => axisOf(x, axis)).sort((a, b) => a - b)
    return this.#one(op, [x], { axes: over, keepdims })
  }

  #addInput(value: Value): Value {
    this.#declare(value)
    this.#inputs.push(value)
    return value
  }

  #addConstant(constant: Constant): void {
    this.#declare(constant.value)
    this.#constants.push(constant)
    if (constant.value.shape.length === 0) this.#scalars.set(scalarKey(constant.value.dtype, constant.data), constant.value)
  }

  #addNode(node: Node): void {
    for (const output of node.outputs) this.#declare(output)
    this.#nodes.push(node)
    this.#known.set(keyOf(node.op, node.inputs, node.attributes), node.outputs)
  }

  #declare(value: Value): void {
    if (this.#values.has(value.name)) throw new Error(`graph '${this.#name}': '${value.name}' is declared twice`)
    this.#values.set(value.name, value)
  }

  #own(value: Value): void {
    if (this.#values.get(value.name) !== value) throw new Error(`graph '${this.#name}': value '${value.name}' belongs to another graph`)
  }

  #freshName(op: string): string {
    let name: string
    do name = `${op}_${this.#count++}`
    while (this.#values.has(name))
    return name
  }
}

/** Equal scalars have equal keys; 0 and -0 are not equal. */
function scalarKey(dtype: Dtype, data: TensorData): string {
  return `${dtype} ${Object.is(data[0], -0) ? '-0' : data[0]}`
}

/** Counts a negative axis from the end. */
function axisOf(x: Value, axis: number): number {
  return axis < 0 ? axis + x.shape.length : axis
}

/** The text that is equal for equal expressions; JSON alone would drop the sign of zero and infinities. */
function keyOf(op: OpName, inputs: readonly (string | null)[], attributes: object): string {
  const exact = (_: string, value: unknown): unknown =>
    typeof value === 'number' && (!Number.isFinite(value) || Object.is(value, -0)) ? `number ${1 / value} ${value}` : value
  return JSON.stringify([op, inputs, attributes], exact)
}
