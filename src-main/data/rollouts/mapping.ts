// What the readers of rollout dumps share: where a file lies (names and folders carry the step in several trainers), and
// the parts that many dumps spell alike.

import { createHash } from 'node:crypto'
import { basename, dirname, sep } from 'node:path'
import type { FinishReason } from '../../../src-preload/contract.ts'
import { asMessages } from '../canonical.ts'
import type { CanonicalRollout, Message } from '../canonical.ts'
import type { Json, JsonObject } from '../json.ts'
import { asBoolean, contentText } from './fields.ts'
import type { Picker } from './fields.ts'

export const rolloutSources = ['canonical', 'trl', 'verl', 'prime-rl', 'verifiers', 'tinker', 'open-instruct', 'plain'] as const
export type RolloutSource = (typeof rolloutSources)[number]

/** What is known about the file a row comes from. */
export interface MapContext {
  readonly path: string
  /** Canonical or plain names to columns, from --map. */
  readonly map: { readonly [role: string]: string }
  /** Ids of the episodes that were trained on, where a sibling file lists them; else null. */
  readonly effectiveIds: ReadonlySet<string> | null
}

/** A row as rollouts, or why it holds none. */
export type Mapped = readonly CanonicalRollout[] | { readonly code: 'row.noCompletion' | 'row.noTrace' | 'row.newerSchema' | 'row.badField'; readonly detail: string }

export interface SourceReader {
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

/** The number in a file name such as `120.jsonl`; undefined otherwise. */
export function stepOfStem(path: string): number | undefined {
  const match = /^(\d{1,15})\.jsonl?(\.gz|\.zst)?$/.exec(basename(path))
  return match === null ? undefined : Number(match[1])
}

/** The number in the nearest enclosing folder named like `step_12` or `iteration_000012`. */
export function stepOfFolder(path: string): number | undefined {
  for (const folder of foldersOf(path)) {
    const match = /^(?:step|iteration|global_step)[_-]?(\d{1,15})$/.exec(folder)
    if (match !== null) return Number(match[1])
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

/** A prompt or completion that is text or a list of messages; the text of messages is their contents, blank line between. */
export function conversation(value: Json): Conversation | undefined {
  if (typeof value === 'string') return { text: value }
  const messages = asMessages(value)
  return messages === undefined ? undefined : { text: messages.map(messageText).join('\n\n'), messages }
}

/** A message's text, with its reasoning, where it comes apart, put back in think tags. */
export function messageText(message: Message): string {
  const content = contentText(message.content)
  const reasoning = message.reasoning_content ?? message.reasoning
  return typeof reasoning === 'string' && reasoning !== '' ? `<think>${reasoning}</think>${content}` : content
}

const finishes: { readonly [word: string]: FinishReason } = {
  stop: 'stop', eos: 'stop', eos_token: 'stop', end_turn: 'stop', length: 'length', max_tokens: 'length', error: 'error', abort: 'cancelled', aborted: 'cancelled', cancelled: 'cancelled', forced: 'forced',
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
