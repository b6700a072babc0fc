// Demonstrations that search honestly and waste on purpose, for the imitation phase before reinforcement learning.
// The teacher tries first steps in random order, completes each attempt towards the target when it can and to a near
// miss when it cannot, repeats some failures, re-checks some successes, and is sometimes told to stop at a random
// boundary (the empty think block included) and answer correctly all the same. The last habit keeps forced
// termination within the distribution of the model, without which the chance of success after a forced stop would
// measure how familiar the format is. A verdict (`yes`, `no`) is always true.

import type { Rng } from '../../numeric/rng.ts'
import type { TeacherTrace } from '../types.ts'
import { ascending, type Move } from './arithmetic.ts'
import type { CountdownData } from './grader.ts'
import { randomAnswer, type Solver } from './solver.ts'
import { COMMA, END_THINK, EOS, EQUALS, NO, numberToken, WAIT, YES } from './vocabulary.ts'

export interface TeacherOptions {
  /** Hard cap on the tokens of the think block, `</think>` not counted; null = 40 per number of the problem. */
  readonly maxThinkingTokens: number | null
  /** Chance that the trace is stopped before its own end. */
  readonly stopEarly: number
  /** Chance that such a stop falls on any token, in the middle of an attempt too, instead of a uniformly drawn boundary. */
  readonly stopAnywhere: number
  /** Chance that the trace does not end by itself but thinks on, success or not, to a uniformly drawn length. */
  readonly persist: number
  /** The longest such thinking, in tokens; may lie beyond `maxThinkingTokens`. */
  readonly persistTokens: number
  /** Chance that such long thinking ends on any token of its last attempt instead of after it. */
  readonly cutPersisted: number
  /** Chance that the tokens which only a stop or a command to think on explains are marked as somebody else's: what follows them is learnt, they are not. */
  readonly muteForced: number
  /** Chance that, after a failed attempt, an earlier failed attempt is made again. */
  readonly repeatFailure: number
  /** Chance of one more needless check after each success. */
  readonly recheck: number
  /** Chance that a last step that cannot hit the target is the nearest miss rather than any legal step. */
  readonly nearMiss: number
  /** Chance that a step between first and last keeps the target reachable where possible (4 or more numbers). */
  readonly insight: number
}

export const DEFAULT_TEACHER: TeacherOptions = {
  maxThinkingTokens: null,
  stopEarly: 0.3,
  stopAnywhere: 0,
  persist: 0,
  persistTokens: 400,
  cutPersisted: 0,
  muteForced: 0,
  repeatFailure: 0.1,
  recheck: 0.3,
  nearMiss: 0.7,
  insight: 0.8,
}

const TOKENS_PER_NUMBER = 40

interface Attempt {
  readonly steps: readonly Move[]
  readonly solved: boolean
}

/** One demonstration for a solvable problem. `solver` must have been made for its target. */
export function demonstrate(data: CountdownData, solver: Solver, rng: Rng, options: TeacherOptions = DEFAULT_TEACHER): TeacherTrace {
  const state = ascending(data.numbers)
  const budget = options.maxThinkingTokens ?? TOKENS_PER_NUMBER * data.numbers.length
  const persists = options.persist > 0 && rng.chance(options.persist)
  const tokens = persists ? rng.between(Math.min(budget, options.persistTokens), options.persistTokens) : budget
  // An attempt has n-1 steps of 5 tokens, n-2 commas and a verdict; every attempt but the first opens with `Wait`.
  const room = Math.floor((tokens + 1) / (6 * (data.numbers.length - 1) + 1))
  const { attempts, finished } = search(state, data.target, solver, rng, persists ? { ...options, recheck: 1 } : options, room)

  const stopped = !persists && rng.chance(options.stopEarly)
  const midway = stopped && options.stopAnywhere > 0 && rng.chance(options.stopAnywhere)
  const cutLast = persists && options.cutPersisted > 0 && rng.chance(options.cutPersisted)
  const kept = stopped && !midway ? attempts.slice(0, rng.int(attempts.length + 1)) : attempts

  const completion: number[] = []
  const ends: number[] = []
  const forced: number[] = []
  for (const [i, attempt] of kept.entries()) {
    if (persists && i > 0 && kept[i - 1].solved) forced.push(completion.length)
    if (i > 0) completion.push(WAIT)
    writeSteps(completion, attempt.steps, true)
    completion.push(attempt.solved ? YES : NO)
    ends.push(completion.length)
  }
  const length = midway ? rng.int(completion.length + 1) : cutLast ? rng.between(ends.at(-2) ?? 0, completion.length) : completion.length
  completion.length = length
  const boundaries = [0, ...ends.filter((offset) => offset < length), ...(length > 0 ? [length] : [])]

  const success = kept.find((attempt, i) => attempt.solved && ends[i] <= length)
  const answer = success === undefined ? randomAnswer(solver, state, rng) : success.steps
  completion.push(END_THINK)
  writeSteps(completion, answer, false)
  completion.push(EOS)
  const end = stopped ? 'stopped' : finished ? 'finished' : 'capped'
  const muted = options.muteForced > 0 && rng.chance(options.muteForced)
  const imposed = [...forced.filter((offset) => offset < length), ...(stopped || persists ? [length] : [])]
  return { completion, boundaries, solvedInThinking: success !== undefined, end, forced: muted ? imposed : [] }
}

/** The attempts of an unhurried trace, at most `room` of them; `finished` when it ended by its own decision. */
function search(
  state: readonly number[],
  target: number,
  solver: Solver,
  rng: Rng,
  options: TeacherOptions,
  room: number,
): { attempts: Attempt[]; finished: boolean } {
  const attempts: Attempt[] = []
  let untried: Move[] = []
  let solved = false
  while (attempts.length < room && !solved) {
    if (attempts.length > 0 && rng.chance(options.repeatFailure)) {
      attempts.push(rng.pick(attempts))
      continue
    }
    if (untried.length === 0) untried = rng.shuffle(solver.moves(state))
    const attempt = complete(untried.pop()!, target, solver, rng, options)
    attempts.push(attempt)
    solved = attempt.solved
  }
  if (!solved) return { attempts, finished: false }
  while (rng.chance(options.recheck)) {
    if (attempts.length === room) return { attempts, finished: false }
    attempts.push(attempts[attempts.length - 1])
  }
  return { attempts, finished: true }
}

/** Continues a first step until one number is left. */
function complete(first: Move, target: number, solver: Solver, rng: Rng, options: TeacherOptions): Attempt {
  const steps = [first]
  let state = first.rest
  while (state.length > 1) {
    const moves = solver.moves(state)
    const hopeful = moves.filter((move) => solver.count(move.rest) > 0)
    const last = state.length === 2
    const aims = hopeful.length > 0 && (last || rng.chance(options.insight))
    const step = aims ? rng.pick(hopeful) : last && rng.chance(options.nearMiss) ? nearest(moves, target, rng) : rng.pick(moves)
    steps.push(step)
    state = step.rest
  }
  return { steps, solved: state[0] === target }
}

/** A step whose result is closest to the target, ties at random. */
export function nearest(moves: readonly Move[], target: number, rng: Rng): Move {
  const distance = (move: Move): number => Math.abs(move.result - target)
  const best = Math.min(...moves.map(distance))
  return rng.pick(moves.filter((move) => distance(move) === best))
}

export function writeSteps(into: number[], steps: readonly Move[], withResults: boolean): void {
  for (const [i, step] of steps.entries()) {
    if (i > 0) into.push(COMMA)
    into.push(numberToken(step.x), step.operator, numberToken(step.y))
    if (withResults) into.push(EQUALS, numberToken(step.result))
  }
}
