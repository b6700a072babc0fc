// The greatest common divisor of two or three numbers, by division with remainder. Called `gcd` in reasoning-gym.

import type { Rng } from '../numeric/rng.ts'
import { divisionsOf, gcdOf } from './euclid.ts'
import type { Procedure } from './procedural.ts'

export interface Numbers {
  readonly numbers: readonly number[]
}

interface Range {
  readonly count: number
  readonly largest: number
}

const RANGES: Readonly<Record<string, Range>> = {
  '100': { count: 2, largest: 100 },
  '1000': { count: 2, largest: 1000 },
  '3-numbers': { count: 3, largest: 500 },
  '10000': { count: 2, largest: 10_000 },
}

/** Multiples of a common divisor that is drawn first: otherwise most answers were 1. It is small enough to leave something to work. */
function draw(level: string, rng: Rng): Numbers {
  const { count, largest } = RANGES[level]!
  const common = rng.between(1, Math.floor(Math.sqrt(largest)))
  const numbers: number[] = []
  while (numbers.length < count) {
    const number = common * rng.between(1, Math.floor(largest / common))
    if (number > 1 && !numbers.includes(number)) numbers.push(number)
  }
  return { numbers }
}

const divisorOf = ({ numbers }: Numbers): number => numbers.reduce(gcdOf)

function teacher({ numbers: [first, ...others] }: Numbers): { thinking: string; answer: string } {
  let common = first!
  const lines: string[] = []
  for (const number of others) {
    lines.push(...divisionsOf(common, number))
    const found = gcdOf(common, number)
    lines.push(`The greatest common divisor of ${common} and ${number} is ${found}`)
    common = found
  }
  return { thinking: lines.join('\n'), answer: String(common) }
}

export const gcd: Procedure<Numbers> = {
  name: 'gcd',
  levels: [
    { id: '100', label: 'two numbers to 100' },
    { id: '1000', label: 'two numbers to 1,000' },
    { id: '3-numbers', label: 'three numbers to 500' },
    { id: '10000', label: 'two numbers to 10,000' },
  ],
  draw,
  identity: ({ numbers }) => numbers.toSorted((a, b) => a - b).join(),
  question: ({ numbers }) => `What is the greatest common divisor of ${numbers.slice(0, -1).join(', ')} and ${numbers.at(-1)}?`,
  answerForm: 'a whole number',
  answers: (data) => [String(divisorOf(data))],
  grader: 'integer',
  teacher,
  cluster: (data) => `divisor ${divisorOf(data)}`,
}
