/**
 * Which rollouts are looked at on the Thinking page, and what regret is taken against there. The address holds the choice; what
 * every view needs (what was measured, by whom, at which budgets) is read once here, each view reads the rest itself.
 */
import { countedIn } from '../../src-preload/contract.ts'
import type { Client, ComparatorName, Counted, Evaluation, Prover, Run, ThinkingScope } from '../../src-preload/contract.ts'
import { app } from './app.svelte.ts'
import { lab } from './client.svelte.ts'
import { isCancelled, problemOf, type Problem } from './problem.ts'
import { evaluationTitle } from './evaluationTitle.ts'
import { reading, type Reading } from './reading.svelte.ts'
import { place, type Params } from './route.svelte.ts'
import { runs } from './runs.svelte.ts'

export const views = ['regret', 'calibration', 'segmentation', 'slices'] as const
export type View = (typeof views)[number]

/** An answer with the question it belongs to, so that one of other rollouts is never shown as theirs. */
export interface Asked<T> {
  readonly key: string
  readonly answer: T
}

export interface Source {
  readonly value: string
  readonly title: string
  readonly group: 'Evaluations' | 'Training' | 'Imported'
}

/** Where neither an evaluation nor a run says which budgets matter. */
const usualBudgets = [12, 24, 36, 48, 64, 80, 100, 120, 180, 240, 360]
const isBudgets = (value: unknown): value is number[] =>
  Array.isArray(value) && value.length > 0 && value.every((each) => typeof each === 'number' && each > 0)
const at = (value: unknown, ...path: readonly string[]): unknown =>
  path.reduce<unknown>(
    (inner, key) => (typeof inner === 'object' && inner !== null ? (inner as Record<string, unknown>)[key] : undefined),
    value,
  )

/** Call while the page is set up. */
export class ThinkingState {
  #params: () => Params<'thinking'>

  constructor(params: () => Params<'thinking'>) {
    this.#params = params
  }

  get params(): Params<'thinking'> {
    return this.#params()
  }

  evaluations = reading((client) => client.evaluations.list({}), { nouns: ['evaluations', 'workspace'] })
  #finished: readonly Evaluation[] = $derived.by(() => (this.evaluations.data ?? []).filter(({ status }) => status === 'finished'))

  sources: readonly Source[] = $derived.by(() => [
    ...this.#finished.map((evaluation): Source => ({
      value: `evaluation ${evaluation.id}`,
      title: evaluationTitle(evaluation),
      group: 'Evaluations',
    })),
    ...runs.items
      .filter(({ rolloutCount }) => rolloutCount > 0)
      .map(({ run }): Source => ({
        value: `run ${run.id}`,
        title: run.method === 'imported' ? run.name : runs.title(run),
        group: run.method === 'imported' ? 'Imported' : 'Training',
      })),
  ])
  /** Everything that the choice of rollouts needs is there. */
  ready = $derived.by(() => this.evaluations.status !== 'loading' && runs.status !== 'loading')

  /** The newest evaluation of a run, else the newest run with rollouts. */
  #default: Pick<ThinkingScope, 'runId' | 'evaluationId'> = $derived.by(() => {
    const evaluation =
      this.#finished.findLast(({ runId, split }) => runId !== null && split === 'heldout') ??
      this.#finished.findLast(({ runId }) => runId !== null) ??
      this.#finished.at(-1)
    if (evaluation !== undefined) return { evaluationId: evaluation.id }
    const run = runs.items.find(({ rolloutCount }) => rolloutCount > 0)?.run.id
    return run === undefined ? {} : { runId: run }
  })
  /** Null while there is nothing to look at. */
  scope: ThinkingScope | null = $derived.by(() => {
    const { run, evaluation, steps, problem, estimator, kept } = this.params
    const chosen =
      evaluation !== undefined ? { evaluationId: evaluation } : run !== undefined ? { runId: run } : this.ready ? this.#default : {}
    if (Object.keys(chosen).length === 0) return null
    return {
      ...chosen,
      ...(steps && chosen.evaluationId === undefined && { steps }),
      ...(kept === true && chosen.evaluationId !== undefined && { keptThinking: true }),
      ...(problem !== undefined && { problemId: problem }),
      ...(estimator !== undefined && { estimator }),
    }
  })
  key = $derived(JSON.stringify(this.scope))
  evaluation: Evaluation | null = $derived.by(() => this.#finished.find(({ id }) => id === this.scope?.evaluationId) ?? null)
  run: Run | null = $derived.by(() => {
    const id = this.scope?.runId ?? this.evaluation?.runId
    return (id == null ? undefined : runs.byId.get(id)?.run) ?? null
  })
  source = $derived(
    this.scope === null ? '' : this.scope.evaluationId !== undefined ? `evaluation ${this.scope.evaluationId}` : `run ${this.scope.runId}`,
  )
  title = $derived(this.sources.find(({ value }) => value === this.source)?.title ?? 'Thinking')

  trainedBudget: number | null = $derived.by(() => {
    const own = this.evaluation?.trainedBudget ?? at(this.run?.config, 'budget', 'thinkingTokens')
    return typeof own === 'number' ? own : null
  })
  stops: readonly number[] = $derived.by(() => {
    const own = this.evaluation?.budgets ?? at(this.run?.config, 'evaluation', 'budgets')
    if (isBudgets(own)) return [...own].sort((a, b) => a - b)
    const longest = this.summary.data?.answer.longest ?? 0
    return longest <= 360 ? usualBudgets : Array.from({ length: 12 }, (_, i) => Math.round((longest * (i + 1)) / 12))
  })
  budget: number = $derived.by(() => {
    const asked = this.params.budget ?? this.trainedBudget ?? this.stops[Math.floor(this.stops.length * 0.6)]
    return this.stops.reduce((best, stop) => (Math.abs(stop - asked) < Math.abs(best - asked) ? stop : best), this.stops[0])
  })
  comparator: ComparatorName = $derived.by(() => this.params.against ?? 'oracle')
  /** What regret counts unless something else is chosen here: what the evaluation or run did. */
  usualCounted: Counted = $derived(countedIn((this.evaluation ?? this.run)?.config))
  counted: Counted = $derived.by(() => this.params.counted ?? this.usualCounted)
  view: View = $derived.by(() => this.params.tab ?? 'regret')

  summary = reading(
    (client) => {
      const { scope, key } = this
      return scope === null
        ? null
        : client.thinking
            .summary({ scope })
            .then((answer) => ({ key, answer: { ...answer, longest: answer.episodeTokens.high * Math.max(1, answer.episodes.high) } }))
    },
    { nouns: ['rollouts', 'evaluations'], keep: true },
  )
  comparators = reading((client) => (this.scope === null ? null : client.thinking.comparators({ scope: this.scope })), {
    nouns: ['rollouts', 'evaluations'],
    keep: true,
  })
  /** Measurements to choose from, whichever is chosen. */
  estimators = reading(
    (client) => {
      const { rollouts } = this
      return rollouts === null ? null : client.thinking.estimators({ scope: rollouts })
    },
    { nouns: ['rollouts'], keep: true },
  )

  /** Weights that can answer for J. */
  provers = reading((client) => client.thinking.provers(), { nouns: ['checkpoints', 'runs', 'models', 'workspace'] })
  /** Those that wrote what is on screen, where they are still there; else the newest of the run, else the starter. */
  ownProver: Prover | null = $derived.by(() => {
    const all = this.provers.data ?? []
    const { run, evaluation } = this
    return (
      all.find(({ start }) => evaluation?.checkpointId != null && start === `checkpoint:${evaluation.checkpointId}`) ??
      all.findLast(({ runId }) => runId !== null && runId === run?.id) ??
      all[0] ??
      null
    )
  })
  proverTitle = (start: string): string => this.provers.data?.find((each) => each.start === start)?.title ?? start
  /** The scope as jobs take it: whichever measurement is read, it is of the same rollouts. */
  rollouts: Omit<ThinkingScope, 'estimator'> | null = $derived.by(() => {
    if (this.scope === null) return null
    const { estimator: _estimator, ...rollouts } = this.scope
    return rollouts
  })

  /** The answer of a reading if it is about the rollouts on screen. */
  current<T>(answered: Reading<Asked<T>>): T | undefined {
    const { data } = answered
    return data?.key === this.key ? data.answer : undefined
  }

  adjust(changes: Partial<Params<'thinking'>>): void {
    place.adjust('thinking', changes)
  }

  choose(source: string): void {
    const [kind, id] = source.split(' ')
    this.adjust({
      run: undefined,
      evaluation: undefined,
      steps: undefined,
      problem: undefined,
      estimator: undefined,
      by: undefined,
      kept: undefined,
      [kind]: Number(id),
    })
  }
}

/** Stands among the weights for a served model that is not on record yet. */
export const SERVED = 'served'

/** Measuring J of what is on screen: what is asked of the lab, as a job. */
export class Measuring {
  start: string = $state('starter')
  method: 'exact' | 'sampled' | 'both' = $state('exact')
  samples = $state(16)
  /** A model that a server has, to be put on record before it is asked. */
  served = $state({ address: 'http://127.0.0.1:8000/v1', name: '', tokenizer: '', leavesMachine: false })
  /** A question is being put to the queue. */
  asking = $state(false)

  async begin(scope: Omit<ThinkingScope, 'estimator'>): Promise<boolean> {
    const methods = this.method === 'both' ? (['exact', 'sampled'] as const) : [this.method]
    this.asking = true
    const queued = await app.attempt(async () => {
      if (this.start === SERVED) this.start = `model:${(await lab.client.models.connect({ ...this.served, keyFrom: null })).modelId}`
      for (const method of methods) await lab.client.thinking.measure({ scope, start: this.start, method, samples: this.samples })
      return true
    })
    this.asking = false
    return queued === true
  }
}

/** Something that costs the lab time, asked for with a button: it stays until another question is on screen, and can be called off. */
export class Commissioned<T> {
  result: T | null = $state.raw(null)
  problem: Problem | null = $state.raw(null)
  busy = $state(false)
  #of = ''
  #abort = new AbortController()

  /** Forgets what was found for another question. */
  follow(question: string): void {
    if (question === this.#of) return
    this.#of = question
    this.cancel()
    this.result = null
    this.problem = null
  }

  async ask(work: (client: Client, signal: AbortSignal) => Promise<T>): Promise<void> {
    const { signal } = this.#abort
    this.busy = true
    this.problem = null
    try {
      const result = await work(lab.client, signal)
      if (!signal.aborted) this.result = result
    } catch (error) {
      if (!signal.aborted && !isCancelled(error)) this.problem = problemOf(error)
    } finally {
      if (!signal.aborted) this.busy = false
    }
  }

  cancel(): void {
    this.#abort.abort()
    this.#abort = new AbortController()
    this.busy = false
  }
}
