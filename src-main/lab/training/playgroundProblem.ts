// The problem that a seed of the playground draws: the same whoever is asked, in words or in the notation of a model.

import { LabError, type PlaygroundProblem, type PlaygroundRequest } from '../../../src-preload/contract.ts'
import { deriveSeed } from '../../numeric/rng.ts'
import type { Store } from '../../store/openStore.ts'
import { TaskError, type SpokenTask, type Split, type Task } from '../../tasks/types.ts'
import { taskInWords } from './tasks.ts'

/** Where a problem is drawn from: what no model was trained on, where there is any. */
const SPLITS: readonly Split[] = ['heldout', 'validation', 'train']

/** The problem in words. Throws LabError `run.task`, `run.fewProblems`. */
export function playgroundProblem(
  store: Store,
  { task, problemSeed }: { readonly task: NonNullable<PlaygroundRequest['task']>; readonly problemSeed: number },
): PlaygroundProblem {
  const words = taskInWords(store, { task })
  const question = drawn(words, problemSeed)
  return { key: question.id, text: words.question(question) }
}

/** Throws LabError `run.fewProblems`. */
export function drawn<T extends Task | SpokenTask>(task: T, seed: number): ReturnType<T['problems']>[number] {
  const split = SPLITS.find((each) => (task.size(each) ?? 1) > 0)
  try {
    const [problem] = split === undefined ? [] : task.problems(split, 1, deriveSeed(seed, 'playground problem'))
    if (problem !== undefined) return problem as ReturnType<T['problems']>[number]
  } catch (error) {
    if (!(error instanceof TaskError)) throw error
  }
  throw new LabError('run.fewProblems', {
    expected: `a problem of ${task.name}`,
    found: 'none',
    next: 'Choose another level, or import problems.',
  })
}
