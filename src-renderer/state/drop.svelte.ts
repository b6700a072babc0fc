/**
 * Files dragged over the window. Pages and the window say which kinds they take and what will happen to them; the overlay
 * shows that for every file before it is let go, and the first taker that wants a file gets it.
 */
import { app } from './app.svelte.ts'
import { Contributions } from './contributions.svelte.ts'

/** What is known of a file while it is still in the air; the name comes only when it is let go. */
export interface Flying {
  readonly name: string | null
  readonly type: string
  readonly folder: boolean
}

export interface Taker {
  readonly id: string
  /** "A workspace folder is opened", for the places that say what can be dropped. */
  readonly about: string
  /** What letting this one go will do: "opens this workspace"; null when it is not for this taker, or why not. */
  readonly offer: (file: Flying) => { readonly does: string } | { readonly reason: string } | null
  readonly take: (files: readonly Dropped[]) => void
}

export interface Dropped {
  readonly file: File
  readonly flying: Flying
  /** Where the browser says what is in a dropped folder; null where it does not. */
  readonly entry: FileSystemEntry | null
}

class Drop {
  readonly #takers = new Contributions<Taker>()
  /** What hangs over the window; null when nothing does. */
  flying: readonly Flying[] | null = $state.raw(null)

  offers = $derived.by(() =>
    (this.flying ?? []).map((file) => ({ name: file.name ?? (file.folder ? 'a folder' : file.type || 'a file'), ...this.#offer(file) })),
  )

  get takers(): readonly Taker[] {
    return this.#takers.items
  }

  /** While a component is set up: files it takes as long as it is there. */
  accept(taker: Taker): void {
    this.#takers.add(taker)
  }

  letGo(files: readonly Dropped[]): void {
    this.flying = null
    for (const taker of this.takers) {
      const mine = files.filter(({ flying }) => this.#wants(flying)?.taker === taker)
      if (mine.length > 0) taker.take(mine)
    }
    const refused = files.filter(({ flying }) => this.#wants(flying) === null)
    if (refused.length > 0) {
      const [{ flying }] = refused
      const offer = this.#offer(flying)
      app.say({
        tone: 'warn',
        title: refused.length === 1 ? `${flying.name} was not taken` : `${refused.length} files were not taken`,
        text: 'reason' in offer ? offer.reason : '',
      })
    }
  }

  #wants(file: Flying): { readonly taker: Taker; readonly does: string } | null {
    for (const taker of this.takers) {
      const offer = taker.offer(file)
      if (offer && 'does' in offer) return { taker, does: offer.does }
    }
    return null
  }

  #offer(file: Flying): { readonly does: string } | { readonly reason: string } {
    const wanted = this.#wants(file)
    if (wanted) return { does: wanted.does }
    const reasons = this.takers.map((taker) => taker.offer(file)).flatMap((offer) => (offer && 'reason' in offer ? [offer.reason] : []))
    return {
      reason:
        reasons[0] ??
        (this.takers.length === 0
          ? 'nothing can be dropped here'
          : `only this can be dropped here: ${this.takers.map(({ about }) => about).join('; ')}`),
    }
  }
}

export const drop = new Drop()
