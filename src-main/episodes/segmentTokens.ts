// Episodes of a token trace, as boundaries: token offsets into the completion (everything after the prompt) at which
// thinking can be stopped. boundaries[0] = 0 is the empty think block; boundaries[j] is the end of episode j, just
// before the marker that opens the next one, or the end of the thinking. E episodes have E + 1 boundaries, and J, the
// chance of success at each, is a list of the same length.

import type { Range } from './segmentText.ts'

export interface TokenMarkers {
  /** Tokens that open an episode; one at the very beginning opens the first, which is open already. */
  readonly openers: readonly number[]
  /** Runs of tokens, each of which closes the thinking. */
  readonly closers: readonly (readonly number[])[]
  /** Tokens that end everything. */
  readonly stops: readonly number[]
}

export interface TokenSegmentation {
  /** [episodes + 1] offsets into the completion, ascending. */
  readonly boundaries: readonly number[]
  /** Offset of the first closing token, or of the end when it never came. Equals the last boundary. */
  readonly thinkEnd: number
  /** Offset behind what closed the thinking; `thinkEnd` where nothing did. */
  readonly answerStart: number
  /** True when the thinking was closed by the model itself. */
  readonly closed: boolean
}

/**
 * Cuts the thinking of a completion before every opener. Thinking ends at the first closing token, else at the end
 * token, else with the completion. Empty thinking has no episode.
 */
export function segmentTokens(completion: ArrayLike<number>, markers: TokenMarkers): TokenSegmentation {
  const { thinkEnd, answerStart, closed } = endOfThinking(completion, markers)
  const boundaries = [0]
  for (let i = 1; i < thinkEnd; i++) if (markers.openers.includes(completion[i])) boundaries.push(i)
  if (thinkEnd > 0) boundaries.push(thinkEnd)
  return { boundaries, thinkEnd, answerStart, closed }
}

/** The first place where the thinking of a completion ends: at a closer, at a token that ends everything, or with the completion. */
export function endOfThinking(
  completion: ArrayLike<number>,
  { closers, stops }: Omit<TokenMarkers, 'openers'>,
): Omit<TokenSegmentation, 'boundaries'> {
  for (let i = 0; i < completion.length; i++) {
    const closer = closers.reduce(
      (longest, run) => (run.length > longest && run.every((token, at) => completion[i + at] === token) ? run.length : longest),
      0,
    )
    if (closer > 0) return { thinkEnd: i, answerStart: i + closer, closed: true }
    if (stops.includes(completion[i])) return { thinkEnd: i, answerStart: i, closed: false }
  }
  return { thinkEnd: completion.length, answerStart: completion.length, closed: false }
}

/** Leaves at most `maxEpisodes` episodes by merging all later ones into the last. */
export function limitEpisodes(boundaries: readonly number[], maxEpisodes: number): number[] {
  if (!(maxEpisodes >= 1)) throw new RangeError(`at least 1 episode must remain, found a limit of ${maxEpisodes}`)
  return boundaries.filter((_, j) => j < maxEpisodes || j === boundaries.length - 1)
}

/** The episodes between boundaries: [E + 1] offsets to [E] half-open ranges. */
export function episodeRanges(boundaries: ArrayLike<number>): Range[] {
  return Array.from({ length: Math.max(0, boundaries.length - 1) }, (_, j) => ({ start: boundaries[j], end: boundaries[j + 1] }))
}

/**
 * Boundaries in tokens for episodes cut in text: each is the smallest number of tokens whose text reaches the end of the
 * episode. A token that spans the cut belongs to the episode before it.
 * @param characterEnds ends of the episodes, ascending offsets into the text of the completion
 * @param tokenEnds for each token the offset at which its text ends, ascending
 */
export function boundariesInTokens(characterEnds: ArrayLike<number>, tokenEnds: ArrayLike<number>): number[] {
  const boundaries = [0]
  let token = 0
  for (let j = 0; j < characterEnds.length; j++) {
    while (token < tokenEnds.length && (token === 0 ? 0 : tokenEnds[token - 1]) < characterEnds[j]) token++
    boundaries.push(token)
  }
  return boundaries
}
