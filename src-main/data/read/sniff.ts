// What kind of file this is, by its first bytes. Names are asked only where the content could be either of two.

import { extname } from 'node:path'
import { asMessages } from '../canonical.ts'
import { parseJson, isObject } from '../json.ts'
import type { Json } from '../json.ts'
import { isArrow } from './arrow.ts'
import { guessDelimiter } from './csvRecord.ts'
import type { Delimiter } from './csvRecord.ts'
import { detailsOf, isKeyed, isSplitTable, shapeOf } from './jsonDocument.ts'

export type TextFormat = 'jsonl' | 'json' | 'csv' | 'tsv'
export type RowFormat = TextFormat | 'parquet' | 'arrow' | 'sqlite'
/** Recognised, but not read here; `pickle` and `archive` are refused by name. */
export type OtherFormat = 'pointer' | 'webPage' | 'workbook' | 'gguf' | 'safetensors' | 'pickle' | 'archive' | 'empty' | 'unknown'

export type Sniffed =
  | { readonly format: 'jsonl' | 'json' | 'parquet' | 'arrow' | 'sqlite' }
  | { readonly format: 'csv' | 'tsv'; readonly delimiter: Delimiter }
  | { readonly format: OtherFormat; readonly what: string }

const magics: readonly {
  readonly format: 'parquet' | 'arrow' | 'sqlite' | OtherFormat
  readonly what: string
  test(head: Buffer): boolean
}[] = [
  { format: 'parquet', what: 'a Parquet file', test: (head) => starts(head, 'PAR1') },
  { format: 'sqlite', what: 'a SQLite database', test: (head) => starts(head, 'SQLite format 3\0') },
  { format: 'gguf', what: 'a GGUF model', test: (head) => starts(head, 'GGUF') },
  { format: 'safetensors', what: 'safetensors weights', test: isSafetensors },
  { format: 'pickle', what: 'a Python pickle', test: isPickle },
  {
    format: 'archive',
    what: 'a zip archive (also .xlsx, .npz and PyTorch .pt files)',
    test: (head) => starts(head, 'PK\x03\x04') || starts(head, 'PK\x05\x06'),
  },
  { format: 'archive', what: 'a 7-Zip archive', test: (head) => starts(head, "7z\xbc\xaf'\x1c") },
  { format: 'archive', what: 'an xz file', test: (head) => starts(head, '\xfd7zXZ') },
  { format: 'archive', what: 'a bzip2 file', test: (head) => /^BZh[1-9]1AY&SY/.test(head.toString('latin1', 0, 10)) },
  { format: 'archive', what: 'a tar archive', test: (head) => head.toString('latin1', 257, 262) === 'ustar' },
  { format: 'arrow', what: 'an Arrow file', test: isArrow },
  { format: 'unknown', what: 'a Feather file of version 1, which pandas and pyarrow write no more', test: (head) => starts(head, 'FEA1') },
  { format: 'unknown', what: 'an HDF5 file', test: (head) => starts(head, '\x89HDF\r\n\x1a\n') },
  { format: 'unknown', what: 'an Avro file', test: (head) => starts(head, 'Obj\x01') },
  { format: 'unknown', what: 'an ORC file', test: (head) => starts(head, 'ORC') && head[3]! < 32 },
  { format: 'workbook', what: 'a workbook or document of an old Office', test: (head) => starts(head, '\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1') },
  {
    format: 'pointer',
    what: 'a pointer of Git LFS, not the file it stands for',
    test: (head) => starts(head, 'version https://git-lfs.github.com/spec/'),
  },
  { format: 'webPage', what: 'a web page', test: (head) => /^\s*<(!doctype html|html)\b/i.test(head.toString('latin1', 0, 200)) },
  { format: 'unknown', what: 'a NumPy array', test: (head) => starts(head, '\x93NUMPY') },
  { format: 'unknown', what: 'a PDF', test: (head) => starts(head, '%PDF') },
]

/** A file of one unfinished line is taken for cut-off JSON Lines up to this length, beyond it for a document on one line. */
const SHORT = 1 << 16

function starts(head: Buffer, magic: string): boolean {
  return head.toString('latin1', 0, magic.length) === magic
}

/** Header length (8 bytes, little endian), then the header, a JSON object. */
function isSafetensors(head: Buffer): boolean {
  return head.length > 10 && head.readUInt32LE(4) === 0 && head.readUInt32LE(0) > 1 && head[8] === 0x7b && head[9] === 0x22
}

/** Protocols 2 to 5 begin with PROTO; protocols 0 and 1 with the opcodes that build a dict or list from the stack. */
function isPickle(head: Buffer): boolean {
  return (
    (head[0] === 0x80 && head[1]! >= 2 && head[1]! <= 5) ||
    /^(\(d|\(l)p0\n/.test(head.toString('latin1', 0, 6)) ||
    /^c[\w.]+\n\w+\n/.test(head.toString('latin1', 0, 200))
  )
}

/**
 * The format of a text that begins with `head` (unpacked, UTF-8). `path` is used only to tell a table with one column from
 * prose.
 */
export function sniff(head: Buffer, path: string): Sniffed {
  const magic = magics.find(({ test }) => test(head))
  if (magic !== undefined)
    return magic.format === 'parquet' || magic.format === 'arrow' || magic.format === 'sqlite'
      ? { format: magic.format }
      : { format: magic.format, what: magic.what }
  const text = head.subarray(0, 1 << 16).toString('latin1')
  const first = text.trimStart()[0]
  if (first === undefined) return { format: 'empty', what: 'an empty file' }
  if (first === '{' || first === '[') return { format: jsonKind(head, first) }
  if (text.slice(0, 4096).includes('\0') && !text.includes('\n')) return { format: 'unknown', what: 'a binary file' }
  const { delimiter, agreement } = guessDelimiter(head)
  const named = /^\.(csv|tsv|tab)(\.|$)/.test(extname(path.replace(/\.(gz|zst)$/i, '')).toLowerCase())
  if (agreement >= 0.8 || (named && agreement > 0)) return { format: delimiter === '\t' ? 'tsv' : 'csv', delimiter }
  if (named) return { format: 'csv', delimiter: ',' }
  if (/^\s*\{/m.test(text)) return { format: 'jsonl' }
  return { format: 'unknown', what: 'text that is neither JSON nor a table' }
}

/** Lines of JSON, unless the first line does not stand alone or wraps all rows. */
function jsonKind(head: Buffer, first: string): 'jsonl' | 'json' {
  if (first === '[') return 'json'
  const text = head.toString('utf8').trimStart()
  const lines = text.split(/\r\n|\n|\r/).filter((line) => line.trim() !== '')
  const value = tryParse(lines[0]!)
  if (isObject(value)) {
    if (lines.length > 1) return 'jsonl'
    return shapeOf(head) === 'wrapped' || isTable(value) ? 'json' : 'jsonl'
  }
  // A first line that is broken or longer than the head. Lines of JSON begin with a brace; a document has few such lines.
  if (!/[\r\n]/.test(text)) return text.length < SHORT && shapeOf(head) !== 'wrapped' ? 'jsonl' : 'json'
  // A list that its first line opens, with a row at the beginning of each line that follows.
  if (/\[\s*$/.test(lines[0]!) && shapeOf(head) === 'wrapped') return 'json'
  return lines.slice(1).some((line) => /^\{\s*"/.test(line)) ? 'jsonl' : 'json'
}

function tryParse(line: string): Json | undefined {
  try {
    return parseJson(line)
  } catch {
    return undefined
  }
}

/** An object of at least two equally long columns, of objects keyed by row number or by name, or of names of columns and rows of cells. */
function isTable(value: { readonly [key: string]: Json }): boolean {
  const values = Object.values(value)
  if (values.length === 0 || values.some((each) => asMessages(each) !== undefined)) return false
  if (isSplitTable(value) || detailsOf(value) !== null) return true
  if (values.every((each) => Array.isArray(each))) return values.length > 1 || values[0]!.length > 1
  return (
    values.every((each) => isObject(each) && Object.keys(each).length > 0 && Object.keys(each).every((key) => /^\d+$/.test(key))) ||
    isKeyed(value)
  )
}
