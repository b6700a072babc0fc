// A row of a file as a problem of a dataset, by its roles: id, text, answer, slices, and the row as it was.

import { createHash } from 'node:crypto'
import { asMessages } from '../canonical.ts'
import type { Message } from '../canonical.ts'
import { isObject, kindOf, valueAt } from '../json.ts'
import type { Json, JsonObject } from '../json.ts'
import type { RejectCode } from '../rejected.ts'
import { contentText, standsForNone } from '../rollouts/fields.ts'
import { answerFrom } from './answers.ts'
import type { Answer } from './answers.ts'
import { choicesIn, countdownOf, labelsIn } from './roles.ts'
import type { Roles } from './roles.ts'

export interface DatasetRow {
  /** The file's own id, or `text:` and a hash of the problem. */
  readonly id: string
  readonly problem: string
  readonly messages?: readonly Message[]
  /** Absent only in sets that have no answers. */
  readonly answer?: Answer
  readonly solution?: string
  readonly split?: string
  /** Number behind the `level` or `difficulty` slice; null when it has none. */
  readonly level: number | null
  readonly slices: { readonly [name: string]: string }
  /** What no role has taken, by column: it is kept with the problem. Absent where nothing is left. */
  readonly extra?: JsonObject
  /** The row as read; whole numbers beyond 2^53 as text. */
  readonly raw: JsonObject
  readonly line: number
}

export interface Refused {
  readonly code: RejectCode
  readonly detail: string
}

/** The problem in a row, or why there is none. */
export function toDatasetRow(row: JsonObject, line: number, roles: Roles): DatasetRow | Refused {
  const puzzle = countdownOf(row, roles)
  if (puzzle === undefined && roles.countdown !== undefined)
    return { code: 'row.noAnswer', detail: `${roles.countdown.numbers} and ${roles.countdown.target}` }
  const value = valueAt(row, roles.problem)
  const messages = asMessages(value)
  const asked =
    puzzle !== undefined && roles.problem === roles.countdown?.numbers
      ? inWords(puzzle)
      : messages === undefined
        ? typeof value === 'string'
          ? value
          : ''
        : askedIn(messages)
  if (asked.trim() === '') return { code: 'row.noProblem', detail: roles.problem }
  const answer = puzzle ?? (roles.answer === null ? undefined : answerFrom(valueAt(row, roles.answer), roles.answerIn))
  if (answer === undefined && roles.answer !== null) return noAnswer(valueAt(row, roles.answer), roles)
  if (typeof answer === 'string' && roles.answerIn === 'whole' && standsForNone(answer))
    return { code: 'row.noAnswer', detail: `${roles.answer!}: ${answer} stands for none` }
  const lettered = answer === undefined ? undefined : withChoices(row, roles, answer)
  if (lettered === null) return { code: 'row.noAnswer', detail: `${roles.answer!}: ${JSON.stringify(answer)} is none of the choices` }
  const more = roles.more === undefined ? undefined : textOf(valueAt(row, roles.more))
  const problem = [asked, ...(more === undefined ? [] : [more]), ...(lettered === undefined ? [] : [lettered.choices])].join('\n\n')
  const id = roles.id === null ? undefined : textOf(valueAt(row, roles.id))
  const solution = roles.solution === null ? undefined : textOf(valueAt(row, roles.solution))
  const split = roles.split === null ? undefined : textOf(valueAt(row, roles.split))
  const slices = Object.fromEntries(
    roles.slices.flatMap((name) => {
      const text = textOf(valueAt(row, name))
      return text === undefined ? [] : [[name, text] as const]
    }),
  )
  const extra = leftOver(row, roles, { structured: messages !== undefined && !isBare(messages), lettered: lettered !== undefined })
  return {
    id: id ?? textHash(problem),
    problem,
    ...(messages === undefined ? {} : { messages }),
    ...(answer === undefined ? {} : { answer: lettered?.letter ?? answer }),
    ...(solution === undefined ? {} : { solution }),
    ...(split === undefined ? {} : { split }),
    level: levelOf(slices),
    slices,
    ...(extra === undefined ? {} : { extra }),
    raw: row,
    line,
  }
}

/** A conversation that says no more than its text: one turn of the user. */
const isBare = (messages: readonly Message[]): boolean =>
  messages.length === 1 &&
  messages[0]!.role === 'user' &&
  typeof messages[0]!.content === 'string' &&
  Object.entries(messages[0]!).every(([name, value]) => name === 'role' || name === 'content' || value === null)

/**
 * What is left of a row once the stored problem has what it can hold: columns without a role, the worked solution, an answer that was cut out of its
 * column or became a letter, conversations with more than a question. Columns that say nothing are not there.
 */
function leftOver(
  row: JsonObject,
  roles: Roles,
  { structured, lettered }: { readonly structured: boolean; readonly lettered: boolean },
): JsonObject | undefined {
  const stored = new Set([
    ...(structured ? [] : [roles.problem]),
    roles.more,
    roles.id,
    roles.split,
    ...roles.slices,
    ...(roles.answerIn === 'whole' && !lettered ? [roles.answer] : []),
    roles.countdown?.numbers,
    roles.countdown?.target,
  ])
  const rest: { [name: string]: Json } = {}
  for (const [name, value] of Object.entries(row)) {
    if (value === null || value === '' || stored.has(name)) continue
    const within = isObject(value) ? Object.entries(value).filter(([inner]) => !stored.has(`${name}.${inner}`)) : null
    if (within !== null && within.length === 0 && Object.keys(value).length > 0) continue
    Object.defineProperty(rest, name, {
      value: within === null ? value : Object.fromEntries(within),
      enumerable: true,
      configurable: true,
      writable: true,
    })
  }
  return Object.keys(rest).length === 0 ? undefined : rest
}

/**
 * Choices in words and the letter of the right one. An answer may be that letter, the text of a choice, or its place from 0. Wrong choices
 * in columns of their own are put in an order that depends on their texts alone. Null where the answer is none of them.
 */
function withChoices(
  row: JsonObject,
  roles: Roles,
  answer: Answer,
): { readonly choices: string; readonly letter: string } | null | undefined {
  if (roles.choices === undefined || typeof answer !== 'string') return undefined
  const texts =
    typeof roles.choices === 'string'
      ? choicesIn(valueAt(row, roles.choices))
      : shuffled([answer, ...roles.choices.flatMap((column) => textOf(valueAt(row, column)) ?? [])])
  if (texts === undefined) return undefined
  const labels = typeof roles.choices === 'string' ? labelsIn(valueAt(row, roles.choices)) : undefined
  const labelled = labels?.length === texts.length ? labels.indexOf(answer.trim()) : -1
  const at =
    roles.choicesFrom !== undefined
      ? Number(answer) - roles.choicesFrom
      : labelled >= 0
        ? labelled
        : typeof roles.choices === 'string' && /^\(?[A-Za-z]\)?\.?$/.test(answer) && !texts.includes(answer)
          ? answer
              .replace(/[^A-Za-z]/g, '')
              .toUpperCase()
              .charCodeAt(0) - 65
          : texts.includes(answer)
            ? texts.indexOf(answer)
            : /^\d+$/.test(answer)
              ? Number(answer)
              : -1
  return at < 0 || at >= texts.length
    ? null
    : {
        choices: texts.map((text, place) => `${String.fromCharCode(65 + place)}. ${text}`).join('\n'),
        letter: String.fromCharCode(65 + at),
      }
}

const shuffled = (texts: readonly string[]): string[] => [...texts].sort((a, b) => (textHash(a) < textHash(b) ? -1 : 1))

function noAnswer(value: Json | undefined, roles: Roles): Refused {
  const empty = value === undefined || value === null || (typeof value === 'string' && roles.answerIn === 'whole')
  if (empty) return { code: 'row.noAnswer', detail: roles.answer! }
  if (typeof value === 'string')
    return { code: 'row.noAnswer', detail: `${roles.answer!} ${roles.answerIn === 'hashes' ? 'after ####' : 'in \\boxed{}'}` }
  return { code: 'row.badAnswer', detail: kindOf(value) }
}

function inWords(puzzle: Answer): string {
  const { numbers, target } = puzzle as { numbers: readonly number[]; target: number }
  return `Using each of the numbers ${numbers.join(', ')} exactly once with +, -, * and /, reach ${target}.`
}

/** What the conversation asks: its last user turn before any answer, or all of it when nobody is called user. */
function askedIn(messages: readonly Message[]): string {
  const answered = messages.findIndex((message) => message.role === 'assistant')
  const before = answered < 0 ? messages : messages.slice(0, answered)
  const asked = before.filter((message) => message.role === 'user').at(-1)
  return asked === undefined ? before.map((message) => contentText(message.content)).join('\n\n') : contentText(asked.content)
}

function textOf(value: Json | undefined): string | undefined {
  if (typeof value === 'string') return value === '' ? undefined : value
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined
}

function levelOf(slices: { readonly [name: string]: string }): number | null {
  for (const [name, text] of Object.entries(slices)) {
    const match = /^(level|difficulty)$/i.test(name) ? /^(?:level\s*)?(-?\d+(?:\.\d+)?)$/i.exec(text.trim()) : null
    if (match !== null) return Number(match[1])
  }
  return null
}

/** A name for a problem that came without one; the same text has the same name in every file. */
export function textHash(text: string): string {
  return `text:${createHash('sha256').update(text).digest('hex').slice(0, 16)}`
}

/** Whether `toDatasetRow` refused. */
export function isRefused(result: DatasetRow | Refused): result is Refused {
  return !('raw' in result)
}
