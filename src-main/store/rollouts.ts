// Rollouts as they are written and read one at a time: the small row, its text and token arrays, its episodes and the
// estimates of progress. Every completion is kept, used or not. Lists and filters are in rolloutQueries.ts.

import {
  estimator,
  sampleProvenance,
  type Episode,
  type Estimator,
  type NewRollout,
  type Phase,
  type ProgressCurve,
  type ProgressEstimate,
  type Rollout,
  type RolloutDetail,
  type SampleProvenance,
} from '../../src-preload/contract.ts'
import { atomically, type Connection } from './database.ts'
import { PROBLEM_COLUMNS, toProblem } from './datasets.ts'
import { allOrNone, mapping, readColumn, type Listing, type Row } from './mapping.ts'

/** Where a batch of rollouts belongs; `phase` is 'eval' exactly when there is an evaluation. */
export interface RolloutPlace {
  readonly runId: number | null
  readonly evaluationId: number | null
  readonly phase: Phase
  readonly step: number
}

export const rolloutFields = mapping<Omit<Rollout, 'id'>>(
  'rollouts',
  {
    runId: 'plain',
    evaluationId: 'plain',
    phase: 'plain',
    step: 'plain',
    group: 'plain',
    sample: 'plain',
    problemId: 'plain',
    promptTokenCount: 'plain',
    tokenCount: 'plain',
    episodeCount: 'plain',
    budgetTokens: 'plain',
    thinkingTokens: 'plain',
    finishReason: 'plain',
    correct: 'flag',
    reward: 'plain',
    advantage: 'plain',
    used: 'flag',
    progress: 'plain',
    overthinkTokens: 'plain',
    extractedAnswer: 'plain',
    discardReason: 'plain',
    error: 'plain',
    rewardParts: 'numbers',
    keptThinking: 'flag',
  },
  { group: 'group_index', sample: 'sample_index' },
)
type Body = Pick<NewRollout, 'text' | 'promptTokens' | 'tokens' | 'logps' | 'sampled' | 'advantages'>
const bodyFields = mapping<Body>('rollout_bodies', {
  text: 'plain',
  promptTokens: 'int32',
  tokens: 'int32',
  logps: 'float32',
  sampled: 'bytes',
  advantages: 'float32',
})
/** Kept beside the body for what was imported; most rollouts have none. */
const originText = (origin: NewRollout['origin']): string | null =>
  origin === undefined || origin === null ? null : JSON.stringify(origin)
const episodeFields = mapping<Episode>(
  'episodes',
  { index: 'plain', startToken: 'plain', endToken: 'plain', textStart: 'plain', textEnd: 'plain', marker: 'plain', bonus: 'plain' },
  { index: 'episode_index' },
)
const estimateFields = mapping<ProgressEstimate>('progress_estimates', {
  boundary: 'plain',
  tokenOffset: 'plain',
  value: 'plain',
  low: 'plain',
  high: 'plain',
  tokensForwarded: 'plain',
})

export const toRollout = (row: Row): Rollout => ({ id: row.id as number, ...rolloutFields.fromRow(row) })

/** Recorded before the temperature was: it is not known, not 1. */
const asEstimator = (value: unknown): Estimator => estimator.parse({ temperature: null, ...(value as object) })

/** J at the last boundary minus J at the first; null without both. */
function totalProgress(curve: ProgressCurve | undefined): number | null {
  if (curve === undefined || curve.estimates.length < 2) return null
  const ordered = [...curve.estimates].sort((a, b) => a.boundary - b.boundary)
  return ordered.at(-1)!.value - ordered[0]!.value
}

export function rolloutStore(db: Connection, listed: Listing = allOrNone) {
  const insert = db.prepare(`INSERT INTO rollouts (provenance_id, ${rolloutFields.columns}) VALUES (?, ${rolloutFields.marks})`)
  const insertBody = db.prepare(`INSERT INTO rollout_bodies (rollout_id, origin, ${bodyFields.columns}) VALUES (?, ?, ${bodyFields.marks})`)
  const insertEpisode = db.prepare(`INSERT INTO episodes (rollout_id, ${episodeFields.columns}) VALUES (?, ${episodeFields.marks})`)
  const insertEstimate = db.prepare(
    `INSERT INTO progress_estimates (rollout_id, estimator_id, ${estimateFields.columns}) VALUES (?, ?, ${estimateFields.marks})`,
  )
  const interns = (table: string) => ({
    insert: db.prepare(`INSERT INTO ${table} (spec) VALUES (?) ON CONFLICT (spec) DO NOTHING`),
    find: db.prepare<unknown[], number>(`SELECT id FROM ${table} WHERE spec = ?`).pluck(),
  })
  const provenances = interns('provenances')
  const estimators = interns('estimators')
  const countForRun = db.prepare('UPDATE runs SET rollout_count = rollout_count + ? WHERE id = ?')

  const select = db.prepare<unknown[], Row>(`SELECT id, ${rolloutFields.columns} FROM rollouts WHERE id = ?`)
  const selectDetail = db.prepare<unknown[], Row>(`
    SELECT v.id, v.spec, b.rollout_id, b.origin, ${bodyFields.of('b')}, ${PROBLEM_COLUMNS}
    FROM rollouts r JOIN rollout_bodies b ON b.rollout_id = r.id JOIN problems p ON p.id = r.problem_id JOIN provenances v ON v.id = r.provenance_id
    WHERE r.id = ?`)
  const selectEpisodes = db.prepare<unknown[], Row>(
    `SELECT ${episodeFields.columns} FROM episodes WHERE rollout_id = ? ORDER BY episode_index`,
  )
  const selectEstimates = db.prepare<unknown[], Row>(`
    SELECT e.id, e.id AS estimator_id, e.spec, p.rollout_id, ${estimateFields.of('p')}
    FROM progress_estimates p JOIN estimators e ON e.id = p.estimator_id WHERE p.rollout_id = ? ORDER BY e.id, p.boundary`)
  const selectBody = db.prepare<unknown[], Row>(`SELECT ${bodyFields.columns} FROM rollout_bodies WHERE rollout_id = ?`)
  const updateBody = db.prepare(`UPDATE rollout_bodies SET (${bodyFields.columns}) = (${bodyFields.marks}) WHERE rollout_id = ?`)
  const setCounts = db.prepare('UPDATE rollouts SET prompt_token_count = ?, token_count = ?, thinking_tokens = ? WHERE id = ?')
  const setGrade = db.prepare(
    'UPDATE rollouts SET correct = ?, extracted_answer = coalesce(extracted_answer, ?) WHERE id = ? AND correct IS NULL',
  )
  const removeEpisodes = db.prepare('DELETE FROM episodes WHERE rollout_id = ?')
  const setEpisodeCount = db.prepare('UPDATE rollouts SET episode_count = ? WHERE id = ?')
  const thinRun = db.prepare(
    `DELETE FROM rollouts WHERE run_id = ? AND evaluation_id IS NULL AND discard_reason IS NOT 'watch-list'
     AND (step NOT IN (SELECT value FROM json_each(?)) OR group_index >= ?)`,
  )
  const thinEvaluation = db.prepare('DELETE FROM rollouts WHERE evaluation_id = ? AND group_index >= ?')
  const countForEvaluation = db.prepare(
    'UPDATE runs SET rollout_count = rollout_count + ? WHERE id = (SELECT run_id FROM evaluations WHERE id = ?)',
  )
  const setProgressOnce = db.prepare('UPDATE rollouts SET progress = coalesce(progress, ?) WHERE id = ?')

  /** Ids of specifications already stored in this batch; a batch rarely has more than one or two. */
  function interner(table: ReturnType<typeof interns>): (spec: SampleProvenance | Estimator) => number {
    const byObject = new Map<object, number>()
    return (spec) => {
      const known = byObject.get(spec)
      if (known !== undefined) return known
      const text = JSON.stringify(spec)
      table.insert.run(text)
      const id = table.find.get(text)!
      byObject.set(spec, id)
      return id
    }
  }

  function insertCurve(rolloutId: number, curve: ProgressCurve, idOf: (spec: Estimator) => number): void {
    const estimatorId = idOf(curve.estimator)
    for (const estimate of curve.estimates) insertEstimate.run(rolloutId, estimatorId, ...estimateFields.toRow(estimate))
  }

  function add(place: RolloutPlace, rollouts: readonly NewRollout[]): number[] {
    const provenanceId = interner(provenances)
    const estimatorId = interner(estimators)
    const ids = rollouts.map((rollout) => {
      const row = rolloutFields.toRow({
        ...rollout,
        ...place,
        promptTokenCount: rollout.promptTokens.length || (rollout.statedTokens?.prompt ?? 0),
        tokenCount: rollout.tokens.length || (rollout.statedTokens?.completion ?? 0),
        episodeCount: rollout.episodes.length,
        progress: totalProgress(rollout.progress[0]),
        keptThinking: rollout.keptThinking ?? false,
      })
      const id = Number(insert.run(provenanceId(rollout.provenance), ...row).lastInsertRowid)
      insertBody.run(id, originText(rollout.origin), ...bodyFields.toRow(rollout))
      for (const episode of rollout.episodes) insertEpisode.run(id, ...episodeFields.toRow(episode))
      for (const curve of rollout.progress) insertCurve(id, curve, estimatorId)
      return id
    })
    countForRun.run(rollouts.length, place.runId)
    return ids
  }

  function progressOf(id: number): ProgressCurve[] {
    const byEstimator = Map.groupBy(selectEstimates.all(id), (row) => row.estimator_id as number)
    return listed(
      [...byEstimator.values()].map((rows) => rows[0]!),
      (row) => ({
        estimator: readColumn(row, 'estimators', 'spec', asEstimator),
        estimates: byEstimator.get(row.estimator_id as number)!.map(estimateFields.fromRow),
      }),
    )
  }

  function detail(id: number): RolloutDetail | null {
    const row = select.get(id)
    if (row === undefined) return null
    const rest = selectDetail.get(id)!
    return {
      rollout: toRollout(row),
      problem: toProblem(rest),
      provenance: readColumn(rest, 'provenances', 'spec', (value) => sampleProvenance.parse(value)),
      ...bodyFields.fromRow(rest),
      ...(rest.origin !== null && { origin: readColumn<RolloutDetail['origin']>(rest, 'rollout_bodies', 'origin') }),
      episodes: selectEpisodes.all(id).map(episodeFields.fromRow),
      progress: progressOf(id),
    }
  }

  return {
    /** One transaction, quick: for imports and evaluations. Training steps go through `steps.record`. Ids in the order given. */
    add: (place: RolloutPlace, rollouts: readonly NewRollout[]): number[] => atomically(db, 'quick', () => add(place, rollouts)),
    get(id: number): Rollout | null {
      const row = select.get(id)
      return row === undefined ? null : toRollout(row)
    },
    /** Everything recorded about one rollout. */
    detail,
    /** The same, and null where a listing goes on without it. */
    readable: (id: number): RolloutDetail | null => listed.one(() => detail(id)),
    /** Adds estimates made after the fact; lists keep sorting by the first curve a rollout ever had. */
    addProgress: (id: number, curve: ProgressCurve): void =>
      atomically(db, 'quick', () => {
        insertCurve(id, curve, interner(estimators))
        setProgressOnce.run(totalProgress(curve), id)
      }),
    /** Token ids of a rollout that came as text, once a tokenizer reads it; log-probs stay unknown. */
    setTokens: (id: number, promptTokens: Int32Array, tokens: Int32Array, thinkingTokens: number): void =>
      atomically(db, 'quick', () => {
        const body = bodyFields.fromRow(selectBody.get(id)!)
        updateBody.run(...bodyFields.toRow({ ...body, promptTokens, tokens }), id)
        setCounts.run(promptTokens.length, tokens.length, thinkingTokens, id)
      }),
    /** The verdict on a rollout that came without one. */
    setGrade: (id: number, correct: boolean, extracted: string | null): void => void setGrade.run(Number(correct), extracted, id),
    /** Replaces the episodes, as when an imported rollout is first segmented. */
    setEpisodes: (id: number, episodes: readonly Episode[]): void =>
      atomically(db, 'quick', () => {
        removeEpisodes.run(id)
        for (const episode of episodes) insertEpisode.run(id, ...episodeFields.toRow(episode))
        setEpisodeCount.run(episodes.length, id)
      }),
    /** Removes training rollouts outside these steps and groups, to make a workspace small; the watch list and metrics stay. Returns how many went. */
    thinRun: (runId: number, steps: readonly number[], groups: number): number =>
      atomically(db, 'quick', () => {
        const { changes } = thinRun.run(runId, JSON.stringify(steps), groups)
        countForRun.run(-changes, runId)
        return changes
      }),
    /** Removes the rollouts of an evaluation from this group on; its curves and results stay. Returns how many went. */
    thinEvaluation: (evaluationId: number, groups: number): number =>
      atomically(db, 'quick', () => {
        const { changes } = thinEvaluation.run(evaluationId, groups)
        countForEvaluation.run(-changes, evaluationId)
        return changes
      }),
  }
}

export type RolloutStore = ReturnType<typeof rolloutStore>
