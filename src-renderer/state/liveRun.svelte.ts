/**
 * One run as it is and as it goes on: its record, the courses of its metrics with every new step appended as it comes, and
 * what the lab has to say about it. Steps arrive at most a frame's worth at a time; what cannot simply be appended (a resume
 * that repeats steps, steps missed during an outage) is read again.
 */
import type {
  Checkpoint,
  Evaluation,
  HealthFinding,
  LabEvent,
  MetricSeries,
  RunDetail,
  RunEvent,
  Step,
} from '../../src-preload/contract.ts'
import { app } from './app.svelte.ts'
import { lab } from './client.svelte.ts'
import { reading, type Reading } from './reading.svelte.ts'
import { runs } from './runs.svelte.ts'

export type Axis = 'step' | 'tokens' | 'time'

/** One point of a metric: where it stands on each axis. */
export interface LivePoint {
  readonly step: number
  readonly tokens: number
  readonly wallMs: number
  readonly value: number
}

/** Points that a chart is asked for; the lab keeps the lowest and highest of each bucket beyond. */
const MOST_POINTS = 2000
/** Appended steps after which the whole is read again, so that long runs stay thinned. */
const MOST_APPENDED = 1000
const SLOW_MS = 2000

/** The steps of `told` that follow `tail` (or `last`, where it is empty) without a gap; null when they do not. */
export function following(last: number, tail: readonly Step[], told: readonly Step[]): readonly Step[] | null {
  let at = tail.at(-1)?.step ?? last
  for (const step of told) {
    if (step.step !== at + 1) return null
    at = step.step
  }
  return [...tail, ...told]
}

/** A metric's course: what was read, then the appended steps that report it. Totals go on from where the reading ended. */
export function courseOf(
  series: MetricSeries,
  tail: readonly Step[],
  from: { readonly tokens: number; readonly wallMs: number },
): readonly LivePoint[] {
  const read = series.step.map((step, i): LivePoint => ({
    step,
    tokens: series.tokens[i],
    wallMs: series.wallMs[i],
    value: series.value[i],
  }))
  let { tokens, wallMs } = from
  return [
    ...read,
    ...tail.flatMap((step): LivePoint[] => {
      tokens += step.tokens
      wallMs += step.wallMs
      const value = step.metrics[series.metric]
      return value === undefined ? [] : [{ step: step.step, tokens, wallMs, value }]
    }),
  ]
}

export class LiveRun {
  readonly detail: Reading<RunDetail>
  readonly health: Reading<readonly HealthFinding[]>
  readonly events: Reading<readonly RunEvent[]>
  readonly checkpoints: Reading<readonly Checkpoint[]>
  readonly evaluations: Reading<readonly Evaluation[]>
  readonly #series: Reading<readonly MetricSeries[]>
  #tail: { readonly of: readonly MetricSeries[]; readonly steps: readonly Step[] } | null = $state.raw(null)
  #slowPlan: ReturnType<typeof setTimeout> | null = null

  status = $derived.by(() => this.#series.status)
  problem = $derived.by(() => this.#series.problem)
  /** False where a long run was thinned for the charts. */
  exact = $derived.by(() => this.#series.data?.every(({ exact }) => exact) ?? true)

  /** By metric; absent where the run never reported it. */
  courses: ReadonlyMap<string, readonly LivePoint[]> = $derived.by(() => {
    const read = this.#series.data ?? []
    const tail = this.#tail?.of === read ? this.#tail.steps : []
    const furthest = read.reduce(
      (best, each) =>
        (each.step.at(-1) ?? 0) > best.step
          ? { step: each.step.at(-1) ?? 0, tokens: each.tokens.at(-1) ?? 0, wallMs: each.wallMs.at(-1) ?? 0 }
          : best,
      { step: 0, tokens: 0, wallMs: 0 },
    )
    return new Map(
      read.map((series) => [series.metric, courseOf(series, tail, furthest)] as const).filter(([, points]) => points.length > 0),
    )
  })

  /** While a component is set up. `runId` may be read again and again. */
  constructor(runId: () => number, metrics: () => readonly string[]) {
    const of = <T>(ask: (id: number) => Promise<T>, nouns: Parameters<typeof reading>[1]): Reading<T> => reading(() => ask(runId()), nouns)
    this.detail = of((id) => lab.client.runs.get({ runId: id }), { nouns: ['runs', 'jobs', 'checkpoints', 'evaluations'] })
    this.health = of((id) => lab.client.health.list({ runId: id }), {})
    this.events = of((id) => lab.client.events.list({ runId: id, limit: 1000 }), {})
    this.checkpoints = of((id) => lab.client.checkpoints.list({ runId: id }), { nouns: ['checkpoints'] })
    this.evaluations = of((id) => lab.client.evaluations.list({ runId: id }), { nouns: ['evaluations'] })
    // Compared as text: the list of metrics is made anew with every change of the run.
    const wanted = $derived(JSON.stringify(metrics()))
    this.#series = reading(
      (client) => {
        const asked = JSON.parse(wanted) as string[]
        return asked.length === 0 ? null : client.runs.series({ runId: runId(), metrics: asked, maxPoints: MOST_POINTS })
      },
      { nouns: ['rollouts'] },
    )
    $effect(() => {
      const id = runId()
      return lab.on((events) => this.#hear(id, events))
    })
    $effect(() => () => this.#slowPlan !== null && clearTimeout(this.#slowPlan))
  }

  #hear(runId: number, events: readonly LabEvent[]): void {
    const steps = events.flatMap((event) => (event.kind === 'step' && event.step.runId === runId ? [event.step] : []))
    if (steps.length > 0) this.#append(steps)
    const about = (event: LabEvent): boolean =>
      (event.kind === 'run' && event.run.id === runId) ||
      (event.kind === 'event' && event.event.runId === runId) ||
      (event.kind === 'evaluation' && event.evaluation.runId === runId)
    if (steps.length > 0 || events.some(about)) this.#soon()
    if (events.some((event) => event.kind === 'evaluation' && event.evaluation.runId === runId)) this.evaluations.again()
    if (events.some((event) => event.kind === 'run' && event.run.id === runId)) this.detail.again()
  }

  #append(steps: readonly Step[]): void {
    const read = this.#series.data
    if (read === undefined) return this.#series.again()
    const last = Math.max(0, ...read.map((each) => each.step.at(-1) ?? 0))
    const tail = following(last, this.#tail?.of === read ? this.#tail.steps : [], steps)
    const unknown = steps.some(({ metrics }) =>
      read.some((each) => each.pointCount === 0 && metrics[each.metric] !== undefined && last > 0),
    )
    if (tail === null || unknown || tail.length > MOST_APPENDED) this.#series.again()
    if (tail !== null) this.#tail = { of: read, steps: tail }
  }

  /** Lists that grow now and then are read again in a while, once for all that happened meanwhile. */
  #soon(): void {
    this.#slowPlan ??= setTimeout(() => {
      this.#slowPlan = null
      for (const list of [this.health, this.events, this.checkpoints]) list.again()
    }, SLOW_MS)
  }

  saveCheckpoint = (runId: number) =>
    app.attempt(async () => {
      await lab.client.runs.saveCheckpoint({ runId })
      app.say({ tone: 'info', title: 'A checkpoint is saved after this step', text: 'The run pauses for it and goes on at once.' })
    })
  evaluate = (runId: number, checkpointId: number | null = null) => app.attempt(() => lab.client.evaluations.start({ runId, checkpointId }))
  setPinned = (checkpointId: number, pinned: boolean) => app.attempt(() => lab.client.checkpoints.setPinned({ checkpointId, pinned }))

  async cancel(runId: number): Promise<void> {
    await app.attempt(() => lab.client.runs.cancel({ runId }))
    this.detail.again()
  }

  async rename(runId: number, name: string, note: string): Promise<void> {
    await app.attempt(() => lab.client.runs.rename({ runId, name, note }))
    runs.again()
    this.detail.again()
  }
}
