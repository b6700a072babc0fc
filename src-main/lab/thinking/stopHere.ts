// What would the model answer if it stopped thinking here? Samples answers from a boundary of a recorded rollout with the weights of a
// checkpoint: the prefix, the forced end of thinking, and K draws at the run's own temperature. Nothing is recorded.

import { LabError, type StopHereResult } from '../../../src-preload/contract.ts'
import { wilson } from '../../numeric/intervals.ts'
import { deriveSeed } from '../../numeric/rng.ts'
import { loadWeights, openPolicy, rowsFor } from '../../rollout/policy.ts'
import type { JobOptions, LabContext } from '../process/context.ts'
import type { StopHereRequest } from './requests.ts'
import { sampleSettings } from '../training/gather.ts'
import { found } from '../process/found.ts'
import { parseSpec } from '../training/runSpecs.ts'
import { deviceOf, loadStart, vocabularyOf } from '../training/start.ts'
import { askedAgain, taskOf } from '../training/tasks.ts'

/** Throws LabError `rollout.unknown`, `checkpoint.unknown`, `stopHere.noBoundary`, `stopHere.noWeights`. */
export async function stopHere(context: LabContext, request: StopHereRequest, { signal }: JobOptions): Promise<StopHereResult> {
  const { store, engine, now } = context
  const { rollout, problem, promptTokens, tokens, episodes, progress } = found(
    'rollout',
    request.rolloutId,
    store.rollouts.detail(request.rolloutId),
  )
  const offset = request.boundary === 0 ? 0 : episodes[request.boundary - 1]?.endToken
  if (offset === undefined)
    throw new LabError('stopHere.noBoundary', {
      expected: `a boundary from 0 to ${episodes.length}`,
      found: String(request.boundary),
      next: 'Choose the start or the end of an episode.',
    })
  const checkpoint =
    request.checkpointId === null
      ? rollout.runId === null
        ? null
        : store.checkpoints.newest(rollout.runId)
      : found('checkpoint', request.checkpointId, store.checkpoints.get(request.checkpointId))
  const runId = rollout.runId ?? checkpoint?.runId ?? null
  const run = runId === null ? null : store.runs.get(runId)
  if (checkpoint === null || run === null)
    throw new LabError('stopHere.noWeights', {
      expected: 'a checkpoint to answer with',
      found: 'a rollout whose run has none',
      next: 'Save a checkpoint of the run first, or choose one of another run.',
    })

  const spec = parseSpec(run.config)
  const start = await loadStart(store, `checkpoint:${checkpoint.id}`, now)
  const task = taskOf(store, spec, vocabularyOf(start))
  const settings = sampleSettings(spec)
  const maxLength = promptTokens.length + offset + task.format.terminationSuffix.length + settings.answerTokens + 1
  const weights = await loadWeights(engine, start.config, start.weights)
  const policy = await openPolicy(engine, start.config, weights, {
    rows: Math.min(request.samples, rowsFor(start.config, maxLength)),
    maxLength,
    temperature: settings.temperature,
    device: deviceOf(context, `checkpoint:${checkpoint.id}`),
  })
  try {
    const plans = Array.from({ length: request.samples }, (_, sample) => ({
      prompt: [...promptTokens],
      prefix: tokens,
      prefixTokens: offset,
      stopNow: true,
      seed: deriveSeed(now(), 'stop here', sample),
    }))
    const sampled = await policy.sample(task.format, plans, settings, { signal })
    const known = askedAgain(spec, problem, promptTokens)
    const answers = sampled.map((each) => {
      const answer = each.tokens.slice(offset + task.format.terminationSuffix.length)
      return {
        text: task.format.toText(answer),
        tokens: answer.length,
        correct: task.grade(known, each.tokens).correct,
        finishReason: each.finish === 'stop' ? ('stop' as const) : ('length' as const),
      }
    })
    const right = answers.filter((answer) => answer.correct).length
    return {
      boundary: request.boundary,
      tokenOffset: offset,
      checkpointId: checkpoint.id,
      temperature: settings.temperature,
      answers,
      estimate: { value: right / answers.length, ...wilson(right, answers.length), n: answers.length },
      recorded: progress[0]?.estimates.find((estimate) => estimate.boundary === request.boundary)?.value ?? null,
    }
  } finally {
    policy.dispose()
    weights.dispose()
  }
}
