import { describe, expect, it } from 'vitest'
import type { Column } from '../../src-renderer/parts/tableText.ts'
import { fitColumns, halvesOf, measureColumns } from '../../src-renderer/parts/tableWidths.ts'

const columns: readonly Column<number>[] = [
  { id: 'a', title: 'a rather long title', value: (row) => row },
  { id: 'b', title: 'another', unit: 'tokens', value: (row) => 1000 * row },
]
const measured = measureColumns(columns, [1, 2, 3], { unit: 1, corner: 24 })
const sum = (of: 'least' | 'folded' | 'natural'): number => measured.reduce((total, column) => total + column[of], 0)

describe('columns', () => {
  it('have what they would like where there is room, or it is not known, and heads on one line', () => {
    for (const room of [0, sum('natural'), 5000]) {
      const { total, twoLines } = fitColumns(columns, measured, room)
      expect(total).toBeCloseTo(sum('natural'), 6)
      expect(twoLines).toBe(false)
    }
  })

  it('fill the room with heads on two lines, then with heads that give way to numbers', () => {
    expect(sum('least')).toBeLessThan(sum('folded'))
    expect(sum('folded')).toBeLessThan(sum('natural'))
    for (const room of [sum('natural') - 5, sum('folded'), sum('folded') - 5, sum('least')]) {
      const { total, twoLines, columns: fitted } = fitColumns(columns, measured, room)
      expect(total).toBeCloseTo(room, 6)
      expect(twoLines).toBe(true)
      for (const { width, least } of fitted) expect(width).toBeGreaterThanOrEqual(least - 1e-9)
    }
  })

  it('show heads and numbers whole where the table has to scroll sideways anyway', () => {
    expect(fitColumns(columns, measured, sum('least') - 1).total).toBeCloseTo(sum('folded'), 6)
  })

  it('of a width of their own keep it, and only the last makes way for what stands over it', () => {
    const [own, last] = measureColumns([{ ...columns[0]!, width: 4 }, columns[1]!], [1], { unit: 1, corner: 24 })
    expect([own!.least, own!.folded, own!.natural]).toEqual([64, 64, 64])
    const [, free] = measureColumns([{ ...columns[0]!, width: 4 }, columns[1]!], [1], { unit: 1, corner: 0 })
    expect(last!.natural - free!.natural).toBeCloseTo(24, 6)
  })

  it('of a width of their own cut no number from the interval beside it', () => {
    const of = (quiet: string) => measureColumns([{ ...columns[1]!, width: 4, quiet: () => quiet }], [1], { unit: 1, corner: 0 })[0]!.least
    expect(of('±5')).toBe(measureColumns([{ ...columns[1]!, quiet: () => '±5' }], [1], { unit: 1, corner: 0 })[0]!.least)
    expect(of('+9.1 to +23.0')).toBeGreaterThan(of('±5') + 40)
    expect(of('')).toBe(64)
  })
})

describe('a title', () => {
  it('breaks where its longer line is shortest, and a word stays whole', () => {
    expect(halvesOf('accuracy @120')).toEqual(['accuracy', '@120'])
    expect(halvesOf('tokens for 63 %')).toEqual(['tokens', 'for 63 %'])
    expect(halvesOf('overthinking')).toEqual(['overthinking'])
  })
})
