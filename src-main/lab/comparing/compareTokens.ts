// Thinking tokens for an accuracy: how far a budget curve has to go, and how many times as far as the baseline's.
import type { TokensForAccuracy } from '../../../src-preload/contract.ts'
import { tokensToReach } from '../../episodes/efficiency.ts'
import { START } from './compareArms.ts'
import { DRAWS, type Column } from './compareFigures.ts'
import { sharedBudgets, trainedBudgetOf, type Compared, type Comparing } from './compared.ts'

/** Distances between the accuracies on offer, and how many there are at most. */
const LEVEL_STEPS = [0.01, 0.02, 0.05, 0.1] as const
const MOST_LEVELS = 24

/** Thinking tokens at which each arm first reaches an accuracy, by the straight line between budgets, on every resample. */
export function tokensFor({ figures }: Comparing, accuracy: number | null, { arms, base }: Compared): TokensForAccuracy {
  const evaluated = arms.flatMap((each) => each.evaluated)
  const budgets = sharedBudgets(evaluated)
  const trained = trainedBudgetOf(evaluated)
  const columns = budgets.map((budget): Column => ({ quantity: 'accuracy', budget, thinking: 'natural' }))
  const problems = figures.common(evaluated)
  const curves = arms.map((each) => ({
    ...each,
    points: each.evaluated.length === 0 || problems.ids.length === 0 ? [] : figures.draws(each.evaluated, problems, columns),
  }))
  const levels = levelsOf(curves.map(({ points }) => points.map(({ value }) => value)))
  const level =
    accuracy ??
    usualLevel(
      curves
        .filter(({ arm }) => arm !== START)
        .map(({ points }) => points.flatMap(({ value }, at) => (trained !== null && budgets[at]! > trained ? [] : [value]))),
    )
  if (level === null) return { accuracy: null, levels, baseline: base?.arm.key ?? null, rows: [] }
  const reach = (at: (column: number) => number): number | null =>
    tokensToReach({ tokens: budgets, accuracy: budgets.map((_, column) => at(column)) }, level)
  const reached = curves.map(({ arm, points, evaluated: own }) => ({
    arm,
    evaluated: own,
    value: points.length === 0 ? null : reach((column) => points[column]!.value),
    draws: Float64Array.from(
      { length: points.length === 0 ? 0 : DRAWS },
      (_, draw) => reach((column) => points[column]!.draws[draw]!) ?? NaN,
    ),
  }))
  const own = reached.find(({ arm }) => arm === base?.arm)
  return {
    accuracy: level,
    levels,
    baseline: base?.arm.key ?? null,
    rows: reached.map(({ arm, evaluated: members, value, draws }) => ({
      key: arm.key,
      tokens: value === null ? null : figures.inferred(value, draws, problems, [members]),
      reached: draws.length === 0 ? 0 : draws.filter(Number.isFinite).length / draws.length,
      extrapolated: value !== null && trained !== null && value > trained,
      efficiency:
        own === undefined || own.arm === arm || value === null || own.value === null
          ? null
          : figures.inferred(
              own.value / value,
              draws.map((tokens, draw) => own.draws[draw]! / tokens),
              problems,
              [members, own.evaluated],
            ),
    })),
  }
}

/** Round accuracies between the lowest and the highest that any of the curves passes. */
export function levelsOf(curves: readonly (readonly number[])[]): number[] {
  const values = curves.flat()
  if (values.length === 0) return []
  const [low, high] = [Math.min(...values), Math.max(...values)]
  const step = LEVEL_STEPS.find((each) => (high - low) / each <= MOST_LEVELS) ?? LEVEL_STEPS.at(-1)!
  const [first, last] = [Math.ceil(low / step), Math.floor(high / step)]
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => Number(((first + index) * step).toFixed(2)))
}

/** The highest whole percentage that every curve reaches; null where there is none. */
export function usualLevel(curves: readonly (readonly number[])[]): number | null {
  const most = Math.min(...curves.filter((values) => values.length > 0).map((values) => Math.max(...values)))
  return Number.isFinite(most) ? Math.floor(most * 100) / 100 : null
}
