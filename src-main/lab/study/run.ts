// Works through a study: cells one after another, each an ordinary run with its evaluations. Everything done is in the records before the
// next thing begins, and what is left is read from them, so that a study that was killed goes on where it was: a finished cell is
// never touched again, an unfinished run goes on from its last checkpoint, an evaluation that broke off is made anew.
import { LabError, type Json, type NewRun, type RunSpec } from '../../../src-preload/contract.ts'
import type { CellStatus, Study, StudyCell } from '../../store/studies.ts'
import { deriveSeed } from '../../numeric/rng.ts'
import { loadWeights, openPolicy, rowsFor } from '../../rollout/policy.ts'
import { clustersOf } from '../comparing/clusters.ts'
import type { JobOptions, LabContext } from '../process/context.ts'
import { evaluate } from '../comparing/evaluate.ts'
import { evaluateRun, knownStartEvaluation } from '../comparing/evaluateRun.ts'
import { loadStart, vocabularyOf } from '../training/start.ts'
import { lengthOf, openProblems, taskInWords } from '../training/tasks.ts'
import { parseSpec } from '../training/runSpecs.ts'
import { createRun } from '../training/createRun.ts'
import { trainRun } from '../training/trainRun.ts'
import { isOpenBeside, rateIn } from './beside.ts'
import { checkpointAtCost, costOfBaseline, evaluationOf } from './reached.ts'
import type { StudyRecord } from './record.ts'
import { twinOf } from './twins.ts'
import { cellsAsked, conditionsOf, isSweep, presetOf, remainingMs, STUDY_SPLITS, sweptRates, titleOf } from './grid.ts'
import type { CellNotes, Conditions, StudyRequest, StudySplit, ValidationPoint } from './grid.ts'

const VALIDATION_SAMPLES = 2
/** The share of a run over which its validation regret must have levelled off. */
const PLATEAU_SHARE = 0.75

export interface StudyProgress {
  readonly cell: StudyCell
  readonly title: string
  readonly index: number
  readonly count: number
  readonly remainingMs: number | null
}

export interface StudyJob extends JobOptions {
  readonly environment: NewRun['environment']
  /** Works on these cells of the grid alone; all unless given. */
  readonly only?: Partial<Pick<StudyRequest, 'arms' | 'seeds'>>
  /** A record of the same study made elsewhere: what it holds to its end is not worked on here. */
  readonly beside?: StudyRecord | undefined
  /** Hears when a cell begins, ends and fails. */
  readonly onCell?: (state: 'begins' | 'ends' | 'fails', progress: StudyProgress) => void
}

/** Works until every cell that was asked for is finished or has failed, or until it is told to stop. Returns whether they are finished. */
export async function runStudy(context: LabContext, study: Study, job: StudyJob): Promise<boolean> {
  const { store, now } = context
  const preset = presetOf(study.name)
  const cells = cellsAsked(store.studies.cells(study.id), job.only).filter((cell) => isOpenBeside(cell, job.beside))
  let paused = false
  for (const [index, { id }] of cells.entries()) {
    if (store.studies.cell(id).status === 'finished') continue
    job.signal?.throwIfAborted()
    if ((job.control?.() ?? 'go') !== 'go') return false
    const began = now()
    const told = (state: 'begins' | 'ends' | 'fails'): void => {
      const cell = store.studies.cell(id)
      job.onCell?.(state, {
        cell,
        title: `${titleOf(preset, cell)}, seed ${cell.seed}`,
        index,
        count: cells.length,
        remainingMs: remainingMs(
          store.studies.cells(study.id),
          cells.map((each) => store.studies.cell(each.id)),
        ),
      })
    }
    told('begins')
    let status: CellStatus = 'running'
    try {
      await startEvaluations(context, parseSpec(store.studies.cell(id).spec), job)
      paused = !takenOver(context, study, store.studies.cell(id), job) && !(await workOn(context, study, store.studies.cell(id), job))
      if (!paused) status = 'finished'
    } catch (error) {
      job.signal?.throwIfAborted()
      // A full disk or a workspace that was lost stops every cell; anything else is this cell's own affair, and it is tried again next time.
      if (error instanceof LabError && /^(workspace|start)\./.test(error.code)) throw error
      status = 'failed'
      store.studies.setNotes(id, {
        ...(store.studies.cell(id).notes as object),
        error: error instanceof Error ? error.message : String(error),
      })
    } finally {
      store.studies.setStatus(id, status, now() - began, status === 'finished' ? now() : null)
    }
    told(status === 'failed' ? 'fails' : 'ends')
    if (paused) return false
    await equalCostEvaluations(context, study, job)
  }
  await equalCostEvaluations(context, study, job)
  return cells.every(({ id }) => store.studies.cell(id).status === 'finished')
}

/** Whether a cell that nothing was done for is another study's as well, and finished there: then its run and measurements are this cell's too. */
function takenOver(context: LabContext, study: Study, cell: StudyCell, { environment, beside }: StudyJob): boolean {
  const { store } = context
  if (cell.runId !== null || isSweep(cell)) return false
  const twin = twinOf(context, study, withRate(context, study, cell, beside), environment)
  if (twin === null) return false
  store.studies.setRun(cell.id, twin.runId)
  store.studies.setNotes(cell.id, { ...(twin.notes as object), from: twin.study.name } satisfies CellNotes as unknown as Json)
  store.studies.setStatus(cell.id, 'running', twin.wallMs, null)
  return true
}

/** Trains, measures and evaluates one cell, whatever of that is still to be done. False when it was told to pause. */
async function workOn(context: LabContext, study: Study, cell: StudyCell, job: StudyJob): Promise<boolean> {
  const { store } = context
  const runId = await runOf(context, study, cell, job)
  if (store.runs.get(runId)!.status !== 'finished') await trainRun(context, runId, job)
  job.signal?.throwIfAborted()
  if (store.runs.get(runId)!.status !== 'finished') return false
  const last = store.runs.get(runId)!.lastStep!
  const checkpoints = store.checkpoints.ofRun(runId)
  for (const checkpoint of checkpoints.filter(({ step }) => step === last || (!isSweep(cell) && step >= PLATEAU_SHARE * last))) {
    const notes = store.studies.cell(cell.id).notes as CellNotes
    if (notes.validation?.some(({ step }) => step === checkpoint.step)) continue
    const { point, clusters } = await validate(context, parseSpec(store.runs.get(runId)!.config), checkpoint, conditionsOf(study), job)
    store.studies.setNotes(cell.id, {
      ...notes,
      clusters,
      validation: [...(notes.validation ?? []), point].sort((a, b) => a.step - b.step),
    } as unknown as Json)
  }
  if (isSweep(cell)) return true
  for (const split of splitsOf(context, parseSpec(cell.spec)))
    if (evaluationOf(context, runId, last, split) === null) await evaluateRun(context, { runId, split }, job)
  return true
}

/** The cell's run; a run that was made just before the process died is found by its group. */
async function runOf(context: LabContext, study: Study, cell: StudyCell, job: StudyJob): Promise<number> {
  const { store } = context
  if (cell.runId !== null) return cell.runId
  const spec = withRate(context, study, cell, job.beside)
  const orphan = store.runs.group(spec.group!).find(({ seed }) => seed === cell.seed)
  const runId = orphan?.id ?? (await createRun(context, spec, job.environment))
  store.studies.setRun(cell.id, runId)
  return runId
}

/** The specification of a cell with the learning rate that the sweep chose for its arm. */
function withRate({ store }: Pick<LabContext, 'store'>, study: Study, cell: StudyCell, beside: StudyRecord | undefined): RunSpec {
  const spec = parseSpec(cell.spec)
  if (conditionsOf(study).learningRate !== 'sweep' || isSweep(cell)) return spec
  const swept = sweptRates(store.studies.cells(study.id), cell.arm).toSorted((a, b) => b.accuracy - a.accuracy || a.rate - b.rate)[0]?.rate
  const lr = swept ?? rateIn(beside, cell.arm)
  if (lr === undefined)
    throw new LabError('study.sweep', {
      expected: `a finished sweep of ${cell.arm}`,
      found: 'none',
      next: 'Run the study again; cells that failed are tried again.',
    })
  return { ...spec, optimizer: { ...spec.optimizer, lr } }
}

/** Accuracy and regret at the training budget on validation problems, of the weights of one checkpoint. */
async function validate(
  { store, engine, now }: LabContext,
  run: RunSpec,
  checkpoint: { readonly id: number; readonly step: number },
  { validation }: Conditions,
  { signal }: JobOptions,
): Promise<{ readonly point: ValidationPoint; readonly clusters: readonly number[] }> {
  const budget = run.budget.thinkingTokens
  const spec: RunSpec = {
    ...run,
    evaluation: { ...run.evaluation, problems: validation, samples: VALIDATION_SAMPLES, budgets: [budget], longest: budget },
  }
  const start = await loadStart(store, `checkpoint:${checkpoint.id}`, now)
  const source = openProblems(store, spec, now, vocabularyOf(start))
  const maxLength = lengthOf(source, budget, run.budget.answerTokens)
  const weights = await loadWeights(engine, start.config, start.weights)
  const policy = await openPolicy(engine, start.config, weights, {
    rows: rowsFor(start.config, maxLength),
    maxLength,
    temperature: run.sampling.temperature,
    device: run.device,
    weights: 'stay',
  })
  try {
    const { problems, metrics } = await evaluate(policy, source, spec, { split: 'validation', signal })
    const chosen = source.ofSplit('validation', validation, deriveSeed(run.evaluation.seed, 'problems'))
    return {
      point: {
        step: checkpoint.step,
        accuracy: metrics[`ttc/acc@${budget}`]!,
        regret: problems.map(({ regretAtBudget }) => regretAtBudget[0]!),
      },
      clusters: [...clustersOf(chosen.map((problem) => source.task.cluster(problem)))],
    }
  } finally {
    policy.dispose()
    weights.dispose()
  }
}

/** The held-out sets that the task has: only some ask targets of their own. */
const splitsOf = ({ store }: LabContext, spec: RunSpec): StudySplit[] =>
  STUDY_SPLITS.filter((split) => taskInWords(store, spec).size(split) !== 0)

/** What all cells start from, on every held-out set, once. */
async function startEvaluations(context: LabContext, spec: RunSpec, job: StudyJob): Promise<void> {
  const { modelId } = await loadStart(context.store, spec.start, context.now)
  for (const split of splitsOf(context, spec))
    if (knownStartEvaluation(context, spec, modelId, split) === null) await evaluateRun(context, { startOf: spec, split }, job)
}

/** Evaluates arms that cost more than the baseline where they had cost as much. */
async function equalCostEvaluations(context: LabContext, study: Study, job: StudyJob): Promise<void> {
  const { store } = context
  const { baseline } = presetOf(study.name)
  const cells = store.studies.cells(study.id).filter((cell) => cell.status === 'finished' && !isSweep(cell) && cell.runId !== null)
  for (const cell of cells) {
    const limit = cell.arm === baseline ? null : costOfBaseline(context, study, cell.seed, job.beside)
    const checkpoint = limit === null ? null : checkpointAtCost(context, limit, cell.runId!)
    if (checkpoint === null || evaluationOf(context, cell.runId!, checkpoint.step, 'heldout') !== null) continue
    job.signal?.throwIfAborted()
    await evaluateRun(context, { runId: cell.runId!, checkpointId: checkpoint.id, split: 'heldout' }, job)
  }
}
