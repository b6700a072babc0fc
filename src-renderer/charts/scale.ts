/**
 * From what an axis measures and what the marks reach to a scale with ticks: D3 underneath, one small record on top.
 * A value that cannot be drawn (absent, or not positive on a log axis) maps to NaN; marks leave it out and say so.
 */
import { scaleBand, scaleLinear, scaleLog } from 'd3'
import { columnName, labelled, quantities, slug, type QuantityName } from './quantity.ts'
import { textWidth } from './textWidth.ts'

export interface NumberSpec {
  readonly quantity: QuantityName
  /** Replaces the quantity's own name on the axis. */
  readonly label?: string
  readonly log?: boolean
  /** Fixed ends; `undefined` leaves that end to the data. */
  readonly domain?: readonly [number | undefined, number | undefined]
  /** Exact tick values, e.g. the budgets that were measured. */
  readonly ticks?: readonly number[]
  /** Extend a free end to a round number (on for y, off for x). */
  readonly round?: boolean
  /** The axis spans at least this much, so that noise about one value does not fill the plot. */
  readonly least?: number
}

export interface CategorySpec {
  readonly categories: readonly string[]
  readonly label?: string
  /** Share of a band left empty, 0 to 1. */
  readonly gap?: number
}

export type AxisSpec = NumberSpec | CategorySpec
export type Value = number | string

export interface Tick {
  readonly value: Value
  readonly text: string
  readonly at: number
}

export interface Scale {
  readonly kind: 'number' | 'category'
  readonly log: boolean
  readonly domain: readonly Value[]
  /** Pixel of a value; the middle of the band for a category; NaN when it has no place. */
  readonly at: (value: Value | null | undefined) => number
  /** Value at a pixel; for categories the nearest one. */
  readonly from: (pixel: number) => Value
  /** Width of a category's band; 0 for numbers. */
  readonly band: number
  readonly ticks: readonly Tick[]
  /** A value at reading precision with its unit. */
  readonly say: (value: Value) => string
  /** A value at reading precision, bare. */
  readonly format: (value: Value) => string
  readonly label: string
  readonly column: string
}

export const isCategory = (spec: AxisSpec): spec is CategorySpec => 'categories' in spec

/** The lowest and highest drawable value, or undefined where nothing can be drawn. */
export function extentOf(values: Iterable<number | null | undefined>, log = false): readonly [number, number] | undefined {
  let low = Infinity
  let high = -Infinity
  for (const value of values) {
    if (value === null || value === undefined || !Number.isFinite(value) || (log && value <= 0)) continue
    if (value < low) low = value
    if (value > high) high = value
  }
  return low <= high ? [low, high] : undefined
}

/** The domain of a number axis: fixed ends first, then the data, never empty, rounded outward where asked. */
export function domainOf(
  spec: NumberSpec,
  extent: readonly [number, number] | undefined,
  count: number,
  round: boolean,
): readonly [number, number] {
  const fallback: readonly [number, number] = spec.log ? [1, 10] : [0, 1]
  const [fixedLow, fixedHigh] = spec.domain ?? [undefined, undefined]
  let low = fixedLow ?? extent?.[0] ?? Math.min(fallback[0], fixedHigh ?? Infinity)
  let high = fixedHigh ?? extent?.[1] ?? Math.max(fallback[1], low)
  if (!(high > low)) {
    const pad = spec.log ? 0 : Math.abs(low) * 0.05 || 0.5
    if (fixedLow === undefined) low = spec.log ? low / 1.5 : low - pad
    if (fixedHigh === undefined || high <= low) high = spec.log ? high * 1.5 : high + pad
  }
  const short = (spec.least ?? 0) - (high - low)
  if (short > 0 && !spec.log) {
    if (fixedLow === undefined) low -= fixedHigh === undefined ? short / 2 : short
    if (fixedHigh === undefined) high += fixedLow === undefined ? short / 2 : short
  }
  if (!(spec.round ?? round)) return [low, high]
  const scale = (spec.log ? scaleLog() : scaleLinear()).domain([low, high])
  const [niceLow, niceHigh] = spec.log ? [low, high] : scale.nice(count).domain()
  return [fixedLow ?? niceLow, fixedHigh ?? niceHigh]
}

const steppedTicks = (low: number, high: number, count: number, steps: readonly number[]): readonly number[] => {
  if (high - low < 1) return scaleLinear().domain([low, high]).ticks(count)
  const step = steps.find((candidate) => (high - low) / candidate <= count) ?? Math.ceil((high - low) / count / 86400) * 86400
  const first = Math.ceil(low / step)
  return Array.from({ length: Math.max(0, Math.floor(high / step) - first + 1) }, (_, i) => (first + i) * step)
}

/** As many ticks per decade as stand at least `apart` (a share of the axis) from each other, else every few decades. */
function logTicks(low: number, high: number, count: number, apart: number): readonly number[] {
  const clear = (values: readonly number[]) =>
    values.slice(1).every((value, i) => Math.log(value / values[i]) / Math.log(high / low) >= apart)
  const from = Math.floor(Math.log10(low))
  const to = Math.ceil(Math.log10(high))
  const inside = (value: number) => value >= low * (1 - 1e-9) && value <= high * (1 + 1e-9)
  const make = (leads: readonly number[], every: number) => {
    const values: number[] = []
    for (let power = from; power <= to; power += 1) {
      if ((power - from) % every === 0) for (const lead of leads) values.push(Number(`${lead}e${power}`))
    }
    return values.filter(inside)
  }
  for (const leads of [[1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 2, 3, 5], [1, 2, 5], [1, 3], [1]]) {
    const values = make(leads, 1)
    if (values.length <= count * 1.5 && values.length >= 2 && clear(values)) return values
  }
  const decades = make([1], Math.max(1, Math.ceil((to - from) / count)))
  return decades.length > 1 ? decades : [low, high]
}

export interface TickRoom {
  /** About how many ticks are wanted. */
  readonly count: number
  readonly fontSize: number
  /** Horizontal axes drop ticks whose texts would touch. */
  readonly horizontal: boolean
}

export function numberScale(spec: NumberSpec, domain: readonly [number, number], range: readonly [number, number], room: TickRoom): Scale {
  const quantity = quantities[spec.quantity]
  const log = spec.log === true
  const scale = (log ? scaleLog() : scaleLinear()).domain([...domain]).range([...range])
  const [low, high] = domain
  const values =
    spec.ticks?.filter((value) => value >= low && value <= high) ??
    (log
      ? logTicks(low, high, room.count, (room.fontSize * (room.horizontal ? 3.6 : 1.7)) / Math.abs(range[1] - range[0]))
      : quantity.steps
        ? steppedTicks(low, high, room.count, quantity.steps)
        : scale.ticks(room.count).filter((value) => !quantity.whole || Number.isInteger(value)))
  const gaps = values.slice(1).map((value, i) => value - values[i])
  const step = Math.min(...gaps, Infinity)
  const largest = Math.max(...values.map(Math.abs), 0)
  const text = (value: number) =>
    quantity.tick(
      value,
      log || spec.ticks ? Math.abs(value) || 1 : Number.isFinite(step) ? step : Math.abs(value) || 1,
      log ? Math.abs(value) : largest,
    )
  const ticks = values.map((value) => ({ value, text: text(value), at: scale(value) }))
  const format = (value: Value) => (typeof value === 'number' ? quantity.format(value) : value)
  return {
    kind: 'number',
    log,
    domain,
    at: (value) => (typeof value !== 'number' || !Number.isFinite(value) || (log && value <= 0) ? NaN : scale(value)),
    from: (pixel) => scale.invert(pixel),
    band: 0,
    ticks: room.horizontal ? thin(ticks, room.fontSize) : ticks,
    format,
    say: (value) => (quantity.unit === '%' ? `${format(value)} %` : quantity.unit ? `${format(value)} ${quantity.unit}` : format(value)),
    label: labelled(spec.quantity, spec.label),
    column: columnName(spec.quantity, spec.label),
  }
}

export function categoryScale(spec: CategorySpec, range: readonly [number, number]): Scale {
  const scale = scaleBand<string>()
    .domain([...spec.categories])
    .range([...range])
    .paddingInner(spec.gap ?? 0.28)
    .paddingOuter((spec.gap ?? 0.28) / 2)
  const at = (value: Value | null | undefined) => {
    const start = typeof value === 'string' ? scale(value) : undefined
    return start === undefined ? NaN : start + scale.bandwidth() / 2
  }
  return {
    kind: 'category',
    log: false,
    domain: spec.categories,
    at,
    from: (pixel) =>
      spec.categories.reduce(
        (best, name) => (Math.abs(at(name) - pixel) < Math.abs(at(best) - pixel) ? name : best),
        spec.categories[0] ?? '',
      ),
    band: scale.bandwidth(),
    ticks: spec.categories.map((value) => ({ value, text: value, at: at(value) })),
    format: String,
    say: String,
    label: spec.label ?? '',
    column: slug(spec.label ?? 'category'),
  }
}

/** Drops ticks whose text would touch a neighbour's; the first and the last stay. */
export function thin(ticks: readonly Tick[], fontSize: number): readonly Tick[] {
  const half = (tick: Tick) => textWidth(tick.text, fontSize) / 2 + fontSize * 0.4
  const fits = (a: Tick, b: Tick) => Math.abs(b.at - a.at) >= half(a) + half(b)
  const kept: Tick[] = []
  for (const tick of ticks) if (kept.length === 0 || fits(kept[kept.length - 1], tick)) kept.push(tick)
  const last = ticks[ticks.length - 1]
  if (last && kept[kept.length - 1] !== last) {
    while (kept.length > 1 && !fits(kept[kept.length - 1], last)) kept.pop()
    if (fits(kept[kept.length - 1], last)) kept.push(last)
  }
  return kept
}
