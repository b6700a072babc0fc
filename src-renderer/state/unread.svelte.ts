/**
 * What was typed into the fields of a form and cannot be read. A field tells others of values that can stand only, so that they hold the value
 * from before it: nothing is to be started with that.
 */
import { SvelteMap } from 'svelte/reactivity'

export class Unread {
  readonly #problems = new SvelteMap<string, string>()

  /** For a field's `onproblem`. */
  hears(field: string): (problem: string | null) => void {
    return (problem) => {
      if (problem === null) this.#problems.delete(field)
      else this.#problems.set(field, problem)
    }
  }

  get fields(): string[] {
    return [...this.#problems.keys()]
  }

  /** Why nothing can be started; null where all can be read. */
  get reason(): string | null {
    return this.#problems.size === 0 ? null : `Correct first: ${this.fields.join(', ')}`
  }
}
