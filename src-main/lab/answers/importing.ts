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

function sized(done: number, total: number, rows: number): { done: number; total: number; unit: string } {
  const [scale, unit] = total >= 1e7 ? [1e6, 'MB'] : [1e3, 'kB']
  return { done: Math.round(done / scale), total: Math.ceil(total / scale), unit: `${unit}, ${rows} rows` }
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
      onProgress: ({ bytesRead, bytesTotal, rows }) =>
        onEvent({
          kind: 'progress',
          runId: null,
          report: {
            job: '',
            label,
            ...sized(bytesRead, bytesTotal, rows),
            etaMs: bytesRead > 0 ? ((now() - began) * (bytesTotal - bytesRead)) / bytesRead : null,
            tokensPerSecond: null,
            memoryBytes: process.memoryUsage.rss(),
            atMs: now(),
          },
        }),
    },
    now,
  )
}
