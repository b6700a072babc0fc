// Countdown problems from a seed. Every solvable pair of (numbers, target) of the split is equally likely to be the
// next one, and a request never repeats a problem. Splits differ in their numbers: a fixed seed gives each multiset of numbers to
// imitation, training, validation or the held-out problems, so that every one of these asks the same targets and none repeats another's
// numbers. In each block of ten targets (10..19, 20..29, ...) one more is asked by none of them: problems with these targets are a second
// held-out set, for what was never a target before.

import { createRng, deriveSeed, type Rng, type Seed } from '../../numeric/rng.ts'
import { TaskError, type Problem, type Split } from '../types.ts'
import { ascending, movesFrom } from './arithmetic.ts'
import type { CountdownData } from './grader.ts'
import { createSolver } from './solver.ts'
import { ARROW, BOS, MAX_NUMBER, numberOf, numberToken, THINK, tokensToText } from './vocabulary.ts'

export interface CountdownConfig {
  /** How many numbers a problem has; several counts are mixed evenly. Each 2..6. */
  readonly counts: readonly number[]
  readonly minNumber: number
  readonly maxNumber: number
  readonly minTarget: number
  readonly maxTarget: number
  /**
   * Most accepted answers that a problem may have, null for any number: the finer dial of difficulty. Imitation is taught on all problems,
   * whatever this says; what is reinforced and measured keeps to it.
   */
  readonly maxAnswers: number | null
  /** Decides which numbers and targets belong to which split; change it only together with every checkpoint trained on it. */
  readonly splitSeed: Seed
}

export const DEFAULT_COUNTDOWN: CountdownConfig = {
  counts: [3],
  minNumber: 1,
  maxNumber: 25,
  minTarget: 10,
  maxTarget: 99,
  maxAnswers: 4,
  splitSeed: 2503,
}

/** Percent of the multisets of numbers that each split asks with the targets that all of them share. */
const SHARES: readonly (readonly [Split, number])[] = [
  ['imitation', 50],
  ['train', 25],
  ['validation', 8],
  ['heldout', 17],
]

/** Draws in a row that may fail before a split is taken to be exhausted. */
const PATIENCE = 200_000

/** Throws TaskError('bad-options') when the ranges do not fit the vocabulary or each other. */
export function checkConfig(config: CountdownConfig): void {
  const wholes = [config.minNumber, config.maxNumber, config.minTarget, config.maxTarget, config.maxAnswers ?? 1, ...config.counts]
  const inOrder = (low: number, high: number): boolean => low >= 1 && low <= high && high <= MAX_NUMBER
  const fits =
    wholes.every((value) => Number.isInteger(value) && value >= 1) &&
    inOrder(config.minNumber, config.maxNumber) &&
    inOrder(config.minTarget, config.maxTarget) &&
    config.counts.length > 0 &&
    config.counts.every((count) => count >= 2 && count <= 6)
  if (!fits) {
    throw new TaskError(
      'bad-options',
      `Countdown needs counts of 2..6 numbers and ranges within 1..${MAX_NUMBER}, found ${JSON.stringify(config)}`,
    )
  }
}

/** True for the one target in each block of ten that only `heldout-targets` asks. */
export function isUnseenTarget(target: number, splitSeed: Seed): boolean {
  return target % 10 === createRng(deriveSeed(splitSeed, 'countdown-unseen-target', Math.floor(target / 10))).int(10)
}

/** The split that a problem belongs to, whatever the order of its numbers. */
export function splitOf({ numbers, target }: CountdownData, splitSeed: Seed): Split {
  if (isUnseenTarget(target, splitSeed)) return 'heldout-targets'
  let place = createRng(deriveSeed(splitSeed, 'countdown-numbers', ...ascending(numbers))).int(100)
  for (const [split, share] of SHARES) {
    if (place < share) return split
    place -= share
  }
  throw new RangeError('the shares of the splits do not add up to 100')
}

/** Ascending targets that a split asks. */
export function targetsOf(config: CountdownConfig, split: Split): number[] {
  const targets: number[] = []
  for (let t = config.minTarget; t <= config.maxTarget; t++)
    if (isUnseenTarget(t, config.splitSeed) === (split === 'heldout-targets')) targets.push(t)
  return targets
}

/** What a request has found out about numbers that were drawn. */
interface Known {
  /** For a target that this request asks. */
  readonly split: Split
  reached: ReadonlySet<number> | null
}

/** `count` different problems; a shorter request with the same seed is a prefix of a longer one. */
export function generateProblems(config: CountdownConfig, split: Split, count: number, seed: Seed): Problem<CountdownData>[] {
  const rng = createRng(deriveSeed(seed, 'countdown', split))
  const targets = targetsOf(config, split)
  const known = new Map<string, Known>()
  const knownOf = (sorted: readonly number[], data: CountdownData): Known => {
    const key = sorted.join()
    let found = known.get(key)
    if (found === undefined) {
      found = { split: splitOf(data, config.splitSeed), reached: null }
      known.set(key, found)
    }
    return found
  }
  /** Most draws fail, and few numbers come again and again: what three of them reach is found out once. */
  const reaches = (sorted: readonly number[], target: number, found: Known): boolean => {
    if (sorted.length > 3) return isReachable(sorted, target)
    found.reached ??= resultsOf(sorted)
    return found.reached.has(target)
  }
  const mostAnswers = split === 'imitation' ? null : config.maxAnswers
  const seen = new Set<string>()
  const problems: Problem<CountdownData>[] = []
  for (let failures = 0; problems.length < count; failures++) {
    if (targets.length === 0 || failures > PATIENCE) {
      throw new TaskError(
        'too-few-problems',
        `asked for ${count} different ${split} problems, found ${problems.length} (${targets.length} targets)`,
      )
    }
    const data = drawData(config, targets, rng)
    const sorted = ascending(data.numbers)
    const found = knownOf(sorted, data)
    if (found.split !== split || !reaches(sorted, data.target, found)) continue
    const id = problemId(data)
    if (seen.has(id) || (mostAnswers !== null && createSolver(data.target).count(sorted) > mostAnswers)) continue
    seen.add(id)
    problems.push(toProblem(data))
    failures = -1
  }
  return problems
}

function drawData(config: CountdownConfig, targets: readonly number[], rng: Rng): CountdownData {
  const length = config.counts.length === 1 ? config.counts[0] : rng.pick(config.counts)
  const numbers = Array.from({ length }, () => rng.between(config.minNumber, config.maxNumber))
  return { numbers, target: rng.pick(targets) }
}

/** True when some legal sequence of steps uses all numbers of an ascending state and ends on the target. */
export function isReachable(state: readonly number[], target: number): boolean {
  if (state.length === 1) return state[0] === target
  const tried = new Set<string>()
  return movesFrom(state).some((move) => {
    const key = move.rest.join()
    if (tried.has(key)) return false
    tried.add(key)
    return isReachable(move.rest, target)
  })
}

/** Everything that legal steps make of all numbers of an ascending state. */
export function resultsOf(state: readonly number[]): Set<number> {
  if (state.length === 1) return new Set(state)
  const results = new Set<number>()
  for (const { rest } of movesFrom(state)) for (const result of resultsOf(rest)) results.add(result)
  return results
}

/** Problems that differ only in the order of their numbers share an id. */
export function problemId(data: CountdownData): string {
  return `countdown:${ascending(data.numbers).join(',')}->${data.target}`
}

/** The problem record of given numbers and target; they need not be solvable. */
export function toProblem(data: CountdownData): Problem<CountdownData> {
  const promptTokens = [BOS, ...data.numbers.map(numberToken), ARROW, numberToken(data.target), THINK]
  return { id: problemId(data), promptTokens, promptText: tokensToText(promptTokens), data }
}

/** The inverse of `toProblem`, with or without the marks around the numbers; null for tokens that ask no problem. */
export function problemOfPrompt(promptTokens: ArrayLike<number>): Problem<CountdownData> | null {
  const asked = Array.from(promptTokens).filter((token) => token !== BOS && token !== THINK)
  const values = asked.filter((token) => token !== ARROW).map(numberOf)
  if (asked.indexOf(ARROW) !== asked.length - 2 || values.length < 3 || values.includes(0)) return null
  return toProblem({ numbers: values.slice(0, -1), target: values.at(-1)! })
}
