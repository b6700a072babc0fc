// MRT by pooled arms (arXiv 2503.07572, figure 6): from a stale random prefix, some rollouts think on and some must answer now; all
// are scored 0 or 1 and normalised together. Before scaling, a continuation i is paid (r_i - mean r) + f (mean r - b), with b the mean of the
// terminate-now rewards and f their share of the pool: GRPO plus the progress of continuing, weight f. A termination is paid
// (t_i - b) - (1 - f)(mean r - b). Only tokens sampled after the prefix carry loss; the prefix comes from an older policy.
import { defineAlgorithm, type ArmPlan } from './algorithm.ts'
import { baselineOption, baselines } from './mrtProgress.ts'
import type { OptionTable, OptionValues } from './options.ts'
import { discard, gradedParts, lossMask, pay, total } from './pay.ts'
import { policyLoss, policyOptions } from './policyOptions.ts'
import type { GradedRollout } from './types.ts'

/** How many rollouts of each arm to sample from one prefix, and how long a prefix may be. */
export const armOptions = {
  terminations: {
    kind: 'number',
    default: 4,
    min: 0,
    max: 64,
    integer: true,
    unit: 'rollouts per prefix',
    reason: 'Terminate-now rollouts; their share of the pool is the weight of progress, one half where both arms are equal.',
  },
  continuations: {
    kind: 'number',
    default: 4,
    min: 1,
    max: 64,
    integer: true,
    unit: 'rollouts per prefix',
    reason: 'Rollouts that think on from the prefix.',
  },
  maxPrefixEpisodes: {
    kind: 'number',
    default: 6,
    min: 0,
    max: 64,
    integer: true,
    unit: 'episodes',
    reason: 'A prefix ends after a random number of episodes, from none to this many.',
  },
  staleSteps: {
    kind: 'number',
    default: 10,
    min: 1,
    max: 10_000,
    integer: true,
    unit: 'steps',
    reason:
      'Prefixes come from the weights as they were at the last step that this divides, whenever checkpoints are saved; at 1 from the current ones.',
  },
} as const satisfies OptionTable

export function armsOf({ continuations, terminations, maxPrefixEpisodes, staleSteps }: OptionValues<typeof armOptions>): ArmPlan {
  return { continuations, terminations, maxPrefixEpisodes, staleSteps }
}

/** The loss mask with the forced end of thinking counted as the policy's own decision. */
function maskWithStop(rollout: GradedRollout): Uint8Array {
  const mask = lossMask(rollout)
  // Beyond the mask, where nothing is kept, if thinking never ended.
  mask[rollout.thinkEnd] = 1
  return mask
}

export const mrtPooled = defineAlgorithm({
  name: 'mrt-pooled',
  title: 'MRT, pooled arms',
  method: 'mrt-pooled',
  rule: 'Continuations and terminations of one stale prefix are paid their rewards, centred and scaled over both arms together.',
  source: 'Qu et al. 2025, arXiv 2503.07572, figure 6',
  needs: (options) => ({ data: 'arms', J: 'none', arms: armsOf(options), paysForced: options.trainForcedStop }),
  options: {
    ...policyOptions(),
    base: baselineOption('grpo', 'The paper normalises the joint set as GRPO does.'),
    ...armOptions,
    trainTerminations: {
      kind: 'flag',
      default: true,
      unit: '',
      reason: 'Also learn from the answers of the terminate-now arm; off, they only set the baseline.',
    },
    trainForcedStop: {
      kind: 'flag',
      default: false,
      unit: '',
      when: { trainTerminations: [true] },
      reason: 'Also pay the forced end of thinking, as if the policy had chosen it: stopping is then pushed up or down directly.',
    },
  },
  credit(group, options) {
    const parts = group.map(gradedParts)
    const arms = new Set(group.map((rollout) => rollout.arm))
    if (!arms.has('continue') || !arms.has('terminate')) return group.map((rollout, index) => discard(rollout, parts[index], 'missing-arm'))
    const advantages = baselines[options.base](parts.map(total))
    return group.map((rollout, index) => {
      const terminated = rollout.arm === 'terminate'
      if (terminated && !options.trainTerminations) return discard(rollout, parts[index], 'baseline-only')
      const mask = terminated && options.trainForcedStop ? maskWithStop(rollout) : lossMask(rollout)
      return pay(rollout, { parts: parts[index], outcomeAdvantage: advantages[index], mask })
    })
  },
  loss: (options) => policyLoss(options, { ratio: 'token', aggregation: 'sequence-mean' }),
})
