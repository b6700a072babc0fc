// Files into a workspace: the batches of data/importFiles as problems of a dataset, or as rollouts of a run of their own. Rejected rows
// are kept beside the database as they come, all of them; what was found out about the files is kept with the dataset. An import that
// is cancelled or breaks off leaves nothing behind but those.

import { randomBytes } from 'node:crypto'
import { rmSync } from 'node:fs'
import { basename } from 'node:path'
import type { ImportRecord, NewRollout, NewRun, SampleProvenance, SplitRule } from '../../../src-preload/contract.ts'
import { importFiles } from '../../data/importFiles.ts'
import type { ImportOptions } from '../../data/converter.ts'
import type { FileReport, ImportReport } from '../../data/importFiles.ts'
import type { CanonicalRollout } from '../../data/canonical.ts'
import { splitOf } from '../../data/datasets/summary.ts'
import { refuse } from '../../data/errors.ts'
import { createNumbering, problemOf, problemOfRow, toNewRollout } from '../../data/records.ts'
import type { Rejected } from '../../data/rejected.ts'
import { writeRejected } from '../../data/write/rejected.ts'
import { opensThought, readThinking } from '../../episodes/thinking.ts'
import type { Store } from '../../store/openStore.ts'
import { createGrader } from '../../tasks/graders/grader.ts'
import type { Grader } from '../../tasks/graders/grader.ts'
import { rejectedFile } from './keptAside.ts'

export interface Imported {
  readonly report: ImportReport
  readonly record: ImportRecord
  /** The dataset that the problems are in; null when nothing was imported. */
  readonly datasetId: number | null
  /** The run that imported rollouts belong to; null for datasets. */
  readonly runId: number | null
}

export interface ImportIntoOptions extends ImportOptions {
  /** What the dataset or the run is called; the name of the first file unless given. */
  readonly name?: string | undefined
  /** How answers are compared; guessed for datasets unless given. Rollouts without a verdict of their own are graded with it. */
  readonly grader?: string | undefined
  /** Whether an import that brings nothing is one; refused unless this is true. */
  readonly allowEmpty?: boolean | undefined
  /** Splits of problems whose rows name none; all of them are in `imported` unless given. */
  readonly split?: SplitRule | undefined
}

/** The split of problems that were imported without one. */
const UNSPLIT = 'imported'

/** Throws LabError file.*, import.* and the like for files that cannot be read at all, and GraderError; bad rows are in the report. */
export async function importInto(store: Store, paths: readonly string[], options: ImportIntoOptions, now: () => number): Promise<Imported> {
  const { grader: graderName, split } = options
  const name = options.name ?? basename(paths[0] ?? 'import')
  const files = paths.map((path) => basename(path))
  const importId = `${now()}-${randomBytes(4).toString('hex')}`
  const incoming = importFiles(paths, options)
  const grader = graderName === undefined || graderName === 'countdown' ? null : createGrader(graderName)
  let datasetId: number | null = null
  let runId: number | null = null
  const dataset = (): number =>
    (datasetId ??= store.atomically('quick', () => {
      const id = store.datasets.add({
        name,
        kind: 'imported',
        source: { files },
        roles: null,
        grader: graderName ?? 'math',
        note: '',
        createdAtMs: now(),
      })
      store.halfImports.begin(id)
      return id
    }))
  const run = (): number =>
    (runId ??= store.runs.add(importedRun({ name, files, grader: graderName ?? null, importId, datasetId: dataset(), atMs: now() })).id)
  const place = (id: string): string => (split === undefined ? UNSPLIT : splitOf(split.seed, id, split.shares))
  const numbering = createNumbering()

  /** Stores what a batch brings; gives what it turned away. */
  async function* walk(): AsyncGenerator<Rejected> {
    for await (const batch of incoming) {
      if (batch.kind === 'dataset' && batch.rows.length > 0)
        store.datasets.addProblems(
          dataset(),
          batch.rows.map((row) => problemOfRow(row, place(row.id))),
        )
      if (batch.kind === 'rollouts' && batch.rows.length > 0) {
        const graded = grader === null ? batch.rows : await Promise.all(batch.rows.map((row) => withVerdict(row, grader)))
        addRollouts(store, run(), dataset(), batch.file, graded, numbering)
      }
      yield* batch.rejected
    }
  }

  const kept = rejectedFile(store.folder, importId)
  try {
    await writeRejected(kept, walk())
    const report = incoming.report()
    if (report.imported === 0 && options.allowEmpty !== true) throw refuse('import.nothing', nothingIn(report, kept))
    if (report.rejectedRows === 0) rmSync(kept, { force: true })
    const record = recordOf(importId, report, split ?? null, now())
    const [first] = Object.values(report.dataset?.roles ?? {})
    store.atomically('durable', () => {
      if (runId !== null) {
        store.runs.setStatus(runId, 'finished', now())
        store.imported.derive(runId, null, now())
      }
      if (datasetId === null) return
      store.datasets.setOrigin(datasetId, {
        source: record,
        roles: first === undefined ? null : { ...first.roles },
        grader: graderName ?? report.dataset?.grader.grader ?? 'math',
      })
      store.halfImports.end(datasetId)
    })
    return { report, record, datasetId, runId }
  } catch (error) {
    if (runId !== null) store.runs.remove(runId)
    if (datasetId !== null) {
      store.datasets.remove(datasetId)
      store.halfImports.end(datasetId)
    }
    throw error
  } finally {
    await grader?.close()
  }
}

/** A run whose rollouts come from files. */
export const importedRun = ({
  name,
  files,
  grader,
  importId,
  datasetId,
  atMs,
}: {
  readonly name: string
  readonly files: readonly string[]
  readonly grader: string | null
  readonly importId: string
  readonly datasetId: number
  readonly atMs: number
}): NewRun => ({
  name,
  method: 'imported',
  algorithm: 'imported',
  config: { files: [...files], grader },
  seed: 0,
  groupKey: `imported ${importId}`,
  modelId: null,
  datasetId,
  parentRunId: null,
  parentStep: null,
  plannedSteps: 0,
  environment: {},
  note: '',
  createdAtMs: atMs,
})

/** Why nothing came of it: no rows, or the first reason why they were turned away and how often it came. */
function nothingIn({ rows, rejected, rejectedByCode, files }: ImportReport, kept: string): string {
  const where = files
    .map(({ path }) => basename(path))
    .slice(0, 3)
    .join(', ')
  if (rows === 0) return `no rows in ${where === '' ? 'the files' : where}`
  const { code, line, reason } = rejected[0]!
  return `${rows} rows in ${where}, all turned away; ${rejectedByCode[code]!} of them like line ${line}: ${reason} They are kept with their text in ${kept}.`
}

/** A rollout that says what would be right but not whether it was, with the grader's verdict. */
export async function withVerdict(row: CanonicalRollout, grader: Grader): Promise<CanonicalRollout> {
  if (row.correct !== undefined || row.groundTruth === undefined || row.completion === undefined) return row
  // A thought that never closed is no answer, whoever opened it.
  const thinking = readThinking(row.completion, { opened: row.prompt !== undefined && opensThought(row.prompt) })
  if (thinking.marked && !thinking.closed && row.extractedAnswer === undefined) return { ...row, correct: false }
  const { correct, extracted } = await grader.grade(row.groundTruth, row.extractedAnswer ?? row.completion)
  return { ...row, correct, ...(row.extractedAnswer === undefined && extracted !== null && { extractedAnswer: extracted }) }
}

/** Stores the rollouts of a file with their problems, step by step, numbered after those before them. */
export function addRollouts(
  store: Store,
  runId: number,
  datasetId: number,
  file: string,
  rows: readonly CanonicalRollout[],
  numbering: ReturnType<typeof createNumbering>,
): void {
  const provenance: SampleProvenance = {
    source: 'imported',
    checkpointId: null,
    policyStep: null,
    sampling: null,
    template: '',
    device: '',
    engine: '',
    file: basename(file),
  }
  const problemIds = store.datasets.addProblems(datasetId, rows.map(problemOf))
  const placed = rows.map((row, index) => ({
    step: row.step ?? 0,
    rollout: toNewRollout(row, { problemId: problemIds[index]!, ...numbering(row), provenance }),
  }))
  for (const [step, members] of Map.groupBy(placed, (each) => each.step)) {
    store.rollouts.add(
      { runId, evaluationId: null, phase: 'imported', step },
      members.map((each): NewRollout => each.rollout),
    )
  }
}

const fileOf = ({
  path,
  format,
  compression,
  bytes,
  sha256,
  source,
  rows,
  imported,
  rejected,
  notes,
}: FileReport): ImportRecord['files'][number] => ({
  name: basename(path),
  format,
  compression,
  bytes,
  sha256,
  source,
  rows,
  imported,
  rejected,
  notes: notes.map(({ message }) => message),
})

function recordOf(importId: string, report: ImportReport, split: SplitRule | null, atMs: number): ImportRecord {
  const { kind, files, rows, imported, rejectedRows, rejectedByCode, dataset, notes } = report
  return {
    importId,
    kind,
    files: files.map(fileOf),
    rows,
    imported,
    rejectedRows,
    rejectedByCode,
    split,
    similar: {
      count: dataset?.similar.count ?? 0,
      examples: (dataset?.similar.examples ?? []).map(({ id, match }) => ({ key: id, other: match.key, similarity: match.similarity })),
    },
    why: { roles: Object.values(dataset?.roles ?? {})[0]?.why ?? '', grader: dataset?.grader.why ?? '' },
    notes: notes.map(({ message }) => message),
    atMs,
  }
}
