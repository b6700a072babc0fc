// What the readers of rollout dumps share: where a file lies (names and folders carry the step in several trainers), and
// the parts that many dumps spell alike.

import { createHash } from 'node:crypto'
import { basename, dirname, sep } from 'node:path'
import type { FinishReason } from '../../../src-preload/contract.ts'
import { asMessages } from '../canonical.ts'
import type { CanonicalRollout, Message } from '../canonical.ts'
import type { Json, JsonObject } from '../json.ts'
import { isObject } from '../json.ts'
import { asBoolean, textWithThought } from './fields.ts'
import type { Picker } from './fields.ts'

export const rolloutSources = [
  'canonical',
  'trl',
  'verl',
  'prime-rl',
  'verifiers',
  'tinker',
  'open-instruct',
  'nemo-rl',
  'skyrl',
  'nemo-skills',
  'opencompass',
  'qwen-math',
  'matharena',
  'lm-eval',
  'inspect',
  'openai',
  'chat',
  'plain',
] as const
export type RolloutSource = (typeof rolloutSources)[number]

/** What is known about the file a row comes from. */
export interface MapContext {
  readonly path: string
  /** Canonical or plain names to columns, from --map. */
  readonly map: { readonly [role: string]: string }
  /** Ids of the episodes that were trained on, where a sibling file lists them; else null. */
  readonly effectiveIds: ReadonlySet<string> | null
  /** The first rows of the file: what a column holds is told by its values. */
  readonly sample: readonly JsonObject[]
}

/** A row as rollouts, or why it holds none. */
export type Mapped =
  | readonly CanonicalRollout[]
  | {
      readonly code: 'row.noCompletion' | 'row.noTrace' | 'row.newerSchema' | 'row.badField' | 'row.otherFilter' | 'row.failed'
      readonly detail: string
    }

/** What is told of a format on its page (docs/formats.md): rows as its program writes them, and what becomes of each field of theirs. */
export interface FormatPage {
  readonly title: string
  /** Names of its files, and what they say. */
  readonly files: string
  readonly example: readonly JsonObject[]
  /** Canonical names (or `extra`, or `rejected`) that a field goes to, separated by commas; what follows a colon is said besides. */
  readonly fields: { readonly [field: string]: string }
}

export interface SourceReader {
  readonly format: FormatPage

  /** Why these rows are of this source; null when they are not. `sample` is not empty. */
  recognise(sample: readonly JsonObject[], path: string): string | null
  read(row: JsonObject, context: MapContext): Mapped
}

/** Whether most rows of a sample pass: a dump with a few damaged rows is still recognised. */
export function most(sample: readonly JsonObject[], test: (row: JsonObject) => boolean): boolean {
  return sample.filter(test).length > sample.length / 2
}

/** Whether most rows have all these fields. */
export function mostHave(sample: readonly JsonObject[], ...names: string[]): boolean {
  return most(sample, (row) => names.every((name) => Object.hasOwn(row, name)))
}

/** The step in a file's name: `120.jsonl`, `step_12.jsonl`, `rollouts_step12.parquet`; undefined otherwise. */
export function stepOfStem(path: string): number | undefined {
  const stem = basename(path).replace(/(\.(jsonl?|ndjson|csv|tsv|parquet|arrow|gz|zst|table))+$/i, '')
  const match = /^(\d{1,15})$/.exec(stem) ?? /(?:^|[-_.])(?:global_?)?(?:step|iteration|iter)[-_]?(\d{1,15})(?:$|[-_.])/i.exec(stem)
  return match === null ? undefined : Number(match[1])
}

/** The number in the nearest enclosing folder named like `step_12`, `step=12` or `iteration_000012`. */
export function stepOfFolder(path: string): number | undefined {
  for (const folder of foldersOf(path)) {
    const match = /^(?:step|iteration|global_step)[_=-]?(\d{1,15})$/.exec(folder)
    if (match !== null) return Number(match[1])
  }
  return undefined
}

const splitWords = new Map(
  Object.entries({
    train: 'train',
    training: 'train',
    test: 'test',
    testing: 'test',
    val: 'val',
    valid: 'valid',
    validation: 'validation',
    dev: 'dev',
    eval: 'eval',
    evaluation: 'eval',
    heldout: 'heldout',
  }),
)

/**
 * The split that a path names, its own folders only: `train-00000-of-00002.parquet`, `val/`, `split=test/`, `eval_rollouts.jsonl`. The
 * nearest name wins; undefined where none says so, or where one says two.
 */
export function splitOfPath(inside: string): string | undefined {
  const [file = '', ...folders] = inside.split(/[\\/]/).reverse()
  const words = (name: string): string[] =>
    name
      .toLowerCase()
      .replace(/\.(jsonl?|ndjson|csv|tsv|parquet|arrow|feather|gz|zst|zip|tar|txt|db|eval).*$/, '')
      .split(/[-_.\s]+/)
      .filter((word) => !/^(of|\d+|step\d*|rollouts?)$/.test(word))
  const named = (name: string): string | undefined => {
    const all = words(name)
    const found = new Set([all[0], all.at(-1)].flatMap((word) => splitWords.get(word ?? '') ?? []))
    return found.size === 1 ? [...found][0] : undefined
  }
  const inFile = named(file)
  if (inFile !== undefined) return inFile
  for (const folder of folders) {
    const hive = /^(?:split|subset|partition)=(.+)$/i.exec(folder)
    if (hive !== null) return splitWords.get(hive[1]!.toLowerCase()) ?? hive[1]
    const word = words(folder)
    if (word.length === 1 && splitWords.has(word[0]!)) return splitWords.get(word[0]!)
  }
  return undefined
}

/** Names of the enclosing folders, nearest first. */
export function foldersOf(path: string): string[] {
  return dirname(path).split(sep).reverse()
}

export interface Conversation {
  readonly text?: string
  readonly messages?: readonly Message[]
}

/** A prompt that is text or a list of messages; the text of messages is their contents, blank line between. */
export function conversation(value: Json): Conversation | undefined {
  const messages = asMessages(value)
  if (messages === undefined && typeof value === 'string') return { text: value }
  return messages === undefined ? undefined : { text: messages.map(messageText).join('\n\n'), messages }
}

/** A completion that is text, a message or a list of messages: what the model wrote, without what tools answered it. */
export function written(value: Json): Conversation | undefined {
  if (typeof value === 'string' && asMessages(value) === undefined) return { text: value }
  if (isObject(value) && !['content', 'role', 'reasoning_content', 'tool_calls'].some((name) => Object.hasOwn(value, name)))
    return undefined
  const messages = asMessages(isObject(value) ? [{ role: 'assistant', ...value }] : value)
  return messages === undefined ? undefined : { text: writtenText(messages), messages }
}

/** What the model wrote in these messages, blank line between; all of them where none is the model's. */
export function writtenText(messages: readonly Message[]): string {
  const own = messages.filter(({ role }) => role === 'assistant')
  return (own.length > 0 ? own : messages).map(messageText).join('\n\n')
}

/** A message's text, with its reasoning, where it comes apart, put back in think tags. */
export const messageText = (message: Message): string => textWithThought(message)

/** Marks after which a model writes, in the templates of the usual families. */
const modelTurns = [
  '<|im_start|>assistant\n',
  '<|start_header_id|>assistant<|end_header_id|>\n\n',
  '<start_of_turn>model\n',
  '<｜Assistant｜>',
  '<|assistant|>\n',
  '<|Assistant|>',
  '[/INST]',
] as const

/** A text of prompt and answer together, cut after the first mark of the model's turn that follows the last of the user's; null where there is none. */
export function splitAtModel(text: string): { readonly prompt: string; readonly completion: string } | null {
  const [at, mark] = modelTurns
    .map((each) => [text.lastIndexOf(each), each] as const)
    .reduce((best, each) => (each[0] > best[0] ? each : best))
  return at < 0 ? null : { prompt: text.slice(0, at + mark.length), completion: text.slice(at + mark.length) }
}

const finishes: { readonly [word: string]: FinishReason } = {
  stop: 'stop',
  completed: 'stop',
  finished: 'stop',
  eos_found: 'stop',
  truncated: 'length',
  max_length: 'length',
  eos: 'stop',
  eos_token: 'stop',
  end_turn: 'stop',
  stop_sequence: 'stop',
  tool_calls: 'stop',
  length: 'length',
  max_tokens: 'length',
  model_length: 'length',
  max_new_tokens: 'length',
  error: 'error',
  abort: 'cancelled',
  aborted: 'cancelled',
  cancelled: 'cancelled',
  forced: 'forced',
}

/** A finish reason in any trainer's word. */
export function asFinishWord(value: Json): FinishReason | undefined {
  return typeof value === 'string' && Object.hasOwn(finishes, value) ? finishes[value] : undefined
}

/** Identity of a prompt that came without an id: the same text gives the same id in every file. */
export function promptHash(prompt: string | readonly number[] | undefined): string | undefined {
  if (prompt === undefined) return undefined
  const bytes = typeof prompt === 'string' ? prompt : Buffer.from(Int32Array.from(prompt).buffer)
  return `${typeof prompt === 'string' ? 'text' : 'tokens'}:${createHash('sha256').update(bytes).digest('hex').slice(0, 16)}`
}

const correctness = /^(is_)?(acc|accuracy|correct|correctness)(_reward)?(_func)?$/

/** Whether the row says outright that the answer was right: a field named so that is true, false, 1 or 0. */
export function statedCorrect(fields: Picker, names: readonly string[]): boolean | undefined {
  for (const name of names) {
    if (!correctness.test(name)) continue
    const stated = asBoolean(fields.peek(name))
    if (stated !== undefined) return stated
  }
  return undefined
}
