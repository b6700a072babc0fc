// Works through a study: cells one after another, each an ordinary run with its evaluations. Everything done is in the records before the
// next thing begins, and what is left is read from them, so that a study that was killed goes on where it was: a finished cell is
// never touched again, an unfinished run goes on from its last checkpoint, an evaluation that broke off is made anew.
import { LabError, type Evaluation, type Json, type NewRun, type RunSpec } from '../../../src-preload/contract.ts'
import type { CellStatus, Study, StudyCell } from '../../store/studies.ts'
import { mean } from '../../numeric/stats.ts'
import { deriveSeed } from '../../numeric/rng.ts'
import { loadWeights, openPolicy, rowsFor } from '../../rollout/policy.ts'
import type { Split } from '../../tasks/types.ts'
import { clustersOf } from '../comparing/clusters.ts'
import type { JobOptions, LabContext } from '../process/context.ts'
import { evaluate } from '../comparing/evaluate.ts'
import { evaluateRun, knownStartEvaluation } from '../comparing/evaluateRun.ts'
import { loadStart, vocabularyOf } from '../training/start.ts'
import { lengthOf, openProblems } from '../training/tasks.ts'
import { parseSpec } from '../training/runSpecs.ts'
import { createRun } from '../training/createRun.ts'
import { trainRun } from '../training/trainRun.ts'
import { studyPresets, type StudyArm, type StudyPreset } from './presets.ts'

export type { Study } from '../../store/studies.ts'

/** What all cells share. Studies of one preset with equal conditions are one study, whatever arms and seeds were asked for. */
export interface Conditions {
  readonly steps: number
  /** Held-out problems of each evaluation, and rollouts of each. */
  readonly problems: number
  readonly samples: number
  /** `fixed`: each arm's own learning rate; a number: that for all; `sweep`: the best of `SWEEP_RATES` on validation problems, arm by arm. */
  readonly learningRate: 'fixed' | 'sweep' | number
  /** Problems of each measurement on validation problems. */
  readonly validation: number
  readonly checkpointEvery: number
  /** Changes to every specification, for studies of another size or start. */
  readonly changes: Json
}

export const STUDY_DEFAULTS = { steps: 60, seeds: 8, problems: 256, samples: 4, validation: 64, learningRate: 'sweep' } as const
export const SWEEP_RATES = [3e-5, 1e-4, 3e-4, 1e-3] as const
/** A sweep is this share as long as a run, and has a seed that no cell has. */
const SWEEP_SHARE = 0.5
const SWEEP_SEED = 1_000
const SWEEP_MARK = ' at rate '
/** Checkpoints of a run, at least: an arm is read at equal cost at the last one within it. */
const CHECKPOINTS = 12
/** Evaluated in this order, so that the newest evaluation of a run, which comparisons read, is the first held-out set. */
export const STUDY_SPLITS = ['heldout-targets', 'heldout'] as const satisfies readonly Split[]
export type StudySplit = (typeof STUDY_SPLITS)[number]
const VALIDATION_SAMPLES = 2
/** The share of a run over which its validation regret must have levelled off. */
const PLATEAU_SHARE = 0.75

export interface StudyRequest extends Omit<Conditions, 'checkpointEvery' | 'changes'> {
  readonly changes?: Json
  readonly checkpointEvery?: number
  readonly arms: readonly string[] | null
  readonly seeds: number
}

/** One measurement on validation problems: regret at the training budget, problem by problem. */
export interface ValidationPoint {
  readonly step: number
  readonly accuracy: number
  readonly regret: readonly number[]
}
export interface CellNotes {
  readonly validation?: readonly ValidationPoint[]
  /** [problems] of the validation points */
  readonly clusters?: readonly number[]
  readonly error?: string
}

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
  /** Hears when a cell begins, ends and fails. */
  readonly onCell?: (state: 'begins' | 'ends' | 'fails', progress: StudyProgress) => void
}

/** Throws LabError `study.unknown` or `study.arm`. */
export function presetOf(name: string, arms: readonly string[] | null = null): StudyPreset {
  const preset = Object.hasOwn(studyPresets, name) ? studyPresets[name]! : null
  if (preset === null)
    throw new LabError('study.unknown', {
      expected: `one of ${Object.keys(studyPresets).join(', ')}`,
      found: name,
      next: 'Choose one; `mrt study list` says what they ask.',
    })
  const unknown = arms?.find((key) => !preset.arms.some((arm) => arm.key === key))
  if (unknown !== undefined)
    throw new LabError('study.arm', {
      expected: `arms of ${name}: ${preset.arms.map(({ key }) => key).join(', ')}`,
      found: unknown,
      next: 'Correct --arms.',
    })
  return preset
}

/** The study of these conditions in the workspace, made where there is none, with the cells that were asked for among its cells. */
export function openStudy(
  { store, now }: Pick<LabContext, 'store' | 'now'>,
  name: string,
  { arms, seeds, changes = {}, checkpointEvery, steps, problems, samples, validation, learningRate }: StudyRequest,
  environment: Json,
): Study {
  const preset = presetOf(name, arms)
  const conditions: Conditions = {
    steps,
    problems,
    samples,
    learningRate,
    validation,
    checkpointEvery: checkpointEvery ?? Math.max(1, Math.floor(steps / CHECKPOINTS)),
    changes,
  }
  const known = store.studies.list().find((each) => each.name === name && JSON.stringify(each.conditions) === JSON.stringify(conditions))
  const study =
    known ?? store.studies.add({ name, title: preset.title, conditions: conditions as unknown as Json, environment, createdAtMs: now() })
  const chosen = preset.arms.filter(({ key }) => arms === null || arms.includes(key))
  const cells = chosen.flatMap((arm) =>
    Array.from({ length: seeds }, (_, index) => ({
      arm: arm.key,
      seed: index + 1,
      spec: specOf(study, arm, index + 1) as unknown as Json,
    })),
  )
  const sweep =
    learningRate !== 'sweep'
      ? []
      : chosen.flatMap((arm) =>
          SWEEP_RATES.map((rate) => ({
            arm: `${arm.key}${SWEEP_MARK}${rate}`,
            seed: SWEEP_SEED,
            spec: specOf(study, arm, SWEEP_SEED, rate, Math.max(1, Math.round(steps * SWEEP_SHARE))) as unknown as Json,
          })),
        )
  store.studies.addCells(study.id, [...sweep, ...cells])
  return study
}

export const conditionsOf = (study: Study): Conditions => study.conditions as unknown as Conditions
export const isSweep = (cell: Pick<StudyCell, 'arm'>): boolean => cell.arm.includes(SWEEP_MARK)

function specOf(study: Study, { key, spec }: StudyArm, seed: number, rate: number | null = null, steps: number | null = null): RunSpec {
  const { learningRate, problems, samples, checkpointEvery, changes, ...conditions } = conditionsOf(study)
  const changed = changes as { readonly evaluation?: object; readonly optimizer?: object }
  const lr = rate ?? (typeof learningRate === 'number' ? learningRate : null)
  return parseSpec({
    ...spec,
    ...changed,
    seed,
    steps: steps ?? conditions.steps,
    checkpointEvery,
    group: `study ${study.uid} ${key}${rate === null ? '' : `${SWEEP_MARK}${rate}`}`,
    evaluation: { problems, samples, ...changed.evaluation },
    optimizer: { ...spec.optimizer, ...changed.optimizer, ...(lr !== null && { lr }) },
  })
}

/** Cells in the order in which they are worked on: sweeps first, then seed by seed, so that a grid cut short is balanced. */
function inOrder(cells: readonly StudyCell[]): StudyCell[] {
  return cells.toSorted((a, b) => Number(isSweep(b)) - Number(isSweep(a)) || a.seed - b.seed || a.id - b.id)
}

/** Works until every cell that was asked for is finished or has failed, or until it is told to stop. Returns whether they are finished. */
export async function runStudy(context: LabContext, study: Study, job: StudyJob): Promise<boolean> {
  const { store, now } = context
  const preset = presetOf(study.name)
  const cells = inOrder(store.studies.cells(study.id)).filter((cell) => isAsked(cell, job.only))
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
          cells.map((each) => each.id),
        ),
      })
    }
    told('begins')
    let status: CellStatus = 'running'
    try {
      await startEvaluations(context, parseSpec(store.studies.cell(id).spec), job)
      paused = !(await workOn(context, study, store.studies.cell(id), job))
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

/** Whether a cell, or the sweep for it, is among the arms and seeds that were asked for. */
function isAsked(cell: StudyCell, { arms = null, seeds = Infinity }: NonNullable<StudyJob['only']> = {}): boolean {
  return (arms === null || arms.includes(cell.arm.split(SWEEP_MARK)[0]!)) && (isSweep(cell) || cell.seed <= seeds)
}

export function titleOf(preset: StudyPreset, { arm }: Pick<StudyCell, 'arm'>): string {
  const [key, rate] = arm.split(SWEEP_MARK)
  return `${preset.arms.find((each) => each.key === key)?.title ?? key}${rate === undefined ? '' : `, sweep at ${rate}`}`
}

/** From the time that finished cells took; null before the first one. @param wanted ids of the cells that are to be finished; all unless given */
export function remainingMs(cells: readonly StudyCell[], wanted?: readonly number[]): number | null {
  const known = cells.filter(({ status }) => status === 'finished')
  if (known.length === 0) return null
  const usual = (cell: StudyCell): number => {
    const alike = known.filter((each) => each.arm === cell.arm)
    return mean((alike.length > 0 ? alike : known).map(({ wallMs }) => wallMs))
  }
  return cells
    .filter(({ id, status }) => status !== 'finished' && (wanted?.includes(id) ?? true))
    .reduce((sum, cell) => sum + Math.max(0, usual(cell) - cell.wallMs), 0)
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
  for (const split of STUDY_SPLITS)
    if (evaluationOf(context, runId, last, split) === null) await evaluateRun(context, { runId, split }, job)
  return true
}

/** The finished evaluation of a run's weights at a step on one set of problems. */
export function evaluationOf({ store }: Pick<LabContext, 'store'>, runId: number, step: number, split: Split): Evaluation | null {
  return store.evaluations.ofRun(runId).findLast((each) => each.status === 'finished' && each.step === step && each.split === split) ?? null
}

/** The cell's run; a run that was made just before the process died is found by its group. */
async function runOf(context: LabContext, study: Study, cell: StudyCell, job: StudyJob): Promise<number> {
  const { store } = context
  if (cell.runId !== null) return cell.runId
  const spec = withRate(context, study, cell)
  const orphan = store.runs.group(spec.group!).find(({ seed }) => seed === cell.seed)
  const runId = orphan?.id ?? (await createRun(context, spec, job.environment))
  store.studies.setRun(cell.id, runId)
  return runId
}

/** The specification of a cell with the learning rate that the sweep chose for its arm. */
function withRate({ store }: Pick<LabContext, 'store'>, study: Study, cell: StudyCell): RunSpec {
  const spec = parseSpec(cell.spec)
  if (conditionsOf(study).learningRate !== 'sweep' || isSweep(cell)) return spec
  const lr = sweptRates(store.studies.cells(study.id), cell.arm).toSorted((a, b) => b.accuracy - a.accuracy || a.rate - b.rate)[0]?.rate
  if (lr === undefined)
    throw new LabError('study.sweep', {
      expected: `a finished sweep of ${cell.arm}`,
      found: 'none',
      next: 'Run the study again; cells that failed are tried again.',
    })
  return { ...spec, optimizer: { ...spec.optimizer, lr } }
}

/** What the sweep of an arm found on validation problems. */
export function sweptRates(cells: readonly StudyCell[], arm: string): { readonly rate: number; readonly accuracy: number }[] {
  return cells
    .filter((cell) => cell.status === 'finished' && cell.arm.startsWith(`${arm}${SWEEP_MARK}`))
    .map((cell) => ({ rate: Number(cell.arm.split(SWEEP_MARK)[1]), accuracy: (cell.notes as CellNotes).validation!.at(-1)!.accuracy }))
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

/** What all cells start from, on both held-out sets, once. */
async function startEvaluations(context: LabContext, spec: RunSpec, job: StudyJob): Promise<void> {
  const { modelId } = await loadStart(context.store, spec.start, context.now)
  for (const split of STUDY_SPLITS)
    if (knownStartEvaluation(context, spec, modelId, split) === null) await evaluateRun(context, { startOf: spec, split }, job)
}

/** Operations of training up to and with each step, estimates of J included. [steps] */
export function costByStep({ store }: Pick<LabContext, 'store'>, runId: number): Float64Array {
  let sum = 0
  return Float64Array.from(store.steps.range(runId, 1, Number.MAX_SAFE_INTEGER), ({ flops }) => (sum += flops))
}

/** The last checkpoint of a cell's run whose training cost no more than the baseline's run of the same seed did; null where there is no such cell or checkpoint. */
export function checkpointAtCost(
  context: Pick<LabContext, 'store'>,
  baselineRun: number,
  runId: number,
): { readonly id: number; readonly step: number } | null {
  const limit = costByStep(context, baselineRun).at(-1)!
  const own = costByStep(context, runId)
  return (
    context.store.checkpoints
      .ofRun(runId)
      .filter(({ step }) => own[step - 1]! <= limit * (1 + 1e-9))
      .at(-1) ?? null
  )
}

/** Evaluates arms that cost more than the baseline where they had cost as much. */
async function equalCostEvaluations(context: LabContext, study: Study, job: StudyJob): Promise<void> {
  const { store } = context
  const { baseline } = presetOf(study.name)
  const cells = store.studies.cells(study.id).filter((cell) => cell.status === 'finished' && !isSweep(cell) && cell.runId !== null)
  for (const cell of cells) {
    const other = cells.find((each) => each.arm === baseline && each.seed === cell.seed)
    const checkpoint = other === undefined || other === cell ? null : checkpointAtCost(context, other.runId!, cell.runId!)
    if (checkpoint === null || evaluationOf(context, cell.runId!, checkpoint.step, 'heldout') !== null) continue
    job.signal?.throwIfAborted()
    await evaluateRun(context, { runId: cell.runId!, checkpointId: checkpoint.id, split: 'heldout' }, job)
  }
}
