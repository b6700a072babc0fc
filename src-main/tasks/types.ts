// What every problem set offers to the rest of the laboratory: problems, the one grader, and, where the set of
// right answers can be listed, that set as a trie, so that the chance of success can be computed instead of sampled.
// Tasks speak in token ids; a set that grades text turns ids into text with its own tokenizer before grading.
// Left out: how a model is prompted, how rollouts are stored.

import type { Rng, Seed } from '../numeric/rng.ts'

/**
 * `imitation` is what a starting model is taught on, `train` what reinforcement learns on, `validation` for choosing, `heldout` for the
 * figure that is reported, `heldout-targets` for the same figure on a kind of question that none of the others asks. They never overlap.
 */
export type Split = 'imitation' | 'train' | 'validation' | 'heldout' | 'heldout-targets'

/** Why a completion was graded as it was. Everything but `correct` counts as wrong. */
export type GradeReason =
  | 'correct'
  | 'wrong-value'
  | 'wrong-numbers'
  | 'illegal-operation'
  | 'unparsable'
  | 'no-answer'
  | 'truncated'

export interface Grade {
  readonly correct: boolean
  /** The answer as text, or null when there was none to extract. */
  readonly extracted: string | null
  readonly reason: GradeReason
}

/** A problem as stored and sent: plain data. Equal ids mean the same problem, whatever seed drew it. */
export interface Problem<Data = unknown> {
  readonly id: string
  readonly promptTokens: readonly number[]
  readonly promptText: string
  readonly data: Data
}

/**
 * Every token string that the grader accepts as an answer, end token included, as a prefix tree.
 * Nodes come parents first. The string of a node is read from its root down.
 */
export interface AnswerTrie {
  /** [nodes] token id of the node. */
  readonly token: Int32Array
  /** [nodes] index of the parent node, -1 for the first token of an answer. */
  readonly parent: Int32Array
  /** [nodes] 1 where an answer is complete (the node is the end token), else 0. */
  readonly terminal: Uint8Array
  /** Number of accepted strings, which is the number of terminal nodes. */
  readonly strings: number
}

/** A demonstration. For imitation every completion token is trained on: the model is to learn to waste as well. */
export interface TeacherTrace {
  /** Everything after the prompt, end token included. */
  readonly completion: readonly number[]
  /** Offsets into the completion: 0, then the end of each episode. Length = episodes + 1. */
  readonly boundaries: readonly number[]
  /** True when the trace found a right answer before it stopped thinking. */
  readonly solvedInThinking: boolean
  /** `finished` by itself, `stopped` at a random boundary, or `capped` by the thinking budget. */
  readonly end: 'finished' | 'stopped' | 'capped'
  /** Offsets of tokens that are not the teacher's own choice and are not to be imitated. */
  readonly forced: readonly number[]
}

/** Token ids with a meaning, and the two directions between ids and text. */
export interface TaskFormat {
  readonly vocabularySize: number
  readonly pad: number
  readonly bos: number
  readonly eos: number
  readonly thinkOpen: number
  readonly thinkClose: number
  /** A token that opens every episode but the first. */
  readonly episodeOpener: number
  /** Appended to a prefix to make the model answer now. */
  readonly terminationSuffix: readonly number[]
  toText(tokens: ArrayLike<number>): string
  /** Throws TaskError('unknown-token') on text outside the vocabulary. */
  toTokens(text: string): number[]
}

/** One position of the difficulty dial. */
export interface TaskLevel {
  readonly id: string
  readonly label: string
}

export interface Task<Data = unknown> {
  readonly name: string
  readonly format: TaskFormat
  readonly level: string
  /** Everything that decides which problems there are and which split each belongs to, as plain data: problems of other settings are another set. */
  readonly settings: Readonly<Record<string, string | number | null | readonly number[]>>
  readonly levels: readonly TaskLevel[]
  /** The same task with the dial at another level; splits keep their meaning across levels. */
  atLevel(id: string): Task<Data>
  /**
   * `count` different problems of a split. The first n of a longer request are the shorter request.
   * Throws TaskError('too-few-problems') when the split does not hold that many.
   */
  problems(split: Split, count: number, seed: Seed): Problem<Data>[]
  /** The problem that a prompt asks, as when a rollout comes from a file; null when it asks none of this task. */
  problemOf(promptTokens: ArrayLike<number>): Problem<Data> | null
  /** Grades a whole completion: everything the model wrote after the prompt (tokens after the end token are ignored). */
  grade(problem: Problem<Data>, completion: ArrayLike<number>): Grade
  /** Every accepted answer, or null when they cannot be listed. */
  answerTrie(problem: Problem<Data>): AnswerTrie | null
  /** A demonstration, or null when the task has no teacher. */
  teacherTrace(problem: Problem<Data>, rng: Rng): TeacherTrace | null
  /**
   * What the problem shares with others that are solved alike, e.g. its target: problems of a cluster are not independent of each other,
   * so intervals resample whole clusters.
   */
  cluster(problem: Problem<Data>): string
  /** 0 (any start leads to an answer) to 1, or null when unknown; for slicing results. */
  difficulty(problem: Problem<Data>): number | null
}

/** A request a task cannot serve. `code` is stable; the message says what was expected and found. */
export class TaskError extends Error {
  readonly code: 'unknown-token' | 'unknown-level' | 'bad-options' | 'too-few-problems'
  constructor(code: TaskError['code'], message: string) {
    super(message)
    this.name = 'TaskError'
    this.code = code
  }
}
