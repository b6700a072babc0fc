// The weights that answer for rollouts of the store, with the room that these need and at their temperature.
import { LabError } from '../../../src-preload/contract.ts'
import type { SampleSettings } from '../../rollout/sample.ts'
import type { Sampler } from '../../rollout/sampler.ts'
import type { LabContext } from '../process/context.ts'
import { openAnswering, type AnsweringWork } from '../training/answering.ts'
import { deviceOf } from '../training/start.ts'
import { sharedTemperature, type Reading } from './taskRollouts.ts'

/** Tokens of an answer at most, for any number of numbers. */
const ANSWER_TOKENS = 32

export interface Answerer {
  readonly sampler: Sampler
  /** The model and its address where another program answers; null where the engine here does. */
  readonly served: string | null
  /** How answers are drawn: at the temperature of the rollouts, whatever else was asked. */
  readonly settings: SampleSettings
  /** The work is done: answers of a server that were kept for it are let go. */
  done(): void
  dispose(): void
}

/**
 * The weights that answer, at the temperature of these rollouts, on the device of the run that made them where it is proven here. Throws LabError `start.unknown`, `measure.temperatures`, `measure.vocabulary` for a
 * model of another tokenizer, and what asking a server throws.
 * @param drawn how answers are drawn; unless given, from all tokens and as long as any number needs
 */
export async function openAnswerer(
  context: LabContext,
  name: string,
  { task: { format }, rollouts }: Pick<Reading, 'task' | 'rollouts'>,
  rows: number,
  work: AnsweringWork,
  drawn: Partial<SampleSettings> = {},
): Promise<Answerer> {
  const temperature = sharedTemperature(rollouts)
  const answering = await openAnswering(context, name, work)
  if (answering.vocabulary.size !== format.vocabularySize)
    throw new LabError('measure.vocabulary', {
      expected: `a model of the ${format.vocabularySize} tokens that these rollouts are written in`,
      found: `one of ${answering.vocabulary.size}`,
      next: 'Choose a checkpoint trained on the same task.',
    })
  const longest = Math.max(1, ...rollouts.map(({ problem, boundaries }) => problem.promptTokens.length + boundaries.at(-1)!))
  const settings = { topK: 0, topP: 1, minP: 0, thinkingTokens: 1, answerTokens: ANSWER_TOKENS, ...drawn, temperature }
  const maxLength = longest + format.terminationSuffix.length + settings.answerTokens + 1
  const { sampler, dispose } = await answering.open({ maxLength, temperature, rows, device: deviceOf(context, name) })
  return { sampler, served: answering.served, settings, done: answering.done, dispose }
}
