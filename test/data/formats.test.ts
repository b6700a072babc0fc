// What is said of each format of rollouts, held against what its reader does with the example that is shown.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { rolloutFields, toCanonicalRow } from '../../src-main/data/canonical.ts'
import type { CanonicalRollout } from '../../src-main/data/canonical.ts'
import { importFiles } from '../../src-main/data/importFiles.ts'
import { known } from '../../src-main/data/datasets/known.ts'
import type { DatasetRow } from '../../src-main/data/datasets/normalise.ts'
import { formatsPage, threeRows } from '../../src-main/data/formatsPage.ts'
import { readEventRecords } from '../../src-main/data/metrics/eventFile.ts'
import { curveForms, statedOf } from '../../src-main/data/metrics/metricFiles.ts'
import { forms } from '../../src-main/data/read/forms.ts'
import { sourceReaders } from '../../src-main/data/rollouts/sources.ts'
import { file } from './files.ts'

const canonical = new Set(Object.values(rolloutFields).map(({ name }) => name))

/** Whether a field is there at any depth. */
const hasKey = (value: unknown, key: string): boolean =>
  typeof value === 'object' && value !== null && (Object.hasOwn(value, key) || Object.values(value).some((each) => hasKey(each, key)))

describe.each(Object.entries(sourceReaders))('the format %s', (source, { format }) => {
  const rows = threeRows(format.example)
  const path = (): string => file('data.jsonl', rows.map((row) => `${JSON.stringify(row)}\n`).join(''))

  async function brought(): Promise<{ rollouts: CanonicalRollout[]; rejected: number }> {
    const job = importFiles([path()])
    const rollouts: CanonicalRollout[] = []
    for await (const batch of job) if (batch.kind === 'rollouts') rollouts.push(...batch.rows)
    expect(job.report().files[0]!.source).toBe(source)
    return { rollouts, rejected: job.report().rejectedRows }
  }

  it('is recognised by the example that is shown of it', async () => {
    expect((await brought()).rollouts.length).toBeGreaterThan(0)
  })

  it('puts each field where its page says', async () => {
    const { rollouts, rejected } = await brought()
    const found = rollouts.map(toCanonicalRow)
    const shown = new Set(rows.flatMap((row) => Object.keys(row)))
    expect(Object.keys(format.fields).filter((name) => !shown.has(name))).toEqual([])
    for (const [field, becomes] of Object.entries(format.fields)) {
      const names = becomes
        .split(':')[0]!
        .split(',')
        .map((name) => name.trim())
      for (const name of names) {
        if (name === 'rejected') {
          expect(rejected, `${field}: rejected`).toBeGreaterThan(0)
          continue
        }
        expect(canonical.has(name), `${field}: ${name}`).toBe(true)
        expect(
          found.some((row) => row[name] !== undefined && row[name] !== null),
          `${field} becomes ${name}`,
        ).toBe(true)
      }
      // What is not said to be kept is not kept twice.
      const kept = found.some(({ extra }) => extra !== undefined && Object.hasOwn(extra as object, field))
      if (names.includes('extra'))
        expect(
          found.some(({ extra }) => hasKey(extra, field)),
          `${field} in extra`,
        ).toBe(true)
      else if (!/kept/.test(becomes)) expect(kept, `${field} in extra`).toBe(false)
    }
  })

  it('keeps a field that nobody knows in extra', async () => {
    const job = importFiles(
      [file('data.jsonl', rows.map((row) => `${JSON.stringify({ ...row, zz_unheard_of: { deep: ['x'] } })}\n`).join(''))],
      { as: source },
    )
    const extras: unknown[] = []
    for await (const batch of job) extras.push(...(batch.rows as readonly CanonicalRollout[]).map(({ extra }) => extra))
    expect(extras.length).toBeGreaterThan(0)
    for (const extra of extras) expect(hasKey(extra, 'zz_unheard_of')).toBe(true)
  })

  it('says of every field of the example what becomes of it', () => {
    const silent = rows
      .flatMap((row) => Object.keys(row))
      .filter((name) => !Object.hasOwn(format.fields, name) && name !== 'schema_version')
    expect(silent).toEqual([])
  })
})

describe.each(known.map((each) => [each.title, each] as const))('the dataset %s', (_title, { source, example }) => {
  it('is told by the example that is shown of it, and every column of that has a role or is kept', async () => {
    const rows = threeRows(example)
    const job = importFiles([file('data.jsonl', rows.map((row) => `${JSON.stringify(row)}\n`).join(''))], { as: 'dataset' })
    const problems: DatasetRow[] = []
    for await (const batch of job) problems.push(...(batch.rows as readonly DatasetRow[]))
    expect([problems.length, job.report().files[0]!.source]).toEqual([3, source])
    expect(problems.every(({ answer }) => answer !== undefined)).toBe(true)
  })
})

describe('the page of formats', () => {
  it('is what the readers say now; mrt formats > docs/formats.md makes it again', () => {
    expect(readFileSync(join(import.meta.dirname, '../../docs/formats.md'), 'utf8')).toBe(formatsPage())
  })

  it.each(forms.flatMap(({ title, endings, example }) => (example === null ? [] : [[title, endings, example] as const])))(
    'shows of %s (%s) a file that can be imported as it stands',
    async (_title, endings, example) => {
      const job = importFiles([file(`data${endings.split(',')[0]!}`, example)])
      const problems: DatasetRow[] = []
      for await (const batch of job) problems.push(...(batch.rows as readonly DatasetRow[]))
      expect(problems.map(({ problem, answer }) => [problem.replace('; in digits', ''), answer])).toEqual([
        ['What is 6 times 7?', '42'],
        ['What is 6 times 8?', '48'],
      ])
    },
  )

  it('names every source that --as takes', () => {
    for (const source of Object.keys(sourceReaders)) expect(formatsPage()).toContain(`\`--as ${source}\``)
  })
})

describe('the curves of a followed folder', () => {
  const [metrics] = curveForms

  it('are read from the example as its page says', () => {
    expect(metrics.example.map((row) => statedOf(row))).toEqual([
      { step: 1, metrics: { reward: 0.25, 'completions/mean_length': 180 } },
      { step: 2, metrics: { 'train/reward': 0.3, loss: 0.01 } },
      { step: 3, metrics: { reward: 0.35 } },
    ])
  })

  it('of a damaged event file are its whole records before the damage, or none, and never an error without a code', () => {
    const folder = join(import.meta.dirname, 'events')
    const names = readdirSync(folder).filter((name) => name.includes('tfevents'))
    expect(names.length).toBeGreaterThan(0)
    for (const name of names) {
      const whole = readFileSync(join(folder, name))
      const known = JSON.stringify(readEventRecords(whole).scalars)
      for (let at = 0; at < 400; at++) {
        const bytes = Buffer.from(whole)
        const place = (at * 7919) % bytes.length
        bytes[place] = bytes[place]! ^ (1 << (at % 8))
        const read = (): string => JSON.stringify(readEventRecords(at % 2 === 0 ? bytes : bytes.subarray(0, place)).scalars)
        expect(known.startsWith(read().slice(0, -1))).toBe(true)
      }
    }
  })
})
