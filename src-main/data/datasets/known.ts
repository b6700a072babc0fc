// Data sets that people bring, recognised by their columns. Only for the sentence shown and the default name: the roles are
// guessed by the same rules for all of them (roles.ts).

import { isObject } from '../json.ts'
import type { JsonObject } from '../json.ts'

export const datasetSources = ['verl', 'gsm8k', 'openr1-math', 'numina-1.5', 'numina-cot', 'math', 'aime', 'countdown', 'math-eval', 'mrt-benchmark', 'trl', 'openrlhf', 'plain'] as const
export type DatasetSource = (typeof datasetSources)[number]

type Test = (has: (...names: string[]) => boolean, row: JsonObject, columns: readonly string[]) => boolean

const known: readonly { readonly source: DatasetSource; readonly title: string; readonly test: Test }[] = [
  { source: 'verl', title: 'a verl dataset (data_source, prompt, reward_model)', test: (has, row) => has('data_source', 'prompt', 'reward_model') && isObject(row.reward_model) },
  { source: 'gsm8k', title: 'GSM8K (question, and answer ending in ####)', test: (has, row) => has('question', 'answer') && typeof row.answer === 'string' && row.answer.includes('####') },
  { source: 'openr1-math', title: 'OpenR1-Math (problem, solution, generations)', test: (has) => has('problem', 'solution') && (has('generations') || has('uuid')) },
  { source: 'numina-1.5', title: 'NuminaMath-1.5 (problem, solution, answer, problem_type)', test: (has) => has('problem', 'solution', 'answer', 'problem_type') },
  { source: 'numina-cot', title: 'NuminaMath-CoT (source, problem, solution, messages)', test: (has) => has('source', 'problem', 'solution', 'messages') },
  { source: 'math', title: 'MATH (problem, solution, subject, level)', test: (has) => has('problem', 'solution', 'level') && (has('subject') || has('type')) },
  { source: 'aime', title: 'AIME (ID, Problem, Solution, Answer)', test: (_has, _row, columns) => ['ID', 'Problem', 'Answer'].every((name) => columns.includes(name)) },
  { source: 'aime', title: 'AIME (problem_idx, problem, answer)', test: (has) => has('problem_idx', 'problem', 'answer') },
  { source: 'countdown', title: 'countdown puzzles (numbers and target)', test: (has) => has('target') && (has('nums') || has('numbers')) },
  { source: 'math-eval', title: 'problems with lists of accepted answers', test: (has, row) => has('problem', 'answer') && Array.isArray(row.answer) },
  { source: 'mrt-benchmark', title: 'a benchmark of problem and answer', test: (has, _row, columns) => has('problem', 'answer') && columns.length === 2 },
  { source: 'trl', title: 'a TRL dataset (prompt)', test: (has) => has('prompt') },
  { source: 'openrlhf', title: 'an OpenRLHF dataset (input, label)', test: (has) => has('input') },
]

/** The set these rows are from; `plain` when it is none of the known ones. `sample` is not empty. */
export function recogniseDataset(sample: readonly JsonObject[]): { readonly source: DatasetSource; readonly why: string } {
  const row = sample[0]!
  const columns = Object.keys(row)
  const lower = new Map(columns.map((column) => [column.toLowerCase(), row[column]!]))
  const lowered: JsonObject = Object.fromEntries(lower)
  const found = known.find(({ test }) => test((...names) => names.every((name) => lower.has(name)), lowered, columns))
  return found === undefined ? { source: 'plain', why: `it has the columns ${columns.slice(0, 12).join(', ')}` } : { source: found.source, why: `it looks like ${found.title}` }
}
