// The strict grader, reason by reason, and the vocabulary it reads.
import { describe, expect, it } from 'vitest'
import { createCountdown } from '../../src-main/tasks/countdown.ts'
import { toProblem } from '../../src-main/tasks/countdown/generator.ts'
import { numberOf, numberToken, textToTokens, tokensToText, VOCABULARY_SIZE } from '../../src-main/tasks/countdown/vocabulary.ts'

const task = createCountdown()
const reason = (numbers: number[], target: number, completion: string): string =>
  task.grade(toProblem({ numbers, target }), textToTokens(completion)!).reason

describe('the Countdown grader', () => {
  const cases: [string, string, string][] = [
    ['a right answer', '</think> 5 * 15 , 75 + 4 <eos>', 'correct'],
    ['the same answer with operands exchanged', '</think> 15 * 5 , 4 + 75 <eos>', 'correct'],
    ['a right answer after any thinking, however wrong', '5 + 4 = 12 yes Wait </think> 5 * 15 , 75 + 4 <eos>', 'correct'],
    ['padding after the end token', '</think> 5 * 15 , 75 + 4 <eos> <pad> <pad>', 'correct'],
    ['another value', '</think> 5 + 15 , 20 + 4 <eos>', 'wrong-value'],
    ['a number used twice', '</think> 5 * 15 , 75 + 5 <eos>', 'wrong-numbers'],
    ['a number left over', '</think> 5 * 15 <eos>', 'wrong-numbers'],
    ['a step too many', '</think> 5 * 15 , 75 + 4 , 79 + 4 <eos>', 'wrong-numbers'],
    ['a number that was not given', '</think> 5 * 15 , 75 + 3 <eos>', 'wrong-numbers'],
    ['a result that was not computed', '</think> 5 * 15 , 74 + 5 <eos>', 'wrong-numbers'],
    ['smaller minus larger', '</think> 4 - 5 , 15 + 4 <eos>', 'illegal-operation'],
    ['inexact division', '</think> 15 / 4 , 5 + 4 <eos>', 'illegal-operation'],
    ['a written result inside a step', '</think> 5 * 15 = 75 , 75 + 4 <eos>', 'unparsable'],
    ['a comma at the end', '</think> 5 * 15 , <eos>', 'unparsable'],
    ['an operand missing', '</think> 5 * 15 , 75 + <eos>', 'unparsable'],
    ['a second end of thinking', '</think> </think> 5 * 15 , 75 + 4 <eos>', 'unparsable'],
    ['a second think block', '</think> Wait 5 * 15 , 75 + 4 <eos>', 'unparsable'],
    ['nothing after the thinking', '5 + 4 = 9 </think> <eos>', 'no-answer'],
    ['an end token inside the thinking', '5 + 4 = 9 <eos>', 'no-answer'],
    ['an end token before the end of thinking', '5 <eos> </think> 5 * 15 , 75 + 4 <eos>', 'no-answer'],
    ['thinking that never ends', '5 + 4 = 9 , 15 - 9 = 6 no Wait', 'truncated'],
    ['an answer without its end token', '</think> 5 * 15 , 75 + 4', 'truncated'],
    ['nothing at all', '', 'truncated'],
  ]
  it.each(cases)('grades %s', (_name, completion, expected) => {
    expect(reason([5, 4, 15], 79, completion)).toBe(expected)
  })

  it('calls only the reason "correct" correct, and extracts the answer when there is one', () => {
    for (const [, completion, expected] of cases) {
      const grade = task.grade(toProblem({ numbers: [5, 4, 15], target: 79 }), textToTokens(completion)!)
      expect(grade.correct).toBe(expected === 'correct')
      expect(grade.extracted === null).toBe(expected === 'no-answer' || expected === 'truncated')
    }
    const grade = task.grade(toProblem({ numbers: [5, 4, 15], target: 79 }), textToTokens('yes </think> 5 * 15 , 75 + 4 <eos>')!)
    expect(grade.extracted).toBe('5 * 15 , 75 + 4')
  })

  it('wants a duplicate number used as often as it was given', () => {
    expect(reason([6, 6, 3], 15, '</think> 6 + 6 , 12 + 3 <eos>')).toBe('correct')
    expect(reason([6, 6, 3], 9, '</think> 6 + 3 <eos>')).toBe('wrong-numbers')
    expect(reason([6, 5, 3], 15, '</think> 6 + 6 , 12 + 3 <eos>')).toBe('wrong-numbers')
  })

  it('keeps intermediate results within 1..400', () => {
    expect(reason([20, 20, 1], 99, '</think> 20 * 20 , 400 - 1 <eos>')).toBe('wrong-value')
    expect(reason([20, 20, 2, 20], 20, '</think> 20 * 20 , 400 * 2 , 20 / 20 <eos>')).toBe('illegal-operation')
    expect(reason([5, 5, 15], 15, '</think> 5 - 5 , 15 + 5 <eos>')).toBe('illegal-operation')
  })

  it('accepts independent steps of 4 numbers in any order', () => {
    const numbers = [3, 4, 5, 6]
    for (const answer of ['3 * 4 , 5 * 6 , 12 + 30', '5 * 6 , 3 * 4 , 12 + 30', '6 * 5 , 4 * 3 , 30 + 12']) {
      expect(reason(numbers, 42, `</think> ${answer} <eos>`)).toBe('correct')
    }
  })

  it('accepts typed arrays and plain arrays alike', () => {
    const tokens = textToTokens('</think> 5 * 15 , 75 + 4 <eos>')!
    expect(task.grade(toProblem({ numbers: [5, 4, 15], target: 79 }), Int32Array.from(tokens)).correct).toBe(true)
  })

  it('judges tokens outside the vocabulary as unparsable instead of failing', () => {
    const tokens = [4, 19, 10, 415, 2]
    expect(task.grade(toProblem({ numbers: [5, 4, 15], target: 79 }), tokens).reason).toBe('unparsable')
  })
})

describe('the Countdown vocabulary', () => {
  it('has 416 ids with the numbers 1..400 at 15..414', () => {
    expect(VOCABULARY_SIZE).toBe(416)
    expect([numberToken(1), numberToken(400)]).toEqual([15, 414])
    expect([numberOf(15), numberOf(414), numberOf(415), numberOf(14), numberOf(-1)]).toEqual([1, 400, 0, 0, 0])
  })

  it('turns every token into text and back', () => {
    const all = Array.from({ length: VOCABULARY_SIZE - 1 }, (_, id) => id)
    expect(textToTokens(tokensToText(all))).toEqual(all)
    expect(tokensToText([1, 19, 18, 29, 14, 93, 3])).toBe('<bos> 5 4 15 -> 79 <think>')
    expect(tokensToText([415])).toBe('<415>')
  })

  it('names the word it does not know', () => {
    for (const text of ['5 + five', '0', '401', '05', '<415>']) {
      expect(textToTokens(text)).toBeNull()
    }
  })
})
