// How often a model is right on tasks before any training: what a level is chosen by, since groups that are all right or all wrong teach
// nothing. Nothing is recorded.
import type { RunSpec, Tried } from '../../../src-preload/contract.ts'
import { wilson } from '../../numeric/intervals.ts'
import { deriveSeed } from '../../numeric/rng.ts'
import { loadWeights, openPolicy, rowsFor } from '../../rollout/policy.ts'
import type { JobOptions, LabContext } from '../process/context.ts'
import { loadStart, vocabularyOf } from './start.ts'
import { taskInWords, taskOf } from './tasks.ts'

export interface TryRequest extends Pick<RunSpec, 'start' | 'format'> {
  /** Tasks by name with one level each. */
  readonly levels: readonly { readonly name: string; readonly level: string }[]
  /** Problems of each level; a held-out split that has fewer gives what it has. */
  readonly problems: number
  readonly thinkingTokens: number
  readonly answerTokens: number
  readonly temperature: number
  readonly seed: number
}

/** One level after the other, in order. Throws LabError `run.task`, `run.format`, `run.vocabulary`, `start.unknown`. */
export async function* tryTasks(
  { store, engine, now }: LabContext,
  request: TryRequest,
  { signal }: Pick<JobOptions, 'signal'> = {},
): AsyncGenerator<Tried> {
  const start = await loadStart(store, request.start, now)
  const asked = request.levels.map(({ name, level }) => {
    const spec = { task: { name, options: { level } }, format: request.format }
    const task = taskOf(store, spec, vocabularyOf(start))
    return {
      name,
      level,
      words: taskInWords(store, spec),
      task,
      problems: task.problems('validation', Math.min(request.problems, task.size('validation') ?? request.problems), request.seed),
    }
  })
  const settings = {
    temperature: request.temperature,
    topK: 0,
    topP: 1,
    minP: 0,
    thinkingTokens: request.thinkingTokens,
    answerTokens: request.answerTokens,
  }
  const longest = (each: (typeof asked)[number]): number => Math.max(...each.problems.map(({ promptTokens }) => promptTokens.length))
  const maxLength =
    Math.max(...asked.map((each) => longest(each) + 2 * each.task.format.terminationSuffix.length)) +
    request.thinkingTokens +
    request.answerTokens +
    8
  const weights = await loadWeights(engine, start.config, start.weights)
  const policy = await openPolicy(engine, start.config, weights, {
    rows: Math.min(request.problems, rowsFor(start.config, maxLength)),
    maxLength,
    temperature: request.temperature,
    weights: 'stay',
  })
  try {
    for (const { name, level, words, task, problems } of asked) {
      const rollouts = await policy.sample(
        task.format,
        problems.map((problem, index) => ({ prompt: problem.promptTokens, seed: deriveSeed(request.seed, name, level, index) })),
        settings,
        { signal },
      )
      const grades = rollouts.map(({ tokens }, index) => task.grade(problems[index]!, tokens))
      const right = grades.filter(({ correct }) => correct).length
      yield {
        name,
        level,
        problems: problems.length,
        right,
        ...wilson(right, problems.length),
        listed: grades.filter(
          ({ correct, extracted }, index) => correct && extracted !== null && (words.answers(problems[index]!) ?? []).includes(extracted),
        ).length,
        tokens: rollouts.reduce((sum, { tokens }) => sum + tokens.length, 0) / rollouts.length,
        forced: rollouts.filter(({ forcedStop }) => forcedStop).length,
      }
    }
  } finally {
    policy.dispose()
    weights.dispose()
  }
}
