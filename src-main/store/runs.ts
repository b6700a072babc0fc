// Runs: their settings, their status, and the list with what each run's row shows. Removing or rewinding a run takes its
// steps, rollouts, evaluations, checkpoint rows and events along; checkpoint files are collected separately.

import { randomUUID } from 'node:crypto'
import {
  headlineMetrics,
  LabError,
  type LabErrorData,
  type NewRun,
  type Run,
  type RunListItem,
  type RunStatus,
} from '../../src-preload/contract.ts'
import { atomically, type Connection } from './database.ts'
import { decimate } from './decimate.ts'
import { allOrNone, mapping, type Listing, type Row } from './mapping.ts'

const fields = mapping<NewRun>('runs', {
  name: 'plain',
  method: 'plain',
  algorithm: 'plain',
  config: 'object',
  seed: 'plain',
  groupKey: 'plain',
  modelId: 'plain',
  datasetId: 'plain',
  parentRunId: 'plain',
  parentStep: 'plain',
  plannedSteps: 'plain',
  environment: 'json',
  note: 'plain',
  createdAtMs: 'plain',
})
type Life = Pick<Run, 'uid' | 'status' | 'startedAtMs' | 'finishedAtMs' | 'activeMs' | 'lastStep' | 'error'>
const life = mapping<Life>('runs', {
  uid: 'plain',
  status: 'plain',
  startedAtMs: 'plain',
  finishedAtMs: 'plain',
  activeMs: 'plain',
  lastStep: 'plain',
  error: 'objectOrNull',
})

/** An imported run has no steps of training: its last step is that of its rollouts. */
const RUN_COLUMNS = `r.*, coalesce((SELECT max(step) FROM steps WHERE run_id = r.id),
  (SELECT max(step) FROM rollouts WHERE run_id = r.id AND evaluation_id IS NULL AND r.method = 'imported')) AS last_step`
const ENDED: readonly RunStatus[] = ['finished', 'failed', 'interrupted']
/** Points of a sparkline: two (lowest and highest) for each of 24 buckets. */
const SPARKLINE_POINTS = 48

const toRun = (row: Row): Run => ({ id: row.id as number, ...fields.fromRow(row), ...life.fromRow(row) })

/** As in a list: a row that cannot be read stands there as a failed run that says why, so that it hides no other. */
function toListed(row: Row, listed: Listing): Run {
  try {
    return toRun(row)
  } catch (error) {
    if (!(error instanceof LabError)) throw error
    listed.told(error.toJSON())
    return { ...toRun({ ...row, config: '{}', environment: '{}', error: null }), status: 'failed', error: error.toJSON() }
  }
}

/** Metrics that cannot be read are none. */
function latestOf(text: unknown): RunListItem['latest'] {
  try {
    const values = Object.entries((JSON.parse(text as string) ?? {}) as object).filter(([, value]) => Number.isFinite(value))
    return Object.fromEntries(values) as RunListItem['latest']
  } catch {
    return {}
  }
}

/** What a removal or a rewind took away. */
export interface Removed {
  readonly steps: number
  readonly rollouts: number
  readonly evaluations: number
  readonly checkpoints: number
  readonly events: number
}

export function runStore(db: Connection, listed: Listing = allOrNone) {
  const insert = db.prepare(`INSERT INTO runs (uid, status, ${fields.columns}) VALUES (?, 'queued', ${fields.marks})`)
  const select = db.prepare<unknown[], Row>(`SELECT ${RUN_COLUMNS} FROM runs r WHERE r.id = ?`)
  const selectAll = db.prepare<unknown[], Row>(`
    SELECT ${RUN_COLUMNS},
           (SELECT metrics FROM steps WHERE run_id = r.id ORDER BY step DESC LIMIT 1) AS latest,
           (SELECT count(*) FROM checkpoints WHERE run_id = r.id) AS checkpoint_count
    FROM runs r ORDER BY r.id`)
  const selectGroup = db.prepare<unknown[], Row>(`SELECT ${RUN_COLUMNS} FROM runs r WHERE r.group_key = ? ORDER BY r.seed, r.id`)
  // Read from the index alone; the column order is that of headlineMetrics.
  const headlines = db
    .prepare<unknown[], (number | null)[]>(
      'SELECT run_id, step, reward, outcome, mean_length, progress, loss FROM steps INDEXED BY steps_headline ORDER BY run_id, step',
    )
    .raw()
  const setStatus = db.prepare(`
    UPDATE runs SET status = $status, error = $error,
      started_at_ms = CASE WHEN $status = 'running' THEN coalesce(started_at_ms, $atMs) ELSE started_at_ms END,
      finished_at_ms = CASE WHEN $ended THEN $atMs END
    WHERE id = $id`)
  const setLabels = db.prepare('UPDATE runs SET name = ?, note = ? WHERE id = ?')
  const setPlannedSteps = db.prepare('UPDATE runs SET planned_steps = ? WHERE id = ?')
  const remove = db.prepare('DELETE FROM runs WHERE id = ?')
  const countAfter = db.prepare<unknown[], Removed>(`
    SELECT (SELECT count(*) FROM steps WHERE run_id = $id AND step > $step) AS steps,
           (SELECT count(*) FROM rollouts WHERE run_id = $id AND step > $step) AS rollouts,
           (SELECT count(*) FROM evaluations WHERE run_id = $id AND step > $step) AS evaluations,
           (SELECT count(*) FROM checkpoints WHERE run_id = $id AND step > $step) AS checkpoints,
           (SELECT count(*) FROM events WHERE run_id = $id AND step > $step AND kind <> 'lifecycle') AS events`)
  const rewindRun = db.prepare(`
    UPDATE runs SET
      rollout_count = rollout_count - (SELECT count(*) FROM rollouts WHERE run_id = $id AND step > $step),
      active_ms = active_ms - (SELECT coalesce(sum(wall_ms), 0) FROM steps WHERE run_id = $id AND step > $step)
    WHERE id = $id`)
  const deletesAfter = ['evaluations', 'rollouts', 'steps', 'checkpoints', 'events'].map((table) =>
    db.prepare(`DELETE FROM ${table} WHERE run_id = $id AND step > $step${table === 'events' ? ` AND kind <> 'lifecycle'` : ''}`),
  )

  function sparklinesByRun(): Map<number, RunListItem['sparklines']> {
    const rowsByRun = Map.groupBy(headlines.all(), (row) => row[0]!)
    return new Map(
      [...rowsByRun].map(([runId, rows]) => [
        runId,
        headlineMetrics.flatMap((metric, index) => {
          const known = rows.filter((row) => Number.isFinite(row[index + 2]))
          if (known.length === 0) return []
          const kept = decimate(
            known.map((row) => row[index + 2]!),
            SPARKLINE_POINTS,
          )
          return [
            {
              metric,
              exact: kept.length === known.length,
              step: kept.map((at) => known[at]![1]!),
              value: kept.map((at) => known[at]![index + 2]!),
            },
          ]
        }),
      ]),
    )
  }

  return {
    add(run: NewRun): Run {
      const { lastInsertRowid } = insert.run(randomUUID(), ...fields.toRow(run))
      return toRun(select.get(lastInsertRowid)!)
    },
    get(id: number): Run | null {
      const row = select.get(id)
      return row === undefined ? null : toRun(row)
    },
    /** The same, and null where a listing goes on without it. */
    readable: (id: number): Run | null =>
      listed.one(() => {
        const row = select.get(id)
        return row === undefined ? null : toRun(row)
      }),
    /** Every run with its newest metrics and sparklines (decimated ones say so). */
    list(): RunListItem[] {
      const sparklines = sparklinesByRun()
      return selectAll
        .all()
        .map((row) => ({
          run: toListed(row, listed),
          latest: latestOf(row.latest),
          sparklines: sparklines.get(row.id as number) ?? [],
          rolloutCount: row.rollout_count as number,
          checkpointCount: row.checkpoint_count as number,
        }))
    },
    /** Runs that differ only by seed, by seed. */
    group: (groupKey: string): Run[] => listed(selectGroup.all(groupKey), toRun),
    /** Durable. The first `running` starts the clock; `finished`, `failed` and `interrupted` stop it. */
    setStatus(id: number, status: RunStatus, atMs: number, error: LabErrorData | null = null): void {
      atomically(db, 'durable', () =>
        setStatus.run({ id, status, atMs, ended: Number(ENDED.includes(status)), error: error === null ? null : JSON.stringify(error) }),
      )
    },
    setLabels: (id: number, labels: { readonly name: string; readonly note: string }): void =>
      void setLabels.run(labels.name, labels.note, id),
    setPlannedSteps: (id: number, plannedSteps: number): void => void setPlannedSteps.run(plannedSteps, id),
    remove: (id: number): Removed =>
      atomically(db, 'durable', () => {
        const removed = countAfter.get({ id, step: -1 })!
        remove.run(id)
        return removed
      }),
    /** Forgets everything after `step`, so that a run resumed from that step's checkpoint records it anew; that it was interrupted there stays on record. Durable. */
    rewind: (id: number, step: number): Removed =>
      atomically(db, 'durable', () => {
        const removed = countAfter.get({ id, step })!
        rewindRun.run({ id, step })
        for (const each of deletesAfter) each.run({ id, step })
        return removed
      }),
  }
}
