// Datasets and their problems. A problem is the same one when its key is, so adding a set twice adds nothing.

import { LabError, type Dataset, type NewDataset, type NewProblem, type Problem } from '../../src-preload/contract.ts'
import { atomically, type Connection } from './database.ts'
import { mapping, type Row } from './mapping.ts'

const datasetFields = mapping<NewDataset>({
  name: 'plain', kind: 'plain', source: 'json', roles: 'json', grader: 'plain', note: 'plain', createdAtMs: 'plain',
})
const problemFields = mapping<NewProblem>({ key: 'plain', split: 'plain', prompt: 'plain', answer: 'json', level: 'plain', slices: 'json' })

/** Columns that `toProblem` reads, for the joins of other nouns: `p` is the problems table. */
export const PROBLEM_COLUMNS = `p.id AS problem_id, p.dataset_id, ${problemFields.of('p')}`

export const toProblem = (row: Row): Problem => ({
  id: row.problem_id as number,
  datasetId: row.dataset_id as number,
  ...problemFields.fromRow(row),
})

export function datasetStore(db: Connection) {
  const insert = db.prepare(`INSERT INTO datasets (${datasetFields.columns}) VALUES (${datasetFields.marks})`)
  const select = db.prepare<unknown[], Row>(`SELECT id, ${datasetFields.columns} FROM datasets WHERE id = ?`)
  const selectAll = db.prepare<unknown[], Row>(`SELECT id, ${datasetFields.columns} FROM datasets ORDER BY id`)
  const splits = db.prepare<unknown[], { split: string; count: number }>(
    'SELECT split, count(*) AS count FROM problems WHERE dataset_id = ? GROUP BY split ORDER BY split',
  )
  const setRoles = db.prepare('UPDATE datasets SET roles = ?, grader = ? WHERE id = ?')
  const remove = db.prepare('DELETE FROM datasets WHERE id = ?')
  const uses = db.prepare<unknown[], { runs: number; evaluations: number; rollouts: number }>(`
    SELECT (SELECT count(*) FROM runs WHERE dataset_id = $id) AS runs,
           (SELECT count(*) FROM evaluations WHERE dataset_id = $id) AS evaluations,
           EXISTS (SELECT 1 FROM problems p JOIN rollouts r ON r.problem_id = p.id WHERE p.dataset_id = $id) AS rollouts`)
  const insertProblem = db.prepare(`
    INSERT INTO problems (dataset_id, ${problemFields.columns}) VALUES (?, ${problemFields.marks}) ON CONFLICT (dataset_id, key) DO NOTHING`)
  const problemIdOf = db.prepare<unknown[], number>('SELECT id FROM problems WHERE dataset_id = ? AND key = ?').pluck()
  const selectProblem = db.prepare<unknown[], Row>(`SELECT ${PROBLEM_COLUMNS} FROM problems p WHERE p.id = ?`)
  const selectProblems = db.prepare<unknown[], Row>(
    `SELECT ${PROBLEM_COLUMNS} FROM problems p WHERE p.dataset_id = ? AND p.split = ? AND p.id > ? ORDER BY p.id LIMIT ?`,
  )

  function toDataset(row: Row): Dataset {
    const id = row.id as number
    const counts = splits.all(id)
    return {
      id,
      ...datasetFields.fromRow(row),
      problemCount: counts.reduce((total, each) => total + each.count, 0),
      splits: Object.fromEntries(counts.map((each) => [each.split, each.count])),
    }
  }

  function addProblem(datasetId: number, problem: NewProblem): number {
    const { changes, lastInsertRowid } = insertProblem.run(datasetId, ...problemFields.toRow(problem))
    return changes === 1 ? Number(lastInsertRowid) : problemIdOf.get(datasetId, problem.key)!
  }

  return {
    add: (dataset: NewDataset): number => Number(insert.run(...datasetFields.toRow(dataset)).lastInsertRowid),
    get(id: number): Dataset | null {
      const row = select.get(id)
      return row === undefined ? null : toDataset(row)
    },
    list: (): Dataset[] => selectAll.all().map(toDataset),
    /** What reading the whole file told: which column plays which part, and how answers are graded. */
    setRoles: (id: number, roles: Dataset['roles'], grader: string): void => void setRoles.run(JSON.stringify(roles), grader, id),
    /** Removes the set and its problems. Throws LabError `dataset.inUse` when runs, evaluations or rollouts refer to it. */
    remove(id: number): void {
      const used = uses.get({ id })!
      if (used.runs + used.evaluations + used.rollouts > 0)
        throw new LabError('dataset.inUse', {
          expected: 'a dataset that nothing refers to',
          found: `${used.runs} runs and ${used.evaluations} evaluations${used.rollouts === 1 ? ', with rollouts,' : ''} that do`,
          next: 'Remove those first, or keep the dataset.',
        })
      remove.run(id)
    },
    /** Ids in the order given; a problem whose key is already there keeps its id and its first content. */
    addProblems: (datasetId: number, problems: readonly NewProblem[]): number[] =>
      atomically(db, 'quick', () => problems.map((problem) => addProblem(datasetId, problem))),
    problem(id: number): Problem | null {
      const row = selectProblem.get(id)
      return row === undefined ? null : toProblem(row)
    },
    /** Problems of a split in order of id, after `afterId` (0 for the first page). */
    problems: (datasetId: number, split: string, afterId: number, limit: number): Problem[] =>
      selectProblems.all(datasetId, split, afterId, limit).map(toProblem),
  }
}
