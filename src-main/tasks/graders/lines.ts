// Grading as a stream of JSON lines: {"gold", "answer"} in, one verdict per line out, in order.
// A line that cannot be read is answered with what was wrong with it and its number; the rest goes on.

import type { Gold, Grader } from './grader.ts'

/** How many lines may be waiting for the worker at once. */
const IN_FLIGHT = 32

type Line = { readonly gold: Gold; readonly answer: string | number | null; readonly id?: string | number }

class BadLine extends Error {}

// Long whole numbers keep their digits: the source text replaces the rounded double.
const keepDigits = (_: string, value: unknown, context?: { source?: string }): unknown =>
  typeof value === 'number' && context?.source !== undefined && !Number.isSafeInteger(value) ? context.source : value

const isText = (value: unknown): value is string | number => typeof value === 'string' || typeof value === 'number'

const parseLine = (text: string): Line => {
  let read: unknown
  try {
    read = JSON.parse(text, keepDigits as (key: string, value: unknown) => unknown)
  } catch (problem) {
    throw new BadLine(`not JSON: ${(problem as Error).message}`)
  }
  if (typeof read !== 'object' || read === null || Array.isArray(read)) throw new BadLine('expected an object with "gold" and "answer"')
  const { gold, answer, id } = read as Record<string, unknown>
  if (!isText(gold) && !(Array.isArray(gold) && gold.length > 0 && gold.every(isText)))
    throw new BadLine('"gold" must be a text, a number, or a list of them')
  if (!isText(answer) && answer !== null) throw new BadLine('"answer" must be a text, a number, or null')
  return { gold, answer, ...(isText(id) && { id }) }
}

const gradeLine = async (text: string, line: number, grader: Grader): Promise<string> => {
  try {
    const { gold, answer, id } = parseLine(text)
    return JSON.stringify({ ...(id !== undefined && { id }), ...(await grader.grade(gold, answer)) })
  } catch (problem) {
    if (!(problem instanceof BadLine)) throw problem
    return JSON.stringify({ correct: false, extracted: null, error: { code: 'grade.line', line, message: problem.message } })
  }
}

/**
 * One JSON line per input line, in order: {"correct", "extracted", "reason"}, with "id" repeated if the line had one,
 * or {"correct": false, "extracted": null, "error": {"code", "line", "message"}}. Blank lines are passed over; line numbers start at 1.
 */
export async function* gradeLines(lines: AsyncIterable<string> | Iterable<string>, grader: Grader): AsyncGenerator<string> {
  const waiting: Promise<string>[] = []
  let line = 0
  for await (const text of lines) {
    line++
    if (text.trim() === '') continue
    const result = gradeLine(text, line, grader)
    result.catch(() => undefined)
    waiting.push(result)
    if (waiting.length >= IN_FLIGHT) yield await waiting.shift()!
  }
  for (const result of waiting) yield await result
}
