// The termination-reward baseline (authors' repository, train/rl/README): A = R - R_term, the reward of a continuation minus the chance of success if the same
// context had been terminated; no group mean, no scaling. It equals GRPO's centring plus progress with weight 1, where pooling has
// weight f. R_term is the mean reward of the terminate-now rollouts of the same prefix, or the measured J at the prefix.
// (An early text of that page took R_term from the rollout itself, which makes every advantage 0; that is not what is meant.)
import { bestOfK } from '../numeric/passAtK.ts'
import { mean } from '../numeric/stats.ts'
import { defineAlgorithm } from './algorithm.ts'
import { muOf, proverOptions, terminationScores } from './mrtProgress.ts'
import { armOptions, armsOf } from './mrtPooled.ts'
import { discard, gradedParts, pay, total } from './pay.ts'
import { policyLoss, policyOptions } from './policyOptions.ts'
import type { GradedRollout } from './types.ts'

/** Index of the boundary at which a rollout's stale prefix ends: the number of episodes inside it. */
export function prefixBoundary(rollout: GradedRollout): number {
  return rollout.episodes.filter((span) => span.end <= (rollout.prefixTokens ?? 0)).length
}

export const mrtTermination = defineAlgorithm({
  name: 'mrt-termination',
  title: 'MRT, termination baseline',
  method: 'mrt-termination',
  rule: 'Every token of a continuation is paid its reward minus the chance of success had its prefix been terminated.',
  source: 'Qu et al. 2025, arXiv 2503.07572; repository, train/rl/README',
  needs: (options) => ({
    data: 'arms',
    arms: armsOf(options),
    ...(options.baseline === 'J' ? { J: 'exact', mu: muOf(options) } : { J: 'none' }),
  }),
  options: {
    ...policyOptions(),
    ...armOptions,
    baseline: {
      kind: 'choice',
      default: 'arm',
      unit: '',
      choices: { arm: 'mean reward of the terminate-now rollouts of the same prefix', J: 'measured J at the end of the prefix' },
      reason: 'Terminate-now rollouts need nothing but sampling; a measured J has no sampling noise.',
    },
    ...proverOptions({ baseline: ['J'] }),
  },
  credit(group, options) {
    const parts = group.map(gradedParts)
    const terminations = parts.filter((_, index) => group[index].arm === 'terminate').map(total)
    return group.map((rollout, index) => {
      if (rollout.arm === 'terminate') return discard(rollout, parts[index], 'baseline-only')
      if (options.baseline === 'arm' && terminations.length === 0) return discard(rollout, parts[index], 'missing-arm')
      const termination =
        options.baseline === 'arm' ? mean(terminations) : bestOfK(terminationScores(rollout)[prefixBoundary(rollout)], options.bestOf)
      return pay(rollout, { parts: parts[index], outcomeAdvantage: total(parts[index]) - termination })
    })
  },
  loss: (options) => policyLoss(options, { ratio: 'token', aggregation: 'sequence-mean' }),
})
