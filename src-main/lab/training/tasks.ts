// The task of a run: its problems in the order that training sees them, in the tokens of the model that is trained, their records in the
// store, and their answer tries, kept.
import { isDeepStrictEqual } from 'node:util'
import { LabError, type NewProblem, type Problem as StoredProblem, type RunSpec } from '../../../src-preload/contract.ts'
import type { TextTokenizer } from '../../model/tokenizers/tokenizer.ts'
import { createRng, deriveSeed } from '../../numeric/rng.ts'
import { resolveOptions } from '../../rl/options.ts'
import { CreditError } from '../../rl/types.ts'
import { speak } from '../../rollout/format.ts'
import type { Store } from '../../store/openStore.ts'
import type { DatasetProblem, DatasetRows } from '../../tasks/dataset.ts'
import { notationOfSize, taskNames, tasks } from '../../tasks/registry.ts'
import { TaskError, type AnswerTrie, type Problem, type SpokenTask, type Split, type Task } from '../../tasks/types.ts'
import { CLUSTER_SLICE, clusterOf } from '../comparing/clusters.ts'

/** Problems that imitation and a run draw from, where there are so many. */
const POOL_SIZES = { imitation: 8_192, train: 2_560 } as const
/** A task that has not so many gives all it has, where it knows, else half of that, and so on; with fewer than these it is refused. */
const FEWEST = 16
/** Tries kept; an epoch of the pool fits. */
const TRIES_KEPT = 10_000
/** Room for the prompt of a problem in a notation. */
const NOTATION_ROOM = 24
/** Problems whose prompts are measured for how much room a prompt of text needs. */
const MEASURED = 256

/** In which tokens a run speaks: those of a tokenizer, or a notation of the task's own, known by the size of the vocabulary. */
export interface Vocabulary {
  readonly size: number
  readonly tokenizer: TextTokenizer | null
}

/** Longest sequence of a run: prompt, thought, what closes it (one token of a notation has its room in the prompt's), and answer. */
export const lengthOf = (
  { promptRoom, task: { format } }: Pick<ProblemSource, 'promptRoom' | 'task'>,
  thinkingTokens: number,
  answerTokens: number,
): number => promptRoom + thinkingTokens + (format.terminationSuffix.length - 1) + answerTokens

/** What a prompt was made with, as provenance says it. */
export const templateOf = ({ settings }: SpokenTask): string => (typeof settings.asked === 'string' ? settings.asked : 'bare')

type Asked = Pick<RunSpec, 'task' | 'format'>

/** Throws LabError `run.task` for a task or an option of it that there is not. */
export function taskInWords(store: Store, { task: { name, options } }: Pick<RunSpec, 'task'>): Task {
  const refuse = (expected: string, found: string): LabError =>
    new LabError('run.task', { expected, found, next: 'Correct the task of the specification; `mrt tasks` lists what there is.' })
  if (!Object.hasOwn(tasks, name)) throw refuse(`one of the tasks ${taskNames.join(', ')}`, name)
  try {
    const kind = tasks[name]!
    return kind.create(resolveOptions(kind.options, options), { dataset: (id) => datasetRows(store, id) })
  } catch (error) {
    if (error instanceof CreditError) throw refuse(error.expected, error.found)
    if (error instanceof TaskError) throw refuse(`a task that can be asked`, error.message)
    throw error
  }
}

/** The options of a task, complete. Throws LabError `run.task`. */
export function completeTask({ name, options }: RunSpec['task']): RunSpec['task'] {
  if (!Object.hasOwn(tasks, name))
    throw new LabError('run.task', {
      expected: `one of the tasks ${taskNames.join(', ')}`,
      found: name,
      next: '`mrt tasks` lists what there is.',
    })
  try {
    return { name, options: resolveOptions(tasks[name]!.options, options) }
  } catch (error) {
    if (error instanceof CreditError)
      throw new LabError('run.task', { expected: error.expected, found: error.found, next: 'Correct that option of the task.' })
    throw error
  }
}

/** The task in the tokens of a model. Throws LabError `run.task`, `run.format` for a way of thinking that the model has no marks for, `run.vocabulary` where they have no words in common. */
export function taskOf(store: Store, spec: Asked, { size, tokenizer }: Vocabulary): SpokenTask {
  const task = taskInWords(store, spec)
  if (tokenizer !== null) {
    try {
      return speak(task, tokenizer, size, spec.format)
    } catch (error) {
      if (!(error instanceof RangeError)) throw error
      throw new LabError('run.format', {
        expected: error.message,
        found: 'one without',
        next: 'Leave format.thoughts at auto, and format.examples at 0.',
      })
    }
  }
  const notation = task.notation()
  if (notation === null || notation.format.vocabularySize !== size) {
    const own = notationOfSize(size)
    throw new LabError('run.vocabulary', {
      expected:
        own === null ? 'a model with a tokenizer, or one of a task here' : `the task ${own}, whose words are all that this model knows`,
      found: `${spec.task.name} asked of a vocabulary of ${size} tokens`,
      next:
        own === null
          ? 'Import the model as a GGUF file or a Hugging Face folder.'
          : `Choose that task, or start from a model of text: mrt models fetch smollm2-135m.`,
    })
  }
  if (spec.format.thoughts !== 'auto' || spec.format.episodes !== 'lines' || spec.format.examples !== 0)
    throw new LabError('run.format', {
      expected: 'the format as it is: this model thinks in the notation of its task, whose episodes open with Wait',
      found: `${spec.format.thoughts}, ${spec.format.episodes}, ${spec.format.examples} examples`,
      next: 'Leave format.thoughts at auto, format.episodes at lines and format.examples at 0.',
    })
  return notation
}

/** An imported set, read whole. Throws LabError `dataset.unknown`. */
function datasetRows(store: Store, id: number): DatasetRows {
  const found = store.datasets.get(id)
  if (found === null || found.kind === 'procedural')
    throw new LabError('dataset.unknown', {
      expected: 'the id of an imported dataset',
      found: found === null ? String(id) : `${id}, which is drawn by ${found.name}`,
      next: 'List them with `mrt datasets`.',
    })
  return { id, name: found.name, grader: found.grader, problems: [...store.datasets.each(id)].map(importedProblem) }
}

/** A stored problem as the task of its run asked it. */
export function askedAgain({ task: { name } }: Pick<RunSpec, 'task'>, stored: StoredProblem, promptTokens: ArrayLike<number>): Problem {
  const asked = { promptText: stored.prompt, promptTokens: Array.from(promptTokens) }
  return name === 'dataset'
    ? { id: String(stored.id), data: importedProblem(stored), ...asked }
    : { id: stored.key, data: stored.answer, ...asked }
}

/** A problem of an imported set, as a task asks it. */
export const importedProblem = (problem: StoredProblem): DatasetProblem => ({
  id: problem.id,
  split: problem.split,
  prompt: problem.prompt,
  golds: goldsOf(problem.answer),
  cluster: clusterOf(problem) ?? problem.key,
  level: problem.level,
})

/** Answers of a stored problem as texts. */
function goldsOf(answer: unknown): string[] {
  const list: readonly unknown[] = Array.isArray(answer) ? answer : [answer]
  return list.flatMap((each) => (typeof each === 'string' && each.trim() !== '' ? [each] : typeof each === 'number' ? [String(each)] : []))
}

/** The problems that a model is asked: nothing of it is in the store. */
export interface ProblemSource {
  readonly task: SpokenTask
  /** Whether accepted answers can be listed, so that J can be exact. */
  readonly lists: boolean
  /** Most tokens of a prompt that are reckoned with. */
  readonly promptRoom: number
  /** The problems of a training step: the pool is shuffled anew each time round, by the seed alone. */
  ofStep(step: number, count: number, round?: number): Problem[]
  /** The fixed problems of an evaluation; all of a split that holds fewer than are asked for. */
  ofSplit(split: Split, count: number, seed: number): Problem[]
  answers(problem: Problem): AnswerTrie
}

/** Where problems are on record. */
export interface ProblemRecords {
  readonly datasetId: number
  /** Ids of problems in the store, which is told of those it does not know. */
  idsOf(split: Split, problems: readonly Problem[]): number[]
}

const pools = new Map<string, readonly Problem[]>()

/** The problems that a run (`train`) or the making of a starter (`imitation`) draws from; the same for every run of a level. Those of a notation are drawn once per process. Throws LabError `run.fewProblems`. */
export function trainingPool(task: SpokenTask, split: keyof typeof POOL_SIZES = 'train'): readonly Problem[] {
  const key = `${task.name} ${task.level} ${split} ${task.format.vocabularySize}`
  const known = pools.get(key)
  if (known !== undefined) return known
  const pool = drawPool(task, split)
  if (task.settings.asked === undefined) pools.set(key, pool)
  return pool
}

function drawPool(task: SpokenTask, split: keyof typeof POOL_SIZES): readonly Problem[] {
  for (let count = Math.min(POOL_SIZES[split], task.size(split) ?? Infinity); count >= FEWEST; count = Math.floor(count / 2)) {
    try {
      return task.problems(split, count, deriveSeed(0, 'training pool'))
    } catch (error) {
      if (!(error instanceof TaskError) || error.code !== 'too-few-problems') throw error
    }
  }
  throw new LabError('run.fewProblems', {
    expected: `at least ${FEWEST} problems to train on`,
    found: `fewer in ${task.name}${task.level === '' ? '' : ` at level ${task.level}`}`,
    next: 'Choose another level, or import more problems.',
  })
}

/** @param spec the seed of the run orders the training problems */
export function openProblems(
  store: Store,
  spec: Asked & Pick<RunSpec, 'seed'>,
  now: () => number,
  vocabulary: Vocabulary,
): ProblemSource & ProblemRecords {
  const task = taskOf(store, spec, vocabulary)
  return { ...recordsOf(store, spec, task, now), ...problemsOf(task, spec.seed) }
}

/** A task as training and evaluation ask it. @param seed orders the training problems. Throws LabError `run.fewProblems`. */
export function problemsOf(task: SpokenTask, seed: number): ProblemSource {
  const pool = trainingPool(task)
  const orders = new Map<number, readonly Problem[]>()
  const order = (epoch: number): readonly Problem[] => {
    if (!orders.has(epoch)) orders.set(epoch, createRng(deriveSeed(seed, 'problem order', epoch)).shuffle(pool))
    return orders.get(epoch)!
  }
  const at = (index: number): Problem => order(Math.floor(index / pool.length))[index % pool.length]!
  return {
    task,
    promptRoom:
      task.settings.asked === undefined
        ? NOTATION_ROOM
        : pool.slice(0, MEASURED).reduce((most, { promptTokens }) => Math.max(most, promptTokens.length), 0) + NOTATION_ROOM,
    lists: task.answerTrie(pool[0]!) !== null,
    ofStep(step, count, round = 0) {
      if (round === 0) return Array.from({ length: count }, (_, i) => at((step - 1) * count + i))
      return createRng(deriveSeed(seed, 'resampled problems', step, round))
        .shuffle(pool)
        .slice(0, count)
    },
    ofSplit(split, count, of) {
      try {
        return task.problems(split, Math.min(count, task.size(split) ?? count), of)
      } catch (error) {
        if (!(error instanceof TaskError)) throw error
        throw new LabError('run.fewProblems', {
          expected: `${count} ${split} problems`,
          found: error.message,
          next: 'Ask for fewer, or choose another level.',
        })
      }
    },
    answers: keptAnswers(task),
  }
}

/** Accepted answers, made once for each problem of late. What it gives throws LabError `run.noAnswers` where they cannot be listed. */
function keptAnswers(task: SpokenTask): ProblemSource['answers'] {
  const tries = new Map<string, AnswerTrie>()
  return (problem) => {
    const known = tries.get(problem.id)
    if (known !== undefined) return known
    const made = task.answerTrie(problem)
    if (made === null)
      throw new LabError('run.noAnswers', {
        expected: `accepted answers of ${task.name} that can be listed, as exact J needs them`,
        found: 'a problem without',
        next: 'Choose a method that samples J, such as mrt-online.',
      })
    tries.set(problem.id, made)
    if (tries.size > TRIES_KEPT) tries.delete(tries.keys().next().value!)
    return made
  }
}

/** The records of the problems of a task: those of an imported set are in the store already. */
function recordsOf(store: Store, spec: Pick<RunSpec, 'task'>, task: SpokenTask, now: () => number): ProblemRecords {
  if (spec.task.name === 'dataset')
    return { datasetId: Number(spec.task.options.dataset), idsOf: (_split, problems) => problems.map(({ id }) => Number(id)) }
  const datasetId = proceduralSet(store, task, now)
  return {
    datasetId,
    idsOf: (split, problems) =>
      store.datasets.addProblems(
        datasetId,
        problems.map((problem) => record(task, split, problem)),
      ),
  }
}

/** The record of a set that is drawn: one for all runs that ask the same. */
function proceduralSet(store: Store, task: SpokenTask, now: () => number): number {
  const identity = { task: task.name, level: task.level, settings: task.settings }
  return (
    store.datasets.list().find(({ kind, source }) => kind === 'procedural' && isDeepStrictEqual(source, identity))?.id ??
    store.datasets.add({
      name: task.settings.asked === undefined ? `${task.name}-${task.level}` : `${task.name}-${task.level}, in words`,
      kind: 'procedural',
      source: identity as never,
      roles: null,
      grader: task.name,
      note: '',
      createdAtMs: now(),
    })
  )
}

function record(task: SpokenTask, split: Split, problem: Problem): NewProblem {
  return {
    key: problem.id,
    split,
    prompt: problem.promptText,
    answer: problem.data as NewProblem['answer'],
    level: task.difficulty(problem),
    slices: { numbers: task.level, [CLUSTER_SLICE]: task.cluster(problem) },
  }
}
