/**
 * Folders of runs that train elsewhere, as the lab follows them: read when it tells that one changed, with a clock for "12 s ago" that
 * ticks while anything is followed.
 */
import type { Follow } from '../../src-preload/contract.ts'
import { app } from './app.svelte.ts'
import { lab } from './client.svelte.ts'
import { reading, type Reading } from './reading.svelte.ts'

class Follows {
  #list: Reading<readonly Follow[]> | null = $state.raw(null)
  nowMs = $state(Date.now())

  /** Newest first. */
  list: readonly Follow[] = $derived.by(() => [...(this.#list?.data ?? [])].reverse())
  status = $derived(this.#list?.status ?? 'loading')
  problem = $derived(this.#list?.problem ?? null)
  /** Those that are looked at. */
  active: readonly Follow[] = $derived(this.list.filter(({ state }) => state !== 'stopped'))

  /** Called once by the window while it is set up. */
  follow(): void {
    this.#list = reading((client) => (lab.workspace === null ? null : client.follows.list()), { nouns: ['follows', 'workspace'] })
    $effect(() => {
      if (this.active.length === 0) return
      const timer = setInterval(() => (this.nowMs = Date.now()), 1000)
      return () => clearInterval(timer)
    })
  }

  again(): void {
    this.#list?.again()
  }

  ofRun(runId: number): Follow | null {
    return this.list.find((follow) => follow.runId === runId) ?? null
  }

  stop = (followId: number) => app.attempt(() => lab.client.follows.stop({ followId }))
  resume = (followId: number) => app.attempt(() => lab.client.follows.resume({ followId }))
  forget = (followId: number) => app.attempt(() => lab.client.follows.forget({ followId }))
}

export const follows = new Follows()
