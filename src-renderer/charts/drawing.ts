/**
 * What a mark tells its chart: the points it shows, the rows it stands for, the label it wants.
 * From these plain records the chart derives domains, the cursor's stops, direct labels, the table and the CSV.
 */
import type { Look } from './identity.ts'
import type { Value } from './scale.ts'

export interface Point {
  readonly x: Value
  /** null is a gap: the metric could not be computed there. */
  readonly y: Value | null
  /** Interval around y (around x on a chart whose y axis holds categories). */
  readonly lo?: number | null
  readonly hi?: number | null
  /** What to say instead of the numbers. */
  readonly text?: string
  /** Handed back when the point is chosen. */
  readonly pick?: unknown
}

/** One line of the table behind the picture. Absent fields are empty cells. */
export interface Row {
  readonly series: string
  readonly x?: Value
  readonly y?: Value
  readonly part?: string
  readonly from?: number
  readonly to?: number
  readonly low?: number
  readonly high?: number
  readonly smoothed?: number
  readonly value?: number
  readonly n?: number
}

export interface LabelWish {
  readonly x: Value
  readonly y: Value
  /** In the column right of the plot, or beside the point. */
  readonly place: 'end' | 'near'
  readonly text?: string
}

export interface Drawing {
  readonly series: string
  readonly look?: Look
  /** Decide the domains; with `stops` the pointer and the arrow keys stop at them. */
  readonly points?: readonly Point[]
  readonly stops?: boolean
  /** Bars and areas: the value axis must show zero. */
  readonly fromZero?: boolean
  readonly label?: LabelWish
  /** Names of what stands behind (curves of a map); placed after all others, set quietly. May depend on the scales. */
  readonly quietLabels?: () => readonly LabelWish[]
  /** Room the mark needs above the plot, in pixels. */
  readonly head?: number
  /** Made only when a table or a file is asked for. */
  readonly rows?: () => readonly Row[]
  /** Said under the title: decimation, smoothing, points left out. A function, since it may depend on the scales. */
  readonly notes?: () => readonly string[]
}

/** Rows of points that carry an optional interval. */
export function pointRows(series: string, points: readonly Point[]): readonly Row[] {
  return points
    .filter((point) => point.y !== null)
    .map((point) => ({
      series,
      x: point.x,
      y: point.y as Value,
      ...(point.lo !== undefined && point.lo !== null && { low: point.lo }),
      ...(point.hi !== undefined && point.hi !== null && { high: point.hi }),
    }))
}
