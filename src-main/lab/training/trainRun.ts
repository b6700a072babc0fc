// One training run from its specification to its last checkpoint. The loop is the paper's algorithm box: sample, grade, estimate J, credit,
// update, record, tell. Killed at any moment it resumes from its last checkpoint with the same numbers, because every draw depends on
// the run's seed and the step alone. Every `evaluation.every` steps its checkpoint is evaluated; evaluation of the finished run is a separate
// experiment (evaluateRun.ts).
import { LabError } from '../../../src-preload/contract.ts'
import type { LabErrorData, RunEvent, RunSpec } from '../../../src-preload/contract.ts'
import { needsOf } from '../../rl/algorithms.ts'
import { loadWeights, rowsFor } from '../../rollout/policy.ts'
import { explainDisk, isOfDisk } from '../../disk/diskErrors.ts'
import { BUG, toContractError } from '../answers/answer.ts'
import { newestReadable, restoreRun, saveRun } from './checkpoints.ts'
import type { JobOptions, LabContext } from '../process/context.ts'
import { requireDevice } from '../process/deviceTests.ts'
import { beginIteration } from './iterations.ts'
import { openLearner } from './learner.ts'
import { openOverRay, type OverRay } from './overRay.ts'
import { evaluateRun } from '../comparing/evaluateRun.ts'
import { openPolicies, specsOfRoles } from './policySet.ts'
import type { GivenWeights } from './policySet.ts'
import { openProgressMeter } from '../process/progressMeter.ts'
import { parseSpec } from './runSpecs.ts'
import { rayOf } from './raySettings.ts'
import { loadStart, prepareStart, vocabularyOf } from './start.ts'
import { lengthOf, openProblems } from './tasks.ts'
import type { Running } from './step.ts'
import { methodOf } from './createRun.ts'
import { takeStep } from './takeStep.ts'
import { recordStep } from './recordStep.ts'

/** Trains a run to its planned end, from its last checkpoint if it has one. Leaves it finished, paused or interrupted in the store. */
export async function trainRun(context: LabContext, runId: number, options: JobOptions = {}): Promise<void> {
  const { store, now } = context
  const record = store.runs.get(runId)
  if (!record)
    throw new LabError('run.unknown', { expected: 'the id of a run', found: String(runId), next: 'List the runs with `mrt runs`.' })
  const tellRun = (): void => options.onEvent?.({ kind: 'run', run: store.runs.get(runId)! })
  store.runs.setStatus(runId, 'running', now())
  tellRun()
  try {
    const done = await train(context, runId, parseSpec(record.config), options)
    store.runs.setStatus(runId, done, now())
  } catch (error) {
    const cancelled = options.signal?.aborted === true
    if (cancelled) store.runs.setStatus(runId, 'interrupted', now(), error instanceof LabError ? error.toJSON() : null)
    else {
      const thrown = explainDisk(error, store.folder)
      leave(context, runId, isOfDisk(thrown) ? 'paused' : 'failed', problemOf(thrown), options)
      throw thrown
    }
  } finally {
    tellRun()
  }
}

/** Leaves a run that cannot go on, with an event that says why. A disk that refuses even that does not hide the reason: the next start marks the run as interrupted. */
function leave(
  { store, now }: LabContext,
  runId: number,
  status: 'paused' | 'failed',
  problem: LabErrorData,
  { onEvent }: JobOptions,
): void {
  try {
    const event = {
      runId,
      step: store.runs.get(runId)?.lastStep ?? null,
      kind: 'lifecycle' as const,
      level: 'error' as const,
      code: status === 'paused' ? 'run.pausedByDisk' : problem.code,
      message: `Expected ${problem.expected}; found ${problem.found}. ${problem.next}`,
      data: null,
      atMs: now(),
    }
    store.runs.setStatus(runId, status, now(), problem)
    const id = store.events.add(event)
    onEvent?.({ kind: 'event', event: { ...event, id } })
  } catch (error) {
    if (!isOfDisk(error)) throw error
  }
}

/** Writes down what happened to the workers of a run. */
function note(
  { store, now }: LabContext,
  runId: number,
  told: Pick<RunEvent, 'level' | 'code' | 'message' | 'data'>,
  { onEvent }: JobOptions,
): void {
  const event = { ...told, runId, step: store.runs.get(runId)?.lastStep ?? null, kind: 'lifecycle' as const, atMs: now() }
  const id = store.events.add(event)
  onEvent?.({ kind: 'event', event: { ...event, id } })
}

function problemOf(error: unknown): LabErrorData {
  const told = toContractError(error, () => {})
  return told.code === BUG
    ? {
        code: 'run.failed',
        expected: 'the run to go on',
        found: String(error),
        next: 'Resume it from its last checkpoint, or look at its events.',
      }
    : told
}

async function train(context: LabContext, runId: number, spec: RunSpec, options: JobOptions): Promise<'finished' | 'paused'> {
  const { store, engine, now } = context
  // A workspace travels: what was proven where the run was made says nothing here.
  requireDevice(spec.device, context.deviceTests)
  const start = prepareStart(await loadStart(store, spec.start, now), spec.adapters, spec.seed)
  const method = methodOf(spec)
  const problems = openProblems(store, spec, now, vocabularyOf(start))
  const maxLength = lengthOf(problems, spec.budget.thinkingTokens * (needsOf(method).kept?.times ?? 1), spec.budget.answerTokens)
  const weights = await loadWeights(engine, start.config, start.weights, specsOfRoles(start.config))
  // A decoder on a graphics card steps all its rows, those that wait too.
  const rows = rowsFor(start.config, maxLength)
  const drawing = {
    rows: spec.device === 'cpu' ? rows : Math.min(rows, spec.promptsPerStep * spec.groupSize),
    maxLength,
    temperature: spec.sampling.temperature,
  }
  const policies = await openPolicies(
    engine,
    start.config,
    weights,
    { ...drawing, device: spec.device, weights: 'train', ...(spec.shares !== undefined && { shares: spec.shares }) },
    await givenWeights(context, spec),
  )
  const learner = await openLearner(
    engine,
    start.config,
    policies.current.parameters,
    method.algorithm.loss(method.options),
    spec.microbatchTokens,
    spec.sampling.temperature,
    maxLength,
    needsOf(method).cuts?.follows === true,
    spec.device,
  )
  let ray: OverRay | null = null
  try {
    const settings = options.here === true ? null : rayOf(store.runs.get(runId)!.environment)
    if (settings !== null)
      ray = await openOverRay(settings, {
        config: start.config,
        policies,
        model: { ...drawing, threads: engine.threads },
        shares: spec.shares ?? 1,
        ...(options.signal && { signal: options.signal }),
        tell: (event) => note(context, runId, event, options),
      })
    const running: Running = {
      context,
      runId,
      spec,
      method,
      problems,
      policies: ray?.policies ?? policies,
      learner,
      ray,
      config: start.config,
      options,
    }
    // Read before anything is forgotten that came after it.
    const newest = await newestReadable(context, runId)
    const checkpoint = newest?.checkpoint
    store.runs.rewind(runId, checkpoint?.step ?? 0)
    if (newest) restoreRun(newest.loaded, policies, learner)
    if (checkpoint) await evaluateWhereDue(running, checkpoint)
    const meter = openProgressMeter({
      job: `run ${runId}`,
      label: `${spec.name}, seed ${spec.seed}`,
      total: spec.steps,
      unit: 'steps',
      now,
    })
    let tokensSoFar = store.steps.range(runId, 1, checkpoint?.step ?? 0).reduce((sum, step) => sum + step.tokens, 0)
    for (let step = (checkpoint?.step ?? 0) + 1; step <= spec.steps; step++) {
      options.signal?.throwIfAborted()
      const began = performance.now()
      beginIteration(running, step)
      const outcome = await takeStep(running, step, (share) =>
        options.onEvent?.({ kind: 'progress', runId, report: meter.at(step - 1 + share) }),
      )
      const recorded = recordStep(running, step, outcome, performance.now() - began, tokensSoFar)
      tokensSoFar = recorded.metrics.num_tokens!
      options.onEvent?.({ kind: 'step', step: recorded })
      options.onEvent?.({ kind: 'progress', runId, report: meter.at(step, recorded.tokens / (recorded.wallMs / 1000)) })
      // By step alone: a pause or a checkpoint changes no number.
      const { arms } = needsOf(method)
      if (arms && step % arms.staleSteps === 0) policies.refreshStale()
      const wish = options.control?.() ?? 'go'
      const saving = step % spec.checkpointEvery === 0 || step === spec.steps || wish !== 'go'
      const saved =
        saving || isEvaluated(spec, step) ? await saveRun(context, runId, step, start.config, start.base, policies, learner) : null
      // A run that is to pause does so first; what is due at its checkpoint is evaluated when it goes on.
      if (wish !== 'go' && step < spec.steps) return 'paused'
      if (saved !== null) await evaluateWhereDue(running, { id: saved, step })
    }
    return 'finished'
  } finally {
    await ray?.close()
    learner.dispose()
    policies.dispose()
  }
}

/** The weights that the specification names as prover; null without. */
async function givenWeights({ store, engine, now }: LabContext, { prover, seed, adapters }: RunSpec): Promise<GivenWeights | null> {
  if (prover === undefined) return null
  const { config, weights } = prepareStart(await loadStart(store, prover, now), { ...adapters, rank: 0 }, seed)
  return { config, parameters: await loadWeights(engine, config, weights) }
}

/** Steps after which a run is evaluated while it trains; the end is evaluated by whoever trained it. */
const isEvaluated = ({ evaluation: { every }, steps }: RunSpec, step: number): boolean => every > 0 && step % every === 0 && step < steps

/** Evaluates a checkpoint at a step that asks for it, once: an evaluation that was cut short is made anew, a finished one stays. */
async function evaluateWhereDue(
  { context, runId, spec, options }: Running,
  checkpoint: { readonly id: number; readonly step: number },
): Promise<void> {
  if (!isEvaluated(spec, checkpoint.step)) return
  const { evaluations } = context.store
  const there = evaluations.ofRun(runId).filter(({ step, split }) => step === checkpoint.step && split === 'heldout')
  if (there.some(({ status }) => status === 'finished')) return
  for (const { id } of there) evaluations.remove(id)
  await evaluateRun(context, { runId, checkpointId: checkpoint.id }, options)
}
