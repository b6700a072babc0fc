// Comma-, tab-, semicolon- or bar-separated text with a header. Values stay text. A row with too many or too few fields
// is kept aside. A first line such as `sep=;` names the delimiter and is no row. Where quotes do not match, only the first line of the tangle is kept aside and reading starts again at
// the next line, so that one stray quote does not swallow the file.

import { refuse } from '../errors.ts'
import { reject } from '../rejected.ts'
import type { Rejected } from '../rejected.ts'
import { feedLine, namedDelimiter, newRecord } from './csvRecord.ts'
import type { Delimiter } from './csvRecord.ts'
import { decodeLine, readLines } from './lines.ts'
import type { Line } from './lines.ts'
import { inMegabytes } from './reader.ts'
import type { ReadBatch, ReaderOptions, SourceRow } from './reader.ts'
import type { Source } from './source.ts'
import { uniqueColumns } from './values.ts'

/** Bytes that may be read again after a tangle of quotes, for each byte read: keeps the worst file linear. */
const RETRY_CREDIT = 8

/** Reads separated values; `delimiter` from `guessDelimiter`. */
export async function* readCsv(source: Source, options: ReaderOptions, delimiter: Delimiter): AsyncGenerator<ReadBatch> {
  const assembler = createAssembler(source, options, delimiter)
  for await (const lines of readLines(source, options.maxRowBytes)) yield assembler.add(lines)
  yield assembler.end()
}

/** Lines in, rows out; a record may need several lines. */
function createAssembler(
  source: Source,
  options: ReaderOptions,
  delimiter: Delimiter,
): { add(lines: Line[]): ReadBatch; end(): ReadBatch } {
  let names: string[] | null = null
  let queue: Line[] = []
  let pending: Line[] = [] // the lines of the record being read
  let pendingBytes = 0
  let record = newRecord()
  let credit = 0
  let rows: SourceRow[] = []
  let rejected: Rejected[] = []

  const textOf = (line: Line): string => decodeLine(line.bytes, line.line, options.notes)
  const excerpt = (lines: readonly Line[]): string => lines.slice(0, 200).map(textOf).join('\n')
  const placeOf = (lines: readonly Line[]) => ({ line: lines[0]!.line, start: lines[0]!.start, end: lines.at(-1)!.end })

  /** The pending lines, with the record begun anew. */
  function takePending(): Line[] {
    const lines = pending
    pending = []
    pendingBytes = 0
    record = newRecord()
    return lines
  }

  /** Keeps aside the first pending line, or all of them when too much has been read twice already. */
  function untangle(fault: string): void {
    if (names === null) throw refuse('csv.header', `${source.path}: ${fault}`)
    const affordable = credit >= pendingBytes
    credit -= affordable ? pendingBytes : 0
    const lines = takePending()
    const lost = affordable ? lines.slice(0, 1) : lines
    rejected.push(reject(source.path, placeOf(lost), 'row.quotes', fault, excerpt(lost)))
    if (affordable) for (const line of lines.slice(1).reverse()) queue.push(line)
  }

  function finishRecord(): void {
    const { fields } = record
    const lines = takePending()
    const place = placeOf(lines)
    if (names === null)
      names = uniqueColumns(
        fields.map((field) => field.trim()),
        (name) => options.notes.add('columns.renamed', 1, name),
      )
    else if (!lines.at(-1)!.ended && source.cut())
      rejected.push(reject(source.path, place, 'row.cutOff', ' because the compressed file is incomplete', excerpt(lines)))
    else if (fields.length !== names.length)
      rejected.push(reject(source.path, place, 'row.ragged', `${fields.length} instead of ${names.length}`, excerpt(lines)))
    else rows.push({ ...place, value: Object.fromEntries(names.map((name, at) => [name, fields[at]!])) })
  }

  function addLine(line: Line): void {
    const text = textOf(line)
    if (pending.length === 0 && (text.trim() === '' || (names === null && namedDelimiter(text) === delimiter))) return
    const nul = text.includes('\0')
    if (names !== null && pending.length === 0 && (nul || line.tooLong)) {
      rejected.push(
        nul
          ? reject(source.path, line, 'row.nul', '', text)
          : reject(source.path, line, 'row.tooLong', inMegabytes(options.maxRowBytes), text),
      )
      return
    }
    pending.push(line)
    pendingBytes += line.bytes.length
    if (nul || line.tooLong || pendingBytes > options.maxRowBytes)
      return untangle(nul ? 'there are NUL bytes in it' : 'a quoted field does not end')
    feedLine(record, text, delimiter)
    if (record.fault !== null) untangle(record.fault)
    else if (record.open === null) finishRecord()
  }

  /** Works off the queue, which is kept in reverse so that lines can be put back cheaply. */
  function work(): void {
    for (let line = queue.pop(); line !== undefined; line = queue.pop()) addLine(line)
  }

  function hand(): ReadBatch {
    const batch = { rows, rejected }
    rows = []
    rejected = []
    return batch
  }

  return {
    add(lines) {
      for (const line of lines) credit += RETRY_CREDIT * line.bytes.length
      queue = lines.reverse()
      work()
      return hand()
    },
    end() {
      while (pending.length > 0) {
        untangle('a quoted field does not end before the file does')
        work()
      }
      return hand()
    },
  }
}
