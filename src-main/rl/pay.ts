// From a group's scalars to credits: which tokens carry loss, how an outcome and per-episode bonuses are laid over them,
// and what a rollout that is not learned from looks like. No algorithm is decided here.
import { sum } from '../numeric/stats.ts'
import type { Credit, DiscardReason, GradedRollout } from './types.ts'

export type Parts = Readonly<Record<string, number>>

interface Payment {
  readonly parts: Parts
  readonly outcomeAdvantage: number
  /** [episodes]; absent: no bonus. */
  readonly episodeBonus?: Float64Array
  readonly tailBonus?: number
  /** [tokenCount]; absent: sampled tokens after the prefix. */
  readonly mask?: Uint8Array
}

/** The graded terms of a rollout: its outcome and whatever else the grader gave. */
export function gradedParts(rollout: GradedRollout): Parts {
  return { outcome: rollout.correct, ...rollout.parts }
}

export function total(parts: Parts): number {
  return sum(Object.values(parts))
}

/** [tokenCount] 1 for tokens the policy sampled itself after any stale prefix. */
export function lossMask(rollout: GradedRollout): Uint8Array {
  const mask = Uint8Array.from(rollout.sampled)
  mask.fill(0, 0, rollout.prefixTokens ?? 0)
  return mask
}

/** Lays a payment over the tokens of a rollout. A rollout without a token to pay is discarded as `no-tokens`. */
export function pay(rollout: GradedRollout, payment: Payment): Credit {
  const mask = payment.mask ?? lossMask(rollout)
  if (!mask.includes(1)) return discard(rollout, payment.parts, 'no-tokens')
  const episodeBonus = payment.episodeBonus ?? new Float64Array(rollout.episodes.length)
  const tailBonus = payment.tailBonus ?? 0
  const advantage = new Float32Array(rollout.tokenCount).fill(payment.outcomeAdvantage + tailBonus)
  rollout.episodes.forEach((span, index) => advantage.fill(payment.outcomeAdvantage + episodeBonus[index], span.start, span.end))
  for (let token = 0; token < mask.length; token++) if (mask[token] === 0) advantage[token] = 0
  return {
    reward: total(payment.parts),
    parts: payment.parts,
    mask,
    advantage,
    outcomeAdvantage: payment.outcomeAdvantage,
    episodeBonus,
    tailBonus,
    used: true,
  }
}

/** A rollout that is recorded with its reward but not learned from. */
export function discard(rollout: GradedRollout, parts: Parts, reason: DiscardReason): Credit {
  return {
    reward: total(parts),
    parts,
    mask: new Uint8Array(rollout.tokenCount),
    advantage: new Float32Array(rollout.tokenCount),
    outcomeAdvantage: 0,
    episodeBonus: new Float64Array(rollout.episodes.length),
    tailBonus: 0,
    used: false,
    discardReason: reason,
  }
}

/** The common shape of outcome methods: one scalar per rollout, from the rewards of its group. A group of one has no peers. */
export function payGroup(
  group: readonly GradedRollout[],
  parts: readonly Parts[],
  advantages: (rewards: readonly number[]) => readonly number[],
): Credit[] {
  if (group.length < 2) return group.map((rollout, index) => discard(rollout, parts[index], 'no-peers'))
  const scalars = advantages(parts.map(total))
  return group.map((rollout, index) => pay(rollout, { parts: parts[index], outcomeAdvantage: scalars[index] }))
}
