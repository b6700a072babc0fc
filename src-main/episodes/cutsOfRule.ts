// Another way to cut thoughts that were measured already: where a text rule would cut them, in tokens, and what J is known
// to be there. J between two measured places is read off the straight line between them; how many of the places were
// measured goes with it, since a figure over places that were not is an interpolation and has to say so.

import { interpolate } from '../numeric/curves.ts'
import { boundariesInTokens } from './segmentTokens.ts'
import { segmentText, type Range, type TextRule } from './segmentText.ts'
import { readThinking } from './thinking.ts'

/** Where the text of each token ends, for texts in which a token is a word; null for others, whose tokenizer is not known here. */
export function wordEnds(text: string, tokenCount: number): number[] | null {
  const ends = Array.from(text.matchAll(/\S+/g), ({ index, 0: word }) => index + word.length)
  return ends.length === tokenCount ? ends : null
}

/** Where an episode is known to end, in tokens and in characters. */
export interface KnownEnd {
  readonly endToken: number
  readonly textEnd: number
}

/**
 * The same for texts of other tokenizers, as far as is known from episodes that were placed in both: exact at their ends, between them every token takes as many characters as
 * another. Null for a text of which nothing was placed.
 * @param ends ascending; those that lead no further in both are passed over, as are places outside of the text
 */
export function endsBetween(text: string, tokenCount: number, ends: readonly KnownEnd[]): number[] | null {
  const [tokens, characters] = [[0], [0]]
  const place = ({ endToken, textEnd }: KnownEnd): void => {
    // White space at the end of an episode belongs to it, but a cut is made before it.
    const character = text.slice(0, textEnd).trimEnd().length
    if (endToken <= tokens.at(-1)! || endToken > tokenCount || character <= characters.at(-1)!) return
    tokens.push(endToken)
    characters.push(character)
  }
  ends.forEach(place)
  if (tokens.length === 1) return null
  place({ endToken: tokenCount, textEnd: text.length })
  return Array.from({ length: tokenCount }, (_, token) => interpolate(tokens, characters, token + 1))
}

/** Episodes of the thinking of each text, as offsets into it; or why the rule can cut none. */
export type CutTexts = { readonly episodes: readonly (readonly Range[])[] } | { readonly refused: string }

export function cutTexts(texts: readonly string[], rule: TextRule): CutTexts {
  try {
    return { episodes: texts.map((text) => cutText(text, rule)) }
  } catch (error) {
    if (!(error instanceof SyntaxError || error instanceof RangeError)) throw error
    return { refused: error.message }
  }
}

function cutText(text: string, rule: TextRule): Range[] {
  const { start, end } = readThinking(text)
  return segmentText(text.slice(start, end), rule).episodes.map(({ characters }) => ({
    start: start + characters.start,
    end: start + characters.end,
  }))
}

/**
 * Boundaries in tokens of the episodes of a completion, 0 first; [0] for an empty thought.
 * @param tokenEnds for each token of the completion the offset at which its text ends
 */
export function cutTokens(text: string, tokenEnds: ArrayLike<number>, episodes: readonly Range[]): number[] {
  // White space belongs to no token, so an episode ends with its last word.
  const boundaries = boundariesInTokens(
    episodes.map(({ end }) => Math.max(episodes[0]!.start, text.slice(0, end).trimEnd().length)),
    tokenEnds,
  )
  // What ends within the token that another ends in is no episode of its own: a thought can be stopped between tokens alone.
  return [...new Set(boundaries)]
}

export interface ReadCurve {
  readonly boundaries: readonly number[]
  readonly J: readonly number[]
  /** Boundaries at which J was measured; the others lie on the line between their neighbours. */
  readonly measured: number
}

/** J at other boundaries than those measured. `at` are ascending token offsets with their J. */
export function readAt(
  at: { readonly offsets: ArrayLike<number>; readonly J: ArrayLike<number> },
  boundaries: readonly number[],
): ReadCurve {
  const known = new Map(Array.from(at.offsets, (offset, i) => [offset, at.J[i]]))
  return {
    boundaries,
    J: boundaries.map((offset) => known.get(offset) ?? interpolate(at.offsets, at.J, offset)),
    measured: boundaries.filter((offset) => known.has(offset)).length,
  }
}
