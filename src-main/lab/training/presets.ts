// Runs with a name: one preset per method on the home task, and one per control. A preset is what differs from the defaults, nothing more, and all of
// them share what is not the method: no KL term (where an algorithm's own default has one it is turned off), one learning-rate schedule, one budget.
import type { RunSpecInput } from '../../../src-preload/contract.ts'

export interface Preset {
  readonly title: string
  /** One sentence: what this run shows. */
  readonly about: string
  readonly spec: Omit<RunSpecInput, 'algorithm'> & {
    readonly algorithm: { readonly name: string; readonly options?: Record<string, unknown> }
  }
}

/** An arm without a pull towards a reference, whatever the algorithm's own default. */
export const withoutKl = (name: string, options: Record<string, unknown> = {}): Preset['spec']['algorithm'] => ({
  name,
  options: { klBeta: 0, ...options },
})

export const presets: Readonly<Record<string, Preset>> = {
  'countdown-outcome': {
    title: 'Outcome RL',
    about: 'Dr. GRPO on the 0/1 outcome: the baseline that every other method is compared with.',
    spec: { name: 'outcome RL', algorithm: { name: 'dr-grpo' } },
  },
  'countdown-length-penalty': {
    title: 'Length penalty',
    about: 'Right answers that are longer than their peers earn less (Arora and Zanette).',
    spec: { name: 'length penalty', algorithm: withoutKl('length-penalty', { alpha: 0.2 }) },
  },
  'countdown-mrt-exact': {
    title: 'MRT-exact',
    about: 'Every episode is also paid for its own progress, J computed exactly.',
    spec: { name: 'MRT-exact', algorithm: { name: 'mrt-exact' } },
  },
  'countdown-mrt-exact-centred': {
    title: 'MRT-exact, centred',
    about: "As MRT-exact, with the mean progress of the group taken off every episode: ours, not the paper's.",
    spec: { name: 'MRT-exact centred', algorithm: { name: 'mrt-exact', options: { centre: 'group' } } },
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
  'countdown-control-shuffled': {
    title: 'Control: shuffled progress',
    about: 'As MRT-exact, with J permuted across the boundaries of each rollout: the same values in the wrong places.',
    spec: { name: 'control shuffled', algorithm: { name: 'mrt-exact', options: { control: 'shuffled' } } },
  },
  'countdown-control-charge': {
    title: 'Control: bare charge',
    about: 'Every episode is charged the mean progress of its group and paid nothing: what centring adds, by itself.',
    spec: { name: 'control charge', algorithm: { name: 'mrt-exact', options: { control: 'charge' } } },
  },
  'countdown-control-constant': {
    title: 'Control: constant',
    about: 'Every episode is paid the mean size of progress in its group, whatever it did.',
    spec: { name: 'control constant', algorithm: { name: 'mrt-exact', options: { control: 'constant' } } },
  },
  'countdown-control-random': {
    title: 'Control: random reward',
    about: 'A coin for each rollout instead of its outcome: what updates without any information do.',
    spec: { name: 'control random', algorithm: { name: 'mrt-exact', options: { control: 'random' } } },
  },
  'countdown-overlong': {
    title: 'Soft overlong',
    about: 'A charge for the last part of the budget alone, right or wrong (from DAPO).',
    spec: { name: 'soft overlong', algorithm: { name: 'overlong' } },
  },
  'countdown-l1-exact': {
    title: 'L1, exact',
    about: 'Every answer is charged for its distance from a target length.',
    spec: { name: 'L1 exact', algorithm: withoutKl('l1-exact') },
  },
  'countdown-l1-max': {
    title: 'L1, max',
    about: 'A right answer is worth less the further it is beyond a target length.',
    spec: { name: 'L1 max', algorithm: withoutKl('l1-max') },
  },
  'countdown-kimi-length': {
    title: 'Kimi length reward',
    about: 'Shorter answers of a group earn more and longer ones less, after a first part of the run without it.',
    spec: { name: 'Kimi length', algorithm: { name: 'kimi-length' } },
  },
  'countdown-cosine': {
    title: 'Cosine reward',
    about: 'Right answers earn less the longer they are, wrong ones lose less the longer they are.',
    spec: { name: 'cosine', algorithm: withoutKl('cosine') },
  },
  'countdown-star': {
    title: 'STaR',
    about: 'Right answers are imitated, in iterations that each begin anew from the start: what a filter by correctness gives.',
    spec: { name: 'STaR', algorithm: { name: 'star' } },
  },
  'countdown-rft': {
    title: 'RFT',
    about: 'Right answers of the start that differ are imitated, once.',
    spec: { name: 'RFT', algorithm: { name: 'rft' } },
  },
  'countdown-rest-em': {
    title: 'ReST-EM',
    about: 'As STaR, with at most a few right answers of each problem.',
    spec: { name: 'ReST-EM', algorithm: { name: 'rest-em' } },
  },
  'countdown-mrt-star': {
    title: 'MRT, STaR',
    about:
      'The imitation variant of the paper: texts are cut where their progress is greatest, answered there, and imitated where that is right.',
    spec: { name: 'MRT-STaR', algorithm: { name: 'mrt-star' } },
  },
  'countdown-mrt-star-shuffled': {
    title: 'Control: MRT-STaR, shuffled',
    about: 'As MRT-STaR, with J permuted across the boundaries of each text, so that it is cut anywhere.',
    spec: { name: 'MRT-STaR shuffled', algorithm: { name: 'mrt-star', options: { control: 'shuffled' } } },
  },
  'countdown-igpo': {
    title: 'IGPO',
    about: 'Every episode is paid how much more likely the right answers have become, on a log scale.',
    spec: { name: 'IGPO', algorithm: withoutKl('igpo') },
  },
  'countdown-vine-ppo': {
    title: 'VinePPO',
    about: "Every episode is paid the change of the policy's own chance of success, measured by fresh continuations: dear.",
    spec: { name: 'VinePPO', algorithm: withoutKl('vine-ppo') },
  },
  'countdown-pav': {
    title: 'PAV',
    about: 'The outcome, and the gain of a best-of-4 prover that thinks on from every episode: dear.',
    spec: { name: 'PAV', algorithm: withoutKl('pav') },
  },
  'countdown-brpo': {
    title: 'AnytimeReasoner, BRPO',
    about: 'Thinking is paid the accuracy at all budgets still ahead; answers are learned apart, here at a tenth of the cuts.',
    spec: { name: 'BRPO', algorithm: { name: 'brpo', options: { answerShare: 0.1 } } },
  },
  'countdown-regret-exact': {
    title: 'Regret, exact',
    about: 'Thinking is paid the exact area of the accuracy-budget curve still ahead, to three times the budget: ours.',
    spec: { name: 'regret-exact', algorithm: { name: 'regret-exact' } },
  },
  'countdown-regret-exact-answers': {
    title: 'Regret, exact answers',
    about: 'As regret-exact, the answering policy on the exact gradient of J instead of a sampled one: ours.',
    spec: { name: 'regret-exact answers', algorithm: { name: 'regret-exact', options: { answerGradient: 'exact' } } },
  },
  'countdown-regret-exact-lean': {
    title: 'Regret, exact, lean',
    about: 'As regret-exact for fewer operations: what costs most is drawn by lot and weighed, at the price of noise.',
    spec: { name: 'regret-exact lean', algorithm: { name: 'regret-exact', options: { keptGroups: 0.25, cutShare: 0.5 } } },
  },
  'countdown-e3': {
    title: 'e3',
    about: 'Outcome RL in which problems grow harder together with the thinking budget.',
    spec: { name: 'e3', algorithm: { name: 'e3' } },
  },
  'countdown-grpo': {
    title: 'GRPO',
    about: 'Rewards standardised within the group, mean over each answer.',
    spec: { name: 'GRPO', algorithm: withoutKl('grpo') },
  },
  'countdown-rloo': {
    title: 'RLOO',
    about: 'Reward minus the mean of the others, plain REINFORCE.',
    spec: { name: 'RLOO', algorithm: { name: 'rloo' } },
  },
  'countdown-dapo': {
    title: 'DAPO',
    about: 'Clip-higher, dynamic sampling, token loss and soft overlong punishment.',
    spec: { name: 'DAPO', algorithm: { name: 'dapo' } },
  },
  'countdown-gspo': {
    title: 'GSPO',
    about: 'The ratio of whole sequences is clipped instead of that of tokens.',
    spec: { name: 'GSPO', algorithm: { name: 'gspo' } },
  },
  'countdown-sft': {
    title: 'SFT',
    about: 'More imitation of the teacher: what training longer without rewards gives.',
    spec: { name: 'SFT', algorithm: { name: 'sft' } },
  },
}

/** The three runs that a newcomer compares first. */
export const quickstartPresets = ['countdown-outcome', 'countdown-length-penalty', 'countdown-mrt-exact'] as const

/** What newcomers see unless they ask for something else: minutes on two cores. */
export const QUICKSTART_DEFAULTS = { steps: 30, seeds: 1, evaluationProblems: 256, evaluationSamples: 2 } as const
