// The batch-level normaliser of a loss, as one weight per token, so that the loss itself is only a sum of weight * term. A weight is 0 for
// every token without loss. Call it once per optimiser step, on the rollouts of that step: micro-batches then simply add up.
import { sum } from '../numeric/stats.ts'
import type { Credit, LossSpec } from './types.ts'

type Weighed = Pick<Credit, 'mask' | 'used'>
type Normaliser = (tokens: readonly number[], rollouts: number, budgetTokens: number) => readonly number[]

/** Loss tokens of each used rollout -> the weight of one token of each. */
const normalisers: Readonly<Record<LossSpec['aggregation'], Normaliser>> = {
  'token-mean': (tokens) => {
    const all = sum(tokens)
    return tokens.map(() => 1 / all)
  },
  'sequence-mean': (tokens, rollouts) => tokens.map((count) => 1 / (rollouts * count)),
  constant: (tokens, rollouts, budgetTokens) => tokens.map(() => 1 / (rollouts * budgetTokens)),
}

/**
 * Weights [tokenCount] per credit, in order; all zero for rollouts that are not used.
 * @param budgetTokens the constant of the constant aggregation
 * @param isRollout per credit: whether it counts as a rollout where a loss is divided by their number, or belongs to one; all do unless given
 */
export function tokenWeights(
  credits: readonly Weighed[],
  aggregation: LossSpec['aggregation'],
  budgetTokens: number,
  isRollout: readonly boolean[] = credits.map(() => true),
): readonly Float32Array[] {
  const used = credits.filter((credit) => credit.used)
  const rollouts = credits.filter((credit, index) => credit.used && isRollout[index]).length
  const perToken = normalisers[aggregation](used.map(lossTokens), Math.max(1, rollouts), budgetTokens)
  const weightOf = new Map(used.map((credit, index) => [credit, perToken[index]]))
  return credits.map((credit) => Float32Array.from(credit.mask, (on) => on * (weightOf.get(credit) ?? 0)))
}

/** Tokens of a credit that carry loss. */
export function lossTokens(credit: Pick<Credit, 'mask'>): number {
  return sum(credit.mask)
}
