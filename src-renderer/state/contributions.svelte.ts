/**
 * What components hand in for as long as they are there, in the order in which they came. The list is kept beside the state
 * that shows it: while a component is taken down, Svelte lets it read state as it was before the change, and what the page
 * that came in its place has handed in meanwhile would be lost.
 */
import { onDestroy } from 'svelte'

export class Contributions<T> {
  #held: readonly T[] = []
  items: readonly T[] = $state.raw([])

  /** While a component is set up. */
  add(item: T): void {
    this.#hold([...this.#held, item])
    onDestroy(() => this.#hold(this.#held.filter((other) => other !== item)))
  }

  #hold(held: readonly T[]): void {
    this.#held = held
    this.items = held
  }
}
