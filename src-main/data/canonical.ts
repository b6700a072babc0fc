// The canonical rollout: one completion with everything that is known about it, chosen so that the dumps of other trainers
// map in and out without loss. A piece that is not known is absent: never zero, null or an empty list. In files its
// fields are spelled in snake case, as in the dumps it was modelled on; `fileNames` is the whole difference.
// Token ranges count from the start of the completion, text ranges are characters (UTF-16 units) of it.

import type { FinishReason } from '../../src-preload/contract.ts'
import { finishReasons, SCHEMA_VERSION } from '../../src-preload/contract.ts'
import { isObject, parseJson } from './json.ts'
import type { Json, JsonObject } from './json.ts'
import { pythonLiteral } from './pythonLiteral.ts'
import { asBoolean, asCount, asIndex, asNumber, asNumbers, asScores, asTexts, asText, asWholeNumbers } from './rollouts/fields.ts'

export interface Message {
  readonly role: string
  readonly content: Json
  readonly [key: string]: Json
}

/** One episode. `pCorrect` is J after it, from `pCorrectN` samples; `progress` is its change; `bonus` what credit paid. */
export interface CanonicalEpisode {
  readonly index: number
  readonly startToken?: number
  readonly endToken?: number
  readonly textStart?: number
  readonly textEnd?: number
  readonly marker?: string
  readonly pCorrect?: number
  readonly pCorrectN?: number
  readonly progress?: number
  readonly bonus?: number
  readonly extra?: JsonObject
}

export interface CanonicalRollout {
  readonly schemaVersion: number
  readonly runId?: string
  readonly split?: string
  readonly step?: number
  readonly promptId?: string
  readonly groupId?: string
  readonly sampleIndex?: number
  readonly prompt?: string
  /** The prompt as a conversation, where the source had one. */
  readonly promptMessages?: readonly Message[]
  readonly completion?: string
  readonly completionMessages?: readonly Message[]
  /** Numbers of tokens. */
  readonly promptTokens?: number
  readonly completionTokens?: number
  readonly promptTokenIds?: readonly number[]
  readonly completionTokenIds?: readonly number[]
  /** Log-probability of each completion token under the weights that sampled it. */
  readonly completionLogps?: readonly number[]
  readonly finishReason?: FinishReason
  readonly groundTruth?: string | readonly string[]
  readonly extractedAnswer?: string
  readonly correct?: boolean
  readonly reward?: number
  readonly rewards?: { readonly [name: string]: number }
  readonly advantage?: number
  /** Advantage of each completion token. */
  readonly advantages?: readonly number[]
  /** Whether it was trained on, and why not. */
  readonly used?: boolean
  readonly discardReason?: string
  /** J at the empty think block. */
  readonly startPCorrect?: number
  readonly startPCorrectN?: number
  readonly episodes?: readonly CanonicalEpisode[]
  /** Whatever else the source said, under its own names. */
  readonly extra?: JsonObject
}

type Field<T> = { readonly [K in keyof T]-?: { readonly name: string; read(value: Json): T[K] | undefined } }

const asFinish = (value: Json): FinishReason | undefined => finishReasons.find((reason) => reason === value)
const asChance = (value: Json): number | undefined => {
  const number = asNumber(value)
  return number !== undefined && number >= 0 && number <= 1 ? number : undefined
}

/** What is in `extra` joins what has no field; see `readFields`. */
const apart = (): undefined => undefined

const episodeFields: Field<CanonicalEpisode> = {
  index: { name: 'idx', read: asCount },
  startToken: { name: 'start_token', read: asCount },
  endToken: { name: 'end_token', read: asCount },
  textStart: { name: 'text_start', read: asCount },
  textEnd: { name: 'text_end', read: asCount },
  marker: { name: 'marker', read: (value) => (typeof value === 'string' ? value : undefined) },
  pCorrect: { name: 'p_correct', read: asChance },
  pCorrectN: { name: 'p_correct_n', read: asCount },
  progress: { name: 'progress', read: asNumber },
  bonus: { name: 'bonus', read: asNumber },
  extra: { name: 'extra', read: apart },
}

export const rolloutFields: Field<CanonicalRollout> = {
  schemaVersion: { name: 'schema_version', read: asCount },
  runId: { name: 'run_id', read: asText },
  split: { name: 'split', read: asText },
  step: { name: 'step', read: asIndex },
  promptId: { name: 'prompt_id', read: asText },
  groupId: { name: 'group_id', read: asText },
  sampleIndex: { name: 'sample_idx', read: asCount },
  prompt: { name: 'prompt', read: (value) => (typeof value === 'string' ? value : undefined) },
  promptMessages: { name: 'prompt_messages', read: asMessages },
  completion: { name: 'completion', read: (value) => (typeof value === 'string' ? value : undefined) },
  completionMessages: { name: 'completion_messages', read: asMessages },
  promptTokens: { name: 'prompt_tokens', read: asCount },
  completionTokens: { name: 'completion_tokens', read: asCount },
  promptTokenIds: { name: 'prompt_token_ids', read: asWholeNumbers },
  completionTokenIds: { name: 'completion_token_ids', read: asWholeNumbers },
  completionLogps: { name: 'completion_logps', read: asNumbers },
  finishReason: { name: 'finish_reason', read: asFinish },
  groundTruth: { name: 'ground_truth', read: asTexts },
  extractedAnswer: { name: 'extracted_answer', read: asText },
  correct: { name: 'correct', read: asBoolean },
  reward: { name: 'reward', read: asNumber },
  rewards: { name: 'rewards', read: asScores },
  advantage: { name: 'advantage', read: asNumber },
  advantages: { name: 'advantages', read: asNumbers },
  used: { name: 'used', read: asBoolean },
  discardReason: { name: 'discard_reason', read: asText },
  startPCorrect: { name: 'start_p_correct', read: asChance },
  startPCorrectN: { name: 'start_p_correct_n', read: asCount },
  episodes: { name: 'episodes', read: asEpisodes },
  extra: { name: 'extra', read: apart },
}

const speakers: { readonly [from: string]: string } = {
  human: 'user',
  user: 'user',
  gpt: 'assistant',
  assistant: 'assistant',
  model: 'assistant',
  chatgpt: 'assistant',
  bard: 'assistant',
  system: 'system',
  tool: 'tool',
  function: 'tool',
  observation: 'tool',
}

/** A list of messages with a role each, also where a table has it as text; ShareGPT's `from` and `value` become `role` and `content`. */
export function asMessages(given: Json | undefined): readonly Message[] | undefined {
  const value = typeof given === 'string' ? messagesInText(given) : given
  if (!Array.isArray(value) || value.length === 0 || !value.every(isObject)) return undefined
  const messages = value as readonly JsonObject[]
  if (messages.every(({ role }) => typeof role === 'string')) return messages as unknown as readonly Message[]
  if (!messages.every(({ from, value: text }) => typeof from === 'string' && typeof text === 'string')) return undefined
  return messages.map(({ from, value: content, ...rest }) => ({
    role: speakers[(from as string).toLowerCase()] ?? (from as string),
    content: content!,
    ...rest,
  }))
}

/** What looks like a list of messages in a text of JSON or of Python, as CSV and SQLite have it. */
function messagesInText(text: string): Json | undefined {
  if (!/^\s*(?:array\()?\[\s*\{/.test(text) || !/["'](?:role|from)["']\s*:/.test(text)) return undefined
  try {
    return parseJson(text)
  } catch {
    return pythonLiteral(text)
  }
}

function asEpisodes(value: Json): readonly CanonicalEpisode[] | undefined {
  if (!Array.isArray(value) || !value.every(isObject)) return undefined
  return (value as readonly JsonObject[]).map((each, index) => ({ index, ...readFields(episodeNames, each) }) as CanonicalEpisode)
}

type Reading = { readonly key: string; read(value: Json): unknown }

/** A field table by the names in files. */
function byFileName(fields: object): ReadonlyMap<string, Reading> {
  return new Map(
    Object.entries(fields as { [key: string]: Reading & { name: string } }).map(([key, field]) => [field.name, { key, read: field.read }]),
  )
}

const rolloutNames = byFileName(rolloutFields)
const episodeNames = byFileName(episodeFields)

/** Reads what can be read; every other field that is not null goes to `extra` under its own name. */
function readFields(names: ReadonlyMap<string, Reading>, row: JsonObject): object {
  const result: Record<string, unknown> = {}
  let rest: JsonObject | undefined
  for (const name in row) {
    const value = row[name]!
    if (value === null || name === 'extra') continue
    const known = names.get(name)
    const read = known?.read(value)
    if (read !== undefined) result[known!.key] = read
    else rest = withOwn(rest ?? {}, name, value)
  }
  const { extra } = row
  if (isObject(extra)) rest = { ...rest, ...extra }
  else if (extra !== undefined && extra !== null) rest = { ...rest, extra }
  if (rest !== undefined && Object.keys(rest).length > 0) result.extra = rest
  return result
}

/** Sets a field even when it is called `__proto__`. */
function withOwn(target: JsonObject, name: string, value: Json): JsonObject {
  return name === '__proto__'
    ? Object.defineProperty(target, name, { value, enumerable: true, configurable: true, writable: true })
    : Object.assign(target, { [name]: value })
}

/** A row of a canonical file. Fields of the wrong type and unknown fields are kept in `extra`. */
export function fromCanonicalRow(row: JsonObject): CanonicalRollout {
  return { schemaVersion: SCHEMA_VERSION, ...readFields(rolloutNames, row) }
}

function writeFields<T extends object>(fields: Field<T>, record: T): JsonObject {
  const entries = Object.entries(fields).flatMap(([key, field]) => {
    const value = (record as Record<string, Json | undefined>)[key]
    return value === undefined ? [] : [[(field as { name: string }).name, value] as const]
  })
  return Object.fromEntries(entries)
}

/** The row of a canonical file for a rollout; fields in the order of `rolloutFields`. */
export function toCanonicalRow(rollout: CanonicalRollout): JsonObject {
  const row = writeFields(rolloutFields, rollout)
  return rollout.episodes === undefined ? row : { ...row, episodes: rollout.episodes.map((episode) => writeFields(episodeFields, episode)) }
}
