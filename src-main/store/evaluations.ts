// Evaluations: one row, its curves, one result per problem (with the chance of being right at every budget, so that moving the
// budget is a query and not a new run), and the answers themselves as rollouts. Two evaluations pair on the problem.

import type {
  Evaluation,
  EvaluationPoint,
  EvaluationResult,
  NewEvaluation,
  NewRollout,
  PairedResult,
  RunStatus,
} from '../../src-preload/contract.ts'
import { atomically, type Connection } from './database.ts'
import { PROBLEM_COLUMNS, toProblem } from './datasets.ts'
import { allOrNone, mapping, type Listing, type Row } from './mapping.ts'
import type { RolloutStore } from './rollouts.ts'

const fields = mapping<NewEvaluation>('evaluations', {
  name: 'plain',
  runId: 'plain',
  checkpointId: 'plain',
  modelId: 'plain',
  datasetId: 'plain',
  split: 'plain',
  step: 'plain',
  config: 'json',
  budgets: 'numberList',
  trainedBudget: 'plain',
  samplesPerProblem: 'plain',
  createdAtMs: 'plain',
})
type Outcome = Pick<Evaluation, 'status' | 'finishedAtMs' | 'wallMs' | 'tokens' | 'metrics' | 'problemCount'>
const outcome = mapping<Outcome>('evaluations', {
  status: 'plain',
  finishedAtMs: 'plain',
  wallMs: 'plain',
  tokens: 'plain',
  metrics: 'numbers',
  problemCount: 'plain',
})
const pointFields = mapping<EvaluationPoint>('evaluation_points', {
  curve: 'plain',
  x: 'plain',
  value: 'plain',
  low: 'plain',
  high: 'plain',
  n: 'plain',
  extrapolated: 'flag',
})
const resultFields = mapping<EvaluationResult>('evaluation_results', {
  problemId: 'plain',
  samples: 'plain',
  accuracy: 'plain',
  meanTokens: 'plain',
  accuracyAtBudget: 'float32',
  regretAtBudget: 'float32',
  keptAtBudget: 'float32',
  keptWholeAtBudget: 'float32',
  keptRegretAtBudget: 'float32',
})

export interface EvaluationEnd {
  readonly status: RunStatus
  readonly atMs: number
  readonly wallMs: number
  readonly tokens: number
  readonly metrics: Evaluation['metrics']
  readonly points: readonly EvaluationPoint[]
}

const COLUMNS = 'e.*, (SELECT count(*) FROM evaluation_results WHERE evaluation_id = e.id) AS problem_count'

const toEvaluation = (row: Row): Evaluation => ({ id: row.id as number, ...fields.fromRow(row), ...outcome.fromRow(row) })

export function evaluationStore(db: Connection, rollouts: RolloutStore, listed: Listing = allOrNone) {
  const insert = db.prepare(`INSERT INTO evaluations (status, ${fields.columns}) VALUES ('running', ${fields.marks})`)
  const select = db.prepare<unknown[], Row>(`SELECT ${COLUMNS} FROM evaluations e WHERE e.id = ?`)
  const selectAll = db.prepare<unknown[], Row>(`SELECT ${COLUMNS} FROM evaluations e ORDER BY e.id`)
  const ofRun = db.prepare<unknown[], Row>(`SELECT ${COLUMNS} FROM evaluations e WHERE e.run_id = ? ORDER BY e.step, e.id`)
  const ofModel = db.prepare<unknown[], Row>(`SELECT ${COLUMNS} FROM evaluations e WHERE e.model_id = ? AND e.run_id IS NULL ORDER BY e.id`)
  const keptProblems = db
    .prepare<unknown[], number>('SELECT DISTINCT problem_id FROM rollouts WHERE evaluation_id = ? ORDER BY problem_id')
    .pluck()
  const end = db.prepare('UPDATE evaluations SET status = ?, finished_at_ms = ?, wall_ms = ?, tokens = ?, metrics = ? WHERE id = ?')
  const remove = db.prepare('DELETE FROM evaluations WHERE id = ?')
  const insertPoint = db.prepare(
    `INSERT OR REPLACE INTO evaluation_points (evaluation_id, ${pointFields.columns}) VALUES (?, ${pointFields.marks})`,
  )
  const selectPoints = db.prepare<unknown[], Row>(
    `SELECT evaluation_id, ${pointFields.columns} FROM evaluation_points WHERE evaluation_id = ? ORDER BY curve, x`,
  )
  const insertResult = db.prepare(
    `INSERT INTO evaluation_results (evaluation_id, ${resultFields.columns}) VALUES (?, ${resultFields.marks})`,
  )
  const selectResults = db.prepare<unknown[], Row>(
    `SELECT evaluation_id, ${resultFields.columns} FROM evaluation_results WHERE evaluation_id = ? ORDER BY problem_id`,
  )
  const selectPairs = db.prepare<unknown[], Row>(`
    SELECT ${PROBLEM_COLUMNS}, a.samples AS a_samples, a.accuracy AS a_accuracy, a.mean_tokens AS a_mean_tokens, a.accuracy_at_budget AS a_budgets, a.regret_at_budget AS a_regrets,
           a.kept_at_budget AS a_kept, a.kept_whole_at_budget AS a_kept_whole, a.kept_regret_at_budget AS a_kept_regrets,
           b.samples AS b_samples, b.accuracy AS b_accuracy, b.mean_tokens AS b_mean_tokens, b.accuracy_at_budget AS b_budgets, b.regret_at_budget AS b_regrets,
           b.kept_at_budget AS b_kept, b.kept_whole_at_budget AS b_kept_whole, b.kept_regret_at_budget AS b_kept_regrets
    FROM evaluation_results a JOIN evaluation_results b ON b.problem_id = a.problem_id JOIN problems p ON p.id = a.problem_id
    WHERE a.evaluation_id = ? AND b.evaluation_id = ? ORDER BY p.id`)

  const sideOf = (row: Row, side: 'a' | 'b'): EvaluationResult =>
    resultFields.fromRow({
      problem_id: row.problem_id,
      samples: row[`${side}_samples`],
      accuracy: row[`${side}_accuracy`],
      mean_tokens: row[`${side}_mean_tokens`],
      accuracy_at_budget: row[`${side}_budgets`],
      regret_at_budget: row[`${side}_regrets`],
      kept_at_budget: row[`${side}_kept`],
      kept_whole_at_budget: row[`${side}_kept_whole`],
      kept_regret_at_budget: row[`${side}_kept_regrets`],
    })

  function get(id: number): Evaluation | null {
    const row = select.get(id)
    return row === undefined ? null : toEvaluation(row)
  }

  return {
    /** Starts as `running`. */
    add(evaluation: NewEvaluation): Evaluation {
      const { lastInsertRowid } = insert.run(...fields.toRow(evaluation))
      return toEvaluation(select.get(lastInsertRowid)!)
    },
    get,
    /** The same, and null where a page goes on without it. */
    readable: (id: number): Evaluation | null => listed.one(() => get(id)),
    list: (): Evaluation[] => listed(selectAll.all(), toEvaluation),
    ofRun: (runId: number): Evaluation[] => listed(ofRun.all(runId), toEvaluation),
    /** Those of a model's own weights, which belong to no run. */
    ofModel: (modelId: number): Evaluation[] => listed(ofModel.all(modelId), toEvaluation),
    /** Problems whose answers are still on record. */
    keptProblems: (id: number): number[] => keptProblems.all(id),
    /** Adds results, and the answers behind them, as they come in. Returns the answers' ids in the order given. */
    addResults: (id: number, results: readonly EvaluationResult[], answers: readonly NewRollout[]): number[] =>
      atomically(db, 'quick', () => {
        const { runId, step } = get(id)!
        for (const result of results) insertResult.run(id, ...resultFields.toRow(result))
        return rollouts.add({ runId, evaluationId: id, phase: 'eval', step: step ?? 0 }, answers)
      }),
    /** Durable. Curves given again replace the points they share. */
    finish: (id: number, ended: EvaluationEnd): void =>
      atomically(db, 'durable', () => {
        for (const point of ended.points) insertPoint.run(id, ...pointFields.toRow(point))
        end.run(ended.status, ended.atMs, ended.wallMs, ended.tokens, JSON.stringify(ended.metrics), id)
      }),
    remove: (id: number): void => void remove.run(id),
    /** Every curve of the evaluation, by curve and x. */
    points: (id: number): EvaluationPoint[] => listed(selectPoints.all(id), pointFields.fromRow),
    results: (id: number): EvaluationResult[] => listed(selectResults.all(id), resultFields.fromRow),
    /** Problems that both evaluations have, with both results: what wins, losses and paired intervals are made of. */
    paired: (a: number, b: number): PairedResult[] =>
      listed(selectPairs.all(a, b), (row) => ({ problem: toProblem(row), a: sideOf(row, 'a'), b: sideOf(row, 'b') })),
  }
}
