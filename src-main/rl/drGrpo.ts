// Dr. GRPO (Liu et al., "Understanding R1-Zero-like training", arXiv 2503.20783, section 3): GRPO without the division by the
// group's deviation (no bias towards very easy and very hard problems) and without the division by a rollout's own length (no bias towards
// long wrong answers); token losses are summed and divided by a constant.
import { mean } from '../numeric/stats.ts'
import { defineAlgorithm } from './algorithm.ts'
import { policyLoss, policyOptions } from './policyOptions.ts'
import { gradedParts, payGroup } from './pay.ts'

/** R - mean. Rewards of one group. */
export function drGrpoAdvantages(rewards: readonly number[]): number[] {
  const centre = mean(rewards)
  return rewards.map((reward) => reward - centre)
}

export const drGrpo = defineAlgorithm({
  name: 'dr-grpo',
  title: 'Dr. GRPO',
  method: 'outcome',
  rule: 'Every token is paid the reward of its rollout minus the mean of its group.',
  source: 'Liu et al. 2025, arXiv 2503.20783, section 3',
  needs: () => ({ data: 'rollouts', J: 'none' }),
  options: policyOptions({ klBeta: 0 }),
  credit: (group) => payGroup(group, group.map(gradedParts), drGrpoAdvantages),
  loss: (options) => policyLoss(options, { ratio: 'token', aggregation: 'constant' }),
})
