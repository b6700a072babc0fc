// Arithmetic chains: a start number and a few operations one after the other. The smallest task in words; a model that writes the
// intermediate results down does better than one that answers at once, which is what a thinking budget is about.

import type { Rng } from '../numeric/rng.ts'
import type { Procedure } from './procedural.ts'

export interface Chain {
  readonly start: number
  readonly steps: readonly { readonly sign: '+' | '-' | '*'; readonly by: number }[]
}

interface Range {
  readonly steps: number
  readonly largest: number
  readonly times: boolean
}

const RANGES: Readonly<Record<string, Range>> = {
  '2': { steps: 2, largest: 9, times: false },
  '3': { steps: 3, largest: 9, times: false },
  '4': { steps: 4, largest: 20, times: false },
  '4-times': { steps: 4, largest: 20, times: true },
  '6-times': { steps: 6, largest: 50, times: true },
}

/** The values on the way, the start first. */
export function valuesOf({ start, steps }: Chain): number[] {
  const values = [start]
  for (const { sign, by } of steps) {
    const value = values.at(-1)!
    values.push(sign === '+' ? value + by : sign === '-' ? value - by : value * by)
  }
  return values
}

const WORDS = { '+': 'add', '-': 'subtract', '*': 'multiply by' } as const

function draw(level: string, rng: Rng): Chain {
  const { steps, largest, times } = RANGES[level]!
  const start = rng.between(1, largest)
  let value = start
  const list = Array.from({ length: steps }, () => {
    const sign = times && rng.chance(0.3) ? ('*' as const) : value > 1 && rng.chance(0.5) ? ('-' as const) : ('+' as const)
    const by = sign === '*' ? rng.between(2, 4) : sign === '-' ? rng.between(1, Math.min(largest, value - 1)) : rng.between(1, largest)
    value = sign === '+' ? value + by : sign === '-' ? value - by : value * by
    return { sign, by }
  })
  return { start, steps: list }
}

export const arithmetic: Procedure<Chain> = {
  name: 'arithmetic',
  levels: [
    { id: '2', label: '2 steps, numbers to 9', problems: 1746 },
    { id: '3', label: '3 steps, numbers to 9' },
    { id: '4', label: '4 steps, numbers to 20' },
    { id: '4-times', label: '4 steps, numbers to 20, with multiplication' },
    { id: '6-times', label: '6 steps, numbers to 50, with multiplication' },
  ],
  draw,
  identity: ({ start, steps }) => `${start}${steps.map(({ sign, by }) => `${sign}${by}`).join('')}`,
  question: ({ start, steps }) =>
    `Start with ${start}. ${steps.map(({ sign, by }, index) => `${index === 0 ? 'First' : 'Then'} ${WORDS[sign]} ${by}.`).join(' ')} What number do you have?`,
  answerForm: 'a whole number',
  answers: (chain) => [String(valuesOf(chain).at(-1)!)],
  grader: 'integer',
  teacher: (chain) => {
    const values = valuesOf(chain)
    return {
      thinking: chain.steps.map(({ sign, by }, index) => `${values[index]} ${sign} ${by} = ${values[index + 1]}`).join('\n'),
      answer: String(values.at(-1)!),
    }
  },
  // The operations in order, and at which of them the tens change: chains of one pattern are worked alike.
  cluster: (chain) => {
    const values = valuesOf(chain)
    return chain.steps
      .map(({ sign }, at) => `${sign}${Math.floor(values[at]! / 10) === Math.floor(values[at + 1]! / 10) ? '' : "'"}`)
      .join('')
  },
}
