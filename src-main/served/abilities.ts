// What a server can do, found out by asking it: whether it takes token ids, whether it says ids and log-probs, of how many alternatives, and of the
// prompt. What it cannot do is not an error here; that it reads a prompt otherwise than it was sent is.
import { LabError } from '../../src-preload/contract.ts'
import type { Answer } from './answer.ts'
import type { Client, Completion } from './client.ts'

export interface Abilities {
  /** Whether prompts go as token ids; else as text, which the server cuts into tokens itself. */
  readonly takesIds: boolean
  /** Fields beyond the protocol's own that it takes: filters, ids in answers. */
  readonly extends: boolean
  readonly saysTokens: boolean
  readonly saysLogps: boolean
  /** Most alternatives that it names at a place; 0 for none. */
  readonly alternatives: number
  /** How it says log-probs of a prompt; null where it does not. */
  readonly promptLogps: 'field' | 'echo' | null
  /** Longest text in tokens; null where it does not say. */
  readonly maxLength: number | null
}

/** Tried in turn; servers refuse what is more than they were set up for. */
const ALTERNATIVES = [1000, 100, 20, 5] as const

/** Tokens and text of a prompt to try a server with. */
export interface Trial {
  readonly tokens: readonly number[]
  readonly text: string
  /** Text of tokens. */
  readonly toText: (tokens: readonly number[]) => string
}

/** No filters, in every name that servers have for them; some filter unless told not to. */
export const EXTENDED = { top_k: -1, min_p: 0, repeat_penalty: 1, return_token_ids: true } as const

/** Throws LabError `served.unknown` for a model that the server does not offer, `served.tokenizer` where it cuts text into other tokens, and what asking throws. */
export async function findAbilities(client: Client, trial: Trial, signal?: AbortSignal): Promise<Abilities> {
  const { url, name } = client.model
  // One that cannot list its models may have this one all the same; one that is not there says so when it is asked to write.
  const offered = await client.models(signal).catch((error: unknown) => {
    if (error instanceof LabError && error.code === 'served.lost') return null
    throw error
  })
  const found = offered?.find((each) => each.name === name)
  if (offered !== null && offered.length > 0 && found === undefined)
    throw new LabError('served.unknown', {
      expected: `a model called ${name} at ${url}`,
      found: offered.map((each) => each.name).join(', '),
      next: 'Give one of these names.',
    })
  const attempt = async (fields: Partial<Completion>): Promise<Answer | null> => {
    try {
      return await client.complete({ prompt: trial.tokens, max_tokens: 1, temperature: 0, ...fields }, trial.tokens, signal)
    } catch (error) {
      if (error instanceof LabError && error.code === 'served.refused') return null
      throw error
    }
  }
  const plain = { prompt: trial.tokens as readonly number[] | string }
  let first = await attempt({ ...EXTENDED, logprobs: 1 })
  const extends_ = first !== null
  first ??= await attempt({ logprobs: 1 })
  const takesIds = first !== null
  if (!takesIds) {
    plain.prompt = trial.text
    first = (await attempt({ ...plain, logprobs: 1 })) ?? (await attempt(plain))
  }
  if (first === null)
    throw new LabError('served.refused', {
      expected: `a server that completes a prompt of ${trial.tokens.length} tokens`,
      found: 'one that takes it neither as token ids nor as text',
      next: 'Give the address of a server of the completions protocol: vLLM, SGLang, llama.cpp or the like.',
    })
  refuseOtherTokens(first, trial, client)
  if (first.tokens !== null && first.text !== '' && trial.toText(first.tokens).trim() !== first.text.trim())
    throw otherTokenizer(client, `"${first.text}" for tokens that here are "${trial.toText(first.tokens)}"`)
  const more = extends_ ? EXTENDED : {}
  let alternatives = 0
  if (first.places !== null)
    for (const most of ALTERNATIVES) {
      const place = (await attempt({ ...more, ...plain, logprobs: most }))?.places?.[0]
      if (place === undefined || place.size < 2) continue
      alternatives = Math.min(most, place.size)
      break
    }
  const field = takesIds && extends_ ? await attempt({ ...more, prompt_logprobs: 1 }) : null
  const echo = takesIds && field?.promptPlaces == null ? await attempt({ ...more, echo: true, logprobs: 1 }) : null
  return {
    takesIds,
    extends: extends_,
    saysTokens: first.tokens !== null,
    saysLogps: first.logps !== null,
    alternatives,
    promptLogps: field?.promptPlaces != null ? 'field' : echo?.promptPlaces != null ? 'echo' : null,
    maxLength: found?.maxLength ?? null,
  }
}

const otherTokenizer = ({ model: { url, name } }: Client, found: string): LabError =>
  new LabError('served.tokenizer', {
    expected: `${name} at ${url} to read text with the tokenizer that was given for it`,
    found,
    next: 'Give the tokenizer of the model that is served, and let the server put nothing before a prompt.',
  })

/** A prompt that is read otherwise than it was sent would make every figure one of another text. */
export function refuseOtherTokens({ promptTokens }: Pick<Answer, 'promptTokens'>, { tokens }: Pick<Trial, 'tokens'>, client: Client): void {
  if (promptTokens !== null && promptTokens !== tokens.length)
    throw otherTokenizer(client, `a prompt of ${tokens.length} tokens read as ${promptTokens}`)
}
