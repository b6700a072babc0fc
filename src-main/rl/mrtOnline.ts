// MRT-online (authors' repository, release v0.1): full rollouts, J at every episode boundary estimated by a few sampled forced terminations, and each
// episode paid its own progress on top of GRPO's outcome advantage. The release does not state how the two are wired; outcome
// advantage plus alpha times own progress, without a scale of its own, is our reading. With a Best-of-K prover the unbiased estimate from
// the sampled answers is used, since 1 - (1 - J)^K of a sampled J is too low.
import { passAtK } from '../numeric/passAtK.ts'
import { defineAlgorithm } from './algorithm.ts'
import { alphaAt, muOf, progressCredits, progressOptions } from './mrtProgress.ts'
import { policyLoss, policyOptions } from './policyOptions.ts'
import { CreditError } from './types.ts'

/** Unbiased chance that the best of K answers is right, from J = right / branches. */
export function bestOfSampled(J: number, branches: number, K: number): number {
  if (K === 1) return J
  if (K > branches) throw new CreditError('rl.option-value', { expected: `bestOf at most branches (${branches})`, found: `${K}` })
  const right = Math.round(J * branches)
  if (Math.abs(J * branches - right) > 1e-6)
    throw new CreditError('rl.rollout', { expected: `J as a share of ${branches} sampled answers for bestOf ${K}`, found: `${J}` })
  return passAtK(branches, right, K)
}

export const mrtOnline = defineAlgorithm({
  name: 'mrt-online',
  title: 'MRT, online with sampled mu',
  method: 'mrt-online',
  rule: 'Every token is paid as GRPO; tokens of an episode also get alpha times its progress, J estimated from sampled answers.',
  source: 'Qu et al. 2025, arXiv 2503.07572; repository release v0.1',
  needs: (options) => ({ data: 'rollouts', J: 'sampled', mu: muOf(options), branches: options.branches, maxEpisodes: options.maxEpisodes }),
  options: {
    ...policyOptions(),
    ...progressOptions({ base: 'grpo', baseReason: "The authors' online variant builds on GRPO.", centre: 'none' }),
    branches: {
      kind: 'number',
      default: 4,
      min: 1,
      max: 256,
      integer: true,
      unit: 'answers per boundary',
      reason:
        'Forced terminations sampled to estimate J; at 4 the standard error of a progress is about 0.3, and cost grows in proportion.',
    },
    maxEpisodes: {
      kind: 'number',
      default: 6,
      min: 1,
      max: 64,
      integer: true,
      unit: 'episodes',
      reason: 'Later episodes are merged into the last, which bounds the number of terminations to sample.',
    },
  },
  credit: (group, options, context) => progressCredits(group, options, context, (J) => bestOfSampled(J, options.branches, options.bestOf)),
  loss: (options) => policyLoss(options, { ratio: 'token', aggregation: 'sequence-mean' }),
  alpha: alphaAt,
})
