// Text to tokens and back, for models of other makers: a tokenizer.json (Hugging Face) run by the @huggingface/tokenizers library, the
// conversation template of the model through @huggingface/jinja, and the tokens that end a turn. Where the tokenizer.json comes from (a
// folder or the metadata of a GGUF file) is the business of the files beside this one.
import { Template } from '@huggingface/jinja'
import { Tokenizer } from '@huggingface/tokenizers'
import { modelRefusal } from '../families.ts'
import type { Step, TokenizerJson } from './json.ts'
import { openPieces, type Pieces } from './pieces.ts'

export interface Message {
  readonly role: 'system' | 'user' | 'assistant'
  readonly content: string
}

/** What a tokenizer is made of. */
export interface TokenizerParts {
  /** As in tokenizer.json. */
  readonly json: TokenizerJson
  /** As in tokenizer_config.json; what is missing has its default. */
  readonly config: Readonly<Record<string, unknown>>
  /** Jinja text of a conversation; null where the model has none. */
  readonly template: string | null
  /** Token ids that end a turn. */
  readonly stopTokens: readonly number[]
  /** Put before a text that no template made; null for none. */
  readonly bos: number | null
  /** Where it came from, for messages. */
  readonly from: string
}

export interface TextTokenizer {
  /** Ids of a text; marks of the vocabulary in it (`<|im_start|>`) become their own ids. Nothing is put before or after. */
  encode(text: string): Int32Array
  /** The text of ids, marks included unless `plain`. Bytes that are no whole character become U+FFFD. */
  decode(ids: ArrayLike<number>, options?: { readonly plain?: boolean }): string
  /** Ids of a conversation up to where the model answers. Throws ModelFileError `model.template` where the model has none, or its own refusal. */
  chat(messages: readonly Message[]): Int32Array
  /** The same as text. */
  render(messages: readonly Message[]): string
  readonly hasTemplate: boolean
  /** The bytes that an id stands for; none for an id that is not there. */
  piece(id: number): Uint8Array
  /** The id of a mark that is one token, such as `</think>`; null where it is not. */
  markOf(text: string): number | null
  /** Ways of writing a text in tokens, that of `encode` first, at most so many; no mark of the vocabulary is used. */
  tokenizations(text: string, most: number): Int32Array[]
  /** Ids that end a turn. */
  readonly stopTokens: readonly number[]
  readonly bos: number | null
  /** One more than the largest id. */
  readonly size: number
}

/**
 * The library's `Digits` step knows the digits of ASCII only, that of the reference every numeral of Unicode: written as a split it does too.
 */
function withAllNumerals(step: Step | null | undefined): Step | null {
  if (!step) return null
  if (step.type === 'Sequence') return { ...step, pretokenizers: (step.pretokenizers as Step[]).map(withAllNumerals) }
  if (step.type === 'Digits')
    return {
      type: 'Split',
      pattern: { Regex: step.individual_digits === true ? '\\p{N}' : '\\p{N}+' },
      behavior: 'Isolated',
      invert: false,
    }
  return step
}

/** Opens a tokenizer. Throws ModelFileError `model.tokenizer` where the library cannot read it. */
export function openTokenizer(parts: TokenizerParts): TextTokenizer {
  const { json, config, template, from } = parts
  const library = make(parts)
  const added = json.added_tokens ?? []
  const size =
    1 +
    added.reduce(
      (most, { id }) => Math.max(most, id),
      Object.values(json.model.vocab).reduce((most, id) => Math.max(most, id), -1),
    )
  const compiled = template === null ? null : compile(template, from)
  const marks = Object.fromEntries(['bos_token', 'eos_token', 'unk_token', 'pad_token'].map((name) => [name, textOf(config[name])]))

  let opened: Pieces | null = null
  const pieces = (): Pieces => (opened ??= openPieces(json))
  const encode = (text: string): Int32Array =>
    text === '' ? new Int32Array() : Int32Array.from(library.encode(text, { add_special_tokens: false }).ids)
  const render = (messages: readonly Message[]): string => {
    if (compiled === null)
      throw modelRefusal('model.template', `a conversation template in ${from}`, 'none', 'Give the whole text yourself with --raw.')
    try {
      return compiled.render({
        ...marks,
        messages: messages.map((message) => ({ ...message })),
        add_generation_prompt: true,
        enable_thinking: true,
      })
    } catch (cause) {
      throw modelRefusal(
        'model.template',
        `a conversation that the template of ${from} takes`,
        (cause as Error).message,
        'Change the messages, or give the whole text yourself with --raw.',
      )
    }
  }
  return {
    encode,
    render,
    decode: (ids, { plain = false } = {}) =>
      ids.length === 0 ? '' : library.decode(Array.from(ids), { skip_special_tokens: plain, clean_up_tokenization_spaces: false }),
    chat: (messages) => encode(render(messages)),
    hasTemplate: compiled !== null,
    piece: (id) => pieces().bytes(id),
    markOf: (text) => added.find(({ content }) => content === text)?.id ?? null,
    tokenizations(text, most) {
      const first = encode(text)
      const ways = pieces()
        .ways(text, most)
        .filter((way) => way.length !== first.length || way.some((id, at) => id !== first[at]))
      return [first, ...ways].slice(0, most)
    },
    stopTokens: parts.stopTokens,
    bos: parts.bos,
    size,
  }
}

function make({ json, config, from }: TokenizerParts): Tokenizer {
  try {
    return new Tokenizer({ ...json, pre_tokenizer: withAllNumerals(json.pre_tokenizer) }, { ...config })
  } catch (cause) {
    throw modelRefusal(
      'model.tokenizer',
      `a tokenizer of a known make in ${from}`,
      (cause as Error).message,
      'Choose a model with a byte-level BPE tokenizer, such as SmolLM2, Qwen or Llama 3.',
    )
  }
}

function compile(template: string, from: string): Template {
  try {
    return new Template(template)
  } catch (cause) {
    throw modelRefusal(
      'model.template',
      `a conversation template that can be read in ${from}`,
      (cause as Error).message,
      'Give the whole text yourself with --raw.',
    )
  }
}

/** A mark is written as a text or as an added token. */
const textOf = (mark: unknown): string =>
  typeof mark === 'string'
    ? mark
    : typeof (mark as { content?: unknown } | null)?.content === 'string'
      ? (mark as { content: string }).content
      : ''
