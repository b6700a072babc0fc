// Another way to cut thoughts that were measured already: where a text rule would cut them, in tokens, and what J is known
// to be there. J between two measured places is read off the straight line between them; how many of the places were
// measured goes with it, since a figure over places that were not is an interpolation and has to say so.

import { interpolate } from '../numeric/curves.ts'
import { boundariesInTokens } from './segmentTokens.ts'
import { segmentText, type Range, type TextRule } from './segmentText.ts'
import { readThinking } from './thinking.ts'

/** The place of the first character from `from` on that is no white space. */
function behindSpace(text: string, from: number): number {
  const found = text.slice(from).search(/\S/)
  return found < 0 ? text.length : from + found
}

/** Where an episode is known to end, in tokens and in characters; 0 characters where it was not placed in the text. */
export interface KnownEnd {
  readonly endToken: number
  readonly textEnd: number
}

/**
 * Where the text of each token ends, the white space behind it included, for texts in which a token is a word; null for others, whose tokenizer is not known here: those of more or
 * fewer words than tokens, and those in which an episode ends elsewhere than with the word of its last token.
 */
export function wordEnds(text: string, tokenCount: number, known: readonly KnownEnd[] = []): number[] | null {
  const ends = Array.from(text.matchAll(/\S+\s*/g), ({ index, 0: word }) => index + word.length)
  const agrees = ({ endToken, textEnd }: KnownEnd): boolean => textEnd === 0 || ends[endToken - 1] === behindSpace(text, textEnd)
  return ends.length === tokenCount && known.every(agrees) ? ends : null
}

/**
 * The same for texts of other tokenizers, as far as is known from episodes that were placed in both: exact at their ends, between them every token takes as many characters as
 * another. Null for a text of which nothing was placed.
 * @param ends ascending; those that lead no further in both are passed over, as are places outside of the text
 */
export function endsBetween(text: string, tokenCount: number, ends: readonly KnownEnd[]): number[] | null {
  const [tokens, characters] = [[0], [0]]
  const place = ({ endToken, textEnd }: KnownEnd): void => {
    if (endToken <= tokens.at(-1)! || endToken > tokenCount || textEnd <= characters.at(-1)! || textEnd > text.length) return
    tokens.push(endToken)
    characters.push(textEnd)
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
 * Boundaries in tokens of the episodes of a completion, 0 first; [0] for an empty thought. What ends within the token that another ends in is no episode of its own: a thought can be
 * stopped between tokens alone.
 * @param tokenEnds for each token of the completion the offset at which its text ends, white space behind it included where that belongs to no token
 * @param thinkEnd tokens that are thought, where the last episode ends: the last of them may add nothing to the text
 */
export function cutTokens(tokenEnds: ArrayLike<number>, episodes: readonly Range[], thinkEnd: number): number[] {
  if (episodes.length === 0) return [0]
  const inner = boundariesInTokens(
    episodes.slice(0, -1).map(({ end }) => end),
    tokenEnds,
  )
  return [...new Set([...inner.filter((boundary) => boundary < thinkEnd), thinkEnd])]
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
