// Length-penalised RL (Arora and Zanette, "Training language models to reason efficiently", arXiv 2502.04463): among the right answers to a
// problem, a shorter one earns more; a wrong or unfinished one earns nothing, so length never buys back a wrong answer. RLOO base.
// Lengths are compared among the right, finished answers of the same problem only, with the population deviation plus 1e-7.
import { mean, populationDeviation } from '../numeric/stats.ts'
import { defineAlgorithm } from './algorithm.ts'
import { policyOptions } from './policyOptions.ts'
import { gradedParts, payGroup, type Parts } from './pay.ts'
import { reinforceLoss, rlooAdvantages } from './rloo.ts'
import type { GradedRollout } from './types.ts'

const TINY = 1e-7

/** 1 for a right answer that ended by itself. */
function succeeded(rollout: GradedRollout): boolean {
  return rollout.correct === 1 && rollout.finish === 'stop'
}

/** The term added to each outcome so that it becomes 1 - alpha * sigmoid(z of its length) where it succeeded, and 0 elsewhere. */
export function lengthPenalties(group: readonly GradedRollout[], alpha: number): number[] {
  const lengths = group.filter(succeeded).map((rollout) => rollout.tokenCount)
  const centre = mean(lengths)
  const scale = populationDeviation(lengths) + TINY
  return group.map((rollout) => {
    if (!succeeded(rollout)) return rollout.correct === 1 ? -1 : 0
    return -alpha / (1 + Math.exp(-(rollout.tokenCount - centre) / scale))
  })
}

export const lengthPenalty = defineAlgorithm({
  name: 'length-penalty',
  title: 'Length penalty',
  method: 'length',
  rule: 'A right answer is paid 1 less a share that grows with its length among the right answers to the same problem; leave-one-out baseline.',
  source: 'Arora and Zanette 2025, arXiv 2502.04463',
  needs: () => ({ data: 'rollouts', J: 'none' }),
  options: {
    ...policyOptions({ klBeta: 0.001 }),
    alpha: {
      kind: 'number',
      default: 0.1,
      min: 0,
      max: 1,
      unit: 'reward',
      aliases: ['length_penalty_alpha'],
      reason: 'The most that length can take from a right answer; 0.1 is what the authors train with.',
    },
  },
  credit(group, options) {
    const penalties = lengthPenalties(group, options.alpha)
    const parts = group.map((rollout, index): Parts => ({ ...gradedParts(rollout), length_penalty: penalties[index] }))
    return payGroup(group, parts, rlooAdvantages)
  },
  loss: (options) => reinforceLoss(options),
})
