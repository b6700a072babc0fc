import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { exactly, file, readAll } from '../files.ts'

/** What JSON can say: it has one zero. */
const json = fc.jsonValue({ maxDepth: 4 }).map((value): unknown => JSON.parse(JSON.stringify(value)))
const row = fc.dictionary(fc.string({ maxLength: 8 }), json, { maxKeys: 5 })

describe('JSON Lines', () => {
  it('gives back any objects, with either line end, blank lines between, and with or without a last line end', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(row, { minLength: 1, maxLength: 20 }),
        fc.constantFrom('\n', '\r\n', '\n\n', ' \r\n\t\n'),
        fc.boolean(),
        async (rows, end, last) => {
          const text = rows.map((each) => JSON.stringify(each)).join(end) + (last ? end : '')
          const result = await readAll(file('any.jsonl', text))
          // An object of lists on a line of its own is a table by column, whose lists may end at different rows.
          if (result.format === 'jsonl') expect([result.values, result.rejected]).toEqual([exactly(rows), []])
        },
      ),
      { numRuns: 30 },
    )
  })

  it('says where each row lies, so that its text can be found again', async () => {
    const text = '{"a":1}\r\n\n{"b":"ü"}\n[3]\n{"c":3}'
    const { rows, rejected } = await readAll(file('places.jsonl', text))
    const bytes = Buffer.from(text)
    const at = ({ start, end }: { start: number | null; end: number | null }): string => bytes.subarray(start!, end!).toString().trim()
    expect(rows.map((each) => [each.line, at(each)])).toEqual([
      [1, '{"a":1}'],
      [3, '{"b":"ü"}'],
      [5, '{"c":3}'],
    ])
    expect(rejected.map((each) => [each.line, at(each), each.text])).toEqual([[4, '[3]', '[3]']])
  })

  it('keeps whole numbers beyond 2^53 and beyond a double, digit for digit, as text', async () => {
    const { values, notes } = await readAll(
      file(
        'exact.jsonl',
        '{"id":9007199254740993,"neg":-12345678901234567890,"safe":9007199254740991,"in":[18446744073709551615],"big":1e999,"float":1e22}\n{"id":1}\n',
      ),
    )
    expect(values).toEqual([
      {
        id: '9007199254740993',
        neg: '-12345678901234567890',
        safe: 9007199254740991,
        in: ['18446744073709551615'],
        big: '1e999',
        float: 1e22,
      },
      { id: 1 },
    ])
    expect(notes).toMatchObject([{ code: 'number.exact', count: 1, firstLine: 1 }])
  })

  it('takes the NaN and Infinity that Python writes, but not inside words or text', async () => {
    const { values, rejected } = await readAll(
      file('nan.jsonl', '{"a":NaN,"b":[-Infinity,Infinity],"c":"NaN \\" Infinity"}\n{"a":NaNo}\n{"a":"x" NaN}\n'),
    )
    expect(values).toEqual([{ a: 'NaN', b: ['-Infinity', 'Infinity'], c: 'NaN " Infinity' }])
    expect(rejected.map(({ line, code }) => [line, code])).toEqual([
      [2, 'row.notJson'],
      [3, 'row.notJson'],
    ])
  })

  it('keeps a field called __proto__ as a field', async () => {
    const { values } = await readAll(file('proto.jsonl', '{"__proto__":{"polluted":true},"a":1}\n'))
    expect(Object.keys(values[0] as object)).toEqual(['__proto__', 'a'])
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined()
  })

  it('turns away rows beyond the limit without collecting them, and goes on', async () => {
    const text = `{"a":1}\n{"b":"${'x'.repeat(50_000)}"}\n{"c":3}\n${'y'.repeat(30_000)}`
    const { values, rejected } = await readAll(file('long.jsonl', text), { maxRowBytes: 10_000 })
    expect(values).toEqual([{ a: 1 }, { c: 3 }])
    expect(rejected.map(({ line, code, start, end, text: kept }) => [line, code, end! - start!, kept.length])).toEqual([
      [2, 'row.tooLong', 50_008, 2000],
      [4, 'row.tooLong', 30_000, 2000],
    ])
  })

  it('turns away a row of any length beyond the limit, across many chunks', async () => {
    const text = `{"a":1}\n{"b":"${'x'.repeat(5 << 20)}"}\n{"c":3}\n`
    const { values, rejected } = await readAll(file('longer.jsonl', text), { maxRowBytes: 1 << 20 })
    expect(values).toEqual([{ a: 1 }, { c: 3 }])
    expect(rejected.map(({ code, start, end }) => [code, end! - start!])).toEqual([['row.tooLong', (5 << 20) + 8]])
  })

  it('accepts rows that lie across chunks', async () => {
    const rows = Array.from({ length: 40 }, (_, at) => ({ at, text: String(at).repeat(70_000 + at) }))
    const { values } = await readAll(file('chunks.jsonl', rows.map((each) => JSON.stringify(each)).join('\n')))
    expect(values).toEqual(rows)
  })

  it('turns away nesting that would exhaust the stack', async () => {
    const deep = (levels: number): string => `{"a":${'['.repeat(levels)}${']'.repeat(levels)}}`
    const { values, rejected } = await readAll(file('deep.jsonl', `${deep(150)}\n${deep(250)}\n${deep(200_000)}\n{"b":1}\n`))
    expect(values).toHaveLength(2)
    expect(rejected.map(({ line, code }) => [line, code])).toEqual([
      [2, 'row.tooDeep'],
      [3, 'row.tooDeep'],
    ])
  })
})
