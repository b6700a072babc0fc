// What every reader yields: rows with their place in the file, and the rows that could not be read.

import type { JsonObject } from '../json.ts'
import type { NoteBook } from '../notes.ts'
import type { Place, Rejected } from '../rejected.ts'
import type { Source } from './source.ts'

/** The longest row accepted, in bytes, unless the caller says otherwise. */
export const MAX_ROW_BYTES = 1 << 25
/** Rows handed over at once, at most. */
export const BATCH_ROWS = 1000

export interface SourceRow extends Place {
  readonly value: JsonObject
}

export interface ReadBatch {
  readonly rows: readonly SourceRow[]
  readonly rejected: readonly Rejected[]
}

export interface ReaderOptions {
  readonly notes: NoteBook
  readonly maxRowBytes: number
  readonly signal?: AbortSignal | undefined
}

/** Turns a text source into batches of rows. Closes the source when it ends, fails or is left. */
export type Reader = (source: Source, options: ReaderOptions) => AsyncGenerator<ReadBatch>

/** A limit in a person's unit. */
export function inMegabytes(bytes: number): string {
  return bytes >= 1 << 20 ? `${Math.round(bytes / (1 << 20))} MB` : `${bytes} bytes`
}
