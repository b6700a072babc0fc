// The one ruler of correctness: reward, evaluation and screens all grade through this module.
// `gradeAnswer` judges at once whatever needs no computer algebra; a grader from `createGrader`
// also asks a worker thread with a hard time limit. No input makes either of them throw or hang:
// a wrong, unreadable or hostile answer is a grade with a reason.

import type { GraderKind, GraderName, GraderOptions, Grade, Judgement, Question } from './kinds.ts'
import { graderKinds } from './kinds.ts'
import type { Reply } from './algebraWorker.ts'
import { LimitedWorker } from './limitedWorker.ts'

export type { Grade, GraderKind, GraderName, GraderOptions, Reason } from './kinds.ts'
export { graderKinds } from './kinds.ts'

/** One gold answer, or several of which any is right. */
export type Gold = string | number | readonly (string | number)[]

/** A grader asked for that cannot be made; `code` is "grader.kind" or "grader.options". */
export class GraderError extends Error {
  readonly code: 'grader.kind' | 'grader.options'
  readonly expected: string
  readonly found: string

  constructor(code: GraderError['code'], expected: string, found: string) {
    super(`${code}: expected ${expected}, found ${found}`)
    this.name = 'GraderError'
    this.code = code
    this.expected = expected
    this.found = found
  }
}

export type CreateOptions = GraderOptions & {
  /** Graders of particular tasks by name, beside the built-in ones. */
  readonly kinds?: Readonly<Record<string, GraderKind>>
  /** How long one question may occupy the worker, in milliseconds; default 1000. */
  readonly timeLimitMs?: number
  /** Memory of the worker in MiB; default 512. */
  readonly memoryMb?: number
  /** The worker's script; default: algebraWorker beside this module. */
  readonly workerUrl?: URL
}

export type Grader = {
  readonly kind: string
  /** `answer` may be a bare answer or a whole completion. Rejects only after `close` or if the worker cannot be started. */
  readonly grade: (gold: Gold | null | undefined, answer: string | number | null | undefined) => Promise<Grade>
  /** Ends the worker thread. */
  readonly close: () => Promise<void>
}

const golds = (gold: Gold | null | undefined): string[] => {
  const list: readonly unknown[] = Array.isArray(gold) ? gold : [gold]
  return list
    .filter((item) => typeof item === 'string' || typeof item === 'number')
    .map(String)
    .slice(0, 64)
}

const textOf = (answer: unknown): string => (typeof answer === 'string' ? answer : typeof answer === 'number' ? String(answer) : '')

/** Judges against each acceptable answer until one is right; open ones are tried after all certain ones. */
const judgeAll = (
  kind: GraderKind,
  gold: Gold | null | undefined,
  answer: unknown,
  options: GraderOptions,
): { grade: Grade; open: Extract<Judgement, { correct: null }>[] } => {
  const text = textOf(answer)
  let grade: Grade = { correct: false, extracted: null, reason: 'no-gold' }
  const open: Extract<Judgement, { correct: null }>[] = []
  for (const wanted of golds(gold)) {
    const judgement = kind.judge(wanted, text, options)
    if (judgement.correct === true) return { grade: judgement, open: [] }
    if (judgement.correct === null) open.push(judgement)
    else grade = judgement
  }
  return { grade, open }
}

const kindNamed = (name: string, extra: Readonly<Record<string, GraderKind>> = {}): GraderKind => {
  const kinds: Readonly<Record<string, GraderKind>> = { ...graderKinds, ...extra }
  if (!Object.hasOwn(kinds, name)) throw new GraderError('grader.kind', `one of ${Object.keys(kinds).join(', ')}`, JSON.stringify(name))
  return kinds[name]!
}

const checkOptions = ({ tolerance, pattern, flags, timeLimitMs }: CreateOptions): void => {
  for (const [name, value] of Object.entries({
    'tolerance.absolute': tolerance?.absolute,
    'tolerance.relative': tolerance?.relative,
    timeLimitMs,
  })) {
    if (value !== undefined && !(Number.isFinite(value) && value >= 0))
      throw new GraderError('grader.options', `${name} to be a number from 0 up`, String(value))
  }
  try {
    new RegExp(pattern ?? '', flags)
  } catch (problem) {
    throw new GraderError('grader.options', 'a regular expression', `/${pattern ?? ''}/${flags ?? ''} (${(problem as Error).message})`)
  }
}

/**
 * Grades at once, without a worker. A pair that only the computer algebra or a regular expression
 * could decide is not correct and has the reason `undecided`; use `createGrader` to decide those too.
 */
export const gradeAnswer = (
  kind: GraderName,
  gold: Gold | null | undefined,
  answer: string | number | null | undefined,
  options: GraderOptions = {},
): Grade => {
  const { grade, open } = judgeAll(kindNamed(kind), gold, answer, options)
  return open.length === 0 ? grade : { correct: false, extracted: open[0]!.extracted, reason: 'undecided' }
}

const LARGEST_MEMORY = 5000

/** Opens a grader; the worker thread starts only when a pair needs it. Throws GraderError on an unknown kind or unusable options. */
export const createGrader = (kind: GraderName | (string & {}), options: CreateOptions = {}): Grader => {
  const { kinds, timeLimitMs = 1000, memoryMb = 512, workerUrl, ...rules } = options
  const chosen = kindNamed(kind, kinds)
  checkOptions(options)
  const beside = import.meta.url.endsWith('.ts') ? './algebraWorker.ts' : './algebraWorker.js'
  const worker = new LimitedWorker<Question, Reply>(workerUrl ?? new URL(beside, import.meta.url), {
    timeLimitMs,
    memoryMb,
    needs: ({ ask }) => (ask === 'same' ? 'algebra' : null),
  })
  // The same forms recur among the rollouts of one problem.
  const known = new Map<string, Promise<Grade>>()

  const ask = async (question: Question): Promise<Grade> => {
    const reply = await worker.ask(question)
    return typeof reply === 'string' ? { correct: false, extracted: null, reason: reply } : reply
  }
  const decide = (question: Question): Promise<Grade> => {
    if (question.ask === 'pattern') return ask(question)
    const key = JSON.stringify(question)
    const earlier = known.get(key)
    if (earlier !== undefined) return earlier
    if (known.size >= LARGEST_MEMORY) known.clear()
    const reply = ask(question)
    known.set(key, reply)
    reply.catch(() => known.delete(key))
    return reply
  }

  return {
    kind,
    grade: async (gold, answer) => {
      const { grade, open } = judgeAll(chosen, gold, answer, rules)
      let last = grade
      for (const judgement of open) {
        const decided = await decide(judgement.question)
        last = { ...decided, extracted: decided.extracted ?? judgement.extracted }
        if (last.correct) break
      }
      return last
    },
    close: () => worker.close(),
  }
}
