// What a person sees before pressing Import: what the file is, its first 50 rows as they would be imported, the guessed
// roles, and the rows that would be turned away among them. Reads the beginning of the first file only.

import { basename, relative } from 'node:path'
import type { CanonicalRollout } from './canonical.ts'
import { createDatasetImport } from './datasets/datasetImport.ts'
import type { GraderGuess } from './datasets/graderGuess.ts'
import type { DatasetRow } from './datasets/normalise.ts'
import type { RoleGuess } from './datasets/roles.ts'
import { detectImport } from './detect.ts'
import type { Detection } from './detect.ts'
import { namesPrompts } from './importFiles.ts'
import type { ImportOptions } from './converter.ts'
import { pathsOf } from './json.ts'
import { createNoteBook } from './notes.ts'
import type { Note } from './notes.ts'
import { parquetColumns } from './read/parquet.ts'
import { openRows } from './read/readRows.ts'
import type { RowFile } from './read/readRows.ts'
import type { SourceRow } from './read/reader.ts'
import { MAX_ROW_BYTES } from './read/reader.ts'
import type { Rejected } from './rejected.ts'
import { createRolloutImport, kindOfMap } from './rollouts/rolloutImport.ts'
import type { RolloutSource } from './rollouts/mapping.ts'
import { createIdentity } from './rollouts/identity.ts'
import type { IdentityFacts } from './rollouts/identity.ts'
import { rolloutSources, splitOfPath } from './rollouts/mapping.ts'

const PREVIEW_ROWS = 50

export interface Preview {
  readonly detection: Detection
  readonly rows: readonly DatasetRow[] | readonly CanonicalRollout[]
  readonly rejected: readonly Rejected[]
  /** Columns of the rows shown, with the fields of objects: what a role may name. */
  readonly columns: readonly string[]
  /** Rows of the first file: exact for Parquet, estimated from the rows shown for text, null where it cannot be known. */
  readonly rowCount: { readonly rows: number; readonly exact: boolean } | null
  /** Null for rollouts. */
  readonly roles: RoleGuess | null
  readonly grader: GraderGuess | null
  /** Both readings of which rollouts answer the same problem, among the rows shown; null for datasets. */
  readonly identity: IdentityFacts | null
  readonly notes: readonly Note[]
}

/**
 * Previews a file or folder under the options an import would get. Throws what detectImport throws, and LabError import.noProblem,
 * import.noAnswer, import.noColumn and import.badMap, which say what to map.
 */
export async function previewImport(
  path: string,
  options: Pick<ImportOptions, 'as' | 'map' | 'maxRowBytes' | 'identity' | 'table'> = {},
): Promise<Preview> {
  const detection = await detectImport(path, options)
  const file = detection.files[0]
  const as = options.as ?? kindOfMap(options.map ?? {}) ?? undefined
  const kind = as === undefined ? detection.kind : as === 'dataset' ? 'dataset' : 'rollouts'
  if (file === undefined || (kind !== 'dataset' && kind !== 'rollouts'))
    return {
      detection,
      rows: [],
      rejected: [],
      columns: detection.columns,
      rowCount: null,
      roles: null,
      grader: null,
      identity: null,
      notes: [],
    }
  const notes = createNoteBook()
  const opened = await openRows(file, { maxRowBytes: options.maxRowBytes, table: options.table, notes })
  const found: SourceRow[] = []
  const rejected: Rejected[] = []
  for await (const batch of opened.batches()) {
    found.push(...batch.rows.slice(0, PREVIEW_ROWS - found.length))
    const upTo = found.length < PREVIEW_ROWS ? Infinity : found.at(-1)!.line
    rejected.push(...batch.rejected.filter(({ line }) => line <= upTo).slice(0, PREVIEW_ROWS))
    if (found.length >= PREVIEW_ROWS) break
  }
  const rowCount = await countRows(opened, found)
  const map = options.map ?? {}
  const columns = pathsOf(found.map(({ value }) => value))
  const split = detection.splits?.get(file) ?? splitOfPath(file === path ? basename(path) : relative(path, file))
  if (kind === 'dataset') {
    const dataset = createDatasetImport(options)
    const rows = convertAll(
      dataset.open(
        file,
        found.map(({ value }) => value),
        map,
        notes,
      ),
      found,
      rejected,
    ).map((row) => (row.split === undefined && split !== undefined ? { ...row, split } : row))
    return {
      detection,
      rows,
      rejected,
      columns,
      rowCount,
      roles: dataset.facts().roles[file]!,
      grader: dataset.facts().grader,
      identity: null,
      notes: notes.list(),
    }
  }
  const source = chosenSource(options.as, detection)
  const identity = createIdentity(options.identity)
  const converter = await createRolloutImport(
    file,
    source,
    detection.why,
    map,
    found.map(({ value }) => value),
  )
  const placing = {
    convert(row: SourceRow) {
      const result = converter.convert(row)
      return 'rejected' in result
        ? result
        : {
            records: result.records.map((record) =>
              identity.place(
                record.split === undefined && split !== undefined ? { ...record, split } : record,
                file,
                row.line,
                notes,
                namesPrompts.has(converter.source),
              ),
            ),
          }
    },
  }
  const rows = convertAll(placing, found, rejected)
  return { detection, rows, rejected, columns, rowCount, roles: null, grader: null, identity: identity.facts(), notes: notes.list() }
}

function chosenSource(as: string | undefined, { kind, source }: Detection): RolloutSource {
  const named = rolloutSources.find((each) => each === as)
  return named ?? (kind === 'rollouts' ? (source as RolloutSource) : 'plain')
}

interface RowConverter<Record> {
  convert(row: SourceRow): { readonly records: readonly Record[] } | { readonly rejected: Rejected }
}

/** Records of the rows; what is turned away is added to `rejected`. */
function convertAll<Record>(converter: RowConverter<Record>, rows: readonly SourceRow[], rejected: Rejected[]): Record[] {
  return rows.flatMap((row) => {
    const result = converter.convert(row)
    if ('records' in result) return [...result.records]
    rejected.push(result.rejected)
    return []
  })
}

async function countRows(file: RowFile, rows: readonly SourceRow[]): Promise<Preview['rowCount']> {
  if (file.format === 'parquet')
    return { rows: (await parquetColumns(file.path, { notes: createNoteBook(), maxRowBytes: MAX_ROW_BYTES })).rows, exact: true }
  if (file.table !== undefined) return file.table.rows === null ? null : { rows: file.table.rows, exact: true }
  const last = rows.at(-1)
  if (last === undefined || last.end === null || file.compression !== 'none') return null
  if (rows.length < PREVIEW_ROWS) return { rows: rows.length, exact: true }
  return { rows: Math.max(rows.length, Math.round((file.bytes * rows.length) / last.end)), exact: false }
}
