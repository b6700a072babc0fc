/**
 * An answer of the lab that stays true while somebody looks at it. It is asked for when the component appears, again when
 * anything the question reads changes, when the lab tells that one of its nouns changed, and after an outage. What is on
 * screen stays there while it is read again; only another question clears it.
 */
import type { Client, LabEvent } from '../../src-preload/contract.ts'
import { untrack } from 'svelte'
import { lab } from './client.svelte.ts'
import { isCancelled, isOutage, problemOf, type Problem } from './problem.ts'

export type Noun = Extract<LabEvent, { kind: 'changed' }>['noun']

export interface Reading<T> {
  /** The newest answer; undefined until there is one. */
  readonly data: T | undefined
  readonly problem: Problem | null
  readonly status: 'loading' | 'ready' | 'failed'
  /** A question is under way, with or without an older answer on screen. */
  readonly busy: boolean
  /** Asks again, at most every `REST_MS`. */
  again(): void
}

export interface ReadingOptions {
  /** Read again when the lab tells that records of these nouns changed; an evaluation that has ended is told by itself. */
  readonly nouns?: readonly Noun[]
  /** Keep the old answer on screen while the question changes (a slider is being dragged). */
  readonly keep?: boolean
}

const REST_MS = 400

type Question<T> = (client: Client, signal: AbortSignal) => Promise<T> | null

class LiveReading<T> implements Reading<T> {
  data: T | undefined = $state.raw()
  problem: Problem | null = $state.raw(null)
  busy = $state(false)
  status: 'loading' | 'ready' | 'failed' = $derived(this.data !== undefined ? 'ready' : this.problem ? 'failed' : 'loading')
  #turn = $state(0)
  #askedMs = 0
  #plan: ReturnType<typeof setTimeout> | null = null
  #lastTurn = 0
  #lastEpoch = 0

  constructor(question: Question<T>, { nouns = [], keep = false }: ReadingOptions) {
    $effect(() => {
      const { epoch } = lab
      const turn = this.#turn
      const sameQuestion = turn !== this.#lastTurn || epoch !== this.#lastEpoch
      this.#lastTurn = turn
      this.#lastEpoch = epoch
      if (epoch === 0) return
      const abort = new AbortController()
      const asked = question(lab.client, abort.signal)
      untrack(() => this.#wait(asked, abort.signal, sameQuestion || keep))
      return () => abort.abort()
    })
    $effect(() => {
      if (nouns.length === 0) return
      return lab.on((events) => {
        if (
          events.some(
            (event) =>
              (event.kind === 'changed' && nouns.includes(event.noun)) || (event.kind === 'evaluation' && nouns.includes('evaluations')),
          )
        )
          this.again()
      })
    })
    $effect(() => () => this.#plan !== null && clearTimeout(this.#plan))
  }

  again(): void {
    if (this.#plan !== null) return
    this.#plan = setTimeout(
      () => {
        this.#plan = null
        this.#turn += 1
      },
      Math.max(0, this.#askedMs + REST_MS - Date.now()),
    )
  }

  #wait(asked: Promise<T> | null, signal: AbortSignal, keep: boolean): void {
    if (!keep || asked === null) this.data = undefined
    this.busy = asked !== null
    this.#askedMs = Date.now()
    if (asked === null) this.problem = null
    asked?.then(
      (data) => {
        if (signal.aborted) return
        this.data = data
        this.problem = null
        this.busy = false
      },
      (error: unknown) => {
        if (signal.aborted || isCancelled(error)) return
        this.busy = false
        // The banner speaks of outages; what was read before them stays.
        if (!isOutage(error)) this.problem = problemOf(error)
      },
    )
  }
}

/**
 * Call while a component is set up (it ends with the component). `question` is run at once and names what it depends on by
 * reading it; null asks nothing.
 */
export const reading = <T>(question: Question<T>, options: ReadingOptions = {}): Reading<T> => new LiveReading(question, options)
