// Regret over episodes: at each boundary, would it have been better to stop thinking and vote among several answers than
// to think on for one more block? The published variant (released analysis of arXiv 2503.07572): between boundary i and
// i+1, at x in {1, 2, 4, 6} units of compute, the parallel curve is voting, the sequential curve is the straight line
// from pass@1 here to pass@1 at the next boundary, and the better of the two is the optimum.
// A unit is one answer, and a block of thinking is taken to cost five; the published figures label B blocks as 1 + 5B.

import { trapezoid } from '../numeric/curves.ts'

/** Accuracy of mu at one boundary alone and under voting. */
export interface VotedBoundary {
  readonly pass1: number
  readonly maj2: number
  readonly maj4: number
  readonly maj8: number
}

const UNITS = [1, 2, 4, 6] as const
const SPAN = UNITS[3] - UNITS[0]

export interface EpisodeRegret {
  /** Mean over traces of lost area / optimal area; NaN when no trace counts. */
  readonly regret: number
  /** Traces with any optimal area; the others say nothing and are left out. */
  readonly traces: number
}

/** @param traces boundaries of each trace, in order; @param blocks how many blocks to look at from the start */
export function episodeRegret(traces: readonly (readonly VotedBoundary[])[], blocks: number): EpisodeRegret {
  let total = 0
  let counted = 0
  for (const boundaries of traces) {
    let lost = 0
    let optimal = 0
    for (let i = 0; i < Math.min(blocks, boundaries.length - 1); i++) {
      const { pass1, maj2, maj4, maj8 } = boundaries[i]
      const parallel = [pass1, maj2, maj4, (maj4 + maj8) / 2]
      const sequential = UNITS.map((x) => pass1 + ((x - 1) / SPAN) * (boundaries[i + 1].pass1 - pass1))
      const best = trapezoid(UNITS, parallel.map((value, k) => Math.max(value, sequential[k])))
      lost += best - trapezoid(UNITS, sequential)
      optimal += best
    }
    if (optimal === 0) continue
    total += lost / optimal
    counted++
  }
  return { regret: total / counted, traces: counted }
}
