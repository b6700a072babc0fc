/**
 * Fresh answers at the boundaries of the rollout being read. They cost time, so they stay until another rollout is opened,
 * and several boundaries can be looked at together.
 */
import type { StopHereResult } from '../../src-preload/contract.ts'
import { lab } from './client.svelte.ts'
import { isCancelled, problemOf, type Problem } from './problem.ts'

export interface Drawn {
  readonly boundary: number
  readonly result: StopHereResult | null
  readonly problem: Problem | null
}

export class StopHere {
  /** In order of boundary; a result of null is being drawn, or failed with `problem`. */
  drawn: readonly Drawn[] = $state.raw([])
  samples = $state(32)
  /** Weights that answer; null: the newest of the run. */
  start: string | null = $state(null)
  #abort = new AbortController()
  #of: number | undefined

  /** Forgets what was drawn for another rollout. */
  follow(rolloutId: number | undefined): void {
    if (rolloutId === this.#of) return
    this.#of = rolloutId
    this.#abort.abort()
    this.#abort = new AbortController()
    this.drawn = []
  }

  get drawing(): number | null {
    return this.drawn.find(({ result, problem }) => result === null && problem === null)?.boundary ?? null
  }

  async draw(boundary: number): Promise<void> {
    const rolloutId = this.#of
    if (rolloutId === undefined || this.drawing !== null) return
    const { signal } = this.#abort
    this.#put({ boundary, result: null, problem: null })
    try {
      const result = await lab.client.rollouts.stopHere({ rolloutId, boundary, samples: this.samples, start: this.start }, { signal })
      if (!signal.aborted) this.#put({ boundary, result, problem: null })
    } catch (error) {
      if (signal.aborted) return
      if (isCancelled(error)) this.forget(boundary)
      else this.#put({ boundary, result: null, problem: problemOf(error) })
    }
  }

  forget(boundary: number): void {
    this.drawn = this.drawn.filter((each) => each.boundary !== boundary)
  }

  cancel(): void {
    const { drawing } = this
    this.#abort.abort()
    this.#abort = new AbortController()
    if (drawing !== null) this.forget(drawing)
  }

  #put(drawn: Drawn): void {
    this.drawn = [...this.drawn.filter(({ boundary }) => boundary !== drawn.boundary), drawn].sort((a, b) => a.boundary - b.boundary)
  }
}
