// What takes room in the database, by run, and taking rollouts of training out again. Sizes are those of texts and arrays, which are nearly
// all there is; rows and indexes add a few percent.

import { atomically, type Connection } from './database.ts'

export interface StoredRun {
  readonly runId: number
  readonly name: string
  /** Of training and of files; answers of evaluations are counted apart. */
  readonly rollouts: number
  readonly rolloutBytes: number
  readonly answers: number
  readonly answerBytes: number
}

const BODY_BYTES =
  'octet_length(b.text) + length(b.prompt_tokens) + length(b.tokens) + length(b.logps) + coalesce(length(b.sampled), 0) + coalesce(length(b.advantages), 0) + coalesce(octet_length(b.origin), 0)'

export function storageStore(db: Connection) {
  const byRun = db.prepare<unknown[], StoredRun>(`
    SELECT r.id AS runId, r.name AS name,
      coalesce(sum(o.evaluation_id IS NULL AND o.id IS NOT NULL), 0) AS rollouts, coalesce(sum(CASE WHEN o.evaluation_id IS NULL THEN ${BODY_BYTES} END), 0) AS rolloutBytes,
      coalesce(sum(o.evaluation_id IS NOT NULL), 0) AS answers, coalesce(sum(CASE WHEN o.evaluation_id IS NOT NULL THEN ${BODY_BYTES} END), 0) AS answerBytes
    FROM runs r LEFT JOIN rollouts o ON o.run_id = r.id LEFT JOIN rollout_bodies b ON b.rollout_id = o.id
    GROUP BY r.id ORDER BY r.id`)
  const number = (pragma: string): number => db.pragma(pragma, { simple: true }) as number

  return {
    byRun: (): StoredRun[] => byRun.all(),
    /** Bytes of the database that hold nothing; compacting gives them back. */
    freeBytes: (): number => number('freelist_count') * number('page_size'),
    /** Takes the rollouts of training of these runs out; metrics, evaluations with their answers, and checkpoints stay. Returns how many. */
    removeRollouts: (runIds: readonly number[]): number =>
      atomically(db, 'durable', () => {
        const remove = db.prepare(`DELETE FROM rollouts WHERE run_id = ? AND evaluation_id IS NULL`)
        const count = db.prepare('UPDATE runs SET rollout_count = (SELECT count(*) FROM rollouts WHERE run_id = runs.id) WHERE id = ?')
        return runIds.reduce((sum, id) => {
          const { changes } = remove.run(id)
          count.run(id)
          return sum + changes
        }, 0)
      }),
  }
}
