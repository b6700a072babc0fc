import { describe, expect, it } from 'vitest'
import { answerPart, opensThought, readThinking } from '../../src-main/episodes/thinking.ts'
import { extractAnswer } from '../../src-main/tasks/graders/extract.ts'
import { readChoice } from '../../src-main/tasks/graders/choice.ts'

const parts = (text: string, opened = false) => {
  const thinking = readThinking(text, { opened })
  return {
    thoughts: thinking.thoughts.map(({ start, end }) => text.slice(start, end)),
    answer: answerPart(text, thinking),
    closed: thinking.closed,
  }
}

describe('what of a completion is thought and what is answer', () => {
  it.each<[string, string, { thoughts: string[]; answer: string; closed: boolean }, boolean?]>([
    ['lies between the tags', '<think>abc</think>answer', { thoughts: ['abc'], answer: 'answer', closed: true }],
    [
      'begins with the text when the prompt opened it',
      '6*7 is 42.\n</think>\n\nThe answer',
      { thoughts: ['6*7 is 42.\n'], answer: '\n\nThe answer', closed: true },
    ],
    [
      'is thought before a closing mark that nothing follows',
      '6*7 is 42.</think>\n',
      { thoughts: ['6*7 is 42.'], answer: '\n', closed: true },
    ],
    [
      'has no thought where the prompt opened one and a channel begins at once',
      '<|channel|>final<|message|>42',
      { thoughts: [], answer: '42', closed: true },
      true,
    ],
    [
      'is an empty thought where what the prompt opened ends at once',
      '<|end|><|channel|>final<|message|>42',
      { thoughts: [''], answer: '42', closed: true },
      true,
    ],
    [
      'has ended its thought where harmony ended the analysis, answer or not',
      '<|channel|>analysis<|message|>7<|end|>',
      { thoughts: ['7'], answer: '', closed: true },
    ],
    [
      'is all thought when the thought was never closed',
      '<think>\nmaybe \\boxed{13}\n\nWait',
      { thoughts: ['\nmaybe \\boxed{13}\n\nWait'], answer: '', closed: false },
    ],
    [
      'leaves both thoughts out of an answer that thinks twice',
      '<think>a</think> first \\boxed{1} <think>again</think> final \\boxed{2}',
      { thoughts: ['a', 'again'], answer: ' first \\boxed{1}  final \\boxed{2}', closed: true },
    ],
    ['may be an empty thought', '<think>\n\n</think>\n\n\\boxed{8}', { thoughts: ['\n\n'], answer: '\n\n\\boxed{8}', closed: true }],
    [
      'is not cut by a mark that is only spoken of',
      'The text "</think>" ends thinking. \\boxed{5}\n</think>\n\\boxed{6}',
      { thoughts: ['The text "</think>" ends thinking. \\boxed{5}\n'], answer: '\n\\boxed{6}', closed: true },
    ],
    [
      'does not lose the answer to a closing mark repeated at the end',
      '<think>x</think>\\boxed{9}</think>',
      { thoughts: ['x'], answer: '\\boxed{9}', closed: true },
    ],
    [
      'takes what stands before a second closing mark for thought where an answer follows',
      '<think>x</think> \\boxed{1}? no</think>\\boxed{9}',
      { thoughts: ['x', ' \\boxed{1}? no'], answer: '\\boxed{9}', closed: true },
    ],
    [
      'follows the channels of harmony',
      '<|channel|>analysis<|message|>7<|end|><|start|>assistant<|channel|>final<|message|>\\boxed{7}<|return|>',
      { thoughts: ['7'], answer: '\\boxed{7}', closed: true },
    ],
    [
      'follows the channels of harmony without its special tokens',
      'analysisWe need 7.assistantfinalThe answer is 7.',
      { thoughts: ['We need 7.'], answer: 'The answer is 7.', closed: true },
    ],
    [
      'has no answer when harmony stopped within the analysis',
      '<|channel|>analysis<|message|>7 or \\boxed{8}',
      { thoughts: ['7 or \\boxed{8}'], answer: '', closed: false },
    ],
    ['knows the marks of Mistral', '[THINK]10+1[/THINK]**11**', { thoughts: ['10+1'], answer: '**11**', closed: true }],
    ['knows the marks of Kimi', '◁think▷ 3 ◁/think▷ \\boxed{3}', { thoughts: [' 3 '], answer: ' \\boxed{3}', closed: true }],
    [
      'knows the marks of OpenThoughts',
      '<|begin_of_thought|>\n\n144\n\n<|end_of_thought|>\n\n<|begin_of_solution|>\n\n\\boxed{144}\n\n<|end_of_solution|>',
      { thoughts: ['\n\n144\n\n'], answer: '\n\n\n\n\\boxed{144}\n\n', closed: true },
    ],
    [
      'follows the channels of harmony after what the prompt had opened, however short',
      'x<|channel|>final<|message|>42<|return|>',
      { thoughts: ['x'], answer: '42', closed: true },
      true,
    ],
    [
      'ends only with the partner of a mark that the model repeats after the prompt opened the thought',
      '<thought>a</reasoning>b</thought>c',
      { thoughts: ['a</reasoning>b'], answer: 'c', closed: true },
      true,
    ],
    [
      'does not let a thought end with the mark of another family',
      '<think>[/THINK] a</think>b',
      { thoughts: ['[/THINK] a'], answer: 'b', closed: true },
    ],
    [
      'ends with the mark that closes the one it began with, whatever is opened within',
      '<think>[THINK]a[/THINK] b</think>c',
      { thoughts: ['[THINK]a[/THINK] b'], answer: 'c', closed: true },
    ],
    ['keeps a mark that is opened twice', '<think><think>a</think>b', { thoughts: ['<think>a'], answer: 'b', closed: true }],
    [
      'keeps an opening mark that comes later in a thought that the prompt opened',
      'a <think>b</think>c',
      { thoughts: ['a <think>b'], answer: 'c', closed: true },
      true,
    ],
    ['is all answer without any mark', 'abc', { thoughts: [], answer: 'abc', closed: false }],
  ])('%s', (_rule, text, expected, opened) => {
    expect(parts(text, opened)).toEqual(expected)
  })

  it('is all thought when the prompt opened one that never closed', () => {
    expect(opensThought('Q1 <think>\n')).toBe(true)
    expect(opensThought('Q1 <think>\n</think>')).toBe(false)
    expect(parts('6*7 is \\boxed{42}', true)).toEqual({ thoughts: ['6*7 is \\boxed{42}'], answer: '', closed: false })
    expect(parts('<think>a</think>b', true)).toEqual({ thoughts: ['a'], answer: 'b', closed: true })
  })

  it('covers every character once, whatever the text', () => {
    const marks = [
      '<think>',
      '</think>',
      '[THINK]',
      '[/THINK]',
      '"',
      'a',
      ' ',
      '<|channel|>analysis<|message|>',
      '<|channel|>final<|message|>',
      '<|end|>',
      '\n',
    ]
    let state = 7
    for (let round = 0; round < 500; round++) {
      let text = ''
      for (let at = 0; at < 12; at++) text += marks[(state = (state * 48271) % 2147483647) % marks.length]
      const { thoughts, answers } = readThinking(text)
      const ranges = [...thoughts, ...answers].sort((a, b) => a.start - b.start)
      ranges.forEach(({ start, end }, at) =>
        expect(start <= end && start >= (ranges[at - 1]?.end ?? 0) && end <= text.length, `${text}: ${JSON.stringify(ranges)}`).toBe(true),
      )
    }
  })
})

describe('the graders', () => {
  it('never take an answer from a thought, closed or not', () => {
    expect(extractAnswer('<think>\nmaybe \\boxed{13}\n\nWait')).toBeNull()
    expect(extractAnswer('<think>x</think>\\boxed{9}</think>')).toBe('9')
    expect(extractAnswer('[THINK]\\boxed{10}[/THINK]**11**')).toBe('11')
    expect(readChoice('<think>\\boxed{A}</think>The answer is B.')).toBe('B')
    expect(readChoice('<think>\\boxed{A}')).toBeNull()
  })
})
