// Studies: a grid of cells, arm by seed, and what has become of each. A cell's run and evaluations are ordinary records; the cell says which
// they are, and keeps what was measured on validation problems along the way.

import { randomUUID } from 'node:crypto'
import type { Json } from '../../src-preload/contract.ts'
import { atomically, type Connection } from './database.ts'
import { allOrNone, mapping, type Listing, type Row } from './mapping.ts'

export type CellStatus = 'waiting' | 'running' | 'finished' | 'failed'

export interface NewStudy {
  /** Which preset of studies it is. */
  readonly name: string
  readonly title: string
  /** What all cells share: steps, problems, budgets, the rule for learning rates. Two studies with equal conditions are one. */
  readonly conditions: Json
  /** What it was begun on. */
  readonly environment: Json
  readonly createdAtMs: number
}
export interface Study extends NewStudy {
  readonly id: number
  readonly uid: string
}

export interface StudyCell {
  readonly id: number
  readonly studyId: number
  readonly arm: string
  readonly seed: number
  /** The specification of its run. */
  readonly spec: Json
  /** Null until it was begun, and when the run was deleted since. */
  readonly runId: number | null
  readonly status: CellStatus
  /** Measurements on validation problems, and what else the study noted. */
  readonly notes: Json
  /** Time worked on it, all sittings together. */
  readonly wallMs: number
  readonly finishedAtMs: number | null
}

const fields = mapping<NewStudy>('studies', {
  name: 'plain',
  title: 'plain',
  conditions: 'object',
  environment: 'json',
  createdAtMs: 'plain',
})
const cellFields = mapping<Omit<StudyCell, 'id'>>('study_cells', {
  studyId: 'plain',
  arm: 'plain',
  seed: 'plain',
  spec: 'object',
  runId: 'plain',
  status: 'plain',
  notes: 'object',
  wallMs: 'plain',
  finishedAtMs: 'plain',
})
const toStudy = (row: Row): Study => ({ id: row.id as number, uid: row.uid as string, ...fields.fromRow(row) })
const toCell = (row: Row): StudyCell => ({ id: row.id as number, ...cellFields.fromRow(row) })

export function studyStore(db: Connection, listed: Listing = allOrNone) {
  const insert = db.prepare(`INSERT INTO studies (uid, ${fields.columns}) VALUES (?, ${fields.marks})`)
  const selectAll = db.prepare<unknown[], Row>('SELECT * FROM studies ORDER BY id')
  const select = db.prepare<unknown[], Row>('SELECT * FROM studies WHERE id = ?')
  const selectAsked = db.prepare<unknown[], Row>('SELECT * FROM studies WHERE name = ? AND conditions = ? ORDER BY id LIMIT 1')
  const insertCell = db.prepare(
    `INSERT INTO study_cells (${cellFields.columns}) VALUES (${cellFields.marks}) ON CONFLICT (study_id, arm, seed) DO NOTHING`,
  )
  const selectCells = db.prepare<unknown[], Row>('SELECT * FROM study_cells WHERE study_id = ? ORDER BY id')
  const selectCell = db.prepare<unknown[], Row>('SELECT * FROM study_cells WHERE id = ?')
  const remove = db.prepare('DELETE FROM studies WHERE id = ?')
  const setRun = db.prepare(`UPDATE study_cells SET run_id = ?, status = 'running' WHERE id = ?`)
  const setStatus = db.prepare('UPDATE study_cells SET status = ?, wall_ms = wall_ms + ?, finished_at_ms = ? WHERE id = ?')
  const setNotes = db.prepare('UPDATE study_cells SET notes = ? WHERE id = ?')

  return {
    add: (study: NewStudy): Study =>
      atomically(db, 'durable', () => toStudy(select.get(insert.run(randomUUID(), ...fields.toRow(study)).lastInsertRowid)!)),
    list: (): Study[] => listed(selectAll.all(), toStudy),
    get(id: number): Study | null {
      const row = select.get(id)
      return row === undefined ? null : toStudy(row)
    },
    /** The study of this preset with these conditions; null where there is none. */
    asked(name: string, conditions: Json): Study | null {
      const row = selectAsked.get(name, JSON.stringify(conditions))
      return row === undefined ? null : toStudy(row)
    },
    /** Adds cells that the study does not have yet; those it has stay as they are. */
    addCells: (studyId: number, cells: readonly Pick<StudyCell, 'arm' | 'seed' | 'spec'>[]): void =>
      atomically(db, 'durable', () => {
        for (const cell of cells)
          insertCell.run(
            ...cellFields.toRow({ ...cell, studyId, runId: null, status: 'waiting', notes: {}, wallMs: 0, finishedAtMs: null }),
          )
      }),
    /** Its cells go with it; their runs stay. Durable. */
    remove: (studyId: number): void => atomically(db, 'durable', () => void remove.run(studyId)),
    cells: (studyId: number): StudyCell[] => listed(selectCells.all(studyId), toCell),
    cell: (id: number): StudyCell => toCell(selectCell.get(id)!),
    /** Durable. */
    setRun: (cellId: number, runId: number): void => atomically(db, 'durable', () => void setRun.run(runId, cellId)),
    /** Durable. @param workedMs added to the time worked on the cell */
    setStatus: (cellId: number, status: CellStatus, workedMs: number, finishedAtMs: number | null): void =>
      atomically(db, 'durable', () => void setStatus.run(status, workedMs, finishedAtMs, cellId)),
    /** Durable. */
    setNotes: (cellId: number, notes: Json): void => atomically(db, 'durable', () => void setNotes.run(JSON.stringify(notes), cellId)),
  }
}
