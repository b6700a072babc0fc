// A JSON document as rows: a list of objects, an object that wraps one ({"data": [...]}), objects one after the other, an
// object of columns, a table as pandas writes it, or a single object. The first three are read piece by piece
// (jsonScan.ts); the others have to be held in memory and are refused beyond 256 MB.

import { isObject } from '../json.ts'
import type { Json, JsonObject } from '../json.ts'
import { refuse } from '../errors.ts'
import { reject } from '../rejected.ts'
import type { Rejected } from '../rejected.ts'
import { parseRow } from './jsonl.ts'
import { createScanner } from './jsonScan.ts'
import type { Found, Shape } from './jsonScan.ts'
import { decodeLine } from './lines.ts'
import { BATCH_ROWS, inMegabytes } from './reader.ts'
import type { ReadBatch, ReaderOptions, SourceRow } from './reader.ts'
import type { Source } from './source.ts'

const WHOLE_LIMIT = 1 << 28

/** Names under which a list of rows is commonly wrapped. */
const wrappers = new Set(['data', 'rows', 'examples', 'items', 'records', 'results', 'samples', 'instances', 'problems', 'questions', 'rollouts', 'train', 'test', 'validation', 'dev', 'eval'])

/** Reads a JSON document. */
export async function* readJsonDocument(source: Source, options: ReaderOptions): AsyncGenerator<ReadBatch> {
  const shape = shapeOf(source.head)
  if (shape === 'whole') yield* readWhole(source, options)
  else yield* readPieces(source, shape, options)
}

async function* readPieces(source: Source, shape: Shape, options: ReaderOptions): AsyncGenerator<ReadBatch> {
  const scanner = createScanner(shape, source.start, options.maxRowBytes)
  for await (const chunk of source.chunks()) yield toBatch(source, shape, scanner.feed(chunk), options)
  const { found, unclosed } = scanner.end()
  if (unclosed) options.notes.add('document.cut')
  yield toBatch(source, shape, found, options)
}

function toBatch(source: Source, shape: Shape, found: readonly Found[], options: ReaderOptions): ReadBatch {
  const rows: SourceRow[] = []
  const rejected: Rejected[] = []
  for (const piece of found) {
    const text = decodeLine(piece.bytes, piece.line, options.notes)
    if (piece.kind !== 'row') rejected.push(rejectPiece(source.path, piece, text, options.maxRowBytes))
    else if (shape === 'wrapped' && piece.bytes[0] !== 0x7b) options.notes.add('document.extra', piece.line)
    else {
      const row = parseRow(source.path, piece, text, options.notes, null)
      if ('code' in row) rejected.push(row)
      else rows.push(row)
    }
  }
  return { rows, rejected }
}

function rejectPiece(file: string, piece: Found, text: string, maxRowBytes: number): Rejected {
  switch (piece.kind) {
    case 'tooLong': return reject(file, piece, 'row.tooLong', inMegabytes(maxRowBytes), text)
    case 'cutOff': return reject(file, piece, 'row.cutOff', '', text)
    case 'afterEnd': return reject(file, piece, 'row.afterEnd', '', text)
    default: return text.includes('\0') ? reject(file, piece, 'row.nul', '', text) : reject(file, piece, 'row.notJson', 'a quote, brace or comma is missing or misplaced', text)
  }
}

/** How a document that begins like this is read. */
export function shapeOf(head: Buffer): Shape | 'whole' {
  const text = head.toString('latin1')
  const first = text.search(/\S/)
  if (text[first] === '[') return 'array'
  let depth = 0
  let key = ''
  const tokens = /"((?:[^"\\]|\\.)*)"(\s*:)?|[{}[\]]/g
  tokens.lastIndex = Math.max(0, first)
  for (let match = tokens.exec(text); match !== null; match = tokens.exec(text)) {
    const token = match[0]
    if (token === '{' || token === '[') {
      if (token === '[' && depth === 1 && wrappers.has(key.toLowerCase()) && /^\s*\{/.test(text.slice(tokens.lastIndex, tokens.lastIndex + 1000))) return 'wrapped'
      depth++
    } else if (token === '}' || token === ']') {
      depth--
      if (depth === 0) return /^[\s,]*\{/.test(text.slice(tokens.lastIndex, tokens.lastIndex + 1000)) ? 'sequence' : 'whole'
    } else if (depth === 1 && match[2] !== undefined) key = match[1]!
  }
  return 'whole'
}

async function* readWhole(source: Source, options: ReaderOptions): AsyncGenerator<ReadBatch> {
  const pieces: Buffer[] = []
  let bytes = 0
  for await (const chunk of source.chunks()) {
    pieces.push(chunk)
    bytes += chunk.length
    if (bytes > WHOLE_LIMIT) throw refuse('json.columnsTooLarge', `${source.path} holds more`)
  }
  const place = { line: 1, start: source.start, end: source.start + bytes }
  const text = decodeLine(Buffer.concat(pieces), 1, options.notes)
  const parsed = parseRow(source.path, place, text, options.notes, source.cut() ? ' because the compressed file is incomplete' : '')
  if ('code' in parsed) {
    yield { rows: [], rejected: [parsed] }
    return
  }
  const rows = rowsOf(parsed.value)
  for (let from = 0; from < rows.length; from += BATCH_ROWS) {
    const batch = { rows: [] as SourceRow[], rejected: [] as Rejected[] }
    rows.slice(from, from + BATCH_ROWS).forEach((row, index) => {
      const where = rows.length === 1 ? place : { line: from + index + 1, start: null, end: null }
      if (row.missing.length === 0) batch.rows.push({ ...where, value: row.value })
      else batch.rejected.push(reject(source.path, where, 'row.columnsDiffer', `row ${from + index + 1} has no ${row.missing.join(', ')}`, JSON.stringify(row.value)))
    })
    yield batch
  }
}

interface TableRow {
  readonly value: JsonObject
  /** Columns that end before this row. */
  readonly missing: readonly string[]
}

/** The rows of an object held in memory. */
function rowsOf(document: JsonObject): TableRow[] {
  const keys = Object.keys(document)
  const whole = (value: JsonObject): TableRow => ({ value, missing: [] })
  const wrapped = keys.filter((key) => isListOf(document[key], isObject))
  if (keys.length === 1 && wrapped.length === 1) return (document[keys[0]!] as JsonObject[]).map(whole)
  const split = splitTable(document)
  if (split !== null) return split
  if (keys.length > 0 && keys.every((key) => Array.isArray(document[key]))) return fromColumns(keys.map((key) => [key, document[key] as Json[]]))
  if (keys.length > 0 && keys.every((key) => isObject(document[key]))) {
    if (keys.every(isIndex)) return keys.map((key) => whole(document[key] as JsonObject))
    const inner = [...new Set(keys.flatMap((key) => Object.keys(document[key] as JsonObject)))]
    if (inner.length > 0 && inner.every(isIndex)) return inner.map((index) => fromEntries(keys, (key) => (document[key] as JsonObject)[index]))
  }
  return [whole(document)]
}

/** pandas' `split` layout: names in `columns`, rows as lists in `data`. */
function splitTable(document: JsonObject): TableRow[] | null {
  const { columns, data } = document
  if (!isListOf(columns, (each) => typeof each === 'string') || !isListOf(data, Array.isArray)) return null
  return (data as Json[][]).map((cells) => fromEntries(columns as string[], (_name, at) => cells[at]))
}

function fromColumns(columns: readonly (readonly [string, readonly Json[]])[]): TableRow[] {
  const length = Math.max(...columns.map(([, values]) => values.length))
  return Array.from({ length }, (_, index) => fromEntries(columns.map(([name]) => name), (_name, at) => columns[at]![1][index]))
}

function fromEntries(names: readonly string[], valueOf: (name: string, at: number) => Json | undefined): TableRow {
  const entries = names.map((name, at) => [name, valueOf(name, at)] as const)
  return {
    value: Object.fromEntries(entries.filter(([, value]) => value !== undefined)) as JsonObject,
    missing: entries.filter(([, value]) => value === undefined).map(([name]) => name),
  }
}

function isListOf(value: Json | undefined, test: (each: Json) => boolean): boolean {
  return Array.isArray(value) && value.length > 0 && (value as Json[]).every(test)
}

function isIndex(key: string): boolean {
  return /^\d+$/.test(key)
}
