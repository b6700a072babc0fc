// Tensors as they cross into the engine: a type, a shape, a flat array. `int64` may be fed from an Int32Array, which the
// engine widens; what comes back is a BigInt64Array. Booleans are bytes, 0 or 1.
import type { NativePort, NativeTensor } from './addon.ts'
import { dimensions, fail, record, volume } from './check.ts'

export type Tensor =
  | { readonly dtype: 'float32'; readonly dims: readonly number[]; readonly data: Float32Array }
  | { readonly dtype: 'int64'; readonly dims: readonly number[]; readonly data: BigInt64Array | Int32Array }
  | { readonly dtype: 'int32'; readonly dims: readonly number[]; readonly data: Int32Array }
  | { readonly dtype: 'bool'; readonly dims: readonly number[]; readonly data: Uint8Array }

export type Dtype = Tensor['dtype']
export type Tensors = Readonly<Record<string, Tensor>>

const ARRAYS: Readonly<Record<Dtype, readonly { readonly name: string; readonly prototype: object }[]>> = {
  float32: [Float32Array],
  int64: [BigInt64Array, Int32Array],
  int32: [Int32Array],
  bool: [Uint8Array],
}

/** Shorthands. Without dims the tensor is a vector. */
export const tensor = {
  float32: (values: ArrayLike<number>, dims: readonly number[] = [values.length]): Tensor => ({
    dtype: 'float32',
    dims,
    data: values instanceof Float32Array ? values : Float32Array.from(values),
  }),
  int64: (values: ArrayLike<number>, dims: readonly number[] = [values.length]): Tensor => ({
    dtype: 'int64',
    dims,
    data: values instanceof Int32Array ? values : Int32Array.from(values),
  }),
  int32: (values: ArrayLike<number>, dims: readonly number[] = [values.length]): Tensor => ({
    dtype: 'int32',
    dims,
    data: values instanceof Int32Array ? values : Int32Array.from(values),
  }),
} as const

/**
 * Checks a record of tensors against the inputs a graph declares: every unbound input fed, nothing else, types and shapes right.
 * Throws missing-input, unknown-name, wrong-dtype, wrong-shape.
 */
export function checkFeeds(feeds: unknown, inputs: readonly NativePort[]): Readonly<Record<string, NativeTensor>> {
  const given = record('feeds', feeds)
  const wanted = inputs.filter((input) => !input.bound)
  for (const name of Object.keys(given)) {
    if (wanted.some((input) => input.name === name)) continue
    const bound = inputs.some((input) => input.name === name)
    fail(
      'unknown-name',
      `one of the inputs ${wanted.map((input) => input.name).join(', ')}`,
      name,
      bound ? 'This input reads a parameter; change the parameter instead.' : 'Check the spelling.',
    )
  }
  for (const input of wanted) {
    const value = given[input.name]
    if (value === undefined) fail('missing-input', `a tensor for the input ${input.name}`, 'none', 'Feed it.')
    checkTensor(input, value)
  }
  return given as Readonly<Record<string, NativeTensor>>
}

function checkTensor(input: NativePort, value: unknown): void {
  const { dtype, dims, data } = record(`the input ${input.name}`, value)
  if (dtype !== input.dtype) fail('wrong-dtype', `the input ${input.name} to be ${input.dtype}`, dtype)
  const shape = dimensions(`the dims of ${input.name}`, dims)
  const fits = shape.length === input.dims.length && input.dims.every((dim, axis) => typeof dim === 'string' || dim === shape[axis])
  if (!fits) fail('wrong-shape', `the input ${input.name} to be [${input.dims.join(', ')}]`, shape)
  const arrays = ARRAYS[dtype as Dtype]
  if (!arrays.some((array) => Object.getPrototypeOf(data as object) === array.prototype)) {
    fail('wrong-dtype', `the data of ${input.name} to be a ${arrays.map((array) => array.name).join(' or ')}`, data)
  }
  const { length } = data as Float32Array
  if (length !== volume(shape)) fail('wrong-shape', `the data of ${input.name} to hold ${volume(shape)} elements`, length)
}
