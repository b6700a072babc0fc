// Importance weights for rollouts whose sampler and trainer give different probabilities for the same weights and tokens: the policy term
// of each token is multiplied by a weight made from pi_old (trainer) / pi_rollout (sampler). Truncated importance sampling and masking,
// per token or per sequence, as in verl's rollout correction. The weights are data, so no gradient flows through them. Left out: multiplying
// the PPO ratio itself; a ratio already taken against the sampler's log-probabilities must not be corrected again.
import { sum } from '../numeric/stats.ts'
import { lossTokens } from './tokenWeights.ts'
import type { Credit, ImportanceCorrection } from './types.ts'

/** Bounds exp() for a token the two programs disagree about wildly. */
const MAX_LOG_RATIO = 20

/**
 * Weights [tokens] for one rollout.
 * @param oldLogps, rolloutLogps [tokens] log-probabilities of the sampled tokens under trainer and sampler; read where mask is 1
 */
export function correctionWeights(
  correction: ImportanceCorrection,
  oldLogps: Float32Array,
  rolloutLogps: Float32Array,
  mask: Uint8Array,
): Float32Array {
  const logRatio = Float64Array.from(mask, (on, token) => (on ? oldLogps[token] - rolloutLogps[token] : 0))
  const whole = sum(logRatio)
  // A product of ratios rejects every long text, so masking looks at the geometric mean; a truncated weight is the true product.
  const sequence = correction.how === 'mask' ? whole / lossTokens({ mask }) : whole
  const { low, high } = correction
  return Float32Array.from(mask, (on, token) => {
    if (!on) return 0
    const ratio = Math.exp(Math.max(-MAX_LOG_RATIO, Math.min(MAX_LOG_RATIO, correction.level === 'token' ? logRatio[token] : sequence)))
    if (correction.how === 'truncate') return Math.min(ratio, high)
    return ratio >= low && ratio <= high ? 1 : 0
  })
}

/** Advantages with the correction multiplied in; the KL term, which has its own weight, stays as it is. */
export function correctedAdvantage(
  credit: Pick<Credit, 'advantage' | 'mask'>,
  correction: ImportanceCorrection,
  oldLogps: Float32Array,
  rolloutLogps: Float32Array,
): Float32Array {
  const weights = correctionWeights(correction, oldLogps, rolloutLogps, credit.mask)
  return credit.advantage.map((advantage, token) => advantage * weights[token])
}
