/** Direct labels: none covers another, none moves further than it must. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { placeNear, spread } from '../../src-renderer/charts/labels.ts'
import { fit, textWidth } from '../../src-renderer/charts/textWidth.ts'

describe('a column of labels', () => {
  it('stays where it is when nothing touches', () => {
    expect(spread([10, 50, 90], 12, 0, 100)).toEqual([10, 50, 90])
  })
  it('parts two equal labels evenly around their place', () => {
    expect(spread([50, 50], 12, 0, 100)).toEqual([44, 56])
  })
  it('keeps the order, the gap and the bounds whatever it is given', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: -50, max: 250, noNaN: true }), { minLength: 1, maxLength: 12 }), (wanted) => {
        const placed = spread(wanted, 13, 0, 200)
        const order = wanted.map((_, i) => i).sort((a, b) => wanted[a] - wanted[b] || a - b)
        order.slice(1).forEach((index, rank) => expect(placed[index] - placed[order[rank]]).toBeGreaterThanOrEqual(13 - 1e-6))
        for (const at of placed) expect(at).toBeGreaterThanOrEqual(-1e-6)
        for (const at of placed) expect(at).toBeLessThanOrEqual(200 + 1e-6)
      }),
    )
  })
  it('moves labels less in total than any other legal place nearby', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 20, max: 80 }), { minLength: 2, maxLength: 5 }),
        fc.array(fc.double({ min: -3, max: 3, noNaN: true }), { minLength: 5, maxLength: 5 }),
        (wanted, nudge) => {
          const placed = spread(wanted, 10, -1000, 1000)
          const cost = (at: readonly number[]) => at.reduce((sum, value, i) => sum + (value - wanted[i]) ** 2, 0)
          const other = placed.map((value, i) => value + nudge[i])
          const sorted = [...other].sort((a, b) => a - b)
          const order = (at: readonly number[]) =>
            at
              .map((_, i) => i)
              .sort((a, b) => at[a] - at[b])
              .join()
          const legal = sorted.slice(1).every((value, i) => value - sorted[i] >= 10) && order(other) === order(placed)
          if (legal) expect(cost(placed)).toBeLessThanOrEqual(cost(other) + 1e-6)
        },
      ),
    )
  })
  it('shrinks the gap when the room is too small, instead of leaving it', () => {
    expect(spread([5, 5, 5], 20, 0, 20)).toEqual([0, 10, 20])
  })
})

describe('labels beside dots', () => {
  const bounds = { x: 0, y: 0, width: 300, height: 200 }
  const anchor = (x: number, y: number) => ({ x, y, width: 60, height: 12, distance: 8 })
  const box = ({ x, y, anchor: side }: ReturnType<typeof placeNear>[number]) => ({
    left: side === 'start' ? x : side === 'end' ? x - 60 : x - 30,
    top: y - 6,
  })
  it('stand to the right when there is room', () => {
    expect(placeNear([anchor(100, 100)], [], bounds)).toEqual([{ x: 108, y: 100, anchor: 'start' }])
  })
  it('turn to the left at the right edge', () => {
    expect(placeNear([anchor(290, 100)], [], bounds)[0].anchor).toBe('end')
  })
  it('do not cover each other when their dots coincide', () => {
    const [a, b] = placeNear([anchor(100, 100), anchor(101, 101)], [], bounds).map(box)
    expect(Math.abs(a.left - b.left) >= 60 || Math.abs(a.top - b.top) >= 9).toBe(true)
  })
  it('avoid an obstacle on their favourite side', () => {
    expect(placeNear([anchor(100, 100)], [{ x: 105, y: 90, width: 80, height: 20 }], bounds)[0]).not.toEqual({
      x: 108,
      y: 100,
      anchor: 'start',
    })
  })
})

describe('text estimates', () => {
  it('grow with the text and with the size', () => {
    expect(textWidth('MRT-exact', 11)).toBeGreaterThan(textWidth('MRT', 11))
    expect(textWidth('MRT', 22)).toBeCloseTo(2 * textWidth('MRT', 11))
  })
  it('cut a text to its room and say so', () => {
    const cut = fit('shuffled progress − outcome RL', 80, 11)
    expect(cut).toMatch(/^shuffled.*…$/)
    expect(textWidth(cut, 11)).toBeLessThanOrEqual(80)
    expect(fit('MRT', 80, 11)).toBe('MRT')
  })
})
