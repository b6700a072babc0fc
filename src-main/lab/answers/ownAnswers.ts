// What a command asks beyond what pages may: work whose results go where the person at the terminal says. It is asked in the process of the
// laboratory alone, see contract/ownMethods.ts.
import { statSync } from 'node:fs'
import { join, parse } from 'node:path'
import type { ImportReport, OwnAnswers, Tried } from '../../../src-preload/contract.ts'
import type { ImportReport as ImportedReport } from '../../data/importFiles.ts'
import { bringRows, importLabel } from './importing.ts'
import { exportLabels, exportName, exportTo } from '../files/exportFile.ts'
import type { Following } from '../files/following.ts'
import { importAdapters, importModel, isModel } from '../files/importModel.ts'
import { makeSample } from '../files/makeSample.ts'
import { rejectedFile } from '../files/keptAside.ts'
import { awaited } from '../process/awaited.ts'
import type { LabContext } from '../process/context.ts'
import type { JobControl } from '../process/jobs.ts'
import { exportModel } from '../training/exportModel.ts'
import { handOver } from '../training/handOver.ts'
import { ownStudies } from './ownStudies.ts'
import type { ActionParts } from './runActions.ts'

const notesShown = (notes: ImportedReport['notes']) => notes.map(({ code, message }) => ({ code, message }))

function reportShown({
  kind,
  files,
  rows,
  imported,
  rejectedRows,
  rejected,
  records,
  dataset,
  identity,
  notes,
}: ImportedReport): ImportReport {
  return {
    kind,
    files: files.map(({ about: _, kind: _kind, why: _why, notes: of, ...file }) => ({ ...file, notes: notesShown(of) })),
    rows,
    imported,
    rejectedRows,
    rejected: rejected.map(({ file, line, rows: lost, code, reason, text }) => ({ file, line, rows: lost, code, reason, text })),
    records,
    roles: Object.entries(dataset?.roles ?? {}).map(([file, { roles, why }]) => ({ file, roles: { ...roles }, why })),
    grader: dataset === null ? null : { grader: dataset.grader.grader, why: dataset.grader.why },
    identity: identity === null ? null : { ...identity, examples: [...identity.examples] },
    notes: notesShown(notes),
  }
}

export interface OwnParts extends Omit<ActionParts, 'tell'> {
  readonly following: Pick<Following, 'whole' | 'look' | 'takeBack'>
  readonly version: string
}

export function ownAnswers({ open, shown, jobs, engine, experiments, deviceTests, following, version, now }: OwnParts): OwnAnswers {
  /** A job that writes files, beside whatever trains. */
  const writing = <Result>(signal: AbortSignal, label: string, work: (control: JobControl) => Promise<Result>): Promise<Result> =>
    awaited(jobs, signal, { kind: 'export', label, runId: null, lane: 'light', work })

  /** A job that brings files in. */
  const bringing = <Result>(
    signal: AbortSignal,
    paths: readonly string[],
    work: (control: JobControl, label: string) => Promise<Result>,
  ): Promise<Result> => {
    const label = importLabel(paths)
    return awaited(jobs, signal, { kind: 'import', label, runId: null, lane: 'data', work: (control) => work(control, label) })
  }

  const context = async (): Promise<LabContext> => ({ store: open(), engine: await engine(), now, deviceTests })

  return {
    tasks: {
      try: ({ start, examples, ...how }, { signal }) =>
        awaited(jobs, signal, {
          kind: 'measure',
          label: `Trying tasks with ${start}`,
          runId: null,
          lane: 'light',
          async work(control) {
            const format = { thoughts: 'auto', episodes: 'lines', examples } as const
            const all: Tried[] = []
            for await (const tried of experiments.tryTasks(await context(), { start, format, ...how }, control)) {
              all.push(tried)
              control.onEvent({ kind: 'tried', job: control.id, tried })
            }
            return all
          },
        }),
    },
    playground: {
      write: (request, { signal }) =>
        awaited(jobs, signal, {
          kind: 'playground',
          label: `Writing with model ${request.modelId}`,
          runId: null,
          lane: 'light',
          work: async (control) => experiments.writeText(await context(), request, control),
        }),
    },
    exports: {
      save: ({ asked, path, inside, perStep }, { signal }) =>
        writing(signal, exportLabels[asked.kind], async (control) => {
          const store = open()
          const name = exportName(store, asked)
          const file = inside ? join(path, perStep ? parse(name).name : name) : path
          const rows = await exportTo({ store, version, now }, asked, file, control, perStep)
          return { file, bytes: perStep ? null : statSync(file).size, rows }
        }),
    },
    imports: {
      isModel: ({ path }) => isModel(path),
      bring: (request, { signal }) =>
        bringing(signal, request.paths, async (control, label) => {
          const store = open()
          const { report, record, datasetId, runId } = await bringRows(request, { store, now, label }, control)
          return { report: reportShown(report), rejectedFile: rejectedFile(store.folder, record.importId), datasetId, runId }
        }),
    },
    follows: {
      get({ followId }) {
        const follow = following.whole(followId)
        return { ...follow, rejectedFile: rejectedFile(open().folder, follow.importId) }
      },
      look: ({ followId }, { signal }) =>
        awaited(jobs, signal, {
          kind: 'import',
          label: 'Looking at a folder',
          runId: null,
          lane: 'data',
          work: (control) => following.look(followId, control.signal),
        }),
      async takeBack({ followId }) {
        await following.takeBack(followId)
        return null
      },
    },
    runs: {
      handOver: ({ runId, folder }, { signal }) => writing(signal, 'Handing a run over', () => handOver(open(), runId, folder, now)),
    },
    models: {
      import: ({ path, name, base }, { signal }) =>
        bringing(signal, [path], async (control) => {
          const store = open()
          const options = { name, signal: control.signal, now }
          const { modelId } = await (base === null ? importModel(store, path, options) : importAdapters(store, path, base, options))
          return store.models.get(modelId)!
        }),
      export: (asked, { signal }) => writing(signal, `Writing ${asked.name}`, () => exportModel(open(), asked, now)),
    },
    workspaces: {
      async sample({ folder, ...which }, { signal }) {
        await writing(signal, 'Making a sample', () => makeSample(open(), folder, which))
        return null
      },
    },
    studies: ownStudies({ open, shown, jobs, engine, experiments, deviceTests, now }),
  }
}
