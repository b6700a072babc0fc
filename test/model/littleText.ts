// A model of text small enough for a test: two random layers over 704 tokens of a byte-level vocabulary, as a GGUF file with its tokenizer and
// template inside, written here so that nothing is fetched.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { initialWeights, type LlamaConfig } from '../../src-main/model/config.ts'
import type { TokenizerJson } from '../../src-main/model/tokenizers/json.ts'
import { openTokenizer, type TextTokenizer } from '../../src-main/model/tokenizers/tokenizer.ts'
import { ggufOf } from './ggufOf.ts'

export const LITTLE_TEXT: LlamaConfig = {
  architecture: 'llama',
  vocabSize: 704,
  hiddenSize: 64,
  intermediateSize: 96,
  layers: 2,
  heads: 4,
  kvHeads: 2,
  headDim: 16,
  ropeTheta: 10_000,
  rmsEps: 1e-5,
  maxPositions: 512,
}
const TEMPLATE =
  "{% for message in messages %}{{ '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>\n' }}{% endfor %}{{ '<|im_start|>assistant\n' }}"

const { json } = (
  JSON.parse(readFileSync(join(import.meta.dirname, '../fixtures/tokenizers/reference.json'), 'utf8')) as {
    tokenizers: { smollm: { json: TokenizerJson } }
  }
).tokenizers.smollm
const tokens = Object.entries(json.model.vocab)
  .sort(([, a], [, b]) => a - b)
  .map(([token]) => token)

export const littleTokenizer = (
  more: readonly { readonly id: number; readonly content: string; readonly special: boolean }[] = [],
): TextTokenizer =>
  openTokenizer({
    json: { ...json, added_tokens: [...(json.added_tokens ?? []), ...more] },
    config: {},
    template: TEMPLATE,
    stopTokens: [2],
    bos: null,
    from: 'the test',
  })

/** Writes the file; `sharpness` multiplies the matrices, so that a random model has preferences. */
export function writeLittleText(file: string, sharpness = 12, config: LlamaConfig = LITTLE_TEXT): string {
  writeFileSync(
    file,
    ggufOf(
      config,
      new Map(
        [...initialWeights(config, 4)].map(([name, values]) => [
          name,
          name.includes('norm') ? values : values.map((value) => value * sharpness),
        ]),
      ),
      {
        'general.license': 'apache-2.0',
        'tokenizer.ggml.model': 'gpt2',
        'tokenizer.ggml.pre': 'smollm',
        'tokenizer.ggml.tokens': tokens,
        'tokenizer.ggml.merges': (json.model.merges as string[][]).map((merge) => merge.join(' ')),
        'tokenizer.ggml.token_type': tokens.map((_, id) => (id < 3 ? 3 : 1)),
        'tokenizer.ggml.eos_token_id': 2,
        'tokenizer.ggml.bos_token_id': 1,
        'tokenizer.chat_template': TEMPLATE,
      },
    ),
  )
  return file
}
