// Cumulative regret over episodes: what was lost, episode by episode, against a comparator that had the same number of
// them: Delta_k = sum over j < k of (J*_j - J_j), averaged over the rollouts of a question (Qu et al., arXiv 2503.07572,
// definition 3.1). A rollout that has stopped keeps its last J, so it goes on to pay what it lacks. Which J*_j to compare
// with is a choice that can reorder methods: here are the four that the regret over tokens has as well (regret.ts).

import { mean } from '../numeric/stats.ts'
import { firstStableBoundary } from './progress.ts'

/** J of each rollout of each question, boundary by boundary from the empty think block. */
export type JByQuestion = readonly (readonly ArrayLike<number>[])[]

/** J* at a boundary of a question. */
export type EpisodeComparator = (question: number, boundary: number) => number

const held = (J: ArrayLike<number>, boundary: number): number => J[Math.min(boundary, J.length - 1)]
const meanHeld = (rollouts: readonly ArrayLike<number>[], boundary: number): number => mean(rollouts.map((J) => held(J, boundary)))

/** Right from the start. */
export const oracleEpisodes: EpisodeComparator = () => 1

/** The mean J of other rollouts on the same questions, as of a better checkpoint. */
export const referenceEpisodes =
  (reference: JByQuestion): EpisodeComparator =>
  (question, boundary) =>
    meanHeld(reference[question], boundary)

/** Right from the fewest episodes after which any rollout of the question was and stayed right; wrong before, and throughout where none was. */
export function sufficientEpisodes(pool: JByQuestion, threshold = 0.5): EpisodeComparator {
  const enough = pool.map((rollouts) => Math.min(...rollouts.map((J) => firstStableBoundary(J, threshold) ?? Infinity)))
  return (question, boundary) => (boundary >= enough[question] ? 1 : 0)
}

/** The same rollouts, none of which thinks for more than `episodes`. */
export const equalEpisodes =
  (questions: JByQuestion, episodes: number): EpisodeComparator =>
  (question, boundary) =>
    meanHeld(questions[question], Math.min(boundary, episodes))

/** Delta_k of each question for k = 1..`episodes`: [episodes][questions]. */
export function cumulativeByQuestion(questions: JByQuestion, comparator: EpisodeComparator, episodes: number): Float64Array[] {
  const total = new Float64Array(questions.length)
  return Array.from({ length: episodes }, (_, boundary) => {
    questions.forEach((rollouts, question) => {
      total[question] += comparator(question, boundary) - meanHeld(rollouts, boundary)
    })
    return total.slice()
  })
}
