// NeMo-RL's `train_data_step12.jsonl` and `val_data_step12.jsonl`: one line per sample, whose values are lists of one. `content` is a
// conversation, the texts of its turns, or everything as one text; token ids, the mask of what was sampled, log-probabilities and advantages
// run over prompt and completion together, padded. The reference answer is not in the file.

import { SCHEMA_VERSION } from '../../../src-preload/contract.ts'
import { asMessages } from '../canonical.ts'
import type { CanonicalRollout } from '../canonical.ts'
import type { Json, JsonObject } from '../json.ts'
import { asCount, asNumber, asNumbers, asWholeNumbers, compact, pick } from './fields.ts'
import { conversation, most, promptHash, splitAtModel, stepOfStem, written } from './mapping.ts'
import type { Conversation, SourceReader } from './mapping.ts'

const only = (value: Json | undefined): Json | undefined => (Array.isArray(value) && value.length === 1 ? value[0] : value)
const isLogged = (row: JsonObject): boolean =>
  Array.isArray(row.content) && (Array.isArray(row.rewards) || typeof row.rewards === 'number') && typeof row.idx === 'number'

export const nemoRl: SourceReader = {
  format: {
    title: 'NeMo-RL',
    files: 'train_data_step12.jsonl, val_data_step12.jsonl; the name is the step and the split',
    example: [
      {
        content: [['What is 6 times 7?', '<think>6 x 7</think>\\boxed{42}']],
        rewards: [1],
        input_lengths: [5],
        token_ids: [[11, 12, 21, 22, 2, 0]],
        token_loss_mask: [[0, 0, 1, 1, 1, 0]],
        generation_logprobs: [[0, 0, -0.1, -0.2, -0.3, 0]],
        advantages: [[0, 0, 0.5, 0.5, 0.5, 0]],
        idx: 0,
      },
      {
        content: [
          [
            { role: 'user', content: 'What is 6 times 8?' },
            { role: 'assistant', content: '\\boxed{46}' },
          ],
        ],
        rewards: [0],
        idx: 1,
      },
    ],
    fields: {
      content: 'prompt, completion: split at what the model wrote; with more than two turns it is kept as well',
      rewards: 'reward',
      token_ids: 'prompt_token_ids, completion_token_ids: where the mask is one stretch; the padding is left out',
      token_loss_mask: 'completion_token_ids: tells the sampled tokens',
      generation_logprobs: 'completion_logps',
      advantages: 'advantages',
      input_lengths: 'extra',
      idx: 'extra',
    },
  },

  recognise: (sample, path) =>
    most(sample, isLogged)
      ? `it has the fields content, rewards and idx of NeMo-RL${stepOfStem(path) === undefined ? '' : ', and its name is a step'}`
      : null,

  read(row, { path }) {
    const text = textsOf(row.content)
    if (text === undefined) return { code: 'row.noCompletion', detail: 'content holds neither text nor messages' }
    const fields = pick(row)
    if (text.whole) fields.take(['content'], () => true)
    const reward = fields.take(['rewards', 'total_reward'], (value) => asNumber(only(value)))
    const tokens = tokensOf(row)
    if (tokens !== null) for (const name of tokens.used) fields.take([name], () => true)
    const result: CanonicalRollout = {
      schemaVersion: SCHEMA_VERSION,
      step: stepOfStem(path),
      promptId: promptHash(text.prompt?.text),
      prompt: text.prompt?.text,
      promptMessages: text.prompt?.messages,
      completion: text.completion.text,
      completionMessages: text.completion.messages,
      reward,
      ...tokens?.found,
    }
    return [compact({ ...result, extra: fields.rest() })]
  },
}

/** Prompt and completion; `whole` where nothing of the content is left over. */
function textsOf(content: Json | undefined): { prompt?: Conversation; completion: Conversation; whole: boolean } | undefined {
  const turns = only(content)
  if (typeof turns === 'string') {
    const parts = splitAtModel(turns)
    return parts === null
      ? { completion: { text: turns }, whole: true }
      : { prompt: { text: parts.prompt }, completion: { text: parts.completion }, whole: true }
  }
  const messages = asMessages(turns) ?? asMessages(content)
  if (messages !== undefined) {
    const first = messages.findIndex(({ role }) => role === 'assistant')
    if (first < 0) return undefined
    const prompt = first === 0 ? undefined : conversation(messages.slice(0, first) as unknown as Json)
    return { ...(prompt !== undefined && { prompt }), completion: written(messages.slice(first) as unknown as Json)!, whole: true }
  }
  const texts =
    Array.isArray(turns) && turns.every((each) => typeof each === 'string')
      ? (turns as readonly string[])
      : Array.isArray(content) && content.every((each) => typeof each === 'string')
        ? (content as readonly string[])
        : []
  if (texts.length === 0) return undefined
  const prompt = texts.slice(0, -1).join('')
  return { ...(prompt !== '' && { prompt: { text: prompt } }), completion: { text: texts.at(-1)! }, whole: texts.length <= 2 }
}

/** Tokens of prompt and completion by the mask of what was sampled; null where it is not one stretch. */
function tokensOf(
  row: JsonObject,
): {
  readonly found: Pick<
    CanonicalRollout,
    'promptTokenIds' | 'completionTokenIds' | 'promptTokens' | 'completionTokens' | 'completionLogps' | 'advantages'
  >
  readonly used: readonly string[]
} | null {
  const ids = asWholeNumbers(only(row.token_ids))
  const mask = asNumbers(only(row.token_loss_mask))
  if (ids === undefined || mask?.length !== ids.length) return null
  const [from, to] = [mask.indexOf(1), mask.lastIndexOf(1) + 1]
  if (from < 0 || mask.slice(from, to).some((each) => each !== 1)) return null
  const part = (name: string): readonly number[] | undefined => {
    const values = asNumbers(only(row[name]))
    return values?.length === ids.length ? values.slice(from, to) : undefined
  }
  const [logps, advantages] = [part('generation_logprobs'), part('advantages')]
  return {
    found: compact({
      promptTokenIds: from === 0 ? undefined : ids.slice(0, from),
      completionTokenIds: ids.slice(from, to),
      promptTokens: asCount(from),
      completionTokens: to - from,
      completionLogps: logps,
      advantages,
    }),
    used: [
      'token_ids',
      'token_loss_mask',
      ...(logps === undefined ? [] : ['generation_logprobs']),
      ...(advantages === undefined ? [] : ['advantages']),
    ],
  }
}
