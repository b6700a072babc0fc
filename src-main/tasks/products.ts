// Multiplication with checking: the product of two numbers, by the digits of the second, and a check by the remainders of nine that finds
// most slips. Called `products` in reasoning-gym.

import type { Rng } from '../numeric/rng.ts'
import type { Procedure } from './procedural.ts'

export interface Product {
  readonly a: number
  readonly b: number
}

const DIGITS: Readonly<Record<string, readonly [number, number]>> = { '2x1': [2, 1], '2x2': [2, 2], '3x2': [3, 2], '3x3': [3, 3] }

/** The smallest factor is 2: a product with 1 is none to work. */
const factor = (digits: number, rng: Rng): number => rng.between(digits === 1 ? 2 : 10 ** (digits - 1), 10 ** digits - 1)

function teacher({ a, b }: Product): { thinking: string; answer: string } {
  const parts = [...String(b)].toReversed().flatMap((digit, place) => (digit === '0' ? [] : [Number(digit) * 10 ** place]))
  const lines = parts.map((part) => `${a} * ${part} = ${a * part}`)
  let sum = a * parts[0]!
  for (const part of parts.slice(1)) {
    lines.push(`${sum} + ${a * part} = ${sum + a * part}`)
    sum += a * part
  }
  const [x, y] = [a % 9, b % 9]
  lines.push(
    `Check with nines: ${a} leaves ${x}, ${b} leaves ${y}, ${x} * ${y} = ${x * y} leaves ${(x * y) % 9}, and ${sum} leaves ${sum % 9}.`,
  )
  return { thinking: lines.join('\n'), answer: String(sum) }
}

export const products: Procedure<Product> = {
  name: 'products',
  levels: [
    { id: '2x1', label: '2 digits by 1 digit', problems: 720 },
    { id: '2x2', label: '2 digits by 2 digits' },
    { id: '3x2', label: '3 digits by 2 digits' },
    { id: '3x3', label: '3 digits by 3 digits' },
  ],
  draw: (level, rng) => {
    const [first, second] = DIGITS[level]!
    return { a: factor(first, rng), b: factor(second, rng) }
  },
  // Equal whichever factor comes first.
  identity: ({ a, b }) => `${Math.max(a, b)}*${Math.min(a, b)}`,
  question: ({ a, b }) => `How much is ${a} * ${b}?`,
  answerForm: 'a whole number',
  answers: ({ a, b }) => [String(a * b)],
  grader: 'integer',
  teacher,
  // The last digits: they decide how the product ends, and which row of the table is needed first.
  cluster: ({ a, b }) => `ends ${Math.min(a % 10, b % 10)} and ${Math.max(a % 10, b % 10)}`,
}
