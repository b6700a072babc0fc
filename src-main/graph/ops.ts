// Every operator a graph may contain: read this file first. OpAttributes lists them in groups with a line
// of meaning each; OPS says, for each, how many inputs it takes, which attributes ONNX stores on the node,
// and which function of infer.ts derives types and shapes. Meanings follow ONNX opset 21 and ORT's
// com.microsoft domain; where ONNX passes sizes as tensors, they are attributes here. Gradients live in
// autodiff/rules.ts.

import type { Dim, Shape } from './dims.ts'
import * as types from './infer.ts'
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
  RotaryEmbedding: { readonly interleaved: boolean }
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
  readonly infer: types.Infer<OpAttributes[K]>
}

/** An elementwise op of this many inputs. */
const each = (inputs: number, type: types.Infer) => ({ inputs: [inputs, inputs] as const, elementwise: true as const, infer: type })
const reduce = { inputs: [1, 1], onnx: { keepdims: ['keepdims', 'int'] }, infer: types.reduction } as const
const softmax = { inputs: [1, 1], onnx: { axis: ['axis', 'int'] }, infer: types.softmax } as const
const trans = { transA: ['transA', 'int'], transB: ['transB', 'int'], alpha: ['alpha', 'float'] } as const

export const OPS: { readonly [K in OpName]: OpSpec<K> } = {
  Add: each(2, types.numbers),
  Sub: each(2, types.numbers),
  Mul: each(2, types.numbers),
  Div: each(2, types.numbers),
  Pow: each(2, types.numbers),
  Min: each(2, types.numbers),
  Max: each(2, types.numbers),

  Neg: each(1, types.numbers),
  Abs: each(1, types.numbers),
  Sign: each(1, types.numbers),
  Exp: each(1, types.floats),
  Log: each(1, types.floats),
  Sqrt: each(1, types.floats),
  Reciprocal: each(1, types.floats),
  Sigmoid: each(1, types.floats),
  Tanh: each(1, types.floats),
  Relu: each(1, types.floats),
  Softplus: each(1, types.floats),
  Erf: each(1, types.floats),
  Cos: each(1, types.floats),
  Sin: each(1, types.floats),
  QuickGelu: { ...each(1, types.floats), domain: 'com.microsoft', onnx: { alpha: ['alpha', 'float'] } },
  Clip: each(1, types.floats),

  Equal: each(2, types.comparison),
  Less: each(2, types.comparison),
  LessOrEqual: each(2, types.comparison),
  Greater: each(2, types.comparison),
  GreaterOrEqual: each(2, types.comparison),
  And: each(2, types.logic),
  Or: each(2, types.logic),
  Not: each(1, types.logic),
  Where: each(3, types.where),
  Cast: { inputs: [1, 1], elementwise: true, onnx: { to: ['to', 'dtype'] }, infer: types.cast },

  Gemm: { inputs: [2, 3], onnx: { ...trans, beta: ['beta', 'float'] }, infer: types.gemm },
  MatMul: { inputs: [2, 2], infer: (inputs) => types.product(inputs, { transA: false, transB: false }) },
  FusedMatMul: { inputs: [2, 2], domain: 'com.microsoft', onnx: trans, infer: types.product },

  ReduceSum: reduce,
  ReduceMean: reduce,
  ReduceMax: reduce,
  ReduceMin: reduce,
  ReduceSumSquare: reduce,
  ArgMax: { inputs: [1, 1], onnx: { axis: ['axis', 'int'], keepdims: ['keepdims', 'int'] }, infer: types.argMax },
  Softmax: softmax,
  LogSoftmax: softmax,

  Reshape: { inputs: [1, 1], infer: types.reshape },
  Expand: { inputs: [1, 1], elementwise: true, infer: types.expand },
  Transpose: { inputs: [1, 1], onnx: { perm: ['perm', 'ints'] }, infer: types.transpose },
  Squeeze: { inputs: [1, 1], infer: types.squeeze },
  Unsqueeze: { inputs: [1, 1], infer: types.unsqueeze },
  Concat: { inputs: [1, Infinity], onnx: { axis: ['axis', 'int'] }, infer: types.concat },
  Split: { inputs: [1, 1], onnx: { axis: ['axis', 'int'] }, infer: types.split },
  Slice: { inputs: [1, 1], infer: types.slice },
  Pad: { inputs: [1, 1], infer: types.pad },
  Trilu: { inputs: [1, 1], onnx: { upper: ['upper', 'int'] }, infer: types.trilu },
  Identity: each(1, types.unchanged),
  StopGradient: each(1, types.unchanged),

  Gather: { inputs: [2, 2], onnx: { axis: ['axis', 'int'] }, infer: types.gather },
  GatherElements: { inputs: [2, 2], onnx: { axis: ['axis', 'int'] }, infer: types.gatherElements },
  ScatterElements: { inputs: [3, 3], onnx: { axis: ['axis', 'int'], reduction: ['reduction', 'string'] }, infer: types.scatterElements },

  ConstantOfShape: { inputs: [0, 0], infer: types.constantOfShape },
  Range: { inputs: [0, 0], infer: types.range },
  Shape: { inputs: [1, 1], onnx: { start: ['start', 'int'], end: ['end', 'int'] }, infer: types.shapeOf },

  SimplifiedLayerNormalization: { inputs: [2, 2], onnx: { axis: ['axis', 'int'], epsilon: ['epsilon', 'float'] }, infer: types.rmsNorm },
  RotaryEmbedding: { inputs: [4, 4], domain: 'com.microsoft', onnx: { interleaved: ['interleaved', 'int'] }, infer: types.rotaryEmbedding },
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
    infer: types.groupQueryAttention,
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
    types.expect(inputs.length >= least && inputs.length <= most, least === most ? `${least} inputs` : `${least} to ${most} inputs`, `${inputs.length}`)
    const missing = inputs.findIndex((input, i) => input === null && i < least)
    types.expect(missing < 0, `input ${missing}`, 'none')
    const given = inputs.map((input) => input ?? undefined) as TensorType[]
    return spec.infer(given, attributes).map(({ dtype, shape }) => ({ dtype, shape }))
  } catch (error) {
    throw new Error(`${label}: ${(error as Error).message}`, { cause: error })
  }
}
