/**
 * How a run or method looks, everywhere: one colour, one dash, one marker, always with its name beside it.
 * Twelve slots. The first four belong to the start model, outcome reward, length penalty and MRT; dash and marker
 * together are different in every slot, so a figure survives colour blindness and a monochrome printer.
 */

export type Marker = 'circle' | 'square' | 'triangle' | 'diamond' | 'ring' | 'cross' | 'plus' | 'box' | 'star' | 'gem' | 'wedge' | 'bar'

export interface Look {
  readonly slot: number
  /** A CSS colour; follows the theme. */
  readonly color: string
  /** SVG dash array in pixels; empty is solid. */
  readonly dash: string
  readonly marker: Marker
}

const patterns: readonly (readonly [dash: string, marker: Marker])[] = [
  ['1.5 3', 'ring'],
  ['', 'square'],
  ['6 3.5', 'triangle'],
  ['', 'circle'],
  ['9 3 2 3', 'diamond'],
  ['12 4', 'cross'],
  ['', 'box'],
  ['4 2.5', 'plus'],
  ['9 3 2 3', 'wedge'],
  ['1.5 3', 'gem'],
  ['12 4', 'star'],
  ['6 3.5', 'bar'],
]

export const looks: readonly Look[] = patterns.map(([dash, marker], slot) => ({ slot, color: `var(--run-${slot})`, dash, marker }))

/** Series within one run, beside the run's own: colours, dashes and markers that no method has. */
export const partLooks: readonly Look[] = (
  [
    ['3 2', 'bar'],
    ['1.5 3', 'plus'],
    ['8 2.5 1.5 2.5', 'wedge'],
    ['5 2 5 5', 'gem'],
  ] as const
).map(([dash, marker], slot) => ({ slot: 100 + slot, color: `var(--part-${slot})`, dash, marker }))

/** The slot a family of methods has by right; the rest are given in order of appearance. */
export const familySlots: Readonly<Record<string, number>> = { start: 0, outcome: 1, length: 2, mrt: 3 }

/** The look of slot `slot`; past twelve they repeat, which a page should avoid by grouping. */
export function lookAt(slot: number): Look {
  return looks[((slot % looks.length) + looks.length) % looks.length]
}

/**
 * One look per item, in order. The first item of a known family takes the family's slot; every other item takes the
 * next free one, starting after the reserved four. Stable: adding an item at the end moves nobody.
 */
export function assignLooks(families: readonly (string | undefined)[]): readonly Look[] {
  const taken = new Set<number>()
  const free = [4, 5, 6, 7, 8, 9, 10, 11, 1, 2, 3, 0]
  return families.map((family) => {
    const reserved = family === undefined ? undefined : familySlots[family]
    const slot = reserved !== undefined && !taken.has(reserved) ? reserved : (free.find((candidate) => !taken.has(candidate)) ?? taken.size)
    taken.add(slot)
    return lookAt(slot)
  })
}

interface Shape {
  /** Path for "radius" r around the origin. */
  readonly path: (r: number) => string
  /** Drawn as an outline over paper rather than filled. */
  readonly open?: boolean
}

const n = (value: number) => String(Math.round(value * 100) / 100)
const poly = (...points: readonly (readonly [number, number])[]) => `M${points.map(([x, y]) => `${n(x)},${n(y)}`).join('L')}Z`
const disc = (r: number) => `M${n(-r)},0A${n(r)},${n(r)} 0 1 1 ${n(r)},0A${n(r)},${n(r)} 0 1 1 ${n(-r)},0Z`

export const markers: Readonly<Record<Marker, Shape>> = {
  circle: { path: disc },
  ring: { path: (r) => disc(r * 0.9), open: true },
  square: { path: (r) => poly([-r * 0.88, -r * 0.88], [r * 0.88, -r * 0.88], [r * 0.88, r * 0.88], [-r * 0.88, r * 0.88]) },
  box: { path: (r) => poly([-r * 0.85, -r * 0.85], [r * 0.85, -r * 0.85], [r * 0.85, r * 0.85], [-r * 0.85, r * 0.85]), open: true },
  triangle: { path: (r) => poly([0, -r * 1.15], [r * 1.08, r * 0.8], [-r * 1.08, r * 0.8]) },
  wedge: { path: (r) => poly([0, r * 1.15], [r * 1.08, -r * 0.8], [-r * 1.08, -r * 0.8]) },
  diamond: { path: (r) => poly([0, -r * 1.25], [r * 1.1, 0], [0, r * 1.25], [-r * 1.1, 0]) },
  gem: { path: (r) => poly([0, -r * 1.2], [r * 1.05, 0], [0, r * 1.2], [-r * 1.05, 0]), open: true },
  cross: {
    path: (r) =>
      `M${n(-r * 0.85)},${n(-r * 0.85)}L${n(r * 0.85)},${n(r * 0.85)}M${n(-r * 0.85)},${n(r * 0.85)}L${n(r * 0.85)},${n(-r * 0.85)}`,
    open: true,
  },
  plus: { path: (r) => `M0,${n(-r * 1.1)}V${n(r * 1.1)}M${n(-r * 1.1)},0H${n(r * 1.1)}`, open: true },
  bar: { path: (r) => `M0,${n(-r * 1.2)}V${n(r * 1.2)}`, open: true },
  star: {
    path: (r) =>
      poly(
        ...Array.from({ length: 10 }, (_, i): [number, number] => {
          const reach = i % 2 ? r * 0.52 : r * 1.25
          const angle = (Math.PI / 5) * i
          return [reach * Math.sin(angle), -reach * Math.cos(angle)]
        }),
      ),
  },
}
