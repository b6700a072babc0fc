// What is said of each format of rollouts, held against what its reader does with the example that is shown.

import { describe, expect, it } from 'vitest'
import { rolloutFields, toCanonicalRow } from '../../src-main/data/canonical.ts'
import type { CanonicalRollout } from '../../src-main/data/canonical.ts'
import { importFiles } from '../../src-main/data/importFiles.ts'
import { sourceReaders } from '../../src-main/data/rollouts/sources.ts'
import { file } from './files.ts'

const canonical = new Set(Object.values(rolloutFields).map(({ name }) => name))

/** Whether a field is there at any depth. */
const hasKey = (value: unknown, key: string): boolean => typeof value === 'object' && value !== null && (Object.hasOwn(value, key) || Object.values(value).some((each) => hasKey(each, key)))

describe.each(Object.entries(sourceReaders))('the format %s', (source, { format }) => {
  const rows = format.example
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
      const names = becomes.split(':')[0]!.split(',').map((name) => name.trim())
      for (const name of names) {
        if (name === 'rejected') {
          expect(rejected, `${field}: rejected`).toBeGreaterThan(0)
          continue
        }
        expect(canonical.has(name), `${field}: ${name}`).toBe(true)
        expect(found.some((row) => row[name] !== undefined && row[name] !== null), `${field} becomes ${name}`).toBe(true)
      }
      // What is not said to be kept is not kept twice.
      const kept = found.some(({ extra }) => extra !== undefined && Object.hasOwn(extra as object, field))
      if (names.includes('extra')) expect(found.some(({ extra }) => hasKey(extra, field)), `${field} in extra`).toBe(true)
      else if (!/kept/.test(becomes)) expect(kept, `${field} in extra`).toBe(false)
    }
  })

  it('says of every field of the example what becomes of it', () => {
    const silent = rows.flatMap((row) => Object.keys(row)).filter((name) => !Object.hasOwn(format.fields, name) && name !== 'schema_version')
    expect(silent).toEqual([])
  })
})
