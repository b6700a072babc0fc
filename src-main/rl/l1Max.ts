// L1-max (Aggarwal and Welleck, arXiv 2503.04697, equation 2): a right answer is worth clip(alpha (target - length) + delta, 0, 1) and a wrong one nothing, so
// that a length below the target is never punished and a small excess is worth having if it makes the answer right. Target and unit of
// alpha as in l1Exact.ts. The paper starts it from an L1-exact model; a run here starts from whatever weights it is given.
import { defineAlgorithm } from './algorithm.ts'
import { grpoAdvantages } from './grpo.ts'
import { below, targetOptions } from './l1Exact.ts'
import { gradedParts, payGroup } from './pay.ts'
import { policyLoss, policyOptions } from './policyOptions.ts'

export const l1Max = defineAlgorithm({
  name: 'l1-max',
  title: 'L1, max',
  method: 'length-l1-max',
  rule: 'A right answer is worth less the further it is beyond a target length; paid as GRPO.',
  source: 'Aggarwal and Welleck 2025, arXiv 2503.04697, equation 2',
  needs: () => ({ data: 'rollouts', J: 'none' }),
  options: {
    ...policyOptions({ klBeta: 0.001 }),
    ...targetOptions,
    delta: {
      kind: 'number',
      default: 0.5,
      min: 0,
      max: 1,
      unit: 'reward',
      reason: "Worth of a right answer of exactly the target length; the paper's 0.5 lets a small excess still pay.",
    },
  },
  credit: (group, options, { budgetTokens }) =>
    payGroup(
      group,
      group.map((rollout) => {
        const worth = Math.min(1, Math.max(0, options.alpha * below(rollout.tokenCount, options.target, budgetTokens) + options.delta))
        return { ...gradedParts(rollout), length: rollout.correct === 1 ? worth - 1 : 0 }
      }),
      grpoAdvantages,
    ),
  loss: (options) => policyLoss(options, { ratio: 'token', aggregation: 'sequence-mean' }),
})
