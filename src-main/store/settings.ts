// Small values that a workspace keeps by name: drafts of a new run, views, the open page.

import type { Json } from '../../src-preload/contract.ts'
import type { Connection } from './database.ts'
import { leavingOut, readColumn, type Listing, type Row } from './mapping.ts'

/** A setting that cannot be read is one that was never set: nothing recorded depends on it. */
export function settingStore(db: Connection, listed: Listing = leavingOut(() => {})) {
  const select = db.prepare<unknown[], Row>('SELECT key, value FROM settings WHERE key = ?')
  const selectAll = db.prepare<unknown[], Row>('SELECT key, value FROM settings ORDER BY key')
  const upsert = db.prepare('INSERT INTO settings (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value')
  const remove = db.prepare('DELETE FROM settings WHERE key = ?')
  const valueOf = (row: Row): Json => readColumn<Json>(row, 'settings', 'value')

  return {
    /** Null when never set. */
    get(key: string): Json {
      const row = select.get(key)
      return row === undefined ? null : listed.one(() => valueOf(row))
    },
    all: (): Record<string, Json> => Object.fromEntries(listed(selectAll.all(), (row) => [row.key as string, valueOf(row)])),
    /** Null removes it. */
    set(key: string, value: Json): void {
      if (value === null) remove.run(key)
      else upsert.run(key, JSON.stringify(value))
    },
  }
}
