// What would a model answer if thinking stopped here? Samples answers from a boundary of a rollout on record, ours or imported, with the weights of
// a checkpoint, of a model, or of a server: the prefix, the forced end of thinking, and K draws at the temperature of the rollout. Nothing is recorded.

import { LabError, type RolloutDetail, type StopHereResult } from '../../../src-preload/contract.ts'
import { wilson } from '../../numeric/intervals.ts'
import { deriveSeed } from '../../numeric/rng.ts'
import type { Store } from '../../store/openStore.ts'
import type { JobOptions, LabContext } from '../process/context.ts'
import { found } from '../process/found.ts'
import { sampleSettings } from '../training/gather.ts'
import { parseSpec } from '../training/runSpecs.ts'
import { openAnswerer } from './answerer.ts'
import type { StopHereRequest } from './requests.ts'
import { readRollouts } from './taskRollouts.ts'

const neverAborted = new AbortController().signal

/**
 * Throws LabError `rollout.unknown`, `checkpoint.unknown`, `start.unknown`, `stopHere.noBoundary`, `stopHere.noWeights`, `measure.unreadable`,
 * `measure.vocabulary`, and what asking a server throws.
 */
export async function stopHere(
  context: LabContext,
  request: StopHereRequest,
  { signal = neverAborted }: JobOptions,
): Promise<StopHereResult> {
  const { store, now } = context
  const detail = found('rollout', request.rolloutId, store.rollouts.detail(request.rolloutId))
  const start = request.start ?? newestOf(store, detail)
  const { task, rollouts } = await readRollouts(store, now, [detail], start)
  const [rollout] = rollouts
  const { problem, tokens, boundaries } = rollout!
  const offset = boundaries[request.boundary]
  if (offset === undefined)
    throw new LabError('stopHere.noBoundary', {
      expected: `a boundary from 0 to ${boundaries.length - 1}`,
      found: String(request.boundary),
      next: 'Choose the start or the end of an episode.',
    })
  const answerer = await openAnswerer(
    context,
    start,
    { task, rollouts },
    request.samples,
    { work: `stop here ${request.rolloutId} ${request.boundary}`, signal },
    drawnBy(store, detail),
  )
  try {
    const plans = Array.from({ length: request.samples }, (_, sample) => ({
      prompt: problem.promptTokens,
      prefix: tokens,
      prefixTokens: offset,
      stopNow: true,
      seed: deriveSeed(now(), 'stop here', sample),
    }))
    const sampled = await answerer.sampler.sample(task.format, plans, answerer.settings, { signal })
    answerer.done()
    const answers = sampled.map((each) => {
      const answer = each.tokens.slice(offset + task.format.terminationSuffix.length)
      return {
        text: task.format.toText(answer),
        tokens: answer.length,
        correct: task.grade(problem, each.tokens).correct,
        finishReason: each.finish === 'stop' ? ('stop' as const) : ('length' as const),
      }
    })
    const right = answers.filter((answer) => answer.correct).length
    return {
      boundary: request.boundary,
      tokenOffset: offset,
      start,
      temperature: answerer.settings.temperature,
      answers,
      estimate: { value: right / answers.length, ...wilson(right, answers.length), n: answers.length },
      recorded: detail.progress[0]?.estimates.find((estimate) => estimate.boundary === request.boundary)?.value ?? null,
    }
  } finally {
    answerer.dispose()
  }
}

const runOf = (store: Store, { rollout }: RolloutDetail) => (rollout.runId === null ? null : store.runs.get(rollout.runId))

/** How answers are drawn for a rollout of a run here: as the run drew its own. */
function drawnBy(store: Store, detail: RolloutDetail) {
  const run = runOf(store, detail)
  return run === null || run.method === 'imported' ? {} : sampleSettings(parseSpec(run.config))
}

/** The newest weights of the rollout's own run. */
function newestOf(store: Store, detail: RolloutDetail): string {
  const run = runOf(store, detail)
  const checkpoint = run === null ? null : store.checkpoints.newest(run.id)
  if (checkpoint === null)
    throw new LabError('stopHere.noWeights', {
      expected: 'weights to answer with',
      found: 'a rollout whose run has none here',
      next: 'Choose weights of this workspace or a served model, or save a checkpoint of the run first.',
    })
  return `checkpoint:${checkpoint.id}`
}
