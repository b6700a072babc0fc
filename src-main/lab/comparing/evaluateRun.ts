// Evaluates a run's newest checkpoint, or the weights that runs start from, and records everything: curves, one result per problem, and
// the rollouts behind them. What is measured is decided in evaluate.ts.
import { isDeepStrictEqual } from 'node:util'
import type { Evaluation, EvaluationResult, NewRollout, RunSpec } from '../../../src-preload/contract.ts'
import { countedIn, countedTitles, isOfText, LabError } from '../../../src-preload/contract.ts'
import type { EvaluationTarget, JobOptions, LabContext } from '../process/context.ts'
import { requireDevice } from '../process/deviceTests.ts'
import { SAMPLED_ANSWERS } from '../training/estimate.ts'
import { conditionsUnder } from './compareArms.ts'
import { evaluate, isExact } from './evaluate.ts'
import type { EvaluatedProblem } from './evaluate.ts'
import { atOnce, budgetsOf, longestOf } from './evaluationBudgets.ts'
import { openProgressMeter } from '../process/progressMeter.ts'
import { rolloutRecords } from '../training/record.ts'
import { openAnswering, type Answering } from '../training/answering.ts'
import { servedModel, startCheckpoint } from '../training/start.ts'
import type { Split } from '../../tasks/types.ts'
import { lengthOf, openProblems, templateOf } from '../training/tasks.ts'
import type { ProblemRecords, ProblemSource } from '../training/tasks.ts'
import { parseSpec, spoken } from '../training/runSpecs.ts'

/** Returns the id of the evaluation. Throws LabError `run.unknown`, `evaluation.noCheckpoint`, `evaluation.longest`, `evaluation.tooLong` or `device.unproven`. */
export async function evaluateRun(context: LabContext, target: EvaluationTarget, options: JobOptions = {}): Promise<number> {
  const { store, now } = context
  const { spec: asked, runId, checkpointId, step, weights, name } = resolve(context, target)
  const split = target.split ?? 'heldout'
  const answering = await openAnswering(context, weights, {
    work: JSON.stringify(['evaluation', split, conditionsOf(asked)]),
    ...(options.signal && { signal: options.signal }),
  })
  const spec = spoken(asked, answering.vocabulary.tokenizer !== null)
  const source = openProblems(store, spec, now, answering.vocabulary)
  const length = lengthOf(source, atOnce(spec), spec.budget.answerTokens)
  if (answering.maxPositions !== null && length > answering.maxPositions)
    throw new LabError('evaluation.tooLong', {
      expected: `thoughts that fit into the ${answering.maxPositions} positions of ${name}`,
      found: `${length} tokens with prompt and answer`,
      next: 'Set evaluation.longest to less and leave out budgets beyond it, or set evaluation.window, behind which rollouts think on for any length.',
    })
  if (answering.served === null) requireDevice(spec.device, context.deviceTests)
  const opened = await answering.open({ maxLength: length, temperature: spec.sampling.temperature, device: spec.device })
  const evaluationId = store.evaluations.add({
    name,
    runId,
    checkpointId,
    modelId: answering.modelId,
    datasetId: source.datasetId,
    split,
    step,
    config: {
      ...conditionsOf(spec),
      estimator: isExact(opened.sampler, source)
        ? 'exact mu at boundaries and budgets'
        : `mu of ${SAMPLED_ANSWERS} sampled answers at boundaries and budgets`,
      tokensCounted: countedTitles[countedIn(spec)],
    },
    budgets: budgetsOf(spec),
    trainedBudget: spec.budget.thinkingTokens,
    samplesPerProblem: spec.evaluation.samples,
    createdAtMs: now(),
  }).id
  return measure(context, options, { spec, runId, checkpointId, step, answering, opened, split, source, evaluationId, name })
}

/** Everything in a specification that the numbers of an evaluation of given weights depend on: all but when it is made. */
function conditionsOf(spec: RunSpec) {
  const { every: _every, ...evaluation } = spec.evaluation
  const { task, format, sampling, budget, device } = spec
  return { ...evaluation, longest: longestOf(spec), task, format, sampling, budget, device }
}

interface Resolved {
  readonly spec: RunSpec
  readonly runId: number | null
  readonly checkpointId: number | null
  readonly step: number | null
  /** Whose numbers these are, as a specification names its start. */
  readonly weights: string
  readonly name: string
}

function resolve({ store }: LabContext, target: EvaluationTarget): Resolved {
  if ('startOf' in target)
    return {
      spec: target.startOf,
      runId: null,
      checkpointId: startCheckpoint(target.startOf.start),
      step: 0,
      weights: target.startOf.start,
      name: servedModel(store, target.startOf.start)?.name ?? 'start',
    }
  const run = store.runs.get(target.runId)
  if (!run)
    throw new LabError('run.unknown', { expected: 'the id of a run', found: String(target.runId), next: 'List the runs with `mrt runs`.' })
  const checkpoint = target.checkpointId === undefined ? store.checkpoints.newest(run.id) : store.checkpoints.get(target.checkpointId)
  if (!checkpoint)
    throw new LabError('evaluation.noCheckpoint', {
      expected: `a checkpoint of run ${run.id}`,
      found: 'none',
      next: 'Train the run first.',
    })
  return {
    spec: parseSpec(run.config),
    runId: run.id,
    checkpointId: checkpoint.id,
    step: checkpoint.step,
    weights: `checkpoint:${checkpoint.id}`,
    name: run.name,
  }
}

async function measure(
  context: LabContext,
  options: JobOptions,
  {
    spec,
    runId,
    checkpointId,
    step,
    answering,
    opened: { sampler, dispose },
    split,
    source,
    evaluationId,
    name,
  }: Omit<Resolved, 'weights'> & {
    answering: Answering
    opened: Awaited<ReturnType<Answering['open']>>
    split: Split
    source: ProblemSource & ProblemRecords
    evaluationId: number
  },
): Promise<number> {
  const { store, now } = context
  const began = performance.now()
  const meter = openProgressMeter({ job: `evaluation ${evaluationId}`, label: `evaluating ${name}`, total: 100, unit: '%', now })
  try {
    const outcome = await evaluate(sampler, source, spec, {
      split,
      signal: options.signal,
      onProgress: (share) => options.onEvent?.({ kind: 'progress', runId, report: meter.at(share * 100) }),
    })
    record(context, { spec, checkpointId, step, split, source, evaluationId, served: answering.served }, outcome.problems)
    store.evaluations.finish(evaluationId, {
      status: 'finished',
      atMs: now(),
      wallMs: performance.now() - began,
      tokens: outcome.tokens,
      metrics: outcome.metrics,
      points: outcome.points,
    })
    answering.done()
    if (runId !== null)
      for (const { id } of interruptedEvaluations(store, runId))
        if (isSame(store.evaluations.get(id)!, { checkpointId, split })) store.evaluations.remove(id)
    options.onEvent?.({ kind: 'progress', runId, report: meter.at(100) })
    options.onEvent?.({ kind: 'evaluation', evaluation: store.evaluations.get(evaluationId)! })
    return evaluationId
  } catch (error) {
    store.evaluations.finish(evaluationId, {
      status: options.signal?.aborted ? 'interrupted' : 'failed',
      atMs: now(),
      wallMs: performance.now() - began,
      tokens: 0,
      metrics: {},
      points: [],
    })
    throw error
  } finally {
    dispose()
  }
}

const isSame = (evaluation: Pick<Evaluation, 'checkpointId' | 'split'>, other: Pick<Evaluation, 'checkpointId' | 'split'>): boolean =>
  evaluation.checkpointId === other.checkpointId && evaluation.split === other.split

/** Evaluations of a run that were cut short and whose weights are still there; what is finished of the same weights and problems takes their place. */
export function interruptedEvaluations({ evaluations }: LabContext['store'], runId: number): Evaluation[] {
  return evaluations.ofRun(runId).filter(({ status, checkpointId }) => status === 'interrupted' && checkpointId !== null)
}

/** Makes anew every evaluation of the run that was cut short, once for the same weights and problems. Returns the ids of the new ones. */
export async function finishEvaluations(context: LabContext, runId: number, options: JobOptions = {}): Promise<number[]> {
  const made: number[] = []
  for (;;) {
    options.signal?.throwIfAborted()
    const next = interruptedEvaluations(context.store, runId)[0]
    if (next === undefined) return made
    made.push(await evaluateRun(context, { runId, checkpointId: next.checkpointId!, split: next.split as Split }, options))
  }
}

interface Recording {
  readonly spec: RunSpec
  readonly checkpointId: number | null
  readonly step: number | null
  readonly split: Split
  readonly source: Pick<ProblemSource, 'task'> & ProblemRecords
  readonly evaluationId: number
  readonly served: string | null
}

function record(
  context: LabContext,
  { spec, checkpointId, step, split, source, evaluationId, served }: Recording,
  problems: readonly EvaluatedProblem[],
): void {
  const { store } = context
  const ids = source.idsOf(
    split,
    problems.map(({ natural }) => natural.entries[0]!.problem),
  )
  const rolloutsOf = (kind: 'natural' | 'kept'): NewRollout[] =>
    rolloutRecords(
      problems.flatMap((problem, index) =>
        problem[kind].entries.map((entry, at) => ({ entry, problemId: ids[index]!, measured: problem[kind].measured[at]!, credit: null })),
      ),
      {
        task: source.task,
        budgetTokens: longestOf(spec),
        provenance: {
          source: 'sampled',
          checkpointId,
          policyStep: step,
          sampling: { ...spec.sampling, ...(spec.evaluation.window !== undefined && { window: spec.evaluation.window }) },
          template: templateOf(source.task),
          device: served === null ? spec.device : 'served',
          engine: served ?? context.engine.version,
          file: null,
        },
        estimator: {
          weights: 'checkpoint',
          checkpointId,
          step,
          prover: 1,
          template: templateOf(source.task),
          temperature: spec.sampling.temperature,
          ...(served !== null && { served }),
        },
      },
    )
  const results = problems.map(({ natural: _natural, kept: _kept, ...result }, index): EvaluationResult => ({
    ...result,
    problemId: ids[index]!,
    samples: spec.evaluation.samples,
  }))
  store.evaluations.addResults(evaluationId, results, [
    ...rolloutsOf('natural'),
    ...rolloutsOf('kept').map((rollout) => ({ ...rollout, keptThinking: true })),
  ])
}

/**
 * A finished evaluation of the start weights under the same conditions, or null: it is made once and shared by runs. The model alone does not name the
 * weights of a run that starts from a checkpoint: a checkpoint carries the model that its own run started from.
 */
export function knownStartEvaluation(
  { store }: Pick<LabContext, 'store'>,
  spec: RunSpec,
  modelId: number | null,
  split: Split = 'heldout',
): Evaluation | null {
  const model = modelId === null ? null : store.models.get(modelId)
  const wanted = JSON.parse(JSON.stringify(conditionsOf(spoken(spec, model !== null && isOfText(model))))) as unknown
  return (
    store.evaluations.list().find((evaluation) => {
      const { estimator: _estimator, ...own } = conditionsUnder(evaluation)
      return (
        evaluation.runId === null &&
        evaluation.status === 'finished' &&
        evaluation.split === split &&
        evaluation.modelId === modelId &&
        evaluation.checkpointId === startCheckpoint(spec.start) &&
        isDeepStrictEqual(own, wanted)
      )
    }) ?? null
  )
}
