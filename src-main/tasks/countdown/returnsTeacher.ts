// Demonstrations of a search that says where it goes back to: an attempt, its verdict, the number of the line at which it went wrong, and from
// there on the lines anew. Two attempts in a row are a pair of the warm start of MRT on backtracking search (Qu et al., arXiv 2503.07572, figures 13 to 15): a
// failing path and a better one that share a prefix, the longest from which the target could still be reached, so that the line to go back to can be
// learned; as a baseline they share nothing and always go back to the first line, as in self-correction from turn to turn (RISE, arXiv 2407.18219). The search itself is
// honest: a line is tried with steps in random order, none twice, so that finding an answer takes as many attempts as it takes somebody who does not know it. Only
// what follows a first failure is learned: the model keeps its own first attempts. A verdict is always true. Like the teacher of plain attempts it is sometimes
// stopped at a random boundary, so that J after a stop measures the search and not how strange the stop is.

import type { Rng } from '../../numeric/rng.ts'
import type { TeacherTrace } from '../types.ts'
import { ascending, type Move } from './arithmetic.ts'
import type { CountdownData } from './grader.ts'
import { randomAnswer, type Solver } from './solver.ts'
import { nearest, writeSteps } from './teacher.ts'
import { ARROW, END_THINK, EOS, NO, numberToken, YES } from './vocabulary.ts'

/** Where a failing path and the next part: after the longest prefix that could still be completed, or at the very beginning. */
export type Pairs = 'shared' | 'beginning'

/** Chance that a step behind the one that was tried keeps the target in reach where it can; a last step that does not misses it. */
const INSIGHT = 0.8
/** Chance that a last step that misses is the nearest miss rather than any legal step. */
const NEAR_MISS = 0.7
/** Chance that the trace is stopped at a boundary. */
const STOP_EARLY = 0.3
/** Most tokens of thinking for each number of the problem. */
const TOKENS_PER_NUMBER = 40

/** One demonstration for a solvable problem. `solver` must have been made for its target. */
export function demonstrateReturns(data: CountdownData, solver: Solver, rng: Rng, pairs: Pairs): TeacherTrace {
  const state = ascending(data.numbers)
  const room = TOKENS_PER_NUMBER * data.numbers.length
  /** Steps not tried yet, by the lines before them. */
  const untried = new Map<string, Move[]>()
  const attempt = (prefix: readonly Move[]): Move[] => {
    const before = prefix.at(-1)?.rest ?? state
    const key = prefix.map(({ x, operator, y }) => `${x} ${operator} ${y}`).join()
    const left = untried.get(key) ?? []
    if (left.length === 0) left.push(...rng.shuffle(solver.moves(before)))
    untried.set(key, left)
    const path = [...prefix, left.pop()!]
    for (let here = path.at(-1)!.rest; here.length > 1; here = path.at(-1)!.rest) path.push(stepFrom(here, data.target, solver, rng))
    return path
  }
  const solves = (path: readonly Move[]): boolean => path.at(-1)!.rest[0] === data.target

  const completion: number[] = []
  const ends: number[] = []
  const write = (lines: readonly Move[], solved: boolean): void => {
    writeSteps(completion, lines, true)
    completion.push(solved ? YES : NO)
    ends.push(completion.length)
  }
  let path = attempt([])
  write(path, solves(path))
  const learnedFrom = solves(path) ? 0 : completion.length
  while (!solves(path)) {
    const line = pairs === 'shared' ? lostAt(path, solver) : 0
    // A return takes two tokens, a line five, and a comma or the verdict behind each.
    if (completion.length + 2 + 6 * (path.length - line) > room) break
    path = attempt(path.slice(0, line))
    completion.push(ARROW, numberToken(line + 1))
    write(path.slice(line), solves(path))
  }

  const stopped = rng.chance(STOP_EARLY)
  const kept = stopped ? rng.int(ends.length + 1) : ends.length
  const solved = solves(path) && kept === ends.length
  const length = kept === 0 ? 0 : ends[kept - 1]
  completion.length = length
  completion.push(END_THINK)
  writeSteps(completion, solved ? path : randomAnswer(solver, state, rng), false)
  completion.push(EOS)
  return {
    completion,
    boundaries: [0, ...ends.slice(0, kept)],
    solvedInThinking: solved,
    end: stopped ? 'stopped' : solved ? 'finished' : 'capped',
    forced: [...Array.from({ length: Math.min(learnedFrom, length) }, (_, offset) => offset), ...(solved ? [] : [length])],
  }
}

/** The first line after which the target is out of reach; lines are counted from 0. */
function lostAt(path: readonly Move[], solver: Solver): number {
  return path.findIndex(({ rest }) => solver.count(rest) === 0)
}

function stepFrom(here: readonly number[], target: number, solver: Solver, rng: Rng): Move {
  const moves = solver.moves(here)
  const hopeful = moves.filter(({ rest }) => solver.count(rest) > 0)
  if (hopeful.length > 0 && rng.chance(INSIGHT)) return rng.pick(hopeful)
  const others = moves.filter(({ rest }) => solver.count(rest) === 0)
  const open = others.length > 0 ? others : moves
  return here.length === 2 && rng.chance(NEAR_MISS) ? nearest(open, target, rng) : rng.pick(open)
}
