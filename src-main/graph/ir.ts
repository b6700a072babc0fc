// The graph: values with a type and a shape, nodes that make values from values, and nothing else.
// Everything is a plain read-only record, in single-assignment form and in execution order, so a graph
// can be printed, compared, checked (verify.ts), differentiated (autodiff/) and written as ONNX (onnx.ts).
// Sizes that ONNX passes as tensors (the target of a Reshape, the axes of a ReduceSum) are attributes
// here, where shape inference can read them; onnx.ts turns them back into tensors.

import type { OpAttributes, OpName } from './opAttributes.ts'
import type { Dtype, TensorType } from './tensorType.ts'

export type { Dtype, TensorType }

export interface Value extends TensorType {
  readonly name: string
}

/** Row-major elements; booleans are one byte each. */
export type TensorData = Float32Array | BigInt64Array | Int32Array | Uint8Array

/** A tensor whose elements are part of the graph. Its shape holds numbers only. */
export interface Constant {
  readonly value: Value
  readonly data: TensorData
}

/** One operator applied to named values. An optional input that is not given is null. */
export interface NodeOf<K extends OpName> {
  readonly op: K
  readonly inputs: readonly (string | null)[]
  readonly outputs: readonly Value[]
  readonly attributes: OpAttributes[K]
}

export type Node = { [K in OpName]: NodeOf<K> }[OpName]

export interface Output {
  /** The name the outside world uses; the value inside keeps its own. */
  readonly name: string
  readonly value: string
}

export interface Graph {
  readonly name: string
  readonly inputs: readonly Value[]
  readonly constants: readonly Constant[]
  readonly nodes: readonly Node[]
  readonly outputs: readonly Output[]
}

/** One number as the data of a scalar of this type. Throws when the type cannot hold it. */
export function scalarData(value: number, dtype: Dtype): TensorData {
  const none = new Uint8Array(0)
  const data = {
    float32: () => Float32Array.of(value),
    int64: () => BigInt64Array.of(BigInt(Math.trunc(value))),
    int32: () => Int32Array.of(value),
    bool: () => Uint8Array.of(value),
    float16: () => none,
    bfloat16: () => none,
    uint4: () => none,
    uint8: () => Uint8Array.of(value),
  }[dtype]()
  if (dtype !== 'float32' && Number(data[0]) !== value) throw new Error(`a scalar of type ${dtype} cannot be ${value}`)
  return data
}

/** How a node is called in errors: its operator and first output. */
export function nodeLabel(op: OpName, output: string): string {
  return `${op} '${output}'`
}

/** Every value of the graph by name: inputs, constants, then node outputs in order. */
export function valuesOf(graph: Graph): Map<string, Value> {
  const values = [...graph.inputs, ...graph.constants.map((constant) => constant.value), ...graph.nodes.flatMap((node) => node.outputs)]
  return new Map(values.map((value) => [value.name, value]))
}
