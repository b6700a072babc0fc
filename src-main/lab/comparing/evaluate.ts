// What a set of weights can do on fixed problems: accuracy and length as sampled, accuracy and regret against thinking budget, and where
// the tokens went. Every curve has one estimator at all of its budgets. Natural: rollouts that may think up to `longest` and stop where
// they stop, cut at the budget and answered at once. Kept: rollouts forced to think on to `longest`, read as the cut falls or after the
// last whole attempt. Neither depends on which budgets are asked for, nor on how many other rollouts there are: the seed of a rollout is
// made of its problem and its number. Linearised, rollouts think on behind a window of what they wrote last, and are read behind the same. Pure measurement: nothing is stored here. The same seed gives the same problems and draws for
// every run, so runs pair problem by problem.
import type { Counted, EvaluationPoint, RunSpec } from '../../../src-preload/contract.ts'
import { accountTokens, totalAccount } from '../../episodes/accounting.ts'
import { cutAt, wholeCutAt } from '../../episodes/cutThought.ts'
import { areaOf, regretTrace } from '../../episodes/regret.ts'
import { bootstrapMean, type BootstrapOptions } from '../../numeric/bootstrap.ts'
import { majAtK, majoritySizes, passAtK, passSizes, type Vote } from '../../numeric/passAtK.ts'
import { deriveSeed } from '../../numeric/rng.ts'
import { mean } from '../../numeric/stats.ts'
import { linearised, viewsOf } from '../../rollout/linearised.ts'
import { sampledMu } from '../../rollout/sampledMu.ts'
import type { SampledRollout } from '../../rollout/sample.ts'
import type { Sampler } from '../../rollout/sampler.ts'
import { votesOf } from '../../tasks/graders/groups.ts'
import type { Problem, Split } from '../../tasks/types.ts'
import { basisOf, clustersOf } from './clusters.ts'
import { SAMPLED_ANSWERS } from '../training/estimate.ts'
import type { Measured } from '../training/estimate.ts'
import { budgetsOf, longestOf } from './evaluationBudgets.ts'
import { correctOf, sampleEntries, sampleSettings } from '../training/gather.ts'
import type { Entry } from '../training/gather.ts'
import type { ProblemSource } from '../training/tasks.ts'

export type EvaluationSpec = Pick<RunSpec, 'evaluation' | 'sampling' | 'budget'>

/** Rollouts of one problem with J at their boundaries. */
export interface MeasuredEntries {
  readonly entries: readonly Entry[]
  readonly measured: readonly Measured[]
}

/** One problem with all its rollouts; arrays have one number per budget, means over the rollouts of their kind. */
export interface EvaluatedProblem {
  readonly natural: MeasuredEntries
  readonly kept: MeasuredEntries
  /** Share of the natural rollouts that were right as they ended. */
  readonly accuracy: number
  readonly meanTokens: number
  readonly accuracyAtBudget: Float32Array
  readonly regretAtBudget: Float32Array
  readonly keptAtBudget: Float32Array
  readonly keptWholeAtBudget: Float32Array
  readonly keptRegretAtBudget: Float32Array
}

export interface EvaluationOutcome {
  /** Ascending, the training budget among them. */
  readonly budgets: readonly number[]
  readonly problems: readonly EvaluatedProblem[]
  readonly metrics: Readonly<Record<string, number>>
  readonly points: readonly EvaluationPoint[]
  /** Tokens generated, and tokens forwarded to measure J. */
  readonly tokens: number
  readonly estimateTokens: number
}

/** With what its natural rollouts answered, for votes. */
type VotedProblem = EvaluatedProblem & { readonly votes: readonly Vote[] }

export interface EvaluateOptions {
  /** Which problems; the held-out ones unless given. */
  readonly split?: Split
  readonly signal?: AbortSignal
  readonly onProgress?: (share: number) => void
}

/** Resamples of problems behind each interval. */
const DRAWS = 2_000
/** Whether J has an exact value: accepted answers can be listed, and the model says how likely they are. */
export const isExact = ({ noMeasure }: Pick<Sampler, 'noMeasure'>, { lists }: Pick<ProblemSource, 'lists'>): boolean =>
  noMeasure === null && lists

type Resampled = BootstrapOptions & Required<Pick<BootstrapOptions, 'clusters'>>
/** Throws LabError `evaluation.longest`. */
export async function evaluate(
  policy: Sampler,
  source: ProblemSource,
  spec: EvaluationSpec,
  { split = 'heldout', signal, onProgress }: EvaluateOptions = {},
): Promise<EvaluationOutcome> {
  const { problems: count, samples, kept, seed, window } = spec.evaluation
  const budgets = budgetsOf(spec)
  const longest = longestOf(spec)
  const chosen = source.ofSplit(split, count, deriveSeed(seed, 'problems'))
  const settings = { ...sampleSettings(spec), thinkingTokens: longest }
  const plansOf = (label: string, perProblem: number, first: number) =>
    chosen.flatMap((problem, group) =>
      Array.from({ length: perProblem }, (_, index) => ({
        problem,
        group,
        sample: first + index,
        prompt: problem.promptTokens,
        seed: deriveSeed(seed, label, group, index),
      })),
    )
  const writer = window === undefined ? policy : linearised(policy, window)
  const natural = await sampleEntries(writer, source, plansOf('rollout', samples, 0), settings, {
    signal,
    onProgress: (done, total) => onProgress?.((0.3 * done) / total),
  })
  const forced = await sampleEntries(
    writer,
    source,
    plansOf('extended', kept, samples),
    { ...settings, minimumThinking: longest },
    { signal, onProgress: (done, total) => onProgress?.(0.3 + (0.3 * done) / total) },
  )

  // J wherever one of the curves reads it, in one go.
  const all = [...natural, ...forced]
  const pieces = all.flatMap((entry) =>
    viewsOf(entry.rollout, placesOf(entry.rollout, budgets)).map(({ start, end, cuts }, view) => ({
      entry,
      start,
      view,
      completion: entry.rollout.tokens.slice(start, end),
      cuts,
    })),
  )
  const exact = isExact(policy, source)
  const mu = exact
    ? await policy.measure(
        pieces.map(({ entry, completion, cuts }) => ({
          prompt: entry.rollout.prompt,
          completion,
          cuts,
          answers: source.answers(entry.problem),
        })),
        source.task.format.terminationSuffix,
        signal,
      )
    : await sampledMu(
        policy,
        source.task,
        pieces.map(({ entry, view, completion, cuts }) => ({
          problem: entry.problem,
          completion,
          cuts,
          seed: deriveSeed(seed, 'mu', entry.group, entry.sample, ...(view === 0 ? [] : [view])),
        })),
        SAMPLED_ANSWERS,
        settings,
        signal,
      )
  const known = new Map(all.map((entry) => [entry, new Map<number, number>()]))
  pieces.forEach(({ entry, start, cuts }, index) => cuts.forEach((cut, at) => known.get(entry)!.set(start + cut, mu.J[index]![at]!)))
  const read = all.map((entry): ReadRollout => ({ entry, J: known.get(entry)! }))
  onProgress?.(0.95)

  const how = exact ? ({ method: 'exact', samples: 0 } as const) : ({ method: 'sampled', samples: SAMPLED_ANSWERS } as const)
  const { counted } = spec.evaluation
  const problems = chosen.map((_, group): VotedProblem => {
    const own = read.slice(group * samples, (group + 1) * samples)
    const keptOn = read.slice(natural.length + group * kept, natural.length + (group + 1) * kept)
    return {
      ...problemOf(own, keptOn, budgets, how, counted),
      votes: votesOf(
        own.map(({ entry }) => entry.grade),
        source.task,
      ),
    }
  })
  const resampling = {
    seed: deriveSeed(seed, 'interval'),
    draws: DRAWS,
    clusters: clustersOf(chosen.map((problem) => source.task.cluster(problem))),
  }
  return {
    budgets,
    problems,
    metrics: metricsOf(problems, budgets, spec.budget.thinkingTokens, samples, resampling),
    points: pointsOf(problems, budgets, spec.budget.thinkingTokens, samples, resampling),
    tokens: all.reduce((sum, entry) => sum + entry.rollout.tokens.length, 0),
    estimateTokens: 'forwardedTokens' in mu ? mu.forwardedTokens : mu.generatedTokens,
  }
}

/** A rollout with J at every offset where one of the curves reads it. */
export interface ReadRollout {
  readonly entry: { readonly problem: Problem; readonly rollout: SampledRollout } & Entry
  readonly J: ReadonlyMap<number, number>
}

/** Offsets at which a rollout is read: its boundaries, and each budget as the cut falls. */
export function placesOf(rollout: Pick<SampledRollout, 'boundaries' | 'thinkEnd'>, budgets: readonly number[]): number[] {
  return [...new Set([...rollout.boundaries, ...budgets.map((budget) => cutAt(rollout, budget))])].sort((a, b) => a - b)
}

/** What the rollouts of one problem say at every budget. A number depends on nothing but these rollouts and its own budget. */
export function problemOf(
  natural: readonly ReadRollout[],
  kept: readonly ReadRollout[],
  budgets: readonly number[],
  how: Pick<Measured, 'method' | 'samples'> = { method: 'exact', samples: 0 },
  counted?: Counted,
): EvaluatedProblem {
  const along = (rollouts: readonly ReadRollout[], value: (rollout: ReadRollout, budget: number) => number): Float32Array =>
    Float32Array.from(budgets, (budget) => mean(rollouts.map((rollout) => value(rollout, budget))))
  const measuredOf = ({ entry, J }: ReadRollout): Measured => {
    const { boundaries } = entry.rollout
    return { boundaries, J: Float64Array.from(boundaries, (offset) => J.get(offset)!), intervals: null, ...how }
  }
  const kindOf = (rollouts: readonly ReadRollout[]): MeasuredEntries => ({
    entries: rollouts.map(({ entry }) => entry),
    measured: rollouts.map(measuredOf),
  })
  const cut = ({ entry, J }: ReadRollout, budget: number): number => J.get(cutAt(entry.rollout, budget))!
  const whole = ({ entry, J }: ReadRollout, budget: number): number => J.get(wholeCutAt(entry.rollout, budget))!
  const regret = (rollout: ReadRollout, budget: number): number => 1 - areaOf(traceOf(rollout.entry, measuredOf(rollout)), budget, counted)
  return {
    natural: kindOf(natural),
    kept: kindOf(kept),
    accuracy: mean(natural.map(({ entry }) => correctOf(entry))),
    meanTokens: mean(natural.map(({ entry }) => entry.rollout.tokens.length)),
    accuracyAtBudget: along(natural, cut),
    regretAtBudget: along(natural, regret),
    keptAtBudget: along(kept, cut),
    keptWholeAtBudget: along(kept, whole),
    keptRegretAtBudget: along(kept, regret),
  }
}

/** A sampled rollout with J as regret reads it. */
export const traceOf = ({ rollout }: Pick<Entry, 'rollout'>, { boundaries, J }: Pick<Measured, 'boundaries' | 'J'>) =>
  regretTrace({ promptTokens: rollout.prompt.length, completionTokens: rollout.tokens.length, boundaries, J })

function metricsOf(
  problems: readonly VotedProblem[],
  budgets: readonly number[],
  trained: number,
  samples: number,
  resampling: Resampled,
): Record<string, number> {
  const entries = problems.flatMap(({ natural }) => natural.entries)
  const accounts = totalAccount(
    problems.flatMap(({ natural }) => accountTokens(natural.measured.map(({ boundaries, J }) => ({ boundaries, accuracy: J })))),
  )
  const perRollout = (tokens: number): number => tokens / entries.length
  const right = problems.map((problem) => Math.round(problem.accuracy * samples))
  const over = (of: (problem: VotedProblem) => number): number => mean(problems.map(of))
  return {
    accuracy: over((problem) => problem.accuracy),
    accuracy_error: bootstrapMean(
      problems.map((problem) => problem.accuracy),
      resampling,
    ).error,
    'problems/clusters': basisOf(resampling.clusters, 0).clusters,
    'completions/mean_length': mean(entries.map((entry) => entry.rollout.tokens.length)),
    'completions/clipped_ratio': mean(entries.map((entry) => Number(entry.rollout.finish === 'length'))),
    'completions/forced_stop_ratio': mean(entries.map((entry) => Number(entry.rollout.forcedStop))),
    'completions/unparsable_ratio': mean(entries.map((entry) => Number(entry.grade.extracted === null))),
    'ttc/thinking_tokens': mean(entries.map((entry) => entry.rollout.thinkEnd)),
    'ttc/beyond_training_ratio': mean(entries.map((entry) => Number(entry.rollout.thinkEnd > trained))),
    'mrt/episodes_mean': mean(entries.map((entry) => entry.rollout.episodes.length)),
    'mrt/j_start_mean': mean(problems.flatMap(({ natural }) => natural.measured.map(({ J }) => J[0]!))),
    'mrt/j_end_mean': mean(problems.flatMap(({ natural }) => natural.measured.map(({ J }) => J.at(-1)!))),
    'ttc/useful_tokens': perRollout(accounts.tokens.useful),
    'ttc/overthink_tokens': perRollout(accounts.tokens.overthinking),
    'ttc/futile_tokens': perRollout(accounts.tokens.futile),
    'ttc/starved_tokens': perRollout(accounts.tokens.starved),
    'ttc/starved_frac': accounts.rollouts.starved / entries.length,
    ...Object.fromEntries(passSizes(samples).map((k) => [`pass@${k}`, mean(right.map((c) => passAtK(samples, c, k)))])),
    ...Object.fromEntries(majoritySizes(samples).map((k) => [`maj@${k}`, over((problem) => majorityOf(problem, k))])),
    ...Object.fromEntries(
      budgets.flatMap((budget, at) => [
        [`ttc/acc@${budget}`, over((problem) => problem.accuracyAtBudget[at]!)],
        [`ttc/regret@${budget}`, over((problem) => problem.regretAtBudget[at]!)],
        [`ttc/kept_acc@${budget}`, over((problem) => problem.keptWholeAtBudget[at]!)],
        [`ttc/kept_regret@${budget}`, over((problem) => problem.keptRegretAtBudget[at]!)],
      ]),
    ),
    'ttc/trained_budget': trained,
  }
}

const majorityOf = ({ votes }: VotedProblem, k: number): number => majAtK(votes, k, { draws: 200, seed: 1 })

function pointsOf(
  problems: readonly VotedProblem[],
  budgets: readonly number[],
  trained: number,
  samples: number,
  resampling: Resampled,
): EvaluationPoint[] {
  const point = (curve: string, x: number, values: readonly number[], extrapolated: boolean): EvaluationPoint => {
    const { estimate, low, high } = bootstrapMean(values, resampling)
    // All of these are shares: an interval does not reach beyond them.
    return { curve, x, value: estimate, low: Math.max(0, low), high: Math.min(1, high), n: values.length, extrapolated }
  }
  const right = problems.map((problem) => Math.round(problem.accuracy * samples))
  return [
    ...budgets.flatMap((budget, at) => [
      point(
        'natural',
        budget,
        problems.map((problem) => problem.accuracyAtBudget[at]!),
        budget > trained,
      ),
      point(
        'natural-regret',
        budget,
        problems.map((problem) => problem.regretAtBudget[at]!),
        budget > trained,
      ),
      point(
        'kept',
        budget,
        problems.map((problem) => problem.keptAtBudget[at]!),
        budget > trained,
      ),
      point(
        'kept-whole',
        budget,
        problems.map((problem) => problem.keptWholeAtBudget[at]!),
        budget > trained,
      ),
      point(
        'kept-regret',
        budget,
        problems.map((problem) => problem.keptRegretAtBudget[at]!),
        budget > trained,
      ),
    ]),
    ...passSizes(samples).map((k) =>
      point(
        'pass@k',
        k,
        right.map((c) => passAtK(samples, c, k)),
        false,
      ),
    ),
    ...majoritySizes(samples).map((k) =>
      point(
        'maj@k',
        k,
        problems.map((problem) => majorityOf(problem, k)),
        false,
      ),
    ),
  ]
}
