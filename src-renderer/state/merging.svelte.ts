/**
 * Taking over runs of another workspace: look at it first, choose what is not here yet, then one job brings it all or nothing.
 */
import type { Merged, OtherWorkspace } from '../../src-preload/contract.ts'
import { lab } from './client.svelte.ts'
import { isCancelled, problemOf, type Problem } from './problem.ts'

export class MergeState {
  other: OtherWorkspace | null = $state.raw(null)
  /** Universal ids of the runs to take. */
  chosen: ReadonlySet<string> = $state.raw(new Set<string>())
  problem: Problem | null = $state.raw(null)
  busy: 'looking' | 'merging' | null = $state(null)
  done: Merged | null = $state.raw(null)
  #abort: AbortController | null = null

  fresh = $derived((this.other?.runs ?? []).filter(({ here }) => here === null))

  async look(folder: string): Promise<void> {
    await this.#work('looking', async () => {
      this.done = null
      this.other = null
      this.other = await lab.client.workspaces.inspect({ folder })
      this.chosen = new Set(this.fresh.map(({ uid }) => uid))
    })
  }

  toggle(uid: string, on: boolean): void {
    this.chosen = new Set(on ? [...this.chosen, uid] : [...this.chosen].filter((each) => each !== uid))
  }

  async merge(): Promise<void> {
    const { other } = this
    if (other === null) return
    await this.#work('merging', async (signal) => {
      const uids = this.chosen.size === other.runs.length ? null : [...this.chosen]
      this.done = await lab.client.workspaces.merge({ folder: other.folder, uids }, { signal })
      this.other = await lab.client.workspaces.inspect({ folder: other.folder })
      this.chosen = new Set<string>()
    })
  }

  cancel(): void {
    this.#abort?.abort()
  }

  async #work(busy: 'looking' | 'merging', work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    this.#abort = new AbortController()
    this.busy = busy
    this.problem = null
    try {
      await work(this.#abort.signal)
    } catch (error) {
      if (!isCancelled(error)) this.problem = problemOf(error)
    } finally {
      this.busy = null
    }
  }
}
