// Damage of every kind to files of every format: flipped bits, cuts, splices, zeroed and repeated stretches. Whatever is done
// to a file, importing it ends in a coded error or in an import whose counts add up and whose rows are what the bytes
// say; it never crashes, hangs or drops a row without saying so. 1,200 damaged files, from a fixed seed.

import { readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { createRng } from '../../src-main/numeric/rng.ts'
import type { Rng } from '../../src-main/numeric/rng.ts'
import { importFiles } from '../../src-main/data/importFiles.ts'
import { writeRollouts } from '../../src-main/data/write/rollouts.ts'
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
    const inserted = Buffer.from(Array.from({ length: rng.between(1, 6) }, () => rng.pick([0, 10, 13, 34, 44, 91, 92, 93, 123, 125, 0x80, 0xff, rng.int(256)])))
    return Buffer.concat([bytes.subarray(0, at), inserted, bytes.subarray(at)])
  },
}

async function samples(): Promise<{ readonly name: string; readonly bytes: Buffer }[]> {
  const files = readdirSync(cases).flatMap((folder) => (folder.startsWith('.') ? [] : readdirSync(join(cases, folder)).map((name) => join(folder, name))))
  const plain = files.filter((name) => !name.endsWith('.expected.json') && statSync(join(cases, name)).isFile() && statSync(join(cases, name)).size > 0)
  const dumps = ['trl/good/completions/completions_00005.parquet', 'verl/good/10.jsonl', 'prime-rl/good/rollouts/step_3/train/all/traces.jsonl', 'verifiers/good/results.jsonl']
  const inputs = readdirSync(join(import.meta.dirname, 'inputs'), { recursive: true }).map(String).filter((name) => !basename(name).startsWith('.') && statSync(join(import.meta.dirname, 'inputs', name)).isFile())
  const folder = newFolder()
  const path = join(folder, 'canonical.parquet')
  await writeRollouts(path, () => Array.from({ length: 40 }, (_, at) => ({ schemaVersion: 1, step: at >> 3, prompt: `prompt ${at}`, completion: `completion ${at}`, reward: at / 7, rewards: { outcome: at % 2 }, completionTokenIds: [at, at + 1] })), { format: 'parquet' })
  return [
    ...[...plain, ...dumps].map((name) => ({ name: name.replaceAll('/', '_'), bytes: readFileSync(join(cases, name)) })),
    ...inputs.map((name) => ({ name: `input_${name.replaceAll('/', '_')}`, bytes: readFileSync(join(import.meta.dirname, 'inputs', name)) })),
    ...readdirSync(join(import.meta.dirname, 'arrow')).filter((name) => !name.startsWith('.')).map((name) => ({ name, bytes: readFileSync(join(import.meta.dirname, 'arrow', name)) })),
    { name: 'canonical.parquet', bytes: readFileSync(path) },
    { name: 'canonical.parquet.gz', bytes: gzipSync(readFileSync(path)) },
  ]
}

/** Imports one file; throws on anything but a coded error or an import that adds up. */
async function tryImport(path: string): Promise<'refused' | 'imported'> {
  const job = importFiles([path], { maxRowBytes: 1 << 16 })
  let records = 0
  let rejected = 0
  try {
    for await (const batch of job) {
      records += batch.rows.length
      rejected += batch.rejected.reduce((sum, { rows }) => sum + rows, 0)
      for (const each of batch.rejected) {
        if (!(each.line >= 1 && each.reason.endsWith('.') && each.text.length <= 2000)) throw new Error(`a rejected row without place or reason: ${JSON.stringify(each)}`)
      }
    }
  } catch (error) {
    if (error instanceof Error && error.name === 'LabError') return 'refused'
    throw error
  }
  const report = job.report()
  if (report.rows !== report.imported + report.rejectedRows) throw new Error(`${report.rows} rows, ${report.imported} imported, ${report.rejectedRows} rejected`)
  if (rejected !== report.rejectedRows || records !== report.records || (report.imported === 0) !== (records === 0)) throw new Error(`batches hold ${records} records and ${rejected} rejected rows, the report ${report.records} and ${report.rejectedRows}`)
  return 'imported'
}

const BATCHES = 6
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
    const outcomes = await Promise.all(paths.map((path) => tryImport(path).catch((error: unknown) => { throw new Error(`${path}: ${String(error)}`, { cause: error }) })))
    expect(outcomes.filter((outcome) => outcome === 'imported').length).toBeGreaterThan(5)
  })
})
