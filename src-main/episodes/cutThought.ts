// Where a thought is read under a budget. A curve over budgets has one of these rules at all of its budgets: a token more moves the cut of
// a rollout by at most one token, or to the next end of an attempt, and never changes which rollouts are read.

/** A thought with the places at which it can be stopped. */
export interface Thought {
  /** Offsets of the ends of its attempts, ascending from 0; the last is where it ended. */
  readonly boundaries: readonly number[]
  /** Offset at which it ended. */
  readonly thinkEnd: number
  /** The end was forced: it does not end an attempt. */
  readonly forcedStop: boolean
}

/** As the cut falls: after `budget` tokens, or where the thought ended before. */
export const cutAt = ({ thinkEnd }: Pick<Thought, 'thinkEnd'>, budget: number): number => Math.min(budget, thinkEnd)

/** After the last whole attempt within the budget; 0, the empty thought, where not even the first fits. */
export function wholeCutAt({ boundaries, forcedStop }: Pick<Thought, 'boundaries' | 'forcedStop'>, budget: number): number {
  const whole = forcedStop ? boundaries.slice(0, -1) : boundaries
  return whole.findLast((offset) => offset <= budget) ?? 0
}
