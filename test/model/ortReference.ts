// Runs our graphs through onnxruntime-node's own JavaScript interface: the reference that the native engine and the graphs are checked against.
import * as ort from 'onnxruntime-node'
import type { Graph } from '../../src-main/graph/ir.ts'
import { toOnnx } from '../../src-main/graph/onnx.ts'

export interface PlainTensor {
  readonly dtype: 'float32' | 'int64' | 'int32' | 'bool'
  readonly dims: readonly number[]
  readonly data: ArrayLike<number> | BigInt64Array
}

/** A function that runs the graph on the CPU provider; int64 data may be given as any numbers. */
export async function compile(graph: Graph, executionProviders: string[] = ['cpu']) {
  const session = await ort.InferenceSession.create(toOnnx(graph), { executionProviders, logSeverityLevel: 3 })
  return async (feeds: Record<string, PlainTensor>): Promise<Record<string, ort.Tensor>> => {
    const tensors: Record<string, ort.Tensor> = {}
    for (const [name, { dtype, dims, data }] of Object.entries(feeds)) {
      const typed =
        dtype === 'int64'
          ? BigInt64Array.from(data as ArrayLike<number>, (value) => BigInt(value))
          : dtype === 'int32'
            ? Int32Array.from(data as ArrayLike<number>)
            : Float32Array.from(data as ArrayLike<number>)
      tensors[name] = new ort.Tensor(dtype, typed as never, [...dims])
    }
    return session.run(tensors) as Promise<Record<string, ort.Tensor>>
  }
}
