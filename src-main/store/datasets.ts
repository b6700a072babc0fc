// Datasets and their problems. A problem is the same one when its key is, so adding a set twice adds nothing.

import {
  LabError,
  problem as problemRecord,
  type Dataset,
  type NewDataset,
  type NewProblem,
  type Problem,
} from '../../src-preload/contract.ts'
import { atomically, type Connection } from './database.ts'
import { allOrNone, mapping, readColumn, type Listing, type Row } from './mapping.ts'

const datasetFields = mapping<NewDataset>('datasets', {
  name: 'plain',
  kind: 'plain',
  source: 'json',
  roles: 'json',
  grader: 'plain',
  note: 'plain',
  createdAtMs: 'plain',
})
const problemFields = mapping<Omit<NewProblem, 'extra'>>('problems', {
  key: 'plain',
  split: 'plain',
  prompt: 'plain',
  answer: 'json',
  level: 'plain',
  slices: 'object',
})

/** Columns that `toProblem` reads, for the joins of other nouns: `p` is the problems table. */
export const PROBLEM_COLUMNS = `p.id AS problem_id, p.dataset_id, ${problemFields.of('p')}`

export const toProblem = (row: Row): Problem => ({
  id: row.problem_id as number,
  datasetId: row.dataset_id as number,
  ...problemFields.fromRow(row),
})

const extras = problemRecord.shape.extra.unwrap()

/** Problems held at once while a whole set is walked. */
const PAGE = 1000

export interface DatasetUses {
  readonly runs: number
  readonly evaluations: number
  readonly rollouts: boolean
}

const inUse = (which: string, runs: number, evaluations: number, rollouts: boolean): LabError =>
  new LabError('dataset.inUse', {
    expected: `a dataset ${which}`,
    found: `${runs} runs and ${evaluations} evaluations${rollouts ? ', with rollouts,' : ''} that do`,
    next: 'Remove those first, or keep the dataset.',
  })

export function datasetStore(db: Connection, listed: Listing = allOrNone) {
  const insert = db.prepare(`INSERT INTO datasets (${datasetFields.columns}) VALUES (${datasetFields.marks})`)
  const select = db.prepare<unknown[], Row>(`SELECT id, ${datasetFields.columns} FROM datasets WHERE id = ?`)
  const selectAll = db.prepare<unknown[], Row>(`SELECT id, ${datasetFields.columns} FROM datasets ORDER BY id`)
  const splits = db.prepare<unknown[], { split: string; count: number }>(
    'SELECT split, count(*) AS count FROM problems WHERE dataset_id = ? GROUP BY split ORDER BY split',
  )
  const setOrigin = db.prepare('UPDATE datasets SET source = ?, roles = ?, grader = ? WHERE id = ?')
  const setWords = db.prepare('UPDATE datasets SET name = ?, note = ?, grader = ? WHERE id = ?')
  const setSplit = db.prepare('UPDATE problems SET split = ? WHERE id = ?')
  const selectEach = db.prepare<unknown[], Row>(
    `SELECT ${PROBLEM_COLUMNS} FROM problems p WHERE p.dataset_id = ? AND p.id > ? ORDER BY p.id LIMIT ?`,
  )
  const remove = db.prepare('DELETE FROM datasets WHERE id = ?')
  const usesOf = db.prepare<unknown[], { runs: number; evaluations: number; rollouts: number }>(`
    SELECT (SELECT count(*) FROM runs WHERE dataset_id = $id) AS runs,
           (SELECT count(*) FROM evaluations WHERE dataset_id = $id) AS evaluations,
           EXISTS (SELECT 1 FROM problems p JOIN rollouts r ON r.problem_id = p.id WHERE p.dataset_id = $id) AS rollouts`)
  const insertProblem = db.prepare(`
    INSERT INTO problems (dataset_id, extra, ${problemFields.columns}) VALUES (?, ?, ${problemFields.marks}) ON CONFLICT (dataset_id, key) DO NOTHING`)
  const fillAnswer = db.prepare("UPDATE problems SET answer = ? WHERE dataset_id = ? AND key = ? AND answer = 'null'")
  const problemIdOf = db.prepare<unknown[], number>('SELECT id FROM problems WHERE dataset_id = ? AND key = ?').pluck()
  const selectProblem = db.prepare<unknown[], Row>(`SELECT p.extra, ${PROBLEM_COLUMNS} FROM problems p WHERE p.id = ?`)
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
    const { changes, lastInsertRowid } = insertProblem.run(
      datasetId,
      problem.extra === undefined ? null : JSON.stringify(problem.extra),
      ...problemFields.toRow(problem),
    )
    if (changes === 1) return Number(lastInsertRowid)
    if (problem.answer !== null) fillAnswer.run(JSON.stringify(problem.answer), datasetId, problem.key)
    return problemIdOf.get(datasetId, problem.key)!
  }

  function* each(datasetId: number): Generator<Problem> {
    for (let after = 0; ;) {
      const page = selectEach.all(datasetId, after, PAGE)
      yield* listed(page, toProblem)
      if (page.length < PAGE) return
      after = page.at(-1)!.problem_id as number
    }
  }

  function problem(id: number): Problem | null {
    const row = selectProblem.get(id)
    return row === undefined
      ? null
      : { ...toProblem(row), ...(row.extra !== null && { extra: readColumn(row, 'problems', 'extra', (value) => extras.parse(value)) }) }
  }

  return {
    add: (dataset: NewDataset): number => Number(insert.run(...datasetFields.toRow(dataset)).lastInsertRowid),
    get(id: number): Dataset | null {
      const row = select.get(id)
      return row === undefined ? null : toDataset(row)
    },
    list: (): Dataset[] => listed(selectAll.all(), toDataset),
    /** What reading whole files told: where they came from, which column plays which part, and how answers are graded. */
    setOrigin: (id: number, { source, roles, grader }: Pick<Dataset, 'source' | 'roles' | 'grader'>): void =>
      void setOrigin.run(JSON.stringify(source), JSON.stringify(roles), grader, id),
    setWords: (id: number, { name, note, grader }: Pick<Dataset, 'name' | 'note' | 'grader'>): void =>
      void setWords.run(name, note, grader, id),
    uses(id: number): DatasetUses {
      const { runs, evaluations, rollouts } = usesOf.get({ id })!
      return { runs, evaluations, rollouts: rollouts === 1 }
    },
    /** Puts every problem into the split that `of` names. Throws LabError `dataset.inUse` when runs or evaluations refer to the set. */
    split(id: number, of: (key: string) => string): void {
      const { runs, evaluations } = usesOf.get({ id })!
      if (runs + evaluations > 0) throw inUse('whose splits nobody relies on yet', runs, evaluations, false)
      atomically(db, 'quick', () => {
        for (const problem of each(id)) setSplit.run(of(problem.key), problem.id)
      })
    },
    /** Removes the set and its problems. Throws LabError `dataset.inUse` when runs, evaluations or rollouts refer to it. */
    remove(id: number): void {
      const { runs, evaluations, rollouts } = usesOf.get({ id })!
      if (runs + evaluations + rollouts > 0) throw inUse('that nothing refers to', runs, evaluations, rollouts === 1)
      remove.run(id)
    },
    /** Every problem in order of id, read a page at a time. */
    each,
    /** Ids in the order given; a problem whose key is already there keeps its id and its first content; an answer it had not is added. */
    addProblems: (datasetId: number, problems: readonly NewProblem[]): number[] =>
      atomically(db, 'quick', () => problems.map((problem) => addProblem(datasetId, problem))),
    /** A problem with what its file said besides. */
    problem,
    /** The same, and null where a listing goes on without it. */
    readable: (id: number): Problem | null => listed.one(() => problem(id)),
    /** Problems of a split in order of id, after `afterId` (0 for the first page). */
    problems: (datasetId: number, split: string, afterId: number, limit: number): Problem[] =>
      listed(selectProblems.all(datasetId, split, afterId, limit), toProblem),
  }
}
