// GRPO (Shao et al., "DeepSeekMath", arXiv 2402.03300, section 4.1): a rollout's advantage is its reward, centred and
// scaled by the standard deviation of its group. Left out: process supervision, and the per-token value model it replaces.
import { mean, sampleDeviation } from '../numeric/stats.ts'
import { defineAlgorithm } from './algorithm.ts'
import { policyLoss, policyOptions } from './policyOptions.ts'
import { gradedParts, payGroup } from './pay.ts'

/** Keeps the division finite where all rewards agree; their numerators are 0. */
const TINY = 1e-6

/** (R - mean) / (sd + 1e-6), sd with n - 1. Rewards of one group, at least two. */
export function grpoAdvantages(rewards: readonly number[]): number[] {
  const centre = mean(rewards)
  const scale = sampleDeviation(rewards) + TINY
  return rewards.map((reward) => (reward - centre) / scale)
}

export const grpo = defineAlgorithm({
  name: 'grpo',
  title: 'GRPO',
  method: 'outcome',
  rule: 'Every token is paid the reward of its rollout, centred and scaled by the standard deviation of its group.',
  source: 'Shao et al. 2024, arXiv 2402.03300, section 4.1',
  needs: () => ({ data: 'rollouts', J: 'none' }),
  options: policyOptions({ klBeta: 0.001 }),
  credit: (group) => payGroup(group, group.map(gradedParts), grpoAdvantages),
  loss: (options) => policyLoss(options, { ratio: 'token', aggregation: 'sequence-mean' }),
})
