// Properties that hold for every answer, on generated expressions, mutated labelled pairs and noise.

import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { gradeAnswer, graderKinds } from '../../../src-main/tasks/graders/grader.ts'
import type { GraderName } from '../../../src-main/tasks/graders/grader.ts'

const kinds = Object.keys(graderKinds) as GraderName[]
const pairs = readFileSync(new URL('./pairs.jsonl', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as { gold: string | string[]; answer: string; kind?: string })
const written = [...new Set(pairs.filter((pair) => (pair.kind ?? 'math') === 'math').flatMap((pair) => [pair.gold, pair.answer].flat()))]

/** Bare answers: no completions, whose answer is only a part of them. */
const bare = written.filter(
  (text) => text.trim() !== '' && text.length < 100 && !/answer|####|boxed|think|\*\*|[a-z]{3}.*\.$|\?$|\n/i.test(text),
)

const processorMs = (): number => (process.cpuUsage().user + process.cpuUsage().system) / 1000

const isCorrect = (gold: string, answer: string): boolean => gradeAnswer('math', gold, answer).correct

/** LaTeX of random expressions: numbers, letters, sums, products, fractions, powers, roots. */
const latex = fc.letrec<{ tree: string; leaf: string }>((tie) => ({
  leaf: fc.oneof(fc.integer({ min: 0, max: 99 }).map(String), fc.constantFrom('x', 'y', 'n', '\\pi', '\\sqrt{2}', '\\alpha', 'a_{1}')),
  tree: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    tie('leaf'),
    fc.tuple(tie('tree'), tie('tree')).map(([a, b]) => `${a} + ${b}`),
    fc.tuple(tie('tree'), tie('tree')).map(([a, b]) => `(${a}) \\cdot (${b})`),
    fc.tuple(tie('tree'), tie('tree')).map(([a, b]) => `\\frac{${a}}{${b}}`),
    fc.tuple(tie('tree'), fc.integer({ min: 2, max: 5 })).map(([a, n]) => `\\left(${a}\\right)^{${n}}`),
    tie('tree').map((a) => `\\sqrt{${a}}`),
    tie('tree').map((a) => `-\\left(${a}\\right)`),
  ),
})).tree

const answers = fc.oneof(
  latex,
  fc.array(latex, { minLength: 2, maxLength: 3 }).map((items) => `\\left(${items.join(', ')}\\right)`),
  fc.array(latex, { minLength: 2, maxLength: 3 }).map((items) => `\\{${items.join(', ')}\\}`),
  fc
    .tuple(fc.integer({ min: -50, max: 0 }), fc.integer({ min: 1, max: 50 }), fc.constantFrom('[', '('), fc.constantFrom(']', ')'))
    .map(([a, b, open, close]) => `${open}${a}, ${b}${close}`),
  fc.tuple(fc.integer(), fc.constantFrom('\\%', '\\text{ cm}', '^\\circ', ' apples', '')).map(([n, unit]) => `${n}${unit}`),
)

describe('every answer', () => {
  test('is correct against itself, however long the expression', () => {
    fc.assert(
      fc.property(answers, (answer) => isCorrect(answer, `\\boxed{${answer}}`)),
      { numRuns: 1000 },
    )
    for (const answer of bare) expect(isCorrect(answer, `\\boxed{${answer}}`), answer).toBe(true)
  })

  test('is graded alike in both directions', () => {
    fc.assert(
      fc.property(answers, answers, (a, b) => isCorrect(`\\boxed{${a}}`, `\\boxed{${b}}`) === isCorrect(`\\boxed{${b}}`, `\\boxed{${a}}`)),
      { numRuns: 500 },
    )
    const sample = fc.constantFrom(...bare)
    fc.assert(
      fc.property(sample, sample, (a, b) => isCorrect(`\\boxed{${a}}`, `\\boxed{${b}}`) === isCorrect(`\\boxed{${b}}`, `\\boxed{${a}}`)),
      { numRuns: 1500 },
    )
  })

  test('gets a grade with a reason under every kind, whatever the characters', () => {
    const piece = fc.oneof(
      fc.string(),
      fc.string({ unit: 'binary' }),
      fc.constantFrom(
        '\\frac',
        '{',
        '}',
        '\\boxed{',
        '\\left(',
        '$',
        '^',
        '_',
        '\\sqrt[',
        '\\text{',
        '####',
        'answer is',
        '**',
        '|',
        '\\pm',
        ',',
        ';',
        '\\begin{pmatrix}',
        '&',
        '\\\\',
        '\\end{pmatrix}',
        'constructor',
        '__proto__',
        '%',
        '\u0000',
        '９',
      ),
    )
    const noise = fc.array(piece, { maxLength: 12 }).map((parts) => parts.join(''))
    fc.assert(
      fc.property(fc.constantFrom(...kinds), noise, noise, (kind, gold, answer) => {
        const grade = gradeAnswer(kind, gold, answer)
        return (
          typeof grade.correct === 'boolean' &&
          typeof grade.reason === 'string' &&
          (grade.extracted === null || typeof grade.extracted === 'string')
        )
      }),
      { numRuns: 1500 },
    )
  })

  test('mutated in one place gets a grade within half a second of processor time', () => {
    const mutation = fc.record({
      text: fc.constantFrom(...written),
      other: fc.constantFrom(...written),
      at: fc.nat(60),
      cut: fc.nat(4),
      insert: fc.constantFrom('', '-', '{', '}', '(', ')', '\\', '^', ',', '0', 'x', '\\frac', '|', '=', '<', '\\pm ', '$'),
    })
    let slowest = 0
    fc.assert(
      fc.property(mutation, ({ text, other, at, cut, insert }) => {
        const place = at % (text.length + 1)
        const mutated = text.slice(0, place) + insert + text.slice(place + cut)
        const start = processorMs()
        const grade = gradeAnswer('math', other, mutated)
        slowest = Math.max(slowest, processorMs() - start)
        return typeof grade.correct === 'boolean'
      }),
      { numRuns: 3000 },
    )
    expect(slowest).toBeLessThan(500)
  })
})

describe('generated numbers', () => {
  const whole = fc.integer({ min: -1_000_000, max: 1_000_000 })
  const spellings = (n: number): string[] => [
    String(n),
    n.toLocaleString('en-US'),
    `${n}.0`,
    `$${n}$`,
    `\\boxed{${n}}`,
    `x = ${n}`,
    `\\frac{${2 * n}}{2}`,
    `${n}\\text{ units}`,
  ]

  test('a whole number equals all its spellings and no spelling of its neighbours', () => {
    fc.assert(
      fc.property(whole, fc.integer({ min: 1, max: 1000 }), (n, gap) => {
        for (const spelling of spellings(n)) expect(isCorrect(String(n), spelling), spelling).toBe(true)
        for (const spelling of spellings(n + gap)) expect(isCorrect(String(n), spelling), spelling).toBe(false)
      }),
      { numRuns: 300 },
    )
  })

  test('a fraction equals its multiples, its negative spelling, and no rounded decimal', () => {
    const part = fc.integer({ min: 1, max: 400 })
    fc.assert(
      fc.property(part, part, fc.integer({ min: 2, max: 9 }), (p, q, k) => {
        expect(isCorrect(`\\frac{${p}}{${q}}`, `${p * k}/${q * k}`)).toBe(true)
        expect(isCorrect(`-\\frac{${p}}{${q}}`, `\\frac{${p}}{-${q}}`)).toBe(true)
        expect(isCorrect(`\\frac{${p}}{${q}}`, `\\frac{${p + 1}}{${q}}`)).toBe(false)
        const rounded = (p / q).toFixed(6)
        expect(isCorrect(`\\frac{${p}}{${q}}`, rounded)).toBe((p * 1_000_000) % q === 0)
      }),
      { numRuns: 500 },
    )
  })

  test('a polynomial equals its terms in any order and its product form, and no polynomial with one coefficient changed', () => {
    const coefficient = fc.integer({ min: 1, max: 30 })
    fc.assert(
      fc.property(coefficient, coefficient, coefficient, (a, b, c) => {
        const gold = `${a}x^2 + ${b}x - ${c}`
        expect(isCorrect(gold, `-${c} + ${b}x + ${a}x^{2}`)).toBe(true)
        expect(isCorrect(gold, `x(${a}x + ${b}) - ${c}`)).toBe(true)
        expect(isCorrect(gold, `${a}x^2 + ${b + 1}x - ${c}`)).toBe(false)
        expect(isCorrect(gold, `${a}x^2 + ${b}x + ${c}`)).toBe(false)
      }),
      { numRuns: 300 },
    )
  })

  test('a list of numbers is the same set in any order and an ordered tuple in none but its own', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: -99, max: 99 }), { minLength: 3, maxLength: 6 }), (numbers) => {
        const reversed = [...numbers].reverse()
        expect(isCorrect(numbers.join(', '), reversed.join(', '))).toBe(true)
        expect(isCorrect(`\\{${numbers.join(',')}\\}`, reversed.join(', '))).toBe(true)
        expect(isCorrect(`(${numbers.join(', ')})`, `(${reversed.join(', ')})`)).toBe(false)
        expect(isCorrect(numbers.join(', '), numbers.slice(1).join(', '))).toBe(false)
      }),
      { numRuns: 300 },
    )
  })
})
