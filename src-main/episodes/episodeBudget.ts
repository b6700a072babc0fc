// Regret over a budget of episodes: what was lost by thinking on where a vote among answers given here would have bought more (released
// analysis of Qu et al., arXiv 2503.07572). From boundary i on there are two ways to spend the next block of thinking. Sequential: think on,
// success then rises from pass@1 at i to pass@1 at i + 1, taken as a straight line. Parallel: stop at i and let x answers vote. The better of
// both at each x is the comparator. Over x from 1 to 6, at x = 1, 2, 4, 6 and by trapezoids, a block loses the area between comparator
// and thinking on; a budget of B blocks loses the sum over the first B, divided by the comparator's own area. 0 is best. A block stands for
// five episodes on the axis, as in the release, however many it holds. Votes of 6 are the mean of votes of 4 and of 8.
import { trapezoid } from '../numeric/curves.ts'
import { sum } from '../numeric/stats.ts'

/** Where both ways are read, in answers or in fifths of a block and one. */
const AT = [1, 2, 4, 6] as const
/** Episodes that a block stands for. */
const BLOCK = AT[3] - AT[0]

/** Answers that have to be drawn at each boundary. */
export const VOTERS = 8
/** Blocks of the longest budget that the release shows. */
export const MOST_BLOCKS = 6

/** Episodes of a budget of so many blocks, as the release counts them. */
export const episodesOf = (blocks: number): number => 1 + BLOCK * blocks

/** At one boundary, the chance that one answer is right, and that a vote of 2, of 4 and of 8 is; 0..1. */
export interface Majorities {
  readonly 1: number
  readonly 2: number
  readonly 4: number
  readonly 8: number
}

/**
 * Regret of one rollout for a budget of `blocks` blocks; null where the comparator has no area, which the release leaves out: no block, or no
 * answer right by either way.
 * @param boundaries [episodes + 1] as drawn at each boundary, the empty think block first
 */
export function episodeBudgetRegret(boundaries: readonly Majorities[], blocks: number): number | null {
  const areas = boundaries.slice(0, -1).map((here, index) => {
    const next = boundaries[index + 1]![1]
    const parallel = [here[1], here[2], here[4], (here[4] + here[8]) / 2]
    const sequential = AT.map((x) => here[1] + ((next - here[1]) * (x - AT[0])) / BLOCK)
    const best = trapezoid(
      AT,
      sequential.map((value, at) => Math.max(value, parallel[at]!)),
    )
    return { best, lost: best - trapezoid(AT, sequential) }
  })
  const within = areas.slice(0, blocks)
  const best = sum(within.map((area) => area.best))
  return best === 0 ? null : sum(within.map(({ lost }) => lost)) / best
}
