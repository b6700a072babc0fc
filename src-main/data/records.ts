// Between the canonical rollout of files and the records of the workspace: what an export reads and an import hands to the
// store. The store's record has a place for every known field of the canonical one; the rest travels in `extra`.

import type { Estimator, NewProblem, NewRollout, ProgressCurve, RolloutDetail, SampleProvenance } from '../../src-preload/contract.ts'
import { SCHEMA_VERSION } from '../../src-preload/contract.ts'
import type { CanonicalEpisode, CanonicalRollout, Message } from './canonical.ts'
import type { Json, JsonObject } from './json.ts'
import { asTexts, compact } from './rollouts/fields.ts'
import { promptHash } from './rollouts/mapping.ts'
import type { DatasetRow } from './datasets/normalise.ts'

/** A stored rollout as a canonical one. `runUid` is the run's id that is unique everywhere. */
export function fromRolloutDetail(detail: RolloutDetail, runUid: string | null): CanonicalRollout {
  const { rollout, problem } = detail
  const curve = detail.progress[0]
  const values = new Map(curve?.estimates.map(({ boundary, value }) => [boundary, value]))
  const origin = (detail.origin ?? {}) as Origin
  const samples = curve === undefined || curve.estimator.method === 'exact' ? undefined : curve.estimator.samples
  return compact<CanonicalRollout>({
    schemaVersion: SCHEMA_VERSION,
    runId: runUid ?? undefined,
    split: rollout.phase !== 'imported' ? rollout.phase : problem.split === 'imported' ? undefined : problem.split,
    step: origin.absent?.includes('step') === true ? undefined : rollout.step,
    promptId: problem.key,
    groupId: origin.groupId ?? String(rollout.group),
    sampleIndex: rollout.sample,
    prompt: problem.prompt === '' ? undefined : problem.prompt,
    promptMessages: whole(origin.promptMessages, problem.prompt),
    completion: detail.text === '' && detail.tokens.length > 0 ? undefined : detail.text,
    completionMessages: whole(origin.completionMessages, detail.text),
    promptTokens: rollout.promptTokenCount > 0 ? rollout.promptTokenCount : undefined,
    completionTokens: rollout.tokenCount > 0 ? rollout.tokenCount : undefined,
    promptTokenIds: listOf(detail.promptTokens),
    completionTokenIds: listOf(detail.tokens),
    completionLogps: listOf(detail.logps),
    finishReason: rollout.finishReason === 'unknown' ? undefined : rollout.finishReason,
    groundTruth: asTexts(problem.answer) ?? (problem.answer === null ? undefined : JSON.stringify(problem.answer)),
    extractedAnswer: rollout.extractedAnswer ?? undefined,
    correct: rollout.correct ?? undefined,
    reward: rollout.reward ?? undefined,
    rewards: Object.keys(rollout.rewardParts).length > 0 ? rollout.rewardParts : undefined,
    advantage: rollout.advantage ?? undefined,
    advantages: detail.advantages === null ? undefined : listOf(detail.advantages),
    used: origin.absent?.includes('used') === true ? undefined : rollout.used,
    discardReason: rollout.discardReason ?? undefined,
    startPCorrect: values.get(0),
    startPCorrectN: values.has(0) ? samples : undefined,
    episodes:
      detail.episodes.length === 0
        ? undefined
        : detail.episodes.map((episode) => {
            const before = values.get(episode.index)
            const after = values.get(episode.index + 1)
            return compact<CanonicalEpisode>({
              index: episode.index,
              startToken: episode.startToken,
              endToken: episode.endToken,
              textStart: episode.textStart,
              textEnd: episode.textEnd,
              marker: episode.marker === '' ? undefined : episode.marker,
              pCorrect: after,
              pCorrectN: after === undefined ? undefined : samples,
              progress: before === undefined || after === undefined ? undefined : after - before,
              bonus: episode.bonus ?? undefined,
            })
          }),
    extra: extraOf(detail),
  })
}

/** What the workspace knows and the canonical row has no field for; undefined where there is nothing of it. */
function extraOf({ rollout, problem, progress, sampled, provenance, origin }: RolloutDetail): JsonObject | undefined {
  const known = compact({
    level: problem.level ?? undefined,
    slices: Object.keys(problem.slices).length > 0 ? problem.slices : undefined,
    budget_tokens: rollout.budgetTokens ?? undefined,
    thinking_tokens: rollout.thinkingTokens ?? undefined,
    kept_thinking: rollout.keptThinking || undefined,
    overthink_tokens: rollout.overthinkTokens ?? undefined,
    error: rollout.error ?? undefined,
    /** How J was measured: by which method, under which weights. */
    estimator: progress[0]?.estimator,
    /** 1 where the policy sampled the token, 0 where it was forced in. */
    sampled: sampled === null ? undefined : Array.from(sampled),
    sampling: provenance.sampling ?? undefined,
    policy_step: provenance.policyStep ?? undefined,
  })
  const all = { ...(origin as Origin | undefined)?.extra, ...known }
  return Object.keys(all).length === 0 ? undefined : (all as unknown as JsonObject)
}

/** Single-precision values in nine digits, which give them back exactly. */
function listOf(values: Int32Array | Float32Array): readonly number[] | undefined {
  if (values.length === 0) return undefined
  return values instanceof Float32Array ? Array.from(values, (value) => Number(value.toPrecision(9))) : Array.from(values)
}

/** What the grader needs: a ground truth that is a record as JSON (numbers and a target, say) is that record again. */
function answerOf(truth: CanonicalRollout['groundTruth']): Json {
  if (typeof truth !== 'string' || !truth.startsWith('{')) return truth ?? null
  try {
    return JSON.parse(truth) as Json
  } catch {
    return truth
  }
}

/** The problem that a rollout answers, for a data set made of what was imported. */
export function problemOf(rollout: CanonicalRollout): NewProblem {
  const prompt = rollout.prompt ?? ''
  return {
    key: rollout.promptId ?? promptHash(rollout.prompt ?? rollout.promptTokenIds) ?? `group:${rollout.step ?? 0}:${rollout.groupId ?? '0'}`,
    split: rollout.split ?? 'imported',
    prompt,
    answer: answerOf(rollout.groundTruth),
    level: null,
    slices: {},
  }
}

/** A problem of an imported dataset; `split` where the row names none. */
export function problemOfRow(row: DatasetRow, split: string): NewProblem {
  return {
    key: row.id,
    split: row.split ?? split,
    prompt: row.problem,
    answer: row.answer ?? null,
    level: row.level,
    slices: row.slices,
    ...(row.extra !== undefined && { extra: row.extra }),
  }
}

export interface RolloutPlace {
  readonly problemId: number
  readonly group: number
  readonly sample: number
  readonly provenance: SampleProvenance
}

/** What the file said of a rollout that the store has no column for. */
interface Origin {
  readonly extra?: JsonObject
  readonly promptMessages?: readonly Message[]
  readonly completionMessages?: readonly Message[]
  readonly groupId?: string
  /** Canonical fields that the file did not state and the record has to have. */
  readonly absent?: readonly string[]
}

/** Messages whose only text is kept elsewhere go without it. */
const lean = (messages: readonly Message[] | undefined, text: string | undefined): readonly Message[] | undefined =>
  messages?.length === 1 && messages[0]!.content === text
    ? messages.map(({ content: _content, ...rest }) => rest as unknown as Message)
    : messages
const whole = (messages: readonly Message[] | undefined, text: string): readonly Message[] | undefined =>
  messages?.length === 1 && messages[0]!.content === undefined ? messages.map((message) => ({ ...message, content: text })) : messages

function originOf({ extra, prompt, promptMessages, completion, completionMessages, groupId, used, step }: CanonicalRollout): Json {
  const absent = [...(used === undefined ? ['used'] : []), ...(step === undefined ? ['step'] : [])]
  return compact<Origin>({
    extra,
    promptMessages: lean(promptMessages, prompt),
    completionMessages: lean(completionMessages, completion),
    groupId,
    absent: absent.length > 0 ? absent : undefined,
  }) as unknown as Json
}

/**
 * A canonical rollout as the store takes it. Token arrays are empty where the file had none, with the numbers it states; the finish reason is `unknown`
 * where it named none; what the record has no place for goes along as its origin.
 */
export function toNewRollout(rollout: CanonicalRollout, place: RolloutPlace): NewRollout {
  return {
    ...place,
    budgetTokens: null,
    thinkingTokens: null,
    finishReason: rollout.finishReason ?? 'unknown',
    correct: rollout.correct ?? null,
    extractedAnswer: rollout.extractedAnswer ?? null,
    reward: rollout.reward ?? null,
    rewardParts: rollout.rewards ?? {},
    advantage: rollout.advantage ?? null,
    used: rollout.used ?? true,
    discardReason: rollout.discardReason ?? null,
    overthinkTokens: null,
    error: null,
    text: rollout.completion ?? '',
    statedTokens: { prompt: rollout.promptTokens ?? 0, completion: rollout.completionTokens ?? 0 },
    promptTokens: Int32Array.from(rollout.promptTokenIds ?? []),
    tokens: Int32Array.from(rollout.completionTokenIds ?? []),
    logps: Float32Array.from(rollout.completionLogps ?? []),
    sampled: null,
    advantages: rollout.advantages === undefined ? null : Float32Array.from(rollout.advantages),
    episodes: placedEpisodes(rollout).map((episode) => ({
      index: episode.index,
      startToken: episode.startToken,
      endToken: episode.endToken,
      textStart: episode.textStart ?? 0,
      textEnd: episode.textEnd ?? 0,
      marker: episode.marker ?? '',
      bonus: episode.bonus ?? null,
    })),
    progress: curvesOf(rollout),
    origin: originOf(rollout),
  }
}

type Placed = CanonicalEpisode & { readonly startToken: number; readonly endToken: number }

/** Episodes whose range is known: of tokens, or of characters where the file has no tokens at all; offsets of tokens are 0 then. */
function placedEpisodes({ episodes = [], completionTokenIds = [] }: CanonicalRollout): Placed[] {
  const inText =
    completionTokenIds.length === 0 && episodes.every(({ startToken, endToken }) => startToken === undefined && endToken === undefined)
  if (inText)
    return episodes
      .filter(({ textStart, textEnd }) => textStart !== undefined && textEnd !== undefined)
      .map((episode) => ({ ...episode, startToken: 0, endToken: 0 }))
  return episodes.filter((episode): episode is Placed => episode.startToken !== undefined && episode.endToken !== undefined)
}

/** The J curve of a rollout whose episodes carry estimates and token ranges. */
function curvesOf(rollout: CanonicalRollout): ProgressCurve[] {
  const measured = placedEpisodes(rollout).filter((episode) => episode.pCorrect !== undefined)
  if (measured.length === 0 && rollout.startPCorrect === undefined) return []
  const samples = measured.find((episode) => episode.pCorrectN !== undefined)?.pCorrectN ?? rollout.startPCorrectN ?? 0
  const estimator: Estimator = {
    method: samples > 0 ? 'sampled' : 'exact',
    samples,
    weights: 'unknown',
    checkpointId: null,
    step: rollout.step ?? null,
    prover: 1,
    template: '',
    temperature: null,
  }
  const point = (boundary: number, tokenOffset: number, value: number) => ({
    boundary,
    tokenOffset,
    value,
    low: null,
    high: null,
    tokensForwarded: 0,
  })
  const start = rollout.startPCorrect === undefined ? [] : [point(0, 0, rollout.startPCorrect)]
  return [{ estimator, estimates: [...start, ...measured.map((episode) => point(episode.index + 1, episode.endToken, episode.pCorrect!))] }]
}

/** A rollout that has its numbers already; `key` is that of its problem. */
export interface Numbered {
  readonly step: number
  readonly group: number
  readonly sample: number
  readonly key: string
  readonly groupId: string | null
}

/**
 * Numbers the rollouts of a file within their step, in the order they come: the group by its id, else by its prompt; the
 * sample by the file's own number where it is the first of that number in its group. `before` are rollouts that were numbered earlier.
 */
export function createNumbering(
  before: Iterable<Numbered> = [],
): (rollout: CanonicalRollout) => { readonly group: number; readonly sample: number } {
  const steps = new Map<number, Map<string, { group: number; taken: Set<number> }>>()
  for (const { step, group, sample, key: problem, groupId } of before) {
    const groups = steps.get(step) ?? new Map<string, { group: number; taken: Set<number> }>()
    steps.set(step, groups)
    const key = `${groupId ?? ''}\0${problem}`
    const entry = groups.get(key) ?? { group, taken: new Set<number>() }
    groups.set(key, entry)
    entry.taken.add(sample)
  }
  return (rollout) => {
    const step = rollout.step ?? 0
    const groups = steps.get(step) ?? new Map<string, { group: number; taken: Set<number> }>()
    steps.set(step, groups)
    // A group has one problem: a group number that recurs with another is another group.
    const key = `${rollout.groupId ?? ''}\0${problemOf(rollout).key}`
    const entry = groups.get(key) ?? { group: groups.size, taken: new Set<number>() }
    groups.set(key, entry)
    let sample = rollout.sampleIndex ?? entry.taken.size
    while (entry.taken.has(sample)) sample++
    entry.taken.add(sample)
    return { group: entry.group, sample }
  }
}
