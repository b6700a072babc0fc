// Where a workspace keeps what imports leave beside the database: rejected rows, one file per import, and the copies that a browser
// sent until they are imported. Names come from outside, so each is checked before it becomes a path.

import { createReadStream, existsSync, readdirSync, rmSync } from 'node:fs'
import { basename, isAbsolute, join, relative, sep } from 'node:path'
import { createInterface } from 'node:readline'
import type { RejectedRow } from '../../../src-preload/contract.ts'
import { LabError } from '../../../src-preload/contract.ts'

const IMPORTS = 'imports'
const INCOMING = 'incoming'
const importIds = /^\d{1,16}-[0-9a-f]{8}$/

const unknownImport = (found: string): LabError =>
  new LabError('import.unknown', { expected: 'an import of this workspace', found, next: 'Choose a dataset or a run that was imported.' })

/** The folder that a browser's files are copied to before they are imported. */
export const incomingFolder = (workspace: string): string => join(workspace, IMPORTS, INCOMING)

/** Where the rejected rows of an import are. Throws LabError import.unknown for what is no id. */
export function rejectedFile(workspace: string, importId: string): string {
  if (!importIds.test(importId)) throw unknownImport(importId.slice(0, 40))
  return join(workspace, IMPORTS, `${importId}-rejected.jsonl`)
}

/** Rejected rows from `offset` on, and how many there are. */
export async function readRejected(
  workspace: string,
  importId: string,
  offset: number,
  limit: number,
): Promise<{ rows: RejectedRow[]; total: number }> {
  const path = rejectedFile(workspace, importId)
  if (!existsSync(path)) return { rows: [], total: 0 }
  const rows: RejectedRow[] = []
  let total = 0
  for await (const line of createInterface({ input: createReadStream(path), crlfDelay: Infinity })) {
    if (total >= offset && rows.length < limit) rows.push(rowOf(line))
    total++
  }
  return { rows, total }
}

function rowOf(line: string): RejectedRow {
  const { file, line: at, rows, code, reason, text } = JSON.parse(line) as RejectedRow
  return { file: basename(file), line: at, rows, code, reason, text }
}

/** Removes copies that a browser sent; every other path is left alone. */
export function discardIncoming(workspace: string, paths: readonly string[]): void {
  const incoming = incomingFolder(workspace)
  for (const path of paths) {
    const inside = relative(incoming, path)
    if (inside === '' || inside.startsWith('..') || isAbsolute(inside)) continue
    // Everything that was dropped together lies in one folder, which goes once nothing in it is wanted.
    rmSync(path, { recursive: true, force: true })
    const drop = join(incoming, inside.split(sep)[0]!)
    if (existsSync(drop) && readdirSync(drop).length === 0) rmSync(drop, { recursive: true })
  }
}
