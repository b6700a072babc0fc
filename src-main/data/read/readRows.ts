// One door to all readers: opens a file, recognises it, and yields its rows in batches with progress and cancel.

import { refuse } from '../errors.ts'
import { createNoteBook } from '../notes.ts'
import type { Note, NoteBook } from '../notes.ts'
import { pickleRecipe } from '../recipes.ts'
import { partsOf } from './archive.ts'
import { readArrow } from './arrow.ts'
import { readCsv } from './csv.ts'
import { readJsonDocument } from './jsonDocument.ts'
import { readJsonl } from './jsonl.ts'
import { readParquet } from './parquet.ts'
import { MAX_ROW_BYTES } from './reader.ts'
import type { ReadBatch, ReaderOptions } from './reader.ts'
import { sniff } from './sniff.ts'
import type { RowFormat, Sniffed } from './sniff.ts'
import { openSource } from './source.ts'
import { chooseTable, readSqlite } from './sqlite.ts'
import type { SqliteTable } from './sqlite.ts'
import type { Encoding } from './source.ts'
import type { Compression } from './unpack.ts'

export interface ReadOptions {
  /** Longest row accepted; 32 MB unless given. */
  readonly maxRowBytes?: number
  readonly signal?: AbortSignal | undefined
  /** Told the bytes read from disk so far and the size of the file. */
  readonly onBytes?: ((read: number, total: number) => void) | undefined
  readonly notes?: NoteBook
  /** The table of a SQLite database; its only one unless given. */
  readonly table?: string | undefined
  /** Where to go on in JSON Lines of which the rest was read before; other files are read from their start. */
  readonly from?: { readonly byte: number; readonly line: number } | undefined
}

/** `application_id` in the header of the database of a workspace. */
export const WORKSPACE_MARK = 'MRTW'

/** An open file of rows. `batches` may be walked once. */
export interface RowFile {
  readonly path: string
  readonly format: RowFormat
  readonly compression: Compression
  readonly encoding: Encoding
  readonly bytes: number
  /** Of a SQLite database: the table that is read. */
  readonly table?: SqliteTable
  batches(): AsyncGenerator<ReadBatch>
  /** What should be known about the reading; complete once the batches have been walked. */
  notes(): Note[]
}

/**
 * Opens a file of rows. Throws LabError for everything that holds none: file.empty, file.unknown, file.pickle,
 * file.archive, import.notRows, import.whichTable, import.noTable, and what opening throws. While walking, an AbortSignal throws its reason.
 */
export async function openRows(path: string, options: ReadOptions = {}): Promise<RowFile> {
  const notes = options.notes ?? createNoteBook()
  let total = 0
  const onBytes = options.onBytes === undefined ? undefined : (read: number) => options.onBytes!(read, total)
  const source = await openSource(path, { signal: options.signal, onBytes, notes, from: options.from })
  total = source.size
  const sniffed = sniff(source.head, path)
  const reader: ReaderOptions = { notes, maxRowBytes: options.maxRowBytes ?? MAX_ROW_BYTES, signal: options.signal }
  const facts = { path, compression: source.compression, encoding: source.encoding, bytes: source.size, notes: () => notes.list() }
  switch (sniffed.format) {
    case 'jsonl':
      return { ...facts, format: 'jsonl', batches: () => readJsonl(source, reader) }
    case 'json':
      return { ...facts, format: 'json', batches: () => readJsonDocument(source, reader) }
    case 'csv':
    case 'tsv':
      return { ...facts, format: sniffed.format, batches: () => readCsv(source, reader, sniffed.delimiter) }
    case 'arrow':
      return { ...facts, format: 'arrow', batches: () => readArrow(source, reader) }
    case 'sqlite':
      await source.close()
      if (source.head.toString('latin1', 68, 72) === WORKSPACE_MARK)
        throw refuse('import.notRows', `${path} is the database of a workspace`)
      if (source.compression !== 'none' || partsOf(path) !== null) throw refuse('sqlite.packed', `${path} is a packed SQLite database`)
      return { ...facts, format: 'sqlite', table: chooseTable(path, options.table), batches: () => readSqlite(path, options.table, reader) }
    case 'parquet':
      await source.close()
      return { ...facts, format: 'parquet', batches: () => readParquet(path, { ...reader, onBytes }) }
    default:
      await source.close()
      throw sniffed.format === 'empty' && source.cut()
        ? refuse('file.empty', `nothing could be unpacked from ${path}`)
        : refuseFormat(path, sniffed)
  }
}

/** The refusal for a file that was recognised as something without rows. */
export function refuseFormat(path: string, sniffed: Sniffed & { what: string }): Error {
  const found = `${path} is ${sniffed.what}`
  switch (sniffed.format) {
    case 'empty':
      return refuse('file.empty', `${path} is empty`)
    case 'pickle':
      return refuse('file.pickle', found, { more: pickleRecipe(path) })
    case 'archive':
      return refuse('file.archive', found)
    case 'pointer':
      return refuse('file.pointer', found)
    case 'webPage':
      return refuse('file.webPage', found)
    case 'workbook':
      return refuse('file.workbook', found)
    case 'gguf':
    case 'safetensors':
      return refuse('import.notRows', found)
    default:
      return refuse('file.unknown', found)
  }
}
