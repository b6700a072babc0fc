// Countdown: combine all given numbers with + - * / to reach a target. The workbench's home problem set: procedural,
// graded exactly, small enough for tiny models, and with every right answer listed, so that the chance of success
// after a forced stop is a sum and not an estimate. After Gandhi et al., "Stream of Search" (2024), with a strict grader.
// Asked in words it wants an expression; in its notation, which the starter model speaks, steps with one token a word.
// The parts are in countdown/: vocabulary, rules of a step, generator, grader, solver, teacher, reading of traces, expressions.

import { ascending } from './countdown/arithmetic.ts'
import { segmentTokens } from '../episodes/segmentTokens.ts'
import { expressionsOf, gradeExpression, searchInWords } from './countdown/expressions.ts'
import { checkConfig, DEFAULT_COUNTDOWN, generateProblems, problemOfPrompt, type CountdownConfig } from './countdown/generator.ts'
import { gradeCompletion, type CountdownData } from './countdown/grader.ts'
import { buildTrie, createSolver, type Solver } from './countdown/solver.ts'
import { demonstrate, DEFAULT_TEACHER, type TeacherOptions } from './countdown/teacher.ts'
import { END_THINK, EOS, textToTokens, tokensToText, VOCABULARY_SIZE, WAIT } from './countdown/vocabulary.ts'
import { TaskError, type SpokenTask, type Task, type TaskFormat, type TaskLevel } from './types.ts'

const MARKERS = { openers: [WAIT], closers: [[END_THINK]], stops: [EOS] }

export const COUNTDOWN_FORMAT: TaskFormat = {
  vocabularySize: VOCABULARY_SIZE,
  stopTokens: [EOS],
  answerStops: [],
  forcedStops: [],
  closers: [[END_THINK]],
  terminationSuffix: [END_THINK],
  extendTokens: [WAIT],
  read: (completion) => segmentTokens(completion, MARKERS),
  toText: tokensToText,
  // Tokens are words apart by single spaces.
  textEnds: (tokens) => {
    let at = -1
    return Array.from(tokens, (token) => (at += 1 + tokensToText([token]).length))
  },
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

const settingsOf = (config: Partial<CountdownConfig>): CountdownConfig => ({
  ...DEFAULT_COUNTDOWN,
  ...(config.counts && { maxAnswers: null }),
  ...config,
})

const levelOf = (settings: CountdownConfig): string =>
  COUNTDOWN_LEVELS.find(({ counts, maxAnswers }) => counts.join() === settings.counts.join() && maxAnswers === settings.maxAnswers)?.id ??
  settings.counts.join('-')

/** The ranges of a level. Throws TaskError('unknown-level'). */
export function countdownLevel(id: string): Pick<CountdownConfig, 'counts' | 'maxAnswers'> {
  const level = COUNTDOWN_LEVELS.find((candidate) => candidate.id === id)
  if (level === undefined)
    throw new TaskError('unknown-level', `Countdown has levels ${COUNTDOWN_LEVELS.map((l) => l.id).join(', ')}, found "${id}"`)
  return { counts: level.counts, maxAnswers: level.maxAnswers }
}

/** The Countdown task in words, at a level of its dial. */
export function countdownInWords(level: string): Task<CountdownData> {
  const spoken = createCountdown(countdownLevel(level))
  return {
    name: spoken.name,
    level: spoken.level,
    settings: spoken.settings,
    levels: spoken.levels,
    sameAnswer: spoken.sameAnswer,
    problems: (split, count, seed) => spoken.problems(split, count, seed),
    size: () => null,
    question: ({ data: { numbers, target } }) =>
      `Use the numbers ${numbers.join(', ')}, each exactly once, with +, -, * and / to make ${target}. Every result on the way must be a whole number from 1 to 400.`,
    answerForm: 'one expression, such as (8 + 2) * 3',
    grade: ({ data }, answer) => gradeExpression(data, answer),
    answers: ({ data }) => expressionsOf(data),
    teacher: ({ data }, rng) => searchInWords(data, rng),
    cluster: (problem) => spoken.cluster(problem),
    difficulty: (problem) => spoken.difficulty(problem),
    notation: () => spoken,
  }
}

/** Solvers kept for problems seen lately: a problem is graded, scored and demonstrated many times in a row. */
const SOLVERS_KEPT = 64

/** The Countdown task in its notation. `config` overrides the default ranges (other counts than the default come with any number of answers); throws TaskError('bad-options') when they cannot work. */
export function createCountdown(config: Partial<CountdownConfig> = {}, teacher: Partial<TeacherOptions> = {}): SpokenTask<CountdownData> {
  const settings = settingsOf(config)
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
    level: levelOf(settings),
    settings: { ...settings, splits: 'by numbers' },
    levels: COUNTDOWN_LEVELS,
    // Another order of the same numbers is another answer: a search that finds two ways has two.
    sameAnswer: (a, b) => a.replaceAll(' ', '') === b.replaceAll(' ', ''),
    size: () => null,
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
