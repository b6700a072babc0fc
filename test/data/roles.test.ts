// Which column plays which part, on samples just at the shares and lengths that decide, and what a person is told who named a wrong one.

import { describe, expect, it } from 'vitest'
import { choicesIn, columnsOf, guessRoles, labelsIn } from '../../src-main/data/datasets/roles.ts'
import type { JsonObject } from '../../src-main/data/json.ts'
import type { LabError } from '../../src-preload/contract.ts'

const thrown = (work: () => unknown): LabError => {
  try {
    work()
  } catch (error) {
    return error as LabError
  }
  throw new Error('nothing was thrown')
}
/** So many rows of one kind, then so many of another. */
const rows = (...kinds: readonly (readonly [number, JsonObject])[]): JsonObject[] =>
  kinds.flatMap(([count, row]) => Array.from({ length: count }, () => row))
const rolesOf = (...kinds: readonly (readonly [number, JsonObject])[]) => guessRoles(rows(...kinds)).roles
const codeOf = (...kinds: readonly (readonly [number, JsonObject])[]): string => thrown(() => guessRoles(rows(...kinds))).code

describe('a column', () => {
  it('holds the problem, or the answer, where it is filled in half of the rows', () => {
    expect(rolesOf([1, { question: '1 + 1?', answer: '2' }], [1, { question: ' ', answer: '2' }]).problem).toBe('question')
    expect(codeOf([1, { question: '1 + 1?', answer: '2' }], [2, { question: ' ', answer: '2' }])).toBe('import.noProblem')
    expect(rolesOf([1, { question: '1 + 1?', answer: '2' }], [1, { question: '1 + 1?', answer: null }]).answer).toBe('answer')
    expect(codeOf([1, { question: '1 + 1?', answer: '2' }], [2, { question: '1 + 1?', answer: null }])).toBe('import.noAnswer')
    expect(guessRoles(rows([3, { question: '1 + 1?' }]), {}, false).roles).toMatchObject({ problem: 'question', answer: null })
  })

  it('is found whatever the case of its name, and a verdict holds no answer', () => {
    expect(rolesOf([2, { Question: '1 + 1?', Answer: '2', ID: 'a', Level: 3 }])).toMatchObject({
      problem: 'Question',
      answer: 'Answer',
      id: 'ID',
      slices: ['Level'],
    })
    expect(codeOf([2, { question: '1 + 1?', correct: true }])).toBe('import.noAnswer')
    expect(codeOf([2, { question: '1 + 1?', correct: '1' }])).toBe('import.noAnswer')
    expect(codeOf([2, { question: '1 + 1?', answer: false }])).toBe('import.noAnswer')
    expect(rolesOf([2, { question: '1 + 1?', correct: 'two' }]).answer).toBe('correct')
  })

  it('of instructions goes before one of inputs where each is filled in half of the rows', () => {
    const both = { instruction: 'Add them.', input: '1 and 1', answer: '2' }
    expect(rolesOf([1, both], [1, { answer: '2' }])).toMatchObject({ problem: 'instruction', more: 'input' })
    expect(rolesOf([1, both], [2, { instruction: 'Add them.', answer: '2' }])).toMatchObject({ problem: 'instruction' })
    expect(rolesOf([1, both], [2, { instruction: 'Add them.', answer: '2' }])).not.toHaveProperty('more')
    expect(rolesOf([1, both], [2, { input: '1 and 1', answer: '2' }])).toMatchObject({ problem: 'input' })
    expect(guessRoles([both], { problem: 'input' }).roles).not.toHaveProperty('more')
  })

  it('holds messages where more than half of its values are', () => {
    const [turns, text] = [
      { prompt: [{ role: 'user', content: '1 + 1?' }], answer: '2' },
      { prompt: '1 + 1?', answer: '2' },
    ]
    expect(rolesOf([2, turns], [1, text])).toMatchObject({ problem: 'prompt', messages: 'prompt' })
    expect(rolesOf([1, turns], [1, text])).not.toHaveProperty('messages')
  })

  it('whose values differ over one problem was written by a model, where another keeps to one', () => {
    const of = (question: string, gold: string, answer: string) => ({ question, answer, final_answer: gold })
    expect(guessRoles([of('1?', '1', 'a'), of('1?', '1', 'b'), of('2?', '2', 'c')]).roles.answer).toBe('final_answer')
    expect(guessRoles([of('1?', '1', 'a'), of('2?', '1', 'b')]).roles.answer).toBe('answer')
    expect(guessRoles([of('1?', '1', 'a'), of('1?', '2', 'b')]).roles.answer).toBe('answer')
  })
})

describe('the answer in its column', () => {
  const answer = (text: string): JsonObject => ({ question: '1 + 1?', answer: text })

  it('stands after hashes, or in the last box of a text of more than forty characters, where more than half of the rows have it there', () => {
    expect(rolesOf([2, answer('one and one #### 2')], [1, answer('2')]).answerIn).toBe('hashes')
    expect(rolesOf([1, answer('one and one #### 2')], [1, answer('2')]).answerIn).toBe('whole')
    const boxed = (length: number): JsonObject => answer('\\boxed{2}'.padStart(length, 'x'))
    expect(rolesOf([2, boxed(41)], [1, answer('2')])).toMatchObject({ answerIn: 'boxed', solution: 'answer' })
    expect(rolesOf([1, boxed(41)], [1, answer('2')]).answerIn).toBe('whole')
    expect(rolesOf([2, boxed(40)]).answerIn).toBe('whole')
  })

  it('stands at the end of solutions where no column holds it and half of them have one', () => {
    const worked = (solution: string): JsonObject => ({ question: '1 + 1?', solution })
    const long = 'a solution of many words that ends in nothing'
    expect(rolesOf([1, worked(`${long} \\boxed{2}`)], [1, worked(long)])).toMatchObject({
      answer: 'solution',
      answerIn: 'boxed',
      solution: 'solution',
    })
    expect(rolesOf([1, worked(`${long} #### 2`)], [1, worked(long)])).toMatchObject({ answer: 'solution', answerIn: 'hashes' })
    expect(rolesOf([1, worked(`${long} #### 2`)], [1, worked(`${long} \\boxed{2}`)])).toMatchObject({ answerIn: 'boxed' })
    expect(rolesOf([2, worked(`${long} #### 2`)], [1, worked(`${long} \\boxed{2}`)])).toMatchObject({ answerIn: 'hashes' })
    expect(codeOf([1, worked(`${long} \\boxed{2}`)], [2, worked(long)])).toBe('import.noAnswer')
  })

  it('is the solution itself where half of the rows have one and the middle one is as short as an answer', () => {
    const short = (length: number): JsonObject => ({ question: '1 + 1?', solution: 'x'.repeat(length) })
    expect(rolesOf([2, short(24)], [1, short(90)])).toMatchObject({ answer: 'solution', answerIn: 'whole', solution: null })
    expect(codeOf([3, short(25)])).toBe('import.noAnswer')
    expect(codeOf([1, short(24)], [2, short(25)])).toBe('import.noAnswer')
    expect(rolesOf([1, short(5)], [1, { question: '1 + 1?' }]).answer).toBe('solution')
    expect(codeOf([1, short(5)], [2, { question: '1 + 1?' }])).toBe('import.noAnswer')
  })

  it('has a solution beside it where one row in ten has one', () => {
    const plain = { question: '1 + 1?', answer: '2' }
    expect(rolesOf([1, { ...plain, solution: 'count' }], [9, plain]).solution).toBe('solution')
    expect(rolesOf([1, { ...plain, solution: 'count' }], [10, plain]).solution).toBeNull()
  })
})

describe('choices', () => {
  const of = (answer: unknown, choices: unknown = ['four', 'five', 'six']) => ({ question: '2 + 2?', choices, answer }) as JsonObject

  it('are counted from 0 where every number is one of them so, else from 1, and not where the answers are texts or labels', () => {
    const from = (...each: readonly JsonObject[]) => guessRoles(each).roles.choicesFrom
    expect([from(of(0), of(2)), from(of(1), of(2)), from(of(1), of(3)), from(of('1'), of(' 3 '))]).toEqual([0, 0, 1, 1])
    expect([from(of(0), of(3)), from(of(4)), from(of(-1)), from(of('A')), from(of('four')), from(of(1.5))]).toEqual(
      Array(6).fill(undefined),
    )
    // As texts they are those texts; as numbers they count.
    expect([from(of('2', ['1', '2', '3'])), from(of(2, ['1', '2', '3']))]).toEqual([undefined, 0])
    expect(from(of('2', { text: ['a', 'b'], label: ['1', '2'] }), of('1', { text: ['a', 'b'], label: ['1', '2'] }))).toBeUndefined()
    expect(from(of('1', { text: ['a', 'b'], label: ['A', 'B'] }))).toBe(0)
  })

  it('may be columns of wrong answers, lists, lists with labels, or letters with their texts, from two to twenty-six of them', () => {
    expect(
      rolesOf([2, { question: '2 + 2?', answer: '4', 'Incorrect Answer 1': '5', wrong_answer_2: '6', distractor3: '7', incorrect: '8' }])
        .choices,
    ).toEqual(['Incorrect Answer 1', 'wrong_answer_2', 'distractor3'])
    const many = Array.from({ length: 27 }, (_, at) => at)
    expect([choicesIn([1, 'b']), choicesIn(['a']), choicesIn(many.slice(1)), choicesIn(many), choicesIn(['a', null])]).toEqual([
      ['1', 'b'],
      undefined,
      many.slice(1).map(String),
      undefined,
      undefined,
    ])
    expect([
      choicesIn({ A: 'x', B: 'y' }),
      choicesIn({ A: 'x' }),
      choicesIn({ A: 'x', C: 'y' }),
      choicesIn({ text: ['x', 'y'], label: ['1', '2'] }),
    ]).toEqual([['x', 'y'], undefined, undefined, ['x', 'y']])
    expect([
      labelsIn({ label: ['A', 2] }),
      labelsIn({ label: ['A', null], text: [] }),
      labelsIn({ A: 'x', B: 'y' }),
      labelsIn(['x']),
      labelsIn('x'),
    ]).toEqual([['A', '2'], undefined, ['A', 'B'], undefined, undefined])
  })
})

describe('a guess', () => {
  it('is high where both columns were named or have the usual names, and lower for each that is guessed by what it holds', () => {
    const confidence = (row: JsonObject, map = {}): string => guessRoles([row, row], map).confidence
    expect(confidence({ question: '1 + 1?', answer: '2' })).toBe('high')
    expect(confidence({ input: '1 + 1?', answer: '2' })).toBe('medium')
    expect(confidence({ question: '1 + 1?', solution: 'so \\boxed{2}' })).toBe('medium')
    expect(confidence({ input: '1 + 1?', solution: 'so \\boxed{2}' })).toBe('low')
    expect(confidence({ asked: '1 + 1?', said: '2' }, { problem: 'asked', answer: 'said' })).toBe('high')
    expect(confidence({ asked: '1 + 1?', answer: '2' }, { problem: 'asked' })).toBe('high')
    expect(confidence({ asked: '1 + 1?', solution: 'so \\boxed{2}' }, { problem: 'asked' })).toBe('medium')
  })

  it('of a puzzle takes its two columns, unless the answer is named', () => {
    const puzzle = { nums: [1, 2, 3], target: 6, note: 'Reach it.' }
    expect(rolesOf([2, puzzle])).toMatchObject({ problem: 'nums', answer: null, countdown: { numbers: 'nums', target: 'target' } })
    expect(rolesOf([1, puzzle], [1, { nums: 'x', target: 'y' }]).countdown).toBeDefined()
    expect(codeOf([1, puzzle], [2, { nums: 'x', target: 'y' }])).toBe('import.noProblem')
    expect(guessRoles([puzzle], { problem: 'note', answer: 'target' }).roles).not.toHaveProperty('countdown')
  })

  it('says which columns may be meant: the longest texts for the problem, the shortest that differ for the answer', () => {
    const found = (sample: readonly JsonObject[], map = {}): string => thrown(() => guessRoles(sample, map)).found
    const row = (at: number) => ({ asked: `How much is ${at} and ${at}?`, said: String(2 * at), row_id: at, same: 'x' })
    expect(found([row(1), row(2)])).toMatch(/; perhaps --map problem=asked,answer=said$/)
    expect(
      found([
        { question: 'What?', said: 'it is 4', tag: 'x' },
        { question: 'Who?', said: 'it is 5', tag: 'x' },
      ]),
    ).toMatch(/; perhaps --map answer=said$/)
    expect(
      found([
        { a: 'short', b: 'less' },
        { a: 'small', b: 'most' },
      ]),
    ).not.toContain('perhaps')
    const wide = Object.fromEntries(Array.from({ length: 32 }, (_, at) => [`c${at}`, null]))
    expect(found([wide])).toMatch(/c29 and 2 more$/)
    const { c31: _last, c30: _other, ...thirty } = wide
    expect(found([thirty])).toMatch(/, c29$/)
  })

  it('refuses roles and columns that are not there, and takes those that only some rows have, or that lie deeper', () => {
    const row = { question: '1 + 1?', answer: '2', deep: { er: [{ tag: 't' }] } }
    const refused = (map: Record<string, string>): [string, string] => {
      const { code, found } = thrown(() => guessRoles([row], map))
      return [code, found]
    }
    expect(refused({ prompt: 'question' })).toEqual(['import.badMap', expect.stringContaining('which is one of rollouts')])
    expect(refused({ colour: 'question' })).toEqual(['import.badMap', expect.not.stringContaining('rollouts')])
    expect(refused({ answer: 'Answers' })).toEqual(['import.noColumn', expect.stringContaining('nearest is answer')])
    expect(refused({ slices: 'answer+gone' })).toEqual([
      'import.noColumn',
      expect.stringContaining('no column "gone", which --map names for slices'),
    ])
    expect(guessRoles([row, { ...row, more: 1 }], { slices: 'more+deep.er[0].tag', id: 'answer' }).roles).toMatchObject({
      slices: ['more', 'deep.er[0].tag'],
      id: 'answer',
    })
    expect(columnsOf([row, { question: 1, own: { a: 1 } }])).toEqual(['question', 'answer', 'deep', 'deep.er', 'own', 'own.a'])
  })
})
