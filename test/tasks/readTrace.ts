// A Countdown think block as a person reads it: attempts with their steps, the verdict the model gave, and whether
// that verdict is true. It reads whatever a model wrote, however wrong; nothing here affects a reward.

import { ascending, combine, replace } from '../../src-main/tasks/countdown/arithmetic.ts'
import { gradeCompletion, type CountdownData } from '../../src-main/tasks/countdown/grader.ts'
import type { Grade } from '../../src-main/tasks/types.ts'
import { COMMA, END_THINK, EOS, EQUALS, NO, numberOf, tokensToText, WAIT, YES } from '../../src-main/tasks/countdown/vocabulary.ts'

/** One episode. Offsets are into the completion, end exclusive. */
export interface ParsedAttempt {
  readonly start: number
  readonly end: number
  readonly text: string
  /** Steps as text, e.g. `5 + 4 = 9`. */
  readonly steps: readonly string[]
  /** What the model said of its attempt, or null when it said nothing. */
  readonly verdict: 'yes' | 'no' | null
  /** Result of the last step as the model wrote it, or null. */
  readonly value: number | null
  /** True when every step is well formed, legal, computed rightly, and all numbers are used exactly once. */
  readonly sound: boolean
  /** True when the attempt is sound and reaches the target. */
  readonly solves: boolean
}

export interface ParsedTrace {
  readonly attempts: readonly ParsedAttempt[]
  /** Offset of `</think>`, or null when the model never stopped thinking. */
  readonly thinkEnd: number | null
  /** The text after `</think>` up to the end token, or null. */
  readonly answer: string | null
  readonly grade: Grade
}

/**
 * @param completion everything after the prompt
 * @param boundaries 0 and then the end of each episode, offsets into the completion
 */
export function parseTrace(data: CountdownData, completion: ArrayLike<number>, boundaries: ArrayLike<number>): ParsedTrace {
  const tokens = Array.from(completion)
  const attempts: ParsedAttempt[] = []
  for (let j = 1; j < boundaries.length; j++) attempts.push(parseAttempt(data, tokens, boundaries[j - 1], boundaries[j]))
  const close = tokens.indexOf(END_THINK)
  const eos = tokens.indexOf(EOS)
  const answer = close === -1 ? null : tokensToText(tokens.slice(close + 1, eos === -1 ? undefined : eos))
  return { attempts, thinkEnd: close === -1 ? null : close, answer, grade: gradeCompletion(data, tokens) }
}

function parseAttempt(data: CountdownData, tokens: readonly number[], start: number, end: number): ParsedAttempt {
  const all = tokens.slice(start, end)
  const body = all[0] === WAIT ? all.slice(1) : all
  const last = body[body.length - 1]
  const verdict = last === YES ? 'yes' : last === NO ? 'no' : null
  const steps = splitAtCommas(verdict === null ? body : body.slice(0, -1))

  let state: readonly number[] | null = ascending(data.numbers)
  for (const step of steps) state = state === null ? null : follow(state, step)
  const written = steps.length === 0 ? 0 : numberOf(steps[steps.length - 1][4] ?? 0)
  const sound = state !== null && state.length === 1
  return {
    start,
    end,
    text: tokensToText(all),
    steps: steps.map(tokensToText),
    verdict,
    value: written === 0 ? null : written,
    sound,
    solves: sound && written === data.target,
  }
}

function splitAtCommas(tokens: readonly number[]): number[][] {
  if (tokens.length === 0) return []
  const steps: number[][] = [[]]
  for (const token of tokens) {
    if (token === COMMA) steps.push([])
    else steps[steps.length - 1].push(token)
  }
  return steps
}

/** The state after a written step `x op y = z`, or null when the step is malformed, illegal or wrongly computed. */
function follow(state: readonly number[], step: readonly number[]): number[] | null {
  const [x, operator, y, equals, z] = step
  if (step.length !== 5 || equals !== EQUALS) return null
  const result = combine(numberOf(x), operator, numberOf(y))
  return result > 0 && result === numberOf(z) ? replace(state, numberOf(x), numberOf(y), result) : null
}
