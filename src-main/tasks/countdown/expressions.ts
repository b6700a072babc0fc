// Countdown answered by one expression: reading what a model wrote, listing every accepted one, and thinking of one in words. Brackets stand
// where precedence needs them and nowhere else; `a + b` and `b + a` are two ways of writing, and both are listed. Rules as everywhere in
// Countdown: every number exactly once, whole results from 1 to 400 on the way, larger minus smaller, exact division.

import type { Rng } from '../../numeric/rng.ts'
import type { Grade, GradeReason } from '../types.ts'
import { ascending, combine } from './arithmetic.ts'
import type { CountdownData } from './grader.ts'
import { DIVIDE, MINUS, PLUS, TIMES } from './vocabulary.ts'

/** Signs by how tightly they bind, with the ways in which models write them. */
const SIGNS = [
  { sign: '+', operator: PLUS, binds: 1, written: /^\+/ },
  { sign: '-', operator: MINUS, binds: 1, written: /^[-\u2212\u2013]/ },
  { sign: '*', operator: TIMES, binds: 2, written: /^(?:\*|\u00d7|\u00b7|x(?=[\s(\d])|\\times|\\cdot)/ },
  { sign: '/', operator: DIVIDE, binds: 2, written: /^(?:\/|\u00f7|\\div)/ },
] as const

interface Part {
  readonly value: number
  readonly text: string
  readonly binds: number
}

const ATOM = 3

const joined = (left: Part, { sign, operator, binds }: (typeof SIGNS)[number], right: Part): Part | null => {
  const value = combine(left.value, operator, right.value)
  if (value === 0) return null
  const inBrackets = (part: Part, needed: boolean): string => (needed ? `(${part.text})` : part.text)
  // A right side of the same strength needs brackets after - and /, and its own grouping is kept after + and * too.
  return { value, binds, text: `${inBrackets(left, left.binds < binds)} ${sign} ${inBrackets(right, right.binds <= binds)}` }
}

/** Every accepted expression, each once, shortest first. Sizes grow fast: 3 numbers have at most some dozens. */
export function expressionsOf({ numbers, target }: CountdownData): string[] {
  const found = new Set<string>()
  const grow = (parts: readonly Part[]): void => {
    if (parts.length === 1) {
      if (parts[0]!.value === target) found.add(parts[0]!.text)
      return
    }
    for (let i = 0; i < parts.length; i++)
      for (let j = 0; j < parts.length; j++) {
        if (i === j) continue
        const rest = parts.filter((_, at) => at !== i && at !== j)
        for (const sign of SIGNS) {
          const part = joined(parts[i]!, sign, parts[j]!)
          if (part !== null) grow([...rest, part])
        }
      }
  }
  grow(numbers.map((value) => ({ value, text: String(value), binds: ATOM })))
  return [...found].sort((a, b) => a.length - b.length || (a < b ? -1 : 1))
}

/** Ways that lead elsewhere before the right one, at most. */
const MOST_DETOURS = 2

/** Thinking in words: some ways that lead elsewhere, a line each, and one that is right; its expression is the answer. Throws a RangeError for a problem that has none. */
export function searchInWords({ numbers, target }: CountdownData, rng: Rng): { readonly thinking: string; readonly answer: string } {
  const start: readonly Part[] = numbers.map((value) => ({ value, text: String(value), binds: ATOM }))
  /** Steps and expression of the first way, in random order, that ends as wanted. */
  const walk = (
    parts: readonly Part[],
    steps: readonly string[],
    wanted: (value: number) => boolean,
  ): { readonly steps: readonly string[]; readonly end: Part } | null => {
    if (parts.length === 1) return wanted(parts[0]!.value) ? { steps, end: parts[0]! } : null
    const moves = rng.shuffle(parts.flatMap((_x, i) => parts.flatMap((_y, j) => (i === j ? [] : SIGNS.map((sign) => ({ i, j, sign }))))))
    for (const { i, j, sign } of moves) {
      const part = joined(parts[i]!, sign, parts[j]!)
      const done =
        part === null
          ? null
          : walk(
              [...parts.filter((_, at) => at !== i && at !== j), part],
              [...steps, `${parts[i]!.value} ${sign.sign} ${parts[j]!.value} = ${part.value}`],
              wanted,
            )
      if (done !== null) return done
    }
    return null
  }
  const detours = Array.from({ length: rng.int(MOST_DETOURS + 1) }, () => walk(start, [], (value) => value !== target)).filter(
    (way) => way !== null,
  )
  const right = walk(start, [], (value) => value === target)
  if (right === null) throw new RangeError(`a problem that can be solved, found ${numbers.join(', ')} to ${target}`)
  return {
    thinking: [
      ...new Set(detours.map(({ steps }) => `${steps.join(', ')}, not ${target}`)),
      `${right.steps.join(', ')}, which is the target`,
    ].join('\n'),
    answer: right.end.text,
  }
}

/** Grades an expression; a right side behind `=` must be the target and is otherwise left out. */
export function gradeExpression(data: CountdownData, answer: string): Grade {
  const text = answer
    .replace(/\\boxed\{([\s\S]*)\}/, '$1')
    .replace(/\\left|\\right|\\[()[\]]|[$`]|\*\*/g, '')
    .replace(/<\|[^|]*\|>|<\/s>/g, '')
    .trim()
    .replace(/[.!]+$/, '')
    .trim()
  const wrong = (reason: GradeReason, extracted: string | null): Grade => ({ correct: false, extracted, reason })
  if (text === '') return wrong('no-answer', null)
  const [left, right, ...more] = text.split('=').map((part) => part.trim())
  if (more.length > 0 || (right !== undefined && Number(right) !== data.target)) return wrong('wrong-value', text)
  const read = evaluate(left!)
  if (read === null) return wrong('unparsable', text)
  if (ascending(read.numbers).join() !== ascending(data.numbers).join()) return wrong('wrong-numbers', text)
  if (read.value === null) return wrong('illegal-operation', text)
  return read.value === data.target ? { correct: true, extracted: text, reason: 'correct' } : wrong('wrong-value', text)
}

/** The value of an expression (null where a step breaks the rules) and the numbers in it; null for anything else. */
function evaluate(text: string): { readonly value: number | null; readonly numbers: readonly number[] } | null {
  if (text.length > 500) return null
  let rest = text
  const numbers: number[] = []
  const skip = (): void => {
    rest = rest.trimStart()
  }
  const take = (pattern: RegExp): string | null => {
    skip()
    const [found] = pattern.exec(rest) ?? []
    if (found === undefined) return null
    rest = rest.slice(found.length)
    return found
  }
  const atom = (): number | null | undefined => {
    if (take(/^\(/) !== null) {
      const inner = level(1)
      return inner === undefined || take(/^\)/) === null ? undefined : inner
    }
    const digits = take(/^\d{1,9}(?![.\d])/)
    if (digits === null) return undefined
    numbers.push(Number(digits))
    return Number(digits)
  }
  /** undefined: not an expression; null: one that breaks the rules. */
  const level = (binds: number): number | null | undefined => {
    let value = binds === ATOM ? atom() : level(binds + 1)
    if (binds === ATOM) return value
    while (value !== undefined) {
      const sign = SIGNS.find((each) => each.binds === binds && take(each.written) !== null)
      if (sign === undefined) return value
      const right = level(binds + 1)
      if (right === undefined) return undefined
      value = value === null || right === null ? null : combine(value, sign.operator, right) || null
    }
    return undefined
  }
  const value = level(1)
  skip()
  return value === undefined || rest !== '' ? null : { value, numbers }
}
