// Gain of log-probability per episode, in the manner of IGPO (Wang et al., "Information gain-based policy optimization", arXiv 2510.14967): each turn is paid how much
// more likely the right answer has become if it had to be given now, and the last part of the text the outcome. The released code subtracts the mean over the group
// at the same position, divides by nothing, and lets no reward flow back to earlier turns ("own"); the paper describes rewards that also count for
// what came before ("to-go"). Different here: the probability is J, the sum over every accepted answer, end token included, where the paper takes the
// geometric mean over the tokens of one reference; its logarithm is held above a floor, since log J has no bottom.
import { mean, sum } from '../numeric/stats.ts'
import { defineAlgorithm } from './algorithm.ts'
import { discountedToGo, progressOf, terminationScores } from './mrtProgress.ts'
import { discard, gradedParts, pay, type Parts } from './pay.ts'
import { policyLoss, policyOptions } from './policyOptions.ts'

/** J as it is paid: itself, or its natural logarithm above a floor. */
export function paidScale(J: number, scale: 'log' | 'probability', floor: number): number {
  return scale === 'log' ? Math.log(Math.max(floor, J)) : J
}

export const igpo = defineAlgorithm({
  name: 'igpo',
  title: 'IGPO, log-probability gain',
  method: 'igpo',
  rule: "Tokens of an episode are paid its gain of log J less the group's mean gain at that place; end of thinking and answer are paid the outcome less its mean.",
  source: 'Wang et al. 2025, arXiv 2510.14967, with J summed over all right answers',
  needs: () => ({ data: 'rollouts', J: 'exact' }),
  options: {
    ...policyOptions({ klBeta: 0.001 }),
    alpha: {
      kind: 'number',
      default: 1,
      min: 0,
      max: 10,
      unit: 'reward per nat or per unit of J',
      reason: "Weight of an episode's gain beside the outcome.",
    },
    scale: {
      kind: 'choice',
      default: 'log',
      unit: '',
      when: { alpha: { above: 0 } },
      choices: { log: 'log J: equal factors are equal gains', probability: 'J: equal differences are equal gains, as MRT has it' },
      reason: 'A logarithm still pays where J is small; a probability does not explode there.',
    },
    floor: {
      kind: 'number',
      default: 1e-4,
      min: 1e-12,
      max: 0.5,
      unit: 'of J',
      when: { scale: ['log'] },
      reason: 'J below this counts as this, so that one hopeless prefix does not outweigh a batch.',
    },
    flow: {
      kind: 'choice',
      default: 'own',
      unit: '',
      choices: {
        own: 'as released: each part is paid for itself',
        'to-go': 'as described: each part is also paid for all that follows, the outcome among it',
      },
      reason: 'Whether an episode is paid for what later ones and the answer bring.',
    },
  },
  credit(group, options) {
    const gains = group.map((rollout) =>
      progressOf(Array.from(terminationScores(rollout), (J) => paidScale(J, options.scale, options.floor))).map(
        (gain) => options.alpha * gain,
      ),
    )
    const centre = mean(group.map(({ correct }) => correct))
    const longest = Math.max(...gains.map((row) => row.length))
    const means = Array.from({ length: longest }, (_, place) => mean(gains.flatMap((row) => (place < row.length ? [row[place]] : []))))
    return group.map((rollout, index) => {
      const parts: Parts = { ...gradedParts(rollout), progress: sum(gains[index]) }
      if (group.length === 1) return discard(rollout, parts, 'no-peers')
      const outcome = rollout.correct - centre
      const own = gains[index].map((gain, place) => gain - means[place])
      const paid = options.flow === 'own' ? own.map((gain) => gain - outcome) : discountedToGo(own, 1)
      return pay(rollout, { parts, outcomeAdvantage: outcome, episodeBonus: Float64Array.from(paid) })
    })
  },
  loss: (options) => policyLoss(options, { ratio: 'token', aggregation: 'sequence-mean' }),
  alpha: (options) => options.alpha,
})
