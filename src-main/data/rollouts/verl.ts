// verl's `<dir>/<global_step>.jsonl`: input, output, gts, score, step, sometimes request_id, and whatever its reward
// function reported beside the score. The file's name is the step.

import { fromCanonicalRow, toCanonicalRow } from '../canonical.ts'
import type { CanonicalRollout } from '../canonical.ts'
import { isObject } from '../json.ts'
import type { JsonObject } from '../json.ts'
import { asGold, asIndex, asNumber, asText, asTexts, compact, pick } from './fields.ts'
import { mostHave, promptHash, statedCorrect, stepOfFolder, stepOfStem } from './mapping.ts'
import type { SourceReader } from './mapping.ts'

const asString = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined)

export const verl: SourceReader = {
  format: {
    title: 'verl',
    files: '<step>.jsonl in the folder of rollout_data_dir or validation_data_dir',
    example: [
      {
        input: 'user\nWhat is 6 times 7?\nassistant\n',
        output: '\\boxed{42}',
        gts: '42',
        score: 1,
        step: 10,
        acc: 'True',
        pred: '42',
        format_reward: 0.5,
      },
      {
        input: 'user\nCapital of France?\nassistant\n',
        output: '\\boxed{Rome}',
        gts: { target: ['Paris', 'paris'] },
        score: 0,
        step: 10,
        acc: 'False',
        pred: 'Rome',
        format_reward: 0.5,
      },
    ],
    fields: {
      input: 'prompt',
      output: 'completion',
      gts: 'ground_truth: a record is kept as well',
      score: 'reward',
      step: 'step: else the name of the file',
      acc: 'correct: it is kept as well',
      pred: 'extracted_answer',
      format_reward: 'rewards: as any column named after a reward',
    },
  },

  recognise(sample, path) {
    if (!mostHave(sample, 'input', 'output') || !(mostHave(sample, 'score') || mostHave(sample, 'gts'))) return null
    return `it has the fields input, output and ${mostHave(sample, 'score') ? 'score' : 'gts'} of verl${stepOfStem(path) === undefined ? '' : ', and its name is a step'}`
  },

  read(row, context) {
    const fields = pick(row)
    const prompt = fields.take(['input'], asString)
    const completion = fields.take(['output'], asString)
    if (completion === undefined) return { code: 'row.noCompletion', detail: 'the field output is empty' }
    const accepted = isObject(row.gts) ? asGold(row.gts.target ?? row.gts.ground_truth ?? row.gts.answer ?? null) : undefined
    const groundTruth = fields.take(['gts'], asTexts) ?? accepted
    const reward = fields.take(['score'], asNumber)
    const extractedAnswer = fields.take(['pred'], asText)
    const step = fields.take(['step'], asIndex) ?? stepOfStem(context.path) ?? stepOfFolder(context.path)
    const parts = Object.keys(row).filter(
      (name) => /reward/i.test(name) && name !== 'reward' && name !== 'rewards' && asNumber(row[name]) !== undefined,
    )
    const rewards = parts.map((name) => [name, fields.take([name], asNumber)!] as const)
    const known = fromCanonicalRow(fields.rest())
    return [
      compact<CanonicalRollout>({
        ...known,
        step: step ?? known.step,
        promptId: known.promptId ?? promptHash(prompt),
        prompt,
        completion,
        groundTruth: groundTruth ?? known.groundTruth,
        extractedAnswer: extractedAnswer ?? known.extractedAnswer,
        correct: known.correct ?? statedCorrect(pick(row), Object.keys(row)),
        reward: reward ?? known.reward,
        rewards: known.rewards ?? (rewards.length > 0 ? Object.fromEntries(rewards) : undefined),
      }),
    ]
  },
}

/** A rollout as a line of verl's dump; what verl has no name for keeps its canonical one. */
export function toVerlRow(rollout: CanonicalRollout): JsonObject {
  const { schema_version: _version, prompt, completion, ground_truth: gts, reward: score, step, ...more } = toCanonicalRow(rollout)
  const head = Object.entries({ input: prompt, output: completion, gts, score, step }).filter(([, value]) => value !== undefined)
  return { ...(Object.fromEntries(head) as JsonObject), ...more }
}
