// OpenCompass: `predictions/<model>/<dataset>.json`, an object of numbered samples with the prompt as it was sent (text, or turns of HUMAN and
// BOT), what was predicted and the gold; and the `details` of its results, which add what was taken from the prediction and the verdict.

import { SCHEMA_VERSION } from '../../../src-preload/contract.ts'
import type { CanonicalRollout, Message } from '../canonical.ts'
import { isObject } from '../json.ts'
import type { Json, JsonObject } from '../json.ts'
import { asBoolean, asGold, asText, compact, pick } from './fields.ts'
import { conversation, most, promptHash } from './mapping.ts'
import type { Conversation, SourceReader } from './mapping.ts'

const roles: { readonly [role: string]: string } = { HUMAN: 'user', BOT: 'assistant', SYSTEM: 'system' }
const predicted = ['origin_prediction', 'prediction'] as const
const isSample = (row: JsonObject): boolean =>
  (Object.hasOwn(row, 'origin_prompt') && Object.hasOwn(row, 'prediction')) ||
  (Object.hasOwn(row, 'origin_prediction') &&
    (Object.hasOwn(row, 'prompt') || Object.hasOwn(row, 'references') || Object.hasOwn(row, 'predictions')))

export const openCompass: SourceReader = {
  format: {
    title: 'OpenCompass',
    files: 'predictions/MODEL/gsm8k.json, and the details in results/MODEL/gsm8k.json',
    example: [
      { origin_prompt: [{ role: 'HUMAN', prompt: 'What is 6 times 7?' }], prediction: 'It is \\boxed{42}', gold: '42' },
      { origin_prompt: 'What is 6 times 8?', prediction: ['\\boxed{48}', '\\boxed{46}'], gold: '48' },
    ],
    fields: {
      origin_prompt: 'prompt: turns of HUMAN, BOT and SYSTEM are kept as messages',
      prediction: 'completion: a list is as many rollouts (origin_prediction in the details)',
      gold: 'ground_truth: also references, refr and answer',
    },
  },

  recognise: (sample) => (most(sample, isSample) ? 'it has the fields origin_prompt and prediction of OpenCompass' : null),

  read(row) {
    const fields = pick(row)
    const prompt = fields.take(['origin_prompt', 'prompt'], promptOf)
    const name = predicted.find((each) => asTextOrEmpty(row[each]) !== undefined || Array.isArray(row[each]))
    const value = name === undefined ? undefined : row[name]
    const completions = (Array.isArray(value) ? (value as readonly Json[]) : [value]).flatMap((each) => asTextOrEmpty(each) ?? [])
    if (completions.length === 0) return { code: 'row.noCompletion', detail: 'prediction holds no text' }
    fields.take([name!], () => true)
    const groundTruth = fields.take(['gold', 'references', 'reference', 'refr', 'answer'], asGold)
    const extracted =
      completions.length === 1
        ? fields.take(['predictions', 'pred'], (each) => asText(Array.isArray(each) && each.length === 1 ? each[0] : each))
        : undefined
    const correct =
      completions.length === 1
        ? fields.take(['correct', 'is_correct'], (each) => asBoolean(Array.isArray(each) && each.length === 1 ? each[0] : each))
        : undefined
    const rest = fields.rest()
    return completions.map((completion, at) =>
      compact<CanonicalRollout>({
        schemaVersion: SCHEMA_VERSION,
        promptId: promptHash(prompt?.text),
        sampleIndex: completions.length > 1 ? at : undefined,
        prompt: prompt?.text,
        promptMessages: prompt?.messages,
        completion,
        groundTruth,
        extractedAnswer: extracted,
        correct,
        extra: rest,
      }),
    )
  },
}

const asTextOrEmpty = (value: Json | undefined): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined)

function promptOf(value: Json): Conversation | undefined {
  if (!Array.isArray(value)) return conversation(value)
  const turns = (value as readonly Json[]).filter((each): each is JsonObject => isObject(each) && typeof each.prompt === 'string')
  if (turns.length !== value.length || turns.length === 0) return conversation(value)
  const messages = turns.map(({ role, prompt, ...rest }): Message => ({
    role: roles[String(role)] ?? String(role ?? 'user'),
    content: prompt!,
    ...rest,
  }))
  return conversation(messages as unknown as Json)
}
