// Linear equations of remainders: with a prime as the divisor there is exactly one x, found by the inverse of its factor. The hardest level
// has two unknowns and two equations, of which one unknown has to be eliminated first.

import type { Rng } from '../numeric/rng.ts'
import type { Procedure } from './procedural.ts'

/** a x + b y + c leaves `rest`; b is 0 where there is no second unknown. */
export interface Congruence {
  readonly a: number
  readonly b: number
  readonly c: number
  readonly rest: number
}

export interface Congruences {
  readonly p: number
  readonly equations: readonly Congruence[]
}

const PRIMES: Readonly<Record<string, readonly number[]>> = {
  '7': [5, 7],
  '13': [11, 13],
  '31': [17, 19, 23, 29, 31],
  '2-unknowns': [5, 7, 11],
}
const LARGEST = 20

const mod = (value: number, p: number): number => ((value % p) + p) % p

/** The number that makes 1 of a: by the extended algorithm of Euclid. */
function inverseOf(a: number, p: number): number {
  let [r, next, s, nextS] = [mod(a, p), p, 1, 0]
  while (next !== 0) {
    const q = Math.floor(r / next)
    ;[r, next, s, nextS] = [next, r - q * next, nextS, s - q * nextS]
  }
  return mod(s, p)
}

/** [a, r] with a x leaving r, the second unknown eliminated. */
function reduced({ p, equations: [one, two] }: Congruences): readonly [number, number] {
  if (two === undefined) return [mod(one!.a, p), mod(one!.rest - one!.c, p)]
  return [mod(one!.a * two.b - two.a * one!.b, p), mod((one!.rest - one!.c) * two.b - (two.rest - two.c) * one!.b, p)]
}

function solutionOf(data: Congruences): number {
  const [a, r] = reduced(data)
  return mod(r * inverseOf(a, data.p), data.p)
}

function draw(level: string, rng: Rng): Congruences {
  const p = rng.pick(PRIMES[level]!)
  const [x, y] = [rng.int(p), rng.int(p)]
  const unit = (): number => {
    const value = rng.between(2, LARGEST)
    return value % p === 0 ? unit() : value
  }
  const of = (a: number, b: number, c: number): Congruence => ({ a, b, c, rest: (a * x + b * y + c) % p })
  if (level !== '2-unknowns') return { p, equations: [of(unit(), 0, rng.between(1, LARGEST))] }
  for (;;) {
    const data = { p, equations: [of(unit(), unit(), 0), of(unit(), unit(), 0)] }
    if (reduced(data)[0] !== 0) return data
  }
}

const term = ({ a, b, c }: Congruence): string => `${a}x${b === 0 ? '' : ` + ${b}y`}${c === 0 ? '' : ` + ${c}`}`

function teacher(data: Congruences): { thinking: string; answer: string } {
  const {
    p,
    equations: [one, two],
  } = data
  const [a, r] = reduced(data)
  const lines: string[] = []
  if (two === undefined) lines.push(`${one!.a}x leaves the remainder of ${one!.rest} - ${one!.c} = ${one!.rest - one!.c}, which is ${r}`)
  else {
    lines.push(`First equation times ${two.b}: ${one!.a * two.b}x + ${one!.b * two.b}y leaves the remainder of ${one!.rest * two.b}`)
    lines.push(`Second equation times ${one!.b}: ${two.a * one!.b}x + ${two.b * one!.b}y leaves the remainder of ${two.rest * one!.b}`)
    lines.push(
      `The difference has no y: ${one!.a * two.b - two.a * one!.b}x leaves the remainder of ${one!.rest * two.b - two.rest * one!.b}, which is ${r}`,
    )
  }
  const inverse = inverseOf(a, p)
  const factor = two === undefined ? one!.a : one!.a * two.b - two.a * one!.b
  if (factor !== a) lines.push(`${factor} leaves ${a}, so ${a}x leaves ${r}`)
  lines.push(
    `${a} * ${inverse} = ${a * inverse} leaves 1, so x leaves the remainder of ${r} * ${inverse} = ${r * inverse}, which is ${mod(r * inverse, p)}`,
  )
  return { thinking: lines.join('\n'), answer: String(solutionOf(data)) }
}

export const modularEquations: Procedure<Congruences> = {
  name: 'modular-equations',
  levels: [
    { id: '7', label: 'remainders of 5 and 7' },
    { id: '13', label: 'remainders of 11 and 13' },
    { id: '31', label: 'remainders of 17 to 31' },
    { id: '2-unknowns', label: 'two equations with two unknowns, remainders of 5 to 11' },
  ],
  draw,
  identity: ({ p, equations }) => `${equations.map((each) => `${term(each).replaceAll(' ', '')}=${each.rest}`).join(';')}%${p}`,
  question: ({ p, equations }) => {
    const [first, second] = equations.map((each) => `${term(each)} leaves remainder ${each.rest}`)
    return second === undefined
      ? `When it is divided by ${p}, ${first}. Which whole number from 0 to ${p - 1} is x?`
      : `When they are divided by ${p}, ${first} and ${second}. x and y are whole numbers from 0 to ${p - 1}. Which one is x?`
  },
  answerForm: 'a whole number',
  answers: (data) => [String(solutionOf(data))],
  grader: 'integer',
  teacher,
  // The inverse that has to be found.
  cluster: (data) => `${reduced(data)[0]} mod ${data.p}`,
}
