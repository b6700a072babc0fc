// What is known of every operator that opAttributes.ts lists: OPS says, for each, how many inputs it takes, which attributes ONNX stores on the node,
// and which function of infer.ts derives types and shapes. Meanings follow ONNX opset 21 and ORT's
// com.microsoft domain; where ONNX passes sizes as tensors, they are attributes here. Gradients live in
// autodiff/rules.ts.

import * as types from './infer.ts'
import type { OpAttributes, OpName } from './opAttributes.ts'
import type { TensorType } from './tensorType.ts'

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
  MatMulNBits: {
    inputs: [3, 3],
    domain: 'com.microsoft',
    onnx: {
      k: ['K', 'int'],
      n: ['N', 'int'],
      bits: ['bits', 'int'],
      blockSize: ['block_size', 'int'],
      accuracyLevel: ['accuracy_level', 'int'],
    },
    infer: types.blockedProduct,
  },
  DequantizeLinear: { inputs: [2, 2], onnx: { axis: ['axis', 'int'], blockSize: ['block_size', 'int'] }, infer: types.dequantized },

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
export function inferTypes<K extends OpName>(
  label: string,
  op: K,
  inputs: readonly (TensorType | null)[],
  attributes: OpAttributes[K],
): TensorType[] {
  const spec = OPS[op]
  const [least, most] = spec.inputs
  try {
    types.expect(
      inputs.length >= least && inputs.length <= most,
      least === most ? `${least} inputs` : `${least} to ${most} inputs`,
      `${inputs.length}`,
    )
    const missing = inputs.findIndex((input, i) => input === null && i < least)
    types.expect(missing < 0, `input ${missing}`, 'none')
    const given = inputs.map((input) => input ?? undefined) as TensorType[]
    return spec.infer(given, attributes).map(({ dtype, shape }) => ({ dtype, shape }))
  } catch (error) {
    throw new Error(`${label}: ${(error as Error).message}`, { cause: error })
  }
}
