// Tables as other programs and people lay them out: which column is what, told by names in many spellings and by what they hold.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { CanonicalRollout } from '../../src-main/data/canonical.ts'
import type { DatasetRow } from '../../src-main/data/datasets/normalise.ts'
import { importFiles } from '../../src-main/data/importFiles.ts'
import { pythonLiteral } from '../../src-main/data/pythonLiteral.ts'
import { file } from './files.ts'

async function imported(
  ...rows: readonly object[]
): Promise<{ kind: string; records: (CanonicalRollout & DatasetRow)[]; grader: string | undefined }> {
  const job = importFiles([file('data.jsonl', rows.map((row) => `${JSON.stringify(row)}\n`).join(''))])
  const records: (CanonicalRollout & DatasetRow)[] = []
  for await (const batch of job) records.push(...(batch.rows as readonly (CanonicalRollout & DatasetRow)[]))
  const report = job.report()
  return { kind: report.kind, records, grader: report.dataset?.grader.grader }
}

const answersOf = async (...rows: readonly object[]): Promise<unknown[]> => (await imported(...rows)).records.map(({ answer }) => answer)

describe('choices', () => {
  it('of MMLU are numbered from 0, of ARC named by their labels, of AQuA and MedQA by letters', async () => {
    expect(await answersOf({ question: '2+2?', choices: ['1', '2', '4', '8'], answer: 2 })).toEqual(['C'])
    expect(
      await answersOf({ question: '2+2?', choices: ['4', '1'], answer: 1 }, { question: '2+3?', choices: ['1', '5'], answer: 2 }),
    ).toEqual(['A', 'B'])
    expect(
      await answersOf(
        { question: '2+2?', choices: ['1', '2', '4'], answer: '2' },
        { question: '2+3?', choices: ['1', '2', '5'], answer: '2' },
      ),
    ).toEqual(['B', 'B'])
    expect(
      await answersOf(
        { question: '2+2?', choices: ['1', '2', '4'], answer: '2' },
        { question: '2+3?', choices: ['1', '5', '4'], answer: '0' },
      ),
    ).toEqual(['C', 'A'])
    expect(
      await answersOf(
        { question: '2+2?', choices: { text: ['1', '4'], label: ['A', 'B'] }, answerKey: 'B' },
        { question: '2+3?', choices: { text: ['5', '1'], label: ['1', '2'] }, answerKey: '1' },
      ),
    ).toEqual(['B', 'A'])
    expect(await answersOf({ question: '2+2?', options: ['A)1', 'B)4'], rationale: 'so B', correct: 'B' })).toEqual(['B'])
    expect(await answersOf({ question: '2+2?', options: { A: '1', B: '4' }, answer: '4', answer_idx: 'B' })).toEqual(['B'])
    expect((await imported({ question: '2+2?', options: ['1', '2', '4', '8'], answer: 'C', answer_index: 2 })).grader).toBe('choice')
  })
})

describe('answers', () => {
  it('called a solution are answers where they are as short as one', async () => {
    expect(await answersOf({ prompt: '2+2?', solution: '4' }, { prompt: '2+3?', solution: '5' })).toEqual(['4', '5'])
    expect(await answersOf({ problem: '2+2?', ground_truth_solution: 'Two and two, so \\boxed{4}.' })).toEqual(['4'])
  })

  it('written as a list in a text are that list, and intervals are left alone', async () => {
    const row = (ground_truth: string): object => ({
      data_source: 'x',
      prompt: [{ role: 'user', content: `2+2? (${ground_truth})` }],
      reward_model: { ground_truth, style: 'rule' },
    })
    expect(await answersOf(row('["4"]'), row('["4", "4.0"]'), row('[1, 2]'))).toEqual(['4', ['4', '4.0'], '[1, 2]'])
  })

  it('are never verdicts', async () => {
    await expect(imported({ question: '2+2?', correct: true })).rejects.toMatchObject({ code: 'import.noAnswer' })
    await expect(imported({ question: '2+2?', correct: 1 })).rejects.toMatchObject({ code: 'import.noAnswer' })
  })
})

describe('rollouts', () => {
  it.each([
    ['LLaMA-Factory', { prompt: '2+2?', predict: '4', label: '4' }, {}],
    ['DeepEval', { input: '2+2?', actual_output: '4', expected_output: '4', score: 1 }, { reward: 1 }],
    ['ROLL', { id: 1, prompt: '2+2?', response: '4', ground_truth: '4', scores: 1 }, { reward: 1 }],
    ['simple-evals', { prompt: '2+2?', response: '4', target: '4', score: true }, { correct: true }],
    ['a table of answers', { question: '2+2?', model_answer: '4', gold: '4', correct: 1 }, { correct: true }],
  ])('of %s are rollouts, with what they were to say', async (_who, row, more) => {
    expect(await imported(row)).toMatchObject({
      kind: 'rollouts',
      records: [{ prompt: '2+2?', completion: '4', groundTruth: '4', ...more }],
    })
  })

  it('of several samples a row bring their prompts, rewards and answers along', async () => {
    const both = [
      { prompt: '2+2?', completion: '4', reward: 1 },
      { prompt: '2+2?', completion: '5', reward: 0 },
    ]
    expect((await imported({ gen_step: 1, prompt: ['2+2?', '2+2?'], completion: ['4', '5'], reward: [1, 0] })).records).toMatchObject(both)
    expect((await imported({ idx: 0, prompt: '2+2?', responses: ['4', '5'], rewards: [1, 0], gt: '4' })).records).toMatchObject(
      both.map((each) => ({ ...each, groundTruth: '4' })),
    )
    expect((await imported({ prompt: '2+2?', generated: ['4', '5'], answer: '4' })).records).toMatchObject([
      { completion: '4', groundTruth: '4' },
      { completion: '5', groundTruth: '4' },
    ])
  })

  it('have rewards in parts where the reward is a record', async () => {
    expect((await imported({ prompt: '2+2?', response: '4', reward: { score: 1, format: 0.5 } })).records).toMatchObject([
      { reward: 1, rewards: { score: 1, format: 0.5 } },
    ])
  })

  it('whose completion is in an object are turned away with the way into it', async () => {
    const job = importFiles([file('data.jsonl', '{"prompt": {"raw": "2+2?"}, "response": {"output": "4", "cached": false}, "score": 1}\n')])
    for await (const _ of job);
    expect(job.report().rejected[0]!.reason).toBe(
      'It has no completion: response holds no text; --map completion=response.output reads into it.',
    )
  })

  it('that are only the requests of a batch are named as such', async () => {
    await expect(
      imported({ custom_id: 'a', method: 'POST', url: '/v1/chat/completions', body: { messages: [{ role: 'user', content: '2+2?' }] } }),
    ).rejects.toMatchObject({ code: 'import.requests' })
  })
})

describe('conversations in a text', () => {
  it.each([
    ['JSON', '[{"role": "user", "content": "2+2 isn\'t 5?"}]'],
    ['Python', "[{'role': 'user', 'content': \"2+2 isn't 5?\"}]"],
    ['NumPy', "array([{'content': '2+2 isn\\'t 5?', 'role': 'user'}], dtype=object)"],
  ])('of %s are conversations', async (_how, prompt) => {
    expect((await imported({ prompt, completion: 'no', reward: 1 })).records).toMatchObject([
      { prompt: "2+2 isn't 5?", promptMessages: [{ role: 'user', content: "2+2 isn't 5?" }] },
    ])
    expect((await imported({ prompt, answer: 'no' })).records).toMatchObject([{ problem: "2+2 isn't 5?", answer: 'no' }])
  })

  it('that are none stay text', async () => {
    expect((await imported({ prompt: "[{'role': 'user', 'content'", completion: 'no', reward: 1 })).records).toMatchObject([
      { prompt: "[{'role': 'user', 'content'" },
    ])
  })
})

describe('a literal of Python', () => {
  const printed = (value: unknown): string => {
    if (value === null) return 'None'
    if (typeof value === 'boolean') return value ? 'True' : 'False'
    if (typeof value === 'string')
      return `'${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'").replaceAll('\n', '\\n').replaceAll('\r', '\\r')}'`
    if (Array.isArray(value)) return `[${value.map(printed).join(', ')}]`
    if (typeof value === 'object')
      return `{${Object.entries(value)
        .map(([key, each]) => `${printed(key)}: ${printed(each)}`)
        .join(', ')}}`
    return String(value)
  }

  it('gives back what was printed', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), (any) => {
        const value = JSON.parse(JSON.stringify(any), (key, each: unknown) => (key === '__proto__' ? undefined : each)) as never
        expect(pythonLiteral(printed(value))).toEqual(value)
      }),
    )
  })

  it('may be written in every way that Python and NumPy have for it', () => {
    for (const [text, value] of [
      [`"it's"`, "it's"],
      ["'\\x41\\u00e9\\U0001F600\\n\\t\\r\\0\\a\\b\\f\\v\\\\\\q\\xZ'", 'Aé😀\n\t\r\0\x07\b\f\v\\\\q\\xZ'],
      ["'one \\\nline'", 'one line'],
      ['  ( 1 , 2.5 , .5, 1., -3e2, +4 , )  ', [1, 2.5, 0.5, 1, -300, 4]],
      ['[None, True, False, nan]', [null, true, false, null]],
      ["{'a': 1, 2: 'b', None: (), }", { a: 1, 2: 'b', null: [] }],
      ['array([1, 2], dtype=int64)', [1, 2]],
      ["[array(['a'], dtype='<U1'), array( [ ] , )]", undefined],
      ["[array(['a'], dtype='<U1'), array( [ ] )]", [['a'], []]],
      ['{}', {}],
      ['[[], ()]', [[], []]],
      ['1'.repeat(40), Number('1'.repeat(40))],
    ] as const)
      expect([text, pythonLiteral(text)]).toEqual([text, value])
  })

  it('may be nested sixty deep, in whatever it is nested', () => {
    for (const [open, close] of ['[]', '()', ['{1: ', '}']] as const) {
      const nested = (depth: number): string => `${open.repeat(depth)}1${close.repeat(depth)}`
      expect(pythonLiteral(nested(60))).toBeDefined()
      expect(pythonLiteral(nested(61))).toBeUndefined()
    }
  })

  it.each([
    "['a'",
    "{'a' 1}",
    "{'a': 1",
    '[1 2]',
    '(1]',
    "'a",
    'Nonsense',
    'None1',
    '1 2',
    '-',
    'array([1]',
    'array([1], int)',
    '+-1',
    '1'.repeat(41),
    '__import__("os")',
    "['a'] + ['b']",
    '',
    '[1, 2',
    "'a\n'",
    '['.repeat(100),
  ])('is nothing else: %j', (text) => expect(pythonLiteral(text)).toBeUndefined())
})
