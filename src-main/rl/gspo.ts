// GSPO (Zheng et al., arXiv 2507.18071, sections 4.1-4.3): GRPO's advantage with one length-normalised ratio per sequence,
// s = (pi(o) / pi_old(o))^(1/|o|), clipped in a far narrower band because a mean over tokens moves far less than a token does.
// The ratio is applied in the token form of section 4.3, so it combines with per-token advantages. Equals GRPO on-policy.
import { defineAlgorithm } from './algorithm.ts'
import { grpoAdvantages } from './grpo.ts'
import { policyLoss, policyOptions } from './policyOptions.ts'
import { gradedParts, payGroup } from './pay.ts'

export const gspo = defineAlgorithm({
  name: 'gspo',
  title: 'GSPO',
  method: 'outcome',
  rule: 'Paid as GRPO; the update is clipped by the geometric-mean ratio of the whole sequence.',
  source: 'Zheng et al. 2025, arXiv 2507.18071, sections 4.1-4.3',
  needs: () => ({ data: 'rollouts', J: 'none' }),
  options: policyOptions({ clipLow: 3e-4, clipHigh: 4e-4, updatesPerBatch: 4 }),
  credit: (group) => payGroup(group, group.map(gradedParts), grpoAdvantages),
  loss: (options) => policyLoss(options, { ratio: 'sequence', aggregation: 'sequence-mean' }),
})
