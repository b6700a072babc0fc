// Rejection-sampling fine-tuning (Yuan et al., "Scaling relationship on learning mathematical reasoning", arXiv 2308.01825, section 3.3): draw many texts of each problem
// from the weights of the start, keep the right ones that differ, and learn them, once. Two texts differ here where any token does; the paper compares lists of
// equations. What the paper draws a hundred times for each problem is here what a run draws: the problems of its steps, a group of each.
import { defineAlgorithm } from './algorithm.ts'
import { keepingOptions, keepRight, likelihoodLoss } from './imitation.ts'

export const rft = defineAlgorithm({
  name: 'rft',
  title: 'RFT, rejection sampling',
  method: 'rft',
  rule: 'Every token of a text that ends right and is not a repetition is paid 1; all texts come from the weights that the run started from.',
  source: 'Yuan et al. 2023, arXiv 2308.01825, section 3.3',
  needs: (options) => ({ data: 'rollouts', J: 'none', iterations: { count: 1, fromStart: true, passes: options.passes } }),
  options: keepingOptions({ cap: 0, capReason: 'Bounds how much an easy problem counts; the paper keeps all that differ.' }),
  credit: (group, options) => keepRight(group, { ...options, distinct: true }),
  loss: likelihoodLoss,
})
