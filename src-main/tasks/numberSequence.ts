// The next number of a sequence. Only sequences are asked of which every rule known here that fits them goes on with the same number.
// Called `number_sequence` in reasoning-gym.

import type { Rng } from '../numeric/rng.ts'
import type { Procedure } from './procedural.ts'

export type SequenceRule = 'step' | 'factor' | 'alternating' | 'growing' | 'sum'

export interface Sequence {
  readonly rule: SequenceRule
  readonly terms: readonly number[]
}

const RULES: Readonly<Record<string, readonly SequenceRule[]>> = {
  step: ['step'],
  factor: ['factor'],
  alternating: ['alternating', 'growing'],
  mixed: ['factor', 'alternating', 'growing', 'sum'],
}
const SHOWN = 6
const LARGEST = 100_000

const differences = (terms: readonly number[]): number[] => terms.slice(1).map((term, at) => term - terms[at]!)
const allSame = (values: readonly number[]): boolean => values.every((value) => value === values[0])

/** The factor and the addition of a rule "times factor, plus addition", or null. */
function lineOf(terms: readonly number[]): readonly [factor: number, plus: number] | null {
  const [d, e] = differences(terms)
  if (d === 0 || e! % d! !== 0) return null
  const factor = e! / d!
  const plus = terms[1]! - factor * terms[0]!
  return terms.slice(1).every((term, at) => term === factor * terms[at]! + plus) ? [factor, plus] : null
}

/** What each rule goes on with, null where the sequence does not follow it. */
const NEXT: Readonly<Record<SequenceRule, (terms: readonly number[]) => number | null>> = {
  step: (terms) => (allSame(differences(terms)) ? terms.at(-1)! + differences(terms)[0]! : null),
  factor: (terms) => {
    const line = lineOf(terms)
    return line === null ? null : line[0] * terms.at(-1)! + line[1]
  },
  alternating: (terms) => {
    const d = differences(terms)
    return d.every((each, at) => each === d[at % 2]) ? terms.at(-1)! + d[d.length % 2]! : null
  },
  growing: (terms) => {
    const d = differences(terms)
    const growth = differences(d)
    return allSame(growth) ? terms.at(-1)! + d.at(-1)! + growth[0]! : null
  },
  sum: (terms) => (terms.slice(2).every((term, at) => term === terms[at]! + terms[at + 1]!) ? terms.at(-1)! + terms.at(-2)! : null),
}

const nextOf = ({ rule, terms }: Sequence): number => NEXT[rule](terms)!

const some = (largest: number, rng: Rng): number => rng.between(1, largest) * (rng.chance(0.5) ? 1 : -1)

function termsOf(rule: SequenceRule, rng: Rng): number[] {
  const grown = (start: readonly number[], next: (terms: readonly number[]) => number): number[] => {
    const terms = [...start]
    while (terms.length < SHOWN) terms.push(next(terms))
    return terms
  }
  const start = rng.between(1, 60)
  switch (rule) {
    case 'step': {
      const [first, step] = [rng.between(1, 100), some(15, rng)]
      return grown([step < 0 ? first + 90 : first], (terms) => terms.at(-1)! + step)
    }
    case 'factor': {
      const [factor, plus] = [rng.between(2, 4), rng.between(-9, 9)]
      return grown([rng.between(1, 60)], (terms) => factor * terms.at(-1)! + plus)
    }
    case 'alternating': {
      const steps = [some(15, rng), some(15, rng)]
      return grown([start + 60], (terms) => terms.at(-1)! + steps[(terms.length - 1) % 2]!)
    }
    case 'growing': {
      const [first, growth] = [rng.between(1, 12), rng.between(1, 9)]
      return grown([start], (terms) => terms.at(-1)! + first + growth * (terms.length - 1))
    }
    case 'sum':
      return grown([rng.between(1, 30), rng.between(1, 30)], (terms) => terms.at(-1)! + terms.at(-2)!)
  }
}

function draw(level: string, rng: Rng): Sequence {
  for (;;) {
    const rule = rng.pick(RULES[level]!)
    const terms = termsOf(rule, rng)
    if (terms.some((term) => Math.abs(term) > LARGEST) || (rule !== 'step' && allSame(differences(terms)))) continue
    const ways = new Set(
      Object.values(NEXT)
        .map((next) => next(terms))
        .filter((next) => next !== null),
    )
    if (ways.size === 1) return { rule, terms }
  }
}

/** What decides how the sequence goes on. */
function signOf({ rule, terms }: Sequence): string {
  const d = differences(terms)
  const signed = (value: number): string => (value < 0 ? String(value) : `+${value}`)
  switch (rule) {
    case 'step':
      return signed(d[0]!)
    case 'factor':
      return `times ${lineOf(terms)![0]}, ${signed(lineOf(terms)![1])}`
    case 'alternating':
      return `${signed(d[0]!)}, ${signed(d[1]!)} in turn`
    case 'growing':
      return `steps grow by ${d[1]! - d[0]!}`
    case 'sum':
      return 'sum of the last two'
  }
}

function teacher(sequence: Sequence): { thinking: string; answer: string } {
  const { rule, terms } = sequence
  const [last, next] = [terms.at(-1)!, nextOf(sequence)]
  const d = differences(terms)
  const steps = d.map((step, at) => `${terms[at + 1]} - ${terms[at]} = ${step}`.replace('- -', '+ '))
  const how = ((): string[] => {
    switch (rule) {
      case 'factor': {
        const [factor, plus] = lineOf(terms)!
        return [
          `Each step is ${factor} times the one before, so a number is multiplied by ${factor} and then ${plus < 0 ? `${-plus} is taken away` : `${plus} is added`}.`,
          `${factor} * ${last} ${plus < 0 ? '-' : '+'} ${Math.abs(plus)} = ${next}`,
        ]
      }
      case 'sum':
        return ['Each number is the sum of the two before it.', `${terms.at(-2)} + ${last} = ${next}`]
      case 'step':
        return [`The step is always ${d[0]}.`, `${last} + ${d[0]} = ${next}`.replace('+ -', '- ')]
      case 'alternating':
        return [
          `The steps ${d[0]} and ${d[1]} take turns; next is ${next - last}.`,
          `${last} + ${next - last} = ${next}`.replace('+ -', '- '),
        ]
      case 'growing':
        return [`The steps grow by ${d[1]! - d[0]!}; next is ${next - last}.`, `${last} + ${next - last} = ${next}`.replace('+ -', '- ')]
    }
  })()
  return { thinking: [...steps, ...how].join('\n'), answer: String(next) }
}

export const numberSequence: Procedure<Sequence> = {
  name: 'number-sequence',
  levels: [
    { id: 'step', label: 'the same step each time' },
    { id: 'factor', label: 'multiplied by the same factor, then a number added' },
    { id: 'alternating', label: 'two steps in turn, or steps that grow' },
    { id: 'mixed', label: 'factors, alternating and growing steps, sums of the last two' },
  ],
  draw,
  identity: ({ terms }) => terms.join(),
  question: ({ terms }) => `The numbers ${terms.join(', ')} follow a rule. Which number comes next?`,
  answerForm: 'a whole number',
  answers: (data) => [String(nextOf(data))],
  grader: 'integer',
  teacher,
  cluster: signOf,
}
