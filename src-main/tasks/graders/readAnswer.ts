// Reads tokens into an answer. Reading never fails: what this reader does not vouch for becomes
// text, which only equals the same text. Single expressions are read in parse.ts.

import { asRealSet, isTuple } from './answers.ts'
import type { Answer, Bracket } from './answers.ts'
import { compareExactly } from './exact.ts'
import { contains, integer, minus, number, product, sum, symbol, symbolsOf } from './expression.ts'
import type { Expression } from './expression.ts'
import { MATRICES, PHRASES, table } from './notation.ts'
import { numberInWords } from './numberWords.ts'
import { approximate, compareNumerically } from './numeric.ts'
import { parseExpression, Unreadable } from './parse.ts'
import * as Q from './rational.ts'
import { INFINITY, MINUS_INFINITY, REALS, complement, intersection, normalise, point, union } from './realSets.ts'
import type { RealSet } from './realSets.ts'
import { bracketDepth, closingPlace, isMark, isProseWord, isWord, separateLetters, split, trim, unwrap } from './slices.ts'
import type { Slice } from './slices.ts'
import { textKey } from './tokens.ts'
import type { Token } from './tokens.ts'
import { readUnit, scaleOf } from './units.ts'

const refuse = (): never => {
  throw new Unreadable('not a form that is read')
}

const readExpression = (tokens: Slice, sign: 1 | -1): Expression => {
  const { expression, used } = parseExpression(tokens, sign)
  return used === tokens.length ? expression : refuse()
}

/** A set named in words. */
const readPhrase = (tokens: Slice): Answer | null => {
  if (!tokens.every((token) => token.kind === 'word')) return null
  const phrase = PHRASES[tokens.map((token) => token.text.toLowerCase()).join(' ')]
  return phrase === undefined ? null : { kind: 'set', set: phrase === 'empty' ? [] : REALS }
}

const readText = (tokens: Slice): Answer => {
  const worded =
    tokens.length > 0 && tokens.every((token) => token.kind === 'word' || token.kind === 'number' || isMark(token, '-', "'", '.', ','))
  const named = worded && isWord(tokens[0], 'the', 'a', 'an') && tokens.length > 1 ? tokens.slice(1) : tokens
  return { kind: 'text', key: textKey(named), words: worded }
}

/** A value and what follows it: 5, 5 cm, $5, 30^\circ, 12\%. */
const readValue = (tokens: Slice, sign: 1 | -1): Answer => {
  let from = 0
  const minusFirst = isMark(tokens[0], '-') && isMark(tokens[1], '$', '€', '£', '¥', '₹')
  if (minusFirst) from++
  const currency = isMark(tokens[from], '$', '€', '£', '¥', '₹') ? tokens[from++] : undefined
  const { expression: read, used } = parseExpression(tokens.slice(from), sign)
  const scale = scaleOf(tokens[from + used])
  const size = scale === 1 ? read : product(read, integer(scale))
  const expression = minusFirst ? minus(size) : size
  const rest = tokens.slice(from + used + (scale === 1 ? 0 : 1))
  if (currency !== undefined) return readUnit(rest) === null ? refuse() : { kind: 'value', expression, unit: readUnit([currency])! }
  if (rest.length > 0) {
    const unit = readUnit(rest) ?? refuse()
    return { kind: 'value', expression: expression.op === 'call' && expression.name === 'degree' ? expression.args[0]! : expression, unit }
  }
  if (expression.op === 'call' && expression.name === 'degree')
    return { kind: 'value', expression: expression.args[0]!, unit: readUnit([{ kind: 'word', text: 'degree', gap: true, upright: true }])! }
  return { kind: 'value', expression }
}

const readMatrix = (written: Slice, sign: 1 | -1): Answer => {
  const first = written.findIndex((token) => token.text.startsWith('begin '))
  const last = closingPlace(written.slice(first)) + first
  if (last < first) refuse()
  const bracketed =
    (isMark(written[first - 1], '(') && isMark(written[last + 1], ')')) ||
    (isMark(written[first - 1], '[') && isMark(written[last + 1], ']'))
  const tokens = bracketed ? written.filter((_, at) => at !== first - 1 && at !== last + 1) : written
  const [start, close] = bracketed ? [first - 1, last - 1] : [first, last]
  const environment = tokens[start]!.text.slice('begin '.length)
  if (!MATRICES.has(environment)) refuse()
  const lines = split(tokens.slice(start + 1, close), (token) => isMark(token, '\\\\')).parts.filter((line) => line.length > 0)
  if (environment === 'cases' || environment === 'aligned' || environment === 'gathered') {
    if (start > 0 || close < tokens.length - 1) refuse()
    return {
      kind: 'list',
      open: '',
      close: '',
      items: lines.map((line) => (line.some((token) => isMark(token, '&')) ? refuse() : readItem(line))),
    }
  }
  let rows = lines.map((line) => split(line, (token) => isMark(token, '&')).parts.map((cell) => readExpression(unwrap(cell), sign)))
  if (rows.length === 0 || rows.some((row) => row.length !== rows[0]!.length)) refuse()
  const suffix = tokens.slice(close + 1).filter((token) => !isMark(token, '{', '}') && token.text !== 'top' && token.text !== 'T')
  if (tokens.length > close + 1) {
    if (suffix.length !== 1 || suffix[0]!.text !== '^') refuse()
    rows = rows[0]!.map((_, column) => rows.map((row) => row[column]!))
  }
  const determinant = environment === 'vmatrix' || environment === 'Vmatrix'
  if (start > 0) {
    if (determinant) refuse()
    const before = isMark(tokens[start - 1], '*') ? tokens.slice(0, start - 1) : tokens.slice(0, start)
    const scale = before.length === 1 && isMark(before[0], '-') ? integer(-1) : readExpression(before, sign)
    rows = rows.map((row) => row.map((cell) => product(scale, cell)))
  }
  return { kind: 'matrix', determinant, rows }
}

/** 2:30 PM, 2:30 p.m., 2 pm: a time of day, compared as such. */
const readClock = (tokens: Slice): Answer | null => {
  if (tokens[0]?.kind !== 'number') return null
  const written = tokens
    .map((token) => token.text)
    .join('')
    .toLowerCase()
  const found = /^(\d{1,2})(?::(\d\d))?([ap])\.?m\.?$/.exec(written)
  return found && { kind: 'text', key: `${Number(found[1])}:${found[2] ?? '00'} ${found[3]}m`, words: true }
}

/** A number in words: twelve, twenty-one, one half; also with its figures behind it, if they agree: seventeen (17). */
const readInWords = (tokens: Slice): Answer | null => {
  const cut = tokens.findIndex((token) => isMark(token, '('))
  const value = numberInWords((cut < 0 ? tokens : tokens.slice(0, cut)).map((token) => token.text.toLowerCase()))
  if (value === null) return null
  if (cut >= 0) {
    const figures = tokens[cut + 1]
    if (tokens.length !== cut + 3 || figures?.kind !== 'number' || !isMark(tokens[cut + 2], ')') || !Q.equal(figures.value!, value))
      return null
  }
  return { kind: 'value', expression: number(value) }
}

const BRACKETS = table<Bracket>({ '(': '(', '[': '[', '{{': '{{', langle: '<' })

const isListCut = (token: Token): boolean => isMark(token, ',', ';') || isWord(token, 'and', 'or')

/** (a, b), [a, b), \{a, b\}, \langle a, b \rangle; null when the brackets only group. */
const readBracketed = (tokens: Slice): Answer | null => {
  const first = tokens[0]
  const bracket = first && first.kind !== 'word' ? BRACKETS[first.text] : undefined
  if (bracket === undefined || closingPlace(tokens) !== tokens.length - 1) return null
  const inside = tokens.slice(1, -1)
  const close = tokens.at(-1)!.text
  if (bracket === '{{') {
    if (inside.length === 0) return { kind: 'set', set: [] }
    const { parts } = split(inside, (token) => isMark(token, '|', ':'))
    if (parts.length === 2 && parts[0]![0]?.kind === 'word' && (parts[0]!.length === 1 || isMark(parts[0]![1], 'in'))) {
      const condition = readAnswerTokens(parts[1]!)
      return condition.kind === 'set' ? { kind: 'set', set: condition.set } : refuse()
    }
  }
  const { parts } = split(inside, isListCut)
  if (parts.length === 1 && (bracket === '(' || bracket === '[')) return close === (bracket === '(' ? ')' : ']') ? null : refuse()
  return { kind: 'list', open: bracket, close, items: flatten(parts.map((part) => readItem(part))) }
}

const isReals = (tokens: Slice): boolean => tokens.length === 1 && tokens[0]!.text === 'mathbb R'

const SET_SIGNS = ['cup', 'cap', 'setminus']

const readSets = (tokens: Slice): Answer => {
  const { parts, cuts } = split(tokens, (token) => isMark(token, ...SET_SIGNS))
  const sets = parts.map((part) => asRealSet(readItem(part)) ?? refuse())
  const set = cuts.reduce<RealSet>((left, sign, at) => {
    const right = sets[at + 1]!
    if (sign.text === 'cup') return union(left, right)
    const outside = sign.text === 'setminus' ? complement(right) : right
    return (outside && intersection(left, outside)) ?? refuse()
  }, sets[0]!)
  return { kind: 'set', set }
}

const RELATIONS = new Set(['=', '<', '>', 'le', 'ge', 'ne', 'in', 'approx'])
const isRelation = (token: Token): boolean => token.kind !== 'word' && RELATIONS.has(token.text)

/** What stands left of an equals sign and only names the value: x, a_1, f(x), P(A), \angle ABC, |AB|, \sin A, words; else null. */
const nameOf = (tokens: Slice): string | null => {
  const key = textKey(tokens.filter((token) => !isMark(token, '{', '}')))
  if (tokens.length > 0 && tokens.every((token) => token.kind === 'word') && tokens.some(isProseWord)) return key
  const isCall =
    tokens[0]?.kind === 'word' &&
    /^[fghpqrstuvwA-Z]$/.test(tokens[0].text) &&
    isMark(tokens.at(-1), ')') &&
    (isMark(tokens[1], '(') || isMark(tokens[1], '^', '_', "'"))
  if (isCall) return key
  if (tokens.length === 3 && isMark(tokens[0], '|') && isMark(tokens[2], '|') && tokens[1]!.text.length > 1) return key
  try {
    const expression = readExpression(tokens, 1)
    if (expression.op === 'symbol') return expression.name
    if (expression.op === 'call' && ['sin', 'cos', 'tan', 'cot'].includes(expression.name) && expression.args[0]!.op === 'symbol')
      return key
  } catch (problem) {
    if (!(problem instanceof Unreadable)) throw problem
  }
  return null
}

const mentions = (expression: Expression, name: string): boolean =>
  contains(expression, (part) => part.op === 'symbol' && part.name === name)

const withName = (answer: Answer, name: string): Answer => {
  switch (answer.kind) {
    case 'value':
      if (mentions(answer.expression, name)) return { kind: 'relation', sign: '=', left: symbol(name), right: answer.expression }
      return answer.name === undefined ? { ...answer, name } : refuse()
    case 'set':
      return { ...answer, name }
    case 'list':
      return answer.open === '' ? { ...answer, items: answer.items.map((item) => withName(item, name)) } : answer
    default:
      return answer
  }
}

const expressionOf = (answer: Answer): Expression => (answer.kind === 'value' && answer.unit === undefined ? answer.expression : refuse())

const sameValue = (a: Expression, b: Expression): boolean => {
  const exact = compareExactly(a, b)
  return exact === 'equal' || (exact === 'open' && compareNumerically(a, b) !== 'different')
}

const readEquation = (parts: readonly Slice[]): Answer => {
  const last = parts.at(-1)!
  const name = nameOf(parts[0]!)
  // (x, y) = (1, 2)
  const names = readBracketed(parts[0]!)
  if (names !== null) {
    const values = parts.length === 2 ? readItem(last) : refuse()
    if (
      names.kind !== 'list' ||
      values.kind !== 'list' ||
      !isTuple(names) ||
      !isTuple(values) ||
      names.items.length !== values.items.length
    )
      refuse()
    const [left, right] = [names, values] as [Extract<Answer, { kind: 'list' }>, Extract<Answer, { kind: 'list' }>]
    return {
      ...right,
      items: right.items.map((item, place) => {
        const named = left.items[place]!
        return named.kind === 'value' && named.expression.op === 'symbol' ? withName(item, named.expression.name) : refuse()
      }),
    }
  }
  if (name !== null) {
    const between = parts.slice(1, -1).map((part) => expressionOf(readItem(part)))
    const value = readItem(last)
    if (between.some((step) => !sameValue(step, expressionOf(value)))) refuse()
    return withName(value, name)
  }
  const swapped = parts.length === 2 ? nameOf(last) : null
  if (swapped !== null) return withName(readItem(parts[0]!), swapped)
  const sides = parts.map((part) => expressionOf(readItem(part)))
  if (sides.every((side) => sameValue(sides[0]!, side))) return readItem(last)
  return sides.length === 2 ? { kind: 'relation', sign: '=', left: sides[0]!, right: sides[1]! } : refuse()
}

/** |x - a| < r as an interval (near), |x - a| > r as the two rays beside it. */
const readDistance = (inside: Expression, radius: Expression, near: boolean, strict: boolean): Answer => {
  const terms = inside.op === 'add' ? inside.args : [inside]
  const [name, ...rest] = [...terms].sort((a, b) => Number(b.op === 'symbol') - Number(a.op === 'symbol'))
  if (name?.op !== 'symbol' || rest.some((term) => symbolsOf(term).size > 0)) return refuse()
  const centre = rest.length === 0 ? integer(0) : minus(sum(...rest))
  const [low, high] = [sum(centre, minus(radius)), sum(centre, radius)]
  const set = near
    ? [{ low, high, lowClosed: !strict, highClosed: !strict }]
    : [
        { low: MINUS_INFINITY, high: low, lowClosed: false, highClosed: !strict },
        { low: high, high: INFINITY, lowClosed: !strict, highClosed: false },
      ]
  return { kind: 'set', name: name.name, set: normalise(set) }
}

const readInequality = (parts: readonly Slice[], signs: readonly string[]): Answer => {
  const up = signs.every((sign) => sign === '<' || sign === 'le')
  const down = signs.every((sign) => sign === '>' || sign === 'ge')
  if (!up && !down) refuse()
  const sides = parts.map((part) => expressionOf(readItem(part)))
  const strict = signs.map((sign) => sign === '<' || sign === '>')
  if (down) {
    sides.reverse()
    strict.reverse()
  }
  const [first, second, third] = sides as [Expression, Expression, Expression?]
  const constants = sides.filter((side) => symbolsOf(side).size === 0).length
  if (third !== undefined) {
    if (sides.length > 3 || second.op !== 'symbol') refuse()
    return {
      kind: 'set',
      name: (second as { name: string }).name,
      set: [{ low: first, high: third, lowClosed: !strict[0]!, highClosed: !strict[1]! }],
    }
  }
  const distance =
    constants === 1 && first.op === 'call' && first.name === 'abs'
      ? first.args[0]!
      : constants === 1 && second.op === 'call' && second.name === 'abs'
        ? second.args[0]!
        : null
  if (distance !== null) {
    const near = distance === (first as { args?: readonly Expression[] }).args?.[0]
    return readDistance(distance, near ? second : first, near, strict[0]!)
  }
  if (first.op === 'symbol' && constants === 1)
    return { kind: 'set', name: first.name, set: [{ low: MINUS_INFINITY, high: second, lowClosed: false, highClosed: !strict[0]! }] }
  if (second.op === 'symbol' && constants === 1)
    return { kind: 'set', name: second.name, set: [{ low: first, high: INFINITY, lowClosed: !strict[0]!, highClosed: false }] }
  return { kind: 'relation', sign: strict[0]! ? '<' : 'le', left: first, right: second }
}

/** How far a value and its stated rounding may lie apart. */
const ROUNDING = 0.01

const readRelation = (parts: readonly Slice[], signs: readonly string[]): Answer => {
  if (signs.includes('approx')) {
    const at = signs.indexOf('approx')
    const written = at === 0 ? readItem(parts[0]!) : readRelation(parts.slice(0, at + 1), signs.slice(0, at))
    const rounded = readItem(parts[at + 1]!)
    if (signs.length > at + 1 || written.kind !== 'value' || rounded.kind !== 'value') return refuse()
    const name = at === 0 ? nameOf(parts[0]!) : null
    if (name !== null) return withName(rounded, name)
    const [exact, decimal] = [approximate(written.expression), approximate(rounded.expression)]
    if (!(Math.abs(exact - decimal) <= ROUNDING * Math.abs(exact))) return refuse()
    return { ...written, rounded: rounded.expression, ...(rounded.unit && !written.unit ? { unit: rounded.unit } : {}) }
  }
  if (signs.every((sign) => sign === '=')) return readEquation(parts)
  if (signs.length === 1 && signs[0] === 'in') {
    const set = asRealSet(readItem(parts[1]!)) ?? refuse()
    return { kind: 'set', set, name: nameOf(parts[0]!) ?? refuse() }
  }
  if (signs.length === 1 && signs[0] === 'ne') {
    const [left, right] = parts.map((part) => expressionOf(readItem(part))) as [Expression, Expression]
    const outside = left.op === 'symbol' && symbolsOf(right).size === 0 ? complement([point(right)]) : null
    return outside ? { kind: 'set', set: outside, name: (left as { name: string }).name } : { kind: 'relation', sign: 'ne', left, right }
  }
  return readInequality(parts, signs)
}

const readRatio = (parts: readonly Slice[]): Answer => ({
  kind: 'ratio',
  terms: parts.map((part) => readExpression(unwrap(part), 1)),
  key: parts.map((part) => textKey(part)).join(':'),
})

const readPlain = (tokens: Slice, sign: 1 | -1): Answer => {
  if (tokens.some((token) => token.text.startsWith('begin '))) return readMatrix(tokens, sign)
  return readBracketed(tokens) ?? readValue(tokens, sign)
}

/** One item between list separators; throws Unreadable for what is none of the forms. */
const readItem = (written: Slice): Answer => {
  const tokens = unwrap(written)
  if (tokens.length === 0) return refuse()
  const phrase = readPhrase(tokens) ?? readInWords(tokens) ?? readClock(tokens)
  if (phrase !== null) return phrase
  const relation = split(tokens, isRelation)
  if (relation.cuts.length > 0)
    return readRelation(
      relation.parts.map(unwrap),
      relation.cuts.map((cut) => cut.text),
    )
  if (isReals(tokens)) return { kind: 'set', set: REALS }
  if (tokens.length === 1 && tokens[0]!.text === 'emptyset') return { kind: 'set', set: [] }
  if (isProseWord(tokens[0]!)) return readText(tokens)
  const colons = split(tokens, (token) => isMark(token, ':'))
  if (colons.cuts.length > 0) return readRatio(colons.parts)
  if (split(tokens, (token) => isMark(token, ...SET_SIGNS)).cuts.length > 0) return readSets(tokens)
  if (tokens.some((token) => isMark(token, 'pm', 'mp')) && !isMark(tokens[0], '{{')) {
    const [plus, minused] = [readPlain(tokens, 1), readPlain(tokens, -1)]
    return { kind: 'list', open: '', close: '', items: [plus, minused] }
  }
  return readPlain(tokens, 1)
}

const flatten = (items: readonly Answer[]): Answer[] =>
  items.flatMap((item) => (item.kind === 'list' && item.open === '' ? item.items : [item]))

const joinSets = (sets: readonly Extract<Answer, { kind: 'set' }>[], by: 'and' | 'or'): Answer => {
  if (sets.some((item) => item.name !== sets[0]!.name)) refuse()
  const set = sets
    .slice(1)
    .reduce<RealSet | null>((total, item) => total && (by === 'or' ? union(total, item.set) : intersection(total, item.set)), sets[0]!.set)
  return { ...sets[0]!, set: set ?? refuse() }
}

const readAnswerTokens = (written: Slice): Answer => {
  const tokens = unwrap(written)
  const spelled = readInWords(tokens)
  if (spelled !== null) return spelled
  const { parts, cuts } = split(tokens, isListCut)
  if (parts.length === 1) return readItem(tokens)
  const items = flatten(parts.filter((part) => trim(part).length > 0).map(readItem))
  const joins = new Set(cuts.map((cut) => cut.text.toLowerCase()))
  if (items.length > 1 && items.every((item) => item.kind === 'set') && !joins.has(',') && joins.size === 1) {
    return joinSets(items as Extract<Answer, { kind: 'set' }>[], joins.has('or') ? 'or' : 'and')
  }
  // 0 < x < 2, x \ne 1: what is left out narrows the set named before it.
  const named = items.map((item) => (item.kind === 'set' ? item.name : undefined))
  if (
    items.length > 1 &&
    named[0] !== undefined &&
    named.every((name) => name === named[0]) &&
    parts.some((part) => part.some((token) => isMark(token, 'ne'))) &&
    parts.some((part) => !part.some((token) => isMark(token, 'ne')))
  )
    return joinSets(items as Extract<Answer, { kind: 'set' }>[], 'and')
  return items.length === 1 ? items[0]! : { kind: 'list', open: '', close: '', items }
}

const DEEPEST_BRACKETS = 40

/** Reads tokens (of a text no longer than LONGEST_ANSWER) as an answer. Total: never throws. */
export const readAnswer = (list: readonly Token[]): Answer => {
  const tokens = separateLetters(trim(list))
  try {
    return bracketDepth(tokens) > DEEPEST_BRACKETS ? readText(tokens) : readAnswerTokens(tokens)
  } catch (problem) {
    if (problem instanceof Unreadable) return readText(tokens)
    throw problem
  }
}
