// What a screen shows as thought and as answer is what the grader reads and the segmenter cuts: one reader, whoever opened the thought.
import { describe, expect, it } from 'vitest'
import type { RolloutDetail } from '../../src-preload/contract.ts'
import { answerPart, readThinking } from '../../src-main/episodes/thinking.ts'
import { saidOf } from '../../src-main/lab/answers/queriesRollouts.ts'

const said = (text: string, prompt = 'What is 2 + 2?') => {
  const found = saidOf({ text, problem: { prompt } as RolloutDetail['problem'] })
  return { ...found, parts: found.parts.map(({ kind, start, end }) => [kind, text.slice(start, end)]) }
}

describe('what a rollout says', () => {
  it.each([
    [
      '<think>two and two</think>It is 4.',
      true,
      [
        ['thought', 'two and two'],
        ['answer', 'It is 4.'],
      ],
      'It is 4.',
    ],
    [
      '[THINK]two[/THINK]4',
      true,
      [
        ['thought', 'two'],
        ['answer', '4'],
      ],
      '4',
    ],
    [
      '<|channel|>analysis<|message|>two<|end|><|start|>assistant<|channel|>final<|message|>4<|return|>',
      true,
      [
        ['thought', 'two'],
        ['answer', '4'],
      ],
      '4',
    ],
    [
      '◁think▷two◁/think▷4',
      true,
      [
        ['thought', 'two'],
        ['answer', '4'],
      ],
      '4',
    ],
  ])('%s is thought and answer apart', (text, closed, parts, answer) => {
    expect(said(text)).toMatchObject({ marked: true, closed, parts, answer })
  })

  it('has no answer where the thought never ended, and is all answer where nothing is marked', () => {
    expect(said('<think>on and on')).toEqual({ marked: true, closed: false, parts: [['thought', 'on and on']], answer: '' })
    expect(said('It is 4.')).toEqual({ marked: false, closed: false, parts: [['answer', 'It is 4.']], answer: 'It is 4.' })
  })

  it('heeds a prompt that opens the thought', () => {
    expect(said('two </think> 4', '2 2 -> 4 <think>')).toMatchObject({
      marked: true,
      closed: true,
      parts: [
        ['thought', 'two '],
        ['answer', ' 4'],
      ],
      answer: '4',
    })
    expect(said('on and on', '2 2 -> 4 <think>')).toMatchObject({
      marked: true,
      closed: false,
      parts: [['thought', 'on and on']],
      answer: '',
    })
  })

  it('is what the grader is given', () => {
    for (const text of ['a</think>b</think>c', '<think>a</think>b', 'x "<think>" y', '<reasoning>a</reasoning><answer>b</answer>'])
      expect(said(text).answer).toBe(answerPart(text, readThinking(text)).trim())
  })
})
