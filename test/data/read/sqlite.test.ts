// Tables of SQLite databases, by the person's choice.

import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { describe, expect, it } from 'vitest'
import { detectImport } from '../../../src-main/data/detect.ts'
import { importFiles } from '../../../src-main/data/importFiles.ts'
import { previewImport } from '../../../src-main/data/preview.ts'
import { openRows } from '../../../src-main/data/read/readRows.ts'
import { newFolder, readAll } from '../files.ts'

const inputs = join(import.meta.dirname, '..', 'inputs')

function database(...statements: string[]): string {
  const path = join(newFolder(), 'runs.db')
  const db = new Database(path)
  db.exec(statements.join(';'))
  db.close()
  return path
}

const several = (): string =>
  database(
    'CREATE TABLE settings (key TEXT, value TEXT)',
    "INSERT INTO settings VALUES ('model', 'm')",
    'CREATE TABLE "the rollouts" (id INTEGER, prompt TEXT, completion TEXT, reward REAL, big INTEGER, raw BLOB)',
    "INSERT INTO \"the rollouts\" VALUES (1, 'What is 1+1?', '\\boxed{2}', 1.0, 9007199254740993, x'6869'), (2, 'What is 1+2?', '\\boxed{4}', 0, NULL, NULL)",
  )

async function imported(path: string, table?: string): Promise<{ rows: unknown[]; codes: string[] }> {
  const job = importFiles([path], table === undefined ? {} : { table })
  const rows: unknown[] = []
  for await (const batch of job) rows.push(...batch.rows)
  const report = job.report()
  expect(report.rows).toBe(report.imported + report.rejectedRows)
  return { rows, codes: report.files[0]!.notes.map(({ code }) => code) }
}

describe('a SQLite database', () => {
  it('of many rows gives them a thousand at a time, and ends where it is told to', async () => {
    const path = database(
      'CREATE TABLE problems (id INTEGER, question TEXT)',
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2500) INSERT INTO problems SELECT i, i || ' + 1?' FROM n",
    )
    const { rows } = await readAll(path)
    expect(rows.map(({ line }) => line)).toEqual(Array.from({ length: 2500 }, (_, at) => at + 1))
    expect(rows.map(({ value }) => value.id)).toEqual(rows.map(({ line }) => line))
    const abort = new AbortController()
    const opened = await openRows(path, { signal: abort.signal })
    const batches = opened.batches()
    expect((await batches.next()).value.rows).toHaveLength(1000)
    abort.abort(new Error('enough'))
    await expect(batches.next()).rejects.toThrow('enough')
  })

  it('with one table is read as that table', async () => {
    const path = join(inputs, 'sqlite-rollouts', 'r.db')
    expect((await imported(path)).rows).toMatchObject([{ prompt: 'What is 2?', completion: '\\boxed{2}', reward: 1 }])
    expect(await detectImport(path)).toMatchObject({ kind: 'rollouts', format: 'sqlite', tables: [{ name: 'rollouts', rows: 1 }] })
    expect((await previewImport(path)).rowCount).toEqual({ rows: 1, exact: true })
  })

  it('with several is refused until one is chosen, and the refusal names them with their rows', async () => {
    const path = several()
    await expect(imported(path)).rejects.toMatchObject({
      code: 'import.whichTable',
      found: expect.stringContaining('settings (1 rows), the rollouts (2 rows)'),
    })
    await expect(imported(path, 'gone')).rejects.toMatchObject({
      code: 'import.noTable',
      found: expect.stringContaining('the rollouts (2 rows)'),
    })
    expect(await detectImport(path)).toMatchObject({
      kind: 'unknown',
      tables: [
        { name: 'settings', rows: 1 },
        { name: 'the rollouts', rows: 2 },
      ],
    })
    expect(await detectImport(path, { table: 'the rollouts' })).toMatchObject({
      kind: 'rollouts',
      columns: ['id', 'prompt', 'completion', 'reward', 'big', 'raw'],
    })
  })

  it('gives its whole numbers with all their digits, bytes as text, and no column is lost', async () => {
    const { rows, codes } = await imported(several(), 'the rollouts')
    expect(rows).toMatchObject([
      { prompt: 'What is 1+1?', promptId: '1', reward: 1, extra: { big: '9007199254740993', raw: 'hi' } },
      { prompt: 'What is 1+2?', reward: 0 },
    ])
    expect(codes).toEqual(['number.exact'])
  })

  it('is not changed by being read', async () => {
    const path = several()
    const before = readFileSync(path)
    await imported(path, 'the rollouts')
    expect(readFileSync(path).equals(before)).toBe(true)
    expect(readdirSync(join(path, '..'))).toEqual(['runs.db'])
  })

  it('that is damaged gives the rows before the damage, and names those after it', async () => {
    const path = database(
      'CREATE TABLE t (question TEXT, answer TEXT)',
      'BEGIN',
      ...Array.from(
        { length: 400 },
        (_, at) => `INSERT INTO t VALUES ('What is ${at} and one, in words of one syllable, please?', '${at + 1}')`,
      ),
      'COMMIT',
    )
    const bytes = readFileSync(path)
    bytes.fill(0xff, 5 * 4096, 5 * 4096 + 200)
    writeFileSync(path, bytes)
    const { values, rejected } = await readAll(path)
    expect(values.length).toBeGreaterThan(0)
    expect(rejected).toMatchObject([{ code: 'row.damaged', line: values.length + 1 }])
  })

  it('that holds no tables, or is none, is refused by its name', async () => {
    await expect(readAll(database('PRAGMA user_version = 3'))).rejects.toMatchObject({ code: 'file.empty' })
    const path = join(newFolder(), 'x.db')
    writeFileSync(path, 'SQLite format 3\0 and then nothing of the kind')
    await expect(readAll(path)).rejects.toMatchObject({ code: 'sqlite.damaged' })
  })
})
