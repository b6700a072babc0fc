// What the record of a study says of its question: the differences between its arms, at equal steps and at equal cost, with their intervals,
// and whether the arms had levelled off. Numbers and verdicts; the words are the report's.
import { holm } from '../../numeric/significance.ts'
import {
  cellsOf,
  columnOf,
  combine,
  figureOf,
  resamplesOf,
  tokensFor,
  type Quantity,
  type Resamples,
  type Sampled,
  type StudyFigure,
} from './figures.ts'
import type { RecordedCell, StudyRecord, Values } from './record.ts'
import { SHARES } from './record.ts'
import type { StudySplit } from './grid.ts'

/** Token efficiency is read at this share of the accuracy that both methods reach. */
const LEVEL_SHARE = 0.95
/** Length penalty that the first paragraph compares the subject with. */
export const RIVAL = 'length-0.5'
/** A gain of the baseline below this is noise, and a ratio to it means nothing. */
const LEAST_GAIN = 0.005

export type Verdict = 'ahead' | 'behind' | 'undecided'

export interface Claim {
  readonly verdict: Verdict
  readonly figure: StudyFigure
}

export interface Answer {
  readonly problems: number
  readonly clusters: number
  readonly seeds: number
  /** Accuracy of the subject minus that of the baseline, at equal steps and at equal total cost (null where nothing was measured there). */
  readonly gain: Claim
  readonly gainAtCost: Claim | null
  /** How many times the baseline's gain over the start; null where the baseline did not gain. */
  readonly multiple: number | null
  readonly level: number
  /** Thinking that the baseline needs for the level, divided by the subject's; null where one does not reach it. */
  readonly efficiency: Claim | null
  readonly regret: Claim
  /** Difference in accuracy when thinking is kept going, at twice and three times the training budget where they were measured. */
  readonly extrapolation: readonly (Claim & { readonly budget: number })[]
  /** Subject minus the length penalty of .5; null where that was not run. */
  readonly rival: Claim | null
  /** Every arm that has a seed in common with the baseline, beside it. */
  readonly field: readonly Compared[]
}

/** Accuracy of an arm minus that of the baseline, at equal steps. */
export interface Compared {
  readonly arm: string
  readonly figure: StudyFigure
  /** p when all arms of the field are compared at once (Holm 1979). */
  readonly together: number
}

const verdictOf = ({ low, high }: StudyFigure, neutral = 0, more: 'better' | 'worse' = 'better'): Verdict =>
  low > neutral ? (more === 'better' ? 'ahead' : 'behind') : high < neutral ? (more === 'better' ? 'behind' : 'ahead') : 'undecided'

export interface Reader {
  readonly record: StudyRecord
  readonly split: StudySplit
  readonly resamples: Resamples
  readonly start: Values | null
  cells(arm: string): RecordedCell[]
  mean(cells: readonly RecordedCell[], quantity: Quantity, pick?: (cell: RecordedCell) => Values): Sampled
  ofStart(quantity: Quantity): Sampled | null
}

export function readerOf(record: StudyRecord, split: StudySplit): Reader | null {
  const clusters = record.clusters[split]
  if (clusters === undefined) return null
  const resamples = resamplesOf(clusters)
  const start = record.start.evaluations[split] ?? null
  const known = new Map<string, Sampled>()
  return {
    record,
    split,
    resamples,
    start,
    cells: (arm) => cellsOf(record, arm).filter(({ evaluations }) => evaluations[split] !== undefined),
    mean(cells, quantity, pick) {
      const { column, unit } = columnOf(record, quantity)
      if (pick !== undefined)
        return resamples.sampled(
          cells.map((cell) => column(pick(cell))),
          unit,
        )
      const key = `${cells.map(({ arm, seed }) => `${arm} ${seed}`).join()} ${JSON.stringify(quantity)}`
      if (!known.has(key))
        known.set(
          key,
          resamples.sampled(
            cells.map(({ evaluations }) => column(evaluations[split]!)),
            unit,
          ),
        )
      return known.get(key)!
    },
    ofStart(quantity) {
      const { column, unit } = columnOf(record, quantity)
      return start === null ? null : resamples.sampled([column(start)], unit)
    },
  }
}

/** Cells of two arms with the same seeds, in order. */
export function paired(a: readonly RecordedCell[], b: readonly RecordedCell[]): [RecordedCell[], RecordedCell[]] {
  const seeds = new Set(a.map(({ seed }) => seed).filter((seed) => b.some((cell) => cell.seed === seed)))
  return [a.filter(({ seed }) => seeds.has(seed)), b.filter(({ seed }) => seeds.has(seed))]
}

export const minus = (a: Sampled, b: Sampled): Sampled => combine([a, b], ([x, y]) => x! - y!)

/** Every arm beside the baseline, in the order of the record. */
export function fieldOf({ record, cells, mean }: Reader): Compared[] {
  const figures = record.arms.flatMap(({ key }) => {
    const [own, base] = paired(cells(key), cells(record.baseline))
    return key === record.baseline || own.length === 0
      ? []
      : [{ arm: key, figure: figureOf(minus(mean(own, 'accuracy'), mean(base, 'accuracy'))) }]
  })
  const together = holm(figures.map(({ figure }) => figure.p))
  return figures.map((each, at) => ({ ...each, together: together[at]! }))
}

/** What the record says of the paper's claims on one set of problems; null without a finished pair of subject and baseline. */
export function answerOf(record: StudyRecord, split: StudySplit = 'heldout'): Answer | null {
  const reader = readerOf(record, split)
  if (reader === null) return null
  const [own, base] = paired(reader.cells(record.subject), reader.cells(record.baseline))
  if (own.length === 0) return null
  const difference = (quantity: Quantity): StudyFigure => figureOf(minus(reader.mean(own, quantity), reader.mean(base, quantity)))
  const gain = difference('accuracy')
  const regret = difference('regret')
  const start = reader.ofStart('accuracy')
  const [accuracy, baseAccuracy] = [reader.mean(own, 'accuracy').value, reader.mean(base, 'accuracy').value]
  const level = levelOf(reader, [own, base])
  const efficiency = efficiencyOf(reader, own, base, level)
  const rivals = paired(reader.cells(record.subject), reader.cells(RIVAL))
  const rival =
    record.subject === RIVAL || rivals[0].length === 0
      ? null
      : figureOf(minus(reader.mean(rivals[0], 'accuracy'), reader.mean(rivals[1], 'accuracy')))
  const cost = split === 'heldout' ? atCost(reader, record.subject) : null
  return {
    problems: reader.resamples.problems,
    clusters: reader.resamples.clusters,
    seeds: own.length,
    gain: { figure: gain, verdict: verdictOf(gain) },
    gainAtCost: cost === null ? null : { figure: cost.difference, verdict: verdictOf(cost.difference) },
    multiple: start === null || baseAccuracy - start.value < LEAST_GAIN ? null : (accuracy - start.value) / (baseAccuracy - start.value),
    level,
    efficiency: efficiency === null ? null : { figure: efficiency, verdict: verdictOf(efficiency, 1) },
    regret: { figure: regret, verdict: verdictOf(regret, 0, 'worse') },
    extrapolation: [2, 3]
      .map((times) => times * record.trainedBudget)
      .filter((budget) => record.budgets.includes(budget))
      .map((budget) => {
        const figure = difference({ kept: budget })
        return { budget, figure, verdict: verdictOf(figure) }
      }),
    rival: rival === null ? null : { figure: rival, verdict: verdictOf(rival) },
    field: fieldOf(reader),
  }
}

/** A level of accuracy that each of these arms reaches within the training budget. */
export function levelOf({ mean, record: { budgets, trainedBudget } }: Reader, arms: readonly (readonly RecordedCell[])[]): number {
  const within = budgets.filter((budget) => budget <= trainedBudget)
  return LEVEL_SHARE * Math.min(...arms.map((cells) => Math.max(...within.map((budget) => mean(cells, { natural: budget }).value))))
}

function efficiencyOf(
  { mean, record: { budgets, trainedBudget } }: Reader,
  own: readonly RecordedCell[],
  base: readonly RecordedCell[],
  level: number,
): StudyFigure | null {
  const within = budgets.filter((budget) => budget <= trainedBudget)
  const tokens = tokensFor(within, level)
  const ratio = combine(
    [own, base].flatMap((cells) => within.map((budget) => mean(cells, { natural: budget }))),
    (values) => tokens(values.slice(within.length)) / tokens(values.slice(0, within.length)),
  )
  return Number.isFinite(ratio.value) ? figureOf(ratio) : null
}

/** An arm beside the baseline when neither has cost more than the baseline's whole run of the same seed. */
export function atCost({ record, mean, cells }: Reader, arm: string) {
  const own = cells(arm).filter(({ equalCost }) => equalCost !== null)
  const [mine, base] = paired(own, cells(record.baseline))
  if (mine.length === 0) return null
  const accuracy = mean(mine, 'accuracy', ({ equalCost }) => equalCost!.values)
  const flops = (list: readonly RecordedCell[], of: (cell: RecordedCell) => number): number => list.reduce((sum, cell) => sum + of(cell), 0)
  return {
    accuracy: figureOf(accuracy),
    regret: figureOf(mean(mine, 'regret', ({ equalCost }) => equalCost!.values)),
    difference: figureOf(minus(accuracy, mean(base, 'accuracy'))),
    seeds: mine.length,
    steps: flops(mine, ({ equalCost }) => equalCost!.step) / mine.length,
    spent: flops(mine, ({ equalCost }) => equalCost!.flops) / flops(base, ({ cost }) => cost.flops),
  }
}

/** Slope of validation regret over the last quarter, per 10 steps; null where fewer than two checkpoints were measured. */
export function plateauOf(record: StudyRecord, arm: string): StudyFigure | null {
  const { validation } = record.clusters
  const cells = cellsOf(record, arm).filter((cell) => cell.validation.length > 1)
  if (validation === undefined || cells.length === 0) return null
  const slopes = cells.map(({ validation: taken }) => {
    const middle = taken.reduce((sum, { step }) => sum + step, 0) / taken.length
    const square = taken.reduce((sum, { step }) => sum + (step - middle) ** 2, 0)
    return taken[0]!.regret.map(
      (_, problem) => taken.reduce((sum, { step, regret }) => sum + ((step - middle) / square) * regret[problem]!, 0) * 10,
    )
  })
  return figureOf(resamplesOf(validation).sampled(slopes, SHARES))
}

/** By the slope of validation regret over the last quarter of the steps: levelled off where noise alone may have made it. */
export type Plateau = 'levelled' | 'falling' | 'rising' | 'unmeasured'
export function levellingOf(record: StudyRecord, arm: string): { readonly verdict: Plateau; readonly slope: StudyFigure | null } {
  const slope = plateauOf(record, arm)
  if (slope === null || Number.isNaN(slope.low)) return { verdict: 'unmeasured', slope: null }
  return { verdict: ({ ahead: 'rising', behind: 'falling', undecided: 'levelled' } as const)[verdictOf(slope)], slope }
}
