/**
 * What a reader writes beside rollouts: a note and tags, kept with the workspace under the number of the rollout. They stay here: a merge
 * or an export does not take them along.
 */
import type { Json } from '../../src-preload/contract.ts'
import { app } from './app.svelte.ts'
import { lab } from './client.svelte.ts'
import { reading, type Reading } from './reading.svelte.ts'

export interface RolloutNote {
  readonly note: string
  readonly tags: readonly string[]
}

const PREFIX = 'rollout.note.'
const none: RolloutNote = { note: '', tags: [] }

function noteIn(value: Json | undefined): RolloutNote {
  const { note, tags } = (typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {}) as {
    readonly note?: unknown
    readonly tags?: unknown
  }
  return {
    note: typeof note === 'string' ? note : '',
    tags: Array.isArray(tags) ? tags.filter((tag): tag is string => typeof tag === 'string') : [],
  }
}

class RolloutNotes {
  readonly #all: Reading<Record<string, Json>>
  #set: Readonly<Record<number, RolloutNote>> = $state.raw({})

  constructor() {
    this.#all = reading((client) => client.settings.all())
  }

  /** Numbers of the rollouts that have one, ascending. */
  ids: readonly number[] = $derived.by(() => {
    const kept = Object.keys(this.#all.data ?? {})
      .filter((key) => key.startsWith(PREFIX))
      .map((key) => Number(key.slice(PREFIX.length)))
      .filter((id) => this.#set[id] === undefined)
    const fresh = Object.entries(this.#set)
      .filter(([, { note, tags }]) => note !== '' || tags.length > 0)
      .map(([id]) => Number(id))
    return [...kept, ...fresh].sort((a, b) => a - b)
  })

  of = (id: number): RolloutNote => this.#set[id] ?? noteIn(this.#all.data?.[PREFIX + id]) ?? none

  async write(id: number, note: RolloutNote): Promise<void> {
    this.#set = { ...this.#set, [id]: note }
    const empty = note.note === '' && note.tags.length === 0
    await app.attempt(() =>
      lab.client.settings.set({ key: PREFIX + id, value: empty ? null : ({ note: note.note, tags: [...note.tags] } as Json) }),
    )
  }
}

/** While a component is set up. */
export const rolloutNotes = (): RolloutNotes => new RolloutNotes()
