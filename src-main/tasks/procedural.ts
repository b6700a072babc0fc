// Problem sets that are drawn from a seed and answered by a text that can be computed: what differs between them is a generator, a question
// and an answer, and this makes a task of the three. A problem belongs to the split that a hash of its identity, or of its kin, says, so
// splits never overlap and keep their meaning whatever is drawn; a request never repeats a problem.

import { createRng, deriveSeed, type Rng, type Seed } from '../numeric/rng.ts'
import { gradeAnswer, type GraderName } from './graders/grader.ts'
import { TaskError, type Grade, type Question, type Split, type Task, type TaskLevel } from './types.ts'

/** What tells one procedural problem set from another. `Data` is plain, and all of a problem. */
export interface Procedure<Data> {
  readonly name: string
  /** The dial, the easiest first. */
  readonly levels: readonly TaskLevel[]
  /** One problem of a level, whatever its split. */
  readonly draw: (level: string, rng: Rng) => Data
  /** Equal identities are the same problem. */
  readonly identity: (data: Data) => string
  /** Problems of one kin are one problem in other names, and belong to one split; each is its own unless given. */
  readonly kin?: (data: Data) => string
  readonly question: (data: Data) => string
  /** What an answer has to look like, as said after the question. */
  readonly answerForm: string
  /** Accepted answers as a model would write them; null where they cannot be listed, which `grade` must then be able to judge. */
  readonly answers: (data: Data) => readonly string[] | null
  /** How texts are compared with an accepted answer. */
  readonly grader: GraderName
  /** Judges an answer where more is right than can be listed. */
  readonly grade?: (data: Data, answer: string) => Grade
  /** Thinking that leads to the answer, for imitation. */
  readonly teacher?: (data: Data, rng: Rng) => { readonly thinking: string; readonly answer: string }
  /** What problems that are solved alike share. */
  readonly cluster: (data: Data) => string
  /** 0 to 1 within the level, or null. */
  readonly difficulty?: (data: Data) => number | null
}

/** Percent of all identities that each split holds. No procedural set but Countdown has a second kind of held-out question. */
const SHARES: readonly (readonly [Split, number])[] = [
  ['imitation', 30],
  ['train', 40],
  ['validation', 10],
  ['heldout', 20],
]
const SPLIT_SEED = 2503
/** Draws in a row that may fail before a split is taken to be exhausted. */
const PATIENCE = 20_000

/** The split of a problem by its identity. */
export function splitOfIdentity(name: string, identity: string): Split {
  let place = createRng(deriveSeed(SPLIT_SEED, name, identity)).int(100)
  for (const [split, share] of SHARES) {
    if (place < share) return split
    place -= share
  }
  throw new RangeError('the shares of the splits do not add up to 100')
}

const counted = new WeakMap<object, Map<string, ReadonlyMap<Split, readonly Question[]>>>()
/** Draws for each problem of a level that says how many it has: every one is met long before. */
const MOST_DRAWS = 1000

/** Every problem of a level that says how many it has, by split, the same order always. Drawn once per process. */
function everyProblem<Data>(procedure: Procedure<Data>, level: string, problems: number): ReadonlyMap<Split, readonly Question<Data>[]> {
  const { name, draw, identity, kin } = procedure
  if (!counted.has(procedure)) counted.set(procedure, new Map())
  const known = counted.get(procedure)!.get(level)
  if (known !== undefined) return known as ReadonlyMap<Split, readonly Question<Data>[]>
  const rng = createRng(deriveSeed(SPLIT_SEED, name, level, 'every problem'))
  const found = new Map<string, Data>()
  for (let draws = 0; found.size < problems; draws++) {
    if (draws > MOST_DRAWS * problems)
      throw new RangeError(`${name} at level ${level} is said to have ${problems} problems and has ${found.size}`)
    const data = draw(level, rng)
    const id = identity(data)
    if (!found.has(id)) found.set(id, data)
  }
  const bySplit = Map.groupBy(
    [...found].map(([id, data]): Question<Data> => ({ id: `${name}:${id}`, data })),
    ({ data }) => splitOfIdentity(name, kin?.(data) ?? identity(data)),
  )
  counted.get(procedure)!.set(level, bySplit)
  return bySplit
}

/** The task of a procedure at a level. Throws TaskError('unknown-level'). */
export function proceduralTask<Data>(procedure: Procedure<Data>, level: string): Task<Data> {
  const { name, levels, draw, identity, kin, question, answerForm, answers, grader, teacher, cluster, difficulty } = procedure
  const few = levels.find(({ id }) => id === level)?.problems
  const ofSplit = (split: Split): readonly Question<Data>[] => everyProblem(procedure, level, few!).get(split) ?? []
  const tooFew = (split: Split, count: number, found: number): TaskError =>
    new TaskError('too-few-problems', `asked for ${count} different ${split} problems of ${name} at level ${level}, found ${found}`)
  if (!levels.some(({ id }) => id === level))
    throw new TaskError('unknown-level', `${name} has levels ${levels.map(({ id }) => id).join(', ')}, found "${level}"`)
  return {
    name,
    level,
    levels,
    answerForm,
    settings: { level, splitSeed: SPLIT_SEED },
    size: (split) => (few !== undefined ? ofSplit(split).length : SHARES.some(([known]) => known === split) ? null : 0),
    problems(split: Split, count: number, seed: Seed) {
      if (few !== undefined) {
        const own = ofSplit(split)
        if (own.length < count) throw tooFew(split, count, own.length)
        return createRng(deriveSeed(seed, name, level, split))
          .shuffle(own)
          .slice(0, count)
      }
      const rng = createRng(deriveSeed(seed, name, level, split))
      const seen = new Set<string>()
      const problems: Question<Data>[] = []
      for (let failures = 0; problems.length < count; failures++) {
        if (failures > PATIENCE) throw tooFew(split, count, problems.length)
        const data = draw(level, rng)
        const id = identity(data)
        if (seen.has(id) || splitOfIdentity(name, kin?.(data) ?? id) !== split) continue
        seen.add(id)
        problems.push({ id: `${name}:${id}`, data })
        failures = -1
      }
      return problems
    },
    question: ({ data }) => question(data),
    grade: ({ data }, answer) => procedure.grade?.(data, answer) ?? gradeAnswer(grader, answers(data), answer),
    sameAnswer: (a, b) => gradeAnswer(grader, a, b).correct,
    answers: ({ data }) => answers(data),
    teacher: ({ data }, rng) => teacher?.(data, rng) ?? null,
    cluster: ({ data }) => cluster(data),
    difficulty: ({ data }) => difficulty?.(data) ?? null,
    notation: () => null,
  }
}
