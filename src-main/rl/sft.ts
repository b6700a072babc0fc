// Supervised fine-tuning: every token of a kept text weighs the same in the negative log-likelihood. With `keep: correct` it is
// rejection sampling at every step: an advantage of 1 for right answers and no rollout for the others. Iterations that draw from one policy and
// restart (STaR, RFT, ReST-EM) are algorithms of their own.
import { defineAlgorithm } from './algorithm.ts'
import { likelihoodLoss } from './imitation.ts'
import { discard, gradedParts, pay } from './pay.ts'

export const sft = defineAlgorithm({
  name: 'sft',
  title: 'Supervised fine-tuning',
  method: 'sft',
  rule: 'Every token of a kept text is paid 1; other texts are left out.',
  source: 'Zelikman et al. 2022, arXiv 2203.14465 (keep: correct)',
  needs: (options) => ({ data: options.keep === 'all' ? 'demonstrations' : 'rollouts', J: 'none' }),
  options: {
    keep: {
      kind: 'choice',
      default: 'all',
      choices: { all: 'learn from every text', correct: 'learn from texts whose answer is right' },
      unit: '',
      reason: 'Demonstrations are learned from whole, with their detours; sampled texts are worth imitating only if they end well.',
    },
  },
  credit: (group, options) =>
    group.map((rollout) => {
      const parts = gradedParts(rollout)
      return options.keep === 'all' || rollout.correct === 1
        ? pay(rollout, { parts, outcomeAdvantage: 1 })
        : discard(rollout, parts, 'filtered')
    }),
  loss: likelihoodLoss,
})
