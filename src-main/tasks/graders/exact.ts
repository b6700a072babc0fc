// Exact comparison of two expressions, cheap enough for every answer. Rational functions are
// evaluated with exact fractions at fixed pseudo-random points: equal values at all of them mean
// equal functions (Schwartz-Zippel; the points come from a range of tens of thousands), different
// values at one point mean different functions. Irrational parts stand for themselves: the same
// part gets the same random value, so agreement still proves equality, but disagreement proves nothing.

import * as Q from './rational.ts'
import type { Rational } from './rational.ts'
import { asFraction, contains, keyOf, symbolsOf } from './expression.ts'
import type { Expression } from './expression.ts'

const POINTS = 4

/** FNV-1a, the source of the fixed pseudo-random points. */
export const hashOf = (text: string): number => {
  let hash = 0x811c9dc5
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d)
  hash = Math.imul(hash ^ (hash >>> 12), 0x297a2d39)
  return (hash ^ (hash >>> 15)) >>> 0
}

const samplePoint = (name: string, point: number): Rational => {
  const hash = hashOf(`${point}:${name}`)
  return Q.rational(BigInt((hash % 40_000) + 3) * (hash & 0x10000000 ? 1n : -1n), BigInt(((hash >>> 16) % 7) + 1))!
}

type Point = { readonly index: number; atoms: number }

/** Value at one point, null where it is undefined or too large; counts the irrational parts it met in `point.atoms`. */
const valueAt = (x: Expression, point: Point): Rational | null => {
  const atom = (): Rational => {
    point.atoms++
    return samplePoint(`atom ${keyOf(x)}`, point.index)
  }
  const rationalOnly = (part: Expression): Rational | null | 'irrational' => {
    const before = point.atoms
    const value = valueAt(part, point)
    return point.atoms > before ? 'irrational' : value
  }
  switch (x.op) {
    case 'number':
      return x.value
    case 'constant':
      return x.name === 'infinity' ? null : atom()
    case 'symbol':
      return samplePoint(x.name, point.index)
    case 'add':
    case 'multiply': {
      let total: Rational | null = x.op === 'add' ? Q.ZERO : Q.ONE
      for (const arg of x.args) {
        total = (x.op === 'add' ? Q.add : Q.multiply)(total, valueAt(arg, point))
        if (total === null) return null
      }
      return total
    }
    case 'divide':
      return Q.divide(valueAt(x.args[0], point), valueAt(x.args[1], point))
    case 'power': {
      const exponent = asFraction(x.args[1]) ?? rationalOnly(x.args[1])
      if (exponent === null) return null
      if (exponent === 'irrational') return atom()
      if (Q.isWhole(exponent)) {
        const base = valueAt(x.args[0], point)
        return base && Q.power(base, exponent.n)
      }
      const base = rationalOnly(x.args[0])
      if (base === null) return null
      if (base === 'irrational' || exponent.d > 64n) return atom()
      const rooted = Q.root(base, Number(exponent.d))
      return rooted === null ? atom() : Q.power(rooted, exponent.n)
    }
    case 'call':
      return callAt(x, rationalOnly, atom)
  }
}

const floorOf = (a: Rational): bigint => (a.n >= 0n ? a.n / a.d : -((-a.n + a.d - 1n) / a.d))

const factorial = (n: bigint): Rational | null => {
  if (n > 1000n) return null
  let product = 1n
  for (let k = 2n; k <= n; k++) product *= k
  return Q.rational(product)
}

const binomial = (n: bigint, k: bigint): Rational | null => {
  if (k > n) return Q.ZERO
  const smaller = k > n - k ? n - k : k
  if (smaller > 500n || n > 1n << 40n) return null
  let value = 1n
  for (let j = 1n; j <= smaller; j++) value = (value * (n - smaller + j)) / j
  return Q.rational(value)
}

const callAt = (
  x: Extract<Expression, { op: 'call' }>,
  read: (part: Expression) => Rational | null | 'irrational',
  atom: () => Rational,
): Rational | null => {
  const [first, second] = x.args.map(read)
  if (first === null || second === null) return null
  if (first === 'irrational' || second === 'irrational' || first === undefined) return atom()
  const counted = (a: Rational): boolean => Q.isWhole(a) && a.n >= 0n
  switch (x.name) {
    case 'abs':
      return first.n < 0n ? Q.negate(first) : first
    case 'floor':
      return { n: floorOf(first), d: 1n }
    case 'ceil':
      return { n: -floorOf(Q.negate(first)), d: 1n }
    case 'factorial':
      return counted(first) ? factorial(first.n) : atom()
    case 'binomial':
      return second !== undefined && counted(first) && counted(second) ? binomial(first.n, second.n) : atom()
    default:
      return atom()
  }
}

/** The value of an expression without symbols and irrational parts, else null. */
export const exactValue = (x: Expression): Rational | null => {
  if (symbolsOf(x).size > 0) return null
  const point: Point = { index: 0, atoms: 0 }
  const value = valueAt(x, point)
  return point.atoms > 0 ? null : value
}

/** `equal` and `different` are proofs (up to the chance of the points); `open` means that neither was found. */
export const compareExactly = (a: Expression, b: Expression): 'equal' | 'different' | 'open' => {
  const symbols = symbolsOf(b, new Set(symbolsOf(a)))
  let agreed = 0
  for (let index = 0; index < POINTS; index++) {
    const point: Point = { index, atoms: 0 }
    const [left, right] = [valueAt(a, point), valueAt(b, point)]
    if (left === null || right === null) continue
    if (!Q.equal(left, right)) return point.atoms === 0 ? 'different' : 'open'
    if (point.atoms === 0 && symbols.size === 0) return 'equal'
    agreed++
  }
  return agreed >= 3 ? 'equal' : 'open'
}

/** For equations in unknowns: true if a = c * b for one non-zero rational constant c, which must be positive when `positive`. */
export const isMultiple = (a: Expression, b: Expression, positive: boolean): boolean => {
  const isCall = (part: Expression): boolean => part.op === 'call'
  if (symbolsOf(a).size === 0 || contains(a, isCall) || contains(b, isCall)) return false
  let ratio: Rational | null = null
  let agreed = 0
  for (let index = 0; index < POINTS; index++) {
    const point: Point = { index, atoms: 0 }
    const value = Q.divide(valueAt(a, point), valueAt(b, point))
    if (value === null || value.n === 0n) continue
    if (ratio !== null && !Q.equal(ratio, value)) return false
    ratio = value
    agreed++
  }
  return agreed >= 3 && ratio !== null && (!positive || ratio.n > 0n)
}
