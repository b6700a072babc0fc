/**
 * Where a reader of rollouts is, and the ways from there: run, step, prompt group, sample, or a filtered list. The address holds
 * it all, so that Back, reload and a copied link show the same sample; this class only reads it, asks the lab, and moves.
 */
import type { MetricSeries, Rollout, RolloutFilter } from '../../src-preload/contract.ts'
import { app } from './app.svelte.ts'
import { lab } from './client.svelte.ts'
import { reading } from './reading.svelte.ts'
import { place, rolloutFilterOf, type Params } from './route.svelte.ts'
import { runs } from './runs.svelte.ts'

/** Curves that lead to rollouts worth reading, first the ones that most runs have. */
const trendNames = [
  'reward',
  'rewards/outcome/mean',
  'completions/mean_length',
  'mrt/progress_mean',
  'mrt/episodes_mean',
  'frac_reward_zero_std',
] as const

/** What narrows a list beyond run, step and group. */
const narrowing = ['problem', 'correct', 'used', 'finish', 'kept', 'reward', 'tokens', 'progress', 'text', 'steps', 'phase'] as const
type Narrowing = { -readonly [K in (typeof narrowing)[number]]?: Params<'rollouts'>[K] }
const nothingNarrowed = Object.fromEntries(narrowing.map((key) => [key, undefined])) as Narrowing

/** One prompt group: of a step of a run, or of an evaluation. */
export interface Place {
  readonly run: number | undefined
  readonly evaluation: number | undefined
  readonly step: number | undefined
  readonly group: number | undefined
}

const placeOf = ({ runId, evaluationId, step, group }: Rollout): Place =>
  evaluationId === null
    ? { run: runId ?? undefined, evaluation: undefined, step, group }
    : { run: undefined, evaluation: evaluationId, step: undefined, group }

const PAGE = 200

/** Call while the page is set up: its readings end with it. */
export class RolloutsState {
  #params: () => Params<'rollouts'>
  #turn = 0
  episode: number | null = $state(null)
  sort: 'place' | 'reward' | 'tokens' | 'progress' | 'overthink' = $derived.by(() => this.params.sort ?? 'place')
  /** The step that was asked for where it kept no rollouts, so that the page can say that another one is shown. */
  instead: number | null = $state(null)
  /** There is a run, but not one rollout of it. */
  bare = $state(false)

  constructor(params: () => Params<'rollouts'>) {
    this.#params = params
    // The address names a sample, also when only its run, step or group was asked for.
    $effect(() => {
      const { rollout, run, evaluation, step, group } = this.params
      const of = run ?? (evaluation === undefined ? this.#default : undefined)
      if (rollout !== undefined || this.narrowed || lab.epoch === 0) return
      if (evaluation !== undefined) void this.#enter({ evaluation }, undefined, group ?? 0, 0)
      else if (of !== undefined) void this.#enter({ run: of }, step ?? Number.MAX_SAFE_INTEGER, group ?? 0, 0)
    })
    $effect(() => {
      const { id } = this
      if (this.narrowed && this.params.rollout === undefined && id !== undefined) place.adjust('rollouts', { rollout: id })
    })
    $effect(() => {
      void this.id
      this.episode = null
    })
  }

  get params(): Params<'rollouts'> {
    return this.#params()
  }

  narrowed = $derived.by(() => narrowing.some((key) => this.params[key] !== undefined) || this.params.sort !== undefined)
  filter: RolloutFilter = $derived.by(() => rolloutFilterOf(this.params))

  /** The run shown when the address names nothing: the newest that has rollouts. */
  #default = $derived(runs.items.find(({ rolloutCount }) => rolloutCount > 0)?.run.id)

  /** Stays while the next sample of a list is read. */
  #before: Place | null = null
  where: Place | null = $derived.by(() => {
    const { run, evaluation, step, group, rollout } = this.params
    const whole = evaluation === undefined ? run !== undefined && step !== undefined && group !== undefined : group !== undefined
    if (rollout !== undefined && !whole) {
      const known = this.current.data?.detail.rollout
      if (known?.id === rollout) this.#before = placeOf(known)
      return this.#before
    }
    if (rollout !== undefined)
      return { run: evaluation === undefined ? run : undefined, evaluation, step: evaluation === undefined ? step : undefined, group }
    const first = this.narrowed ? this.found.data?.rollouts[0] : undefined
    return first === undefined ? null : placeOf(first)
  })

  // The parts of the place one by one, so that a move within a group asks for nothing again.
  runId = $derived(this.where?.run)
  evaluationId = $derived(this.where?.evaluation)
  step = $derived(this.where?.step)
  group = $derived(this.where?.group)
  run = $derived(this.runId === undefined ? undefined : runs.byId.get(this.runId)?.run)

  evaluations = reading((client) => client.evaluations.list({}), { nouns: ['evaluations'] })
  evaluation = $derived(this.evaluations.data?.find(({ id }) => id === this.evaluationId))
  descriptions = reading((client) => client.glossary.metrics())

  trend = reading<readonly MetricSeries[]>(
    (client) => {
      if (this.runId === undefined) return null
      void this.run?.lastStep
      return client.runs
        .series({ runId: this.runId, metrics: [...trendNames] })
        .then((all) => all.filter(({ pointCount }) => pointCount > 0))
    },
    { keep: true },
  )

  groups = reading(
    (client) => {
      const { runId, step, evaluationId } = this
      if (evaluationId !== undefined) return client.groups.list({ evaluationId })
      return runId === undefined || step === undefined ? null : client.groups.list({ runId, step })
    },
    { keep: true },
  )

  #groupKey = $derived([this.runId, this.evaluationId, this.step, this.group].join(' '))
  /** The samples of a group, and which group that is. */
  samples = reading(
    (client) => {
      const { runId, evaluationId, step, group } = this
      const key = this.#groupKey
      if (group === undefined || (evaluationId === undefined && (runId === undefined || step === undefined))) return null
      const filter: RolloutFilter = evaluationId === undefined ? { runId, steps: [step!, step!], group } : { evaluationId, group }
      return client.rollouts
        .query({ filter, sort: 'place', descending: false, limit: 1000, after: null })
        .then(({ rollouts }) => ({ key, rollouts }))
    },
    { keep: true },
  )
  /** The group on screen; the one before stays until the next is there. */
  members: readonly Rollout[] = $derived(this.samples.data?.rollouts ?? [])

  found = reading(
    (client) => {
      if (!this.narrowed) return null
      const { sort = 'place', descending = false } = this.params
      return client.rollouts.query({ filter: this.filter, sort, descending, limit: PAGE, after: null })
    },
    { nouns: ['rollouts'] },
  )

  /** What n and p walk through; empty while another group is read. */
  list: readonly Rollout[] = $derived.by(() => {
    if (this.narrowed) return this.found.data?.rollouts ?? []
    return this.samples.data?.key === this.#groupKey ? this.samples.data.rollouts : []
  })
  id: number | undefined = $derived.by(() => this.params.rollout ?? (this.narrowed ? this.found.data?.rollouts[0]?.id : undefined))
  index = $derived(this.list.findIndex(({ id }) => id === this.id))

  current = reading((client) => (this.id === undefined ? null : client.rollouts.get({ rolloutId: this.id })), { keep: true })

  /** Steps that kept rollouts; a run may have kept those of some steps only. */
  kept = reading((client) => (this.runId === undefined ? null : client.rollouts.steps({ runId: this.runId })), {
    nouns: ['rollouts'],
    keep: true,
  })
  /** The nearest of them on either side; undefined until they are known. */
  before = $derived(this.kept.data && (this.kept.data.findLast((each) => this.step !== undefined && each < this.step) ?? null))
  after = $derived(this.kept.data && (this.kept.data.find((each) => this.step !== undefined && each > this.step) ?? null))
  lastStep = $derived(this.run?.lastStep ?? this.trend.data?.[0]?.step.at(-1) ?? 0)
  /** How many groups the step (or evaluation) has. */
  groupCount = $derived(this.groups.data?.length ?? 0)

  // ------------------------------------------------------------------------------------------------------------- moving

  #go(changes: Partial<Params<'rollouts'>>): void {
    place.adjust('rollouts', { ...changes })
  }

  open(rollout: Rollout): void {
    this.#go(this.narrowed ? { rollout: rollout.id } : { ...placeOf(rollout), rollout: rollout.id })
  }

  /** Opens a rollout where it stands, leaving any filter; in the view on screen unless one is named. */
  openAtHome(rollout: Rollout, view?: Params<'rollouts'>['view']): void {
    this.#go({
      ...nothingNarrowed,
      sort: undefined,
      descending: undefined,
      ...placeOf(rollout),
      rollout: rollout.id,
      ...(view && { view }),
    })
  }

  toSource(source: { readonly run?: number; readonly evaluation?: number }): void {
    void this.#enter(source, source.evaluation === undefined ? Number.MAX_SAFE_INTEGER : undefined, 0, 0)
  }

  /** The same group and sample of another step; of the newest that kept rollouts where that one kept none. */
  toStep(step: number): void {
    if (this.runId !== undefined) void this.#enter({ run: this.runId }, step, this.group ?? 0, Math.max(0, this.narrowed ? 0 : this.index))
  }

  toGroup(group: number, sample = 0): void {
    void this.#enter(this.evaluationId === undefined ? { run: this.runId } : { evaluation: this.evaluationId }, this.step, group, sample)
  }

  /** Finds the sample nearest to what was asked, then moves there; until then what is on screen stays. */
  async #enter(
    { run, evaluation }: { readonly run?: number; readonly evaluation?: number },
    step: number | undefined,
    group: number,
    sample: number,
  ): Promise<void> {
    const turn = ++this.#turn
    const ask = (filter: RolloutFilter, descending = false, limit = 1) =>
      lab.client.rollouts.query({ filter, sort: 'place', descending, limit, after: null }).then(({ rollouts }) => rollouts)
    const found = await app.attempt(async () => {
      if (evaluation !== undefined)
        return (await ask({ evaluationId: evaluation, group }, false, 1000)).at(0)
          ? ask({ evaluationId: evaluation, group }, false, 1000)
          : ask({ evaluationId: evaluation })
      if (run === undefined || step === undefined) return []
      const [kept] = [...(await ask({ runId: run, steps: [null, step] }, true)), ...(await ask({ runId: run, steps: [step, null] }))]
      if (kept === undefined) return []
      const members = await ask({ runId: run, steps: [kept.step, kept.step], group }, false, 1000)
      return members.length > 0 ? members : ask({ runId: run, steps: [kept.step, kept.step] })
    })
    if (turn !== this.#turn || found === undefined) return
    const to = found[Math.min(sample, found.length - 1)]
    this.bare = to === undefined
    if (to === undefined) return
    this.instead = step === undefined || step === to.step || step === Number.MAX_SAFE_INTEGER ? null : step
    this.openAtHome(to)
  }

  /** The next (1) or previous (-1) sample; past the end of a group, the next group. */
  move(by: 1 | -1): void {
    const next = this.list[this.index + by]
    if (next !== undefined) return this.open(next)
    if (this.narrowed) return
    const groups = this.groups.data ?? []
    const at = groups.findIndex(({ group }) => group === this.group)
    const neighbour = groups[at + by]
    if (neighbour !== undefined) this.toGroup(neighbour.group, by === 1 ? 0 : Number.MAX_SAFE_INTEGER)
  }

  toEnd(which: 'first' | 'last'): void {
    const to = this.list.at(which === 'first' ? 0 : -1)
    if (to !== undefined) this.open(to)
  }

  narrow(changes: Narrowing & Pick<Params<'rollouts'>, 'sort' | 'descending' | 'run' | 'evaluation' | 'step'>): void {
    this.#go({ step: undefined, group: undefined, rollout: undefined, run: this.runId, evaluation: this.evaluationId, ...changes })
  }

  widen(): void {
    this.#go({ ...nothingNarrowed, sort: undefined, descending: undefined, ...(this.where ?? {}), rollout: this.id, list: undefined })
  }
}
