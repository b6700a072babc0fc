// Pages that the program makes of its own tables: the problem sets with a problem of each level, and the reference.
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, it } from 'vitest'
import { referencePage } from '../../src-main/lab/files/referencePage.ts'
import { answersText, exampleOf, tasksPage } from '../../src-main/lab/files/taskPage.ts'

const docs = resolve(import.meta.dirname, '../../docs')

it('both are the pages of the documentation, to the letter', () => {
  expect(referencePage()).toBe(readFileSync(join(docs, 'reference.md'), 'utf8'))
  expect(tasksPage()).toBe(readFileSync(join(docs, 'tasks.md'), 'utf8'))
})

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
