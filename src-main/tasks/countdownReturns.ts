// Countdown as a search that says where it goes back to: the backtracking parameterisation of MRT (Qu et al., arXiv 2503.07572, section 5 and figure 13). In the notation of
// Countdown, without a word more: the lines of an attempt are its steps, numbered from 1; after a verdict, `-> k` goes back to line k, keeps the lines before it and writes it and those after
// it anew. Episodes begin at such returns. Problems, answers, grader and splits are those of Countdown. In words it is asked and taught as Countdown is, without returns.

import { segmentTokens } from '../episodes/segmentTokens.ts'
import { COUNTDOWN_FORMAT, countdownInWords, countdownLevel, createCountdown } from './countdown.ts'
import type { CountdownData } from './countdown/grader.ts'
import { demonstrateReturns, type Pairs } from './countdown/returnsTeacher.ts'
import { createSolver } from './countdown/solver.ts'
import { ARROW, END_THINK, EOS } from './countdown/vocabulary.ts'
import type { SpokenTask, Task, TaskFormat } from './types.ts'

const NAME = 'countdown-returns'
const MARKERS = { openers: [ARROW], closers: [[END_THINK]], stops: [EOS] }

export const RETURNS_FORMAT: TaskFormat = {
  ...COUNTDOWN_FORMAT,
  // Thinking that is kept going has to say itself where it goes back to.
  extendTokens: [ARROW],
  read: (completion) => segmentTokens(completion, MARKERS),
}

/** @param pairs of the teacher's failing and right paths. Throws TaskError('unknown-level'). */
export function createReturns(level: string, pairs: Pairs): SpokenTask<CountdownData> {
  const countdown = createCountdown(countdownLevel(level))
  return {
    ...countdown,
    name: NAME,
    format: RETURNS_FORMAT,
    settings: { ...countdown.settings, thoughts: 'returns' },
    teacherTrace: ({ data }, rng) => demonstrateReturns(data, createSolver(data.target), rng, pairs),
  }
}

export function returnsInWords(level: string, pairs: Pairs): Task<CountdownData> {
  const notation = createReturns(level, pairs)
  return { ...countdownInWords(level), name: NAME, settings: notation.settings, notation: () => notation }
}
