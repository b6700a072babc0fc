// Import, top to bottom: plan the files, open each, look at its first rows, turn rows into problems or rollouts, hand them
// over in batches, and add everything up. Nothing is stored here: whoever walks the batches keeps what it wants. Every row
// of every file ends as imported or as rejected with its reason: rows = imported + rejected.

import { stat } from 'node:fs/promises'
import { basename, dirname, relative, resolve, sep } from 'node:path'
import { LabError } from '../../src-preload/contract.ts'
import type { Converter, ImportOptions } from './converter.ts'
import { createDatasetImport } from './datasets/datasetImport.ts'
import type { DatasetFacts } from './datasets/datasetImport.ts'
import type { DatasetRow } from './datasets/normalise.ts'
import type { CanonicalRollout } from './canonical.ts'
import type { ImportKind } from './detect.ts'
import { SAMPLE_ROWS } from './detect.ts'
import { refuse, refuseSystem } from './errors.ts'
import { aboutFile, fileSha256 } from './fileFacts.ts'
import { planArchive, planFolder } from './folder.ts'
import type { Json, JsonObject } from './json.ts'
import { nearest } from './nearest.ts'
import { createNoteBook } from './notes.ts'
import type { Note, NoteBook } from './notes.ts'
import { archiveKind, partsOf } from './read/archive.ts'
import { openRows } from './read/readRows.ts'
import type { RowFile } from './read/readRows.ts'
import type { ReadBatch, SourceRow } from './read/reader.ts'
import { fileSize } from './read/source.ts'
import type { RowFormat } from './read/sniff.ts'
import type { Compression } from './read/unpack.ts'
import type { Place, Rejected } from './rejected.ts'
import { createIdentity } from './rollouts/identity.ts'
import type { IdentityFacts } from './rollouts/identity.ts'
import { rolloutSources, splitOfPath } from './rollouts/mapping.ts'
import type { RolloutSource } from './rollouts/mapping.ts'
import { createRolloutImport, kindOfMap } from './rollouts/rolloutImport.ts'
import { recogniseRollouts } from './rollouts/sources.ts'

export type ImportBatch =
  | { readonly kind: 'dataset'; readonly file: string; readonly rows: readonly DatasetRow[]; readonly rejected: readonly Rejected[] }
  | { readonly kind: 'rollouts'; readonly file: string; readonly rows: readonly CanonicalRollout[]; readonly rejected: readonly Rejected[] }
  | { readonly kind: 'unknown'; readonly file: string; readonly rows: readonly []; readonly rejected: readonly Rejected[] }

export interface FileReport {
  readonly path: string
  readonly bytes: number
  readonly sha256: string
  readonly format: RowFormat
  readonly compression: Compression
  readonly kind: 'dataset' | 'rollouts' | 'unknown'
  readonly source: string | null
  readonly why: string
  readonly rows: number
  readonly imported: number
  readonly rejected: number
  readonly notes: readonly Note[]
  /** What a file beside it says about the whole run (verifiers' metadata.json, open-instruct's metadata). */
  readonly about: Json
}

export interface ImportReport {
  readonly kind: 'dataset' | 'rollouts' | 'unknown'
  readonly files: readonly FileReport[]
  /** Rows found; always imported + rejected. */
  readonly rows: number
  readonly imported: number
  readonly rejectedRows: number
  readonly rejectedByCode: { readonly [code: string]: number }
  /** The first rejected rows. */
  readonly rejected: readonly Rejected[]
  /** Problems or rollouts handed over: a row may hold several rollouts. */
  readonly records: number
  /** Roles, grader, near repeats, overlap and summary of a dataset; null for rollouts. */
  readonly dataset: DatasetFacts | null
  /** How rollouts were told to answer the same problem; null for datasets. */
  readonly identity: IdentityFacts | null
  readonly notes: readonly Note[]
}

export interface Import extends AsyncIterable<ImportBatch> {
  /** The sum of it all; throws unless the batches were walked to the end. */
  report(): ImportReport
}

/**
 * Reads files and folders as one import. Walk it once with `for await`, then ask for the report. While walking it throws
 * LabError file.*, parquet.*, csv.*, import.*, and the signal's reason when cancelled.
 */
export function importFiles(paths: readonly string[], options: ImportOptions = {}): Import {
  let report: ImportReport | null = null
  return {
    async *[Symbol.asyncIterator]() {
      const session = createSession(options)
      const plan = await planFiles(paths, session.notes)
      session.total(plan.reduce((sum, { bytes }) => sum + bytes, 0))
      let refused: LabError | null = null
      for (const file of plan) {
        try {
          yield* session.file(file, plan.length > 1)
        } catch (error) {
          // A file in a folder that is neither problems nor rollouts is left out by name; one that was asked for by name is refused.
          if (
            !(error instanceof LabError) ||
            !file.inFolder ||
            !/^(import\.no(Problem|Answer|Completion|Column)|file\.(unknown|archive|pickle|empty|pointer|webPage|workbook))$/.test(
              error.code,
            )
          )
            throw error
          refused ??= error
          session.notes.add('file.skipped', null, `${basename(file.path)} (${error.found})`)
        }
      }
      if (refused !== null && session.filesRead() === 0) throw refused
      report = session.report()
    },
    report() {
      if (report === null) throw new Error('report() before the batches of importFiles were walked to the end')
      return report
    },
  }
}

/** Sources whose column prompt_id, where they have one, this program wrote. */
export const namesPrompts: ReadonlySet<string> = new Set(['canonical', 'trl', 'verl'])

/** Rows that tell what the columns of a table hold that is in no trainer's format. */
const FEW_ROWS = 8

/** A file that is read a piece at a time, while it grows. */
export interface Growing {
  /** Where to go on; null for the start. */
  readonly from: { readonly byte: number; readonly line: number } | null
  /** Whether a row of this content is one that was not read before; asked once for each row and each rejected row, in order. */
  readonly fresh: (content: string) => boolean
  /** It has not been written to for long, so that a last line of a table without an end is whole. */
  readonly settled: boolean
}

/** What a growing file gave: a batch, and where to go on after it; `readTo` is null for formats that are read from their start each time. */
export type GrowingBatch = ImportBatch & {
  readonly source: string | null
  readonly readTo: { readonly byte: number; readonly line: number } | null
}

export interface PlannedFile {
  readonly path: string
  readonly bytes: number
  readonly source: RolloutSource | null
  /** Split that its name or its folders name. */
  readonly split: string | undefined
  /** Found in a folder, and not named by the person. */
  readonly inFolder: boolean
}

/** Folders replaced by their files. Throws LabError import.notRows for models and workspaces. */
export async function planFiles(paths: readonly string[], notes: NoteBook): Promise<PlannedFile[]> {
  const planned: PlannedFile[] = []
  const inside = withinCommon(paths)
  for (const path of paths) {
    const info = await stat(path).catch((error: unknown) => {
      throw refuseSystem(error, path)
    })
    const archive = info.isFile() && (await archiveKind(path)) !== null
    if (!info.isDirectory() && !archive) {
      planned.push({ path, bytes: info.size, source: null, split: splitOfPath(inside(path)), inFolder: false })
      continue
    }
    const folder = archive ? await planArchive(path) : await planFolder(path)
    if (folder.kind === 'model' || folder.kind === 'workspace') throw refuse('import.notRows', `${path} is a ${folder.kind}: ${folder.why}`)
    if (folder.kind === 'unknown')
      throw archive
        ? refuse('file.archive', `${path} is an archive: ${folder.why}`)
        : refuse('file.unknown', `the folder ${path}: ${folder.why}`)
    for (const skipped of folder.skipped) notes.add('file.skipped', null, skipped)
    for (const file of folder.files)
      planned.push({
        path: file,
        bytes: await fileSize(file),
        source: folder.source,
        split: folder.splits.get(file) ?? splitOfPath(archive ? partsOf(file)!.member : relative(path, file)),
        inFolder: true,
      })
  }
  return planned
}

/** Paths as seen from the folder that all of them are in: folders above it say nothing about the files. */
function withinCommon(paths: readonly string[]): (path: string) => string {
  if (paths.length < 2) return (path) => basename(path)
  const folders = paths.map((path) => resolve(dirname(path)).split(sep))
  let shared = 0
  while (folders.every((parts) => parts[shared] !== undefined && parts[shared] === folders[0]![shared])) shared++
  return (path) => resolve(path).split(sep).slice(shared).join(sep)
}

/** Everything one import carries from file to file. */
export function createSession(options: ImportOptions) {
  const { as, map = {}, signal, onProgress, listRejected = 1000 } = options
  if (as !== undefined && as !== 'dataset' && as !== 'rollouts' && !isSource(as)) {
    const near = nearest(as, ['dataset', 'rollouts', ...rolloutSources])
    throw refuse(
      'import.badAs',
      `"${as}"${near === null ? '' : `, nearest is ${near}`}; choose dataset, rollouts, ${rolloutSources.join(', ')}`,
    )
  }
  const notes = createNoteBook()
  const files: FileReport[] = []
  const rejected: Rejected[] = []
  const byCode = new Map<string, number>()
  const dataset = createDatasetImport(options)
  const identity = createIdentity(options.identity, options.memory)
  let records = 0
  let rows = 0
  let rejectedRows = 0
  let bytesBefore = 0
  let bytesTotal = 0

  function keep(batch: readonly Rejected[]): void {
    for (const each of batch) {
      if (rejected.length < listRejected) rejected.push(each)
      byCode.set(each.code, (byCode.get(each.code) ?? 0) + each.rows)
      rejectedRows += each.rows
      rows += each.rows
    }
  }

  /** A record with the split that its path names, and a rollout under the name of its problem. */
  function placed(
    record: DatasetRow | CanonicalRollout,
    split: string | undefined,
    file: string,
    line: number,
    fileNotes: NoteBook,
    trusted: boolean,
  ): DatasetRow | CanonicalRollout {
    const within = record.split === undefined && split !== undefined ? { ...record, split } : record
    return 'schemaVersion' in within ? identity.place(within, file, line, fileNotes, trusted) : within
  }

  /** Which kind of rows these are, with their converter; `unknown` when none of them could be read. */
  async function chooseConverter(
    path: string,
    sample: readonly SourceRow[],
    hint: RolloutSource | null,
    fileNotes: NoteBook,
  ): Promise<{ kind: ImportKind; converter: Converter<DatasetRow | CanonicalRollout> | null }> {
    const values = sample.map((row) => row.value)
    if (values.length === 0) return { kind: 'unknown', converter: null }
    const meant = as ?? kindOfMap(map)
    const named = isSource(as) ? as : meant === 'dataset' ? null : hint
    const guess = named === null && meant !== 'dataset' ? recogniseRollouts(values, path) : null
    const source = named ?? guess?.source ?? (meant === 'rollouts' ? 'plain' : null)
    if (source === null) return { kind: 'dataset', converter: openDataset(path, values, fileNotes) }
    const why =
      guess?.why ??
      (isSource(as) || as === 'rollouts'
        ? 'chosen by --as'
        : meant === 'rollouts' && hint === null
          ? '--map names columns of rollouts'
          : `the folder is laid out like those of ${source}`)
    const converter = await createRolloutImport(path, source, why, map, values, signal)
    // Told to be one thing and plainly another: every row would be turned away, each for a reason that is not the cause.
    const other =
      isSource(as) && Object.keys(map).length === 0 && sample.every((row) => 'rejected' in converter.convert(row))
        ? recogniseRollouts(values, path)
        : null
    if (other !== null && other.source !== as)
      throw refuse('import.otherSource', `rows of ${other.source} in ${basename(path)}: ${other.why}`)
    return { kind: 'rollouts', converter }
  }

  /** A converter of problems; where the rows have none, what they look like instead is said with the refusal. */
  function openDataset(path: string, values: readonly JsonObject[], fileNotes: NoteBook): Converter<DatasetRow> {
    try {
      return dataset.open(path, values, map, fileNotes)
    } catch (error) {
      if (
        error instanceof LabError &&
        values.every((row) => Object.hasOwn(row, 'custom_id') && Object.hasOwn(row, 'body') && Object.hasOwn(row, 'url'))
      )
        throw refuse('import.requests', basename(path), { cause: error })
      const rollouts = error instanceof LabError && /^import\.no(Problem|Answer)$/.test(error.code) ? recogniseRollouts(values, path) : null
      if (rollouts === null) throw error
      const { code, expected, found, next } = error as LabError
      throw new LabError(
        code,
        {
          expected,
          found: `${found}; they look like rollouts of ${rollouts.source} (${rollouts.why})`,
          next: `Leave ${as === 'dataset' ? '--as dataset' : 'the roles of datasets'} out to import them as those. ${next}`,
        },
        { cause: error },
      )
    }
  }

  return {
    notes,
    filesRead: () => files.length,
    total(bytes: number) {
      bytesTotal = bytes
    },

    /**
     * What a file has that was not read before. The last line is left for later unless it is whole: a row that is being written is neither
     * a row nor a bad one. Reports nothing of its own. Throws what reading a file throws.
     */
    async *growing(
      { path, source: hint, split }: Pick<PlannedFile, 'path' | 'source' | 'split'>,
      { from, fresh, settled }: Growing,
    ): AsyncGenerator<GrowingBatch> {
      const fileNotes = createNoteBook()
      const how = { maxRowBytes: options.maxRowBytes, table: options.table, signal, notes: fileNotes }
      const whole = await openRows(path, how)
      const start = whole.batches()
      const first = await takeSample(start)
      const goesOn = from !== null && isGrowingText(whole)
      const { kind, converter } = await chooseConverter(path, first.sample, hint, fileNotes).catch(async (error: unknown) => {
        await start.return(undefined)
        throw error
      })
      // Its columns are told by their values: one row says little.
      const early = converter?.source === 'plain' && !settled && first.sample.length < FEW_ROWS
      if (goesOn || early) await start.return(undefined)
      if (early) throw refuse('follow.early', `${first.sample.length} rows of ${path}, written just now`)
      const opened = goesOn ? await openRows(path, { ...how, from }) : whole
      const batches = goesOn ? opened.batches() : start
      let readTo = from ?? { byte: 0, line: 1 }
      for await (const { rows: found, rejected: bad } of chain(goesOn ? [] : first.held, batches)) {
        const out: (DatasetRow | CanonicalRollout)[] = []
        const lost: Rejected[] = []
        const unfinished = ({ end }: { readonly end: number | null }, isRow: boolean): boolean =>
          end !== null && end >= opened.bytes && !(isRow && (settled || opened.format === 'jsonl'))
        const items = [
          ...found.map((row) => ({ row, bad: null, place: row as Place })),
          ...bad.map((row) => ({ row: null, bad: row, place: row as Place })),
        ].sort((a, b) => a.place.line - b.place.line)
        for (const { row, bad: reject, place } of items) {
          if (reject?.code === 'row.cutOff' || unfinished(place, row !== null)) continue
          const end = place.end ?? opened.bytes
          readTo = end >= opened.bytes ? { byte: end, line: place.line } : { byte: end + 1, line: place.line + 1 }
          if (!fresh(row === null ? reject.text : JSON.stringify(row.value))) continue
          if (row === null) {
            lost.push(reject)
            continue
          }
          const result = converter!.convert(row)
          if ('rejected' in result) lost.push(result.rejected)
          else
            for (const record of result.records)
              out.push(placed(record, split, path, row.line, fileNotes, namesPrompts.has(converter!.source)))
        }
        yield {
          kind,
          file: path,
          rows: out,
          rejected: lost,
          source: converter?.source ?? null,
          readTo: isGrowingText(opened) ? readTo : null,
        } as GrowingBatch
        signal?.throwIfAborted()
      }
    },

    async *file({ path, source: hint, split }: PlannedFile, oneOfMany: boolean): AsyncGenerator<ImportBatch> {
      const fileNotes = createNoteBook()
      const tell = (read: number): void =>
        onProgress?.({ file: path, bytesRead: bytesBefore + read, bytesTotal, rows, rejected: rejectedRows })
      const opened = await openRows(path, {
        maxRowBytes: options.maxRowBytes,
        table: options.table,
        signal,
        onBytes: tell,
        notes: fileNotes,
      }).catch((error: unknown) => {
        if (oneOfMany && (error as { code?: string }).code === 'file.empty') return null
        throw error
      })
      if (opened === null) {
        notes.add('rows.none', null, path)
        return
      }
      const before = { rows, rejectedRows }
      const batches = opened.batches()
      const { held, sample } = await takeSample(batches)
      const { kind, converter } = await chooseConverter(path, sample, hint, fileNotes).catch(async (error: unknown) => {
        await batches.return(undefined)
        throw error
      })
      for await (const { rows: found, rejected: bad } of chain(held, batches)) {
        const out: (DatasetRow | CanonicalRollout)[] = []
        const lost = [...bad]
        for (const row of found) {
          const result = converter!.convert(row)
          if ('rejected' in result) lost.push(result.rejected)
          else {
            for (const record of result.records)
              out.push(placed(record, split, path, row.line, fileNotes, namesPrompts.has(converter!.source)))
            rows++
          }
        }
        records += out.length
        keep(lost.sort((a, b) => a.line - b.line))
        if (out.length > 0 || lost.length > 0) yield { kind, file: path, rows: out, rejected: lost } as ImportBatch
        signal?.throwIfAborted()
      }
      if (rows === before.rows) fileNotes.add('rows.none')
      tell(opened.bytes)
      bytesBefore += opened.bytes
      files.push({
        path,
        bytes: opened.bytes,
        sha256: await fileSha256(path, signal),
        format: opened.format,
        compression: opened.compression,
        kind: kind as FileReport['kind'],
        source: converter?.source ?? null,
        why: converter?.why ?? 'no row could be read',
        rows: rows - before.rows,
        imported: rows - before.rows - (rejectedRows - before.rejectedRows),
        rejected: rejectedRows - before.rejectedRows,
        notes: opened.notes(),
        about: await aboutFile(path),
      })
    },

    report(): ImportReport {
      const kind = files.find((file) => file.kind !== 'unknown')?.kind ?? 'unknown'
      return {
        kind,
        files,
        rows,
        records,
        imported: rows - rejectedRows,
        rejectedRows,
        rejectedByCode: Object.fromEntries(byCode),
        rejected,
        dataset: kind === 'dataset' ? dataset.facts() : null,
        identity: kind === 'rollouts' ? identity.facts() : null,
        notes: notes.list(),
      }
    },
  }
}

/** Text that is only ever written to at its end, so that what was read stays read. */
const isGrowingText = ({ format, compression, encoding }: RowFile): boolean =>
  format === 'jsonl' && compression === 'none' && encoding === 'utf-8'

function isSource(name: string | undefined): name is RolloutSource {
  return (rolloutSources as readonly string[]).includes(name ?? '')
}

/** Batches up to the first rows enough to tell what they are, and those rows. */
async function takeSample(batches: AsyncGenerator<ReadBatch>): Promise<{ held: ReadBatch[]; sample: SourceRow[] }> {
  const held: ReadBatch[] = []
  const sample: SourceRow[] = []
  while (sample.length < SAMPLE_ROWS) {
    const next = await batches.next()
    if (next.done === true) break
    held.push(next.value)
    sample.push(...next.value.rows.slice(0, SAMPLE_ROWS - sample.length))
  }
  return { held, sample }
}

async function* chain(held: ReadBatch[], rest: AsyncGenerator<ReadBatch>): AsyncGenerator<ReadBatch> {
  try {
    for (let batch = held.shift(); batch !== undefined; batch = held.shift()) yield batch
    yield* rest
  } finally {
    await rest.return(undefined)
  }
}
