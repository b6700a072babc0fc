// ReST-EM (Singh et al., "Beyond human data: scaling self-training for problem-solving with language models", arXiv 2312.06585, algorithm 1): expectation draws texts
// from the weights of the last iteration and keeps the right ones, at most so many of a problem; maximisation learns them from the weights of the start.
import { defineAlgorithm } from './algorithm.ts'
import { iterationOptions, iterationPlan, keepingOptions, keepRight, likelihoodLoss } from './imitation.ts'

export const restEm = defineAlgorithm({
  name: 'rest-em',
  title: 'ReST-EM',
  method: 'rest-em',
  rule: 'Every token of a text that ends right is paid 1, of a few texts for each problem at most; each iteration learns anew from the start.',
  source: 'Singh et al. 2023, arXiv 2312.06585, algorithm 1',
  needs: (options) => ({ data: 'rollouts', J: 'none', iterations: iterationPlan(options, options.passes) }),
  options: {
    ...iterationOptions,
    ...keepingOptions({
      cap: 3,
      capReason: 'Keeps easy problems from outweighing the others; the paper keeps at most 10 of 32 texts, which of 8 is about 3.',
    }),
  },
  credit: (group, options) => keepRight(group, options),
  loss: likelihoodLoss,
})
