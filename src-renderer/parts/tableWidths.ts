/**
 * How wide the columns of a table are. Content decides once, from a sample of the rows, so that scrolling never moves a column. Where the room is short, heads
 * take a second line, then give way to the numbers; a table that has to scroll sideways shows all of both.
 */
import { textWidth } from '../charts/textWidth.ts'
import { alignOf, cellText, type Column } from './tableText.ts'

interface Measured {
  /** Its numbers fit; its head may be cut. */
  readonly least: number
  /** Its head fits on two lines as well. */
  readonly folded: number
  /** Its head fits on one. */
  readonly natural: number
  readonly head: number
  readonly quiet: number
  readonly align: 'left' | 'right'
}

export interface Widths {
  readonly columns: readonly (Measured & { readonly width: number })[]
  readonly total: number
  readonly twoLines: boolean
}

const SAMPLE = 200
const TEXT = 13
const MOST_TEXT = 420
const REM = 16

/**
 * @param unit 1 at normal text size
 * @param corner width of what stands over the head of the last column
 */
export function measureColumns<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  { unit, corner, strong }: { readonly unit: number; readonly corner: number; readonly strong?: (row: Row) => boolean },
): readonly Measured[] {
  const every = Math.max(1, Math.floor(rows.length / SAMPLE))
  const sample = rows.filter((_, i) => i % every === 0)
  const size = TEXT * unit
  const widest = (of: (row: Row) => number): number => Math.max(0, ...sample.map(of))
  return columns.map((column, i) => {
    const over = i === columns.length - 1 ? corner : 0
    const quiet = column.quiet ? widest((row) => textWidth(column.quiet?.(row) ?? '', size * 0.85)) : 0
    const body = widest(
      (row) => textWidth(cellText(column, row), size, true) * (column.mono || strong?.(row) || column.strong?.(row) ? 1.08 : 1),
    )
    const sign = column.unit ? textWidth(column.unit, size * 0.85) + 4 : 0
    const head = textWidth(column.title, size * 0.88) + sign + 26 * unit + over
    const half = Math.max(...halvesOf(`${column.title} ${column.unit ?? ''}`).map((words) => textWidth(words, size * 0.9)))
    const content = Math.min(MOST_TEXT * unit, body + (quiet ? quiet + 6 : 0)) + 20 * unit + over
    // A width that is asked for may cut words, but no number from its interval.
    const least = column.width ? Math.max(column.width * REM * unit, quiet ? content : 0) : content
    const folded = Math.max(least, column.width ? 0 : half + 20 * unit + over)
    return { least, folded, natural: Math.max(folded, column.width ? 0 : head), head, quiet, align: alignOf(column, rows) }
  })
}

/** @param room 0 while it is not known: every column has what it would like */
export function fitColumns<Row>(columns: readonly Column<Row>[], measured: readonly Measured[], room: number): Widths {
  const sum = (of: 'natural' | 'folded' | 'least'): number => measured.reduce((total, column) => total + column[of], 0)
  const [from, to] =
    room === 0 || sum('folded') <= room
      ? (['natural', 'folded'] as const)
      : sum('least') <= room
        ? (['folded', 'least'] as const)
        : (['folded', 'folded'] as const)
  const over = room > 0 ? Math.max(0, sum(from) - room) : 0
  const give = Math.min(1, over / Math.max(1, sum(from) - sum(to)))
  const fitted = measured.map((column) => ({ ...column, width: column[from] - give * (column[from] - column[to]) }))
  const canFold = ({ title, unit }: Column<Row>): boolean => unit !== undefined || title.includes(' ')
  return {
    columns: fitted,
    total: fitted.reduce((total, { width }) => total + width, 0),
    twoLines: fitted.some(({ width, head }, i) => width < head - 0.5 && canFold(columns[i]!)),
  }
}

/** A title over two lines, broken at the space that leaves the shorter longest line; one word stays one. */
export function halvesOf(title: string): readonly string[] {
  const words = title.trim().split(/\s+/)
  const splits = words.slice(1).map((_, at) => [words.slice(0, at + 1).join(' '), words.slice(at + 1).join(' ')])
  const longest = (halves: readonly string[]): number => Math.max(...halves.map(({ length }) => length))
  return splits.reduce((best, each) => (longest(each) < longest(best) ? each : best), [title])
}
