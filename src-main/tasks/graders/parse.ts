// One mathematical expression out of tokens: recursive descent over LaTeX mixed with plain
// notation. Where a reading would be a guess (1/2x, two numbers side by side, unknown commands)
// it is refused with Unreadable, and the answer is then compared as text only.
// Lists, intervals, sets, matrices, relations and units around expressions are read in answers.ts.

import { integral, limit, overRange } from './calculus.ts'
import { exactValue } from './exact.ts'
import { call, constant, contains, divide, integer, minus, number, power, product, sum, symbol } from './expression.ts'
import type { Expression } from './expression.ts'
import { AGGREGATES, DECORATIONS, FIGURES, FUNCTIONS, GREEK, INVERSE, WORD_CONSTANTS, table } from './notation.ts'
import type { Token } from './tokens.ts'
import { isUnitLetter, isUnitWord } from './units.ts'

/** The tokens are no expression this reader vouches for. */
export class Unreadable extends Error {}

const DEEPEST = 64

/** Gives the reading of the longest expression at the start of `tokens` and how many tokens it took. `sign` is what \pm means here. */
export const parseExpression = (tokens: readonly Token[], sign: 1 | -1 = 1): { expression: Expression; used: number } => {
  let at = 0
  let depth = 0
  let bars = 0

  const peek = (ahead = 0): Token | undefined => tokens[at + ahead]
  const is = (text: string): boolean => peek()?.text === text && peek()!.kind !== 'word'
  const refuse: () => never = () => {
    throw new Unreadable(`cannot read ${peek()?.text ?? 'the end'} at token ${at}`)
  }
  const take = (text: string): void => {
    if (!is(text)) refuse()
    at++
  }
  const within = (open: string, close: string): Expression => {
    take(open)
    const outer = bars
    bars = 0
    const above = readSum()
    const inside = open === '{' && is('choose') && ++at > 0 ? call('binomial', above, readSum()) : above
    bars = outer
    take(close)
    return inside
  }

  // A spelled-out name with nothing after it is a word ("5 sec"), a command is always the function.
  const isFunction = (ahead = 0): boolean => {
    const token = peek(ahead)
    if (token === undefined || !(token.text in FUNCTIONS)) return false
    return token.kind === 'command' || (token.kind === 'word' && peek(ahead + 1) !== undefined && peek(ahead + 1)!.text !== '/')
  }

  const endsFactor = (token: Token | undefined): boolean =>
    token !== undefined && (token.kind === 'number' || [')', ']', '}', 'pi'].includes(token.text))

  // A word that is no part of the expression: a unit, a noun, a conjunction.
  const isProse = (token: Token): boolean => {
    if (token.kind !== 'word') return false
    const { text, upright } = token
    if (isFunction() || text in WORD_CONSTANTS || text === 'sqrt' || AGGREGATES.has(text)) return false
    if (upright) return text.length > 1 ? !/^[A-Z]+$/.test(text) || isUnitWord(text) : endsFactor(peek(-1)) && isUnitLetter(text)
    if (text.length > 3) return !/^[A-Z]+$/.test(text)
    return text.length > 1 && at > 0 && isUnitWord(text)
  }

  const startsFactor = (): boolean => {
    const token = peek()
    if (token === undefined || token.kind === 'number') return false
    if (token.kind === 'word') return !isProse(token)
    if (token.kind === 'mark') return token.text === '(' || token.text === '[' || token.text === '{' || (token.text === '|' && bars === 0)
    return (
      token.text in PRIMARY ||
      AGGREGATES.has(token.text) ||
      isFunction() ||
      GREEK.has(token.text) ||
      DECORATIONS.has(token.text) ||
      FIGURES.has(token.text)
    )
  }

  const readSum = (): Expression => {
    if (++depth > DEEPEST) refuse()
    const terms = [readSigned()]
    for (;;) {
      if (is('+') || is('-') || is('pm') || is('mp')) terms.push(readSigned())
      else break
    }
    depth--
    return sum(...terms)
  }

  const readSigned = (): Expression => {
    let negative = false
    for (;;) {
      if (is('-')) negative = !negative
      else if (is('pm')) negative = negative !== sign < 0
      else if (is('mp')) negative = negative !== sign > 0
      else if (!is('+')) break
      at++
    }
    const term = readTerm()
    return negative ? minus(term) : term
  }

  const readTerm = (): Expression => {
    let value = readPower()
    let afterSlash = false
    for (;;) {
      if (peek()?.text === 'choose' && !afterSlash) {
        at++
        value = call('binomial', value, readPower())
        continue
      }
      if (is('*') || is('/')) {
        const slash = is('/')
        at++
        let negative = false
        while (is('-') || is('+')) {
          negative = negative !== is('-')
          at++
        }
        const factor = readPower()
        value = slash ? divide(value, factor) : product(value, factor)
        if (negative) value = minus(value)
        afterSlash = slash
      } else if (startsFactor() || (peek()?.kind === 'number' && peek(-1)!.text === '!')) {
        // 1/2x may mean (1/2)x or 1/(2x): refused. With a space, 1/2 x is read from the left.
        if (afterSlash && !peek()!.gap) refuse()
        value = product(value, readPower())
      } else if (peek()?.kind === 'number') refuse()
      else return value
    }
  }

  const readExponent = (): Expression => {
    if (is('{')) return within('{', '}')
    if (is('-') || is('+') || is('pm') || is('mp')) return readSigned()
    return readPower()
  }

  // ^\circ, ^{\circ}
  const readDegreeSign = (): boolean => {
    const [open, sign, close] = [peek(1)?.text, peek(2)?.text, peek(3)?.text]
    if (open === 'circ') at += 2
    else if (open === '{' && sign === 'circ' && close === '}') at += 4
    else return false
    return true
  }

  const readPostfix = (first: Expression): Expression => {
    let value = first
    for (;;) {
      if (is('^')) {
        if (readDegreeSign()) {
          value = call('degree', value)
          continue
        }
        at++
        if (++depth > DEEPEST) refuse()
        value = power(value, readExponent())
        depth--
      } else if (is('!')) {
        at++
        value = call('factorial', value)
      } else return value
    }
  }

  const readPower = (): Expression => {
    if (++depth > DEEPEST) refuse()
    const value = readPostfix(readPrimary())
    depth--
    return value
  }

  /** Text of a subscript or a decorated name: everything inside its braces, or one token. */
  const readName = (): string => {
    if (!is('{')) {
      const token = peek()
      if (token === undefined || token.kind === 'mark') refuse()
      at++
      return token!.text
    }
    let level = 0
    let name = ''
    do {
      const token = peek()
      if (token === undefined) refuse()
      if (token!.text === '{') level++
      else if (token!.text === '}') level--
      else name += token!.text
      at++
    } while (level > 0)
    return name
  }

  const readSymbol = (name: string): Expression => {
    let full = name
    if (is('_')) {
      at++
      full += `_${readName()}`
    }
    while (is("'")) {
      at++
      full += "'"
    }
    return symbol(full)
  }

  const readMixedOrNumber = (token: Token): Expression => {
    at++
    const plain = number(token.value!)
    if (is('_')) {
      // Digits with a subscript are a numeral in another base; its digits and its base are what was asked for.
      at++
      const base = readName()
      return base === '10' || base === 'ten' ? plain : symbol(`${token.text} in base ${base}`)
    }
    if (token.value!.d !== 1n || token.text.includes('.')) return plain
    const digits = (place: number): Token | undefined => {
      const found = peek(place)
      return found?.kind === 'number' && found.value!.d === 1n ? found : undefined
    }
    // 3 1/2 in plain text, 3\frac{1}{2} in LaTeX; the part must be a proper fraction.
    const spots =
      peek()?.kind === 'number' && peek()!.gap && peek(1)?.text === '/'
        ? [0, 2, 3]
        : is('frac') && peek(1)?.text === '{' && peek(3)?.text === '}' && peek(4)?.text === '{' && peek(6)?.text === '}'
          ? [2, 5, 7]
          : null
    if (spots === null) return plain
    const [above, below] = [digits(spots[0]!), digits(spots[1]!)]
    if (above === undefined || below === undefined || above.value!.n >= below.value!.n || above.value!.n === 0n) return plain
    at += spots[2]!
    return sum(plain, divide(number(above.value!), number(below.value!)))
  }

  const readArgument = (): Expression => (is('{') ? within('{', '}') : readPrimary())

  const readFunction = (name: string): Expression => {
    at++
    let base: Expression | undefined
    let exponent: Expression | undefined
    for (;;) {
      if (is('_') && name === 'log') {
        at++
        base = readArgument()
      } else if (is('^') && exponent === undefined) {
        at++
        exponent = readExponent()
      } else break
    }
    let argument: Expression
    if (is('(')) argument = within('(', ')')
    else if (is('[')) argument = within('[', ']')
    else {
      if (peek()?.kind !== 'number' && !startsFactor()) refuse()
      argument = isFunction() ? readFunction(FUNCTIONS[peek()!.text]!) : readPower()
      if (is('/')) {
        // \sin \pi/3 is the sine of a third of pi; \ln 2/3 could be either.
        if (!contains(argument, (part) => part.op === 'constant' && part.name === 'pi')) refuse()
        at++
        argument = divide(argument, readPower())
      }
      while (startsFactor() && !isFunction()) argument = product(argument, readPower())
    }
    const isInverse = exponent?.op === 'number' && exponent.value.n === -1n && exponent.value.d === 1n
    if (isInverse && name in INVERSE) return call(INVERSE[name]!, argument)
    const applied =
      name === 'log'
        ? call('log', argument, base ?? symbol('base of log'))
        : name === 'lg'
          ? call('log', argument, integer(10))
          : name === 'exp'
            ? power(constant('e'), argument)
            : call(name, argument)
    return exponent === undefined ? applied : power(applied, exponent)
  }

  const readRoot = (): Expression => {
    const index = is('[') ? within('[', ']') : integer(2)
    const radicand = is('{') ? within('{', '}') : is('(') ? within('(', ')') : readPrimary()
    return power(radicand, divide(integer(1), index))
  }

  const readBinomial = (): Expression => call('binomial', readArgument(), readArgument())

  /** The two ends of a sum, product or integral, in either order; the lower one may name its variable, as in k=1. */
  const readEnds = (named: boolean): { name: string; low: Expression; high: Expression } => {
    let [name, low, high]: [string, Expression | null, Expression | null] = ['', null, null]
    for (let side = 0; side < 2; side++) {
      if (is('_') && low === null) {
        at++
        if (named) {
          take('{')
          const variable = readPower()
          if (variable.op !== 'symbol') refuse()
          name = (variable as { name: string }).name
          take('=')
          low = readSum()
          take('}')
        } else low = readEnd()
      } else if (is('^') && high === null) {
        at++
        high = readEnd()
      } else refuse()
    }
    return { name, low: low!, high: high! }
  }

  const readEnd = (): Expression => (is('{') ? within('{', '}') : is('-') ? minus(readPrimary()) : readPrimary())

  const certain = (found: Expression | null): Expression => found ?? refuse()

  const readRange = (kind: 'sum' | 'prod'): Expression => {
    const { name, low, high } = readEnds(true)
    return certain(overRange(kind, readTerm(), name, low, high))
  }

  /** \int_a^b f(x) dx: the d and the variable end the integrand. */
  const readIntegral = (): Expression => {
    const { low, high } = readEnds(false)
    let level = 0
    let end = at
    for (; end < tokens.length; end++) {
      const token = tokens[end]!
      if (['(', '[', '{'].includes(token.text)) level++
      else if ([')', ']', '}'].includes(token.text)) level--
      else if (
        level === 0 &&
        token.kind === 'word' &&
        token.text === 'd' &&
        tokens[end + 1]?.kind === 'word' &&
        tokens[end + 1]!.text.length === 1
      )
        break
    }
    if (end + 1 >= tokens.length) refuse()
    const inside = tokens.slice(at, end)
    const { expression, used } = inside.length === 0 ? { expression: integer(1), used: 0 } : parseExpression(inside, sign)
    if (used < inside.length) refuse()
    at = end + 2
    return certain(integral(expression, tokens[end + 1]!.text, low, high))
  }

  /** \lim_{x \to a} f(x), from both sides. */
  const readLimit = (): Expression => {
    take('_')
    take('{')
    const variable = readPower()
    if (variable.op !== 'symbol') refuse()
    if (is('to') || is('rightarrow')) at++
    else refuse()
    const to = readSum()
    take('}')
    return certain(limit(readTerm(), (variable as { name: string }).name, to))
  }

  /** gcd, lcm, max, min of whole numbers in brackets. */
  const readAggregate = (name: string): Expression => {
    at++
    take('(')
    const values: bigint[] = []
    do {
      if (values.length > 0) at++
      const value = exactValue(readSum())
      if (value === null || value.d !== 1n) refuse()
      values.push(value!.n)
    } while (is(','))
    take(')')
    const size = (x: bigint): bigint => (x < 0n ? -x : x)
    const gcd = (a: bigint, b: bigint): bigint => (b === 0n ? size(a) : gcd(b, a % b))
    const join: Record<string, (a: bigint, b: bigint) => bigint> = {
      gcd,
      lcm: (a, b) => (a === 0n || b === 0n ? 0n : size((a / gcd(a, b)) * b)),
      max: (a, b) => (a > b ? a : b),
      min: (a, b) => (a < b ? a : b),
    }
    return number({ n: values.reduce(join[name]!), d: 1n })
  }

  // What a command at the start of a factor reads; the command itself is already taken.
  const PRIMARY = table<() => Expression>({
    frac: () => divide(readArgument(), readArgument()),
    sqrt: readRoot,
    binom: readBinomial,
    pi: () => constant('pi'),
    infty: () => constant('infinity'),
    lfloor: () => {
      const inside = readSum()
      take('rfloor')
      return call('floor', inside)
    },
    lceil: () => {
      const inside = readSum()
      take('rceil')
      return call('ceil', inside)
    },
    imath: () => constant('i'),
    sum: () => readRange('sum'),
    prod: () => readRange('prod'),
    int: readIntegral,
    lim: readLimit,
  })

  const readWord = (token: Token): Expression => {
    const { text } = token
    if (text === 'sqrt') {
      at++
      return readRoot()
    }
    if (isFunction()) return readFunction(FUNCTIONS[text]!)
    if (AGGREGATES.has(text)) return readAggregate(text)
    if (isProse(token)) refuse()
    const isCombination =
      text === 'C' &&
      peek(1)?.text === '(' &&
      peek(2)?.kind === 'number' &&
      peek(3)?.text === ',' &&
      peek(4)?.kind === 'number' &&
      peek(5)?.text === ')'
    if (isCombination) {
      const [n, k] = [number(peek(2)!.value!), number(peek(4)!.value!)]
      at += 6
      return call('binomial', n, k)
    }
    at++
    if (text in WORD_CONSTANTS) return constant(WORD_CONSTANTS[text]!)
    if ((text === 'e' || text === 'i') && !is('_')) return constant(text)
    return readSymbol(text)
  }

  const readPrimary = (): Expression => {
    const token = peek()
    if (token === undefined) return refuse()
    if (token.kind === 'number') return readMixedOrNumber(token)
    if (token.kind === 'word') return readWord(token)
    if (token.kind === 'mark') {
      if (token.text === '(') return within('(', ')')
      if (token.text === '[') return within('[', ']')
      if (token.text === '{') return within('{', '}')
      if (token.text === '|' && bars === 0) {
        at++
        bars++
        const inside = readSum()
        bars--
        take('|')
        return call('abs', inside)
      }
      return refuse()
    }
    if (isFunction()) return readFunction(FUNCTIONS[token.text]!)
    if (AGGREGATES.has(token.text)) return readAggregate(token.text)
    at++
    if (token.text in PRIMARY) return PRIMARY[token.text]!()
    if (GREEK.has(token.text)) return readSymbol(token.text)
    if (DECORATIONS.has(token.text) || FIGURES.has(token.text)) return readSymbol(`${token.text} ${readName()}`)
    at--
    return refuse()
  }

  const expression = readSum()
  return { expression, used: at }
}
