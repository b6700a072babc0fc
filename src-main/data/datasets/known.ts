// Data sets that people bring, recognised by their columns. Only for the sentence shown, the default name and the page of formats: the roles are
// guessed by the same rules for all of them (roles.ts).

import { isObject } from '../json.ts'
import type { JsonObject } from '../json.ts'

export const datasetSources = [
  'verl',
  'gsm8k',
  'openr1-math',
  'numina-1.5',
  'numina-cot',
  'math',
  'aime',
  'countdown',
  'math-eval',
  'mrt-benchmark',
  'trl',
  'openrlhf',
  'plain',
] as const
export type DatasetSource = (typeof datasetSources)[number]

type Test = (has: (...names: string[]) => boolean, row: JsonObject, columns: readonly string[]) => boolean

/** The sets that are known, in the order in which they are tried; the example is for the page of formats. */
export const known: readonly {
  readonly source: DatasetSource
  readonly title: string
  readonly example: readonly JsonObject[]
  readonly test: Test
}[] = [
  {
    source: 'verl',
    title: 'a verl dataset (data_source, prompt, reward_model)',
    example: [
      {
        data_source: 'openai/gsm8k',
        prompt: [{ role: 'user', content: 'What is 6 times 7?' }],
        ability: 'math',
        reward_model: { style: 'rule', ground_truth: '42' },
        extra_info: { split: 'train', index: 0 },
      },
    ],
    test: (has, row) => has('data_source', 'prompt', 'reward_model') && isObject(row.reward_model),
  },
  {
    source: 'gsm8k',
    title: 'GSM8K (question, and answer ending in ####)',
    example: [{ question: 'What is 6 times 7?', answer: '6 x 7 = <<6*7=42>>42\n#### 42' }],
    test: (has, row) => has('question', 'answer') && typeof row.answer === 'string' && row.answer.includes('####'),
  },
  {
    source: 'openr1-math',
    title: 'OpenR1-Math (problem, solution, generations)',
    example: [
      {
        problem: 'What is 6 times 7?',
        solution: 'It is 42.',
        answer: '42',
        problem_type: 'Algebra',
        source: 'olympiads',
        uuid: 'a1',
        generations: ['<think>6 x 7</think>\\boxed{42}'],
      },
    ],
    test: (has) => has('problem', 'solution') && (has('generations') || has('uuid')),
  },
  {
    source: 'numina-1.5',
    title: 'NuminaMath-1.5 (problem, solution, answer, problem_type)',
    example: [
      {
        problem: 'What is 6 times 7?',
        solution: 'It is 42.',
        answer: '42',
        problem_type: 'Algebra',
        question_type: 'math-word-problem',
        source: 'olympiads',
        synthetic: false,
      },
    ],
    test: (has) => has('problem', 'solution', 'answer', 'problem_type'),
  },
  {
    source: 'numina-cot',
    title: 'NuminaMath-CoT (source, problem, solution, messages)',
    example: [
      {
        source: 'synthetic_math',
        problem: 'What is 6 times 7?',
        solution: 'It is $\\boxed{42}$.',
        messages: [
          { role: 'user', content: 'What is 6 times 7?' },
          { role: 'assistant', content: 'It is $\\boxed{42}$.' },
        ],
      },
    ],
    test: (has) => has('source', 'problem', 'solution', 'messages'),
  },
  {
    source: 'math',
    title: 'MATH (problem, solution, subject, level)',
    example: [{ problem: 'What is 6 times 7?', level: 'Level 1', type: 'Algebra', solution: 'It is $\\boxed{42}$.' }],
    test: (has) => has('problem', 'solution', 'level') && (has('subject') || has('type')),
  },
  {
    source: 'aime',
    title: 'AIME (ID, Problem, Solution, Answer)',
    example: [{ ID: '2024-I-1', Problem: 'What is 6 times 7?', Solution: 'It is 42.', Answer: 42 }],
    test: (_has, _row, columns) => ['ID', 'Problem', 'Answer'].every((name) => columns.includes(name)),
  },
  {
    source: 'aime',
    title: 'AIME (problem_idx, problem, answer)',
    example: [{ problem_idx: 1, problem: 'What is 6 times 7?', answer: 42, problem_type: ['Algebra'] }],
    test: (has) => has('problem_idx', 'problem', 'answer'),
  },
  {
    source: 'countdown',
    title: 'countdown puzzles (numbers and target)',
    example: [{ target: 42, nums: [6, 7, 1] }],
    test: (has) => has('target') && (has('nums') || has('numbers')),
  },
  {
    source: 'math-eval',
    title: 'problems with lists of accepted answers',
    example: [{ problem: 'What is 6 times 7?', answer: ['42', '42.0'] }],
    test: (has, row) => has('problem', 'answer') && Array.isArray(row.answer),
  },
  {
    source: 'mrt-benchmark',
    title: 'a benchmark of problem and answer',
    example: [{ problem: 'What is 6 times 7?', answer: '42' }],
    test: (has, _row, columns) => has('problem', 'answer') && columns.length === 2,
  },
  {
    source: 'trl',
    title: 'a TRL dataset (prompt)',
    example: [
      {
        prompt: [
          { role: 'system', content: 'Think.' },
          { role: 'user', content: 'What is 6 times 7?' },
        ],
        answer: '42',
      },
    ],
    test: (has) => has('prompt'),
  },
  {
    source: 'openrlhf',
    title: 'an OpenRLHF dataset (input, label)',
    example: [{ input: 'What is 6 times 7?', label: '42', datasource: 'mine' }],
    test: (has) => has('input'),
  },
]

/** The set these rows are from; `plain` when it is none of the known ones. `sample` is not empty. */
export function recogniseDataset(sample: readonly JsonObject[]): { readonly source: DatasetSource; readonly why: string } {
  const row = sample[0]!
  const columns = Object.keys(row)
  const lower = new Map(columns.map((column) => [column.toLowerCase(), row[column]!]))
  const lowered: JsonObject = Object.fromEntries(lower)
  const found = known.find(({ test }) => test((...names) => names.every((name) => lower.has(name)), lowered, columns))
  return found === undefined
    ? { source: 'plain', why: `it has the columns ${columns.slice(0, 12).join(', ')}` }
    : { source: found.source, why: `it looks like ${found.title}` }
}
