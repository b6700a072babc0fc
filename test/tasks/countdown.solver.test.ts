// The set of answers listed by the solver against the grader and against an enumeration written independently:
// by position instead of by value, with duplicates removed by comparing the finished strings.
import { describe, expect, it } from 'vitest'
import { createRng, type Rng } from '../../src-main/numeric/rng.ts'
import { createCountdown } from '../../src-main/tasks/countdown.ts'
import { ascending, combine, movesFrom } from '../../src-main/tasks/countdown/arithmetic.ts'
import { isReachable, toProblem } from '../../src-main/tasks/countdown/generator.ts'
import { gradeAnswer, type CountdownData } from '../../src-main/tasks/countdown/grader.ts'
import { createSolver, randomAnswer } from '../../src-main/tasks/countdown/solver.ts'
import { EOS, textToTokens, tokensToText } from '../../src-main/tasks/countdown/vocabulary.ts'
import type { AnswerTrie } from '../../src-main/tasks/types.ts'

const task = createCountdown()

/** Every string of a trie, read from its terminal nodes upwards. */
function stringsOf(trie: AnswerTrie): string[] {
  const strings: string[] = []
  for (let node = 0; node < trie.token.length; node++) {
    if (trie.terminal[node] === 0) continue
    const tokens: number[] = []
    for (let at = node; at !== -1; at = trie.parent[at]) tokens.unshift(trie.token[at])
    strings.push(tokensToText(tokens))
  }
  return strings
}

/** All right answers by walking positions: pick two different positions in order, an operation, and go on. */
function enumerateByPosition(numbers: readonly number[], target: number): Set<string> {
  const found = new Set<string>()
  const walk = (values: readonly number[], written: readonly string[]): void => {
    if (values.length === 1) {
      if (values[0] === target) found.add(`${written.join(' , ')} <eos>`)
      return
    }
    for (let i = 0; i < values.length; i++) {
      for (let j = 0; j < values.length; j++) {
        if (i === j) continue
        const others = values.filter((_, k) => k !== i && k !== j)
        const a = values[i]
        const b = values[j]
        const results: [string, number][] = [
          ['+', a + b],
          ['*', a * b],
        ]
        if (a > b) results.push(['-', a - b])
        if (a % b === 0) results.push(['/', a / b])
        for (const [sign, value] of results) {
          if (value <= 400) walk([...others, value], [...written, `${a} ${sign} ${b}`])
        }
      }
    }
  }
  walk(numbers, [])
  return found
}

function randomData(rng: Rng, length: number): CountdownData {
  const numbers = Array.from({ length }, () => rng.between(1, 20))
  return { numbers, target: rng.between(10, 99) }
}

describe('the answer trie', () => {
  it('holds exactly the answers found by an independent enumeration, for 3 numbers', () => {
    const rng = createRng(1)
    let answers = 0
    for (let i = 0; i < 600; i++) {
      const data = randomData(rng, 3)
      const expected = enumerateByPosition(data.numbers, data.target)
      const listed = stringsOf(task.answerTrie(toProblem(data))!)
      expect(new Set(listed)).toEqual(expected)
      expect(listed.length).toBe(expected.size)
      answers += listed.length
    }
    expect(answers).toBeGreaterThan(200)
  })

  it('holds exactly the answers found by an independent enumeration, for 2, 4 and 5 numbers', () => {
    const rng = createRng(2)
    for (const [length, problems] of [
      [2, 200],
      [4, 150],
      [5, 4],
    ]) {
      for (let i = 0; i < problems; i++) {
        const data = randomData(rng, length)
        const expected = enumerateByPosition(data.numbers, data.target)
        const trie = task.answerTrie(toProblem(data))!
        expect(new Set(stringsOf(trie))).toEqual(expected)
        expect(trie.strings).toBe(expected.size)
      }
    }
  })

  it('accepts no more and no less than the grader, over every well-formed answer on 3 numbers and their results', () => {
    const rng = createRng(3)
    let accepted = 0
    for (const problem of task.problems('train', 150, 3)) {
      const { numbers } = problem.data
      const listed = new Set(stringsOf(task.answerTrie(problem)!))
      const stray = rng.between(1, 400)
      const operands = [...new Set([...numbers, stray])]
      const graderAccepts = new Set<string>()
      for (const x of operands)
        for (const y of operands)
          for (const sign of ['+', '-', '*', '/']) {
            const result = combine(x, textToTokens(sign)![0], y)
            const second = [...new Set([...operands, ...(result > 0 ? [result] : [])])]
            for (const z of second)
              for (const w of second)
                for (const sign2 of ['+', '-', '*', '/']) {
                  const text = `${x} ${sign} ${y} , ${z} ${sign2} ${w} <eos>`
                  if (gradeAnswer(problem.data, textToTokens(text)!).correct) graderAccepts.add(text)
                }
          }
      expect(graderAccepts).toEqual(listed)
      accepted += listed.size
    }
    expect(accepted).toBeGreaterThan(300)
  })

  it('agrees with the grader on answers mutated token by token, for 4 numbers', () => {
    const rng = createRng(4)
    const four = createCountdown({ counts: [4] })
    let stillRight = 0
    let tried = 0
    for (const problem of four.problems('train', 150, 4)) {
      const listed = stringsOf(four.answerTrie(problem)!)
      const members = new Set(listed)
      for (const text of listed) expect(gradeAnswer(problem.data, textToTokens(text)!).reason).toBe('correct')
      for (let i = 0; i < 60; i++) {
        const tokens = textToTokens(rng.pick(listed))!
        const at = rng.int(tokens.length - 1)
        const other = rng.int(tokens.length - 1)
        if (rng.chance(0.5)) tokens[at] = rng.chance(0.5) ? rng.between(8, 13) : rng.between(15, 40)
        else [tokens[at], tokens[other]] = [tokens[other], tokens[at]]
        if (tokens.indexOf(EOS) !== tokens.length - 1) continue
        const correct = gradeAnswer(problem.data, tokens).correct
        expect(correct).toBe(members.has(tokensToText(tokens)))
        tried++
        if (correct) stillRight++
      }
    }
    expect(tried).toBeGreaterThan(5000)
    expect(stillRight).toBeGreaterThan(100)
  })

  it('lists parents before children, ends exactly its leaves with the end token, and shares every prefix', () => {
    for (const problem of createCountdown({ counts: [3, 4] }).problems('train', 100, 5)) {
      const trie = task.answerTrie(problem)!
      const children = trie.token.map(() => 0)
      const siblings = new Set<string>()
      for (let node = 0; node < trie.token.length; node++) {
        expect(trie.parent[node]).toBeLessThan(node)
        expect(trie.terminal[node] === 1).toBe(trie.token[node] === EOS)
        if (trie.parent[node] >= 0) children[trie.parent[node]]++
        siblings.add(`${trie.parent[node]}:${trie.token[node]}`)
      }
      expect(siblings.size).toBe(trie.token.length)
      for (let node = 0; node < trie.token.length; node++) expect(children[node] === 0).toBe(trie.terminal[node] === 1)
    }
  })

  it('is empty for a problem without a solution', () => {
    const trie = task.answerTrie(toProblem({ numbers: [1, 1, 1], target: 99 }))!
    expect([trie.strings, trie.token.length]).toEqual([0, 0])
  })

  it('lists the worked example with both orders of + and *', () => {
    const trie = task.answerTrie(toProblem({ numbers: [5, 4, 15], target: 79 }))!
    expect(stringsOf(trie).sort()).toEqual([
      '15 * 5 , 4 + 75 <eos>',
      '15 * 5 , 75 + 4 <eos>',
      '5 * 15 , 4 + 75 <eos>',
      '5 * 15 , 75 + 4 <eos>',
    ])
  })

  it('counts an answer with duplicate numbers once', () => {
    expect(stringsOf(task.answerTrie(toProblem({ numbers: [7, 7, 7], target: 21 }))!).sort()).toEqual([
      '7 + 7 , 14 + 7 <eos>',
      '7 + 7 , 7 + 14 <eos>',
    ])
    // An intermediate result equal to a number left over: 9 - 3 = 6 beside a 6.
    const listed = stringsOf(task.answerTrie(toProblem({ numbers: [9, 3, 6], target: 12 }))!)
    expect(listed.filter((text) => text === '9 - 3 , 6 + 6 <eos>')).toHaveLength(1)
  })
})

describe('the solver', () => {
  it('says a target is reachable exactly when there is an answer', () => {
    const rng = createRng(6)
    for (let i = 0; i < 300; i++) {
      const { numbers, target } = randomData(rng, rng.between(2, 4))
      const state = ascending(numbers)
      expect(isReachable(state, target)).toBe(createSolver(target).count(state) > 0)
    }
  })

  it('draws answers uniformly', () => {
    const rng = createRng(7)
    const solver = createSolver(20)
    const state = [4, 4, 6]
    const counts = new Map<string, number>()
    for (let i = 0; i < 4000; i++) {
      const text = randomAnswer(solver, state, rng)
        .map((s) => `${s.x} ${s.operator} ${s.y}`)
        .join()
      counts.set(text, (counts.get(text) ?? 0) + 1)
    }
    const answers = solver.count(state)
    expect(counts.size).toBe(answers)
    for (const n of counts.values()) expect(Math.abs(n - 4000 / answers)).toBeLessThan(5 * Math.sqrt(4000 / answers))
  })

  it('offers only legal steps, each written form once', () => {
    const rng = createRng(8)
    for (let i = 0; i < 200; i++) {
      const state = Array.from({ length: rng.between(2, 5) }, () => rng.between(1, 400)).sort((a, b) => a - b)
      const moves = movesFrom(state)
      expect(new Set(moves.map((m) => `${m.x},${m.operator},${m.y}`)).size).toBe(moves.length)
      expect(moves.length).toBeGreaterThan(0)
      for (const move of moves) {
        expect(move.result).toBeGreaterThanOrEqual(1)
        expect(move.result).toBeLessThanOrEqual(400)
        const before = [...state, move.result].sort((a, b) => a - b)
        expect([...move.rest, move.x, move.y].sort((a, b) => a - b)).toEqual(before)
      }
    }
  })
})
