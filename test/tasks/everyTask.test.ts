// What holds of every task in words at every level of its dial. The answers are checked by solvers written here, which read the question as a
// person would and try everything.
import { describe, expect, it } from 'vitest'
import { createRng } from '../../src-main/numeric/rng.ts'
import { tasks } from '../../src-main/tasks/registry.ts'
import { TaskError, type Question, type Split, type Task } from '../../src-main/tasks/types.ts'

const SPLITS: readonly Split[] = ['imitation', 'train', 'validation', 'heldout']
/** Problems of a level that are solved a second time. */
const SOLVED = 40
const ENOUGH = 1000

const created = (name: string, level: string): Task => tasks[name]!.create({ level }, null as never)
const dials = Object.entries(tasks)
  .filter(([, { levels }]) => levels.length > 0)
  .map(([name, { levels }]) => ({ name, levels }))

/** As many as there are, up to a number of them. */
function most(task: Task, split: Split, count: number, seed = 1): Question[] {
  try {
    return task.problems(split, count, seed)
  } catch (error) {
    if (!(error instanceof TaskError)) throw error
    return task.problems(split, Number(/found (\d+)$/.exec(error.message)![1]), seed)
  }
}

// ------------------------------------------------------------------------------------------------------------ solvers

/** The value of sums, differences, products and quotients with brackets. */
function valueOf(text: string): number {
  const tokens = text.match(/\d+|[-+*/()]/g)!
  let at = 0
  const factor = (): number => {
    const token = tokens[at++]!
    if (token === '-') return -factor()
    if (token !== '(') return Number(token)
    const value = sum()
    at++
    return value
  }
  const product = (): number => {
    let value = factor()
    while (tokens[at] === '*' || tokens[at] === '/') value = tokens[at++] === '*' ? value * factor() : value / factor()
    return value
  }
  const sum = (): number => {
    let value = product()
    while (tokens[at] === '+' || tokens[at] === '-') value = tokens[at++] === '+' ? value + product() : value - product()
    return value
  }
  return sum()
}

const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, i) => from + i)
const numbersIn = (text: string): number[] => (text.match(/-?\d+/g) ?? []).map(Number)

function reachable(numbers: readonly number[], target: number): boolean {
  if (numbers.length === 1) return numbers[0] === target
  return numbers.some((x, i) =>
    numbers.some((y, j) => {
      if (i === j) return false
      const rest = numbers.filter((_n, k) => k !== i && k !== j)
      return [x + y, x - y, x * y, x / y].some(
        (value) => Number.isInteger(value) && value >= 1 && value <= 400 && reachable([...rest, value], target),
      )
    }),
  )
}

const MONTHS = ['January', 'February', 'March', 'April', 'May', 'June', 'July', 'August', 'September', 'October', 'November', 'December']
const WEEKDAYS = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday']
const lengthOf = (month: number, year: number): number =>
  month === 1 ? (year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28) : [3, 5, 8, 10].includes(month) ? 30 : 31
/** Every day of a year, in order. */
const daysOf = (year: number): string[] => MONTHS.flatMap((month, at) => range(1, lengthOf(at, year)).map((day) => `${day} ${month}`))

function calendar(question: string): string {
  const days = Number(/(\d+) days?/.exec(question)?.[1])
  const today = /^Today is (\w+)/.exec(question)
  if (today !== null) {
    const steps = question.includes('ago') ? -days : days
    return WEEKDAYS[(WEEKDAYS.indexOf(today[1]!) + steps + 70_000) % 7]!
  }
  const after = /(after|before) (\d+ \w+) (\d+)\?/.exec(question)
  if (after !== null) {
    const list = daysOf(Number(after[3]))
    return list[list.indexOf(after[2]!) + (after[1] === 'after' ? days : -days)]!
  }
  const [, year, known, weekday, asked] = /^In (\d+), (\d+ \w+) is a (\w+)\..* is (\d+ \w+) of/.exec(question)!
  const list = daysOf(Number(year))
  let day = WEEKDAYS.indexOf(weekday!)
  for (let at = list.indexOf(known!); list[at] !== asked; at += list.indexOf(asked!) > at ? 1 : -1) day += list.indexOf(asked!) > at ? 1 : 6
  return WEEKDAYS[day % 7]!
}

function routes(question: string): string[] {
  const roads = [...question.matchAll(/([A-Z])-([A-Z]) (\d+) km/g)].map(([, a, b, length]) => ({ a: a!, b: b!, length: Number(length) }))
  const [, from, to] = /from ([A-Z]) to ([A-Z])\?$/.exec(question)!
  const found: { way: string[]; length: number }[] = []
  const walk = (way: string[], length: number): void => {
    const here = way.at(-1)!
    if (here === to) found.push({ way, length })
    else
      for (const road of roads)
        for (const [start, end] of [
          [road.a, road.b],
          [road.b, road.a],
        ])
          if (start === here && !way.includes(end!)) walk([...way, end!], length + road.length)
  }
  walk([from!], 0)
  const least = Math.min(...found.map(({ length }) => length))
  return found.filter(({ length }) => length === least).map(({ way }) => way.join(' '))
}

/** The names of the knights, for each way in which everything fits. */
function knights(question: string): string[] {
  const claims = [...question.matchAll(/(\w+) says: "([^"]+)\."/g)].map(([, name, words]) => ({ name: name!, words: words! }))
  const names = claims.map(({ name }) => name)
  const holds = (words: string, speaker: string, knight: ReadonlySet<string>): boolean => {
    const is = (text: string): boolean => {
      const [, who, kind] = /^(\w+) (?:is|am) a (knight|knave)$/.exec(text)!
      return knight.has(who === 'I' ? speaker : who!) === (kind === 'knight')
    }
    const kind = /^(\w+) and (\w+) are of (the same kind|different kinds)$/.exec(words)
    if (kind !== null) {
      const [x, y] = [kind[1]!, kind[2]!].map((who) => knight.has(who === 'I' ? speaker : who))
      return (x === y) === (kind[3] === 'the same kind')
    }
    const exactly = /^Exactly (\d+) of us/.exec(words)
    if (exactly !== null) return knight.size === Number(exactly[1])
    const condition = /^If (.+), then (.+)$/.exec(words)
    if (condition !== null) return !is(condition[1]!) || is(condition[2]!)
    if (words.endsWith(', or both')) return words.slice(0, -', or both'.length).split(' or ').some(is)
    return words.split(' and ').every(is)
  }
  return range(0, 2 ** names.length - 1)
    .map((bits) => new Set(names.filter((_name, at) => (bits >> at) % 2 === 1)))
    .filter((knight) => claims.every(({ name, words }) => holds(words, name, knight) === knight.has(name)))
    .map((knight) => names.filter((name) => knight.has(name)).join(' '))
}

/** Every way of filling it. */
function sudoku(question: string): string[] {
  const cells = question
    .split('\n')
    .slice(1)
    .map((row) => row.split(' ').map((cell) => (cell === '_' ? 0 : Number(cell))))
  const size = cells.length
  const [, height, width] = /block of (\d) x (\d)/.exec(question)!.map(Number)
  const found: string[] = []
  const fill = (at: number): void => {
    if (at === size * size) {
      found.push(cells.map((row) => row.join('')).join(' '))
      return
    }
    const [row, column] = [Math.floor(at / size), at % size]
    if (cells[row]![column] !== 0) {
      fill(at + 1)
      return
    }
    for (const digit of range(1, size)) {
      const clash = range(0, size - 1).some(
        (i) =>
          cells[row]![i] === digit ||
          cells[i]![column] === digit ||
          cells[Math.floor(row / height!) * height! + (i % height!)]![Math.floor(column / width!) * width! + Math.floor(i / height!)] ===
            digit,
      )
      if (clash) continue
      cells[row]![column] = digit
      fill(at + 1)
      cells[row]![column] = 0
    }
  }
  fill(0)
  return found
}

function sequence(question: string): string[] {
  const terms = numbersIn(question)
  const guesses: ((t: readonly number[], i: number) => number)[] = [
    // Second differences stay the same; a constant step is a case of it.
    (t, i) => 3 * t[i - 1]! - 3 * t[i - 2]! + t[i - 3]!,
    // What was added two places before is added again.
    (t, i) => t[i - 1]! + (t[i - 2]! - t[i - 3]!),
    (t, i) => t[i - 1]! + t[i - 2]!,
    // A step is as many times the one before it as ever.
    (t, i) => t[i - 1]! + ((t[2]! - t[1]!) / (t[1]! - t[0]!)) * (t[i - 1]! - t[i - 2]!),
  ]
  return [
    ...new Set(
      guesses
        .filter((guess) => range(3, terms.length - 1).every((i) => guess(terms, i) === terms[i]))
        .map((guess) => String(guess(terms, terms.length))),
    ),
  ]
}

/** All right answers to a question, as items with single spaces between them; true stands for "there is one". */
const solvers: Readonly<Record<string, (question: string) => string[] | true>> = {
  countdown: (question) => {
    const [, numbers, target] = /numbers ([\d, ]+), each .* make (\d+)\./.exec(question)!
    return reachable(numbersIn(numbers!), Number(target)) || []
  },
  'countdown-returns': (question) => solvers.countdown!(question),
  arithmetic: (question) => {
    let value = Number(/^Start with (\d+)/.exec(question)![1])
    for (const [, word, by] of question.matchAll(/(add|subtract|multiply by) (\d+)/g))
      value = word === 'add' ? value + Number(by) : word === 'subtract' ? value - Number(by) : value * Number(by)
    return [String(value)]
  },
  products: (question) => {
    const [a, b] = numbersIn(question)
    return [String(range(1, b!).reduce((sum) => sum + a!, 0))]
  },
  'simple-equations': (question) => {
    const [left, right] = /if (.+)\?$/.exec(question)![1]!.split(' = ')
    const at = (side: string, x: number): number => valueOf(side.replace(/(\d)(?=[x(])/g, '$1 * ').replaceAll('x', `(${x})`))
    return range(-100, 100)
      .filter((x) => at(left!, x) === at(right!, x))
      .map(String)
  },
  'modular-equations': (question) => {
    const p = Number(/divided by (\d+)/.exec(question)![1])
    const equations = [...question.matchAll(/(\d+)x(?: \+ (\d+)y)?(?: \+ (\d+))? leaves remainder (\d+)/g)].map((found) =>
      found.slice(1).map((part) => Number(part ?? 0)),
    )
    const fits = (x: number, y: number): boolean => equations.every(([a, b, c, rest]) => (a! * x + b! * y + c!) % p === rest)
    return range(0, p - 1)
      .filter((x) => range(0, p - 1).some((y) => fits(x, y)))
      .map(String)
  },
  gcd: (question) => {
    const numbers = numbersIn(question)
    return [String(range(1, Math.min(...numbers)).findLast((d) => numbers.every((number) => number % d === 0)))]
  },
  lcm: (question) => {
    const numbers = numbersIn(question)
    let multiple = numbers[0]!
    while (!numbers.every((number) => multiple % number === 0)) multiple += numbers[0]!
    return [String(multiple)]
  },
  'base-conversion': (question) => {
    const [, digits, from, into] = /number (\w+) is written in base (\d+)\. .* base (\d+)\?/.exec(question)!
    let value = [...digits!].reduce((sum, digit) => sum * Number(from) + '0123456789abcdef'.indexOf(digit), 0)
    let place = 1
    while (place * Number(into) <= value) place *= Number(into)
    let written = ''
    for (; place >= 1; place /= Number(into)) {
      written += '0123456789abcdef'[Math.floor(value / place)]
      value %= place
    }
    return [written]
  },
  'number-sequence': sequence,
  'letter-counting': (question) => {
    const [, letter, words] = /letter "(.)" occur in "(.+)"/.exec(question)!
    return [String(words!.split(letter!).length - 1)]
  },
  'word-sorting': (question) => [
    /: (.+)\.$/
      .exec(question)![1]!
      .split(', ')
      .toSorted((a, b) => a.localeCompare(b, 'en'))
      .join(' '),
  ],
  'calendar-arithmetic': (question) => [calendar(question)],
  'shortest-path': routes,
  'knights-knaves': (question) => knights(question).map((names) => names || 'nobody'),
  'mini-sudoku': sudoku,
}

/** Answers that are the same in other signs, in the form of the solvers. */
const plain: Readonly<Record<string, (answer: string) => string>> = {
  'base-conversion': (answer) => answer.toLowerCase(),
  'word-sorting': (answer) => answer.replaceAll(',', ''),
  'calendar-arithmetic': (answer) => answer.replace(/^([A-Z]\w+) (\d+)$/, '$2 $1'),
  'shortest-path': (answer) => answer.match(/[A-Z]/g)!.join(' '),
  'mini-sudoku': (answer) => answer.replaceAll(',', ''),
}

/** Knights may be named in any order. */
const namesIn = (answer: string, question: string): string => {
  const order = [...question.matchAll(/(\w+) says/g)].map(([, name]) => name!)
  return /^no/i.test(answer) ? 'nobody' : order.filter((name) => answer.includes(name)).join(' ')
}

/** The last letter or digit is another one. */
const perturbed = (answer: string): string =>
  answer.replace(/[a-z\d](?=[^a-z\d]*$)/i, (sign) =>
    /\d/.test(sign) ? String((Number(sign) + 1) % 10) : String.fromCharCode(sign.toLowerCase() === 'z' ? 97 : sign.charCodeAt(0) + 1),
  )

// ------------------------------------------------------------------------------------------------------------ what holds of all

describe.each(dials)('$name', ({ name, levels }) => {
  const each = levels.map(({ id, problems }) => ({ level: id, problems, task: created(name, id) }))

  it('has the level that stands in the form on its dial', () => {
    const { level } = tasks[name]!.options
    expect(Object.keys((level as { choices: Readonly<Record<string, string>> }).choices).toSorted()).toEqual(
      levels.map(({ id }) => id).toSorted(),
    )
    expect(levels.map(({ id }) => id)).toContain(level!.default)
  })

  it.each(each)(
    'at $level draws the same problems for the same seed, the first of a longer request first, and none twice or in two splits',
    ({ task }) => {
      const all = SPLITS.flatMap((split) => {
        const problems = most(task, split, 24, 7)
        expect(task.problems(split, problems.length, 7)).toEqual(problems)
        expect(task.problems(split, 5, 7)).toEqual(problems.slice(0, 5))
        return [...problems, ...most(task, split, 24, 8).filter(({ id }) => !problems.some((problem) => problem.id === id))]
      })
      expect(new Set(all.map(({ id }) => id)).size).toBe(all.length)
      expect(new Set(all.map((problem) => task.question(problem))).size).toBe(all.length)
      expect(JSON.parse(JSON.stringify(all))).toEqual(all)
    },
  )

  it.each(each)('at $level has a thousand problems to train on, or says how many there are', ({ task, problems }) => {
    // Only Countdown has a second kind of held-out question; of the others one can know that without drawing.
    if (!name.startsWith('countdown')) expect(task.size('heldout-targets')).toBe(0)
    if (problems === undefined) expect(most(task, 'train', ENOUGH).length).toBe(ENOUGH)
    else {
      expect(SPLITS.reduce((sum, split) => sum + most(task, split, problems + 1).length, 0)).toBe(problems)
      for (const split of SPLITS) expect(task.size(split)).toBe(most(task, split, problems + 1).length)
    }
  })

  it.each(each)('at $level lists exactly the answers that trying everything finds, and grades each right and others wrong', ({ task }) => {
    const problems = task.problems('train', SOLVED, 3)
    const listed = problems.map((problem) => task.answers(problem)!)
    for (const [at, problem] of problems.entries()) {
      const question = task.question(problem)
      const answers = listed[at]!
      const found = solvers[name]!(question)
      if (found !== true) {
        const same = answers.map((answer) => (name === 'knights-knaves' ? namesIn(answer, question) : (plain[name]?.(answer) ?? answer)))
        expect([...new Set(same)].toSorted(), question).toEqual(found.toSorted())
      }
      expect(answers.length).toBeGreaterThan(0)
      expect(new Set(answers).size).toBe(answers.length)
      for (const answer of answers) {
        expect(task.grade(problem, answer), `${question} ${answer}`).toMatchObject({ correct: true })
        expect(task.grade(problem, `${answer}.`), `${question} ${answer}.`).toMatchObject({ correct: true })
        expect(task.grade(problem, perturbed(answer)).correct, `${question} ${perturbed(answer)}`).toBe(false)
      }
      const wrong = listed.flat().find((answer) => !answers.includes(answer))!
      expect(task.grade(problem, wrong).correct, `${question} ${wrong}`).toBe(false)
      expect(task.grade(problem, '').correct).toBe(false)
      expect(task.grade(problem, 'I do not know.').correct).toBe(false)
    }
  })

  it.each(each)('at $level is taught with lines that are true and an answer that is right', ({ task }) => {
    for (const problem of task.problems('imitation', SOLVED, 4)) {
      const said = task.teacher(problem, createRng(1))!
      expect(task.answers(problem)).toContain(said.answer)
      expect(task.grade(problem, said.answer).correct).toBe(true)
      expect(said.thinking).not.toBe('')
      for (const line of said.thinking.split('\n'))
        for (const [left, right] of equalities(line)) expect(valueOf(left), line).toBe(valueOf(right))
    }
  })

  it.each(each)('at $level falls into clusters that are named, more than five in two hundred problems', ({ task }) => {
    const clusters = most(task, 'heldout', 200, 5).map((problem) => task.cluster(problem))
    for (const cluster of clusters) expect(cluster.trim()).not.toBe('')
    expect(new Set(clusters).size).toBeGreaterThan(5)
  })
})

/** Pairs of plain arithmetic on both sides of a sign of equality. */
function equalities(line: string): [string, string][] {
  const parts = line.split(' = ')
  return parts.slice(1).flatMap((part, at): [string, string][] => {
    const left = /(?:^|[^\dxy\s)+*/-])\s*(\(?-?\d[\d\s+*/()-]*)$/.exec(parts[at]!)?.[1]
    const right = /^-?\(?\d[\d\s+*/()-]*(?![\dxy])/.exec(part)?.[0]
    return left === undefined || right === undefined || /^[xy]/.test(part.slice(right.length))
      ? []
      : [[left, right.trim().replace(/[-+*/]$/, '')]]
  })
}
