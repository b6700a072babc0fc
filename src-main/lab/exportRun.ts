// Files a person takes away, written into the workspace's `exports` folder: metrics as JSON lines, the specification, every rollout in
// the canonical shape, or a consistent copy of the whole database made while work goes on. File names say what they hold.

import { mkdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { LabError, type Exported, type exportKinds, type Run } from '../../src-preload/contract.ts'
import type { CanonicalRollout } from '../data/canonical.ts'
import { fromRolloutDetail } from '../data/records.ts'
import { writeAtomically } from '../data/write/atomicFile.ts'
import { writeMetrics } from '../data/write/metrics.ts'
import { writeRollouts } from '../data/write/rollouts.ts'
import type { Store } from '../store/openStore.ts'
import { found } from './queriesRuns.ts'

export const EXPORTS = 'exports'
const PAGE = 1000

type Kind = (typeof exportKinds)[number]

function* rolloutsOf(store: Store, run: Run): Iterable<CanonicalRollout> {
  for (let after: string | null = null; ; ) {
    const page = store.rollouts.page({ filter: { runId: run.id }, sort: 'place', descending: false, limit: PAGE, after })
    for (const { id } of page.rollouts) yield fromRolloutDetail(store.rollouts.detail(id)!, run.uid)
    if (page.next === null) return
    after = page.next
  }
}

const plain = (name: string): string => name.replace(/[^\p{L}\p{N}]+/gu, '-').replace(/^-|-$/g, '').slice(0, 60) || 'run'

const writers: { readonly [K in Exclude<Kind, 'workspace'>]: { readonly ending: string; readonly write: (store: Store, run: Run, path: string) => Promise<unknown> } } = {
  metrics: { ending: 'metrics.jsonl', write: (store, run, path) => writeMetrics(path, store.steps.range(run.id, 0, Number.MAX_SAFE_INTEGER)) },
  config: { ending: 'config.json', write: (_store, run, path) => writeAtomically(path, (sink) => sink.write(`${JSON.stringify(run.config, null, 2)}\n`)) },
  rollouts: { ending: 'rollouts.jsonl', write: (store, run, path) => writeRollouts(path, rolloutsOf(store, run), 'jsonl') },
}

/** Throws LabError `run.unknown`, `export.noRun`, `export.failed`, `export.empty`. */
export async function exportRun(store: Store, kind: Kind, runId: number | null): Promise<Exported> {
  const folder = join(store.folder, EXPORTS)
  mkdirSync(folder, { recursive: true })
  const done = (fileName: string): Exported => ({ fileName, path: join(folder, fileName), bytes: statSync(join(folder, fileName)).size, href: `./${EXPORTS}/${fileName}` })
  if (kind === 'workspace') {
    const fileName = `workspace-copy.db`
    await store.backUpTo(join(folder, fileName))
    return done(fileName)
  }
  if (runId === null) throw new LabError('export.noRun', { expected: 'a run to export', found: 'none', next: 'Choose a run first.' })
  const run = found('run', runId, store.runs.get(runId))
  const { ending, write } = writers[kind]
  const fileName = `run-${run.id}-${plain(run.name)}-${ending}`
  await write(store, run, join(folder, fileName))
  return done(fileName)
}
