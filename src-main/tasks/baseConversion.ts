// The same number in another base. Called `base_conversion` in reasoning-gym.

import type { Rng } from '../numeric/rng.ts'
import type { Procedure } from './procedural.ts'
import { gradeItems } from './written.ts'

export interface Conversion {
  readonly value: number
  readonly from: number
  readonly to: number
}

interface Range {
  readonly largest: number
  /** Bases beside ten. */
  readonly bases: readonly number[]
  /** Whether one of the two is ten. */
  readonly ten: boolean
}

const to = (highest: number): number[] => Array.from({ length: highest - 1 }, (_, i) => i + 2)
const RANGES: Readonly<Record<string, Range>> = {
  '63': { largest: 63, bases: to(9), ten: true },
  '500': { largest: 500, bases: to(9), ten: true },
  '4000': { largest: 4000, bases: [2, 8, 16], ten: true },
  any: { largest: 2000, bases: to(16), ten: false },
}

/** Numbers of two digits at least in both bases, so that something has to be worked. */
function draw(level: string, rng: Rng): Conversion {
  const { largest, bases, ten } = RANGES[level]!
  const base = rng.pick(bases)
  const other = ten ? 10 : rng.pick(bases.filter((each) => each !== base))
  const [from, into] = rng.chance(0.5) ? [base, other] : [other, base]
  return { value: rng.between(Math.max(from, into), largest), from, to: into }
}

const digitOf = (digit: string): number => parseInt(digit, 36)

function teacher({ value, from, to: into }: Conversion): { thinking: string; answer: string } {
  const lines: string[] = []
  const digits = [...value.toString(from)]
  if (from !== 10) {
    const parts = digits.map((digit, at) => ({ digit: digitOf(digit), place: from ** (digits.length - 1 - at) }))
    lines.push(
      `${parts.map(({ digit, place }) => `${digit} * ${place}`).join(' + ')} = ${parts.map(({ digit, place }) => digit * place).join(' + ')} = ${value}`,
    )
  }
  if (into !== 10)
    for (let left = value; left > 0; left = Math.floor(left / into))
      lines.push(
        `${left} = ${Math.floor(left / into)} * ${into} + ${left % into}${left % into > 9 ? `, and ${left % into} is written ${(left % into).toString(into)}` : ''}`,
      )
  return { thinking: lines.join('\n'), answer: value.toString(into) }
}

export const baseConversion: Procedure<Conversion> = {
  name: 'base-conversion',
  levels: [
    { id: '63', label: 'to or from base ten, numbers to 63, bases to 9', problems: 864 },
    { id: '500', label: 'to or from base ten, numbers to 500, bases to 9' },
    { id: '4000', label: 'to or from base ten, numbers to 4,000, bases 2, 8 and 16' },
    { id: 'any', label: 'from any base to any other, 2 to 16, numbers to 2,000' },
  ],
  draw,
  identity: ({ value, from, to: into }) => `${value.toString(from)}:${from}>${into}`,
  question: ({ value, from, to: into }) =>
    `The number ${value.toString(from)} is written in base ${from}. How is it written in base ${into}?${Math.max(from, into) > 10 ? ' Digits above 9 are the letters a, b, c and so on.' : ''}`,
  answerForm: 'its digits alone',
  answers: ({ value, to: into }) => [...new Set([value.toString(into), value.toString(into).toUpperCase()])],
  grader: 'exact',
  grade: ({ value, to: into }, answer) => gradeItems([value.toString(into)], answer),
  teacher,
  cluster: ({ from, to: into }) => `base ${from} to ${into}`,
}
