// Problems from a seed, the three splits, the difficulty dial, the wasteful teacher, and the reading of traces.
import { describe, expect, it } from 'vitest'
import { createRng } from '../../src-main/numeric/rng.ts'
import { countdownLevel, createCountdown } from '../../src-main/tasks/countdown.ts'
import { ascending, movesFrom, replace } from '../../src-main/tasks/countdown/arithmetic.ts'
import {
  DEFAULT_COUNTDOWN,
  isReachable,
  isUnseenTarget,
  resultsOf,
  splitOf,
  targetsOf,
  toProblem,
} from '../../src-main/tasks/countdown/generator.ts'
import type { TeacherOptions } from '../../src-main/tasks/countdown/teacher.ts'
import { parseTrace } from './readTrace.ts'
import { textToTokens } from '../../src-main/tasks/countdown/vocabulary.ts'
import { TaskError, type Split } from '../../src-main/tasks/types.ts'

/** The splits that share their targets and differ in their numbers. */
const BY_NUMBERS: Split[] = ['imitation', 'train', 'validation', 'heldout']
const SPLITS: Split[] = [...BY_NUMBERS, 'heldout-targets']
const task = createCountdown()

describe('Countdown problems', () => {
  it('are the same for the same seed and others for another', () => {
    expect(task.problems('train', 20, 1)).toEqual(task.problems('train', 20, 1))
    expect(task.problems('train', 20, 1)).not.toEqual(task.problems('train', 20, 2))
    expect(task.problems('train', 50, 1).slice(0, 20)).toEqual(task.problems('train', 20, 1))
  })

  it('are solvable, within the ranges, and written into the prompt in the order given', () => {
    for (const counts of [[3], [4], [5], [3, 4]]) {
      const mixed = createCountdown({ counts })
      for (const problem of mixed.problems('train', 60, 3)) {
        const { numbers, target } = problem.data
        expect(counts).toContain(numbers.length)
        expect(Math.min(...numbers)).toBeGreaterThanOrEqual(1)
        expect(Math.max(...numbers)).toBeLessThanOrEqual(25)
        expect(target).toBeGreaterThanOrEqual(10)
        expect(target).toBeLessThanOrEqual(99)
        expect(mixed.answerTrie(problem)!.strings).toBeGreaterThan(0)
        expect(problem.promptText).toBe(`<bos> ${numbers.join(' ')} -> ${target} <think>`)
        expect(textToTokens(problem.promptText)).toEqual(problem.promptTokens)
      }
    }
  })

  it('never repeat within a request, and come with numbers in no particular order', () => {
    const problems = task.problems('train', 2000, 4)
    expect(new Set(problems.map((p) => p.id)).size).toBe(2000)
    const ascending = problems.filter(
      ({
        data: {
          numbers: [a, b, c],
        },
      }) => a < b && b < c,
    ).length
    expect(ascending / 2000).toBeGreaterThan(0.1)
    expect(ascending / 2000).toBeLessThan(0.22)
  })

  it('can be reached exactly where listing all results says so', () => {
    const rng = createRng(9)
    for (let i = 0; i < 20; i++) {
      const state = ascending([rng.between(1, 25), rng.between(1, 25), rng.between(1, 25)])
      const results = resultsOf(state)
      for (let target = 1; target <= 100; target++) expect(isReachable(state, target)).toBe(results.has(target))
    }
  })

  it('share an id exactly when they differ in order only', () => {
    expect(toProblem({ numbers: [5, 4, 15], target: 79 }).id).toBe(toProblem({ numbers: [15, 5, 4], target: 79 }).id)
    expect(toProblem({ numbers: [5, 4, 15], target: 79 }).id).not.toBe(toProblem({ numbers: [5, 4, 15], target: 78 }).id)
  })

  it('ask the same 81 targets in every split by numbers, and nine that no other split asks in the second held-out one', () => {
    const asked = SPLITS.map((split) => targetsOf(DEFAULT_COUNTDOWN, split))
    for (const targets of asked.slice(0, BY_NUMBERS.length)) expect(targets).toEqual(asked[0])
    expect([asked[0]!.length, asked.at(-1)!.length]).toEqual([81, 9])
    expect(new Set([...asked[0]!, ...asked.at(-1)!]).size).toBe(90)
    expect(new Set(asked.at(-1)!.map((target) => Math.floor(target / 10))).size).toBe(9)
    for (const split of SPLITS) {
      const allowed = new Set(targetsOf(DEFAULT_COUNTDOWN, split))
      for (const problem of task.problems(split, 200, 5)) expect(allowed).toContain(problem.data.target)
    }
    // No handful of targets carries the held-out figure: the commonest three together stay under 15 %.
    const counts = new Map<number, number>()
    for (const {
      data: { target },
    } of task.problems('heldout', 512, 5))
      counts.set(target, (counts.get(target) ?? 0) + 1)
    expect(counts.size).toBeGreaterThan(70)
    expect(
      [...counts.values()]
        .sort((a, b) => b - a)
        .slice(0, 3)
        .reduce((sum, n) => sum + n, 0),
    ).toBeLessThan(0.15 * 512)
  })

  it('never ask the same numbers in two of the splits by numbers, in whatever order they are written', () => {
    const owners = new Map<string, Split>()
    for (const split of BY_NUMBERS) {
      for (const { data } of task.problems(split, 400, 5)) {
        const key = ascending(data.numbers).join()
        expect(owners.get(key) ?? split).toBe(split)
        owners.set(key, split)
        expect(splitOf({ ...data, numbers: [...data.numbers].reverse() }, DEFAULT_COUNTDOWN.splitSeed)).toBe(split)
      }
    }
    expect(owners.size).toBeGreaterThan(800)
  })

  it('give half of the numbers to imitation, a quarter to training, 8 % to validation and 17 % to the held-out problems', () => {
    const shares = new Map<Split, number>()
    const target = targetsOf(DEFAULT_COUNTDOWN, 'train')[0]!
    for (let a = 1; a <= 25; a++)
      for (let b = a; b <= 25; b++)
        for (let c = b; c <= 25; c++) {
          const split = splitOf({ numbers: [a, b, c], target }, DEFAULT_COUNTDOWN.splitSeed)
          shares.set(split, (shares.get(split) ?? 0) + 1 / 2925)
        }
    for (const [split, share] of [
      ['imitation', 0.5],
      ['train', 0.25],
      ['validation', 0.08],
      ['heldout', 0.17],
    ] as const)
      expect(Math.abs(shares.get(split)! - share)).toBeLessThan(0.02)
  })

  it('keep a problem in its split when the number count or the range of targets changes', () => {
    const wide = { ...DEFAULT_COUNTDOWN, counts: [5], minTarget: 1, maxTarget: 200 }
    for (const split of SPLITS) {
      const narrowTargets = targetsOf(DEFAULT_COUNTDOWN, split)
      expect(targetsOf(wide, split)).toEqual(expect.arrayContaining(narrowTargets))
    }
    const moved = Array.from({ length: 90 }, (_, i) => i + 10).filter((t) => isUnseenTarget(t, 1) !== isUnseenTarget(t, 2))
    expect(moved.length).toBeGreaterThan(5)
  })

  it('run out with a sentence instead of looping', () => {
    const tiny = createCountdown({ counts: [2], minNumber: 1, maxNumber: 3, minTarget: 1, maxTarget: 9 })
    const error = (): unknown => {
      try {
        return tiny.problems('train', 1000, 1)
      } catch (thrown) {
        return thrown
      }
    }
    expect(error()).toMatchObject({ code: 'too-few-problems' })
  })

  it('refuse ranges outside the vocabulary', () => {
    for (const config of [
      { counts: [] },
      { counts: [1] },
      { counts: [7] },
      { maxTarget: 401 },
      { minNumber: 0 },
      { minTarget: 50, maxTarget: 40 },
      { minNumber: 1.5 },
    ]) {
      expect(() => createCountdown(config)).toThrow(TaskError)
    }
  })
})

describe('the difficulty dial', () => {
  it('sets how many numbers a problem has and keeps the splits', () => {
    const four = createCountdown(countdownLevel('4'))
    expect([task.level, four.level]).toEqual(['3', '4'])
    expect(four.problems('heldout', 30, 1).every((p) => p.data.numbers.length === 4)).toBe(true)
    const lengths = new Set(
      createCountdown(countdownLevel('3-4'))
        .problems('train', 60, 1)
        .map((p) => p.data.numbers.length),
    )
    expect([...lengths].sort()).toEqual([3, 4])
    for (const level of task.levels) expect(createCountdown(countdownLevel(level.id)).level).toBe(level.id)
  })

  it('bounds the accepted answers of what is reinforced and measured, and teaches imitation on problems with any number of them', () => {
    const most = (of: typeof task, split: Split): number =>
      Math.max(...of.problems(split, 200, 1).map((problem) => of.answerTrie(problem)!.strings))
    for (const split of ['train', 'validation', 'heldout', 'heldout-targets'] as const) expect(most(task, split)).toBe(4)
    expect(most(task, 'imitation')).toBeGreaterThan(4)
    expect(most(createCountdown(countdownLevel('3-easy')), 'heldout')).toBeGreaterThan(4)
  })

  it('refuses a level it does not have', () => {
    expect(() => createCountdown(countdownLevel('9'))).toThrow(/3-4/)
  })

  it('rates a problem by the share of first steps that lead nowhere', () => {
    // 7 + 7 is the only first step on {7, 7, 7} that can reach 21, out of 7+7, 7*7 and 7/7.
    expect(task.difficulty(toProblem({ numbers: [7, 7, 7], target: 21 }))).toBeCloseTo(2 / 3, 12)
    expect(task.difficulty(toProblem({ numbers: [1, 1, 1], target: 99 }))).toBe(1)
  })
})

describe('the wasteful teacher', () => {
  const problems = task.problems('imitation', 400, 6)
  const traces = (options: Partial<TeacherOptions> = {}, counts = [3]) => {
    const taught = createCountdown({ counts }, options)
    const rng = createRng(7)
    const set = counts[0] === 3 ? problems : taught.problems('imitation', 100, 6)
    return set.map((problem) => ({ problem, trace: taught.teacherTrace(problem, rng)! }))
  }

  it('repeats itself for the same seed', () => {
    expect(traces()).toEqual(traces())
  })

  it('always answers correctly, also when stopped before it found anything', () => {
    for (const counts of [[3], [4], [5]]) {
      for (const { problem, trace } of traces({}, counts)) expect(task.grade(problem, trace.completion).reason).toBe('correct')
    }
  })

  it('keeps the think block within its budget, by default 40 tokens per number', () => {
    for (const [options, counts, limit] of [
      [{}, [3], 120],
      [{}, [4], 160],
      [{}, [5], 200],
      [{ maxThinkingTokens: 50 }, [3], 50],
    ] as const) {
      const lengths = traces(options, [...counts]).map(({ trace }) => trace.completion.indexOf(4))
      expect(Math.max(...lengths)).toBeLessThanOrEqual(limit)
      expect(Math.max(...lengths)).toBeGreaterThan(limit - 30)
    }
  })

  it('writes attempts that are all sound, with true verdicts, between its boundaries', () => {
    for (const counts of [[3], [4]]) {
      for (const { problem, trace } of traces({}, counts)) {
        const parsed = parseTrace(problem.data, trace.completion, trace.boundaries)
        expect(parsed.attempts.length).toBe(trace.boundaries.length - 1)
        expect(trace.boundaries.at(-1)).toBe(parsed.thinkEnd)
        for (const attempt of parsed.attempts) {
          expect(attempt.sound).toBe(true)
          expect(attempt.verdict).toBe(attempt.solves ? 'yes' : 'no')
        }
        expect(parsed.attempts.some((attempt) => attempt.solves)).toBe(trace.solvedInThinking)
        for (const boundary of trace.boundaries.slice(1, -1)) expect(trace.completion[boundary]).toBe(5)
      }
    }
  })

  it('averages about 60 tokens and 4 to 5 attempts on 3 numbers, and finds the answer itself in most traces', () => {
    const all = traces()
    const mean = (of: (t: (typeof all)[number]) => number): number => all.reduce((s, t) => s + of(t), 0) / all.length
    expect(mean(({ trace }) => trace.completion.length)).toBeGreaterThan(55)
    expect(mean(({ trace }) => trace.completion.length)).toBeLessThan(70)
    expect(mean(({ trace }) => trace.boundaries.length - 1)).toBeGreaterThan(3.5)
    expect(mean(({ trace }) => (trace.solvedInThinking ? 1 : 0))).toBeGreaterThan(0.55)
  })

  it('stops at every boundary, the empty think block included, when told to stop early', () => {
    const stopped = traces({ stopEarly: 1 })
    expect(stopped.every(({ trace }) => trace.end === 'stopped')).toBe(true)
    expect(stopped.filter(({ trace }) => trace.completion[0] === 4).length).toBeGreaterThan(20)
    const lastOnly = traces({ stopEarly: 1, recheck: 0 })
    expect(lastOnly.filter(({ trace }) => trace.solvedInThinking).length).toBeGreaterThan(20)
  })

  it('stops in the middle of attempts when told to, and answers from whole attempts only', () => {
    const cut = traces({ stopEarly: 1, stopAnywhere: 1 })
    const verdicts = [6, 7]
    const midway = cut.filter(
      ({ trace }) => trace.boundaries.at(-1)! > 0 && !verdicts.includes(trace.completion[trace.boundaries.at(-1)! - 1]!),
    )
    expect(midway.length).toBeGreaterThan(250)
    for (const { problem, trace } of cut) {
      expect(task.grade(problem, trace.completion).correct).toBe(true)
      expect(trace.completion[trace.boundaries.at(-1)!]).toBe(4)
      expect(trace.solvedInThinking).toBe(trace.completion.slice(0, trace.boundaries.at(-1)).includes(6))
    }
  })

  it('thinks on to any length up to the limit when it persists', () => {
    const lengths = traces({ persist: 1, persistTokens: 400 }).map(({ trace }) => trace.boundaries.at(-1)!)
    expect(Math.min(...lengths)).toBeGreaterThan(100)
    expect(Math.max(...lengths)).toBeLessThanOrEqual(400)
    expect(lengths.filter((length) => length > 260).length).toBeGreaterThan(120)
  })

  it('ends long thinking in the middle of its last attempt when told to, and still answers right', () => {
    const cut = traces({ persist: 1, persistTokens: 400, cutPersisted: 1 })
    const midway = cut.filter(({ trace }) => ![6, 7].includes(trace.completion[trace.boundaries.at(-1)! - 1]!))
    expect(midway.length).toBeGreaterThan(250)
    for (const { problem, trace } of cut) {
      expect(task.grade(problem, trace.completion).correct).toBe(true)
      expect(trace.boundaries.at(-1)! - trace.boundaries.at(-2)!).toBeLessThanOrEqual(13)
    }
  })

  it('marks as forced, when told to, the ends of stopped thinking and what follows a success in thinking that goes on', () => {
    expect(traces({ stopEarly: 1, persist: 0.5 }).every(({ trace }) => trace.forced.length === 0)).toBe(true)
    for (const { trace } of traces({ stopEarly: 1, stopAnywhere: 0.5, muteForced: 1 }))
      expect(trace.forced).toEqual([trace.boundaries.at(-1)])
    for (const { trace } of traces({ persist: 1, cutPersisted: 0.5, muteForced: 1 })) {
      const goesOn = trace.boundaries.slice(1, -1).filter((offset) => trace.completion[offset - 1] === 6)
      expect(trace.forced).toEqual([...goesOn, trace.boundaries.at(-1)])
    }
    expect(traces({ stopEarly: 0, muteForced: 1 }).every(({ trace }) => trace.forced.length === 0)).toBe(true)
  })

  it('ends a failing attempt at the nearest miss exactly as often as it is told to', () => {
    const misses = (options: Partial<TeacherOptions>): boolean[] =>
      traces({ stopEarly: 0, ...options }).flatMap(({ problem, trace }) =>
        parseTrace(problem.data, trace.completion, trace.boundaries)
          .attempts.filter((attempt) => !attempt.solves)
          .map((attempt) => {
            const [x, , y, , first] = attempt.steps[0].split(' ').map(Number)
            const rest = replace(ascending(problem.data.numbers), x, y, first)!
            const nearest = Math.min(...movesFrom(rest).map((move) => Math.abs(move.result - problem.data.target)))
            return Math.abs(attempt.value! - problem.data.target) === nearest
          }),
      )
    const always = misses({ nearMiss: 1 })
    expect(always.length).toBeGreaterThan(500)
    expect(always.every(Boolean)).toBe(true)
    const never = misses({ nearMiss: 0 })
    expect(never.filter(Boolean).length / never.length).toBeLessThan(0.6)
  })

  it('wastes nothing after success and repeats nothing when those habits are switched off', () => {
    for (const { problem, trace } of traces({ recheck: 0, repeatFailure: 0, stopEarly: 0 })) {
      const { attempts } = parseTrace(problem.data, trace.completion, trace.boundaries)
      expect(attempts.slice(0, -1).some((attempt) => attempt.solves)).toBe(false)
      expect(new Set(attempts.map((attempt) => attempt.steps[0])).size).toBe(attempts.length)
    }
  })

  it('re-checks success until the budget is spent when it never trusts itself', () => {
    const endless = traces({ recheck: 1, stopEarly: 0 })
    expect(endless.every(({ trace }) => trace.end === 'capped' && trace.boundaries.length === 10)).toBe(true)
  })

  it('solves 4-number problems at the first attempt that can be completed when it has full insight', () => {
    for (const { problem, trace } of traces({ insight: 1, stopEarly: 0, repeatFailure: 0, recheck: 0 }, [4])) {
      const { attempts } = parseTrace(problem.data, trace.completion, trace.boundaries)
      const failed = attempts.filter((attempt) => !attempt.solves)
      const first = new Set(failed.map((attempt) => attempt.steps[0]))
      expect(first.size).toBe(failed.length)
    }
  })
})

describe('reading a trace', () => {
  const data = { numbers: [5, 4, 15], target: 79 }
  const read = (text: string, boundaries: number[]) => parseTrace(data, textToTokens(text)!, boundaries)

  it('shows each attempt with its steps, value and verdict', () => {
    const parsed = read('5 + 4 = 9 , 15 - 9 = 6 no Wait 5 * 15 = 75 , 75 + 4 = 79 yes </think> 5 * 15 , 75 + 4 <eos>', [0, 12, 25])
    expect(parsed.attempts).toEqual([
      {
        start: 0,
        end: 12,
        text: '5 + 4 = 9 , 15 - 9 = 6 no',
        steps: ['5 + 4 = 9', '15 - 9 = 6'],
        verdict: 'no',
        value: 6,
        sound: true,
        solves: false,
      },
      {
        start: 12,
        end: 25,
        text: 'Wait 5 * 15 = 75 , 75 + 4 = 79 yes',
        steps: ['5 * 15 = 75', '75 + 4 = 79'],
        verdict: 'yes',
        value: 79,
        sound: true,
        solves: true,
      },
    ])
    expect([parsed.thinkEnd, parsed.answer, parsed.grade.reason]).toEqual([25, '5 * 15 , 75 + 4', 'correct'])
  })

  it.each([
    ['5 + 4 = 10 , 15 + 10 = 25 yes', 'a wrong sum carried on'],
    ['5 + 4 = 9 , 15 + 9 = 79 yes', 'a wrong sum that claims the target'],
    ['5 + 4 = 9 , 9 + 9 = 18 no', 'a number used twice'],
    ['5 + 4 = 9 no', 'numbers left over'],
    ['5 + 4 , 15 + 9 = 24 no', 'a step without a result'],
    ['4 - 5 = 1 , 15 + 1 = 16 no', 'smaller minus larger'],
    ['yes', 'a verdict without steps'],
  ])('does not call "%s" sound: %s', (text) => {
    const tokens = textToTokens(text)!
    expect(parseTrace(data, tokens, [0, tokens.length]).attempts[0]).toMatchObject({ sound: false, solves: false })
  })

  it('reads unfinished and empty thinking', () => {
    expect(read('5 + 4 =', [0, 4])).toMatchObject({
      thinkEnd: null,
      answer: null,
      attempts: [{ verdict: null, value: null, sound: false }],
    })
    expect(read('</think> 5 * 15', [0])).toMatchObject({ thinkEnd: 0, answer: '5 * 15', attempts: [], grade: { reason: 'truncated' } })
  })
})
