// A cell that another study of the workspace has finished already. Training is deterministic, so that the same specification on the same program
// and machine gives the same numbers: such a cell is taken over instead of being trained again.
import { isDeepStrictEqual } from 'node:util'
import type { Json, RunSpec } from '../../../src-preload/contract.ts'
import type { Study, StudyCell } from '../../store/studies.ts'
import { binOf } from '../process/bin.ts'
import type { LabContext } from '../process/context.ts'
import { methodOf } from '../training/createRun.ts'
import { parseSpec } from '../training/runSpecs.ts'
import { isSweep } from './grid.ts'

/**
 * The finished cell of another study whose run had this specification, options filled in, under the same conditions and in the same environment
 * (program, commit, machine, threads); null where there is none, or only one in the bin. What a run is called and where it stands do not count.
 */
export function twinOf(
  { store }: Pick<LabContext, 'store'>,
  study: Study,
  spec: RunSpec,
  environment: Json,
): (StudyCell & { readonly study: Study; readonly runId: number }) | null {
  const wanted = computedBy(spec)
  const bin = new Set(binOf(store))
  const alike = store.studies.list().filter(({ id, conditions }) => id !== study.id && isDeepStrictEqual(conditions, study.conditions))
  for (const other of alike)
    for (const cell of store.studies.cells(other.id)) {
      if (cell.status !== 'finished' || cell.runId === null || bin.has(cell.runId) || cell.seed !== spec.seed || isSweep(cell)) continue
      const run = store.runs.get(cell.runId)
      if (run === null || !isDeepStrictEqual(run.environment, environment)) continue
      if (!isDeepStrictEqual(computedBy(parseSpec(run.config)), wanted)) continue
      return { ...cell, study: other, runId: run.id }
    }
  return null
}

/** What a run computes: its specification without name and place, options filled in. */
function computedBy(spec: RunSpec): unknown {
  const { algorithm, options } = methodOf(spec)
  return { ...spec, name: null, group: null, algorithm: { name: algorithm.name, options } }
}
