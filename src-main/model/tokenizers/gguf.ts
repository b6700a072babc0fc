// The tokenizer in a GGUF file's metadata, written as a tokenizer.json: vocabulary, merges, and the step that cuts a text into words before
// the merges, which the file only names (`tokenizer.ggml.pre`). An unknown name is refused: another cut gives other tokens, silently.
import { modelRefusal } from '../families.ts'
import type { GgufValue } from '../gguf.ts'
import type { TokenizerJson } from './json.ts'
import { openTokenizer, type TextTokenizer, type TokenizerParts } from './tokenizer.ts'

type Step = Readonly<Record<string, unknown>>

interface Cut {
  readonly normalizer: Step | null
  readonly preTokenizer: Step
  /** Whether a word that is in the vocabulary is taken whole. */
  readonly wholeWords: boolean
}

const byteLevel = (useRegex: boolean): Step => ({ type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: useRegex })
const sequence = (...pretokenizers: Step[]): Step => ({ type: 'Sequence', pretokenizers })
/** Words, at most so many numerals together, runs of signs, line ends, spaces; GPT-4's cut and those that follow it. */
const words = (numerals: string): Step => ({
  type: 'Split',
  behavior: 'Isolated',
  invert: false,
  pattern: {
    Regex: `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|${numerals}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+`,
  },
})

const qwen: Cut = { normalizer: { type: 'NFC' }, preTokenizer: sequence(words('\\p{N}'), byteLevel(false)), wholeWords: false }
const plain: Cut = { normalizer: null, preTokenizer: byteLevel(true), wholeWords: false }
const llama3: Cut = { normalizer: null, preTokenizer: sequence(words('\\p{N}{1,3}'), byteLevel(false)), wholeWords: true }

/** By `tokenizer.ggml.pre`. */
const cuts: Readonly<Record<string, Cut>> = {
  smollm: { normalizer: null, preTokenizer: sequence({ type: 'Digits', individual_digits: true }, byteLevel(true)), wholeWords: false },
  qwen2: qwen,
  'deepseek-r1-qwen': qwen,
  'llama-bpe': llama3,
  llama3,
  'gpt-2': plain,
}

/** Kinds of tokens in `tokenizer.ggml.token_type` that are marks and not text. */
const CONTROL = 3
const USER_DEFINED = 4

const refuse = (expected: string, found: string): Error =>
  modelRefusal(
    'model.tokenizer',
    expected,
    found,
    'Take the model as a Hugging Face folder with its tokenizer.json, or another GGUF file of it.',
  )

/** Throws ModelFileError `model.tokenizer`, `model.template`. */
export const openGgufTokenizer = (metadata: ReadonlyMap<string, GgufValue>, from: string): TextTokenizer =>
  openTokenizer(ggufTokenizerParts(metadata, from))

/** What the metadata says of the tokenizer, in the terms of tokenizer.json and tokenizer_config.json. Throws ModelFileError `model.tokenizer`. */
export function ggufTokenizerParts(metadata: ReadonlyMap<string, GgufValue>, from: string): TokenizerParts {
  const make = metadata.get('tokenizer.ggml.model')
  if (make !== 'gpt2') throw refuse(`a byte-level BPE tokenizer (tokenizer.ggml.model "gpt2") in ${from}`, JSON.stringify(make ?? null))
  const pre = metadata.get('tokenizer.ggml.pre')
  if (typeof pre !== 'string' || !Object.hasOwn(cuts, pre))
    throw refuse(`tokenizer.ggml.pre as one of ${Object.keys(cuts).join(', ')} in ${from}`, JSON.stringify(pre ?? null))
  const { normalizer, preTokenizer, wholeWords } = cuts[pre]!
  const tokens = texts(metadata.get('tokenizer.ggml.tokens'), 'tokens', from)
  const merges = texts(metadata.get('tokenizer.ggml.merges'), 'merges', from).map((merge) => {
    const at = merge.indexOf(' ', 1)
    if (at < 1 || at === merge.length - 1) throw refuse(`merges of two parts in ${from}`, JSON.stringify(merge))
    return [merge.slice(0, at), merge.slice(at + 1)]
  })
  const kinds = metadata.get('tokenizer.ggml.token_type')
  if (kinds !== undefined && (!Array.isArray(kinds) || kinds.length !== tokens.length))
    throw refuse(`a token_type for each of ${tokens.length} tokens in ${from}`, Array.isArray(kinds) ? `${kinds.length}` : 'none')
  const added = tokens.flatMap((content, id) => {
    const kind = (kinds as readonly number[] | undefined)?.[id]
    return kind === CONTROL || kind === USER_DEFINED
      ? [{ id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: kind === CONTROL }]
      : []
  })
  const json: TokenizerJson = {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: added,
    normalizer,
    pre_tokenizer: preTokenizer,
    post_processor: byteLevel(true),
    decoder: byteLevel(true),
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: wholeWords,
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      merges,
    },
  }
  const id = (name: string): number | null => {
    const value = metadata.get(`tokenizer.ggml.${name}_token_id`)
    return Number.isSafeInteger(value) && (value as number) < tokens.length ? (value as number) : null
  }
  const markOf = (name: string): string => (id(name) === null ? '' : tokens[id(name)!]!)
  const template = metadata.get('tokenizer.chat_template')
  return {
    json,
    from,
    config: { bos_token: markOf('bos'), eos_token: markOf('eos'), unk_token: markOf('unknown'), pad_token: markOf('padding') },
    template: typeof template === 'string' ? template : null,
    stopTokens: [...new Set([id('eos'), id('eot')].filter((each) => each !== null))],
    bos: metadata.get('tokenizer.ggml.add_bos_token') === true ? id('bos') : null,
  }
}

function texts(value: GgufValue | undefined, name: string, from: string): readonly string[] {
  if (!Array.isArray(value) || value.length === 0 || !value.every((each) => typeof each === 'string'))
    throw refuse(`tokenizer.ggml.${name} as texts in ${from}`, value === undefined ? 'none' : 'something else')
  return value as readonly string[]
}
