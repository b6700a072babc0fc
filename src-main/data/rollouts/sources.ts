// The rollout formats that are read, in the order in which they are recognised: the particular ones first. To add one,
// write its reader and put it in the table.

import { SCHEMA_VERSION } from '../../../src-preload/contract.ts'
import { fromCanonicalRow } from '../canonical.ts'
import type { JsonObject } from '../json.ts'
import { asCount } from './fields.ts'
import { most, mostHave } from './mapping.ts'
import type { RolloutSource, SourceReader } from './mapping.ts'
import { chat } from './chat.ts'
import { inspect } from './inspect.ts'
import { lmEval } from './lmEval.ts'
import { mathArena } from './mathArena.ts'
import { nemoRl } from './nemoRl.ts'
import { nemoSkills } from './nemoSkills.ts'
import { openAi } from './openAi.ts'
import { openCompass } from './openCompass.ts'
import { openInstruct } from './openInstruct.ts'
import { plain } from './plain.ts'
import { primeRl } from './primeRl.ts'
import { qwenMath } from './qwenMath.ts'
import { skyRl } from './skyRl.ts'
import { tinker } from './tinker.ts'
import { trl } from './trl.ts'
import { verifiers } from './verifiers.ts'
import { verl } from './verl.ts'

const canonical: SourceReader = {
  format: {
    title: 'MRT Workbench',
    files: 'what `mrt export rollouts` writes, as JSON Lines or Parquet',
    example: [
      {
        schema_version: 1,
        step: 3,
        prompt_id: 'p7',
        group_id: '0',
        sample_idx: 1,
        prompt: 'What is 6 times 7?',
        completion: '<think>6 x 7</think>\\boxed{42}',
        completion_tokens: 9,
        finish_reason: 'stop',
        ground_truth: '42',
        correct: true,
        reward: 1,
        advantage: 0.5,
        episodes: [{ idx: 0, text_start: 0, text_end: 20, p_correct: 0.75, p_correct_n: 8 }],
        note: 'mine',
      },
    ],
    fields: {
      schema_version: 'schema_version',
      step: 'step',
      prompt_id: 'prompt_id',
      group_id: 'group_id',
      sample_idx: 'sample_idx',
      prompt: 'prompt',
      completion: 'completion',
      completion_tokens: 'completion_tokens',
      finish_reason: 'finish_reason',
      ground_truth: 'ground_truth',
      correct: 'correct',
      reward: 'reward',
      advantage: 'advantage',
      episodes: 'episodes',
      note: 'extra',
    },
  },

  recognise: (sample) =>
    mostHave(sample, 'schema_version') && most(sample, hasCompletion) ? 'it has schema_version and the fields of MRT Workbench' : null,
  read(row) {
    const version = asCount(row.schema_version)
    if (version !== undefined && version > SCHEMA_VERSION)
      return { code: 'row.newerSchema', detail: `schema_version ${version}, known up to ${SCHEMA_VERSION}` }
    const rollout = fromCanonicalRow(row)
    return hasCompletion(row)
      ? [rollout]
      : { code: 'row.noCompletion', detail: 'neither completion, completion_token_ids nor completion_tokens is given' }
  },
}

function hasCompletion(row: JsonObject): boolean {
  return typeof row.completion === 'string' || Array.isArray(row.completion_token_ids) || asCount(row.completion_tokens) !== undefined
}

export const sourceReaders: { readonly [Source in RolloutSource]: SourceReader } = {
  tinker,
  'prime-rl': primeRl,
  'open-instruct': openInstruct,
  canonical,
  'nemo-rl': nemoRl,
  skyrl: skyRl,
  'nemo-skills': nemoSkills,
  opencompass: openCompass,
  'qwen-math': qwenMath,
  matharena: mathArena,
  'lm-eval': lmEval,
  inspect,
  openai: openAi,
  verl,
  verifiers,
  trl,
  chat,
  plain,
}

/** The first source that recognises these rows, with its reason; null when none does. */
export function recogniseRollouts(
  sample: readonly JsonObject[],
  path: string,
): { readonly source: RolloutSource; readonly why: string } | null {
  if (sample.length === 0) return null
  for (const [source, reader] of Object.entries(sourceReaders)) {
    const why = reader.recognise(sample, path)
    if (why !== null) return { source: source as RolloutSource, why }
  }
  return null
}
