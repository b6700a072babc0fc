/**
 * Min-max decimation: a long series drawn with at most four points per pixel column, so that no spike is lost and the
 * picture is the one the full series would have made. Gaps stay gaps. What was reduced is said on the chart.
 * Leaves out any averaging: nothing here invents a value.
 */

export interface XY {
  readonly x: number
  readonly y: number | null
}

export interface Decimated<P> {
  readonly points: readonly P[]
  readonly reduced: boolean
}

const hasY = (point: XY) => point.y !== null && Number.isFinite(point.y)

/**
 * Keeps the first, lowest, highest and last point of every column of `left..right` (in pixels, one per `column`), in
 * their order, plus one neighbour on each side of the view. `at` maps x to pixels; points must ascend in x.
 */
export function decimate<P extends XY>(
  points: readonly P[],
  at: (x: number) => number,
  left: number,
  right: number,
  column = 1,
): Decimated<P> {
  const columns = Math.max(1, Math.ceil((right - left) / column))
  const from = Math.max(0, firstAtOrAfter(points, at, left) - 1)
  const to = Math.min(points.length, firstAtOrAfter(points, at, right + 1e-9) + 1)
  const seen = to - from
  if (seen <= columns * 4) return { points: from === 0 && to === points.length ? points : points.slice(from, to), reduced: false }

  const kept: P[] = []
  let i = from
  while (i < to) {
    if (!hasY(points[i])) {
      kept.push(points[i])
      while (i < to && !hasY(points[i])) i += 1
      continue
    }
    const cell = Math.floor((at(points[i].x) - left) / column)
    let low = i
    let high = i
    let last = i
    let j = i
    for (; j < to && hasY(points[j]) && Math.floor((at(points[j].x) - left) / column) === cell; j += 1) {
      if ((points[j].y as number) < (points[low].y as number)) low = j
      if ((points[j].y as number) > (points[high].y as number)) high = j
      last = j
    }
    for (const index of [...new Set([i, low, high, last])].sort((a, b) => a - b)) kept.push(points[index])
    i = j
  }
  return { points: kept, reduced: kept.length < seen }
}

/** Index of the first point at or right of pixel `edge`, by bisection. */
function firstAtOrAfter(points: readonly XY[], at: (x: number) => number, edge: number): number {
  let low = 0
  let high = points.length
  while (low < high) {
    const middle = (low + high) >> 1
    const pixel = at(points[middle].x)
    if (pixel < edge || Number.isNaN(pixel)) low = middle + 1
    else high = middle
  }
  return low
}
