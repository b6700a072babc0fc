// Curves of arms: a metric over training, with a band over the seeds, and accuracy or regret against the token budget.
import type { BudgetCurveView, BudgetPoint, MetricSeries, OverlayCurve, xAxes } from '../../../src-preload/contract.ts'
import { mean } from '../../numeric/stats.ts'
import { decimate } from '../../store/decimate.ts'
import type { Store } from '../../store/openStore.ts'
import { face, START, type Arm } from './compareArms.ts'
import { bandOf } from './compareMap.ts'
import { sharedBudgets, trainedBudgetOf, type Chosen, type Comparing } from './compared.ts'
import { thinkingAt } from './evaluationBudgets.ts'

/** One metric over the training of an arm, the mean of its seeds. */
export function curveOf(
  { steps: records }: Store,
  arm: Arm,
  metric: string,
  x: (typeof xAxes)[number],
  band: string,
  maxPoints: number,
): OverlayCurve {
  const all = arm.runIds.map((id): MetricSeries => records.series(id, metric, Infinity)).filter(({ pointCount }) => pointCount > 0)
  const places = all.map(({ step }) => new Map(step.map((value, at) => [value, at])))
  const steps = (all[0]?.step ?? []).filter((step) => places.every((place) => place.has(step)))
  const valuesAt = (step: number, key: 'value' | typeof x): number[] => all.map((series, at) => series[key][places[at]!.get(step)!]!)
  const means = steps.map((step) => mean(valuesAt(step, 'value')))
  const kept = decimate(means, maxPoints)
  const spread = bandOf(
    band,
    kept.map((at) => valuesAt(steps[at]!, 'value')),
  )
  return {
    ...face(arm),
    metric,
    exact: kept.length === steps.length,
    step: kept.map((at) => steps[at]!),
    x: kept.map((at) => mean(valuesAt(steps[at]!, x))),
    value: kept.map((at) => means[at]!),
    low: spread?.map(([low]) => low) ?? null,
    high: spread?.map(([, high]) => high) ?? null,
    n: kept.map(() => all.length),
  }
}

/** Accuracy or regret of every arm against the budget, of natural and of kept thinking. */
export function budgetCurves(
  { figures, compared }: Comparing,
  { quantity, start, ...chosen }: Omit<Chosen, 'baseline'> & { readonly quantity: 'accuracy' | 'regret'; readonly start: boolean },
): BudgetCurveView[] {
  return compared({ ...chosen, baseline: null })
    .arms.filter(({ arm }) => start || arm !== START)
    .map(({ arm, evaluated }) => {
      const budgets = sharedBudgets(evaluated)
      const trainedBudget = trainedBudgetOf(evaluated)
      const problems = figures.common(evaluated)
      const pointsOf = (thinking: 'natural' | 'kept', at: readonly number[]): BudgetPoint[] =>
        figures
          .figures(
            evaluated,
            problems,
            at.map((budget) => ({ quantity, budget, thinking })),
          )
          .flatMap((figure, index): BudgetPoint[] =>
            figure === null ? [] : [{ ...figure, budget: at[index]!, extrapolated: trainedBudget !== null && at[index]! > trainedBudget }],
          )
      return {
        ...face(arm),
        trainedBudget,
        points: pointsOf('natural', budgets),
        kept: pointsOf(
          'kept',
          budgets.filter((budget) => thinkingAt(budget, trainedBudget) === 'kept'),
        ),
      }
    })
}
