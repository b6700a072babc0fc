// Which column plays which part in a dataset: guessed in a fixed order from names, whatever their case, and checked against
// a sample of rows; a person's map overrides each guess. Guesses are shown, never silently trusted.

import { refuse } from '../errors.ts'
import { isObject, pathsOf, valueAt } from '../json.ts'
import type { Json, JsonObject } from '../json.ts'
import { asMessages } from '../canonical.ts'
import { nearest } from '../nearest.ts'
import { lastBoxed } from '../../tasks/graders/extract.ts'
import { asBoolean } from '../rollouts/fields.ts'
import { afterHashes, answerFrom, countdownFrom } from './answers.ts'
import type { AnswerIn } from './answers.ts'

/** Columns by role; a dot leads into an object (`reward_model.ground_truth`). */
export interface Roles {
  readonly problem: string
  readonly answer: string | null
  readonly answerIn: AnswerIn
  /** Null: problems are named by a hash of their text. */
  readonly id: string | null
  readonly solution: string | null
  readonly split: string | null
  readonly slices: readonly string[]
  /** The problem column where it holds conversations. */
  readonly messages?: string
  /** A column that goes on with the problem: Alpaca's `input` after its `instruction`. */
  readonly more?: string
  /** The column of choices, or the columns of the wrong ones: they are lettered after the problem, and the answer is a letter. */
  readonly choices?: string | readonly string[]
  /** Where the answer is the number of a choice: what the first is numbered. */
  readonly choicesFrom?: 0 | 1
  /** Columns of a countdown puzzle, whose problem may have to be put into words. */
  readonly countdown?: { readonly numbers: string; readonly target: string }
}

export interface RoleGuess {
  readonly roles: Roles
  readonly confidence: 'high' | 'medium' | 'low'
  readonly why: string
}

const order = {
  problem: [
    'prompt',
    'problem',
    'question',
    'input',
    'instruction',
    'messages',
    'query',
    'problem_statement',
    'problem_text',
    'question_text',
  ],
  answer: [
    'gold_answer',
    'answer',
    'ground_truth',
    'gts',
    'label',
    'reward_model.ground_truth',
    'final_answer',
    'expected_answer',
    'correct_answer',
    'correct answer',
    'reference_answer',
    'answerkey',
    'answer_key',
    'gold',
    'gt',
    'expected_output',
    'correct_option',
    'answer_idx',
    'correct',
  ],
  choices: ['choices', 'options'],
  solution: ['solution', 'rationale', 'worked_solution', 'ground_truth_solution', 'reference_solution', 'gold_solution'],
  id: ['unique_id', 'id', 'problem_idx', 'index', 'uuid', 'extra_info.index'],
  slices: [
    'level',
    'difficulty',
    'subject',
    'type',
    'problem_type',
    'category',
    'domain',
    'subdomain',
    'source',
    'data_source',
    'problem_source',
  ],
  split: ['split', 'extra_info.split'],
  numbers: ['numbers', 'nums'],
  target: ['target'],
} as const

export const datasetRoles = ['problem', 'answer', 'id', 'solution', 'split', 'slices'] as const

/** Longest text that an answer usually is, in characters. */
const SHORT = 24

/** Roles of rollouts (rollouts/plain.ts) that a person may name for a dataset by mistake. */
const ofRollouts: readonly string[] = ['prompt', 'completion', 'ground_truth', 'extracted_answer', 'correct', 'reward', 'advantage', 'step']

/**
 * Guesses the roles from a sample of rows. Throws LabError import.noProblem, import.noAnswer (naming the columns there
 * are), import.noColumn and import.badMap for a map that does not fit.
 */
export function guessRoles(sample: readonly JsonObject[], map: { readonly [role: string]: string } = {}, needsAnswer = true): RoleGuess {
  const columns = columnsOf(sample)
  const byLower = new Map(columns.map((column) => [column.toLowerCase(), column]))
  const why: string[] = []
  for (const [role, column] of Object.entries(map)) {
    if (!(datasetRoles as readonly string[]).includes(role))
      throw refuse(
        'import.badMap',
        `the role "${role}"${ofRollouts.includes(role) ? ', which is one of rollouts (--as rollouts)' : ''}; the roles of datasets are ${datasetRoles.join(', ')}`,
      )
    for (const each of role === 'slices' ? column.split('+') : [column])
      if (!columns.includes(each) && sample.length > 0 && !sample.some((row) => valueAt(row, each) !== undefined))
        throw refuse('import.noColumn', noColumn(role, each, sample))
  }
  const filled = (column: string, test: (value: Json) => boolean): number =>
    sample.filter((row) => {
      const value = valueAt(row, column)
      return value !== undefined && value !== null && test(value)
    }).length / Math.max(1, sample.length)
  const first = (role: keyof typeof order, test: (value: Json) => boolean, share = 0.5): string | null =>
    order[role].map((name) => byLower.get(name)).find((column) => column !== undefined && filled(column, test) >= share) ?? null

  /** Over rows with the same problem it takes several values. */
  const varies = (column: string): boolean =>
    [...Map.groupBy(sample, (row) => JSON.stringify(valueAt(row, problem ?? '') ?? null)).values()].some(
      (rows) => rows.length > 1 && new Set(rows.map((row) => JSON.stringify(valueAt(row, column) ?? null))).size > 1,
    )

  const numbers = first('numbers', (value) => Array.isArray(value))
  const target = first('target', (value) => typeof value === 'number')
  const countdown = numbers !== null && target !== null && map.answer === undefined ? { numbers, target } : undefined

  const instruction = map.problem === undefined ? byLower.get('instruction') : undefined
  const input = byLower.get('input')
  const more =
    instruction !== undefined &&
    input !== undefined &&
    filled(instruction, isProblem) >= 0.5 &&
    filled(input, (value) => typeof value === 'string') >= 0.5
      ? input
      : undefined
  const problem =
    map.problem ??
    (more === undefined ? undefined : instruction) ??
    first('problem', isProblem) ??
    (countdown === undefined ? null : countdown.numbers)
  if (problem === null) throw refuse('import.noProblem', `the columns ${list(columns)}${suggested(sample)}`)
  why.push(
    more !== undefined
      ? `${problem} and ${more} hold the problem`
      : map.problem === undefined
        ? `${problem} holds the problem`
        : `${problem} was named for the problem`,
  )

  const solution = map.solution ?? first('solution', (value) => typeof value === 'string', 0.1)
  const { answer, answerIn, reason, sure } = chooseAnswer()
  if (answer === null && countdown === undefined && needsAnswer)
    throw refuse('import.noAnswer', `the columns ${list(columns)}${suggested(sample, problem)}`)
  why.push(reason)

  function chooseAnswer(): { answer: string | null; answerIn: AnswerIn; reason: string; sure: boolean } {
    if (countdown !== undefined)
      return { answer: null, answerIn: 'whole', reason: `${countdown.numbers} and ${countdown.target} are a countdown puzzle`, sure: true }
    const candidates = order.answer
      .map((name) => byLower.get(name))
      .filter((column) => column !== undefined && filled(column, (value) => isAnswer(column!, value)) >= 0.5) as string[]
    // The same problem twice with two answers: what a model wrote, where another column keeps to one.
    const named = map.answer ?? candidates.find((column) => !varies(column)) ?? candidates[0] ?? null
    if (named !== null && named !== undefined) {
      const hashes = filled(named, (value) => typeof value === 'string' && afterHashes(value) !== undefined)
      const boxed = filled(named, (value) => typeof value === 'string' && value.length > 40 && lastBoxed(value) !== null)
      const answerIn: AnswerIn = hashes > 0.5 ? 'hashes' : boxed > 0.5 ? 'boxed' : 'whole'
      const place = { whole: '', hashes: ' after ####', boxed: ' in its last \\boxed{}' }[answerIn]
      return { answer: named, answerIn, reason: `${named} holds the answer${place}`, sure: true }
    }
    if (solution !== null) {
      const boxed = filled(solution, (value) => typeof value === 'string' && lastBoxed(value) !== null)
      const hashes = filled(solution, (value) => typeof value === 'string' && afterHashes(value) !== undefined)
      if (Math.max(boxed, hashes) >= 0.5) {
        const answerIn = boxed >= hashes ? 'boxed' : 'hashes'
        return {
          answer: solution,
          answerIn,
          reason: `${solution} ends with the answer ${answerIn === 'boxed' ? 'in \\boxed{}' : 'after ####'}`,
          sure: false,
        }
      }
    }
    // What is called a solution and is as short as an answer is one.
    const lengths =
      solution === null
        ? []
        : sample
            .flatMap((row) => {
              const value = valueAt(row, solution)
              return typeof value === 'string' && value !== '' ? [value.length] : []
            })
            .sort((a, b) => a - b)
    if (solution !== null && lengths.length > 0 && lengths[lengths.length >> 1]! <= SHORT && lengths.length >= sample.length / 2)
      return { answer: solution, answerIn: 'whole', reason: `${solution} is as short as an answer`, sure: false }
    return { answer: null, answerIn: 'whole', reason: 'no column holds an answer', sure: false }
  }

  const wrong = columns.filter((column) => /^incorrect answer \d+$|^(wrong|incorrect)_answer_?\d+$|^distractor_?\d+$/i.test(column))
  const choices =
    answer === null ? undefined : (first('choices', (value) => choicesIn(value) !== undefined) ?? (wrong.length > 0 ? wrong : undefined))
  if (choices !== undefined)
    why.push(
      `${typeof choices === 'string' ? choices : choices.join(', ')} ${typeof choices === 'string' ? 'holds the choices' : 'are the wrong choices'}`,
    )

  const choicesFrom =
    typeof choices === 'string' && answer !== null
      ? numberedFrom(
          sample.map((row) => ({
            texts: choicesIn(valueAt(row, choices)),
            labels: labelsIn(valueAt(row, choices)),
            answer: valueAt(row, answer),
          })),
        )
      : null
  if (choicesFrom !== null) why.push(`${answer} is the number of the choice, counted from ${choicesFrom}`)

  const scalar = (value: Json): boolean => typeof value === 'string' || typeof value === 'number'
  const id = map.id ?? first('id', scalar)
  why.push(id === null ? 'problems are named by a hash of their text' : `${id} is the id`)
  const slices =
    map.slices?.split('+') ??
    (order.slices.map((name) => byLower.get(name)).filter((column) => column !== undefined && filled(column, scalar) > 0) as string[])
  if (slices.length > 0) why.push(`${slices.join(', ')} to slice by`)
  const messages = filled(problem, (value) => asMessages(value) !== undefined) > 0.5

  const mapped = map.problem !== undefined && map.answer !== undefined
  const plainNames = order.problem.indexOf(problem.toLowerCase() as 'problem') <= 2
  return {
    roles: {
      problem,
      answer,
      answerIn,
      id,
      solution: solution === answer && answerIn === 'whole' ? null : (solution ?? (answerIn === 'whole' ? null : answer)),
      split: map.split ?? first('split', scalar),
      slices,
      ...(messages ? { messages: problem } : {}),
      ...(more === undefined ? {} : { more }),
      ...(choices === undefined ? {} : { choices }),
      ...(choicesFrom === null ? {} : { choicesFrom }),
      ...(countdown === undefined ? {} : { countdown }),
    },
    confidence: mapped || (sure && plainNames) ? 'high' : sure || plainNames ? 'medium' : 'low',
    why: `${why.join('; ')}.`,
  }
}

/** Whether answers are the numbers of choices, and from what they count: MMLU's 2 is the third, whatever the texts are. Null where they are texts, letters or labels. */
function numberedFrom(
  rows: readonly {
    readonly texts: readonly string[] | undefined
    readonly labels: readonly string[] | undefined
    readonly answer: Json | undefined
  }[],
): 0 | 1 | null {
  const found = rows.flatMap(({ texts, labels, answer }) =>
    texts === undefined || answer === undefined || answer === null ? [] : [{ texts, labels, answer }],
  )
  const numbers = found.map(({ answer }) =>
    typeof answer === 'number' || (typeof answer === 'string' && /^\d+$/.test(answer.trim())) ? Number(answer) : NaN,
  )
  if (found.length === 0 || !numbers.every(Number.isInteger)) return null
  if (found.every(({ labels, answer }) => labels?.includes(String(answer)) === true)) return null
  // Written as text, and always one of the texts: it is that text.
  if (found.every(({ texts, answer }) => typeof answer === 'string' && texts.includes(answer.trim()))) return null
  if (numbers.every((number, at) => number >= 0 && number < found[at]!.texts.length)) return 0
  return numbers.every((number, at) => number >= 1 && number <= found[at]!.texts.length) ? 1 : null
}

/** Names of choices, where they have their own: ARC's `{text, label}`, or an object of letters. */
export function labelsIn(value: Json | undefined): readonly string[] | undefined {
  return isObject(value) && Array.isArray(value.label) && value.label.every((each) => typeof each === 'string' || typeof each === 'number')
    ? (value.label as readonly Json[]).map(String)
    : isObject(value) && !Array.isArray(value.text)
      ? Object.keys(value)
      : undefined
}

/** Texts of choices: a list, ARC's `{text, label}`, or an object of letters. */
export function choicesIn(value: Json | undefined): readonly string[] | undefined {
  const list = Array.isArray(value)
    ? (value as readonly Json[])
    : isObject(value) && Array.isArray(value.text)
      ? (value.text as readonly Json[])
      : isObject(value) && Object.keys(value).length > 1 && Object.keys(value).every((key, at) => key === String.fromCharCode(65 + at))
        ? Object.values(value)
        : []
  return list.length > 1 && list.length <= 26 && list.every((each) => typeof each === 'string' || typeof each === 'number')
    ? list.map(String)
    : undefined
}

/** Whether a column's value may be an answer: a verdict is none. */
const isAnswer = (column: string, value: Json): boolean =>
  column.toLowerCase() === 'correct'
    ? typeof value === 'string' && asBoolean(value) === undefined
    : typeof value !== 'boolean' && answerFrom(value, 'whole') !== undefined

function isProblem(value: Json): boolean {
  return (typeof value === 'string' && value.trim() !== '') || asMessages(value) !== undefined
}

/** A --map that may be meant: the column of the longest texts for the problem, and that of the shortest other values that differ for the answer. */
function suggested(sample: readonly JsonObject[], problem?: string): string {
  const lengths = new Map<string, number>()
  for (const column of new Set(sample.flatMap((row) => Object.keys(row)))) {
    const texts = sample.flatMap((row) =>
      typeof row[column] === 'string' && row[column] !== ''
        ? [row[column]]
        : typeof row[column] === 'number' && problem !== column
          ? [String(row[column])]
          : [],
    )
    if (texts.length > sample.length / 2 && (sample.length === 1 || new Set(texts).size > 1))
      lengths.set(column, texts.map((text) => text.length).sort((a, b) => a - b)[texts.length >> 1]!)
  }
  const asked = problem ?? [...lengths].filter(([, length]) => length >= 8).sort((a, b) => b[1] - a[1])[0]?.[0]
  const answer = [...lengths]
    .filter(([column]) => column !== asked && !/(^|_)(id|idx|index|uuid)$/i.test(column))
    .sort((a, b) => a[1] - b[1])[0]?.[0]
  const parts = [
    ...(problem === undefined && asked !== undefined ? [`problem=${asked}`] : []),
    ...(asked !== undefined && answer !== undefined ? [`answer=${answer}`] : []),
  ]
  return parts.length === 0 ? '' : `; perhaps --map ${parts.join(',')}`
}

/** Top-level columns and, one level down, the fields of objects. */
export function columnsOf(sample: readonly JsonObject[]): string[] {
  const columns = new Set<string>()
  for (const row of sample) {
    for (const [name, value] of Object.entries(row)) {
      columns.add(name)
      if (isObject(value)) for (const inner of Object.keys(value)) columns.add(`${name}.${inner}`)
    }
  }
  return [...columns]
}

function list(columns: readonly string[]): string {
  return columns.length > 30 ? `${columns.slice(0, 30).join(', ')} and ${columns.length - 30} more` : columns.join(', ')
}

/** Which mapped column is not there, with the nearest that are. */
export function noColumn(role: string, column: string, sample: readonly JsonObject[]): string {
  const paths = pathsOf(sample)
  const near = nearest(column, paths)
  return `no column "${column}", which --map names for ${role}; ${near === null ? '' : `nearest is ${near}; `}the columns are ${list(columnsOf(sample))}`
}

/** The countdown puzzle of a row, where its roles name one. */
export function countdownOf(row: JsonObject, roles: Roles): ReturnType<typeof countdownFrom> {
  return roles.countdown === undefined
    ? undefined
    : countdownFrom(valueAt(row, roles.countdown.numbers), valueAt(row, roles.countdown.target))
}
