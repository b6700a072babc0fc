// Countdown: combine all given numbers with + - * / to reach a target. The workbench's home problem set: procedural,
// graded exactly, small enough for tiny models, and with every right answer listed, so that the chance of success
// after a forced stop is a sum and not an estimate. After Gandhi et al., "Stream of Search" (2024), with a strict grader.
// The parts are in countdown/: vocabulary, rules of a step, generator, grader, solver, teacher, reading of traces.

import { ascending } from './countdown/arithmetic.ts'
import { checkConfig, DEFAULT_COUNTDOWN, generateProblems, problemOfPrompt, type CountdownConfig } from './countdown/generator.ts'
import { gradeCompletion, type CountdownData } from './countdown/grader.ts'
import { buildTrie, createSolver, type Solver } from './countdown/solver.ts'
import { demonstrate, DEFAULT_TEACHER, type TeacherOptions } from './countdown/teacher.ts'
import {
  BOS, END_THINK, EOS, PAD, textToTokens, THINK, tokensToText, VOCABULARY_SIZE, WAIT,
} from './countdown/vocabulary.ts'
import { TaskError, type Task, type TaskFormat, type TaskLevel } from './types.ts'

export const COUNTDOWN_FORMAT: TaskFormat = {
  vocabularySize: VOCABULARY_SIZE,
  pad: PAD, bos: BOS, eos: EOS, thinkOpen: THINK, thinkClose: END_THINK, episodeOpener: WAIT,
  terminationSuffix: [END_THINK],
  toText: tokensToText,
  toTokens: textToTokens,
}

interface Level extends TaskLevel {
  readonly counts: readonly number[]
  readonly maxAnswers: number | null
}

/** The difficulty dial: how many numbers a problem has, and for 3 numbers how many answers. */
export const COUNTDOWN_LEVELS: readonly Level[] = [
  { id: '3-easy', label: '3 numbers, any number of answers', counts: [3], maxAnswers: null },
  { id: '3', label: '3 numbers, at most 4 answers', counts: [3], maxAnswers: DEFAULT_COUNTDOWN.maxAnswers },
  { id: '3-4', label: '3 and 4 numbers, evenly mixed', counts: [3, 4], maxAnswers: null },
  { id: '4', label: '4 numbers', counts: [4], maxAnswers: null },
  { id: '4-5', label: '4 and 5 numbers, evenly mixed', counts: [4, 5], maxAnswers: null },
  { id: '5', label: '5 numbers', counts: [5], maxAnswers: null },
]

/** Solvers kept for problems seen lately: a problem is graded, scored and demonstrated many times in a row. */
const SOLVERS_KEPT = 64

/** The Countdown task. `config` overrides the default ranges (other counts than the default come with any number of answers); throws TaskError('bad-options') when they cannot work. */
export function createCountdown(
  config: Partial<CountdownConfig> = {}, teacher: Partial<TeacherOptions> = {},
): Task<CountdownData> {
  const settings: CountdownConfig = { ...DEFAULT_COUNTDOWN, ...(config.counts && { maxAnswers: null }), ...config }
  const teaching: TeacherOptions = { ...DEFAULT_TEACHER, ...teacher }
  checkConfig(settings)

  const solvers = new Map<string, Solver>()
  const solverOf = (id: string, target: number): Solver => {
    const known = solvers.get(id) ?? createSolver(target)
    solvers.delete(id)
    solvers.set(id, known)
    if (solvers.size > SOLVERS_KEPT) solvers.delete(solvers.keys().next().value!)
    return known
  }

  return {
    name: 'countdown',
    format: COUNTDOWN_FORMAT,
    level: COUNTDOWN_LEVELS.find(({ counts, maxAnswers }) => counts.join() === settings.counts.join() && maxAnswers === settings.maxAnswers)?.id ?? settings.counts.join('-'),
    settings: { ...settings, splits: 'by numbers' },
    levels: COUNTDOWN_LEVELS,
    atLevel: (id) => {
      const level = COUNTDOWN_LEVELS.find((candidate) => candidate.id === id)
      if (level === undefined) {
        throw new TaskError('unknown-level', `Countdown has levels ${COUNTDOWN_LEVELS.map((l) => l.id).join(', ')}, found "${id}"`)
      }
      return createCountdown({ ...settings, counts: level.counts, maxAnswers: level.maxAnswers }, teaching)
    },
    problems: (split, count, seed) => generateProblems(settings, split, count, seed),
    problemOf: problemOfPrompt,
    grade: (problem, completion) => gradeCompletion(problem.data, completion),
    answerTrie: ({ id, data }) => buildTrie(solverOf(id, data.target), ascending(data.numbers)),
    teacherTrace: ({ id, data }, rng) => demonstrate(data, solverOf(id, data.target), rng, teaching),
    cluster: ({ data: { target } }) => `target ${target}`,
    difficulty: ({ id, data }) => {
      const solver = solverOf(id, data.target)
      const moves = solver.moves(ascending(data.numbers))
      return 1 - moves.filter((move) => solver.count(move.rest) > 0).length / moves.length
    },
  }
}
