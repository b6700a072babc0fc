/**
 * The state one chart shares with its marks through context: size, scales, what is drawn, where the cursor is.
 * Marks describe what they draw in data units; everything here follows from those descriptions and the chart's props.
 */
import { getContext, onDestroy, setContext } from 'svelte'
import { across, nearestAlong, type Cursor, type Stops } from './cursor.ts'
import type { Drawing, LabelWish, Row } from './drawing.ts'
import { placeNear, spread, type Box } from './labels.ts'
import { lookAt, type Look } from './identity.ts'
import { quantities } from './quantity.ts'
import { categoryScale, domainOf, extentOf, isCategory, numberScale, type AxisSpec, type Scale, type Value } from './scale.ts'
import { summarize } from './summary.ts'
import { tabulate, type Tabulated } from './tabulate.ts'
import { fit, textWidth } from './textWidth.ts'

export interface FrameProps {
  readonly x: AxisSpec
  readonly y: AxisSpec
  readonly height: number
  readonly labels: boolean
  readonly bare: boolean
  readonly seriesTitle: string
  /** The series pointed at, anywhere on the page; the others step back. */
  readonly lit: string | null
  /** x whose values stand beside the labels. */
  readonly read: number | null
  readonly light: (series: string | null) => void
}

export interface Plot {
  readonly left: number
  readonly right: number
  readonly top: number
  readonly bottom: number
}

export interface EndLabel {
  readonly text: string
  readonly look: Look | undefined
  readonly series: string
  /** Where the line ends. */
  readonly from: readonly [number, number]
  readonly x: number
  readonly y: number
  readonly anchor: 'start' | 'end' | 'middle'
  readonly leader: boolean
  readonly place: 'end' | 'near' | 'quiet'
}

const KEY = Symbol('chart')
const MAX_LABEL = 168
/** Categories are read more than numbers: set this much larger than ticks. */
export const CATEGORY_SIZE = 1.06

export class Frame {
  readonly id: string
  #props: () => FrameProps
  /** Width given by the page, in CSS pixels; 0 until measured. */
  width = $state(0)
  /** Text size factor of the document (1 = 16 px). */
  unit = $state(1)
  /** Zoomed part of the x axis. */
  view = $state.raw<readonly [number, number] | null>(null)
  cursor = $state.raw<Cursor | null>(null)
  /** Kept beside the state: while a component is torn down, state still reads as it was before its successor was set up. */
  readonly #drawn = new Set<{ readonly read: () => Drawing }>()
  #marks = $state.raw<readonly { readonly read: () => Drawing }[]>([])

  constructor(id: string, props: () => FrameProps) {
    this.id = id
    this.#props = props
  }

  drawings: readonly Drawing[] = $derived.by(() => this.#marks.map((mark) => mark.read()))
  /** Height of the stage as laid out; the asked one until measured. */
  tall = $state(0)
  height = $derived.by(() => this.tall || this.#props().height * this.unit)
  /** Charts of categories keep their height; others may grow with their width, within bounds that CSS knows. */
  grows = $derived.by(() => !this.#props().bare && !isCategory(this.#props().y))
  fontSize = $derived(10.5 * this.unit)
  labelSize = $derived(11 * this.unit)
  bare = $derived.by(() => this.#props().bare)

  stops: readonly Stops[] = $derived.by(() => {
    const seen = new Map<string, Stops>()
    for (const { series, look, points, stops } of this.drawings) {
      if (stops && points && points.length > 0 && !seen.has(series)) seen.set(series, { series, look, points })
    }
    return [...seen.values()]
  })

  /** Rows of end labels and how much room they ask for. */
  #endTexts = $derived.by(() =>
    this.#props().labels
      ? this.drawings.flatMap(({ label, series, look }) =>
          label?.place === 'end' ? [{ ...label, series, look, text: label.text ?? series }] : [],
        )
      : [],
  )

  #rightMargin = $derived.by(() => {
    if (this.bare) return 2
    const widest = Math.max(0, ...this.#endTexts.map(({ text }) => textWidth(text, this.labelSize, true))) + this.#readingWidth
    return widest === 0 ? 14 * this.unit : Math.min(MAX_LABEL * this.unit, this.width * 0.45, widest + 18 * this.unit)
  })

  /** Room for the values beside the labels; none in a narrow chart. */
  #readingWidth = $derived.by(() => {
    if (this.#props().read === null || this.#endTexts.length === 0 || this.width < 380 * this.unit) return 0
    const texts = this.#endTexts.map(({ y }) => this.formatY(y))
    return Math.max(...texts.map((text) => textWidth(text, this.labelSize))) + 8 * this.unit
  })

  /** The value of a series where the cursor is, else at the x the page reads; only ever a drawn point's. */
  reading(series: string): string {
    if (this.#readingWidth === 0) return ''
    const points = this.stops.find((stop) => stop.series === series)?.points
    const end = points?.findLast(({ y }) => y !== null)
    const at = this.cursor ? this.stops[this.cursor.series]?.points[this.cursor.point]?.x : end?.x
    const point = points?.[nearestAlong(points, this.x, this.x.at(at))]
    return point && point.y !== null && Math.abs(this.x.at(point.x) - this.x.at(at)) < 6 ? this.formatY(point.y) : ''
  }

  #vertical = $derived.by(() => {
    if (this.bare) return [2, this.height - 2] as const
    const named = !isCategory(this.#props().y) || Boolean(this.#props().y.label)
    const head = Math.max(0, ...this.drawings.map((drawing) => drawing.head ?? 0))
    return [(named ? 20 : 8) * this.unit + head, this.height - (this.#labelBelow ? 34 : 20) * this.unit] as const
  })

  #labelBelow = $derived.by(() => {
    const { x } = this.#props()
    return !isCategory(x) || Boolean(x.label)
  })

  #extent(axis: 'x' | 'y', log: boolean, view: readonly [number, number] | null) {
    const acrossX = isCategory(this.#props().y)
    const measured = (axis === 'x') === acrossX
    return extentOf(
      (function* (drawings: readonly Drawing[]) {
        for (const { points, fromZero } of drawings) {
          if (!points) continue
          for (const point of points) {
            if (view && (typeof point.x !== 'number' || point.x < view[0] || point.x > view[1])) continue
            const value = point[axis]
            if (typeof value === 'number') yield value
            if (!measured) continue
            yield point.lo
            yield point.hi
          }
          if (fromZero && points.length > 0 && measured && !log) yield 0
        }
      })(this.drawings),
      log,
    )
  }

  y: Scale = $derived.by(() => {
    const spec = this.#props().y
    const [top, bottom] = this.#vertical
    if (isCategory(spec)) return categoryScale(spec, [top, bottom])
    const count = Math.max(2, Math.round((bottom - top) / (34 * this.unit)))
    const domain = domainOf(spec, this.#extent('y', spec.log === true, this.view), count, true)
    return numberScale(spec, domain, [bottom, top], { count, fontSize: this.fontSize, horizontal: false })
  })

  plot: Plot = $derived.by(() => {
    const [top, bottom] = this.#vertical
    const size = this.fontSize * (this.y.kind === 'category' ? CATEGORY_SIZE : 1)
    const widest = Math.max(0, ...this.y.ticks.map((tick) => textWidth(tick.text, size)))
    const left = this.bare ? 2 : Math.min(this.width * 0.42, Math.ceil(widest + 10 * this.unit))
    return { left, top, bottom, right: Math.max(left + 20, this.width - this.#rightMargin) }
  })

  x: Scale = $derived.by(() => {
    const spec = this.#props().x
    const { left, right } = this.plot
    if (isCategory(spec)) return categoryScale(spec, [left, right])
    const count = Math.max(2, Math.round((right - left) / (64 * this.unit)))
    const domain = this.view ?? domainOf(spec, this.#extent('x', spec.log === true, null), count, false)
    return numberScale(spec, domain, [left, right], { count, fontSize: this.fontSize, horizontal: true })
  })

  /** Values as text, from what the axes measure alone: safe to use inside a mark's description (scales are not). */
  formatX = (value: Value): string => formatOf(this.#props().x, value)
  formatY = (value: Value): string => formatOf(this.#props().y, value)

  clip = $derived.by(() => `url(#${this.id}-clip)`)

  /** Whether a pixel lies in the plot, marks at the rim included. */
  inside(x: number, y: number): boolean {
    const { left, right, top, bottom } = this.plot
    return x >= left - 0.5 && x <= right + 0.5 && y >= top - 0.5 && y <= bottom + 0.5
  }

  labels: readonly EndLabel[] = $derived.by(() => [...this.#columnLabels, ...this.#nearLabels])

  #columnLabels: readonly EndLabel[] = $derived.by(() => {
    const { top, bottom, right } = this.plot
    const ends = this.#endTexts
      .map((wish) => ({ wish, at: [Math.min(right, this.x.at(wish.x)), Math.min(bottom, Math.max(top, this.y.at(wish.y)))] as const }))
      .filter(({ at }) => !at.some(Number.isNaN))
    const placed = spread(
      ends.map(({ at }) => at[1]),
      this.labelSize * 1.22,
      top,
      bottom,
    )
    return ends.map(({ wish, at }, i) => ({
      text: fit(wish.text, this.width - right - 14 * this.unit - this.#readingWidth, this.labelSize, true),
      look: wish.look,
      series: wish.series,
      from: at,
      x: right + 14 * this.unit,
      y: placed[i],
      anchor: 'start' as const,
      leader: Math.abs(placed[i] - at[1]) > 1.5 || right - at[0] > 6,
      place: 'end' as const,
    }))
  })

  #nearLabels: readonly EndLabel[] = $derived.by(() => {
    const { left, right, top, bottom } = this.plot
    const size = this.labelSize
    const wish = ({ series, look, points }: Drawing, label: LabelWish, quiet: boolean) => {
      const x = this.x.at(label.x)
      const y = this.y.at(label.y)
      return this.inside(x, y) ? [{ text: label.text ?? series, series, look, points: quiet ? [] : points, x, y, quiet }] : []
    }
    const wishes = [
      ...this.drawings.flatMap((drawing) => (drawing.label?.place === 'near' ? wish(drawing, drawing.label, false) : [])),
      ...this.drawings.flatMap((drawing) => drawing.quietLabels?.().flatMap((label) => wish(drawing, label, true)) ?? []),
    ]
    const dot = (x: number, y: number): Box => ({ x: x - 4, y: y - 4, width: 8, height: 8 })
    const obstacles = wishes.flatMap(({ points }) => {
      const at = [...(points ?? [])].slice(-60).map((point) => [this.x.at(point.x), this.y.at(point.y)] as const)
      const between = at
        .slice(1)
        .flatMap(([x, y], i) => [0.25, 0.5, 0.75].map((t) => [at[i][0] + (x - at[i][0]) * t, at[i][1] + (y - at[i][1]) * t] as const))
      return [...at, ...between].filter(([x, y]) => !Number.isNaN(x + y)).map(([x, y]) => dot(x, y))
    })
    const anchors = wishes.map(({ text, x, y, quiet }) => ({
      x,
      y,
      width: textWidth(text, size, !quiet),
      height: size * 1.15,
      distance: quiet ? 2 : 8 * this.unit,
    }))
    const bounds = { x: left, y: top, width: right - left + 10, height: bottom - top }
    return placeNear(anchors, obstacles, bounds).map((place, i) => ({
      ...place,
      text: wishes[i].text,
      look: wishes[i].look,
      series: wishes[i].series,
      from: [wishes[i].x, wishes[i].y] as const,
      leader: false,
      place: wishes[i].quiet ? ('quiet' as const) : ('near' as const),
    }))
  })

  notes: readonly string[] = $derived.by(() => [...new Set(this.drawings.flatMap((drawing) => drawing.notes?.() ?? []))])
  summary = $derived.by(() => (this.width === 0 ? '' : summarize(this.stops, this.x, this.y)))
  /** All series' points at the cursor's x. */
  column = $derived.by(() => (this.cursor && this.stops[this.cursor.series] ? across(this.stops, this.x, this.cursor) : []))

  table(): Tabulated {
    const rows = this.drawings.flatMap<Row>((drawing) => drawing.rows?.() ?? [])
    return tabulate(rows, this.x, this.y, this.#props().seriesTitle)
  }

  /** 1 for the series pointed at (or when none is), less for the others. */
  strength(series: string): number {
    const { lit } = this.#props()
    return lit === null || lit === series ? 1 : 0.22
  }

  light(series: string | null): void {
    this.#props().light(series)
  }

  /** Marks outside the scale are left out; this says whether a value has a place. */
  has(x: Value | null | undefined, y: Value | null | undefined): boolean {
    return this.inside(this.x.at(x), this.y.at(y))
  }

  /** Called once by each mark while it is set up. Its points decide the scales, so only `rows`, `notes` and `quietLabels` may read those. */
  draw(read: () => Drawing): void {
    const mark = { read }
    this.#drawn.add(mark)
    this.#marks = [...this.#drawn]
    onDestroy(() => {
      this.#drawn.delete(mark)
      this.#marks = [...this.#drawn]
    })
  }
}

const formatOf = (spec: AxisSpec, value: Value) =>
  isCategory(spec) || typeof value !== 'number' ? String(value) : quantities[spec.quantity].format(value)

export const provideFrame = (frame: Frame): Frame => setContext(KEY, frame)

/** The chart a mark stands in. Throws when a mark is used outside of one. */
export function useFrame(): Frame {
  const frame = getContext<Frame | undefined>(KEY)
  if (!frame) throw new Error('a chart mark must be placed inside <Chart>')
  return frame
}

/** Look of a mark that was given none. */
export const plainLook: Look = { ...lookAt(0), color: 'var(--ink-2)', dash: '', marker: 'circle' }
