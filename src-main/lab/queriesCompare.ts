// Runs side by side: the headline table at a token budget, curves over training, accuracy and regret against budget, the map of accuracy
// and tokens, and wins on the same problems. An arm is one run, or the seeds of one configuration. Every figure is a mean over problems
// (and seeds) with a bootstrap interval over both; differences are paired problem by problem. What is read is the newest finished
// evaluation of each run, which records the chance of success of every problem at every budget, so a budget is a query and not a run.

import type {
  Answers, BudgetPoint, CompareRow, Difference, Evaluation, EvaluationResult, Figure, MetricSeries, OverlayCurve, PairedComparison, Run, xAxes,
} from '../../src-preload/contract.ts'
import { bootstrapCurve } from '../numeric/bootstrap.ts'
import { interpolate } from '../numeric/curves.ts'
import { signFlipTest } from '../numeric/significance.ts'
import { mean, sampleDeviation } from '../numeric/stats.ts'
import { decimate } from '../store/decimate.ts'
import type { Store } from '../store/openStore.ts'
import { found, missing } from './queriesRuns.ts'

const DRAWS = 2000
const SEED = 20_260_101
const REGRETS = [0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9] as const
const LINE_POINTS = 60
/** Rows of a table at every stop of a slider, for a few dozen runs. */
const MOST_REMEMBERED = 2000
/** Evaluations whose results are kept: a few hundred kilobytes each. */
const MOST_RESULTS = 64

type Quantity = 'accuracy' | 'regret' | 'meanTokens'
interface Evaluated {
  readonly evaluation: Evaluation
  readonly results: ReadonlyMap<number, EvaluationResult>
}
interface Arm {
  readonly key: string
  readonly title: string
  readonly runIds: number[]
  readonly method: string
  readonly algorithm: string
  readonly runs: readonly Run[]
}

const newestFinished = (evaluations: readonly Evaluation[]): Evaluation | null =>
  evaluations.filter(({ status }) => status === 'finished').toSorted((a, b) => (b.step ?? 0) - (a.step ?? 0) || b.id - a.id)[0] ?? null

/** Runs in the order given, or their groups in the order in which each first appears. */
export function armsOf(runs: readonly Run[], by: 'run' | 'group'): Arm[] {
  return [...Map.groupBy(runs, (run) => (by === 'run' ? String(run.id) : run.groupKey)).values()].map((members) => {
    const [first] = members as [Run, ...Run[]]
    return { key: by === 'run' ? `run-${first.id}` : `group-${first.id}`, title: first.name, runIds: members.map(({ id }) => id), method: first.method, algorithm: first.algorithm, runs: members }
  })
}

const face = ({ key, title, runIds, method, algorithm }: Arm) => ({ key, title, runIds, method, algorithm })

/** What one problem came to under an evaluation: at a budget, or as sampled (null). */
export function valueOf(quantity: Quantity, budget: number | null, budgets: readonly number[], result: EvaluationResult): number {
  if (quantity === 'meanTokens') return result.meanTokens
  if (budget === null) return quantity === 'accuracy' ? result.accuracy : 1 - result.accuracy
  return interpolate(budgets, quantity === 'accuracy' ? result.accuracyAtBudget : result.regretAtBudget, budget)
}

const common = (evaluated: readonly Evaluated[]): number[] => {
  const [first, ...others] = evaluated
  return first === undefined ? [] : [...first.results.keys()].filter((id) => others.every(({ results }) => results.has(id)))
}

/** [seeds][problems] */
const table = (evaluated: readonly Evaluated[], problems: readonly number[], quantity: Quantity, budget: number | null): Float64Array[] =>
  evaluated.map(({ evaluation, results }) => Float64Array.from(problems, (id) => valueOf(quantity, budget, evaluation.budgets, results.get(id)!)))

const finite = (value: number): number | null => (Number.isFinite(value) ? value : null)

/**
 * Means with intervals of several quantities at once: all see the same resampled problems and seeds, which are what takes the time.
 * @param tables [quantities][seeds][problems]
 */
function figuresOf(tables: readonly (readonly Float64Array[])[]): (Figure | null)[] {
  const [seeds, n] = [tables[0]?.length ?? 0, tables[0]?.[0]?.length ?? 0]
  if (n === 0) return tables.map(() => null)
  const meanOf = (rows: readonly Float64Array[], problemsDrawn: Int32Array, seedsDrawn: Int32Array): number => {
    let total = 0
    for (const seed of seedsDrawn) {
      const row = rows[seed]!
      for (const problem of problemsDrawn) total += row[problem]!
    }
    return total / (seedsDrawn.length * problemsDrawn.length)
  }
  return bootstrapCurve({ questions: n, seeds }, (problems, drawn) => tables.map((rows) => meanOf(rows, problems, drawn)), { seed: SEED, draws: DRAWS })
    .map(({ estimate, low, high }) => ({ value: estimate, low: n < 2 ? null : finite(low), high: n < 2 ? null : finite(high), n }))
}

/** Row minus baseline. Seeds are resampled as pairs where both arms have as many; else only problems are. */
function differencesOf(pairs: readonly { readonly own: readonly Float64Array[]; readonly base: readonly Float64Array[] }[]): Difference[] {
  const overSeeds = (rows: readonly Float64Array[]): Float64Array => Float64Array.from(rows[0]!, (_, at) => mean(rows.map((row) => row[at]!)))
  const minus = (a: Float64Array, b: Float64Array): Float64Array => a.map((value, at) => value - b[at]!)
  const tables = pairs.map(({ own, base }) => (own.length === base.length ? own.map((row, seed) => minus(row, base[seed]!)) : [minus(overSeeds(own), overSeeds(base))]))
  return figuresOf(tables).map((figure, index) => ({ ...figure!, p: figure!.n < 2 ? null : signFlipTest(overSeeds(tables[index]!), { seed: SEED, draws: DRAWS }).p }))
}

/** Answers that follow from finished evaluations alone stay what they are; a slider comes back to them again and again. */
function remembering(most: number) {
  const known = new Map<string, unknown>()
  return <T>(key: readonly unknown[], compute: () => T): T => {
    const text = JSON.stringify(key)
    if (known.has(text)) return known.get(text) as T
    const value = compute()
    known.set(text, value)
    if (known.size > most) known.delete(known.keys().next().value!)
    return value
  }
}

/** The evaluation of the weights that all of these runs start from, under the conditions of theirs; null without one. */
export function startEvaluation(store: Store, runs: readonly Run[]): Evaluation | null {
  const [first] = runs
  const own = first === undefined ? null : newestFinished(store.evaluations.ofRun(first.id))
  if (own === null || runs.some(({ modelId }) => modelId !== first!.modelId)) return null
  return newestFinished(store.evaluations.list().filter(({ runId, modelId, budgets, datasetId }) =>
    runId === null && modelId === first!.modelId && datasetId === own.datasetId && JSON.stringify(budgets) === JSON.stringify(own.budgets)))
}

export function compareQueries(open: () => Store): Answers<'compare'>['compare'] & { readonly paired: Answers<'evaluations'>['evaluations']['paired'] } {
  const remember = remembering(MOST_REMEMBERED)
  const rememberResults = remembering(MOST_RESULTS)
  const uid = (): string => open().workspace().uid
  const read = (evaluation: Evaluation): Evaluated => rememberResults([uid(), evaluation.id], () => ({ evaluation, results: new Map(open().evaluations.results(evaluation.id).map((result) => [result.problemId, result])) }))
  const newest = (run: Run): Evaluated | null => {
    const evaluation = newestFinished(open().evaluations.ofRun(run.id))
    return evaluation === null ? null : read(evaluation)
  }
  const runsOf = (ids: readonly number[]): Run[] => ids.map((id) => found('run', id, open().runs.get(id)))
  const evaluatedOf = ({ runs }: Arm): Evaluated[] => runs.flatMap((run) => newest(run) ?? [])
  const startOf = (runs: readonly Run[]): Evaluation | null => startEvaluation(open(), runs)

  function costOf(runs: readonly Run[]): CompareRow['cost'] {
    const steps = runs.flatMap(({ id }) => open().steps.range(id, 0, Number.MAX_SAFE_INTEGER))
    const total = (of: (step: (typeof steps)[number]) => number): number => steps.reduce((sum, step) => sum + of(step), 0)
    return { steps: steps.length, tokens: total((s) => s.tokens), estimateTokens: total((s) => s.estimateTokens), flops: total((s) => s.flops), wallMs: total((s) => s.wallMs) }
  }

  const QUANTITIES = ['accuracy', 'regret', 'meanTokens'] as const satisfies readonly Quantity[]
  const idsOf = (evaluated: readonly Evaluated[]): number[] => evaluated.map(({ evaluation }) => evaluation.id)

  function figuresAt(evaluated: readonly Evaluated[], budget: number) {
    const problems = common(evaluated)
    const [accuracy, regret, meanTokens] = remember(['figures', uid(), idsOf(evaluated), budget], () => figuresOf(QUANTITIES.map((quantity) => table(evaluated, problems, quantity, budget)))) as [Figure | null, Figure | null, Figure | null]
    return { problemCount: problems.length, accuracy, regret, meanTokens }
  }
  function differencesAt(evaluated: readonly Evaluated[], base: readonly Evaluated[], budget: number): CompareRow['against'] {
    const shared = common([...evaluated, ...base])
    if (shared.length === 0 || evaluated.length === 0 || base.length === 0) return null
    const [accuracy, regret, meanTokens] = remember(['differences', uid(), idsOf(evaluated), idsOf(base), budget], () =>
      differencesOf(QUANTITIES.map((quantity) => ({ own: table(evaluated, shared, quantity, budget), base: table(base, shared, quantity, budget) })))) as [Difference, Difference, Difference]
    return { accuracy, regret, meanTokens }
  }

  function rowOf(arm: Arm, evaluated: readonly Evaluated[], budget: number, base: readonly Evaluated[] | null): CompareRow {
    return {
      ...face(arm),
      evaluationIds: idsOf(evaluated),
      extrapolated: evaluated.some(({ evaluation }) => evaluation.trainedBudget !== null && budget > evaluation.trainedBudget),
      ...figuresAt(evaluated, budget),
      against: base === null ? null : differencesAt(evaluated, base, budget),
      cost: costOf(arm.runs),
    }
  }

  function curveOf(arm: Arm, metric: string, x: (typeof xAxes)[number], band: string, maxPoints: number): OverlayCurve {
    const all = arm.runIds.map((id): MetricSeries => open().steps.series(id, metric, Infinity)).filter(({ pointCount }) => pointCount > 0)
    const places = all.map(({ step }) => new Map(step.map((value, at) => [value, at])))
    const steps = (all[0]?.step ?? []).filter((step) => places.every((place) => place.has(step)))
    const valuesAt = (step: number, key: 'value' | typeof x): number[] => all.map((series, at) => series[key][places[at]!.get(step)!]!)
    const means = steps.map((step) => mean(valuesAt(step, 'value')))
    const kept = decimate(means, maxPoints)
    const spread = bandOf(band, kept.map((at) => valuesAt(steps[at]!, 'value')))
    return {
      ...face(arm), metric, exact: kept.length === steps.length,
      step: kept.map((at) => steps[at]!), x: kept.map((at) => mean(valuesAt(steps[at]!, x))), value: kept.map((at) => means[at]!),
      low: spread?.map(([low]) => low) ?? null, high: spread?.map(([, high]) => high) ?? null, n: kept.map(() => all.length),
    }
  }

  function pair(a: Evaluation, b: Evaluation, budget: number | null): PairedComparison {
    const pairs = open().evaluations.paired(a.id, b.id).map((each) => ({
      ...each, accuracyA: valueOf('accuracy', budget, a.budgets, each.a), accuracyB: valueOf('accuracy', budget, b.budgets, each.b),
    }))
    const column = (of: (each: (typeof pairs)[number]) => number): Float64Array[] => [Float64Array.from(pairs, of)]
    const none: Difference = { value: 0, low: null, high: null, n: 0, p: null }
    const [accuracy, meanTokens] = pairs.length === 0 ? [none, none] : (differencesOf([
      { own: column((each) => each.accuracyB), base: column((each) => each.accuracyA) },
      { own: column((each) => each.b.meanTokens), base: column((each) => each.a.meanTokens) },
    ]) as [Difference, Difference])
    return {
      evaluationA: a.id, evaluationB: b.id, budget,
      wins: pairs.filter((each) => each.accuracyB > each.accuracyA).length,
      losses: pairs.filter((each) => each.accuracyB < each.accuracyA).length,
      ties: pairs.filter((each) => each.accuracyB === each.accuracyA).length,
      accuracy,
      meanTokens,
      pairs,
    }
  }

  return {
    table({ runIds, budget, groupBy, baseline }) {
      const runs = runsOf(runIds)
      const start = startOf(runs)
      const arms = armsOf(runs, groupBy)
      const evaluated = new Map<Arm, Evaluated[]>()
      if (start !== null) evaluated.set({ key: 'start', title: 'Start', runIds: [], method: 'start', algorithm: 'none', runs: [] }, [read(start)])
      for (const arm of arms) evaluated.set(arm, evaluatedOf(arm))
      const base = baseline === null ? undefined : arms.find((arm) => arm.runIds.includes(baseline))
      if (baseline !== null && base === undefined) throw missing('run', baseline)
      return {
        budget,
        exact: [...evaluated.values()].flat().every(({ evaluation }) => evaluation.budgets.includes(budget)),
        comparator: 'oracle',
        baseline: base?.key ?? null,
        rows: [...evaluated].map(([arm, own]) => rowOf(arm, own, budget, base === undefined || arm === base ? null : evaluated.get(base)!)),
      }
    },

    curves: ({ runIds, metric, x, groupBy, band, maxPoints }) => armsOf(runsOf(runIds), groupBy).map((arm) => curveOf(arm, metric, x, band, maxPoints)),

    budgetCurves: ({ runIds, quantity, groupBy }) =>
      armsOf(runsOf(runIds), groupBy).map((arm) => {
        const evaluated = evaluatedOf(arm)
        const problems = common(evaluated)
        const budgets = evaluated.length === 0 ? [] : evaluated[0]!.evaluation.budgets.filter((budget) => evaluated.every(({ evaluation }) => evaluation.budgets.includes(budget)))
        const trained = evaluated.map(({ evaluation }) => evaluation.trainedBudget).filter((budget) => budget !== null)
        const trainedBudget = trained.length === 0 ? null : Math.min(...trained)
        const figures = remember(['budgets', uid(), idsOf(evaluated), quantity], () => figuresOf(budgets.map((budget) => table(evaluated, problems, quantity, budget))))
        return {
          ...face(arm),
          trainedBudget,
          points: figures.flatMap((figure, at): BudgetPoint[] => (figure === null ? [] : [{ ...figure, budget: budgets[at]!, extrapolated: trainedBudget !== null && budgets[at]! > trainedBudget }])),
        }
      }),

    map({ runIds, budget, groupBy }) {
      const runs = runsOf(runIds)
      const start = startOf(runs)
      const dot = (runId: number | null, evaluation: Evaluation) => {
        const results = open().evaluations.results(evaluation.id)
        const over = (quantity: Quantity): number => mean(results.map((result) => valueOf(quantity, budget, evaluation.budgets, result)))
        return results.length === 0 ? [] : [{ runId, evaluationId: evaluation.id, step: evaluation.step, tokens: over('meanTokens'), accuracy: over('accuracy'), regret: over('regret') }]
      }
      const ofRun = (run: Run) => open().evaluations.ofRun(run.id).filter(({ status }) => status === 'finished').flatMap((evaluation) => dot(run.id, evaluation))
      return {
        budget,
        paths: armsOf(runs, groupBy).map((arm) => ({ ...face(arm), dots: [...(start === null ? [] : dot(null, start)), ...arm.runs.flatMap(ofRun)] })),
        equalRegret: equalRegret(budget),
      }
    },

    wins({ a, b, budget }) {
      const [first, second] = runsOf([a, b]).map((run) => newestFinished(open().evaluations.ofRun(run.id)))
      return first === null || second === null ? null : pair(first!, second!, budget)
    },

    budgets({ runIds }) {
      const evaluations = runsOf(runIds).flatMap((run) => newestFinished(open().evaluations.ofRun(run.id)) ?? [])
      const trained = evaluations.flatMap(({ trainedBudget }) => trainedBudget ?? [])
      return {
        budgets: (evaluations[0]?.budgets ?? []).filter((budget) => evaluations.every(({ budgets }) => budgets.includes(budget))),
        trainedBudget: trained.length === 0 ? null : Math.min(...trained),
      }
    },

    paired: ({ a, b, budget }) => pair(found('evaluation', a, open().evaluations.get(a)), found('evaluation', b, open().evaluations.get(b)), budget),
  }
}

/**
 * Where a model would lie that is right with a chance a after t tokens and wrong before: A = a (1 - t / C), so that regret 1 - A is the
 * same along a = (1 - regret) / (1 - t / C). Lines end where they would need an accuracy above 1.
 */
export function equalRegret(budget: number): { regret: number; tokens: number[]; accuracy: number[] }[] {
  return REGRETS.map((regret) => {
    const tokens = Array.from({ length: LINE_POINTS + 1 }, (_, index) => (regret * budget * index) / LINE_POINTS)
    return { regret, tokens, accuracy: tokens.map((t) => (1 - regret) / (1 - t / budget)) }
  })
}

/** [low, high] at each point; null where a band says nothing, as for a single run. */
export function bandOf(band: string, points: readonly (readonly number[])[]): [number, number][] | null {
  const runs = points[0]?.length ?? 0
  if (band === 'none' || runs < 2) return null
  if (band === 'range') return points.map((values) => [Math.min(...values), Math.max(...values)])
  if (band === 'bootstrap') {
    const average = (_: Int32Array, seeds: Int32Array): number[] => points.map((values) => seeds.reduce((sum, seed) => sum + values[seed]!, 0) / seeds.length)
    return bootstrapCurve({ questions: 1, seeds: runs }, average, { seed: SEED, draws: DRAWS }).map(({ low, high }) => [low, high])
  }
  return points.map((values) => {
    const half = sampleDeviation(values) / (band === 'error' ? Math.sqrt(values.length) : 1)
    return [mean(values) - half, mean(values) + half]
  })
}
