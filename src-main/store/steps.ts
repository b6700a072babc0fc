// Training steps: what a step leaves behind is one durable transaction (metrics, every rollout with its episodes and
// estimates, the events), so a reader never sees half a step and a crash never leaves one.

import type { GroupSummary, MetricSeries, NewRollout, NewRunEvent, Step } from '../../src-preload/contract.ts'
import { atomically, type Connection } from './database.ts'
import { PROBLEM_COLUMNS, toProblem } from './datasets.ts'
import { decimate } from './decimate.ts'
import type { eventStore } from './events.ts'
import { allOrNone, mapping, type Listing, type Row } from './mapping.ts'
import type { RolloutStore } from './rollouts.ts'

const fields = mapping<Step>('steps', {
  runId: 'plain',
  step: 'plain',
  metrics: 'numbers',
  wallMs: 'plain',
  tokens: 'plain',
  estimateTokens: 'plain',
  flops: 'plain',
  learningRate: 'plain',
  seedState: 'json',
  createdAtMs: 'plain',
})

export interface StepRecord {
  readonly step: Step
  readonly rollouts: readonly NewRollout[]
  readonly events: readonly NewRunEvent[]
}

/** A step of a run, or a whole evaluation: what groups are listed of. */
export type GroupScope = { readonly runId: number; readonly step: number } | { readonly evaluationId: number }

export interface RunTotals {
  readonly steps: number
  readonly tokens: number
  readonly estimateTokens: number
  readonly flops: number
  readonly wallMs: number
}

const GROUP_SQL = (where: string): string => `
  SELECT g.*, ${PROBLEM_COLUMNS} FROM (
    SELECT group_index, min(problem_id) AS the_problem, count(*) AS rollouts, sum(used) AS used_count, coalesce(sum(correct), 0) AS correct_count,
           avg(reward) AS mean_reward, min(reward) AS min_reward, max(reward) AS max_reward, avg(token_count) AS mean_tokens, avg(progress) AS mean_progress
    FROM rollouts WHERE ${where} GROUP BY group_index) g
  JOIN problems p ON p.id = g.the_problem ORDER BY g.group_index`

const toGroup = (row: Row): GroupSummary => ({
  group: row.group_index as number,
  problem: toProblem(row),
  rolloutCount: row.rollouts as number,
  usedCount: row.used_count as number,
  correctCount: row.correct_count as number,
  meanReward: row.mean_reward as number | null,
  minReward: row.min_reward as number | null,
  maxReward: row.max_reward as number | null,
  meanTokens: row.mean_tokens as number,
  meanProgress: row.mean_progress as number | null,
})

/** A metric that is not a finite number is left out of the record and named in an event instead. */
function finiteMetrics(step: Step): { metrics: Step['metrics']; dropped: NewRunEvent[] } {
  const entries = Object.entries(step.metrics)
  const bad = entries.filter(([, value]) => !Number.isFinite(value)).map(([name]) => name)
  if (bad.length === 0) return { metrics: step.metrics, dropped: [] }
  const message = `Step ${step.step} gave no finite number for ${bad.join(', ')}; left out of its record.`
  return {
    metrics: Object.fromEntries(entries.filter(([name]) => !bad.includes(name))),
    dropped: [
      {
        runId: step.runId,
        step: step.step,
        kind: 'log',
        level: 'warn',
        code: 'metric.notFinite',
        message,
        data: bad,
        atMs: step.createdAtMs,
      },
    ],
  }
}

export function stepStore(db: Connection, rollouts: RolloutStore, events: ReturnType<typeof eventStore>, listed: Listing = allOrNone) {
  const insert = db.prepare(`INSERT INTO steps (${fields.columns}) VALUES (${fields.marks})`)
  const addActiveTime = db.prepare('UPDATE runs SET active_ms = active_ms + ? WHERE id = ?')
  const select = db.prepare<unknown[], Row>(`SELECT ${fields.columns} FROM steps WHERE run_id = ? AND step = ?`)
  const selectRange = db.prepare<unknown[], Row>(
    `SELECT ${fields.columns} FROM steps WHERE run_id = ? AND step BETWEEN ? AND ? ORDER BY step`,
  )
  const metricNames = db
    .prepare<unknown[], string>(
      `SELECT DISTINCT m.key FROM steps s, json_each(CASE WHEN json_valid(s.metrics) THEN s.metrics ELSE '{}' END) m WHERE s.run_id = ? AND m.type IN ('integer', 'real') AND typeof(m.key) = 'text' ORDER BY m.key`,
    )
    .pluck()
  const seriesRows = db
    .prepare<unknown[], [number, number | null, number, number, number]>(
      'SELECT step, CASE WHEN json_valid(metrics) THEN metrics ->> ? END, tokens, wall_ms, flops FROM steps WHERE run_id = ? ORDER BY step',
    )
    .raw()
  const totals = db.prepare<unknown[], RunTotals>(`
    SELECT count(*) AS steps, coalesce(sum(tokens), 0) AS tokens, coalesce(sum(estimate_tokens), 0) AS estimateTokens, coalesce(sum(flops), 0) AS flops, coalesce(sum(wall_ms), 0) AS wallMs
    FROM steps WHERE run_id = ?`)
  const groupsOfStep = db.prepare<unknown[], Row>(GROUP_SQL('run_id = ? AND evaluation_id IS NULL AND step = ?'))
  const groupsOfEvaluation = db.prepare<unknown[], Row>(GROUP_SQL('evaluation_id = ? AND kept_thinking = 0'))

  return {
    /** Records a step of training whole or not at all. Returns rollout ids in the order given. */
    record: ({ step, rollouts: completions, events: told }: StepRecord): number[] =>
      atomically(db, 'durable', () => {
        const { metrics, dropped } = finiteMetrics(step)
        insert.run(...fields.toRow({ ...step, metrics }))
        addActiveTime.run(step.wallMs, step.runId)
        for (const event of [...told, ...dropped]) events.add(event)
        return rollouts.add({ runId: step.runId, evaluationId: null, phase: 'train', step: step.step }, completions)
      }),
    get(runId: number, step: number): Step | null {
      const row = select.get(runId, step)
      return row === undefined ? null : fields.fromRow(row)
    },
    /** Steps `from` to `to`, both included. */
    range: (runId: number, from: number, to: number): Step[] => listed(selectRange.all(runId, from, to), fields.fromRow),
    /** What all steps of a run came to. */
    totals: (runId: number): RunTotals => totals.get(runId)!,
    /** Every metric the run has ever reported. */
    metricNames: (runId: number): string[] => metricNames.all(runId),
    /** A metric against step, tokens, time and FLOPs; exact unless it has more than `maxPoints` points. */
    series(runId: number, metric: string, maxPoints: number): MetricSeries {
      const total = { tokens: 0, wallMs: 0, flops: 0 }
      const points = seriesRows.all(`$.${JSON.stringify(metric)}`, runId).flatMap(([step, value, tokens, wallMs, flops]) => {
        total.tokens += tokens
        total.wallMs += wallMs
        total.flops += flops
        return typeof value !== 'number' || !Number.isFinite(value) ? [] : [{ step, value, ...total }]
      })
      const kept = decimate(
        points.map((point) => point.value),
        maxPoints,
      ).map((at) => points[at]!)
      return {
        runId,
        metric,
        exact: kept.length === points.length,
        pointCount: points.length,
        step: kept.map((point) => point.step),
        value: kept.map((point) => point.value),
        tokens: kept.map((point) => point.tokens),
        wallMs: kept.map((point) => point.wallMs),
        flops: kept.map((point) => point.flops),
      }
    },
    groups: (scope: GroupScope): GroupSummary[] =>
      listed('evaluationId' in scope ? groupsOfEvaluation.all(scope.evaluationId) : groupsOfStep.all(scope.runId, scope.step), toGroup),
  }
}
