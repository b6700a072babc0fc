// Countdown problems from a seed. Every solvable pair of (numbers, target) of the split is equally likely to be the
// next one, and a request never repeats a problem. Train, validation and held-out problems differ in their targets:
// in each block of ten targets (10..19, 20..29, ...) a fixed seed picks one for validation and one to be held out, so
// the shares are exactly a tenth each, spread over the range, and the same for every number count and target range.

import { createRng, deriveSeed, type Rng, type Seed } from '../../numeric/rng.ts'
import { TaskError, type Problem, type Split } from '../types.ts'
import { ascending, movesFrom } from './arithmetic.ts'
import type { CountdownData } from './grader.ts'
import { ARROW, BOS, MAX_NUMBER, numberOf, numberToken, THINK, tokensToText } from './vocabulary.ts'

export interface CountdownConfig {
  /** How many numbers a problem has; several counts are mixed evenly. Each 2..6. */
  readonly counts: readonly number[]
  readonly minNumber: number
  readonly maxNumber: number
  readonly minTarget: number
  readonly maxTarget: number
  /** Decides which targets belong to which split; change it only together with every checkpoint trained on it. */
  readonly splitSeed: Seed
}

export const DEFAULT_COUNTDOWN: CountdownConfig = {
  counts: [3], minNumber: 1, maxNumber: 20, minTarget: 10, maxTarget: 99, splitSeed: 2503,
}

/** Draws in a row that may fail before a split is taken to be exhausted. */
const PATIENCE = 20_000

/** Throws TaskError('bad-options') when the ranges do not fit the vocabulary or each other. */
export function checkConfig(config: CountdownConfig): void {
  const wholes = [config.minNumber, config.maxNumber, config.minTarget, config.maxTarget, ...config.counts]
  const inOrder = (low: number, high: number): boolean => low >= 1 && low <= high && high <= MAX_NUMBER
  const fits = wholes.every(Number.isInteger)
    && inOrder(config.minNumber, config.maxNumber) && inOrder(config.minTarget, config.maxTarget)
    && config.counts.length > 0 && config.counts.every((count) => count >= 2 && count <= 6)
  if (!fits) {
    throw new TaskError('bad-options', `Countdown needs counts of 2..6 numbers and ranges within 1..${MAX_NUMBER}, found ${JSON.stringify(config)}`)
  }
}

/** The split a target belongs to. */
export function splitOf(target: number, splitSeed: Seed): Split {
  const block = Math.floor(target / 10)
  const digits = createRng(deriveSeed(splitSeed, 'countdown-split', block)).shuffle([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  if (target % 10 === digits[0]) return 'validation'
  return target % 10 === digits[1] ? 'heldout' : 'train'
}

/** Ascending targets of a split. */
export function targetsOf(config: CountdownConfig, split: Split): number[] {
  const targets: number[] = []
  for (let t = config.minTarget; t <= config.maxTarget; t++) if (splitOf(t, config.splitSeed) === split) targets.push(t)
  return targets
}

/** `count` different problems; a shorter request with the same seed is a prefix of a longer one. */
export function generateProblems(config: CountdownConfig, split: Split, count: number, seed: Seed): Problem<CountdownData>[] {
  const rng = createRng(deriveSeed(seed, 'countdown', split))
  const targets = targetsOf(config, split)
  const seen = new Set<string>()
  const problems: Problem<CountdownData>[] = []
  for (let failures = 0; problems.length < count; failures++) {
    if (targets.length === 0 || failures > PATIENCE) {
      throw new TaskError('too-few-problems', `asked for ${count} different ${split} problems, found ${problems.length} (${targets.length} targets)`)
    }
    const data = drawData(config, targets, rng)
    const id = problemId(data)
    if (seen.has(id) || !isReachable(ascending(data.numbers), data.target)) continue
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
