// Who is compared: an arm is one run, or the seeds of one configuration; the weights that all of them start from are an arm too.
// What is read of a run is its newest finished evaluation, or the newest at or before a training step; before its first one a run
// is what it started from.

import { isDeepStrictEqual } from 'node:util'
import { formatSpec } from '../../../src-preload/contract.ts'
import type { CompareRow, CompareTable, Evaluation, EvaluationResult, Json, Run } from '../../../src-preload/contract.ts'
import { createMethod } from '../../rl/algorithms.ts'
import type { Store } from '../../store/openStore.ts'
import { flatten } from './configDiff.ts'
import { startCheckpoint } from '../training/start.ts'

export interface Arm {
  readonly key: string
  readonly title: string
  readonly runIds: number[]
  readonly method: string
  readonly algorithm: string
  readonly runs: readonly Run[]
}

/** One evaluation with its results by problem. */
export interface Evaluated {
  /** The same for the same evaluation of the same workspace, and for nothing else. */
  readonly key: string
  readonly evaluation: Evaluation
  readonly results: ReadonlyMap<number, EvaluationResult>
}

export const START: Arm = { key: 'start', title: 'Start', runIds: [], method: 'start', algorithm: 'none', runs: [] }

/** Runs in the order given, or their groups in the order in which each first appears; seeds in order, so that arms pair seed by seed. */
export function armsOf(runs: readonly Run[], by: 'run' | 'group'): Arm[] {
  return toldApart(
    [...Map.groupBy(runs, (run) => (by === 'run' ? String(run.id) : run.groupKey)).values()].map((members) => {
      const [first] = members as [Run, ...Run[]]
      return {
        key: by === 'run' ? `run-${first.id}` : `group-${first.id}`,
        title: first.name,
        runIds: members.map(({ id }) => id),
        method: first.method,
        algorithm: first.algorithm,
        runs: members.toSorted((a, b) => a.seed - b.seed || a.id - b.id),
      }
    }),
  )
}

/** Settings that label a run and do nothing else. */
const LABELS = new Set(['name', 'group', 'preset', 'seed'])
/** More of what differs would make a name unreadable. */
const MOST_NAMED = 2

/** Arms of the same name get the number of their first run and what differs between them: "MRT, run 7, steps 80". */
function toldApart(arms: readonly Arm[]): Arm[] {
  const namesakes = Map.groupBy(arms, ({ title }) => title)
  return arms.map((arm) => {
    const alike = namesakes.get(arm.title)!
    if (alike.length < 2) return arm
    const settings = alike.map(({ runs }) => flatten(runs[0]!.config))
    const own = settings[alike.indexOf(arm)]!
    const differing = [...new Set(settings.flatMap((each) => [...each.keys()]))].filter(
      (key) => !LABELS.has(key) && settings.some((each) => JSON.stringify(each.get(key)) !== JSON.stringify(own.get(key))),
    )
    const named = differing
      .slice(0, MOST_NAMED)
      .map((key) => `${key.split('.').at(-1)} ${own.has(key) ? textOf(own.get(key)!) : 'not set'}`)
    return { ...arm, title: [`${arm.title}, run ${arm.runIds[0]}`, ...named].join(', ') }
  })
}

const textOf = (value: Json): string =>
  Array.isArray(value) ? value.join(' ') : typeof value === 'object' ? JSON.stringify(value) : String(value)

/** One setting in which arms differ: as many values as there are trained arms, null where one does not have it. */
type Confound = CompareTable['confounds'][number]

const OPTION = 'option '

/**
 * Options of a method as they were used, its own defaults included; none where this program does not know the method. Two methods have an
 * option in common where it does the same in both: the alpha of a length penalty is not the alpha of MRT.
 */
function optionsOf({ algorithm, config }: Run): [string, string][] {
  const given =
    config !== null && typeof config === 'object' && 'algorithm' in config
      ? (config as unknown as { readonly algorithm: { readonly options?: Record<string, unknown> } }).algorithm.options
      : undefined
  try {
    const {
      algorithm: { options: table },
      options,
    } = createMethod(algorithm, given ?? {})
    return Object.entries(options).map(([key, value]) => [`${OPTION}${key} ${table[key]?.reason}`, String(value)])
  } catch {
    return []
  }
}

/**
 * In what arms differ besides their methods: settings outside the algorithm, options that their methods have in common, the weights they
 * start from, the problems, the seeds, and the steps actually made. Empty for fewer than two trained arms.
 */
export function confoundsOf(arms: readonly Arm[]): Confound[] {
  const trained = arms.filter(({ runs }) => runs.length > 0)
  if (trained.length < 2) return []
  const sides = trained.map(({ runs }) => {
    const [first] = runs as [Run, ...Run[]]
    const steps = [...new Set(runs.map(({ lastStep }) => lastStep ?? 0))].sort((a, b) => a - b)
    return new Map<string, string>([
      ...[...flatten(first.config)]
        .filter(([key]) => !LABELS.has(key) && !key.startsWith('algorithm.') && key !== 'algorithm')
        .map(([key, value]) => [key, textOf(value)] as const),
      ...optionsOf(first),
      ['steps made', steps.join(' or ')],
      ['seeds', runs.map(({ seed }) => seed).join(' ')],
      ...(first.modelId === null ? [] : [['start weights', `model ${first.modelId}`] as const]),
      ...(first.datasetId === null ? [] : [['dataset', String(first.datasetId)] as const]),
      ...(first.parentRunId === null ? [] : [['branched from', `run ${first.parentRunId}`] as const]),
    ])
  })
  return (
    [...new Set(sides.flatMap((side) => [...side.keys()]))]
      .map((key) => ({
        key: key.startsWith(OPTION) ? key.split(' ')[1]! : key,
        option: key.startsWith(OPTION),
        values: sides.map((side) => side.get(key) ?? null),
      }))
      // An option that a method does not have is part of what the other one is.
      .filter(({ option, values }) => new Set(values.filter((value) => !option || value !== null)).size > 1)
      .map(({ key, values }) => ({ key, values }))
  )
}

/** The part of an arm that answers carry. */
export const face = ({
  key,
  title,
  runIds,
  method,
  algorithm,
}: Arm): Pick<CompareRow, 'key' | 'title' | 'runIds' | 'method' | 'algorithm'> => ({ key, title, runIds, method, algorithm })

/** The newest finished one on these problems, the held-out ones unless given, at or before `step` unless that is null. */
export function newestFinished(evaluations: readonly Evaluation[], step: number | null = null, split = 'heldout'): Evaluation | null {
  return (
    evaluations
      .filter((each) => each.status === 'finished' && each.split === split && (step === null || (each.step ?? Infinity) <= step))
      .toSorted((a, b) => (b.step ?? 0) - (a.step ?? 0) || b.id - a.id)[0] ?? null
  )
}

/** The checkpoint that a run starts from; null for weights that its model names. */
const startOf = ({ config }: Run): number | null => startCheckpoint(String((config as { readonly start?: unknown } | null)?.start ?? ''))

/**
 * The conditions that an evaluation was made under. Those from before a format or a device could be chosen had the usual ones; which tokens count stands
 * among the settings, and once more in words that were not always the same.
 */
export function conditionsUnder({ config }: Pick<Evaluation, 'config'>): Readonly<Record<string, unknown>> {
  const { tokensCounted: _words, ...own } = config as Record<string, unknown>
  return { format: formatSpec.parse({}), device: 'cpu', ...own }
}

/** The evaluation of the weights that all of these runs start from, under the conditions of theirs; null without one. */
export function startEvaluation(store: Store, runs: readonly Run[]): Evaluation | null {
  const [first] = runs
  const own = first === undefined ? null : newestFinished(store.evaluations.ofRun(first.id))
  if (own === null || first!.modelId === null || runs.some((run) => run.modelId !== first!.modelId || startOf(run) !== startOf(first!)))
    return null
  const conditions = (each: Evaluation) => [each.datasetId, [...each.budgets], conditionsUnder(each)]
  return newestFinished(
    store.evaluations
      .ofModel(first!.modelId)
      .filter((each) => each.checkpointId === startOf(first!) && isDeepStrictEqual(conditions(each), conditions(own))),
  )
}
