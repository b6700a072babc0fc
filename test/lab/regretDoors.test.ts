// One evaluation read through every door says the same regret: its metrics, its curves, its results, the comparison, the report of the
// command line, and the analysis of its stored rollouts; within the budget trained with and beyond it.
import { afterAll, beforeAll, expect, it } from 'vitest'
import { compareQueries } from '../../src-main/lab/answers/queriesCompare.ts'
import { evaluateRun } from '../../src-main/lab/comparing/evaluateRun.ts'
import { compareReport } from '../../src-main/lab/comparing/report.ts'
import { thinkingQueries } from '../../src-main/lab/answers/queriesThinking.ts'
import { createRun } from '../../src-main/lab/training/createRun.ts'
import { trainRun } from '../../src-main/lab/training/trainRun.ts'
import { mean } from '../../src-main/numeric/stats.ts'
import { microSpec, openBench, type Bench } from './micro.ts'

let bench: Bench
beforeAll(async () => {
  bench = await openBench()
})
afterAll(() => bench.dispose())

it.each([undefined, 'completion', 'thinking'] as const)(
  'an evaluation that counts %s has one regret at a budget, whoever reads it',
  async (counted) => {
    const context = bench.open(`doors ${counted}`)
    try {
      const { store } = context
      const runId = await createRun(
        context,
        microSpec(
          'starter',
          { name: 'dr-grpo' },
          { steps: 1, evaluation: { problems: 6, samples: 3, budgets: [12, 24, 36, 72], ...(counted && { counted }) } },
        ),
      )
      await trainRun(context, runId)
      const evaluationId = await evaluateRun(context, { runId })
      const asked = { signal: new AbortController().signal } as never
      const { metrics, budgets } = store.evaluations.get(evaluationId)!
      const compare = compareQueries(() => store)
      const thinking = thinkingQueries(() => store, {} as never)
      const analysed = await thinking.regret({ scope: { evaluationId }, budgets: [...budgets], comparator: 'oracle', limit: 4000 }, asked)
      const tables = await compare.tables({ runIds: [runId], budgets: [...budgets], groupBy: 'group', baseline: null, step: null }, asked)
      const [curve] = await compare.budgetCurves({ runIds: [runId], quantity: 'regret', groupBy: 'group', step: null, start: false }, asked)
      const counting = await Promise.all(
        (['all', 'completion', 'thinking'] as const).map(async (each) => {
          const [at] = await thinking.regret(
            { scope: { evaluationId }, budgets: [24], counted: each, comparator: 'oracle', limit: 4000 },
            asked,
          )
          return [each, at!.value] as const
        }),
      )
      // What is counted makes a difference, and the more is counted the greater the regret.
      expect(counting.toSorted(([, a], [, b]) => b - a).map(([each]) => each)).toEqual(['all', 'completion', 'thinking'])
      expect(Object.fromEntries(counting)[counted ?? 'all']!.toFixed(5)).toBe(metrics['ttc/regret@24']!.toFixed(5))
      for (const budget of budgets) {
        const kept = budget > 24
        const expected = metrics[kept ? `ttc/kept_regret@${budget}` : `ttc/regret@${budget}`]!
        const at = budgets.indexOf(budget)
        const said = {
          curves: store.evaluations
            .points(evaluationId)
            .find(({ curve: name, x }) => name === (kept ? 'kept-regret' : 'natural-regret') && x === budget)!.value,
          results: mean(
            store.evaluations.results(evaluationId).map((result) => result[kept ? 'keptRegretAtBudget' : 'regretAtBudget'][at]!),
          ),
          compare: tables[at]!.rows.find((row) => row.runIds.includes(runId))!.regret!.value,
          compareCurve: curve![kept ? 'kept' : 'points'].find((point) => point.budget === budget)!.value,
          thinking: analysed.find((point) => point.budget === budget)!.value,
          report: compareReport(store, [runId], runId).runs[0]!.regret[String(budget)]!,
        }
        for (const [door, value] of Object.entries(said)) expect([door, value.toFixed(5)]).toEqual([door, expected.toFixed(5)])
      }
    } finally {
      context.close()
    }
  },
)
