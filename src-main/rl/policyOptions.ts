// The options that every policy-gradient method shares: clipping, the pull towards a reference, how often a batch is used,
// and the correction for a sampler that disagrees with the trainer. A method states only what differs from the usual.
import type { ChoiceOption, FlagOption, NumberOption, OptionValues } from './options.ts'
import type { ImportanceCorrection, LossSpec } from './types.ts'

interface Usual {
  readonly clipLow: number
  readonly clipHigh: number
  readonly klBeta: number
  readonly updatesPerBatch: number
}

const usual: Usual = { clipLow: 0.2, clipHigh: 0.2, klBeta: 0, updatesPerBatch: 1 }

const corrections = {
  none: 'the sampler draws from the very policy that is trained',
  'token-truncate': 'multiply each token by min(trainer / sampler, high): low variance, some bias',
  'sequence-truncate': 'multiply a rollout by min(product of ratios, high): no bias below the cap, high variance',
  'token-mask': 'drop tokens whose ratio leaves [low, high]',
  'sequence-mask': 'drop rollouts whose mean ratio (geometric, so that length does not matter) leaves [low, high]',
} as const

/** A batch that is used once meets every ratio at 1. */
const reused = { updatesPerBatch: { above: 1 } } as const

/** The shared option table, with a method's own defaults. */
export function policyOptions(own: Partial<Usual> = {}) {
  const defaults = { ...usual, ...own }
  return {
    clipLow: {
      kind: 'number',
      default: defaults.clipLow,
      min: 0,
      max: 1,
      unit: 'of the probability ratio',
      aliases: ['epsilon', 'clip_ratio_low'],
      when: reused,
      reason: 'An update stops paying once a token has become this much less likely; without it, reusing a batch can collapse the policy.',
    },
    clipHigh: {
      kind: 'number',
      default: defaults.clipHigh,
      min: 0,
      max: 10,
      unit: 'of the probability ratio',
      aliases: ['epsilon_high', 'clip_ratio_high'],
      when: reused,
      reason:
        'An update stops paying once a token has become this much more likely; a larger value lets rare tokens grow and keeps entropy.',
    },
    dualClip: {
      kind: 'number',
      default: 0,
      min: 0,
      max: 100,
      unit: 'times the advantage (0: off)',
      aliases: ['clip_ratio_c'],
      when: reused,
      reason: 'Bounds the loss of a punished token whose ratio exploded; 3 is usual. Only matters when a batch is used more than once.',
    },
    klBeta: {
      kind: 'number',
      default: defaults.klBeta,
      min: 0,
      max: 10,
      unit: 'per nat of k3',
      aliases: ['beta', 'kl_loss_coef'],
      reason: 'Pull towards the reference policy; 0 saves the reference pass.',
    },
    updatesPerBatch: {
      kind: 'number',
      default: defaults.updatesPerBatch,
      min: 1,
      max: 64,
      integer: true,
      unit: 'optimiser steps',
      reason: 'Splits one batch of rollouts into this many steps; 1 is strictly on-policy, and then no clip ever acts.',
    },
    correction: {
      kind: 'choice',
      default: 'none',
      choices: corrections,
      unit: '',
      reason:
        'Needed where tokens are drawn from a part of the policy that is trained (topK, topP, minP); without filters both agree here, to rounding.',
    },
    correctionLow: {
      kind: 'number',
      default: 0.5,
      min: 0,
      max: 1,
      unit: 'of the trainer-to-sampler ratio',
      when: { correction: ['token-mask', 'sequence-mask'] },
      reason: 'Lower edge for the masking corrections.',
    },
    correctionHigh: {
      kind: 'number',
      default: 2,
      min: 0.05,
      max: 100,
      unit: 'of the trainer-to-sampler ratio',
      when: { correction: ['token-truncate', 'sequence-truncate', 'token-mask', 'sequence-mask'] },
      reason:
        'Cap of the truncating corrections and upper edge of the masking ones; 2 is the usual cap. Filters make the ratio at most 1, so that only a value below 1 acts on them.',
    },
  } as const satisfies Record<string, NumberOption | ChoiceOption | FlagOption>
}

export type PolicyValues = OptionValues<ReturnType<typeof policyOptions>>

/** The loss of a policy-gradient method: its ratio and normaliser, and what the person chose. */
export function policyLoss(options: PolicyValues, method: Pick<LossSpec, 'ratio' | 'aggregation'>): LossSpec {
  const correction = correctionOf(options)
  return {
    ...method,
    clipLow: options.clipLow,
    clipHigh: options.clipHigh,
    ...(options.dualClip > 0 && { dualClip: options.dualClip }),
    klBeta: options.klBeta,
    updatesPerBatch: options.updatesPerBatch,
    ...(correction && { correction }),
  }
}

function correctionOf(options: PolicyValues): ImportanceCorrection | undefined {
  if (options.correction === 'none') return undefined
  const [level, how] = options.correction.split('-') as ['token' | 'sequence', 'truncate' | 'mask']
  return { level, how, low: options.correctionLow, high: options.correctionHigh }
}
