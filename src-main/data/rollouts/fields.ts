// Loose values to the types of the canonical row. Each answers undefined where a value is missing or not of that kind;
// the caller then leaves the value where it was found. Numbers written as text are accepted, because CSV has nothing else.

import { isObject } from '../json.ts'
import type { Json, JsonObject } from '../json.ts'

const numeral = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/

/** A finite number. */
export function asNumber(value: Json | undefined): number | undefined {
  const number = typeof value === 'string' && numeral.test(value.trim()) ? Number(value) : value
  return typeof number === 'number' && Number.isFinite(number) ? number : undefined
}

/** A whole number, negative ones included. */
export function asIndex(value: Json | undefined): number | undefined {
  const number = asNumber(value)
  return number !== undefined && Number.isSafeInteger(number) ? number : undefined
}

/** A whole number from 0. */
export function asCount(value: Json | undefined): number | undefined {
  const number = asIndex(value)
  return number !== undefined && number >= 0 ? number : undefined
}

/** Text that is not empty, or a number as text. */
export function asText(value: Json | undefined): string | undefined {
  if (typeof value === 'string' && value !== '') return value
  return typeof value === 'number' ? String(value) : undefined
}

/** true, false, 1, 0, or those words. */
export function asBoolean(value: Json | undefined): boolean | undefined {
  if (typeof value === 'boolean') return value
  if (value === 1 || value === 0) return value === 1
  const word = typeof value === 'string' ? value.trim().toLowerCase() : ''
  if (word === 'true' || word === '1' || word === '1.0') return true
  return word === 'false' || word === '0' || word === '0.0' ? false : undefined
}

/** One text or a list of them; numbers as text. */
export function asTexts(value: Json | undefined): string | readonly string[] | undefined {
  if (!Array.isArray(value)) return asText(value)
  const texts = value.map(asText)
  return texts.length > 0 && texts.every((text) => text !== undefined) ? (texts as string[]) : undefined
}

/** Words in a column of answers that stand for there being none: NuminaMath writes `proof` and `notfound`, pandas and Python the rest. */
const none = /^(proof|not[ _-]?found|n\/?a|nan|none|null|unknown|undefined|no answer|not available|\?+|-+)$/i

/** Whether a text in a column of answers says that there is no answer. */
export const standsForNone = (text: string): boolean => none.test(text.trim())

/** The answers in a text such as `["4", "4.0"]`, which some sets have in place of a list: one alone as itself. Undefined for every other text, `[1, 2]` among them. */
export function textsInText(text: string): string | readonly string[] | undefined {
  if (!/^\s*\[\s*"/.test(text)) return undefined
  try {
    const list = JSON.parse(text) as Json
    const texts =
      Array.isArray(list) && list.length > 0 && list.every((each) => typeof each === 'string' && each !== '')
        ? (list as readonly string[])
        : undefined
    return texts?.length === 1 ? texts[0] : texts
  } catch {
    return undefined
  }
}

/** A reference answer: one text or a list of them; undefined where it stands for none, so that it stays where it was found. */
export function asGold(value: Json | undefined): string | readonly string[] | undefined {
  const texts = asTexts(typeof value === 'string' ? (textsInText(value) ?? value) : value)
  return typeof texts === 'string' && standsForNone(texts) ? undefined : texts
}

/** A list of finite numbers, not empty. */
export function asNumbers(value: Json | undefined): readonly number[] | undefined {
  return Array.isArray(value) && value.length > 0 && value.every((each) => typeof each === 'number' && Number.isFinite(each))
    ? (value as number[])
    : undefined
}

/** A list of whole numbers from 0, not empty: token ids. */
export function asWholeNumbers(value: Json | undefined): readonly number[] | undefined {
  return Array.isArray(value) && value.length > 0 && value.every((each) => Number.isSafeInteger(each) && (each as number) >= 0)
    ? (value as number[])
    : undefined
}

/** Numbers by name; undefined unless every one is a number (null and NaN ones are left out). */
export function asScores(value: Json | undefined): { readonly [name: string]: number } | undefined {
  if (!isObject(value)) return undefined
  const entries = Object.entries(value).filter(([, each]) => each !== null && each !== 'NaN')
  const scores = entries.map(([name, each]) => [name, asNumber(each)] as const)
  return scores.length > 0 && scores.every(([, score]) => score !== undefined)
    ? (Object.fromEntries(scores) as Record<string, number>)
    : undefined
}

/** The text of a message's content: plain, or the text parts of a list of parts; what was thought is left out. */
export function contentText(content: Json | undefined): string {
  if (typeof content === 'string') return content
  if (!Array.isArray(content)) return isObject(content) ? partText(content) : ''
  return content.map((part: Json) => (typeof part === 'string' ? part : isObject(part) ? partText(part) : '')).join('')
}

const partText = (part: JsonObject): string =>
  isThought(part) ? '' : typeof part.text === 'string' ? part.text : typeof part.refusal === 'string' ? part.refusal : ''
const isThought = ({ type }: JsonObject): boolean => type === 'thinking' || type === 'reasoning' || type === 'thought'

/** What was thought in one part of a message: `thinking`, `reasoning`, `text`, or a list of such parts (`summary`, `content`). */
function thoughtText(part: Json | undefined): string {
  if (typeof part === 'string') return part
  if (Array.isArray(part)) return part.map(thoughtText).join('')
  if (!isObject(part)) return ''
  for (const name of ['thinking', 'reasoning', 'text', 'content', 'summary']) {
    const text = thoughtText(part[name])
    if (text !== '') return text
  }
  return ''
}

/** A message's text with its reasoning, where it comes apart, put back in think tags before what it led to. */
export function textWithThought(message: JsonObject): string {
  const { content } = message
  const parts = Array.isArray(content) ? content.filter(isObject) : []
  if (parts.some(isThought)) {
    let text = ''
    let thought = ''
    const close = (): void => {
      if (thought !== '') text += `<think>${thought}</think>`
      thought = ''
    }
    for (const part of content as readonly Json[]) {
      if (isObject(part) && isThought(part)) thought += thoughtText(part)
      else {
        close()
        text += contentText([part])
      }
    }
    close()
    return text
  }
  const apart = ['reasoning_content', 'reasoning', 'thinking', 'reasoning_details']
    .map((name) => thoughtText(message[name]))
    .find((text) => text !== '')
  return apart === undefined ? contentText(content) : `<think>${apart}</think>${contentText(content)}`
}

/** Takes known fields out of a row and gives back what is left. */
export interface Picker {
  /** The first of the names whose value `read` understands; it and every null are taken out. */
  take<T>(names: readonly string[], read: (value: Json) => T | undefined): T | undefined
  /** The value under a name, left where it is. */
  peek(name: string): Json | undefined
  rest(): JsonObject
}

/** A picker over one row. */
export function pick(row: JsonObject): Picker {
  const taken = new Set<string>()
  return {
    take(names, read) {
      for (const name of names) {
        const value = Object.hasOwn(row, name) ? row[name] : undefined
        const result = value === undefined || value === null || taken.has(name) ? undefined : read(value)
        if (result === undefined) continue
        taken.add(name)
        return result
      }
      return undefined
    },
    peek: (name) => (Object.hasOwn(row, name) ? row[name] : undefined),
    rest: () => Object.fromEntries(Object.entries(row).filter(([name, value]) => !taken.has(name) && value !== null)),
  }
}

/** A record without its undefined fields and without an empty `extra`. */
export function compact<T extends object>(record: T): T {
  const result: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(record)) {
    if (value !== undefined && !(key === 'extra' && Object.keys(value as object).length === 0)) result[key] = value
  }
  return result as T
}
