// L1-exact (Aggarwal and Welleck, "L1: controlling how long a reasoning model thinks", arXiv 2503.04697, equation 1): reward = outcome - alpha |target - length|,
// GRPO on top. Left out: a target that is written in the prompt and drawn anew for each problem, since a task's prompt has no place for it; here the
// target is one share of the token budget for the whole run. The paper's alpha of 3e-4 per token, with targets up to 4000 tokens, is 1.2 per longest
// target, and that is the unit here, so that it means the same at every budget.
import { defineAlgorithm } from './algorithm.ts'
import { grpoAdvantages } from './grpo.ts'
import type { NumberOption } from './options.ts'
import { gradedParts, payGroup } from './pay.ts'
import { policyLoss, policyOptions } from './policyOptions.ts'

/** The options that both forms of L1 share. */
export const targetOptions = {
  target: {
    kind: 'number',
    default: 0.4,
    min: 0,
    max: 1,
    unit: 'of the token budget',
    reason:
      'Length that a rollout should have, thinking and answer together; the paper draws it for each prompt, here it is the same for all.',
  },
  alpha: {
    kind: 'number',
    default: 1.2,
    min: 0,
    max: 100,
    unit: 'reward per token budget',
    reason: "What being off by a whole budget costs; 1.2 is the paper's 3e-4 per token at its longest target of 4000.",
  },
} as const satisfies Record<string, NumberOption>

/** How far a length is below its target, as a share of the budget; negative beyond it. */
export function below(length: number, target: number, budgetTokens: number): number {
  return target - length / budgetTokens
}

export const l1Exact = defineAlgorithm({
  name: 'l1-exact',
  title: 'L1, exact',
  method: 'length-l1-exact',
  rule: 'A rollout is charged for its distance from a target length, right or wrong; paid as GRPO.',
  source: 'Aggarwal and Welleck 2025, arXiv 2503.04697, equation 1',
  needs: () => ({ data: 'rollouts', J: 'none' }),
  options: { ...policyOptions({ klBeta: 0.001 }), ...targetOptions },
  credit: (group, options, { budgetTokens }) =>
    payGroup(
      group,
      group.map((rollout) => ({
        ...gradedParts(rollout),
        length: -options.alpha * Math.abs(below(rollout.tokenCount, options.target, budgetTokens)),
      })),
      grpoAdvantages,
    ),
  loss: (options) => policyLoss(options, { ratio: 'token', aggregation: 'sequence-mean' }),
})
