// Answers of an OpenAI-like API, a line each: the output file of a batch (custom_id, response, error; also vLLM's run_batch) or bare
// chat and text completions. Every choice is a rollout. The request is rarely in the file; where it is, it is the prompt.

import { SCHEMA_VERSION } from '../../../src-preload/contract.ts'
import type { CanonicalRollout } from '../canonical.ts'
import { isObject } from '../json.ts'
import type { Json, JsonObject } from '../json.ts'
import { asCount, asText, asGold, compact, pick } from './fields.ts'
import { asFinishWord, conversation, most, promptHash, written } from './mapping.ts'
import type { Conversation, SourceReader } from './mapping.ts'

const isBatch = (row: JsonObject): boolean =>
  Object.hasOwn(row, 'custom_id') && (Object.hasOwn(row, 'response') || Object.hasOwn(row, 'error') || isObject(row.result))
const isAnswer = (row: JsonObject): boolean =>
  Array.isArray(row.choices) &&
  row.choices.length > 0 &&
  row.choices.every((choice) => isObject(choice) && (isObject(choice.message) || typeof choice.text === 'string'))

/** Answers of the Responses API hold items in `output`, those of Anthropic parts in `content`. */
const isItems = (row: JsonObject): boolean => row.object === 'response' && Array.isArray(row.output)
const isParts = (row: JsonObject): boolean => row.type === 'message' && Array.isArray(row.content)

/** The answer as chat completions have it: choices with a message, and the usage; the rest of it as it was. */
function asChat(body: JsonObject): JsonObject {
  if (isItems(body)) {
    const { output, ...rest } = body
    const items = (output as readonly Json[]).filter(isObject)
    const content = items.flatMap((item): readonly Json[] =>
      item.type === 'reasoning' ? [item] : item.type === 'message' && Array.isArray(item.content) ? (item.content as readonly Json[]) : [],
    )
    const others = items.filter(({ type }) => type !== 'reasoning' && type !== 'message')
    const finish =
      body.status === 'completed'
        ? 'stop'
        : isObject(body.incomplete_details) && body.incomplete_details.reason === 'max_output_tokens'
          ? 'length'
          : null
    return {
      ...rest,
      ...(others.length > 0 && { output: others }),
      choices: content.length === 0 ? [] : [{ index: 0, message: { role: 'assistant', content }, finish_reason: finish }],
    }
  }
  if (!isParts(body)) return body
  const { content, role, stop_reason: finish, ...rest } = body
  return { ...rest, choices: [{ index: 0, message: { role: role ?? 'assistant', content: content! }, finish_reason: finish ?? null }] }
}

export const openAi: SourceReader = {
  format: {
    title: 'OpenAI, vLLM and Anthropic batches, chat completions and responses',
    files: 'the output file of a batch; lines of answers',
    example: [
      {
        id: 'b1',
        custom_id: 'aime-2',
        response: {
          status_code: 200,
          body: {
            model: 'm',
            choices: [
              { index: 0, message: { role: 'assistant', reasoning_content: '6 x 7', content: '\\boxed{42}' }, finish_reason: 'stop' },
            ],
            usage: { prompt_tokens: 9, completion_tokens: 8 },
          },
        },
        error: null,
      },
      { id: 'b2', custom_id: 'aime-3', response: null, error: { code: 'too_long', message: 'context length exceeded' } },
    ],
    fields: {
      custom_id: 'prompt_id',
      response:
        'completion, completion_messages, finish_reason, prompt_tokens, completion_tokens: one rollout for each choice; the rest of it is kept',
      id: 'extra',
      error: 'rejected: a call that failed, with its error as the reason',
    },
  },

  recognise(sample) {
    if (most(sample, isBatch)) return 'it has the fields custom_id, response and error of a batch of API calls'
    return most(sample, (row) => isAnswer(row) || isItems(row) || isParts(row)) ? 'it has the choices of chat completions' : null
  },

  read(row) {
    const response = isObject(row.response) ? row.response : {}
    const result = isObject(row.result) ? row.result : {}
    const source = isObject(response.body) ? response.body : isAnswer(response) ? response : isObject(result.message) ? result.message : row
    const body = asChat(source)
    const choices = (Array.isArray(body.choices) ? body.choices : []).filter(isObject) as readonly JsonObject[]
    const failure =
      errorOf(row.error) ??
      errorOf(body.error) ??
      errorOf(isObject(result.error) && isObject(result.error.error) ? result.error.error : result.error) ??
      (typeof result.type === 'string' && result.type !== 'succeeded' ? `the call is ${result.type}` : undefined)
    if (choices.length === 0)
      return {
        code: 'row.failed',
        detail:
          failure ??
          `the response has no choices${response.status_code === undefined || response.status_code === null ? '' : ` (status ${String(response.status_code)})`}`,
      }
    const prompt = requestOf(row)
    const fields = pick(row)
    const promptId = fields.take(['custom_id'], asText) ?? promptHash(prompt?.text)
    const groundTruth = fields.take(['ground_truth', 'gold', 'expected_answer', 'answer'], asGold)
    const usage = isObject(body.usage) ? body.usage : {}
    const { response: _response, result: _result, ...left } = fields.rest()
    const { choices: _choices, ...rest } = source === row ? asChat(left) : left
    const { choices: _answers, ...about } = body
    const { body: _body, ...envelope } = response
    const { message: _sent, ...verdict } = result
    const kept: JsonObject =
      source === row
        ? {}
        : Object.keys(result).length > 0
          ? { result: { ...verdict, message: about } }
          : { response: { ...envelope, body: about } }
    const rollouts = choices.flatMap((choice): CanonicalRollout[] => {
      const completion = isObject(choice.message)
        ? written(choice.message as Json)
        : typeof choice.text === 'string'
          ? { text: choice.text }
          : undefined
      if (completion === undefined) return []
      const { message: _message, text: _text, index, finish_reason: finish, ...more } = choice
      return [
        compact<CanonicalRollout>({
          schemaVersion: SCHEMA_VERSION,
          promptId,
          sampleIndex: choices.length > 1 ? asCount(index) : undefined,
          prompt: prompt?.text,
          promptMessages: prompt?.messages,
          completion: completion.text,
          completionMessages: completion.messages,
          promptTokens: asCount(usage.prompt_tokens ?? usage.input_tokens),
          // Usage counts all choices together.
          completionTokens: choices.length === 1 ? asCount(usage.completion_tokens ?? usage.output_tokens) : undefined,
          finishReason: finish === undefined || finish === null ? undefined : asFinishWord(finish),
          groundTruth,
          extra: {
            ...rest,
            ...kept,
            ...(finish !== undefined && finish !== null && asFinishWord(finish) === undefined && { finish_reason: finish }),
            ...(Object.values(more).some((value) => value !== null) && { choice: more }),
          },
        }),
      ]
    })
    return rollouts.length > 0 ? rollouts : { code: 'row.noCompletion', detail: 'its choices hold neither a message nor text' }
  },
}

function errorOf(error: Json | undefined): string | undefined {
  return isObject(error)
    ? [error.code, error.message].flatMap((part) => asText(part) ?? []).join(': ') || JSON.stringify(error)
    : asText(error)
}

/** The request, where the row carries it: `body`, `request` or `request.body`, or messages of its own. */
function requestOf(row: JsonObject): Conversation | undefined {
  const request = isObject(row.request) ? row.request : {}
  for (const place of [row.body, request.body, request, row]) {
    if (!isObject(place)) continue
    const asked = place.messages ?? place.prompt ?? (place === row ? undefined : place.input)
    const prompt = asked === undefined || asked === null ? undefined : conversation(asked)
    if (prompt !== undefined) return prompt
  }
  return undefined
}
