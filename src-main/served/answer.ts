// What a server of the completions protocol answers, read into one shape. Servers agree on the text and little else: token ids, log-probs and the
// likeliest alternatives stand in different places, or nowhere. What is not there is null, never guessed. Pure.

/** Log-probs at one place of a text, by token id: the token that stands there, and as many of the likeliest as the server names. */
export type Place = ReadonlyMap<number, number>

export interface Answer {
  readonly text: string
  /** Ids of what was drawn; null where the server does not say them. */
  readonly tokens: readonly number[] | null
  /** Natural logs at temperature 1, one for each token drawn; null where they are not said. */
  readonly logps: readonly number[] | null
  /** One for each token drawn; null where alternatives are not said. */
  readonly places: readonly Place[] | null
  /** One for each token of the prompt, the first empty; null where they are not said. */
  readonly promptPlaces: readonly Place[] | null
  readonly finish: 'stop' | 'length'
  /** Tokens of the prompt as the server counted them; null where it does not say. */
  readonly promptTokens: number | null
}

/** What is known of the tokens that an answer is written in. */
export interface Words {
  /** The one id of these bytes; undefined where there is none. */
  idOf(bytes: Uint8Array): number | undefined
}

/** An answer that is not what the protocol says; what it lacks in the message. */
export class AnswerError extends Error {
  override readonly name = 'AnswerError'
}

type Fields = Readonly<Record<string, unknown>>
const isFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null && !Array.isArray(value)
const isId = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0
const isLogp = (value: unknown): value is number => typeof value === 'number' && !Number.isNaN(value) && value <= 1e-3
const list = (value: unknown): readonly unknown[] | null => (Array.isArray(value) ? value : null)

/**
 * @param asked what the prompt was: its tokens, and whether it is repeated before what is drawn
 * Throws AnswerError.
 */
export function readAnswer(json: unknown, words: Words, asked: { readonly prompt: readonly number[]; readonly echo: boolean }): Answer {
  const choice: unknown = isFields(json) ? list(json.choices)?.[0] : undefined
  if (!isFields(choice)) throw new AnswerError('an answer without choices')
  if (typeof choice.text !== 'string') throw new AnswerError('a choice without text')
  if (choice.finish_reason !== 'stop' && choice.finish_reason !== 'length')
    throw new AnswerError(`an answer that ended by ${JSON.stringify(choice.finish_reason ?? null)}`)
  const usage = isFields(json) && isFields(json.usage) ? json.usage : {}
  const written = readWritten(choice, words)
  const said = list(choice.token_ids)?.every(isId) ? (choice.token_ids as number[]) : null
  const repeated = asked.echo && written !== null ? asked.prompt.length : 0
  if (written !== null && written.length < repeated) throw new AnswerError('an answer shorter than the prompt that it repeats')
  const drawn = written?.slice(repeated) ?? null
  const ids = drawn?.every(({ id }) => id !== undefined) ? drawn.map(({ id }) => id!) : null
  const tokens = said ?? ids
  const fits = drawn !== null && (tokens === null || tokens.length === drawn.length)
  return {
    text: choice.text,
    tokens,
    logps: fits && drawn.every(({ logp }) => logp !== null) ? drawn.map(({ logp }) => logp!) : null,
    places: fits && drawn.every(({ place }) => place !== null) ? drawn.map(({ id, logp, place }) => withOwn(place!, id, logp)) : null,
    promptPlaces:
      repeated > 0 ? placesOfEcho(written!.slice(0, repeated), asked.prompt) : placesOfPrompt(choice.prompt_logprobs, asked.prompt),
    finish: choice.finish_reason,
    promptTokens: isId(usage.prompt_tokens) ? usage.prompt_tokens : null,
  }
}

interface Written {
  readonly id: number | undefined
  readonly logp: number | null
  readonly place: Place | null
}

const withOwn = (place: Place, id: number | undefined, logp: number | null): Place =>
  id === undefined || logp === null || place.has(id) ? place : new Map([...place, [id, logp]])

/** Tokens one by one: as objects with an id (llama.cpp), or as lists beside each other (the protocol's first form). */
function readWritten({ logprobs }: Fields, words: Words): Written[] | null {
  if (!isFields(logprobs)) return null
  const content = list(logprobs.content)
  if (content !== null)
    return content.map((each) => {
      if (!isFields(each)) throw new AnswerError('log-probs of something else than tokens')
      const top = list(each.top_logprobs)
      return {
        id: idOfObject(each, words),
        logp: isLogp(each.logprob) ? each.logprob : null,
        place: top === null ? null : placeOf(top.map((one) => (isFields(one) ? [idOfObject(one, words), one.logprob] : [undefined, null]))),
      }
    })
  const tokens = list(logprobs.tokens)
  const logps = list(logprobs.token_logprobs)
  if (tokens === null || logps === null || tokens.length !== logps.length) return null
  const tops = list(logprobs.top_logprobs)
  return tokens.map((token, at) => {
    const top = tops?.[at]
    return {
      id: idOfText(token, words),
      logp: isLogp(logps[at]) ? logps[at] : null,
      place: isFields(top) ? placeOf(Object.entries(top).map(([text, logp]) => [idOfText(text, words), logp])) : null,
    }
  })
}

function idOfObject({ id, bytes, token }: Fields, words: Words): number | undefined {
  if (isId(id)) return id
  if (Array.isArray(bytes) && bytes.length > 0 && bytes.every((byte) => isId(byte) && byte < 256)) return words.idOf(Uint8Array.from(bytes))
  return idOfText(token, words)
}

function idOfText(text: unknown, words: Words): number | undefined {
  if (typeof text !== 'string') return undefined
  const [, id] = /^token_id:(\d+)$/.exec(text) ?? []
  return id === undefined ? words.idOf(Buffer.from(text, 'utf8')) : Number(id)
}

/** Alternatives whose token is not known are left out: what is missing counts as not said. */
function placeOf(pairs: readonly (readonly [number | undefined, unknown])[]): Place {
  return new Map(pairs.filter((pair): pair is readonly [number, number] => pair[0] !== undefined && isLogp(pair[1])))
}

function placesOfEcho(written: readonly Written[], prompt: readonly number[]): Place[] | null {
  const places = written.map(({ logp, place }, at): Place | null =>
    at === 0 ? new Map() : logp === null ? null : new Map([...(place ?? []), [prompt[at]!, logp]]),
  )
  return places.every((place) => place !== null) ? places : null
}

/** vLLM: for each token of the prompt an object by token id, null for the first. */
function placesOfPrompt(said: unknown, prompt: readonly number[]): Place[] | null {
  const places = list(said)
  if (places === null || places.length !== prompt.length) return null
  const read = places.map((each, at): Place | null => {
    if (at === 0) return new Map()
    if (!isFields(each)) return null
    const place = placeOf(Object.entries(each).map(([id, of]) => [Number(id), isFields(of) ? of.logprob : of]))
    return place.has(prompt[at]!) ? place : null
  })
  return read.every((place) => place !== null) ? read : null
}
