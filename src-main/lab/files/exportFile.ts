// Files a person takes away: metrics as JSON lines, the specification, rollouts in the shape of this program, of TRL or of verl, the
// answers of two runs side by side, a comparison as a page, or a consistent copy of the whole database. One table says what each kind is
// called and how it is written; everything is streamed, tells its progress, and can be cancelled. File names say what they hold.

import { mkdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import {
  LabError,
  rolloutFormats,
  rolloutShapes,
  type Evaluation,
  type ExportAsked,
  type Exported,
  type ExportKind,
  type ExportSizes,
  type RolloutFilter,
  type Run,
} from '../../../src-preload/contract.ts'
import type { CanonicalRollout } from '../../data/canonical.ts'
import { fromRolloutDetail } from '../../data/records.ts'
import { writeAtomically } from '../../data/write/atomicFile.ts'
import { writeComparator } from '../../data/write/comparator.ts'
import type { ComparedPair } from '../../data/write/comparator.ts'
import { writeMetrics } from '../../data/write/metrics.ts'
import { sizeOfRollouts, writeRollouts } from '../../data/write/rollouts.ts'
import type { Store } from '../../store/openStore.ts'
import type { ExportContext } from '../process/context.ts'
import type { JobControl } from '../process/jobs.ts'
import { openProgressMeter, type ProgressMeter } from '../process/progressMeter.ts'
import { newestFinished } from '../comparing/compareArms.ts'
import { found } from '../process/found.ts'
import { writeReport } from '../comparing/reportFile.ts'

export const EXPORTS = 'exports'
const PAGE = 500
/** Rollouts that a size is measured on. */
const MEASURED = 48

/** How an export is steered and heard. */
export type ExportControl = Partial<Pick<JobControl, 'signal' | 'onEvent'>>

interface Work<Asked> extends ExportContext {
  readonly asked: Asked
  readonly path: string
  /** Says that so many of so many are done; throws when the export was cancelled. */
  readonly told: (done: number, total: number, unit: string) => void
}

interface Kind<Asked> {
  /** What the file is called, without a folder. */
  readonly fileName: (store: Store, asked: Asked) => string
  /** Writes the file; gives the number of rows in it, null where it has none. */
  readonly write: (work: Work<Asked>) => Promise<number | null>
}
type Of<K extends ExportKind> = Extract<ExportAsked, { kind: K }>

const plain = (name: string): string =>
  name
    .replace(/[^\p{L}\p{N}]+/gu, '-')
    .replace(/^-|-$/g, '')
    .slice(0, 60) || 'run'
const runOf = (store: Store, id: number): Run => found('run', id, store.runs.get(id))
const stem = (store: Store, runId: number): string => `run-${runId}-${plain(runOf(store, runId).name)}`

/** What a filter's rollouts are of, as a part of a file name. */
function scopeName(store: Store, { runId, evaluationId, ...narrowed }: RolloutFilter): string {
  const some = Object.values(narrowed).some((value) => value !== undefined) ? '-chosen' : ''
  if (evaluationId !== undefined) return `evaluation-${found('evaluation', evaluationId, store.evaluations.get(evaluationId)).id}${some}`
  return `${runId === undefined ? 'all' : stem(store, runId)}${some}`
}

/** Rollouts that a filter finds, in order; gives the event loop a turn between pages. */
async function* rolloutsOf(store: Store, filter: RolloutFilter, told: (done: number) => void): AsyncGenerator<CanonicalRollout> {
  const uids = new Map<number, string | null>()
  const uidOf = (runId: number | null): string | null => {
    if (runId === null) return null
    if (!uids.has(runId)) uids.set(runId, store.runs.get(runId)?.uid ?? null)
    return uids.get(runId)!
  }
  let done = 0
  for (let after: string | null = null; ;) {
    const page = store.rollouts.page({ filter, sort: 'place', descending: false, limit: PAGE, after })
    for (const { id, runId } of page.rollouts) yield fromRolloutDetail(store.rollouts.detail(id)!, uidOf(runId))
    told((done += page.rollouts.length))
    if (page.next === null) return
    after = page.next
    await turn()
  }
}

/** Samples of the same number to the same problem, under two evaluations. */
async function* pairsOf(store: Store, a: Evaluation, b: Evaluation, told: (done: number) => void): AsyncGenerator<ComparedPair> {
  // Rollouts that were forced to think on are no answers that the runs gave.
  const filter = { evaluationId: a.id, keptThinking: false }
  let problem = 0
  let bySample: ReadonlyMap<number, number> = new Map()
  let done = 0
  for (let after: string | null = null; ;) {
    const page = store.rollouts.page({ filter, sort: 'place', descending: false, limit: PAGE, after })
    for (const { id, problemId, sample } of page.rollouts) {
      if (problemId !== problem) {
        const { rollouts } = store.rollouts.page({
          filter: { evaluationId: b.id, problemId, keptThinking: false },
          sort: 'place',
          descending: false,
          limit: PAGE,
          after: null,
        })
        bySample = new Map(rollouts.map((each) => [each.sample, each.id]))
        problem = problemId
      }
      const partner = bySample.get(sample)
      if (partner === undefined) continue
      const detail = store.rollouts.detail(id)!
      const { level, slices, split } = detail.problem
      const tags = [
        split,
        ...(level === null ? [] : [`level ${level}`]),
        ...Object.entries(slices).map(([name, value]) => `${name}: ${typeof value === 'string' ? value : JSON.stringify(value)}`),
      ]
      yield { a: fromRolloutDetail(detail, null), b: fromRolloutDetail(store.rollouts.detail(partner)!, null), tags }
    }
    told((done += page.rollouts.length))
    if (page.next === null) return
    after = page.next
    await turn()
  }
}

function evaluated(store: Store, runId: number): Evaluation {
  const evaluation = newestFinished(store.evaluations.ofRun(runId))
  if (evaluation !== null) return evaluation
  throw new LabError('export.notEvaluated', {
    expected: `a finished evaluation of ${runOf(store, runId).name}`,
    found: 'none',
    next: 'Evaluate the run first.',
  })
}

const kinds: { readonly [K in ExportKind]: Kind<Of<K>> } = {
  metrics: {
    fileName: (store, { runId }) => `${stem(store, runId)}-metrics.jsonl`,
    async write({ store, asked: { runId }, path }) {
      const steps = store.steps.range(runId, 0, Number.MAX_SAFE_INTEGER)
      await writeMetrics(path, steps)
      return steps.length
    },
  },
  config: {
    fileName: (store, { runId }) => `${stem(store, runId)}-config.json`,
    async write({ store, asked: { runId }, path }) {
      await writeAtomically(path, (sink) => sink.write(`${JSON.stringify(runOf(store, runId).config, null, 2)}\n`))
      return null
    },
  },
  rollouts: {
    fileName: (store, { filter, as, format }) => `${scopeName(store, filter)}-rollouts${as === 'canonical' ? '' : `-${as}`}.${format}`,
    write: (work) => writeRolloutFiles(work, false),
  },
  comparator: {
    fileName: (store, { a, b }) => `${stem(store, a)}-against-${stem(store, b)}-comparator.json`,
    async write({ store, asked: { a, b }, path, told }) {
      const [first, second] = [evaluated(store, a), evaluated(store, b)]
      const [nameA, nameB] = [runOf(store, a), runOf(store, b)].map(({ name, seed, id }) => `${name}, seed ${seed} (run ${id})`) as [
        string,
        string,
      ]
      const total = store.rollouts.count({ evaluationId: first.id, keptThinking: false })
      const { pairs } = await writeComparator(path, {
        nameA,
        nameB,
        pairs: pairsOf(store, first, second, (done) => told(done, total, 'answers')),
      })
      return pairs
    },
  },
  report: {
    fileName: (store, { runIds }) =>
      `comparison-of-${runIds.length > 4 ? `${runIds.length}-runs` : runIds.map((id) => plain(runOf(store, id).name)).join('-')}.html`,
    async write({ store, asked, path, told, version, now }) {
      await writeReport(path, { store, version, now }, asked, (done, total) => told(done, total, 'figures'))
      return null
    },
  },
  workspace: {
    fileName: () => 'workspace-copy.db',
    async write({ store, path, told }) {
      await store.backUpTo(path, (fraction) => told(Math.round(fraction * 100), 100, '%'))
      return null
    },
  },
}

async function writeRolloutFiles(
  { store, asked: { filter, as, format }, path, told }: Work<Of<'rollouts'>>,
  perStep: boolean,
): Promise<number> {
  const total = store.rollouts.count(filter)
  const { rollouts } = await writeRollouts(path, () => rolloutsOf(store, filter, (done) => told(done, total, 'rollouts')), {
    as,
    format,
    perStep,
  })
  return rollouts
}

function workOf<Asked>(context: ExportContext, asked: Asked, path: string, label: string, { signal, onEvent }: ExportControl): Work<Asked> {
  let meter: ProgressMeter | null = null
  return {
    ...context,
    asked,
    path,
    told(done, total, unit) {
      signal?.throwIfAborted()
      meter ??= openProgressMeter({ job: 'export', label, total, unit, now: context.now })
      onEvent?.({ kind: 'progress', runId: null, report: meter.at(done) })
    },
  }
}

export const exportLabels: { readonly [K in ExportKind]: string } = {
  metrics: 'Writing the metrics',
  config: 'Writing the settings',
  rollouts: 'Writing rollouts',
  comparator: 'Pairing answers',
  report: 'Making a report',
  workspace: 'Copying the workspace',
}

const kindOf = <K extends ExportKind>(asked: Of<K>): Kind<Of<K>> => kinds[asked.kind] as unknown as Kind<Of<K>>

/** The name under which a file of this kind is written. */
export const exportName = (store: Store, asked: ExportAsked): string => kindOf(asked).fileName(store, asked)

/**
 * Writes a file to `path`, or, `perStep`, rollouts into that folder as their trainer lays them out. Gives the number of rows.
 * Throws LabError `run.unknown`, `evaluation.unknown`, `export.failed`, `export.empty`, `export.notEvaluated`, `report.*`.
 */
export async function exportTo(
  context: ExportContext,
  asked: ExportAsked,
  path: string,
  control: ExportControl = {},
  perStep = false,
): Promise<number | null> {
  control.signal?.throwIfAborted()
  const label = exportLabels[asked.kind]
  if (perStep && asked.kind === 'rollouts') return writeRolloutFiles(workOf(context, asked, path, label, control), true)
  return kindOf(asked).write(workOf(context, asked, path, label, control))
}

/** Writes a file into the workspace's folder of exports, where a page finds it. */
export async function exportFile(context: ExportContext, asked: ExportAsked, control: ExportControl = {}): Promise<Exported> {
  const folder = join(context.store.folder, EXPORTS)
  mkdirSync(folder, { recursive: true })
  const fileName = exportName(context.store, asked)
  const path = join(folder, fileName)
  const rows = await exportTo(context, asked, path, control)
  return { fileName, path, bytes: statSync(path).size, rows, href: `./${EXPORTS}/${fileName}` }
}

/** About how large the files of a run would be: rollouts as the mean of a few, spread over the run. Throws LabError `run.unknown`. */
export async function sizesOf(store: Store, runId: number): Promise<ExportSizes> {
  const run = runOf(store, runId)
  const filter: RolloutFilter = { runId }
  const count = store.rollouts.count(filter)
  const steps = store.steps.range(runId, 0, Number.MAX_SAFE_INTEGER)
  const { rollouts: listed } = store.rollouts.page({ filter, sort: 'place', descending: false, limit: MEASURED, after: null })
  const sample = listed.map(({ id }) => fromRolloutDetail(store.rollouts.detail(id)!, run.uid))
  const sizes = await Promise.all(
    rolloutShapes.flatMap((as) =>
      rolloutFormats.map(async (format) => ({ as, format, bytes: Math.round(await sizeOfRollouts(sample, { as, format }, count)) })),
    ),
  )
  return {
    metrics: steps.reduce((sum, { metrics }) => sum + JSON.stringify(metrics).length, 0),
    config: JSON.stringify(run.config, null, 2).length,
    rollouts: { count, sizes },
    workspace: store.workspace().databaseBytes,
  }
}
