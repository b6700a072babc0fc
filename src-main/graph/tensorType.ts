// What is known of a value before anything is computed.
import type { Shape } from './dims.ts'

/** The two of 16 bits are what frozen weights may be held in: they are gathered from and cast, and nothing is computed in them. */
export type Dtype = 'float32' | 'float16' | 'bfloat16' | 'int64' | 'int32' | 'bool'

/** What inference knows of a value: element type and shape. */
export interface TensorType {
  readonly dtype: Dtype
  readonly shape: Shape
}
