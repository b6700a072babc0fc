// Two evaluations, or two arms, on the same problems: who wins where, and the paired difference.
import { EQUAL_WITHIN, type Difference, type Evaluation, type PairedArms, type PairedComparison } from '../../../src-preload/contract.ts'
import { mean } from '../../numeric/stats.ts'
import type { Evaluated } from './compareArms.ts'
import { valueOf, type Column } from './compareFigures.ts'
import { sharedBudgets, type Comparing } from './compared.ts'

const NONE: Difference = { value: 0, low: null, high: null, n: 0, p: null }

/** Two evaluations, pair by pair. */
export function pair({ open, read, figures }: Comparing, a: Evaluation, b: Evaluation, budget: number | null): PairedComparison {
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
export function pairArms({ open, figures }: Comparing, a: readonly Evaluated[], b: readonly Evaluated[]): PairedArms {
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
