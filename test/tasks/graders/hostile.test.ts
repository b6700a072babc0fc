// Answers made to hang, overflow or crash a grader: each is graded as data, and the next answer is graded as usual.

import { afterAll, describe, expect, test } from 'vitest'
import { GraderError, createGrader, gradeAnswer } from '../../../src-main/tasks/graders/grader.ts'
import { LimitedWorker } from '../../../src-main/tasks/graders/limitedWorker.ts'

const grader = createGrader('math')
const patterns = createGrader('regex')
afterAll(() => Promise.all([grader.close(), patterns.close()]))

const processorMs = (): number => (process.cpuUsage().user + process.cpuUsage().system) / 1000

const repeat = (text: string, times: number): string => text.repeat(times)

const HOSTILE: Record<string, string> = {
  'a tower of powers': '9^9^9^9',
  'a braced tower of powers': '9^{9^{9^{9}}}',
  'ten to the ten to the ten': '10^{10^{10}}',
  'a negative tower': '2^{-9^{9^9}}',
  'a huge factorial': '1000000000!',
  'factorials of factorials': '9!!!!',
  'a huge binomial': '\\binom{1000000000}{500000000}',
  'a huge exponent in E notation': '1e999999999',
  'fractions nested a thousand deep': repeat('\\frac{1}{', 1000) + '1' + repeat('}', 1000),
  'fractions nested forty deep': repeat('\\frac{1}{1+', 40) + 'x' + repeat('}', 40),
  'a hundred thousand open braces': repeat('{', 100_000),
  'a hundred thousand braces': repeat('{', 100_000) + '1' + repeat('}', 100_000),
  'two hundred set braces': repeat('\\{', 200) + repeat('\\}', 200),
  'a thousand parentheses': repeat('(', 1000) + '1' + repeat(')', 1000),
  'tuples in tuples': repeat('(1,', 600) + '1' + repeat(')', 600),
  'a megabyte of digits': repeat('1234567890', 100_000),
  'a megabyte of spaces': repeat(' ', 1_000_000) + '7',
  'a megabyte of boxes': repeat('\\boxed{', 150_000),
  'a megabyte of closed boxes': repeat('\\boxed{1} and ', 80_000),
  'a megabyte of stars': repeat('**', 500_000),
  'a megabyte of the word answer': repeat('answer is ', 100_000),
  'a megabyte of dollar signs': repeat('$', 1_000_000),
  'a megabyte of hash marks': repeat('####', 250_000),
  'a megabyte of newlines': repeat('\n', 1_000_000),
  'roots without an argument': repeat('\\sqrt', 400),
  'sines of sines': repeat('\\sin ', 390) + 'x',
  'minus signs': repeat('-', 1900) + '1',
  'a long product': repeat('(x+1)', 390),
  'a long sum of roots': Array.from({ length: 180 }, (_, n) => `\\sqrt{${n + 2}}`).join('+'),
  'a long list': Array.from({ length: 900 }, (_, n) => n).join(','),
  'commas only': repeat(',', 1900),
  'absolute bars': repeat('|', 1900),
  'plus-minus only': repeat('\\pm ', 400) + '1',
  'a polynomial to a huge power': '(x+1)^{100000}',
  'names of object properties': 'constructor __proto__ toString valueOf hasOwnProperty',
  'names of object properties as commands': '\\constructor{1}\\toString(2)\\hasOwnProperty',
  'unpaired surrogates': '\ud800\udfff\ud800',
  'text nested in text': repeat('\\text{', 300) + 'a' + repeat('}', 300),
  'a matrix without an end': '\\begin{pmatrix} 1 & 2',
  'matrices in matrices': repeat('\\begin{pmatrix}', 60) + '1' + repeat('\\end{pmatrix}', 60),
  'logarithms of a tower': '\\ln(\\ln(9^{9^{9^{9}}}))',
  'division by nothing': '\\frac{1}{0}',
  'zero to the zero': '0^0',
  'a root of a tower': '\\sqrt{10^{10^{10}}+1}',
}

describe('hostile answers', () => {
  test.each(Object.entries(HOSTILE))('%s is graded wrong against 7, at once or within the limit', async (name, answer) => {
    const grade = await grader.grade('7', answer)
    expect(grade.correct).toBe(name === 'a megabyte of spaces')
  })

  test.each(Object.entries(HOSTILE))('%s as the gold answer is survived, too', async (_, gold) => {
    const grade = await grader.grade(gold, '\\boxed{\\sqrt{7}}')
    expect(grade.correct).toBe(false)
  })

  test.each(Object.entries(HOSTILE))('%s costs less than a second of processor time without the worker', (_, answer) => {
    const start = processorMs()
    gradeAnswer('math', answer, `${answer}+\\sqrt{3}`)
    expect(processorMs() - start).toBeLessThan(1000)
  })

  test('a question that never ends is a timeout, and the next one is answered', async () => {
    expect(await grader.grade('9^{9^{9^{9}}}', '9^{9^{9^{10}}}')).toMatchObject({ correct: false, reason: 'timeout' })
    expect(await grader.grade('\\sqrt{8}', '2\\sqrt{2}')).toMatchObject({ correct: true })
  })

  test('a regular expression that backtracks for ever is a timeout, and the next one is answered', async () => {
    expect(await patterns.grade('^(a+)+$', `${repeat('a', 60)}b`)).toMatchObject({ correct: false, reason: 'timeout' })
    expect(await patterns.grade('^a+$', 'aaa')).toMatchObject({ correct: true, reason: 'pattern', extracted: 'aaa' })
  })

  test('a gold answer that is no regular expression is a bad pattern', async () => {
    expect(await patterns.grade('(', 'anything')).toMatchObject({ correct: false, reason: 'bad-pattern' })
  })

  test('a gold answer of another type, none, or a missing answer is graded wrong', async () => {
    for (const gold of [null, undefined, [], {} as never, Number.NaN]) expect((await grader.grade(gold, '7')).correct).toBe(false)
    for (const answer of [null, undefined, {} as never, ''])
      expect(await grader.grade('7', answer)).toMatchObject({ correct: false, extracted: null })
    expect(await grader.grade(7, 7)).toMatchObject({ correct: true })
  })

  test('the pairs waiting behind a timeout are all answered, in order of asking', async () => {
    const waiting = ['9^{9^{9^{8}}}', '2\\sqrt{2}', '\\frac{4}{\\sqrt{2}}', '3\\sqrt{2}'].map((answer) =>
      grader.grade(['\\sqrt{8}', '9^{9^{9^{7}}}'], answer),
    )
    expect((await Promise.all(waiting)).map((grade) => grade.correct)).toEqual([false, true, true, false])
  })
})

describe('a grader', () => {
  test('refuses a kind it does not know and names those it knows', () => {
    expect(() => createGrader('maths')).toThrow(GraderError)
    expect(() => createGrader('maths')).toThrow(/one of exact, integer/)
    expect(() => createGrader('constructor')).toThrow(/grader.kind/)
  })

  test('refuses options that cannot be used', () => {
    expect(() => createGrader('decimal', { tolerance: { relative: -1 } })).toThrow(/tolerance.relative/)
    expect(() => createGrader('regex', { pattern: '(' })).toThrow(/regular expression/)
    expect(() => createGrader('math', { timeLimitMs: Number.NaN })).toThrow(/timeLimitMs/)
  })

  test('takes the grader of a task beside its own', async () => {
    const upper = createGrader('upper', {
      kinds: {
        upper: {
          title: 'Upper case',
          says: 'The answer in capitals.',
          judge: (gold, answer) => ({ correct: answer === gold.toUpperCase(), extracted: answer, reason: 'text' }),
        },
      },
    })
    expect(await upper.grade('abc', 'ABC')).toEqual({ correct: true, extracted: 'ABC', reason: 'text' })
    await upper.close()
  })

  test('refuses questions after it was closed, and closing twice is harmless', async () => {
    const closed = createGrader('math')
    await closed.close()
    await closed.close()
    await expect(closed.grade('\\sqrt{8}', '2\\sqrt{2}')).rejects.toThrow('the worker is closed')
    expect((await closed.grade('1', '1')).correct).toBe(true)
  })

  test('says so when its worker cannot be started', async () => {
    const broken = new LimitedWorker(new URL('./no-such-worker.ts', import.meta.url), { timeLimitMs: 300, memoryMb: 64 })
    await expect(broken.ask({ ask: 'pattern', pattern: 'a', flags: '', text: 'a', gold: null })).rejects.toThrow(/no-such-worker/)
    await broken.close()
  })
})
