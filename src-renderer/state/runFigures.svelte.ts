/**
 * The figures beside runs in a list: accuracy, regret and tokens at a budget, with their intervals and, where a baseline is
 * pinned, the paired differences. All of it is the lab's. Intervals take it a while, so a few runs are asked for at a time,
 * what is known appears at once, and nothing is asked twice while the evaluations stay the same.
 */
import type { CompareRow, Evaluation, OverlayCurve } from '../../src-preload/contract.ts'
import { untrack } from 'svelte'
import { lab } from './client.svelte.ts'
import { isCancelled, isOutage, problemOf, type Problem } from './problem.ts'
import { reading, type Reading } from './reading.svelte.ts'

export interface FiguresQuestion {
  /** One list of run ids per line: a run alone, or the seeds of a configuration. */
  readonly arms: readonly (readonly number[])[]
  readonly by: 'run' | 'group'
  /** The arm that the others are compared with. */
  readonly baseline: readonly number[] | null
}

export interface RunFigures {
  /** Budget of the figures: the one that the newest evaluated run was trained to; null before anything was evaluated. */
  readonly budget: number | null
  readonly byRun: ReadonlyMap<number, CompareRow>
  /** More is on its way. */
  readonly busy: boolean
  /** Which evaluations there are is not known yet. */
  readonly loading: boolean
  readonly problem: Problem | null
}

const RUNS_AT_ONCE = 4
/** As much as a few screens of a long list need. */
const MOST_KEPT = 2000
const known = new Map<string, CompareRow>()

/** The newest finished evaluation of each run on held-out problems. */
export function newestEvaluations(evaluations: readonly Evaluation[]): ReadonlyMap<number, Evaluation> {
  const newest = new Map<number, Evaluation>()
  for (const evaluation of evaluations) {
    if (evaluation.runId === null || evaluation.status !== 'finished' || evaluation.split !== 'heldout') continue
    const other = newest.get(evaluation.runId)
    if (
      other === undefined ||
      (evaluation.step ?? 0) > (other.step ?? 0) ||
      ((evaluation.step ?? 0) === (other.step ?? 0) && evaluation.id > other.id)
    )
      newest.set(evaluation.runId, evaluation)
  }
  return newest
}

/** Arms in parts of about `most` runs, whole arms together. */
export function inParts(arms: readonly (readonly number[])[], most: number): (readonly number[])[][] {
  const parts: (readonly number[])[][] = []
  let room = 0
  for (const arm of arms) {
    if (room < arm.length || parts.length === 0) {
      parts.push([])
      room = most
    }
    parts.at(-1)?.push(arm)
    room -= arm.length
  }
  return parts
}

class LiveRunFigures implements RunFigures {
  readonly #evaluations: Reading<readonly Evaluation[]>
  #newest = $derived.by(() => newestEvaluations(this.#evaluations.data ?? []))
  budget: number | null = $derived.by(() => {
    const newest = [...this.#newest.values()].reduce<Evaluation | null>(
      (best, each) => (best === null || each.id > best.id ? each : best),
      null,
    )
    return newest === null ? null : (newest.trainedBudget ?? newest.budgets.at(-1) ?? null)
  })
  byRun: ReadonlyMap<number, CompareRow> = $state.raw(new Map())
  busy = $state(false)
  loading: boolean = $derived.by(() => this.#evaluations.status === 'loading')
  problem: Problem | null = $state.raw(null)

  constructor(question: () => FiguresQuestion) {
    this.#evaluations = reading((client) => client.evaluations.list(), { nouns: ['evaluations'] })
    // What is asked is compared as text, so that a list that was made anew with the same runs asks nothing again.
    const asked = $derived(JSON.stringify(question()))
    $effect(() => {
      const { arms, by, baseline } = JSON.parse(asked) as FiguresQuestion
      const budget = this.budget
      const newest = this.#newest
      void lab.epoch
      const state = (arm: readonly number[]) => arm.map((id) => `${id}:${newest.get(id)?.id ?? ''}`).join(' ')
      const keyOf = (arm: readonly number[]) => `${budget} ${by} ${state(arm)} / ${baseline ? state(baseline) : ''}`
      const evaluated = budget === null ? [] : arms.filter((arm) => arm.some((id) => newest.has(id)))
      const abort = new AbortController()
      untrack(() => {
        this.#show(evaluated.flatMap((arm) => known.get(keyOf(arm)) ?? []))
        const missing = evaluated.filter((arm) => !known.has(keyOf(arm)))
        if (missing.length > 0 && budget !== null) void this.#fetch(missing, { budget, by, baseline, keyOf, signal: abort.signal })
      })
      return () => abort.abort()
    })
  }

  #show(rows: readonly CompareRow[]): void {
    this.byRun = new Map(rows.flatMap((row) => row.runIds.map((id) => [id, row] as const)))
  }

  async #fetch(
    arms: readonly (readonly number[])[],
    {
      budget,
      by,
      baseline,
      keyOf,
      signal,
    }: Omit<FiguresQuestion, 'arms'> & {
      readonly budget: number
      readonly keyOf: (arm: readonly number[]) => string
      readonly signal: AbortSignal
    },
  ): Promise<void> {
    this.busy = true
    this.problem = null
    try {
      for (const part of inParts(arms, RUNS_AT_ONCE)) {
        const runIds = [...new Set([...part.flat(), ...(baseline ?? [])])]
        const { rows } = await lab.client.compare.table({ runIds, budget, groupBy: by, baseline: baseline?.[0] ?? null }, { signal })
        const found = part.flatMap((arm) => {
          const row = rows.find((each) => each.runIds.includes(arm[0]))
          return row ? [[keyOf(arm), row] as const] : []
        })
        if (known.size > MOST_KEPT) known.clear()
        for (const [key, row] of found) known.set(key, row)
        if (signal.aborted) return
        this.#show([...new Set([...this.byRun.values(), ...found.map(([, row]) => row)])])
      }
      this.busy = false
    } catch (error) {
      if (isCancelled(error) || signal.aborted) return
      this.busy = false
      if (!isOutage(error)) this.problem = problemOf(error)
    }
  }
}

/** While a component is set up. */
export const runFigures = (question: () => FiguresQuestion): RunFigures => new LiveRunFigures(question)

/** Mean curves of a metric over the seeds of configurations, for word-sized lines; empty when there is nothing to average. */
export const meanCurves = (runIds: () => readonly number[], metric: string): Reading<readonly OverlayCurve[]> => {
  const asked = $derived(JSON.stringify(runIds()))
  return reading(
    (client) => {
      const ids = JSON.parse(asked) as number[]
      return ids.length === 0 ? null : client.compare.curves({ runIds: ids, metric, groupBy: 'group', band: 'none', maxPoints: 64 })
    },
    { keep: true },
  )
}
