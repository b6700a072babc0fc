// Reading specifications of runs: the schema checks what every run has, the task's own table its options.
import type { RunSpec } from '../../../src-preload/contract.ts'
import { LabError, runSpec } from '../../../src-preload/contract.ts'
import { completeTask } from './tasks.ts'

/** A complete specification, options of the task filled in. Throws LabError `run.spec`, `run.task`. */
export function parseSpec(given: unknown): RunSpec {
  const parsed = runSpec.safeParse(given)
  if (parsed.success) return { ...parsed.data, task: completeTask(parsed.data.task) }
  const [issue] = parsed.error.issues
  throw new LabError('run.spec', {
    expected: 'a run specification',
    found: `${issue!.path.join('.') || 'the whole'}: ${issue!.message}`,
    next: 'Correct that field; `mrt run --help` lists the presets to start from.',
  })
}
