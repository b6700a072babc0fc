// A comparison for a person at a terminal: a table with intervals, then accuracy against budget as a plot.
import type { CompareReport, CompareRow, Figure } from '../../src-preload/contract.ts'
import { plotText } from './plot.ts'
import { tableText } from './table.ts'

type ReportedTable = CompareReport['table']
type ReportedMethod = ReportedTable['methods'][number]

const MARKS = ['s', 'o', 'l', 'm', 'a', 'b', 'c', 'd', 'e', 'f']

/** @param trainedBudget budgets beyond it were reached by forced continuation */
export function reportText({ baseline, budget, level, methods }: ReportedTable, trainedBudget: number): string {
  const text = tableText<ReportedMethod>(
    [
      { title: 'method', align: 'left', cell: ({ row }) => row.title },
      { title: 'seeds', cell: ({ row }) => (row.runIds.length === 0 ? '' : String(row.runIds.length)) },
      { title: `accuracy @${budget}`, cell: ({ row }) => percent(row.accuracy) },
      { title: 'mean tokens', cell: ({ row }) => interval(row.meanTokens, 1) },
      { title: `regret @${budget}`, cell: ({ row }) => interval(row.regret, 3) },
      { title: `token efficiency at ${(level * 100).toFixed(0)} %`, cell: ({ tokenEfficiency }) => tokenEfficiency?.toFixed(2) ?? '' },
      { title: `against ${baseline}`, cell: ({ row }) => (row.against === null ? '' : signed(row.against.accuracy)) },
      { title: 'gain over start', cell: ({ gain }) => (gain === null ? '' : `${gain.toFixed(2)} x`) },
    ],
    methods,
  )
  const plotted = methods
    .map(({ row, budgets, accuracy }, index) => ({ name: row.title, mark: MARKS[index] ?? '?', x: budgets, y: accuracy }))
    .filter((series) => series.x.length > 0)
  return [
    text,
    '',
    `Accuracy is the chance of success when thinking is cut at ${budget} tokens. ${basisText(methods)} Differences are paired by problem; p is from the same resamples.`,
    `Token efficiency: tokens that ${baseline} needs for that accuracy, divided by those of the method. Gain: accuracy gained over the start, ${baseline} = 1.`,
    '',
    plotText(plotted, {
      xTitle: `thinking budget in tokens; beyond ┊ ${trainedBudget} by forced continuation`,
      yTitle: 'accuracy',
      yText: (value) => `${(value * 100).toFixed(0)} %`,
      extrapolatedFrom: trainedBudget,
    }),
  ].join('\n')
}

/** What the intervals rest on; few seeds are called few. */
function basisText(methods: readonly ReportedMethod[]): string {
  const rows = methods.map(({ row }) => row).filter(({ accuracy }) => accuracy !== null)
  const clusters = rows[0]?.accuracy?.basis?.clusters
  const seeds = Math.min(...rows.filter(({ runIds }) => runIds.length > 0).map(({ evaluationIds }) => evaluationIds.length))
  const over = [
    clusters === undefined || clusters === rows[0]!.problemCount ? 'problems' : `${clusters} clusters of problems`,
    ...(seeds > 1 && Number.isFinite(seeds)
      ? [`${seeds} seeds (t with ${Math.min(seeds - 1, rows[0]?.accuracy?.basis?.df ?? Infinity)} degrees of freedom)`]
      : []),
  ]
  return `Intervals are 95 %, over ${over.join(' and ')}.${seeds >= FEW_SEEDS ? '' : ' So few seeds hardly cover the noise of training.'}`
}
/** Below so many the noise of training is hardly covered. */
const FEW_SEEDS = 5

const half = (figure: Figure): number | null => (figure.low === null || figure.high === null ? null : (figure.high - figure.low) / 2)
const interval = (figure: CompareRow['accuracy'], digits: number): string =>
  figure === null ? '' : `${figure.value.toFixed(digits)}${half(figure) === null ? '' : ` ±${half(figure)!.toFixed(digits)}`}`
const percent = (figure: CompareRow['accuracy']): string =>
  figure === null ? '' : `${(figure.value * 100).toFixed(1)}${half(figure) === null ? '' : ` ±${(half(figure)! * 100).toFixed(1)}`} %`
const signed = ({ value, p }: { readonly value: number; readonly p: number | null }): string =>
  `${value >= 0 ? '+' : '−'}${(Math.abs(value) * 100).toFixed(1)}${p === null ? '' : p < 0.001 ? ' (p < 0.001)' : ` (p = ${p.toFixed(3)})`}`
