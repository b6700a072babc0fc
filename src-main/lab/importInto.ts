// Files into a workspace: the batches of data/importFiles as problems of a dataset, or as rollouts of a run of their own. Everything of one
// import is one transaction per batch; a cancelled import leaves what it had brought in and says how much.
import { basename } from 'node:path'
import type { NewRollout, SampleProvenance } from '../../src-preload/contract.ts'
import { importFiles } from '../data/importFiles.ts'
import type { ImportOptions, ImportReport } from '../data/importFiles.ts'
import type { CanonicalRollout } from '../data/canonical.ts'
import { createNumbering, problemOf, problemOfRow, toNewRollout } from '../data/records.ts'
import type { Store } from '../store/openStore.ts'

export interface Imported {
  readonly report: ImportReport
  /** The dataset that the problems are in; null when nothing was imported. */
  readonly datasetId: number | null
  /** The run that imported rollouts belong to; null for datasets. */
  readonly runId: number | null
}

export interface ImportIntoOptions extends ImportOptions {
  /** What the dataset or the run is called; the name of the first file unless given. */
  readonly name?: string
}

/** Throws LabError file.*, import.* and the like for files that cannot be read at all; bad rows are in the report. */
export async function importInto(store: Store, paths: readonly string[], options: ImportIntoOptions, now: () => number): Promise<Imported> {
  const name = options.name ?? basename(paths[0] ?? 'import')
  const incoming = importFiles(paths, options)
  let datasetId: number | null = null
  let runId: number | null = null
  const dataset = (): number => (datasetId ??= store.datasets.add({ name, kind: 'imported', source: { files: paths.map((path) => basename(path)) }, roles: null, grader: 'math', note: '', createdAtMs: now() }))
  const run = (): number => (runId ??= store.runs.add({
    name, method: 'imported', algorithm: 'imported', config: { files: paths.map((path) => basename(path)) }, seed: 0, groupKey: `imported ${name} ${now()}`,
    modelId: null, datasetId: dataset(), parentRunId: null, parentStep: null, plannedSteps: 0, environment: {}, note: '', createdAtMs: now(),
  }).id)
  const numbering = createNumbering()
  for await (const batch of incoming) {
    if (batch.kind === 'dataset' && batch.rows.length > 0) store.datasets.addProblems(dataset(), batch.rows.map((row) => problemOfRow(row, 'imported')))
    if (batch.kind === 'rollouts' && batch.rows.length > 0) addRollouts(store, run(), dataset(), batch.file, batch.rows, numbering)
  }
  if (runId !== null) store.runs.setStatus(runId, 'finished', now())
  const report = incoming.report()
  if (datasetId !== null && report.dataset !== null) store.datasets.setRoles(datasetId, report.dataset.roles as never, report.dataset.grader.grader)
  return { report, datasetId, runId }
}

function addRollouts(store: Store, runId: number, datasetId: number, file: string, rows: readonly CanonicalRollout[], numbering: ReturnType<typeof createNumbering>): void {
  const provenance: SampleProvenance = { source: 'imported', checkpointId: null, policyStep: null, sampling: null, template: '', device: '', engine: '', file: basename(file) }
  const problemIds = store.datasets.addProblems(datasetId, rows.map(problemOf))
  const placed = rows.map((row, index) => ({ step: row.step ?? 0, rollout: toNewRollout(row, { problemId: problemIds[index]!, ...numbering(row), provenance }) }))
  for (const [step, members] of Map.groupBy(placed, (each) => each.step)) {
    store.rollouts.add({ runId, evaluationId: null, phase: 'imported', step }, members.map((each): NewRollout => each.rollout))
  }
}
