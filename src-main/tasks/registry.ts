// The one list of problem sets. To add a procedural one, write its file and add its line here; the command line, the forms, the check of a
// specification and the records of a run take it from this table.

import { arithmetic } from './arithmetic.ts'
import { baseConversion } from './baseConversion.ts'
import { calendarArithmetic } from './calendarArithmetic.ts'
import { COUNTDOWN_LEVELS, countdownInWords } from './countdown.ts'
import { returnsInWords } from './countdownReturns.ts'
import { VOCABULARY_SIZE } from './countdown/vocabulary.ts'
import { datasetTask, type DatasetRows } from './dataset.ts'
import { gcd } from './gcd.ts'
import { knightsKnaves } from './knightsKnaves.ts'
import { lcm } from './lcm.ts'
import { letterCounting } from './letterCounting.ts'
import { miniSudoku } from './miniSudoku.ts'
import { modularEquations } from './modularEquations.ts'
import { numberSequence } from './numberSequence.ts'
import { proceduralTask, type Procedure } from './procedural.ts'
import { products } from './products.ts'
import { shortestPath } from './shortestPath.ts'
import { simpleEquations } from './simpleEquations.ts'
import type { Task, TaskLevel } from './types.ts'
import { wordSorting } from './wordSorting.ts'

interface ChoiceOption {
  readonly kind: 'choice'
  readonly default: string
  /** Choice to its meaning. */
  readonly choices: Readonly<Record<string, string>>
  readonly unit: string
  readonly reason: string
}

interface NumberOption {
  readonly kind: 'number'
  readonly default: number
  readonly min: number
  readonly max: number
  readonly integer: true
  readonly unit: string
  readonly reason: string
}

export type TaskOptions = Readonly<Record<string, ChoiceOption | NumberOption>>

/** What tasks may ask the workspace for. */
export interface TaskData {
  /** An imported set; throws what its caller wants told where there is none. */
  readonly dataset: (id: number) => DatasetRows
}

export interface TaskKind {
  readonly title: string
  readonly about: string
  /** The dial, the easiest first; empty where there is none. Its ids are the choices of the option "level". */
  readonly levels: readonly TaskLevel[]
  readonly options: TaskOptions
  /** Throws TaskError. */
  readonly create: (options: Readonly<Record<string, string | number | boolean>>, data: TaskData) => Task
}

const dial = (levels: readonly TaskLevel[], otherwise: string): TaskOptions => ({
  level: {
    kind: 'choice',
    default: otherwise,
    choices: Object.fromEntries(levels.map(({ id, label }) => [id, label])),
    unit: '',
    reason:
      'How hard the problems are. Choose it so that the start is right on about half of them: groups that are all right or all wrong teach nothing.',
  },
})

const procedural = <Data>(procedure: Procedure<Data>, title: string, about: string, level: string): TaskKind => ({
  title,
  about,
  levels: procedure.levels,
  options: dial(procedure.levels, level),
  create: (options) => proceduralTask(procedure, String(options.level)) as Task,
})

export const tasks: Readonly<Record<string, TaskKind>> = {
  countdown: {
    title: 'Countdown',
    about: 'Make a target of given numbers, each used once.',
    levels: COUNTDOWN_LEVELS.map(({ id, label }) => ({ id, label })),
    options: dial(COUNTDOWN_LEVELS, '3'),
    create: (options) => countdownInWords(String(options.level)) as Task,
  },
  'countdown-returns': {
    title: 'Countdown with returns',
    about: 'Countdown as a search that says to which line it goes back; for models of its notation.',
    levels: COUNTDOWN_LEVELS.map(({ id, label }) => ({ id, label })),
    options: {
      ...dial(COUNTDOWN_LEVELS, '3'),
      pairs: {
        kind: 'choice',
        default: 'shared',
        choices: {
          shared: 'a failing and a right path with a shared prefix, the longest from which the target could still be reached',
          beginning: 'two paths that share nothing: it always goes back to the first line',
        },
        unit: '',
        reason: 'What the teacher of a warm start shows; problems and grades do not depend on it.',
      },
    },
    create: ({ level, pairs }) => returnsInWords(String(level), pairs === 'beginning' ? 'beginning' : 'shared') as Task,
  },
  arithmetic: procedural(arithmetic, 'Arithmetic chains', 'A few operations one after the other; what is the result?', '3'),
  products: procedural(products, 'Multiplication with checking', 'The product of two numbers, with a check of the result.', '2x1'),
  'simple-equations': procedural(simpleEquations, 'Simple equations', 'The one number that solves a linear equation.', 'one-step'),
  'modular-equations': procedural(
    modularEquations,
    'Equations of remainders',
    'The number whose multiple leaves a given remainder after division by a prime.',
    '7',
  ),
  gcd: procedural(gcd, 'Greatest common divisor', 'The largest number that divides two or three others.', '100'),
  lcm: procedural(lcm, 'Least common multiple', 'The smallest number that two or three others divide.', '30'),
  'base-conversion': procedural(baseConversion, 'Base conversion', 'A number of one base written in another.', '63'),
  'number-sequence': procedural(numberSequence, 'Number sequences', 'The next number of a sequence that follows a rule.', 'step'),
  'letter-counting': procedural(letterCounting, 'Letter counting', 'How often a letter occurs in some words.', '1'),
  'word-sorting': procedural(wordSorting, 'Word sorting', 'Words in alphabetical order.', '3'),
  'calendar-arithmetic': procedural(calendarArithmetic, 'Calendar arithmetic', 'Weekdays and dates some days on or back.', 'week'),
  'shortest-path': procedural(shortestPath, 'Shortest path', 'The shortest route between two towns on a map of roads.', '4'),
  'knights-knaves': procedural(knightsKnaves, 'Knights and knaves', 'Who tells the truth, where some always do and the others never.', '2'),
  'mini-sudoku': procedural(miniSudoku, 'Mini Sudoku', 'A Sudoku of 4 x 4 or 6 x 6 cells, answered as its rows.', '4x4-3'),
  dataset: {
    title: 'An imported dataset',
    about: 'Problems from files, asked as they stand and graded as the dataset says.',
    levels: [],
    options: {
      dataset: {
        kind: 'number',
        default: 0,
        min: 0,
        max: Number.MAX_SAFE_INTEGER,
        integer: true,
        unit: 'id',
        reason: 'Which imported dataset; `mrt datasets` and the Datasets page list them.',
      },
    },
    create: ({ dataset }, data) => datasetTask(data.dataset(Number(dataset))) as Task,
  },
}

export const taskNames: readonly string[] = Object.keys(tasks)

/** Vocabularies of tasks that bring their own notation, by the name of the task. */
export const notations: Readonly<Record<string, { readonly vocabularySize: number }>> = {
  countdown: { vocabularySize: VOCABULARY_SIZE },
  'countdown-returns': { vocabularySize: VOCABULARY_SIZE },
}

/** The task whose notation has a vocabulary of this size; null for any other. */
export const notationOfSize = (size: number): string | null =>
  Object.entries(notations).find(([, { vocabularySize }]) => vocabularySize === size)?.[0] ?? null
