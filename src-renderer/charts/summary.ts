/**
 * A chart in words, for people who do not see it: what the axes show, and where each series starts, peaks and ends.
 * Reads off what is drawn; computes no statistic.
 */
import type { Stops } from './cursor.ts'
import type { Point } from './drawing.ts'
import type { Scale } from './scale.ts'

const drawn = (points: readonly Point[]) => points.filter((point) => point.y !== null)

/** One paragraph: axes, number of series, then a clause for each of the first twelve. */
export function summarize(series: readonly Stops[], x: Scale, y: Scale): string {
  const axis = (name: string, scale: Scale) =>
    scale.kind === 'category'
      ? `${name}: ${scale.domain.length} ${scale.label || 'categories'}`
      : `${name}: ${scale.label}, ${scale.format(scale.domain[0])} to ${scale.say(scale.domain[1])}`
  const filled = series.filter(({ points }) => drawn(points).length > 0)
  if (filled.length === 0) return `${axis('x', x)}. ${axis('y', y)}. Nothing is drawn.`
  const count = filled.length === 1 ? 'One series' : `${filled.length} series`
  return `${axis('x', x)}. ${axis('y', y)}. ${count}. ${filled
    .slice(0, 12)
    .map((one) => clause(one, x, y))
    .join(' ')}`
}

function clause({ series, points }: Stops, x: Scale, y: Scale): string {
  const shown = drawn(points)
  const first = shown[0]
  const last = shown[shown.length - 1]
  const say = (point: Point) => `${y.say(point.y as number)} at ${x.say(point.x)}`
  if (shown.length === 1) return `${series}: ${say(first)}.`
  if (y.kind === 'category' || x.kind === 'category') return `${series}: ${shown.slice(0, 8).map(say).join(', ')}.`
  const top = shown.reduce((a, b) => ((b.y as number) > (a.y as number) ? b : a))
  const peak = top === first || top === last ? '' : `, highest ${say(top)}`
  return `${series}: ${shown.length} points from ${say(first)} to ${say(last)}${peak}.`
}

/** What the live region says at a stop. */
export function speak(one: Stops, point: number, x: Scale, y: Scale): string {
  const here = one.points[point]
  if (here.text) return `${one.series}: ${here.text}`
  const measured = y.kind === 'category' ? x : y
  const range =
    typeof here.lo === 'number' && typeof here.hi === 'number'
      ? `, interval ${measured.format(here.lo)} to ${measured.format(here.hi)}`
      : ''
  const place = drawn(one.points).indexOf(here) + 1
  return `${one.series}, ${x.say(here.x)}: ${y.say(here.y as number)}${range}. Point ${place} of ${drawn(one.points).length}.`
}
