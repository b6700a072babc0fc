// Studies with a name, as data: which arms, against which of them the others are read, and what all cells share. An arm is a preset of runs,
// or what differs from one; a grid is arms by seeds. Part of a grid can be run by itself, and is reported as a part.
import { allPresets } from '../training/textPresets.ts'
import type { Preset } from '../training/presets.ts'

export interface StudyArm {
  readonly key: string
  readonly title: string
  /** What becomes of a run's specification in this arm. */
  readonly spec: Preset['spec']
  /** What the arm is for in the report: a method, or a control that shows where a gain comes from. */
  readonly role: 'method' | 'control'
}

export interface StudyPreset {
  readonly title: string
  /** One sentence: the question it answers. */
  readonly about: string
  readonly arms: readonly StudyArm[]
  /** Key of the arm that others are read against. */
  readonly baseline: string
  /** Key of the arm that the first paragraph is about. */
  readonly subject: string
}

/** An arm from a preset of runs, with options of its algorithm changed. */
function arm(
  key: string,
  preset: string,
  {
    title,
    options,
    lr,
    stages,
    role = 'method',
  }: {
    readonly title?: string
    readonly options?: Record<string, unknown>
    readonly lr?: number
    /** Shares of the thinking budget that equal parts of the run sample with. */
    readonly stages?: readonly number[]
    readonly role?: StudyArm['role']
  } = {},
): StudyArm {
  const { title: usual, spec } = allPresets[preset]!
  return {
    key,
    title: title ?? usual,
    role,
    spec: {
      ...spec,
      algorithm: { ...spec.algorithm, options: { ...spec.algorithm.options, ...options } },
      ...(lr !== undefined && { optimizer: { ...spec.optimizer, lr } }),
      ...(stages && { budget: { ...spec.budget, stages: [...stages] } }),
    },
  }
}

const outcome = arm('outcome', 'countdown-outcome', { title: 'outcome RL (Dr. GRPO)' })
const exact = arm('mrt-exact', 'countdown-mrt-exact')
const lengthPenalty = (alpha: number): StudyArm =>
  arm(`length-${alpha}`, 'countdown-length-penalty', { title: `length penalty ${alpha}`, options: { alpha } })
const controls: readonly StudyArm[] = [
  arm('control-shuffled', 'countdown-control-shuffled', { role: 'control' }),
  arm('control-charge', 'countdown-control-charge', { role: 'control' }),
  arm('control-constant', 'countdown-control-constant', { role: 'control' }),
  arm('control-random', 'countdown-control-random', { role: 'control' }),
]

export const studyPresets: Readonly<Record<string, StudyPreset>> = {
  headline: {
    title: 'Countdown-3: outcome RL, length penalties, MRT and its controls from the same start',
    about: "What holds of the paper's three claims: gain over outcome RL, token efficiency, extrapolation to larger budgets.",
    baseline: 'outcome',
    subject: 'mrt-exact',
    arms: [
      outcome,
      arm('dapo', 'countdown-dapo'),
      lengthPenalty(0.2),
      lengthPenalty(0.5),
      lengthPenalty(1),
      exact,
      arm('mrt-exact-centred', 'countdown-mrt-exact-centred'),
      arm('mrt-online', 'countdown-mrt-online'),
      arm('mrt-pooled', 'countdown-mrt-pooled'),
      arm('regret-exact', 'countdown-regret-exact'),
      arm('brpo', 'countdown-brpo'),
      arm('star', 'countdown-star'),
      arm('mrt-star', 'countdown-mrt-star'),
      ...controls,
    ],
  },
  alpha: {
    title: 'How much progress should be paid: alpha of MRT-exact',
    about: 'Accuracy and regret of MRT-exact over alpha, from nothing to four times the outcome.',
    baseline: 'outcome',
    subject: 'alpha-1',
    arms: [
      outcome,
      ...[0.25, 0.5, 1, 2, 4].map((alpha) =>
        arm(`alpha-${alpha}`, 'countdown-mrt-exact', { title: `MRT-exact, alpha ${alpha}`, options: { alpha } }),
      ),
    ],
  },
  'credit-rules': {
    title: 'Credit rules on the same outcome',
    about:
      "Whether the way in which outcomes are turned into advantages matters here: Dr. GRPO, GRPO, RLOO, DAPO, GSPO, and MRT's two ways of paying progress.",
    baseline: 'outcome',
    subject: 'mrt-exact',
    arms: [
      outcome,
      arm('grpo', 'countdown-grpo'),
      arm('rloo', 'countdown-rloo'),
      arm('dapo', 'countdown-dapo'),
      arm('gspo', 'countdown-gspo'),
      arm('mrt-termination', 'countdown-mrt-termination'),
      exact,
    ],
  },
  anytime: {
    title: 'Methods that are paid over all budgets',
    about:
      'Whether paying the whole accuracy-budget curve lowers regret and holds beyond the training budget: BRPO and regret-exact beside outcome RL and MRT-exact.',
    baseline: 'outcome',
    subject: 'regret-exact',
    arms: [
      outcome,
      exact,
      arm('brpo', 'countdown-brpo'),
      arm('regret-exact', 'countdown-regret-exact'),
      arm('regret-lean', 'countdown-regret-exact-lean'),
      arm('regret-answers', 'countdown-regret-exact-answers'),
      arm('regret-within', 'countdown-regret-exact', { title: 'regret-exact within the budget', options: { reach: 1 } }),
    ],
  },
  comparators: {
    title: 'Length rewards and information gains of other authors',
    about: "L1, Kimi's and the cosine reward, soft overlong, IGPO and e3 beside outcome RL and MRT-exact, each with its authors' settings.",
    baseline: 'outcome',
    subject: 'mrt-exact',
    arms: [
      outcome,
      exact,
      ...['overlong', 'l1-exact', 'l1-max', 'kimi-length', 'cosine', 'igpo', 'e3'].map((key) => arm(key, `countdown-${key}`)),
    ],
  },
  imitation: {
    title: 'Methods that imitate what went well',
    about:
      'Whether cutting texts where their progress is greatest adds to imitating right ones: STaR, RFT, ReST-EM and MRT-STaR, with its control, beside outcome RL and MRT-exact.',
    baseline: 'star',
    subject: 'mrt-star',
    arms: [
      outcome,
      exact,
      arm('star', 'countdown-star'),
      arm('rft', 'countdown-rft'),
      arm('rest-em', 'countdown-rest-em'),
      arm('mrt-star', 'countdown-mrt-star'),
      arm('mrt-star-across', 'countdown-mrt-star', { title: 'MRT-STaR across texts', options: { select: 'across' } }),
      arm('mrt-star-sampled', 'countdown-mrt-star', { title: 'MRT-STaR, sampled J', options: { J: 'sampled' } }),
      arm('mrt-star-shuffled', 'countdown-mrt-star-shuffled', { role: 'control' }),
    ],
  },
  estimator: {
    title: 'How well J has to be known',
    about:
      'MRT with J from 1, 4 and 16 sampled answers at every boundary, and exact: whether noise in progress costs anything, and how much.',
    baseline: 'outcome',
    subject: 'mrt-exact',
    arms: [
      outcome,
      ...[1, 4, 16].map((branches) =>
        arm(`sampled-${branches}`, 'countdown-mrt-online', {
          title: `MRT-online, ${branches} ${branches === 1 ? 'answer' : 'answers'}`,
          options: { branches, base: 'dr-grpo', maxEpisodes: 64 },
        }),
      ),
      exact,
    ],
  },
  mu: {
    title: 'Whose answers progress is measured by',
    about: 'MRT-exact with the current weights as prover, those of the start, a moving average, and the best of four answers.',
    baseline: 'mrt-exact',
    subject: 'mu-start',
    arms: [
      exact,
      arm('mu-start', 'countdown-mrt-exact', { title: 'MRT-exact, mu of the start', options: { mu: 'start' } }),
      arm('mu-ema', 'countdown-mrt-exact', { title: 'MRT-exact, mu a moving average', options: { mu: 'ema' } }),
      arm('mu-best-of-4', 'countdown-mrt-exact', { title: 'MRT-exact, best of 4', options: { bestOf: 4 } }),
      arm('mu-start-best-of-4', 'countdown-mrt-exact', { title: 'MRT-exact, best of 4 of the start', options: { mu: 'start', bestOf: 4 } }),
    ],
  },
  segmentation: {
    title: 'How finely thoughts are cut',
    about: 'MRT-online with episodes merged to at most 1, 2, 6 and 64: whether the gain depends on where progress is measured.',
    baseline: 'outcome',
    subject: 'episodes-6',
    arms: [
      outcome,
      ...[1, 2, 6, 64].map((maxEpisodes) =>
        arm(`episodes-${maxEpisodes}`, 'countdown-mrt-online', {
          title: `MRT-online, at most ${maxEpisodes} ${maxEpisodes === 1 ? 'episode' : 'episodes'}`,
          options: { maxEpisodes },
        }),
      ),
    ],
  },
  budgets: {
    title: 'Budgets in training, and two to three times as much after it',
    about:
      'Outcome RL and MRT-exact trained with half the thinking budget, with half and then all of it, and with all: which holds at two and three times the budget.',
    baseline: 'outcome',
    subject: 'mrt-exact',
    arms: [
      outcome,
      arm('outcome-half', 'countdown-outcome', { title: 'outcome RL, half the budget', stages: [0.5] }),
      arm('outcome-stages', 'countdown-outcome', { title: 'outcome RL, half and then all', stages: [0.5, 1] }),
      exact,
      arm('mrt-exact-half', 'countdown-mrt-exact', { title: 'MRT-exact, half the budget', stages: [0.5] }),
      arm('mrt-exact-stages', 'countdown-mrt-exact', { title: 'MRT-exact, half and then all', stages: [0.5, 1] }),
      arm('regret-exact', 'countdown-regret-exact'),
    ],
  },
  controls: {
    title: 'Where the gain of MRT-exact comes from',
    about: 'MRT-exact beside four arms in which something else than its own progress is paid.',
    baseline: 'outcome',
    subject: 'mrt-exact',
    arms: [outcome, exact, ...controls],
  },
  'learning-rate': {
    title: 'Learning rates of outcome RL and MRT-exact',
    about: 'Whether one learning rate serves both methods.',
    baseline: 'outcome-0.0001',
    subject: 'mrt-exact-0.0001',
    arms: [3e-5, 1e-4, 3e-4].flatMap((lr) => [
      arm(`outcome-${lr}`, 'countdown-outcome', { title: `outcome RL, rate ${lr}`, lr }),
      arm(`mrt-exact-${lr}`, 'countdown-mrt-exact', { title: `MRT-exact, rate ${lr}`, lr }),
    ]),
  },
  words: {
    title: 'A model of words: SmolLM2-135M-Instruct with adapters on arithmetic',
    about:
      'Whether the path from a small language model to a comparison works, and what it takes: outcome RL, a length penalty, and MRT with sampled and with exact J.',
    baseline: 'outcome',
    subject: 'mrt-exact',
    arms: [
      arm('outcome', 'gsm-lora-outcome', { title: 'outcome RL (Dr. GRPO)' }),
      arm('length-0.2', 'gsm-lora-length-penalty', { title: 'length penalty 0.2' }),
      arm('mrt-online', 'gsm-lora-mrt-online', { title: 'MRT-online' }),
      arm('mrt-exact', 'gsm-lora', { title: 'MRT-exact' }),
    ],
  },
}
