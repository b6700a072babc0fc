import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createScanner } from '../../../src-main/data/read/jsonScan.ts'
import type { Found } from '../../../src-main/data/read/jsonScan.ts'
import { file, readAll } from '../files.ts'

const value = fc.jsonValue({ maxDepth: 3 }).map((each): unknown => JSON.parse(JSON.stringify(each)))
const row = fc.tuple(fc.nat(), fc.dictionary(fc.string({ maxLength: 6 }), value, { maxKeys: 4 })).map(([id, rest]) => ({ id, ...rest }))

/** Feeds a text in pieces cut at the given places. */
function scan(text: string, cuts: readonly number[], shape: 'array' | 'wrapped' | 'sequence'): Found[] {
  const bytes = Buffer.from(text)
  const scanner = createScanner(shape, 0, 1 << 20)
  const places = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b)
  const found: Found[] = []
  let from = 0
  for (const to of [...places, bytes.length]) {
    found.push(...scanner.feed(bytes.subarray(from, to)))
    from = to
  }
  return [...found, ...scanner.end().found]
}

describe('the scanner', () => {
  it('finds every row of a list wherever the text is cut into chunks, at its exact place', () => {
    fc.assert(
      fc.property(
        fc.array(row, { maxLength: 8 }),
        fc.constantFrom(0, 1, 4),
        fc.array(fc.nat(), { maxLength: 12 }),
        (rows, indent, cuts) => {
          const text = JSON.stringify(rows, null, indent)
          const found = scan(text, cuts, 'array')
          expect(found.map(({ kind }) => kind)).toEqual(rows.map(() => 'row'))
          expect(found.map(({ bytes }) => JSON.parse(bytes.toString()) as unknown)).toEqual(JSON.parse(JSON.stringify(rows)))
          for (const { start, end, bytes, line } of found) {
            expect(Buffer.from(text).subarray(start, end).equals(bytes)).toBe(true)
            expect(line).toBe(text.slice(0, Buffer.from(text).subarray(0, start).toString().length).split('\n').length)
          }
        },
      ),
      { numRuns: 300 },
    )
  })

  it('finds objects one after the other', () => {
    fc.assert(
      fc.property(
        fc.array(row, { minLength: 1, maxLength: 6 }),
        fc.constantFrom('\n', '', ',\n', ' '),
        fc.array(fc.nat(), { maxLength: 6 }),
        (rows, between, cuts) => {
          const found = scan(rows.map((each) => JSON.stringify(each, null, 2)).join(between), cuts, 'sequence')
          expect(found.map(({ bytes }) => JSON.parse(bytes.toString()) as unknown)).toEqual(JSON.parse(JSON.stringify(rows)))
        },
      ),
      { numRuns: 100 },
    )
  })

  it('accounts for every byte that is not white space, a comma or a bracket, whatever is done to the text', () => {
    const rows = Array.from({ length: 6 }, (_, id) => ({ id, text: `some {text} [with] "quotes" ${id}`, list: [{ id: 1 }, { id: 2 }] }))
    const change = fc.tuple(
      fc.constantFrom('delete', 'insert', 'replace', 'cut'),
      fc.nat(),
      fc.constantFrom('"', '{', '}', '[', ']', ',', ':', 'x', '\n', '\\', '\0'),
    )
    fc.assert(
      fc.property(
        fc.array(change, { minLength: 1, maxLength: 3 }),
        fc.boolean(),
        fc.array(fc.nat(), { maxLength: 4 }),
        (changes, pretty, cuts) => {
          let text = JSON.stringify(rows, null, pretty ? 1 : 0)
          for (const [kind, place, character] of changes) {
            const at = place % Math.max(1, text.length)
            if (kind === 'cut') text = text.slice(0, at)
            else text = text.slice(0, at) + (kind === 'delete' ? '' : character) + text.slice(kind === 'insert' ? at : at + 1)
          }
          const found = scan(text, cuts, 'array')
          const bytes = Buffer.from(text)
          let at = 0
          for (const { start, end } of found) {
            expect(bytes.subarray(at, start).toString()).toMatch(/^[\s,[\]]*$/)
            at = end
          }
          expect(bytes.subarray(at).toString()).toMatch(/^[\s,[\]]*$/)
        },
      ),
      { numRuns: 500 },
    )
  })

  it('loses only the row in which a quote is missing', () => {
    const rows = Array.from({ length: 9 }, (_, id) => ({ id, text: `row ${id}`, parts: [{ id: 'inner' }] }))
    for (const pretty of [0, 2]) {
      const text = JSON.stringify(rows, null, pretty)
      const broken = text.replace('"row 4"', '"row 4')
      const found = scan(broken, [100, 200], 'array')
      expect(found.filter(({ kind }) => kind === 'row').map(({ bytes }) => (JSON.parse(bytes.toString()) as { id: number }).id)).toEqual([
        0, 1, 2, 3, 5, 6, 7, 8,
      ])
      expect(found.filter(({ kind }) => kind === 'broken')).toHaveLength(1)
    }
  })
})

describe('JSON documents', () => {
  it('do not take an object from inside a broken row for a row', async () => {
    const rows = Array.from({ length: 8 }, (_, id) => ({ id, text: `row ${id}`, list: [{ id: 1 }, { id: 2 }] }))
    const text = JSON.stringify(rows).replace('"row 3"', '"row 3').replace('"row 7"', '"row 7')
    const { values, rejected } = await readAll(file('inner.json', text))
    expect((values as { id: number; text?: string }[]).map((each) => each.text)).toEqual([0, 1, 2, 4, 5, 6].map((id) => `row ${id}`))
    expect(rejected.length).toBeGreaterThanOrEqual(2)
  })

  it.each([
    ['a list', '[{"a":1},{"a":2}]', [{ a: 1 }, { a: 2 }]],
    ['an object that wraps a list', '{"meta":{"n":2},"data":[{"a":1},{"a":2}]}', [{ a: 1 }, { a: 2 }]],
    ['two lists under names of splits', '{"train":[{"a":1}],"test":[{"a":2}]}', [{ a: 1 }, { a: 2 }]],
    ['an unknown name around the only list', '{"puzzles":\n[{"a":1},{"a":2}]}', [{ a: 1 }, { a: 2 }]],
    [
      'columns',
      '{"a":[1,2],\n"b":["x","y"]}',
      [
        { a: 1, b: 'x' },
        { a: 2, b: 'y' },
      ],
    ],
    [
      'pandas by column',
      '{"a":{"0":1,"1":2},"b":{"0":"x","1":"y"}}',
      [
        { a: 1, b: 'x' },
        { a: 2, b: 'y' },
      ],
    ],
    ['pandas by index', '{\n"0":{"a":1},"1":{"a":2}}', [{ a: 1 }, { a: 2 }]],
    [
      'pandas split',
      '{"columns":["a","b"],"index":[0,1],\n"data":[[1,"x"],[2,"y"]]}',
      [
        { a: 1, b: 'x' },
        { a: 2, b: 'y' },
      ],
    ],
    ['one object', '{\n "a": 1,\n "b": [1, 2]\n}', [{ a: 1, b: [1, 2] }]],
    ['objects over several lines', '{\n"a": 1\n}\n{\n"a": 2\n}', [{ a: 1 }, { a: 2 }]],
    ['an empty list', '[]', []],
  ])('%s', async (_name, text, rows) => {
    const { values, rejected } = await readAll(file('doc.json', text))
    expect(values).toEqual(rows)
    expect(rejected).toEqual([])
  })

  it('a row beyond the limit is turned away and the next ones are read', async () => {
    const { values, rejected } = await readAll(file('long.json', `[{"id":1},{"id":2,"t":"${'x'.repeat(40_000)}"},{"id":3}]`), {
      maxRowBytes: 1000,
    })
    expect(values).toEqual([{ id: 1 }, { id: 3 }])
    expect(rejected.map(({ code }) => code)).toEqual(['row.tooLong'])
  })

  it('keeps exact numbers and NaN inside lists', async () => {
    const { values, notes } = await readAll(file('n.json', '[{"id":12345678901234567890,"r":NaN}]'))
    expect(values).toEqual([{ id: '12345678901234567890', r: 'NaN' }])
    expect(notes.map(({ code }) => code)).toEqual(['number.exact', 'number.nonFinite'])
  })

  it('a list of many chunks is read in the order of the file', async () => {
    const rows = Array.from({ length: 30_000 }, (_, id) => ({ id, text: 'many words to fill the chunk with '.repeat(2) }))
    const { values } = await readAll(file('many.json', JSON.stringify(rows)))
    expect(values).toHaveLength(30_000)
    expect((values as { id: number }[]).every(({ id }, at) => id === at)).toBe(true)
  })
})
