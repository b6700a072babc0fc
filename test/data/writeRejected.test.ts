// Rejected rows as a file that can be mended and imported again: each with its place, and with the whole of its text, of which the import kept
// the first two thousand characters.

import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { expect, it } from 'vitest'
import type { Rejected } from '../../src-main/data/rejected.ts'
import { writeRejected } from '../../src-main/data/write/rejected.ts'
import { typeOf } from '../../src-main/data/write/parquetFile.ts'
import { file, newFolder, readAll } from './files.ts'

/** Rows that are no JSON, each of so many characters and of one letter; the last is in another alphabet. */
const lengths = [3000, 10, 1999, 2000, 2001, 90_000, 5000]
const texts = lengths.map((length, at) => `{${(at === 6 ? 'é' : 'abcdef'[at]!).repeat(length - 1)}`)
const content = `{"a": 1}\n${texts.join('\n')}\n{"a": 2}\n`

async function rejectedOf(path: string): Promise<readonly Rejected[]> {
  const { rejected } = await readAll(path)
  expect(rejected.map(({ text }) => text)).toEqual(texts.map((text) => text.slice(0, 2000)))
  return rejected
}
async function written(rejected: readonly Rejected[], options?: { readonly whole?: boolean }): Promise<Rejected[]> {
  const path = join(newFolder(), 'rejected.jsonl')
  const { bytes } = await writeRejected(path, rejected, options)
  const text = readFileSync(path, 'utf8')
  expect(bytes).toBe(Buffer.byteLength(text))
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Rejected)
}

it.each([
  ['as it lies', (): string => file('a.jsonl', content)],
  ['packed', (): string => file('a.jsonl.gz', gzipSync(content))],
  ['in UTF-16', (): string => file('a.jsonl', Buffer.from(`\ufeff${content}`, 'utf16le'))],
  ['after a mark of UTF-8', (): string => file('a.jsonl', `\ufeff${content}`)],
])('whole texts are read again from a file %s, in whatever order they are asked for', async (_how, make) => {
  const rejected = await rejectedOf(make())
  expect(await written(rejected)).toEqual(rejected.map((row, at) => ({ ...row, text: texts[at] })))
  const turned = rejected.toReversed()
  expect(await written([...turned, turned[0]!])).toEqual(
    [...turned, turned[0]!].map((row) => ({ ...row, text: texts[rejected.indexOf(row)] })),
  )
  expect(await written(rejected, { whole: false })).toEqual(rejected)
})

it('rows of several files get each their own text', async () => {
  const [one, other] = [await rejectedOf(file('a.jsonl', content)), await rejectedOf(file('b.jsonl', `{"a": 0}\n${content}`))]
  expect(await written([one[0]!, other[0]!, one[4]!, other[5]!])).toMatchObject([0, 0, 4, 5].map((at) => ({ text: texts[at] })))
})

it('the text that was kept stays where the file is gone, is shorter now, or has no places', async () => {
  const path = file('a.jsonl', content)
  const rejected = await rejectedOf(path)
  const [long] = rejected
  expect(
    await written([
      { ...long!, start: null },
      { ...long!, end: null },
      { ...long!, end: long!.start! + (1 << 24) + 1 },
    ]),
  ).toEqual([
    { ...long!, start: null },
    { ...long!, end: null },
    { ...long!, end: long!.start! + (1 << 24) + 1 },
  ])
  writeFileSync(path, content.slice(0, long!.end! - 1))
  expect(await written([long!])).toEqual([long])
  expect(
    await written([
      { ...long!, file: `${path}.gone` },
      { ...rejected[1]!, file: `${path}.gone` },
    ]),
  ).toMatchObject([{ text: long!.text }, { text: texts[1] }])
})

it('is not there when the rows end half way', async () => {
  const folder = newFolder()
  const [row] = await rejectedOf(file('a.jsonl', content))
  function* failing(): Generator<Rejected> {
    yield row!
    throw new Error('cut')
  }
  await expect(writeRejected(join(folder, 'rejected.jsonl'), failing())).rejects.toThrow('cut')
  expect(readdirSync(folder)).toEqual([])
})

it('a column has the narrowest type that holds its values, and text where there are none', () => {
  for (const [values, type] of [
    [[], 'STRING'],
    [[null, undefined], 'STRING'],
    [['a', null], 'STRING'],
    [[true, null, false], 'BOOLEAN'],
    [[1, null, -2], 'INT64'],
    [[1, 0.5], 'DOUBLE'],
    [[2 ** 53], 'DOUBLE'],
    [['a', 1], 'JSON'],
    [[1, 'a'], 'JSON'],
    [[true, 1], 'JSON'],
    [[1, true], 'JSON'],
    [[[1]], 'JSON'],
    [[{ a: 1 }, null], 'JSON'],
  ] as const)
    expect([values, typeOf(values)]).toEqual([values, type])
})
