// What the anytime methods share: budgets with a prior, the area under a rollout's accuracy-budget curve from each position on, baselines for it,
// and pay by segments of thinking between budgets. J at the budgets is measured elsewhere; a rollout that ended its thinking earlier is cut at its end.
import { mean, sum } from '../numeric/stats.ts'
import { discard, lossMask, type Parts } from './pay.ts'
import { CreditError, type Credit, type CutScores, type GradedRollout } from './types.ts'

/** Weights of budgets that sum to 1. */
export const priors = {
  base: (budgets: readonly number[]): number[] => budgets.map((_, index) => Number(index === budgets.length - 1)),
  uniform: (budgets: readonly number[]): number[] => budgets.map(() => 1 / budgets.length),
  linear: (budgets: readonly number[]): number[] => budgets.map((budget) => budget / sum(budgets)),
} as const

export const priorMeanings = {
  base: 'the largest budget alone: what outcome RL maximises',
  uniform: 'all budgets alike: the area under the curve',
  linear: 'in proportion to the budget',
} as const

/** Of `count` budgets, how many are measured at a share of them: at least one. */
export const measuredOf = (share: number, count: number): number => Math.max(1, Math.round(share * count))

/** Evenly spread indices of `count` budgets, each with chance `measuredOf(share, count) / count`. @param lot in 0..1 */
export function drawBudgets(share: number, count: number, lot: number): number[] {
  const measured = measuredOf(share, count)
  return Array.from({ length: measured }, (_, index) => Math.min(count - 1, Math.floor(((lot + index) * count) / measured)))
}

/** J at the budgets; throws CreditError `rl.no-termination-scores` where it was not measured. */
export function cutScores(rollout: GradedRollout, budgets: number): CutScores {
  if (rollout.cuts?.J.length !== budgets)
    throw new CreditError('rl.no-termination-scores', {
      expected: `J at the ${budgets} budgets of rollout ${rollout.group}/${rollout.sample}`,
      found: String(rollout.cuts?.J.length ?? 'none'),
    })
  return rollout.cuts
}

/** [S] sum of p_i J_i over i >= s: the area that is still ahead at the beginning of each segment. */
export function areaAhead(J: ArrayLike<number>, prior: readonly number[]): number[] {
  const ahead = prior.map((weight, index) => weight * J[index])
  for (let index = ahead.length - 2; index >= 0; index--) ahead[index] += ahead[index + 1]
  return ahead
}

/** Mean of each segment's value over the rollouts of a group. @param rows [rollouts][S] */
export function meansBySegment(rows: readonly (readonly number[])[]): number[] {
  return rows[0].map((_, index) => mean(rows.map((row) => row[index])))
}

/**
 * Pays the tokens of thinking by segment: token t belongs to the first budget beyond it, the closing token included; the answer is not paid here.
 * @param advantages [S]
 */
export function paySegments(rollout: GradedRollout, { budgets, drawn }: CutScores, parts: Parts, advantages: readonly number[]): Credit {
  const mask = lossMask(rollout)
  mask.fill(0, Math.min(rollout.tokenCount, rollout.thinkEnd + 1))
  const advantage = new Float32Array(rollout.tokenCount)
  for (let token = 0, segment = 0; token < mask.length; token++) {
    while (segment < budgets.length - 1 && token >= budgets[segment]) segment++
    // Where budgets were drawn, thinking beyond the last of them has nothing ahead of it.
    const beyond = drawn !== undefined && token >= budgets[segment]
    if (mask[token] === 1) advantage[token] = beyond ? 0 : advantages[segment]
  }
  if (!mask.includes(1)) return discard(rollout, parts, 'no-tokens')
  const meanOver = (start: number, end: number): number => {
    const paid = Array.from(advantage.subarray(start, end)).filter((_, index) => mask[start + index] === 1)
    return paid.length === 0 ? 0 : mean(paid)
  }
  return {
    reward: sum(Object.values(parts)),
    parts,
    mask,
    advantage,
    outcomeAdvantage: 0,
    // Segments need not be episodes: an episode is told the mean over its tokens.
    episodeBonus: Float64Array.from(rollout.episodes, ({ start, end }) => meanOver(start, end)),
    tailBonus: meanOver(rollout.thinkEnd, rollout.tokenCount),
    used: true,
  }
}

/** Whether all were graded alike, so that none is better than its group. */
export const isOfOneKind = (group: readonly Pick<GradedRollout, 'correct'>[]): boolean =>
  group.every(({ correct }) => correct === group[0].correct)
