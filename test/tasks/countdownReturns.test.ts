// Countdown as a search with returns: what the teacher shows, read here step by step as the notation says, and where its episodes begin.
import { describe, expect, it } from 'vitest'
import { createRng } from '../../src-main/numeric/rng.ts'
import { createReturns, RETURNS_FORMAT } from '../../src-main/tasks/countdownReturns.ts'
import { createCountdown } from '../../src-main/tasks/countdown.ts'
import { ascending, combine, replace } from '../../src-main/tasks/countdown/arithmetic.ts'
import { createSolver } from '../../src-main/tasks/countdown/solver.ts'
import { ARROW, textToTokens, tokensToText } from '../../src-main/tasks/countdown/vocabulary.ts'

/** The attempts of a thought, lines kept over returns: the line that each goes back to (0 for the first), its lines as numbers left, its verdict. */
function follow(numbers: readonly number[], thought: string) {
  const attempts: { back: number; states: number[][]; verdict: string }[] = []
  let states: number[][] = []
  for (const part of thought.split(/(?=-> )/)) {
    const [, back, body, verdict] = /^(?:-> (\d+) )?(.*?) (yes|no) ?$/.exec(part)!
    const line = back === undefined ? 0 : Number(back)
    states = states.slice(0, Math.max(0, line - 1))
    for (const step of body!.split(' , ')) {
      const [x, sign, y, , z] = step.split(' ')
      const [operator] = textToTokens(sign!)!
      expect(combine(Number(x), operator!, Number(y))).toBe(Number(z))
      const rest: number[] | null = replace(states.at(-1) ?? ascending(numbers), Number(x), Number(y), Number(z))
      expect(rest).not.toBeNull()
      states.push(rest!)
    }
    attempts.push({ back: line, states: [...states], verdict: verdict! })
  }
  return attempts
}

const traces = (level: string, pairs: 'shared' | 'beginning', count: number) => {
  const task = createReturns(level, pairs)
  return task
    .problems('imitation', count, 3)
    .map((problem, index) => ({ task, problem, trace: task.teacherTrace(problem, createRng(9, index))! }))
}

describe('a demonstration with returns', () => {
  it.each(['3', '4'])(
    'at level %s goes back to the line at which the target was lost, keeps those before it, and says so truly',
    (level) => {
      for (const { task, problem, trace } of traces(level, 'shared', 120)) {
        expect(task.grade(problem, trace.completion).correct).toBe(true)
        const end = trace.boundaries.at(-1)!
        if (end === 0) continue
        const { numbers, target } = problem.data
        const solver = createSolver(target)
        const attempts = follow(numbers, tokensToText(trace.completion.slice(0, end)))
        attempts.forEach(({ states, verdict, back }, index) => {
          expect(states.at(-1)).toHaveLength(1)
          expect(verdict).toBe(states.at(-1)![0] === target ? 'yes' : 'no')
          if (index === 0) return
          const failed = attempts[index - 1]!.states
          // Before the line there was still a way, after it there was none: it is the first that was wrong.
          if (back > 1) expect(solver.count(failed[back - 2]!)).toBeGreaterThan(0)
          expect(solver.count(failed[back - 1]!)).toBe(0)
          expect(states.slice(0, back - 1)).toEqual(failed.slice(0, back - 1))
        })
        expect(attempts.slice(0, -1).every(({ verdict }) => verdict === 'no')).toBe(true)
      }
    },
  )

  it('of pairs that share nothing always goes back to the first line', () => {
    const lines = (pairs: 'shared' | 'beginning') =>
      new Set(
        traces('3', pairs, 120).flatMap(({ trace: { completion } }) =>
          completion.flatMap((token, at) => (token === ARROW ? [tokensToText([completion[at + 1]!])] : [])),
        ),
      )
    expect(lines('beginning')).toEqual(new Set(['1']))
    expect(lines('shared')).toEqual(new Set(['1', '2']))
  })

  it('teaches what follows a first failure and nothing before it, and is cut into episodes at its returns', () => {
    const some = traces('3', 'shared', 120)
    for (const { trace } of some) {
      const read = RETURNS_FORMAT.read(trace.completion)
      expect(read.boundaries).toEqual(trace.boundaries)
      const first = trace.completion.indexOf(ARROW)
      if (trace.end === 'finished' && first > 0)
        expect(trace.forced).toEqual(Array.from({ length: Math.max(0, first) }, (_, offset) => offset))
    }
    expect(some.filter(({ trace }) => trace.boundaries.length > 2).length).toBeGreaterThan(40)
    expect(some.filter(({ trace }) => trace.end === 'stopped').length).toBeGreaterThan(15)
  })

  it('asks and grades the very problems of Countdown', () => {
    const [own, plain] = [createReturns('3', 'shared'), createCountdown()]
    expect(own.problems('heldout', 20, 5)).toEqual(plain.problems('heldout', 20, 5))
    expect(own.name).not.toBe(plain.name)
  })
})
