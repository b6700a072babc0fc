// Small schemas the records are made of.

import { z } from 'zod'

/** The format number that every record written to a file of ours carries. */
export const SCHEMA_VERSION = 1

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }

export const json = z.json() as unknown as z.ZodType<Json>
export const id = z.int().positive()
export const timeMs = z.int().nonnegative()
export const count = z.int().nonnegative()
export const name = z.string().min(1)
/** A metric that could not be computed is absent: never null, NaN or 0. */
export const metrics = z.record(z.string(), z.number())
export const int32s = z.custom<Int32Array>((value) => value instanceof Int32Array, 'expected an Int32Array')
export const float32s = z.custom<Float32Array>((value) => value instanceof Float32Array, 'expected a Float32Array')
export const bytes = z.custom<Uint8Array>((value) => value instanceof Uint8Array, 'expected a Uint8Array')

export type Of<Schema extends z.ZodType> = Readonly<z.infer<Schema>>
