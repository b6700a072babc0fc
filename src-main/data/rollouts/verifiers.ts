// verifiers' `results.jsonl`: example_id, prompt, completion, answer, info, reward, error, timing, is_completed,
// is_truncated, stop_condition, metrics (whose parts are repeated at top level), token_usage.

import type { FinishReason } from '../../../src-preload/contract.ts'
import type { CanonicalRollout } from '../canonical.ts'
import { isObject } from '../json.ts'
import type { Json, JsonObject } from '../json.ts'
import { asCount, asNumber, asScores, asText, asGold, compact, pick } from './fields.ts'
import { mostHave, asFinishWord, conversation, promptHash, statedCorrect, stepOfFolder, written } from './mapping.ts'
import type { SourceReader } from './mapping.ts'
import { SCHEMA_VERSION } from '../../../src-preload/contract.ts'

export const verifiers: SourceReader = {
  format: {
    title: 'verifiers',
    files: 'results.jsonl beside metadata.json',
    example: [
      {
        example_id: 0,
        prompt: [{ role: 'user', content: 'What is 6 times 7?' }],
        completion: [{ role: 'assistant', content: '\\boxed{42}' }],
        answer: '42',
        reward: 1,
        metrics: { correct_answer: 1 },
        is_completed: true,
        is_truncated: false,
        token_usage: { input_tokens: 9, output_tokens: 4 },
        task: 'gsm8k',
      },
      {
        example_id: 1,
        prompt: [{ role: 'user', content: 'What is 6 times 8?' }],
        completion: [{ role: 'assistant', content: '6 x 8 is' }],
        answer: '48',
        reward: 0,
        metrics: { correct_answer: 0 },
        is_completed: true,
        is_truncated: true,
        token_usage: { input_tokens: 9, output_tokens: 4 },
        task: 'gsm8k',
      },
    ],
    fields: {
      example_id: 'prompt_id',
      prompt: 'prompt, prompt_messages',
      completion: 'completion, completion_messages',
      answer: 'ground_truth',
      reward: 'reward',
      metrics: 'rewards',
      is_completed: 'finish_reason: it is kept as well',
      is_truncated: 'finish_reason: it is kept as well',
      token_usage: 'prompt_tokens, completion_tokens: it is kept as well',
      task: 'extra: tells problems of different environments apart',
    },
  },

  recognise(sample) {
    if (!mostHave(sample, 'prompt', 'completion', 'reward')) return null
    return mostHave(sample, 'example_id') || mostHave(sample, 'stop_condition')
      ? 'it has the fields example_id, prompt, completion and reward of verifiers'
      : null
  },

  read(row, context) {
    const fields = pick(row)
    const prompt = fields.take(['prompt'], conversation)
    const completion = fields.take(['completion'], written)
    if (completion === undefined)
      return { code: 'row.noCompletion', detail: typeof row.error === 'string' ? row.error : 'the field completion is empty' }
    const rewards = fields.take(['metrics'], asScores)
    for (const [name, value] of Object.entries(rewards ?? {})) if (row[name] === value && name !== 'reward') fields.take([name], () => true)
    const usage = fields.peek('token_usage')
    const result: CanonicalRollout = {
      schemaVersion: SCHEMA_VERSION,
      step: stepOfFolder(context.path),
      promptId: fields.take(['example_id'], asText) ?? promptHash(prompt?.text),
      prompt: prompt?.text,
      promptMessages: prompt?.messages,
      completion: completion.text,
      completionMessages: completion.messages,
      promptTokens: countIn(usage, 'input_tokens', 'prompt_tokens'),
      completionTokens: countIn(usage, 'output_tokens', 'completion_tokens'),
      finishReason: finishOf(row),
      groundTruth: fields.take(['answer'], asGold),
      correct: statedCorrect(pick(rewards ?? {}), Object.keys(rewards ?? {})),
      reward: fields.take(['reward'], asNumber),
      rewards,
      advantage: fields.take(['advantage'], asNumber),
    }
    return [compact({ ...result, extra: fields.rest() })]
  },
}

function countIn(usage: Json | undefined, ...names: string[]): number | undefined {
  return isObject(usage) ? pick(usage).take(names, asCount) : undefined
}

function finishOf(row: JsonObject): FinishReason | undefined {
  if (row.error !== undefined && row.error !== null && row.error !== '') return 'error'
  if (row.is_truncated === true) return 'length'
  if (row.is_completed === true) return 'stop'
  return row.stop_condition === undefined ? undefined : asFinishWord(row.stop_condition)
}
