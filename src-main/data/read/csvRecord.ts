// One record of separated values, fed line by line (RFC 4180: a quoted field may hold delimiters, doubled quotes and line
// ends), and the guess which delimiter a text uses.

export type Delimiter = string
const delimiters: readonly Delimiter[] = [',', '\t', ';', '|']

/** A record that may go on over several lines. */
export interface OpenRecord {
  fields: string[]
  /** Text so far of a quoted field that is still open, else null. */
  open: string | null
  /** What is wrong with the quotes, else null. */
  fault: string | null
}

export function newRecord(): OpenRecord {
  return { fields: [], open: null, fault: null }
}

/** Goes on with a record by one line of text, whose final CR, if any, belongs to the line end. */
export function feedLine(record: OpenRecord, text: string, delimiter: string): void {
  let at = 0
  if (record.open !== null) at = readQuoted(record, text, 0, `${record.open}\n`, delimiter)
  while (at <= text.length && record.open === null && record.fault === null) {
    if (text[at] === '"') at = readQuoted(record, text, at + 1, '', delimiter)
    else {
      const end = text.indexOf(delimiter, at)
      if (end < 0) record.fields.push(text.endsWith('\r') ? text.slice(at, -1) : text.slice(at))
      else record.fields.push(text.slice(at, end))
      at = end < 0 ? text.length + 1 : end + 1
    }
  }
}

/** Reads a quoted field from just after its quote; gives back where the next field begins, past the end if there is none. */
function readQuoted(record: OpenRecord, text: string, from: number, before: string, delimiter: string): number {
  let value = before
  let at = from
  for (;;) {
    const quote = text.indexOf('"', at)
    if (quote < 0) {
      record.open = value + text.slice(at)
      return text.length + 1
    }
    value += text.slice(at, quote)
    if (text[quote + 1] === '"') {
      value += '"'
      at = quote + 2
      continue
    }
    record.open = null
    record.fields.push(value)
    const rest = text.slice(quote + 1, quote + 3)
    if (rest === '' || rest === '\r') return text.length + 1
    if (rest[0] !== delimiter) record.fault = `text follows the closing quote of field ${record.fields.length}`
    return quote + 2
  }
}

/** The delimiter that a first line `sep=;` names, as Excel reads and writes it; null where the line says nothing of the kind. */
export function namedDelimiter(line: string): Delimiter | null {
  return /^"?sep=(.)"?\s*$/i.exec(line)?.[1] ?? null
}

/**
 * The delimiter that a first line names, or else that cuts the first lines into equally many fields, and the share of records that it does so for. A text
 * that no delimiter cuts in two or more fields gives a comma and 0.
 */
export function guessDelimiter(head: Buffer): { delimiter: Delimiter; agreement: number } {
  const sample = head.subarray(0, 1 << 16)
  const lines = sample.toString('latin1', 0, sample.length).split(/\r\n|\n|\r/)
  if (lines.length > 1) lines.pop() // empty after a final line end, or cut in two
  const filled = lines.filter((line) => line.trim() !== '')
  const named = namedDelimiter(filled[0] ?? '')
  if (named !== null && filled.length > 1) return { delimiter: named, agreement: 1 }
  let best: { delimiter: Delimiter; agreement: number; fields: number } = { delimiter: ',', agreement: 0, fields: 1 }
  for (const delimiter of delimiters) {
    const counts = fieldCounts(filled, delimiter).slice(0, 50)
    const fields = counts[0] ?? 1
    if (fields < 2) continue
    const agreement = counts.filter((count) => count === fields).length / counts.length
    if (agreement > best.agreement || (agreement === best.agreement && fields > best.fields)) best = { delimiter, agreement, fields }
  }
  return { delimiter: best.delimiter, agreement: best.agreement }
}

/** Fields of each complete record; -1 where quotes do not match. */
function fieldCounts(lines: readonly string[], delimiter: Delimiter): number[] {
  const counts: number[] = []
  let record = newRecord()
  for (const line of lines) {
    feedLine(record, line, delimiter)
    if (record.open !== null) continue
    counts.push(record.fault === null ? record.fields.length : -1)
    record = newRecord()
  }
  return counts
}
