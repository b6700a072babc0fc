// Temporary files for tests of readers, and everything a reader gave out.

import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll } from 'vitest'
import { openRows } from '../../src-main/data/read/readRows.ts'
import type { ReadOptions } from '../../src-main/data/read/readRows.ts'
import type { SourceRow } from '../../src-main/data/read/reader.ts'
import type { Note } from '../../src-main/data/notes.ts'
import type { Rejected } from '../../src-main/data/rejected.ts'

const folder = mkdtempSync(join(tmpdir(), 'mrt-data-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

let count = 0

/** A new folder of its own. */
export function newFolder(): string {
  const path = join(folder, String(count++))
  mkdirSync(path)
  return path
}

/** A file with this content; the name may hold folders. */
export function file(name: string, content: string | Uint8Array): string {
  const path = join(newFolder(), name)
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, content)
  return path
}

export interface ReadResult {
  readonly format: string
  readonly rows: readonly SourceRow[]
  readonly values: readonly unknown[]
  readonly rejected: readonly Rejected[]
  readonly notes: readonly Note[]
}

/** Reads a file to its end. */
export async function readAll(path: string, options: ReadOptions = {}): Promise<ReadResult> {
  const opened = await openRows(path, options)
  const rows: SourceRow[] = []
  const rejected: Rejected[] = []
  for await (const batch of opened.batches()) {
    rows.push(...batch.rows)
    rejected.push(...batch.rejected)
  }
  return { format: opened.format, rows, values: rows.map((row) => row.value), rejected, notes: opened.notes() }
}

/** The code of the LabError that a promise rejects with; anything else is thrown on. */
export async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise
  } catch (error) {
    if (error instanceof Error && error.name === 'LabError') return (error as Error & { code: string }).code
    throw error
  }
  return 'no error'
}

/** A value as it comes back from JSON: whole numbers that a double cannot tell apart are text. */
export function exactly(value: unknown): unknown {
  if (typeof value === 'number')
    return Number.isInteger(value) && !Number.isSafeInteger(value) && /^-?\d+$/.test(String(value)) ? String(value) : value
  if (Array.isArray(value)) return value.map(exactly)
  return typeof value === 'object' && value !== null
    ? Object.fromEntries(Object.entries(value).map(([key, each]) => [key, exactly(each)]))
    : value
}
