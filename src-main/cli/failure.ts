// How a command ends badly: a person's mistake is told in three lines and exits with 2, a cancelled command exits with 130, and a bug of
// ours is told in one line, its details kept in a file, and exits with 70.
import { writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BUG, toContractError } from '../lab/answers/answer.ts'

export const EXIT_MISTAKE = 2
export const EXIT_BUG = 70
export const EXIT_CANCELLED = 130

export interface FailureText {
  readonly text: string
  readonly exitCode: number
}

/** @param keep writes the details of a bug somewhere and says where */
export function describeFailure(error: unknown, cancelled: boolean, keep: (details: string) => string = keepDetails): FailureText {
  if (cancelled)
    return { text: 'Cancelled. What was recorded is kept; `mrt resume` goes on from the last checkpoint.', exitCode: EXIT_CANCELLED }
  const { code, expected, found, next } = toContractError(error, () => {})
  if (code !== BUG)
    return {
      text: [`error ${code}`, `  expected  ${expected}`, `  found     ${found}`, `  next      ${next}`].join('\n'),
      exitCode: EXIT_MISTAKE,
    }
  const [told] = (error instanceof Error ? `${error.name}: ${error.message}` : String(error)).split('\n')
  return {
    text: `This is a bug in MRT Workbench, not your mistake: ${told}\n  details   ${keep(error instanceof Error ? (error.stack ?? told!) : String(error))}`,
    exitCode: EXIT_BUG,
  }
}

function keepDetails(details: string): string {
  const file = join(tmpdir(), `mrt-workbench-bug-${process.pid}.txt`)
  try {
    writeFileSync(file, `${details}\n`)
    return file
  } catch {
    return 'could not be written down'
  }
}
