// The report of a study as a page of text, written by rules from its record: every figure and every sentence follows from recorded numbers,
// and nothing is added by hand. The first paragraph gives the answer. What of the grid is missing is listed.
import {
  cellsOf,
  columnOf,
  combine,
  figureOf,
  resamplesOf,
  tokensFor,
  type Quantity,
  type Resamples,
  type Sampled,
  type StudyFigure,
} from './figures.ts'
import type { RecordedCell, StudyRecord, Values } from './record.ts'
import { SHARES } from './record.ts'
import type { StudySplit } from './grid.ts'

/** Claims are read against these: the paper reports two to three times the gain and 1.5 times the token efficiency. */
const PAPER = { gain: 2, efficiency: 1.5 } as const
/** Token efficiency is read at this share of the accuracy that both methods reach. */
const LEVEL_SHARE = 0.95
/** Below this many seeds the noise of training is hardly covered. */
const FEW_SEEDS = 5
/** Length penalty that the first paragraph compares the subject with. */
const RIVAL = 'length-0.5'
/** A gain of the baseline below this is noise, and a ratio to it means nothing. */
const LEAST_GAIN = 0.005
const SPLIT_TITLES: Readonly<Record<StudySplit, string>> = { heldout: 'held-out problems', 'heldout-targets': 'held-out targets' }

export type Verdict = 'ahead' | 'behind' | 'undecided'

export interface Claim {
  readonly verdict: Verdict
  readonly figure: StudyFigure
}

export interface Answer {
  readonly problems: number
  readonly clusters: number
  readonly seeds: number
  /** Accuracy of the subject minus that of the baseline, at equal steps and at equal total cost (null where nothing was measured there). */
  readonly gain: Claim
  readonly gainAtCost: Claim | null
  /** How many times the baseline's gain over the start; null where the baseline did not gain. */
  readonly multiple: number | null
  readonly level: number
  /** Thinking that the baseline needs for the level, divided by the subject's; null where one does not reach it. */
  readonly efficiency: Claim | null
  readonly regret: Claim
  /** Difference in accuracy when thinking is kept going, at twice and three times the training budget where they were measured. */
  readonly extrapolation: readonly (Claim & { readonly budget: number })[]
  /** Subject minus the length penalty of .5; null where that was not run. */
  readonly rival: Claim | null
}

const verdictOf = ({ low, high }: StudyFigure, neutral = 0, more: 'better' | 'worse' = 'better'): Verdict =>
  low > neutral ? (more === 'better' ? 'ahead' : 'behind') : high < neutral ? (more === 'better' ? 'behind' : 'ahead') : 'undecided'

interface Reader {
  readonly record: StudyRecord
  readonly split: StudySplit
  readonly resamples: Resamples
  readonly start: Values | null
  cells(arm: string): RecordedCell[]
  mean(cells: readonly RecordedCell[], quantity: Quantity, pick?: (cell: RecordedCell) => Values): Sampled
  ofStart(quantity: Quantity): Sampled | null
}

function readerOf(record: StudyRecord, split: StudySplit): Reader | null {
  const clusters = record.clusters[split]
  if (clusters === undefined) return null
  const resamples = resamplesOf(clusters)
  const start = record.start.evaluations[split] ?? null
  const known = new Map<string, Sampled>()
  return {
    record,
    split,
    resamples,
    start,
    cells: (arm) => cellsOf(record, arm).filter(({ evaluations }) => evaluations[split] !== undefined),
    mean(cells, quantity, pick) {
      const { column, unit } = columnOf(record, quantity)
      if (pick !== undefined)
        return resamples.sampled(
          cells.map((cell) => column(pick(cell))),
          unit,
        )
      const key = `${cells.map(({ arm, seed }) => `${arm} ${seed}`).join()} ${JSON.stringify(quantity)}`
      if (!known.has(key))
        known.set(
          key,
          resamples.sampled(
            cells.map(({ evaluations }) => column(evaluations[split]!)),
            unit,
          ),
        )
      return known.get(key)!
    },
    ofStart(quantity) {
      const { column, unit } = columnOf(record, quantity)
      return start === null ? null : resamples.sampled([column(start)], unit)
    },
  }
}

/** Cells of two arms with the same seeds, in order. */
function paired(a: readonly RecordedCell[], b: readonly RecordedCell[]): [RecordedCell[], RecordedCell[]] {
  const seeds = new Set(a.map(({ seed }) => seed).filter((seed) => b.some((cell) => cell.seed === seed)))
  return [a.filter(({ seed }) => seeds.has(seed)), b.filter(({ seed }) => seeds.has(seed))]
}

const minus = (a: Sampled, b: Sampled): Sampled => combine([a, b], ([x, y]) => x! - y!)

/** What the record says of the paper's claims on one set of problems; null without a finished pair of subject and baseline. */
export function answerOf(record: StudyRecord, split: StudySplit = 'heldout'): Answer | null {
  const reader = readerOf(record, split)
  if (reader === null) return null
  const [own, base] = paired(reader.cells(record.subject), reader.cells(record.baseline))
  if (own.length === 0) return null
  const difference = (quantity: Quantity): StudyFigure => figureOf(minus(reader.mean(own, quantity), reader.mean(base, quantity)))
  const gain = difference('accuracy')
  const regret = difference('regret')
  const start = reader.ofStart('accuracy')
  const [accuracy, baseAccuracy] = [reader.mean(own, 'accuracy').value, reader.mean(base, 'accuracy').value]
  const level = levelOf(reader, [own, base])
  const efficiency = efficiencyOf(reader, own, base, level)
  const rivals = paired(reader.cells(record.subject), reader.cells(RIVAL))
  const rival =
    record.subject === RIVAL || rivals[0].length === 0
      ? null
      : figureOf(minus(reader.mean(rivals[0], 'accuracy'), reader.mean(rivals[1], 'accuracy')))
  const cost = split === 'heldout' ? atCost(reader, record.subject) : null
  return {
    problems: reader.resamples.problems,
    clusters: reader.resamples.clusters,
    seeds: own.length,
    gain: { figure: gain, verdict: verdictOf(gain) },
    gainAtCost: cost === null ? null : { figure: cost.difference, verdict: verdictOf(cost.difference) },
    multiple: start === null || baseAccuracy - start.value < LEAST_GAIN ? null : (accuracy - start.value) / (baseAccuracy - start.value),
    level,
    efficiency: efficiency === null ? null : { figure: efficiency, verdict: verdictOf(efficiency, 1) },
    regret: { figure: regret, verdict: verdictOf(regret, 0, 'worse') },
    extrapolation: [2, 3]
      .map((times) => times * record.trainedBudget)
      .filter((budget) => record.budgets.includes(budget))
      .map((budget) => {
        const figure = difference({ kept: budget })
        return { budget, figure, verdict: verdictOf(figure) }
      }),
    rival: rival === null ? null : { figure: rival, verdict: verdictOf(rival) },
  }
}

/** A level of accuracy that each of these arms reaches within the training budget. */
function levelOf({ mean, record: { budgets, trainedBudget } }: Reader, arms: readonly (readonly RecordedCell[])[]): number {
  const within = budgets.filter((budget) => budget <= trainedBudget)
  return LEVEL_SHARE * Math.min(...arms.map((cells) => Math.max(...within.map((budget) => mean(cells, { natural: budget }).value))))
}

function efficiencyOf(
  { mean, record: { budgets, trainedBudget } }: Reader,
  own: readonly RecordedCell[],
  base: readonly RecordedCell[],
  level: number,
): StudyFigure | null {
  const within = budgets.filter((budget) => budget <= trainedBudget)
  const tokens = tokensFor(within, level)
  const ratio = combine(
    [
      ...(own.length === 0 ? [] : within.map((budget) => mean(own, { natural: budget }))),
      ...within.map((budget) => mean(base, { natural: budget })),
    ],
    (values) => tokens(values.slice(within.length)) / tokens(values.slice(0, within.length)),
  )
  return Number.isFinite(ratio.value) ? figureOf(ratio) : null
}

/** An arm beside the baseline when neither has cost more than the baseline's whole run of the same seed. */
function atCost({ record, mean, cells }: Reader, arm: string) {
  const own = cells(arm).filter(({ equalCost }) => equalCost !== null)
  const [mine, base] = paired(own, cells(record.baseline))
  if (mine.length === 0) return null
  const accuracy = mean(mine, 'accuracy', ({ equalCost }) => equalCost!.values)
  const flops = (list: readonly RecordedCell[], of: (cell: RecordedCell) => number): number => list.reduce((sum, cell) => sum + of(cell), 0)
  return {
    accuracy: figureOf(accuracy),
    regret: figureOf(mean(mine, 'regret', ({ equalCost }) => equalCost!.values)),
    difference: figureOf(minus(accuracy, mean(base, 'accuracy'))),
    seeds: mine.length,
    steps: flops(mine, ({ equalCost }) => equalCost!.step) / mine.length,
    spent: flops(mine, ({ equalCost }) => equalCost!.flops) / flops(base, ({ cost }) => cost.flops),
  }
}

// ------------------------------------------------------------------------------------------------------------------- words

const percent = (value: number, digits = 1): string => (value * 100).toFixed(digits).replace('-', '−')
const signed = (value: number, digits = 1): string => `${value >= 0 ? '+' : ''}${percent(value, digits)}`
const points = ({ value, low, high }: StudyFigure): string => `${signed(value)} points (${signed(low)} to ${signed(high)})`
const decimals = ({ value, low, high }: StudyFigure, digits: number): string =>
  `${number(value, digits)} (${number(low, digits)} to ${number(high, digits)})`
const number = (value: number, digits: number): string => value.toFixed(digits).replace('-', '−')
/** A mean with its interval, which does not reach below 0 or beyond what the quantity can be. */
const spread = ({ value, low, high }: StudyFigure, digits: number, scale = 1, most = Infinity): string => {
  const [from, to] = [Math.max(0, low), Math.min(most, high)]
  return `${number(value * scale, digits)} (${number(from * scale, digits)}–${number(to * scale, digits)})`
}
const pText = (p: number): string => (p < 0.001 ? 'p < 0.001' : `p = ${p.toFixed(3)}`)
const plural = (count: number, one: string): string => `${count} ${one}${count === 1 ? '' : 's'}`
const table = (header: readonly string[], rows: readonly (readonly string[])[]): string =>
  [`| ${header.join(' | ')} |`, `|${header.map(() => '---').join('|')}|`, ...rows.map((row) => `| ${row.join(' | ')} |`)].join('\n')

/** Two sentences for each claim at most, the answer first. */
function answerText(record: StudyRecord, answer: Answer): string {
  const title = (key: string): string => record.arms.find((arm) => arm.key === key)?.title ?? key
  const [subject, baseline] = [title(record.subject), title(record.baseline)]
  const { gain, gainAtCost, multiple, efficiency, regret, extrapolation, rival, level } = answer
  const gained =
    gain.verdict === 'ahead'
      ? `${subject} gains more than ${baseline}`
      : gain.verdict === 'behind'
        ? `${subject} gains less than ${baseline}`
        : `Whether ${subject} gains more than ${baseline} is not decided`
  const sentences = [
    `**${gained}: ${points(gain.figure)} of accuracy at ${record.trainedBudget} tokens at equal steps, ${pText(gain.figure.p)}${multiple === null ? '' : `, ${number(multiple, 2)} times its gain over the start (the paper reports ${PAPER.gain} to 3)`};` +
      ` at equal total cost, estimates of J included, ${gainAtCost === null ? 'nothing was measured' : `${points(gainAtCost.figure)}, ${{ ahead: 'still ahead', behind: 'behind', undecided: 'not decided' }[gainAtCost.verdict]}`}.**`,
    `**Token efficiency: ${efficiency === null ? `no level of accuracy could be read for both` : `${{ ahead: 'better', behind: 'worse', undecided: 'not decided' }[efficiency.verdict]}; for ${percent(level, 0)} % ${baseline} needs ${decimals(efficiency.figure, 2)} times the thinking (the paper reports ${PAPER.efficiency})`};` +
      ` the regret is ${{ ahead: 'lower', behind: 'higher', undecided: 'not told apart' }[regret.verdict]}, ${decimals(regret.figure, 3)}.**`,
    extrapolation.length === 0
      ? '**Extrapolation was not measured.**'
      : `**Extrapolation, with thinking kept going: ${extrapolation.map(({ budget, figure, verdict }) => `${{ ahead: 'better', behind: 'worse', undecided: 'not told apart' }[verdict]} at ${budget} tokens, ${points(figure)}`).join('; ')}.**`,
    ...(rival === null
      ? []
      : [
          `**${rival.verdict === 'undecided' ? `${title(RIVAL)} matches ${subject} on accuracy: the difference, ${points(rival.figure)}, is not told apart from 0` : rival.verdict === 'ahead' ? `${subject} is ahead of ${title(RIVAL)} on accuracy by ${points(rival.figure)}` : `${title(RIVAL)} is ahead of ${subject} on accuracy: ${points(rival.figure)}`}.**`.replace(
            /^\*\*(.)/,
            (_, first: string) => `**${first.toUpperCase()}`,
          ),
        ]),
    `(${plural(answer.problems, 'problem')} in ${plural(answer.clusters, 'cluster')}, ${plural(answer.seeds, 'seed')}; 95 % intervals${answer.seeds < FEW_SEEDS ? `; with fewer than ${FEW_SEEDS} seeds the noise of training is hardly covered` : ''}.)`,
  ]
  return sentences.join('\n')
}

function equalSteps(reader: Reader): string {
  const { record, mean, ofStart } = reader
  const present = record.arms.filter(({ key }) => reader.cells(key).length > 0)
  const level = levelOf(
    reader,
    present.map(({ key }) => reader.cells(key)),
  )
  const within = record.budgets.filter((budget) => budget <= record.trainedBudget)
  const base = reader.cells(record.baseline)
  const row = (title: string, seeds: string, of: (quantity: Quantity) => Sampled, rest: readonly string[]): string[] => {
    const tokens = tokensFor(within, level)(within.map((budget) => of({ natural: budget }).value))
    return [
      title,
      seeds,
      `${spread(figureOf(of('accuracy')), 1, 100, 1)} %`,
      spread(figureOf(of('tokens')), 1),
      spread(figureOf(of('regret')), 3, 1, 1),
      Number.isFinite(tokens) ? number(tokens, 0) : 'not reached',
      ...rest,
    ]
  }
  return table(
    [
      'arm',
      'seeds',
      `accuracy @${record.trainedBudget}`,
      'tokens of an answer',
      `regret @${record.trainedBudget}`,
      `thinking for ${percent(level, 0)} %`,
      `accuracy against ${record.baseline}`,
    ],
    [
      ...(reader.start === null ? [] : [row('start', '', (quantity) => ofStart(quantity)!, [''])]),
      ...present.map(({ key, title, role }) => {
        const [own, other] = paired(reader.cells(key), base)
        const against = key === record.baseline || own.length === 0 ? null : figureOf(minus(mean(own, 'accuracy'), mean(other, 'accuracy')))
        return row(
          role === 'control' ? `${title} (control)` : title,
          String(reader.cells(key).length),
          (quantity) => mean(reader.cells(key), quantity),
          [against === null ? '' : `${points(against)}, ${pText(against.p)}`],
        )
      }),
    ],
  )
}

function equalCost(reader: Reader): string | null {
  const { record } = reader
  const rows = record.arms
    .filter(({ key }) => key !== record.baseline)
    .flatMap(({ key, title }) => {
      const read = atCost(reader, key)
      return read === null
        ? []
        : [
            [
              title,
              String(read.seeds),
              number(read.steps, 1),
              `${percent(read.spent, 0)} %`,
              `${spread(read.accuracy, 1, 100, 1)} %`,
              spread(read.regret, 3, 1, 1),
              `${points(read.difference)}, ${pText(read.difference.p)}`,
            ],
          ]
    })
  return rows.length === 0
    ? null
    : table(
        [
          'arm',
          'seeds',
          'steps',
          `cost of ${record.baseline}`,
          `accuracy @${record.trainedBudget}`,
          `regret @${record.trainedBudget}`,
          `accuracy against ${record.baseline}`,
        ],
        rows,
      )
}

function curves(reader: Reader, kind: 'natural' | 'kept'): string {
  const { record, mean, ofStart } = reader
  const row = (title: string, of: (quantity: Quantity) => Sampled): string[] => [
    title,
    ...record.budgets.map((budget) => number(of(kind === 'natural' ? { natural: budget } : { kept: budget }).value, 3)),
  ]
  return table(
    ['budget', ...record.budgets.map(String)],
    [
      ...(reader.start === null ? [] : [row('start', (quantity) => ofStart(quantity)!)]),
      ...record.arms
        .filter(({ key }) => reader.cells(key).length > 0)
        .map(({ key, title }) => row(title, (quantity) => mean(reader.cells(key), quantity))),
    ],
  )
}

/** Slope of validation regret over the last quarter, per 10 steps; null where fewer than two checkpoints were measured. */
export function plateauOf(record: StudyRecord, arm: string): StudyFigure | null {
  const { validation } = record.clusters
  const cells = cellsOf(record, arm).filter((cell) => cell.validation.length > 1)
  if (validation === undefined || cells.length === 0) return null
  const slopes = cells.map(({ validation: taken }) => {
    const middle = taken.reduce((sum, { step }) => sum + step, 0) / taken.length
    const square = taken.reduce((sum, { step }) => sum + (step - middle) ** 2, 0)
    return taken[0]!.regret.map(
      (_, problem) => taken.reduce((sum, { step, regret }) => sum + ((step - middle) / square) * regret[problem]!, 0) * 10,
    )
  })
  return figureOf(resamplesOf(validation).sampled(slopes, SHARES))
}

/** By the slope of validation regret over the last quarter of the steps: levelled off where noise alone may have made it. */
export type Plateau = 'levelled' | 'falling' | 'rising' | 'unmeasured'
export function levellingOf(record: StudyRecord, arm: string): { readonly verdict: Plateau; readonly slope: StudyFigure | null } {
  const slope = plateauOf(record, arm)
  if (slope === null || Number.isNaN(slope.low)) return { verdict: 'unmeasured', slope: null }
  return { verdict: ({ ahead: 'rising', behind: 'falling', undecided: 'levelled' } as const)[verdictOf(slope)], slope }
}

function plateauText(record: StudyRecord): string {
  const arms = record.arms
    .filter(({ key }) => cellsOf(record, key).length > 0)
    .map(({ key, title }) => ({ title, ...levellingOf(record, key) }))
  const measured = arms.filter(({ slope }) => slope !== null)
  if (measured.length === 0) return 'Whether the runs had levelled off was not measured.'
  const of = (verdict: Plateau): string =>
    arms
      .filter((arm) => arm.verdict === verdict)
      .map(({ title }) => title)
      .join(', ')
  const said = [
    ['levelled', 'had levelled off'],
    ['falling', 'had not: still falling'],
    ['rising', 'had not: getting worse'],
    ['unmeasured', 'not measured'],
  ] as const
  const words = ({ verdict, slope }: (typeof arms)[number]): string =>
    verdict === 'unmeasured'
      ? 'not measured'
      : verdict === 'levelled'
        ? `yes: within noise, which would hide a fall of up to ${number(-slope!.low, 3)}`
        : verdict === 'falling'
          ? 'no: still falling'
          : 'no: getting worse'
  return [
    `An arm had levelled off where the slope of its regret @${record.trainedBudget} on ${plural(record.clusters.validation!.length, 'validation problem')}, over the last quarter of its steps, is not told apart from 0. By that rule: ${said
      .filter(([verdict]) => of(verdict) !== '')
      .map(([verdict, text]) => `${of(verdict)} ${text}`)
      .join('; ')}.`,
    table(
      ['arm', 'slope of regret per 10 steps', 'levelled off?'],
      arms.map((arm) => [arm.title, arm.slope === null ? '' : decimals(arm.slope, 4), words(arm)]),
    ),
  ].join('\n\n')
}

function missingText(record: StudyRecord): string[] {
  const asked = new Set(record.cells.map(({ arm }) => arm))
  const unfinished = record.cells.filter(({ status }) => status !== 'finished')
  const absent = record.arms.filter(({ key }) => !asked.has(key))
  const counts = Map.groupBy(cellsFinished(record), ({ arm }) => arm)
  const most = Math.max(0, ...[...counts.values()].map(({ length }) => length))
  return [
    ...(absent.length > 0 ? [`Not run: ${absent.map(({ title }) => title).join('; ')}.`] : []),
    ...(unfinished.length > 0
      ? [
          `Not finished: ${unfinished.map(({ arm, seed, status, steps }) => `${arm} seed ${seed} (${status === 'failed' ? 'failed' : steps === 0 ? 'not begun' : `${steps} of ${record.conditions.steps} steps`})`).join(', ')}.`,
        ]
      : []),
    ...(most < FEW_SEEDS ? [`${plural(most, 'seed')} at most: below ${FEW_SEEDS} the noise of training is hardly covered.`] : []),
  ]
}
const cellsFinished = ({ cells }: StudyRecord): RecordedCell[] => cells.filter(({ status }) => status === 'finished')

function bySeed(reader: Reader): string {
  const { record, mean } = reader
  const seeds = [...new Set(cellsFinished(record).map(({ seed }) => seed))].sort((a, b) => a - b)
  return table(
    ['arm', ...seeds.map((seed) => `seed ${seed}`)],
    record.arms
      .filter(({ key }) => reader.cells(key).length > 0)
      .map(({ key, title }) => [
        title,
        ...seeds.map((seed) => {
          const cells = reader.cells(key).filter((cell) => cell.seed === seed)
          return cells.length === 0
            ? 'missing'
            : `${percent(mean(cells, 'accuracy').value)} % / ${number(mean(cells, 'tokens').value, 1)} / ${number(mean(cells, 'regret').value, 3)}`
        }),
      ]),
  )
}

const ratesText = (record: StudyRecord): string => {
  const rates = record.arms.flatMap(({ key, title }) => {
    const cells = cellsOf(record, key)
    return cells.length === 0 ? [] : [`${title} ${[...new Set(cells.map(({ learningRate }) => learningRate))].join(', ')}`]
  })
  const swept = record.conditions.learningRate === 'sweep'
  return `Learning rates${swept ? ', each the best of the same sweep on validation problems' : ' were fixed and not tuned'}: ${rates.join('; ')}.`
}

function hours(ms: number): string {
  const minutes = Math.round(ms / 60_000)
  return minutes < 60 ? plural(minutes, 'minute') : `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}

/** The command that makes this study again. */
export function commandOf({ study, conditions, cells }: StudyRecord): string {
  const arms = [...new Set(cells.map(({ arm }) => arm))]
  const seeds = Math.max(...cells.map(({ seed }) => seed))
  return `npm run mrt -- study ${study} --seeds ${seeds} --steps ${conditions.steps} --problems ${conditions.problems} --samples ${conditions.samples} --validation ${conditions.validation} --lr ${conditions.learningRate} --arms ${arms.join(',')}`
}

/** The whole page. */
export function renderReport(record: StudyRecord): string {
  const missing = missingText(record)
  const finished = cellsFinished(record)
  const environment = (record.environment ?? {}) as {
    readonly cpu?: string
    readonly cores?: number
    readonly program?: string
    readonly node?: string
  }
  const answer = answerOf(record)
  const sections = (['heldout', 'heldout-targets'] as const).flatMap((split) => {
    const reader = readerOf(record, split)
    if (reader === null || finished.length === 0) return []
    const other = split === 'heldout' ? null : answerOf(record, split)
    const cost = split === 'heldout' ? equalCost(reader) : null
    return [
      `## On ${SPLIT_TITLES[split]}, at equal steps`,
      `${split === 'heldout' ? 'Numbers that no run was trained on, asking the targets that training asks.' : 'Targets that neither imitation nor training ever asked.'} ${plural(reader.resamples.problems, 'problem')} in ${plural(reader.resamples.clusters, 'cluster')}, ${record.conditions.samples} rollouts of each that stop where they stop.`,
      ...(other === null ? [] : [answerText(record, other)]),
      equalSteps(reader),
      ...(cost === null
        ? []
        : [
            '## At equal total cost',
            `Each arm at the last checkpoint at which its training had cost no more than the whole run of ${record.baseline} with the same seed: operations of sampling, of estimating J and of updates. An arm that is cheaper than ${record.baseline} is read at its end.`,
            cost,
          ]),
      `### Accuracy by thinking budget on ${SPLIT_TITLES[split]}`,
      'Natural thinking, cut at the budget:',
      curves(reader, 'natural'),
      `Thinking kept going (${record.spec.kept} rollouts of each problem, read after the last whole attempt):`,
      curves(reader, 'kept'),
      ...(split === 'heldout'
        ? ['### Seed by seed', `Accuracy @${record.trainedBudget} / tokens of an answer / regret @${record.trainedBudget}:`, bySeed(reader)]
        : []),
    ]
  })
  return `${[
    '# Results',
    'This page is written by `mrt study` out of its own records; nothing on it is entered by hand, and tests render it again from the record that ships, and work its means and its intervals out again from the values of single problems by other code.',
    `## ${record.title}`,
    answer === null ? '**No answer yet: no seed of both compared arms is finished.**' : answerText(record, answer),
    missing.length === 0 ? 'The grid is complete.' : `**This is a part of the grid.** ${missing.join(' ')}`,
    `\`\`\`sh\n${commandOf(record)}\n\`\`\``,
    ...sections,
    '## Had they levelled off?',
    plateauText(record),
    '## How it was made',
    `${plural(finished.length, 'run')} of ${record.conditions.steps} steps, ${record.spec.promptsPerStep} problems by ${record.spec.groupSize} rollouts a step, thinking budget ${record.spec.budget.thinkingTokens} and answer budget ${record.spec.budget.answerTokens} tokens, temperature ${record.spec.sampling.temperature}, from the starter model of ${record.start.parameters} parameters (${record.start.sha256.slice(0, 12)}). ${ratesText(record)}`,
    'Intervals are 95 %: clusters of problems are resampled, then problems, then seeds, and interval and p are read from the same resamples with the t distribution of the fewest units. Differences are paired by problem and seed. An arm is called ahead, behind, better or worse only where its interval leaves out no difference.',
    `Commit ${[...new Set(finished.map(({ revision }) => revision ?? 'unknown'))].join(', ') || 'none'}; MRT Workbench ${environment.program ?? ''}, ${[...new Set(finished.map(({ engine }) => `ONNX Runtime ${engine}`))].join(', ')}, Node ${environment.node ?? ''}, on ${environment.cores ?? '?'} cores of ${environment.cpu ?? 'an unknown processor'}; ${hours(record.cells.reduce((sum, { wallMs }) => sum + wallMs, 0))} for all cells, evaluations included. Study ${record.uid}.`,
  ].join('\n\n')}\n`
}
