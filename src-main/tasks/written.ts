// Answers that are words, names or places in a row: compared without regard to case and to what stands between them, so that a route
// written with arrows is the route written with hyphens. Whatever else is said beside them makes another answer.

import { extractAnswer } from './graders/extract.ts'
import type { Grade } from './types.ts'

const BETWEEN = /(?:->|→|=>|⇒|[-–—,;/|()[\]"'`*]|\band\b|\bthen\b|\s)+/giu
const itemsOf = (text: string): string => text.toLowerCase().replace(BETWEEN, ' ').trim()

/** Right where the stated answer has the items of one accepted answer, in its order. */
export const gradeItems = (accepted: readonly string[], answer: string): Grade => gradeBy(itemsOf, accepted, answer)

/** Right where the stated answer has the digits of one accepted answer, in its order, however they are spaced. */
export const gradeDigits = (accepted: readonly string[], answer: string): Grade =>
  gradeBy((text) => itemsOf(text).replaceAll(' ', ''), accepted, answer)

function gradeBy(key: (text: string) => string, accepted: readonly string[], answer: string): Grade {
  const found = extractAnswer(answer)
  if (found === null || key(found) === '') return { correct: false, extracted: null, reason: 'no-answer' }
  const correct = accepted.some((each) => key(each) === key(found))
  return { correct, extracted: found, reason: correct ? 'text' : 'different' }
}
