// Reading specifications of runs: the schema checks what every run has, the task's own table its options.
import { completeSpec, type RunSpec } from '../../../src-preload/contract.ts'
import { completeTask } from './tasks.ts'

/** A complete specification, options of the task filled in. Throws LabError `run.spec`, `run.task`. */
export function parseSpec(given: unknown): RunSpec {
  const spec = completeSpec(given)
  return { ...spec, task: completeTask(spec.task) }
}

/** The specification of a task asked in words or in tokens of its own, with what regret counts said: prompts in words may be longer than any budget, and are not charged for. */
export const spoken = (spec: RunSpec, inWords: boolean): RunSpec =>
  !inWords || spec.evaluation.counted !== undefined ? spec : { ...spec, evaluation: { ...spec.evaluation, counted: 'thinking' } }
