// What happened, in order: log lines, health messages, and the moments of a run's life.

import type { NewRunEvent, RunEvent } from '../../src-preload/contract.ts'
import type { Connection } from './database.ts'
import { allOrNone, mapping, type Listing, type Row } from './mapping.ts'

const fields = mapping<NewRunEvent>('events', {
  runId: 'plain',
  step: 'plain',
  kind: 'plain',
  level: 'plain',
  code: 'plain',
  message: 'plain',
  data: 'json',
  atMs: 'plain',
})

const toEvent = (row: Row): RunEvent => ({ id: row.id as number, ...fields.fromRow(row) })

export function eventStore(db: Connection, listed: Listing = allOrNone) {
  const insert = db.prepare(`INSERT INTO events (${fields.columns}) VALUES (${fields.marks})`)
  const all = db.prepare<unknown[], Row>(`SELECT id, ${fields.columns} FROM events WHERE id > ? ORDER BY id LIMIT ?`)
  const ofRun = db.prepare<unknown[], Row>(`SELECT id, ${fields.columns} FROM events WHERE run_id = ? AND id > ? ORDER BY id LIMIT ?`)
  const ofKind = db.prepare<unknown[], Row>(
    `SELECT id, ${fields.columns} FROM events WHERE run_id = ? AND kind = ? AND id > ? ORDER BY id LIMIT ?`,
  )

  return {
    add: (event: NewRunEvent): number => Number(insert.run(...fields.toRow(event)).lastInsertRowid),
    /** Every event of the workspace after `afterId` (0 for the first page), oldest first. */
    list: (afterId: number, limit: number): RunEvent[] => listed(all.all(afterId, limit), toEvent),
    /** Events of a run, of one kind or of all. */
    ofRun: (runId: number, kind: RunEvent['kind'] | null, afterId: number, limit: number): RunEvent[] =>
      listed(kind === null ? ofRun.all(runId, afterId, limit) : ofKind.all(runId, kind, afterId, limit), toEvent),
  }
}
