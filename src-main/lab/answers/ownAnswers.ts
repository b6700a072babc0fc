// What a command asks beyond what pages may: work whose results go where the person at the terminal says. It is asked in the process of the
// laboratory alone, see contract/ownMethods.ts.
import { statSync } from 'node:fs'
import { join, parse } from 'node:path'
import type { OwnAnswers } from '../../../src-preload/contract.ts'
import type { Store } from '../../store/openStore.ts'
import { exportLabels, exportName, exportTo } from '../files/exportFile.ts'
import { awaited } from '../process/awaited.ts'
import type { Jobs } from '../process/jobs.ts'

export interface OwnParts {
  readonly open: () => Store
  readonly jobs: Jobs
  readonly version: string
  readonly now: () => number
}

export function ownAnswers({ open, jobs, version, now }: OwnParts): OwnAnswers {
  return {
    exports: {
      save: ({ asked, path, inside, perStep }, { signal }) =>
        awaited(jobs, signal, {
          kind: 'export',
          label: exportLabels[asked.kind],
          runId: null,
          lane: 'light',
          async work(control) {
            const store = open()
            const name = exportName(store, asked)
            const file = inside ? join(path, perStep ? parse(name).name : name) : path
            const rows = await exportTo({ store, version, now }, asked, file, control, perStep)
            return { file, bytes: perStep ? null : statSync(file).size, rows }
          },
        }),
    },
  }
}
