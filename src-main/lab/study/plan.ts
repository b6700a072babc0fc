// What is known of a study before it goes on: what its grid can see, and how long it takes.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { LabError, type StudyPlan } from '../../../src-preload/contract.ts'
import { deriveSeed } from '../../numeric/rng.ts'
import type { Study, StudyCell } from '../../store/studies.ts'
import { clustersOf } from '../comparing/clusters.ts'
import type { LabContext } from '../process/context.ts'
import { taskInWords } from '../training/tasks.ts'
import { parseSpec } from '../training/runSpecs.ts'
import { resourcesFolder } from '../process/resources.ts'
import { ASSUMED, powerOf, spreadsOf, spreadsText } from './power.ts'
import type { Spreads } from './power.ts'
import { recordOf } from './recording.ts'
import type { StudyRecord } from './record.ts'
import { conditionsOf, isSweep, remainingMs } from './grid.ts'
import { isOpenBeside } from './beside.ts'

/** Time of one step of 256 rollouts and of one evaluated rollout on two usual cores, until this workspace has finished a cell. */
const ASSUMED_STEP_MS = 1_100
const ASSUMED_ROLLOUT_MS = 18

/** What was asked, in either form that records have had of it. */
function askedIn(task: unknown): string {
  const { name, numbers, options } = task as {
    readonly name: string
    readonly numbers?: number
    readonly options?: { readonly level?: unknown }
  }
  return `${name} ${options?.level ?? numbers}`
}

/** Null for a study that says nothing here: of another version's preset, or with a row that cannot be read. */
function recordIfReadable(context: Pick<LabContext, 'store'>, study: Study): StudyRecord | null {
  try {
    return recordOf(context, study)
  } catch (error) {
    if (error instanceof LabError) return null
    throw error
  }
}

/** How far values spread in the first of these that can say: this study, the others of the workspace from the newest on, the record that ships. */
function spreadsFor(
  context: Pick<LabContext, 'store'>,
  study: Study,
  alike: (record: StudyRecord) => boolean,
): { readonly spreads: Spreads; readonly spreadsFrom: string } {
  const others = context.store.studies
    .list()
    .filter(({ id }) => id !== study.id)
    .reverse()
  for (const each of [study, ...others]) {
    if (!context.store.studies.cells(each.id).some(({ status }) => status === 'finished')) continue
    const record = recordIfReadable(context, each)
    const spreads = record !== null && alike(record) ? spreadsOf(record) : null
    if (spreads !== null) return { spreads, spreadsFrom: each === study ? 'this study' : `the study ${each.name} of this workspace` }
  }
  const shipped = join(resourcesFolder(), 'study', 'headline.json')
  const record = existsSync(shipped) ? (JSON.parse(readFileSync(shipped, 'utf8')) as StudyRecord) : null
  const spreads = record !== null && alike(record) ? spreadsOf(record) : null
  return spreads === null
    ? { spreads: ASSUMED, spreadsFrom: 'no record' }
    : { spreads, spreadsFrom: 'the study that ships with the program' }
}

/**
 * @param cells those that are to be worked on, finished or not; they need not be on record yet
 * @param beside what other places have finished of them
 */
export function planOf(context: Pick<LabContext, 'store'>, study: Study, cells: readonly StudyCell[], beside?: StudyRecord): StudyPlan {
  const { store } = context
  const { steps, samples, problems, validation } = conditionsOf(study)
  const spec = parseSpec(cells.find((cell) => !isSweep(cell))!.spec)
  const task = taskInWords(store, spec)
  const clusters = clustersOf(
    task.problems('heldout', problems, deriveSeed(spec.evaluation.seed, 'problems')).map((problem) => task.cluster(problem)),
  )
  const seeds = new Set(cells.filter((cell) => !isSweep(cell)).map(({ seed }) => seed)).size
  const cellMs = steps * ASSUMED_STEP_MS + ASSUMED_ROLLOUT_MS * (2 * problems * (samples + spec.evaluation.kept) + validation * 8)
  const here = cells.filter((cell) => isOpenBeside(cell, beside))
  const open = here.filter(({ status }) => status !== 'finished').length
  const measured = remainingMs(store.studies.cells(study.id), here)
  const { spreads, spreadsFrom } = spreadsFor(
    context,
    study,
    (record) => askedIn(record.spec.task) === askedIn(spec.task) && record.trainedBudget === spec.budget.thinkingTokens,
  )
  return {
    power: powerOf([...clusters], samples, seeds, spreads),
    because: spreadsText(spreads, spreadsFrom),
    cells: cells.length,
    open,
    leftMs: measured ?? open * cellMs,
    assumed: measured === null,
  }
}
