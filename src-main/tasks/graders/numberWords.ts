// Numbers written in English words, for answers such as "twelve", "one half" or "two hundred and five".

import { table } from './notation.ts'
import * as Q from './rational.ts'
import type { Rational } from './rational.ts'

const UNITS = [
  'zero',
  'one',
  'two',
  'three',
  'four',
  'five',
  'six',
  'seven',
  'eight',
  'nine',
  'ten',
  'eleven',
  'twelve',
  'thirteen',
  'fourteen',
  'fifteen',
  'sixteen',
  'seventeen',
  'eighteen',
  'nineteen',
]
const SMALL = table<number>({
  ...Object.fromEntries(UNITS.map((word, value) => [word, value])),
  twenty: 20,
  thirty: 30,
  forty: 40,
  fifty: 50,
  sixty: 60,
  seventy: 70,
  eighty: 80,
  ninety: 90,
})
const SCALES = table<number>({ thousand: 1e3, million: 1e6, billion: 1e9 })
const PARTS = table<number>({
  half: 2,
  halves: 2,
  third: 3,
  thirds: 3,
  quarter: 4,
  quarters: 4,
  fourth: 4,
  fourths: 4,
  fifth: 5,
  fifths: 5,
  sixth: 6,
  sixths: 6,
  seventh: 7,
  sevenths: 7,
  eighth: 8,
  eighths: 8,
  ninth: 9,
  ninths: 9,
  tenth: 10,
  tenths: 10,
})
const LONGEST = 12

/** Whole number of the words, or null. Tens take a unit behind them, hundreds anything below, as people say them. */
const wholeInWords = (words: readonly string[]): number | null => {
  let total = 0
  let group = 0
  let last = Infinity
  if (words.length === 0) return null
  for (const word of words) {
    if (word in SMALL) {
      const value = SMALL[word]!
      if (value >= last || (last < 20 && last > 0)) return null
      group += value
      last = value >= 20 ? 10 : value === 0 ? 0 : 1
    } else if (word === 'hundred' && group > 0 && group < 100) {
      group *= 100
      last = 100
    } else if (word in SCALES && group > 0) {
      total += group * SCALES[word]!
      group = 0
      last = 1000
    } else if (word !== 'and' || last !== 100) return null
  }
  return total + group
}

/** The number that lower-case words (hyphens as words of their own) spell, all of them; null if they spell none. */
export const numberInWords = (parts: readonly string[]): Rational | null => {
  const words = parts.filter((part) => part !== '-')
  if (words.length === 0 || words.length > LONGEST || words[0] === 'and' || words.at(-1) === 'and') return null
  const minus = words[0] === 'minus' || words[0] === 'negative'
  const spelled = minus ? words.slice(1) : words
  const below = PARTS[spelled.at(-1) ?? '']
  const counted = below === undefined ? spelled : spelled.slice(0, -1)
  const whole =
    counted.length === 0 && below === 2 ? 1 : wholeInWords(counted[0] === 'a' && words.length > 1 ? ['one', ...counted.slice(1)] : counted)
  const value = whole === null ? null : Q.rational(BigInt(whole), BigInt(below ?? 1))
  return value && (minus ? Q.negate(value) : value)
}
