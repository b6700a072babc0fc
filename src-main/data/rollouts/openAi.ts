// Answers of an OpenAI-like API, a line each: the output file of a batch (custom_id, response, error; also vLLM's run_batch) or bare
// chat and text completions. Every choice is a rollout. The request is rarely in the file; where it is, it is the prompt.

import { SCHEMA_VERSION } from '../../../src-preload/contract.ts'
import type { CanonicalRollout } from '../canonical.ts'
import { isObject } from '../json.ts'
import type { Json, JsonObject } from '../json.ts'
import { asCount, asText, asGold, compact, pick } from './fields.ts'
import { asFinishWord, conversation, most, promptHash, written } from './mapping.ts'
import type { Conversation, SourceReader } from './mapping.ts'

const isBatch = (row: JsonObject): boolean => Object.hasOwn(row, 'custom_id') && (Object.hasOwn(row, 'response') || Object.hasOwn(row, 'error'))
const isAnswer = (row: JsonObject): boolean => Array.isArray(row.choices) && row.choices.length > 0 && row.choices.every((choice) => isObject(choice) && (isObject(choice.message) || typeof choice.text === 'string'))

export const openAi: SourceReader = {
  recognise(sample) {
    if (most(sample, isBatch)) return 'it has the fields custom_id, response and error of a batch of API calls'
    return most(sample, isAnswer) ? 'it has the choices of chat completions' : null
  },

  read(row) {
    const response = isObject(row.response) ? row.response : {}
    const body = isObject(response.body) ? response.body : isAnswer(response) ? response : row
    const choices = (Array.isArray(body.choices) ? body.choices : []).filter(isObject) as readonly JsonObject[]
    const failure = errorOf(row.error) ?? errorOf(body.error)
    if (choices.length === 0) return { code: 'row.failed', detail: failure ?? `the response has no choices${response.status_code === undefined || response.status_code === null ? '' : ` (status ${String(response.status_code)})`}` }
    const prompt = requestOf(row)
    const fields = pick(row)
    const promptId = fields.take(['custom_id'], asText) ?? promptHash(prompt?.text)
    const groundTruth = fields.take(['ground_truth', 'gold', 'expected_answer', 'answer'], asGold)
    const usage = isObject(body.usage) ? body.usage : {}
    const { response: _response, choices: _choices, ...rest } = fields.rest()
    const { choices: _answers, ...about } = body
    const { body: _body, ...envelope } = response
    const kept: JsonObject = body === row ? {} : { response: { ...envelope, body: about } }
    const rollouts = choices.flatMap((choice): CanonicalRollout[] => {
      const completion = isObject(choice.message) ? written(choice.message as Json) : typeof choice.text === 'string' ? { text: choice.text } : undefined
      if (completion === undefined) return []
      const { message: _message, text: _text, index, finish_reason: finish, ...more } = choice
      return [compact<CanonicalRollout>({
        schemaVersion: SCHEMA_VERSION,
        promptId,
        sampleIndex: choices.length > 1 ? asCount(index) : undefined,
        prompt: prompt?.text,
        promptMessages: prompt?.messages,
        completion: completion.text,
        completionMessages: completion.messages,
        promptTokens: asCount(usage.prompt_tokens),
        // Usage counts all choices together.
        completionTokens: choices.length === 1 ? asCount(usage.completion_tokens) : undefined,
        finishReason: finish === undefined || finish === null ? undefined : asFinishWord(finish),
        groundTruth,
        extra: { ...rest, ...kept, ...(finish !== undefined && finish !== null && asFinishWord(finish) === undefined && { finish_reason: finish }), ...(Object.values(more).some((value) => value !== null) && { choice: more }) },
      })]
    })
    return rollouts.length > 0 ? rollouts : { code: 'row.noCompletion', detail: 'its choices hold neither a message nor text' }
  },
}

function errorOf(error: Json | undefined): string | undefined {
  return isObject(error) ? [error.code, error.message].flatMap((part) => asText(part) ?? []).join(': ') || JSON.stringify(error) : asText(error)
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
