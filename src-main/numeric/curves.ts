// Piecewise-linear curves given by points with ascending x: area, value at a point, first crossing of a level.

/** Trapezoid area under the points; 0 for fewer than two. */
export function trapezoid(x: ArrayLike<number>, y: ArrayLike<number>): number {
  let area = 0
  for (let i = 1; i < x.length; i++) area += ((x[i] - x[i - 1]) * (y[i] + y[i - 1])) / 2
  return area
}

/** Value of the curve at a point, held flat beyond both ends. Where x repeats, the earlier point counts. */
export function interpolate(x: ArrayLike<number>, y: ArrayLike<number>, at: number): number {
  if (x.length === 0) return NaN
  if (at <= x[0]) return y[0]
  for (let i = 1; i < x.length; i++) {
    if (x[i] >= at) return y[i - 1] + ((at - x[i - 1]) / (x[i] - x[i - 1])) * (y[i] - y[i - 1])
  }
  return y[x.length - 1]
}

/**
 * Trapezoid area from the first point to `end`: points before `end` are kept, one point is interpolated at `end`,
 * and a curve that stops earlier is held flat at its last value.
 */
export function areaUpTo(x: ArrayLike<number>, y: ArrayLike<number>, end: number): number {
  const keptX: number[] = []
  const keptY: number[] = []
  for (let i = 0; i < x.length && x[i] < end; i++) {
    keptX.push(x[i])
    keptY.push(y[i])
  }
  keptX.push(end)
  keptY.push(interpolate(x, y, end))
  return trapezoid(keptX, keptY)
}

/** The smallest x at which the curve is at or above `level`, or null when it never is. */
export function firstReach(x: ArrayLike<number>, y: ArrayLike<number>, level: number): number | null {
  for (let i = 0; i < x.length; i++) {
    if (y[i] < level) continue
    if (i === 0) return x[0]
    return x[i - 1] + ((level - y[i - 1]) / (y[i] - y[i - 1])) * (x[i] - x[i - 1])
  }
  return null
}
