// Which checkpoint belongs to which run and step. The files themselves are content-addressed folders under `checkpoints/`;
// they are written before the row here, so a row always has its files.

import type { Checkpoint, NewCheckpoint } from '../../src-preload/contract.ts'
import { atomically, type Connection } from './database.ts'
import { mapping, type Row } from './mapping.ts'

const fields = mapping<NewCheckpoint>('checkpoints', {
  contentId: 'plain',
  runId: 'plain',
  step: 'plain',
  kind: 'plain',
  modelId: 'plain',
  bytes: 'plain',
  resumable: 'flag',
  pinned: 'flag',
  createdAtMs: 'plain',
})

const toCheckpoint = (row: Row): Checkpoint => ({ id: row.id as number, ...fields.fromRow(row) })

export function checkpointStore(db: Connection) {
  const insert = db.prepare(`INSERT INTO checkpoints (${fields.columns}) VALUES (${fields.marks})`)
  const select = db.prepare<unknown[], Row>(`SELECT id, ${fields.columns} FROM checkpoints WHERE id = ?`)
  const ofRun = db.prepare<unknown[], Row>(`SELECT id, ${fields.columns} FROM checkpoints WHERE run_id = ? ORDER BY step, id`)
  const newest = db.prepare<unknown[], Row>(
    `SELECT id, ${fields.columns} FROM checkpoints WHERE run_id = ? AND resumable = 1 ORDER BY step DESC, id DESC LIMIT 1`,
  )
  const newestOfAny = db.prepare<unknown[], Row>(
    `SELECT id, ${fields.columns} FROM checkpoints WHERE run_id = ? ORDER BY step DESC, id DESC LIMIT 1`,
  )
  const setPinned = db.prepare('UPDATE checkpoints SET pinned = ? WHERE id = ?')
  const remove = db.prepare('DELETE FROM checkpoints WHERE id = ?')
  const contents = db.prepare<unknown[], string>('SELECT DISTINCT content_id FROM checkpoints').pluck()

  const orNull = (row: Row | undefined): Checkpoint | null => (row === undefined ? null : toCheckpoint(row))

  return {
    /** Durable: once this returns, the run can be resumed from here whatever happens. */
    add: (checkpoint: NewCheckpoint): number =>
      atomically(db, 'durable', () => Number(insert.run(...fields.toRow(checkpoint)).lastInsertRowid)),
    get: (id: number): Checkpoint | null => orNull(select.get(id)),
    ofRun: (runId: number): Checkpoint[] => ofRun.all(runId).map(toCheckpoint),
    /** Where an interrupted run goes on from; null when it has to start over. */
    newestResumable: (runId: number): Checkpoint | null => orNull(newest.get(runId)),
    /** The newest weights of a run, whether training can go on from them or not. */
    newest: (runId: number): Checkpoint | null => orNull(newestOfAny.get(runId)),
    setPinned: (id: number, pinned: boolean): void => void setPinned.run(Number(pinned), id),
    /** Removes the row; evaluations made from it stay. */
    remove: (id: number): void => void remove.run(id),
    /** Content ids that any row refers to: what collecting unused files must keep. */
    referenced: (): Set<string> => new Set(contents.all()),
  }
}
