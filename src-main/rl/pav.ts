// The effective reward of process advantage verifiers (Setlur et al., "Rewarding progress", arXiv 2410.08146, equation 5): each step is paid Q of the policy plus alpha times
// the advantage of a prover, A_mu = Q_mu(after) - Q_mu(before). Q of the policy is the outcome that followed, less the policy's value before the step as baseline;
// the prover is the best of K of the policy's own continuations, estimated without bias from the same fresh continuations. With K = 1 the prover is the
// policy itself, whose advantage adds no information: in expectation the gradient is then that of the outcome alone (section 3.3). Left out: a trained verifier.
// Different from MRT: there the prover has to answer at once, here it thinks on.
import { progressOf } from '../episodes/progress.ts'
import { sum } from '../numeric/stats.ts'
import { defineAlgorithm } from './algorithm.ts'
import { continuationOptions, continueValues } from './continued.ts'
import { bestOfSampled } from './mrtOnline.ts'
import { gradedParts, pay } from './pay.ts'
import { policyOptions } from './policyOptions.ts'
import { reinforceLoss } from './rloo.ts'

export const pav = defineAlgorithm({
  name: 'pav',
  title: 'PAV, effective reward',
  method: 'pav',
  rule: "Tokens of an episode are paid the outcome less the policy's chance before it, plus alpha times the gain of a best-of-K prover that thinks on.",
  source: 'Setlur et al. 2024, arXiv 2410.08146, equation 5',
  needs: (options) => ({ data: 'rollouts', J: 'none', continuations: options.continuations }),
  options: {
    ...policyOptions({ klBeta: 0.001 }),
    ...continuationOptions,
    alpha: {
      kind: 'number',
      default: 3,
      min: 0,
      max: 10,
      unit: "reward per unit of the prover's gain",
      reason: "Weight of the prover's advantage; the authors train with 3 and 5 and find 0.5 to 6 useful.",
    },
    bestOf: {
      kind: 'number',
      default: 4,
      min: 1,
      max: 64,
      integer: true,
      unit: 'continuations',
      when: { alpha: { above: 0 } },
      reason:
        "Prover that succeeds if any of K continuations does; 4 is best in the paper's search, 1 is the policy itself and adds nothing. At most the number of continuations.",
    },
  },
  credit: (group, options) =>
    group.map((rollout) => {
      const V = Array.from(continueValues(rollout))
      const prover = progressOf(V.map((value) => bestOfSampled(value, options.continuations, options.bestOf)))
      const episodeBonus = Float64Array.from(prover, (gain, episode) => rollout.correct - V[episode] + options.alpha * gain)
      return pay(rollout, {
        parts: { ...gradedParts(rollout), progress: options.alpha * sum(prover) },
        outcomeAdvantage: 0,
        episodeBonus,
        tailBonus: rollout.correct - V[V.length - 1],
      })
    }),
  loss: (options) => reinforceLoss(options),
  alpha: (options) => options.alpha,
})
