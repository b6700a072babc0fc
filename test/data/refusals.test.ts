// What a person is told when files cannot be taken as asked: the cause, by its name, and what would help.

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { LabError } from '../../src-preload/contract.ts'
import { importFiles } from '../../src-main/data/importFiles.ts'
import type { ImportOptions } from '../../src-main/data/converter.ts'
import { zipOf } from './archives.ts'
import { file, newFolder } from './files.ts'

const lines = (...rows: readonly object[]): string => rows.map((row) => `${JSON.stringify(row)}\n`).join('')

async function refusal(path: string, options: ImportOptions = {}): Promise<LabError> {
  try {
    for await (const _ of importFiles([path], options));
  } catch (error) {
    if (error instanceof Error && error.name === 'LabError') return error as LabError
    throw error
  }
  throw new Error('it was imported')
}

const verl = lines(
  { input: 'What is 6 times 7?', output: '42', gts: '42', score: 1 },
  { input: 'What is 6 times 8?', output: '46', gts: '48', score: 0 },
)

describe('a refusal', () => {
  it('names the source that rows are of when --as names another', async () => {
    expect(await refusal(file('5.jsonl', verl), { as: 'trl' })).toMatchObject({
      code: 'import.otherSource',
      found: expect.stringMatching(/rows of verl in 5\.jsonl: it has the fields input, output and score/),
      next: expect.stringContaining('leave --as out'),
    })
  })

  it('names the nearest source to one that there is not', async () => {
    expect(await refusal(file('5.jsonl', verl), { as: 'VeRL' })).toMatchObject({
      code: 'import.badAs',
      found: expect.stringContaining('nearest is verl'),
    })
  })

  it('of rollouts that were to be a dataset says what they look like', async () => {
    expect(
      await refusal(file('r.jsonl', lines({ origin_prompt: 'What is 6 times 7?', prediction: '42' })), { as: 'dataset' }),
    ).toMatchObject({
      code: 'import.noProblem',
      found: expect.stringContaining('they look like rollouts of opencompass'),
      next: expect.stringMatching(/^Leave --as dataset out/),
    })
  })

  it('of columns with other names says which --map may be meant', async () => {
    const rows = lines(
      ...Array.from({ length: 4 }, (_, at) => ({
        row_id: `r${at}`,
        ask: `How much is ${at} and four more?`,
        golden: String(at + 4),
        by: 'me',
      })),
    )
    expect((await refusal(file('p.jsonl', rows), { as: 'dataset' })).found).toBe(
      'the columns row_id, ask, golden, by; perhaps --map problem=ask,answer=golden',
    )
    expect((await refusal(file('p.jsonl', rows.replaceAll('"ask"', '"question"')))).found).toBe(
      'the columns row_id, question, golden, by; perhaps --map answer=golden',
    )
  })

  it('of a role says of which kind it is', async () => {
    const path = file('5.jsonl', verl)
    expect((await refusal(path, { as: 'dataset', map: { completion: 'output' } })).found).toContain(
      'the role "completion", which is one of rollouts (--as rollouts)',
    )
    expect((await refusal(path, { as: 'verl', map: { answer: 'gts' } })).found).toContain(
      'the role "answer", which is one of datasets (--as dataset)',
    )
  })

  it.each([
    ['a pointer of Git LFS', 'train.parquet', 'version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n', 'file.pointer'],
    ['a web page', 'train.jsonl', '<!DOCTYPE html>\n<html><body>Log in</body></html>\n', 'file.webPage'],
    ['an old workbook', 'p.xls', Buffer.from('d0cf11e0a1b11ae1', 'hex'), 'file.workbook'],
    [
      'a workbook',
      'p.xlsx',
      zipOf([
        ['[Content_Types].xml', ''],
        ['xl/workbook.xml', '<workbook/>'],
        ['xl/worksheets/sheet1.xml', '<x/>'],
      ]),
      'file.workbook',
    ],
    [
      'a file of PyTorch',
      'rollouts.pt',
      zipOf([
        ['archive/data.pkl', ''],
        ['archive/version', '3'],
      ]),
      'file.pickle',
    ],
    [
      'arrays of NumPy',
      'x.npz',
      zipOf([
        ['a.npy', 'x'],
        ['b.npy', 'y'],
      ]),
      'file.unknown',
    ],
    ['HDF5', 'x.h5', Buffer.from('894844460d0a1a0a00', 'hex'), 'file.unknown'],
    ['Avro', 'x.avro', Buffer.from('4f626a0104', 'hex'), 'file.unknown'],
  ])('names %s by what it is', async (what, name, content, code) => {
    const error = await refusal(file(name, content))
    expect(error.code).toBe(code)
    if (code === 'file.unknown') expect(error.found).toContain(what.replace(/^arrays/, 'arrays'))
    expect(error.next.length).toBeGreaterThan(20)
  })

  it('of one file in a folder leaves the others, and names it', async () => {
    const folder = newFolder()
    mkdirSync(join(folder, 'data'))
    writeFileSync(join(folder, 'data', 'train.jsonl'), '{"question": "1+1?", "answer": "2"}\n')
    writeFileSync(join(folder, 'data', 'test.jsonl'), 'version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n')
    const job = importFiles([folder])
    let rows = 0
    for await (const batch of job) rows += batch.rows.length
    expect([rows, job.report().notes.map(({ detail }) => detail)]).toEqual([1, [expect.stringContaining('a pointer of Git LFS')]])
  })
})
