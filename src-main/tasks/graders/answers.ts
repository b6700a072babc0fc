// What a written answer can be, as plain records: a value with an optional name and unit, a list
// (ordered or not), a set of reals, a matrix, a relation, a ratio, or just text.
// readAnswer.ts makes them, compare.ts compares them.

import type { Expression } from './expression.ts'
import { approximate } from './numeric.ts'
import { normalise, point } from './realSets.ts'
import type { RealSet } from './realSets.ts'
import type { Unit } from './units.ts'

export type Bracket = '' | '(' | '[' | '{{' | '<'

export type Answer =
  | { readonly kind: 'value'; readonly expression: Expression; readonly name?: string; readonly unit?: Unit; readonly rounded?: Expression }
  | { readonly kind: 'list'; readonly open: Bracket; readonly close: string; readonly items: readonly Answer[] }
  | { readonly kind: 'set'; readonly set: RealSet; readonly name?: string }
  | { readonly kind: 'matrix'; readonly determinant: boolean; readonly rows: readonly (readonly Expression[])[] }
  | { readonly kind: 'relation'; readonly sign: '=' | '<' | 'le' | 'ne'; readonly left: Expression; readonly right: Expression }
  | { readonly kind: 'ratio'; readonly terms: readonly Expression[]; readonly key: string }
  | { readonly kind: 'text'; readonly key: string; readonly words: boolean }

/** Round or pointed brackets on both sides: order counts, ends do not. */
export const isTuple = (list: Extract<Answer, { kind: 'list' }>): boolean => (list.open === '(' && list.close === ')') || list.open === '<'

/** An interval, a finite set of values or a named set as a set of reals; null when it is none. */
export const asRealSet = (answer: Answer): RealSet | null => {
  if (answer.kind === 'set') return answer.set
  if (answer.kind !== 'list') return null
  const values = answer.items.map((item) =>
    item.kind === 'value' && item.name === undefined && item.unit === undefined ? item.expression : null,
  )
  if (values.includes(null)) return null
  if (answer.open === '{{') return normalise((values as Expression[]).map(point))
  if ((answer.open === '(' || answer.open === '[') && values.length === 2) {
    const [low, high] = values as [Expression, Expression]
    if (approximate(low) >= approximate(high)) return null
    return [{ low, high, lowClosed: answer.open === '[', highClosed: answer.close === ']' }]
  }
  return null
}
