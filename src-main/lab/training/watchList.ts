// The watch list of a run: a few training problems that are asked again and again while it trains, with the same draws each time, so that answers to the
// same prompt can be read side by side. What is drawn teaches nothing and is counted apart from what the method costs.
import type { RunSpec } from '../../../src-preload/contract.ts'
import { deriveSeed } from '../../numeric/rng.ts'
import type { SampleOptions } from '../../rollout/sample.ts'
import type { Sampler } from '../../rollout/sampler.ts'
import { estimateJ } from './estimate.ts'
import { sampleEntries, sampleSettings } from './gather.ts'
import type { Looked } from './step.ts'
import type { ProblemSource } from './tasks.ts'

type Watching = Pick<RunSpec, 'steps' | 'watch'>

/** Whether the list is asked before the update of a step: before the first, and every so many steps after. */
export const looksAt = ({ watch }: Pick<Watching, 'watch'>, step: number): boolean => watch.problems > 0 && (step - 1) % watch.every === 0

/** Rollouts that a whole run draws of its list. */
export const watchedRollouts = ({ steps, watch }: Watching): number => watch.problems * watch.samples * Math.ceil(steps / watch.every)

/**
 * Asks the list: the first problems that the run trains on, each with its whole budget. J is measured where accepted answers can be listed, exactly.
 * @param policy draws and measures with the weights before the step
 */
export async function lookAtList(
  spec: RunSpec,
  problems: ProblemSource,
  policy: Sampler,
  { signal }: Pick<SampleOptions, 'signal'>,
): Promise<{ readonly looked: readonly Looked[]; readonly tokens: number }> {
  const settings = sampleSettings(spec)
  const plans = problems
    .ofStep(1, spec.watch.problems)
    .flatMap((problem, group) =>
      Array.from({ length: spec.watch.samples }, (_, sample) => ({
        problem,
        group,
        sample,
        prompt: problem.promptTokens,
        seed: deriveSeed(spec.seed, 'watch list', group, sample),
      })),
    )
  const entries = await sampleEntries(policy, problems, plans, settings, { ...(signal && { signal }) })
  const estimate = await estimateJ(policy, problems, entries, () => problems.lists, {
    method: 'exact',
    samples: 0,
    maxEpisodes: Infinity,
    seed: deriveSeed(spec.seed, 'watch list J'),
    settings,
    signal,
  })
  return {
    looked: entries.map((entry, index) => ({ entry, measured: estimate.measured[index] ?? null })),
    tokens: estimate.tokens + entries.reduce((sum, { rollout }) => sum + rollout.tokens.length, 0),
  }
}
