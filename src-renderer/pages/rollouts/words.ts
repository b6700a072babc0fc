/**
 * A rollout in words: its problem, its verdict, its episodes beside J, its tokens. Pure functions from contract records to what
 * the parts show; nothing is computed that the lab did not answer, only cut, named and put side by side.
 */
import { readChat } from '../../../src-preload/contract.ts'
import type {
  AskedText,
  ExplanationView,
  Problem,
  Rollout,
  RolloutDetail,
  RolloutReading,
  ThinkingView,
} from '../../../src-preload/contract.ts'
import { fixed, signed } from '../../charts/format.ts'
import type { EpisodeView } from '../../parts/EpisodeText.svelte'
import type { TokenView } from '../../parts/TokenText.svelte'

/** "5 4 15 → 79": the prompt without the marks that only the model needs; of a conversation what was asked last. */
export const promptText = ({ prompt }: Pick<Problem, 'prompt'>): string =>
  (readChat(prompt)?.findLast(({ role }) => role === 'user')?.text ?? prompt)
    .replace(/<\/?[a-z_]+>/gi, ' ')
    .replaceAll('->', '→')
    .replace(/[ \t]+/g, ' ')
    .trim()

/** Who said what to the model, with the thought that was opened for it named as what it is. */
export const askedTurns = ({ turns }: Pick<AskedText, 'turns'>): AskedText['turns'] =>
  turns.map(({ role, text }, i) =>
    i === turns.length - 1 && role === 'assistant' ? { role, text: `${text}\n… it goes on from here` } : { role, text },
  )

export type Verdict = 'right' | 'wrong' | 'none'
export const verdictOf = ({ correct }: Pick<Rollout, 'correct'>): Verdict => (correct === null ? 'none' : correct ? 'right' : 'wrong')
export const verdictWord: Readonly<Record<Verdict, string>> = { right: 'right', wrong: 'wrong', none: 'not graded' }

export const finishWord: Readonly<Record<Rollout['finishReason'], string>> = {
  stop: 'finished: stop token',
  length: 'cut off at the token limit',
  forced: 'thinking was ended at the budget',
  cancelled: 'cancelled',
  error: 'failed',
  unknown: 'its file does not say how it ended',
}

/** Why a rollout was left out of the loss, in words; a reason without words is shown as it is. */
const reasons: Readonly<Record<string, string>> = {
  aborted: 'it was not finished',
  'no-peers': 'its group has no other sample to compare with',
  'no-signal': 'every sample of its group has the same outcome',
  filtered: 'the method learns from right answers only',
  capped: 'enough right answers of its problem are kept',
  repeated: 'another sample of its problem is the same text',
  shortened: 'its best beginning is learned from, ended with an answer: a sample of its own',
  outdone: 'no beginning of it made progress, or another sample of its problem made more',
  'missing-arm': 'one arm of its stale prefix has no sample',
  'baseline-only': 'it was sampled to measure a baseline',
  'observed-only': 'it was sampled to watch regret, with the draws that other methods make',
  'watch-list': 'its problem is on the watch list and was asked again to be read',
  'no-tokens': 'every token was forced or belongs to the prefix',
}
export const discardWord = (reason: string): string => reasons[reason] ?? reason.replaceAll('-', ' ')

/** What a rollout was sampled for. */
export const askedIn = ({ evaluationId, discardReason }: Pick<Rollout, 'evaluationId' | 'discardReason'>) =>
  evaluationId !== null ? 'evaluation' : discardReason === 'watch-list' ? 'watch list' : 'training'

/** The text of an episode, of what comes before the first and of what follows the last. */
export function textParts({ text, episodes }: Pick<RolloutDetail, 'text' | 'episodes'>): {
  readonly thoughts: readonly string[]
  readonly answer: string
} {
  const last = episodes.at(-1)
  return {
    thoughts: episodes.map(({ textStart, textEnd }) => text.slice(textStart, textEnd)),
    answer: text.slice(last?.textEnd ?? 0).trim(),
  }
}

/** The answer alone, as the lab read it; of a text without any mark of thinking, what follows the last episode. Marks of this program's own tasks are left out. */
export function answerText({ detail, said }: Pick<RolloutReading, 'detail' | 'said'>): string {
  const answer = said.marked || detail.episodes.length === 0 ? said.answer : textParts(detail).answer
  return detail.rollout.phase === 'imported'
    ? answer
    : answer
        .replace(/<\/?[a-z_]+>/gi, ' ')
        .replace(/ +/g, ' ')
        .trim()
}

/** A text as it stands: what was thought and what was answered, each in a piece of its own. */
export const saidPieces = ({
  detail: { text },
  said,
}: Pick<RolloutReading, 'detail' | 'said'>): readonly { readonly kind: 'thought' | 'answer'; readonly text: string }[] =>
  said.parts.map(({ kind, start, end }) => ({ kind, text: text.slice(start, end).trim() })).filter((piece) => piece.text !== '')

/** The episodes beside one progress curve; without one their J is absent. */
export function episodeViews(detail: Pick<RolloutDetail, 'text' | 'episodes'>, view: ThinkingView | undefined): readonly EpisodeView[] {
  const matches = view !== undefined && view.J.length === detail.episodes.length + 1
  return textParts(detail).thoughts.map((text, i) => {
    const { marker, startToken, endToken, bonus } = detail.episodes[i]
    return {
      text,
      ...(marker !== '' && { marker }),
      tokens: endToken - startToken,
      before: matches ? view.J[i] : null,
      after: matches ? view.J[i + 1] : null,
      lo: matches ? view.low[i + 1] : null,
      hi: matches ? view.high[i + 1] : null,
      bonus,
    }
  })
}

/** How J came about, in one sentence. */
export function estimatorSentence({ method, samples, weights, step, prover, temperature }: ThinkingView['estimator']): string {
  const how =
    method === 'exact'
      ? 'J is exact: the chance of every right answer, summed'
      : `J is the share of right ones among ${samples} sampled answers, with its Wilson interval`
  const whose = {
    current: 'weights that wrote this',
    frozen: 'frozen start weights',
    ema: 'averaged weights',
    checkpoint: 'weights of a checkpoint',
    unknown: 'weights not recorded',
  }[weights]
  return `${how}; ${whose}${step === null ? '' : `, after step ${step}`}${prover > 1 ? `; best of ${prover}` : ''}${temperature === null || temperature === 1 ? '' : `; at temperature ${temperature}`}.`
}

/** The text of every token, each with what stands before the next one; null where the record does not say which characters they cover. */
export const tokenTexts = ({ detail: { text }, textEnds }: Pick<RolloutReading, 'detail' | 'textEnds'>): readonly string[] | null =>
  textEnds && Array.from(textEnds, (end, i) => text.slice(i === 0 ? 0 : textEnds[i - 1], end))

/** Tokens with their log-probabilities, where these were recorded. */
export function tokenViews(reading: Pick<RolloutReading, 'detail' | 'textEnds'>): readonly TokenView[] | null {
  const { logps, tokens, sampled } = reading.detail
  const known = logps.length === tokens.length
  return (
    tokenTexts(reading)?.map((text, i) => {
      const forced = sampled !== null && sampled[i] === 0
      return { text, logp: known && !forced ? logps[i] : null, ...(forced && { forced }) }
    }) ?? null
  )
}

/** What one method pays one rollout of the group, or why that cannot be said. */
export function payslipOf(explanation: ExplanationView, rolloutId: number) {
  return explanation.kind === 'paid' ? (explanation.payslips.find((slip) => slip.rolloutId === rolloutId) ?? null) : null
}

/** How long it is; null where the file it was imported from did not say. */
export const lengthText = ({ phase, tokenCount }: Pick<Rollout, 'phase' | 'tokenCount'>): string | null =>
  phase === 'imported' && tokenCount === 0 ? null : `${tokenCount} tokens`

/** A rollout as Markdown, for notes and issues. */
export function rolloutMarkdown(
  { detail, said }: Pick<RolloutReading, 'detail' | 'said'>,
  view: ThinkingView | undefined,
  where: string,
): string {
  const lines = episodeViews(detail, view).map(({ text, after, before }, i) => {
    const change = after === null || before === null ? '' : ` — J ${fixed(after, 3)} (${signed(after - before, 3)})`
    return `${i + 1}. \`${text.replaceAll('`', "'")}\`${change}`
  })
  const { rollout } = detail
  const head = [
    `**${promptText(detail.problem)}**`,
    [`${where}; ${verdictWord[verdictOf(rollout)]}`, lengthText(rollout), `reward ${fixed(rollout.reward, 3)}`].filter(Boolean).join(', '),
  ]
  return [...head, '', ...lines, '', `Answer: \`${answerText({ detail, said }).replaceAll('`', "'")}\``].join('\n')
}
