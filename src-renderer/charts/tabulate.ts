/**
 * The table behind a chart: the rows of all marks joined on series and position, with readable heads, and as CSV.
 * A band and its line become one row with low and high beside the value, so the file is the picture, once.
 */
import type { Row } from './drawing.ts'

export interface TableColumn {
  readonly key: keyof Row
  /** On screen. */
  readonly title: string
  /** In files. */
  readonly name: string
}

export interface Tabulated {
  readonly columns: readonly TableColumn[]
  readonly rows: readonly Row[]
}

export interface AxisNames {
  readonly label: string
  readonly column: string
  readonly kind: 'number' | 'category'
}

const fields: readonly (keyof Row)[] = ['series', 'x', 'y', 'part', 'from', 'to', 'low', 'high', 'smoothed', 'value', 'n']

/** Joins rows that name the same series, x and part and do not contradict each other; order of first appearance. */
export function join(rows: readonly Row[]): readonly Row[] {
  const joined: Row[] = []
  const byKey = new Map<string, number[]>()
  for (const row of rows) {
    const key = JSON.stringify([row.series, row.x ?? null, row.part ?? null, row.from ?? null])
    const places = byKey.get(key) ?? []
    const place = places.find((index) =>
      fields.every((field) => row[field] === undefined || joined[index][field] === undefined || joined[index][field] === row[field]),
    )
    if (place === undefined) {
      byKey.set(key, [...places, joined.length])
      joined.push(row)
    } else joined[place] = { ...joined[place], ...row }
  }
  return joined
}

/** The joined rows with only the columns that hold something. `seriesTitle` heads the first one. */
export function tabulate(rows: readonly Row[], x: AxisNames, y: AxisNames, seriesTitle = 'series'): Tabulated {
  const joined = join(rows)
  // With categories up the side, the interval belongs to the x axis.
  const measured = y.kind === 'category' ? x : y
  const heads: Readonly<Record<keyof Row, readonly [title: string, name: string]>> = {
    series: [seriesTitle, seriesTitle.replaceAll(' ', '_')],
    x: [x.label || 'x', x.column],
    y: [y.label || 'y', y.column],
    part: ['part', 'part'],
    from: [`${x.label} from`, `${x.column}_from`],
    to: [`${x.label} to`, `${x.column}_to`],
    low: ['low', `${measured.column}_low`],
    high: ['high', `${measured.column}_high`],
    smoothed: ['smoothed', `${measured.column}_smoothed`],
    value: ['value', 'value'],
    n: ['n', 'n'],
  }
  const used = fields.filter((field) => joined.some((row) => row[field] !== undefined))
  return { columns: used.map((key) => ({ key, title: heads[key][0], name: heads[key][1] })), rows: joined }
}

export type Cell = string | number | boolean | null | undefined

/**
 * A spreadsheet runs a cell that begins with = + - @, a tab or a line end as a formula, and a model may write anything: such text gets an
 * apostrophe in front, which spreadsheets hide (OWASP, "CSV Injection"). Text that is a number is left as it is.
 */
const unrun = (text: string): string => (/^[=+\-@\t\r\n]/.test(text) && !/^[+-]?\d+(\.\d+)?([eE][+-]?\d+)?$/.test(text) ? `'${text}` : text)

/** RFC 4180, full precision, LF line ends, a line end after the last row. Absent values are empty, formulas are guarded. */
export function csv(head: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const cell = (value: Cell) => {
    if (value === null || value === undefined || (typeof value === 'number' && !Number.isFinite(value))) return ''
    const text = typeof value === 'string' ? unrun(value) : String(value)
    return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
  }
  return [head, ...rows].map((row) => row.map(cell).join(',')).join('\n') + '\n'
}

/** The CSV of a chart's table. */
export function tableCsv(table: Tabulated): string {
  return csv(
    table.columns.map((column) => column.name),
    table.rows.map((row) => table.columns.map((column) => row[column.key])),
  )
}
