// What a step leaves on record: its metrics, its rollouts with credit and provenance, and what is worth a warning.
import type { Estimator, NewRollout, RunSpec, Step } from '../../../src-preload/contract.ts'
import { normalizedRegret } from '../../episodes/regret.ts'
import { forwardFlopsPerToken, trainFlopsPerToken } from '../../model/config.ts'
import { mean } from '../../numeric/stats.ts'
import { needsOf } from '../../rl/algorithms.ts'
import type { Needs } from '../../rl/algorithm.ts'
import { batchMetrics, progressMetrics } from '../../rl/metrics.ts'
import { discard, gradedParts } from '../../rl/pay.ts'
import { doneBefore } from '../../rl/schedules.ts'
import type { Credit, GradedRollout } from '../../rl/types.ts'
import { budgetShareAt, correctOf, gradedRollout, sampleSettings } from './gather.ts'
import type { Entry } from './gather.ts'
import { newFindings } from '../process/health.ts'
import { traceOf } from '../comparing/evaluate.ts'
import { weightsOfStep } from './iterations.ts'
import { rolloutRecords } from './record.ts'
import { startCheckpoint } from './start.ts'
import { templateOf } from './tasks.ts'
import type { ObservedEntry, Running, StepOutcome } from './step.ts'

export function recordStep(running: Running, step: number, outcome: StepOutcome, wallMs: number, tokensBefore: number): Step {
  const {
    context: { store, now },
    runId,
    spec,
    method,
    problems,
    config,
  } = running
  const { entries, endings: ended, graded, measured, observed, apart, list, credits, endingCredits, updates, times } = outcome
  const loss = method.algorithm.loss(method.options)
  const needs = needsOf(method)
  const tokens = [...entries, ...ended].reduce((sum, { rollout }) => sum + rollout.tokens.length - rollout.prefixTokens, 0)
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
    ...(needs.iterations && keptMetrics([...entries, ...ended], [...credits, ...endingCredits], entries.length)),
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
    ...(list && { 'time/watch': times.watch / 1000, 'watch/num_tokens': list.tokens }),
    ...outcome.elsewhere,
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
  const learned = [
    ...entries.map((entry, index) => ({ entry, measured: measured[index]!, credit: credits[index]! })),
    ...ended.map((entry, index) => ({ entry, measured: null, credit: endingCredits[index]! })),
  ]
  const groups = 1 + Math.max(...learned.map(({ entry }) => entry.group))
  const watched = !apart
    ? []
    : observed.map(({ entry, measured: own }) => ({
        entry: { ...entry, group: groups + entry.group },
        measured: own,
        credit: creditOfUntaught(gradedRollout(entry, own.boundaries, own.J), 'observed-only'),
      }))
  const beside = groups + (apart ? spec.observeGroups : 0)
  const looked = (list?.looked ?? []).map(({ entry, measured: own }) => ({
    entry: { ...entry, group: beside + entry.group },
    measured: own,
    credit: creditOfUntaught(gradedRollout(entry, own?.boundaries ?? entry.rollout.boundaries, own?.J ?? null), 'watch-list'),
  }))
  const recorded = [...learned, ...watched, ...looked]
  const problemIds = problems.idsOf(
    'train',
    recorded.map(({ entry }) => entry.problem),
  )
  /** @param policyStep the step after which the weights that sampled these were as they sampled them */
  const recordsOf = (from: number, to: number, policyStep: number): NewRollout[] =>
    rolloutRecords(
      recorded.slice(from, to).map((each, index) => ({ ...each, problemId: problemIds[from + index]! })),
      {
        task: problems.task,
        budgetTokens: sampleSettings(spec, budgetShareAt(running, step)).thinkingTokens,
        provenance: {
          source: 'sampled',
          checkpointId: null,
          policyStep,
          sampling: spec.sampling,
          template: templateOf(problems.task),
          device: running.ray?.device ?? spec.device,
          engine: running.context.engine.version,
          file: null,
        },
        estimator: {
          ...proverOf(needs, spec, policyStep),
          prover: needs.mu?.bestOf ?? 1,
          template: templateOf(problems.task),
          temperature: spec.sampling.temperature,
        },
      },
    )
  const weights = weightsOfStep(running, step)
  const rollouts = [...recordsOf(0, learned.length, weights.drawn), ...recordsOf(learned.length, recorded.length, weights.current)]
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

/** A rollout that was sampled to be looked at: it keeps its outcome and teaches nothing. */
const creditOfUntaught = (rollout: GradedRollout, reason: 'observed-only' | 'watch-list'): Credit =>
  discard(rollout, gradedParts(rollout), reason)

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

/** How many texts of a step were kept to imitate, of so many that were drawn, and how long they are. */
function keptMetrics(texts: readonly Entry[], credits: readonly Credit[], drawn: number): Record<string, number> {
  const kept = texts.filter((_, index) => credits[index]!.used).map(({ rollout }) => rollout.tokens.length)
  return { 'mrt/used_frac': kept.length / drawn, ...(kept.length > 0 && { 'completions/mean_kept_length': mean(kept) }) }
}

const PROVERS = { current: 'current', start: 'frozen', ema: 'ema', given: 'checkpoint' } as const

/** Whose answers J was about. */
function proverOf({ mu }: Needs, { prover }: RunSpec, policyStep: number): Pick<Estimator, 'weights' | 'checkpointId' | 'step'> {
  const weights = PROVERS[mu?.weights ?? 'current']
  const other = weights === 'checkpoint' && prover !== undefined
  return { weights, checkpointId: other ? startCheckpoint(prover) : null, step: other ? null : policyStep }
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
    [`ttc/regret@${budget}`]: normalizedRegret(traces, budget, { counted: spec.evaluation.counted }).regret,
    'ttc/accuracy': known.reduce((sum, { entry }) => sum + correctOf(entry), 0) / known.length,
  }
}

function pick(metrics: Readonly<Record<string, number>>, prefix: string): Record<string, number> {
  return Object.fromEntries(Object.entries(metrics).filter(([name]) => name.startsWith(prefix)))
}
