// Tinker cookbook's `*_rollout_summaries.jsonl` (schema_version 1): group and trajectory, rewards, and one record per step
// with token counts. The text is not in the file. Its steps become episodes over the tokens that the model wrote.

import { SCHEMA_VERSION } from '../../../src-preload/contract.ts'
import type { CanonicalEpisode, CanonicalRollout } from '../canonical.ts'
import { isObject } from '../json.ts'
import type { Json, JsonObject } from '../json.ts'
import { asBoolean, asCount, asIndex, asNumber, asText, compact, pick } from './fields.ts'
import { mostHave, asFinishWord } from './mapping.ts'
import type { SourceReader } from './mapping.ts'

export const tinker: SourceReader = {
  format: {
    title: 'Tinker cookbook',
    files: '*_rollout_summaries.jsonl; the text is not in the file',
    example: [
      {
        schema_version: 1,
        split: 'train',
        iteration: 3,
        group_idx: 0,
        traj_idx: 1,
        total_reward: 1,
        final_reward: 1,
        steps: [{ step_idx: 0, ob_len: 9, ac_len: 4, reward: 0, metrics: { correct: 1 }, stop_reason: 'stop' }],
        tags: ['math'],
      },
    ],
    fields: {
      split: 'split',
      iteration: 'step',
      group_idx: 'group_id',
      traj_idx: 'sample_idx',
      total_reward: 'reward',
      final_reward: 'rewards',
      steps: 'episodes, prompt_tokens, completion_tokens, correct, finish_reason',
      tags: 'extra',
    },
  },

  recognise(sample) {
    return mostHave(sample, 'traj_idx', 'group_idx', 'steps')
      ? 'it has the fields group_idx, traj_idx and steps of a Tinker rollout summary'
      : null
  },

  read(row) {
    const fields = pick(row)
    const version = fields.take(['schema_version'], asCount)
    if (version !== undefined && version > 1) return { code: 'row.newerSchema', detail: `schema_version ${version}, known up to 1` }
    const steps = fields.take(['steps'], asSteps)
    if (steps === undefined) return { code: 'row.badField', detail: 'steps is not a list of objects' }
    const lengths = steps.map((step) => asCount(step.ac_len))
    const known = lengths.every((length) => length !== undefined)
    const last = steps.at(-1)
    const final = fields.take(['final_reward'], asNumber)
    const result: CanonicalRollout = {
      schemaVersion: SCHEMA_VERSION,
      split: fields.take(['split'], asText),
      step: fields.take(['iteration'], asIndex),
      groupId: fields.take(['group_idx'], asText),
      sampleIndex: fields.take(['traj_idx'], asCount),
      promptTokens: asCount(steps[0]?.ob_len),
      completionTokens: known ? lengths.reduce<number>((sum, length) => sum + length!, 0) : undefined,
      finishReason: last?.stop_reason === undefined ? undefined : asFinishWord(last.stop_reason),
      correct: isObject(last?.metrics) ? asBoolean(last.metrics.correct) : undefined,
      reward: fields.take(['total_reward'], asNumber),
      rewards: final === undefined ? undefined : { final_reward: final },
      episodes: steps.length === 0 ? undefined : episodesOf(steps, known ? (lengths as number[]) : null),
    }
    return [compact({ ...result, extra: fields.rest() })]
  },
}

function asSteps(value: Json): readonly JsonObject[] | undefined {
  return Array.isArray(value) && value.every(isObject) ? (value as readonly JsonObject[]) : undefined
}

function episodesOf(steps: readonly JsonObject[], lengths: readonly number[] | null): CanonicalEpisode[] {
  let at = 0
  return steps.map((step, index) => {
    const startToken = at
    at += lengths?.[index] ?? 0
    const range = lengths === null ? {} : { startToken, endToken: at }
    const fields = pick(step)
    if (lengths !== null) fields.take(['ac_len'], asCount)
    return compact({ index: fields.take(['step_idx'], asCount) ?? index, ...range, extra: fields.rest() })
  })
}
