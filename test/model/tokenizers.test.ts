// Tokenizers and conversation templates against Python's: `bench/peers/readers.py` made small tokenizers of three makes and says what they
// give 230 awkward strings; each is opened from its tokenizer.json and from the metadata of a GGUF file.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { GgufValue } from '../../src-main/model/gguf.ts'
import { openGgufTokenizer } from '../../src-main/model/tokenizers/gguf.ts'
import type { TokenizerJson } from '../../src-main/model/tokenizers/json.ts'
import { openTokenizer, type Message } from '../../src-main/model/tokenizers/tokenizer.ts'

interface Reference {
  readonly strings: readonly string[]
  readonly template: string
  readonly talks: readonly { readonly messages: readonly Message[]; readonly text: string }[]
  readonly tokenizers: Readonly<
    Record<string, { readonly json: TokenizerJson; readonly ids: readonly (readonly number[])[]; readonly decoded: readonly string[] }>
  >
}

const { strings, template, talks, tokenizers } = JSON.parse(
  readFileSync(join(import.meta.dirname, '../fixtures/tokenizers/reference.json'), 'utf8'),
) as Reference

function metadataOf(pre: string, json: TokenizerJson): Map<string, GgufValue> {
  const tokens = Object.entries(json.model.vocab)
    .sort(([, a], [, b]) => a - b)
    .map(([token]) => token)
  return new Map<string, GgufValue>([
    ['tokenizer.ggml.model', 'gpt2'],
    ['tokenizer.ggml.pre', pre],
    ['tokenizer.ggml.tokens', tokens],
    ['tokenizer.ggml.merges', (json.model.merges as string[][]).map((merge) => merge.join(' '))],
    ['tokenizer.ggml.token_type', tokens.map((_, id) => (json.added_tokens!.some((added) => added.id === id) ? 3 : 1))],
    ['tokenizer.ggml.eos_token_id', 2],
    ['tokenizer.chat_template', template],
  ])
}

describe.each(Object.keys(tokenizers))('a tokenizer of the make of %s', (name) => {
  const { json, ids, decoded } = tokenizers[name]!
  it.each(['tokenizer.json', 'GGUF metadata'])('gives the ids of Python on 230 awkward strings, and the text back (%s)', (from) => {
    const tokenizer =
      from === 'tokenizer.json'
        ? openTokenizer({ json, config: {}, template: null, stopTokens: [2], bos: null, from })
        : openGgufTokenizer(metadataOf(name, json), from)
    expect(strings.length).toBeGreaterThanOrEqual(230)
    expect(strings.filter((text, i) => [...tokenizer.encode(text)].join() !== ids[i]!.join())).toEqual([])
    expect(strings.filter((_, i) => tokenizer.decode(ids[i]!) !== decoded[i])).toEqual([])
    expect(tokenizer.size).toBe(700)
  })
})

describe('a conversation', () => {
  const tokenizer = openGgufTokenizer(metadataOf('smollm', tokenizers.smollm!.json), 'a file')
  it('becomes the text that Jinja makes of it in Python, and its marks become their own ids', () => {
    for (const { messages, text } of talks) expect(tokenizer.render(messages)).toBe(text)
    expect(tokenizer.chat(talks[0]!.messages)[0]).toBe(1)
    expect([...tokenizer.chat(talks[0]!.messages)].filter((id) => id < 3)).toEqual([1, 2, 1, 2, 1])
  })

  it('leaves marks out of plain text', () =>
    expect(tokenizer.decode([...tokenizer.encode('<|im_start|>yes<|im_end|>')], { plain: true })).toBe('yes'))

  it('is refused where a model has no template, or one that refuses', () => {
    const parts = { json: tokenizers.smollm!.json, config: {}, stopTokens: [], bos: null, from: 'a folder' }
    expect(() => openTokenizer({ ...parts, template: null }).chat([])).toThrow(
      expect.objectContaining({ code: 'model.template', found: 'none' }),
    )
    expect(() => openTokenizer({ ...parts, template: "{{ raise_exception('only users') }}" }).chat([])).toThrow(
      expect.objectContaining({ code: 'model.template', found: expect.stringContaining('only users') }),
    )
    expect(() => openTokenizer({ ...parts, template: '{% if %}' })).toThrow(expect.objectContaining({ code: 'model.template' }))
  })

  it.each([
    ['an unknown cut into words', 'tokenizer.ggml.pre', 'tekken'],
    ['another make', 'tokenizer.ggml.model', 'llama'],
    ['merges that are no pairs', 'tokenizer.ggml.merges', ['ab']],
    ['no tokens', 'tokenizer.ggml.tokens', []],
    ['kinds of some tokens only', 'tokenizer.ggml.token_type', [1]],
  ])('is refused with %s', (_, key, value) => {
    expect(() => openGgufTokenizer(metadataOf('smollm', tokenizers.smollm!.json).set(key, value), 'x.gguf')).toThrow(
      expect.objectContaining({ code: 'model.tokenizer' }),
    )
  })
})
