// A JSON document as rows: a list of objects, an object that wraps one ({"data": [...]}), objects one after the other, an
// object of columns, a table as pandas writes it, or a single object. All are read piece by piece (jsonScan.ts); only what
// turns out to be one object for the whole table has to be held in memory, up to 256 MB.

import { asMessages } from '../canonical.ts'
import { isObject } from '../json.ts'
import type { Json, JsonObject } from '../json.ts'
import { reject } from '../rejected.ts'
import type { Rejected } from '../rejected.ts'
import { parseRow } from './jsonl.ts'
import { createScanner } from './jsonScan.ts'
import type { Found, Shape } from './jsonScan.ts'
import { decodeLine } from './lines.ts'
import { BATCH_ROWS, inMegabytes } from './reader.ts'
import type { ReadBatch, ReaderOptions, SourceRow } from './reader.ts'
import type { Source } from './source.ts'

/** Longest first object: it may be the whole table. */
const WHOLE_LIMIT = 1 << 28

/** Names under which a list of rows is commonly wrapped. */
const wrappers = new Set([
  'data',
  'rows',
  'examples',
  'items',
  'records',
  'results',
  'samples',
  'instances',
  'problems',
  'questions',
  'rollouts',
  'details',
  'train',
  'test',
  'validation',
  'dev',
  'eval',
])

/** Reads a JSON document. */
export async function* readJsonDocument(source: Source, options: ReaderOptions): AsyncGenerator<ReadBatch> {
  const shape = shapeOf(source.head)
  const scanner = createScanner(
    shape,
    source.start,
    shape === 'sequence' ? Math.max(WHOLE_LIMIT, options.maxRowBytes) : options.maxRowBytes,
  )
  let first: Found | null = null // kept back until it is known not to be the whole table
  let alone = shape === 'sequence'
  const toBatch = createBatcher(source, shape, options)
  for await (const chunk of source.chunks()) {
    const found = scanner.feed(chunk)
    if (alone) {
      if (first === null && found[0]?.kind === 'row') first = found.shift()!
      if (found.length === 0) continue
      alone = false
      if (first !== null) found.unshift(first)
    }
    yield toBatch(found)
  }
  const { found, unclosed } = scanner.end()
  if (unclosed) options.notes.add('document.cut')
  if (alone && first !== null && found.length === 0) yield* readTable(source, first, options)
  else yield toBatch(alone && first !== null ? [first, ...found] : found)
}

/** Parses what the scanner finds. */
function createBatcher(source: Source, shape: Shape, options: ReaderOptions): (found: readonly Found[]) => ReadBatch {
  let usual: readonly string[] | null = null // fields of the first row
  const isStray = ({ recovered }: Found, value: JsonObject): boolean =>
    recovered === true && usual !== null && usual.filter((name) => Object.hasOwn(value, name)).length < usual.length / 2

  function read(piece: Found): SourceRow | Rejected | null {
    const text = decodeLine(piece.bytes, piece.line, options.notes)
    if (piece.kind !== 'row') return rejectPiece(source.path, piece, text, options.maxRowBytes)
    if (shape === 'wrapped' && piece.bytes[0] !== 0x7b) {
      options.notes.add('document.extra', piece.line)
      return null
    }
    if (piece.bytes.length > options.maxRowBytes) return rejectPiece(source.path, { ...piece, kind: 'tooLong' }, text, options.maxRowBytes)
    const row = parseRow(source.path, piece, text, options.notes, null)
    if ('code' in row) return row
    if (isStray(piece, row.value))
      return reject(source.path, piece, 'row.notJson', 'it follows a broken row and has few of the usual fields', text)
    usual ??= Object.keys(row.value)
    return row
  }

  return (found) => {
    const results = found.map(read)
    return {
      rows: results.filter((each) => each !== null && 'value' in each) as SourceRow[],
      rejected: results.filter((each) => each !== null && 'code' in each) as Rejected[],
    }
  }
}

function rejectPiece(file: string, piece: Found, text: string, maxRowBytes: number): Rejected {
  switch (piece.kind) {
    case 'tooLong':
      return reject(file, piece, 'row.tooLong', inMegabytes(maxRowBytes), text)
    case 'cutOff':
      return reject(file, piece, 'row.cutOff', '', text)
    case 'afterEnd':
      return reject(file, piece, 'row.afterEnd', '', text)
    default:
      return text.includes('\0')
        ? reject(file, piece, 'row.nul', '', text)
        : reject(file, piece, 'row.notJson', 'a quote, brace or comma is missing or misplaced', text)
  }
}

/** How a document that begins like this is read. */
export function shapeOf(head: Buffer): Shape {
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
      if (
        token === '[' &&
        depth === 1 &&
        wrappers.has(key.toLowerCase()) &&
        /^\s*\{/.test(text.slice(tokens.lastIndex, tokens.lastIndex + 1000))
      )
        return 'wrapped'
      depth++
    } else if (token === '}' || token === ']') {
      depth--
      if (depth === 0) return 'sequence'
    } else if (depth === 1 && match[2] !== undefined) key = match[1]!
  }
  return 'sequence'
}

/** The only object of a document: one row, or all of them. */
async function* readTable(source: Source, whole: Found, options: ReaderOptions): AsyncGenerator<ReadBatch> {
  const text = decodeLine(whole.bytes, whole.line, options.notes)
  const parsed = parseRow(source.path, whole, text, options.notes, null)
  if ('code' in parsed) {
    yield { rows: [], rejected: [parsed] }
    return
  }
  const details = detailsOf(parsed.value)
  if (details !== null && Object.keys(parsed.value).length > 1)
    options.notes.add(
      'document.extra',
      whole.line,
      Object.keys(parsed.value)
        .filter((name) => name !== 'details')
        .slice(0, 20)
        .join(', '),
      Object.keys(parsed.value).length - 1,
    )
  const rows = details?.map((value) => ({ value, missing: [] })) ?? rowsOf(parsed.value)
  for (let from = 0; from < rows.length; from += BATCH_ROWS) {
    const batch = { rows: [] as SourceRow[], rejected: [] as Rejected[] }
    rows.slice(from, from + BATCH_ROWS).forEach((row, index) => {
      const where =
        rows.length === 1 ? { line: whole.line, start: whole.start, end: whole.end } : { line: from + index + 1, start: null, end: null }
      if (row.missing.length === 0) batch.rows.push({ ...where, value: row.value })
      else
        batch.rejected.push(
          reject(
            source.path,
            where,
            'row.columnsDiffer',
            `row ${from + index + 1} has no ${row.missing.join(', ')}`,
            JSON.stringify(row.value),
          ),
        )
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
  const wrapped = keys.filter((key) => isListOf(document[key], isObject) && asMessages(document[key]) === undefined)
  if (keys.length === 1 && wrapped.length === 1) return (document[keys[0]!] as JsonObject[]).map(whole)
  const split = splitTable(document)
  if (split !== null) return split
  if (keys.length > 0 && keys.every((key) => Array.isArray(document[key]) && asMessages(document[key]) === undefined))
    return fromColumns(keys.map((key) => [key, document[key] as Json[]]))
  if (keys.length > 0 && keys.every((key) => isObject(document[key]))) {
    if (keys.every(isIndex)) return keys.map((key) => whole(document[key] as JsonObject))
    const inner = [...new Set(keys.flatMap((key) => Object.keys(document[key] as JsonObject)))]
    if (inner.length > 0 && inner.every(isIndex))
      return inner.map((index) => fromEntries(keys, (key) => (document[key] as JsonObject)[index]))
    if (isKeyed(document)) return keys.map((key) => whole({ index: key, ...(document[key] as JsonObject) }))
  }
  return [whole(document)]
}

/** Rows by number in `details`, as OpenCompass keeps them beside its scores; null where there are none. */
export function detailsOf({ details }: JsonObject): JsonObject[] | null {
  if (!isObject(details)) return null
  const rows = Object.entries(details)
    .filter(([key, value]) => isIndex(key) && isObject(value))
    .map(([, value]) => value as JsonObject)
  return rows.length > 0 && rows.length >= Object.keys(details).length - 1 ? rows : null
}

/** pandas' `split` layout, and W&B's table.json: names in `columns`, rows as lists in `data`. */
function splitTable(document: JsonObject): TableRow[] | null {
  if (!isSplitTable(document)) return null
  return (document.data as Json[][]).map((cells) => fromEntries(document.columns as string[], (_name, at) => cells[at]))
}

/** Whether an object is a table of names of columns and rows of cells. */
export const isSplitTable = ({ columns, data }: JsonObject): boolean =>
  isListOf(columns, (each) => typeof each === 'string') && isListOf(data, Array.isArray)

/** Whether an object is a table of rows under their names, as pandas writes with orient=index: objects that have most of their fields in common. */
export function isKeyed(document: JsonObject): boolean {
  const rows = Object.values(document)
  if (rows.length === 0 || !rows.every(isObject)) return false
  if (Object.keys(document).every(isIndex)) return true
  const fields = Object.keys(rows[0] as JsonObject)
  return rows.length > 1 && fields.length > 1 && (rows as JsonObject[]).every((row) => fields.every((name) => Object.hasOwn(row, name)))
}

function fromColumns(columns: readonly (readonly [string, readonly Json[]])[]): TableRow[] {
  const length = Math.max(...columns.map(([, values]) => values.length))
  return Array.from({ length }, (_, index) =>
    fromEntries(
      columns.map(([name]) => name),
      (_name, at) => columns[at]![1][index],
    ),
  )
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
