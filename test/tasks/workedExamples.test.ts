// One problem of each procedural task, worked by hand: how it is asked, what answers it has, and what its teacher says.
import { describe, expect, it } from 'vitest'
import { createRng } from '../../src-main/numeric/rng.ts'
import { arithmetic } from '../../src-main/tasks/arithmetic.ts'
import { baseConversion } from '../../src-main/tasks/baseConversion.ts'
import { calendarArithmetic, type CalendarQuestion } from '../../src-main/tasks/calendarArithmetic.ts'
import { gcd } from '../../src-main/tasks/gcd.ts'
import { knightsKnaves, type Island } from '../../src-main/tasks/knightsKnaves.ts'
import { lcm } from '../../src-main/tasks/lcm.ts'
import { letterCounting } from '../../src-main/tasks/letterCounting.ts'
import { miniSudoku } from '../../src-main/tasks/miniSudoku.ts'
import { modularEquations } from '../../src-main/tasks/modularEquations.ts'
import { numberSequence } from '../../src-main/tasks/numberSequence.ts'
import { proceduralTask, splitOfIdentity, type Procedure } from '../../src-main/tasks/procedural.ts'
import { products } from '../../src-main/tasks/products.ts'
import { tasks } from '../../src-main/tasks/registry.ts'
import { shortestPath, type RoadMap } from '../../src-main/tasks/shortestPath.ts'
import { simpleEquations } from '../../src-main/tasks/simpleEquations.ts'
import { wordSorting } from '../../src-main/tasks/wordSorting.ts'
import { WORDS } from '../../src-main/tasks/words.ts'

interface Example {
  readonly name: string
  readonly question: string
  readonly answers: readonly string[] | null
  readonly thinking: readonly string[] | undefined
  readonly expected: { readonly question: string; readonly answers: readonly string[]; readonly thinking: readonly string[] }
}

function example<Data>(
  procedure: Procedure<Data>,
  data: Data,
  question: string,
  answers: readonly string[],
  thinking: readonly string[],
): Example {
  return {
    name: procedure.name,
    question: procedure.question(data),
    answers: procedure.answers(data),
    thinking: procedure.teacher?.(data, createRng(1)).thinking.split('\n'),
    expected: { question, answers, thinking },
  }
}

const island: Island = {
  names: ['Ann', 'Bob'],
  claims: [
    { kind: 'is', of: [[1, false]] },
    { kind: 'different', of: [0, 1] },
  ],
}
const map: RoadMap = {
  towns: 4,
  roads: [
    [0, 1, 2],
    [1, 3, 4],
    [0, 2, 3],
    [2, 3, 3],
    [0, 3, 9],
  ],
}
const day = (month: number, date: number): number => (Date.UTC(2023, month - 1, date) - Date.UTC(2023, 0, 1)) / 86_400_000

const examples = [
  example(
    arithmetic,
    {
      start: 5,
      steps: [
        { sign: '-', by: 1 },
        { sign: '*', by: 3 },
      ],
    },
    'Start with 5. First subtract 1. Then multiply by 3. What number do you have?',
    ['12'],
    ['5 - 1 = 4', '4 * 3 = 12'],
  ),
  example(
    products,
    { a: 47, b: 83 },
    'How much is 47 * 83?',
    ['3901'],
    [
      '47 * 3 = 141',
      '47 * 80 = 3760',
      '141 + 3760 = 3901',
      'Check with nines: 47 leaves 2, 83 leaves 2, 2 * 2 = 4 leaves 4, and 3901 leaves 4.',
    ],
  ),
  example(
    simpleEquations,
    { factor: 3, inner: 6, plus: -25, right: 1, constant: 29 },
    'Which number is x if 3(x + 6) - 25 = x + 29?',
    ['18'],
    [
      'Without brackets: 3x + 18 - 25 = 3x - 7, so 3x - 7 = x + 29',
      'Take x from both sides: 2x - 7 = 29',
      'Add 7 to both sides: 2x = 29 + 7 = 36',
      'Divide by 2: x = 36 / 2 = 18',
    ],
  ),
  example(
    modularEquations,
    { p: 7, equations: [{ a: 3, b: 0, c: 5, rest: 4 }] },
    'When it is divided by 7, 3x + 5 leaves remainder 4. Which whole number from 0 to 6 is x?',
    ['2'],
    ['3x leaves the remainder of 4 - 5 = -1, which is 6', '3 * 5 = 15 leaves 1, so x leaves the remainder of 6 * 5 = 30, which is 2'],
  ),
  example(
    gcd,
    { numbers: [84, 60] },
    'What is the greatest common divisor of 84 and 60?',
    ['12'],
    ['84 = 1 * 60 + 24', '60 = 2 * 24 + 12', '24 = 2 * 12 + 0', 'The greatest common divisor of 84 and 60 is 12'],
  ),
  example(
    lcm,
    { numbers: [6, 10, 15] },
    'What is the least common multiple of 6, 10 and 15?',
    ['30'],
    [
      '10 = 1 * 6 + 4',
      '6 = 1 * 4 + 2',
      '4 = 2 * 2 + 0',
      'The greatest common divisor of 6 and 10 is 2',
      'The least common multiple is 6 / 2 * 10 = 3 * 10 = 30',
      '30 = 2 * 15 + 0',
      'The greatest common divisor of 30 and 15 is 15',
      'The least common multiple is 30 / 15 * 15 = 2 * 15 = 30',
    ],
  ),
  example(
    baseConversion,
    { value: 30, from: 2, to: 16 },
    'The number 11110 is written in base 2. How is it written in base 16? Digits above 9 are the letters a, b, c and so on.',
    ['1e', '1E'],
    ['1 * 16 + 1 * 8 + 1 * 4 + 1 * 2 + 0 * 1 = 16 + 8 + 4 + 2 + 0 = 30', '30 = 1 * 16 + 14, and 14 is written e', '1 = 0 * 16 + 1'],
  ),
  example(
    numberSequence,
    { rule: 'factor', terms: [3, 5, 9, 17, 33] },
    'The numbers 3, 5, 9, 17, 33 follow a rule. Which number comes next?',
    ['65'],
    [
      '5 - 3 = 2',
      '9 - 5 = 4',
      '17 - 9 = 8',
      '33 - 17 = 16',
      'Each step is 2 times the one before, so a number is multiplied by 2 and then 1 is taken away.',
      '2 * 33 - 1 = 65',
    ],
  ),
  example(
    letterCounting,
    { words: ['raccoon', 'oak'], letter: 'o' },
    'How many times does the letter "o" occur in "raccoon oak"?',
    ['3'],
    ['r-a-c-c-o-o-n: 2', 'o-a-k: 1', '2 + 1 = 3'],
  ),
  example(
    wordSorting,
    { words: ['pear', 'apple', 'peach'] },
    'Put these words in alphabetical order: pear, apple, peach.',
    ['apple, peach, pear', 'apple peach pear'],
    ['Of pear, apple, peach the first is apple.', 'Of pear, peach the first is peach.'],
  ),
  example(
    calendarArithmetic,
    { ask: 'weekday-of', year: 2023, known: day(2, 26), day: day(3, 5) },
    'In 2023, 26 February is a Sunday. Which day of the week is 5 March of that year?',
    ['Sunday'],
    ['26 February to 1 March: 3 days, 4 left', '1 March to 5 March: 4 days', '3 + 4 = 7', '7 = 1 * 7 + 0, and whole weeks change nothing'],
  ),
  example(
    shortestPath,
    map,
    'These roads lead both ways: A-B 2 km, B-D 4 km, A-C 3 km, C-D 3 km, A-D 9 km. Which is the shortest way from A to D?',
    ['A-B-D', 'A-C-D', 'A -> B -> D', 'A -> C -> D', 'A, B, D', 'A, C, D'],
    [
      'A: 0',
      'B: 0 + 2 = 2 over A; shortest 2',
      'C: 0 + 3 = 3 over A; shortest 3',
      'D: 2 + 4 = 6 over B, 3 + 3 = 6 over C, 0 + 9 = 9 over A; shortest 6',
    ],
  ),
  example(
    knightsKnaves,
    island,
    'Knights always tell the truth, knaves always lie. Ann says: "Bob is a knave." Bob says: "Ann and I are of different kinds." Who are the knights?',
    ['Bob'],
    [
      'Suppose Ann knight, Bob knight: what Ann says is then false, though a knight says it.',
      'Suppose Ann knave, Bob knight: everything fits.',
    ],
  ),
  example(
    miniSudoku,
    {
      cells: [
        [1, 2, 3, 0],
        [3, 4, 1, 2],
        [0, 1, 4, 3],
        [4, 3, 2, 1],
      ],
      solution: [
        [1, 2, 3, 4],
        [3, 4, 1, 2],
        [2, 1, 4, 3],
        [4, 3, 2, 1],
      ],
    },
    'Every row, every column and every block of 2 x 2 cells of this Sudoku holds each of the digits 1 to 4 once. Fill in the empty cells (_).\n1 2 3 _\n3 4 1 2\n_ 1 4 3\n4 3 2 1',
    ['1234 3412 2143 4321', '1234, 3412, 2143, 4321'],
    ['Row 1, column 4 is 4: only 4 is left for it.', 'Row 3, column 1 is 2: only 2 is left for it.'],
  ),
]

describe('worked examples', () => {
  it.each(examples)('$name', ({ question, answers, thinking, expected }) => {
    expect(question).toBe(expected.question)
    expect(answers).toEqual(expected.answers)
    expect(thinking).toEqual(expected.thinking)
  })

  it('are there for every task that is drawn, but for Countdown, which has tests of its own', () => {
    expect(examples.map(({ name }) => name).toSorted()).toEqual(
      Object.keys(tasks)
        .filter((name) => !name.startsWith('countdown') && name !== 'dataset')
        .toSorted(),
    )
  })
})

describe('answers in other signs', () => {
  const graded = <Data>(procedure: Procedure<Data>, data: Data, answer: string): boolean =>
    proceduralTask(procedure, procedure.levels[0]!.id).grade({ id: '', data }, answer).correct

  it.each([
    ['A → C → D', true],
    ['a-c-d', true],
    ['**A-B-D**', true],
    ['A, B, D.', true],
    ['A-B-C-D', false],
    ['A-D', false],
    ['A-B', false],
    ['D-B-A', false],
  ])('of a route: %s', (answer, right) => {
    expect(graded(shortestPath, map, answer)).toBe(right)
  })

  it.each([
    ['1234, 3412, 2143, 4321', true],
    ['1234|3412|2143|4321', true],
    ['[1234][3412][2143][4321]', true],
    ['1 2 3 4 3 4 1 2 2 1 4 3 4 3 2 1', true],
    ['1234 3412 2143', false],
    ['1243 3412 2143 4321', false],
  ])('of a Sudoku: %s', (answer, right) => {
    const solution = [
      [1, 2, 3, 4],
      [3, 4, 1, 2],
      [2, 1, 4, 3],
      [4, 3, 2, 1],
    ]
    expect(graded(miniSudoku, { cells: solution, solution }, answer)).toBe(right)
  })

  it.each([
    ['Bob', true],
    ['bob.', true],
    ['Ann, Bob', false],
    ['Ann', false],
    ['nobody', false],
  ])('of who the knights are: %s', (answer, right) => {
    expect(graded(knightsKnaves, island, answer)).toBe(right)
  })

  it.each([
    ['May 4', true],
    ['4 May', true],
    ['4 may.', true],
    ['4 June', false],
    ['May', false],
    ['14 May', false],
  ])('of a date: %s', (answer, right) => {
    const asked: CalendarQuestion = { ask: 'date-after', year: 2023, day: day(4, 24), days: 10 }
    expect(calendarArithmetic.answers(asked)).toEqual(['4 May', 'May 4'])
    expect(graded(calendarArithmetic, asked, answer)).toBe(right)
  })

  it('of digits: capitals or small letters, and nothing beside them', () => {
    const asked = { value: 30, from: 2, to: 16 }
    expect(['1e', '1E', '1E.', 'e1', '0x1e', '30'].map((answer) => graded(baseConversion, asked, answer))).toEqual([
      true,
      true,
      true,
      false,
      false,
      false,
    ])
  })
})

describe('problems in other names', () => {
  const train = <Data>(procedure: Procedure<Data>, level: string): readonly Data[] =>
    proceduralTask(procedure, level)
      .problems('train', 200, 1)
      .map(({ data }) => data)

  it('are of the split of the first: knights and knaves by other names, in another order', () => {
    for (const { names, claims } of train(knightsKnaves, '2')) {
      const turned: Island = {
        names: names.toReversed(),
        claims: claims
          .map(
            (claim) =>
              (claim.kind === 'exactly'
                ? claim
                : {
                    ...claim,
                    of: claim.of.map((part) => (typeof part === 'number' ? 1 - part : [1 - part[0], part[1]])),
                  }) as Island['claims'][number],
          )
          .toReversed(),
      }
      for (const same of [{ names: ['Zoe', 'Yan'], claims }, turned])
        expect(splitOfIdentity('knights-knaves', knightsKnaves.kin!(same))).toBe('train')
    }
  })

  it('are of the split of the first: a Sudoku with other digits, a map whose towns between are called otherwise', () => {
    for (const { cells, solution } of train(miniSudoku, '4x4-6')) {
      const other = cells.map((row) => row.map((digit) => (digit === 0 ? 0 : (digit % 4) + 1)))
      expect(miniSudoku.identity({ cells: other, solution })).not.toBe(miniSudoku.identity({ cells, solution }))
      expect(splitOfIdentity('mini-sudoku', miniSudoku.kin!({ cells: other, solution }))).toBe('train')
    }
    for (const { towns, roads } of train(shortestPath, '5')) {
      const other = roads.map(([a, b, length]) => [[0, 2, 3, 1, 4][a]!, [0, 2, 3, 1, 4][b]!, length] as const)
      expect(splitOfIdentity('shortest-path', shortestPath.kin!({ towns, roads: other }))).toBe('train')
    }
  })
})

describe('the words of tasks about words', () => {
  it('are different ones in small letters', () => {
    expect(new Set(WORDS).size).toBe(WORDS.length)
    for (const word of WORDS) expect(word).toMatch(/^[a-z]{3,9}$/)
  })
})
