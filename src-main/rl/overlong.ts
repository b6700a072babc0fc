// Soft overlong punishment (Yu et al., "DAPO", arXiv 2503.14476, section 3.4), by itself: within the last part of the token budget a rollout is charged
// the more the closer it comes to the limit, right or wrong. On Dr. GRPO, so that it can be held against the other penalties of length;
// DAPO takes the same penalty and the same options beside its own rules.
import { defineAlgorithm } from './algorithm.ts'
import { drGrpoAdvantages } from './drGrpo.ts'
import type { NumberOption } from './options.ts'
import { gradedParts, payGroup, type Parts } from './pay.ts'
import { policyLoss, policyOptions } from './policyOptions.ts'
import type { CreditContext, GradedRollout } from './types.ts'

/** min(0, (expected - length) / buffer), at least -1: 0 up to budget - buffer, falling linearly to -1 at the budget. Lengths in tokens. */
export function softOverlong(length: number, budgetTokens: number, bufferTokens: number): number {
  if (bufferTokens <= 0) return 0
  return Math.max(-1, Math.min(0, (budgetTokens - bufferTokens - length) / bufferTokens))
}

export const overlongOptions = {
  overlongBuffer: {
    kind: 'number',
    default: 0.2,
    min: 0,
    max: 1,
    unit: 'of the token budget',
    when: { overlongPenalty: { above: 0 } },
    reason: 'The last part of the budget in which the penalty grows from 0 to its full size; 0 turns it off.',
  },
  overlongPenalty: {
    kind: 'number',
    default: 1,
    min: 0,
    max: 10,
    unit: 'reward',
    aliases: ['overlong_penalty_factor'],
    when: { overlongBuffer: { above: 0 } },
    reason: 'Taken from the reward of a rollout that fills the whole budget; 1 is as much as a right answer is worth.',
  },
} as const satisfies Record<string, NumberOption>

/** The graded terms of each rollout with the penalty among them. */
export function overlongParts(
  group: readonly GradedRollout[],
  { overlongBuffer, overlongPenalty }: { readonly overlongBuffer: number; readonly overlongPenalty: number },
  { budgetTokens }: CreditContext,
): Parts[] {
  return group.map((rollout) => ({
    ...gradedParts(rollout),
    overlong: overlongPenalty * softOverlong(rollout.tokenCount, budgetTokens, overlongBuffer * budgetTokens),
  }))
}

export const overlong = defineAlgorithm({
  name: 'overlong',
  title: 'Soft overlong',
  method: 'length-overlong',
  rule: 'A rollout is charged for the part of its length that lies close to the limit; paid as Dr. GRPO.',
  source: 'Yu et al. 2025, arXiv 2503.14476, section 3.4',
  needs: () => ({ data: 'rollouts', J: 'none' }),
  options: { ...policyOptions(), ...overlongOptions },
  credit: (group, options, context) => payGroup(group, overlongParts(group, options, context), drGrpoAdvantages),
  loss: (options) => policyLoss(options, { ratio: 'token', aggregation: 'constant' }),
})
