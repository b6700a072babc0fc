// Files that other programs pack in their own ways: every frame, row and digit of them arrives.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { zstdCompressSync } from 'node:zlib'
import { parquetWriteBuffer } from 'hyparquet-writer'
import { describe, expect, it } from 'vitest'
import { importFiles } from '../../../src-main/data/importFiles.ts'
import type { ImportReport } from '../../../src-main/data/importFiles.ts'
import type { DatasetRow } from '../../../src-main/data/datasets/normalise.ts'
import type { CanonicalRollout } from '../../../src-main/data/canonical.ts'
import { openRows } from '../../../src-main/data/read/readRows.ts'
import { newFolder } from '../files.ts'

const inputs = join(import.meta.dirname, '..', 'inputs')

async function imported(...paths: string[]): Promise<{ report: ImportReport; rows: (DatasetRow | CanonicalRollout)[]; notes: string[] }> {
  const job = importFiles(paths)
  const rows: (DatasetRow | CanonicalRollout)[] = []
  for await (const batch of job) rows.push(...batch.rows)
  const report = job.report()
  return { report, rows, notes: [...report.notes, ...report.files.flatMap(({ notes }) => notes)].map(({ code }) => code) }
}

describe('packed files', () => {
  it('are read through all frames of a zstd file', async () => {
    const { rows, notes } = await imported(join(inputs, 'zstd-multiframe', 'd.jsonl.zst'))
    expect(rows).toHaveLength(2000)
    expect(notes).toEqual([])
  })

  it('are read through a window longer than the usual one', async () => {
    expect((await imported(join(inputs, 'zstd-long-window', 'd.jsonl.zst'))).rows).toHaveLength(2000)
  })

  it('of many frames of any length, skippable ones between them, are one text, and what is no frame is named', async () => {
    const lines = Array.from(
      { length: 300 },
      (_, at) => `{"question": "What is ${at} plus ${at * at} here?", "answer": "${at + at * at}"}\n`,
    )
    const skippable = Buffer.from([0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3])
    const frames = lines.flatMap((line, at) => (at % 50 === 7 ? [zstdCompressSync(line), skippable] : [zstdCompressSync(line)]))
    const path = join(newFolder(), 'many.jsonl.zst')
    writeFileSync(path, Buffer.concat(frames))
    expect(await imported(path)).toMatchObject({ rows: { length: 300 }, notes: [] })
    writeFileSync(path, Buffer.concat([...frames, Buffer.from('and this is text')]))
    expect(await imported(path)).toMatchObject({ rows: { length: 300 }, notes: ['compressed.trailing'] })
    writeFileSync(path, Buffer.concat(frames).subarray(0, -5))
    expect(await imported(path)).toMatchObject({ rows: { length: 299 }, notes: ['compressed.cut'] })
  })

  it('that end early keep what came before and say so', async () => {
    const { report, notes } = await imported(join(inputs, 'gzip-truncated', 'd.jsonl.gz'))
    expect([report.imported, report.rejectedRows]).toEqual([2485, 1])
    expect(notes).toContain('compressed.cut')
  })
})

describe('Parquet', () => {
  it('keeps a column with a field of nulls only, packed with LZ4', async () => {
    const { rows, notes } = await imported(join(inputs, 'parquet-lz4-null-field', 'lz4.parquet'))
    expect(rows.map((row) => (row as DatasetRow).problem)).toEqual(
      Array.from({ length: 6 }, (_, at) => expect.stringContaining(`${at}`) as string),
    )
    expect(notes).not.toContain('columns.lost')
  })
})

describe('decimals of Parquet', () => {
  it('keep the digits that a double would lose, and are numbers where it loses none', async () => {
    const path = join(newFolder(), 'decimals.parquet')
    const schema = [
      { name: 'root', num_children: 3 },
      { name: 'question', type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'REQUIRED' },
      { name: 'answer', type: 'INT64', converted_type: 'DECIMAL', precision: 18, scale: 2, repetition_type: 'OPTIONAL' },
      {
        name: 'wide',
        type: 'FIXED_LEN_BYTE_ARRAY',
        type_length: 16,
        converted_type: 'DECIMAL',
        precision: 38,
        scale: 0,
        repetition_type: 'REQUIRED',
      },
    ] as const
    const columns = [
      ['first?', 'second?', 'third?'],
      [1234567890123456789n, -150n, null],
      [123456789012345678901234567890n, -1n, 7n],
    ]
    writeFileSync(
      path,
      Buffer.from(
        parquetWriteBuffer({
          schema: schema as never,
          columnData: ['question', 'answer', 'wide'].map((name, at) => ({ name, data: columns[at] as never })),
        }),
      ),
    )
    const rows: unknown[] = []
    for await (const batch of (await openRows(path)).batches()) rows.push(...batch.rows.map(({ value }) => [value.answer, value.wide]))
    expect(rows).toEqual([
      ['12345678901234567.89', '123456789012345678901234567890'],
      [-1.5, -1],
      [null, 7],
    ])
  })
})

describe('text of a spreadsheet', () => {
  it('in UTF-16 is read whole', async () => {
    expect((await imported(join(inputs, 'csv-excel-utf16', 'p.txt'))).rows.map((row) => (row as DatasetRow).answer)).toEqual(['6', '16'])
  })
})
