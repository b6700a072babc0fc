// The least common multiple of two or three numbers, by their greatest common divisor. Called `lcm` in reasoning-gym.

import type { Rng } from '../numeric/rng.ts'
import { divisionsOf, gcdOf } from './euclid.ts'
import type { Numbers } from './gcd.ts'
import type { Procedure } from './procedural.ts'

const RANGES: Readonly<Record<string, { readonly count: number; readonly largest: number }>> = {
  '30': { count: 2, largest: 30 },
  '80': { count: 2, largest: 80 },
  '3-numbers': { count: 3, largest: 30 },
  '300': { count: 2, largest: 300 },
}

function draw(level: string, rng: Rng): Numbers {
  const { count, largest } = RANGES[level]!
  const numbers = new Set<number>()
  while (numbers.size < count) numbers.add(rng.between(2, largest))
  return { numbers: [...numbers] }
}

const join = (a: number, b: number): number => (a / gcdOf(a, b)) * b
const multipleOf = ({ numbers }: Numbers): number => numbers.reduce(join)

function teacher({ numbers: [first, ...others] }: Numbers): { thinking: string; answer: string } {
  let multiple = first!
  const lines: string[] = []
  for (const number of others) {
    const common = gcdOf(multiple, number)
    lines.push(...divisionsOf(multiple, number), `The greatest common divisor of ${multiple} and ${number} is ${common}`)
    lines.push(
      `The least common multiple is ${multiple} / ${common} * ${number} = ${multiple / common} * ${number} = ${join(multiple, number)}`,
    )
    multiple = join(multiple, number)
  }
  return { thinking: lines.join('\n'), answer: String(multiple) }
}

export const lcm: Procedure<Numbers> = {
  name: 'lcm',
  levels: [
    { id: '30', label: 'two numbers to 30', problems: 406 },
    { id: '80', label: 'two numbers to 80' },
    { id: '3-numbers', label: 'three numbers to 30' },
    { id: '300', label: 'two numbers to 300' },
  ],
  draw,
  identity: ({ numbers }) => numbers.toSorted((a, b) => a - b).join(),
  question: ({ numbers }) => `What is the least common multiple of ${numbers.slice(0, -1).join(', ')} and ${numbers.at(-1)}?`,
  answerForm: 'a whole number',
  answers: (data) => [String(multipleOf(data))],
  grader: 'integer',
  teacher,
  // What the numbers have in common, taken away once: the step that is easily forgotten.
  cluster: ({ numbers: [a, b, c] }) => `common ${gcdOf(a!, b!)}${c === undefined ? '' : ` and ${gcdOf(join(a!, b!), c)}`}`,
}
