// Asking a server as often as it takes: so many requests at once, again after what may pass (nobody there, too late, cut off, overloaded, an answer
// that is none), with growing pauses, and not again after what will not pass. An answer that came is kept, whatever becomes of the others.
import { setTimeout as pause } from 'node:timers/promises'
import { LabError } from '../../src-preload/contract.ts'
import { AnswerError, readAnswer, type Answer, type Words } from './answer.ts'
import type { Journal } from './journal.ts'
import { ask, LostError, type Posted } from './post.ts'

export interface ServedModel {
  /** As `servedAddress` gives it. */
  readonly url: string
  /** What the server calls the model. */
  readonly name: string
}

export interface ClientOptions {
  /** Sent as a bearer token; null without one. */
  readonly key: string | null
  /** Requests that are under way at once. */
  readonly atOnce: number
  readonly timeoutMs: number
  /** Times that a request is tried. */
  readonly tries: number
  /** Before the second try; twice as long before each further one. */
  readonly pauseMs: number
  readonly journal?: Journal
  readonly onRetry?: (why: string, tries: number) => void
}

export const CLIENT_DEFAULTS = { atOnce: 16, timeoutMs: 600_000, tries: 6, pauseMs: 500 } as const
/** Longest pause between tries. */
const LONGEST_PAUSE_MS = 30_000
const PASSES = new Set([408, 425, 429, 500, 502, 503, 504, 529])
const MOST_SAID = 300

/** A request of the completions protocol, the model's name left out. */
export interface Completion {
  /** Ids, or the text where a server takes only that. */
  readonly prompt: readonly number[] | string
  readonly max_tokens: number
  readonly [field: string]: unknown
}

export interface Client {
  readonly model: ServedModel
  /** Throws LabError `served.lost`, `served.refused`, `served.key`, `served.unknown` or `served.answer`, or the reason of an aborted signal. */
  complete(request: Completion, prompt: readonly number[], signal?: AbortSignal): Promise<Answer>
  /** The models that the server names with their longest context, null where it does not say; null where it names none. Throws LabError `served.lost`. */
  models(signal?: AbortSignal): Promise<readonly { readonly name: string; readonly maxLength: number | null }[] | null>
}

export function openClient(model: ServedModel, words: Words, options: ClientOptions): Client {
  const { key, timeoutMs, journal } = options
  const enter = gate(options.atOnce)
  const { url, name } = model
  return {
    model,
    complete: (request, prompt, signal) =>
      enter(async () => {
        const body = { model: name, ...request }
        const read = (json: unknown): Answer => readAnswer(json, words, { prompt, echo: request.echo === true })
        const known = journal?.find(body)
        if (known !== undefined) return read(known)
        return insist(options, model, signal, async () => {
          const posted = await ask(`${url}/completions`, body, { key, timeoutMs, ...(signal && { signal }) })
          const json = contents(posted, model)
          const answer = read(json)
          journal?.keep(body, json)
          return answer
        })
      }),
    models: (signal) =>
      insist(options, model, signal, async () => {
        const posted = await ask(`${url}/models`, null, { key, timeoutMs, ...(signal && { signal }) })
        if (posted.status === 404 || posted.status === 405) return null
        const said = contents(posted, model) as { readonly data?: unknown } | null
        const data = said?.data
        if (!Array.isArray(data)) return null
        return data.flatMap(
          (each: { readonly id?: unknown; readonly max_model_len?: unknown; readonly meta?: { n_ctx_train?: unknown } } | null) =>
            typeof each?.id === 'string'
              ? [{ name: each.id, maxLength: typeof each.max_model_len === 'number' ? each.max_model_len : null }]
              : [],
        )
      }),
  }
}

/** What may pass: worth another try. */
class Passing extends Error {
  readonly after: number | null
  constructor(message: string, after: number | null) {
    super(message)
    this.after = after
  }
}

/** The JSON of an answer. Throws Passing, or a LabError for what will not pass. */
function contents({ status, text, retryAfter }: Posted, { url, name }: ServedModel): unknown {
  if (status >= 200 && status < 300) {
    try {
      return JSON.parse(text) as unknown
    } catch {
      throw new Passing('an answer that is no JSON', null)
    }
  }
  const said = messageOf(text)
  if (PASSES.has(status)) throw new Passing(`status ${status}${said === '' ? '' : `, "${said}"`}`, retryAfter)
  if (status === 401 || status === 403)
    throw new LabError('served.key', {
      expected: `to be let in by ${url}`,
      found: `status ${status}${said === '' ? '' : `, "${said}"`}`,
      next: 'Name the variable of the environment that holds its key with --key-from.',
    })
  if (status === 404)
    throw new LabError('served.unknown', {
      expected: `a model called ${name} behind ${url}/completions`,
      found: said === '' ? 'status 404' : `"${said}"`,
      next: 'Give the address up to /v1, and the name under which the server offers the model.',
    })
  throw new LabError('served.refused', {
    expected: `a server that takes what ${url} was asked`,
    found: `status ${status}${said === '' ? '' : `, "${said}"`}`,
    next: 'Shorten the budget where it says that the text is too long; else see the notes of the server.',
  })
}

/** The server's own words. */
function messageOf(text: string): string {
  let said = text
  try {
    const json = JSON.parse(text) as {
      readonly error?: { readonly message?: unknown } | string
      readonly message?: unknown
      readonly detail?: unknown
    }
    const found = (typeof json.error === 'object' ? json.error?.message : json.error) ?? json.message ?? json.detail
    said = typeof found === 'string' ? found : found === undefined ? text : JSON.stringify(found)
  } catch {
    // As it stands.
  }
  const line = said
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ')
    .trim()
  return line.length > MOST_SAID ? `${line.slice(0, MOST_SAID)} …` : line
}

async function insist<Result>(
  { tries, pauseMs, journal, onRetry }: ClientOptions,
  { url }: ServedModel,
  signal: AbortSignal | undefined,
  once: () => Promise<Result>,
): Promise<Result> {
  for (let tried = 1; ; tried++) {
    try {
      return await once()
    } catch (error) {
      const passes = error instanceof LostError || error instanceof Passing || error instanceof AnswerError
      if (!passes) throw error
      if (tried >= tries) {
        if (error instanceof AnswerError)
          throw new LabError('served.answer', {
            expected: 'an answer of the completions protocol',
            found: error.message,
            next: 'Check that the address is that of such a server; others speak only of chats.',
          })
        throw new LabError('served.lost', {
          expected: `an answer from ${url}`,
          found: `${error.message}, ${tried} times`,
          next:
            journal === undefined
              ? 'Start the server, and try again.'
              : 'Start the server and ask for the same again: what it has answered is kept, and only the rest is asked.',
        })
      }
      onRetry?.(error.message, tried)
      const grown = Math.min(LONGEST_PAUSE_MS, pauseMs * 2 ** (tried - 1))
      const asked = error instanceof Passing && error.after !== null ? Math.min(LONGEST_PAUSE_MS, error.after * 1000) : 0
      await pause(Math.max(grown, asked), undefined, signal && { signal }).catch(() => {})
      signal?.throwIfAborted()
    }
  }
}

/** At most so many at once, the others in order of their coming. */
function gate(most: number): <Result>(work: () => Promise<Result>) => Promise<Result> {
  let free = most
  const waiting: (() => void)[] = []
  return async (work) => {
    if (free > 0) free--
    else await new Promise<void>((resolve) => waiting.push(resolve))
    try {
      return await work()
    } finally {
      const next = waiting.shift()
      if (next === undefined) free++
      else next()
    }
  }
}
