// What an import did that its reader should know but that cost no row: a guessed encoding, a renamed column, numbers
// kept as text, a file that ended early. Each kind is counted and remembers the first line where it happened.

const sentences = {
  'encoding.windows1252': 'lines were not UTF-8 and were read as Windows-1252 (Latin-1)',
  'encoding.utf16': 'The file is UTF-16; byte ranges refer to its UTF-8 form',
  'encoding.broken': 'characters were cut in half and were replaced',
  'number.exact': 'rows have whole numbers beyond 2^53, kept exactly as text',
  'number.nonFinite': 'rows have NaN or Infinity, kept as text and treated as missing',
  'columns.renamed': 'columns had no name or the name of another column and were renamed',
  'columns.lost': 'columns of a damaged part could not be read; their rows were kept without them',
  'compressed.cut': 'The compressed file ends early; what came before was kept',
  'compressed.damaged': 'The compressed file is damaged; what could be unpacked was kept',
  'compressed.trailing': 'bytes after the end of the compressed data were not read',
  'arrow.cut': 'The Arrow data end early; what came before was kept',
  'arrow.damaged': 'Messages of the Arrow data are damaged; rows after that point are missing',
  'arrow.rest': 'bytes after the end of the Arrow data were not read',
  'rows.none': 'The file has no rows',
  'id.repeated': 'rows have the id of another problem; a hash was added to it',
  'rows.similar': 'problems are nearly the same as an earlier one',
  'document.cut': 'The JSON document ends early; rows after that point are missing',
  'document.extra': 'other fields beside the rows of the JSON document were not imported',
  'rows.overlap': 'problems are also in the set they were checked against',
  'columns.unused': 'These columns have no role; they are kept with each problem in extra',
  'answer.classes':
    'The answers are few whole numbers, as numbers of classes are, and no column holds the choices; name the column of answers with --map answer=COLUMN if they are not what a model should answer',
  'id.collides': 'ids name more than one prompt; each prompt is a problem of its own (choose identity by id to join them)',
  'id.running': 'prompts have more than one id; their samples are one problem (choose identity by id to keep them apart)',
  'prompt.answers': 'prompts come again with another reference answer; each answer is a problem of its own',
  'file.skipped': 'files in the folder are not part of the import',
} as const

export type NoteCode = keyof typeof sentences

export interface Note {
  readonly code: NoteCode
  readonly count: number
  /** 1-based line of the first occurrence; null when it concerns the whole file. */
  readonly firstLine: number | null
  /** What exactly, where it can be said: names of columns, files, offsets. */
  readonly detail: string | null
  readonly message: string
}

/** Collects the notes of one file. A line that is looked at twice counts once. */
export interface NoteBook {
  add(code: NoteCode, line?: number | null, detail?: string | null, count?: number): void
  list(): Note[]
}

/** An empty notebook. */
export function createNoteBook(): NoteBook {
  const entries = new Map<NoteCode, { count: number; firstLine: number | null; lastLine: number; details: string[] }>()
  return {
    add(code, line = null, detail = null, count = 1) {
      const entry = entries.get(code) ?? { count: 0, firstLine: line, lastLine: 0, details: [] }
      if (line !== null && detail === null && line <= entry.lastLine) return
      entry.lastLine = line ?? entry.lastLine
      entry.count += count
      if (detail !== null && entry.details.length < 20) entry.details.push(detail)
      entries.set(code, entry)
    },
    list() {
      return [...entries].map(([code, { count, firstLine, details }]) => {
        const sentence = sentences[code]
        const whole = /^[A-Z]/.test(sentence)
        const place = firstLine === null || whole ? '' : ` (first at line ${firstLine})`
        const what = details.length === 0 ? '' : `: ${details.join(', ')}`
        return {
          code,
          count,
          firstLine,
          detail: details.length === 0 ? null : details.join(', '),
          message: `${whole ? '' : `${count} `}${sentence}${place}${what}.`,
        }
      })
    },
  }
}
