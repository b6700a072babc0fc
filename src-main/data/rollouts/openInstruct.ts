// open-instruct's rollout shards (`<run>_rollouts_000000.jsonl`): token ids, reward, advantage, finish reason. The text is
// not in the file.

import { SCHEMA_VERSION } from '../../../src-preload/contract.ts'
import type { CanonicalRollout } from '../canonical.ts'
import { asCount, asIndex, asNumber, asNumbers, asText, asTexts, asWholeNumbers, compact, pick } from './fields.ts'
import { asFinishWord, most, mostHave, promptHash } from './mapping.ts'
import type { SourceReader } from './mapping.ts'

export const openInstruct: SourceReader = {
  format: {
    title: 'open-instruct',
    files: '<run>_rollouts_000000.jsonl; the text is not in the file',
    example: [
      {
        step: 3,
        prompt_idx: 0,
        sample_idx: 1,
        prompt_tokens: [11, 12],
        response_tokens: [21, 22, 2],
        logprobs: [-0.1, -0.2, -0.3],
        finish_reason: 'stop',
        ground_truth: '42',
        reward: 1,
        advantage: 0.5,
        dataset: 'math',
      },
    ],
    fields: {
      step: 'step',
      prompt_idx: 'group_id',
      sample_idx: 'sample_idx',
      prompt_tokens: 'prompt_token_ids, prompt_tokens',
      response_tokens: 'completion_token_ids, completion_tokens',
      logprobs: 'completion_logps',
      finish_reason: 'finish_reason',
      ground_truth: 'ground_truth',
      reward: 'reward',
      advantage: 'advantage',
      dataset: 'extra',
    },
  },

  recognise(sample) {
    const lists = mostHave(sample, 'prompt_tokens', 'sample_idx') && most(sample, (row) => Array.isArray(row.response_tokens))
    return lists ? 'it has the fields sample_idx, prompt_tokens and response_tokens of open-instruct' : null
  },

  read(row) {
    const fields = pick(row)
    const completionTokenIds = fields.take(['response_tokens'], asWholeNumbers)
    const empty = Array.isArray(row.response_tokens) && row.response_tokens.length === 0
    if (completionTokenIds === undefined && !empty) return { code: 'row.badField', detail: 'response_tokens is not a list of token ids' }
    const promptTokenIds = fields.take(['prompt_tokens'], asWholeNumbers)
    const result: CanonicalRollout = {
      schemaVersion: SCHEMA_VERSION,
      step: fields.take(['step'], asIndex),
      promptId: promptHash(promptTokenIds),
      groupId: fields.take(['prompt_idx'], asText),
      sampleIndex: fields.take(['sample_idx'], asCount),
      promptTokens: promptTokenIds?.length,
      completionTokens: completionTokenIds?.length ?? 0,
      promptTokenIds,
      completionTokenIds,
      completionLogps: fields.take(['logprobs'], asNumbers),
      finishReason: fields.take(['finish_reason'], asFinishWord),
      groundTruth: fields.take(['ground_truth'], asTexts),
      reward: fields.take(['reward'], asNumber),
      advantage: fields.take(['advantage'], asNumber),
    }
    return [compact({ ...result, extra: fields.rest() })]
  },
}
