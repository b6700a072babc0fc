// Grading a stream of JSON lines, and grouping answers for a vote.

import { afterAll, describe, expect, test } from 'vitest'
import { majAtK } from '../../../src-main/numeric/passAtK.ts'
import { datasetTask } from '../../../src-main/tasks/dataset.ts'
import { createGrader, gradeAnswer } from '../../../src-main/tasks/graders/grader.ts'
import { groupAnswers, votesOf } from '../../../src-main/tasks/graders/groups.ts'
import { gradeLines } from '../../../src-main/tasks/graders/lines.ts'

const grader = createGrader('math')
afterAll(() => grader.close())

const gradeAll = async (lines: readonly string[]): Promise<Record<string, unknown>[]> => {
  const results: Record<string, unknown>[] = []
  for await (const line of gradeLines(lines, grader)) results.push(JSON.parse(line) as Record<string, unknown>)
  return results
}

describe('grading lines', () => {
  test('gives one verdict per line in order, also when an early line needs the computer algebra', async () => {
    const lines = [
      '{"gold": "\\\\sqrt{8}", "answer": "2\\\\sqrt{2}"}',
      '{"gold": "1", "answer": "2"}',
      '{"gold": ["1", "2"], "answer": "so \\\\boxed{2}", "id": "third"}',
    ]
    expect(await gradeAll(lines)).toMatchObject([
      { correct: true, extracted: '2\\sqrt{2}' },
      { correct: false, extracted: '2', reason: 'different' },
      { correct: true, extracted: '2', id: 'third' },
    ])
  })

  test('answers a bad line with its number and goes on', async () => {
    const results = await gradeAll([
      '{"gold": "1", "answer": "1"}',
      '',
      'not json',
      '[]',
      '{"answer": "1"}',
      '{"gold": "1"}',
      '{"gold": [], "answer": "1"}',
      '{"gold": 1, "answer": null}',
      '{"gold": 1, "answer": 1}',
    ])
    expect(results.map((result) => result.correct)).toEqual([true, false, false, false, false, false, false, true])
    expect(results.map((result) => (result.error as { line: number } | undefined)?.line)).toEqual([
      undefined,
      3,
      4,
      5,
      6,
      7,
      undefined,
      undefined,
    ])
    expect(results[1]).toMatchObject({ extracted: null, error: { code: 'grade.line' } })
    expect(results[6]).toEqual({ correct: false, extracted: null, reason: 'no-answer' })
  })

  test('keeps all digits of whole numbers that are not quoted', async () => {
    expect(
      (
        await gradeAll([
          '{"gold": 12345678901234567890, "answer": 12345678901234567891}',
          '{"gold": 12345678901234567890, "answer": "12345678901234567890"}',
        ])
      ).map((result) => result.correct),
    ).toEqual([false, true])
  })

  test('keeps the order over more lines than it holds at once', async () => {
    const lines = Array.from({ length: 200 }, (_, n) =>
      JSON.stringify({ gold: String(n), answer: n % 3 === 0 ? `\\frac{${n}\\sqrt{2}}{\\sqrt{2}}` : String(n), id: n }),
    )
    const results = await gradeAll(lines)
    expect(results.map((result) => result.id)).toEqual(lines.map((_, n) => n))
    expect(results.every((result) => result.correct === true)).toBe(true)
  })
})

test('answers that mean the same vote together, whichever came first, and those that state nothing vote for nothing', () => {
  const same = (a: string, b: string): boolean => gradeAnswer('math', a, b).correct
  expect(groupAnswers(['0.5', '\\frac{1}{2}', '2', null, '2.0', '7'], same)).toEqual(['0.5', '0.5', '2', null, '2', '7'])
  expect(groupAnswers(['2.0', '\\frac{1}{2}', '0.5', '2'], same)).toEqual(['2.0', '\\frac{1}{2}', '\\frac{1}{2}', '2.0'])
})

test('a majority of a dataset is of values, not of spellings: two halves outvote two equal thirds of another spelling', () => {
  const half = { id: 1, split: 'test', prompt: 'Half of one?', golds: ['1/2'], cluster: 'half', level: null }
  const task = datasetTask({ id: 1, name: 'votes', grader: 'math', problems: [half] })
  const votes = votesOf(
    ['0.5', '\\frac{1}{2}', '1/2', '0.3', '0.3'].map((answer) => task.grade({ id: 'half', data: half }, answer)),
    task,
  )
  expect(majAtK(votes, 5)).toBe(1)
})
