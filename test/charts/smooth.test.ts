/** The one smoothing a chart offers. */
import { describe, expect, it } from 'vitest'
import { smooth } from '../../src-renderer/charts/smooth.ts'

describe('the debiased moving average', () => {
  it('changes nothing at weight 0', () => {
    expect(smooth([1, 5, 2], 0)).toEqual([1, 5, 2])
  })
  it('starts at the first value instead of near zero', () => {
    expect(smooth([4, 4, 4], 0.99)).toEqual([4, 4, 4].map((value) => expect.closeTo(value, 12)))
  })
  it('follows its formula by hand', () => {
    // s1 = .5*2 / .5 = 2; s2 = (.5*1 + .5*6) / .75
    expect(smooth([2, 6], 0.5)).toEqual([2, expect.closeTo(3.5 / 0.75, 12)])
  })
  it('leaves gaps open and takes up after them where it was', () => {
    const [a, gap, b] = smooth([2, null, 6], 0.5)
    expect(gap).toBeNull()
    expect([a, b]).toEqual(smooth([2, 6], 0.5))
  })
  it('refuses a weight of 1, which would never move', () => {
    expect(() => smooth([1], 1)).toThrow(/must be in \[0, 1\), got 1/)
  })
})
