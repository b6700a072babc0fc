// Rollouts of the store as rollouts of the task, ours or imported: their problem, their tokens and the places where thinking can be
// stopped. Text that came without token ids is read with the tokenizer of the task; what cannot be read is told with the reason.

import { formatSpec, LabError, type Episode, type Evaluation, type RolloutDetail, type RunSpec } from '../../../src-preload/contract.ts'
import { boundariesInTokens } from '../../episodes/segmentTokens.ts'
import { segmentText } from '../../episodes/segmentText.ts'
import { readThinking } from '../../episodes/thinking.ts'
import { episodeRules, speak, type FormatSettings } from '../../rollout/format.ts'
import type { Store } from '../../store/openStore.ts'
import { createCountdown } from '../../tasks/countdown.ts'
import { datasetTask } from '../../tasks/dataset.ts'
import { graderKinds } from '../../tasks/graders/grader.ts'
import type { AnswerTrie, Problem, SpokenTask, Split, TaskFormat } from '../../tasks/types.ts'
import { placedEpisodes } from '../training/record.ts'
import { weightsOf } from '../answers/tokenizerOfRollout.ts'
import { parseSpec } from '../training/runSpecs.ts'
import { vocabularyOfName } from '../training/answering.ts'
import { loadStart, vocabularyOf } from '../training/start.ts'
import { askedAgain, importedProblem, taskOf, type Vocabulary } from '../training/tasks.ts'

const AS_WRITTEN: FormatSettings = { thoughts: 'auto', episodes: 'lines', examples: 0 }
export interface TaskRollout {
  readonly detail: RolloutDetail
  readonly problem: Problem
  readonly tokens: Int32Array
  /** [episodes + 1] offsets, 0 first. */
  readonly boundaries: readonly number[]
  readonly thinkEnd: number
  /** What its logits were divided by when it was drawn: J of it is of the same policy. 1 where its record does not say. */
  readonly temperature: number
  /** What the record lacks and this reading found. */
  readonly found: { readonly tokens: boolean; readonly episodes: readonly Episode[] | null }
}

/** The task whose tokens rollouts are written in, and how their problems are found. */
interface Reader {
  readonly task: SpokenTask
  readonly problemOf: (detail: RolloutDetail) => Problem | null
}

/** Ids that stand for the text; another tokenizer may use the same numbers for other words. */
function tokensOf({ vocabularySize, toText, toTokens }: TaskFormat, given: Int32Array, text: string): Int32Array | null {
  const same = (a: string, b: string): boolean => a.trim().replace(/\s+/g, ' ') === b.trim().replace(/\s+/g, ' ')
  if (given.length > 0 && given.every((id) => id >= 0 && id < vocabularySize) && (text === '' || same(toText(given), text))) return given
  const read = text === '' ? null : toTokens(text)
  return read === null ? null : Int32Array.from(read)
}

/** Rollouts from files and of runs that speak it: in the notation of the task that has one, their problems read off the prompt. */
function notationReader(): Reader {
  const task = createCountdown() as SpokenTask
  return {
    task,
    problemOf({ promptTokens, problem }) {
      const prompt = tokensOf(task.format, promptTokens, problem.prompt) ?? task.format.toTokens(problem.prompt)
      return prompt === null ? null : task.problemOf(prompt)
    },
  }
}

const SPLITS: readonly Split[] = ['train', 'validation', 'heldout']

/**
 * Rollouts of another trainer, to be answered by a model of text: their problems as a task, in its tokens. Thoughts end where the one reader of
 * thinking says, and an answer that was forced is what stands behind the last cue, since the thought may hold others. Null where nothing of it can be graded.
 */
function importedReader(store: Store, { size, tokenizer }: Vocabulary, details: readonly RolloutDetail[]): Reader | null {
  const dataset = details[0] === undefined ? null : store.datasets.get(details[0].problem.datasetId)
  if (tokenizer === null || dataset === null) return null
  const problems = [...new Map(details.map(({ problem }) => [problem.id, importedProblem(problem)])).values()]
  const grader = Object.hasOwn(graderKinds, dataset.grader) ? dataset.grader : 'math'
  if (problems.every(({ golds }) => golds.length === 0)) return null
  const spoken = speak(datasetTask({ id: dataset.id, name: dataset.name, grader, problems }), tokenizer, size, AS_WRITTEN) as SpokenTask
  const asked = new Map(
    SPLITS.flatMap((split) => spoken.problems(split, spoken.size(split) ?? 0, 0)).map((problem) => [problem.id, problem]),
  )
  const { format } = spoken
  const read: TaskFormat['read'] = (completion) => {
    const text = format.toText(completion)
    const thinking = readThinking(text)
    if (!thinking.marked) return format.read(completion)
    const ends = format.textEnds(completion)
    const thought = text.slice(0, thinking.end)
    const inner = segmentText(thought, episodeRules.lines).episodes.map(({ characters }) => characters.end)
    const [thinkEnd] = boundariesInTokens([thought.trimEnd().length], ends).slice(1)
    const boundaries = boundariesInTokens(inner, ends).filter((offset) => offset < thinkEnd!)
    return { boundaries: [...new Set([0, ...boundaries, thinkEnd!])], thinkEnd: thinkEnd!, answerStart: thinkEnd!, closed: thinking.closed }
  }
  return {
    task: {
      ...spoken,
      format: { ...format, read },
      grade(problem, completion) {
        const tokens = Array.from(completion)
        const suffix = format.terminationSuffix
        const at = tokens.findLastIndex((_, index) => suffix.every((token, offset) => tokens[index + offset] === token))
        return spoken.grade(problem, at < 0 ? tokens : tokens.slice(at))
      },
    },
    problemOf: ({ problem }) => asked.get(String(problem.id)) ?? null,
  }
}

/** Rollouts of an evaluation of weights that were trained by no run here: asked as its conditions say, in the tokens of those weights. Null for weights in notation. */
async function evaluationReader(store: Store, now: () => number, evaluation: Evaluation): Promise<Reader | null> {
  const { modelId, config } = evaluation
  const weights = weightsOf(evaluation)
  const { task: asked, format } = config as unknown as Partial<Pick<RunSpec, 'task' | 'format'>>
  if (asked === undefined || weights === null) return null
  const model = modelId === null ? null : store.models.get(modelId)
  if (model?.kind === 'starter') return null
  const vocabulary = await vocabularyOfName(store, weights, now)
  if (vocabulary.tokenizer === null) return null
  const task = taskOf(store, { task: asked, format: formatSpec.parse(format ?? {}) }, vocabulary)
  return { task, problemOf: ({ problem, promptTokens }) => askedAgain({ task: asked }, problem, promptTokens) }
}

/** The reader of rollouts of one run: in the tokens of the model that it trained; of imported ones in those of the model that is to answer for them. */
async function readerOf(store: Store, now: () => number, details: readonly RolloutDetail[], answering: string): Promise<Reader> {
  const [first] = details
  const evaluationId = first?.rollout.evaluationId ?? null
  const runId = first?.rollout.runId ?? (evaluationId === null ? null : (store.evaluations.get(evaluationId)?.runId ?? null))
  const run = runId === null ? null : store.runs.get(runId)
  const evaluation = run === null && evaluationId !== null ? store.evaluations.get(evaluationId) : null
  const asked = evaluation === null ? null : await evaluationReader(store, now, evaluation)
  if (asked !== null) return asked
  if (run === null || run.method === 'imported') {
    return importedReader(store, await vocabularyOfName(store, answering, now), details) ?? notationReader()
  }
  const spec = parseSpec(run.config)
  const start = await loadStart(store, spec.start, now)
  if (start.tokenizer === null) return notationReader()
  const task = taskOf(store, spec, vocabularyOf(start))
  return { task, problemOf: ({ problem, promptTokens }) => askedAgain(spec, problem, promptTokens) }
}

function temperatureOf({ provenance: { sampling } }: RolloutDetail): number {
  const { temperature } = (sampling ?? {}) as { readonly temperature?: unknown }
  return typeof temperature === 'number' && temperature > 0 && Number.isFinite(temperature) ? temperature : 1
}

/** Thinking tokens that stood before the model at once while it wrote. */
function windowOf({ provenance: { sampling } }: RolloutDetail): number {
  const { window } = (sampling ?? {}) as { readonly window?: unknown }
  return typeof window === 'number' ? window : Infinity
}

/** The one temperature of these rollouts. Throws LabError `measure.temperatures` where there are several, which no single figure can be of. */
export function sharedTemperature(rollouts: readonly TaskRollout[]): number {
  const found = [...new Set(rollouts.map(({ temperature }) => temperature))].sort((a, b) => a - b)
  if (found.length > 1)
    throw new LabError('measure.temperatures', {
      expected: 'rollouts drawn at one temperature',
      found: found.join(', '),
      next: 'Choose steps or a run whose rollouts share one.',
    })
  return found[0] ?? 1
}

/** A rollout of the task, or why it is none. */
function readRollout({ task, problemOf }: Reader, detail: RolloutDetail): TaskRollout | { readonly reason: string } {
  const { format } = task
  const tokens = tokensOf(format, detail.tokens, detail.text)
  if (tokens === null) return { reason: detail.text === '' && detail.tokens.length === 0 ? 'empty' : 'in words of another tokenizer' }
  const problem = problemOf(detail)
  if (problem === null) return { reason: `whose prompt asks no ${task.name} problem` }
  if (task.answerTrie(problem)?.strings === 0) return { reason: 'whose problem has no answer' }
  const thought = format.read(tokens)
  if (thought.thinkEnd > windowOf(detail)) return { reason: 'linearised, which no longer had all of their thought before them' }
  const recorded = [0, ...detail.episodes.map(({ endToken }) => endToken)]
  const keeps = detail.tokens.length === tokens.length && detail.episodes.length > 0 && recorded.at(-1)! <= tokens.length
  return {
    detail,
    problem,
    tokens,
    temperature: temperatureOf(detail),
    boundaries: keeps ? recorded : thought.boundaries,
    thinkEnd: thought.thinkEnd,
    found: {
      tokens: detail.tokens.length !== tokens.length || detail.promptTokens.length === 0,
      episodes:
        keeps || thought.boundaries.length === 1
          ? null
          : placedEpisodes(format, detail.text || format.toText(tokens), tokens, thought.boundaries).map((episode) => ({
              ...episode,
              bonus: null,
            })),
    },
  }
}

/** The accepted answers of a problem. Throws LabError `run.noAnswers` where they cannot be listed. */
export function listed(task: SpokenTask, problem: Problem): AnswerTrie {
  const answers = task.answerTrie(problem)
  if (answers !== null) return answers
  throw new LabError('run.noAnswers', {
    expected: `accepted answers of ${task.name} that can be listed, as exact J needs them`,
    found: 'a problem without',
    next: 'Sample J instead.',
  })
}

export interface Reading {
  readonly task: SpokenTask
  readonly rollouts: readonly TaskRollout[]
  readonly unreadable: Readonly<Record<string, number>>
}

/** Sorts out what can be measured by the weights named `answering`. Throws LabError `measure.unreadable` when there are rollouts and none of them can. */
export async function readRollouts(
  store: Store,
  now: () => number,
  details: readonly RolloutDetail[],
  answering: string,
): Promise<Reading> {
  const reader = await readerOf(store, now, details, answering)
  const read = details.map((detail) => readRollout(reader, detail))
  const unreadable: Record<string, number> = {}
  for (const each of read) if ('reason' in each) unreadable[each.reason] = (unreadable[each.reason] ?? 0) + 1
  const rollouts = read.flatMap((each) => ('reason' in each ? [] : [each]))
  if (details.length > 0 && rollouts.length === 0)
    throw new LabError('measure.unreadable', {
      expected: `rollouts in the words of the task that a model of this workspace was trained on (${reader.task.name}, ${reader.task.format.vocabularySize} tokens)`,
      found: Object.entries(unreadable)
        .map(([reason, count]) => `${count} ${reason}`)
        .join(', '),
      next: 'Import rollouts that carry J of their own, or import a model that reads them.',
    })
  return { task: reader.task, rollouts, unreadable }
}
