/**
 * A table's columns as data, the order of its rows, the slice on screen, and its text for papers and files.
 * Cells print once here; the component, Markdown and LaTeX share the same words, CSV carries full precision.
 */
import type { Snippet } from 'svelte'
import { csv, type Cell } from '../charts/tabulate.ts'
import { slug } from '../charts/quantity.ts'
import { ABSENT, MINUS } from '../charts/format.ts'

export interface Column<Row> {
  readonly id: string
  readonly title: string
  readonly unit?: string
  /** What the column means, shown on its head. */
  readonly help?: string
  /** For sorting and for files. null is absent and sorts last. */
  readonly value: (row: Row) => Cell
  /** As read on screen; `value` as text when absent. */
  readonly text?: (row: Row) => string
  /** The quiet part beside it: ±1.7 */
  readonly quiet?: (row: Row) => string
  /** Interval for files: two more columns. */
  readonly bounds?: (row: Row) => readonly [number, number] | null
  readonly align?: 'left' | 'right'
  readonly mono?: boolean
  /** Width in rem; measured from the content when absent. */
  readonly width?: number
  /** Takes the room that is left. */
  readonly wide?: boolean
  readonly sortable?: boolean
  /** Cells that stand out. */
  readonly strong?: (row: Row) => boolean
  /** Why the column stands apart from what the table is set to; it is greyed, and its head says this. */
  readonly apart?: string
  readonly cell?: Snippet<[Row]>
}

export interface Order {
  readonly id: string
  readonly descending: boolean
}

export function cellText<Row>(column: Column<Row>, row: Row): string {
  if (column.text) return column.text(row)
  const value = column.value(row)
  return value === null || value === undefined ? ABSENT : String(value).replace(/^-(?=\d)/, MINUS)
}

export const alignOf = <Row>(column: Column<Row>, rows: readonly Row[]): 'left' | 'right' =>
  column.align ?? (rows.slice(0, 50).some((row) => typeof column.value(row) === 'number') ? 'right' : 'left')

/** Rows in the order asked for; stable, absent values last either way, text by locale with numbers in it. */
export function sortRows<Row>(rows: readonly Row[], columns: readonly Column<Row>[], order: Order | null): readonly Row[] {
  const column = columns.find(({ id }) => id === order?.id)
  if (!column || !order) return rows
  const collator = new Intl.Collator('en', { numeric: true, sensitivity: 'base' })
  const sign = order.descending ? -1 : 1
  const absent = (value: Cell) => value === null || value === undefined || (typeof value === 'number' && Number.isNaN(value))
  const keyed = rows.map((row, i) => ({ row, i, key: column.value(row) }))
  keyed.sort((a, b) => {
    if (absent(a.key) || absent(b.key)) return Number(absent(a.key)) - Number(absent(b.key)) || a.i - b.i
    const compared = typeof a.key === 'number' && typeof b.key === 'number' ? a.key - b.key : collator.compare(String(a.key), String(b.key))
    return sign * compared || a.i - b.i
  })
  return keyed.map(({ row }) => row)
}

export interface Window {
  readonly from: number
  readonly to: number
  /** Pixels above and below that stand for the rows left out. */
  readonly above: number
  readonly below: number
}

/** The rows to draw for a scroll position, with a margin of `spare` rows on each side. */
export function windowOf(scrollTop: number, viewport: number, rowHeight: number, count: number, spare = 12): Window {
  const first = Math.min(count, Math.max(0, Math.floor(scrollTop / rowHeight)))
  const from = Math.max(0, first - spare)
  const to = Math.min(count, Math.ceil((scrollTop + viewport) / rowHeight) + spare)
  return { from, to: Math.max(from, to), above: from * rowHeight, below: (count - Math.max(from, to)) * rowHeight }
}

const headOf = <Row>(column: Column<Row>) => (column.unit ? `${column.title} (${column.unit})` : column.title)

/** Full precision, bounds in columns of their own. */
export function toCsv<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string {
  const head = columns.flatMap((column) => {
    const name = slug(headOf(column).replace('%', 'percent'))
    return column.bounds ? [name, `${name}_low`, `${name}_high`] : [name]
  })
  const body = rows.map((row) =>
    columns.flatMap((column): Cell[] =>
      column.bounds ? [column.value(row), ...(column.bounds(row) ?? [null, null])] : [column.value(row)],
    ),
  )
  return csv(head, body)
}

const words = <Row>(column: Column<Row>, row: Row) => [cellText(column, row), column.quiet?.(row) ?? ''].filter(Boolean).join(' ')

/** A GitHub table, numbers right-aligned. */
export function toMarkdown<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string {
  const escape = (text: string) => text.replaceAll('|', '\\|').replaceAll('\n', ' ')
  const line = (cells: readonly string[]) => `| ${cells.map(escape).join(' | ')} |`
  return (
    [
      line(columns.map(headOf)),
      `| ${columns.map((column) => (alignOf(column, rows) === 'right' ? '---:' : '---')).join(' | ')} |`,
      ...rows.map((row) => line(columns.map((column) => words(column, row)))),
    ].join('\n') + '\n'
  )
}

const latexSigns: Readonly<Record<string, string>> = {
  '\\': '\\textbackslash{}',
  '&': '\\&',
  '%': '\\%',
  $: '\\$',
  '#': '\\#',
  _: '\\_',
  '{': '\\{',
  '}': '\\}',
  '~': '\\textasciitilde{}',
  '^': '\\textasciicircum{}',
  '±': '$\\pm$',
  [MINUS]: '$-$',
  [ABSENT]: '--',
  α: '$\\alpha$',
  µ: '$\\mu$',
  μ: '$\\mu$',
  '×': '$\\times$',
  '→': '$\\to$',
  '\u202f': '\\,',
}

/** A booktabs tabular. */
export function toLatex<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string {
  const escape = (text: string) => [...text].map((letter) => latexSigns[letter] ?? letter).join('')
  const line = (cells: readonly string[]) => `${cells.map(escape).join(' & ')} \\\\`
  return (
    [
      `\\begin{tabular}{${columns.map((column) => (alignOf(column, rows) === 'right' ? 'r' : 'l')).join('')}}`,
      '\\toprule',
      line(columns.map(headOf)),
      '\\midrule',
      ...rows.map((row) => line(columns.map((column) => words(column, row)))),
      '\\bottomrule',
      '\\end{tabular}',
    ].join('\n') + '\n'
  )
}
