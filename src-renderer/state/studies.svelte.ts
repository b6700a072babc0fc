/**
 * Studies of the workspace: what can be asked, what one of a certain size would take and could see, how far those that were started are,
 * and their reports.
 */
import type { Study, StudyCell, StudyPlan, StudyPreset, StudyRequest } from '../../src-preload/contract.ts'
import { app } from './app.svelte.ts'
import { lab } from './client.svelte.ts'
import { jobs } from './jobs.svelte.ts'
import { reading, type Reading } from './reading.svelte.ts'

export type Rule = 'sweep' | 'fixed' | 'one'
type Sizes = Pick<StudyRequest, 'seeds' | 'steps' | 'problems' | 'samples' | 'validation'>

/** One arm of a study's grid: its cells by seed, and what its sweep of learning rates found. */
export interface GridRow {
  readonly arm: string
  readonly title: string
  readonly cells: readonly StudyCell[]
  readonly sweep: readonly StudyCell[]
}

export function rowsOf({ cells }: Study): readonly GridRow[] {
  return [...Map.groupBy(cells, ({ arm }) => arm)].map(([arm, own]) => ({
    arm,
    title: own[0]!.title,
    cells: own.filter(({ rate }) => rate === null).sort((a, b) => a.seed - b.seed),
    sweep: own.filter(({ rate }) => rate !== null).sort((a, b) => a.rate! - b.rate!),
  }))
}

export type StudyState = 'finished' | 'running' | 'waiting' | 'paused' | 'failed'
/** What a study is doing, in one word. */
export function stateOf({ cells, job }: Study): StudyState {
  if (job !== null) return job.startedAtMs === null ? 'waiting' : 'running'
  if (cells.every(({ status }) => status === 'finished')) return 'finished'
  return cells.some(({ status }) => status === 'failed') && cells.every(({ status }) => status === 'failed' || status === 'finished')
    ? 'failed'
    : 'paused'
}

/** While a component is set up. */
export class Studies {
  readonly list: Reading<readonly Study[]> = reading((client) => client.studies.list(), { nouns: ['studies', 'jobs', 'runs'], keep: true })
  /** Newest first. */
  readonly items = $derived([...(this.list.data ?? [])].sort((a, b) => b.id - a.id))

  pause = (studyId: number) => app.attempt(() => lab.client.studies.pause({ studyId }))
  goOn = (studyId: number) => app.attempt(() => lab.client.studies.goOn({ studyId }))
  remove = (studyId: number) => app.attempt(() => lab.client.studies.remove({ studyId }))
  /** The job as the window follows it, with its newest progress. */
  jobOf = ({ job }: Study) => jobs.list.find(({ id }) => id === job?.id) ?? job
}

/** A study that is being set up. While a component is set up. */
export class StudyDraft {
  readonly #asked = reading((client) => client.studies.presets())
  presets: readonly StudyPreset[] = $derived(this.#asked.data?.presets ?? [])
  name = $state('headline')
  #left: ReadonlySet<string> = $state.raw(new Set())
  #sizes: Partial<Sizes> = $state.raw({})
  rule: Rule = $state('sweep')
  rate: number | null = $state(1e-4)
  starting = $state(false)

  preset = $derived(this.presets.find(({ name }) => name === this.name))
  arms: readonly string[] = $derived((this.preset?.arms ?? []).map(({ key }) => key).filter((key) => !this.#left.has(key)))
  sizes: Sizes | null = $derived(this.#asked.data ? { ...this.#asked.data.defaults, ...this.#sizes } : null)
  request: StudyRequest | null = $derived.by(() => {
    if (this.sizes === null || this.preset === undefined || this.arms.length === 0 || (this.rule === 'one' && this.rate === null))
      return null
    const { seeds, steps, problems, samples, validation } = this.sizes
    const all = this.arms.length === this.preset.arms.length
    return {
      name: this.name,
      arms: all ? null : [...this.arms],
      seeds,
      steps,
      problems,
      samples,
      validation,
      learningRate: this.rule === 'one' ? this.rate! : this.rule,
      start: null,
    }
  })
  readonly plan: Reading<StudyPlan> = reading((client) => (this.request === null ? null : client.studies.plan(this.request)), {
    keep: true,
  })

  choose(name: string): void {
    this.name = name
    this.#left = new Set()
  }
  take(arm: string, taken: boolean): void {
    this.#left = new Set(taken ? [...this.#left].filter((each) => each !== arm) : [...this.#left, arm])
  }
  set(size: keyof Sizes, value: number): void {
    this.#sizes = { ...this.#sizes, [size]: value }
  }

  /** Returns the study, or undefined when it was refused, which is said. */
  async start(): Promise<Study | undefined> {
    const { request } = this
    if (request === null) return undefined
    this.starting = true
    const made = await app.attempt(() => lab.client.studies.start(request))
    this.starting = false
    return made
  }
}

/** The report of what is finished of a study; read again when a cell has ended. While a component is set up. */
export const reportOf = (study: () => Study | undefined): Reading<{ readonly text: string } | null> => {
  const asked = $derived(JSON.stringify([study()?.id ?? null, study()?.cells.filter(({ status }) => status === 'finished').length ?? 0]))
  return reading(
    (client) => {
      const [studyId] = JSON.parse(asked) as [number | null]
      return studyId === null ? null : client.studies.report({ studyId })
    },
    { keep: true },
  )
}
