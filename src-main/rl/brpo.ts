// AnytimeReasoner with budget relative policy optimisation (Qi et al., "Optimizing anytime reasoning via budget relative policy optimization", arXiv 2505.13438,
// sections 3 and 4). Thinking is cut at budgets b_1..b_S that are drawn with a prior p, and answers are sampled at each cut. Tokens of the segment that ends at b_s are
// paid R_s = sum over i >= s of p_i J_i less the baseline (s V1 + (S - s) V2) / S: V1 is the mean of the J before, each twice as weighty as the one before it,
// times the prior that is left; V2 is the mean of R_s over the group. The answers of each cut are a group of their own, paid their centred outcome,
// so that thinking and answering are learned apart. J is the mean of these answers, or, which is ours, exact.
import { sum } from '../numeric/stats.ts'
import { defineAlgorithm } from './algorithm.ts'
import { areaAhead, cutScores, isOfOneKind, meansBySegment, paySegments, priorMeanings, priors } from './anytime.ts'
import { drGrpoAdvantages } from './drGrpo.ts'
import { discard, gradedParts, payGroup } from './pay.ts'
import { policyLoss, policyOptions } from './policyOptions.ts'

/** `count` budgets as equal shares of the thinking budget, the last the whole. */
export function equalShares(count: number): number[] {
  return Array.from({ length: count }, (_, index) => (index + 1) / count)
}

/** [S] baseline of each segment. @param groupMeans [S] V2 */
export function brpoBaselines(J: ArrayLike<number>, prior: readonly number[], groupMeans: readonly number[]): number[] {
  const S = prior.length
  const left = areaAhead(new Float64Array(S).fill(1), prior)
  return groupMeans.map((V2, segment) => {
    // Segment s = segment + 1 in the paper's counting: J_1..J_(s - 1) come before it.
    let weighted = 0
    let weights = 0
    for (let before = 0; before < segment; before++) {
      weighted += 2 ** (before + 1) * J[before]
      weights += 2 ** (before + 1)
    }
    if (weights === 0) return V2
    const s = segment + 1
    return (s * (weighted / weights) * left[segment] + (S - s) * V2) / S
  })
}

export const brpo = defineAlgorithm({
  name: 'brpo',
  title: 'AnytimeReasoner, BRPO',
  method: 'brpo',
  rule: 'Tokens of thinking are paid the accuracy at all budgets still ahead, less a baseline of what earlier budgets gave; answers at each budget are paid their centred outcome.',
  source: 'Qi et al. 2025, arXiv 2505.13438, sections 3 and 4',
  needs: (options) => ({
    data: 'rollouts',
    J: 'none',
    cuts: { shares: equalShares(options.budgets), J: options.J, answers: options.answers, learned: options.answerShare },
  }),
  options: {
    ...policyOptions(),
    budgets: {
      kind: 'number',
      default: 4,
      min: 1,
      max: 32,
      integer: true,
      unit: 'budgets',
      reason: 'Equally spaced budgets up to the thinking budget at which answers are taken.',
    },
    prior: {
      kind: 'choice',
      default: 'linear',
      choices: priorMeanings,
      unit: '',
      when: { budgets: { above: 1 } },
      reason: 'How much each budget counts.',
    },
    answers: {
      kind: 'number',
      default: 4,
      min: 2,
      max: 64,
      integer: true,
      unit: 'answers per cut',
      reason: 'Answers sampled at each budget of each rollout; they are learned from, and their mean is J unless J is exact.',
    },
    answerShare: {
      kind: 'number',
      default: 1,
      min: 0.001,
      max: 1,
      unit: 'of the cuts',
      reason:
        'Cuts, drawn by lot, whose answers are learned from, weighed so that the expected gradient stays. The authors learn from all; every answer costs the trainer the thinking before it.',
    },
    J: {
      kind: 'choice',
      default: 'sampled',
      unit: '',
      choices: { sampled: 'the mean outcome of the answers, as the paper has it', exact: 'the summed probability of every right answer' },
      reason: 'How the accuracy at a budget is known; exact J takes the noise of few answers out of what thinking is paid.',
    },
  },
  credit(group, options) {
    if (group[0].cut !== undefined)
      return isOfOneKind(group)
        ? group.map((rollout) => discard(rollout, gradedParts(rollout), 'no-signal'))
        : payGroup(group, group.map(gradedParts), (rewards) =>
            drGrpoAdvantages(rewards).map((advantage) => advantage / options.answerShare),
          )
    const scores = group.map((rollout) => cutScores(rollout, options.budgets))
    const prior = priors[options.prior](equalShares(options.budgets))
    const ahead = scores.map(({ J }) => areaAhead(J, prior))
    const means = meansBySegment(ahead)
    return group.map((rollout, index) => {
      const baseline = brpoBaselines(scores[index].J, prior, means)
      const area = sum(prior.map((weight, at) => weight * scores[index].J[at]))
      const graded = gradedParts(rollout)
      return paySegments(
        rollout,
        scores[index],
        { ...graded, area_less_outcome: area - rollout.correct },
        ahead[index].map((value, segment) => value - baseline[segment]),
      )
    })
  },
  loss: (options) => policyLoss(options, { ratio: 'token', aggregation: 'constant' }),
})
