import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { codeOf, file, readAll } from '../files.ts'

/** RFC 4180. */
const written = (rows: readonly (readonly string[])[]): string =>
  rows.map((cells) => `${cells.map((text) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text)).join(',')}\r\n`).join('')

const cell = fc.string({ unit: fc.constantFrom('a', 'ß', '𝕏', '"', ',', ';', '\n', '\r\n', ' ', '=', '1', "'"), maxLength: 10 })

describe('separated values', () => {
  it('give back any cells that were written by the rules', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 2, max: 4 }),
        fc.array(fc.array(cell, { minLength: 4, maxLength: 4 }), { minLength: 1, maxLength: 12 }),
        async (width, table) => {
          const columns = ['one', 'two', 'three', 'four'].slice(0, width)
          const rows = table.map((cells) => cells.slice(0, width)).filter((cells) => cells.some((each) => each.trim() !== ''))
          if (rows.length === 0) return
          const { values, rejected } = await readAll(file('any.csv', written([columns, ...rows])))
          expect(rejected).toEqual([])
          expect(values).toEqual(rows.map((cells) => Object.fromEntries(columns.map((name, at) => [name, cells[at]]))))
        },
      ),
      { numRuns: 40 },
    )
  })

  it.each([
    [',', 'csv'],
    ['\t', 'tsv'],
    [';', 'csv'],
    ['|', 'csv'],
  ])('are recognised with %j between', async (delimiter, format) => {
    const result = await readAll(
      file(
        'data.txt',
        [
          ['a', 'b, c', 'd'],
          ['1', '2', '3'],
          ['4', '"5"', '6'],
        ]
          .map((cells) => cells.join(delimiter))
          .join('\n')
          .replace('b, c', 'b'),
      ),
    )
    expect(result.format).toBe(format)
    expect(result.values).toEqual([
      { a: '1', b: '2', d: '3' },
      { a: '4', b: '5', d: '6' },
    ])
  })

  it('may say in their first line what stands between, as Excel has it, and that line is no row', async () => {
    expect((await readAll(file('p.csv', 'sep=;\r\nproblem;answer\r\n"1,5 + 1; in all?";2,5\r\n2 + 2?;4\r\n'))).values).toEqual([
      { problem: '1,5 + 1; in all?', answer: '2,5' },
      { problem: '2 + 2?', answer: '4' },
    ])
    expect((await readAll(file('p.csv', '\ufeffsep=^\nproblem^answer\n1, 2 or 3?^3\n'))).values).toEqual([
      { problem: '1, 2 or 3?', answer: '3' },
    ])
    expect((await readAll(file('p.csv', 'sep=,answer\nsep=;,4\n'))).values).toEqual([{ 'sep=': 'sep=;', answer: '4' }])
  })

  it('with one column need a name that says what they are', async () => {
    expect((await readAll(file('one.csv', 'problem\nwhat?\nwhy?\n'))).values).toEqual([{ problem: 'what?' }, { problem: 'why?' }])
    expect(await codeOf(readAll(file('one.txt', 'problem\nwhat?\nwhy?\n')))).toBe('file.unknown')
  })

  it('name columns that have no name or a name twice', async () => {
    const { values, notes } = await readAll(file('names.csv', 'a,,a, a ,__proto__\n1,2,3,4,5\n'))
    expect(Object.entries(values[0] as object)).toEqual([
      ['a', '1'],
      ['column_2', '2'],
      ['a_2', '3'],
      ['a_3', '4'],
      ['__proto__', '5'],
    ])
    expect(notes).toMatchObject([{ code: 'columns.renamed', count: 3, detail: 'column_2, a_2, a_3' }])
  })

  it('lose one line to a stray quote, not the rest of the file', async () => {
    const rows = Array.from({ length: 500 }, (_, at) => `${at},"text ${at}",end`)
    rows[100] = '100,"text 100,end'
    rows[200] = '200,text "200",end'
    rows[300] = '300,"te"xt 300",end'
    const { values, rejected } = await readAll(file('stray.csv', `id,text,last\n${rows.join('\n')}\n`))
    expect(rejected.map(({ line, code }) => [line, code])).toEqual([
      [102, 'row.quotes'],
      [302, 'row.quotes'],
    ])
    expect(values).toHaveLength(498)
    expect((values[199] as { text: string }).text).toBe('text "200"')
  })

  it('with a quote that never closes give every other line', async () => {
    const { values, rejected } = await readAll(
      file('open.csv', `a,b\n1,"open\n${Array.from({ length: 50 }, (_, at) => `${at},x`).join('\n')}\n`),
    )
    expect(values).toHaveLength(50)
    expect(rejected.map(({ line, code }) => [line, code])).toEqual([[2, 'row.quotes']])
  })

  it('full of stray quotes take time in proportion to their size', async () => {
    const started = performance.now()
    const { values, rejected } = await readAll(file('worst.csv', `a,b\n${'"x\n'.repeat(100_000)}`))
    expect(values.length).toBe(0)
    expect(rejected.length).toBeGreaterThan(0)
    expect(performance.now() - started).toBeLessThan(60_000)
  })

  it('turn away a row with NUL bytes, one that is too long, and one cut off with its compressed file', async () => {
    const { values, rejected } = await readAll(file('odd.csv', `a,b\n1,\0\n2,${'x'.repeat(5000)}\n3,ok\n`), { maxRowBytes: 1000 })
    expect(values).toEqual([{ a: '3', b: 'ok' }])
    expect(rejected.map(({ line, code }) => [line, code])).toEqual([
      [2, 'row.nul'],
      [3, 'row.tooLong'],
    ])
  })

  it('are refused when their header cannot be read', async () => {
    expect(await codeOf(readAll(file('head.csv', 'a,"b\n1,2\n3,4\n5,6\n')))).toBe('csv.header')
  })
})
