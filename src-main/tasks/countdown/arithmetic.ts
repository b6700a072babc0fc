// The rules of one Countdown step: which operations are legal, what they give, and what is left afterwards.
// A state is the ascending list of numbers still to be used; results are referred to by value, so two equal numbers
// are interchangeable and a step is written `x op y` whatever the origin of x and y.

import { DIVIDE, MAX_NUMBER, MINUS, PLUS, TIMES } from './vocabulary.ts'

export const OPERATORS = [PLUS, MINUS, TIMES, DIVIDE] as const

/** A legal step from some state: operand values, operator token, result, and the ascending state after it. */
export interface Move {
  readonly x: number
  readonly operator: number
  readonly y: number
  readonly result: number
  readonly rest: readonly number[]
}

/** Result of `x op y`, or 0 when the step is illegal (not whole, below 1, above 400, or not an operator). */
export function combine(x: number, operator: number, y: number): number {
  let result = 0
  if (operator === PLUS) result = x + y
  else if (operator === MINUS) result = x - y
  else if (operator === TIMES) result = x * y
  else if (operator === DIVIDE) result = x % y === 0 ? x / y : 0
  return result >= 1 && result <= MAX_NUMBER ? result : 0
}

/** The state after removing one x and one y and adding the result, or null when x or y is not there to be used. */
export function replace(state: readonly number[], x: number, y: number, result: number): number[] | null {
  const rest: number[] = []
  let needX = true
  let needY = true
  let placed = false
  for (const value of state) {
    if (needX && value === x) needX = false
    else if (needY && value === y) needY = false
    else {
      if (!placed && value > result) {
        rest.push(result)
        placed = true
      }
      rest.push(value)
    }
  }
  if (needX || needY) return null
  if (!placed) rest.push(result)
  return rest
}

/** Every legal step from a state, each written form once: `2 + 5` and `5 + 2` are two, two equal fives are one. */
export function movesFrom(state: readonly number[]): Move[] {
  const moves: Move[] = []
  for (let i = 0; i < state.length; i++) {
    const x = state[i]
    if (i > 0 && state[i - 1] === x) continue
    for (const operator of OPERATORS) {
      let previous = 0
      for (let j = 0; j < state.length; j++) {
        const y = state[j]
        if (j === i || y === previous) continue
        previous = y
        const result = combine(x, operator, y)
        if (result > 0) moves.push({ x, operator, y, result, rest: replace(state, x, y, result)! })
      }
    }
  }
  return moves
}

/** Ascending copy. */
export function ascending(numbers: readonly number[]): number[] {
  return [...numbers].sort((a, b) => a - b)
}
