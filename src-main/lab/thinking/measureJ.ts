// Measures J at the boundaries of rollouts that are in the store already, with weights of one's choice, at the temperature at which each was
// drawn: exactly, or by sampling K answers at each. Each batch is recorded as it is done, so a cancelled measurement keeps what it had.
// Rollouts that have this measurement are left; those that came without a verdict are graded, since what J is held against is the outcome.

import { LabError, type Estimator, type RolloutDetail } from '../../../src-preload/contract.ts'
import type { Interval } from '../../numeric/intervals.ts'
import { deriveSeed } from '../../numeric/rng.ts'
import { sampledMu } from '../../rollout/sampledMu.ts'
import { requireMeasuring } from '../../rollout/sampler.ts'
import type { SpokenTask } from '../../tasks/types.ts'
import type { JobOptions, LabContext } from '../process/context.ts'
import type { MeasureRequest, Measurement } from './requests.ts'
import { detailsOf, estimatorKey, isComplete, rowsOf, thin } from './measuredRollouts.ts'
import { openProgressMeter } from '../process/progressMeter.ts'
import { servedTitle } from '../training/servedModel.ts'
import { servedModel } from '../training/start.ts'
import { templateOf } from '../training/tasks.ts'
import { openAnswerer, type Answerer } from './answerer.ts'
import { listed, readRollouts, type TaskRollout } from './taskRollouts.ts'

/** Rollouts between two records; sampling asks for `samples` rows of each of their boundaries. */
const BATCH = { exact: 32, sampled: 16 } as const
const SEED = 20_260_101

interface Curve {
  readonly J: ArrayLike<number>
  readonly intervals: readonly Interval[] | null
  readonly tokens: number
}

const neverAborted = new AbortController().signal

/** Throws LabError `measure.nothing` where every rollout has it, `measure.unreadable` and `measure.vocabulary` where none can be measured. */
export async function measureJ(
  context: LabContext,
  request: MeasureRequest,
  { signal = neverAborted, onEvent }: JobOptions,
): Promise<Measurement> {
  const { store, now } = context
  const details: RolloutDetail[] = []
  for await (const detail of detailsOf(store, thin(rowsOf(store, request.scope), request.limit), signal)) details.push(detail)
  const { task, rollouts, unreadable } = await readRollouts(store, now, details, request.start)

  const [, checkpoint] = /^checkpoint:(\d+)$/.exec(request.start) ?? []
  const checkpointId = checkpoint === undefined ? null : Number(checkpoint)
  const served = servedModel(store, request.start)
  const estimatorAt = (temperature: number): Estimator => ({
    method: request.method,
    samples: request.method === 'exact' ? 0 : request.samples,
    weights: 'checkpoint',
    checkpointId,
    step: checkpointId === null ? 0 : (store.checkpoints.get(checkpointId)?.step ?? null),
    prover: 1,
    template: templateOf(task),
    temperature,
    ...(served && { served: servedTitle(served) }),
  })
  const has = ({ detail, temperature }: TaskRollout): boolean => {
    const estimator = estimatorAt(temperature)
    return detail.progress.some(
      (curve) =>
        isComplete(detail, curve) && estimatorKey(curve.estimator) === estimatorKey(estimator) && curve.estimator.step === estimator.step,
    )
  }
  const waiting = rollouts.filter((rollout) => !has(rollout))
  if (waiting.length === 0)
    throw new LabError('measure.nothing', {
      expected: 'rollouts without this measurement',
      found: `${rollouts.length} rollouts, all of which have it`,
      next: 'Choose other weights, another method or other rollouts.',
    })

  const meter = openProgressMeter({ job: 'measure', label: 'measuring J', total: waiting.length, unit: 'rollouts', now })
  const tell = (done: number): void => onEvent?.({ kind: 'progress', runId: null, report: meter.at(done) })
  tell(0)
  let done = 0
  for (const [temperature, alike] of Map.groupBy(waiting, (rollout) => rollout.temperature)) {
    const answerer = await openAnswerer(
      context,
      request.start,
      { task, rollouts: alike },
      request.method === 'exact' ? 1 : request.samples * 8,
      { work: `J ${request.method} ${temperature}`, signal },
    )
    try {
      if (request.method === 'exact') requireMeasuring(answerer.sampler)
      const size = BATCH[request.method]
      for (let from = 0; from < alike.length; from += size) {
        signal.throwIfAborted()
        const batch = alike.slice(from, from + size)
        const curves = await measurers[request.method](task, answerer, batch, request, signal)
        batch.forEach((rollout, index) => record(store, task, rollout, estimatorAt(temperature), curves[index]!))
        // Tokens that were counted and answers that were graded belong to what is known of their steps.
        for (const [runId, members] of Map.groupBy(
          batch.filter(({ detail }) => detail.rollout.phase === 'imported' && detail.rollout.runId !== null),
          ({ detail }) => detail.rollout.runId!,
        ))
          store.imported.derive(runId, [...new Set(members.map(({ detail }) => detail.rollout.step))], now())
        tell((done += batch.length))
      }
      answerer.done()
    } finally {
      answerer.dispose()
    }
  }
  return { measured: waiting.length, known: rollouts.length - waiting.length, unreadable }
}

const measurers: {
  readonly [M in MeasureRequest['method']]: (
    task: SpokenTask,
    answerer: Answerer,
    batch: readonly TaskRollout[],
    request: MeasureRequest,
    signal: AbortSignal,
  ) => Promise<Curve[]>
} = {
  async exact(task, { sampler }, batch, _request, signal) {
    const traces = batch.map(({ problem, tokens, boundaries }) => ({
      prompt: problem.promptTokens,
      completion: tokens,
      cuts: boundaries,
      answers: listed(task, problem),
    }))
    const mu = await sampler.measure(traces, task.format.terminationSuffix, signal)
    return mu.J.map((J, index) => ({ J, intervals: boundsOf(J, mu.missing?.[index]), tokens: mu.forwardedTokens / mu.cuts }))
  },
  async sampled(task, { sampler, settings }, batch, { samples }, signal) {
    const traces = batch.map(({ problem, tokens, boundaries, detail }) => ({
      problem,
      completion: tokens,
      cuts: boundaries,
      seed: deriveSeed(SEED, 'measure J', detail.rollout.id),
    }))
    const mu = await sampledMu(sampler, task, traces, samples, settings, signal)
    const cuts = traces.reduce((sum, trace) => sum + trace.cuts.length, 0)
    return mu.J.map((J, index) => ({ J, intervals: mu.intervals[index]!, tokens: mu.generatedTokens / cuts }))
  },
}

/** What the accepted answers that a server did not weigh may add to J. */
const boundsOf = (J: Float64Array, missing: Float64Array | undefined): Interval[] | null =>
  missing === undefined ? null : Array.from(J, (low, at) => ({ low: Math.min(1, low), high: Math.min(1, low + missing[at]!) }))

function record(
  store: LabContext['store'],
  task: SpokenTask,
  { detail, problem, tokens, boundaries, thinkEnd, found }: TaskRollout,
  estimator: Estimator,
  { J, intervals, tokens: forwarded }: Curve,
): void {
  const { id } = detail.rollout
  if (found.tokens) store.rollouts.setTokens(id, Int32Array.from(problem.promptTokens), tokens, thinkEnd)
  if (detail.rollout.correct === null) {
    const { correct, extracted } = task.grade(problem, tokens)
    store.rollouts.setGrade(id, correct, extracted)
  }
  if (found.episodes !== null) store.rollouts.setEpisodes(id, found.episodes)
  store.rollouts.addProgress(id, {
    estimator,
    estimates: boundaries.map((tokenOffset, boundary) => ({
      // Sums over many right answers end a rounding error above 1.
      boundary,
      tokenOffset,
      value: Math.min(1, J[boundary]!),
      low: intervals?.[boundary]?.low ?? null,
      high: intervals?.[boundary]?.high ?? null,
      tokensForwarded: Math.round(forwarded),
    })),
  })
}
