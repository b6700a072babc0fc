// Rollouts in nobody's format in particular: any table with something that is plainly a completion and something that
// says how it was sampled or scored. Common spellings are tried in order; --map overrides each.

import { fromCanonicalRow, rolloutFields } from '../canonical.ts'
import type { CanonicalRollout } from '../canonical.ts'
import { valueAt } from '../json.ts'
import type { Json, JsonObject } from '../json.ts'
import { asBoolean, asCount, asIndex, asNumber, asText, asTexts, asWholeNumbers, compact, pick } from './fields.ts'
import { asFinishWord, conversation, promptHash, stepOfStem } from './mapping.ts'
import type { SourceReader } from './mapping.ts'

/** Common names of each field, in the order in which they are tried. */
const names = {
  prompt: ['prompt', 'problem', 'question', 'input', 'instruction', 'query', 'messages'],
  completion: ['completion', 'response', 'output', 'generation', 'model_output', 'prediction', 'text'],
  groundTruth: ['ground_truth', 'gts', 'gold', 'target', 'label', 'answer', 'reference'],
  extractedAnswer: ['extracted_answer', 'pred', 'predicted_answer'],
  correct: ['correct', 'is_correct', 'acc', 'accuracy'],
  reward: ['reward', 'score', 'total_reward'],
  advantage: ['advantage'],
  step: ['step', 'global_step', 'iteration'],
  promptId: ['prompt_id', 'problem_id', 'question_id', 'example_id', 'unique_id', 'id', 'index'],
  groupId: ['group_id', 'group', 'group_idx'],
  sampleIndex: ['sample_idx', 'sample_index', 'sample', 'sample_id'],
  promptTokens: ['prompt_tokens', 'prompt_length', 'input_tokens'],
  completionTokens: ['completion_tokens', 'response_length', 'completion_length', 'output_tokens', 'num_tokens', 'tokens'],
  finishReason: ['finish_reason', 'stop_reason'],
} as const

const scored: readonly (keyof typeof names)[] = ['reward', 'correct', 'advantage', 'step', 'sampleIndex']

const knownNames = new Set<string>(Object.values(names).flat())

/** The row with known columns in lower case (CSV headers seldom are), and with what the map's dotted paths point at. */
function prepare(row: JsonObject, map: { readonly [role: string]: string }): JsonObject {
  const mapped = Object.values(map)
  const spell = (name: string): string => {
    const lower = name.toLowerCase()
    return mapped.includes(name) || !knownNames.has(lower) || Object.hasOwn(row, lower) ? name : lower
  }
  const pointed = mapped.filter((path) => !Object.hasOwn(row, path)).map((path) => [path, valueAt(row, path) ?? null] as const)
  return Object.fromEntries([...Object.entries(row).map(([name, value]) => [spell(name), value] as const), ...pointed])
}

/** Canonical field names as --map may spell them. */
export const mapRoles: readonly string[] = Object.keys(names).map((key) => rolloutFields[key as keyof typeof names].name)

export const plain: SourceReader = {
  recognise(sample) {
    const columns = new Set(sample.flatMap((row) => Object.keys(row)).map((name) => name.toLowerCase()))
    const has = (key: keyof typeof names): string | undefined => names[key].find((name) => columns.has(name))
    const completion = has('completion')
    const proof = scored.map(has).find((name) => name !== undefined)
    if (completion === undefined || proof === undefined) return null
    return `it has a completion (${completion}) and says how it was sampled or scored (${proof})`
  },

  read(row, context) {
    const fields = pick(prepare(row, context.map))
    const find = <T>(key: keyof typeof names, read: (value: Json) => T | undefined): T | undefined =>
      fields.take(context.map[rolloutFields[key].name] === undefined ? names[key] : [context.map[rolloutFields[key].name]!], read)
    const completion = find('completion', conversation)
    const tokenIds = fields.take(['completion_token_ids', 'response_tokens'], asWholeNumbers)
    if (completion === undefined && tokenIds === undefined) return { code: 'row.noCompletion', detail: `none of ${names.completion.join(', ')} holds text` }
    const prompt = find('prompt', conversation)
    const facts = {
      step: find('step', asIndex) ?? stepOfStem(context.path),
      promptId: find('promptId', asText) ?? promptHash(prompt?.text),
      groupId: find('groupId', asText),
      sampleIndex: find('sampleIndex', asCount),
      promptTokens: find('promptTokens', asCount),
      completionTokens: find('completionTokens', asCount),
      finishReason: find('finishReason', asFinishWord),
      groundTruth: find('groundTruth', asTexts),
      extractedAnswer: find('extractedAnswer', asText),
      correct: find('correct', asBoolean),
      reward: find('reward', asNumber),
      advantage: find('advantage', asNumber),
    }
    return [compact<CanonicalRollout>({
      ...fromCanonicalRow(fields.rest()),
      ...compact(facts),
      prompt: prompt?.text,
      promptMessages: prompt?.messages,
      completion: completion?.text,
      completionMessages: completion?.messages,
      completionTokenIds: tokenIds,
    })]
  },
}
