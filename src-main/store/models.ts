// Models that runs start from: the starter, trained from scratch, imported, or a checkpoint that was given a name.

import { LabError, type Model, type NewModel } from '../../src-preload/contract.ts'
import type { Connection } from './database.ts'
import { allOrNone, mapping, type Listing, type Row } from './mapping.ts'

const fields = mapping<NewModel>('models', {
  name: 'plain',
  kind: 'plain',
  family: 'plain',
  config: 'object',
  tokenizer: 'json',
  parameterCount: 'plain',
  bytes: 'plain',
  path: 'plain',
  sha256: 'plain',
  provenance: 'json',
  createdAtMs: 'plain',
})

const toModel = (row: Row): Model => ({ id: row.id as number, ...fields.fromRow(row) })

export function modelStore(db: Connection, listed: Listing = allOrNone) {
  const insert = db.prepare(`INSERT INTO models (${fields.columns}) VALUES (${fields.marks})`)
  const select = db.prepare<unknown[], Row>(`SELECT id, ${fields.columns} FROM models WHERE id = ?`)
  const selectAll = db.prepare<unknown[], Row>(`SELECT id, ${fields.columns} FROM models ORDER BY id`)
  const selectBySha = db.prepare<unknown[], Row>(`SELECT id, ${fields.columns} FROM models WHERE sha256 = ? ORDER BY id LIMIT 1`)
  const remove = db.prepare('DELETE FROM models WHERE id = ?')
  const uses = db.prepare<unknown[], { runs: number; evaluations: number; checkpoints: number }>(`
    SELECT (SELECT count(*) FROM runs WHERE model_id = $id) AS runs,
           (SELECT count(*) FROM evaluations WHERE model_id = $id) AS evaluations,
           (SELECT count(*) FROM checkpoints WHERE model_id = $id) AS checkpoints`)

  function get(id: number): Model | null {
    const row = select.get(id)
    return row === undefined ? null : toModel(row)
  }

  return {
    add: (model: NewModel): number => Number(insert.run(...fields.toRow(model)).lastInsertRowid),
    get,
    /** The same, and null where a listing goes on without it. */
    readable: (id: number): Model | null => listed.one(() => get(id)),
    list: (): Model[] => listed(selectAll.all(), toModel),
    /** The first model with these weights, so that importing the same file twice finds it. */
    bySha256(sha256: string): Model | null {
      const row = selectBySha.get(sha256)
      return row === undefined ? null : toModel(row)
    },
    /** Removes the record, not the files. Throws LabError `model.inUse` when anything refers to it. */
    remove(id: number): void {
      const used = uses.get({ id })!
      if (used.runs + used.evaluations + used.checkpoints > 0)
        throw new LabError('model.inUse', {
          expected: 'a model that nothing refers to',
          found: `${used.runs} runs, ${used.evaluations} evaluations and ${used.checkpoints} checkpoints that do`,
          next: 'Remove those first, or keep the model.',
        })
      remove.run(id)
    },
  }
}
