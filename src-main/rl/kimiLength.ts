// The length reward of Kimi k1.5 (Kimi team, arXiv 2501.12599, section 2.3.3): lambda = 1/2 - (length - shortest) / (longest - shortest) over the
// group; a right answer gets lambda, a wrong one min(0, lambda), and nobody anything where all lengths agree. Added to the outcome with a
// weight that is 0 for a first part of training, as the report says that a penalty from the start slows learning; how long that part is, it does not
// say. On a centred advantage without scaling, as in its section 2.3.2. Left out: its off-policy mirror descent and its sampling of prompts.
import { defineAlgorithm } from './algorithm.ts'
import { drGrpoAdvantages } from './drGrpo.ts'
import { gradedParts, payGroup } from './pay.ts'
import { policyLoss, policyOptions } from './policyOptions.ts'
import type { GradedRollout } from './types.ts'

/** One term for each rollout of a group, between -1/2 and 1/2. */
export function kimiLengths(group: readonly Pick<GradedRollout, 'tokenCount' | 'correct'>[]): number[] {
  const lengths = group.map(({ tokenCount }) => tokenCount)
  const [shortest, longest] = [Math.min(...lengths), Math.max(...lengths)]
  return group.map(({ tokenCount, correct }) => {
    if (longest === shortest) return 0
    const lambda = 0.5 - (tokenCount - shortest) / (longest - shortest)
    return correct === 1 ? lambda : Math.min(0, lambda)
  })
}

export const kimiLength = defineAlgorithm({
  name: 'kimi-length',
  title: 'Kimi length reward',
  method: 'length-kimi',
  rule: 'Shorter answers of a group earn up to half a point more and longer ones lose as much, wrong ones only lose; paid as Dr. GRPO.',
  source: 'Kimi team 2025, arXiv 2501.12599, section 2.3.3',
  needs: () => ({ data: 'rollouts', J: 'none' }),
  options: {
    ...policyOptions(),
    weight: {
      kind: 'number',
      default: 1,
      min: 0,
      max: 10,
      unit: 'reward per unit of lambda',
      reason: 'Size of the length reward beside the outcome, once it is on.',
    },
    lengthFrom: {
      kind: 'number',
      default: 0.25,
      min: 0,
      max: 1,
      unit: 'of the run',
      when: { weight: { above: 0 } },
      reason: 'The length reward is off before this part of the steps is done; the report turns it on late and does not say when.',
    },
  },
  credit(group, options, { done }) {
    const weight = done < options.lengthFrom ? 0 : options.weight
    const lengths = kimiLengths(group)
    return payGroup(
      group,
      group.map((rollout, index) => ({ ...gradedParts(rollout), length: weight * lengths[index] })),
      drGrpoAdvantages,
    )
  },
  loss: (options) => policyLoss(options, { ratio: 'token', aggregation: 'constant' }),
})
