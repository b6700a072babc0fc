// MRT by imitation (Qu et al., "Optimizing test-time compute via meta reinforcement fine-tuning", arXiv 2503.07572, figure 6, left): of each rollout the prefix of greatest cumulative
// progress J_j - J_0 is found, thinking is ended there, and prefix and answer are learned where that answer is right. So the model is shown to stop where thinking
// on gained nothing. Whether prefixes are ranked within a rollout or across those of a problem the text leaves open; both are here. The earliest of equal ones counts.
// Iterations are those of STaR, whose filter looks at the outcome alone. J is exact, which is ours, or the mean of sampled answers, as in the paper.
import { bestBoundary } from '../episodes/progress.ts'
import { createRng, deriveSeed } from '../numeric/rng.ts'
import { defineAlgorithm } from './algorithm.ts'
import { iterationOptions, iterationPlan, keepingOptions, keepRight, likelihoodLoss } from './imitation.ts'
import { terminationScores } from './mrtProgress.ts'
import { discard, gradedParts } from './pay.ts'

/** The boundary of greatest cumulative progress, the earliest of equal ones. @param J at the boundaries, the empty prefix first */
export function bestCut(J: ArrayLike<number>): { readonly boundary: number; readonly progress: number } {
  const boundary = bestBoundary(J)
  return { boundary, progress: J[boundary] - J[0] }
}

interface Cut {
  readonly index: number
  readonly offset: number
  readonly progress: number
  readonly sample: number
}

/** Greatest progress first; of equal ones the shortest prefix, then the lower number. */
const better = (a: Cut, b: Cut): number => b.progress - a.progress || a.offset - b.offset || a.sample - b.sample

export const mrtStar = defineAlgorithm({
  name: 'mrt-star',
  title: 'MRT, STaR',
  method: 'mrt-star',
  rule: 'Each text is cut where its progress is greatest and ended with an answer; where that is right, every token of prefix and answer is paid 1.',
  source: 'Qu et al. 2025, arXiv 2503.07572, figure 6',
  needs: (options) => ({
    data: 'rollouts',
    J: options.J,
    ...(options.J === 'sampled' && { branches: options.branches }),
    iterations: iterationPlan(options, options.passes),
    endings: true,
  }),
  options: {
    ...iterationOptions,
    ...keepingOptions({ cap: 0, capReason: 'Bounds how much an easy problem counts; the paper does not say that it does.' }),
    select: {
      kind: 'choice',
      default: 'within',
      unit: '',
      choices: { within: 'every text at its own best prefix', across: 'the one best prefix of all texts of a problem' },
      reason: 'Which prefixes compete; within keeps more texts, across the best of each problem alone.',
    },
    leastProgress: {
      kind: 'number',
      default: 0,
      min: 0,
      max: 1,
      unit: 'of J',
      reason: 'A prefix is kept only if its progress is above this; at 0 the empty prefix, which made none, is never taught.',
    },
    J: {
      kind: 'choice',
      default: 'exact',
      unit: '',
      choices: {
        exact: 'the summed probability of every right answer',
        sampled: 'the mean outcome of sampled answers, as the paper has it',
      },
      reason: 'How J at a boundary is known; the greatest of few noisy values is not where progress is greatest.',
    },
    branches: {
      kind: 'number',
      default: 8,
      min: 1,
      max: 256,
      integer: true,
      unit: 'answers per boundary',
      aliases: ['num_branches'],
      when: { J: ['sampled'] },
      reason: 'Forced terminations sampled to estimate J; the released analysis takes 8.',
    },
    control: {
      kind: 'choice',
      default: 'none',
      unit: '',
      choices: {
        none: 'progress as measured',
        shuffled: 'J permuted across the boundaries of each text: it is cut anywhere, and kept if the answer there is right',
      },
      reason: 'A gain that remains under the control comes from shorter texts with right answers, not from where progress was made.',
    },
  },
  credit(group, options, context) {
    if (group[0].ending === true) return keepRight(group, { cap: options.cap, whole: true })
    const cuts = group.flatMap((rollout, index): Cut[] => {
      const J = Array.from(terminationScores(rollout))
      const scores =
        options.control === 'shuffled'
          ? createRng(deriveSeed(context.seed, 'shuffled progress', rollout.group, rollout.sample)).shuffle(J)
          : J
      const { boundary, progress } = bestCut(scores)
      // The empty prefix made no progress, so that an episode lies before the boundary.
      return progress > options.leastProgress
        ? [{ index, offset: rollout.episodes[boundary - 1].end, progress, sample: rollout.sample }]
        : []
    })
    const chosen = options.select === 'across' ? cuts.toSorted(better).slice(0, 1) : cuts
    const offsets = new Map(chosen.map(({ index, offset }) => [index, offset]))
    return group.map((rollout, index) => {
      const endAt = offsets.get(index)
      return endAt === undefined
        ? discard(rollout, gradedParts(rollout), 'outdone')
        : { ...discard(rollout, gradedParts(rollout), 'shortened'), endAt }
    })
  },
  loss: likelihoodLoss,
})
