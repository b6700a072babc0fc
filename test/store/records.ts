// Folders and stores that end with the test, and the records of runRecord.ts.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { openStore, type OpenOptions, type Store } from '../../src-main/store/openStore.ts'
import type { NewRun, Run } from '../../src-preload/contract.ts'
import { newRun, problemNamed } from './runRecord.ts'

export * from './runRecord.ts'

/** An empty folder that goes away with the test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'mrt-store-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** A new workspace in a temporary folder, closed with the test. */
export function newStore(options: OpenOptions = {}): Store {
  const store = openStore(join(temporaryFolder(), 'lab'), { create: true, now: () => 1000, ...options })
  onTestFinished(() => store.close())
  return store
}

export const addDataset = (store: Store): number =>
  store.datasets.add({
    name: 'countdown',
    kind: 'procedural',
    source: { seed: 1 },
    roles: null,
    grader: 'countdown',
    note: '',
    createdAtMs: 1,
  })

/** A run with a dataset of one problem, started. */
export function startedRun(store: Store, changes: Partial<NewRun> = {}): { run: Run; datasetId: number; problemId: number } {
  const datasetId = addDataset(store)
  const [problemId] = store.datasets.addProblems(datasetId, [problemNamed('p0')])
  const run = store.runs.add(newRun({ datasetId, ...changes }))
  store.runs.setStatus(run.id, 'running', 10)
  return { run, datasetId, problemId: problemId! }
}

/** What `work` throws, as `{code, ...}`; fails the test when it does not throw. */
export function thrownBy(work: () => unknown): { code?: string; message: string } {
  try {
    work()
  } catch (error) {
    return error as { code?: string; message: string }
  }
  throw new Error('nothing was thrown')
}
