// regret-exact. Ours, not a published method; it builds on exact J, on MRT's regret (Qu et al., arXiv 2503.07572) and on BRPO (Qi et al., arXiv 2505.13438).
// With exact J the area under a rollout's accuracy-budget curve is a number, sum of p_i J_i over budgets, and its gradient has two parts: where thinking goes, and how
// answers are given. Each token of thinking is paid the area still ahead of it, sum of p_i J_i over the budgets beyond it, less a baseline that it cannot
// change: a mixture of P_s J before it and the group's mean, as in BRPO, with J exact. The answering policy follows sum of p_i grad J_i at the cuts: by answers that
// are sampled there, leave-one-out, whose expectation is that gradient, or by that gradient itself, J differentiated through the packed branches, which has no
// noise at given thoughts and reads each thought once where sampled answers read it once for each.
// The prior reaches beyond the training budget: in a part of each group thinking is kept going to `reach` times the budget, with the forced tokens
// masked, so that what is learned holds for more thinking than was trained with. These rollouts are compared with one another alone.
// What costs most can be drawn by lot, each drawn part weighing as much more as it is rarer, so that the expected gradient stays: the groups that have kept rollouts,
// the budgets at which J is taken, the rollouts whose answers follow the exact gradient. The price is noise.
import { createRng, deriveSeed } from '../numeric/rng.ts'
import { sum } from '../numeric/stats.ts'
import { defineAlgorithm } from './algorithm.ts'
import { areaAhead, cutScores, isOfOneKind, measuredOf, meansBySegment, paySegments } from './anytime.ts'
import { equalShares } from './brpo.ts'
import { discard, gradedParts, pay } from './pay.ts'
import { policyLoss, policyOptions } from './policyOptions.ts'
import { rlooAdvantages } from './rloo.ts'
import type { Credit, GradedRollout } from './types.ts'

interface Shape {
  readonly budgets: number
  readonly reach: number
  readonly beyond: number
}

/** Budgets as shares of the thinking budget: equal parts of it, then whole multiples up to `reach`. */
export function reachingShares({ budgets, reach }: Pick<Shape, 'budgets' | 'reach'>): number[] {
  return [...equalShares(budgets), ...Array.from({ length: reach - 1 }, (_, index) => index + 2)]
}

/** [S] weights of those budgets; what lies beyond the thinking budget has `beyond` of a kept rollout's weight and none of another's. */
export function reachingPrior({ budgets, reach, beyond }: Shape, kept: boolean): number[] {
  const far = kept && reach > 1 ? beyond : 0
  return [...new Array<number>(budgets).fill((1 - far) / budgets), ...new Array<number>(reach - 1).fill(far / Math.max(1, reach - 1))]
}

export const regretExact = defineAlgorithm({
  name: 'regret-exact',
  title: 'Regret, exact',
  method: 'regret-exact',
  rule: 'Tokens of thinking are paid the area of the accuracy-budget curve still ahead, J exact; answers at each budget follow the gradient of J, sampled or exact.',
  source: 'ours; on Qu et al. 2025, arXiv 2503.07572, and Qi et al. 2025, arXiv 2505.13438',
  needs: (options) => ({
    data: 'rollouts',
    J: 'none',
    cuts: {
      shares: reachingShares(options),
      J: 'exact',
      answers: options.answerWeight > 0 && options.answerGradient === 'sampled' ? options.answers : 0,
      learned: options.answerShare,
      ...(options.cutShare < 1 && { measured: options.cutShare }),
      ...(options.answerWeight > 0 && options.answerGradient === 'exact' && { follows: true }),
    },
    ...(options.reach > 1 &&
      options.keptShare > 0 && {
        kept: { share: options.keptShare, times: options.reach, ...(options.keptGroups < 1 && { groups: options.keptGroups }) },
      }),
  }),
  options: {
    ...policyOptions(),
    budgets: {
      kind: 'number',
      default: 6,
      min: 1,
      max: 32,
      integer: true,
      unit: 'budgets',
      reason: 'Equally spaced budgets up to the thinking budget at which J is measured.',
    },
    reach: {
      kind: 'number',
      default: 3,
      min: 1,
      max: 8,
      integer: true,
      unit: 'times the thinking budget',
      reason: 'The prior of budgets reaches to here, in whole multiples of the thinking budget; at 1 nothing beyond it counts.',
    },
    keptShare: {
      kind: 'number',
      default: 0.25,
      min: 0,
      max: 1,
      unit: 'of each group',
      when: { reach: { above: 1 } },
      reason:
        'Rollouts whose thinking is kept going to the reach; they cost several times a usual one. At least two of a group are, if any.',
    },
    keptGroups: {
      kind: 'number',
      default: 1,
      min: 0.01,
      max: 1,
      unit: 'of the groups',
      when: { reach: { above: 1 }, keptShare: { above: 0 } },
      reason:
        'Groups, drawn by lot, that have kept rollouts, each then weighing as much more; the others go without. A quarter makes a step a third cheaper.',
    },
    cutShare: {
      kind: 'number',
      default: 1,
      min: 0.05,
      max: 1,
      unit: 'of the budgets',
      reason: 'Budgets, drawn by lot for each group, at which J is taken, each then weighing as much more; the expected gradient stays.',
    },
    beyond: {
      kind: 'number',
      default: 0.4,
      min: 0,
      max: 1,
      unit: 'of the prior',
      when: { reach: { above: 1 }, keptShare: { above: 0 } },
      reason: 'Weight of the budgets beyond the thinking budget in the rollouts that are kept going.',
    },
    baseline: {
      kind: 'choice',
      default: 'mixed',
      unit: '',
      choices: {
        mixed: "from the group's mean at the beginning to J before the segment at the end, as in BRPO",
        group: "the group's mean area ahead",
        before: 'what the area ahead would be if J stayed as it is',
      },
      reason: 'What the area ahead is held against; each leaves the gradient unbiased and they differ in noise.',
    },
    answerWeight: {
      kind: 'number',
      default: 1,
      min: 0,
      max: 100,
      unit: 'times the gradient of the area',
      reason: 'At 1 thinking and answering follow the gradient of one objective.',
    },
    answerGradient: {
      kind: 'choice',
      default: 'sampled',
      unit: '',
      when: { answerWeight: { above: 0 } },
      choices: {
        sampled: 'answers drawn at each cut, each paid its outcome less the mean of the others',
        exact: 'the sum over every right answer of its probability times the gradient of its logarithm, without noise',
      },
      reason: 'How the answering policy learns; exact is steadier and cheaper, sampled is what other methods can do.',
    },
    followShare: {
      kind: 'number',
      default: 1,
      min: 0.01,
      max: 1,
      unit: 'of the rollouts',
      when: { answerWeight: { above: 0 }, answerGradient: ['exact'] },
      reason:
        'Rollouts, drawn by lot, whose answers follow the exact gradient, each then weighing as much more; each is read once more by the trainer.',
    },
    answers: {
      kind: 'number',
      default: 4,
      min: 2,
      max: 64,
      integer: true,
      unit: 'answers per cut',
      when: { answerWeight: { above: 0 }, answerGradient: ['sampled'] },
      reason: 'Answers sampled at each cut, from which the answering policy learns; J does not need them.',
    },
    answerShare: {
      kind: 'number',
      default: 0.05,
      min: 0.001,
      max: 1,
      unit: 'of the cuts',
      when: { answerWeight: { above: 0 }, answerGradient: ['sampled'] },
      reason:
        'Cuts, drawn by lot, at which answers are sampled and learned from, weighed so that the expected gradient stays; every answer costs the trainer the thinking before it, and at 1 a step costs twenty times as much.',
    },
  },
  credit(group, options, { seed }) {
    if (group[0].cut !== undefined) return payAnswers(group, options)
    const credits = new Array<Credit>(group.length)
    for (const kept of [false, true]) {
      const members = group.flatMap((rollout, index) => ((rollout.kept === true) === kept ? [index] : []))
      if (members.length === 0) continue
      const prior = drawnPrior(options, kept, group[members[0]].cuts?.drawn)
      const rarer = kept ? 1 / options.keptGroups : 1
      const scores = members.map((index) => cutScores(group[index], prior.length))
      const ahead = scores.map(({ J }) => areaAhead(J, prior))
      const left = areaAhead(new Float64Array(prior.length).fill(1), prior)
      const means = meansBySegment(ahead)
      members.forEach((index, at) => {
        const baseline = means.map((V2, segment) => {
          if (options.baseline === 'group' || segment === 0) return V2
          const V1 = left[segment] * scores[at].J[segment - 1]
          return options.baseline === 'before' ? V1 : ((segment + 1) * V1 + (prior.length - segment - 1) * V2) / prior.length
        })
        const rollout = group[index]
        const paid = paySegments(
          rollout,
          scores[at],
          { ...gradedParts(rollout), area_less_outcome: ahead[at][0] - rollout.correct },
          ahead[at].map((value, segment) => rarer * (value - baseline[segment])),
        )
        const follows =
          options.answerGradient === 'exact' &&
          createRng(deriveSeed(seed, 'followed', rollout.group, rollout.sample)).float() < options.followShare
        credits[index] = follows
          ? { ...paid, answerWeights: prior.map((weight) => (rarer * options.answerWeight * weight) / options.followShare) }
          : paid
      })
    }
    return credits
  },
  loss: (options) => policyLoss(options, { ratio: 'token', aggregation: 'constant' }),
})

/** The weights of the budgets that were drawn, each divided by its chance to be. */
function drawnPrior(options: Shape & { readonly cutShare: number }, kept: boolean, drawn: readonly number[] | undefined): number[] {
  const prior = reachingPrior(options, kept)
  return drawn === undefined ? prior : drawn.map((index) => (prior[index] * prior.length) / measuredOf(options.cutShare, prior.length))
}

/** The gradient of sum p_i J_i by sampled answers: each answer of a cut is paid its outcome less the mean of the others, divided by their number and weighed by the prior of its budgets and by how few cuts are learned from. Answers that are all right or all wrong have nothing to say. */
function payAnswers(
  group: readonly GradedRollout[],
  options: Shape & { readonly answerWeight: number; readonly answerShare: number; readonly cutShare: number; readonly keptGroups: number },
): Credit[] {
  const kept = group[0].kept === true
  const prior = reachingPrior(options, kept)
  const rarer = ((kept ? 1 / options.keptGroups : 1) * prior.length) / measuredOf(options.cutShare, prior.length)
  const weight =
    (rarer * options.answerWeight * sum((group[0].cut ?? []).map((index) => prior[index]))) / group.length / options.answerShare
  if (isOfOneKind(group)) return group.map((rollout) => discard(rollout, gradedParts(rollout), 'no-signal'))
  const advantages = rlooAdvantages(group.map(({ correct }) => correct))
  return group.map((rollout, index) => pay(rollout, { parts: gradedParts(rollout), outcomeAdvantage: weight * advantages[index] }))
}
