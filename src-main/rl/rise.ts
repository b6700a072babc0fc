// Self-correction in the manner of RISE (Qu et al., "Recursive introspection: teaching language model agents how to self-improve", arXiv 2407.18219): a text is a sequence of turns, and each is
// imitated by how well it does itself, whatever came before and comes after, as reward-weighted regression: log-likelihood times exp(r / tau). Here a turn is an episode and its r the chance that an
// answer given right after it is right, J, exact; the answer at the end counts by its outcome. So it pays being right soon and at every turn, where MRT pays the change that a turn made. In the
// comparison of the MRT paper (arXiv 2503.07572, sections 3 and 5) it is the method that only exploits. Of the original it leaves out turns written by a stronger model. r is taken less its mean
// over all turns of the group, so that weights lie about 1; every weight of a group is scaled alike by that, which weighs problems alike.
import { mean } from '../numeric/stats.ts'
import { defineAlgorithm } from './algorithm.ts'
import { iterationOptions, iterationPlan, likelihoodLoss } from './imitation.ts'
import { terminationScores } from './mrtProgress.ts'
import { gradedParts, pay } from './pay.ts'

export const rise = defineAlgorithm({
  name: 'rise',
  title: 'RISE, turn by turn',
  method: 'rise',
  rule: 'Every token of an episode is paid exp((J after it - mean) / tau), and every token of the answer the same of its outcome: each turn is imitated by its own success.',
  source: 'Qu et al. 2024, arXiv 2407.18219, without turns of a stronger model',
  needs: (options) => ({ data: 'rollouts', J: 'exact', iterations: iterationPlan(options, options.passes) }),
  options: {
    ...iterationOptions,
    tau: {
      kind: 'number',
      default: 0.5,
      min: 0.05,
      max: 100,
      unit: 'of J',
      reason:
        'How much more a turn that is certainly right counts than one that is certainly wrong: exp(1 / tau), at 0.5 about seven times.',
    },
    passes: {
      kind: 'number',
      default: 1,
      min: 1,
      max: 64,
      integer: true,
      unit: 'passes over each batch',
      aliases: ['num_train_epochs'],
      reason: 'Updates from one batch of texts; none is left out, so that one costs what three on a third of them do.',
    },
  },
  credit(group, { tau }) {
    const scores = group.map(terminationScores)
    const turns = group.flatMap(({ correct }, index) => [...Array.from(scores[index]).slice(1), correct])
    const middle = mean(turns)
    const weight = (reward: number): number => Math.exp((reward - middle) / tau)
    return group.map((rollout, index) =>
      pay(rollout, {
        parts: gradedParts(rollout),
        outcomeAdvantage: 0,
        episodeBonus: Float64Array.from(scores[index].subarray(1), weight),
        tailBonus: weight(rollout.correct),
      }),
    )
  },
  loss: likelihoodLoss,
})
