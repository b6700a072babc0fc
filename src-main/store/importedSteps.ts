// The steps of a run that was trained elsewhere: what the rollouts of its files say about each step (mean reward, share right, length, each
// with the number of rollouts behind it), and what its trainer logged. Both are kept as the steps of any run, so that every chart and every
// comparison reads them alike. Names say where a value is from: those of `derivedMetric` were computed here from the rollouts, under the names
// that runs of this program use; everything else was stated by the trainer, and a stated value that has one of those names stands under
// `stated/`. Rollouts of another split than training stand under its name (`eval/reward`). Rollouts whose file names no step are of none.

import { derivedMetric } from '../../src-preload/contract.ts'
import { atomically, type Connection } from './database.ts'

interface Aggregate {
  readonly step: number
  readonly split: string
  readonly rollouts: number
  readonly tokens: number
  readonly reward: number | null
  readonly square: number | null
  readonly rewarded: number
  readonly outcome: number | null
  readonly graded: number
  readonly length: number | null
  readonly shortest: number | null
  readonly longest: number | null
  readonly lengths: number
  readonly characters: number
  readonly clipped: number | null
}

/** Splits whose rollouts are those of training. */
const TRAINED: ReadonlySet<string> = new Set(['imported', 'train'])
const prefixOf = (split: string): string => (TRAINED.has(split) ? '' : `${split}/`)

const CHARACTERS = 'completions/mean_characters'

const OF_STEPS = `
  FROM rollouts r JOIN problems p ON p.id = r.problem_id JOIN rollout_bodies b ON b.rollout_id = r.id
  WHERE r.run_id = $runId AND r.evaluation_id IS NULL AND r.step IN (SELECT value FROM json_each($steps))
    AND NOT EXISTS (SELECT 1 FROM json_each(coalesce(b.origin, '{}'), '$.absent') WHERE value = 'step')`

/** A value that a trainer stated, under a name that is not one of those computed here. */
export const statedName = (name: string): string => (derivedMetric(name) ? `stated/${name}` : name)

export function importedSteps(db: Connection) {
  const aggregates = db.prepare<unknown[], Aggregate>(`
    SELECT r.step, p.split, count(*) AS rollouts, sum(r.token_count) AS tokens,
           avg(r.reward) AS reward, avg(r.reward * r.reward) AS square, count(r.reward) AS rewarded,
           avg(r.correct) AS outcome, count(r.correct) AS graded,
           avg(nullif(r.token_count, 0)) AS length, min(nullif(r.token_count, 0)) AS shortest, max(r.token_count) AS longest, count(nullif(r.token_count, 0)) AS lengths,
           avg(length(b.text)) AS characters, avg(CASE WHEN r.finish_reason <> 'unknown' THEN r.finish_reason = 'length' END) AS clipped
    ${OF_STEPS} GROUP BY r.step, p.split`)
  const parts = db.prepare<unknown[], { step: number; split: string; part: string; mean: number }>(`
    SELECT r.step, p.split, j.key AS part, avg(j.value) AS mean
    FROM rollouts r JOIN problems p ON p.id = r.problem_id JOIN rollout_bodies b ON b.rollout_id = r.id, json_each(r.reward_parts) j
    WHERE r.run_id = $runId AND r.evaluation_id IS NULL AND r.step IN (SELECT value FROM json_each($steps))
      AND NOT EXISTS (SELECT 1 FROM json_each(coalesce(b.origin, '{}'), '$.absent') WHERE value = 'step')
    GROUP BY r.step, p.split, j.key`)
  const stepsOf = db.prepare<unknown[], number>('SELECT DISTINCT step FROM rollouts WHERE run_id = ? AND evaluation_id IS NULL').pluck()
  const upsert = db.prepare(`
    INSERT INTO steps (run_id, step, metrics, wall_ms, tokens, estimate_tokens, flops, learning_rate, seed_state, created_at_ms) VALUES ($runId, $step, json_patch('{}', $metrics), 0, $tokens, 0, 0, 0, 'null', $atMs)
    ON CONFLICT (run_id, step) DO UPDATE SET metrics = json_patch(metrics, $metrics), tokens = max(tokens, excluded.tokens)`)

  function metricsOf({
    split,
    rollouts,
    reward,
    square,
    rewarded,
    outcome,
    graded,
    length,
    shortest,
    longest,
    lengths,
    characters,
    clipped,
  }: Aggregate): Record<string, number | null> {
    const deviation = rewarded < 2 ? null : Math.sqrt(Math.max(0, ((square! - reward! ** 2) * rewarded) / (rewarded - 1)))
    const all: Readonly<Record<string, number | null>> = {
      'n/rollouts': rollouts,
      'n/reward': rewarded > 0 ? rewarded : null,
      reward,
      reward_std: deviation,
      'n/graded': graded > 0 ? graded : null,
      'rewards/outcome/mean': outcome,
      'n/length': lengths > 0 ? lengths : null,
      'completions/mean_length': length,
      'completions/min_length': shortest,
      'completions/max_length': lengths > 0 ? longest : null,
      // Null takes it away once tokens are known.
      [CHARACTERS]: lengths > 0 ? null : characters,
      'completions/clipped_ratio': clipped,
    }
    return Object.fromEntries(
      Object.entries(all).flatMap(([name, value]) => (value === null && name !== CHARACTERS ? [] : [[`${prefixOf(split)}${name}`, value]])),
    )
  }

  return {
    /** Computes what the rollouts of these steps say, or of all steps of the run; what a trainer stated stays. */
    derive: (runId: number, steps: readonly number[] | null, atMs: number): void =>
      atomically(db, 'quick', () => {
        const chosen = { runId, steps: JSON.stringify(steps ?? stepsOf.all(runId)) }
        const found = new Map<number, { metrics: Record<string, number | null>; tokens: number }>()
        for (const row of aggregates.all(chosen)) {
          const entry = found.get(row.step) ?? { metrics: {}, tokens: 0 }
          found.set(row.step, { metrics: { ...entry.metrics, ...metricsOf(row) }, tokens: entry.tokens + row.tokens })
        }
        for (const { step, split, part, mean } of parts.all(chosen)) {
          const { metrics } = found.get(step)!
          metrics[`${prefixOf(split)}rewards/${part}/mean`] ??= mean
        }
        for (const [step, { metrics, tokens }] of found) upsert.run({ runId, step, metrics: JSON.stringify(metrics), tokens, atMs })
      }),
    /** Keeps what a trainer logged of a step; the newest word on a metric counts. Values that are not finite are left out. */
    state: (runId: number, step: number, metrics: Readonly<Record<string, number>>, atMs: number): void => {
      const finite = Object.entries(metrics)
        .filter(([, value]) => Number.isFinite(value))
        .map(([name, value]) => [statedName(name), value])
      if (finite.length > 0) upsert.run({ runId, step, metrics: JSON.stringify(Object.fromEntries(finite)), tokens: 0, atMs })
    },
  }
}
