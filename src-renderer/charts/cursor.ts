/**
 * Where the pointer or the arrow keys are on a chart: a series and one of its points.
 * Pure geometry over plain records; the chart keeps the state.
 */
import type { Point } from './drawing.ts'
import type { Look } from './identity.ts'
import type { Scale } from './scale.ts'

export interface Stops {
  readonly series: string
  readonly look?: Look
  readonly points: readonly Point[]
}

export interface Cursor {
  readonly series: number
  readonly point: number
}

const distance = (scale: Scale, value: Point['y'], pixel: number) => {
  const at = scale.at(value)
  return Number.isNaN(at) ? Infinity : Math.abs(at - pixel)
}

/** Above this many points a series is searched by bisection, which needs x to ascend (as every long line does). */
const SCAN = 4000

/** The point of one series nearest to `pixel` along x, or -1. */
export function nearestAlong(points: readonly Point[], x: Scale, pixel: number): number {
  let from = 0
  let to = points.length
  if (to > SCAN && x.kind === 'number') {
    while (to - from > 64) {
      const middle = (from + to) >> 1
      if (x.at(points[middle].x) < pixel) from = middle - 16
      else to = middle + 16
    }
  }
  let best = -1
  let gap = Infinity
  for (let i = from; i < to; i += 1) {
    if (points[i].y === null) continue
    const d = distance(x, points[i].x, pixel)
    if (d < gap) {
      gap = d
      best = i
    }
  }
  return best
}

/** The stop nearest to a pixel. With `along` the x distance decides first, as a crosshair does. */
export function nearest(all: readonly Stops[], x: Scale, y: Scale, px: number, py: number, along: boolean): Cursor | null {
  let best: Cursor | null = null
  let cost = Infinity
  all.forEach(({ points }, series) => {
    const candidates = along ? [nearestAlong(points, x, px)] : points.keys()
    for (const point of candidates) {
      if (point < 0) continue
      const dx = distance(x, points[point].x, px)
      const dy = distance(y, points[point].y, py)
      const d = along ? dx * 1e4 + dy : Math.hypot(dx, dy)
      if (d < cost) {
        cost = d
        best = { series, point }
      }
    }
  })
  return best
}

/** Every series' point at the cursor's x, within `reach` pixels. */
export function across(all: readonly Stops[], x: Scale, cursor: Cursor, reach = 10): readonly Cursor[] {
  const here = x.at(all[cursor.series].points[cursor.point].x)
  return all.flatMap(({ points }, series) => {
    const point = series === cursor.series ? cursor.point : nearestAlong(points, x, here)
    return point >= 0 && distance(x, points[point].x, here) <= reach ? [{ series, point }] : []
  })
}

const solid = (points: readonly Point[]) => points.flatMap((point, i) => (point.y === null ? [] : [i]))

/** The cursor after a key: left and right along a series, up and down between series, Home and End. */
export function move(all: readonly Stops[], x: Scale, cursor: Cursor | null, key: string): Cursor | null {
  const present = all.flatMap(({ points }, i) => (solid(points).length > 0 ? [i] : []))
  if (present.length === 0) return null
  if (cursor === null) {
    const points = solid(all[present[0]].points)
    return { series: present[0], point: key === 'ArrowLeft' || key === 'End' ? points[points.length - 1] : points[0] }
  }
  const stops = solid(all[cursor.series].points)
  const place = stops.indexOf(cursor.point)
  const along: Readonly<Record<string, number>> = {
    ArrowLeft: place - 1,
    ArrowRight: place + 1,
    Home: 0,
    End: stops.length - 1,
    PageUp: place - 10,
    PageDown: place + 10,
  }
  if (key in along) return { series: cursor.series, point: stops[Math.min(stops.length - 1, Math.max(0, along[key]))] }
  if (key !== 'ArrowUp' && key !== 'ArrowDown') return cursor
  const rank = present.indexOf(cursor.series) + (key === 'ArrowDown' ? 1 : -1)
  const series = present[(rank + present.length) % present.length]
  return { series, point: nearestAlong(all[series].points, x, x.at(all[cursor.series].points[cursor.point].x)) }
}
