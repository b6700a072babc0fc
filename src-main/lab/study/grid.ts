// The grid of a study: which cells an arm, a number of seeds and a rule for learning rates make, what all of them share, and what is known
// of them from the records alone. Nothing here trains.
import { LabError, type Json, type RunSpec } from '../../../src-preload/contract.ts'
import type { Study, StudyCell } from '../../store/studies.ts'
import { mean } from '../../numeric/stats.ts'
import type { Split } from '../../tasks/types.ts'
import type { LabContext } from '../process/context.ts'
import { parseSpec } from '../training/runSpecs.ts'
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
  /** The study whose finished cell this one took over. */
  readonly from?: string
  readonly error?: string
}

/** A cell that is not on record yet. */
type NewCell = Pick<StudyCell, 'arm' | 'seed' | 'spec'>

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

/** What is asked of a study: what its cells share, and which cells there are to be. Throws LabError `study.unknown` or `study.arm`. */
function gridOf(name: string, { arms, seeds, changes = {}, checkpointEvery, ...shared }: StudyRequest) {
  const preset = presetOf(name, arms)
  const { steps, problems, samples, learningRate, validation } = shared
  const conditions: Conditions = {
    steps,
    problems,
    samples,
    learningRate,
    validation,
    checkpointEvery: checkpointEvery ?? Math.max(1, Math.floor(steps / CHECKPOINTS)),
    changes,
  }
  const chosen = preset.arms.filter(({ key }) => arms === null || arms.includes(key))
  /** The cells of a study of this uid, sweeps first. */
  function cells(uid: string): NewCell[] {
    const of = (arm: StudyArm, seed: number, rate: number | null = null, length: number | null = null): Json =>
      specOf(conditions, uid, arm, seed, rate, length) as unknown as Json
    const sweep = learningRate !== 'sweep' ? [] : SWEEP_RATES
    return [
      ...chosen.flatMap((arm) =>
        sweep.map((rate) => ({
          arm: `${arm.key}${SWEEP_MARK}${rate}`,
          seed: SWEEP_SEED,
          spec: of(arm, SWEEP_SEED, rate, Math.max(1, Math.round(steps * SWEEP_SHARE))),
        })),
      ),
      ...chosen.flatMap((arm) =>
        Array.from({ length: seeds }, (_, index) => ({ arm: arm.key, seed: index + 1, spec: of(arm, index + 1) })),
      ),
    ]
  }
  return { preset, conditions, cells }
}

/** The study of these conditions in the workspace, made where there is none, with the cells that were asked for among its cells. */
export function openStudy(
  { store, now }: Pick<LabContext, 'store' | 'now'>,
  name: string,
  request: StudyRequest,
  environment: Json,
): Study {
  const { preset, conditions, cells } = gridOf(name, request)
  const study =
    store.studies.asked(name, conditions as unknown as Json) ??
    store.studies.add({ name, title: preset.title, conditions: conditions as unknown as Json, environment, createdAtMs: now() })
  store.studies.addCells(study.id, cells(study.uid))
  return study
}

/** What `openStudy` would open, without making anything: the study, and its cells that were asked for, in order. */
export function imagineStudy(
  { store }: Pick<LabContext, 'store'>,
  name: string,
  request: StudyRequest,
): { readonly study: Study; readonly cells: readonly StudyCell[] } {
  const { preset, conditions, cells } = gridOf(name, request)
  const study = store.studies.asked(name, conditions as unknown as Json) ?? {
    id: 0,
    uid: '',
    name,
    title: preset.title,
    conditions: conditions as unknown as Json,
    environment: null,
    createdAtMs: 0,
  }
  const recorded = store.studies.cells(study.id)
  const missing = cells(study.uid)
    .filter((cell) => !recorded.some(({ arm, seed }) => arm === cell.arm && seed === cell.seed))
    .map((cell): StudyCell => ({
      ...cell,
      id: 0,
      studyId: study.id,
      runId: null,
      status: 'waiting',
      notes: {},
      wallMs: 0,
      finishedAtMs: null,
    }))
  return { study, cells: cellsAsked([...recorded, ...missing], request) }
}

export const conditionsOf = (study: Study): Conditions => study.conditions as unknown as Conditions
export const isSweep = (cell: Pick<StudyCell, 'arm'>): boolean => cell.arm.includes(SWEEP_MARK)

function specOf(
  { learningRate, problems, samples, checkpointEvery, changes, ...conditions }: Conditions,
  uid: string,
  { key, spec }: StudyArm,
  seed: number,
  rate: number | null,
  steps: number | null,
): RunSpec {
  const changed = changes as { readonly evaluation?: object; readonly optimizer?: object }
  const lr = rate ?? (typeof learningRate === 'number' ? learningRate : null)
  return parseSpec({
    ...spec,
    ...changed,
    seed,
    steps: steps ?? conditions.steps,
    checkpointEvery,
    group: `study ${uid} ${key}${rate === null ? '' : `${SWEEP_MARK}${rate}`}`,
    evaluation: { ...spec.evaluation, problems, samples, ...changed.evaluation },
    optimizer: { ...spec.optimizer, ...changed.optimizer, ...(lr !== null && { lr }) },
  })
}

/**
 * The cells that were asked for, with the sweeps for them, in the order in which they are worked on: sweeps first, then seed by seed, so that
 * a grid cut short is balanced.
 */
export function cellsAsked(
  cells: readonly StudyCell[],
  { arms = null, seeds = Infinity }: Partial<Pick<StudyRequest, 'arms' | 'seeds'>> = {},
): StudyCell[] {
  return cells
    .filter((cell) => (arms === null || arms.includes(armOf(cell).key)) && (isSweep(cell) || cell.seed <= seeds))
    .toSorted((a, b) => Number(isSweep(b)) - Number(isSweep(a)) || a.seed - b.seed || a.id - b.id)
}

/** @param preset null where this version knows no such study */
export function titleOf(preset: StudyPreset | null, cell: Pick<StudyCell, 'arm'>): string {
  const { key, rate } = armOf(cell)
  return `${preset?.arms.find((each) => each.key === key)?.title ?? key}${rate === null ? '' : `, sweep at ${rate}`}`
}

/** The arm of a cell, and of a sweep its learning rate. */
export function armOf({ arm }: Pick<StudyCell, 'arm'>): { readonly key: string; readonly rate: number | null } {
  const [key, rate] = arm.split(SWEEP_MARK)
  return { key: key!, rate: rate === undefined ? null : Number(rate) }
}

/** From the time that finished cells took; null before the first one. @param wanted those that are to be finished; all unless given */
export function remainingMs(cells: readonly StudyCell[], wanted: readonly StudyCell[] = cells): number | null {
  const known = cells.filter(({ status }) => status === 'finished')
  if (known.length === 0) return null
  const usual = (cell: StudyCell): number => {
    const alike = known.filter((each) => each.arm === cell.arm)
    return mean((alike.length > 0 ? alike : known).map(({ wallMs }) => wallMs))
  }
  return wanted.filter(({ status }) => status !== 'finished').reduce((sum, cell) => sum + Math.max(0, usual(cell) - cell.wallMs), 0)
}

/** What the sweep of an arm found on validation problems. */
export function sweptRates(cells: readonly StudyCell[], arm: string): { readonly rate: number; readonly accuracy: number }[] {
  return cells
    .filter((cell) => cell.status === 'finished' && isSweep(cell) && armOf(cell).key === arm)
    .map((cell) => ({ rate: armOf(cell).rate!, accuracy: (cell.notes as CellNotes).validation!.at(-1)!.accuracy }))
}
