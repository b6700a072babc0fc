// What is known of a value before anything is computed.
import type { Shape } from './dims.ts'

/** What frozen weights may be held in besides float32, the two of 16 bits and, as numbers or as bytes, those of 4: they are read and widened, and nothing is computed in them. */
type HeldDtype = 'float16' | 'bfloat16' | 'uint4' | 'uint8'

export type Dtype = 'float32' | 'int64' | 'int32' | 'bool' | HeldDtype

/** What inference knows of a value: element type and shape. */
export interface TensorType {
  readonly dtype: Dtype
  readonly shape: Shape
}
