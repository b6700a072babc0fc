// Arrow's files (also Feather 2) and streams (also what Hugging Face datasets save), message by message: memory is one batch and the dictionaries. A batch
// that cannot be read costs its rows, by name; a column that cannot be read is left out of its batch, by name. A file that ends early gives what
// came before. The footer of a file is used only to tell whether every batch that it lists was met.

import { refuse } from '../errors.ts'
import { reject } from '../rejected.ts'
import type { Rejected } from '../rejected.ts'
import { openColumns } from './arrowColumns.ts'
import type { ArrowColumn, Dictionaries } from './arrowColumns.ts'
import { batchesInFooter, messageOf } from './arrowSchema.ts'
import type { ArrowBatch, ArrowField, ArrowMessage } from './arrowSchema.ts'
import { BATCH_ROWS } from './reader.ts'
import type { ReadBatch, ReaderOptions, SourceRow } from './reader.ts'
import type { Source } from './source.ts'
import { toJson, uniqueColumns } from './values.ts'

const MAGIC = 'ARROW1'
const MAGIC_BYTES = 8
const CONTINUES = 0xffffffff
/** Longest metadata and body of a message, and most rows of one; more can only be damage. */
const METADATA_LIMIT = 1 << 26
const BODY_LIMIT = 2 ** 31
const ROWS_LIMIT = 1e8
/** Rows of a batch whose body is empty: of nulls only. */
const BARE_LIMIT = 1e6

/** Whether a file begins as Arrow does: the magic of its files, or the schema of a stream, which before Arrow 0.15 had no mark in front. */
export function isArrow(head: Buffer): boolean {
  if (head.toString('latin1', 0, MAGIC.length) === MAGIC) return true
  if (head.length < 16) return false
  const marked = head.readUInt32LE(0) === CONTINUES
  const length = head.readUInt32LE(marked ? 4 : 0)
  if (length < 16 || length > METADATA_LIMIT || length % 8 !== (marked ? 0 : 4)) return false
  if (marked) return head.readUInt32LE(8) < length
  try {
    return messageOf(head.subarray(4, 4 + length)).kind === 'schema'
  } catch {
    return false
  }
}

/** Reads Arrow. Throws LabError arrow.damaged where there is no schema to read rows by. */
export async function* readArrow(source: Source, options: ReaderOptions): AsyncGenerator<ReadBatch> {
  const chunks = source.chunks()
  const { notes } = options
  try {
    const input = createQueue(chunks)
    const asFile = source.head.toString('latin1', 0, MAGIC.length) === MAGIC
    if (asFile) await input.take(MAGIC_BYTES)
    const { fields, names } = schemaOf(await nextMessage(input), source.path, (name) => notes.add('columns.renamed', null, name))
    const dictionaries: Dictionaries = new Map()
    const dictionaryFields = new Map(
      allFields(fields).flatMap((field) =>
        field.dictionary === null ? [] : [[field.dictionary.id, { ...field, dictionary: null }] as const],
      ),
    )
    let rows = 0
    let batches = 0
    let end: Exclude<Next, object> = 'end'
    for (;;) {
      options.signal?.throwIfAborted()
      const next = await nextMessage(input)
      if (typeof next === 'string') {
        end = next
        break
      }
      const { message } = next
      const body = await input.take(message.bodyBytes)
      if (message.kind === 'dictionary' && body.length === message.bodyBytes)
        addDictionary(dictionaries, dictionaryFields.get(message.id), message, body)
      if (message.kind !== 'batch') {
        if (body.length < message.bodyBytes) end = 'cut'
        if (end === 'cut') break
        continue
      }
      batches++
      if (body.length < message.bodyBytes) {
        end = 'cut'
        yield lostBatch(source.path, message.batch, batches, rows, 'the file ends in the middle of it')
        break
      }
      yield* readBatch(source.path, { fields, names, dictionaries, number: batches, from: rows }, message, body, options)
      rows += message.batch.rows
    }
    if (end === 'damaged') notes.add('arrow.damaged', rows + 1)
    else if (end === 'cut') notes.add('arrow.cut')
    else await checkEnd(input, asFile, end, batches, (code, detail, count) => notes.add(code, null, detail, count))
  } finally {
    await chunks.return(undefined)
  }
}

interface Queue {
  /** The next bytes: fewer than asked for only at the end. */
  take(count: number): Promise<Buffer>
}

function createQueue(chunks: AsyncGenerator<Buffer>): Queue {
  let held: Buffer[] = []
  let bytes = 0
  return {
    async take(count) {
      while (bytes < count) {
        const next = await chunks.next()
        if (next.done === true) break
        held.push(next.value)
        bytes += next.value.length
      }
      const all = held.length === 1 ? held[0]! : Buffer.concat(held)
      held = [all.subarray(count)]
      bytes = held[0]!.length
      return all.subarray(0, count)
    },
  }
}

type Next = { readonly message: ArrowMessage } | 'end' | 'ended' | 'cut' | 'damaged'

/** The next message; `ended` where the file says that none follows, `end` where it just ends, `cut` where it does so inside one. */
async function nextMessage(input: Queue): Promise<Next> {
  let word = await input.take(4)
  if (word.length === 0) return 'end'
  if (word.length === 4 && word.readUInt32LE(0) === CONTINUES) word = await input.take(4)
  if (word.length < 4) return 'cut'
  const length = word.readUInt32LE(0)
  if (length === 0) return 'ended'
  if (length > METADATA_LIMIT) return 'damaged'
  const metadata = await input.take(length)
  if (metadata.length < length) return 'cut'
  try {
    const message = messageOf(metadata)
    return message.bodyBytes > BODY_LIMIT ? 'damaged' : { message }
  } catch {
    return 'damaged'
  }
}

function schemaOf(next: Next, path: string, renamed: (name: string) => void): { fields: readonly ArrowField[]; names: readonly string[] } {
  if (typeof next === 'string' || next.message.kind !== 'schema')
    throw refuse('arrow.damaged', `${path} begins with no schema that can be read`)
  const names = uniqueColumns(
    next.message.fields.map(({ name }) => name),
    renamed,
  )
  return { fields: next.message.fields, names }
}

const allFields = (fields: readonly ArrowField[]): ArrowField[] => fields.flatMap((field) => [field, ...allFields(field.children)])

/** Takes in a dictionary, or what is added to one. One that cannot be read is not there, and the rows that need it say so. */
function addDictionary(
  dictionaries: Dictionaries,
  field: ArrowField | undefined,
  { id, delta, batch, v4 }: ArrowMessage & { kind: 'dictionary' },
  body: Buffer,
): void {
  const before = dictionaries.get(id)
  let column: ArrowColumn | Error
  try {
    column = field === undefined ? new Error('no column has it') : openColumns([field], batch, body, v4, dictionaries)[0]!
  } catch (error) {
    column = error as Error
  }
  if (column instanceof Error) dictionaries.delete(id)
  else if (!delta || before === undefined) dictionaries.set(id, { length: batch.rows, at: column })
  else
    dictionaries.set(id, {
      length: before.length + batch.rows,
      at: (entry) => (entry < before.length ? before.at(entry) : column(entry - before.length)),
    })
}

interface BatchPlace {
  readonly fields: readonly ArrowField[]
  readonly names: readonly string[]
  readonly dictionaries: Dictionaries
  readonly number: number
  /** Rows before it. */
  readonly from: number
}

function lostBatch(path: string, { rows }: ArrowBatch, number: number, from: number, reason: string): ReadBatch {
  const count = Math.max(1, Math.min(rows, ROWS_LIMIT))
  return {
    rows: [],
    rejected: [
      reject(
        path,
        { line: from + 1, start: null, end: null },
        'row.damaged',
        `record batch ${number}, rows ${from + 1} to ${from + count}, ${reason}`,
        '',
        count,
      ),
    ],
  }
}

function* readBatch(
  path: string,
  { fields, names, dictionaries, number, from }: BatchPlace,
  { batch, v4 }: ArrowMessage & { kind: 'batch' },
  body: Buffer,
  options: ReaderOptions,
): Generator<ReadBatch> {
  const { rows: count } = batch
  let columns: (ArrowColumn | Error)[]
  try {
    if (count > ROWS_LIMIT || (body.length === 0 && count > BARE_LIMIT)) throw new Error(`it claims ${count} rows`)
    columns = openColumns(fields, batch, body, v4, dictionaries)
  } catch (error) {
    yield lostBatch(path, batch, number, from, (error as Error).message)
    return
  }
  const found = columns.flatMap((column, at) => (column instanceof Error ? [] : [[names[at]!, column] as const]))
  const lost = columns.flatMap((column, at) => (column instanceof Error ? [`${names[at]!} (${column.message})`] : []))
  if (found.length === 0 && count > 0) {
    yield lostBatch(path, batch, number, from, lost.join(', '))
    return
  }
  if (lost.length > 0) options.notes.add('columns.lost', from + 1, `rows ${from + 1} to ${from + count}: ${lost.join(', ')}`, lost.length)
  for (let start = 0; start < count; start += BATCH_ROWS) {
    options.signal?.throwIfAborted()
    const rows: SourceRow[] = []
    const rejected: Rejected[] = []
    for (let at = start; at < Math.min(count, start + BATCH_ROWS); at++) {
      const place = { line: from + at + 1, start: null, end: null }
      const tally = { exact: false, nonFinite: false }
      let name = ''
      try {
        const entries = found.map(([column, value]) => [(name = column), toJson(value(at), tally)] as const)
        rows.push({ ...place, value: Object.fromEntries(entries) })
      } catch (error) {
        rejected.push(reject(path, place, 'row.damaged', `column ${name}: ${(error as Error).message}`, ''))
      }
      if (tally.exact) options.notes.add('number.exact', place.line)
      if (tally.nonFinite) options.notes.add('number.nonFinite', place.line)
    }
    yield { rows, rejected }
  }
}

/** What follows the last message: the footer of a file, which lists the batches there should have been; nothing in a stream. */
async function checkEnd(
  input: Queue,
  asFile: boolean,
  end: 'end' | 'ended',
  batches: number,
  note: (code: 'arrow.cut' | 'arrow.damaged' | 'arrow.rest', detail: string | null, count?: number) => void,
): Promise<void> {
  const rest = await input.take(METADATA_LIMIT)
  if (!asFile) {
    if (rest.length > 0) note('arrow.rest', null, rest.length)
    return
  }
  const closed = rest.toString('latin1', rest.length - MAGIC.length) === MAGIC && rest.length >= MAGIC.length + 4
  if (!closed) {
    if (end === 'end' || rest.length < METADATA_LIMIT) note('arrow.cut', null)
    else note('arrow.rest', null, rest.length)
    return
  }
  const length = rest.readUInt32LE(rest.length - MAGIC.length - 4)
  try {
    const listed = batchesInFooter(rest.subarray(rest.length - MAGIC.length - 4 - length, rest.length - MAGIC.length - 4))
    if (listed > batches) note('arrow.damaged', `${listed - batches} of ${listed} record batches were not found`)
  } catch {
    note('arrow.damaged', 'its footer cannot be read')
  }
}
