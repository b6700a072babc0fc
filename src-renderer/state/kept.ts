/** Small things a window remembers between starts (theme, a draft): this browser's own storage, and quietly nothing where that is refused. */

const NAME = 'mrt.'

/** What was kept under `key`, if `check` accepts it; else `otherwise`. */
export function recall<T>(key: string, check: (value: unknown) => value is T, otherwise: T): T {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(NAME + key) ?? 'null')
    return check(kept) ? kept : otherwise
  } catch {
    return otherwise
  }
}

/** Keeps `value`; null forgets it. */
export function keep(key: string, value: unknown): void {
  try {
    if (value === null) localStorage.removeItem(NAME + key)
    else localStorage.setItem(NAME + key, JSON.stringify(value))
  } catch {
    // A window that may not store anything works as well, it only forgets.
  }
}

export const isBoolean = (value: unknown): value is boolean => typeof value === 'boolean'
