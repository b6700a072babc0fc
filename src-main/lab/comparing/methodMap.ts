// The map of accuracy and tokens: a dot for every evaluation of an arm, the way that its seeds took together, and curves of equal regret.
import type { Evaluation, MethodMap } from '../../../src-preload/contract.ts'
import { mean } from '../../numeric/stats.ts'
import { armsOf, face, newestFinished, startEvaluation, type Arm } from './compareArms.ts'
import { remembering, valueOf, type Quantity } from './compareFigures.ts'
import { curvesAgree, equalRegret, regretLevels } from './compareMap.ts'
import { MOST_RESULTS, type Chosen, type Comparing } from './compared.ts'

export function openMaps({ open, keyOf, runsOf }: Comparing) {
  const rememberDots = remembering<{
    readonly tokens: number
    readonly accuracy: (budget: number) => number
    readonly regret: (budget: number) => number
  } | null>(4 * MOST_RESULTS)
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

  return mapsOf
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
