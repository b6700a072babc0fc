/**
 * The form of a new run: the draft, kept between starts, the choices the lab offers, what it would cost, and starting it.
 */
import type {
  AlgorithmDescription,
  Checkpoint,
  Dataset,
  Json,
  Model,
  PresetDescription,
  Run,
  RunEstimate,
  RunSpec,
  SpecField,
  SystemInfo,
  TaskDescription,
} from '../../src-preload/contract.ts'
import { untrack } from 'svelte'
import { app } from './app.svelte.ts'
import { lab } from './client.svelte.ts'
import { keep, recall } from './kept.ts'
import {
  armOf,
  draftOfPreset,
  draftOfSpec,
  isDraft,
  problemsOf,
  specOf,
  specsOf,
  type Arm,
  type Draft,
  type OptionValue,
} from './newRunDraft.ts'
import { problemOf, type Problem } from './problem.ts'
import { reading, type Reading } from './reading.svelte.ts'
import { href, place, type Params } from './route.svelte.ts'
import { Unread } from './unread.svelte.ts'

export interface Choices {
  readonly presets: readonly PresetDescription[]
  readonly algorithms: readonly AlgorithmDescription[]
  readonly fields: readonly SpecField[]
  readonly tasks: readonly TaskDescription[]
  readonly models: readonly Model[]
  readonly datasets: readonly Dataset[]
  readonly devices: SystemInfo['engine']['devices']
}

/** Costs of several runs one after the other: time and disk add up, memory is that of the largest. */
export interface TotalEstimate extends RunEstimate {
  readonly runs: number
}

export function totalOf(estimates: readonly RunEstimate[], times: number): TotalEstimate | null {
  const [first] = estimates
  if (first === undefined) return null
  const sum = (of: (each: RunEstimate) => number): number => times * estimates.reduce((total, each) => total + of(each), 0)
  // The sum is as sure as its least sure part.
  const least = (['modelled', 'timed'] as const).flatMap((basis) => estimates.find((each) => each.basis === basis) ?? [])[0] ?? first
  return {
    timeMs: { low: sum(({ timeMs }) => timeMs.low), high: sum(({ timeMs }) => timeMs.high) },
    memoryBytes: Math.max(...estimates.map(({ memoryBytes }) => memoryBytes)),
    diskBytes: sum(({ diskBytes }) => diskBytes),
    tokens: sum(({ tokens }) => tokens),
    estimateTokens: sum(({ estimateTokens }) => estimateTokens),
    checkpoints: sum(({ checkpoints }) => checkpoints),
    basis: least.basis,
    because: least.because,
    runs: times * estimates.length,
  }
}

/** While a component is set up: what runs of these specifications would cost, `times` over (for seeds). */
export function estimateOf(
  specs: () => readonly RunSpec[],
  times: () => number,
): { readonly reading: Reading<readonly RunEstimate[]>; readonly total: TotalEstimate | null } {
  const wanted = $derived(JSON.stringify(specs()))
  const estimates = reading(
    (client, signal) => {
      const each = JSON.parse(wanted) as RunSpec[]
      return each.length === 0 ? null : Promise.all(each.map((spec) => client.runs.estimate({ spec }, { signal })))
    },
    { keep: true, nouns: ['runs'] },
  )
  const total = $derived(estimates.data ? totalOf(estimates.data, times()) : null)
  return {
    reading: estimates,
    get total() {
      return total
    },
  }
}

/** While a component is set up. */
export const choicesOf = (): Reading<Choices> =>
  reading(
    async (client) => {
      const [presets, algorithms, fields, tasks, models, datasets, system] = await Promise.all([
        client.presets.list(),
        client.algorithms.list(),
        client.runs.specFields(),
        client.tasks.list(),
        client.models.list(),
        client.datasets.list(),
        client.system.info(),
      ])
      return { presets, algorithms, fields, tasks, models, datasets, devices: system.engine.devices }
    },
    { keep: true, nouns: ['models', 'datasets'] },
  )

/** Queues runs of these specifications; undefined when the lab refused (which was said). */
export const startRuns = (specs: readonly RunSpec[]): Promise<readonly Run[] | undefined> =>
  app.attempt(() => lab.client.runs.startAll({ specs: [...specs] }))

export class NewRunForm {
  readonly choices = choicesOf()
  /** The checkpoint that is branched from, where there is one. */
  readonly checkpoint: Reading<Checkpoint | null>
  draft: Draft | null = $state.raw(null)
  /** Which arm's options are shown. */
  active = $state(0)
  starting = $state(false)
  /** Whether workers of a cluster draw and measure, and where they are; of this window alone. */
  ray = $state({ on: false, cluster: { address: '127.0.0.1:6379', leavesMachine: false, workers: 2, python: 'python3', patience: 300 } })
  refused: Problem | null = $state.raw(null)
  arm: Arm | null = $derived(this.draft?.arms[Math.min(this.active, this.draft.arms.length - 1)] ?? null)
  specs: readonly RunSpec[] = $derived(this.draft ? specsOf(this.draft) : [])
  /** By path, for the arm on show. */
  problems: ReadonlyMap<string, string> = $derived(
    this.draft && this.arm ? problemsOf(specOf(this.draft, this.arm, this.draft.firstSeed)) : new Map(),
  )
  /** Arms whose specification cannot stand. */
  broken = $derived(this.draft ? this.draft.arms.filter((arm) => problemsOf(specOf(this.draft!, arm, this.draft!.firstSeed)).size > 0) : [])
  /** What was typed and cannot be read, by field: the draft still holds the value from before it. */
  readonly unread = new Unread()
  /** Grows when every field is to forget what was typed into it. */
  round = $state(0)
  readonly estimate = estimateOf(
    () =>
      this.draft && this.broken.length === 0 && this.unread.reason === null
        ? this.draft.arms.map((arm) => specOf(this.draft!, arm, this.draft!.firstSeed))
        : [],
    () => this.draft?.seeds ?? 1,
  )
  #asked = ''

  constructor(params: () => Params<'newRun'>) {
    this.checkpoint = reading((client) => {
      const { branch, from } = params()
      return branch === undefined || from === undefined
        ? null
        : client.checkpoints.list({ runId: from }).then((all) => all.find(({ id }) => id === branch) ?? null)
    })
    $effect(() => {
      const presets = this.choices.data?.presets
      const asked = params()
      if (presets !== undefined) untrack(() => void this.#fill(presets, asked))
    })
    $effect(() => {
      if (this.draft) keep('draft', this.draft)
    })
  }

  change(path: string, value: Json): void {
    if (!this.draft) return
    this.draft = { ...this.draft, values: { ...this.draft.values, [path]: value } }
  }

  changeSeeds(changes: Partial<Pick<Draft, 'seeds' | 'firstSeed'>>): void {
    if (this.draft) this.draft = { ...this.draft, ...changes }
  }

  changeArm(changes: Partial<Pick<Arm, 'name'>>): void {
    this.#replaceArm((arm) => ({ ...arm, ...changes }))
  }

  setOption(name: string, value: OptionValue): void {
    this.#replaceArm((arm) => ({ ...arm, options: { ...arm.options, [name]: value } }))
  }

  /** Takes a method into the comparison or out of it; one always stays. */
  toggle(preset: PresetDescription): void {
    if (!this.draft) return
    const { arms } = this.draft
    const at = arms.findIndex((arm) => arm.preset === preset.id)
    if (at >= 0 && arms.length === 1) return
    this.draft = { ...this.draft, arms: at >= 0 ? arms.filter((_, i) => i !== at) : [...arms, armOf(preset)] }
    this.active = at >= 0 ? 0 : arms.length
  }

  startOver(): void {
    const preset = this.choices.data?.presets[0]
    if (preset) this.draft = draftOfPreset(preset)
    this.active = 0
    this.refused = null
    this.round++
    place.go(href('newRun'))
  }

  /** What the arm's preset (or the method itself) says about an option. */
  presetOption(name: string): OptionValue | undefined {
    const preset = this.choices.data?.presets.find(({ id }) => id === this.arm?.preset)
    const given = preset?.spec.algorithm.options[name] as OptionValue | undefined
    return (
      given ??
      this.choices.data?.algorithms.find((each) => each.name === this.arm?.algorithm)?.options.find((option) => option.name === name)
        ?.default
    )
  }

  async start(): Promise<void> {
    const { draft } = this
    if (!draft || this.starting || this.unread.reason !== null || this.broken.length > 0) return
    this.starting = true
    this.refused = null
    try {
      const { branch } = draft
      const started = branch
        ? await branchAll(branch.checkpointId, this.specs)
        : await lab.client.runs.startAll({ specs: [...this.specs], ...(this.ray.on && { ray: { ...this.ray.cluster } }) })
      keep('draft', null)
      this.draft = null
      place.go(started.length === 1 ? href('run', { runId: started[0].id }) : href('runs'))
      if (started.length > 1)
        app.say({ tone: 'good', title: `${started.length} runs are queued`, text: 'They are trained one after the other, in this order.' })
    } catch (error) {
      this.refused = problemOf(error)
    } finally {
      this.starting = false
    }
  }

  #replaceArm(change: (arm: Arm) => Arm): void {
    const { draft, arm } = this
    if (draft && arm) this.draft = { ...draft, arms: draft.arms.map((each) => (each === arm ? change(each) : each)) }
  }

  /** What the address asks for, else the draft of last time, else the first preset. */
  async #fill(presets: readonly PresetDescription[], { preset: id, from, branch, weights }: Params<'newRun'>): Promise<void> {
    const asked = JSON.stringify([id, from, branch, weights])
    if (asked === this.#asked) return
    this.#asked = asked
    this.active = 0
    const kept = recall<Draft | null>('draft', (value): value is Draft => isDraft(value), null)
    const preset = presets.find((each) => each.id === id)
    if (from !== undefined) {
      const spec = await app.attempt(() => lab.client.runs.duplicate({ runId: from }))
      if (spec) this.draft = draftOfSpec(spec, branch === undefined ? null : { checkpointId: branch, runId: from })
    } else if (preset) this.draft = draftOfPreset(preset)
    else this.draft = kept ?? draftOfPreset(presets[0])
    if (weights !== undefined) this.change('start', weights)
  }
}

async function branchAll(checkpointId: number, specs: readonly RunSpec[]): Promise<readonly Run[]> {
  const started: Run[] = []
  for (const spec of specs) started.push(await lab.client.runs.branch({ checkpointId, spec }))
  return started
}
