// What an import is told, and what turns the rows of one kind into records.
import type { DuplicateIndex } from './datasets/duplicates.ts'
import type { SourceRow } from './read/reader.ts'
import type { Rejected } from './rejected.ts'
import type { IdentityBy, IdentityMemory } from './rollouts/identity.ts'

export interface ImportOptions {
  /** `dataset`, `rollouts` or the name of a rollout source; guessed from the rows unless given. */
  readonly as?: string
  /** Roles to columns: `problem`, `answer`, ... for datasets (datasetRoles), canonical names for rollouts. */
  readonly map?: { readonly [role: string]: string }
  /** The table of a SQLite database that is read; its only one unless given. */
  readonly table?: string | undefined
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: ImportProgress) => void
  /** Longest row accepted, in bytes; 32 MB unless given. */
  readonly maxRowBytes?: number
  /** Whether problems that repeat an earlier one are kept; they are rejected unless this is true. */
  readonly keepDuplicates?: boolean
  /** Problems that these must not share, such as a training set's; what is shared is counted in the report. */
  readonly against?: DuplicateIndex
  /** What makes rollouts samples of one problem: their prompt, unless this is `id`. */
  readonly identity?: IdentityBy
  /** Rejected rows listed in the report; 1,000 unless given. The batches carry all of them. */
  readonly listRejected?: number
  /** What a reading that goes on met before, and who is told of what is new. */
  readonly memory?: IdentityMemory
}

export interface ImportProgress {
  readonly file: string
  readonly bytesRead: number
  readonly bytesTotal: number
  readonly rows: number
  readonly rejected: number
}

/** One kind of row turned into records; the two kinds are in datasets/datasetImport.ts and rollouts/rolloutImport.ts. */
export interface Converter<Record> {
  readonly source: string
  readonly why: string
  convert(row: SourceRow): { readonly records: readonly Record[] } | { readonly rejected: Rejected }
}
