// Losses as graph expressions. All of credit assignment has happened before: advantages carry who is paid, weights carry the normaliser, so a
// loss is sum(weights * term) and micro-batches add up. PPO's clipped objective (Schulman et al., arXiv 1707.06347, eq. 7), its dual clip
// (Ye et al., arXiv 1912.09729, section 3.3), GSPO's sequence ratio in token form (arXiv 2507.18071, section 4.3) and the k3 estimate of
// KL(policy, reference) (Schulman, "Approximating KL divergence"). Metrics leave the graph as sums over loss tokens, so that they also add up.
import type { GraphBuilder } from '../graph/builder.ts'
import type { Value } from '../graph/ir.ts'
import { sum as sumOf } from '../numeric/stats.ts'
import { CreditError, type LossSpec } from './types.ts'

/** All float32 [B, T]. Where weights are 0 the other tensors are not read. */
export interface LossInputs {
  /** Log-probability of each token under the weights being trained; the gradient flows through this one alone. */
  readonly logps: Value
  /** Under the weights that sampled; needed for any ratio. */
  readonly oldLogps?: Value
  /** Under the reference; needed for klBeta > 0, otherwise only measured. */
  readonly refLogps?: Value
  readonly advantages: Value
  /** The normaliser, from tokenWeights. */
  readonly weights: Value
  /** Entropy of the policy at each token; only measured. */
  readonly entropy?: Value
}

/** How a sum over loss tokens is added up over micro-batches. */
const sums = {
  tokens: 'add',
  clipLow: 'add',
  clipHigh: 'add',
  kl: 'add',
  approxKl: 'add',
  entropy: 'add',
  ratioMax: 'max',
} as const satisfies Record<string, 'add' | 'max'>

export type LossSum = keyof typeof sums
export const lossSums = Object.keys(sums) as readonly LossSum[]

export interface LossGraph {
  /** [] */
  readonly loss: Value
  /** [] each; only those that the inputs allow. */
  readonly sums: Readonly<Partial<Record<LossSum, Value>>>
}

/** Bounds exp() of a log-ratio; its gradient is 0 beyond. */
const MAX_LOG_RATIO = 20

/**
 * The loss of a batch: sum of weights * (-objective + klBeta * k3).
 * Throws CreditError `rl.loss-input` where the specification needs log-probabilities that were not given.
 */
export function lossGraph(b: GraphBuilder, inputs: LossInputs, spec: LossSpec): LossGraph {
  const { logps, oldLogps, refLogps, advantages, weights, entropy } = inputs
  if (spec.ratio !== 'none' && !oldLogps)
    throw new CreditError('rl.loss-input', { expected: `oldLogps for a ${spec.ratio} ratio`, found: 'none' })
  if (spec.klBeta > 0 && !refLogps)
    throw new CreditError('rl.loss-input', { expected: `refLogps for klBeta ${spec.klBeta}`, found: 'none' })

  const counts = b.greater(weights, 0)
  const sum = (x: Value) => b.reduceSum(b.where(counts, x, 0), undefined, false)
  const drift = oldLogps && logRatio(b, logps, oldLogps, counts)
  const ratio = drift && b.exp(spec.ratio === 'sequence' ? sequenceLogRatio(b, logps, drift, counts) : drift)
  const objective =
    ratio && spec.ratio !== 'none' ? clippedObjective(b, ratio, advantages, spec) : b.mul(b.where(counts, logps, 0), advantages)
  const kl = refLogps && k3(b, logRatio(b, refLogps, logps, counts))

  const term = kl && spec.klBeta > 0 ? b.sub(b.mul(kl, spec.klBeta), objective) : b.neg(objective)
  return {
    loss: sum(b.mul(weights, term)),
    sums: {
      tokens: b.reduceSum(b.cast(counts, 'float32'), undefined, false),
      ...(kl && { kl: sum(kl) }),
      ...(entropy && { entropy: sum(entropy) }),
      ...(drift && { approxKl: sum(b.mul(b.mul(drift, drift), 0.5)) }),
      ...(ratio && { ratioMax: b.reduceMax(b.where(counts, ratio, 0), undefined, false) }),
      ...(ratio &&
        spec.ratio !== 'none' && {
          clipLow: sum(indicator(b, b.less(ratio, 1 - spec.clipLow), b.less(advantages, 0))),
          clipHigh: sum(indicator(b, b.greater(ratio, 1 + spec.clipHigh), b.greater(advantages, 0))),
        }),
    },
  }
}

/** log(p / q) per token, bounded, and 0 where nothing counts. */
function logRatio(b: GraphBuilder, p: Value, q: Value, counts: Value): Value {
  return b.clip(b.where(counts, b.sub(p, q), 0), -MAX_LOG_RATIO, MAX_LOG_RATIO)
}

/** sg[mean over the row's tokens of log(pi / pi_old)] + log pi - sg[log pi]: the sequence's value, the token's gradient. [B, T] */
function sequenceLogRatio(b: GraphBuilder, logps: Value, drift: Value, counts: Value): Value {
  const length = b.max(b.reduceSum(b.cast(counts, 'float32'), [1]), 1)
  const sequence = b.div(b.reduceSum(drift, [1]), length)
  return b.add(b.stopGradient(sequence), b.where(counts, b.sub(logps, b.stopGradient(logps)), 0))
}

/** min(r A, clip(r) A), for A < 0 not below dualClip * A. */
function clippedObjective(b: GraphBuilder, ratio: Value, advantages: Value, spec: LossSpec): Value {
  const clipped = b.clip(ratio, 1 - spec.clipLow, 1 + spec.clipHigh)
  const objective = b.min(b.mul(ratio, advantages), b.mul(clipped, advantages))
  if (spec.dualClip === undefined) return objective
  return b.where(b.less(advantages, 0), b.max(objective, b.mul(advantages, spec.dualClip)), objective)
}

/** q / p - log(q / p) - 1 from log(q / p): never negative, and its mean over samples of p is KL(p, q). */
function k3(b: GraphBuilder, logQOverP: Value): Value {
  return b.sub(b.sub(b.exp(logQOverP), logQOverP), 1)
}

function indicator(b: GraphBuilder, first: Value, second: Value): Value {
  return b.cast(b.and(first, second), 'float32')
}

/**
 * Adds up the sums of the micro-batches of one step and names the results: `clip_ratio/low_mean`, `/high_mean`, `/region_mean` (clipped
 * updates, not truncated answers), `kl` (to the reference), `entropy`, `policy/approxkl_avg` (half the mean squared log-ratio to the
 * sampling policy), `policy/ratio_max`. Absent where it was not measured or no token counted.
 */
export function lossMetrics(microBatches: readonly Readonly<Partial<Record<LossSum, number>>>[]): Readonly<Record<string, number>> {
  const combined = (name: LossSum): number | undefined => {
    const values = microBatches.flatMap((batch) => batch[name] ?? [])
    if (values.length === 0) return undefined
    return sums[name] === 'max' ? Math.max(...values) : sumOf(values)
  }
  const tokens = combined('tokens') ?? 0
  if (tokens === 0) return {}
  const low = combined('clipLow')
  const high = combined('clipHigh')
  const named = {
    'clip_ratio/low_mean': low,
    'clip_ratio/high_mean': high,
    'clip_ratio/region_mean': low === undefined || high === undefined ? undefined : low + high,
    kl: combined('kl'),
    entropy: combined('entropy'),
    'policy/approxkl_avg': combined('approxKl'),
  }
  const means = Object.entries(named).flatMap(([name, value]) => (value === undefined ? [] : [[name, value / tokens] as const]))
  const ratioMax = combined('ratioMax')
  return { ...Object.fromEntries(means), ...(ratioMax !== undefined && { 'policy/ratio_max': ratioMax }) }
}
