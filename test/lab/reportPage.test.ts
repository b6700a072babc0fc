// Where the built page of reports is found: in the nearest folder above the program's own files that has one.
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { REPORT_PAGE, writeReport } from '../../src-main/lab/comparing/reportFile.ts'
import { exportRequest, REPORT_ELEMENT, type ExportAsked } from '../../src-preload/contract.ts'
import { openEvaluated, type EvaluatedWorkspace } from './evaluated.ts'

/** Built pages by their paths, in the place of those that lie on the disk. */
const pages = vi.hoisted(() => new Map<string, string>())
vi.mock('node:fs', async (original) => {
  const fs = await original<typeof import('node:fs')>()
  const isPage = (path: unknown): path is string => typeof path === 'string' && /report[\\/]report\.html$/.test(path)
  const existsSync: typeof fs.existsSync = (path) => (isPage(path) ? pages.has(path) : fs.existsSync(path))
  const readFileSync = ((...asked: Parameters<typeof fs.readFileSync>) =>
    pages.get(String(asked[0])) ?? fs.readFileSync(...asked)) as typeof fs.readFileSync
  return { ...fs, existsSync, readFileSync }
})

let made: EvaluatedWorkspace
beforeEach(() => {
  made = openEvaluated()
})
afterEach(() => {
  made.close()
  pages.clear()
})

const root = join(import.meta.dirname, '../..')
const pageOf = (note: string): string => `<title>Report</title>${note}<script id="${REPORT_ELEMENT}"></script>`

/** The page that is written of one evaluated run. */
async function written(): Promise<string> {
  const id = made.run('a')
  made.evaluate(id, [{ accuracy: 0.5 }])
  const asked = exportRequest.parse({ kind: 'report', runIds: [id] }) as Extract<ExportAsked, { kind: 'report' }>
  const path = join(made.store.folder, 'written.html')
  await writeReport(path, { store: made.store, version: '1', now: () => 5 }, asked, () => {})
  return readFileSync(path, 'utf8')
}

describe('the built page of reports', () => {
  it('is the one of the nearest folder above the program that has one', async () => {
    pages.set(join(root, REPORT_PAGE), pageOf('near'))
    pages.set(join(dirname(root), REPORT_PAGE), pageOf('far'))
    expect(await written()).toContain('<title>Comparison: a</title>near<script')
  })

  it('is asked to be built where none of them has one', async () => {
    await expect(written()).rejects.toMatchObject({
      code: 'report.noPage',
      expected: `the built page of reports (${REPORT_PAGE})`,
      found: 'none',
      next: expect.stringContaining('npm run build') as unknown,
    })
  })
})
