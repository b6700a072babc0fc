// The task of a run: its problems in the order that training sees them, their records in the store, and their answer tries, kept.
import { isDeepStrictEqual } from 'node:util'
import type { NewProblem } from '../../src-preload/contract.ts'
import type { RunSpec } from '../../src-preload/contract.ts'
import { createRng, deriveSeed } from '../numeric/rng.ts'
import type { Store } from '../store/openStore.ts'
import { createCountdown } from '../tasks/countdown.ts'
import type { AnswerTrie, Problem, Split, Task } from '../tasks/types.ts'
import { CLUSTER_SLICE } from './clusters.ts'

/** Problems that imitation and a run draw from. */
const POOL_SIZES = { imitation: 8_192, train: 2_560 } as const
/** Tries kept; an epoch of the pool fits. */
const TRIES_KEPT = 10_000

export interface ProblemSource {
  readonly task: Task
  readonly datasetId: number
  /** The problems of a training step: the pool is shuffled anew each time round, by the seed alone. */
  ofStep(step: number, count: number, round?: number): Problem[]
  /** The fixed problems of an evaluation. */
  ofSplit(split: Split, count: number, seed: number): Problem[]
  /** Their ids in the store, which is told of those it does not know. */
  idsOf(split: Split, problems: readonly Problem[]): number[]
  answers(problem: Problem): AnswerTrie
}

export function taskOf(spec: Pick<RunSpec, 'task'>): Task {
  return createCountdown().atLevel(String(spec.task.numbers)) as Task
}

const pools = new Map<string, readonly Problem[]>()

/** The problems that a run (`train`) or the making of a starter (`imitation`) draws from; the same for every run of a level, and drawn once per process. */
export function trainingPool(task: Task, split: keyof typeof POOL_SIZES = 'train'): readonly Problem[] {
  const key = `${task.name} ${task.level} ${split}`
  if (!pools.has(key)) pools.set(key, task.problems(split, POOL_SIZES[split], deriveSeed(0, 'training pool')))
  return pools.get(key)!
}

/** @param spec the seed of the run orders the training problems */
export function openProblems(store: Store, spec: Pick<RunSpec, 'task' | 'seed'>, now: () => number): ProblemSource {
  const task = taskOf(spec)
  const name = `${task.name}-${task.level}`
  const identity = { task: task.name, level: task.level, settings: task.settings }
  const datasetId = store.datasets.list().find(({ kind, source }) => kind === 'procedural' && isDeepStrictEqual(source, identity))?.id
    ?? store.datasets.add({ name, kind: 'procedural', source: identity as never, roles: null, grader: task.name, note: '', createdAtMs: now() })
  const pool = trainingPool(task)
  const tries = new Map<string, AnswerTrie>()
  const orders = new Map<number, readonly Problem[]>()
  const order = (epoch: number): readonly Problem[] => {
    if (!orders.has(epoch)) orders.set(epoch, createRng(deriveSeed(spec.seed, 'problem order', epoch)).shuffle(pool))
    return orders.get(epoch)!
  }
  const at = (index: number): Problem => order(Math.floor(index / pool.length))[index % pool.length]!
  return {
    task, datasetId,
    ofStep(step, count, round = 0) {
      if (round === 0) return Array.from({ length: count }, (_, i) => at((step - 1) * count + i))
      return createRng(deriveSeed(spec.seed, 'resampled problems', step, round)).shuffle(pool).slice(0, count)
    },
    ofSplit: (split, count, seed) => task.problems(split, count, seed),
    idsOf: (split, problems) => store.datasets.addProblems(datasetId, problems.map((problem) => record(task, split, problem))),
    answers(problem) {
      let trie = tries.get(problem.id)
      if (!trie) {
        trie = task.answerTrie(problem)!
        tries.set(problem.id, trie)
        if (tries.size > TRIES_KEPT) tries.delete(tries.keys().next().value!)
      }
      return trie
    },
  }
}

function record(task: Task, split: Split, problem: Problem): NewProblem {
  return { key: problem.id, split, prompt: problem.promptText, answer: problem.data as NewProblem['answer'], level: task.difficulty(problem), slices: { numbers: task.level, [CLUSTER_SLICE]: task.cluster(problem) } }
}
