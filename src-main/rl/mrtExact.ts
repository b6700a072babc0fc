// MRT with an exact meta-prover: J is the summed probability of every correct answer after forced termination, at every boundary of the rollout, so
// progress has no sampling noise. Tokens of episode j get (reward - group mean) + alpha * progress_j; the end of thinking and the answer get the
// outcome part alone. Centring progress over the episodes of the group is an option and ours, not the paper's: it charges every thinking token the
// group's mean progress while the end of thinking goes free, which makes opening an episode dearer (the control `charge` is that alone). Follows the MRT objective (arXiv 2503.07572: episode-local
// progress beside the outcome); exact scoring and Best-of-K provers (Setlur et al., arXiv 2410.08146) replace sampled ones.
import { bestOfK } from '../numeric/passAtK.ts'
import { defineAlgorithm } from './algorithm.ts'
import { alphaAt, muOf, progressCredits, progressOptions } from './mrtProgress.ts'
import { policyLoss, policyOptions } from './policyOptions.ts'

export const mrtExact = defineAlgorithm({
  name: 'mrt-exact',
  title: 'MRT, exact',
  method: 'mrt-exact',
  rule: "Every token is paid its rollout's reward minus the group mean; tokens of an episode also get alpha times its progress, J computed exactly.",
  source: 'Qu et al. 2025, arXiv 2503.07572, with exact J',
  needs: (options) => ({ data: 'rollouts', J: 'exact', mu: muOf(options) }),
  options: {
    ...policyOptions(),
    ...progressOptions({
      base: 'dr-grpo',
      baseReason: 'Centring without scaling keeps the ratio of outcome to progress at alpha in every group.',
      centre: 'none',
    }),
  },
  credit: (group, options, context) => progressCredits(group, options, context, (J) => bestOfK(J, options.bestOf)),
  loss: (options) => policyLoss(options, { ratio: 'token', aggregation: 'token-mean' }),
  alpha: alphaAt,
})
