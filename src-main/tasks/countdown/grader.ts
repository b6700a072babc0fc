// The one grader of Countdown, used alike by reward, evaluation and charts. It is strict: every number exactly once
// (as a multiset, so a duplicate must be used twice), whole results in 1..400, larger minus smaller, exact division,
// the last result equal to the target, and the end token written. What was thought before `</think>` is not graded.

import type { Grade, GradeReason } from '../types.ts'
import { ascending, combine, OPERATORS, replace } from './arithmetic.ts'
import { COMMA, END_THINK, EOS, numberOf, tokensToText } from './vocabulary.ts'

export interface CountdownData {
  /** In the order of the prompt. */
  readonly numbers: readonly number[]
  readonly target: number
}

/** Grades everything written after the prompt. */
export function gradeCompletion(data: CountdownData, completion: ArrayLike<number>): Grade {
  const tokens = Array.from(completion)
  const end = tokens.indexOf(EOS)
  const close = tokens.indexOf(END_THINK)
  if (close === -1 || (end !== -1 && end < close)) return wrong(end === -1 ? 'truncated' : 'no-answer')
  return gradeAnswer(data, tokens.slice(close + 1))
}

/** Grades what follows `</think>`: the steps, then the end token. Tokens after the end token are ignored. */
export function gradeAnswer(data: CountdownData, answer: readonly number[]): Grade {
  const end = answer.indexOf(EOS)
  if (end === -1) return wrong('truncated')
  if (end === 0) return wrong('no-answer')
  const steps = answer.slice(0, end)
  const reason = reasonOf(data, steps)
  return { correct: reason === 'correct', extracted: tokensToText(steps), reason }
}

function wrong(reason: GradeReason): Grade {
  return { correct: false, extracted: null, reason }
}

const isNumber = (token: number): boolean => numberOf(token) > 0
const isOperator = (token: number): boolean => (OPERATORS as readonly number[]).includes(token)
const isComma = (token: number): boolean => token === COMMA
const FITS = [isNumber, isOperator, isNumber, isComma]

/** Steps are `x op y` joined by commas: four tokens a step, the last without its comma. */
function reasonOf(data: CountdownData, steps: readonly number[]): GradeReason {
  if (steps.length % 4 !== 3) return 'unparsable'
  for (let i = 0; i < steps.length; i++) {
    if (!FITS[i % 4](steps[i])) return 'unparsable'
  }
  let state: readonly number[] = ascending(data.numbers)
  let value = 0
  for (let i = 0; i < steps.length; i += 4) {
    const x = numberOf(steps[i])
    const y = numberOf(steps[i + 2])
    value = combine(x, steps[i + 1], y)
    const rest = replace(state, x, y, value)
    if (rest === null) return 'wrong-numbers'
    if (value === 0) return 'illegal-operation'
    state = rest
  }
  if (state.length > 1) return 'wrong-numbers'
  return value === data.target ? 'correct' : 'wrong-value'
}
