/**
 * The overview of a run: a dozen charts in four groups, as data. A line names a metric of the lab; a panel appears whether or
 * not the run reports it, since "not measured" is an answer too, and says why in `absent`.
 */
import { derivedMetric } from '../../../src-preload/contract.ts'
import type { QuantityName } from '../../charts/quantity.ts'

export interface PanelLine {
  readonly metric: string
  readonly name: string
  /** The metric that says how many rollouts stand behind it. */
  readonly count?: string
}

export interface Panel {
  readonly id: string
  readonly title: string
  readonly sentence: string
  readonly quantity: QuantityName
  readonly label: string
  readonly domain?: readonly [number | undefined, number | undefined]
  /** Least that the axis spans: less of a change is noise of one step. */
  readonly least?: number
  /** The first is the run's own; the others stand beside it where they are reported. */
  readonly lines: readonly PanelLine[]
  /** The other lines add up to the first; those that are nothing, or all of it, are left out. */
  readonly parts?: boolean
  /** Lowest and highest around the first line. */
  readonly band?: readonly [low: string, high: string]
  /** The same quantity on held-out problems: a metric of evaluations, one dot each. */
  readonly heldOut?: string
  readonly zero?: boolean
  /** Where its values are from, when they were not recorded by a run of this program. */
  readonly from?: string
  readonly absent: string
}

export interface PanelGroup {
  readonly title: string
  readonly panels: readonly Panel[]
}

const share = { quantity: 'fraction', domain: [0, 1] } as const

/** @param budget thinking tokens the run is trained to */
export const overview = (budget: number): readonly PanelGroup[] => [
  {
    title: 'Reward and accuracy',
    panels: [
      {
        id: 'reward',
        title: 'Reward',
        sentence: 'Mean over the rollouts of a step, and its parts.',
        quantity: 'number',
        label: 'reward',
        least: 0.5,
        parts: true,
        lines: [
          { metric: 'reward', name: 'reward' },
          { metric: 'rewards/outcome/mean', name: 'outcome' },
          { metric: 'rewards/progress/mean', name: 'progress' },
          { metric: 'rewards/length_penalty/mean', name: 'length' },
          { metric: 'rewards/overlong/mean', name: 'overlong' },
        ],
        absent: 'This method pays no reward.',
      },
      {
        id: 'right',
        title: 'Pass rate',
        sentence: 'Share of the rollouts of a step; squares: held-out problems.',
        quantity: 'fraction',
        label: 'pass rate',
        domain: [undefined, 1],
        least: 0.4,
        lines: [{ metric: 'rewards/outcome/mean', name: 'in training' }],
        heldOut: 'accuracy',
        absent: 'Nothing was graded yet.',
      },
      {
        id: 'groups',
        title: 'Where there is something to learn',
        sentence: 'Groups whose rollouts differ; all right or all wrong teach nothing.',
        ...share,
        label: 'share of groups',
        lines: [
          { metric: 'by_group/frac_mixed', name: 'mixed' },
          { metric: 'by_group/frac_all_good', name: 'all right' },
          { metric: 'by_group/frac_all_bad', name: 'all wrong' },
        ],
        absent: 'This method samples no groups.',
      },
    ],
  },
  {
    title: 'Length',
    panels: [
      {
        id: 'length',
        title: 'Length of completions',
        sentence: 'Mean of a step; band: shortest to longest.',
        quantity: 'tokens',
        label: 'tokens',
        domain: [0, undefined],
        lines: [{ metric: 'completions/mean_length', name: 'mean' }],
        band: ['completions/min_length', 'completions/max_length'],
        absent: 'Nothing was sampled yet.',
      },
      {
        id: 'ends',
        title: 'How answers end',
        sentence: 'Thinking ended at the budget; cut off at the limit; without a readable answer.',
        quantity: 'fraction',
        label: 'share of answers',
        domain: [0, undefined],
        least: 0.1,
        lines: [
          { metric: 'completions/forced_stop_ratio', name: 'forced stop' },
          { metric: 'completions/clipped_ratio', name: 'truncated' },
          { metric: 'completions/unparsable_ratio', name: 'unreadable' },
        ],
        absent: 'Nothing was sampled yet.',
      },
      {
        id: 'episodes',
        title: 'Episodes',
        sentence: 'Attempts within the thinking of one rollout, mean.',
        quantity: 'number',
        label: 'episodes',
        least: 2,
        lines: [{ metric: 'mrt/episodes_mean', name: 'episodes' }],
        absent: 'Nothing was cut into episodes.',
      },
    ],
  },
  {
    title: 'Progress and regret',
    panels: [
      {
        id: 'regret',
        title: `Regret at ${budget} tokens`,
        sentence: 'Against an answer that is right from token 0; squares: held-out problems.',
        quantity: 'fraction',
        label: 'normalized regret',
        least: 0.2,
        lines: [{ metric: `ttc/regret@${budget}`, name: 'in training' }],
        heldOut: `ttc/regret@${budget}`,
        absent: 'J was not measured in this run.',
      },
      {
        id: 'chance',
        title: 'Before and after thinking',
        sentence: 'Chance of a right answer if it were given at once, and after the last episode.',
        ...share,
        label: 'J',
        lines: [
          { metric: 'mrt/j_end_mean', name: 'after' },
          { metric: 'mrt/j_start_mean', name: 'before' },
        ],
        absent: 'J was not measured in this run.',
      },
      {
        id: 'progress',
        title: 'Progress per episode',
        sentence: 'What one more attempt adds to that chance, and the bonus paid for it.',
        quantity: 'change',
        label: 'change of J',
        zero: true,
        least: 0.1,
        lines: [
          { metric: 'mrt/progress_mean', name: 'progress' },
          { metric: 'mrt/bonus_mean', name: 'bonus' },
        ],
        absent: 'J was not measured in this run.',
      },
    ],
  },
  {
    title: 'Stability and speed',
    panels: [
      {
        id: 'entropy',
        title: 'Entropy',
        sentence: 'Of the next token, over tokens with loss; beside it KL to the start, where it was measured.',
        quantity: 'nats',
        label: 'nats',
        domain: [0, undefined],
        least: 0.1,
        lines: [
          { metric: 'entropy', name: 'entropy' },
          { metric: 'kl', name: 'KL' },
        ],
        absent: 'No update was made yet.',
      },
      {
        id: 'gradient',
        title: 'Gradient norm',
        sentence: 'Global, before clipping.',
        quantity: 'number',
        label: 'norm',
        domain: [0, undefined],
        lines: [{ metric: 'grad_norm', name: 'norm' }],
        absent: 'No update was made yet.',
      },
      {
        id: 'time',
        title: 'Time of a step',
        sentence: 'Sampling, measuring J, training.',
        quantity: 'time',
        label: 'time',
        domain: [0, undefined],
        lines: [
          { metric: 'step_time', name: 'step' },
          { metric: 'time/sample', name: 'sample' },
          { metric: 'time/train', name: 'train' },
          { metric: 'time/mu', name: 'J' },
        ],
        absent: 'No step was taken yet.',
      },
    ],
  },
]

/** What the workers of a cluster did: of a run over Ray, below the others. */
export const workersGroup: PanelGroup = {
  title: 'Workers over Ray',
  panels: [
    {
      id: 'workers',
      title: 'Workers',
      sentence: 'There at the end of a step, lost in it, and shares begun again elsewhere.',
      quantity: 'count',
      label: 'count',
      domain: [0, undefined],
      lines: [
        { metric: 'ray/workers', name: 'workers' },
        { metric: 'ray/lost_workers', name: 'lost' },
        { metric: 'ray/redone', name: 'begun again' },
      ],
      absent: 'No step was taken yet.',
    },
    {
      id: 'throughput',
      title: 'Throughput',
      sentence: 'Tokens drawn and forwarded for J a second.',
      quantity: 'number',
      label: 'tokens/s',
      domain: [0, undefined],
      lines: [{ metric: 'ray/tokens_per_second', name: 'tokens/s' }],
      absent: 'No step was taken yet.',
    },
    {
      id: 'busy',
      title: 'Busy share of workers',
      sentence: 'The rest is waiting: for a straggler, for weights, for a place to be filled.',
      ...share,
      label: 'share',
      lines: [{ metric: 'ray/busy', name: 'busy' }],
      absent: 'No step was taken yet.',
    },
  ],
}

/** As many metrics as are asked for at once. */
const MOST_METRICS = 64

/** Every metric that the charts ask for. */
export const metricsOf = (groups: readonly PanelGroup[]): readonly string[] =>
  [
    ...new Set(
      groups.flatMap(({ panels }) =>
        panels.flatMap(({ lines, band = [] }) => [
          ...lines.flatMap(({ metric, count }) => (count === undefined ? [metric] : [metric, count])),
          ...band,
        ]),
      ),
    ),
  ].slice(0, MOST_METRICS)

const COMPUTED = 'computed here from the rollouts of its files'
const STATED = 'logged by its trainer'
/** Logged metrics that are drawn; the first are those that most trainers log. */
const MOST_STATED = 20
const wanted = /(loss|reward|score|entropy|kl|length|acc|grad|learning_rate|(^|\/)lr$)/i

/** `eval` of `eval/reward`; '' for training. */
const splitOf = (name: string, metric: string): string => name.slice(0, Math.max(0, name.length - metric.length - 1))

/**
 * The overview of a run that was trained elsewhere, from the metrics it has: what its rollouts say, each with the number of rollouts behind it, and
 * what its trainer logged. Empty where it has neither.
 * @param names every metric of the run
 */
export function importedOverview(names: readonly string[]): readonly PanelGroup[] {
  const linesOf = (metric: string, count: string, title: string): PanelLine[] =>
    names
      .filter((name) => derivedMetric(name) && (name === metric || name.endsWith(`/${metric}`)) && !/(^|\/)n\/reward$/.test(name))
      .map((name) => {
        const split = splitOf(name, metric)
        return { metric: name, name: split === '' ? title : split, count: split === '' ? count : `${split}/${count}` }
      })
      .sort((a, b) => Number(a.metric !== metric) - Number(b.metric !== metric))
  const logged = (metric: string): PanelLine[] =>
    names.includes(`stated/${metric}`) ? [{ metric: `stated/${metric}`, name: 'as logged' }] : []
  const parts = names.filter((name) => /^rewards\/[^/]+\/mean$/.test(name) && name !== 'rewards/outcome/mean')
  const inTokens = names.some((name) => name.endsWith('completions/mean_length') && derivedMetric(name))
  const rollouts: readonly (Panel & { readonly optional?: boolean })[] = [
    {
      id: 'reward',
      title: 'Reward',
      sentence: 'Mean over the rollouts of a step.',
      quantity: 'number',
      label: 'reward',
      least: 0.1,
      lines: [...linesOf('reward', 'n/reward', 'reward'), ...logged('reward')],
      from: COMPUTED,
      absent: 'Its rows state no reward.',
    },
    {
      id: 'right',
      title: 'Pass rate',
      sentence: 'Share of the graded rollouts of a step.',
      quantity: 'fraction',
      label: 'pass rate',
      domain: [undefined, 1],
      least: 0.1,
      lines: linesOf('rewards/outcome/mean', 'n/graded', 'right'),
      from: COMPUTED,
      absent: 'No row says whether its answer is right. Name a grader when you import, where rows carry a reference answer.',
    },
    inTokens
      ? {
          id: 'length',
          title: 'Length of completions',
          sentence: 'Mean of a step; band: shortest to longest.',
          quantity: 'tokens',
          label: 'tokens',
          domain: [0, undefined],
          lines: [...linesOf('completions/mean_length', 'n/length', 'mean'), ...logged('completions/mean_length')],
          ...(names.includes('completions/min_length') && { band: ['completions/min_length', 'completions/max_length'] as const }),
          from: COMPUTED,
          absent: '',
        }
      : {
          id: 'characters',
          title: 'Length of completions',
          sentence: 'Mean of a step, in characters: its rows state no tokens.',
          quantity: 'number',
          label: 'characters',
          domain: [0, undefined],
          lines: linesOf('completions/mean_characters', 'n/rollouts', 'mean'),
          from: COMPUTED,
          absent: 'There are no completions.',
        },
    {
      id: 'n',
      title: 'Rollouts of a step',
      sentence: 'How many its files hold.',
      quantity: 'number',
      label: 'rollouts',
      domain: [0, undefined],
      lines: linesOf('n/rollouts', 'n/rollouts', 'rollouts'),
      from: COMPUTED,
      absent: '',
    },
    {
      id: 'parts',
      title: 'Parts of the reward',
      sentence: 'Mean of each over the rollouts of a step.',
      quantity: 'number',
      label: 'reward',
      least: 0.1,
      lines: parts.slice(0, 5).map((metric) => ({ metric, name: metric.split('/')[1], count: 'n/rollouts' })),
      from: COMPUTED,
      absent: '',
      optional: true,
    },
    {
      id: 'ends',
      title: 'Cut off',
      sentence: 'Share of the rollouts that ended at the limit, of those whose rows say how they ended.',
      quantity: 'fraction',
      label: 'share',
      domain: [0, undefined],
      least: 0.1,
      lines: linesOf('completions/clipped_ratio', 'n/rollouts', 'cut off'),
      from: COMPUTED,
      absent: '',
      optional: true,
    },
  ]
  const stated = names
    .filter((name) => !derivedMetric(name) && !name.startsWith('stated/'))
    .sort((a, b) => Number(!wanted.test(a)) - Number(!wanted.test(b)) || a.localeCompare(b))
  return [
    ...(names.some(derivedMetric)
      ? [
          {
            title: 'What the rollouts of its files say',
            panels: rollouts
              .filter(({ lines, optional }) => lines.length > 0 || !optional)
              .map(({ optional: _optional, ...panel }): Panel => panel),
          },
        ]
      : []),
    ...(stated.length > 0
      ? [
          {
            title:
              stated.length > MOST_STATED
                ? `What its trainer logged, ${MOST_STATED} of ${stated.length}; Compare draws any`
                : 'What its trainer logged',
            panels: stated
              .slice(0, MOST_STATED)
              .map((metric): Panel => ({
                id: metric.replace(/[^\w]+/g, '-'),
                title: metric,
                sentence: 'As the trainer logged it.',
                quantity: 'number',
                label: metric.split('/').at(-1)!,
                lines: [{ metric, name: metric }],
                from: STATED,
                absent: '',
              })),
          },
        ]
      : []),
  ]
}
