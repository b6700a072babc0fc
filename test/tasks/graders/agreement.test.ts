// The labelled pairs: how often the graders agree with the labels, false positives counted apart,
// and how many answers a second are judged without the computer algebra.

import { readFileSync } from 'node:fs'
import { afterAll, describe, expect, test } from 'vitest'
import type { CreateOptions, Grade, Grader } from '../../../src-main/tasks/graders/grader.ts'
import { createGrader, gradeAnswer } from '../../../src-main/tasks/graders/grader.ts'

type Pair = { gold: string | string[]; answer: string; correct: boolean; kind?: string; options?: CreateOptions; note: string }

const pairs: Pair[] = readFileSync(new URL('./pairs.jsonl', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as Pair)

const graders = new Map<string, Grader>()
const graderFor = ({ kind = 'math', options = {} }: Pair): Grader => {
  const key = JSON.stringify([kind, options])
  if (!graders.has(key)) graders.set(key, createGrader(kind, options))
  return graders.get(key)!
}
afterAll(async () => {
  await Promise.all([...graders.values()].map((grader) => grader.close()))
})

const describePair = ({ gold, answer, note }: Pair, grade: Grade): string =>
  `${JSON.stringify(gold)} against ${JSON.stringify(answer)} (${note}): ${grade.reason}`

describe('the labelled pairs', () => {
  test('there are at least 400, about half of them wrong answers, and no pair twice', () => {
    const right = pairs.filter((pair) => pair.correct).length
    expect(pairs.length).toBeGreaterThanOrEqual(400)
    expect(right / pairs.length).toBeGreaterThan(0.4)
    expect(right / pairs.length).toBeLessThan(0.6)
    expect(new Set(pairs.map(({ gold, answer, kind, options }) => JSON.stringify([gold, answer, kind, options]))).size).toBe(pairs.length)
  })

  test('no wrong answer passes and at least 97 % of the right ones do', async () => {
    const falsePositives: string[] = []
    const misses: string[] = []
    for (const pair of pairs) {
      const grade = await graderFor(pair).grade(pair.gold, pair.answer)
      if (grade.correct && !pair.correct) falsePositives.push(describePair(pair, grade))
      if (!grade.correct && pair.correct) misses.push(describePair(pair, grade))
    }
    const right = pairs.filter((pair) => pair.correct).length
    const recall = 1 - misses.length / right
    console.log(
      `${pairs.length} pairs: ${falsePositives.length} false positives, recall ${(100 * recall).toFixed(2)} % (${misses.length} of ${right} missed)`,
    )
    if (misses.length > 0) console.log(misses.join('\n'))
    expect(falsePositives).toEqual([])
    expect(recall).toBeGreaterThanOrEqual(0.97)
  })

  test('without the computer algebra at least 2,000 answers are judged per second of processor time', () => {
    const plain = pairs.filter((pair) => (pair.kind ?? 'math') === 'math' && pair.options === undefined)
    const judgeAll = (): number => plain.filter((pair) => gradeAnswer('math', pair.gold, pair.answer).correct).length
    const processorMs = (): number => (process.cpuUsage().user + process.cpuUsage().system) / 1000
    judgeAll()
    const start = processorMs()
    let judged = 0
    while (processorMs() - start < 300) {
      judgeAll()
      judged += plain.length
    }
    const rate = (judged / (processorMs() - start)) * 1000
    console.log(`${Math.round(rate)} answers per second of processor time without the computer algebra`)
    expect(rate).toBeGreaterThanOrEqual(2000)
  })

  test('what is decided at once agrees with what the full grader decides', async () => {
    for (const pair of pairs.filter((each) => (each.kind ?? 'math') === 'math')) {
      const now = gradeAnswer('math', pair.gold, pair.answer, pair.options)
      if (now.reason === 'undecided') continue
      expect((await graderFor(pair).grade(pair.gold, pair.answer)).correct, describePair(pair, now)).toBe(now.correct)
    }
  })
})
