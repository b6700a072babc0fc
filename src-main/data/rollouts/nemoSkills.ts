// NeMo-Skills' `output-rs3.jsonl`: the benchmark's own columns, what was generated, the answer found in it and the verdicts of the checker
// (symbolic_correct, is_correct) or of a judge (judgement). The seed in the name numbers the sample.

import { basename } from 'node:path'
import { SCHEMA_VERSION } from '../../../src-preload/contract.ts'
import type { CanonicalRollout } from '../canonical.ts'
import type { Json, JsonObject } from '../json.ts'
import { asBoolean, asCount, asGold, asText, compact, pick } from './fields.ts'
import { asFinishWord, conversation, most, promptHash, written } from './mapping.ts'
import type { SourceReader } from './mapping.ts'

const marks = [
  'predicted_answer',
  'symbolic_correct',
  'is_correct',
  'judgement',
  'num_generated_tokens',
  'generation_start_time',
  'generation_time',
]
const isOutput = (row: JsonObject): boolean =>
  typeof row.generation === 'string' &&
  (typeof row.problem === 'string' || typeof row.question === 'string') &&
  marks.some((name) => Object.hasOwn(row, name))

/** "Judgement: Yes", as NeMo-Skills asks a judge to say. */
const judged = (value: Json): boolean | undefined => {
  const word =
    typeof value === 'string' ? (/judg(?:e)?ment:?\**\s*(yes|no)\b/i.exec(value)?.[1] ?? /^\s*(yes|no)\b/i.exec(value)?.[1]) : undefined
  return word === undefined ? undefined : word.toLowerCase() === 'yes'
}

export const nemoSkills: SourceReader = {
  format: {
    title: 'NeMo-Skills',
    files: 'output-rs0.jsonl, output.jsonl; the number after rs is that of the sample',
    example: [
      {
        problem: 'What is 6 times 7?',
        expected_answer: '42',
        generation: '<think>6 x 7</think>\\boxed{42}',
        predicted_answer: '42',
        symbolic_correct: true,
        num_generated_tokens: 12,
        finish_reason: 'stop',
      },
      {
        problem: 'What is 6 times 8?',
        expected_answer: '48',
        generation: 'The answer is 46.',
        predicted_answer: null,
        judgement: 'Reasoning: it is 48. Judgement: No',
        num_generated_tokens: 9,
        finish_reason: 'length',
      },
    ],
    fields: {
      problem: 'prompt',
      expected_answer: 'ground_truth',
      generation: 'completion: `_full_generation` in its place where that is there',
      predicted_answer: 'extracted_answer',
      symbolic_correct: 'correct: before is_correct and judgement',
      judgement: 'correct: it is kept as well',
      num_generated_tokens: 'completion_tokens',
      finish_reason: 'finish_reason',
    },
  },

  recognise: (sample) =>
    most(sample, isOutput)
      ? `it has the fields problem, generation and ${marks.find((name) => sample.some((row) => Object.hasOwn(row, name)))!} of NeMo-Skills`
      : null,

  read(row, { path }) {
    const fields = pick(row)
    const full = fields.take(['_full_generation', 'full_generation'], (value) => (typeof value === 'string' ? written(value) : undefined))
    const reasoning = full === undefined ? fields.take(['reasoning_content'], asText) : undefined
    const completion = full ?? fields.take(['generation'], written)
    if (completion === undefined) return { code: 'row.noCompletion', detail: 'the field generation is empty' }
    const prompt = fields.take(['problem', 'question'], conversation)
    const seed = /(?:^|[-_])rs(\d{1,9})(?:[-_.]|$)/.exec(basename(path))?.[1]
    const verdict = fields.take(['symbolic_correct', 'is_correct', 'correct'], asBoolean)
    const result: CanonicalRollout = {
      schemaVersion: SCHEMA_VERSION,
      promptId: fields.take(['problem_id', 'unique_id', 'id'], asText) ?? promptHash(prompt?.text),
      sampleIndex: seed === undefined ? undefined : Number(seed),
      prompt: prompt?.text,
      promptMessages: prompt?.messages,
      completion: reasoning === undefined ? completion.text : `<think>${reasoning}</think>${completion.text ?? ''}`,
      completionMessages: completion.messages,
      completionTokens: fields.take(['num_generated_tokens'], asCount),
      finishReason: fields.take(['finish_reason', 'stop_reason'], asFinishWord),
      groundTruth: fields.take(['expected_answer'], asGold),
      extractedAnswer: fields.take(['predicted_answer'], asText),
      correct: verdict ?? (row.judgement === undefined ? undefined : judged(row.judgement)),
    }
    return [compact({ ...result, extra: fields.rest() })]
  },
}
