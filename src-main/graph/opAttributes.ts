// Every operator a graph may contain, in groups with a line of meaning each, and what is said of each besides its inputs. Meanings follow ONNX
// opset 21 and ORT's com.microsoft domain; where ONNX passes sizes as tensors, they are attributes here.

import type { Dim, Shape } from './dims.ts'
import type { Dtype } from './tensorType.ts'

type None = Readonly<Record<never, never>>
interface Axes {
  readonly axes: readonly number[]
}
interface Reduce extends Axes {
  readonly keepdims: boolean
}
interface Axis {
  readonly axis: number
}

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
  /**
   * (x [M,k] or [..,k], blocks uint8 [n,k/blockSize,blockSize/2], scales [n,k/blockSize]) -> x W^T for W [n,k] of 4-bit numbers less 8, two in a byte,
   * times the scale of their block, computed in float32. com.microsoft. Forward only.
   */
  MatMulNBits: { readonly k: number; readonly n: number; readonly bits: 4; readonly blockSize: number; readonly accuracyLevel: 0 }
  /** (x uint4 [n,k], scales [n,k/blockSize]) -> x * scales, blocks along the axis. */
  DequantizeLinear: Axis & { readonly blockSize: number }
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
