// Sudoku of 4 x 4 and 6 x 6 cells. A puzzle can be filled cell by cell, each time with a digit that is the only one left for a cell or a
// cell that is the only one left for a digit, so its solution is the only one. Called `mini_sudoku` in reasoning-gym, for 4 x 4.

import type { Rng } from '../numeric/rng.ts'
import type { Procedure } from './procedural.ts'
import { gradeDigits } from './written.ts'

/** Rows of digits from the top, 0 for an empty cell. */
export interface Sudoku {
  readonly cells: readonly (readonly number[])[]
  readonly solution: readonly (readonly number[])[]
}

interface Range {
  readonly size: number
  readonly empty: number
}

const RANGES: Readonly<Record<string, Range>> = {
  '4x4-3': { size: 4, empty: 3 },
  '4x4-6': { size: 4, empty: 6 },
  '4x4-10': { size: 4, empty: 10 },
  '6x6-12': { size: 6, empty: 12 },
  '6x6-20': { size: 6, empty: 20 },
}
/** Blocks are two rows high. */
const HEIGHT = 2

type Grid = number[][]
const copyOf = (grid: readonly (readonly number[])[]): Grid => grid.map((row) => [...row])

interface Unit {
  readonly name: string
  /** Cells by number, row by row. */
  readonly cells: readonly number[]
}

/** Each row, column and block, in this order. */
function unitsOf(size: number): Unit[] {
  const width = size / HEIGHT
  const across = size / width
  const indices = Array.from({ length: size }, (_, at) => at)
  return [
    ...indices.map((row) => ({ name: `row ${row + 1}`, cells: indices.map((column) => row * size + column) })),
    ...indices.map((column) => ({ name: `column ${column + 1}`, cells: indices.map((row) => row * size + column) })),
    ...indices.map((block) => ({
      name: `block ${block + 1}`,
      cells: indices.map(
        (at) => (Math.floor(block / across) * HEIGHT + Math.floor(at / width)) * size + (block % across) * width + (at % width),
      ),
    })),
  ]
}

interface Board {
  readonly units: readonly Unit[]
  /** The units of each cell: places in `units`. */
  readonly unitsOfCell: readonly (readonly [row: number, column: number, block: number])[]
}

function boardOf(size: number): Board {
  const units = unitsOf(size)
  const find = (from: number, cell: number): number => units.findIndex(({ cells }, at) => at >= from && cells.includes(cell))
  return { units, unitsOfCell: Array.from({ length: size * size }, (_, cell) => [find(0, cell), find(size, cell), find(2 * size, cell)]) }
}

const BOARDS: Readonly<Record<number, Board>> = { 4: boardOf(4), 6: boardOf(6) }

/** A grid that is being filled: which digits each unit holds is kept as bits, so that what is left for a cell is one look. */
class Filling {
  readonly size: number
  readonly digits: Uint8Array
  private readonly held: Int32Array
  private readonly board: Board

  constructor(size: number) {
    this.size = size
    this.board = BOARDS[size]!
    this.digits = new Uint8Array(size * size)
    this.held = new Int32Array(3 * size)
  }

  /** Puts a digit into an empty cell, or takes it out again: the same bits. */
  toggle(cell: number, digit: number): void {
    this.digits[cell] = this.digits[cell] === 0 ? digit : 0
    for (const unit of this.board.unitsOfCell[cell]!) this.held[unit]! ^= 1 << digit
  }

  /** Digits that an empty cell can still take, one bit each from bit 1 up. */
  leftFor(cell: number): number {
    const [row, column, block] = this.board.unitsOfCell[cell]!
    return (2 ** (this.size + 1) - 2) & ~(this.held[row]! | this.held[column]! | this.held[block]!)
  }

  /** The next cell that is certain, or null. */
  next(): { readonly cell: number; readonly digit: number; readonly why: string } | null {
    const { digits, size } = this
    for (let cell = 0; cell < digits.length; cell++)
      if (digits[cell] === 0) {
        const left = this.leftFor(cell)
        if (left !== 0 && (left & (left - 1)) === 0) return { cell, digit: Math.log2(left), why: `only ${Math.log2(left)} is left for it` }
      }
    for (const { name, cells } of this.board.units) {
      let [once, more] = [0, 0]
      for (const cell of cells)
        if (digits[cell] === 0) {
          const left = this.leftFor(cell)
          more |= once & left
          once |= left
        }
      const single = once & ~more
      if (single === 0) continue
      for (let digit = 1; digit <= size; digit++)
        if ((single & (1 << digit)) !== 0)
          return {
            cell: cells.find((cell) => digits[cell] === 0 && (this.leftFor(cell) & (1 << digit)) !== 0)!,
            digit,
            why: `the only place for ${digit} in ${name}`,
          }
    }
    return null
  }
}

interface Step {
  readonly row: number
  readonly column: number
  readonly digit: number
  readonly why: string
}

/** The steps that fill a puzzle, or null where some cell cannot be found this way. */
function stepsOf(cells: readonly (readonly number[])[]): Step[] | null {
  const filling = new Filling(cells.length)
  for (const [cell, digit] of cells.flat().entries()) if (digit !== 0) filling.toggle(cell, digit)
  const steps: Step[] = []
  while (filling.digits.includes(0)) {
    const next = filling.next()
    if (next === null) return null
    filling.toggle(next.cell, next.digit)
    steps.push({ row: Math.floor(next.cell / filling.size), column: next.cell % filling.size, digit: next.digit, why: next.why })
  }
  return steps
}

function filled(size: number, rng: Rng): Grid {
  const filling = new Filling(size)
  const fill = (cell: number): boolean => {
    if (cell === size * size) return true
    const left = filling.leftFor(cell)
    for (const digit of rng.shuffle(Array.from({ length: size }, (_, each) => each + 1))) {
      if ((left & (1 << digit)) === 0) continue
      filling.toggle(cell, digit)
      if (fill(cell + 1)) return true
      filling.toggle(cell, digit)
    }
    return false
  }
  fill(0)
  return Array.from({ length: size }, (_, row) => [...filling.digits.subarray(row * size, (row + 1) * size)])
}

/** Cells are emptied one by one, as long as the rest can still be filled. */
function draw(level: string, rng: Rng): Sudoku {
  const { size, empty } = RANGES[level]!
  for (;;) {
    const solution = filled(size, rng)
    const cells = copyOf(solution)
    let left = empty
    for (const at of rng.shuffle(Array.from({ length: size * size }, (_, place) => place))) {
      if (left === 0) break
      const [row, column] = [Math.floor(at / size), at % size]
      cells[row]![column] = 0
      if (stepsOf(cells) === null) cells[row]![column] = solution[row]![column]!
      else left--
    }
    if (left === 0) return { cells, solution }
  }
}

/** Digits renamed in the order in which they come. */
function renamed(rows: readonly (readonly number[])[]): string {
  const names = new Map<number, number>([[0, 0]])
  return rows
    .map((row) =>
      row
        .map((digit) => {
          if (!names.has(digit)) names.set(digit, names.size)
          return names.get(digit)
        })
        .join(''),
    )
    .join(' ')
}

const rowsOf = (grid: readonly (readonly number[])[], between: string): string => grid.map((row) => row.join('')).join(between)

export const miniSudoku: Procedure<Sudoku> = {
  name: 'mini-sudoku',
  levels: [
    { id: '4x4-3', label: '4 x 4, 3 empty cells' },
    { id: '4x4-6', label: '4 x 4, 6 empty cells' },
    { id: '4x4-10', label: '4 x 4, 10 empty cells' },
    { id: '6x6-12', label: '6 x 6, 12 empty cells' },
    { id: '6x6-20', label: '6 x 6, 20 empty cells' },
  ],
  draw,
  identity: ({ cells }) => rowsOf(cells, '/'),
  // The same puzzle with the digits renamed.
  kin: ({ cells }) => renamed(cells),
  question: ({ cells }) =>
    `Every row, every column and every block of ${HEIGHT} x ${cells.length / HEIGHT} cells of this Sudoku holds each of the digits 1 to ${cells.length} once. Fill in the empty cells (_).\n${cells.map((row) => row.map((digit) => digit || '_').join(' ')).join('\n')}`,
  answerForm: 'all rows from the top on one line, such as 1234 3412 2143 4321',
  answers: ({ solution }) => [rowsOf(solution, ' '), rowsOf(solution, ', ')],
  grader: 'exact',
  grade: ({ solution }, answer) => gradeDigits([rowsOf(solution, ' ')], answer),
  teacher: ({ cells, solution }) => ({
    thinking: stepsOf(cells)!
      .map(({ row, column, digit, why }) => `Row ${row + 1}, column ${column + 1} is ${digit}: ${why}.`)
      .join('\n'),
    answer: rowsOf(solution, ' '),
  }),
  // The pattern of the solution, whatever its digits are called.
  cluster: ({ solution }) => renamed(solution),
}
