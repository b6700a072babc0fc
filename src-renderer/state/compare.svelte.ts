/**
 * Runs side by side: which ones, at which budget and training step, against which baseline. The address holds the choice.
 * Everything that depends on the budget comes for every measured budget at once, so that scrubbing only looks up.
 */
import type { CompareTable, MethodMap, Run } from '../../src-preload/contract.ts'
import { untrack } from 'svelte'
import { lab } from './client.svelte.ts'
import { reading } from './reading.svelte.ts'
import { place, type Params } from './route.svelte.ts'
import { runs } from './runs.svelte.ts'

/** A run, or the weights that all start from. */
export type ArmId = number | 'start'

/** Runs that stand in one row: one alone, or the seeds of one configuration. */
export interface ChosenArm {
  /** Its first run. */
  readonly id: number
  readonly title: string
  readonly runs: readonly Run[]
}

/** More than twelve have no look of their own. */
const MOST = 12

const nearest = (stops: readonly number[], to: number): number =>
  stops.reduce((best, stop) => (Math.abs(stop - to) < Math.abs(best - to) ? stop : best), stops[0] ?? to)
const scoredAt = <T extends { readonly budget: number }>(all: readonly T[] | undefined, budget: number): T | null =>
  all?.find((each) => each.budget === budget) ?? all?.[0] ?? null

export class CompareState {
  #params: () => Params<'compare'>

  constructor(params: () => Params<'compare'>) {
    this.#params = params
  }

  get params(): Params<'compare'> {
    return this.#params()
  }

  /** Those that can be compared when the address names none: finished ones, newest first, at most twelve configurations. */
  #default: readonly number[] = $derived.by(() => {
    const finished = runs.items.filter(({ run }) => run.status === 'finished' && run.method !== 'imported')
    const groups = [...new Set(finished.map(({ run }) => run.groupKey))].slice(0, MOST)
    return finished
      .filter(({ run }) => groups.includes(run.groupKey))
      .map(({ run }) => run.id)
      .sort((a, b) => a - b)
  })
  // Every change of the address makes new parameters; texts and numbers stay equal, so what is asked of the lab follows from those.
  #chosen = $derived((this.params.runs ?? this.#default).filter((id) => runs.byId.has(id)).join())
  runIds: readonly number[] = $derived(this.#chosen === '' ? [] : this.#chosen.split(',').map(Number))
  by: 'run' | 'group' = $derived.by(() => this.params.by ?? 'group')
  arms: readonly ChosenArm[] = $derived.by(() => {
    const chosen = this.runIds.flatMap((id) => runs.byId.get(id)?.run ?? [])
    return [...Map.groupBy(chosen, (run) => (this.by === 'run' ? String(run.id) : run.groupKey)).values()].map((members) => ({
      id: members[0].id,
      title: this.#titles.get(members[0].id) ?? members[0].name,
      runs: members,
    }))
  })
  /** What the lab calls each arm, by its first run: names that are shared come with what tells them apart. */
  #titles: ReadonlyMap<number, string> = $derived.by(
    () =>
      new Map((this.headline.data?.rows ?? []).flatMap(({ runIds, title }) => (runIds.length === 0 ? [] : [[runIds[0], title] as const]))),
  )
  /** The arm that a run stands in. */
  armOf = (id: ArmId | null | undefined): ChosenArm | null => this.arms.find((arm) => arm.runs.some((run) => run.id === id)) ?? null
  titleOf = (id: ArmId | null | undefined): string => (id === 'start' ? 'Start' : (this.armOf(id)?.title ?? '–'))

  /** What others are compared with: the chosen one, else the first run that is rewarded for the outcome alone, else the first. */
  baseline: ArmId | null = $derived.by(() => {
    const { baseline } = this.params
    if (baseline === 'start' || (baseline !== undefined && this.runIds.includes(baseline))) return baseline
    return this.runIds.find((id) => runs.byId.get(id)?.run.algorithm === 'dr-grpo') ?? this.runIds[0] ?? null
  })
  /** The two whose wins and losses are listed: the baseline, and the last of the others. */
  #sides = $derived.by(() => {
    const first = (id: ArmId | undefined): ArmId | null => (id === 'start' ? id : (this.armOf(id)?.id ?? null))
    const a = first(this.params.a) ?? first(this.baseline ?? undefined)
    const b = first(this.params.b) ?? this.arms.findLast(({ id }) => id !== a)?.id ?? null
    return a === null || b === null || a === b ? '' : `${a},${b}`
  })
  pair: { readonly a: ArmId; readonly b: ArmId } | null = $derived.by(() => {
    if (this.#sides === '') return null
    const [a, b] = this.#sides.split(',').map((side): ArmId => (side === 'start' ? side : Number(side)))
    return { a, b }
  })

  /** A report: there are no rollouts behind the figures to open. */
  sealed = $derived(lab.info?.face === 'file')

  budgets = reading((client) => (this.runIds.length === 0 ? null : client.compare.budgets({ runIds: [...this.runIds] })), {
    nouns: ['evaluations'],
    keep: true,
  })
  stops: readonly number[] = $derived(this.budgets.data?.budgets ?? [])
  trainedBudget = $derived(this.budgets.data?.trainedBudget ?? null)
  /** The measured budget nearest to the one asked for; without one, the budget trained with. */
  budget: number = $derived.by(() =>
    nearest(this.stops, this.params.budget ?? this.trainedBudget ?? this.stops[Math.floor(this.stops.length / 2)] ?? 1),
  )
  /** Training step as of which the page is read; null: the newest of each run. */
  step: number | null = $derived(this.params.step ?? null)

  /** Accuracy at which tokens are counted; null: what all arms reach. */
  level: number | null = $derived(this.params.level ?? null)

  #scope = $derived({ runIds: [...this.runIds], groupBy: this.by, step: this.step })
  #asks = $derived(this.runIds.length > 0 && this.stops.length > 0)
  /** The budget on screen alone: what is looked at first waits for no other. */
  headline = reading(
    (client, signal) =>
      this.#asks ? client.compare.table({ ...this.#scope, budget: untrack(() => this.budget), baseline: this.baseline }, { signal }) : null,
    { nouns: ['evaluations'], keep: true },
  )
  tables = reading(
    (client, signal) =>
      this.#asks ? client.compare.tables({ ...this.#scope, budgets: [...this.stops], baseline: this.baseline }, { signal }) : null,
    { nouns: ['evaluations'], keep: true },
  )
  /** The headline is there, or there is none to wait for: what lies below it may be asked for. */
  scored = $derived(
    this.runIds.length > 0 &&
      (this.headline.data !== undefined || this.headline.problem !== null || (this.budgets.data !== undefined && this.stops.length === 0)),
  )
  #below = $derived(this.#asks && this.scored)
  accuracy = reading(
    (client, signal) =>
      this.#below ? client.compare.budgetCurves({ ...this.#scope, quantity: 'accuracy', start: true }, { signal }) : null,
    { nouns: ['evaluations'], keep: true },
  )
  regret = reading(
    (client, signal) => (this.#below ? client.compare.budgetCurves({ ...this.#scope, quantity: 'regret', start: true }, { signal }) : null),
    { nouns: ['evaluations'], keep: true },
  )
  maps = reading((client, signal) => (this.#below ? client.compare.maps({ ...this.#scope, budgets: [...this.stops] }, { signal }) : null), {
    nouns: ['evaluations'],
    keep: true,
  })
  pairs = reading(
    (client, signal) =>
      this.#below && this.pair !== null
        ? client.compare.pairs({ a: this.#runIdsOf(this.pair.a), b: this.#runIdsOf(this.pair.b), step: this.step }, { signal })
        : null,
    { nouns: ['evaluations'], keep: true },
  )
  tokensFor = reading(
    (client, signal) =>
      this.#below ? client.compare.tokensFor({ ...this.#scope, accuracy: this.level, baseline: this.baseline }, { signal }) : null,
    { nouns: ['evaluations'], keep: true },
  )
  descriptions = reading((client) => client.glossary.metrics())

  #runIdsOf = (id: ArmId): number[] => this.armOf(id)?.runs.map((run) => run.id) ?? []

  table: CompareTable | null = $derived(
    this.tables.data === undefined ? (this.headline.data ?? null) : scoredAt(this.tables.data, this.budget),
  )
  map: MethodMap | null = $derived(scoredAt(this.maps.data, this.budget))
  /** The figures on screen are of what was chosen before; the new ones are on their way. */
  late = $derived(this.table !== null && (this.tables.busy ? this.tables.data !== undefined || this.table.budget !== this.budget : false))
  hasStart = $derived(this.table?.rows.some(({ key }) => key === 'start') ?? false)
  /** Steps with an evaluation, the start's first: where the slider of steps stops. */
  steps: readonly number[] = $derived(
    [...new Set([...(this.hasStart ? [0] : []), ...(this.budgets.data?.steps ?? [])])].sort((a, b) => a - b),
  )

  adjust(changes: Partial<Params<'compare'>>): void {
    place.adjust('compare', changes)
  }

  has = (id: number): boolean => this.runIds.includes(id)
  toggle(ids: readonly number[], on: boolean): void {
    const next = on ? [...new Set([...this.runIds, ...ids])].sort((a, b) => a - b) : this.runIds.filter((id) => !ids.includes(id))
    this.adjust({ runs: next })
  }
}
