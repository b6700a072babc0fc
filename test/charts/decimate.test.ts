/** A decimated line must make the picture of the full one. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decimate } from '../../src-renderer/charts/decimate.ts'

const series = (values: readonly (number | null)[]) => values.map((y, x) => ({ x, y }))
const fitTo = (count: number, width: number) => (x: number) => (x / Math.max(1, count - 1)) * width

describe('decimation', () => {
  it('leaves a series that fits alone', () => {
    const points = series([1, 2, 3])
    expect(decimate(points, (x) => x, 0, 100)).toEqual({ points, reduced: false })
  })

  it('keeps the lowest and the highest point of every pixel column, in order, and invents nothing', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { minLength: 300, maxLength: 1500 }), (values) => {
        const points = series(values)
        const at = fitTo(points.length, 40)
        const { points: kept, reduced } = decimate(points, at, 0, 40)
        expect(reduced).toBe(true)
        expect(kept.length).toBeLessThanOrEqual(41 * 4)
        expect(kept.every((point, i) => points.includes(point) && (i === 0 || point.x > kept[i - 1].x))).toBe(true)
        for (let column = 0; column <= 40; column += 1) {
          const inside = (point: { x: number }) => Math.floor(at(point.x)) === column
          const all = points.filter(inside).map(({ y }) => (y as number) + 0)
          const few = kept.filter(inside).map(({ y }) => (y as number) + 0)
          if (all.length > 0) expect([Math.min(...few), Math.max(...few)]).toEqual([Math.min(...all), Math.max(...all)])
        }
      }),
      { numRuns: 30 },
    )
  })

  it('never bridges a gap', () => {
    const points = series(Array.from({ length: 2000 }, (_, i) => (i >= 900 && i < 1100 ? null : Math.sin(i / 9))))
    const { points: kept } = decimate(points, fitTo(2000, 50), 0, 50)
    const before = kept.findLast(({ x, y }) => x < 900 && y !== null)
    const after = kept.findIndex(({ x }) => x >= 1100)
    expect(before?.x).toBe(899)
    expect(kept[after - 1].y).toBeNull()
  })

  it('looks only at what the view shows, with one neighbour on each side', () => {
    const points = series(Array.from({ length: 10_000 }, (_, i) => i % 7))
    const { points: kept, reduced } = decimate(points, (x) => (x - 5000) * 10, 0, 300)
    expect(reduced).toBe(false)
    expect([kept[0].x, kept[kept.length - 1].x]).toEqual([4999, 5031])
  })
})
