// An imported dataset as a task: its problems are asked as they stand, graded by the set's own grader, and belong to the splits that the
// files said. A set that knows no held-out split is divided by clusters, so that problems which are solved alike stay together. Text that a
// grader compares has an accepted answer to list; what only a pattern or the computer algebra can judge has none, and J is then sampled.

import { createRng, deriveSeed, type Seed } from '../numeric/rng.ts'
import { gradeAnswer, graderKinds, type GraderName } from './graders/grader.ts'
import { extractGold } from './graders/extract.ts'
import { TaskError, type Question, type Split, type Task } from './types.ts'

/** A problem of an imported set. */
export interface DatasetProblem {
  /** Its id in the workspace. */
  readonly id: number
  readonly split: string
  readonly prompt: string
  /** Accepted answers, any of which is right; none where the file had none. */
  readonly golds: readonly string[]
  readonly cluster: string
  readonly level: number | null
}

/** An imported set, read whole. */
export interface DatasetRows {
  readonly id: number
  readonly name: string
  readonly grader: string
  readonly problems: readonly DatasetProblem[]
}

/** What files call their splits. */
const SPLITS: readonly (readonly [Split, RegExp])[] = [
  ['train', /^(train|training|default|all|main)$/i],
  ['validation', /^(validation|valid|val|dev)$/i],
  ['heldout', /^(test|heldout|held-out|eval|evaluation)$/i],
]

/** Of a set without a held-out split: percent of clusters. */
const SHARES: readonly (readonly [Split, number])[] = [
  ['train', 70],
  ['validation', 10],
  ['heldout', 20],
]
/** Graders whose gold answer, as a text, is an answer that a model may write. */
const LISTED: readonly string[] = ['exact', 'integer', 'decimal', 'fraction', 'choice', 'math'] satisfies readonly GraderName[]
/** Longer texts are prose, not answers whose chance can be summed. */
const LONGEST_LISTED = 40

/** Throws TaskError('bad-options') for a set without a problem that can be graded. */
export function datasetTask({ id, name, grader, problems }: DatasetRows): Task<DatasetProblem> {
  if (!Object.hasOwn(graderKinds, grader))
    throw new TaskError('bad-options', `a dataset graded by one of ${Object.keys(graderKinds).join(', ')}, found ${grader} for ${name}`)
  const usable = problems.filter(({ golds }) => golds.length > 0)
  if (usable.length === 0) throw new TaskError('bad-options', `a dataset with answers to grade by, found none in ${name}`)
  const bySplit = divide(id, usable)
  return {
    name: 'dataset',
    level: '',
    levels: [],
    settings: { dataset: id, name, grader, problems: usable.length },
    size: (split) => bySplit.get(split)?.length ?? 0,
    problems(split, count, seed: Seed) {
      const own = bySplit.get(split) ?? []
      if (own.length < count)
        throw new TaskError('too-few-problems', `asked for ${count} ${split} problems of ${name}, which has ${own.length}`)
      return createRng(deriveSeed(seed, 'dataset', split))
        .shuffle(own)
        .slice(0, count)
        .map((data): Question<DatasetProblem> => ({ id: String(data.id), data }))
    },
    question: ({ data }) => data.prompt,
    answerForm: grader === 'choice' ? 'the letter of the right choice' : grader === 'integer' ? 'a whole number' : 'the answer alone',
    grade: ({ data }, answer) => gradeAnswer(grader as GraderName, data.golds, answer),
    answers: ({ data }) => {
      const golds = data.golds.map(extractGold)
      return LISTED.includes(grader) && golds.every((gold) => gold.length <= LONGEST_LISTED) ? [...new Set(golds)] : null
    },
    teacher: () => null,
    sameAnswer: (a, b) => gradeAnswer(grader as GraderName, a, b).correct,
    cluster: ({ data }) => data.cluster,
    difficulty: ({ data }) => data.level,
    notation: () => null,
  }
}

function divide(id: number, problems: readonly DatasetProblem[]): ReadonlyMap<Split, readonly DatasetProblem[]> {
  const named = Map.groupBy(problems, ({ split }): Split => SPLITS.find(([, names]) => names.test(split))?.[0] ?? 'train')
  if (named.has('train') && named.has('heldout')) return named
  const splitOf = (cluster: string): Split => {
    let place = createRng(deriveSeed(id, 'dataset split', cluster)).int(100)
    for (const [split, share] of SHARES) {
      if (place < share) return split
      place -= share
    }
    return 'train'
  }
  return Map.groupBy(problems, ({ cluster }) => splitOf(cluster))
}
