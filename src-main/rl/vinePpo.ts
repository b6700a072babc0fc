// VinePPO (Kazemnejad et al., arXiv 2410.01679, sections 3 and 4): the advantage of a step is the change of the policy's own value over it, V(after) - V(before), each value
// the mean outcome of fresh continuations from there; what follows the last boundary gets the outcome less the last value. Clipped as PPO, advantages
// whitened, here over the tokens of a group where the paper whitens a batch. Episodes stand for its steps of reasoning. Left out: the bound of 20 steps with values.
import { progressOf } from '../episodes/progress.ts'
import { mean, populationDeviation } from '../numeric/stats.ts'
import { defineAlgorithm } from './algorithm.ts'
import { continuationOptions, continueValues } from './continued.ts'
import { gradedParts, pay } from './pay.ts'
import { policyLoss, policyOptions } from './policyOptions.ts'
import type { Credit } from './types.ts'

const TINY = 1e-8

/** Advantages of the group's loss tokens brought to mean 0 and deviation 1, parts and tokens alike. */
function whitened(credits: readonly Credit[]): Credit[] {
  const values = credits.flatMap(({ advantage, mask }) => Array.from(advantage).filter((_, token) => mask[token] === 1))
  const [centre, scale] = [mean(values), populationDeviation(values) + TINY]
  return credits.map((credit) =>
    credit.used
      ? {
          ...credit,
          advantage: credit.advantage.map((value, token) => (credit.mask[token] === 1 ? (value - centre) / scale : 0)),
          outcomeAdvantage: (credit.outcomeAdvantage - centre) / scale,
          episodeBonus: credit.episodeBonus.map((bonus) => bonus / scale),
          tailBonus: credit.tailBonus / scale,
        }
      : credit,
  )
}

export const vinePpo = defineAlgorithm({
  name: 'vine-ppo',
  title: 'VinePPO',
  method: 'vine-ppo',
  rule: "Tokens of an episode are paid the change of the policy's own chance of success over it, measured by fresh continuations; the answer is paid the outcome less the last chance.",
  source: 'Kazemnejad et al. 2024, arXiv 2410.01679, sections 3 and 4',
  needs: (options) => ({ data: 'rollouts', J: 'none', continuations: options.continuations }),
  options: {
    ...policyOptions({ klBeta: 1e-4 }),
    ...continuationOptions,
    whiten: {
      kind: 'flag',
      default: true,
      unit: '',
      reason: 'Bring the advantages of a group to mean 0 and deviation 1; off, they stay in units of the chance of success.',
    },
  },
  credit(group, options) {
    const credits = group.map((rollout) => {
      const V = continueValues(rollout)
      return pay(rollout, {
        parts: gradedParts(rollout),
        outcomeAdvantage: 0,
        episodeBonus: Float64Array.from(progressOf(Array.from(V))),
        tailBonus: rollout.correct - V[V.length - 1],
      })
    })
    return options.whiten ? whitened(credits) : credits
  },
  loss: (options) => policyLoss(options, { ratio: 'token', aggregation: 'token-mean' }),
})
