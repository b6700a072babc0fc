// The dataset side of an import: roles for each file, rows to problems, repeats found across all files, and what is known of
// the whole set at the end.

import type { ImportOptions, Converter } from '../converter.ts'
import { valueAt } from '../json.ts'
import type { JsonObject } from '../json.ts'
import type { NoteBook } from '../notes.ts'
import { reject } from '../rejected.ts'
import type { SourceRow } from '../read/reader.ts'
import { createDigestTable, digestOf } from './digestTable.ts'
import type { DigestTable } from './digestTable.ts'
import { createDuplicateIndex } from './duplicates.ts'
import type { Match, Overlap } from './duplicates.ts'
import { guessGrader } from './graderGuess.ts'
import type { GraderGuess } from './graderGuess.ts'
import { recogniseDataset } from './known.ts'
import { isRefused, textHash, toDatasetRow } from './normalise.ts'
import type { DatasetRow } from './normalise.ts'
import { guessRoles } from './roles.ts'
import type { RoleGuess } from './roles.ts'
import { createSummariser } from './summary.ts'
import type { DatasetSummary } from './summary.ts'
import type { Answer } from './answers.ts'

/** Answers looked at for the grader. */
const GRADER_SAMPLE = 2000
const EXAMPLES = 20
/** More lines than a file has: what one file's number counts for. */
const LINES = 2 ** 32

export interface DatasetFacts {
  /** Roles by file. */
  readonly roles: { readonly [file: string]: RoleGuess }
  readonly grader: GraderGuess
  readonly summary: DatasetSummary
  /** Problems nearly the same as an earlier one, with the first pairs. */
  readonly similar: { readonly count: number; readonly examples: readonly { readonly id: string; readonly match: Match }[] }
  /** Problems shared with the set given as `against`; null when none was given. */
  readonly overlap: Overlap | null
}

export interface DatasetImport {
  /** A converter for one file. Throws LabError import.noProblem, import.noAnswer, import.noColumn, import.badMap. */
  open(file: string, sample: readonly JsonObject[], map: { readonly [role: string]: string }, notes: NoteBook): Converter<DatasetRow>
  facts(): DatasetFacts
}

export function createDatasetImport({ keepDuplicates = false, against }: ImportOptions): DatasetImport {
  const roles: { [file: string]: RoleGuess } = {}
  const files: string[] = []
  /** Problems by their number; numbers and flat arrays, because there may be a million of them. */
  const index = createDuplicateIndex<number>()
  /** Of every problem where it stands, the number of its file and its line in one, and 32 bits of its answer's digest. */
  const places: number[] = []
  const answersSeen: number[] = []
  const ids = createDigestTable()
  const summary = createSummariser()
  const answers: Answer[] = []
  const similar: { id: string; match: Match }[] = []
  let similarCount = 0
  const overlap = { exact: 0, near: 0, total: 0, examples: [] as { key: string; match: Match }[] }

  function note(row: DatasetRow): void {
    summary.add(row)
    if (row.answer !== undefined && answers.length < GRADER_SAMPLE) answers.push(row.answer)
    if (against === undefined) return
    overlap.total++
    const match = against.find(row.problem)
    if (match === null) return
    if (match.similarity === 1) overlap.exact++
    else overlap.near++
    if (overlap.examples.length < EXAMPLES) overlap.examples.push({ key: row.id, match })
  }

  const placeText = (where: number): string => `line ${where % LINES}${files.length > 1 ? ` of ${files[Math.floor(where / LINES)]}` : ''}`

  return {
    open(file, sample, map, notes) {
      const fileNumber = files.push(file) - 1
      const guess = guessRoles(sample, map)
      roles[file] = guess
      const known = recogniseDataset(sample)
      const unused = unusedColumns(sample, guess.roles)
      if (unused.length > 0) notes.add('columns.unused', null, unused.join(', '))
      const classes = classNumbers(sample, guess.roles)
      if (classes !== null) notes.add('answer.classes', null, classes)
      return {
        source: known.source,
        why: `${known.why}: ${guess.why}`,
        convert(source: SourceRow) {
          const result = toDatasetRow(source.value, source.line, guess.roles)
          const text = (): string => JSON.stringify(source.value)
          if (isRefused(result)) return { rejected: reject(file, source, result.code, result.detail, text()) }
          const where = fileNumber * LINES + source.line
          const match = index.add(places.length, result.problem)
          const answer = digestOf(JSON.stringify(result.answer ?? null))[0]!
          if (match?.similarity === 1) {
            const sameAnswer = answersSeen[match.key] === answer
            if (!keepDuplicates)
              return {
                rejected: reject(file, source, sameAnswer ? 'row.duplicate' : 'row.conflict', placeText(places[match.key]!), text()),
              }
          } else {
            places.push(where)
            answersSeen.push(answer)
            if (match !== null) {
              similarCount++
              notes.add('rows.similar', source.line)
              if (similar.length < EXAMPLES) similar.push({ id: result.id, match: { ...match, key: placeText(places[match.key]!) } })
            }
          }
          const row = named(result, ids, () => notes.add('id.repeated', source.line))
          note(row)
          return { records: [row] }
        },
      }
    },
    facts: () => ({
      roles,
      grader: guessGrader(answers),
      summary: summary.summary(),
      similar: { count: similarCount, examples: similar },
      overlap: against === undefined ? null : overlap,
    }),
  }
}

/** Most classes that there are, and how often each comes at least, where only the numbers speak for classes. */
const MOST_CLASSES = 10
const FEWEST_EACH = 4
const namedForClasses = /^(label|labels|class|class_?(id|label|index)|target|category_?id)$/i

/**
 * The numbers in a column of answers that look like those of classes, where no column holds the choices: a label of a classifier is no answer.
 * By the column's name or, where it has another, by few numbers from 0 on that come again and again. Null where they do not.
 */
function classNumbers(sample: readonly JsonObject[], { answer, answerIn, choices }: RoleGuess['roles']): string | null {
  if (answer === null || answerIn !== 'whole' || choices !== undefined) return null
  const values = sample.map((row) => valueAt(row, answer)).filter((value) => value !== null && value !== undefined)
  const numbers = values.map((value) =>
    typeof value === 'number' || (typeof value === 'string' && /^\d$/.test(value)) ? Number(value) : NaN,
  )
  if (numbers.length === 0 || !numbers.every((value) => Number.isInteger(value) && value >= 0 && value < MOST_CLASSES)) return null
  const distinct = [...new Set(numbers)].sort((a, b) => a - b)
  const named = namedForClasses.test(answer.split('.').at(-1)!)
  const asNumbers = values.every((value) => typeof value === 'number')
  const repeated =
    distinct[0] === 0 &&
    distinct.every((value, at) => value === at) &&
    distinct.length > 1 &&
    distinct.length <= 5 &&
    numbers.length >= FEWEST_EACH * distinct.length
  return (asNumbers && (named || repeated)) || (named && repeated) ? `${answer} holds ${distinct.join(', ')}` : null
}

/** Columns that no role takes. */
function unusedColumns(sample: readonly JsonObject[], roles: RoleGuess['roles']): string[] {
  const used = new Set(
    [
      roles.problem,
      roles.answer,
      roles.id,
      roles.solution,
      roles.split,
      roles.more,
      roles.countdown?.numbers,
      roles.countdown?.target,
      ...roles.slices,
      ...(typeof roles.choices === 'string' ? [roles.choices] : (roles.choices ?? [])),
    ].filter((each) => each !== null && each !== undefined),
  )
  const taken = (column: string): boolean =>
    used.has(column) || [...used].some((name) => name!.startsWith(`${column}.`) || name!.startsWith(`${column}[`))
  return [...new Set(sample.flatMap((row) => Object.keys(row)))].filter((column) => !taken(column))
}

/** Whether it was not there before. */
function addOnce(table: DigestTable, digest: Uint32Array): boolean {
  if (table.find(digest) >= 0) return false
  table.add(digest)
  return true
}

/** The row under a name that no other row of the set has. */
function named(row: DatasetRow, ids: DigestTable, onRepeat: () => void): DatasetRow {
  if (addOnce(ids, digestOf(row.id))) return row
  onRepeat()
  const hash = textHash(row.problem).slice(5, 13)
  let id = `${row.id}~${hash}`
  for (let copy = 2; !addOnce(ids, digestOf(id)); copy++) id = `${row.id}~${hash}~${copy}`
  return { ...row, id }
}
