// e3 (Setlur et al., "e3: learning to explore enables extrapolation of test-time compute", arXiv 2506.09026): outcome RL in which difficulty and token budget are
// raised together, in stages, and wrong answers keep their negative gradients, which is what lengthens the search; switching those off shows what they do.
// Problems of a stage are those of its share in the order of difficulty that the task states, the easiest first. The thresholds of the paper's own
// curriculum are not public to us: equal shares and a linear budget are our reading. Left out: the choice of skills that the base model chains.
import { defineAlgorithm, type CurriculumStage } from './algorithm.ts'
import { drGrpoAdvantages } from './drGrpo.ts'
import { gradedParts, payGroup } from './pay.ts'
import { policyLoss, policyOptions } from './policyOptions.ts'

/** Stages of a run: the budget grows in a line from its first share to the whole, the window of difficulty moves from the easiest problems to the hardest. */
export function coupledStages(stages: number, firstBudget: number): CurriculumStage[] {
  return Array.from({ length: stages }, (_, stage) => ({
    budget: stages === 1 ? 1 : firstBudget + ((1 - firstBudget) * stage) / (stages - 1),
    difficulty: [stage / stages, (stage + 1) / stages] as const,
  }))
}

export const e3 = defineAlgorithm({
  name: 'e3',
  title: 'e3, coupled curriculum',
  method: 'e3',
  rule: 'Paid as Dr. GRPO, on problems that grow harder together with the thinking budget; wrong answers are pushed away.',
  source: 'Setlur et al. 2025, arXiv 2506.09026',
  needs: (options) => ({ data: 'rollouts', J: 'none', curriculum: coupledStages(options.stages, options.firstBudget) }),
  options: {
    ...policyOptions(),
    stages: {
      kind: 'number',
      default: 2,
      min: 1,
      max: 8,
      integer: true,
      unit: 'equal parts of the run',
      reason: 'Steps of the curriculum; at 1 there is none.',
    },
    firstBudget: {
      kind: 'number',
      default: 0.5,
      min: 0.05,
      max: 1,
      unit: 'of the thinking budget',
      when: { stages: { above: 1 } },
      reason: 'Thinking budget of the first stage; it grows to the whole in a line.',
    },
    negativeGradients: {
      kind: 'flag',
      default: true,
      unit: '',
      reason: 'Push wrong answers away; off, only right ones are drawn nearer, and by the paper the search stays short.',
    },
  },
  credit: (group, options) =>
    payGroup(group, group.map(gradedParts), (rewards) =>
      drGrpoAdvantages(rewards).map((advantage) => (options.negativeGradients ? advantage : Math.max(0, advantage))),
    ),
  loss: (options) => policyLoss(options, { ratio: 'token', aggregation: 'constant' }),
})
