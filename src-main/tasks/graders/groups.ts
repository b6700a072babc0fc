// Grouping sampled answers that mean the same, for majority votes: equivalence is decided by the
// same grader that decides correctness. Answers that state nothing belong to no group and never win.

import type { Grader } from './grader.ts'
import { extractAnswer } from './extract.ts'

/**
 * Group number of each answer or completion, numbered from 0 in order of first appearance; -1 where no answer is stated.
 * An answer joins the first group whose first member it equals (in either direction, so that order does not matter).
 */
export const groupAnswers = async (answers: readonly string[], grader: Grader): Promise<number[]> => {
  const leaders: string[] = []
  const groups: number[] = []
  for (const answer of answers) {
    const stated = extractAnswer(answer)
    if (stated === null) {
      groups.push(-1)
      continue
    }
    let group = 0
    while (group < leaders.length && !(await same(leaders[group]!, stated, grader))) group++
    if (group === leaders.length) leaders.push(stated)
    groups.push(group)
  }
  return groups
}

const same = async (a: string, b: string, grader: Grader): Promise<boolean> =>
  a === b || (await grader.grade(a, b)).correct || (await grader.grade(b, a)).correct
