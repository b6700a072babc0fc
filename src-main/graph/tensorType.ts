// What is known of a value before anything is computed.
import type { Shape } from './dims.ts'

export type Dtype = 'float32' | 'int64' | 'int32' | 'bool'

/** What inference knows of a value: element type and shape. */
export interface TensorType {
  readonly dtype: Dtype
  readonly shape: Shape
}
