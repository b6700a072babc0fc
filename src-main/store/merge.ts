// Runs of another workspace into this one, in one transaction: with their steps, rollouts, episodes, estimates of progress, evaluations,
// events and checkpoints, under new ids. A run is known by its universal id and comes once; a data set, a problem, a model, the files
// of a checkpoint and what made a sample are the same when their content is, so that runs made apart can be compared on the same
// problems. Ids that stand inside JSON are renumbered too. The other workspace is read from a private copy (otherWorkspace.ts).
//
// The transaction stays open over turns of the event loop, because a large workspace takes minutes and the program must answer meanwhile:
// whoever starts a merge must keep other writers away.

import { cpSync, existsSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { LabError, type Json, type Merged, type OtherWorkspace } from '../../src-preload/contract.ts'
import type { Connection } from './database.ts'
import { syncFile, syncFolder } from './database.ts'
import { explain } from './errors.ts'
import type { Row } from './mapping.ts'
import { copyOther, inspectOther, type PrivateCopy } from './otherWorkspace.ts'

/** Rollouts copied between two turns of the event loop: a few tens of milliseconds. */
const CHUNK = 400

/** What becomes of every table of the schema: a table that is named nowhere here is refused. */
export const mergedTables = {
  brought: [
    'datasets',
    'problems',
    'models',
    'runs',
    'steps',
    'checkpoints',
    'evaluations',
    'evaluation_points',
    'evaluation_results',
    'provenances',
    'estimators',
    'rollouts',
    'rollout_bodies',
    'episodes',
    'progress_estimates',
    'events',
    'studies',
    'study_cells',
  ],
  /** What is said of this workspace alone: its own settings, and the folders that are followed from here. */
  stays: ['workspace', 'settings', 'follows', 'follow_files', 'follow_identity', 'follow_rows'],
} as const

/** A table that nobody thought of here would be lost without a word: that is a mistake of ours. */
function refuseForgotten(db: Connection): void {
  const known: readonly string[] = [...mergedTables.brought, ...mergedTables.stays]
  const tables = db
    .prepare<unknown[], string>(
      "SELECT name FROM main.sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE 'rollout_text%'",
    )
    .pluck()
    .all()
  const forgotten = tables.filter((table) => !known.includes(table))
  if (forgotten.length > 0) throw new Error(`merging knows nothing of the tables ${forgotten.join(', ')}`)
}

/** Tables whose rows get new ids. */
type Noun = string

/** Columns that hold ids, by what the schema says of them. */
function referencesIn(db: Connection): (table: string) => Readonly<Record<string, Noun>> {
  const keysOf = db.prepare<unknown[], { table: string; from: string }>('SELECT "table", "from" FROM pragma_foreign_key_list(?)')
  const known = new Map<string, Readonly<Record<string, Noun>>>(
    mergedTables.brought.map((table) => [table, Object.fromEntries(keysOf.all(table).map((key) => [key.from, key.table]))]),
  )
  known.set('rollouts', { ...known.get('rollouts'), id: 'rollouts' })
  return (table) => known.get(table)!
}

/** JSON keys that hold ids, wherever they stand. */
const keys: { readonly [key: string]: Noun } = {
  datasetId: 'datasets',
  problemId: 'problems',
  modelId: 'models',
  runId: 'runs',
  checkpointId: 'checkpoints',
  evaluationId: 'evaluations',
  rolloutId: 'rollouts',
  // The imported set that a run is trained on, among the options of its task.
  dataset: 'datasets',
}

export interface MergeOptions {
  /** Universal ids of the runs to take; null takes all of them, and what no run refers to. */
  readonly uids: readonly string[] | null
  readonly signal?: AbortSignal
  readonly told?: (done: number, total: number) => void
  readonly now: () => number
}

/** @param folder of the workspace that `db` belongs to; `migrations` the folder of numbered SQL files */
export function mergeStore(db: Connection, folder: string, migrations: string) {
  const uidOfRun = db.prepare<unknown[], number>('SELECT id FROM runs WHERE uid = ?').pluck()

  const inspect = (other: string): OtherWorkspace => inspectOther(other, migrations, folder, (uid) => uidOfRun.get(uid) ?? null)

  async function merge(other: string, options: MergeOptions): Promise<Merged> {
    const { uid, same, runs } = inspect(other)
    if (same)
      throw new LabError('merge.same', {
        expected: 'another workspace',
        found: 'the one that is open',
        next: 'Choose a workspace with runs of its own.',
      })
    const unknown = options.uids?.find((each) => !runs.some((run) => run.uid === each))
    if (unknown !== undefined)
      throw new LabError('merge.noRun', { expected: `a run of ${other}`, found: unknown, next: 'Choose from the runs it has.' })
    const copy = await copyOther(other, folder, migrations, options.now())
    const copied: string[] = []
    try {
      db.prepare('ATTACH ? AS other').run(copy.file)
      try {
        db.pragma('synchronous = FULL')
        db.exec('BEGIN IMMEDIATE')
        try {
          const done = await work(db, folder, copy, uid, options, (path) => copied.push(path))
          db.exec('COMMIT')
          return done
        } catch (error) {
          db.exec('ROLLBACK')
          for (const path of copied) rmSync(path, { recursive: true, force: true })
          throw error
        }
      } finally {
        for (const table of ['moved', 'picked']) db.exec(`DROP TABLE IF EXISTS temp.${table}`)
        db.exec('DETACH other')
      }
    } catch (error) {
      throw explain(error, join(folder, 'workspace.db'))
    } finally {
      copy.drop()
    }
  }

  return { inspect, merge }
}

export type Merging = ReturnType<typeof mergeStore>

/** Everything inside the transaction; `made` hears of folders to remove should it fail. */
async function work(
  db: Connection,
  folder: string,
  copy: PrivateCopy,
  uid: string,
  { uids, signal, told }: MergeOptions,
  made: (path: string) => void,
): Promise<Merged> {
  db.exec(`
    CREATE TEMP TABLE moved (noun TEXT NOT NULL, old INTEGER NOT NULL, new INTEGER NOT NULL, PRIMARY KEY (noun, old)) WITHOUT ROWID;
    CREATE TEMP TABLE picked (old INTEGER PRIMARY KEY);`)
  const added = { datasets: 0, problems: 0, models: 0, steps: 0, rollouts: 0, evaluations: 0, checkpoints: 0, events: 0 }
  refuseForgotten(db)
  const all = (sql: string, ...values: unknown[]): Row[] => db.prepare<unknown[], Row>(sql).all(...values)
  const number = (sql: string, ...values: unknown[]): number =>
    (db
      .prepare<unknown[], number | null>(sql)
      .pluck()
      .get(...values) as number | null) ?? 0
  const addMove = db.prepare('INSERT INTO temp.moved (noun, old, new) VALUES (?, ?, ?)')
  const findMove = db.prepare<unknown[], number>('SELECT new FROM temp.moved WHERE noun = ? AND old = ?').pluck()
  const move = (noun: Noun, old: unknown, to: number): void => void addMove.run(noun, old, to)
  const rolloutOffset = number('SELECT max(id) FROM main.rollouts')
  /** Null for what did not come, and for no id. */
  const moved = (noun: Noun, old: unknown): number | null => findMove.get(noun, old) ?? null
  const newId = (noun: Noun, old: number): number | null => (noun === 'rollouts' ? old + rolloutOffset : moved(noun, old))
  const referencesOf = referencesIn(db)
  const columnsOf = (table: string): string[] => all(`SELECT name FROM pragma_table_info('${table}')`).map(({ name }) => name as string)

  /** A row under its new references; what it refers to and did not come is null. */
  function insert(table: string, row: Row, changes: Row = {}): number {
    const references = Object.fromEntries(Object.entries(referencesOf(table)).map(([column, noun]) => [column, moved(noun, row[column])]))
    const values: Row = { ...row, ...references, ...changes }
    const columns = columnsOf(table).filter((column) => values[column] !== undefined)
    return Number(
      db
        .prepare(`INSERT INTO main.${table} (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')})`)
        .run(...columns.map((column) => values[column])).lastInsertRowid,
    )
  }

  /** All rows `o` that the condition finds, copied without leaving SQLite. Returns how many. */
  function copyRows(table: string, where: string, ...values: unknown[]): number {
    const columns = columnsOf(table)
    const taken = columns.map((column) => {
      const noun = referencesOf(table)[column]
      if (noun === undefined) return `o.${column}`
      return noun === 'rollouts'
        ? `o.${column} + ${rolloutOffset}`
        : `(SELECT new FROM temp.moved WHERE noun = '${noun}' AND old = o.${column})`
    })
    return db
      .prepare(`INSERT INTO main.${table} (${columns.join(', ')}) SELECT ${taken.join(', ')} FROM other.${table} o ${where}`)
      .run(...values).changes
  }

  const renumber = (value: Json, key = ''): Json => {
    if (typeof value === 'number' && Object.hasOwn(keys, key)) return newId(keys[key]!, value)
    if (typeof value === 'string') return renumberText(value)
    if (Array.isArray(value)) return value.map((each: Json) => renumber(each, key))
    return value !== null && typeof value === 'object'
      ? Object.fromEntries(Object.entries(value).map(([name, each]) => [name, renumber(each, name)]))
      : value
  }
  /** Weights named by the id of a model or checkpoint; a checkpoint that did not come is named by its folder. */
  function renumberText(text: string): string {
    const model = /^model:(\d+)$/.exec(text)?.[1]
    if (model !== undefined) {
      const to = newId('models', Number(model))
      return to === null ? text : `model:${to}`
    }
    const old = /^checkpoint:(\d+)$/.exec(text)?.[1]
    if (old === undefined) return text
    const to = newId('checkpoints', Number(old))
    if (to !== null) return `checkpoint:${to}`
    const [row] = all('SELECT content_id FROM other.checkpoints WHERE id = ?', Number(old))
    return row === undefined ? text : join(copy.folder, 'checkpoints', row.content_id as string)
  }
  const renumbered = (text: unknown): string => JSON.stringify(renumber(JSON.parse(text as string) as Json))

  function bringDataset(row: Row): void {
    const { id, kind, source, grader } = row
    const candidates = all(
      'SELECT id FROM main.datasets WHERE kind = ? AND source = ? AND grader = ? ORDER BY id',
      kind,
      source,
      grader,
    ).map((each) => each.id as number)
    const into = candidates.find((candidate) => sameProblems(candidate, id as number, kind as string)) ?? null
    const to = into ?? insert('datasets', { ...row, id: undefined })
    if (into === null) added.datasets++
    move('datasets', id, to)
    const columns = columnsOf('problems')
      .filter((column) => column !== 'id' && column !== 'dataset_id')
      .join(', ')
    added.problems += db
      .prepare(
        `INSERT INTO main.problems (dataset_id, ${columns}) SELECT ?, ${columns} FROM other.problems WHERE dataset_id = ? ORDER BY id ON CONFLICT (dataset_id, key) DO NOTHING`,
      )
      .run(to, id).changes
    db.prepare(
      `INSERT INTO temp.moved (noun, old, new) SELECT 'problems', o.id, m.id FROM other.problems o JOIN main.problems m ON m.dataset_id = ? AND m.key = o.key WHERE o.dataset_id = ?`,
    ).run(to, id)
  }
  /** A generated set grows as runs draw from it, so two are one unless they disagree; an imported one must be equal problem for problem. */
  function sameProblems(here: number, there: number, kind: string): boolean {
    const shared = `FROM other.problems o JOIN main.problems m ON m.dataset_id = ? AND m.key = o.key WHERE o.dataset_id = ?`
    if (number(`SELECT count(*) ${shared} AND (m.prompt <> o.prompt OR m.answer <> o.answer)`, here, there) > 0) return false
    if (kind === 'procedural') return true
    const both = number(`SELECT count(*) ${shared}`, here, there)
    return (
      both === number('SELECT count(*) FROM main.problems WHERE dataset_id = ?', here) &&
      both === number('SELECT count(*) FROM other.problems WHERE dataset_id = ?', there)
    )
  }

  function bringModel(row: Row): void {
    const known = row.sha256 === '' ? 0 : number('SELECT id FROM main.models WHERE sha256 = ? ORDER BY id LIMIT 1', row.sha256)
    if (known > 0) return move('models', row.id, known)
    added.models++
    move('models', row.id, insert('models', { ...row, id: undefined, path: bringFiles(row.path as string) }))
  }
  /** The files of a model that lie inside its workspace; others stay where they are. */
  function bringFiles(path: string): string {
    if (!existsSync(join(copy.folder, path))) return path
    if (!existsSync(join(folder, path))) copyWhole(join(copy.folder, path), join(folder, path), made)
    return path
  }

  let missingCheckpoints = 0
  function bringCheckpoint(row: Row, id: number): void {
    const place = join('checkpoints', row.content_id as string)
    if (!existsSync(join(folder, place))) {
      if (!existsSync(join(copy.folder, place))) {
        missingCheckpoints++
        return
      }
      copyWhole(join(copy.folder, place), join(folder, place), made)
    }
    move('checkpoints', row.id, insert('checkpoints', row, { id }))
    added.checkpoints++
  }

  const wanted = all('SELECT * FROM other.runs ORDER BY id').filter((run) => uids === null || uids.includes(run.uid as string))
  const here = (run: Row): number => number('SELECT id FROM main.runs WHERE uid = ?', run.uid)
  const skipped = wanted.filter((run) => here(run) > 0)
  const runs = wanted.filter((run) => here(run) === 0)
  // Those that are here keep their records; what came later may refer to them.
  for (const run of skipped) move('runs', run.id, here(run))
  const lastRun = number('SELECT max(id) FROM main.runs')
  runs.forEach((run, at) => move('runs', run.id, lastRun + 1 + at))

  const chosen = JSON.stringify(runs.map(({ id }) => id))
  const ofRuns = `IN (SELECT value FROM json_each('${chosen}'))`
  const withRun = `WHERE o.run_id ${ofRuns}`
  const everything = uids === null
  const usedModels = `SELECT model_id FROM other.runs WHERE id ${ofRuns} UNION SELECT model_id FROM other.evaluations WHERE run_id ${ofRuns} UNION SELECT model_id FROM other.checkpoints WHERE run_id ${ofRuns}`
  const usedDatasets = `SELECT dataset_id FROM other.runs WHERE id ${ofRuns} UNION SELECT dataset_id FROM other.evaluations WHERE run_id ${ofRuns}
    UNION SELECT dataset_id FROM other.problems WHERE id IN (SELECT problem_id FROM other.rollouts WHERE run_id ${ofRuns})`
  for (const row of all(`SELECT * FROM other.datasets ${everything ? '' : `WHERE id IN (${usedDatasets})`} ORDER BY id`)) bringDataset(row)
  for (const row of all(`SELECT * FROM other.models ${everything ? '' : `WHERE id IN (${usedModels})`} ORDER BY id`)) bringModel(row)
  await turn()

  const lastCheckpoint = number('SELECT max(id) FROM main.checkpoints')
  // A checkpoint's row names its run, so runs come first; their settings may name checkpoints, so they are written last.
  for (const run of runs)
    insert('runs', run, {
      id: newId('runs', run.id as number),
      parent_run_id: null,
      ...(run.status === 'running' && { status: 'interrupted' }),
    })
  for (const [at, row] of all(`SELECT * FROM other.checkpoints o ${withRun} ORDER BY id`).entries()) {
    bringCheckpoint(row, lastCheckpoint + 1 + at)
    await turn()
    signal?.throwIfAborted()
  }
  const settle = db.prepare('UPDATE main.runs SET config = ?, parent_run_id = ? WHERE id = ?')
  for (const run of runs) settle.run(renumbered(run.config), moved('runs', run.parent_run_id), newId('runs', run.id as number))
  added.steps = copyRows('steps', withRun)

  const starts = everything
    ? 'OR run_id IS NULL'
    : `OR (run_id IS NULL AND model_id IN (${usedModels}) AND dataset_id IN (${usedDatasets}))`
  for (const row of all(`SELECT * FROM other.evaluations WHERE run_id ${ofRuns} ${starts} ORDER BY id`)) {
    const config = renumbered(row.config)
    if (row.run_id === null) {
      // An evaluation of weights that runs start from is the same one when it was made at the same moment under the same conditions.
      const known = number(
        'SELECT id FROM main.evaluations WHERE run_id IS NULL AND name = ? AND created_at_ms = ? AND model_id IS ? AND dataset_id = ?',
        row.name,
        row.created_at_ms,
        moved('models', row.model_id),
        moved('datasets', row.dataset_id),
      )
      if (known > 0) continue
    }
    const id = insert('evaluations', { ...row, id: undefined }, { config, ...(row.status === 'running' && { status: 'interrupted' }) })
    move('evaluations', row.id, id)
    added.evaluations++
  }
  const ofEvaluations = `WHERE o.evaluation_id IN (SELECT old FROM temp.moved WHERE noun = 'evaluations')`
  copyRows('evaluation_points', ofEvaluations)
  copyRows('evaluation_results', ofEvaluations)

  for (const [table, noun] of [
    ['provenances', 'provenances'],
    ['estimators', 'estimators'],
  ] as const) {
    for (const { id, spec } of all(`SELECT id, spec FROM other.${table} ORDER BY id`)) {
      const text = renumbered(spec)
      db.prepare(`INSERT INTO main.${table} (spec) VALUES (?) ON CONFLICT (spec) DO NOTHING`).run(text)
      move(noun, id, number(`SELECT id FROM main.${table} WHERE spec = ?`, text))
    }
  }

  db.exec(
    `INSERT INTO temp.picked SELECT id FROM other.rollouts WHERE run_id ${ofRuns} OR evaluation_id IN (SELECT old FROM temp.moved WHERE noun = 'evaluations')`,
  )
  const total = number('SELECT count(*) FROM temp.picked')
  const chunkEnd = db
    .prepare<unknown[], number | null>('SELECT max(old) FROM (SELECT old FROM temp.picked WHERE old > ? ORDER BY old LIMIT ?)')
    .pluck()
  for (let low = 0, high = chunkEnd.get(low, CHUNK); high !== null && high !== undefined; low = high, high = chunkEnd.get(low, CHUNK)) {
    added.rollouts += copyRows('rollouts', 'JOIN temp.picked p ON p.old = o.id WHERE p.old > ? AND p.old <= ?', low, high)
    for (const table of ['rollout_bodies', 'episodes', 'progress_estimates'])
      copyRows(table, 'JOIN temp.picked p ON p.old = o.rollout_id WHERE p.old > ? AND p.old <= ?', low, high)
    told?.(added.rollouts, total)
    await turn()
    signal?.throwIfAborted()
  }

  for (const row of all(`SELECT * FROM other.events o ${withRun} ORDER BY id`)) {
    insert('events', { ...row, id: undefined }, { data: renumbered(row.data) })
    added.events++
  }

  // A study comes with all of its cells when everything does, and else when a run of it does. One that is here under its own id, or the same grid
  // begun here apart (one preset, equal conditions), gets the cells that it lacks, and those that have come further there; one whose run was deleted
  // here, or did not come with an earlier merge, has not come as far as one with its run.
  const farness = (status: unknown, run: number | null): number => (status === 'finished' ? 2 : 0) + (run === null ? 0 : 1)
  for (const row of all(
    `SELECT * FROM other.studies ${everything ? '' : `WHERE id IN (SELECT study_id FROM other.study_cells WHERE run_id ${ofRuns})`} ORDER BY id`,
  )) {
    const known = number(
      'SELECT id FROM main.studies WHERE uid = ? OR (name = ? AND conditions = ?) ORDER BY uid = ? DESC, id',
      row.uid,
      row.name,
      row.conditions,
      row.uid,
    )
    move('studies', row.id, known > 0 ? known : insert('studies', { ...row, id: undefined }))
    for (const cell of all('SELECT * FROM other.study_cells WHERE study_id = ? ORDER BY id', row.id)) {
      const here = all(
        'SELECT id, status, run_id FROM main.study_cells WHERE study_id = ? AND arm = ? AND seed = ?',
        known,
        cell.arm,
        cell.seed,
      )[0]
      const brings = moved('runs', cell.run_id)
      if (here !== undefined && farness(here.status, here.run_id as number | null) >= farness(cell.status, brings)) continue
      if (here !== undefined) db.prepare('DELETE FROM main.study_cells WHERE id = ?').run(here.id)
      insert('study_cells', { ...cell, id: here?.id }, { spec: renumbered(cell.spec) })
    }
  }

  const broken = db.pragma('foreign_key_check') as unknown[]
  if (broken.length > 0) throw new Error(`merging ${copy.folder} leaves ${broken.length} references to nothing`)
  const asListed = (run: Row) => ({ uid: run.uid as string, id: newId('runs', run.id as number)!, name: run.name as string })
  return { folder: copy.folder, uid, runs: runs.map(asListed), skipped: skipped.map(asListed), added, missingCheckpoints }
}

/** A folder or file under its name only when all of it is there, and on the disk. */
function copyWhole(from: string, to: string, made: (path: string) => void): void {
  const unfinished = `${to}.unfinished`
  rmSync(unfinished, { recursive: true, force: true })
  cpSync(from, unfinished, { recursive: true })
  const paths = statSync(unfinished).isDirectory()
    ? readdirSync(unfinished, { recursive: true }).map((entry) => join(unfinished, String(entry)))
    : [unfinished]
  for (const path of paths.filter((each) => statSync(each).isFile())) syncFile(path)
  made(to)
  renameSync(unfinished, to)
  syncFolder(dirname(to))
}
