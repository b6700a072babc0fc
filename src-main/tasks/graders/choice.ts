// Multiple choice: the letter or letters a text settles on, whether written B, (B), \text{(B)},
// "Option B", "B. 15", or as the text of the option itself.

import { answerPart } from '../../episodes/thinking.ts'
import { extractAnswer, lastBoxed } from './extract.ts'

const bare = (text: string): string =>
  text
    .slice(0, 600)
    .replace(/\\(?:text|textbf|mathrm|mathbf|mbox|textrm|boxed)\s*/g, '')
    .replace(/[{}$*`"]/g, '')
    .trim()

const LETTER = /^(?:(?:option|choice|answer)\s*:?\s*)?\(?([A-Za-z])\)?(?:[).:,\]]\s*.*|\s*=.*)?$/is
const LETTERS = /^\(?[A-Z]\)?(?:(?:\s*[,&;]\s*|\s*,?\s*and\s+|\s+)\(?[A-Z]\)?)+\.?$/
const RUN = /^[A-Z]{2,8}\.?$/

/** The chosen letters in alphabetical order ("B", "AC"), or null when the text settles on none. */
const lettersOf = (text: string): string | null => {
  const written = bare(text)
  if (LETTERS.test(written) || RUN.test(written)) {
    const letters = written.replace(/\band\b/g, '').match(/[A-Z]/g)!
    return new Set(letters).size === letters.length ? letters.sort().join('') : null
  }
  const single = LETTER.exec(written)
  return single ? single[1]!.toUpperCase() : null
}

/** The letter of "D) 12 meters", "(D) 12" or "D. twelve": a letter, its bracket or point, and the option's text behind it; else null. */
export const letterWithText = (text: string): string | null =>
  /^(?:\(([A-J])\)|([A-J])[).:])\s*\S/
    .exec(bare(text))
    ?.slice(1)
    .find((letter) => letter !== undefined) ?? null

const normal = (text: string): string => bare(text).toLowerCase().replace(/\s+/g, ' ').replace(/\.$/, '')

const byOption = (text: string, options: readonly string[]): string | null => {
  const place = options.findIndex((option) => normal(option) !== '' && normal(option) === normal(text))
  return place < 0 ? null : String.fromCharCode(65 + place)
}

/** Letter of a stated answer or of a whole completion; `options` are the texts of A, B, C, ... if known. */
export const readChoice = (completion: string, options: readonly string[] = []): string | null => {
  const text = answerPart(completion)
  const stated = lastBoxed(text) ?? extractAnswer(text, { fallback: 'marked' })
  if (stated !== null) {
    const found = lettersOf(stated) ?? byOption(stated, options)
    if (found !== null) return found
    const opening = /^\(?([A-Z])[).:](?=\s|$)/.exec(bare(stated)) ?? /^\(([A-Z])\)/.exec(bare(stated))
    if (opening) return opening[1]!
  }
  // The last bracketed capital of a closing line, if it is the only one there.
  const line = text.trimEnd().slice(-400).split('\n').at(-1)!
  const bracketed = new Set([...line.matchAll(/\(([A-Z])\)/g)].map((match) => match[1]!))
  return bracketed.size === 1 && !/\b(?:not|if|or)\b|n't/i.test(line) ? [...bracketed][0]! : null
}
