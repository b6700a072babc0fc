// Every answer that the grader accepts: all orders of independent steps, both orders of + and *, results referred to
// by value. The reference answer of a Countdown problem is rarely unique, and the chance that a model answers
// correctly is the sum over this whole set.
// Answers are counted first (memoised over states, so that dead ends are never walked), then listed as a trie.

import type { Rng } from '../../numeric/rng.ts'
import type { AnswerTrie } from '../types.ts'
import { combine, movesFrom, OPERATORS, type Move } from './arithmetic.ts'
import { COMMA, EOS, MAX_NUMBER, numberToken } from './vocabulary.ts'

/** Counts and moves for one target; keeps what it has computed for as long as it lives. */
export interface Solver {
  /** Number of accepted answers that use up exactly the numbers of an ascending state. */
  count(state: readonly number[]): number
  moves(state: readonly number[]): readonly Move[]
}

export function createSolver(target: number): Solver {
  const counts = new Map<number, number>()
  const moveLists = new Map<number, readonly Move[]>()

  const moves = (state: readonly number[]): readonly Move[] => {
    const key = keyOf(state)
    let list = moveLists.get(key)
    if (list === undefined) {
      list = movesFrom(state)
      moveLists.set(key, list)
    }
    return list
  }
  const count = (state: readonly number[]): number => {
    if (state.length === 1) return state[0] === target ? 1 : 0
    if (state.length === 2) return lastSteps(state[0], state[1], target)
    const key = keyOf(state)
    let total = counts.get(key)
    if (total === undefined) {
      total = 0
      // Not through `moves`: most states are dead ends, and their lists would only fill memory.
      for (const move of movesFrom(state)) total += count(move.rest)
      counts.set(key, total)
    }
    return total
  }
  return { count, moves }
}

/** How many ways of writing one step on {a, b} give the target. */
function lastSteps(a: number, b: number, target: number): number {
  let found = 0
  for (const operator of OPERATORS) {
    if (combine(a, operator, b) === target) found++
    if (a !== b && combine(b, operator, a) === target) found++
  }
  return found
}

/** A number that tells states apart (six values of at most 400 stay below 2^53). */
function keyOf(state: readonly number[]): number {
  let key = 0
  for (const value of state) key = key * (MAX_NUMBER + 1) + value
  return key
}

/** One accepted answer, uniformly among all of them, as a list of steps; empty when there is none. */
export function randomAnswer(solver: Solver, state: readonly number[], rng: Rng): Move[] {
  const steps: Move[] = []
  let total = solver.count(state)
  while (state.length > 1 && total > 0) {
    let ticket = rng.int(total)
    for (const move of solver.moves(state)) {
      const answers = solver.count(move.rest)
      if (ticket < answers) {
        steps.push(move)
        state = move.rest
        total = answers
        break
      }
      ticket -= answers
    }
  }
  return steps
}

/** The accepted answers of an ascending state as a trie (see AnswerTrie); empty arrays when there is none. */
export function buildTrie(solver: Solver, state: readonly number[]): AnswerTrie {
  const token: number[] = []
  const parent: number[] = []
  const terminal: number[] = []
  const add = (id: number, under: number, end: number): number => {
    token.push(id)
    parent.push(under)
    terminal.push(end)
    return token.length - 1
  }
  // Moves come grouped by x, then by operator, so a shared prefix is always the node made last.
  const grow = (from: readonly number[], under: number): void => {
    let x = 0
    let xNode = -1
    let operator = 0
    let operatorNode = -1
    for (const move of solver.moves(from)) {
      if (solver.count(move.rest) === 0) continue
      if (move.x !== x) {
        xNode = add(numberToken(move.x), under, 0)
        x = move.x
        operator = 0
      }
      if (move.operator !== operator) {
        operatorNode = add(move.operator, xNode, 0)
        operator = move.operator
      }
      const yNode = add(numberToken(move.y), operatorNode, 0)
      if (move.rest.length === 1) add(EOS, yNode, 1)
      else grow(move.rest, add(COMMA, yNode, 0))
    }
  }
  grow(state, -1)
  return {
    token: Int32Array.from(token),
    parent: Int32Array.from(parent),
    terminal: Uint8Array.from(terminal),
    strings: solver.count(state),
  }
}
