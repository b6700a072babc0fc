// The cosine reward (Yeo et al., "Demystifying long chain-of-thought reasoning", arXiv 2502.03373, section 4.2): what an answer is worth follows half a cosine
// of its length, from one value at length 0 to another at the limit, apart for right and wrong ones; a rollout that reaches the limit gets a value
// of its own. Wrong answers lose least when they are long, so that thinking longer is what a model does where it fails. The paper trains with PPO
// at gamma = lambda = 1, whose advantage here is that of GRPO.
import { defineAlgorithm } from './algorithm.ts'
import { grpoAdvantages } from './grpo.ts'
import { gradedParts, payGroup } from './pay.ts'
import { policyLoss, policyOptions } from './policyOptions.ts'

/** to + (from - to) (1 + cos(pi share)) / 2: `from` at share 0, `to` at share 1. */
export function cosineBetween(from: number, to: number, share: number): number {
  return to + 0.5 * (from - to) * (1 + Math.cos(Math.PI * share))
}

export const cosine = defineAlgorithm({
  name: 'cosine',
  title: 'Cosine reward',
  method: 'length-cosine',
  rule: 'Right answers earn less the longer they are, wrong ones lose less the longer they are, along a cosine; paid as GRPO.',
  source: 'Yeo et al. 2025, arXiv 2502.03373, section 4.2',
  needs: () => ({ data: 'rollouts', J: 'none' }),
  options: {
    ...policyOptions({ klBeta: 0.001 }),
    rightShort: {
      kind: 'number',
      default: 2,
      min: -100,
      max: 100,
      unit: 'reward',
      reason: 'Worth of a right answer of no length, as the authors train with.',
    },
    rightLong: {
      kind: 'number',
      default: 1,
      min: -100,
      max: 100,
      unit: 'reward',
      reason: 'Worth of a right answer at the limit, as the authors train with.',
    },
    wrongShort: {
      kind: 'number',
      default: -10,
      min: -100,
      max: 100,
      unit: 'reward',
      reason: 'Worth of a wrong answer of no length: giving up at once is the worst.',
    },
    wrongLong: {
      kind: 'number',
      default: 0,
      min: -100,
      max: 100,
      unit: 'reward',
      reason: 'Worth of a wrong answer at the limit: long tries are forgiven.',
    },
    exceeded: {
      kind: 'number',
      default: -10,
      min: -100,
      max: 100,
      unit: 'reward',
      reason: 'Worth of a rollout that the limit cut short, whatever it held.',
    },
  },
  credit: (group, options, { budgetTokens }) =>
    payGroup(
      group,
      group.map((rollout) => {
        const share = rollout.tokenCount / budgetTokens
        const [short, long] = rollout.correct === 1 ? [options.rightShort, options.rightLong] : [options.wrongShort, options.wrongLong]
        const worth = rollout.finish === 'length' || share > 1 ? options.exceeded : cosineBetween(short, long, share)
        return { ...gradedParts(rollout), cosine: worth - rollout.correct }
      }),
      grpoAdvantages,
    ),
  loss: (options) => policyLoss(options, { ratio: 'token', aggregation: 'sequence-mean' }),
})
