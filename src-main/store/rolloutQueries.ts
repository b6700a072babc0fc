// Lists of rollouts: pages under a filter, text search, the samples to start reading from, the same problem through training,
// and histograms to brush. A filter becomes SQL through one table; pages go on from the last row seen, so page 1,000 costs as
// much as page 1. Sorting by a value lists only rollouts that have it.

import {
  LabError,
  type Histogram,
  type Rollout,
  type RolloutFilter,
  type RolloutPage,
  type RolloutQuery,
  type SamplePicks,
  type SearchHit,
} from '../../src-preload/contract.ts'
import type BetterSqlite3 from 'better-sqlite3'
import type { Connection } from './database.ts'
import { allOrNone, type Listing, type Row } from './mapping.ts'
import { rolloutFields, toRollout } from './rollouts.ts'
import { parseTextQuery, type TextQuery } from './rolloutText.ts'

interface Clause {
  readonly sql: string
  readonly values: readonly unknown[]
}

const equal =
  (column: string) =>
  (value: string | number): Clause[] => [{ sql: `r.${column} = ?`, values: [value] }]
const flag =
  (column: string) =>
  (value: boolean): Clause[] => [{ sql: `r.${column} = ?`, values: [Number(value)] }]
const between =
  (column: string) =>
  ([low, high]: readonly [number | null, number | null]): Clause[] => [
    ...(low === null ? [] : [{ sql: `r.${column} >= ?`, values: [low] }]),
    ...(high === null ? [] : [{ sql: `r.${column} <= ?`, values: [high] }]),
  ]

type Narrowing = Omit<RolloutFilter, 'text'>
const clauses: { readonly [F in keyof Required<Narrowing>]: (value: Required<Narrowing>[F]) => Clause[] } = {
  runId: equal('run_id'),
  evaluationId: equal('evaluation_id'),
  phase: equal('phase'),
  problemId: equal('problem_id'),
  steps: between('step'),
  group: equal('group_index'),
  correct: flag('correct'),
  used: flag('used'),
  finishReason: equal('finish_reason'),
  keptThinking: flag('kept_thinking'),
  reward: between('reward'),
  tokens: between('token_count'),
  progress: between('progress'),
}

/** Rollouts of a run are those of its training unless its evaluations are asked for: the indexes are built for that. */
function clausesOf(filter: RolloutFilter): Clause[] {
  const asked = (Object.keys(clauses) as (keyof Narrowing)[]).flatMap((field) => {
    const value = filter[field]
    return value === undefined ? [] : (clauses[field] as (value: unknown) => Clause[])(value)
  })
  const ofTraining = filter.evaluationId === undefined && filter.phase !== 'eval' && filter.runId !== undefined
  return ofTraining ? [...asked, { sql: 'r.evaluation_id IS NULL', values: [] }] : asked
}

/** Neither a run nor an evaluation is named: places are then those in the order of recording. */
const everywhere = ({ runId, evaluationId }: RolloutFilter): boolean => runId === undefined && evaluationId === undefined

const sortColumns: Record<RolloutQuery['sort'], readonly string[]> = {
  place: ['step', 'group_index', 'sample_index'],
  reward: ['reward'],
  tokens: ['token_count'],
  progress: ['progress'],
  overthink: ['overthink_tokens'],
}

const LISTED = `r.id, ${rolloutFields.of('r')}`
const whereSql = (parts: readonly Clause[]): string => (parts.length === 0 ? '' : `WHERE ${parts.map((part) => part.sql).join(' AND ')}`)
const valuesOf = (parts: readonly Clause[]): unknown[] => parts.flatMap((part) => part.values)

function cursorValues(after: string, count: number): number[] {
  const values = after.split(',').map(Number)
  if (values.length !== count || values.some((value) => !Number.isFinite(value)))
    throw new LabError('rollouts.badCursor', {
      expected: `a place in a list of rollouts as the previous page gave it`,
      found: after.slice(0, 60),
      next: 'Start from the first page.',
    })
  return values
}

/** A number in [0, 1) that depends on the seed alone (one round of mulberry32). */
function fraction(seed: number): number {
  let mixed = (seed + 0x6d2b79f5) | 0
  mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1)
  mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
}

export const histogramColumns = { reward: 'reward', tokens: 'token_count', progress: 'progress', overthink: 'overthink_tokens' } as const
export type HistogramColumn = keyof typeof histogramColumns

/** Where picks are made: a run, one step of it, or an evaluation. */
export type PickScope = Pick<RolloutFilter, 'runId' | 'steps' | 'evaluationId'>

/** Counts in `bins` equal bins from the lowest to the highest value. (Binned here: grouping a million rows in SQL takes three times as long.) */
function binned(parts: readonly (readonly (number | null)[])[], bins: number): Histogram {
  const counts = new Array<number>(bins).fill(0)
  let [low, high, missing, total] = [Infinity, -Infinity, 0, 0]
  for (const values of parts) {
    total += values.length
    for (const value of values) {
      if (value === null) missing++
      else {
        if (value < low) low = value
        if (value > high) high = value
      }
    }
  }
  if (missing === total) return { low: 0, high: 0, counts, missing }
  const width = (high - low) / bins || 1
  for (const values of parts)
    for (const value of values) if (value !== null) counts[Math.min(bins - 1, Math.floor((value - low) / width))]!++
  return { low, high, counts, missing }
}

export function rolloutQueries(db: Connection, listed: Listing = allOrNone) {
  // Filters make a few dozen different statements at most; each is prepared once.
  const prepared = new Map<string, BetterSqlite3.Statement<unknown[], Row>>()
  function statement(sql: string): BetterSqlite3.Statement<unknown[], Row> {
    const known = prepared.get(sql)
    if (known !== undefined) return known
    const made = db.prepare<unknown[], Row>(sql)
    prepared.set(sql, made)
    return made
  }
  const columnOf = (sql: string, values: readonly unknown[]): (number | null)[] =>
    db
      .prepare<unknown[], number | null>(sql)
      .pluck()
      .all(...values)
  const idRange = db.prepare<unknown[], { low: number | null; high: number | null }>(
    'SELECT min(id) AS low, max(id) AS high FROM rollouts WHERE run_id = ? AND evaluation_id IS NULL',
  )
  const throughTraining = db.prepare<unknown[], Row>(
    `SELECT ${LISTED} FROM rollouts r WHERE r.problem_id = ? AND r.run_id = ? ORDER BY r.step, r.group_index, r.sample_index`,
  )
  const throughRuns = db.prepare<unknown[], Row>(
    `SELECT ${LISTED} FROM rollouts r WHERE r.problem_id = ? ORDER BY r.run_id, r.step, r.group_index, r.sample_index`,
  )

  const watched = db.prepare<unknown[], Row>(
    `SELECT ${LISTED} FROM rollouts r WHERE r.run_id = ? AND r.evaluation_id IS NULL AND r.step IN (SELECT value FROM json_each(?))
     AND r.discard_reason = 'watch-list' ORDER BY r.step, r.group_index, r.sample_index`,
  )

  // From step to step along the index, so that the steps and not the rollouts are walked.
  const keptSteps = db
    .prepare<unknown[], number>(
      `
    WITH RECURSIVE kept(step) AS (
      SELECT min(step) FROM rollouts WHERE run_id = $run AND evaluation_id IS NULL
      UNION ALL
      SELECT (SELECT min(step) FROM rollouts WHERE run_id = $run AND evaluation_id IS NULL AND step > kept.step) FROM kept WHERE kept.step IS NOT NULL
    ) SELECT step FROM kept WHERE step IS NOT NULL`,
    )
    .pluck()

  /** The ids that match, bounded to those the filter's run can have. */
  function matching({ match, like }: TextQuery, filter: RolloutFilter): Clause[] {
    const range =
      filter.runId !== undefined && filter.evaluationId === undefined && filter.phase !== 'eval' ? idRange.get(filter.runId)! : null
    return [
      { sql: 't.rollout_text MATCH ?', values: [match] },
      ...(range === null ? [] : [{ sql: 't.rowid BETWEEN ? AND ?', values: [range.low, range.high] }]),
      ...like.map((pattern) => ({
        sql: `(SELECT text FROM rollout_bodies WHERE rollout_id = t.rowid) LIKE ? ESCAPE '\\'`,
        values: [pattern],
      })),
    ]
  }

  /**
   * Where rows come from, and what they must meet. Words that are looked for in the whole workspace lead, in order of id, so that a
   * page of them stops at its end; within a run or an evaluation the index of that leads and the words only choose.
   */
  function sourceOf(filter: RolloutFilter): { readonly from: string; readonly parts: readonly Clause[] } {
    if (filter.text === undefined) return { from: 'rollouts r', parts: clausesOf(filter) }
    const words = matching(parseTextQuery(filter.text), filter)
    if (everywhere(filter))
      return { from: 'rollout_text t CROSS JOIN rollouts r ON r.id = t.rowid', parts: [...words, ...clausesOf(filter)] }
    return {
      from: 'rollouts r',
      parts: [...clausesOf(filter), { sql: `r.id IN (SELECT t.rowid FROM rollout_text t ${whereSql(words)})`, values: valuesOf(words) }],
    }
  }

  const runIds = db.prepare<unknown[], number>('SELECT id FROM runs ORDER BY id').pluck()
  function valuesIn(filter: RolloutFilter, column: HistogramColumn, more: readonly Clause[] = []): (number | null)[] {
    const source = sourceOf(filter)
    const parts = [...source.parts, ...more]
    return columnOf(`SELECT r.${histogramColumns[column]} AS value FROM ${source.from} ${whereSql(parts)}`, valuesOf(parts))
  }

  function page({ filter, sort, descending, limit, after }: RolloutQuery): RolloutPage {
    const columns = [...(sort === 'place' && everywhere(filter) ? [] : sortColumns[sort]), 'id']
    const source = sourceOf(filter)
    const keys = columns.map((column) => (column === 'id' && source.from.includes(' t ') ? 't.rowid' : `r.${column}`))
    const parts = [
      ...source.parts,
      ...(sort === 'place' ? [] : [{ sql: `${keys[0]} IS NOT NULL`, values: [] }]),
      ...(after === null
        ? []
        : [
            {
              sql: `(${keys.join(', ')}) ${descending ? '<' : '>'} (${keys.map(() => '?').join(', ')})`,
              values: cursorValues(after, keys.length),
            },
          ]),
    ]
    const order = keys.map((key) => `${key} ${descending ? 'DESC' : 'ASC'}`).join(', ')
    const rows = statement(`SELECT ${LISTED} FROM ${source.from} ${whereSql(parts)} ORDER BY ${order} LIMIT ?`).all(
      ...valuesOf(parts),
      limit + 1,
    )
    const last = rows.length > limit ? rows[limit - 1]! : null
    return {
      rollouts: listed(rows.slice(0, limit), toRollout),
      next: last === null ? null : columns.map((column) => last[column]).join(','),
    }
  }

  /** Matches in the order they were recorded, each with the text around it. */
  function search(filter: RolloutFilter & { readonly text: string }, afterId: number, limit: number): SearchHit[] {
    const parts = [...matching(parseTextQuery(filter.text), filter), { sql: 't.rowid > ?', values: [afterId] }, ...clausesOf(filter)]
    // CROSS JOIN keeps the text index outermost, so the search stops at the limit.
    const sql = `
      SELECT ${LISTED}, snippet(rollout_text, 0, char(2), char(3), '…', 16) AS snippet
      FROM rollout_text t CROSS JOIN rollouts r ON r.id = t.rowid ${whereSql(parts)} ORDER BY t.rowid LIMIT ?`
    return listed(statement(sql).all(...valuesOf(parts), limit), (row) => ({ rollout: toRollout(row), snippet: row.snippet as string }))
  }

  function firstBy(scope: PickScope, sort: RolloutQuery['sort'], descending: boolean): Rollout | null {
    return page({ filter: scope, sort, descending, limit: 1, after: null }).rollouts[0] ?? null
  }

  function randomOf(scope: PickScope, seed: number): Rollout | null {
    const parts = clausesOf(scope)
    const total = statement(`SELECT count(*) AS total FROM rollouts r ${whereSql(parts)}`).get(...valuesOf(parts))!.total as number
    const sql = `SELECT ${LISTED} FROM rollouts r ${whereSql(parts)} ORDER BY r.step, r.group_index, r.sample_index LIMIT 1 OFFSET ?`
    const row = statement(sql).get(...valuesOf(parts), Math.floor(fraction(seed) * total))
    return row === undefined ? null : listed.one(() => toRollout(row))
  }

  return {
    page,
    search,
    /** Steps of a run's training that kept rollouts, ascending. */
    keptSteps: (runId: number): number[] => keptSteps.all({ run: runId }),
    /** How many rollouts a filter finds. */
    count(filter: RolloutFilter): number {
      const { from, parts } = sourceOf(filter)
      return statement(`SELECT count(*) AS total FROM ${from} ${whereSql(parts)}`).get(...valuesOf(parts))!.total as number
    },
    /** All samples of one prompt in one step, or of one problem in an evaluation, in order. */
    group: (filter: Pick<RolloutFilter, 'runId' | 'steps' | 'evaluationId' | 'group'>): Rollout[] =>
      page({ filter, sort: 'place', descending: false, limit: 1000, after: null }).rollouts,
    /** One problem through the training and evaluations of a run, or of every run when `runId` is null. */
    throughTraining: (problemId: number, runId: number | null): Rollout[] =>
      listed(runId === null ? throughRuns.all(problemId) : throughTraining.all(problemId, runId), toRollout),
    /** What these steps of a run drew of its watch list, in order. */
    watched: (runId: number, steps: readonly number[]): Rollout[] => listed(watched.all(runId, JSON.stringify(steps)), toRollout),
    /** `random` depends on `seed` alone, so that a link shows the same sample again. */
    picks: (scope: PickScope, seed: number): SamplePicks => ({
      shortest: firstBy(scope, 'tokens', false),
      longest: firstBy(scope, 'tokens', true),
      random: randomOf(scope, seed),
      mostProgress: firstBy(scope, 'progress', true),
      leastProgress: firstBy(scope, 'progress', false),
      mostOverthinking: firstBy(scope, 'overthink', true),
    }),
    histogram: (filter: RolloutFilter, column: HistogramColumn, bins: number): Histogram => binned([valuesIn(filter, column)], bins),
    /** The same; over the whole workspace a run at a time, with a `turn` for whoever waits beside it in between. */
    async histogramInTurns(filter: RolloutFilter, column: HistogramColumn, bins: number, turn: () => Promise<void>): Promise<Histogram> {
      if (!everywhere(filter) || filter.phase === 'eval') return binned([valuesIn(filter, column)], bins)
      const parts: (readonly (number | null)[])[] = []
      for (const runId of runIds.all()) {
        parts.push(valuesIn({ ...filter, runId }, column))
        await turn()
      }
      for (const others of ['r.evaluation_id IS NOT NULL', 'r.run_id IS NULL AND r.evaluation_id IS NULL'])
        parts.push(valuesIn(filter, column, [{ sql: others, values: [] }]))
      return binned(parts, bins)
    },
  }
}
