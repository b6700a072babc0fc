// What methods of continue values share: V at the boundaries of a rollout, the share of fresh continuations from there that end right, and the
// advantage that it gives each part of the text. V is the value of the policy that thinks on, where J is that of one that has to answer.
import type { NumberOption } from './options.ts'
import { CreditError, type GradedRollout } from './types.ts'

export const continuationOptions = {
  continuations: {
    kind: 'number',
    default: 9,
    min: 1,
    max: 256,
    integer: true,
    unit: 'rollouts per boundary',
    reason:
      'Fresh continuations from each boundary whose mean outcome is its value; VinePPO takes 9. They are most of what such a run costs.',
  },
} as const satisfies Record<string, NumberOption>

/** V of a rollout; throws CreditError `rl.no-continue-values` where it was not measured. */
export function continueValues(rollout: GradedRollout): Float64Array {
  if (!rollout.V)
    throw new CreditError('rl.no-continue-values', {
      expected: `continue values at the ${rollout.episodes.length + 1} boundaries of rollout ${rollout.group}/${rollout.sample}`,
      found: 'none',
    })
  return rollout.V
}
