// Every format and every source as a folder of small files: `good` imports whole, `bad` says what is wrong with it, and the
// JSON beside each holds everything that comes out. To add a case, add a folder.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { outcome } from './cases.ts'

const root = join(import.meta.dirname, 'cases')

function inputs(folder: string): readonly { readonly path: string; readonly expected: string }[] {
  return readdirSync(join(root, folder))
    .filter((name) => !name.endsWith('.expected.json'))
    .map((name) => ({
      path: join(root, folder, name),
      expected: join(root, folder, `${name.startsWith('good') ? 'good' : 'bad'}.expected.json`),
    }))
}

describe.each(readdirSync(root).filter((name) => !name.startsWith('.')))('%s', (folder) => {
  it.each(inputs(folder))('gives exactly what stands beside $path', async ({ path, expected }) => {
    const found = (await outcome(path)) as { rows?: number; imported?: number; rejected?: { rows: number }[] }
    expect(found).toEqual(JSON.parse(readFileSync(expected, 'utf8')))
    if (found.rows !== undefined) expect(found.imported! + found.rejected!.reduce((sum, { rows }) => sum + rows, 0)).toBe(found.rows)
  })
})
