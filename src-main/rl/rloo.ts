// RLOO (Ahmadian et al., "Back to basics", arXiv 2402.14740): the baseline of a rollout is the mean reward of the others in
// its group, so it is unbiased; plain REINFORCE on whole rollouts (token terms are summed, not averaged), as on-policy samples need no
// clipping. A batch that is used more than once gets the clipped ratio, since REINFORCE would then follow the wrong policy.
import { sum } from '../numeric/stats.ts'
import { defineAlgorithm } from './algorithm.ts'
import { policyLoss, policyOptions, type PolicyValues } from './policyOptions.ts'
import { gradedParts, payGroup } from './pay.ts'
import type { LossSpec } from './types.ts'

/** R_i minus the mean of the others. Rewards of one group, at least two. */
export function rlooAdvantages(rewards: readonly number[]): number[] {
  const all = sum(rewards)
  return rewards.map((reward) => reward - (all - reward) / (rewards.length - 1))
}

/** REINFORCE while strictly on-policy, else the clipped ratio. */
export function reinforceLoss(options: PolicyValues): LossSpec {
  return policyLoss(options, { ratio: options.updatesPerBatch === 1 ? 'none' : 'token', aggregation: 'constant' })
}

export const rloo = defineAlgorithm({
  name: 'rloo',
  title: 'RLOO',
  method: 'outcome',
  rule: 'Every token is paid the reward of its rollout minus the mean reward of the other rollouts of its group.',
  source: 'Ahmadian et al. 2024, arXiv 2402.14740',
  needs: () => ({ data: 'rollouts', J: 'none' }),
  options: policyOptions(),
  credit: (group) => payGroup(group, group.map(gradedParts), rlooAdvantages),
  loss: reinforceLoss,
})
