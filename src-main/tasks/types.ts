// What every problem set offers to the rest of the laboratory: problems in words, the one grader, and, where they can be listed, the right
// answers, so that the chance of success can be computed instead of sampled. A task knows nothing of tokens, except where it brings a
// notation of its own for tiny models (one token a word). A task in the tokens of one model is a `SpokenTask`: its notation is one, and
// rollout/format.ts makes one of any task and any tokenizer. Left out: how rollouts are stored.

import type { TokenSegmentation } from '../episodes/segmentTokens.ts'
import type { Rng, Seed } from '../numeric/rng.ts'
import type { Reason } from './graders/kinds.ts'

/** A turn of a conversation. */
export interface Message {
  readonly role: 'system' | 'user' | 'assistant'
  readonly content: string
}

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
  /** Of a grader that compares texts, see graders/kinds.ts. */
  | Reason

export interface Grade {
  readonly correct: boolean
  /** The answer as text, or null when there was none to extract. */
  readonly extracted: string | null
  readonly reason: GradeReason
}

/** A problem as a task knows it: plain data. Equal ids mean the same problem, whatever seed drew it. */
export interface Question<Data = unknown> {
  readonly id: string
  readonly data: Data
}

/** A problem as it is asked of a model, stored and sent. */
export interface Problem<Data = unknown> extends Question<Data> {
  readonly promptTokens: readonly number[]
  readonly promptText: string
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

/** How a thought and an answer are written in token ids, and the directions between ids and text. */
export interface TaskFormat {
  readonly vocabularySize: number
  /** Tokens that end everything. */
  readonly stopTokens: readonly number[]
  /** Tokens that end an answer, and mean nothing of the kind within a thought. */
  readonly answerStops: readonly number[]
  /** Tokens that end an answer which was forced. */
  readonly forcedStops: readonly number[]
  /** Runs of tokens, each of which closes the thinking. */
  readonly closers: readonly (readonly number[])[]
  /** Appended to a prefix to make the model answer now; holds a closer. */
  readonly terminationSuffix: readonly number[]
  /** Written instead of a closer to make the model think on. */
  readonly extendTokens: readonly number[]
  /** Where the thinking of a completion ends, and where it can be stopped. */
  read(completion: ArrayLike<number>): TokenSegmentation
  toText(tokens: ArrayLike<number>): string
  /** [tokens] offset in `toText(tokens)` at which the text of each token ends. */
  textEnds(tokens: ArrayLike<number>): number[]
  /** Null for a text that these tokens cannot write. */
  toTokens(text: string): number[] | null
}

/** One position of the difficulty dial. */
export interface TaskLevel {
  readonly id: string
  readonly label: string
  /** How many different problems it has, all splits together, where they are too few for a thousand to train on. */
  readonly problems?: number
}

/** Everything that decides which problems there are and which split each belongs to, as plain data: problems of other settings are another set. */
export type TaskSettings = Readonly<Record<string, string | number | null | readonly number[]>>

/** What is the same for a task in words and in tokens. */
interface TaskBase {
  readonly name: string
  readonly level: string
  readonly settings: TaskSettings
  readonly levels: readonly TaskLevel[]
  /** Whether two answers, as extracted, mean the same, whatever the right one is: a vote counts them together. */
  sameAnswer(a: string, b: string): boolean
}

/** A problem set in words. */
export interface Task<Data = unknown> extends TaskBase {
  /**
   * `count` different problems of a split. The first n of a longer request are the shorter request.
   * Throws TaskError('too-few-problems') when the split does not hold that many.
   */
  problems(split: Split, count: number, seed: Seed): Question<Data>[]
  /** How many problems a split holds, 0 where the task has no such split; null where they are drawn and not counted. */
  size(split: Split): number | null
  /** The question in words, without a word about the form of the answer. */
  question(problem: Question<Data>): string
  /** What an answer has to look like, as said to a model after the question, e.g. "a whole number". */
  readonly answerForm: string
  /** Grades an answer, thinking and what announced the answer left out. */
  grade(problem: Question<Data>, answer: string): Grade
  /** Every accepted answer as a model would write it, or null when they cannot be listed. */
  answers(problem: Question<Data>): readonly string[] | null
  /** A demonstration in words, or null when the task has no teacher that speaks. */
  teacher(problem: Question<Data>, rng: Rng): { readonly thinking: string; readonly answer: string } | null
  cluster(problem: Question<Data>): string
  difficulty(problem: Question<Data>): number | null
  /** The task in a notation of its own, one token a word, for models of that vocabulary; null where it has none. */
  notation(): SpokenTask<Data> | null
}

/** A task in the tokens of one model. */
export interface SpokenTask<Data = unknown> extends TaskBase {
  readonly format: TaskFormat
  /** How many problems a split holds; null where they are drawn and not counted. */
  size(split: Split): number | null
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
  cluster(problem: Question<Data>): string
  /** 0 (any start leads to an answer) to 1, or null when unknown; for slicing results. */
  difficulty(problem: Question<Data>): number | null
}

/** A request a task cannot serve. `code` is stable; the message says what was expected and found. */
export class TaskError extends Error {
  readonly code: 'unknown-level' | 'bad-options' | 'too-few-problems'
  constructor(code: TaskError['code'], message: string) {
    super(message)
    this.name = 'TaskError'
    this.code = code
  }
}
