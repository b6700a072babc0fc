// What a command asks beyond what pages may: work whose results go where the person at the terminal says. It is asked in the process of the
// laboratory alone, see contract/ownMethods.ts.
import { statSync } from 'node:fs'
import { basename, join, parse } from 'node:path'
import type { OwnAnswers } from '../../../src-preload/contract.ts'
import type { Store } from '../../store/openStore.ts'
import { exportLabels, exportName, exportTo } from '../files/exportFile.ts'
import { importAdapters, importModel } from '../files/importModel.ts'
import { awaited } from '../process/awaited.ts'
import type { JobControl, Jobs } from '../process/jobs.ts'
import { exportModel } from '../training/exportModel.ts'
import { handOver } from '../training/handOver.ts'

export interface OwnParts {
  readonly open: () => Store
  readonly jobs: Jobs
  readonly version: string
  readonly now: () => number
}

export function ownAnswers({ open, jobs, version, now }: OwnParts): OwnAnswers {
  /** A job that writes files, beside whatever trains. */
  const writing = <Result>(signal: AbortSignal, label: string, work: (control: JobControl) => Promise<Result>): Promise<Result> =>
    awaited(jobs, signal, { kind: 'export', label, runId: null, lane: 'light', work })

  return {
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
    runs: {
      handOver: ({ runId, folder }, { signal }) => writing(signal, 'Handing a run over', () => handOver(open(), runId, folder, now)),
    },
    models: {
      import: ({ path, name, base }, { signal }) =>
        awaited(jobs, signal, {
          kind: 'import',
          label: `Importing ${basename(path)}`,
          runId: null,
          lane: 'data',
          async work(control) {
            const store = open()
            const options = { name, signal: control.signal, now }
            const { modelId } = await (base === null ? importModel(store, path, options) : importAdapters(store, path, base, options))
            return store.models.get(modelId)!
          },
        }),
      export: (asked, { signal }) => writing(signal, `Writing ${asked.name}`, () => exportModel(open(), asked, now)),
    },
  }
}
