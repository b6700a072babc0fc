// Cuts a thought, given as text, into episodes. The default is the rule of the paper's released analysis: split on
// blank lines; a paragraph that starts with one of six phrases opens a new episode, unless the last cut is fewer than
// three paragraphs ago; stop after a number of cuts; merge every few episodes into one. (Qu et al., "Optimizing
// Test-Time Compute via Meta Reinforcement Fine-Tuning", arXiv 2503.07572, section on segmentation.)
// Phrases, gap, cuts and grouping are hyper-parameters of every number computed from episodes, hence all explicit.
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

/** What makes a paragraph a candidate for opening an episode. */
export type Opener =
  /** It starts with one of the phrases, or a regular expression matches at its very start. */
  | { readonly kind: 'phrases', readonly phrases: readonly string[], readonly patterns?: readonly string[] }
  /** Every paragraph. */
  | { readonly kind: 'paragraphs' }
  /** Its words, with those of the following `window` paragraphs, differ from those of the `window` paragraphs before. */
  | { readonly kind: 'topics', readonly window: number }

export interface TextRule {
  readonly opener: Opener
  /** Paragraphs that must lie between two cuts, counting from one opening paragraph to the next. */
  readonly minGap: number
  /** Cuts after which the rest is one episode; null = no limit. */
  readonly maxCuts: number | null
  /** Consecutive episodes merged into one. */
  readonly groupSize: number
}

export const PAPER_PHRASES: readonly string[] = [
  'Wait', 'But wait', 'Alternatively', 'Is there another way to think about this?', 'But let me double-check', 'But hold on',
]

const paper = (maxCuts: number, groupSize: number): TextRule =>
  ({ opener: { kind: 'phrases', phrases: PAPER_PHRASES }, minGap: 3, maxCuts, groupSize })

/** The paper's settings, by what they were used for. */
export const PAPER_RULES = {
  /** Regret curves of the 1.5B models. */
  regret: paper(99, 10),
  /** [maj@p] analysis of R1-Distill-32B on Omni-MATH. */
  omniMath: paper(49, 5),
  /** The same on AIME 2024. */
  aime2024: paper(45, 3),
} as const satisfies Record<string, TextRule>

export interface TextEpisode {
  /** Paragraph indices. */
  readonly paragraphs: Range
  /** Offsets into the text, UTF-16 code units; trailing newlines are not part of an episode. */
  readonly characters: Range
}

export interface TextSegmentation {
  /** Offsets of each paragraph, the blank lines between them not included. */
  readonly paragraphs: readonly Range[]
  readonly episodes: readonly TextEpisode[]
}

/**
 * Episodes of a thought (without its `<think>` tags; see `findThinking`). A thought without any character has no episode.
 * Throws RangeError on a rule with a negative gap, cut limit, or group size below 1, SyntaxError on a bad pattern.
 */
export function segmentText(text: string, rule: TextRule): TextSegmentation {
  if (!(rule.minGap >= 0 && (rule.maxCuts ?? 0) >= 0 && rule.groupSize >= 1)) {
    throw new RangeError(`segmentation needs minGap >= 0, maxCuts >= 0 and groupSize >= 1, found ${rule.minGap}, ${rule.maxCuts}, ${rule.groupSize}`)
  }
  if (text === '') return { paragraphs: [], episodes: [] }
  const paragraphs = splitParagraphs(text)
  const candidate = candidates(text, paragraphs, rule.opener)

  const openings = [0]
  for (let i = 1; i < paragraphs.length; i++) {
    if (rule.maxCuts !== null && openings.length > rule.maxCuts) break
    if (candidate[i] && i - openings[openings.length - 1] >= rule.minGap) openings.push(i)
  }
  const merged = openings.filter((_, episode) => episode % rule.groupSize === 0)
  const episodes = merged.map((start, i) => {
    const end = merged[i + 1] ?? paragraphs.length
    return { paragraphs: { start, end }, characters: trimNewlines(text, paragraphs[start].start, paragraphs[end - 1].end) }
  })
  return { paragraphs, episodes }
}

function splitParagraphs(text: string): Range[] {
  const paragraphs: Range[] = []
  let start = 0
  for (const part of text.split('\n\n')) {
    paragraphs.push({ start, end: start + part.length })
    start += part.length + 2
  }
  return paragraphs
}

function candidates(text: string, paragraphs: readonly Range[], opener: Opener): boolean[] {
  const parts = paragraphs.map(({ start, end }) => text.slice(start, end))
  if (opener.kind === 'paragraphs') return parts.map(() => true)
  if (opener.kind === 'topics') return topicShifts(parts, opener.window)
  const patterns = (opener.patterns ?? []).map((source) => new RegExp(source, 'uy'))
  return parts.map((part) => opener.phrases.some((phrase) => part.startsWith(phrase)) || patterns.some((pattern) => {
    pattern.lastIndex = 0
    return pattern.test(part)
  }))
}

function trimNewlines(text: string, start: number, end: number): Range {
  while (end > start && text[end - 1] === '\n') end--
  return { start, end }
}

export interface Thinking extends Range {
  /** False when the closing tag never came. */
  readonly closed: boolean
}

/**
 * Where the thinking lies in a completion: after the first opening tag (or from the beginning when the prompt already
 * contained it), up to the first closing tag.
 */
export function findThinking(completion: string, open = '<think>', close = '</think>'): Thinking {
  const closing = completion.indexOf(close)
  const opening = completion.indexOf(open)
  const start = opening === -1 || (closing !== -1 && opening > closing) ? 0 : opening + open.length
  return { start, end: closing === -1 ? completion.length : closing, closed: closing !== -1 }
}
