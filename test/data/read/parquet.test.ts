import { readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { parquetWriteBuffer } from 'hyparquet-writer'
import { describe, expect, it } from 'vitest'
import { codeOf, exactly, file, readAll } from '../files.ts'

const table = (rows: number, codec: 'SNAPPY' | 'UNCOMPRESSED' = 'SNAPPY'): Buffer =>
  Buffer.from(
    parquetWriteBuffer({
      codec,
      rowGroupSize: 10,
      columnData: [
        { name: 'id', data: Array.from({ length: rows }, (_, at) => BigInt(at)), type: 'INT64' },
        { name: 'text', data: Array.from({ length: rows }, (_, at) => `text ${at}`), type: 'STRING' },
      ],
    }),
  )

describe('Parquet', () => {
  it('gives back any columns that were written', async () => {
    const rows = fc.array(
      fc.record({
        text: fc.option(fc.string()),
        whole: fc.option(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })),
        part: fc.option(fc.double()),
        flag: fc.option(fc.boolean()),
        any: fc.option(
          fc
            .jsonValue({ maxDepth: 2 })
            .map((each): unknown => JSON.parse(JSON.stringify(each)))
            // The writer of this test leaves keys of that name out.
            .filter((each) => each !== null && !JSON.stringify(each).includes('__proto__')),
        ),
      }),
      { minLength: 1, maxLength: 40 },
    )
    await fc.assert(
      fc.asyncProperty(rows, async (written) => {
        const column = (name: string, type: string): never =>
          ({ name, type, nullable: true, data: written.map((each) => (each as Record<string, unknown>)[name]) }) as never
        const bytes = parquetWriteBuffer({
          rowGroupSize: 7,
          columnData: [
            column('text', 'STRING'),
            column('whole', 'INT64'),
            column('part', 'DOUBLE'),
            column('flag', 'BOOLEAN'),
            column('any', 'JSON'),
          ],
        })
        const { values } = await readAll(file('any.parquet', Buffer.from(bytes)))
        expect(values).toEqual(
          written.map((each) => ({
            ...each,
            text: each.text === null ? null : Buffer.from(each.text).toString(),
            whole:
              each.whole === null
                ? null
                : each.whole >= -(2n ** 53n - 1n) && each.whole <= 2n ** 53n - 1n
                  ? Number(each.whole)
                  : String(each.whole),
            part: each.part === null || Number.isFinite(each.part) ? each.part : String(each.part),
            any: each.any === null ? null : exactly(JSON.parse(JSON.stringify(each.any))),
          })),
        )
      }),
      { numRuns: 25 },
    )
  })

  it('numbers its rows across groups', async () => {
    const { rows } = await readAll(file('t.parquet', table(25)))
    expect(rows.map(({ line }) => line)).toEqual(Array.from({ length: 25 }, (_, at) => at + 1))
  })

  it('is read when gzipped', async () => {
    expect((await readAll(file('t.parquet.gz', gzipSync(table(12))))).values).toHaveLength(12)
  })

  it('without its footer is refused, because the names of the columns are in it', async () => {
    const bytes = table(25)
    expect(await codeOf(readAll(file('cut.parquet', bytes.subarray(0, bytes.length - 1))))).toBe('parquet.truncated')
    expect(await codeOf(readAll(file('stub.parquet', Buffer.from('PAR1'))))).toBe('parquet.truncated')
  })

  it('with a footer that makes no sense is refused', async () => {
    const bytes = table(25)
    bytes.fill(0xee, bytes.length - 60, bytes.length - 8)
    expect(await codeOf(readAll(file('odd.parquet', bytes)))).toBe('parquet.damaged')
  })

  it('of which one group is damaged gives the others and counts the lost rows', async () => {
    const whole = table(25, 'UNCOMPRESSED')
    const from = whole.indexOf('text 10')
    whole.fill(0xff, from - 60, from + 100)
    const { values, rejected, notes } = await readAll(file('hole.parquet', whole))
    const lost = rejected.reduce((sum, { rows }) => sum + rows, 0)
    expect(values.length + lost).toBe(25)
    expect(rejected.length + notes.length).toBeGreaterThan(0)
    expect(values.slice(0, 10)).toEqual(Array.from({ length: 10 }, (_, id) => ({ id, text: `text ${id}` })))
  })

  it('keeps a group whose one column is damaged, without that column, and says so', async () => {
    const whole = table(20, 'UNCOMPRESSED')
    const from = whole.indexOf('text 10')
    whole.fill(0xff, from - 40, from)
    const { values, notes } = await readAll(file('column.parquet', whole))
    expect(values).toHaveLength(20)
    expect(values[12]).toEqual({ id: 12 })
    expect(notes).toMatchObject([{ code: 'columns.lost', count: 1, firstLine: 11 }])
  })

  it('with any one bit of its first page header flipped is read to an end, and no row is lost without a word', async () => {
    const whole = Buffer.from(
      parquetWriteBuffer({
        columnData: [
          {
            name: 'text',
            data: Array.from({ length: 9 }, (_, at) => (at % 4 === 0 ? null : `text ${at}`)),
            type: 'STRING',
            nullable: true,
          },
        ],
      }),
    )
    for (let bit = 0; bit < 8 * 40; bit++) {
      const bytes = Buffer.from(whole)
      bytes[4 + (bit >> 3)]! ^= 1 << (bit & 7)
      const { values, rejected } = await readAll(file('flipped.parquet', bytes))
      expect(values.length + rejected.reduce((sum, { rows }) => sum + rows, 0)).toBe(9)
    }
  })

  it('as pandas writes it: lists of structs, nested structs, times and NaN', async () => {
    const { values } = await readAll(file('v.parquet', readFileSync(new URL('../cases/verl-dataset/good.parquet', import.meta.url))))
    expect(values[0]).toMatchObject({
      prompt: [
        { content: 'Be brief.', role: 'system' },
        { content: 'What is 1 + 2?', role: 'user' },
      ],
      reward_model: { ground_truth: '3', style: 'rule' },
      extra_info: { index: 0 },
    })
  })
})
