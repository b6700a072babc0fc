// What the page of problem sets says of answers: some of them, and how many more there are.
import { expect, it } from 'vitest'
import { answersText, exampleOf } from '../../src-main/lab/files/taskPage.ts'

it('four answers are shown, and of more how many they are', () => {
  expect(answersText(null)).toBe('whatever the grader finds right')
  expect(answersText(['1'])).toBe('1')
  expect(answersText(['1', '2', '3', '4'])).toBe('1 or 2 or 3 or 4')
  expect(answersText(['1', '2', '3', '4', '5', '6'], (answer) => `(${answer})`)).toBe('(1) or (2) or (3) or (4) or one of 2 more')
})

it('the problem that is shown is the same every time, with its answers and what its teacher thinks', () => {
  const example = exampleOf('countdown', '3')
  expect(exampleOf('countdown', '3')).toEqual(example)
  expect(example.answers!.length).toBeGreaterThan(0)
  expect(example.thinking).not.toBeNull()
})
