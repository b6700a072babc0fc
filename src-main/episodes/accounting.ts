// Where the thinking tokens of a rollout went. "Solved" means that J, the chance of success if thinking stopped, has
// reached the threshold and stays there to the end of the thought (the first stable correct state).
//   useful        up to the first stable correct state
//   overthinking  after it
//   starved       the rollout never got there and stopped earlier than some rollout of the same problem needed to
//   futile        the rollout never got there although it spent what was enough for another, or no rollout ever did
// The four add up to the thinking tokens. Always read them beside the accuracy: answering everything in ten tokens has
// no overthinking either. Answer tokens are not thinking and are not counted.

import { firstStableBoundary } from './progress.ts'

export interface ThoughtMeasure {
  /** Completion tokens before each boundary; the last is the length of the thinking. */
  readonly boundaries: ArrayLike<number>
  /** J at each boundary. */
  readonly accuracy: ArrayLike<number>
}

export interface TokenAccount {
  /** What became of the rollout: `solved` = reached a stable correct state. */
  readonly fate: 'solved' | 'starved' | 'futile'
  readonly useful: number
  readonly overthinking: number
  readonly futile: number
  readonly starved: number
}

/** Thinking tokens at the first stable correct state of one rollout, or null. */
export function solveTokens({ boundaries, accuracy }: ThoughtMeasure, threshold = 0.5): number | null {
  const boundary = firstStableBoundary(accuracy, threshold)
  return boundary === null ? null : boundaries[boundary]
}

/**
 * Accounts of all rollouts of one problem. The fewest tokens with which any of them solved it is the problem's own
 * measure of "enough", so accounts depend on the pool of rollouts and change when it grows.
 */
export function accountTokens(rollouts: readonly ThoughtMeasure[], threshold = 0.5): TokenAccount[] {
  const solved = rollouts.map((rollout) => solveTokens(rollout, threshold))
  const enough = Math.min(...solved.map((tokens) => tokens ?? Infinity))
  return rollouts.map(({ boundaries }, i) => {
    const spent = boundaries[boundaries.length - 1]
    const at = solved[i]
    if (at !== null) return { ...NOTHING, fate: 'solved', useful: at, overthinking: spent - at }
    return enough < Infinity && spent < enough
      ? { ...NOTHING, fate: 'starved', starved: spent }
      : { ...NOTHING, fate: 'futile', futile: spent }
  })
}

const NOTHING = { useful: 0, overthinking: 0, futile: 0, starved: 0 }

/** Token sums, and how many rollouts met each fate: a starved rollout spends few tokens, so the count tells more. */
export interface AccountTotal {
  readonly tokens: { readonly useful: number; readonly overthinking: number; readonly futile: number; readonly starved: number }
  readonly rollouts: { readonly solved: number; readonly futile: number; readonly starved: number }
}

/** Totals over any set of accounts. */
export function totalAccount(accounts: readonly TokenAccount[]): AccountTotal {
  const sum = (part: 'useful' | 'overthinking' | 'futile' | 'starved'): number =>
    accounts.reduce((total, account) => total + account[part], 0)
  const count = (fate: TokenAccount['fate']): number => accounts.filter((account) => account.fate === fate).length
  return {
    tokens: { useful: sum('useful'), overthinking: sum('overthinking'), futile: sum('futile'), starved: sum('starved') },
    rollouts: { solved: count('solved'), futile: count('futile'), starved: count('starved') },
  }
}
