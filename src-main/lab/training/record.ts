// From what a step computed to the records the store keeps: rollouts with their episodes, estimates and pay. Pure.
import type { Episode, Estimator, NewRollout, SampleProvenance } from '../../../src-preload/contract.ts'
import { accountTokens } from '../../episodes/accounting.ts'
import type { Credit } from '../../rl/types.ts'
import type { SpokenTask, TaskFormat } from '../../tasks/types.ts'
import type { Entry } from './gather.ts'
import { correctOf } from './gather.ts'
import type { Measured } from './estimate.ts'

export interface Recordable {
  readonly entry: Entry
  readonly problemId: number
  readonly measured: Measured | null
  /** What credit assignment paid; null for evaluation. */
  readonly credit: Credit | null
}

export interface RecordSettings {
  readonly task: SpokenTask
  readonly budgetTokens: number
  readonly provenance: SampleProvenance
  /** Everything about the estimator but its method and K, which are the measurement's own. */
  readonly estimator: Omit<Estimator, 'method' | 'samples'>
}

/** Records in the order given. Tokens spent after the answer was stable are counted per problem over all its measured rollouts. */
export function rolloutRecords(items: readonly Recordable[], settings: RecordSettings): NewRollout[] {
  const overthinking = overthinkTokens(items)
  const estimators = new Map<string, Estimator>()
  const estimatorOf = ({ method, samples }: Measured): Estimator => {
    const key = `${method} ${samples}`
    if (!estimators.has(key)) estimators.set(key, { ...settings.estimator, method, samples })
    return estimators.get(key)!
  }
  return items.map(({ entry, problemId, measured, credit }, index) => {
    const { rollout, grade } = entry
    const text = settings.task.format.toText(rollout.tokens)
    const boundaries = measured?.boundaries ?? rollout.boundaries
    const lossTokens = credit ? credit.mask.reduce((sum, on) => sum + on, 0) : 0
    return {
      problemId,
      group: entry.group,
      sample: entry.sample,
      budgetTokens: entry.kept ?? settings.budgetTokens,
      thinkingTokens: rollout.thinkEnd,
      finishReason:
        rollout.finish === 'aborted' ? 'error' : rollout.finish === 'length' ? 'length' : rollout.forcedStop ? 'forced' : 'stop',
      correct: correctOf(entry) === 1,
      extractedAnswer: grade.extracted,
      reward: credit ? credit.reward : correctOf(entry),
      rewardParts: credit ? { ...credit.parts } : { outcome: correctOf(entry) },
      advantage: credit && lossTokens > 0 ? credit.advantage.reduce((sum, value) => sum + value, 0) / lossTokens : null,
      used: credit?.used ?? true,
      discardReason: credit?.discardReason ?? null,
      overthinkTokens: overthinking[index]!,
      error: rollout.error,
      text,
      promptTokens: Int32Array.from(rollout.prompt),
      tokens: rollout.tokens,
      logps: rollout.logps,
      sampled: rollout.sampled.every((value) => value === 1) ? null : rollout.sampled,
      advantages: credit ? credit.advantage : null,
      episodes: placedEpisodes(settings.task.format, text, rollout.tokens, boundaries).map((episode) => ({
        ...episode,
        bonus: credit && 'progress' in credit.parts ? credit.episodeBonus[episode.index]! : null,
      })),
      progress: measured
        ? [
            {
              estimator: estimatorOf(measured),
              estimates: measured.boundaries.map((offset, boundary) => ({
                boundary,
                tokenOffset: offset,
                value: measured.J[boundary]!,
                low: measured.intervals?.[boundary]?.low ?? null,
                high: measured.intervals?.[boundary]?.high ?? null,
                tokensForwarded: 0,
              })),
            },
          ]
        : [],
      provenance: settings.provenance,
    }
  })
}

/** The episodes between boundaries with their places in tokens and in text. */
export function placedEpisodes(
  format: TaskFormat,
  text: string,
  tokens: Int32Array,
  boundaries: readonly number[],
): Omit<Episode, 'bonus'>[] {
  const ends = format.textEnds(tokens)
  return boundaries.slice(1).map((endToken, index) => {
    const startToken = boundaries[index]!
    return {
      index,
      startToken,
      endToken,
      textStart: startToken === 0 ? 0 : afterSpace(text, ends[startToken - 1]!),
      textEnd: ends[endToken - 1]!,
      marker: index === 0 ? '' : markerAt(format, tokens[startToken]!),
    }
  })
}

/** White space between episodes belongs to neither. */
function afterSpace(text: string, offset: number): number {
  while (offset < text.length && /\s/.test(text[offset]!)) offset++
  return offset
}

/** The word that opens an episode, where the format has one for that. */
const markerAt = ({ extendTokens, toText }: TaskFormat, token: number): string =>
  extendTokens.length === 1 && extendTokens[0] === token ? toText([token]) : ''

function overthinkTokens(items: readonly Recordable[]): (number | null)[] {
  const result: (number | null)[] = items.map(() => null)
  const measured = items.flatMap((item, index) => (item.measured ? [index] : []))
  for (const members of Map.groupBy(measured, (index) => items[index]!.problemId).values()) {
    const accounts = accountTokens(
      members.map((index) => ({ boundaries: items[index]!.measured!.boundaries, accuracy: items[index]!.measured!.J })),
    )
    members.forEach((index, at) => {
      result[index] = accounts[at]!.overthinking
    })
  }
  return result
}
