// TRL's `completions/completions_00012.parquet`: step, prompt, completion, one column per reward function, columns that
// a reward logged (`log_extra`), advantage. A numeric column without a canonical name is taken for a reward function, a
// logged `solution` or `answer` for the ground truth. The total reward is not in the file; it is known here only where one
// function was its only part.

import { basename } from 'node:path'
import { fromCanonicalRow, rolloutFields, toCanonicalRow } from '../canonical.ts'
import type { CanonicalRollout } from '../canonical.ts'
import type { JsonObject } from '../json.ts'
import { asNumber, asGold, compact, pick } from './fields.ts'
import { mostHave, conversation, promptHash, statedCorrect, written } from './mapping.ts'
import type { SourceReader } from './mapping.ts'

const canonicalNames = new Set(Object.values(rolloutFields).map(({ name }) => name))

export const trl: SourceReader = {
  recognise(sample, path) {
    if (!mostHave(sample, 'step', 'prompt', 'completion') || mostHave(sample, 'schema_version')) return null
    if (/^completions_\d+\.parquet$/.test(basename(path))) return 'the name and the columns step, prompt, completion are those of TRL'
    return mostHave(sample, 'advantage') ? 'it has the columns step, prompt, completion and advantage of TRL' : null
  },

  read(row) {
    const fields = pick(row)
    const prompt = fields.take(['prompt'], conversation)
    const completion = fields.take(['completion'], written)
    if (completion === undefined) return { code: 'row.noCompletion', detail: 'the column completion is empty' }
    const others = Object.keys(row).filter((name) => !canonicalNames.has(name))
    const numeric = others.filter((name) => typeof row[name] === 'number')
    const rewards = numeric.map((name) => [name, fields.take([name], asNumber)!] as const)
    const missing = others.filter((name) => row[name] === 'NaN' || row[name] === null)
    for (const name of missing) fields.take([name], () => true)
    const groundTruth = fields.take(['ground_truth', 'solution', 'answer'], asGold)
    const known = fromCanonicalRow(fields.rest())
    const parts: { readonly [name: string]: number } | undefined = known.rewards ?? (rewards.length > 0 ? Object.fromEntries(rewards) : undefined)
    return [compact<CanonicalRollout>({
      ...known,
      promptId: known.promptId ?? promptHash(prompt?.text),
      prompt: prompt?.text,
      promptMessages: prompt?.messages ?? known.promptMessages,
      completion: completion.text,
      completionMessages: completion.messages ?? known.completionMessages,
      groundTruth,
      correct: known.correct ?? statedCorrect(pick(row), numeric),
      reward: known.reward ?? (rewards.length === 1 && missing.length === 0 ? rewards[0]![1] : undefined),
      rewards: parts,
    })]
  },
}

/**
 * A rollout as a row of TRL's table: reward parts become columns, and what TRL has no place for follows under its canonical
 * name, as a reward's `log_extra` would. Parts that are named like a canonical field stay together in `rewards`.
 */
export function toTrlRow(rollout: CanonicalRollout): JsonObject {
  const { schema_version: _version, step, prompt, completion, advantage, rewards, ...logged } = toCanonicalRow(rollout)
  const clash = Object.keys(rollout.rewards ?? {}).some((name) => canonicalNames.has(name))
  return {
    step: step ?? null,
    prompt: prompt ?? null,
    completion: completion ?? null,
    ...(clash ? { rewards: rewards! } : rollout.rewards),
    ...logged,
    advantage: advantage ?? null,
  }
}
