// Dimensions of tensor shapes: a whole number, or an expression over names such as 'B', 'B*T' or 'T-1'.
// Expressions are polynomials with whole coefficients, always written in one canonical way, so two
// dimensions are equal exactly when their text is equal. There are no brackets, quotients or
// inequalities, and 'T' is never assumed to equal a number.

/** A whole number, or a canonical polynomial over dimension names ('B*T', '2*T-1'). */
export type Dim = number | string
export type Shape = readonly Dim[]

/** Monomial (names sorted and joined by '*', '' for the constant term) -> coefficient, never 0. */
type Polynomial = ReadonlyMap<string, number>

const TERM = /^(?:\d+|[A-Za-z_]\w*)(?:\*(?:\d+|[A-Za-z_]\w*))*$/

function monomialOf(names: readonly string[]): string {
  return [...names].sort().join('*')
}

function namesOf(monomial: string): string[] {
  return monomial === '' ? [] : monomial.split('*')
}

function collect(terms: Iterable<readonly [string, number]>): Polynomial {
  const sum = new Map<string, number>()
  for (const [monomial, coefficient] of terms) {
    const total = (sum.get(monomial) ?? 0) + coefficient
    if (total === 0) sum.delete(monomial)
    else sum.set(monomial, total)
  }
  return sum
}

function parse(dim: Dim): Polynomial {
  if (typeof dim === 'number') {
    if (!Number.isSafeInteger(dim)) throw new Error(`a dimension must be a whole number, found ${dim}`)
    return collect([['', dim]])
  }
  const terms = dim.replaceAll(' ', '').replaceAll('-', '+-').split('+')
  if (terms[0] === '' && terms.length > 1) terms.shift()
  return collect(
    terms.map((text): [string, number] => {
      const negative = text.startsWith('-')
      const body = negative ? text.slice(1) : text
      if (!TERM.test(body)) throw new Error(`'${dim}' is not a dimension: expected names and whole numbers joined by * + -`)
      const factors = body.split('*')
      const numbers = factors.filter((factor) => /^\d/.test(factor)).map(Number)
      const names = factors.filter((factor) => !/^\d/.test(factor))
      return [monomialOf(names), numbers.reduce((product, n) => product * n, negative ? -1 : 1)]
    }),
  )
}

/** Highest degree first, then by name; the constant term last: 'B*T-B', '2*T-1'. */
function write(polynomial: Polynomial): Dim {
  if (polynomial.size === 0) return 0
  const terms = [...polynomial].sort(([a], [b]) => namesOf(b).length - namesOf(a).length || (a < b ? -1 : 1))
  if (terms.length === 1 && terms[0][0] === '') return terms[0][1]
  return terms
    .map(([monomial, coefficient], i) => {
      const size = Math.abs(coefficient)
      const body = monomial === '' ? `${size}` : size === 1 ? monomial : `${size}*${monomial}`
      return (coefficient < 0 ? '-' : i > 0 ? '+' : '') + body
    })
    .join('')
}

/** The canonical form of a dimension: 'T*B' becomes 'B*T', '2*3' becomes 6. Throws on anything else. */
export function dim(value: Dim): Dim {
  return typeof value === 'number' && value >= 0 && Number.isSafeInteger(value) ? value : write(parse(value))
}

/** Every dimension in canonical form. */
export function canonicalShape(values: Shape): Shape {
  return values.map(dim)
}

export function addDims(a: Dim, b: Dim): Dim {
  if (typeof a === 'number' && typeof b === 'number') return a + b
  return write(collect([...parse(a), ...parse(b)]))
}

export function mulDims(a: Dim, b: Dim): Dim {
  if (typeof a === 'number' && typeof b === 'number') return a * b
  const terms: [string, number][] = []
  for (const [m, c] of parse(a)) for (const [n, d] of parse(b)) terms.push([monomialOf([...namesOf(m), ...namesOf(n)]), c * d])
  return write(collect(terms))
}

export function subDims(a: Dim, b: Dim): Dim {
  return addDims(a, mulDims(b, -1))
}

/** Number of elements of a shape; 1 for a scalar. */
export function elementsOf(shape: Shape): Dim {
  return shape.reduce<Dim>(mulDims, 1)
}

/** The names a dimension is made of, each once: ['B', 'T'] for 'B*T-B'. */
export function symbolsOf(value: Dim): string[] {
  return typeof value === 'number' ? [] : [...new Set([...parse(value).keys()].flatMap(namesOf))]
}

/** The terms of a dimension as [coefficient, names]: [[1, ['B', 'T']], [-1, ['B']]] for 'B*T-B'. */
export function termsOf(value: Dim): [number, string[]][] {
  return [...parse(value)].map(([monomial, coefficient]) => [coefficient, namesOf(monomial)])
}

/** The number a dimension stands for once its names have sizes. Throws when a name has none. */
export function evaluateDim(value: Dim, sizes: Readonly<Record<string, number>>): number {
  const sizeOf = (name: string): number => {
    if (sizes[name] === undefined) throw new Error(`dimension '${name}' has no size; known: ${Object.keys(sizes).join(', ')}`)
    return sizes[name]
  }
  return termsOf(value).reduce((sum, [coefficient, names]) => sum + names.reduce((product, name) => product * sizeOf(name), coefficient), 0)
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((d, i) => d === b[i])
}

/** NumPy broadcasting of several shapes; null when two dimensions disagree. A name only matches itself or 1. */
export function broadcastShapes(...shapes: readonly Shape[]): Shape | null {
  const rank = Math.max(0, ...shapes.map((shape) => shape.length))
  const result: Dim[] = []
  for (let axis = 0; axis < rank; axis++) {
    const sizes = new Set(shapes.map((shape) => shape[axis - rank + shape.length] ?? 1).filter((d) => d !== 1))
    if (sizes.size > 1) return null
    result.push(sizes.size === 1 ? [...sizes][0] : 1)
  }
  return result
}

/** '[B,T,256]', the way shapes appear in printed graphs and in errors. */
export function showShape(shape: Shape): string {
  return `[${shape.join(',')}]`
}
