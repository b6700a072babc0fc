// One training run from its specification to its last checkpoint. The loop is the paper's algorithm box: sample, grade, estimate J, credit,
// update, record, tell. Killed at any moment it resumes from its last checkpoint with the same numbers, because every draw depends on
// the run's seed and the step alone. Every `evaluation.every` steps its checkpoint is evaluated; evaluation of the finished run is a separate
// experiment (evaluateRun.ts).
import type { LabErrorData, NewRun, RunSpec, Step } from '../../../src-preload/contract.ts'
import { LabError, runSpec } from '../../../src-preload/contract.ts'
import { normalizedRegret } from '../../episodes/regret.ts'
import { schedule } from '../../engine/schedules.ts'
import { forwardFlopsPerToken, trainFlopsPerToken } from '../../model/config.ts'
import type { LlamaConfig } from '../../model/config.ts'
import { deriveSeed } from '../../numeric/rng.ts'
import { createMethod, creditBatch, needsOf } from '../../rl/algorithms.ts'
import type { Needs } from '../../rl/algorithm.ts'
import type { Method } from '../../rl/algorithms.ts'
import { correctedAdvantage } from '../../rl/correction.ts'
import { batchMetrics, progressMetrics } from '../../rl/metrics.ts'
import { tokenWeights } from '../../rl/tokenWeights.ts'
import { inertOptions } from '../../rl/options.ts'
import { discard, gradedParts } from '../../rl/pay.ts'
import { doneBefore } from '../../rl/schedules.ts'
import type { Credit, GradedRollout } from '../../rl/types.ts'
import { loadWeights, rowsFor } from '../../rollout/policy.ts'
import { isFiltered } from '../../rollout/sample.ts'
import { explainDisk, isOfDisk } from '../../store/diskErrors.ts'
import { BUG, toContractError } from '../answers/answer.ts'
import { restoreRun, saveRun } from './checkpoints.ts'
import type { JobOptions, LabContext } from '../process/context.ts'
import { cutEntries } from './cutEntries.ts'
import { continueEntries, estimateJ } from './estimate.ts'
import type { Measured } from './estimate.ts'
import { budgetShareAt, correctOf, gather, gatherObserved, gradedRollout, sampleSettings } from './gather.ts'
import type { Entry, GatherContext } from './gather.ts'
import { newFindings } from '../process/health.ts'
import { openLearner } from './learner.ts'
import type { Learner, LearnerResult, PaidSequence } from './learner.ts'
import { traceOf } from '../comparing/evaluate.ts'
import { evaluateRun } from '../comparing/evaluateRun.ts'
import { openPolicies, specsOfRoles } from './policySet.ts'
import type { PolicySet } from './policySet.ts'
import { openProgressMeter } from '../process/progressMeter.ts'
import { rolloutRecords } from './record.ts'
import { parseSpec } from './runSpecs.ts'
import { loadStart, prepareStart, vocabularyOf } from './start.ts'
import { lengthOf, openProblems, templateOf } from './tasks.ts'
import type { ProblemSource } from './tasks.ts'

interface Running {
  readonly context: LabContext
  readonly runId: number
  readonly spec: RunSpec
  readonly method: Method
  readonly problems: ProblemSource
  readonly policies: PolicySet
  readonly learner: Learner
  readonly config: LlamaConfig
  readonly options: JobOptions
}

interface ObservedEntry {
  readonly entry: Entry
  readonly measured: Measured
}

/** What one step computed, before it is recorded. */
interface StepOutcome {
  readonly entries: readonly Entry[]
  /** The entries as credit assignment saw them. */
  readonly graded: readonly GradedRollout[]
  readonly measured: readonly (Measured | null)[]
  /** Full rollouts of the groups that every method observes, with exact J under the weights that sampled them: what live regret and progress are read from. */
  readonly observed: readonly ObservedEntry[]
  /** Whether these were sampled to be observed alone: they are recorded beside the entries and are no part of them. */
  readonly apart: boolean
  readonly credits: readonly Credit[]
  readonly updates: readonly LearnerResult[]
  readonly estimateTokens: number
  readonly learningRate: number
  readonly times: { readonly sample: number; readonly mu: number; readonly train: number }
}

/** Creates the record of a run, queued. Throws LabError `run.spec`, `run.algorithm`, `run.sampling`, `run.inert` when the specification does not hold together, or asks for more tokens than the model has positions. */
export async function createRun(
  { store, now }: Pick<LabContext, 'store' | 'now'>,
  given: unknown,
  environment: NewRun['environment'] = {},
): Promise<number> {
  const spec = parseSpec(given)
  const start = prepareStart(await loadStart(store, spec.start, now), spec.adapters, spec.seed)
  const problems = openProblems(store, spec, now, vocabularyOf(start))
  const method = methodOf(spec)
  refuseTooLong(spec, needsOf(method).kept?.times ?? 1, start.config, problems.promptRoom)
  checkSampling(spec, method)
  checkInert(method)
  checkAdapters(spec)
  if (problems.task.size('heldout') === 0)
    throw new LabError('run.noHeldOut', {
      expected: 'problems that are held out, to evaluate on',
      found: `none in ${spec.task.name}`,
      next: 'Divide the dataset anew on its page, or import a file with its test split.',
    })
  if ((needsOf(method).J === 'exact' || needsOf(method).cuts?.J === 'exact') && !problems.lists)
    throw new LabError('run.noAnswers', {
      expected: `a task whose accepted answers can be listed, as the exact J of ${method.algorithm.name} needs them`,
      found: spec.task.name,
      next: 'Choose a method that samples J, such as mrt-online.',
    })
  return store.runs.add({
    name: spec.name,
    method: method.algorithm.method,
    algorithm: method.algorithm.name,
    config: { ...spec, algorithm: { name: method.algorithm.name, options: method.options } },
    seed: spec.seed,
    groupKey: spec.group ?? groupKeyOf(spec),
    modelId: start.modelId,
    datasetId: problems.datasetId,
    parentRunId: start.runId,
    parentStep: start.step,
    plannedSteps: spec.steps,
    environment,
    note: '',
    createdAtMs: now(),
  }).id
}

/** A budget for which the model has no positions is a mistake in the settings, told before anything is computed. */
/** @param times of the thinking budget that rollouts reach */
function refuseTooLong({ budget, evaluation }: RunSpec, times: number, { maxPositions }: LlamaConfig, promptRoom: number): void {
  const room = maxPositions - promptRoom - budget.answerTokens
  const reached = times * budget.thinkingTokens
  const [field, longest] =
    reached > room
      ? ([
          times === 1
            ? 'budget.thinkingTokens'
            : `budget.thinkingTokens, of which the algorithm keeps some rollouts going to ${times} times,`,
          reached,
        ] as const)
      : (['evaluation.budgets', Math.max(0, ...evaluation.budgets)] as const)
  if (longest <= room) return
  throw new LabError('run.spec', {
    expected: `${field} of at most ${Math.max(0, room)} tokens: the model has ${maxPositions} positions, ${promptRoom} are kept for the problem and ${budget.answerTokens} for the answer`,
    found: String(longest),
    next: 'Lower that budget, or start from a model with more positions.',
  })
}

/** The method of a specification, its options filled in. */
export function methodOf(spec: RunSpec): Method {
  try {
    return createMethod(spec.algorithm.name, spec.algorithm.options)
  } catch (error) {
    const { code, expected, found } = error as { code?: string; expected?: string; found?: string }
    if (!code?.startsWith('rl.')) throw error
    throw new LabError('run.algorithm', {
      expected: expected!,
      found: found!,
      next: 'Correct the algorithm or its option in the specification.',
    })
  }
}

/** Filters leave tokens out of what is drawn from; the policy that is trained has them all. Throws LabError `run.sampling` where that would go unnoticed. */
function checkSampling({ sampling }: RunSpec, { algorithm, options }: Method): void {
  if (!isFiltered(sampling)) return
  const { topK, topP, minP } = sampling
  const found = `topK ${topK}, topP ${topP}, minP ${minP}`
  if (algorithm.needs(options).J === 'exact')
    throw new LabError('run.sampling', {
      expected: `no filters with ${algorithm.name}, whose exact J is that of all tokens`,
      found,
      next: 'Leave topK, topP and minP at 0, 1 and 0; the temperature may be anything.',
    })
  if ((options as { readonly correction?: unknown }).correction === 'none')
    throw new LabError('run.sampling', {
      expected: 'no filters, or a correction for sampling from a part of the policy that is trained',
      found,
      next: 'Leave topK, topP and minP at 0, 1 and 0, or set the algorithm\'s option "correction", such as to token-truncate.',
    })
}

/** Throws LabError `run.inert` for an option that was set and, with the others as they are, changes nothing. */
function checkInert({ algorithm, options }: Method): void {
  const [inert] = inertOptions(algorithm.options, options)
  if (inert)
    throw new LabError('run.inert', {
      expected: `${inert.name} ${inert.value} to change something: ${inert.needs}`,
      found: inert.found,
      next: `Set ${inert.needs}, or leave ${inert.name} at ${algorithm.options[inert.name]!.default}.`,
    })
}

/** Throws LabError `run.inert` for the shape of adapters that there are none of. */
function checkAdapters({ adapters: { rank, alpha, targets } }: RunSpec): void {
  const usual = runSpec.shape.adapters.parse(undefined)
  if (rank > 0 || (alpha === usual.alpha && targets === usual.targets)) return
  const [name, value] = alpha !== usual.alpha ? ['alpha', alpha] : ['targets', targets]
  throw new LabError('run.inert', {
    expected: `adapters.${name} ${value} to change something: adapters.rank above 0`,
    found: 'rank 0, which trains every weight',
    next: 'Set adapters.rank, or leave the rest of adapters as it is.',
  })
}

/** Runs that differ only by seed and name share it. */
function groupKeyOf(spec: RunSpec): string {
  const { seed: _seed, name: _name, group: _group, ...rest } = spec
  return JSON.stringify(rest)
}

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
      const thrown = explainDisk(error)
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

/** Weights whose logits are infinite or not numbers sample nothing and measure nothing. */
function refuseDivergence(step: number, entries: readonly Entry[], measured: readonly (Measured | null)[]): void {
  const broken = entries.length > 0 && entries.every(({ rollout }) => rollout.finish === 'aborted')
  if (broken || measured.some((each) => each?.J.some(Number.isNaN)))
    throw new LabError('run.diverged', {
      expected: 'a model that gives probabilities',
      found: `weights before step ${step} that give infinite or undefined ones`,
      next: 'The learning rate is most likely too large: branch from an earlier checkpoint, or start again, with a smaller one.',
    })
}

async function train(context: LabContext, runId: number, spec: RunSpec, options: JobOptions): Promise<'finished' | 'paused'> {
  const { store, engine, now } = context
  const start = prepareStart(await loadStart(store, spec.start, now), spec.adapters, spec.seed)
  const method = methodOf(spec)
  const problems = openProblems(store, spec, now, vocabularyOf(start))
  const maxLength = lengthOf(problems, spec.budget.thinkingTokens * (needsOf(method).kept?.times ?? 1), spec.budget.answerTokens)
  const weights = await loadWeights(engine, start.config, start.weights, specsOfRoles(start.config))
  const policies = await openPolicies(engine, start.config, weights, {
    rows: rowsFor(start.config, maxLength),
    maxLength,
    temperature: spec.sampling.temperature,
  })
  const learner = await openLearner(
    engine,
    start.config,
    policies.current.parameters,
    method.algorithm.loss(method.options),
    spec.microbatchTokens,
    spec.sampling.temperature,
    maxLength,
  )
  const running: Running = { context, runId, spec, method, problems, policies, learner, config: start.config, options }
  try {
    const checkpoint = store.checkpoints.newestResumable(runId)
    store.runs.rewind(runId, checkpoint?.step ?? 0)
    if (checkpoint) await restoreRun(context, checkpoint.contentId, policies, learner)
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
    learner.dispose()
    policies.dispose()
  }
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

/** @param told hears the share of the step that is done, 0..1 */
async function takeStep(running: Running, step: number, told: (share: number) => void): Promise<StepOutcome> {
  const { spec, method, problems, policies, options } = running
  const { signal } = options
  const needs = needsOf(method)
  const times = { sample: 0, mu: 0, train: 0 }

  // Sample and grade.
  const gathering: GatherContext = {
    spec,
    method,
    problems,
    policy: policies.current,
    stale: () => policies.policy('stale'),
    options: { signal, onProgress: (done, total) => told((0.4 * done) / total) },
  }
  const entries = await timed(times, 'sample', () => gather(gathering, step))

  refuseDivergence(step, entries, [])

  // Estimate J where the algorithm needs it, and for a few groups where it does not.
  const role = needs.J === 'none' ? 'current' : (needs.mu?.weights ?? 'current')
  // Where accepted answers cannot be listed there is no exact J to watch by.
  const observed = problems.lists ? spec.observeGroups : 0
  const measures = (entry: Entry): boolean =>
    needs.J !== 'none' || (needs.data !== 'demonstrations' && entry.group < observed && entry.kept === undefined)
  const estimate = await timed(times, 'mu', async () =>
    estimateJ(await policies.policy(role), problems, entries, measures, {
      method: needs.J === 'sampled' ? 'sampled' : 'exact',
      samples: needs.branches ?? 0,
      maxEpisodes: needs.maxEpisodes ?? Infinity,
      seed: deriveSeed(spec.seed, 'mu', step),
      settings: sampleSettings(spec),
      signal,
    }),
  )
  refuseDivergence(step, entries, estimate.measured)
  // What every method is watched by: full rollouts of the same first groups, J exact at every boundary under the weights that sampled them.
  const apart = needs.data !== 'rollouts' && observed > 0
  const watched = apart ? await timed(times, 'mu', () => gatherObserved(gathering, step)) : entries
  const asWatched = !apart && needs.J !== 'sampled' && role === 'current' && needs.maxEpisodes === undefined
  const inView = (entry: Entry): boolean => entry.group < observed && entry.arm === undefined && entry.kept === undefined
  const watch = asWatched
    ? null
    : await timed(times, 'mu', () =>
        estimateJ(policies.current, problems, watched, inView, {
          method: 'exact',
          samples: 0,
          maxEpisodes: Infinity,
          seed: 0,
          settings: sampleSettings(spec),
          signal,
        }),
      )
  const observedJ = (watch ?? estimate).measured.flatMap((each, index): ObservedEntry[] =>
    each !== null && inView(watched[index]!) ? [{ entry: watched[index]!, measured: each }] : [],
  )
  const watchTokens = (watch?.tokens ?? 0) + (apart ? watched.reduce((sum, { rollout }) => sum + rollout.tokens.length, 0) : 0)
  const continued =
    needs.continuations === undefined
      ? null
      : await timed(times, 'mu', () =>
          continueEntries(policies.current, problems, entries, needs.continuations!, {
            seed: deriveSeed(spec.seed, 'continue', step),
            settings: sampleSettings(spec, budgetShareAt(running, step)),
            signal,
          }),
        )
  const cut =
    needs.cuts === undefined
      ? null
      : await timed(times, 'mu', () =>
          cutEntries(
            policies.current,
            problems,
            entries,
            needs.cuts!,
            deriveSeed(spec.seed, 'cut', step),
            sampleSettings(spec, budgetShareAt(running, step)),
            signal,
          ),
        )
  const answers = cut?.answers ?? []
  told(0.6)

  // Credit.
  const graded = entries.map((entry, index) => {
    const measured = estimate.measured[index]
    const V = continued?.V[index]
    const cuts = cut?.cuts[index]
    return {
      ...gradedRollout(entry, measured?.boundaries ?? entry.rollout.boundaries, measured?.J ?? null),
      ...(V && { V }),
      ...(cuts && { cuts }),
    }
  })
  const credits = creditBatch(method, [...graded, ...answers.map((answer) => gradedRollout(answer, answer.rollout.boundaries, null))], {
    budgetTokens: sampleSettings(spec, budgetShareAt(running, step)).thinkingTokens + spec.budget.answerTokens,
    seed: deriveSeed(spec.seed, 'credit', step),
    done: doneBefore(step, spec.steps),
  })

  // Update.
  const learningRate =
    spec.optimizer.lr *
    schedule({ name: spec.optimizer.schedule, warmupSteps: spec.optimizer.warmupSteps, totalSteps: spec.steps })(step - 1)
  const updates = await timed(times, 'train', () => update(running, [...entries, ...answers], credits, learningRate))
  return {
    entries,
    graded,
    measured: estimate.measured,
    observed: observedJ,
    apart,
    credits: credits.slice(0, entries.length),
    updates,
    estimateTokens: estimate.tokens + watchTokens + (continued?.tokens ?? 0) + (cut?.tokens ?? 0),
    learningRate,
    times,
  }
}

/** Splits the used rollouts into the algorithm's number of updates, whole groups together, and takes them in turn. */
async function update(
  { spec, method, policies, learner, options }: Running,
  entries: readonly Entry[],
  credits: readonly Credit[],
  lr: number,
): Promise<LearnerResult[]> {
  const loss = method.algorithm.loss(method.options)
  const needs = needsOf(method)
  const used = entries.flatMap((_, index) => (credits[index]!.used ? [index] : []))
  if (used.length === 0) return []
  const sequences = used.map((index) => ({ prompt: entries[index]!.rollout.prompt, completion: entries[index]!.rollout.tokens }))
  const reference = loss.klBeta > 0 ? await (await policies.policy('start')).score(sequences, options.signal) : null
  // The trainer's own log-probs of what was sampled, where the sampler's are not those of the policy that is trained: it drew from a part of it
  // (filters), did not draw a token that is paid (forced stops), or is not trusted to agree (a correction).
  const rescored =
    loss.correction !== undefined || isFiltered(spec.sampling) || needs.paysForced === true
      ? await policies.current.score(sequences, options.signal)
      : null
  const drawn = needs.data !== 'demonstrations'
  // Where the loss needs no reference, KL is measured on the observed groups alone: it costs a share of a forward pass.
  const watched = loss.klBeta > 0 || !drawn ? [] : [...sequences.keys()].filter((at) => entries[used[at]!]!.group < spec.observeGroups)
  const watchedReference =
    watched.length > 0
      ? new Map(
          (
            await (
              await policies.policy('start')
            ).score(
              watched.map((at) => sequences[at]!),
              options.signal,
            )
          ).map((logps, index) => [watched[index]!, logps]),
        )
      : null
  const results: LearnerResult[] = []
  for (const part of partsByGroup(used, entries, loss.updatesPerBatch)) {
    const weights = tokenWeights(
      part.map((at) => credits[used[at]!]!),
      loss.aggregation,
      spec.budget.thinkingTokens + spec.budget.answerTokens,
    )
    const paid = part.map((at, position): PaidSequence => {
      const credit = credits[used[at]!]!
      const { logps, sampled } = entries[used[at]!]!.rollout
      return {
        ...sequences[at]!,
        advantages:
          loss.correction && rescored
            ? correctedAdvantage(
                credit,
                loss.correction,
                rescored[at]!,
                logps.map((logp, t) => (sampled[t] ? logp : rescored[at]![t]!)),
              )
            : credit.advantage,
        weights: weights[position]!,
        ...(drawn && { sampledLogps: rescored?.[at] ?? logps, drawn: { logps, sampled } }),
        ...(reference && { referenceLogps: reference[at]! }),
      }
    })
    const { beta1, beta2, eps, weightDecay, clipNorm } = spec.optimizer
    const result = await learner.step(paid, { lr, beta1, beta2, eps, weightDecay, clipNorm }, options.signal)
    results.push(
      watchedReference ? { ...result, metrics: { ...result.metrics, ...klTo(watchedReference, part, result.logps, paid) } } : result,
    )
    if (needs.mu?.weights === 'ema') policies.averageStep(needs.mu.emaDecay)
  }
  return results
}

/** Mean k3 estimate of KL(policy, reference) over the loss tokens of the sequences whose reference log-probs are known, as in rl/loss.ts. */
function klTo(
  reference: ReadonlyMap<number, Float32Array>,
  part: readonly number[],
  logps: readonly Float32Array[],
  paid: readonly PaidSequence[],
): { kl?: number } {
  const values = part.flatMap((at, position) => {
    const known = reference.get(at)
    if (!known) return []
    const { weights } = paid[position]!
    return Array.from(logps[position]!, (logp, t) => [weights[t]!, known[t]! - logp] as const)
      .filter(([weight]) => weight !== 0)
      .map(([, ratio]) => Math.exp(Math.min(20, ratio)) - ratio - 1)
  })
  return values.length === 0 ? {} : { kl: values.reduce((sum, value) => sum + value, 0) / values.length }
}

/** Positions of `used`, cut into `count` parts between groups, as evenly as groups allow. */
function partsByGroup(used: readonly number[], entries: readonly Entry[], count: number): number[][] {
  const groups = [...Map.groupBy(used.keys(), (at) => entries[used[at]!]!.group).values()]
  const parts = Array.from({ length: Math.min(count, groups.length) }, (): number[] => [])
  groups.forEach((members, index) => parts[Math.floor((index * parts.length) / groups.length)]!.push(...members))
  return parts
}

function recordStep(running: Running, step: number, outcome: StepOutcome, wallMs: number, tokensBefore: number): Step {
  const {
    context: { store, now },
    runId,
    spec,
    method,
    problems,
    config,
  } = running
  const { entries, graded, measured, observed, apart, credits, updates, times } = outcome
  const loss = method.algorithm.loss(method.options)
  const needs = needsOf(method)
  const tokens = entries.reduce((sum, entry) => sum + entry.rollout.tokens.length - entry.rollout.prefixTokens, 0)
  const trained = updates.reduce((sum, result) => sum + result.forwardedTokens, 0)
  const perToken = forwardFlopsPerToken(config, spec.budget.thinkingTokens / 2)
  const last = updates.at(-1)
  const metrics: Record<string, number> = {
    ...ofBatch(
      batchMetrics(
        graded.map((rollout, index) => ({ rollout, credit: credits[index]! })),
        method.algorithm.alpha?.(method.options, doneBefore(step, spec.steps)),
      ),
      needs.J !== 'none',
    ),
    ...(needs.data !== 'demonstrations' && endings(entries)),
    ...last?.metrics,
    ...(updates[0] && pick(updates[0].metrics, 'sampling/')),
    ...(last && { loss: updates.reduce((sum, result) => sum + result.loss, 0) / updates.length }),
    ...watchedMetrics(observed, spec),
    learning_rate: outcome.learningRate,
    num_tokens: tokensBefore + tokens,
    step_time: wallMs / 1000,
    'time/sample': times.sample / 1000,
    'time/mu': times.mu / 1000,
    'time/train': times.train / 1000,
  }
  const record: Step = {
    runId,
    step,
    metrics,
    wallMs,
    tokens,
    estimateTokens: outcome.estimateTokens,
    flops: perToken * (tokens + outcome.estimateTokens) + trainFlopsPerToken(config, spec.budget.thinkingTokens / 2) * trained,
    learningRate: outcome.learningRate,
    seedState: { step },
    createdAtMs: now(),
  }
  const learned = entries.map((entry, index) => ({ entry, measured: measured[index]!, credit: credits[index]! }))
  const groups = 1 + Math.max(...entries.map(({ group }) => group))
  const watched = !apart
    ? []
    : observed.map(({ entry, measured: own }) => ({
        entry: { ...entry, group: groups + entry.group },
        measured: own,
        credit: creditOfObserved(gradedRollout(entry, own.boundaries, own.J)),
      }))
  const recorded = [...learned, ...watched]
  const problemIds = problems.idsOf(
    'train',
    recorded.map(({ entry }) => entry.problem),
  )
  const rollouts = rolloutRecords(
    recorded.map((each, index) => ({ ...each, problemId: problemIds[index]! })),
    {
      task: problems.task,
      budgetTokens: sampleSettings(spec, budgetShareAt(running, step)).thinkingTokens,
      provenance: {
        source: 'sampled',
        checkpointId: null,
        policyStep: step - 1,
        sampling: spec.sampling,
        template: templateOf(problems.task),
        device: 'cpu',
        engine: running.context.engine.version,
        file: null,
      },
      estimator: {
        weights: proverOf(needs),
        checkpointId: null,
        step: step - 1,
        prover: needs.mu?.bestOf ?? 1,
        template: templateOf(problems.task),
        temperature: spec.sampling.temperature,
      },
    },
  )
  const findings = newFindings(
    {
      runId,
      updatesPerBatch: loss.ratio === 'none' ? null : loss.updatesPerBatch,
      steps: [...store.steps.range(runId, 1, step - 1), record],
      evaluations: [],
    },
    'step',
  )
  const events = findings.map((finding) => ({
    runId,
    step,
    kind: 'health' as const,
    level: finding.level,
    code: finding.code,
    message: finding.message,
    data: { ...finding.data, rollouts: finding.rollouts } as never,
    atMs: now(),
  }))
  const refused = updates
    .filter((result) => !result.applied)
    .map(() => ({
      runId,
      step,
      kind: 'health' as const,
      level: 'error' as const,
      code: 'update.notFinite',
      message: `The update of step ${step} had no finite loss or gradient and was not applied.`,
      data: {},
      atMs: now(),
    }))
  store.steps.record({ step: record, rollouts, events: [...events, ...refused] })
  return store.steps.get(runId, step)!
}

/** A rollout that was sampled to be watched: it keeps its outcome and teaches nothing. */
const creditOfObserved = (rollout: GradedRollout): Credit => discard(rollout, gradedParts(rollout), 'observed-only')

/** How the sampled completions ended, aborted ones left out; truncation is in batchMetrics. */
function endings(entries: readonly Entry[]): Record<string, number> {
  const alive = entries.filter(({ rollout, kept }) => rollout.finish !== 'aborted' && kept === undefined)
  if (alive.length === 0) return {}
  const share = (of: (entry: Entry) => boolean): number => alive.filter(of).length / alive.length
  return {
    // A termination arm is stopped by its plan, not by the budget.
    'completions/forced_stop_ratio': share(({ rollout, arm }) => rollout.forcedStop && arm !== 'terminate'),
    'completions/unparsable_ratio': share(({ grade }) => grade.extracted === null),
  }
}

function proverOf({ mu }: Needs): 'current' | 'frozen' | 'ema' {
  return mu?.weights === 'start' ? 'frozen' : (mu?.weights ?? 'current')
}

const PROGRESS = ['mrt/progress_mean', 'mrt/progress_pos_frac', 'mrt/j_start_mean', 'mrt/j_end_mean'] as const

/** Progress over all groups whose J credit needed, under names of its own: the plain names belong to the groups that every method observes. */
function ofBatch(metrics: Readonly<Record<string, number>>, needed: boolean): Record<string, number> {
  return Object.fromEntries(
    Object.entries(metrics).flatMap(([name, value]) =>
      (PROGRESS as readonly string[]).includes(name)
        ? needed
          ? [[name.replace('mrt/', 'mrt/batch_'), value] as const]
          : []
        : [[name, value] as const],
    ),
  )
}

/** Regret at the training budget, progress and accuracy of the observed groups: over the same groups, by the same estimator, whatever the method. */
function watchedMetrics(known: readonly ObservedEntry[], spec: RunSpec): Record<string, number> {
  if (known.length === 0) return {}
  const byProblem = [...Map.groupBy(known, ({ entry }) => entry.group).values()]
  const traces = byProblem.map((members) => members.map(({ entry, measured: own }) => traceOf(entry, own)))
  const budget = spec.budget.thinkingTokens
  return {
    ...progressMetrics(known.map(({ measured: { J } }) => Array.from(J))),
    [`ttc/regret@${budget}`]: normalizedRegret(traces, budget).regret,
    'ttc/accuracy': known.reduce((sum, { entry }) => sum + correctOf(entry), 0) / known.length,
  }
}

function pick(metrics: Readonly<Record<string, number>>, prefix: string): Record<string, number> {
  return Object.fromEntries(Object.entries(metrics).filter(([name]) => name.startsWith(prefix)))
}

async function timed<Result>(times: Record<string, number>, name: string, work: () => Promise<Result>): Promise<Result> {
  const began = performance.now()
  const result = await work()
  times[name]! += performance.now() - began
  return result
}
