// A rollout with its J as the trace that budgets and regret are computed from.
import type { MeasuredTrace } from '../episodes/budgetCurve.ts'
import type { AnswerTrie } from '../tasks/types.ts'
import type { Measured } from './estimate.ts'
import type { Entry } from './gather.ts'
import type { ProblemSource } from './tasks.ts'

/** Tokens of the correct answers to a problem, averaged over the strings; what a forced answer costs when it is not sampled. */
export function meanAnswerTokens(answers: AnswerTrie): number {
  const depth = new Int32Array(answers.token.length)
  let total = 0
  for (let node = 0; node < depth.length; node++) {
    const above = answers.parent[node]!
    depth[node] = above < 0 ? 1 : depth[above]! + 1
    if (answers.terminal[node]) total += depth[node]!
  }
  return total / answers.strings
}

export function measuredTrace(entry: Entry, measured: Pick<Measured, 'boundaries' | 'J'>, problems: ProblemSource): MeasuredTrace {
  const answer = meanAnswerTokens(problems.answers(entry.problem))
  return {
    promptTokens: entry.rollout.prompt.length,
    suffixTokens: problems.task.format.terminationSuffix.length,
    boundaries: measured.boundaries,
    answerTokens: measured.boundaries.map(() => answer),
    accuracy: measured.J,
  }
}
