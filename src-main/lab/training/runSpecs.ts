// Reading specifications of runs: the schema checks what every run has, the task's own table its options.
import { completeSpec, type RunSpec } from '../../../src-preload/contract.ts'
import { completeTask } from './tasks.ts'

/** A complete specification, options of the task filled in. Throws LabError `run.spec`, `run.task`. */
export function parseSpec(given: unknown): RunSpec {
  const spec = completeSpec(given)
  return { ...spec, task: completeTask(spec.task) }
}
