// Runs side by side: the headline table at a token budget, curves over training, accuracy and regret against budget, the map of accuracy
// and tokens, tokens for an accuracy, and wins on the same problems. Every figure is a mean over problems (and seeds) with a bootstrap
// interval over clusters of problems, problems and seeds; differences are paired problem by problem. An evaluation records the chance of success of every problem at every
// budget, so a budget is a query and not a run. Who is compared is in compareArms.ts, the statistics are in compareFigures.ts.

import {
  EQUAL_WITHIN,
  type Answers,
  type BudgetPoint,
  type CompareRow,
  type CompareTable,
  type Difference,
  type Evaluation,
  type Figure,
  type MethodMap,
  type MetricSeries,
  type OverlayCurve,
  type PairedArms,
  type PairedComparison,
  type Run,
  type TokensForAccuracy,
  type xAxes,
} from '../../../src-preload/contract.ts'
import { tokensToReach } from '../../episodes/efficiency.ts'
import { mean } from '../../numeric/stats.ts'
import { decimate } from '../../store/decimate.ts'
import type { Store } from '../../store/openStore.ts'
import { clusterOf } from '../comparing/clusters.ts'
import { armsOf, confoundsOf, face, newestFinished, START, startEvaluation, type Arm, type Evaluated } from '../comparing/compareArms.ts'
import { DRAWS, openFigures, remembering, valueOf, type Column, type Quantity } from '../comparing/compareFigures.ts'
import { bandOf, curvesAgree, equalRegret, regretLevels } from '../comparing/compareMap.ts'
import { thinkingAt } from '../comparing/evaluationBudgets.ts'
import { found, missing } from './queriesRuns.ts'

/** Evaluations whose results are kept: a few hundred kilobytes each. */
const MOST_RESULTS = 128
/** Distances between the accuracies on offer, and how many there are at most. */
const LEVEL_STEPS = [0.01, 0.02, 0.05, 0.1] as const
const MOST_LEVELS = 24

type Baseline = number | 'start' | null
interface Chosen {
  readonly runIds: readonly number[]
  readonly groupBy: 'run' | 'group'
  readonly baseline: Baseline
  /** Evaluations at or before this training step; null: the newest. */
  readonly step: number | null
}
interface Compared {
  readonly start: Evaluated | null
  /** The start first, where it was evaluated. */
  readonly arms: readonly { readonly arm: Arm; readonly evaluated: readonly Evaluated[] }[]
  readonly base: { readonly arm: Arm; readonly evaluated: readonly Evaluated[] } | null
}

const scoredAt = (budget: number | null): Column[] =>
  (['accuracy', 'regret', 'meanTokens'] as const).map((quantity) => ({ quantity, budget }))
const NONE: Difference = { value: 0, low: null, high: null, n: 0, p: null }

/** Lets the process look after its other callers. */
const breathe = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** Budgets that all of these evaluations measured; none at all has no regret, which is an area over the budget. */
const sharedBudgets = (evaluated: readonly { readonly evaluation: Evaluation }[]): number[] =>
  (evaluated[0]?.evaluation.budgets ?? []).filter(
    (budget) => budget > 0 && evaluated.every(({ evaluation }) => evaluation.budgets.includes(budget)),
  )

/** The least budget that one of these was trained with. */
function trainedBudgetOf(evaluated: readonly { readonly evaluation: Evaluation }[]): number | null {
  const trained = evaluated.flatMap(({ evaluation }) => evaluation.trainedBudget ?? [])
  return trained.length === 0 ? null : Math.min(...trained)
}

/** Where the thinking tokens of an arm went, over all rollouts of all its seeds; null where an evaluation does not say. */
function accountOf(evaluated: readonly Evaluated[]): CompareRow['account'] {
  const names = {
    useful: 'ttc/useful_tokens',
    overthinking: 'ttc/overthink_tokens',
    futile: 'ttc/futile_tokens',
    starved: 'ttc/starved_tokens',
    starvedShare: 'ttc/starved_frac',
  } as const
  const parts = evaluated.map(({ evaluation }) => ({
    metrics: evaluation.metrics,
    rollouts: evaluation.problemCount * evaluation.samplesPerProblem,
  }))
  const rollouts = parts.reduce((sum, part) => sum + part.rollouts, 0)
  if (rollouts === 0 || parts.some(({ metrics }) => Object.values(names).some((name) => metrics[name] === undefined))) return null
  const pooled = (name: string): number => parts.reduce((sum, part) => sum + part.metrics[name]! * part.rollouts, 0) / rollouts
  return {
    useful: pooled(names.useful),
    overthinking: pooled(names.overthinking),
    futile: pooled(names.futile),
    starved: pooled(names.starved),
    starvedShare: pooled(names.starvedShare),
    rollouts,
  }
}

export function compareQueries(
  open: () => Store,
): Answers<'compare'>['compare'] & { readonly paired: Answers<'evaluations'>['evaluations']['paired'] } {
  const figures = openFigures((id) => {
    const problem = open().datasets.readable(id)
    return problem === null ? null : clusterOf(problem)
  })
  const rememberResults = remembering<Evaluated>(MOST_RESULTS)
  const rememberDots = remembering<{
    readonly tokens: number
    readonly accuracy: (budget: number) => number
    readonly regret: (budget: number) => number
  } | null>(4 * MOST_RESULTS)
  const keyOf = ({ id, finishedAtMs }: Evaluation): string => `${open().workspace().uid}:${id}:${finishedAtMs}`
  const read = (evaluation: Evaluation): Evaluated => {
    const key = keyOf(evaluation)
    return rememberResults(key, () => ({
      key,
      evaluation,
      results: new Map(
        open()
          .evaluations.results(evaluation.id)
          .map((result) => [result.problemId, result]),
      ),
    }))
  }
  const runsOf = (ids: readonly number[]): Run[] => ids.map((id) => found('run', id, open().runs.get(id)))
  const startOf = (runs: readonly Run[]): Evaluated | null => {
    const evaluation = startEvaluation(open(), runs)
    return evaluation === null ? null : read(evaluation)
  }
  function evaluatedOf({ runs }: Arm, step: number | null, start: Evaluated | null): Evaluated[] {
    return runs.flatMap((run) => {
      const evaluation = newestFinished(open().evaluations.ofRun(run.id), step)
      return evaluation === null ? (step === null || start === null ? [] : [start]) : [read(evaluation)]
    })
  }

  function compared({ runIds, groupBy, baseline, step }: Chosen): Compared {
    const runs = runsOf(runIds)
    const start = startOf(runs)
    const arms = [
      ...(start === null ? [] : [{ arm: START, evaluated: [start] }]),
      ...armsOf(runs, groupBy).map((arm) => ({ arm, evaluated: evaluatedOf(arm, step, start) })),
    ]
    const base =
      baseline === null ? null : (arms.find(({ arm }) => (baseline === 'start' ? arm === START : arm.runIds.includes(baseline))) ?? null)
    if (typeof baseline === 'number' && base === null) throw missing('run', baseline)
    return { start, arms, base }
  }

  function costOf(runs: readonly Run[]): CompareRow['cost'] {
    const totals = runs.map(({ id }) => open().steps.totals(id))
    const total = (of: (each: (typeof totals)[number]) => number): number => totals.reduce((sum, each) => sum + of(each), 0)
    return {
      steps: total((t) => t.steps),
      tokens: total((t) => t.tokens),
      estimateTokens: total((t) => t.estimateTokens),
      flops: total((t) => t.flops),
      wallMs: total((t) => t.wallMs),
    }
  }

  /** The rows of one arm, one per budget. */
  function rowsOf({ arm, evaluated }: Compared['arms'][number], budgets: readonly number[], base: Compared['base']): CompareRow[] {
    const columns = budgets.flatMap(scoredAt)
    const problems = figures.common(evaluated)
    const own = figures.figures(evaluated, problems, columns)
    const shared =
      base === null || base.arm === arm || evaluated.length === 0 || base.evaluated.length === 0
        ? null
        : figures.common([...evaluated, ...base.evaluated])
    const gaps = shared === null || shared.ids.length === 0 ? null : figures.differences(evaluated, base!.evaluated, shared, columns)
    const constant = {
      ...face(arm),
      evaluationIds: evaluated.map(({ evaluation }) => evaluation.id),
      evaluatedSteps: evaluated.map(({ evaluation }) => evaluation.step),
      problemCount: problems.ids.length,
      account: accountOf(evaluated),
      cost: costOf(arm.runs),
    }
    return budgets.map((budget, at): CompareRow => {
      const [accuracy, regret, meanTokens] = own.slice(3 * at, 3 * at + 3) as [Figure | null, Figure | null, Figure | null]
      const against = gaps?.slice(3 * at, 3 * at + 3) as [Difference, Difference, Difference] | undefined
      return {
        ...constant,
        extrapolated: evaluated.some(({ evaluation }) => evaluation.trainedBudget !== null && budget > evaluation.trainedBudget),
        accuracy,
        regret,
        meanTokens,
        against: against === undefined ? null : { accuracy: against[0], regret: against[1], meanTokens: against[2] },
      }
    })
  }

  function tableOf(budget: number, { arms, base }: Compared, rows: CompareRow[]): CompareTable {
    return {
      budget,
      exact: arms.flatMap(({ evaluated }) => evaluated).every(({ evaluation }) => evaluation.budgets.includes(budget)),
      comparator: 'oracle',
      baseline: base?.arm.key ?? null,
      rows,
      confounds: confoundsOf(arms.map(({ arm }) => arm)),
    }
  }

  function curveOf(arm: Arm, metric: string, x: (typeof xAxes)[number], band: string, maxPoints: number): OverlayCurve {
    const all = arm.runIds.map((id): MetricSeries => open().steps.series(id, metric, Infinity)).filter(({ pointCount }) => pointCount > 0)
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

  /** Means of one evaluation for the map, kept without its results: a run may have many. */
  const dotOf = (evaluation: Evaluation) =>
    rememberDots(keyOf(evaluation), () => {
      const results = open().evaluations.results(evaluation.id)
      if (results.length === 0) return null
      const over = (quantity: Quantity, budget: number | null): number =>
        mean(results.map((result) => valueOf({ quantity, budget }, evaluation, result)))
      const known = { accuracy: new Map<number, number>(), regret: new Map<number, number>() }
      const at =
        (quantity: 'accuracy' | 'regret') =>
        (budget: number): number => {
          const value = known[quantity].get(budget) ?? over(quantity, budget)
          known[quantity].set(budget, value)
          return value
        }
      return { tokens: over('meanTokens', null), accuracy: at('accuracy'), regret: at('regret') }
    })

  function mapsOf({ runIds, groupBy, step }: Omit<Chosen, 'baseline'>, budgets: readonly number[]): MethodMap[] {
    const runs = runsOf(runIds)
    const start = startEvaluation(open(), runs)
    const evaluatedRuns = (arm: Arm) =>
      arm.runs.flatMap(({ id }) =>
        open()
          .evaluations.ofRun(id)
          .filter((each) => each.status === 'finished' && each.split === 'heldout' && (step === null || (each.step ?? Infinity) <= step)),
      )
    // An arm that was never evaluated has no place on the map: the start's is not its own.
    const paths = armsOf(runs, groupBy)
      .filter((arm) => arm.runs.some(({ id }) => newestFinished(open().evaluations.ofRun(id)) !== null))
      .map((arm) => ({
        arm,
        dots: [...(start === null ? [] : [start]), ...evaluatedRuns(arm)].flatMap((evaluation) => {
          const dot = dotOf(evaluation)
          return dot === null ? [] : [{ evaluation, dot }]
        }),
      }))
    return budgets.map((budget) => {
      const scored = paths.map(({ arm, dots: own }) => {
        const dots = own.map(({ evaluation, dot }) => ({
          runId: evaluation.runId,
          evaluationId: evaluation.id,
          step: evaluation.step,
          tokens: dot.tokens,
          accuracy: dot.accuracy(budget),
          regret: dot.regret(budget),
        }))
        return { ...face(arm), dots, path: wayOf(dots) }
      })
      return {
        budget,
        paths: scored,
        equalRegret: curvesAgree(
          budget,
          scored.flatMap(({ dots }) => dots),
        )
          ? equalRegret(budget, regretLevels(scored.flatMap(({ dots }) => dots.map(({ regret }) => regret))))
          : [],
      }
    })
  }

  function pair(a: Evaluation, b: Evaluation, budget: number | null): PairedComparison {
    const pairs = open()
      .evaluations.paired(a.id, b.id)
      .map((each) => ({
        ...each,
        accuracyA: valueOf({ quantity: 'accuracy', budget }, a, each.a),
        accuracyB: valueOf({ quantity: 'accuracy', budget }, b, each.b),
      }))
    const [left, right] = [read(a), read(b)]
    const [accuracy, meanTokens] =
      pairs.length === 0
        ? [NONE, NONE]
        : (figures.differences([right], [left], figures.common([right, left]), [
            { quantity: 'accuracy', budget },
            { quantity: 'meanTokens', budget },
          ]) as [Difference, Difference])
    return {
      evaluationA: a.id,
      evaluationB: b.id,
      budget,
      wins: pairs.filter((each) => each.accuracyB - each.accuracyA > EQUAL_WITHIN).length,
      losses: pairs.filter((each) => each.accuracyA - each.accuracyB > EQUAL_WITHIN).length,
      ties: pairs.filter((each) => Math.abs(each.accuracyB - each.accuracyA) <= EQUAL_WITHIN).length,
      accuracy,
      meanTokens,
      pairs,
    }
  }

  /** Two arms on the same problems, each problem averaged over an arm's seeds, at every budget that both measured. */
  function pairArms(a: readonly Evaluated[], b: readonly Evaluated[]): PairedArms {
    const shared = figures.common([...a, ...b])
    const budgets = sharedBudgets([...a, ...b])
    const at = (evaluated: readonly Evaluated[], column: Column, id: number): number =>
      mean(evaluated.map(({ evaluation, results }) => valueOf(column, evaluation, results.get(id)!)))
    const keptOf = (evaluated: readonly Evaluated[]): Set<number> =>
      new Set(evaluated.flatMap(({ evaluation }) => open().evaluations.keptProblems(evaluation.id)))
    const [keptA, keptB] = [keptOf(a), keptOf(b)]
    const problems = shared.ids
      .flatMap((id) => open().datasets.readable(id) ?? [])
      .map((problem) => ({
        problem,
        keptA: keptA.has(problem.id),
        keptB: keptB.has(problem.id),
        tokensA: at(a, { quantity: 'meanTokens', budget: null }, problem.id),
        tokensB: at(b, { quantity: 'meanTokens', budget: null }, problem.id),
        accuracyA: Float32Array.from(budgets, (budget) => at(a, { quantity: 'accuracy', budget }, problem.id)),
        accuracyB: Float32Array.from(budgets, (budget) => at(b, { quantity: 'accuracy', budget }, problem.id)),
      }))
    const columns: Column[] = [
      ...budgets.map((budget): Column => ({ quantity: 'accuracy', budget })),
      { quantity: 'meanTokens', budget: null },
    ]
    const differences = problems.length === 0 ? columns.map(() => NONE) : figures.differences(b, a, shared, columns)
    return {
      evaluationsA: a.map(({ evaluation }) => evaluation.id),
      evaluationsB: b.map(({ evaluation }) => evaluation.id),
      meanTokens: differences.at(-1)!,
      scores: budgets.map((budget, index) => ({
        budget,
        wins: problems.filter(({ accuracyA, accuracyB }) => accuracyB[index]! - accuracyA[index]! > EQUAL_WITHIN).length,
        losses: problems.filter(({ accuracyA, accuracyB }) => accuracyA[index]! - accuracyB[index]! > EQUAL_WITHIN).length,
        ties: problems.filter(({ accuracyA, accuracyB }) => Math.abs(accuracyB[index]! - accuracyA[index]!) <= EQUAL_WITHIN).length,
        accuracy: differences[index]!,
      })),
      problems,
    }
  }

  /** Thinking tokens at which each arm first reaches an accuracy, by the straight line between budgets, on every resample. */
  function tokensFor(accuracy: number | null, { arms, base }: Compared): TokensForAccuracy {
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

  return {
    table({ budget, ...chosen }) {
      const all = compared(chosen)
      return tableOf(
        budget,
        all,
        all.arms.flatMap((arm) => rowsOf(arm, [budget], all.base)),
      )
    },

    async tables({ budgets, ...chosen }, { signal }) {
      const all = compared(chosen)
      const rows: CompareRow[][] = []
      for (const arm of all.arms) {
        await breathe()
        signal.throwIfAborted()
        rows.push(rowsOf(arm, budgets, all.base))
      }
      return budgets.map((budget, at) =>
        tableOf(
          budget,
          all,
          rows.map((row) => row[at]!),
        ),
      )
    },

    curves: ({ runIds, metric, x, groupBy, band, maxPoints }) =>
      armsOf(runsOf(runIds), groupBy).map((arm) => curveOf(arm, metric, x, band, maxPoints)),

    budgetCurves({ quantity, start, ...chosen }) {
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
                figure === null
                  ? []
                  : [{ ...figure, budget: at[index]!, extrapolated: trainedBudget !== null && at[index]! > trainedBudget }],
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
    },

    map: ({ budget, ...chosen }) => mapsOf(chosen, [budget])[0]!,
    maps: ({ budgets, ...chosen }) => mapsOf(chosen, budgets),

    wins({ a, b, budget, step }) {
      const [first, second] = runsOf([a, b]).map((run) => newestFinished(open().evaluations.ofRun(run.id), step))
      return first === null || second === null ? null : pair(first!, second!, budget)
    },

    pairs({ a, b, step }) {
      const [left, right] = [runsOf(a), runsOf(b)]
      const start = startOf([...left, ...right])
      const sideOf = (runs: readonly Run[]): Evaluated[] =>
        runs.length > 0 ? armsOf(runs, 'run').flatMap((arm) => evaluatedOf(arm, step, start)) : start === null ? [] : [start]
      const [own, other] = [sideOf(left), sideOf(right)]
      return own.length === 0 || other.length === 0 ? null : pairArms(own, other)
    },

    tokensFor: ({ accuracy, ...chosen }) => tokensFor(accuracy, compared(chosen)),

    budgets({ runIds }) {
      const finished = runsOf(runIds).map((run) =>
        open()
          .evaluations.ofRun(run.id)
          .filter(({ status, split }) => status === 'finished' && split === 'heldout'),
      )
      const newest = finished.flatMap((evaluations) => newestFinished(evaluations) ?? []).map((evaluation) => ({ evaluation }))
      return {
        budgets: sharedBudgets(newest),
        trainedBudget: trainedBudgetOf(newest),
        steps: [...new Set(finished.flat().flatMap(({ step }) => step ?? []))].sort((x, y) => x - y),
      }
    },

    paired: ({ a, b, budget }) =>
      pair(found('evaluation', a, open().evaluations.get(a)), found('evaluation', b, open().evaluations.get(b)), budget),
  }
}

/** Means over the seeds of an arm, the start first, at the steps at which all seeds that were evaluated at all were. */
function wayOf(dots: MethodMap['paths'][number]['dots']): MethodMap['paths'][number]['path'] {
  const seeds = new Set(dots.flatMap(({ runId }) => runId ?? [])).size
  const together = [...Map.groupBy(dots, ({ runId, step }) => (runId === null ? 'start' : String(step))).values()]
  return together
    .map((members) => ({
      step: members[0]!.step,
      tokens: mean(members.map(({ tokens }) => tokens)),
      accuracy: mean(members.map(({ accuracy }) => accuracy)),
      regret: mean(members.map(({ regret }) => regret)),
      n: members.length,
      start: members[0]!.runId === null,
    }))
    .filter(({ n, start }) => start || n >= seeds)
    .toSorted((a, b) => Number(b.start) - Number(a.start) || (a.step ?? 0) - (b.step ?? 0))
    .map(({ start: _, ...point }) => point)
}

/** Round accuracies between the lowest and the highest that any of the curves passes. */
function levelsOf(curves: readonly (readonly number[])[]): number[] {
  const values = curves.flat()
  if (values.length === 0) return []
  const [low, high] = [Math.min(...values), Math.max(...values)]
  const step = LEVEL_STEPS.find((each) => (high - low) / each <= MOST_LEVELS) ?? LEVEL_STEPS.at(-1)!
  const [first, last] = [Math.ceil(low / step), Math.floor(high / step)]
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => Number(((first + index) * step).toFixed(2)))
}

/** The highest whole percentage that every curve reaches; null where there is none. */
function usualLevel(curves: readonly (readonly number[])[]): number | null {
  const most = Math.min(...curves.filter((values) => values.length > 0).map((values) => Math.max(...values)))
  return Number.isFinite(most) ? Math.floor(most * 100) / 100 : null
}
