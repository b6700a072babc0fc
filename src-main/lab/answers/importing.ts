// Rows of files brought in as the work of a job, for pages and commands alike: what may be left open is left to be guessed, and progress is
// told in the unit that suits the whole.
import { basename } from 'node:path'
import type { ImportStart } from '../../../src-preload/contract.ts'
import { importInto, type Imported } from '../files/importInto.ts'
import type { JobControl } from '../process/jobs.ts'
import type { Store } from '../../store/openStore.ts'

export type RowsAsked = Omit<ImportStart, 'split'> & Partial<Pick<ImportStart, 'split'>> & { readonly allowEmpty?: boolean }

export interface ImportingParts {
  readonly store: Store
  readonly now: () => number
  /** What the progress is of. */
  readonly label: string
}

interface ReadSoFar {
  readonly bytesRead: number
  readonly bytesTotal: number
  readonly rows: number
}

/** How far an import is that has taken so long. */
export function progressOf(
  { bytesRead, bytesTotal, rows }: ReadSoFar,
  elapsedMs: number,
): { done: number; total: number; unit: string; etaMs: number | null } {
  const [scale, unit] = bytesTotal >= 1e7 ? [1e6, 'MB'] : [1e3, 'kB']
  return {
    done: Math.round(bytesRead / scale),
    total: Math.ceil(bytesTotal / scale),
    unit: `${unit}, ${rows} rows`,
    etaMs: bytesRead > 0 ? (elapsedMs * (bytesTotal - bytesRead)) / bytesRead : null,
  }
}

/** What a job that imports these is called. */
export function importLabel(paths: readonly string[]): string {
  const first = `Importing ${basename(paths[0]!)}`
  return paths.length === 1 ? first : `${first} and ${paths.length - 1} more`
}

/** Throws what importInto throws. */
export function bringRows(
  { paths, as, map, identity, table, name, grader, keepDuplicates, split = null, allowEmpty }: RowsAsked,
  { store, now, label }: ImportingParts,
  { signal, onEvent }: Pick<JobControl, 'signal' | 'onEvent'>,
): Promise<Imported> {
  const began = now()
  return importInto(
    store,
    paths,
    {
      ...(as !== null && { as }),
      map,
      ...(name !== null && { name }),
      ...(grader !== null && { grader }),
      ...(split !== null && { split }),
      keepDuplicates,
      identity,
      ...(table !== null && { table }),
      allowEmpty,
      signal,
      onProgress: (read) =>
        onEvent({
          kind: 'progress',
          runId: null,
          report: {
            job: '',
            label,
            ...progressOf(read, now() - began),
            tokensPerSecond: null,
            memoryBytes: process.memoryUsage.rss(),
            atMs: now(),
          },
        }),
    },
    now,
  )
}
