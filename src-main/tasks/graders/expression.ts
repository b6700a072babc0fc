// The expression tree that written answers are read into, with what can be said about a tree
// without evaluating it: its canonical key, its free symbols, and its MathJSON form for the
// computer algebra. Sums and products are flat; subtraction and negation are products with -1.

import * as Q from './rational.ts'
import type { Rational } from './rational.ts'

export type Constant = 'pi' | 'e' | 'i' | 'infinity'

export type Expression =
  | { readonly op: 'number'; readonly value: Rational }
  | { readonly op: 'constant'; readonly name: Constant }
  | { readonly op: 'symbol'; readonly name: string }
  | { readonly op: 'add' | 'multiply'; readonly args: readonly Expression[] }
  | { readonly op: 'divide' | 'power'; readonly args: readonly [Expression, Expression] }
  | { readonly op: 'call'; readonly name: string; readonly args: readonly Expression[] }

export const number = (value: Rational): Expression => ({ op: 'number', value })
export const integer = (n: number): Expression => number(Q.whole(n))
export const constant = (name: Constant): Expression => ({ op: 'constant', name })
export const symbol = (name: string): Expression => ({ op: 'symbol', name })
export const call = (name: string, ...args: readonly Expression[]): Expression => ({ op: 'call', name, args })
export const power = (base: Expression, exponent: Expression): Expression => ({ op: 'power', args: [base, exponent] })
export const divide = (a: Expression, b: Expression): Expression => ({ op: 'divide', args: [a, b] })

const flat = (op: 'add' | 'multiply', args: readonly Expression[]): Expression =>
  args.length === 1 ? args[0]! : { op, args: args.flatMap((arg) => (arg.op === op ? arg.args : [arg])) }
export const sum = (...args: readonly Expression[]): Expression => flat('add', args)
export const product = (...args: readonly Expression[]): Expression => flat('multiply', args)

export const minus = (x: Expression): Expression => {
  if (x.op === 'number') return number(Q.negate(x.value))
  return product(integer(-1), x)
}

const children = (x: Expression): readonly Expression[] => ('args' in x ? x.args : [])

/** The same text for trees that differ only in the order of terms and factors. */
export const keyOf = (x: Expression): string => {
  switch (x.op) {
    case 'number':
      return Q.print(x.value)
    case 'constant':
      return `\\${x.name}`
    case 'symbol':
      return `<${x.name}>`
    case 'add':
    case 'multiply':
      return `${x.op}(${x.args.map(keyOf).sort().join(' ')})`
    case 'divide':
    case 'power':
      return `${x.op}(${keyOf(x.args[0])} ${keyOf(x.args[1])})`
    case 'call':
      return `${x.name}(${x.args.map(keyOf).join(' ')})`
  }
}

/** Names of the free symbols, each once. */
export const symbolsOf = (x: Expression, into = new Set<string>()): ReadonlySet<string> => {
  if (x.op === 'symbol') into.add(x.name)
  for (const child of children(x)) symbolsOf(child, into)
  return into
}

/** True if some part of the tree satisfies the test. */
export const contains = (x: Expression, test: (part: Expression) => boolean): boolean =>
  test(x) || children(x).some((child) => contains(child, test))

export const isImaginaryUnit = (x: Expression): boolean => x.op === 'constant' && x.name === 'i'

/** The value of a tree that only writes a fraction of whole numbers (-2/3, 0.5, 7), else null. */
export const asFraction = (x: Expression): Rational | null => {
  if (x.op === 'number') return x.value
  if (x.op === 'divide') return Q.divide(asFraction(x.args[0]), asFraction(x.args[1]))
  if (x.op === 'multiply' && x.args.length === 2) return Q.multiply(asFraction(x.args[0]!), asFraction(x.args[1]!))
  return null
}

/** MathJSON as the computer-algebra library reads it. */
export type MathJson = string | number | { readonly num: string } | readonly MathJson[]

const CONSTANT_JSON: Record<Constant, MathJson> = { pi: 'Pi', e: 'ExponentialE', i: 'ImaginaryUnit', infinity: 'PositiveInfinity' }

const CALL_JSON: Record<string, string> = {
  sin: 'Sin',
  cos: 'Cos',
  tan: 'Tan',
  cot: 'Cot',
  sec: 'Sec',
  csc: 'Csc',
  arcsin: 'Arcsin',
  arccos: 'Arccos',
  arctan: 'Arctan',
  sinh: 'Sinh',
  cosh: 'Cosh',
  tanh: 'Tanh',
  ln: 'Ln',
  exp: 'Exp',
  abs: 'Abs',
  floor: 'Floor',
  ceil: 'Ceil',
  factorial: 'Factorial',
  binomial: 'Binomial',
}

const integerJson = (n: bigint): MathJson => ({ num: `${n}` })
/**
 * The tree as MathJSON, or null if a part has no counterpart there.
 * `rename` gives each free symbol a neutral name, so that a problem's "C" or "D" is never taken for a built-in.
 */
export const toMathJson = (x: Expression, rename: (name: string) => string): MathJson | null => {
  const all = (head: string, args: readonly Expression[]): MathJson | null => {
    const converted = args.map((arg) => toMathJson(arg, rename))
    return converted.includes(null) ? null : [head, ...(converted as MathJson[])]
  }
  switch (x.op) {
    case 'number':
      return x.value.d === 1n ? integerJson(x.value.n) : ['Divide', integerJson(x.value.n), integerJson(x.value.d)]
    case 'constant':
      return CONSTANT_JSON[x.name]
    case 'symbol':
      return rename(x.name)
    case 'add':
      return all('Add', x.args)
    case 'multiply':
      return all('Multiply', x.args)
    case 'divide':
      return all('Divide', x.args)
    case 'power': {
      const [base, exponent] = x.args
      // Real roots: the principal power of a negative number would be complex where the written root is real.
      const q = asFraction(exponent)
      if (q === null || q.d === 1n) return all('Power', x.args)
      const radicand = toMathJson(base, rename)
      if (radicand === null) return null
      const rooted: MathJson = q.d === 2n ? ['Sqrt', radicand] : ['Root', radicand, integerJson(q.d)]
      return q.n === 1n ? rooted : ['Power', rooted, integerJson(q.n)]
    }
    case 'call': {
      if (x.name === 'degree') return all('Multiply', [x.args[0]!, divide(constant('pi'), integer(180))])
      if (x.name === 'log')
        return all(
          'Divide',
          x.args.map((arg) => call('ln', arg)),
        )
      const head = CALL_JSON[x.name]
      return head === undefined ? null : all(head, x.args)
    }
  }
}
