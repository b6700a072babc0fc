// How much regret depends on the way thoughts are cut, without reading between measured places: exact J wherever one of the rules cuts,
// under weights of one's choice at the temperature of the rollouts, in one pass per rollout. A study of the rules, so nothing is recorded.

import type { RolloutDetail, SegmentationRow } from '../../../src-preload/contract.ts'
import { wordEnds } from '../../episodes/cutsOfRule.ts'
import { requireMeasuring } from '../../rollout/sampler.ts'
import type { JobOptions, LabContext } from '../process/context.ts'
import type { SensitivityRequest } from './requests.ts'
import { countedOf, detailsOf, rowsOf, thin } from './measuredRollouts.ts'
import { openProgressMeter } from '../process/progressMeter.ts'
import { openAnswerer } from './answerer.ts'
import type { TaskFormat } from '../../tasks/types.ts'
import { listed, readRollouts, type TaskRollout } from './taskRollouts.ts'
import { placesOf, segmentationRows, type KnownThought } from './thinkingSegments.ts'

/** Rollouts measured at once; each is cut in a few dozen places. */
const BATCH = 8
const neverAborted = new AbortController().signal

/**
 * The text of a rollout as far as it is thought, and where each of its tokens ends in its text: its own where its tokens are its words, otherwise what its tokens say, which
 * may be spaced in another way.
 */
function textOf(
  format: TaskFormat,
  { detail: { text: whole }, tokens, thinkEnd }: TaskRollout,
): { readonly text: string; readonly tokenEnds: readonly number[] } {
  const said = format.toText(tokens)
  const words = said === whole ? null : wordEnds(whole, tokens.length)
  const tokenEnds = words ?? format.textEnds(tokens)
  return { text: (words === null ? said : whole).slice(0, thinkEnd === 0 ? 0 : tokenEnds[thinkEnd - 1]!), tokenEnds }
}

/** Throws LabError `segment.rule`, `segment.slow`, `measure.temperatures`, `measure.unreadable` or `measure.vocabulary`. */
export async function measureCuts(
  context: LabContext,
  request: SensitivityRequest,
  { signal = neverAborted, onEvent }: JobOptions,
): Promise<SegmentationRow[]> {
  const { store, now } = context
  const details: RolloutDetail[] = []
  for await (const detail of detailsOf(store, thin(rowsOf(store, request.scope), request.limit), signal)) details.push(detail)
  const { task, rollouts } = await readRollouts(store, now, details, request.start)
  const known = rollouts.map((rollout) => ({ rollout, thinkEnd: rollout.thinkEnd, ...textOf(task.format, rollout) }))
  const places = await placesOf(known, request.rules, signal)
  const placed = known.map((each, at) => ({ ...each, places: places[at]! }))
  const meter = openProgressMeter({ job: 'cuts', label: 'measuring J at every cut', total: placed.length, unit: 'rollouts', now })
  const answerer = await openAnswerer(context, request.start, { task, rollouts: placed.map(({ rollout }) => rollout) }, 1, {
    work: 'cuts',
    signal,
  })
  try {
    requireMeasuring(answerer.sampler)
    const thoughts: KnownThought[] = []
    for (let from = 0; from < placed.length; from += BATCH) {
      signal.throwIfAborted()
      const batch = placed.slice(from, from + BATCH)
      const traces = batch.map(({ rollout: { problem, tokens }, places }) => ({
        prompt: problem.promptTokens,
        completion: tokens,
        cuts: places,
        answers: listed(task, problem),
      }))
      const { J } = await answerer.sampler.measure(traces, task.format.terminationSuffix, signal)
      batch.forEach(({ rollout: { detail, problem, tokens, thinkEnd }, text, tokenEnds, places }, index) =>
        thoughts.push({
          problemId: detail.problem.id,
          cluster: task.cluster(problem),
          text,
          tokenEnds,
          thinkEnd,
          offsets: places,
          J: J[index]!,
          trace: {
            promptTokens: problem.promptTokens.length,
            suffixTokens: 0,
            boundaries: places,
            answerTokens: places.map(() => tokens.length - thinkEnd),
            accuracy: J[index]!,
          },
        }),
      )
      onEvent?.({ kind: 'progress', runId: null, report: meter.at(from + batch.length) })
    }
    return await segmentationRows(thoughts, { ...request, counted: countedOf(store, request.scope, request.counted) }, signal)
  } finally {
    answerer.dispose()
  }
}
