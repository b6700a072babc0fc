// Grouping answers that mean the same, for majority votes. What means the same is decided by the grader that decides what is right, in
// either direction, so that order does not matter. Answers that state nothing belong to no group and never win.
import type { Vote } from '../../numeric/passAtK.ts'
import type { Grade, SpokenTask } from '../types.ts'

/**
 * [answers] for each answer, as extracted, the first answer that means the same; null stays null.
 * @param same whether two different texts are one answer, e.g. 0.5 and 1/2
 */
export function groupAnswers(answers: readonly (string | null)[], same: (a: string, b: string) => boolean): (string | null)[] {
  const leaders: string[] = []
  return answers.map((answer) => {
    if (answer === null) return null
    const leader = leaders.find((each) => each === answer || same(each, answer) || same(answer, each))
    if (leader === undefined) leaders.push(answer)
    return leader ?? answer
  })
}

/** Answers to one problem as votes, as `majAtK` counts them. */
export function votesOf(grades: readonly Pick<Grade, 'extracted' | 'correct'>[], { sameAnswer }: Pick<SpokenTask, 'sameAnswer'>): Vote[] {
  const groups = groupAnswers(
    grades.map(({ extracted }) => extracted),
    sameAnswer,
  )
  return grades.map(({ correct }, index) => ({ group: groups[index]!, correct }))
}
