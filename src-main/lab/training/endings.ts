// Rollouts that credit wants ended early, each with an answer that is drawn there: entries of their own, to be credited and learned from as a whole.
import { deriveSeed } from '../../numeric/rng.ts'
import type { Seed } from '../../numeric/rng.ts'
import type { Credit } from '../../rl/types.ts'
import type { Sampler } from '../../rollout/sampler.ts'
import type { SampleSettings } from '../../rollout/sample.ts'
import { sampleEntries, type Entry } from './gather.ts'
import type { ProblemSource } from './tasks.ts'

/** The endings of one problem are a group, numbered on from the groups of the entries. @param settings of the step */
export async function endEntries(
  policy: Sampler,
  problems: ProblemSource,
  entries: readonly Entry[],
  credits: readonly Pick<Credit, 'endAt'>[],
  seed: Seed,
  settings: SampleSettings,
  signal?: AbortSignal,
): Promise<Entry[]> {
  const groups = 1 + Math.max(-1, ...entries.map(({ group }) => group))
  const plans = entries.flatMap(({ problem, group, sample, rollout }, index) => {
    const { endAt } = credits[index]!
    return endAt === undefined
      ? []
      : [
          {
            problem,
            group: groups + group,
            sample,
            ending: true,
            prompt: rollout.prompt,
            prefix: rollout.tokens,
            prefixTokens: endAt,
            stopNow: true,
            seed: deriveSeed(seed, group, sample),
          },
        ]
  })
  return plans.length === 0 ? [] : sampleEntries(policy, problems, plans, settings, { signal })
}
