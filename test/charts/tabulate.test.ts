/** The table behind a chart and its CSV: the picture, once, in full precision. */
import { parse } from 'csv-parse/sync'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { pointRows } from '../../src-renderer/charts/drawing.ts'
import { csv, join, tableCsv, tabulate } from '../../src-renderer/charts/tabulate.ts'

const x = { label: 'thinking budget (tokens)', column: 'thinking_budget_tokens', kind: 'number' as const }
const y = { label: 'accuracy', column: 'accuracy', kind: 'number' as const }

describe('joining', () => {
  it('makes one row of a line and its band', () => {
    const line = pointRows('MRT', [{ x: 64, y: 0.722 }])
    const band = [{ series: 'MRT', x: 64, low: 0.708, high: 0.736 }]
    expect(join([...band, ...line])).toEqual([{ series: 'MRT', x: 64, y: 0.722, low: 0.708, high: 0.736 }])
  })
  it('keeps two observations at the same place apart', () => {
    expect(
      join([
        { series: 'a', x: 1, y: 2 },
        { series: 'a', x: 1, y: 3 },
      ]),
    ).toHaveLength(2)
  })
  it('does not mix series', () => {
    expect(
      join([
        { series: 'a', x: 1, y: 2 },
        { series: 'b', x: 1, low: 1, high: 3 },
      ]),
    ).toHaveLength(2)
  })
})

describe('the table', () => {
  it('has only columns that hold something, named with their units', () => {
    const table = tabulate(
      pointRows('MRT', [
        { x: 0, y: 0.376 },
        { x: 12, y: null },
        { x: 24, y: 0.493, lo: 0.48, hi: 0.51 },
      ]),
      x,
      y,
      'run',
    )
    expect(table.columns.map(({ title }) => title)).toEqual(['run', 'thinking budget (tokens)', 'accuracy', 'low', 'high'])
    expect(tableCsv(table)).toBe('run,thinking_budget_tokens,accuracy,accuracy_low,accuracy_high\nMRT,0,0.376,,\nMRT,24,0.493,0.48,0.51\n')
  })
  it('says whose interval it is when the categories stand on the y axis', () => {
    const categories = { label: '', column: 'comparison', kind: 'category' as const }
    expect(
      tableCsv(
        tabulate(
          [{ series: 'd', x: 0.05, y: 'A − B', low: 0.04, high: 0.06 }],
          { ...y, label: 'difference', column: 'difference' },
          categories,
        ),
      ).split('\n')[0],
    ).toBe('series,difference,comparison,difference_low,difference_high')
  })
})

describe('CSV', () => {
  it('survives a reader whatever the text holds', () => {
    fc.assert(
      fc.property(fc.array(fc.array(fc.string(), { minLength: 2, maxLength: 2 }), { minLength: 1, maxLength: 6 }), (rows) => {
        const read = parse(csv(['a', 'b'], rows), { relaxColumnCount: false, recordDelimiter: '\n' }) as string[][]
        const runs = (text: string): boolean => /^[=+\-@\t\r\n]/.test(text) && Number.isNaN(Number(text.trim() || 'x'))
        expect(read).toEqual([['a', 'b'], ...rows.map((row) => row.map((text) => (runs(text) ? `'${text}` : text)))])
      }),
    )
  })
  it('never holds a cell that a spreadsheet would run, and leaves numbers alone', () => {
    expect(csv(['text'], [['=SUM(A1)'], ['+1+1'], ['@now'], ['-2+3'], ['-0.5'], [-0.5], ['plain']])).toBe(
      "text\n'=SUM(A1)\n'+1+1\n'@now\n'-2+3\n-0.5\n-0.5\nplain\n",
    )
  })
  it('keeps numbers to the last digit and leaves absent ones empty', () => {
    expect(csv(['v'], [[0.1 + 0.2], [null], [NaN], [-3e-9]])).toBe('v\n0.30000000000000004\n\n\n-3e-9\n')
  })
})
