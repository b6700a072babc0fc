// Where the final answer of a completion is found, and where it is not looked for.

import { describe, expect, test } from 'vitest'
import { extractAnswer, extractGold } from '../../../src-main/tasks/graders/extract.ts'

describe('the final answer of a completion', () => {
  const FOUND: readonly (readonly [title: string, completion: string, answer: string | null])[] = [
    ['the last box', 'First \\boxed{1}, then \\boxed{\\frac{1}{2}}.', '\\frac{1}{2}'],
    ['the outer of two nested boxes', '\\boxed{a \\boxed{b}}', 'a \\boxed{b}'],
    ['boxes joined by a word', '$\\boxed{1}$ and $\\boxed{2}$', '1 , 2'],
    ['a box without braces', 'So $\\boxed 12$ it is.', '12'],
    ['the last complete box when the text is cut off', '\\boxed{5} and so \\boxed{6', '5'],
    ['nothing from an empty box', '\\boxed{}', null],
    ['a box with escaped braces', '\\boxed{\\{1, 2\\}}', '\\{1, 2\\}'],
    ['answer tags', '<think>1</think><answer> 2 </answer>', '2'],
    ['the mark of GSM8K', 'text\n#### 1,200', '1,200'],
    ['not a heading of the fourth level', 'The sum is:\n\n#### Step 2\n\n\\boxed{3}', '3'],
    ['what follows "the answer is"', 'I see. The answer is $x = 5$, because $2x = 10$.', '$x = 5$'],
    ['what follows a bold label', '**Final Answer:** **7**', '7'],
    ['what follows a heading', '## Final Answer\n\n42\n', '42'],
    ['a displayed formula after the label', 'The final answer is:\n\\[\n\\frac{1}{2}\n\\]', '\\frac{1}{2}'],
    ['the number that an announced sentence states', 'Final Answer: The largest $n$ is 34.', '34'],
    ['nothing that is denied', 'The answer is not 5.\nLet us go on.', null],
    ['the last of several announcements', 'The answer is 4. No, the answer is 5.', '5'],
    ['a bare answer as it stands', ' 3\\sqrt{2} ', '3\\sqrt{2}'],
    ['the one number of a closing sentence', 'We add.\nShe has 18 apples left.', '18'],
    ['no number of an unfinished sentence', 'We add.\nThe sum of all of them is 18', null],
    ['no number of a closing sentence with two', 'We add.\nShe has 18 apples and 4 pears.', null],
    ['nothing before the end of the thought', '<think>\\boxed{5}</think>\nI could not solve the problem, sorry about that.\nBye.', null],
    ['nothing in an empty text', '   ', null],
  ]
  test.each(FOUND)('is %s', (_, completion, answer) => {
    expect(extractAnswer(completion)).toBe(answer)
  })

  test('is only what is marked when the caller says so', () => {
    expect(extractAnswer('We add.\nShe has 18 apples left.', { fallback: 'marked' })).toBe(null)
    expect(extractAnswer('We add.\nThe answer is 18.', { fallback: 'marked' })).toBe('18')
  })
})

test('a gold answer may be boxed, the end of a worked solution, or as written', () => {
  expect(extractGold('so $\\boxed{7}$.')).toBe('7')
  expect(extractGold('48/2 = 24\n48+24 = 72\n#### 72')).toBe('72')
  expect(extractGold(' The answer is 5 ')).toBe('The answer is 5')
})
