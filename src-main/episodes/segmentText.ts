// Cuts a thought, given as text, into episodes. The default is the rule of the paper's released analysis: split on
// blank lines; a paragraph that starts with one of six phrases opens a new episode, unless the last cut is fewer than
// three paragraphs ago; stop after a number of cuts; merge every few episodes into one. (Qu et al., "Optimizing
// Test-Time Compute via Meta Reinforcement Fine-Tuning", arXiv 2503.07572, section on segmentation.)
// Phrases, gap, cuts and grouping are hyper-parameters of every number computed from episodes, hence all explicit.
// Other rules walk over other pieces (lines, words) or open episodes by other signs; all of them share the same walk.
//
// What the rule does not do, and we keep: it ignores no case and trims nothing, so ` Wait`, `wait` and a paragraph after
// three newlines (which begins with one) open nothing; the distance counter starts at paragraph 0, so a phrase within
// the first three paragraphs opens nothing; an ignored phrase does not restart the counter; a cut limit of m leaves up
// to m + 1 episodes, the last one holding all the rest; groups are filled from the front and the last may be short.

import { topicShifts } from './topics.ts'

/** Half-open range. */
export interface Range {
  readonly start: number
  readonly end: number
}

/**
 * What a text is walked in: paragraphs (apart by a blank line), lines, or words (apart by white space). In the procedural
 * tasks a word is a token.
 */
export type Unit = 'paragraph' | 'line' | 'word'

/** What makes a piece a candidate for opening an episode. */
export type Opener =
  /** It starts with one of the phrases, or a regular expression matches at its very start; both may run on over what follows. */
  | { readonly kind: 'phrases'; readonly phrases: readonly string[]; readonly patterns?: readonly string[] }
  /** Every piece. */
  | { readonly kind: 'paragraphs' }
  /** Every `size`-th piece. */
  | { readonly kind: 'windows'; readonly size: number }
  /** Its words, with those of the following `window` pieces, differ from those of the `window` pieces before. */
  | { readonly kind: 'topics'; readonly window: number }

export interface TextRule {
  readonly opener: Opener
  /** Paragraphs when absent. */
  readonly unit?: Unit
  /** Pieces that must lie between two cuts, counting from one opening piece to the next. */
  readonly minGap: number
  /** Cuts after which the rest is one episode; null = no limit. */
  readonly maxCuts: number | null
  /** Consecutive episodes merged into one. */
  readonly groupSize: number
}

export const PAPER_PHRASES: readonly string[] = [
  'Wait',
  'But wait',
  'Alternatively',
  'Is there another way to think about this?',
  'But let me double-check',
  'But hold on',
]

const paper = (maxCuts: number, groupSize: number): TextRule => ({
  opener: { kind: 'phrases', phrases: PAPER_PHRASES },
  minGap: 3,
  maxCuts,
  groupSize,
})

/** The paper's settings, by what they were used for. */
export const PAPER_RULES = {
  /** Regret curves of the 1.5B models. */
  regret: paper(99, 10),
  /** [maj@p] analysis of R1-Distill-32B on Omni-MATH. */
  omniMath: paper(49, 5),
  /** The same on AIME 2024. */
  aime2024: paper(45, 3),
} as const satisfies Record<string, TextRule>

/** Other rules to start from. */
export const OTHER_RULES = {
  /** Every `Wait`, wherever it stands: how the procedural tasks mark an episode. */
  markers: { opener: { kind: 'phrases', phrases: ['Wait'] }, unit: 'word', minGap: 0, maxCuts: null, groupSize: 1 },
  windows: { opener: { kind: 'windows', size: 16 }, unit: 'word', minGap: 0, maxCuts: null, groupSize: 1 },
  paragraphs: { opener: { kind: 'paragraphs' }, minGap: 0, maxCuts: null, groupSize: 1 },
  topics: { opener: { kind: 'topics', window: 2 }, minGap: 1, maxCuts: null, groupSize: 1 },
} as const satisfies Record<string, TextRule>

export interface TextEpisode {
  /** Indices of its pieces. */
  readonly pieces: Range
  /** Offsets into the text, UTF-16 code units; trailing newlines are not part of an episode. */
  readonly characters: Range
}

export interface TextSegmentation {
  /** Offsets of each piece, what stands between them not included. */
  readonly pieces: readonly Range[]
  readonly episodes: readonly TextEpisode[]
}

/**
 * Episodes of a thought (without its marks; see thinking.ts). A thought without any character has no episode.
 * Throws RangeError on a rule with a negative gap, cut limit, or group size below 1, SyntaxError on a bad pattern.
 */
export function segmentText(text: string, rule: TextRule): TextSegmentation {
  if (!(rule.minGap >= 0 && (rule.maxCuts === null || rule.maxCuts >= 0) && rule.groupSize >= 1)) {
    throw new RangeError(
      `segmentation needs minGap >= 0, maxCuts >= 0 and groupSize >= 1, found ${rule.minGap}, ${rule.maxCuts}, ${rule.groupSize}`,
    )
  }
  if (rule.opener.kind === 'windows' && !(rule.opener.size >= 1))
    throw new RangeError(`a window needs at least 1 piece, found ${rule.opener.size}`)
  const pieces = splitters[rule.unit ?? 'paragraph'](text)
  if (pieces.length === 0) return { pieces: [], episodes: [] }
  const opens = candidates(text, pieces, rule.opener)

  const openings = [0]
  for (let i = 1; i < pieces.length; i++) {
    if (rule.maxCuts !== null && openings.length > rule.maxCuts) break
    if (opens[i] && i - openings[openings.length - 1] >= rule.minGap) openings.push(i)
  }
  const merged = openings.filter((_, episode) => episode % rule.groupSize === 0)
  const episodes = merged.map((start, i) => {
    const end = merged[i + 1] ?? pieces.length
    return { pieces: { start, end }, characters: trimNewlines(text, pieces[start].start, pieces[end - 1].end) }
  })
  return { pieces, episodes }
}

function splitAt(separator: string): (text: string) => Range[] {
  return (text) => {
    if (text === '') return []
    let start = 0
    return text.split(separator).map((part) => {
      const piece = { start, end: start + part.length }
      start = piece.end + separator.length
      return piece
    })
  }
}

const splitters: Readonly<Record<Unit, (text: string) => Range[]>> = {
  paragraph: splitAt('\n\n'),
  line: splitAt('\n'),
  word: (text) => Array.from(text.matchAll(/\S+/g), ({ index, 0: word }) => ({ start: index, end: index + word.length })),
}

function candidates(text: string, pieces: readonly Range[], opener: Opener): boolean[] {
  if (opener.kind === 'paragraphs') return pieces.map(() => true)
  if (opener.kind === 'windows') return pieces.map((_, i) => i % opener.size === 0)
  if (opener.kind === 'topics')
    return topicShifts(
      pieces.map(({ start, end }) => text.slice(start, end)),
      opener.window,
    )
  const patterns = (opener.patterns ?? []).map((source) => new RegExp(source, 'uy'))
  return pieces.map(
    ({ start }) =>
      opener.phrases.some((phrase) => text.startsWith(phrase, start)) ||
      patterns.some((pattern) => {
        pattern.lastIndex = start
        return pattern.test(text)
      }),
  )
}

function trimNewlines(text: string, start: number, end: number): Range {
  while (end > start && text[end - 1] === '\n') end--
  return { start, end }
}
