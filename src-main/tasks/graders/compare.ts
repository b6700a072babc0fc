// Are two read answers the same? Structure is compared here by rules (order matters in tuples, not
// in sets; ends matter in intervals; units must agree), values exactly or numerically. What only
// agrees numerically is returned as pairs that the computer algebra still has to confirm.

import type { Answer } from './answers.ts'
import { asRealSet, isTuple } from './answers.ts'
import { compareExactly, isMultiple } from './exact.ts'
import { constant, contains, divide, integer, keyOf, minus, number, product, sum, symbol } from './expression.ts'
import type { Expression } from './expression.ts'
import { approximate, compareNumerically } from './numeric.ts'
import { normalise } from './realSets.ts'
import type { RealSet } from './realSets.ts'
import { isBlank } from './units.ts'
import type { Unit } from './units.ts'

/** How far two numbers may lie apart: |gold - answer| <= absolute or <= relative * |gold|. */
export type Tolerance = { readonly absolute?: number; readonly relative?: number }

export type Rules = { readonly tolerance?: Tolerance; readonly orderedLists?: boolean }

export type Pair = readonly [Expression, Expression]

/** null: different. A list: the same, provided that the two expressions of every pair are equal; empty means proved. */
export type Finding = readonly Pair[] | null

type Value = Extract<Answer, { kind: 'value' }>
type List = Extract<Answer, { kind: 'list' }>
type NamedSet = Extract<Answer, { kind: 'set' }>

const SAME: Finding = []
const both = (a: Finding, b: () => Finding): Finding => {
  if (a === null) return null
  const second = b()
  return second && [...a, ...second]
}
const either = (a: Finding, b: () => Finding): Finding =>
  a !== null && a.length === 0 ? a : a === null ? b() : b()?.length === 0 ? SAME : a
const all = <T>(items: readonly T[], find: (item: T, at: number) => Finding): Finding =>
  items.reduce<Finding>((found, item, at) => both(found, () => find(item, at)), SAME)

/** |gold - answer| within the tolerance, on doubles. */
const isWithin = (gold: number, answer: number, { absolute = 0, relative = 0 }: Tolerance): boolean =>
  Number.isFinite(gold) && Number.isFinite(answer) && Math.abs(gold - answer) <= Math.max(absolute, relative * Math.abs(gold))

const compareValues = (a: Expression, b: Expression, rules: Rules): Finding => {
  if (keyOf(a) === keyOf(b)) return SAME
  const isInfinity = (part: Expression): boolean => part.op === 'constant' && part.name === 'infinity'
  if (contains(a, isInfinity) || contains(b, isInfinity)) return approximate(a) === approximate(b) ? SAME : null
  const exact = compareExactly(a, b)
  if (exact === 'equal') return SAME
  if (rules.tolerance && isWithin(approximate(a), approximate(b), rules.tolerance)) return SAME
  if (exact === 'different' || compareNumerically(a, b) === 'different') return null
  return [[a, b]]
}

const scaled = (x: Expression, unit: Unit): Expression => (unit.scale.n === 1n && unit.scale.d === 1n ? x : product(number(unit.scale), x))

const sharesWord = (a: Unit, b: Unit): boolean =>
  a.words.length === 0 || b.words.length === 0 || a.words.some((word) => b.words.includes(word))

// Without a unit on one side the bare numbers are compared; percent and degrees also have a pure value.
const PERCENT = 'percent:1'
const PURE: Readonly<Record<string, Expression>> = {
  [PERCENT]: divide(integer(1), integer(100)),
  'angle:1': divide(constant('pi'), integer(180)),
}

const baseName = (name: string): string => name.split(/[_\u0001]/)[0]!

/** Names that may stand for the same unknown: either is missing, they agree, or one only adds a number (x and x_1). */
const fitTogether = (a: string | undefined, b: string | undefined): boolean =>
  a === undefined || b === undefined || a === b || (baseName(a) === baseName(b) && (a === baseName(a) || b === baseName(b)))

const compareQuantities = (a: Value, b: Value, rules: Rules): Finding => {
  if (!fitTogether(a.name, b.name)) return null
  const plain = (): Finding => compareValues(a.expression, b.expression, rules)
  if (isBlank(a.unit) && isBlank(b.unit)) return plain()
  if (isBlank(a.unit) || isBlank(b.unit)) {
    const [bare, measured] = isBlank(a.unit) ? [a, b] : [b, a]
    const pure = PURE[measured.unit!.dimension]
    // 50% may be written 50; but a bare 0.5 is a ratio, never half a percent.
    const ratioOnly = measured.unit!.dimension === PERCENT && Math.abs(approximate(bare.expression)) < 1
    return either(ratioOnly ? null : plain(), () =>
      pure === undefined ? null : compareValues(product(measured.expression, pure), bare.expression, rules),
    )
  }
  const [unitA, unitB] = [a.unit!, b.unit!]
  if (unitA.dimension !== unitB.dimension) return null
  if (unitA.dimension === '' && !sharesWord(unitA, unitB)) return null
  return compareValues(scaled(a.expression, unitA), scaled(b.expression, unitB), rules)
}

const compareValueAnswers = (a: Value, b: Value, rules: Rules): Finding => {
  const roundings = [
    [a, b],
    ...(a.rounded ? [[{ ...a, expression: a.rounded }, b]] : []),
    ...(b.rounded ? [[a, { ...b, expression: b.rounded }]] : []),
  ] as [Value, Value][]
  return roundings.reduce<Finding>((found, [left, right]) => either(found, () => compareQuantities(left, right, rules)), null)
}

const inOrder = (a: readonly Answer[], b: readonly Answer[], rules: Rules): Finding =>
  a.length === b.length ? all(a, (item, at) => compareAnswers(item, b[at]!, rules)) : null

const LARGEST_UNORDERED = 60

/** Pairs off the items one to one; proved matches are taken before likely ones. */
const inAnyOrder = (a: readonly Answer[], b: readonly Answer[], rules: Rules): Finding => {
  if (a.length !== b.length || a.length > LARGEST_UNORDERED) return null
  const left = [...b]
  return all(a, (item) => {
    const found = left.map((other) => compareAnswers(item, other, rules))
    const proved = found.findIndex((finding) => finding?.length === 0)
    const place = proved >= 0 ? proved : found.findIndex((finding) => finding !== null)
    if (place < 0) return null
    left.splice(place, 1)
    return found[place]!
  })
}

const nameOf = (item: Answer): string | undefined => (item.kind === 'value' || item.kind === 'set' ? item.name : undefined)

/** Names of a system's unknowns (x = 1, y = 2) in the order given; null unless all items are named and the names differ. */
const unknowns = (list: List): string[] | null => {
  const names = list.items.map(nameOf)
  const bases = new Set(names.map((name) => (name === undefined ? '' : baseName(name))))
  return names.includes(undefined) || bases.size < names.length ? null : (names as string[])
}

const distinct = (items: readonly Answer[], rules: Rules): readonly Answer[] =>
  items.length > LARGEST_UNORDERED
    ? items
    : items.filter((item, at) => !items.slice(0, at).some((earlier) => compareAnswers(earlier, item, rules)?.length === 0))

const isSymbolic = (item: Answer): boolean => item.kind === 'text' || (item.kind === 'value' && item.expression.op === 'symbol')

const compareLists = (a: List, b: List, rules: Rules): Finding => {
  const [namesA, namesB] = [unknowns(a), unknowns(b)]
  if (namesA && namesB) {
    if (a.items.length !== b.items.length) return null
    return all(a.items, (item, at) => {
      const place = namesB.indexOf(namesA[at]!)
      return place < 0 ? null : compareAnswers(item, b.items[place]!, rules)
    })
  }
  if ((namesA || namesB) && a.items.length > 1) {
    // A system against plain values: by position, if the names stand in alphabetical order or in a tuple of their own.
    const [named, names, other] = namesA ? [a, namesA, b] : [b, namesB!, a]
    const alphabetical = [...names].sort().every((name, at) => name === names[at])
    return (other.open === '' || isTuple(other)) && (alphabetical || isTuple(named)) ? inOrder(a.items, b.items, rules) : null
  }
  if (a.open === '{{' || b.open === '{{') {
    const fits = [a.open, b.open].every((open) => open === '{{' || open === '')
    return fits ? inAnyOrder(distinct(a.items, rules), distinct(b.items, rules), rules) : null
  }
  if (a.open === '' && b.open === '') {
    // Letters and words are as a rule an order that was asked for (C, A, B); numbers are solutions.
    const ordered = rules.orderedLists || (a.items.every(isSymbolic) && b.items.every(isSymbolic))
    return (ordered ? inOrder : inAnyOrder)(a.items, b.items, rules)
  }
  const sameEnds = (a.open === b.open && a.close === b.close) || (isTuple(a) && isTuple(b))
  // Of three or more, brackets say no more than the order: (1, 2, 3), [1, 2, 3] and 1, 2, 3; of two, they may be an interval.
  const closed = (list: List): boolean => list.open === '' || isTuple(list) || (list.open === '[' && list.close === ']')
  return sameEnds || (a.items.length > 2 && closed(a) && closed(b)) ? inOrder(a.items, b.items, rules) : null
}

const compareSets = (a: RealSet, b: RealSet, rules: Rules): Finding => {
  const [left, right] = [normalise(a), normalise(b)]
  if (left.length !== right.length) return null
  return all(left, (piece, at) => {
    const other = right[at]!
    if (piece.lowClosed !== other.lowClosed || piece.highClosed !== other.highClosed) return null
    return both(compareValues(piece.low, other.low, rules), () => compareValues(piece.high, other.high, rules))
  })
}

type Rows = readonly (readonly Expression[])[]

/** The rows of a matrix, also when it is written as a list of lists. */
const rowsOf = (answer: Answer): Rows | null => {
  if (answer.kind === 'matrix') return answer.rows
  if (answer.kind !== 'list' || answer.open !== '[' || answer.close !== ']') return null
  const rows = answer.items.map((item) =>
    item.kind === 'list' && item.open === '[' && item.close === ']'
      ? item.items.map((cell) => (cell.kind === 'value' ? cell.expression : null))
      : null,
  )
  return rows.some((row) => row === null || row.includes(null)) ? null : (rows as Rows)
}

/** A column or row vector as a plain tuple of entries. */
const vectorOf = (answer: Answer): readonly Expression[] | null => {
  if (answer.kind === 'matrix' && !answer.determinant)
    return answer.rows.every((row) => row.length === 1)
      ? answer.rows.map((row) => row[0]!)
      : answer.rows.length === 1
        ? answer.rows[0]!
        : null
  if (answer.kind !== 'list' || !isTuple(answer)) return null
  const entries = answer.items.map((item) => (item.kind === 'value' ? item.expression : null))
  return entries.includes(null) ? null : (entries as Expression[])
}

const compareEntries = (a: readonly Expression[], b: readonly Expression[], rules: Rules): Finding =>
  a.length === b.length ? all(a, (cell, at) => compareValues(cell, b[at]!, rules)) : null

const compareMatrices = (a: Answer, b: Answer, rules: Rules): Finding => {
  const [rowsA, rowsB] = [rowsOf(a), rowsOf(b)]
  if (rowsA && rowsB) {
    if (
      [a, b].some((side) => side.kind === 'matrix' && side.determinant) &&
      !(a.kind === 'matrix' && b.kind === 'matrix' && a.determinant && b.determinant)
    )
      return null
    return rowsA.length === rowsB.length ? all(rowsA, (row, at) => compareEntries(row, rowsB[at]!, rules)) : null
  }
  const [vectorA, vectorB] = [vectorOf(a), vectorOf(b)]
  return vectorA && vectorB && compareEntries(vectorA, vectorB, rules)
}

type Relation = Extract<Answer, { kind: 'relation' }>

/** An equation or inequality from a named value, so that y = 2x + 3 meets 2x - y + 3 = 0. */
const asRelation = (answer: Answer): Relation | null => {
  if (answer.kind === 'relation') return answer
  if (answer.kind === 'value' && answer.name !== undefined && answer.unit === undefined)
    return { kind: 'relation', sign: '=', left: symbol(answer.name), right: answer.expression }
  return null
}

const compareRelations = (a: Relation, b: Relation, rules: Rules): Finding => {
  if (a.sign !== b.sign) return null
  const direct = both(compareValues(a.left, b.left, rules), () => compareValues(a.right, b.right, rules))
  if (direct?.length === 0) return direct
  const [left, right] = [sum(a.left, minus(a.right)), sum(b.left, minus(b.right))]
  return isMultiple(left, right, a.sign === '<' || a.sign === 'le') ? SAME : direct
}

const compareRatios = (a: Answer, b: Answer, rules: Rules): Finding => {
  const [ratio, other] = a.kind === 'ratio' ? [a, b] : [b as Extract<Answer, { kind: 'ratio' }>, a]
  const isClock = (key: string): boolean => /^\d{1,2}:\d\d$/.test(key)
  if (other.kind === 'ratio') {
    if (ratio.key === other.key) return SAME
    if (ratio.terms.length !== other.terms.length || (isClock(ratio.key) && isClock(other.key))) return null
    return all(ratio.terms.slice(1), (term, at) =>
      compareValues(product(term, other.terms[0]!), product(other.terms[at + 1]!, ratio.terms[0]!), rules),
    )
  }
  if (other.kind !== 'value' || other.unit !== undefined || ratio.terms.length !== 2 || isClock(ratio.key)) return null
  return compareValues(divide(ratio.terms[0]!, ratio.terms[1]!), other.expression, rules)
}

/** Symmetric except for the tolerance, which is relative to the gold side `a`. */
export const compareAnswers = (a: Answer, b: Answer, rules: Rules): Finding => {
  if (a.kind === 'text' || b.kind === 'text') return a.kind === 'text' && b.kind === 'text' && a.key === b.key ? SAME : null
  if (a.kind === 'value' && b.kind === 'value') {
    const direct = compareValueAnswers(a, b, rules)
    const [left, right] = [asRelation(a), asRelation(b)]
    return direct === null && left && right && a.name !== b.name ? compareRelations(left, right, rules) : direct
  }
  if (a.kind === 'ratio' || b.kind === 'ratio') return compareRatios(a, b, rules)
  if (a.kind === 'relation' || b.kind === 'relation') {
    const [left, right] = [asRelation(a), asRelation(b)]
    return left && right && compareRelations(left, right, rules)
  }
  if (a.kind === 'matrix' || b.kind === 'matrix') return compareMatrices(a, b, rules)
  if ((a.kind === 'set' && b.kind === 'list') || (a.kind === 'list' && b.kind === 'set')) {
    const [{ set }, list] = a.kind === 'set' ? [a, b as List] : [b as NamedSet, a]
    const isPoint = (piece: RealSet[number]): boolean => keyOf(piece.low) === keyOf(piece.high)
    if (set.length > 0 && set.every(isPoint))
      return compareLists(
        { kind: 'list', open: '{{', close: '}}', items: set.map(({ low }) => ({ kind: 'value', expression: low })) },
        list,
        rules,
      )
  }
  if ((a.kind === 'set' || b.kind === 'set') && a.kind !== 'value' && b.kind !== 'value') {
    const [nameA, nameB] = [nameOf(a), nameOf(b)]
    const [left, right] = [asRealSet(a), asRealSet(b)]
    return left && right && (nameA === undefined || nameB === undefined || nameA === nameB) ? compareSets(left, right, rules) : null
  }
  if (a.kind === 'list' && b.kind === 'list') return compareLists(a, b, rules)
  if ((a.kind === 'value' && b.kind === 'set') || (a.kind === 'set' && b.kind === 'value')) {
    const [value, { set, name }] = a.kind === 'value' ? [a, b as NamedSet] : [b as Value, a as NamedSet]
    return set.length === 1 && keyOf(set[0]!.low) === keyOf(set[0]!.high)
      ? compareAnswers(value, { kind: 'value', expression: set[0]!.low, ...(name !== undefined && { name }) }, rules)
      : null
  }
  const [list, single] = a.kind === 'list' ? [a, b] : [b as List, a]
  return list.open === '{{' && list.items.length === 1 ? compareAnswers(list.items[0]!, single, rules) : null
}
