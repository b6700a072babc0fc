/** A table's order, its window on the rows, and its text for papers. */
import { describe, expect, it } from 'vitest'
import { sortRows, toCsv, toLatex, toMarkdown, windowOf, type Column } from '../../src-renderer/parts/tableText.ts'

interface Row {
  readonly name: string
  readonly accuracy: number | null
}
const rows: readonly Row[] = [
  { name: 'run 10', accuracy: 0.722 },
  { name: 'run 9', accuracy: null },
  { name: 'run_2 & co', accuracy: 0.555 },
]
const columns: readonly Column<Row>[] = [
  { id: 'name', title: 'method', value: (row) => row.name },
  {
    id: 'accuracy',
    title: 'accuracy',
    unit: '%',
    value: (row) => row.accuracy,
    text: (row) => (row.accuracy === null ? '–' : (row.accuracy * 100).toFixed(1)),
    quiet: (row) => (row.accuracy === null ? '' : '±1.4'),
    bounds: (row) => (row.accuracy === null ? null : [row.accuracy - 0.014, row.accuracy + 0.014]),
  },
]

describe('order', () => {
  it('puts absent values last in both directions', () => {
    for (const descending of [true, false]) expect(sortRows(rows, columns, { id: 'accuracy', descending })[2].name).toBe('run 9')
    expect(sortRows(rows, columns, { id: 'accuracy', descending: true })[0].name).toBe('run 10')
  })
  it('reads numbers inside names', () => {
    expect(sortRows(rows, columns, { id: 'name', descending: false }).map(({ name }) => name)).toEqual(['run 9', 'run 10', 'run_2 & co'])
  })
  it('keeps the rows as they came without an order, and equal rows as they were', () => {
    expect(sortRows(rows, columns, null)).toBe(rows)
    const same = [1, 2, 3].map((i) => ({ name: `${i}`, accuracy: 1 }))
    expect(sortRows(same, columns, { id: 'accuracy', descending: true })).toEqual(same)
  })
})

describe('the window', () => {
  it('draws only what is near the view and stands in for the rest', () => {
    const shown = windowOf(30_000, 300, 30, 120_000, 10)
    expect(shown).toEqual({ from: 990, to: 1020, above: 29_700, below: (120_000 - 1020) * 30 })
  })
  it('always adds up to the full height', () => {
    for (const top of [0, 17, 5000, 3_600_000]) {
      const { from, to, above, below } = windowOf(top, 300, 30, 120_000)
      expect(above + (to - from) * 30 + below).toBe(120_000 * 30)
    }
  })
  it('survives a list that became shorter than the scroll position', () => {
    expect(windowOf(9000, 300, 30, 3)).toMatchObject({ to: 3, below: 0 })
  })
})

describe('as text', () => {
  it('CSV carries full precision and the bounds', () => {
    expect(toCsv(columns, rows).split('\n').slice(0, 3)).toEqual([
      'method,accuracy_percent,accuracy_percent_low,accuracy_percent_high',
      'run 10,0.722,0.708,0.736',
      'run 9,,,',
    ])
  })
  it('Markdown aligns numbers and escapes bars', () => {
    expect(toMarkdown(columns, [{ name: 'a|b', accuracy: 0.5 }])).toBe('| method | accuracy (%) |\n| --- | ---: |\n| a\\|b | 50.0 ±1.4 |\n')
  })
  it('LaTeX is a booktabs table that compiles: signs escaped, plus-minus in maths', () => {
    const text = toLatex(columns, rows)
    expect(text).toContain('\\begin{tabular}{lr}\n\\toprule\nmethod & accuracy (\\%) \\\\')
    expect(text).toContain('run\\_2 \\& co & 55.5 $\\pm$1.4 \\\\')
    expect(text).toContain('run 9 & -- \\\\')
  })
})
