// Rollouts of the store as rollouts of the task, ours or imported: their problem, their tokens and the places where thinking can be
// stopped. Text that came without token ids is read with the tokenizer of the task; what cannot be read is told with the reason. Also the
// opening of the weights that are to answer for them.

import { LabError, type Episode, type RolloutDetail } from '../../src-preload/contract.ts'
import { segmentTokens } from '../episodes/segmentTokens.ts'
import type { Engine } from '../engine/engine.ts'
import { createWeights, openPolicy, type Policy } from '../rollout/policy.ts'
import type { SampleSettings } from '../rollout/sample.ts'
import { COUNTDOWN_FORMAT, createCountdown } from '../tasks/countdown.ts'
import { TaskError, type Problem, type SpokenTask } from '../tasks/types.ts'
import type { LabContext } from './context.ts'
import { loadStart, type Start } from './start.ts'

const ROWS = 256
/** Tokens of an answer at most, for any number of numbers. */
export const ANSWER_TOKENS = 32

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

export const task = createCountdown() as SpokenTask
const format = COUNTDOWN_FORMAT

function tokensOfText(text: string): Int32Array | null {
  try {
    return Int32Array.from(format.toTokens(text))
  } catch (error) {
    if (error instanceof TaskError) return null
    throw error
  }
}

/** Ids that stand for the text; another tokenizer may use the same numbers for other words. */
function tokensOf(given: Int32Array, text: string): Int32Array | null {
  if (given.length > 0 && given.every((id) => id >= 0 && id < format.vocabularySize) && (text === '' || format.toText(given) === text.trim().replace(/\s+/g, ' '))) return given
  return text === '' ? null : tokensOfText(text)
}

function episodesOf(tokens: Int32Array, boundaries: readonly number[]): Episode[] {
  // Tokens are words apart by single spaces, as `toText` writes them.
  const ends: number[] = []
  for (const token of tokens) ends.push((ends.at(-1) ?? -1) + 1 + format.toText([token]).length)
  return boundaries.slice(1).map((end, index) => {
    const start = boundaries[index]!
    return { index, startToken: start, endToken: end, textStart: start === 0 ? 0 : ends[start - 1]! + 1, textEnd: ends[end - 1]!, marker: index === 0 ? '' : format.toText([tokens[start]!]), bonus: null }
  })
}

function temperatureOf({ provenance: { sampling } }: RolloutDetail): number {
  const { temperature } = (sampling ?? {}) as { readonly temperature?: unknown }
  return typeof temperature === 'number' && temperature > 0 && Number.isFinite(temperature) ? temperature : 1
}

/** The one temperature of these rollouts. Throws LabError `measure.temperatures` where there are several, which no single figure can be of. */
export function sharedTemperature(rollouts: readonly TaskRollout[]): number {
  const found = [...new Set(rollouts.map(({ temperature }) => temperature))].sort((a, b) => a - b)
  if (found.length > 1) throw new LabError('measure.temperatures', { expected: 'rollouts drawn at one temperature', found: found.join(', '), next: 'Choose steps or a run whose rollouts share one.' })
  return found[0] ?? 1
}

/** A rollout of the task, or why it is none. */
export function readRollout(detail: RolloutDetail): TaskRollout | { readonly reason: string } {
  const tokens = tokensOf(detail.tokens, detail.text)
  if (tokens === null) return { reason: detail.text === '' && detail.tokens.length === 0 ? 'empty' : 'in words of another tokenizer' }
  const prompt = tokensOf(detail.promptTokens, detail.problem.prompt) ?? tokensOfText(detail.problem.prompt)
  const problem = prompt === null ? null : task.problemOf(prompt)
  if (problem === null) return { reason: 'whose prompt asks no Countdown problem' }
  if (task.answerTrie(problem)!.strings === 0) return { reason: 'whose problem has no answer' }
  const thought = segmentTokens(tokens, { openers: [format.episodeOpener], thinkClose: format.thinkClose, eos: format.eos })
  const recorded = [0, ...detail.episodes.map(({ endToken }) => endToken)]
  const keeps = detail.tokens.length === tokens.length && detail.episodes.length > 0 && recorded.at(-1)! <= tokens.length
  return {
    detail, problem, tokens, temperature: temperatureOf(detail), boundaries: keeps ? recorded : thought.boundaries, thinkEnd: thought.thinkEnd,
    found: { tokens: detail.tokens.length !== tokens.length || detail.promptTokens.length === 0, episodes: keeps || thought.boundaries.length === 1 ? null : episodesOf(tokens, thought.boundaries) },
  }
}

export interface Reading {
  readonly rollouts: readonly TaskRollout[]
  readonly unreadable: Readonly<Record<string, number>>
}

/** Sorts out what can be measured. Throws LabError `measure.unreadable` when there are rollouts and none of them can. */
export function readRollouts(details: readonly RolloutDetail[]): Reading {
  const read = details.map(readRollout)
  const unreadable: Record<string, number> = {}
  for (const each of read) if ('reason' in each) unreadable[each.reason] = (unreadable[each.reason] ?? 0) + 1
  const rollouts = read.flatMap((each) => ('reason' in each ? [] : [each]))
  if (details.length > 0 && rollouts.length === 0)
    throw new LabError('measure.unreadable', {
      expected: `rollouts in the words of the task that a model of this workspace was trained on (Countdown, ${format.vocabularySize} tokens)`,
      found: Object.entries(unreadable).map(([reason, count]) => `${count} ${reason}`).join(', '),
      next: 'Import rollouts that carry J of their own, or import a model that reads them.',
    })
  return { rollouts, unreadable }
}

export interface Answerer {
  readonly start: Start
  readonly policy: Policy
  /** How answers are drawn: from all tokens, at the temperature of the rollouts. */
  readonly settings: SampleSettings
  dispose(): void
}

/** The weights that answer, at the temperature of these rollouts. Throws LabError `start.unknown`, `measure.temperatures`, or `measure.vocabulary` for a model of another tokenizer. */
export async function openAnswerer(store: LabContext['store'], engine: Engine, now: () => number, name: string, rollouts: readonly TaskRollout[], rows: number): Promise<Answerer> {
  const temperature = sharedTemperature(rollouts)
  const start = await loadStart(store, name, now)
  if (start.config.vocabSize !== format.vocabularySize)
    throw new LabError('measure.vocabulary', { expected: `a model of the ${format.vocabularySize} tokens that these rollouts are written in`, found: `one of ${start.config.vocabSize}`, next: 'Choose a checkpoint trained on the same task.' })
  const weights = createWeights(engine, start.config, start.tensors)
  const longest = Math.max(1, ...rollouts.map(({ problem, boundaries }) => problem.promptTokens.length + boundaries.at(-1)!))
  const policy = await openPolicy(engine, start.config, weights, { rows: Math.min(ROWS, Math.max(1, rows)), maxLength: longest + format.terminationSuffix.length + ANSWER_TOKENS + 1, temperature })
  return {
    start, policy, settings: { temperature, topK: 0, topP: 1, minP: 0, thinkingTokens: 1, answerTokens: ANSWER_TOKENS },
    dispose() {
      policy.dispose()
      weights.dispose()
    },
  }
}
