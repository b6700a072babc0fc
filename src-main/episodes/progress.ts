// From J, the chance of success if thinking stopped at each boundary, to what each episode contributed.
// J has E + 1 entries, J[0] at the empty think block; progress has E. Arithmetic only: whose J it is, how it was measured
// and which tokens are paid for it are decided elsewhere. Definitions: Qu et al., arXiv 2503.07572, sections 3 and 4.

/** Progress of each episode: J_j - J_{j-1}. */
export function progressOf(J: ArrayLike<number>): Float64Array {
  return Float64Array.from({ length: Math.max(0, J.length - 1) }, (_, j) => J[j + 1] - J[j])
}

/**
 * Cumulative regret after each episode: sum over j < k of (comparator_j - J_j), for k = 1..E (the last boundary is
 * what the final answer is drawn from and is not itself an episode). The comparator defaults to certain success.
 */
export function cumulativeRegret(J: ArrayLike<number>, comparator?: ArrayLike<number>): Float64Array {
  let total = 0
  return Float64Array.from({ length: Math.max(0, J.length - 1) }, (_, j) => {
    total += (comparator === undefined ? 1 : comparator[j]) - J[j]
    return total
  })
}

/** The boundary after which nothing more is gained: the earliest with the largest J. */
export function bestBoundary(J: ArrayLike<number>): number {
  let best = 0
  for (const [j, value] of Array.from(J).entries()) if (value > J[best]) best = j
  return best
}

/**
 * The first boundary from which J stays at or above `threshold` to the end, or null. "The model has it by now":
 * a lucky boundary followed by a relapse does not count.
 */
export function firstStableBoundary(J: ArrayLike<number>, threshold = 0.5): number | null {
  let first: number | null = null
  for (let j = J.length - 1; j >= 0 && J[j] >= threshold; j--) first = j
  return first
}
