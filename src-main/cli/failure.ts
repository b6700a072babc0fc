// How a command ends badly: a person's mistake is told in three lines and exits with 2, a cancelled command exits with 130, and a bug of
// ours is shown whole and exits with 70.
import { BUG, toContractError } from '../lab/answer.ts'

export const EXIT_MISTAKE = 2
export const EXIT_BUG = 70
export const EXIT_CANCELLED = 130

export interface FailureText {
  readonly text: string
  readonly exitCode: number
}

export function describeFailure(error: unknown, cancelled: boolean): FailureText {
  if (cancelled) return { text: 'Cancelled. What was recorded is kept; `mrt resume` goes on from the last checkpoint.', exitCode: EXIT_CANCELLED }
  const { code, expected, found, next } = toContractError(error, () => {})
  if (code !== BUG) return { text: [`error ${code}`, `  expected  ${expected}`, `  found     ${found}`, `  next      ${next}`].join('\n'), exitCode: EXIT_MISTAKE }
  return { text: `This is a bug in MRT Workbench, not your mistake:\n${error instanceof Error ? error.stack : String(error)}`, exitCode: EXIT_BUG }
}
