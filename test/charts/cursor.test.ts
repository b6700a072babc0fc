/** Reading a chart with the pointer and with the keyboard, and in words. */
import { describe, expect, it } from 'vitest'
import { across, move, nearest, nearestAlong, type Stops } from '../../src-renderer/charts/cursor.ts'
import { numberScale } from '../../src-renderer/charts/scale.ts'
import { speak, summarize } from '../../src-renderer/charts/summary.ts'

const x = numberScale({ quantity: 'budget' }, [0, 100], [0, 100], { count: 5, fontSize: 10, horizontal: true })
const y = numberScale({ quantity: 'fraction', label: 'accuracy' }, [0, 1], [100, 0], { count: 5, fontSize: 10, horizontal: false })
const stops: readonly Stops[] = [
  {
    series: 'MRT',
    points: [
      { x: 0, y: 0.4 },
      { x: 50, y: null },
      { x: 60, y: 0.8, lo: 0.75, hi: 0.85 },
      { x: 100, y: 0.7 },
    ],
  },
  {
    series: 'start',
    points: [
      { x: 0, y: 0.3 },
      { x: 100, y: 0.35 },
    ],
  },
  { series: 'empty', points: [{ x: 0, y: null }] },
]

describe('the pointer', () => {
  it('reads the nearest x first, then the nearest series', () => {
    expect(nearest(stops, x, y, 96, 60, true)).toEqual({ series: 1, point: 1 })
    expect(nearest(stops, x, y, 96, 35, true)).toEqual({ series: 0, point: 3 })
  })
  it('reads the nearest point of all where x is not the way through', () => {
    expect(nearest(stops, x, y, 58, 18, false)).toEqual({ series: 0, point: 2 })
  })
  it('skips gaps', () => {
    expect(nearestAlong(stops[0].points, x, 50)).toBe(2)
  })
  it('lists only series that have a value there', () => {
    expect(across(stops, x, { series: 0, point: 2 })).toEqual([{ series: 0, point: 2 }])
    expect(across(stops, x, { series: 0, point: 0 })).toHaveLength(2)
  })
  it('finds the same point in a long series as a scan does', () => {
    const points = Array.from({ length: 50_000 }, (_, i) => ({ x: i / 500, y: i % 3 === 0 ? null : i }))
    for (const pixel of [0, 13.37, 50, 99.9, 100]) {
      const found = nearestAlong(points, x, pixel)
      const best = Math.min(...points.filter((point) => point.y !== null).map((point) => Math.abs(point.x - pixel)))
      expect(Math.abs(points[found].x - pixel)).toBeCloseTo(best, 9)
    }
  })
})

describe('the keyboard', () => {
  it('starts at the first point and walks over gaps', () => {
    const first = move(stops, x, null, 'ArrowRight')
    expect(first).toEqual({ series: 0, point: 0 })
    expect(move(stops, x, first, 'ArrowRight')).toEqual({ series: 0, point: 2 })
  })
  it('stops at the ends', () => {
    expect(move(stops, x, { series: 0, point: 3 }, 'ArrowRight')).toEqual({ series: 0, point: 3 })
    expect(move(stops, x, { series: 0, point: 3 }, 'Home')).toEqual({ series: 0, point: 0 })
  })
  it('changes series at the nearest x, leaving out empty ones', () => {
    expect(move(stops, x, { series: 0, point: 2 }, 'ArrowDown')).toEqual({ series: 1, point: 1 })
    expect(move(stops, x, { series: 1, point: 1 }, 'ArrowDown')).toEqual({ series: 0, point: 3 })
  })
  it('has nowhere to go on an empty chart', () => {
    expect(move([stops[2]], x, null, 'ArrowRight')).toBeNull()
  })
})

describe('in words', () => {
  it('a stop says series, place, value, interval and how far along it is', () => {
    expect(speak(stops[0], 2, x, y)).toBe('MRT, 60 tokens: 0.800, interval 0.750 to 0.850. Point 2 of 3.')
  })
  it('a chart says its axes, then where each series starts, peaks and ends', () => {
    const words = summarize(stops, x, y)
    expect(words).toContain('x: thinking budget (tokens), 0 to 100 tokens.')
    expect(words).toContain('2 series.')
    expect(words).toContain('MRT: 3 points from 0.400 at 0 tokens to 0.700 at 100 tokens, highest 0.800 at 60 tokens.')
  })
  it('an empty chart says so', () => {
    expect(summarize([], x, y)).toContain('Nothing is drawn.')
  })
})
