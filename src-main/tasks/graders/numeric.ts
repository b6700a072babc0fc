// Floating-point evaluation of an expression at a few fixed points, to reject quickly what is
// clearly different. Real arithmetic unless the imaginary unit occurs: roots and logarithms of
// negative numbers then have no value and the point is skipped, odd roots of negatives are real.
// It never accepts: agreement here is only a reason to ask the computer algebra.

import { asFraction, contains, isImaginaryUnit, symbolsOf } from './expression.ts'
import type { Expression } from './expression.ts'
import { hashOf } from './exact.ts'
import * as Q from './rational.ts'

type Complex = readonly [re: number, im: number]

const NOT_A_NUMBER: Complex = [NaN, NaN]
const real = (x: number): Complex => [x, 0]
const multiply = ([a, b]: Complex, [c, d]: Complex): Complex => (b === 0 && d === 0 ? real(a * c) : [a * c - b * d, a * d + b * c])
const divide = ([a, b]: Complex, [c, d]: Complex): Complex => {
  if (b === 0 && d === 0) return real(a / c)
  const size = c * c + d * d
  return [(a * c + b * d) / size, (b * c - a * d) / size]
}
const logarithm = ([a, b]: Complex): Complex => [Math.log(Math.hypot(a, b)), Math.atan2(b, a)]
const exponential = ([a, b]: Complex): Complex => [Math.exp(a) * Math.cos(b), Math.exp(a) * Math.sin(b)]

const gamma = (x: number): number => {
  if (x > 171.6) return Infinity
  if (Number.isInteger(x)) {
    let value = 1
    for (let k = 2; k < x; k++) value *= k
    return x > 0 ? value : NaN
  }
  if (x < 0.5) return Math.PI / (Math.sin(Math.PI * x) * gamma(1 - x))
  // Lanczos, g = 7, nine terms.
  const terms = [
    0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059, 12.507343278686905,
    -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
  ]
  const shifted = x - 1 + 7.5
  const series = terms.reduce((total, term, k) => (k === 0 ? term : total + term / (x - 1 + k)), 0)
  return Math.sqrt(2 * Math.PI) * shifted ** (x - 0.5) * Math.exp(-shifted) * series
}

const REAL_FUNCTIONS: Readonly<Record<string, (...args: readonly number[]) => number>> = {
  sin: Math.sin,
  cos: Math.cos,
  tan: Math.tan,
  cot: (x) => 1 / Math.tan(x!),
  sec: (x) => 1 / Math.cos(x!),
  csc: (x) => 1 / Math.sin(x!),
  arcsin: Math.asin,
  arccos: Math.acos,
  arctan: Math.atan,
  sinh: Math.sinh,
  cosh: Math.cosh,
  tanh: Math.tanh,
  ln: Math.log,
  log: (x, base) => Math.log(x!) / Math.log(base!),
  abs: Math.abs,
  floor: Math.floor,
  ceil: Math.ceil,
  degree: (x) => (x! * Math.PI) / 180,
  factorial: (n) => gamma(n! + 1),
  binomial: (n, k) => gamma(n! + 1) / (gamma(k! + 1) * gamma(n! - k! + 1)),
}

const I: Complex = [0, 1]
const sine = (z: Complex): Complex => {
  const [up, down] = [exponential(multiply(I, z)), exponential(multiply([0, -1], z))]
  return divide([up[0] - down[0], up[1] - down[1]], [0, 2])
}
const cosine = (z: Complex): Complex => {
  const [up, down] = [exponential(multiply(I, z)), exponential(multiply([0, -1], z))]
  return [(up[0] + down[0]) / 2, (up[1] + down[1]) / 2]
}

const COMPLEX_FUNCTIONS: Readonly<Record<string, (...args: readonly Complex[]) => Complex>> = {
  sin: (z) => sine(z!),
  cos: (z) => cosine(z!),
  tan: (z) => divide(sine(z!), cosine(z!)),
  ln: (z) => logarithm(z!),
  log: (z, base) => divide(logarithm(z!), logarithm(base!)),
  abs: (z) => real(Math.hypot(...z!)),
  degree: ([a, b]) => [(a * Math.PI) / 180, (b * Math.PI) / 180],
}

const raise = (base: Complex, exponent: Complex, x: Expression, complex: boolean): Complex => {
  const [p] = exponent
  if (exponent[1] === 0 && base[1] === 0 && (base[0] >= 0 || Number.isInteger(p))) return real(base[0] ** p)
  if (exponent[1] === 0 && Number.isInteger(p) && Math.abs(p) <= 64) {
    let value: Complex = [1, 0]
    for (let k = 0; k < Math.abs(p); k++) value = multiply(value, base)
    return p < 0 ? divide([1, 0], value) : value
  }
  if (complex) return base[0] === 0 && base[1] === 0 ? NOT_A_NUMBER : exponential(multiply(exponent, logarithm(base)))
  const q = asFraction(x)
  if (q === null || q.d % 2n === 0n) return NOT_A_NUMBER
  const size = Math.abs(base[0]) ** p
  return real(q.n % 2n === 0n ? size : -size)
}

const evaluate = (x: Expression, at: (name: string) => number, complex: boolean): Complex => {
  switch (x.op) {
    case 'number':
      return real(Q.toNumber(x.value))
    case 'constant':
      return x.name === 'i' ? I : real({ pi: Math.PI, e: Math.E, infinity: NaN }[x.name])
    case 'symbol':
      return real(at(x.name))
    case 'add': {
      let [re, im] = [0, 0]
      for (const arg of x.args) {
        const [a, b] = evaluate(arg, at, complex)
        re += a
        im += b
      }
      return [re, im]
    }
    case 'multiply':
      return x.args.reduce<Complex>((total, arg) => multiply(total, evaluate(arg, at, complex)), [1, 0])
    case 'divide':
      return divide(evaluate(x.args[0], at, complex), evaluate(x.args[1], at, complex))
    case 'power':
      return raise(evaluate(x.args[0], at, complex), evaluate(x.args[1], at, complex), x.args[1], complex)
    case 'call': {
      const args = x.args.map((arg) => evaluate(arg, at, complex))
      if (args.every(([, im]) => im === 0)) {
        const value = REAL_FUNCTIONS[x.name]?.(...args.map(([re]) => re)) ?? NaN
        if (!complex || !Number.isNaN(value)) return real(value)
      }
      return COMPLEX_FUNCTIONS[x.name]?.(...args) ?? NOT_A_NUMBER
    }
  }
}

// Positive and negative, inside and outside (-1, 1), then small whole values: identities of roots, of absolute values, and of counts all show.
const SAMPLES: readonly ((hash: number) => number)[] = [
  (hash) => 0.3 + (hash % 100_003) / 40_000,
  (hash) => 0.2 + (hash % 99_991) / 60_000,
  (hash) => 1.1 + (hash % 90_001) / 30_000,
  (hash) => 0.05 + (hash % 89_989) / 100_000,
  (hash) => -0.05 - (hash % 89_983) / 100_000,
  (hash) => -0.3 - (hash % 99_989) / 40_000,
  (hash) => (hash & 1 ? 1 : -1) * (0.4 + (hash % 90_007) / 50_000),
  (hash) => 2 + (hash % 6),
  (hash) => 3 + (hash % 7),
]

const isNumber = ([a, b]: Complex): boolean => !Number.isNaN(a) && !Number.isNaN(b)
const isFinite = ([a, b]: Complex): boolean => Number.isFinite(a) && Number.isFinite(b)

/** The real value of an expression without symbols, NaN where it has none; `infinity` counts as a value. */
export const approximate = (x: Expression): number => {
  if (x.op === 'constant' && x.name === 'infinity') return Infinity
  if (x.op === 'multiply' && x.args.length === 2 && x.args[1]!.op === 'constant' && x.args[1]!.name === 'infinity')
    return Infinity * approximate(x.args[0]!)
  if (symbolsOf(x).size > 0) return NaN
  const [re, im] = evaluate(x, () => NaN, contains(x, isImaginaryUnit))
  return Math.abs(im) > 1e-12 * Math.abs(re) ? NaN : re
}

/** `different`: they differ at some point by far more than rounding. `likely`: they agree wherever both have a value. `unknown`: no such point. */
export const compareNumerically = (a: Expression, b: Expression): 'different' | 'likely' | 'unknown' => {
  const symbols = symbolsOf(b, new Set(symbolsOf(a)))
  const complex = contains(a, isImaginaryUnit) || contains(b, isImaginaryUnit)
  const [samples, needed] = symbols.size > 0 ? [SAMPLES, 3] : [SAMPLES.slice(0, 1), 1]
  const found = compareAtPoints(a, b, complex, samples, needed)
  return found === 'unknown' && !complex && symbols.size === 0 ? compareAtPoints(a, b, true, samples, needed) : found
}

const compareAtPoints = (
  a: Expression,
  b: Expression,
  complex: boolean,
  samples: typeof SAMPLES,
  needed: number,
): 'different' | 'likely' | 'unknown' => {
  let agreed = 0
  for (const [index, sample] of samples.entries()) {
    const at = (name: string): number => (name === 'base of log' ? 7.389 + index : sample(hashOf(`${index}/${name}`)))
    const [left, right] = [evaluate(a, at, complex), evaluate(b, at, complex)]
    if (!isNumber(left) || !isNumber(right)) continue
    // An overflow is no value to compare, but nothing finite equals it.
    if (isFinite(left) !== isFinite(right)) return 'different'
    if (!isFinite(left)) continue
    const gap = Math.hypot(left[0] - right[0], left[1] - right[1])
    if (gap > 1e-9 + 1e-7 * Math.max(Math.hypot(...left), Math.hypot(...right))) return 'different'
    agreed++
  }
  return agreed >= needed ? 'likely' : 'unknown'
}
