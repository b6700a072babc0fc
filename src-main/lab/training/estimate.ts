// J at the boundaries of gathered rollouts: exact or sampled, under the weights that the algorithm names. Also measures a few groups of
// runs whose algorithm needs no J, so that regret, progress and reward anatomy can be read for every run; that cost is counted apart.
import { limitEpisodes } from '../../episodes/segmentTokens.ts'
import type { Interval } from '../../numeric/intervals.ts'
import { deriveSeed } from '../../numeric/rng.ts'
import { continuedValues } from '../../rollout/continuedValues.ts'
import { sampledMu } from '../../rollout/sampledMu.ts'
import type { SampleSettings } from '../../rollout/sample.ts'
import type { Sampler } from '../../rollout/sampler.ts'
import type { Entry } from './gather.ts'
import type { ProblemSource } from './tasks.ts'

/** Answers drawn at each place where accepted answers cannot be listed and J has no exact value. */
export const SAMPLED_ANSWERS = 4

export interface Measured {
  /** Boundaries at which J was measured; episodes beyond a method's limit are merged. */
  readonly boundaries: readonly number[]
  readonly J: Float64Array
  /** Wilson intervals of a sampled J; null when exact. */
  readonly intervals: readonly Interval[] | null
  readonly method: 'exact' | 'sampled'
  /** K; 0 when exact. */
  readonly samples: number
}

export interface Estimate {
  /** One per entry; null where J was not measured. */
  readonly measured: readonly (Measured | null)[]
  /** Tokens forwarded to measure J. */
  readonly tokens: number
}

export interface EstimateRequest {
  readonly method: 'exact' | 'sampled'
  /** K of the sampled estimator. */
  readonly samples: number
  readonly maxEpisodes: number
  readonly seed: number
  readonly settings: SampleSettings
  readonly signal?: AbortSignal
}

/** Measures J for the entries that `wanted` selects. */
export async function estimateJ(
  policy: Sampler,
  problems: ProblemSource,
  entries: readonly Entry[],
  wanted: (entry: Entry) => boolean,
  request: EstimateRequest,
): Promise<Estimate> {
  const chosen = entries.flatMap((entry, index) => (wanted(entry) && entry.rollout.finish !== 'aborted' ? [index] : []))
  const boundaries = chosen.map((index) => limitEpisodes(entries[index]!.rollout.boundaries, request.maxEpisodes))
  const measured: (Measured | null)[] = entries.map(() => null)
  if (chosen.length === 0) return { measured, tokens: 0 }

  if (request.method === 'exact') {
    const traces = chosen.map((index, at) => ({
      prompt: entries[index]!.rollout.prompt,
      completion: entries[index]!.rollout.tokens,
      cuts: boundaries[at]!,
      answers: problems.answers(entries[index]!.problem),
    }))
    const mu = await policy.measure(traces, problems.task.format.terminationSuffix, request.signal)
    chosen.forEach((index, at) => {
      measured[index] = { boundaries: boundaries[at]!, J: mu.J[at]!, intervals: null, method: 'exact', samples: 0 }
    })
    return { measured, tokens: mu.forwardedTokens }
  }
  const traces = chosen.map((index, at) => ({
    problem: entries[index]!.problem,
    completion: entries[index]!.rollout.tokens,
    cuts: boundaries[at]!,
    seed: deriveSeed(request.seed, entries[index]!.group, entries[index]!.sample),
  }))
  const mu = await sampledMu(policy, problems.task, traces, request.samples, request.settings, request.signal)
  chosen.forEach((index, at) => {
    measured[index] = {
      boundaries: boundaries[at]!,
      J: mu.J[at]!,
      intervals: mu.intervals[at]!,
      method: 'sampled',
      samples: request.samples,
    }
  })
  return { measured, tokens: mu.generatedTokens }
}

/** V at every boundary of every entry that was not aborted, from fresh continuations of the policy that sampled them. */
export async function continueEntries(
  policy: Sampler,
  problems: ProblemSource,
  entries: readonly Entry[],
  samples: number,
  { seed, settings, signal }: Pick<EstimateRequest, 'seed' | 'settings' | 'signal'>,
): Promise<{ readonly V: readonly (Float64Array | null)[]; readonly tokens: number }> {
  const chosen = entries.flatMap(({ rollout }, index) => (rollout.finish === 'aborted' ? [] : [index]))
  const traces = chosen.map((index) => ({
    problem: entries[index]!.problem,
    completion: entries[index]!.rollout.tokens,
    cuts: entries[index]!.rollout.boundaries,
    seed: deriveSeed(seed, entries[index]!.group, entries[index]!.sample),
  }))
  const values = await continuedValues(policy, problems.task, traces, samples, settings, signal)
  const V: (Float64Array | null)[] = entries.map(() => null)
  chosen.forEach((index, at) => {
    V[index] = values.V[at]!
  })
  return { V, tokens: values.generatedTokens }
}
