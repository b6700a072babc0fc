// SkyRL's evaluation dumps, `dumped_evals/global_step_10_evals/<data source>.jsonl`: prompt and response as decoded, a score of the whole or
// of each token, why it stopped, and the environment with what it was told, the reference answer among it.

import { SCHEMA_VERSION } from '../../../src-preload/contract.ts'
import type { CanonicalRollout } from '../canonical.ts'
import { isObject, valueAt } from '../json.ts'
import type { Json, JsonObject } from '../json.ts'
import { asGold, asNumber, asNumbers, compact, pick } from './fields.ts'
import { asFinishWord, conversation, foldersOf, mostHave, promptHash, written } from './mapping.ts'
import type { SourceReader } from './mapping.ts'

const truths = ['reward_spec.ground_truth', 'reward_model.ground_truth', 'ground_truth', 'answer', 'extra_info.answer']

export const skyRl: SourceReader = {
  format: {
    title: 'SkyRL',
    files: 'global_step_10_evals/gsm8k.jsonl; the folder is the step, and the split is eval',
    example: [
      {
        input_prompt: '<|im_start|>user\nWhat is 6 times 7?<|im_end|>\n<|im_start|>assistant\n',
        output_response: '\\boxed{42}',
        score: 1,
        stop_reason: 'stop',
        env_class: 'gsm8k',
        env_extras: { reward_spec: { ground_truth: '42' } },
        data_source: 'gsm8k',
      },
      {
        input_prompt: '<|im_start|>user\nWhat is 6 times 8?<|im_end|>\n<|im_start|>assistant\n',
        output_response: '48? No',
        score: [0, 0.25, 0.5],
        stop_reason: 'length',
        env_class: 'gsm8k',
        env_extras: { reward_spec: { ground_truth: '48' } },
        data_source: 'gsm8k',
      },
    ],
    fields: {
      input_prompt: 'prompt',
      output_response: 'completion',
      score: 'reward: the sum where it is a list, which is then kept as well',
      stop_reason: 'finish_reason',
      env_extras: 'ground_truth: from reward_spec or ground_truth in it; it is kept as well',
      env_class: 'extra',
      data_source: 'extra: tells problems of different sources apart',
    },
  },

  recognise: (sample) =>
    mostHave(sample, 'input_prompt', 'output_response', 'score')
      ? 'it has the fields input_prompt, output_response and score of SkyRL'
      : null,

  read(row, { path }) {
    const fields = pick(row)
    const prompt = fields.take(['input_prompt'], conversation)
    const completion = fields.take(['output_response'], written)
    if (completion === undefined) return { code: 'row.noCompletion', detail: 'the field output_response is empty' }
    const perToken = asNumbers(row.score)
    const folder = foldersOf(path).find((name) => /(^|_)evals?(_|$)/.test(name))
    const step = /global_step_(\d{1,15})/.exec(foldersOf(path).join('/'))?.[1]
    const result: CanonicalRollout = {
      schemaVersion: SCHEMA_VERSION,
      split: folder === undefined ? undefined : 'eval',
      step: step === undefined ? undefined : Number(step),
      promptId: promptHash(prompt?.text),
      prompt: prompt?.text,
      promptMessages: prompt?.messages,
      completion: completion.text,
      completionMessages: completion.messages,
      finishReason: fields.take(['stop_reason'], asFinishWord),
      groundTruth: truthOf(row.env_extras),
      reward: perToken === undefined ? fields.take(['score'], asNumber) : perToken.reduce((sum, each) => sum + each, 0),
    }
    return [compact({ ...result, extra: fields.rest() })]
  },
}

function truthOf(extras: Json | undefined): string | readonly string[] | undefined {
  if (!isObject(extras)) return undefined
  for (const path of truths) {
    const truth = asGold(valueAt(extras as JsonObject, path))
    if (truth !== undefined) return truth
  }
  return undefined
}
