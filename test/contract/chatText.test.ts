// Prompts as conversations: the marks of every usual template, what a trainer wrote down without them, and texts that only look like one.
import { describe, expect, it } from 'vitest'
import { readChat } from '../../src-preload/contract.ts'

const turns = (prompt: string): string[] | null => readChat(prompt)?.map(({ role, text }) => `${role}: ${text}`) ?? null
const ASKED = ['system: Be brief.', 'user: What is 6 x 7?\n\nThink first.', 'assistant: 6 x 7 is 42.', 'user: And 6 x 8?']

describe('a prompt of a chat template', () => {
  const [system, first, reply, second] = ['Be brief.', 'What is 6 x 7?\n\nThink first.', '6 x 7 is 42.', 'And 6 x 8?']
  it.each([
    [
      'ChatML',
      `<|im_start|>system\n${system}<|im_end|>\n<|im_start|>user\n${first}<|im_end|>\n<|im_start|>assistant\n${reply}<|im_end|>\n<|im_start|>user\n${second}<|im_end|>\n<|im_start|>assistant\n`,
    ],
    [
      'Llama 3',
      `<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\n${system}<|eot_id|><|start_header_id|>user<|end_header_id|>\n\n${first}<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n${reply}<|eot_id|><|start_header_id|>user<|end_header_id|>\n\n${second}<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n`,
    ],
    [
      'DeepSeek',
      `<｜begin▁of▁sentence｜>${system}<｜User｜>${first}<｜Assistant｜>${reply}<｜end▁of▁sentence｜><｜User｜>${second}<｜Assistant｜>`,
    ],
    [
      'Phi and Zephyr',
      `<|system|>\n${system}<|end|>\n<|user|>\n${first}<|end|>\n<|assistant|>\n${reply}<|end|>\n<|user|>\n${second}<|end|>\n<|assistant|>\n`,
    ],
    ['Llama 2 and Mistral', `<s>[INST] <<SYS>>\n${system}\n<</SYS>>\n\n${first} [/INST] ${reply} </s><s>[INST] ${second} [/INST]`],
    ['a dump of verl, without marks', `system\n${system}\nuser\n${first}\nassistant\n${reply}\nuser\n${second}\nassistant\n`],
  ])('of %s is read as its turns', (_family, prompt) => expect(turns(prompt)).toEqual(ASKED))

  it('of Gemma names the model as the assistant', () =>
    expect(turns('<bos><start_of_turn>user\nHi<end_of_turn>\n<start_of_turn>model\n')).toEqual(['user: Hi']))

  it('keeps what was begun for the model', () =>
    expect(turns('<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n<think>\n')).toEqual(['user: Hi', 'assistant: <think>']))
})

describe('a text that no template made', () => {
  it.each(['5 4 15 -> 79', 'user\nis a word on a line', 'What does [INST] mean?', 'Say <|endoftext|> to end.', ''])(
    '%j has no turns',
    (prompt) => expect(turns(prompt)).toBeNull(),
  )
})
