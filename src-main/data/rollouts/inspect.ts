// Samples of Inspect's evaluation logs: input, target, the messages, the model's output, and scores by scorer, whose values are C, I, P
// and N, numbers, or true and false.

import { SCHEMA_VERSION } from '../../../src-preload/contract.ts'
import type { CanonicalRollout } from '../canonical.ts'
import { isObject } from '../json.ts'
import type { Json, JsonObject } from '../json.ts'
import { asBoolean, asCount, asNumber, asText, asGold, compact, pick } from './fields.ts'
import { asFinishWord, conversation, most, promptHash, written } from './mapping.ts'
import type { Conversation, SourceReader } from './mapping.ts'

const letters: { readonly [value: string]: number } = { C: 1, I: 0, P: 0.5, N: 0 }

export const inspect: SourceReader = {
  format: {
    title: 'Inspect',
    files: 'logs/*.json and *.eval',
    example: [
      {
        id: 1,
        epoch: 1,
        input: 'What is 6 times 7?',
        target: '42',
        messages: [
          { role: 'user', content: 'What is 6 times 7?' },
          {
            role: 'assistant',
            content: [
              { type: 'reasoning', reasoning: '6 x 7' },
              { type: 'text', text: 'ANSWER: 42' },
            ],
          },
        ],
        output: {
          model: 'm',
          choices: [{ message: { role: 'assistant', content: 'ANSWER: 42' }, stop_reason: 'stop' }],
          usage: { input_tokens: 9, output_tokens: 8 },
        },
        scores: { match: { value: 'C', answer: '42' } },
        metadata: { level: 3 },
      },
    ],
    fields: {
      id: 'prompt_id',
      epoch: 'sample_idx: counted from 0',
      input: 'prompt',
      target: 'ground_truth',
      messages: 'completion, completion_messages: what follows the last turn of the user',
      output: 'finish_reason, prompt_tokens, completion_tokens: the rest is kept',
      scores: 'correct, rewards, extracted_answer: C is 1, P a half, I and N are 0; they are kept as well',
      metadata: 'extra',
    },
  },

  recognise: (sample) =>
    most(
      sample,
      (row) =>
        Object.hasOwn(row, 'input') &&
        Object.hasOwn(row, 'target') &&
        Object.hasOwn(row, 'epoch') &&
        (isObject(row.output) || isObject(row.scores)),
    )
      ? 'it has the fields input, target, epoch and scores of an Inspect log'
      : null,

  read(row) {
    const output = isObject(row.output) ? row.output : {}
    const choice = Array.isArray(output.choices) && isObject(output.choices[0]) ? output.choices[0] : {}
    const completion = completionOf(row, output, choice)
    if (completion === undefined)
      return {
        code: 'row.noCompletion',
        detail: isObject(row.error)
          ? (asText(row.error.message) ?? 'the sample failed')
          : 'its output has neither a message nor a completion',
      }
    const fields = pick(row)
    const id = fields.take(['id'], asText)
    const prompt = fields.take(['input'], conversation)
    const epoch = fields.take(['epoch'], asCount)
    const scores = isObject(row.scores)
      ? Object.entries(row.scores).filter((entry): entry is [string, JsonObject] => isObject(entry[1]))
      : []
    const values = scores.flatMap(([name, score]) => {
      const value = valueOf(score.value)
      return value === undefined ? [] : [[name, value] as const]
    })
    const first = scores[0]?.[1]
    const usage = isObject(output.usage) ? pick(output.usage) : null
    const { messages: _messages, output: _output, ...rest } = fields.rest()
    const { choices: _choices, completion: _completion, usage: _usage, ...about } = output
    const result: CanonicalRollout = {
      schemaVersion: SCHEMA_VERSION,
      promptId: id ?? promptHash(prompt?.text),
      sampleIndex: epoch === undefined ? undefined : Math.max(0, epoch - 1),
      prompt: prompt?.text,
      promptMessages: prompt?.messages,
      completion: completion.text,
      completionMessages: completion.messages,
      promptTokens: usage?.take(['input_tokens'], asCount),
      completionTokens: usage?.take(['output_tokens'], asCount),
      finishReason: isObject(row.error) ? 'error' : choice.stop_reason === undefined ? undefined : asFinishWord(choice.stop_reason),
      groundTruth: asGold(row.target),
      extractedAnswer: first === undefined ? undefined : asText(first.answer),
      correct: first === undefined ? undefined : correctOf(first.value),
      rewards: values.length > 0 ? Object.fromEntries(values) : undefined,
    }
    const { target, ...others } = rest
    return [
      compact({
        ...result,
        extra: {
          ...others,
          ...(result.groundTruth === undefined && target !== undefined && { target }),
          ...(Object.keys(about).length > 0 && { output: about }),
          ...(usage !== null && { usage: output.usage! }),
        },
      }),
    ]
  },
}

/** What the model wrote: its messages after the input, else the message of the first choice, else its text. */
function completionOf(row: JsonObject, output: JsonObject, choice: JsonObject): Conversation | undefined {
  const messages = (Array.isArray(row.messages) ? row.messages : []).filter(isObject) as readonly JsonObject[]
  const asked = messages.findLastIndex((message) => message.role === 'user' || message.role === 'system')
  const after = messages.slice(asked + 1)
  const own = after.length > 0 ? after : isObject(choice.message) ? [choice.message] : []
  return own.length > 0
    ? written(own as unknown as Json)
    : typeof output.completion === 'string' && output.completion !== ''
      ? { text: output.completion }
      : undefined
}

function valueOf(value: Json | undefined): number | undefined {
  return typeof value === 'string' && Object.hasOwn(letters, value)
    ? letters[value]
    : typeof value === 'boolean'
      ? Number(value)
      : asNumber(value)
}

function correctOf(value: Json | undefined): boolean | undefined {
  if (value === 'C' || value === 'I' || value === 'N') return value === 'C'
  return asBoolean(value)
}
