// What is known of a study before it goes on: what its grid can see, and how long it takes.
import { deriveSeed } from '../../numeric/rng.ts'
import type { Study } from '../../store/studies.ts'
import { clustersOf } from '../clusters.ts'
import type { LabContext } from '../context.ts'
import { taskInWords } from '../tasks.ts'
import { parseSpec } from '../runSpecs.ts'
import { powerOf } from './power.ts'
import type { PowerEstimate } from './power.ts'
import { conditionsOf, isSweep, remainingMs } from './run.ts'

/** Time of one step of 256 rollouts and of one evaluated rollout on two usual cores, until this workspace has finished a cell. */
const ASSUMED_STEP_MS = 1_100
const ASSUMED_ROLLOUT_MS = 18

export interface StudyPlan {
  readonly power: PowerEstimate
  readonly cells: number
  readonly open: number
  readonly leftMs: number
  /** The time is an assumption: no cell has been finished yet. */
  readonly assumed: boolean
}

export function planOf({ store }: Pick<LabContext, 'store'>, study: Study): StudyPlan {
  const cells = store.studies.cells(study.id)
  const { steps, samples, problems, validation } = conditionsOf(study)
  const spec = parseSpec(cells.find((cell) => !isSweep(cell))!.spec)
  const task = taskInWords(store, spec)
  const clusters = clustersOf(task.problems('heldout', problems, deriveSeed(spec.evaluation.seed, 'problems')).map((problem) => task.cluster(problem)))
  const seeds = new Set(cells.filter((cell) => !isSweep(cell)).map(({ seed }) => seed)).size
  const cellMs = steps * ASSUMED_STEP_MS + ASSUMED_ROLLOUT_MS * (2 * problems * (samples + spec.evaluation.kept) + validation * 8)
  const open = cells.filter(({ status }) => status !== 'finished').length
  const measured = remainingMs(cells)
  return { power: powerOf([...clusters], samples, seeds), cells: cells.length, open, leftMs: measured ?? open * cellMs, assumed: measured === null }
}
