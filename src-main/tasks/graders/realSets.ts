// Sets of real numbers as unions of intervals, so that an inequality, an interval, a union and
// "all reals except 2" can be compared. Endpoints stay expressions; their order is taken from
// their numeric values, and a set whose endpoints have none is kept as written.

import { constant, minus } from './expression.ts'
import type { Expression } from './expression.ts'
import { approximate } from './numeric.ts'

export type Interval = { readonly low: Expression; readonly high: Expression; readonly lowClosed: boolean; readonly highClosed: boolean }

/** Disjoint intervals from left to right; a single point is a closed interval of no length. */
export type RealSet = readonly Interval[]

export const INFINITY = constant('infinity')
export const MINUS_INFINITY = minus(INFINITY)
export const REALS: RealSet = [{ low: MINUS_INFINITY, high: INFINITY, lowClosed: false, highClosed: false }]

export const point = (x: Expression): Interval => ({ low: x, high: x, lowClosed: true, highClosed: true })

const touches = (a: number, b: number): boolean =>
  a === b || (Number.isFinite(a - b) && Math.abs(a - b) <= 1e-12 * Math.max(Math.abs(a), Math.abs(b)))

/** True when every endpoint has a numeric value, so that the set can be put in order. */
const isOrdered = (set: RealSet): boolean =>
  set.every(({ low, high }) => !Number.isNaN(approximate(low)) && !Number.isNaN(approximate(high)))

/** Sorts, drops empty pieces and joins pieces that touch or overlap. Sets with symbolic endpoints are returned unchanged. */
export const normalise = (set: RealSet): RealSet => {
  if (!isOrdered(set)) return set
  const pieces = set
    .map((piece) => {
      const [low, high] = [approximate(piece.low), approximate(piece.high)]
      return { ...piece, from: low, to: high }
    })
    .filter((piece) => (touches(piece.from, piece.to) ? piece.lowClosed && piece.highClosed : piece.from < piece.to))
    .sort((a, b) => a.from - b.from || Number(b.lowClosed) - Number(a.lowClosed))
  const joined: typeof pieces = []
  for (const piece of pieces) {
    const last = joined.at(-1)
    const meets = last !== undefined && (touches(piece.from, last.to) ? piece.lowClosed || last.highClosed : piece.from < last.to)
    if (!meets) joined.push(piece)
    else if (touches(piece.to, last.to)) joined[joined.length - 1] = { ...last, highClosed: last.highClosed || piece.highClosed }
    else if (piece.to > last.to) joined[joined.length - 1] = { ...last, high: piece.high, highClosed: piece.highClosed, to: piece.to }
  }
  return joined.map(({ low, high, lowClosed, highClosed }) => ({ low, high, lowClosed, highClosed }))
}

export const union = (a: RealSet, b: RealSet): RealSet => normalise([...a, ...b])

/** Everything real outside the set, or null when its endpoints cannot be put in order. */
export const complement = (set: RealSet): RealSet | null => {
  const ordered = normalise(set)
  if (!isOrdered(ordered)) return null
  const gaps: Interval[] = []
  let [low, lowClosed]: [Expression, boolean] = [MINUS_INFINITY, false]
  for (const piece of ordered) {
    gaps.push({ low, lowClosed, high: piece.low, highClosed: !piece.lowClosed && piece.low !== MINUS_INFINITY })
    ;[low, lowClosed] = [piece.high, !piece.highClosed]
  }
  gaps.push({ low, lowClosed, high: INFINITY, highClosed: false })
  return normalise(gaps.filter((gap) => approximate(gap.low) !== Infinity && approximate(gap.high) !== -Infinity))
}

/** De Morgan: what is in neither complement. */
export const intersection = (a: RealSet, b: RealSet): RealSet | null => {
  const [outsideA, outsideB] = [complement(a), complement(b)]
  return outsideA && outsideB && complement(union(outsideA, outsideB))
}
