// LLM Comparator's JSON: two models answering the same prompts side by side. A score above 0 says that A did better; it is
// the difference of rewards, or of right and wrong where there are none, and null where neither is known.

import type { CanonicalRollout } from '../canonical.ts'
import { refuse } from '../errors.ts'
import type { Json } from '../json.ts'
import { writeAtomically } from './atomicFile.ts'
import type { Written } from './atomicFile.ts'

export interface ComparedPair {
  readonly a: CanonicalRollout
  readonly b: CanonicalRollout
  /** Keywords to slice by. */
  readonly tags?: readonly string[]
}

export interface Comparison {
  readonly nameA: string
  readonly nameB: string
  readonly pairs: Iterable<ComparedPair> | AsyncIterable<ComparedPair>
}

const metadata: Json = {
  source_path: 'MRT Workbench',
  custom_fields_schema: [
    { name: 'prompt_id', type: 'string' },
    { name: 'ground_truth', type: 'string' },
    { name: 'correct', type: 'per_model_boolean' },
    { name: 'tokens', type: 'per_model_number' },
    { name: 'reward', type: 'per_model_number' },
  ],
}

/** One pair as the viewer takes it. */
function exampleOf({ a, b, tags = [] }: ComparedPair): Json {
  return {
    input_text: a.prompt ?? b.prompt ?? '',
    tags: [...tags],
    output_text_a: a.completion ?? '',
    output_text_b: b.completion ?? '',
    score: scoreOf(a, b),
    individual_rater_scores: [],
    custom_fields: {
      prompt_id: a.promptId ?? b.promptId ?? '',
      ground_truth: [a.groundTruth ?? b.groundTruth ?? ''].flat().join(' or '),
      correct: [a.correct ?? null, b.correct ?? null],
      tokens: [a.completionTokens ?? null, b.completionTokens ?? null],
      reward: [a.reward ?? null, b.reward ?? null],
    },
  }
}

function scoreOf(a: CanonicalRollout, b: CanonicalRollout): number | null {
  if (a.reward !== undefined && b.reward !== undefined) return a.reward - b.reward
  return a.correct === undefined || b.correct === undefined ? null : Number(a.correct) - Number(b.correct)
}

/** Writes the document, a pair at a time; returns how many pairs it holds. Throws LabError export.failed, export.empty. */
export async function writeComparator(
  path: string,
  { nameA, nameB, pairs }: Comparison,
): Promise<{ readonly written: Written; readonly pairs: number }> {
  let count = 0
  const written = await writeAtomically(path, async (sink) => {
    await sink.write(
      `{"metadata":${JSON.stringify(metadata)},\n"models":${JSON.stringify([{ name: nameA }, { name: nameB }])},\n"examples":[`,
    )
    for await (const pair of pairs) await sink.write(`${count++ === 0 ? '' : ','}\n${JSON.stringify(exampleOf(pair))}`)
    if (count === 0) throw refuse('export.empty', 'no problem that both answered with its answers kept')
    await sink.write('\n]}\n')
  })
  return { written, pairs: count }
}
