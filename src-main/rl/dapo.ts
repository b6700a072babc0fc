// DAPO (Yu et al., arXiv 2503.14476, section 3): GRPO with a higher upper clip, groups without a mix of right and wrong answers
// dropped and replaced by fresh ones, a token-mean loss, a soft penalty just before the length limit, and no KL.
// Overlong filtering (no loss on truncated rollouts) is an option; the paper's best run goes without it. Rewards stay 0 and 1
// where the paper has -1 and 1; scaling by the group's deviation makes that the same but for the penalty's relative size.
import { defineAlgorithm } from './algorithm.ts'
import { grpoAdvantages } from './grpo.ts'
import { policyLoss, policyOptions } from './policyOptions.ts'
import { overlongOptions, overlongParts } from './overlong.ts'
import { discard, payGroup } from './pay.ts'
import type { GradedRollout } from './types.ts'

/** A group can teach only if it holds both a right and a wrong answer. */
export function isMixed(group: readonly Pick<GradedRollout, 'correct'>[]): boolean {
  return group.some((rollout) => rollout.correct === 1) && group.some((rollout) => rollout.correct === 0)
}

export interface SamplingDecision {
  /** resample: ask for `missing` more groups; train: enough, or the rounds are spent; give-up: the rounds are spent and no group is mixed. */
  readonly action: 'train' | 'resample' | 'give-up'
  /** Numbers of the mixed groups to train on, in order of arrival, at most `wanted`. */
  readonly keep: readonly number[]
  readonly missing: number
}

/**
 * Dynamic sampling after `round` rounds of generation (the first is 1), over all groups sampled so far for this step.
 * At the last round a batch that is short is trained on as it is, so a step never waits for ever.
 */
export function dynamicSampling(
  groups: readonly { readonly group: number; readonly rollouts: readonly Pick<GradedRollout, 'correct'>[] }[],
  wanted: number,
  round: number,
  maxRounds: number,
): SamplingDecision {
  const keep = groups
    .filter((entry) => isMixed(entry.rollouts))
    .slice(0, wanted)
    .map((entry) => entry.group)
  const missing = wanted - keep.length
  if (missing > 0 && round < maxRounds) return { action: 'resample', keep, missing }
  return { action: keep.length > 0 ? 'train' : 'give-up', keep, missing }
}

export const dapo = defineAlgorithm({
  name: 'dapo',
  title: 'DAPO',
  method: 'outcome',
  rule: 'Paid as GRPO with a penalty close to the length limit, in groups that hold both right and wrong answers only.',
  source: 'Yu et al. 2025, arXiv 2503.14476, section 3',
  needs: (options) => ({ data: 'rollouts', J: 'none', samplingRounds: options.maxSamplingRounds }),
  options: {
    ...policyOptions({ clipHigh: 0.28 }),
    maxSamplingRounds: {
      kind: 'number',
      default: 10,
      min: 1,
      max: 100,
      integer: true,
      unit: 'rounds of generation',
      aliases: ['max_num_gen_batches'],
      reason: 'Bounds how often groups without a mix are replaced before the step trains on what there is; 1 never resamples.',
    },
    ...overlongOptions,
    dropTruncated: {
      kind: 'flag',
      default: false,
      unit: '',
      aliases: ['mask_truncated_completions'],
      reason: 'Leaves truncated rollouts out of the loss; the soft penalty already answers for them.',
    },
  },
  credit(group, options, context) {
    const parts = overlongParts(group, options, context)
    if (group.length > 1 && !isMixed(group)) return group.map((rollout, index) => discard(rollout, parts[index], 'no-signal'))
    return payGroup(group, parts, grpoAdvantages).map((credit, index) =>
      options.dropTruncated && group[index].finish === 'length' ? discard(group[index], parts[index], 'filtered') : credit,
    )
  },
  loss: (options) => policyLoss(options, { ratio: 'token', aggregation: 'token-mean' }),
})
