// What a vote is worth that gathers while one thought goes on, beside one among whole thoughts that cost as many tokens (linearised evaluation of
// Qu et al., arXiv 2503.07572: maj@K over successive attempts against total tokens, and parallel maj@K). An attempt ends with an episode, and
// votes with one answer given there; answers are drawn, so each value is the mean over ballots, the n-th answer of every place being the n-th ballot.
import { mean, sum } from '../numeric/stats.ts'
import { majAtK, type Vote } from '../numeric/passAtK.ts'

/** The answers drawn at one boundary, as many at each. */
export interface Cast {
  readonly prefixTokens: number
  /** [ballots] */
  readonly votes: readonly Vote[]
  /** Of one answer, on average. */
  readonly answerTokens: number
}

export interface Worth {
  /** Of thinking and of all answers that vote. */
  readonly tokens: number
  /** Chance that the vote is right, ties shared. */
  readonly value: number
}

const ballots = (places: readonly Cast[], k: number): number =>
  mean(
    places[0]!.votes.map((_, ballot) =>
      majAtK(
        places.map(({ votes }) => votes[ballot]!),
        k,
      ),
    ),
  )

/**
 * The vote among the answers after each of the first `attempts` episodes. A thought that has ended by then votes with what it has, and one without
 * an episode with the answer that it gave at once.
 * @param boundaries [episodes + 1] the empty think block first
 */
export function successiveVote(boundaries: readonly Cast[], attempts: number): Worth {
  const cast = boundaries.length === 1 ? boundaries : boundaries.slice(1, 1 + attempts)
  return { tokens: cast.at(-1)!.prefixTokens + sum(cast.map(({ answerTokens }) => answerTokens)), value: ballots(cast, cast.length) }
}

/** The vote among one answer of each of `thoughts` whole thoughts of a problem, averaged over which. Throws RangeError where there are fewer. */
export function parallelVote(ends: readonly Cast[], thoughts: number): Worth {
  return {
    tokens: thoughts * mean(ends.map(({ prefixTokens, answerTokens }) => prefixTokens + answerTokens)),
    value: ballots(ends, thoughts),
  }
}
