// Runs that were thrown away and are kept until the bin is emptied.
import type { Store } from '../../store/openStore.ts'

/** Key of the settings: ids of removed runs. */
const BIN = 'bin'

/** Ids of the runs in the bin. */
export function binOf(store: Store): number[] {
  const kept = store.settings.get(BIN)
  return Array.isArray(kept) ? kept.filter((id): id is number => typeof id === 'number') : []
}

export const setBin = (store: Store, ids: readonly number[]): void => store.settings.set(BIN, ids.length === 0 ? null : [...ids])

/** Returns whether one of these runs lay in the bin. */
export function takeOutOfBin(store: Store, runIds: readonly number[]): boolean {
  const bin = binOf(store)
  const left = bin.filter((id) => !runIds.includes(id))
  if (left.length < bin.length) setBin(store, left)
  return left.length < bin.length
}
