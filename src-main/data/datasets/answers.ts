// Reference answers out of the columns that hold them: as they are, after `####` (GSM8K), or in the last \boxed{} of a
// worked solution. What counts as right is the grader's business, not this file's.

import { lastBoxed } from '../../tasks/graders/extract.ts'
import { isObject } from '../json.ts'
import type { Json } from '../json.ts'
import { textsInText } from '../rollouts/fields.ts'

/** Where in its column the answer is. */
export type AnswerIn = 'whole' | 'hashes' | 'boxed'

/** A reference answer: text, several accepted texts, or a countdown puzzle. */
export type Answer = string | readonly string[] | { readonly numbers: readonly number[]; readonly target: number }

/** The text after the last `####`, without thousands separators; undefined where there is none. */
export function afterHashes(text: string): string | undefined {
  const at = text.lastIndexOf('####')
  const answer = at < 0 ? '' : text.slice(at + 4).trim()
  return answer === '' ? undefined : answer.replace(/(\d),(?=\d{3}\b)/g, '$1')
}

const extractors: { readonly [Where in AnswerIn]: (text: string) => string | undefined } = {
  whole: (text) => text.trim() || undefined,
  hashes: afterHashes,
  boxed: (text) => lastBoxed(text) ?? undefined,
}

/** The answer in a column's value; undefined where it is empty or of no use. Numbers become text. */
export function answerFrom(value: Json | undefined, where: AnswerIn): Answer | undefined {
  if (typeof value === 'string') return (where === 'whole' ? textsInText(value) : undefined) ?? extractors[where](value)
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  if (Array.isArray(value)) {
    const texts = value.map((each: Json) =>
      typeof each === 'string' || typeof each === 'number' ? extractors[where](String(each)) : undefined,
    )
    return texts.length > 0 && texts.every((text) => text !== undefined) ? (texts as string[]) : undefined
  }
  return isObject(value) ? countdownFrom(value.numbers ?? value.nums, value.target) : undefined
}

/** A countdown puzzle from its two columns; undefined where they are not numbers. */
export function countdownFrom(numbers: Json | undefined, target: Json | undefined): Answer | undefined {
  const valid =
    Array.isArray(numbers) && numbers.length > 0 && numbers.every((each) => Number.isSafeInteger(each)) && Number.isSafeInteger(target)
  return valid ? { numbers: numbers as number[], target: target as number } : undefined
}
