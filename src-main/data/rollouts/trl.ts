// TRL's `completions/completions_00012.parquet`: step, prompt, completion, one column per reward function, columns that
// a reward logged (`log_extra`), advantage. A numeric column without a canonical name is taken for a reward function, a
// logged `solution` or `answer` for the ground truth. The total reward is not in the file; it is known here only where one
// function was its only part.

import { basename } from 'node:path'
import { fromCanonicalRow, rolloutFields, toCanonicalRow } from '../canonical.ts'
import type { CanonicalRollout } from '../canonical.ts'
import type { JsonObject } from '../json.ts'
import { asGold, asNumber, asTexts, compact, pick } from './fields.ts'
import { most, mostHave, conversation, promptHash, statedCorrect, written } from './mapping.ts'
import type { SourceReader } from './mapping.ts'

const canonicalNames = new Set(Object.values(rolloutFields).map(({ name }) => name))

export const trl: SourceReader = {
  format: {
    title: 'TRL',
    files: 'completions/completions_00005.parquet; also its W&B table *.table.json',
    example: [
      {
        step: 5,
        prompt: [{ role: 'user', content: 'What is 6 times 7?' }],
        completion: [{ role: 'assistant', content: '\\boxed{42}' }],
        accuracy_reward: 1,
        format_reward: 0.5,
        solution: '42',
        gold_parsed: "[42, '42']",
        advantage: 0.7,
      },
      {
        step: 5,
        prompt: [{ role: 'user', content: 'What is 6 times 8?' }],
        completion: [{ role: 'assistant', content: '\\boxed{46}' }],
        accuracy_reward: null,
        format_reward: 0.5,
        solution: '48',
        gold_parsed: "[48, '48']",
        advantage: -0.7,
      },
    ],
    fields: {
      step: 'step',
      prompt: 'prompt, prompt_messages',
      completion: 'completion, completion_messages',
      accuracy_reward: 'rewards, correct: any numeric column is a part of the reward, and the whole reward where it is the only one',
      format_reward: 'rewards',
      solution: 'ground_truth, extra: it keeps its own name as well',
      gold_parsed: 'extra',
      advantage: 'advantage',
    },
  },

  recognise(sample, path) {
    if (
      !mostHave(sample, 'step', 'prompt', 'completion') ||
      mostHave(sample, 'schema_version') ||
      most(sample, ({ step }) => Array.isArray(step))
    )
      return null
    if (/^completions_\d+\.parquet$/.test(basename(path))) return 'the name and the columns step, prompt, completion are those of TRL'
    return mostHave(sample, 'advantage') ? 'it has the columns step, prompt, completion and advantage of TRL' : null
  },

  read(row, { sample }) {
    const fields = pick(row)
    const prompt = fields.take(['prompt'], conversation)
    const completion = fields.take(['completion'], written)
    if (completion === undefined) return { code: 'row.noCompletion', detail: 'the column completion is empty' }
    const others = Object.keys(row).filter((name) => !canonicalNames.has(name))
    const numeric = others.filter((name) => typeof row[name] === 'number')
    const rewards = numeric.map((name) => [name, fields.take([name], asNumber)!] as const)
    const missing = others.filter((name) => row[name] === 'NaN' || row[name] === null)
    // A column that says nothing in any row is still a column, and the gold stays under the name it was logged by.
    for (const name of missing) fields.take([name], () => true)
    const truth = ['ground_truth', 'solution', 'answer'].find(
      (name) => (name === 'ground_truth' ? asTexts : asGold)(fields.peek(name)) !== undefined,
    )
    const groundTruth = truth === undefined ? undefined : asTexts(row[truth])
    if (truth === 'ground_truth') fields.take([truth], () => true)
    const { extra, ...known } = fromCanonicalRow(fields.rest())
    const silent = Object.fromEntries(
      missing
        .filter((name) => sample.every((other) => other[name] === undefined || other[name] === null || other[name] === 'NaN'))
        .map((name) => [name, null]),
    )
    const parts: { readonly [name: string]: number } | undefined =
      known.rewards ?? (rewards.length > 0 ? Object.fromEntries(rewards) : undefined)
    return [
      compact<CanonicalRollout>({
        ...known,
        extra: { ...extra, ...silent },
        promptId: known.promptId ?? promptHash(prompt?.text),
        prompt: prompt?.text,
        promptMessages: prompt?.messages ?? known.promptMessages,
        completion: completion.text,
        completionMessages: completion.messages ?? known.completionMessages,
        groundTruth,
        correct: known.correct ?? statedCorrect(pick(row), numeric),
        reward: known.reward ?? (rewards.length === 1 && missing.length === 0 ? rewards[0]![1] : undefined),
        rewards: parts,
      }),
    ]
  },
}

/** What the workspace adds to a rollout (records.ts): kept together, so that its numbers are not taken for rewards. */
const ADDED = new Set([
  'level',
  'slices',
  'budget_tokens',
  'thinking_tokens',
  'overthink_tokens',
  'error',
  'estimator',
  'sampled',
  'sampling',
  'policy_step',
  'stated_prompt_id',
  'own_prompt',
  'own_ground_truth',
])

/** Columns of the file it came from, and the rest. */
function apart(extra: JsonObject): [JsonObject, JsonObject] {
  const isOwn = (name: string): boolean => !ADDED.has(name) && !canonicalNames.has(name)
  const entries = Object.entries(extra)
  return [Object.fromEntries(entries.filter(([name]) => isOwn(name))), Object.fromEntries(entries.filter(([name]) => !isOwn(name)))]
}

/**
 * A rollout as a row of TRL's table: reward parts become columns, and what TRL has no place for follows under its canonical
 * name, as a reward's `log_extra` would. Parts that are named like a canonical field stay together in `rewards`.
 */
export function toTrlRow(rollout: CanonicalRollout): JsonObject {
  const {
    schema_version: _version,
    step,
    prompt,
    prompt_messages: promptMessages,
    completion,
    completion_messages: completionMessages,
    advantage,
    rewards,
    extra,
    ground_truth: truth,
    ...logged
  } = toCanonicalRow(rollout)
  const [own, others] = apart((extra ?? {}) as JsonObject)
  const clash = Object.keys(rollout.rewards ?? {}).some((name) => canonicalNames.has(name))
  return {
    step: step ?? null,
    prompt: promptMessages ?? prompt ?? null,
    completion: completionMessages ?? completion ?? null,
    ...(clash ? { rewards: rewards! } : rollout.rewards),
    ...own,
    ...(truth !== undefined &&
      !['solution', 'answer'].some((name) => JSON.stringify(own[name]) === JSON.stringify(truth)) && { ground_truth: truth }),
    ...logged,
    ...(Object.keys(others).length > 0 && { extra: others }),
    advantage: advantage ?? null,
  }
}
