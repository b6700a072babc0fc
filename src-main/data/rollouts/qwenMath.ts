// Outputs of Qwen2.5-Math's evaluation, and of the many that were made after it (`test_qwen25-math-cot_-1_seed0_t0.6_s0_e-1.jsonl`): one line
// per question, with the samples in `code` and beside them what was taken from each (`pred`), the verdicts (`score`) and reports.

import { SCHEMA_VERSION } from '../../../src-preload/contract.ts'
import type { CanonicalRollout } from '../canonical.ts'
import type { Json, JsonObject } from '../json.ts'
import { asBoolean, asGold, asText, compact, pick } from './fields.ts'
import { conversation, most, promptHash } from './mapping.ts'
import type { SourceReader } from './mapping.ts'

const isOutput = (row: JsonObject): boolean =>
  Array.isArray(row.code) &&
  row.code.length > 0 &&
  row.code.every((each) => typeof each === 'string') &&
  (Object.hasOwn(row, 'gt') || Array.isArray(row.score) || Array.isArray(row.pred))

export const qwenMath: SourceReader = {
  format: {
    title: 'Qwen2.5-Math evaluation',
    files: 'test_qwen25-math-cot_-1_seed0_t0.6_s0_e-1.jsonl',
    example: [
      {
        idx: 0,
        question: 'What is 6 times 7?',
        gt_cot: '6 x 7 = 42',
        gt: '42',
        code: ['\\boxed{42}', 'It is 46.'],
        pred: ['42', '46'],
        report: [null, null],
        score: [true, false],
      },
      {
        idx: 1,
        question: 'What is 6 times 8?',
        gt_cot: '6 x 8 = 48',
        gt: '48',
        code: ['\\boxed{48}'],
        pred: ['48'],
        report: [null],
        score: [true],
      },
    ],
    fields: {
      idx: 'prompt_id',
      question: 'prompt',
      gt: 'ground_truth',
      code: 'completion: one rollout each',
      pred: 'extracted_answer',
      score: 'correct',
      gt_cot: 'extra',
      report: 'extra',
    },
  },

  recognise: (sample) => (most(sample, isOutput) ? 'it has the fields code, pred, gt and score of an evaluation by Qwen2.5-Math' : null),

  read(row) {
    if (!isOutput(row)) return { code: 'row.noCompletion', detail: 'code is not a list of texts' }
    const completions = row.code as readonly string[]
    const fields = pick(row)
    fields.take(['code'], () => true)
    const prompt = fields.take(['question', 'problem', 'prompt'], conversation)
    const promptId = fields.take(['idx'], asText) ?? promptHash(prompt?.text)
    const groundTruth = fields.take(['gt', 'answer'], asGold)
    const lists = {
      pred: fields.take(['pred'], (value) => parallel(value, completions.length)),
      score: fields.take(['score'], (value) => parallel(value, completions.length)),
    }
    const rest = fields.rest()
    return completions.map((completion, at) =>
      compact<CanonicalRollout>({
        schemaVersion: SCHEMA_VERSION,
        promptId,
        sampleIndex: at,
        prompt: prompt?.text,
        promptMessages: prompt?.messages,
        completion,
        groundTruth,
        extractedAnswer: asText(lists.pred?.[at]),
        correct: asBoolean(lists.score?.[at]),
        extra: rest,
      }),
    )
  },
}

/** A list with a value for each sample. */
const parallel = (value: Json, count: number): readonly Json[] | undefined =>
  Array.isArray(value) && value.length === count ? (value as readonly Json[]) : undefined
