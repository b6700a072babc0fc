// The headline table: of every arm and token budget accuracy, regret and tokens with intervals, what it is against the baseline, and what it cost.
import type { CompareRow, CompareTable, Difference, Figure, Run } from '../../../src-preload/contract.ts'
import type { Store } from '../../store/openStore.ts'
import { confoundsOf, face, type Evaluated } from './compareArms.ts'
import type { Column } from './compareFigures.ts'
import type { Compared, Comparing } from './compared.ts'

const scoredAt = (budget: number | null): Column[] =>
  (['accuracy', 'regret', 'meanTokens'] as const).map((quantity) => ({ quantity, budget }))
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

function costOf({ steps }: Store, runs: readonly Run[]): CompareRow['cost'] {
  const totals = runs.map(({ id }) => steps.totals(id))
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
export function rowsOf(
  { open, figures }: Comparing,
  { arm, evaluated }: Compared['arms'][number],
  budgets: readonly number[],
  base: Compared['base'],
): CompareRow[] {
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
    cost: costOf(open(), arm.runs),
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

/** One table out of the rows at its budget. */
export function tableOf(budget: number, { arms, base }: Compared, rows: CompareRow[]): CompareTable {
  return {
    budget,
    exact: arms.flatMap(({ evaluated }) => evaluated).every(({ evaluation }) => evaluation.budgets.includes(budget)),
    comparator: 'oracle',
    baseline: base?.arm.key ?? null,
    rows,
    confounds: confoundsOf(arms.map(({ arm }) => arm)),
  }
}
