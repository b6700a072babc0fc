// Rows that could not be used. Nothing is lost silently: each is kept aside with its place in the file, a stable
// reason code, a sentence, and the beginning of its text; rows = imported + rejected holds for every import.

/** How much of a bad row's text is carried along; the byte range finds the rest in the file. */
export const REJECTED_TEXT_LIMIT = 2000

const sentences = {
  'row.notJson': (detail: string) => `This is not valid JSON: ${detail}.`,
  'row.notObject': (detail: string) => `A row must be a JSON object with named fields; this is ${detail}.`,
  'row.tooDeep': () => 'Its values are nested more than 200 levels deep.',
  'row.tooLong': (detail: string) => `The row is longer than the limit of ${detail}.`,
  'row.nul': () => 'It contains NUL bytes, as a file has after a power cut.',
  'row.cutOff': (detail: string) => `The file ends in the middle of this row${detail}.`,
  'row.ragged': (detail: string) => `It does not have as many fields as the header: ${detail}.`,
  'row.quotes': (detail: string) => `Its quotes do not match: ${detail}.`,
  'row.afterEnd': () => 'It comes after the end of the JSON document.',
  'row.columnsDiffer': (detail: string) => `The columns are not equally long: ${detail}.`,
  'row.damaged': (detail: string) => `This part of the file is damaged: ${detail}.`,
  'row.noProblem': (detail: string) => `There is no text for the problem in ${detail}.`,
  'row.noAnswer': (detail: string) => `There is no answer in ${detail}.`,
  'row.badAnswer': (detail: string) => `The answer is neither text, a number nor a list of them: ${detail}.`,
  'row.duplicate': (detail: string) => `It is the same problem as ${detail}.`,
  'row.conflict': (detail: string) => `It is the same problem as ${detail}, with another answer.`,
  'row.noCompletion': (detail: string) => `It has no completion: ${detail}.`,
  'row.otherFilter': (detail: string) => `It is the same response under another filter: ${detail}.`,
  'row.failed': (detail: string) => `The request failed: ${detail}.`,
  'row.newerSchema': (detail: string) => `It was written by a newer version of the format (${detail}).`,
  'row.noTrace': (detail: string) => `The episode holds no trace: ${detail}.`,
  'row.badField': (detail: string) => `A field has the wrong type: ${detail}.`,
} as const satisfies Record<string, (detail: string) => string>

export type RejectCode = keyof typeof sentences

export interface Rejected {
  readonly file: string
  /** 1-based line where it starts in a text file; 1-based row number in Parquet. */
  readonly line: number
  /** How many rows this stands for: more than 1 only for a damaged part of a Parquet file. */
  readonly rows: number
  readonly code: RejectCode
  readonly reason: string
  /** The first 2,000 characters. */
  readonly text: string
  /** Byte range [start, end) in the unpacked UTF-8 text; null in Parquet, which has no rows on disk. */
  readonly start: number | null
  readonly end: number | null
}

/** Where a row lies in its file. */
export interface Place {
  readonly line: number
  readonly start: number | null
  readonly end: number | null
}

/** A rejected row. `text` is cut to the limit; `rows` is 1 unless said otherwise. */
export function reject(file: string, place: Place, code: RejectCode, detail: string, text: string, rows = 1): Rejected {
  return {
    file,
    line: place.line,
    rows,
    code,
    reason: sentences[code](detail),
    text: text.length > REJECTED_TEXT_LIMIT ? text.slice(0, REJECTED_TEXT_LIMIT) : text,
    start: place.start,
    end: place.end,
  }
}
