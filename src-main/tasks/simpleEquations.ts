// Equations with one unknown of which there is one whole solution. Called `simple_equations` in reasoning-gym.

import type { Rng } from '../numeric/rng.ts'
import type { Procedure } from './procedural.ts'

/** factor * (x + inner) + plus = right * x + constant. */
export interface Equation {
  readonly factor: number
  readonly inner: number
  readonly plus: number
  readonly right: number
  readonly constant: number
}

const solutionOf = ({ factor, inner, plus, right, constant }: Equation): number => (constant - plus - factor * inner) / (factor - right)

const signed = (value: number): string => (value === 0 ? '' : value < 0 ? ` - ${-value}` : ` + ${value}`)
const times = (factor: number, what: string): string => (factor === 1 ? what : `${factor}${what}`)

const written = ({ factor, inner, plus, right, constant }: Equation): string =>
  `${inner === 0 ? times(factor, 'x') : `${factor}(x${signed(inner)})`}${signed(plus)} = ${right === 0 ? String(constant) : `${times(right, 'x')}${signed(constant)}`}`

const some = (largest: number, rng: Rng): number => rng.between(1, largest) * (rng.chance(0.5) ? 1 : -1)

function draw(level: string, rng: Rng): Equation {
  const x = rng.between(1, level === 'one-step' ? 40 : 20)
  const of = (factor: number, inner: number, plus: number, right: number): Equation => ({
    factor,
    inner,
    plus,
    right,
    constant: factor * (x + inner) + plus - right * x,
  })
  switch (level) {
    case 'one-step':
      return rng.chance(0.3) ? of(rng.between(2, 9), 0, 0, 0) : of(1, 0, some(40, rng), 0)
    case 'two-step':
      return of(rng.between(2, 9), 0, some(30, rng), 0)
    default: {
      const factor = rng.between(3, 9)
      return of(factor, level === 'brackets' ? some(9, rng) : 0, some(30, rng), rng.between(1, factor - 1))
    }
  }
}

function teacher(equation: Equation): { thinking: string; answer: string } {
  const { factor, inner, plus, right, constant } = equation
  const lines: string[] = []
  let [left, add] = [factor, plus]
  if (inner !== 0) {
    add = plus + factor * inner
    lines.push(
      `Without brackets: ${times(factor, 'x')}${signed(factor * inner)}${signed(plus)} = ${times(factor, 'x')}${signed(add)}, so ${times(factor, 'x')}${signed(add)} = ${times(right, 'x')}${signed(constant)}`,
    )
  }
  if (right !== 0) {
    left = factor - right
    lines.push(`Take ${times(right, 'x')} from both sides: ${times(left, 'x')}${signed(add)} = ${constant}`)
  }
  if (add !== 0)
    lines.push(
      `${add > 0 ? 'Take' : 'Add'} ${Math.abs(add)} ${add > 0 ? 'from' : 'to'} both sides: ${times(left, 'x')} = ${constant} ${add > 0 ? '-' : '+'} ${Math.abs(add)} = ${constant - add}`,
    )
  if (left !== 1) lines.push(`Divide by ${left}: x = ${constant - add} / ${left} = ${(constant - add) / left}`)
  return { thinking: lines.join('\n'), answer: String(solutionOf(equation)) }
}

export const simpleEquations: Procedure<Equation> = {
  name: 'simple-equations',
  levels: [
    { id: 'one-step', label: 'one step: x + 4 = 9, or 3x = 12' },
    { id: 'two-step', label: 'two steps: 3x + 4 = 19' },
    { id: 'both-sides', label: 'x on both sides: 5x - 4 = 2x + 11' },
    { id: 'brackets', label: 'x on both sides and in brackets: 5(x + 2) - 4 = 2x + 21' },
  ],
  draw,
  identity: (equation) => written(equation).replaceAll(' ', ''),
  question: (equation) => `Which number is x if ${written(equation)}?`,
  answerForm: 'a whole number',
  answers: (equation) => [String(solutionOf(equation))],
  grader: 'integer',
  teacher,
  // By the coefficients of x and the sign of what is added: the same steps in the same order.
  cluster: ({ factor, inner, plus, right }) =>
    `${factor}x${inner === 0 ? '' : ' in brackets'}${plus < 0 ? ' minus' : plus > 0 ? ' plus' : ''}${right === 0 ? (factor === 1 ? ` ${Math.abs(plus) % 10}` : '') : `, ${right}x`}`,
}
