// Runs with a name: one preset per algorithm on the home task. A preset is what differs from the defaults, nothing more.
import type { RunSpecInput } from '../../src-preload/contract.ts'

export interface Preset {
  readonly title: string
  /** One sentence: what this run shows. */
  readonly about: string
  readonly spec: Omit<RunSpecInput, 'algorithm'> & { readonly algorithm: { readonly name: string; readonly options?: Record<string, unknown> } }
}

export const presets: Readonly<Record<string, Preset>> = {
  'countdown-outcome': {
    title: 'Outcome RL',
    about: 'Dr. GRPO on the 0/1 outcome: the baseline that every other method is compared with.',
    spec: { name: 'outcome RL', algorithm: { name: 'dr-grpo' } },
  },
  'countdown-length-penalty': {
    title: 'Length penalty',
    about: 'Right answers that are longer than their peers earn less (Arora and Zanette).',
    spec: { name: 'length penalty', algorithm: { name: 'length-penalty', options: { alpha: 0.2 } } },
  },
  'countdown-mrt-exact': {
    title: 'MRT-exact',
    about: 'Every episode is also paid for its own progress, J computed exactly.',
    spec: { name: 'MRT-exact', algorithm: { name: 'mrt-exact' } },
  },
  'countdown-mrt-online': {
    title: 'MRT-online',
    about: 'As MRT-exact, with J estimated from sampled answers at every boundary.',
    spec: { name: 'MRT-online', algorithm: { name: 'mrt-online' } },
  },
  'countdown-mrt-pooled': {
    title: 'MRT, pooled',
    about: 'The RL variant of the paper: continuations and terminations of a stale prefix, normalised together.',
    spec: { name: 'MRT pooled', algorithm: { name: 'mrt-pooled' } },
  },
  'countdown-mrt-termination': {
    title: 'MRT, termination baseline',
    about: 'The reward of stopping now replaces the mean of the group as baseline.',
    spec: { name: 'MRT termination', algorithm: { name: 'mrt-termination' } },
  },
  'countdown-grpo': { title: 'GRPO', about: 'Rewards standardised within the group, mean over each answer.', spec: { name: 'GRPO', algorithm: { name: 'grpo' } } },
  'countdown-rloo': { title: 'RLOO', about: 'Reward minus the mean of the others, plain REINFORCE.', spec: { name: 'RLOO', algorithm: { name: 'rloo' } } },
  'countdown-dapo': { title: 'DAPO', about: 'Clip-higher, dynamic sampling, token loss and soft overlong punishment.', spec: { name: 'DAPO', algorithm: { name: 'dapo' } } },
  'countdown-gspo': { title: 'GSPO', about: 'The ratio of whole sequences is clipped instead of that of tokens.', spec: { name: 'GSPO', algorithm: { name: 'gspo' } } },
  'countdown-sft': { title: 'SFT', about: 'More imitation of the teacher: what training longer without rewards gives.', spec: { name: 'SFT', algorithm: { name: 'sft' } } },
}

/** The three runs that a newcomer compares first. */
export const quickstartPresets = ['countdown-outcome', 'countdown-length-penalty', 'countdown-mrt-exact'] as const
