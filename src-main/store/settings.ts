// Small values that a workspace keeps by name: drafts of a new run, views, the open page.

import type { Json } from '../../src-preload/contract.ts'
import type { Connection } from './database.ts'

export function settingStore(db: Connection) {
  const select = db.prepare<unknown[], string>('SELECT value FROM settings WHERE key = ?').pluck()
  const selectAll = db.prepare<unknown[], { key: string; value: string }>('SELECT key, value FROM settings ORDER BY key')
  const upsert = db.prepare('INSERT INTO settings (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value')
  const remove = db.prepare('DELETE FROM settings WHERE key = ?')

  return {
    /** Null when never set. */
    get(key: string): Json {
      const text = select.get(key)
      return text === undefined ? null : (JSON.parse(text) as Json)
    },
    all: (): Record<string, Json> => Object.fromEntries(selectAll.all().map(({ key, value }) => [key, JSON.parse(value) as Json])),
    /** Null removes it. */
    set(key: string, value: Json): void {
      if (value === null) remove.run(key)
      else upsert.run(key, JSON.stringify(value))
    },
  }
}
