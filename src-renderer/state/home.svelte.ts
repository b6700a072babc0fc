/**
 * What Home tells of a workspace: the configurations that were trained last, side by side at the budget they were trained to,
 * and where they come from. And the quickstart: the presets a newcomer compares first, over some seeds.
 */
import type { BudgetCurveView, CompareTable, Dataset, Model, RunListItem, RunSpec } from '../../src-preload/contract.ts'
import { estimateOf, startRuns, type TotalEstimate } from './newRun.svelte.ts'
import { reading, type Reading } from './reading.svelte.ts'
import { href, place } from './route.svelte.ts'
import { runs } from './runs.svelte.ts'
import { app } from './app.svelte.ts'

/** As many as a small figure can tell apart. */
const MOST_CONFIGURATIONS = 4

export interface Story {
  readonly table: CompareTable
  readonly curves: readonly BudgetCurveView[]
  readonly trainedBudget: number | null
  readonly models: readonly Model[]
  readonly datasets: readonly Dataset[]
}

/** The configurations finished last, newest first. */
export function newestConfigurations(groups: ReadonlyMap<string, readonly RunListItem[]>): readonly RunListItem[][] {
  return [...groups.values()]
    .map((items) => items.filter(({ run }) => run.status === 'finished' && run.method !== 'imported'))
    .filter(({ length }) => length > 0)
    .sort((a, b) => Math.max(...b.map(({ run }) => run.id)) - Math.max(...a.map(({ run }) => run.id)))
    .slice(0, MOST_CONFIGURATIONS)
    .reverse()
}

/** While a component is set up; nothing is asked before a run has finished. */
export function storyOf(configurations: () => readonly (readonly RunListItem[])[]): Reading<Story | null> {
  const wanted = $derived(JSON.stringify(configurations().flatMap((items) => items.map(({ run }) => run.id))))
  return reading(
    async (client) => {
      const runIds = JSON.parse(wanted) as number[]
      if (runIds.length === 0) return null
      const { budgets, trainedBudget } = await client.compare.budgets({ runIds })
      const budget = trainedBudget ?? budgets.at(-1)
      if (!budget) return null
      const [table, curves, models, datasets] = await Promise.all([
        client.compare.table({ runIds, budget, groupBy: 'group', baseline: 'start' }),
        client.compare.budgetCurves({ runIds, quantity: 'accuracy', groupBy: 'group', start: true }),
        client.models.list(),
        client.datasets.list(),
      ])
      return { table, curves, trainedBudget, models, datasets }
    },
    { nouns: ['evaluations'], keep: true },
  )
}

export class Quickstart {
  steps: number | null = $state(null)
  seeds = $state(1)
  starting = $state(false)
  readonly #presets = reading((client) => client.presets.list())
  presets = $derived.by(() => (this.#presets.data ?? []).filter(({ quickstart }) => quickstart))
  defaultSteps = $derived.by(() => this.presets[0]?.spec.steps ?? null)
  #chosenSteps = $derived(this.steps ?? this.defaultSteps)
  #firstSeed: readonly RunSpec[] = $derived.by(() =>
    this.#chosenSteps === null ? [] : this.presets.map(({ spec }) => ({ ...spec, steps: this.#chosenSteps as number })),
  )
  readonly #estimate = estimateOf(
    () => this.#firstSeed,
    () => this.seeds,
  )

  get total(): TotalEstimate | null {
    return this.#estimate.total
  }
  get busy(): boolean {
    return this.#estimate.reading.busy
  }

  async start(): Promise<void> {
    this.starting = true
    const specs = Array.from({ length: this.seeds }, (_, i) => this.#firstSeed.map((spec) => ({ ...spec, seed: spec.seed + i }))).flat()
    const started = await startRuns(specs)
    this.starting = false
    if (!started) return
    runs.again()
    place.go(href('run', { runId: started[0].id }))
    app.say({
      tone: 'good',
      title: `${started.length} runs are queued`,
      text: 'The first starts now. When all have finished, compare them.',
      action: 'All runs',
      act: () => place.go(href('runs')),
    })
  }
}
