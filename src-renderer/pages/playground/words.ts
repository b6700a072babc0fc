/** A rollout of the playground in words: its episodes beside J, its answer, its tokens, and how it came about. Pure. */
import type { PlaygroundRollout, PlaygroundSource } from '../../../src-preload/contract.ts'
import { fixed } from '../../charts/format.ts'
import type { EpisodeView } from '../../parts/EpisodeText.svelte'
import type { TokenView } from '../../parts/TokenText.svelte'

export const episodesOf = ({ text, episodes, J }: PlaygroundRollout): readonly EpisodeView[] =>
  episodes.map(({ startToken, endToken, textStart, textEnd, marker }, index) => ({
    text: text.slice(textStart, textEnd),
    ...(marker !== '' && { marker }),
    tokens: endToken - startToken,
    before: J?.values[index] ?? null,
    after: J?.values[index + 1] ?? null,
  }))

/** What follows the thought, without marks: those of this program's own tasks, and of the end of a turn. */
export const answerOf = ({ text, thoughtEnd }: PlaygroundRollout): string =>
  text
    .slice(thoughtEnd)
    .replace(/<\/?[a-z_]+>|<\|[^|<>]*\|>/gi, ' ')
    .replace(/[ \t]+/g, ' ')
    .trim()

export const verdictOf = ({ grade }: PlaygroundRollout): 'right' | 'wrong' | 'none' =>
  grade === null ? 'none' : grade.correct ? 'right' : 'wrong'

export const endWords: Readonly<Record<PlaygroundRollout['finish'], string>> = {
  stop: 'finished: stop token',
  length: 'cut off at the token limit',
  forced: 'thinking was ended at the budget',
}

export const tokensOf = ({ text, textEnds, logps, sampled }: PlaygroundRollout): readonly TokenView[] =>
  Array.from(textEnds, (end, index) => ({
    text: text.slice(index === 0 ? 0 : textEnds[index - 1], end),
    logp: sampled[index] === 1 ? logps[index] : null,
    ...(sampled[index] !== 1 && { forced: true }),
  }))

/** How J came about, or why there is none. */
export function sentenceOfJ({ J, noJ }: PlaygroundRollout, source: PlaygroundSource | undefined): string {
  if (J === null) return `J is not told. ${noJ}`
  const forms = source?.speaks === null ? ' Where this model writes a right answer in another way, its chance is larger than J says.' : ''
  return `J is exact: the chance of each of the ${J.answers} ways of writing a right answer in its tokens that are listed, summed, at temperature ${J.temperature}, with the weights that wrote this.${forms}`
}

/** What it cost: reading the weights, writing, measuring. */
export function costOf({ textEnds, timing: { openMs, writeMs, measureMs }, J }: PlaygroundRollout): string {
  const seconds = (ms: number): string => `${fixed(ms / 1000, ms < 10_000 ? 2 : 1)} s`
  return [
    `${textEnds.length} tokens`,
    `written in ${seconds(writeMs)}, ${fixed((1000 * textEnds.length) / Math.max(1, writeMs))} tokens/s`,
    `opened in ${seconds(openMs)}`,
    ...(J === null ? [] : [`J in ${seconds(measureMs)}`]),
  ].join(' · ')
}
