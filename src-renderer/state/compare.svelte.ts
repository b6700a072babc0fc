/**
 * Runs side by side: which ones, at which budget, against which baseline. The address holds the choice. Everything that
 * depends on the budget is fetched once for every measured budget, the one on screen first, so that scrubbing only looks up.
 */
import type { BudgetCurveView, Client, CompareTable, MethodMap, PairedComparison } from '../../src-preload/contract.ts'
import { untrack } from 'svelte'
import { lab } from './client.svelte.ts'
import { isCancelled, isOutage, problemOf, type Problem } from './problem.ts'
import { reading } from './reading.svelte.ts'
import { place, type Params } from './route.svelte.ts'
import { runs } from './runs.svelte.ts'

/** Everything on the page that is scored at one budget. */
export interface Scored {
  readonly table: CompareTable
  readonly map: MethodMap
  /** b against a; null where one of the two has no evaluation, undefined while another pair is read. */
  readonly wins: PairedComparison | null | undefined
}

/** As a reading says it, for what is asked in an order of its own. */
export interface Answer<T> {
  readonly data: T | undefined
  readonly problem: Problem | null
}

/** More than twelve have no look of their own. */
const MOST = 12

export class CompareState {
  #params: () => Params<'compare'>
  scored: ReadonlyMap<number, Scored> = $state.raw(new Map())
  problem: Problem | null = $state.raw(null)
  #last: { readonly arms: string; readonly key: string; readonly scored: Scored } | null = null

  constructor(params: () => Params<'compare'>) {
    this.#params = params
    $effect(() => {
      const { runIds, by, baseline, pair, stops } = this
      if (lab.epoch === 0 || runIds.length === 0 || stops.length === 0) return
      void this.#key
      const abort = new AbortController()
      untrack(() => {
        this.scored = new Map()
        this.problem = null
        if (this.#curvesOf !== this.#armsKey) this.accuracy = this.regret = { data: undefined, problem: null }
        this.#curvesOf = this.#armsKey
        void this.#score(lab.client, { runIds, by, baseline, pair }, abort.signal)
      })
      return () => abort.abort()
    })
  }

  get params(): Params<'compare'> {
    return this.#params()
  }

  /** Those that can be compared when the address names none: finished ones, newest first, at most twelve configurations. */
  #default: readonly number[] = $derived.by(() => {
    const finished = runs.items.filter(({ run }) => run.status === 'finished')
    const groups = [...new Set(finished.map(({ run }) => run.groupKey))].slice(0, MOST)
    return finished.filter(({ run }) => groups.includes(run.groupKey)).map(({ run }) => run.id).sort((a, b) => a - b)
  })
  runIds: readonly number[] = $derived.by(() => (this.params.runs ?? this.#default).filter((id) => runs.byId.has(id)))
  by: 'run' | 'group' = $derived.by(() => this.params.by ?? 'group')
  /** What others are compared with: the chosen one, else the first run that is rewarded for the outcome alone, else the first. */
  baseline: number | null = $derived.by(() => {
    const { baseline } = this.params
    if (baseline !== undefined && this.runIds.includes(baseline)) return baseline
    return this.runIds.find((id) => runs.byId.get(id)?.run.algorithm === 'dr-grpo') ?? this.runIds[0] ?? null
  })
  /** The two whose wins and losses are listed: the baseline, and the last of the others. */
  pair: { readonly a: number; readonly b: number } | null = $derived.by(() => {
    const known = (id: number | undefined): id is number => id !== undefined && this.runIds.includes(id)
    const a = known(this.params.a) ? this.params.a : this.baseline
    const b = known(this.params.b) ? this.params.b : this.runIds.findLast((id) => id !== a)
    return a === null || b === undefined ? null : { a, b }
  })
  #armsKey = $derived([this.runIds.join(','), this.by].join(' '))
  #curvesOf = ''
  #key = $derived([this.runIds.join(','), this.by, this.baseline, this.pair?.a, this.pair?.b, lab.epoch].join(' '))

  /** A report: there are no rollouts behind the figures to open. */
  sealed = $derived(lab.info?.face === 'file')

  budgets = reading((client) => (this.runIds.length === 0 ? null : client.compare.budgets({ runIds: [...this.runIds] })), { nouns: ['evaluations'], keep: true })
  stops: readonly number[] = $derived(this.budgets.data?.budgets ?? [])
  trainedBudget = $derived(this.budgets.data?.trainedBudget ?? null)
  /** The measured budget nearest to the one asked for; without one, the budget trained with. */
  budget: number = $derived.by(() => {
    const asked = this.params.budget ?? this.trainedBudget ?? this.stops[Math.floor(this.stops.length / 2)] ?? 1
    return this.stops.reduce((best, stop) => (Math.abs(stop - asked) < Math.abs(best - asked) ? stop : best), this.stops[0] ?? asked)
  })

  /** What is on screen: scored at the budget, or the one before it until that is there. */
  shown: Scored | null = $derived.by(() => {
    const own = this.scored.get(this.budget)
    if (own !== undefined) {
      this.#last = { arms: this.#armsKey, key: this.#key, scored: own }
      return own
    }
    if (this.#last?.arms !== this.#armsKey) return null
    return this.#last.key === this.#key ? this.#last.scored : { ...this.#last.scored, wins: undefined }
  })
  /** The figures on screen are of another budget than the scrubber. */
  late = $derived(this.shown !== null && this.shown.table.budget !== this.budget)

  /** Accuracy and regret at every budget; asked for after the figures of the budget on screen, before those of the others. */
  accuracy: Answer<readonly BudgetCurveView[]> = $state.raw({ data: undefined, problem: null })
  regret: Answer<readonly BudgetCurveView[]> = $state.raw({ data: undefined, problem: null })

  evaluations = reading((client) => client.evaluations.list({}), { nouns: ['evaluations'] })
  descriptions = reading((client) => client.glossary.metrics())

  adjust(changes: Partial<Params<'compare'>>): void {
    place.adjust('compare', changes)
  }

  has = (id: number): boolean => this.runIds.includes(id)
  toggle(ids: readonly number[], on: boolean): void {
    const next = on ? [...new Set([...this.runIds, ...ids])].sort((a, b) => a - b) : this.runIds.filter((id) => !ids.includes(id))
    this.adjust({ runs: next })
  }

  /** One budget after the other, nearest to the one on screen first: the lab answers one question at a time. */
  async #score(client: Client, { runIds, by, baseline, pair }: Pick<CompareState, 'runIds' | 'by' | 'baseline' | 'pair'>, signal: AbortSignal): Promise<void> {
    const ids = [...runIds]
    const waiting = new Set(this.stops)
    let curvesAsked = false
    while (waiting.size > 0) {
      const budget = [...waiting].reduce((best, stop) => (Math.abs(stop - this.budget) < Math.abs(best - this.budget) ? stop : best))
      waiting.delete(budget)
      try {
        const [table, map, wins] = await Promise.all([
          client.compare.table({ runIds: ids, budget, groupBy: by, baseline }, { signal }),
          client.compare.map({ runIds: ids, budget, groupBy: by }, { signal }),
          pair === null ? null : client.compare.wins({ ...pair, budget }, { signal }),
        ])
        if (signal.aborted) return
        this.scored = new Map([...this.scored, [budget, { table, map, wins }]])
        if (curvesAsked) continue
        curvesAsked = true
        const [accuracy, regret] = await Promise.all((['accuracy', 'regret'] as const).map((quantity) => client.compare.budgetCurves({ runIds: ids, quantity, groupBy: by }, { signal })))
        if (signal.aborted) return
        this.accuracy = { data: accuracy, problem: null }
        this.regret = { data: regret, problem: null }
      } catch (error) {
        if (signal.aborted || isCancelled(error) || isOutage(error)) return
        this.problem = problemOf(error)
        for (const each of ['accuracy', 'regret'] as const) if (this[each].data === undefined) this[each] = { data: undefined, problem: this.problem }
        return
      }
    }
  }
}
