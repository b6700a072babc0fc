// Another workspace's runs into the open one: the store does it, this tells how far it is.
import type { Merged } from '../../../src-preload/contract.ts'
import type { Store } from '../../store/openStore.ts'
import type { ExportControl } from './exportFile.ts'
import { openProgressMeter, type ProgressMeter } from '../process/progressMeter.ts'

/** Throws LabError `workspace.*` about the other workspace, `merge.same`, `merge.noRun`. Cancelled, nothing has changed. */
export function mergeWorkspace(
  store: Store,
  { folder, uids }: { readonly folder: string; readonly uids: readonly string[] | null },
  now: () => number,
  { signal, onEvent }: ExportControl = {},
): Promise<Merged> {
  let meter: ProgressMeter | null = null
  return store.others.merge(folder, {
    uids,
    now,
    signal,
    told(done, total) {
      meter ??= openProgressMeter({ job: 'merge', label: 'Merging a workspace', total, unit: 'rollouts', now })
      onEvent?.({ kind: 'progress', runId: null, report: meter.at(done) })
    },
  })
}
