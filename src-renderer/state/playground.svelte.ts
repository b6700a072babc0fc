/**
 * The playground: one prompt, one or two models, and what each writes, as it is written. What was written stays until the next prompt is run;
 * leaving the page cancels what is still at work. The prompt is in the page's address.
 */
import {
  playgroundSettings,
  type Dataset,
  type PlaygroundProblem,
  type PlaygroundRequest,
  type PlaygroundRollout,
  type PlaygroundSettings,
  type PlaygroundSource,
  type TaskDescription,
} from '../../src-preload/contract.ts'
import { lab } from './client.svelte.ts'
import { isCancelled, problemOf, type Problem } from './problem.ts'
import { reading, type Reading } from './reading.svelte.ts'

export interface Written {
  readonly start: string
  readonly title: string
  /** `waiting`: for its turn, or for its weights to be read. */
  readonly state: 'waiting' | 'writing' | 'done' | 'failed' | 'cancelled'
  readonly text: string
  readonly tokens: number
  readonly tokensPerSecond: number
  readonly rollout: PlaygroundRollout | null
  readonly problem: Problem | null
}

type Asked = Pick<PlaygroundRequest, 'task' | 'problemSeed' | 'text'>

/** While a component is set up. */
export class Playground {
  readonly sources: Reading<readonly PlaygroundSource[]> = reading((client) => client.playground.sources(), {
    nouns: ['models', 'checkpoints', 'runs'],
  })
  readonly tasks: Reading<readonly TaskDescription[]> = reading((client) => client.tasks.list())
  readonly datasets: Reading<readonly Dataset[]> = reading((client) => client.datasets.list(), { nouns: ['datasets'] })
  readonly problem: Reading<PlaygroundProblem>
  settings: PlaygroundSettings = $state.raw(playgroundSettings.parse({}))
  measure = $state(true)
  written: readonly Written[] = $state.raw([])
  busy = $derived(this.written.some(({ state }) => state === 'waiting' || state === 'writing'))
  #keys: readonly string[] = []
  #abort = new AbortController()

  constructor(asked: () => Asked) {
    this.problem = reading(
      (client) => {
        const { task, problemSeed } = asked()
        return task === null ? null : client.playground.problem({ task, problemSeed })
      },
      { keep: true, nouns: ['datasets'] },
    )
    $effect(() =>
      lab.on((events) => {
        for (const event of events) {
          const at = event.kind === 'playground' ? this.#keys.indexOf(event.key) : -1
          // What is told after the end of a call (it was cancelled) changes nothing.
          if (event.kind === 'playground' && at >= 0 && ['waiting', 'writing'].includes(this.written[at].state))
            this.#put(at, { state: 'writing', text: event.text, tokens: event.tokens, tokensPerSecond: event.tokensPerSecond })
        }
      }),
    )
    $effect(() => () => this.#abort.abort())
  }

  /** Asks all at once; the lab lets one write after the other. */
  async run(sources: readonly Pick<PlaygroundSource, 'start' | 'title'>[], asked: Asked): Promise<void> {
    this.#abort.abort()
    this.#abort = new AbortController()
    const { signal } = this.#abort
    const keys = sources.map((_, index) => `${index}-${Math.random().toString(36).slice(2)}`)
    this.#keys = keys
    this.written = sources.map(({ start, title }) => ({
      start,
      title,
      state: 'waiting',
      text: '',
      tokens: 0,
      tokensPerSecond: 0,
      rollout: null,
      problem: null,
    }))
    const request = { ...asked, settings: this.settings, measure: this.measure ? ('exact' as const) : ('none' as const) }
    await Promise.all(
      sources.map(async ({ start }, index) => {
        try {
          const rollout = await lab.client.playground.sample({ ...request, key: keys[index], start }, { signal })
          if (this.#keys === keys) this.#put(index, { state: 'done', text: rollout.text, tokens: rollout.textEnds.length, rollout })
        } catch (error) {
          if (this.#keys !== keys) return
          const problem = problemOf(error)
          if (signal.aborted || isCancelled(error) || problem.code === 'job.cancelled') this.#put(index, { state: 'cancelled' })
          else this.#put(index, { state: 'failed', problem })
        }
      }),
    )
  }

  cancel(): void {
    this.#abort.abort()
  }

  #put(at: number, change: Partial<Written>): void {
    this.written = this.written.map((each, index) => (index === at ? { ...each, ...change } : each))
  }
}
