// The report of a study as a page of text, written by rules from its record: every figure and every sentence follows from recorded numbers,
// and nothing is added by hand. The first paragraph gives the answer. What of the grid is missing is listed.
import { countedTitles } from '../../../src-preload/contract.ts'
import { answerOf, atCost, fieldOf, levellingOf, levelOf, readerOf, RIVAL } from './answer.ts'
import type { Answer, Compared, Plateau, Reader } from './answer.ts'
import { cellsOf, figureOf, tokensFor, type Quantity, type Sampled } from './figures.ts'
import type { RecordedCell, StudyRecord } from './record.ts'
import type { StudySplit } from './grid.ts'
import { cellsFinished, commandsOf, missingText, ratesText, sharedText, startText } from './making.ts'
import { count, decimals, FEW_SEEDS, hours, number, percent, plural, points, pText, spread, table } from './wording.ts'
import { studyPresets } from './presets.ts'

/** Claims are read against these: the paper reports two to three times the gain and 1.5 times the token efficiency. */
const PAPER = { gain: 2, efficiency: 1.5 } as const
/** An arm is told apart from the baseline below this p, all comparisons made at once. */
const LEVEL_OF_TEST = 0.05
/** What the problems of a set are to those that were trained on. */
const ASKED: Readonly<Record<StudySplit, (record: StudyRecord) => string>> = {
  heldout: ({ clusters }) =>
    clusters['heldout-targets'] === undefined
      ? 'Problems that no run was trained on.'
      : 'Numbers that no run was trained on, asking the targets that training asks.',
  'heldout-targets': () => 'Targets that neither imitation nor training ever asked.',
}
const SPLIT_TITLES: Readonly<Record<StudySplit, string>> = { heldout: 'held-out problems', 'heldout-targets': 'held-out targets' }

/** Two sentences for each claim at most, the answer first. */
function answerText(record: StudyRecord, answer: Answer): string {
  const title = (key: string): string => record.arms.find((arm) => arm.key === key)?.title ?? key
  const [subject, baseline] = [title(record.subject), title(record.baseline)]
  const { gain, gainAtCost, multiple, efficiency, regret, extrapolation, rival, level, field } = answer
  const asPaper = isPapersQuestion(record)
  const gained =
    gain.verdict === 'ahead'
      ? `${subject} gains more than ${baseline}`
      : gain.verdict === 'behind'
        ? `${subject} gains less than ${baseline}`
        : `Whether ${subject} gains more than ${baseline} is not decided`
  const sentences = [
    `**${gained}: ${points(gain.figure)} of accuracy at ${record.trainedBudget} tokens at equal steps, ${pText(gain.figure.p)}${multiple === null ? '' : `, ${number(multiple, 2)} times its gain over the start${asPaper ? ` (the paper reports ${PAPER.gain} to 3)` : ''}`};` +
      ` at equal total cost, estimates of J included, ${gainAtCost === null ? 'nothing was measured' : `${points(gainAtCost.figure)}, ${{ ahead: 'still ahead', behind: 'behind', undecided: 'not decided' }[gainAtCost.verdict]}`}.**`,
    `**Token efficiency: ${efficiency === null ? `no level of accuracy could be read for both` : `${{ ahead: 'better', behind: 'worse', undecided: 'not decided' }[efficiency.verdict]}; for ${percent(level, 0)} % ${baseline} needs ${decimals(efficiency.figure, 2)} times the thinking${asPaper ? ` (the paper reports ${PAPER.efficiency})` : ''}`};` +
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
    ...(field.length < 2 ? [] : [`**${fieldText(record, field)}**`]),
    `(${plural(answer.problems, 'problem')} in ${plural(answer.clusters, 'cluster')}, ${plural(answer.seeds, 'seed')}; 95 % intervals${answer.seeds < FEW_SEEDS ? `; with fewer than ${FEW_SEEDS} seeds the noise of training is hardly covered` : ''}.)`,
  ]
  return sentences.join('\n')
}

/** Whether the two arms that are compared first are those of the paper: MRT and GRPO without a price on length. */
function isPapersQuestion({ arms, subject, baseline }: StudyRecord): boolean {
  const algorithm = (key: string): string => arms.find((arm) => arm.key === key)?.algorithm ?? ''
  return ['grpo', 'dr-grpo'].includes(algorithm(baseline)) && algorithm(subject).startsWith('mrt-')
}

/** How all arms stand against the baseline when they are compared at once, and how far they reach. */
function fieldText({ arms, baseline }: StudyRecord, field: readonly Compared[]): string {
  const title = (key: string): string => arms.find((arm) => arm.key === key)?.title ?? key
  const apart = field.filter(({ together }) => together < LEVEL_OF_TEST)
  const named = (list: readonly Compared[], word: string): string[] =>
    list.length === 0 ? [] : [`${list.map(({ arm }) => title(arm)).join(' and ')} ${list.length === 1 ? 'is' : 'are'} ${word}`]
  const told = [
    ...named(
      apart.filter(({ figure }) => figure.value > 0),
      'ahead',
    ),
    ...named(
      apart.filter(({ figure }) => figure.value < 0),
      'behind',
    ),
  ]
  const ordered = field.toSorted((a, b) => b.figure.value - a.figure.value)
  const reach = [ordered[0]!, ordered.at(-1)!].map(({ arm, figure }) => `${title(arm)}, ${points(figure)}`)
  return `Of the ${field.length} arms beside ${title(baseline)}, compared at once, ${told.length === 0 ? 'none is told apart from it' : told.join(', ')}; they reach from ${reach[0]}, to ${reach[1]}.`
}

function equalSteps(reader: Reader): string {
  const { record, mean, ofStart } = reader
  const present = record.arms.filter(({ key }) => reader.cells(key).length > 0)
  const methods = present.filter(({ role }) => role === 'method')
  const level = levelOf(
    reader,
    // A control may reach little, and is not what the level is for.
    (methods.length > 0 ? methods : present).map(({ key }) => reader.cells(key)),
  )
  const within = record.budgets.filter((budget) => budget <= record.trainedBudget)
  const against = new Map(fieldOf(reader).map((each) => [each.arm, each]))
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
      ...(against.size > 1 ? [`of ${against.size} together`] : []),
    ],
    [
      ...(reader.start === null ? [] : [row('start', '', (quantity) => ofStart(quantity)!, against.size > 1 ? ['', ''] : [''])]),
      ...present.map(({ key, title, role }) => {
        const compared = against.get(key)
        return row(
          role === 'control' ? `${title} (control)` : title,
          String(reader.cells(key).length),
          (quantity) => mean(reader.cells(key), quantity),
          [
            compared === undefined ? '' : `${points(compared.figure)}, ${pText(compared.figure.p)}`,
            ...(against.size > 1 ? [compared === undefined ? '' : pText(compared.together)] : []),
          ],
        )
      }),
    ],
  )
}

/** What intervals of arms with few seeds leave out. */
function fewSeeds({ record, cells }: Reader): string[] {
  const few = record.arms.filter(({ key }) => cells(key).length > 0 && cells(key).length < FEW_SEEDS)
  const single = few.filter(({ key }) => cells(key).length === 1)
  if (few.length === 0) return []
  const left = `Of arms with fewer than ${FEW_SEEDS} seeds the noise of training is hardly covered`
  return [
    single.length === 0
      ? `${left}.`
      : `${left}; where there is one seed, interval and p leave it out, and say only whether these weights differ on such problems.`,
  ]
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

/** No cell of any study takes less. */
const FEWEST_MINUTES = 0.01

/** What a run of each arm took, on average; of time the median, since other work may have held the machine. */
function costs({ record, cells }: Reader): string {
  const mean = (own: readonly RecordedCell[], of: (cell: RecordedCell) => number): number =>
    own.reduce((sum, cell) => sum + of(cell), 0) / own.length
  const operations = (own: readonly RecordedCell[]): number => mean(own, ({ cost }) => cost.flops)
  const base = cells(record.baseline)
  return table(
    ['arm', 'tokens sampled', 'tokens forwarded for J', 'operations, 10^12', `of those of ${record.baseline}`, 'minutes'],
    record.arms
      .map(({ key, title }) => ({ title, own: cells(key) }))
      .filter(({ own }) => own.length > 0)
      .map(({ title, own }) => {
        // A cell that came without its time, from another workspace, says nothing of it.
        const minutes = own
          .map(({ wallMs }) => wallMs / 60_000)
          .filter((each) => each > FEWEST_MINUTES)
          .toSorted((a, b) => a - b)
        return [
          title,
          count(mean(own, ({ cost }) => cost.tokens)),
          count(mean(own, ({ cost }) => cost.estimateTokens)),
          number(operations(own) / 1e12, 2),
          base.length === 0 ? '' : number(operations(own) / operations(base), 2),
          minutes.length === 0 ? '' : number(minutes[Math.floor(minutes.length / 2)]!, 1),
        ]
      }),
  )
}

/** The other studies by name: each has a page of its own. */
const otherStudies = (): string =>
  Object.entries(studyPresets)
    .filter(([name]) => name !== 'headline')
    .map(([name, { title }]) => `- [${title}](studies/${name}.md)`)
    .join('\n')

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
      `${ASKED[split](record)} ${plural(reader.resamples.problems, 'problem')} in ${plural(reader.resamples.clusters, 'cluster')}, ${record.conditions.samples} rollouts of each that stop where they stop.`,
      ...(other === null ? [] : [answerText(record, other)]),
      equalSteps(reader),
      ...fewSeeds(reader),
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
        ? [
            '### What a run took',
            'On average over seeds. Operations are counted; minutes are of a cell, evaluations included, the median as the clock ran with whatever else the machine did meanwhile.',
            costs(reader),
            '### Seed by seed',
            `Accuracy @${record.trainedBudget} / tokens of an answer / regret @${record.trainedBudget}:`,
            bySeed(reader),
          ]
        : []),
    ]
  })
  return `${[
    record.study === 'headline' ? '# Results' : `# The study ${record.study}`,
    'This page is written by `mrt study` out of its own records; nothing on it is entered by hand, and tests render it again from the record that ships, and work its means and its intervals out again from the values of single problems by other code.',
    `## ${record.title}`,
    answer === null ? '**No answer yet: no seed of both compared arms is finished.**' : answerText(record, answer),
    missing.length === 0 ? 'The grid is complete.' : `**This is a part of the grid.** ${missing.join(' ')}`,
    ...(studyPresets[record.study] === undefined ? [] : [`What it asks: ${studyPresets[record.study]!.about}`]),
    `\`\`\`sh\n${commandsOf(record)}\n\`\`\``,
    ...sections,
    '## Had they levelled off?',
    plateauText(record),
    ...(record.study === 'headline' ? ['## Other questions', otherStudies()] : []),
    '## How it was made',
    `${plural(finished.length, 'run')} of ${record.conditions.steps} steps, ${record.spec.promptsPerStep} problems by ${record.spec.groupSize} rollouts a step, thinking budget ${record.spec.budget.thinkingTokens} and answer budget ${record.spec.budget.answerTokens} tokens, temperature ${record.spec.sampling.temperature}, from ${startText(record)}. Regret counts ${countedTitles[record.spec.counted ?? 'all']}. ${ratesText(record)}`,
    'Intervals are 95 %: clusters of problems are resampled, then problems, then seeds, and interval and p are read from the same resamples with the t distribution of the fewest units. Differences are paired by problem and seed. An arm is called ahead, behind, better or worse only where its interval leaves out no difference. Where several arms stand against one, the last column holds p as it is when all of these comparisons are made at once (Holm 1979).',
    `Commit ${[...new Set(finished.map(({ revision }) => revision ?? 'unknown'))].join(', ') || 'none'}; MRT Workbench ${environment.program ?? ''}, ${[...new Set(finished.map(({ engine }) => `ONNX Runtime ${engine}`))].join(', ')}, Node ${environment.node ?? ''}, on ${environment.cores ?? '?'} cores of ${environment.cpu ?? 'an unknown processor'}; ${hours(record.cells.reduce((sum, { wallMs }) => sum + wallMs, 0))} for all cells, evaluations included. Study ${record.uid}.${sharedText(record)}`,
  ].join('\n\n')}\n`
}
