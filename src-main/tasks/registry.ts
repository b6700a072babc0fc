// The one list of problem sets. To add a procedural one, write its file and add its line here; the command line, the forms, the check of a
// specification and the records of a run take it from this table.

import { arithmetic } from './arithmetic.ts'
import { COUNTDOWN_LEVELS, countdownInWords } from './countdown.ts'
import { VOCABULARY_SIZE } from './countdown/vocabulary.ts'
import { datasetTask, type DatasetRows } from './dataset.ts'
import { proceduralTask, type Procedure } from './procedural.ts'
import type { Task, TaskLevel } from './types.ts'

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
  readonly options: TaskOptions
  /** Throws TaskError. */
  readonly create: (options: Readonly<Record<string, string | number | boolean>>, data: TaskData) => Task
}

const dial = (levels: readonly TaskLevel[], otherwise: string): TaskOptions => ({
  level: {
    kind: 'choice', default: otherwise, choices: Object.fromEntries(levels.map(({ id, label }) => [id, label])), unit: '',
    reason: 'How hard the problems are. Choose it so that the start is right on about half of them: groups that are all right or all wrong teach nothing.',
  },
})

const procedural = <Data>(procedure: Procedure<Data>, title: string, about: string, level: string): TaskKind => ({
  title, about, options: dial(procedure.levels, level),
  create: (options) => proceduralTask(procedure, String(options.level)) as Task,
})

export const tasks: Readonly<Record<string, TaskKind>> = {
  countdown: {
    title: 'Countdown', about: 'Make a target of given numbers, each used once.', options: dial(COUNTDOWN_LEVELS, '3'),
    create: (options) => countdownInWords(String(options.level)) as Task,
  },
  arithmetic: procedural(arithmetic, 'Arithmetic chains', 'A few operations one after the other; what is the result?', '3'),
  dataset: {
    title: 'An imported dataset', about: 'Problems from files, asked as they stand and graded as the dataset says.',
    options: { dataset: { kind: 'number', default: 0, min: 0, max: Number.MAX_SAFE_INTEGER, integer: true, unit: 'id', reason: 'Which imported dataset; `mrt datasets` and the Datasets page list them.' } },
    create: ({ dataset }, data) => datasetTask(data.dataset(Number(dataset))) as Task,
  },
}

export const taskNames: readonly string[] = Object.keys(tasks)

/** Vocabularies of tasks that bring their own notation, by the name of the task. */
export const notations: Readonly<Record<string, { readonly vocabularySize: number }>> = { countdown: { vocabularySize: VOCABULARY_SIZE } }

/** The task whose notation has a vocabulary of this size; null for any other. */
export const notationOfSize = (size: number): string | null => Object.entries(notations).find(([, { vocabularySize }]) => vocabularySize === size)?.[0] ?? null
