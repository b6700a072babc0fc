// STaR (Zelikman et al., "STaR: bootstrapping reasoning with reasoning", arXiv 2203.14465, algorithm 1): draw texts, keep those that end right, learn them from the
// weights of the start, and draw the next ones from what came out. The paper draws one text of a problem; here each right text of a group counts as one that
// was drawn so, which is the baseline of the MRT paper (a filter by correctness alone). Left out: rationalisation, which gives the answer as a hint where no text ends right.
import { defineAlgorithm } from './algorithm.ts'
import { iterationOptions, iterationPlan, keepingOptions, keepRight, likelihoodLoss } from './imitation.ts'

export const star = defineAlgorithm({
  name: 'star',
  title: 'STaR',
  method: 'star',
  rule: 'Every token of a text that ends right is paid 1, other texts are left out; each iteration draws from what the last one learned and learns anew from the start.',
  source: 'Zelikman et al. 2022, arXiv 2203.14465, algorithm 1, without rationalisation',
  needs: (options) => ({ data: 'rollouts', J: 'none', iterations: iterationPlan(options, options.passes) }),
  options: {
    ...iterationOptions,
    ...keepingOptions({
      cap: 0,
      capReason: 'Bounds how much an easy problem counts; the paper draws one text of each and keeps it if right.',
    }),
  },
  credit: (group, options) => keepRight(group, options),
  loss: likelihoodLoss,
})
