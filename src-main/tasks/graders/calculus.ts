// Sums, products, limits and integrals that can be worked out exactly, turned into the expression
// they are equal to. Where no exact rule applies the result is null and the reader refuses, so that
// such an answer only equals the same text: nothing here is estimated.

import { constant, call, contains, divide, integer, minus, number, power, product, sum, symbolsOf, asFraction } from './expression.ts'
import type { Expression } from './expression.ts'
import { exactValue } from './exact.ts'
import * as Q from './rational.ts'
import type { Rational } from './rational.ts'

/** Most terms that a sum or product is written out to. */
const MOST_TERMS = 400
/** Most parts that it may have then; sums within sums multiply. */
const LARGEST_SUM = 20_000

const sizeOf = (x: Expression): number => 1 + ('args' in x ? x.args.reduce((total, arg) => total + sizeOf(arg), 0) : 0)

/** `x` with every symbol `name` replaced by `value`. */
export const substitute = (x: Expression, name: string, value: Expression): Expression => {
  switch (x.op) {
    case 'number':
    case 'constant':
      return x
    case 'symbol':
      return x.name === name ? value : x
    case 'add':
      return sum(...x.args.map((arg) => substitute(arg, name, value)))
    case 'multiply':
      return product(...x.args.map((arg) => substitute(arg, name, value)))
    case 'divide':
      return divide(substitute(x.args[0], name, value), substitute(x.args[1], name, value))
    case 'power':
      return power(substitute(x.args[0], name, value), substitute(x.args[1], name, value))
    case 'call':
      return call(x.name, ...x.args.map((arg) => substitute(arg, name, value)))
  }
}

const mentions = (x: Expression, name: string): boolean => contains(x, (part) => part.op === 'symbol' && part.name === name)
const isInfinite = (x: Expression): boolean => x.op === 'constant' && x.name === 'infinity'
const wholeOf = (x: Expression): bigint | null => {
  const value = exactValue(x)
  return value !== null && Q.isWhole(value) ? value.n : null
}

/** Value of `x` at a whole number, if it is an exact fraction. */
const valueAt = (x: Expression, name: string, at: bigint): Rational | null => exactValue(substitute(x, name, number({ n: at, d: 1n })))

/** A sum to infinity whose terms keep one ratio below 1 in size: first / (1 - ratio). Six ratios have to agree. */
const geometric = (term: Expression, name: string, from: bigint): Expression | null => {
  if (symbolsOf(term).size !== 1) return null
  const first = valueAt(term, name, from)
  let ratio: Rational | null = null
  for (let k = from; k < from + 6n; k++) {
    const step = Q.divide(valueAt(term, name, k + 1n), valueAt(term, name, k))
    if (step === null || (ratio !== null && !Q.equal(ratio, step))) return null
    ratio = step
  }
  if (first === null || ratio === null || (ratio.n < 0n ? -ratio.n : ratio.n) >= ratio.d) return null
  const value = Q.divide(first, Q.add(Q.ONE, Q.negate(ratio)))
  return value === null ? null : number(value)
}

/** The sum of a polynomial in `name` up to an unknown whole number, as a polynomial in that number through degree + 2 of its values (Lagrange). */
const toUnknown = (term: Expression, name: string, from: bigint, upper: Expression): Expression | null => {
  const coefficients = polynomial(term, name)
  if (coefficients === null || coefficients.some((part) => symbolsOf(part).size > 0)) return null
  const count = coefficients.length + 1
  if (count > 12) return null
  let total: Rational | null = Q.ZERO
  const points: { at: bigint; value: Rational }[] = []
  for (let k = from; points.length < count; k++) {
    total = Q.add(total, valueAt(term, name, k))
    if (total === null) return null
    points.push({ at: k, value: total })
  }
  return sum(
    ...points.map(({ at, value }, place) => {
      const others = points.filter((_, other) => other !== place)
      return product(
        number(value),
        ...others.map((other) => divide(sum(upper, number({ n: -other.at, d: 1n })), number({ n: at - other.at, d: 1n }))),
      )
    }),
  )
}

/** \sum or \prod of `term` over `name` from `low` to `high`; null where no exact rule applies. */
export const overRange = (kind: 'sum' | 'prod', term: Expression, name: string, low: Expression, high: Expression): Expression | null => {
  const from = wholeOf(low)
  if (from === null) return null
  if (isInfinite(high)) return kind === 'sum' ? geometric(term, name, from) : null
  const to = wholeOf(high)
  if (to === null) return kind === 'sum' && symbolsOf(high).size > 0 ? toUnknown(term, name, from, high) : null
  if (to - from + 1n > BigInt(MOST_TERMS)) return kind === 'sum' ? toUnknown(term, name, from, high) : null
  if (Number(to - from) * sizeOf(term) > LARGEST_SUM) return null
  if (to < from) return integer(kind === 'sum' ? 0 : 1)
  const parts: Expression[] = []
  for (let k = from; k <= to; k++) parts.push(substitute(term, name, number({ n: k, d: 1n })))
  const values = parts.map(exactValue)
  if (!values.includes(null)) {
    const all = values.reduce<Rational | null>(
      (total, value) => (kind === 'sum' ? Q.add : Q.multiply)(total, value),
      kind === 'sum' ? Q.ZERO : Q.ONE,
    )
    if (all !== null) return number(all)
  }
  return kind === 'sum' ? sum(...parts) : product(...parts)
}

const LARGEST_DEGREE = 16

/** Coefficients of a polynomial in `name`, constant first; null if it is none. */
const polynomial = (x: Expression, name: string): Expression[] | null => {
  if (!mentions(x, name)) return [x]
  switch (x.op) {
    case 'symbol':
      return [integer(0), integer(1)]
    case 'add': {
      const parts = x.args.map((arg) => polynomial(arg, name))
      if (parts.includes(null)) return null
      const length = Math.max(...parts.map((part) => part!.length))
      return Array.from({ length }, (_, at) => sum(...parts.map((part) => part![at] ?? integer(0))))
    }
    case 'multiply':
      return x.args.reduce<Expression[] | null>(
        (total, arg) => {
          const part = polynomial(arg, name)
          if (total === null || part === null || total.length + part.length - 2 > LARGEST_DEGREE) return null
          return Array.from({ length: total.length + part.length - 1 }, (_, at) =>
            sum(
              integer(0),
              ...total.flatMap((left, place) => (at - place >= 0 && at - place < part.length ? [product(left, part[at - place]!)] : [])),
            ),
          )
        },
        [integer(1)],
      )
    case 'divide': {
      const above = mentions(x.args[1], name) ? null : polynomial(x.args[0], name)
      return above === null ? null : above.map((part) => divide(part, x.args[1]))
    }
    case 'power': {
      const times = asFraction(x.args[1])
      if (times === null || !Q.isWhole(times) || times.n < 0n || times.n > BigInt(LARGEST_DEGREE)) return null
      return polynomial(product(integer(1), ...Array.from({ length: Number(times.n) }, () => x.args[0])), name)
    }
    default:
      return null
  }
}

/** The derivative by `name`; null for what has no rule here. */
const derivative = (x: Expression, name: string): Expression | null => {
  if (!mentions(x, name)) return integer(0)
  switch (x.op) {
    case 'symbol':
      return integer(1)
    case 'add': {
      const parts = x.args.map((arg) => derivative(arg, name))
      return parts.includes(null) ? null : sum(...(parts as Expression[]))
    }
    case 'multiply': {
      const parts = x.args.map((arg) => derivative(arg, name))
      return parts.includes(null)
        ? null
        : sum(integer(0), ...x.args.map((_, at) => product(...x.args.map((arg, place) => (place === at ? parts[at]! : arg)))))
    }
    case 'divide': {
      const [above, below] = [derivative(x.args[0], name), derivative(x.args[1], name)]
      return above && below && divide(sum(product(above, x.args[1]), minus(product(x.args[0], below))), power(x.args[1], integer(2)))
    }
    case 'power': {
      const [base, exponent] = x.args
      const inner = mentions(exponent, name) ? (mentions(base, name) ? null : derivative(exponent, name)) : derivative(base, name)
      if (inner === null) return null
      const times = exactValue(exponent)
      if (times?.n === 0n) return integer(0)
      if (times !== null && Q.equal(times, Q.ONE)) return inner
      return mentions(exponent, name)
        ? product(x, call('ln', base), inner)
        : product(exponent, power(base, times === null ? sum(exponent, integer(-1)) : number(Q.add(times, Q.whole(-1))!)), inner)
    }
    case 'call': {
      const [inside] = x.args as [Expression]
      const inner = x.args.length === 1 ? derivative(inside, name) : null
      const outer: Expression | undefined = {
        sin: call('cos', inside),
        cos: minus(call('sin', inside)),
        tan: power(call('cos', inside), integer(-2)),
        ln: divide(integer(1), inside),
        arctan: divide(integer(1), sum(integer(1), power(inside, integer(2)))),
      }[x.name]
      return inner && outer ? product(outer, inner) : null
    }
    default:
      return null
  }
}

/** What `x` is once sines and logarithms of zero and the like are worked out; null where it is not that simple. */
const plainValue = (x: Expression): Rational | null => {
  const exact = exactValue(x)
  if (exact !== null) return exact
  switch (x.op) {
    case 'add':
      return x.args.reduce<Rational | null>((total, arg) => Q.add(total, plainValue(arg)), Q.ZERO)
    case 'multiply':
      return x.args.reduce<Rational | null>((total, arg) => Q.multiply(total, plainValue(arg)), Q.ONE)
    case 'divide':
      return Q.divide(plainValue(x.args[0]), plainValue(x.args[1]))
    case 'power': {
      const exponent = plainValue(x.args[1])
      if (exponent !== null && exponent.n === 0n && x.args[0].op === 'constant' && x.args[0].name === 'e') return Q.ONE
      const base = exponent !== null && Q.isWhole(exponent) ? plainValue(x.args[0]) : null
      if (base !== null && base.n === 0n && exponent!.n <= 0n) return null
      return base === null ? null : Q.power(base, exponent!.n)
    }
    case 'call': {
      const inside = x.args.length === 1 ? plainValue(x.args[0]!) : null
      if (inside === null) return null
      if (inside.n === 0n && ['sin', 'tan', 'arctan', 'arcsin', 'sinh'].includes(x.name)) return Q.ZERO
      if (inside.n === 0n && ['cos', 'cosh', 'sec'].includes(x.name)) return Q.ONE
      return x.name === 'ln' && Q.equal(inside, Q.ONE) ? Q.ZERO : null
    }
    default:
      return null
  }
}

const MOST_RULES = 6

/** The limit of `x` as `name` goes to `to`: by putting the value in, for quotients by de l'Hospital's rule, for rational functions at infinity by their leading terms. */
export const limit = (x: Expression, name: string, to: Expression): Expression | null => {
  if (isInfinite(to)) return atInfinity(x, name)
  if (!mentions(x, name)) return x
  let quotient: Expression = x
  for (let rules = 0; rules <= MOST_RULES; rules++) {
    const value = plainValue(substitute(quotient, name, to))
    if (value !== null) return number(value)
    if (quotient.op !== 'divide') return null
    const [above, below] = quotient.args.map((part) => plainValue(substitute(part, name, to)))
    if (above?.n !== 0n || below?.n !== 0n) return null
    const [left, right] = [derivative(quotient.args[0], name), derivative(quotient.args[1], name)]
    if (left === null || right === null) return null
    quotient = divide(left, right)
  }
  return null
}

const atInfinity = (x: Expression, name: string): Expression | null => {
  if (!mentions(x, name)) return x
  const e = asCompound(x, name)
  if (e !== null) return e
  if (x.op !== 'divide') return null
  const leading = (part: Expression): { degree: number; value: Rational } | null => {
    const values = polynomial(part, name)?.map(exactValue)
    if (values === undefined || values.includes(null)) return null
    const degree = values.findLastIndex((value) => value!.n !== 0n)
    return degree < 0 ? null : { degree, value: values[degree]! }
  }
  const [above, below] = [leading(x.args[0]), leading(x.args[1])]
  if (above === null || below === null || above.degree > below.degree) return null
  const value = above.degree < below.degree ? Q.ZERO : Q.divide(above.value, below.value)
  return value === null ? null : number(value)
}

/** (1 + a/n)^n goes to e^a. */
const asCompound = (x: Expression, name: string): Expression | null => {
  if (x.op !== 'power' || x.args[1].op !== 'symbol' || x.args[1].name !== name || x.args[0].op !== 'add') return null
  const rest = x.args[0].args.filter((arg) => mentions(arg, name))
  const fixed = x.args[0].args.filter((arg) => !mentions(arg, name))
  if (rest.length !== 1 || fixed.length !== 1 || exactValue(fixed[0]!) === null || !Q.equal(exactValue(fixed[0]!)!, Q.ONE)) return null
  const times = [3n, 7n, 12n].map((n) => valueAt(product(rest[0]!, { op: 'symbol', name }), name, n))
  return times.some((each) => each === null || !Q.equal(each, times[0]!)) ? null : power(constant('e'), number(times[0]!))
}

/** An antiderivative by `name`: polynomials, powers, and sin, cos, e^, 1/x of a multiple of `name`. */
const antiderivative = (x: Expression, name: string): Expression | null => {
  const variable: Expression = { op: 'symbol', name }
  const coefficients = polynomial(x, name)
  if (coefficients !== null)
    return sum(...coefficients.map((part, at) => product(part, divide(power(variable, integer(at + 1)), integer(at + 1)))))
  const scaleOf = (inside: Expression): Expression | null => {
    const parts = polynomial(inside, name)
    return parts !== null && parts.length === 2 ? parts[1]! : null
  }
  switch (x.op) {
    case 'add': {
      const parts = x.args.map((arg) => antiderivative(arg, name))
      return parts.includes(null) ? null : sum(...(parts as Expression[]))
    }
    case 'multiply': {
      const [moving, fixed] = [x.args.filter((arg) => mentions(arg, name)), x.args.filter((arg) => !mentions(arg, name))]
      const inner = moving.length === 1 ? antiderivative(moving[0]!, name) : null
      return inner && product(...fixed, inner)
    }
    case 'divide': {
      if (!mentions(x.args[1], name)) {
        const inner = antiderivative(x.args[0], name)
        return inner && divide(inner, x.args[1])
      }
      if (mentions(x.args[0], name)) return null
      const [above, below] = x.args
      const scale = scaleOf(below)
      if (scale !== null) return product(above, divide(call('ln', call('abs', below)), scale))
      const parts = polynomial(below, name)?.map(exactValue)
      const isOnePlusSquare =
        parts?.length === 3 &&
        parts.every((part) => part !== null) &&
        Q.equal(parts[0]!, Q.ONE) &&
        parts[1]!.n === 0n &&
        Q.equal(parts[2]!, Q.ONE)
      if (isOnePlusSquare) return product(above, call('arctan', variable))
      const inner = below.op === 'power' ? antiderivative(power(below.args[0], minus(below.args[1])), name) : null
      return inner && product(above, inner)
    }
    case 'power': {
      const [base, exponent] = x.args
      if (base.op === 'constant' && base.name === 'e') {
        const scale = scaleOf(exponent)
        return scale && divide(x, scale)
      }
      const scale = mentions(exponent, name) ? null : scaleOf(base)
      const times = asFraction(exponent)
      if (scale === null || times === null || Q.equal(times, Q.whole(-1))) return null
      const raised = sum(exponent, integer(1))
      return divide(power(base, raised), product(raised, scale))
    }
    case 'call': {
      const scale = x.args.length === 1 ? scaleOf(x.args[0]!) : null
      if (scale === null) return null
      if (x.name === 'sin') return divide(minus(call('cos', x.args[0]!)), scale)
      return x.name === 'cos' ? divide(call('sin', x.args[0]!), scale) : null
    }
    default:
      return null
  }
}

/** True if every denominator is linear and of one sign on [low, high], or 1 + x^2: no pole lies in between. */
const isSafe = (x: Expression, name: string, low: Rational, high: Rational): boolean => {
  const divisors: Expression[] = []
  const collect = (part: Expression): void => {
    if (part.op === 'divide' && mentions(part.args[1], name)) divisors.push(part.args[1])
    if (part.op === 'power' && mentions(part.args[0], name) && !Q.isWhole(asFraction(part.args[1]) ?? { n: 1n, d: 2n }))
      divisors.push(part.args[0])
    if (part.op === 'power' && mentions(part.args[0], name) && (asFraction(part.args[1])?.n ?? -1n) < 0n) divisors.push(part.args[0])
    if ('args' in part) part.args.forEach(collect)
  }
  collect(x)
  return divisors.every((whole) => {
    const divisor = whole.op === 'power' && asFraction(whole.args[1]) !== null ? whole.args[0] : whole
    const parts = polynomial(divisor, name)?.map(exactValue)
    if (parts === undefined || parts.includes(null)) return false
    if (parts.length === 3 && Q.equal(parts[0]!, Q.ONE) && parts[1]!.n === 0n && Q.equal(parts[2]!, Q.ONE)) return true
    const [left, right] = [low, high].map((at) => exactValue(substitute(divisor, name, number(at))))
    return parts.length === 2 && left != null && right != null && left.n !== 0n && right.n !== 0n && left.n < 0n === right.n < 0n
  })
}

/** The definite integral of `x` over `name` by an antiderivative; null without one, or where a pole may lie in between. */
export const integral = (x: Expression, name: string, low: Expression, high: Expression): Expression | null => {
  if (isInfinite(low) || isInfinite(high)) return null
  const whole = antiderivative(x, name)
  if (whole === null) return null
  if (polynomial(x, name) === null && contains(x, (part) => part.op === 'divide' || part.op === 'power')) {
    const [a, b] = [exactValue(low), exactValue(high)]
    if (a === null || b === null || !isSafe(x, name, a, b)) return null
  }
  return sum(substitute(whole, name, high), minus(substitute(whole, name, low)))
}
