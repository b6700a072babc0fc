// What a dropped file or folder is, before anything is imported: the sentence an overlay shows. Looks at the head of the file
// and its first rows only.

import { open, stat } from 'node:fs/promises'
import type { LabError } from '../../src-preload/contract.ts'
import { recogniseDataset } from './datasets/known.ts'
import { guessRoles } from './datasets/roles.ts'
import { refuseSystem } from './errors.ts'
import { planArchive, planFolder } from './folder.ts'
import type { FolderPlan } from './folder.ts'
import type { JsonObject } from './json.ts'
import { archiveKind, partsOf } from './read/archive.ts'
import { openRows, WORKSPACE_MARK } from './read/readRows.ts'
import { sniff } from './read/sniff.ts'
import type { OtherFormat, RowFormat } from './read/sniff.ts'
import { openSource } from './read/source.ts'
import { sqliteTables, tablesText } from './read/sqlite.ts'
import type { SqliteTable } from './read/sqlite.ts'
import { createNoteBook } from './notes.ts'
import { pickleRecipe } from './recipes.ts'
import type { RolloutSource } from './rollouts/mapping.ts'
import { recogniseRollouts } from './rollouts/sources.ts'
import type { DatasetSource } from './datasets/known.ts'

export type ImportKind = 'dataset' | 'rollouts' | 'model' | 'workspace' | 'unknown'

export interface Detection {
  readonly path: string
  readonly kind: ImportKind
  readonly format: RowFormat | OtherFormat | 'folder'
  readonly source: RolloutSource | DatasetSource | null
  readonly why: string
  /** Files that an import would read, in order. */
  readonly files: readonly string[]
  /** Splits of its files where something beside them says so. */
  readonly splits?: ReadonlyMap<string, string>
  /** Tables to choose from, of a SQLite database. */
  readonly tables?: readonly SqliteTable[]
  /** Columns of the first rows. */
  readonly columns: readonly string[]
  /** Python that converts a pickle; null otherwise. */
  readonly recipe: string | null
}

/** Rows looked at to tell what a file is. */
export const SAMPLE_ROWS = 50

/**
 * What a file or folder is. Never refuses by content: what cannot be imported is `unknown` with the reason. Throws LabError
 * file.missing and file.unreadable.
 */
export async function detectImport(path: string, { table }: { readonly table?: string | undefined } = {}): Promise<Detection> {
  const info = await stat(path).catch((error: unknown) => {
    throw refuseSystem(error, path)
  })
  const nothing = { path, source: null, files: [], columns: [], recipe: null }
  if (info.isDirectory()) return detectFolder(path)
  if (!info.isFile()) return { ...nothing, kind: 'unknown', format: 'unknown', why: 'it is a device, socket or pipe' }
  if ((await archiveKind(path)) !== null) return detectArchive(path)
  const head = await readHead(path)
  if (!('format' in head)) return { ...nothing, kind: 'unknown', format: 'unknown', why: head.found }
  switch (head.format) {
    case 'sqlite':
      return detectDatabase(path, table)
    case 'gguf':
    case 'safetensors':
      return { ...nothing, kind: 'model', format: head.format, why: `it is ${head.what}` }
    case 'pickle':
      return {
        ...nothing,
        kind: 'unknown',
        format: 'pickle',
        why: 'it is a Python pickle, which can run code when it is opened; convert it first',
        recipe: pickleRecipe(path),
      }
    case 'archive':
    case 'pointer':
    case 'webPage':
    case 'workbook':
    case 'empty':
    case 'unknown':
      return { ...nothing, kind: 'unknown', format: head.format, why: `it is ${head.what}` }
    default:
      return detectRows(path, head.format)
  }
}

/** A zip or tar by the names in it, as a folder; one that cannot be opened or holds no rows is an archive of another kind. */
async function detectArchive(path: string): Promise<Detection> {
  const nothing = { path, format: 'archive' as const, source: null, files: [], columns: [], recipe: null, kind: 'unknown' as const }
  try {
    const plan = await planArchive(path)
    return plan.kind === 'rows'
      ? await detectPlan(path, plan, 'archive')
      : { ...nothing, why: `it is a zip or tar archive and ${plan.why}` }
  } catch (error) {
    if (error instanceof Error && error.name === 'LabError') return { ...nothing, why: (error as LabError).found }
    throw error
  }
}

async function detectFolder(path: string): Promise<Detection> {
  return detectPlan(path, await planFolder(path), 'folder')
}

async function detectPlan(path: string, plan: FolderPlan, format: 'folder' | 'archive'): Promise<Detection> {
  const facts = { path, format, files: plan.files, splits: plan.splits, columns: [], recipe: null }
  if (plan.kind !== 'rows') return { ...facts, kind: plan.kind, source: null, why: plan.why }
  if (plan.source !== null) return { ...facts, kind: 'rollouts', source: plan.source, why: plan.why }
  let first: Detection | null = null
  for (const file of plan.files.slice(0, 20)) {
    const found = format === 'archive' || partsOf(file) !== null ? await detectMember(file) : await detectImport(file)
    if (found.kind === 'dataset' || found.kind === 'rollouts') {
      first = found as Detection
      break
    }
  }
  if (first === null) return { ...facts, kind: 'unknown', source: null, why: `${plan.why}, but none that could be a dataset or rollouts` }
  return { ...facts, kind: first.kind, source: first.source, columns: first.columns, why: `${plan.why}; in the first, ${first.why}` }
}

async function detectMember(path: string): Promise<Detection | { kind: 'unknown' }> {
  const head = await readHead(path)
  return 'format' in head && !('what' in head) ? detectRows(path, head.format) : { kind: 'unknown' }
}

async function readHead(path: string): Promise<ReturnType<typeof sniff> | LabError> {
  try {
    const source = await openSource(path, { notes: createNoteBook() })
    await source.close()
    return sniff(source.head, path)
  } catch (error) {
    if (error instanceof Error && error.name === 'LabError') return error as LabError
    throw error
  }
}

/** A workspace, or tables: the rows of the one that was named, or of the only one; else the names to choose from. */
async function detectDatabase(path: string, table: string | undefined): Promise<Detection> {
  const facts = { path, format: 'sqlite' as const, source: null, files: [], columns: [], recipe: null }
  if (await isWorkspace(path)) return { ...facts, kind: 'workspace', why: 'it is the database of a workspace' }
  try {
    const tables = sqliteTables(path)
    if (table === undefined && tables.length !== 1)
      return {
        ...facts,
        tables,
        kind: 'unknown',
        why:
          tables.length === 0
            ? 'it is a SQLite database without tables'
            : `it is a SQLite database with the tables ${tablesText(tables)}; choose one`,
      }
    return { ...(await detectRows(path, 'sqlite', table)), tables }
  } catch (error) {
    if (error instanceof Error && error.name === 'LabError') return { ...facts, kind: 'unknown', why: (error as LabError).found }
    throw error
  }
}

async function isWorkspace(path: string): Promise<boolean> {
  const handle = await open(path, 'r')
  try {
    const { buffer } = await handle.read(Buffer.alloc(4), 0, 4, 68)
    return buffer.toString('latin1') === WORKSPACE_MARK
  } finally {
    await handle.close()
  }
}

async function detectRows(path: string, format: RowFormat, table?: string): Promise<Detection> {
  const facts = { path, format, files: [path], recipe: null }
  let sample: JsonObject[]
  try {
    sample = await sampleRows(path, table)
  } catch (error) {
    if (error instanceof Error && error.name === 'LabError')
      return { ...facts, files: [], columns: [], kind: 'unknown', source: null, why: (error as LabError).found }
    throw error
  }
  const columns = [...new Set(sample.flatMap((row) => Object.keys(row)))]
  if (sample.length === 0) return { ...facts, columns, kind: 'unknown', source: null, why: 'it has no rows that can be read' }
  const rollouts = recogniseRollouts(sample, path)
  if (rollouts !== null) return { ...facts, columns, kind: 'rollouts', ...rollouts }
  try {
    const guess = guessRoles(sample, {}, false)
    const known = recogniseDataset(sample)
    const unanswered = guess.roles.answer === null && guess.roles.countdown === undefined
    return {
      ...facts,
      columns,
      kind: 'dataset',
      source: known.source,
      why: `${known.why}${unanswered ? ', but no column holds an answer' : ''}`,
    }
  } catch (error) {
    return {
      ...facts,
      columns,
      kind: 'unknown',
      source: null,
      why: `there is neither a problem nor a completion among its columns (${(error as LabError).found.replace(/^the columns /, '')})`,
    }
  }
}

async function sampleRows(path: string, table: string | undefined): Promise<JsonObject[]> {
  const file = await openRows(path, { table })
  const sample: JsonObject[] = []
  for await (const { rows } of file.batches()) {
    sample.push(...rows.slice(0, SAMPLE_ROWS - sample.length).map((row) => row.value))
    if (sample.length >= SAMPLE_ROWS) break
  }
  return sample
}
