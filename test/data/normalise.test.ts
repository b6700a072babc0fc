// A row of a file as a problem: what is asked, what the answer is among choices, what is left over, and what numbers say of classes.

import { describe, expect, it } from 'vitest'
import { createDatasetImport } from '../../src-main/data/datasets/datasetImport.ts'
import { recogniseDataset } from '../../src-main/data/datasets/known.ts'
import { isRefused, textHash, toDatasetRow } from '../../src-main/data/datasets/normalise.ts'
import type { DatasetRow } from '../../src-main/data/datasets/normalise.ts'
import { guessRoles } from '../../src-main/data/datasets/roles.ts'
import type { JsonObject } from '../../src-main/data/json.ts'
import { createNoteBook } from '../../src-main/data/notes.ts'

/** The row alone, under the roles that are guessed of it; `given` changes those. */
function read(row: JsonObject, given: object = {}) {
  return toDatasetRow(row, 3, { ...guessRoles([row], {}, false).roles, ...given })
}
function problemOf(row: JsonObject, given?: object): DatasetRow {
  const result = read(row, given)
  if (isRefused(result)) throw new Error(`${result.code} ${result.detail}`)
  return result
}

describe('what is asked', () => {
  const turn = (role: string, content: string) => ({ role, content })

  it('is the last turn of the user before any answer, or all of it where nobody is called user', () => {
    const asked = (...prompt: readonly object[]): string => problemOf({ prompt: prompt as never, answer: '2' }).problem
    expect(asked(turn('system', 'Think.'), turn('user', 'first'), turn('user', 'second'))).toBe('second')
    expect(asked(turn('user', 'first'), turn('assistant', 'said'), turn('user', 'second'))).toBe('first')
    expect(asked(turn('system', 'Think.'), turn('tool', 'What?'))).toBe('Think.\n\nWhat?')
    expect(asked(turn('system', 'Think.'), turn('assistant', 'said'))).toBe('Think.')
    expect(read({ prompt: [turn('assistant', 'said')], answer: '2' } as never)).toEqual({ code: 'row.noProblem', detail: 'prompt' })
  })

  it('is named by its id, or by what it says, which is the same in every file', () => {
    expect(problemOf({ question: '1 + 1?', answer: '2' })).toMatchObject({ id: textHash('1 + 1?'), line: 3, level: null, slices: {} })
    expect(textHash('1 + 1?')).toMatch(/^text:[0-9a-f]{16}$/)
    expect([problemOf({ question: '1 + 1?', answer: '2', id: 7 }).id, problemOf({ question: '1 + 1?', answer: '2', id: '' }).id]).toEqual([
      '7',
      textHash('1 + 1?'),
    ])
  })

  it('of a puzzle is said in words, unless a text asks it; a puzzle without numbers has no answer', () => {
    const puzzle = { nums: [1, 2, 3], target: 6 }
    expect(problemOf(puzzle)).toMatchObject({
      problem: 'Using each of the numbers 1, 2, 3 exactly once with +, -, * and /, reach 6.',
      answer: { numbers: [1, 2, 3], target: 6 },
    })
    expect(problemOf({ ...puzzle, question: 'Reach six?' }).problem).toBe('Reach six?')
    const roles = guessRoles([puzzle]).roles
    for (const row of [
      { nums: [], target: 6 },
      { nums: [1, 2], target: 1.5 },
      { nums: [1, 'x'], target: 6 },
    ])
      expect(toDatasetRow(row, 1, roles)).toEqual({ code: 'row.noAnswer', detail: 'nums and target' })
  })

  it('goes on in a second column where there is one', () => {
    expect(problemOf({ instruction: 'Add.', input: '1 and 1', answer: '2' }).problem).toBe('Add.\n\n1 and 1')
    expect(problemOf({ instruction: 'Add.', input: '', answer: '2' }).problem).toBe('Add.')
  })
})

describe('an answer', () => {
  it('that is none, or is not where it should be, refuses the row with the reason', () => {
    const roles = { problem: 'question', answer: 'answer', solution: null }
    const refused = (answer: unknown, answerIn: string): unknown =>
      read({ question: '1 + 1?', answer } as JsonObject, { ...roles, answerIn })
    expect(refused('', 'whole')).toEqual({ code: 'row.noAnswer', detail: 'answer' })
    expect(refused(null, 'boxed')).toEqual({ code: 'row.noAnswer', detail: 'answer' })
    expect(refused('two', 'hashes')).toEqual({ code: 'row.noAnswer', detail: 'answer after ####' })
    expect(refused('two', 'boxed')).toEqual({ code: 'row.noAnswer', detail: 'answer in \\boxed{}' })
    expect(refused({ a: 1 }, 'whole')).toEqual({ code: 'row.badAnswer', detail: 'an object' })
    expect(refused(['a', null], 'whole')).toEqual({ code: 'row.badAnswer', detail: 'a list' })
    expect(refused('N/A', 'whole')).toEqual({ code: 'row.noAnswer', detail: 'answer: N/A stands for none' })
    expect(problemOf({ question: '1 + 1?', answer: 'so \\boxed{none}' }, { ...roles, answerIn: 'boxed' }).answer).toBe('none')
    expect(problemOf({ question: '1 + 1?', answer: ['2', 2] }, roles).answer).toEqual(['2', '2'])
    expect(problemOf({ question: '1 + 1?' }, { ...roles, answer: null })).not.toHaveProperty('answer')
  })

  it('among choices is the letter of the right one, said by its letter, text, label or number', () => {
    const letter = (answer: unknown, choices: unknown = ['four', 'five', 'six'], given = {}): unknown => {
      const result = read({ question: '2 + 2?', choices, answer } as JsonObject, { choices: 'choices', ...given })
      return isRefused(result) ? result.code : result.answer
    }
    expect(['A', '(b)', 'c.', 'five', '2', '0'].map((answer) => letter(answer, undefined, { choicesFrom: undefined }))).toEqual([
      'A',
      'B',
      'C',
      'B',
      'C',
      'A',
    ])
    expect(['D', '3', 'seven'].map((answer) => letter(answer, undefined, { choicesFrom: undefined }))).toEqual(
      Array(3).fill('row.noAnswer'),
    )
    expect([
      letter(1, undefined, { choicesFrom: 1 }),
      letter(3, undefined, { choicesFrom: 1 }),
      letter(0, undefined, { choicesFrom: 1 }),
    ]).toEqual(['A', 'C', 'row.noAnswer'])
    expect([
      letter('2', { text: ['a', 'b', 'c'], label: ['1', '2', '3'] }),
      letter(' Q ', { text: ['a', 'b'], label: ['P', 'Q'] }),
    ]).toEqual(['B', 'B'])
    // Labels that are fewer than the texts name none of them; a letter that is a text is that text.
    expect([letter('1', { text: ['a', 'b'], label: ['1'] }, { choicesFrom: undefined }), letter('B', ['B', 'A'])]).toEqual(['B', 'A'])
    expect(problemOf({ question: '2 + 2?', choices: ['four', 'five'], answer: 'A' }).problem).toBe('2 + 2?\n\nA. four\nB. five')
  })

  it('beside wrong ones is put among them in an order that their texts alone decide', () => {
    const row = (right: string, ...wrong: readonly string[]) => ({
      question: 'Which?',
      answer: right,
      wrong_answer_1: wrong[0]!,
      wrong_answer_2: wrong[1]!,
    })
    const [one, other] = [problemOf(row('x', 'y', 'z')), problemOf(row('y', 'z', 'x'))]
    expect(one.problem).toBe(other.problem)
    const listed = Object.fromEntries([...one.problem.matchAll(/^([ABC])\. (\w)$/gm)].map(([, letter, text]) => [text, letter]))
    expect([one.answer, other.answer]).toEqual([listed.x, listed.y])
    expect(new Set(Object.values(listed))).toEqual(new Set(['A', 'B', 'C']))
    // Not every order is that of the columns.
    const orders = ['a', 'b', 'c', 'd', 'e', 'f'].map((text) => problemOf(row(text, `${text}1`, `${text}2`)).answer)
    expect(new Set(orders).size).toBeGreaterThan(1)
  })
})

describe('what a row says besides', () => {
  it('is kept where no role has taken it, with what is left of objects, and nothing that is empty', () => {
    const extraOf = (row: JsonObject, given?: object) => problemOf({ question: '1 + 1?', answer: '2', ...row }, given).extra
    expect(extraOf({ note: 'n', none: null, blank: '', zero: 0, list: [] })).toEqual({ note: 'n', zero: 0, list: [] })
    expect(extraOf({ level: 3, id: 'a', split: 'train' })).toBeUndefined()
    expect(extraOf({ deep: { tag: 't', more: 1 }, empty: {} }, { slices: ['deep.tag'] })).toEqual({ deep: { more: 1 }, empty: {} })
    expect(extraOf({ deep: { tag: 't' } }, { slices: ['deep.tag'] })).toBeUndefined()
    // A text out of which the answer was taken is more than the answer.
    expect(extraOf({ answer: 'so #### 2' }, { answerIn: 'hashes' })).toEqual({ answer: 'so #### 2' })
    expect(problemOf({ question: '2 + 2?', choices: ['four', 'five'], answer: 'four' }).extra).toEqual({
      choices: ['four', 'five'],
      answer: 'four',
    })
    expect(Object.keys(problemOf(JSON.parse('{"question": "1?", "answer": "1", "__proto__": {"a": 1}}') as JsonObject).extra!)).toEqual([
      '__proto__',
    ])
  })

  it('of a conversation is all of it, unless it says no more than its question', () => {
    const extraOf = (...prompt: readonly object[]) => problemOf({ prompt: prompt as never, answer: '2' }).extra
    expect(extraOf({ role: 'user', content: '1 + 1?' })).toBeUndefined()
    expect(extraOf({ role: 'user', content: '1 + 1?', name: null })).toBeUndefined()
    for (const more of [
      [{ role: 'user', content: '1 + 1?', name: 'me' }],
      [{ role: 'human', content: '1 + 1?' }],
      [{ role: 'user', content: [{ type: 'text', text: '1 + 1?' }] }],
      [
        { role: 'user', content: '1 + 1?' },
        { role: 'assistant', content: '2' },
      ],
    ])
      expect(extraOf(...more)).toEqual({ prompt: more })
  })

  it('as a level is its number, however it is written', () => {
    const levelOf = (slices: JsonObject) => problemOf({ question: '1 + 1?', answer: '2', ...slices }).level
    expect([levelOf({ level: 'Level 5' }), levelOf({ difficulty: -1.5 }), levelOf({ level: ' 3 ' }), levelOf({ level: '0' })]).toEqual([
      5, -1.5, 3, 0,
    ])
    expect([levelOf({ level: 'hard' }), levelOf({ subject: '4' }), levelOf({ level: 'hard', difficulty: 2 })]).toEqual([null, null, 2])
    expect(
      problemOf({ question: '1 + 1?', answer: '2', subject: true, domain: 1.5, type: '' }, { slices: ['subject', 'domain', 'type'] })
        .slices,
    ).toEqual({ subject: 'true', domain: '1.5' })
  })
})

describe('a file of problems', () => {
  /** Opens a file of these rows; gives what is noted of it, and what becomes of each. */
  function opened(sample: readonly JsonObject[], map = {}) {
    const notes = createNoteBook()
    const converter = createDatasetImport({}).open('a.jsonl', sample, map, notes)
    const results = sample.map((value, at) => converter.convert({ line: at + 1, start: null, end: null, value }))
    return { notes: Object.fromEntries(notes.list().map(({ code, detail, count }) => [code, detail ?? count])), results }
  }
  const of = (answers: readonly unknown[], name = 'answer'): JsonObject[] =>
    answers.map((answer, at) => ({ question: `the question ${at} of its own?`, [name]: answer }) as JsonObject)
  const repeated = (...each: readonly (readonly [number, unknown])[]): unknown[] =>
    each.flatMap(([count, value]) => Array<unknown>(count).fill(value))

  it('whose answers are few numbers from 0 on, each four times at least on average, may have those of classes', () => {
    const classes = (answers: readonly unknown[], name?: string) => opened(of(answers, name)).notes['answer.classes']
    expect(classes(repeated([4, 0], [4, 1]))).toBe('answer holds 0, 1')
    expect(classes(repeated([7, 0], [1, 1]))).toBe('answer holds 0, 1')
    expect(classes(repeated([4, 0], [3, 1]))).toBeUndefined()
    expect(classes(repeated([4, 1], [4, 2]))).toBeUndefined()
    expect(classes(repeated([4, 0], [4, 2]))).toBeUndefined()
    expect(classes(repeated([9, 0]))).toBeUndefined()
    expect(classes(repeated([4, 0], [4, 1], [4, 2], [4, 3], [4, 4]))).toBe('answer holds 0, 1, 2, 3, 4')
    expect(classes(repeated([4, 0], [4, 1], [4, 2], [4, 3], [4, 4], [4, 5]))).toBeUndefined()
    expect(classes(repeated([4, '0'], [4, '1']))).toBeUndefined()
    expect(classes(repeated([4, '0'], [4, '1']), 'label')).toBe('label holds 0, 1')
    expect(classes([0, 9], 'label')).toBe('label holds 0, 9')
    expect(classes([0, 10], 'label')).toBeUndefined()
    expect(classes([-1, 1], 'label')).toBeUndefined()
    expect(classes([0, 1.5], 'label')).toBeUndefined()
    expect(classes(['0', '1'], 'label')).toBeUndefined()
  })

  it('names the columns that no role takes, and gives an id that comes again a hash of its problem', () => {
    expect(opened([{ question: '1?', answer: '1', note: 'n', deep: { tag: 't' } }], { slices: 'deep.tag' }).notes['columns.unused']).toBe(
      'note',
    )
    const { notes, results } = opened(
      ['one', 'two', 'three'].map((text) => ({ id: 'a', question: `what is ${text} times ${text}?`, answer: text })),
    )
    const ids = results.map((result) => ('records' in result ? result.records[0]!.id : ''))
    expect(ids).toEqual([
      'a',
      `a~${textHash('what is two times two?').slice(5, 13)}`,
      `a~${textHash('what is three times three?').slice(5, 13)}`,
    ])
    expect(notes['id.repeated']).toBe(2)
  })
})

it('a set is told by its columns, whatever their case, and one that nobody knows by the first twelve', () => {
  const told = (row: JsonObject): string => recogniseDataset([row]).source
  expect(told({ Question: 'x?', Answer: 'so #### 2' })).toBe('gsm8k')
  expect([told({ question: 'x?', answer: '2' }), told({ question: 'x?', answer: 2 })]).toEqual(['plain', 'plain'])
  expect([
    told({ problem: 'x?', solution: 's', uuid: 'u' }),
    told({ problem: 'x?', solution: 's', generations: [] }),
    told({ problem: 'x?', solution: 's' }),
  ]).toEqual(['openr1-math', 'openr1-math', 'plain'])
  expect([
    told({ problem: 'x?', solution: 's', level: 1, subject: 'a' }),
    told({ problem: 'x?', solution: 's', level: 1, type: 'a' }),
    told({ problem: 'x?', solution: 's', level: 1 }),
  ]).toEqual(['math', 'math', 'plain'])
  expect([told({ target: 1, nums: [1] }), told({ target: 1, numbers: [1] }), told({ target: 1 }), told({ nums: [1] })]).toEqual([
    'countdown',
    'countdown',
    'plain',
    'plain',
  ])
  expect([
    told({ problem: 'x?', answer: ['1'] }),
    told({ problem: 'x?', answer: '1' }),
    told({ problem: 'x?', answer: '1', more: 1 }),
  ]).toEqual(['math-eval', 'mrt-benchmark', 'plain'])
  expect([
    told({ data_source: 'd', prompt: 'p', reward_model: { ground_truth: '1' } }),
    told({ data_source: 'd', prompt: 'p', reward_model: 'r' }),
  ]).toEqual(['verl', 'trl'])
  expect([told({ ID: 1, Problem: 'x?', Answer: 1 }), told({ id: 1, problem: 'x?', answer: 1 })]).toEqual(['aime', 'plain'])
  const wide = Object.fromEntries(Array.from({ length: 13 }, (_, at) => [`c${at}`, at]))
  expect(recogniseDataset([wide]).why).toMatch(/ c10, c11$/)
})
