// What a set of weights can do on fixed held-out problems: accuracy and length as sampled, accuracy against thinking budget (thinking cut at
// each budget and answered at once, with exact J; beyond the training budget by forced continuation), regret, and where the tokens went.
// Pure measurement: nothing is stored here. The same seed gives the same problems and draws for every run, so runs pair problem by problem.
import type { EvaluationPoint, RunSpec } from '../../src-preload/contract.ts'
import { accountTokens, totalAccount } from '../episodes/accounting.ts'
import { areaOf } from '../episodes/regret.ts'
import { bootstrapMean, type BootstrapOptions } from '../numeric/bootstrap.ts'
import { majAtK, passAtK } from '../numeric/passAtK.ts'
import { deriveSeed } from '../numeric/rng.ts'
import { mean } from '../numeric/stats.ts'
import { exactMu } from '../rollout/exactMu.ts'
import type { Policy } from '../rollout/policy.ts'
import { basisOf, clustersOf } from './clusters.ts'
import type { Measured } from './estimate.ts'
import { correctOf, sampleEntries, sampleSettings } from './gather.ts'
import type { Entry } from './gather.ts'
import { measuredTrace } from './measure.ts'
import type { ProblemSource } from './tasks.ts'

export type EvaluationSpec = Pick<RunSpec, 'evaluation' | 'sampling' | 'budget'>

/** One problem with all its rollouts. */
export interface EvaluatedProblem {
  readonly entries: readonly Entry[]
  readonly measured: readonly Measured[]
  readonly accuracy: number
  readonly meanTokens: number
  /** J when thinking is cut at each budget, averaged over the rollouts; forced continuation beyond the training budget. */
  readonly accuracyAtBudget: Float32Array
  /** Normalised regret of this problem at each budget (tokens counted as in `budgetCurve`, 'all'). */
  readonly regretAtBudget: Float32Array
}

export interface EvaluationOutcome {
  readonly problems: readonly EvaluatedProblem[]
  readonly metrics: Readonly<Record<string, number>>
  readonly points: readonly EvaluationPoint[]
  /** Tokens generated, and tokens forwarded to measure J. */
  readonly tokens: number
  readonly estimateTokens: number
}

export interface EvaluateOptions {
  readonly signal?: AbortSignal
  readonly onProgress?: (share: number) => void
}

/** Resamples of problems behind each interval. */
const DRAWS = 2_000
type Resampled = BootstrapOptions & Required<Pick<BootstrapOptions, 'clusters'>>

export async function evaluate(policy: Policy, source: ProblemSource, spec: EvaluationSpec, { signal, onProgress }: EvaluateOptions = {}): Promise<EvaluationOutcome> {
  const { problems: count, samples, seed } = spec.evaluation
  const budgets = [...spec.evaluation.budgets].sort((a, b) => a - b)
  const trained = spec.budget.thinkingTokens
  const chosen = source.ofSplit('heldout', count, deriveSeed(seed, 'problems'))

  // As sampled, under the training budget.
  const entries = await sampleEntries(policy, source, chosen.flatMap((problem, group) => Array.from({ length: samples }, (_, sample) => ({
    problem, group, sample, prompt: problem.promptTokens, seed: deriveSeed(seed, 'rollout', group, sample),
  }))), sampleSettings(spec), { signal, onProgress: (done, total) => onProgress?.((0.35 * done) / total) })

  // Forced continuation to the largest budget, for the budgets beyond training.
  const beyond = budgets.filter((budget) => budget > trained)
  const longest = beyond.at(-1)
  const extended = longest === undefined ? [] : await sampleEntries(policy, source, chosen.map((problem, group) => ({
    problem, group, sample: samples, prompt: problem.promptTokens, seed: deriveSeed(seed, 'extended', group),
  })), { ...sampleSettings(spec), thinkingTokens: longest, minimumThinking: longest }, { signal, onProgress: (done, total) => onProgress?.(0.35 + (0.3 * done) / total) })

  // J wherever it is read, in one go.
  const cutsOf = (entry: Entry, wanted: readonly number[]): number[] => [...new Set([...wanted.map((budget) => Math.min(budget, entry.rollout.thinkEnd))])].sort((a, b) => a - b)
  const within = budgets.filter((budget) => budget <= trained)
  const cuts = [...entries.map((entry) => cutsOf(entry, [...entry.rollout.boundaries, ...within])), ...extended.map((entry) => cutsOf(entry, [0, ...budgets]))]
  const all = [...entries, ...extended]
  const mu = await exactMu(all.map((entry, index) => ({ prompt: entry.rollout.prompt, completion: entry.rollout.tokens, cuts: cuts[index]!, answers: source.answers(entry.problem) })), source.task.format.terminationSuffix, (feeds) => policy.branches.run(feeds, undefined, { signal }))
  const jAt = (index: number, offset: number): number => mu.J[index]![cuts[index]!.indexOf(Math.min(offset, all[index]!.rollout.thinkEnd))]!
  onProgress?.(0.95)

  const problems = chosen.map((_, group): EvaluatedProblem => {
    const own = Array.from({ length: samples }, (_, sample) => group * samples + sample)
    const stretched = entries.length + group
    const measured = own.map((index): Measured => {
      const { boundaries } = entries[index]!.rollout
      return { boundaries, J: Float64Array.from(boundaries, (offset) => jAt(index, offset)), intervals: null, method: 'exact', samples: 0 }
    })
    const traces = own.map((index, at) => measuredTrace(entries[index]!, measured[at]!, source))
    const stretchedTrace = longest === undefined ? null : measuredTrace(extended[group]!, { boundaries: cuts[stretched]!, J: mu.J[stretched]! }, source)
    return {
      entries: own.map((index) => entries[index]!),
      measured,
      accuracy: mean(own.map((index) => correctOf(entries[index]!))),
      meanTokens: mean(own.map((index) => entries[index]!.rollout.tokens.length)),
      accuracyAtBudget: Float32Array.from(budgets, (budget) => (budget <= trained ? mean(own.map((index) => jAt(index, budget))) : jAt(stretched, budget))),
      regretAtBudget: Float32Array.from(budgets, (budget) => 1 - (budget <= trained ? mean(traces.map((trace) => areaOf(trace, budget))) : areaOf(stretchedTrace!, budget))),
    }
  })
  const resampling = { seed: deriveSeed(seed, 'interval'), draws: DRAWS, clusters: clustersOf(chosen.map((problem) => source.task.cluster(problem))) }
  return {
    problems,
    metrics: metricsOf(problems, budgets, trained, samples, resampling),
    points: pointsOf(problems, budgets, trained, samples, resampling),
    tokens: all.reduce((sum, entry) => sum + entry.rollout.tokens.length, 0),
    estimateTokens: mu.forwardedTokens,
  }
}

function metricsOf(problems: readonly EvaluatedProblem[], budgets: readonly number[], trained: number, samples: number, resampling: Resampled): Record<string, number> {
  const entries = problems.flatMap((problem) => problem.entries)
  const accounts = totalAccount(problems.flatMap((problem) => accountTokens(problem.measured.map(({ boundaries, J }) => ({ boundaries, accuracy: J })))))
  const perRollout = (tokens: number): number => tokens / entries.length
  const right = problems.map((problem) => Math.round(problem.accuracy * samples))
  return {
    accuracy: mean(problems.map((problem) => problem.accuracy)),
    accuracy_error: bootstrapMean(problems.map((problem) => problem.accuracy), resampling).error,
    'problems/clusters': basisOf(resampling.clusters, 0).clusters,
    'completions/mean_length': mean(entries.map((entry) => entry.rollout.tokens.length)),
    'completions/clipped_ratio': mean(entries.map((entry) => Number(entry.rollout.finish === 'length'))),
    'completions/forced_stop_ratio': mean(entries.map((entry) => Number(entry.rollout.forcedStop))),
    'completions/unparsable_ratio': mean(entries.map((entry) => Number(entry.grade.extracted === null))),
    'ttc/thinking_tokens': mean(entries.map((entry) => entry.rollout.thinkEnd)),
    'mrt/episodes_mean': mean(entries.map((entry) => entry.rollout.episodes.length)),
    'mrt/j_start_mean': mean(problems.flatMap((problem) => problem.measured.map(({ J }) => J[0]!))),
    'mrt/j_end_mean': mean(problems.flatMap((problem) => problem.measured.map(({ J }) => J.at(-1)!))),
    'ttc/useful_tokens': perRollout(accounts.tokens.useful),
    'ttc/overthink_tokens': perRollout(accounts.tokens.overthinking),
    'ttc/futile_tokens': perRollout(accounts.tokens.futile),
    'ttc/starved_tokens': perRollout(accounts.tokens.starved),
    'ttc/starved_frac': accounts.rollouts.starved / entries.length,
    ...Object.fromEntries(powersUpTo(samples).map((k) => [`pass@${k}`, mean(right.map((c) => passAtK(samples, c, k)))])),
    ...(samples > 1 && { [`maj@${samples}`]: mean(problems.map((problem) => majAtK(problem.entries.map((entry) => ({ group: entry.grade.extracted, correct: entry.grade.correct })), samples, { draws: 200, seed: 1 }))) }),
    ...Object.fromEntries(budgets.flatMap((budget, at) => [
      [`ttc/acc@${budget}`, mean(problems.map((problem) => problem.accuracyAtBudget[at]!))],
      [`ttc/regret@${budget}`, mean(problems.map((problem) => problem.regretAtBudget[at]!))],
    ])),
    'ttc/trained_budget': trained,
  }
}

function powersUpTo(n: number): number[] {
  const powers: number[] = []
  for (let k = 1; k <= n; k *= 2) powers.push(k)
  return powers
}

function pointsOf(problems: readonly EvaluatedProblem[], budgets: readonly number[], trained: number, samples: number, resampling: Resampled): EvaluationPoint[] {
  const point = (curve: string, x: number, values: readonly number[], extrapolated: boolean): EvaluationPoint => {
    const { estimate, low, high } = bootstrapMean(values, resampling)
    return { curve, x, value: estimate, low, high, n: values.length, extrapolated }
  }
  const right = problems.map((problem) => Math.round(problem.accuracy * samples))
  return [
    ...budgets.flatMap((budget, at) => [
      point('accuracy', budget, problems.map((problem) => problem.accuracyAtBudget[at]!), budget > trained),
      point('regret', budget, problems.map((problem) => problem.regretAtBudget[at]!), budget > trained),
    ]),
    ...powersUpTo(samples).map((k) => point('pass@k', k, right.map((c) => passAtK(samples, c, k)), false)),
  ]
}
