// Damage of every kind to files of every format: flipped bits, cuts, splices, zeroed and repeated stretches. Whatever is done
// to a file, importing it ends in a coded error or in an import whose counts add up and whose rows are what the bytes
// say; it never crashes, hangs or drops a row or a column without saying so. 1,600 damaged files, from a fixed seed.

import { readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import Database from 'better-sqlite3'
import { describe, expect, it } from 'vitest'
import { createRng } from '../../src-main/numeric/rng.ts'
import type { Rng } from '../../src-main/numeric/rng.ts'
import { threeRows } from '../../src-main/data/formatsPage.ts'
import { importFiles } from '../../src-main/data/importFiles.ts'
import type { JsonObject } from '../../src-main/data/json.ts'
import { forms } from '../../src-main/data/read/forms.ts'
import { sourceReaders } from '../../src-main/data/rollouts/sources.ts'
import { writeAtomically } from '../../src-main/data/write/atomicFile.ts'
import { writeParquet } from '../../src-main/data/write/parquetFile.ts'
import { writeRollouts } from '../../src-main/data/write/rollouts.ts'
import { zipOf } from './archives.ts'
import { newFolder } from './files.ts'

const cases = join(import.meta.dirname, 'cases')

const damages: { readonly [kind: string]: (bytes: Buffer, rng: Rng) => Buffer } = {
  'flipped bits': (bytes, rng) => {
    const copy = Buffer.from(bytes)
    for (let flips = rng.between(1, 8); flips > 0; flips--) copy[rng.int(copy.length)]! ^= 1 << rng.int(8)
    return copy
  },
  cut: (bytes, rng) => bytes.subarray(0, rng.int(bytes.length + 1)),
  spliced: (bytes, rng) => {
    const at = rng.int(bytes.length)
    const from = rng.int(bytes.length)
    return Buffer.concat([bytes.subarray(0, at), bytes.subarray(from, from + rng.int(200)), bytes.subarray(at + rng.int(50))])
  },
  'with a stretch of zeros': (bytes, rng) => {
    const copy = Buffer.from(bytes)
    const at = rng.int(copy.length)
    return copy.fill(0, at, Math.min(copy.length, at + rng.int(100)))
  },
  'with bytes inserted': (bytes, rng) => {
    const at = rng.int(bytes.length + 1)
    const inserted = Buffer.from(
      Array.from({ length: rng.between(1, 6) }, () => rng.pick([0, 10, 13, 34, 44, 91, 92, 93, 123, 125, 0x80, 0xff, rng.int(256)])),
    )
    return Buffer.concat([bytes.subarray(0, at), inserted, bytes.subarray(at)])
  },
}

async function samples(): Promise<{ readonly name: string; readonly bytes: Buffer }[]> {
  const files = readdirSync(cases).flatMap((folder) =>
    folder.startsWith('.') ? [] : readdirSync(join(cases, folder)).map((name) => join(folder, name)),
  )
  const plain = files.filter(
    (name) => !name.endsWith('.expected.json') && statSync(join(cases, name)).isFile() && statSync(join(cases, name)).size > 0,
  )
  const dumps = [
    'trl/good/completions/completions_00005.parquet',
    'verl/good/10.jsonl',
    'prime-rl/good/rollouts/step_3/train/all/traces.jsonl',
    'verifiers/good/results.jsonl',
  ]
  const inputs = readdirSync(join(import.meta.dirname, 'inputs'), { recursive: true })
    .map(String)
    .filter((name) => !basename(name).startsWith('.') && statSync(join(import.meta.dirname, 'inputs', name)).isFile())
  const folder = newFolder()
  const path = join(folder, 'canonical.parquet')
  await writeRollouts(
    path,
    () =>
      Array.from({ length: 40 }, (_, at) => ({
        schemaVersion: 1,
        step: at >> 3,
        prompt: `prompt ${at}`,
        completion: `completion ${at}`,
        reward: at / 7,
        rewards: { outcome: at % 2 },
        completionTokenIds: [at, at + 1],
      })),
    { format: 'parquet' },
  )
  return [
    ...[...plain, ...dumps].map((name) => ({ name: name.replaceAll('/', '_'), bytes: readFileSync(join(cases, name)) })),
    ...inputs.map((name) => ({
      name: `input_${name.replaceAll('/', '_')}`,
      bytes: readFileSync(join(import.meta.dirname, 'inputs', name)),
    })),
    ...readdirSync(join(import.meta.dirname, 'arrow'))
      .filter((name) => !name.startsWith('.'))
      .map((name) => ({ name, bytes: readFileSync(join(import.meta.dirname, 'arrow', name)) })),
    ...(await ofFormats()),
    { name: 'canonical.parquet', bytes: readFileSync(path) },
    { name: 'canonical.parquet.gz', bytes: gzipSync(readFileSync(path)) },
  ]
}

/** A column that no reader knows: wherever its row goes, it goes along. */
const MARK = 'zz_mark'

/** Examples of every source and form, each source also as Parquet, packed, in a zip or in a table of SQLite by turns. */
async function ofFormats(): Promise<{ readonly name: string; readonly bytes: Buffer }[]> {
  const folder = newFolder()
  const ofSources = Object.entries(sourceReaders).map(async ([source, { format }], at) => {
    const rows = threeRows(format.example).map((row, index): JsonObject => ({ ...row, [MARK]: `mark ${index}` }))
    const text = rows.map((row) => `${JSON.stringify(row)}\n`).join('')
    const jsonl = { name: `${source}.jsonl`, bytes: Buffer.from(text) }
    const others = [
      async () => {
        const path = join(folder, `${source}.parquet`)
        await writeAtomically(path, (sink) =>
          writeParquet(
            sink,
            Object.keys(rows[0]!).map((name) => ({ name, type: 'JSON' })),
            (async function* () {
              yield* rows
            })(),
          ),
        )
        return { name: `${source}.parquet`, bytes: readFileSync(path) }
      },
      () => Promise.resolve({ name: `${source}.jsonl.zst`, bytes: zstdCompressSync(text) }),
      () =>
        Promise.resolve({
          name: `${source}.zip`,
          bytes: zipOf([
            ['train/a.jsonl', text],
            ['test/b.jsonl', text],
          ]),
        }),
      () => {
        const path = join(folder, `${source}.db`)
        const db = new Database(path)
        db.exec('CREATE TABLE rows (a TEXT, b TEXT, c TEXT)')
        for (const row of rows)
          db.prepare('INSERT INTO rows VALUES (?, ?, ?)').run(
            ...Object.values(row)
              .slice(0, 3)
              .map((value) => JSON.stringify(value)),
          )
        db.close()
        return Promise.resolve({ name: `${source}.db`, bytes: readFileSync(path) })
      },
      () => Promise.resolve({ name: `${source}.json`, bytes: Buffer.from(JSON.stringify({ data: rows })) }),
    ]
    return [jsonl, await others[at % others.length]!()]
  })
  const saved = join(import.meta.dirname, 'inputs', 'hf-save-to-disk', 'gsm')
  const disk = readdirSync(saved, { recursive: true })
    .map(String)
    .filter((name) => statSync(join(saved, name)).isFile())
  return [
    ...(await Promise.all(ofSources)).flat(),
    ...forms.flatMap(({ title, endings, example }) =>
      example === null ? [] : [{ name: `form ${title}${endings.split(',')[0]!}`, bytes: Buffer.from(example) }],
    ),
    { name: 'saved.zip', bytes: zipOf(disk.map((name) => [name, readFileSync(join(saved, name))])) },
    {
      name: 'repository.zip',
      bytes: zipOf([
        ['README.md', '---\nconfigs:\n- config_name: a\n  data_files:\n  - split: train\n    path: a*.jsonl\n---\n'],
        ['a1.jsonl', '{"question": "1+1?", "answer": "2"}\n'],
        ['b.jsonl', '{"question": "1+2?", "answer": "3"}\n'],
      ]),
    },
  ]
}

/** Whether a field is there at any depth. */
const hasKey = (value: unknown, key: string): boolean =>
  typeof value === 'object' && value !== null && (Object.hasOwn(value, key) || Object.values(value).some((each) => hasKey(each, key)))

/** Lines of JSON that are rows, by their number, and whether they carry the mark. */
function markedLines(bytes: Buffer): { readonly rows: number; readonly marked: readonly number[] } {
  const lines = bytes.toString('utf8').split(bytes.includes(10) || !bytes.includes(13) ? '\n' : '\r')
  const marked = lines.flatMap((line, at) => {
    try {
      const value = JSON.parse(line) as unknown
      return typeof value === 'object' &&
        value !== null &&
        Object.hasOwn(value, MARK) &&
        (value as JsonObject)[MARK] !== null &&
        (value as JsonObject)[MARK] !== ''
        ? [at + 1]
        : []
    } catch {
      return []
    }
  })
  return { rows: lines.filter((line) => /[^ \t\r]/.test(line)).length, marked }
}

/** Imports one file; throws on anything but a coded error or an import that adds up. */
async function tryImport(path: string): Promise<'refused' | 'imported'> {
  const job = importFiles([path], { maxRowBytes: 1 << 16 })
  let records = 0
  let rejected = 0
  let marks = 0
  const turnedAway = new Set<number>()
  try {
    for await (const batch of job) {
      records += batch.rows.length
      marks += batch.rows.filter(({ extra }) => hasKey(extra, MARK)).length
      for (const each of batch.rejected) turnedAway.add(each.line)
      rejected += batch.rejected.reduce((sum, { rows }) => sum + rows, 0)
      for (const each of batch.rejected) {
        if (!(each.line >= 1 && each.reason.endsWith('.') && each.text.length <= 2000))
          throw new Error(`a rejected row without place or reason: ${JSON.stringify(each)}`)
      }
    }
  } catch (error) {
    if (error instanceof Error && error.name === 'LabError') return 'refused'
    throw error
  }
  const report = job.report()
  if (report.rows !== report.imported + report.rejectedRows)
    throw new Error(`${report.rows} rows, ${report.imported} imported, ${report.rejectedRows} rejected`)
  if (rejected !== report.rejectedRows || records !== report.records || (report.imported === 0) !== (records === 0))
    throw new Error(
      `batches hold ${records} records and ${rejected} rejected rows, the report ${report.records} and ${report.rejectedRows}`,
    )
  const [only] = report.files
  if (
    report.files.length === 1 &&
    only!.format === 'jsonl' &&
    only!.compression === 'none' &&
    only!.path === path &&
    !only!.notes.some(({ code }) => code === 'encoding.utf16')
  ) {
    const { rows, marked } = markedLines(readFileSync(path))
    if (report.rows !== rows) throw new Error(`${rows} lines hold something, ${report.rows} rows were found`)
    const kept = marked.filter((line) => !turnedAway.has(line)).length
    if (marks < kept) throw new Error(`${kept} rows carry a mark, ${marks} records do`)
  }
  return 'imported'
}

const BATCHES = 8
const PER_BATCH = 40

describe('a damaged file', () => {
  const kinds = Object.keys(damages)
  const batches = kinds.flatMap((kind, at) => Array.from({ length: BATCHES }, (_, batch) => [kind, batch, at * BATCHES + batch] as const))

  it.each(batches)('%s (batch %i) is refused with a code or imported with counts that add up', async (kind, batch, stream) => {
    const rng = createRng(20_261_121, stream)
    const originals = await samples()
    const folder = newFolder()
    const paths = Array.from({ length: PER_BATCH }, (_, at) => {
      const { name, bytes } = originals[(batch * PER_BATCH + at) % originals.length]!
      const path = join(folder, `${at}_${name}`)
      writeFileSync(path, damages[kind]!(bytes, rng))
      return path
    })
    const outcomes = await Promise.all(
      paths.map((path) =>
        tryImport(path).catch((error: unknown) => {
          throw new Error(`${path}: ${String(error)}`, { cause: error })
        }),
      ),
    )
    expect(outcomes.filter((outcome) => outcome === 'imported').length).toBeGreaterThan(5)
  })
})
