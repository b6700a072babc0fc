// Units of measure, currency and plain counted nouns after a number. A known unit is a product
// of base dimensions with an exact scale, so 5 km and 5000 m agree while 5 km and 5 m do not;
// unknown words ("apples") are kept as words and only have to overlap.
// Leaves out temperature conversion (offsets): degrees Celsius and Fahrenheit just differ.

import { table } from './notation.ts'
import * as Q from './rational.ts'
import type { Rational } from './rational.ts'
import type { Token } from './tokens.ts'

export type Unit = {
  /** Exponent of each base dimension, sorted text such as "length:1 time:-1"; '' when no known unit was named. */
  readonly dimension: string
  /** How many base units one of this unit is. */
  readonly scale: Rational
  /** Words that are no known unit, in the singular, lower case. */
  readonly words: readonly string[]
}

type Entry = readonly [dimensions: string, scale: string, names: string]

// Base units: metre, gram, second, dollar-like per currency, degree of angle, percent.
const TABLE: readonly Entry[] = [
  ['length:1', '1', 'm meter metre'],
  ['length:1', '1/100', 'cm centimeter centimetre'],
  ['length:1', '1/1000', 'mm millimeter millimetre'],
  ['length:1', '1/10', 'dm decimeter decimetre'],
  ['length:1', '1000', 'km kilometer kilometre'],
  ['length:1', '127/5000', 'in inch inche'],
  ['length:1', '381/1250', 'ft foot feet'],
  ['length:1', '1143/1250', 'yd yard'],
  ['length:1', '201168/125', 'mi mile'],
  ['mass:1', '1', 'g gram gm'],
  ['mass:1', '1000', 'kg kilogram kilo'],
  ['mass:1', '1/1000', 'mg milligram'],
  ['mass:1', '1000000', 'ton tonne'],
  ['mass:1', '45359237/100000', 'lb pound'],
  ['mass:1', '45359237/1600000', 'oz ounce'],
  ['time:1', '1', 's sec second'],
  ['time:1', '60', 'min minute'],
  ['time:1', '3600', 'h hr hour'],
  ['time:1', '86400', 'day'],
  ['time:1', '604800', 'week wk'],
  ['years:1', '1/12', 'month'],
  ['years:1', '1', 'year yr'],
  ['years:1', '10', 'decade'],
  ['length:3', '1/1000', 'L l liter litre'],
  ['length:3', '1/1000000', 'mL ml milliliter millilitre cc'],
  ['volume-us:1', '1', 'gal gallon'],
  ['volume-us:1', '1/4', 'qt quart'],
  ['volume-us:1', '1/8', 'pint'],
  ['volume-us:1', '1/16', 'cup'],
  ['length:1 time:-1', '1397/3125', 'mph'],
  ['length:1 time:-1', '5/18', 'kph kmh kmph'],
  ['length:2', '10000', 'ha hectare'],
  ['area-us:1', '1', 'acre'],
  ['dollar:1', '1', '$ dollar usd buck'],
  ['dollar:1', '1/100', 'cent ¢ penny pennie'],
  ['euro:1', '1', '€ euro eur'],
  ['pound-sterling:1', '1', '£ gbp'],
  ['rupee:1', '1', 'rupee ₹ rs'],
  ['yuan:1', '1', 'yuan rmb'],
  ['yen:1', '1', '¥ yen'],
  ['angle:1', '1', 'degree deg ° circ'],
  ['percent:1', '1', '% percent percentage pct'],
  ['celsius:1', '1', 'celsius'],
  ['fahrenheit:1', '1', 'fahrenheit'],
  ['mass:1 length:1 time:-2', '1000', 'N newton'],
  ['mass:1 length:2 time:-2', '1000', 'J joule'],
  ['mass:1 length:2 time:-3', '1000', 'W watt'],
  ['information:1', '1', 'bit'],
  ['information:1', '8', 'byte'],
  ['volt:1', '1', 'V volt'],
  ['ampere:1', '1', 'A ampere amp'],
  ['ohm:1', '1', 'ohm'],
  ['mole:1', '1', 'mol mole'],
  ['kelvin:1', '1', 'K kelvin'],
  ['time:-1', '1', 'Hz hertz'],
]

const fraction = (text: string): Rational => {
  const [n, d = '1'] = text.split('/')
  return Q.rational(BigInt(n!), BigInt(d))!
}

type Known = { readonly dimensions: ReadonlyMap<string, number>; readonly scale: Rational }

const KNOWN: ReadonlyMap<string, Known> = new Map(
  TABLE.flatMap(([dimensions, scale, names]) => {
    const map = new Map(dimensions.split(' ').map((part) => [part.split(':')[0]!, Number(part.split(':')[1])] as const))
    return names.split(' ').map((name) => [name, { dimensions: map, scale: fraction(scale) }] as const)
  }),
)

/** Words that say nothing about which unit is meant. */
const FILLERS = new Set([
  'of',
  'the',
  'a',
  'an',
  'unit',
  'in',
  'total',
  'is',
  'are',
  'each',
  'approximately',
  'about',
  'exactly',
  'us',
  'th',
  'st',
  'nd',
  'rd',
])
/** After a number these change it, so that it is no quantity with a unit. */
const CHANGING = new Set([
  'not',
  'than',
  'if',
  'when',
  'unless',
  'where',
  'except',
  'plus',
  'minus',
  'mod',
  'modulo',
  'base',
  'factorial',
  'halve',
  'half',
  'third',
  'quarter',
  'fourth',
  'fifth',
  'tenth',
  'hundredth',
])
/** Words that multiply the number before them. */
const SCALES = table({ dozen: 12, hundred: 100, thousand: 1e3, million: 1e6, billion: 1e9, trillion: 1e12 })
const POWERS = table({ square: 2, sq: 2, squared: 2, cubic: 3, cubed: 3, cu: 3 })
/** Short counted nouns; a raw word of four letters or more is taken for a word without being listed. */
const SHORT_NOUNS = new Set([
  'men',
  'pts',
  'th',
  'st',
  'nd',
  'rd',
  'cup',
  'box',
  'bag',
  'egg',
  'car',
  'pen',
  'cat',
  'dog',
  'way',
  'boy',
  'day',
  'toy',
  'pie',
  'hen',
  'cow',
  'pig',
])

const singular = (word: string): string => (word.length > 3 && word.endsWith('s') && !word.endsWith('ss') ? word.slice(0, -1) : word)

const lookUp = (word: string): Known | undefined =>
  KNOWN.get(word) ?? (word.length > 1 ? (KNOWN.get(word.toLowerCase()) ?? KNOWN.get(singular(word.toLowerCase()))) : undefined)

/** True for a raw word (two letters or more) that names a unit or a short counted noun. */
export const isUnitWord = (word: string): boolean =>
  word.length > 1 && (lookUp(word) !== undefined || SHORT_NOUNS.has(word) || word in POWERS)

/** True for one upright letter that names a unit, as in 5\text{ m}. */
export const isUnitLetter = (letter: string): boolean => letter.length === 1 && KNOWN.has(letter)

const NONE: Unit = { dimension: '', scale: Q.ONE, words: [] }

/** What a word such as "million" after a number multiplies it by; 1 for all other words. */
export const scaleOf = (token: Token | undefined): number => (token?.kind === 'word' ? (SCALES[token.text.toLowerCase()] ?? 1) : 1)

/** Reads the tokens after a number as a unit phrase ("square feet", "m/s^2", "miles per hour", "apples"); null if they are no such phrase. */
export const readUnit = (tokens: readonly Token[]): Unit | null => {
  const dimensions = new Map<string, number>()
  const words: string[] = []
  let scale: Rational | null = Q.ONE
  let sign = 1
  let pending = 1
  for (let at = 0; at < tokens.length; at++) {
    const token = tokens[at]!
    const text = token.text
    if (text === '/' || text.toLowerCase() === 'per') {
      sign = -1
      continue
    }
    if (['.', '-', '*', '{', '}', '"'].includes(text) || FILLERS.has(singular(text.toLowerCase()))) continue
    if (text.toLowerCase() in POWERS) {
      pending = POWERS[text.toLowerCase()]!
      continue
    }
    if (token.kind !== 'word' && !KNOWN.has(text)) return null
    if (CHANGING.has(singular(text.toLowerCase())) || scaleOf(token) > 1) return null
    const known = lookUp(text)
    if (known === undefined) {
      words.push(singular(text.toLowerCase()))
      continue
    }
    let exponent = pending
    pending = 1
    const rest = tokens
      .slice(at + 1, at + 6)
      .map((next) => next.text)
      .join('')
    const raised = /^\^(?:\{(-?\d{1,2})\}|(-?\d{1,2})(?!\d))|^(squared|cubed)/.exec(rest)
    if (raised) {
      exponent = raised[3] ? POWERS[raised[3]]! : Number((raised[1] ?? raised[2])!)
      for (let length = 0; length < raised[0].length;) length += tokens[++at]!.text.length
    }
    exponent *= sign
    for (const [base, times] of known.dimensions) dimensions.set(base, (dimensions.get(base) ?? 0) + times * exponent)
    scale = Q.multiply(scale, Q.power(known.scale, BigInt(exponent)))
  }
  if (scale === null) return null
  const dimension = [...dimensions]
    .filter(([, times]) => times !== 0)
    .map(([base, times]) => `${base}:${times}`)
    .sort()
    .join(' ')
  return dimension === '' && words.length === 0 ? NONE : { dimension, scale, words }
}

/** True if the phrase names nothing, as "units" or "square units" do. */
export const isBlank = (unit: Unit | undefined): boolean => unit === undefined || (unit.dimension === '' && unit.words.length === 0)
