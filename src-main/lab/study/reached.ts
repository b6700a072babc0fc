// What the runs of a study have cost, and what was evaluated of them.
import type { Evaluation } from '../../../src-preload/contract.ts'
import type { Study } from '../../store/studies.ts'
import type { Split } from '../../tasks/types.ts'
import type { LabContext } from '../process/context.ts'
import { finishedIn } from './beside.ts'
import { presetOf } from './grid.ts'
import type { StudyRecord } from './record.ts'

/** The finished evaluation of a run's weights at a step on one set of problems. */
export function evaluationOf({ store }: Pick<LabContext, 'store'>, runId: number, step: number, split: Split): Evaluation | null {
  return store.evaluations.ofRun(runId).findLast((each) => each.status === 'finished' && each.step === step && each.split === split) ?? null
}

/** Operations of training up to and with each step, estimates of J included. [steps] */
export function costByStep({ store }: Pick<LabContext, 'store'>, runId: number): Float64Array {
  let sum = 0
  return Float64Array.from(store.steps.range(runId, 1, Number.MAX_SAFE_INTEGER), ({ flops }) => (sum += flops))
}

/** What the baseline's run of a seed cost in all, here or in the record beside; null where neither is finished. */
export function costOfBaseline(
  context: Pick<LabContext, 'store'>,
  study: Study,
  seed: number,
  beside: StudyRecord | undefined,
): number | null {
  const { baseline } = presetOf(study.name)
  const own = context.store.studies
    .cells(study.id)
    .find((cell) => cell.arm === baseline && cell.seed === seed && cell.status === 'finished' && cell.runId !== null)
  return own !== undefined && context.store.runs.get(own.runId!) !== null
    ? costByStep(context, own.runId!).at(-1)!
    : (finishedIn(beside, baseline, seed)?.cost.flops ?? null)
}

/** The last checkpoint of a run whose training cost no more than so many operations; null where there is none. */
export function checkpointAtCost(
  context: Pick<LabContext, 'store'>,
  limit: number,
  runId: number,
): { readonly id: number; readonly step: number } | null {
  const own = costByStep(context, runId)
  return (
    context.store.checkpoints
      .ofRun(runId)
      .filter(({ step }) => own[step - 1]! <= limit * (1 + 1e-9))
      .at(-1) ?? null
  )
}
