// Exact fractions of whole numbers, for comparing answers without rounding.
// Every operation is bounded: a result that would need more than LIMIT_BITS bits is `null`
// ("not decided exactly"), so no written power or factorial can occupy the machine.
// Leaves out everything irrational; numeric.ts estimates those and the computer algebra decides.

/** n/d in lowest terms with d > 0. */
export type Rational = { readonly n: bigint; readonly d: bigint }

/** Largest whole number kept exactly, in bits; fractions get a tighter limit because reducing them costs more. */
const LIMIT_BITS = 32_768
const WHOLE_LIMIT = 1n << BigInt(LIMIT_BITS)
const FRACTION_LIMIT = 1n << 2048n

const absolute = (x: bigint): bigint => (x < 0n ? -x : x)

const greatestCommonDivisor = (a: bigint, b: bigint): bigint => {
  let [x, y] = [absolute(a), absolute(b)]
  while (y > 0n) [x, y] = [y, x % y]
  return x
}

/** n/d reduced, or null when d = 0 or the numbers outgrow the limits. */
export const rational = (n: bigint, d = 1n): Rational | null => {
  if (d === 0n) return null
  if (d === 1n) return absolute(n) < WHOLE_LIMIT ? { n, d } : null
  if (absolute(n) >= FRACTION_LIMIT || absolute(d) >= FRACTION_LIMIT) return null
  const g = greatestCommonDivisor(n, d) * (d < 0n ? -1n : 1n)
  return { n: n / g, d: d / g }
}

export const whole = (n: number): Rational => ({ n: BigInt(n), d: 1n })
export const ZERO = whole(0)
export const ONE = whole(1)

type Maybe = Rational | null

export const add = (a: Maybe, b: Maybe): Maybe => a && b && rational(a.n * b.d + b.n * a.d, a.d * b.d)
export const multiply = (a: Maybe, b: Maybe): Maybe => a && b && rational(a.n * b.n, a.d * b.d)
export const divide = (a: Maybe, b: Maybe): Maybe => a && b && rational(a.n * b.d, a.d * b.n)
export const negate = (a: Rational): Rational => ({ n: -a.n, d: a.d })
export const equal = (a: Rational, b: Rational): boolean => a.n === b.n && a.d === b.d
export const isWhole = (a: Rational): boolean => a.d === 1n

const bits = (x: bigint): number => absolute(x).toString(16).length * 4

/** base to a whole exponent; null when the result is undefined or too large. */
export const power = (base: Rational, exponent: bigint): Maybe => {
  const times = absolute(exponent)
  if (times === 0n) return base.n === 0n ? null : ONE
  if (absolute(base.n) <= 1n && base.d === 1n) {
    if (base.n === 0n) return exponent > 0n ? ZERO : null
    return base.n === 1n || times % 2n === 0n ? ONE : whole(-1)
  }
  if (times > BigInt(LIMIT_BITS) || Number(times) * Math.max(bits(base.n), bits(base.d)) > 2 * LIMIT_BITS) return null
  const [n, d] = [base.n ** times, base.d ** times]
  return exponent > 0n ? rational(n, d) : rational(d, n)
}

/** The whole k-th root of x >= 0 if x is a perfect k-th power, else null (Newton's iteration on integers). */
const wholeRoot = (x: bigint, k: number): bigint | null => {
  if (x < 2n) return x
  if (bits(x) > 2048) return null
  const K = BigInt(k)
  let guess = 1n << BigInt(Math.ceil(bits(x) / k) + 1)
  for (;;) {
    const next = ((K - 1n) * guess + x / guess ** (K - 1n)) / K
    if (next >= guess) break
    guess = next
  }
  return guess ** K === x ? guess : null
}

/** The real k-th root of a if it is rational, else null; even roots of negatives are null. */
export const root = (a: Rational, k: number): Maybe => {
  if (k < 1 || k > 64 || (a.n < 0n && k % 2 === 0)) return null
  const [n, d] = [wholeRoot(absolute(a.n), k), wholeRoot(a.d, k)]
  return n === null || d === null ? null : { n: a.n < 0n ? -n : n, d }
}

/** Nearest double; exact integers beyond the double range become infinite. */
export const toNumber = (a: Rational): number => {
  const quotient = Number(a.n) / Number(a.d)
  if (Number.isFinite(quotient)) return quotient
  const shift = BigInt(Math.max(0, Math.min(bits(a.n), bits(a.d)) - 1000))
  return Number(a.n >> shift) / Number(a.d >> shift)
}

export const print = (a: Rational): string => (a.d === 1n ? `${a.n}` : `${a.n}/${a.d}`)

const DECIMAL = /^(\d*)(?:\.(\d*))?(?:\[(\d+)\])?(?:[eE]([+-]?\d{1,4}))?$/

/** Reads "12", "0.5", ".5", "1.5e-3", and repeating digits in square brackets ("0.1[6]" = 1/6); null if it is none. */
export const readDecimal = (text: string): Maybe => {
  const match = DECIMAL.exec(text)
  if (!match) return null
  const [, head = '', tail = '', repeat = '', exponent = '0'] = match
  if (head === '' && tail === '' && repeat === '') return null
  const scale = 10n ** BigInt(tail.length)
  const fixed = rational(BigInt(`${head}${tail}` || '0'), scale)
  const repeated = repeat === '' ? ZERO : rational(BigInt(repeat), scale * (10n ** BigInt(repeat.length) - 1n))
  const shift = power(whole(10), BigInt(exponent))
  return multiply(add(fixed, repeated), shift)
}
