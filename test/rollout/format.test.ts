// Tasks in words in the tokens of a model: prompts, how a completion is read, what is graded, and accepted answers as a tree of tokens.
import { describe, expect, it } from 'vitest'
import { speak, type FormatSettings } from '../../src-main/rollout/format.ts'
import { answerTrieOf } from '../../src-main/rollout/answerTrie.ts'
import { createRng } from '../../src-main/numeric/rng.ts'
import { arithmetic, valuesOf, type Chain } from '../../src-main/tasks/arithmetic.ts'
import { proceduralTask } from '../../src-main/tasks/procedural.ts'
import { tasks } from '../../src-main/tasks/registry.ts'
import type { AnswerTrie } from '../../src-main/tasks/types.ts'
import { littleTokenizer } from '../model/littleText.ts'

const tokenizer = littleTokenizer()
const SCRATCHPAD: FormatSettings = { thoughts: 'auto', episodes: 'lines', examples: 0 }
const words = proceduralTask(arithmetic, '3')
const task = speak(words, tokenizer, 704, SCRATCHPAD)
const [problem] = task.problems('train', 1, 1)
const right = String(valuesOf(problem!.data).at(-1)!)
const written = (text: string): number[] => [...tokenizer.encode(text)]

/** Every string of a tree, without its last token. */
function stringsOf({ token, parent, terminal }: AnswerTrie): string[] {
  const pathOf = (node: number): number[] => (node < 0 ? [] : [...pathOf(parent[node]!), token[node]!])
  return [...terminal.keys()].filter((node) => terminal[node] === 1).map((node) => task.format.toText(pathOf(parent[node]!)))
}

describe('a question asked of a model of text', () => {
  it('is a turn of its template that says how to answer', () => {
    const text = tokenizer.decode(problem!.promptTokens)
    expect(text).toContain(problem!.promptText)
    expect(text).toContain('Answer:')
    expect(text.endsWith('<|im_start|>assistant\n')).toBe(true)
  })

  it('may come after solved problems, which are none of those that are asked later', () => {
    const shown = speak(words, tokenizer, 704, { ...SCRATCHPAD, examples: 2 })
    const text = tokenizer.decode(shown.problems('train', 1, 1)[0]!.promptTokens)
    expect(text.match(/\nAnswer: \d+<\|im_end\|>/g)?.length).toBe(2)
    expect(text.match(/What number do you have/g)?.length).toBe(3)
    expect(() => speak({ ...words, teacher: () => null }, tokenizer, 704, { ...SCRATCHPAD, examples: 1 })).toThrow(RangeError)
  })

  it('is the same for the same seed, and of no split twice', () => {
    expect(task.problems('train', 8, 3)).toEqual(task.problems('train', 16, 3).slice(0, 8))
    const of = (split: 'train' | 'validation' | 'heldout' | 'imitation') => words.problems(split, 60, 1).map(({ id }) => id)
    const all = [...of('train'), ...of('validation'), ...of('heldout'), ...of('imitation')]
    expect(new Set(all).size).toBe(all.length)
  })
})

describe('a completion', () => {
  const read = (text: string, stop = true) => {
    const tokens = [...written(text), ...(stop ? [2] : [])]
    return { tokens, ...task.format.read(tokens), grade: task.grade(problem!, tokens) }
  }

  it.each([
    ['the cue on a line of its own', `3 + 4 = 7\nAnswer: `],
    ['the cue within a line', 'It is easy. Answer: '],
    ['a bold cue', 'So be it.\n**Answer:** '],
    ['another cue', 'Well then.\n\nFinal answer: '],
  ])('has thought before %s and an answer behind it', (_name, before) => {
    const { tokens, thinkEnd, answerStart, closed, grade } = read(`${before}${right}`)
    expect(closed).toBe(true)
    expect(task.format.toText(tokens.slice(0, thinkEnd))).not.toMatch(/answer/i)
    expect(task.format.toText(tokens.slice(answerStart, -1)).trim()).toBe(right)
    expect([grade.correct, grade.extracted]).toEqual([true, right])
  })

  it('is cut into one episode a line, and the pieces are the thought again', () => {
    const { tokens, boundaries, thinkEnd } = read(`3 + 4 = 7\n7 - 2 = 5\nso five\nAnswer: ${right}`)
    expect(boundaries.length).toBe(4)
    const pieces = boundaries.slice(1).map((end, at) => task.format.toText(tokens.slice(boundaries[at], end)))
    expect(pieces.join('')).toBe(task.format.toText(tokens.slice(0, thinkEnd)))
    expect(pieces.map((piece) => piece.trim())).toEqual(['3 + 4 = 7', '7 - 2 = 5', 'so five'])
  })

  it('is graded by what it said where it ended without the cue, and not at all where it was cut off', () => {
    expect(read(`Therefore the result is \\boxed{${right}}.`).grade.correct).toBe(true)
    expect(read(`3 + 4 = ${right}`, false).grade).toEqual({ correct: false, extracted: null, reason: 'truncated' })
  })

  it('is wrong with another number, and only its first line counts', () => {
    expect(read(`Answer: ${Number(right) + 1}`).grade.correct).toBe(false)
    expect(read(`Answer: ${right}\nor perhaps ${Number(right) + 1}`).grade.correct).toBe(true)
  })

  it('gives each token its place in the text, characters of several bytes included', () => {
    const tokens = written('naïve 🦊 fox → 7')
    const ends = task.format.textEnds(tokens)
    const text = task.format.toText(tokens)
    expect(text).toBe('naïve 🦊 fox → 7')
    expect(ends.at(-1)).toBe(text.length)
    ends.forEach((end, at) => {
      const prefix = task.format.toText(tokens.slice(0, at + 1))
      if (!prefix.includes('\uFFFD')) expect(prefix.length).toBe(end)
    })
  })
})

describe('marks of its own', () => {
  const marked = littleTokenizer([
    { id: 700, content: '<think>', special: false },
    { id: 701, content: '</think>', special: false },
  ])
  const thinking = speak(words, marked, 704, SCRATCHPAD)
  it('open the thought in the prompt and end it with one token', () => {
    const [asked] = thinking.problems('train', 1, 1)
    expect(marked.decode(asked!.promptTokens)).toMatch(/<think>\n$/)
    const tokens = [...marked.encode(`3 + 4\n</think>\n\nThe answer is ${right}.`), 2]
    const { thinkEnd, closed } = thinking.format.read(tokens)
    expect([closed, tokens[thinkEnd]]).toEqual([true, 701])
    expect(thinking.grade(asked!, tokens).correct).toBe(true)
    expect(thinking.grade(asked!, [...marked.encode(`it is ${right}`), 2])).toMatchObject({ correct: false, reason: 'no-answer' })
  })
  it('are refused of a model that has none', () => {
    expect(() => speak(words, tokenizer, 704, { thoughts: 'marks', episodes: 'lines', examples: 0 })).toThrow(RangeError)
  })
})

describe('accepted answers as tokens', () => {
  it.each(Object.entries(tasks).filter(([, { levels }]) => levels.length > 0))(
    'of %s are, each behind the forced stop, graded right, and so is its teacher',
    (_name, { create, options }) => {
      const each = speak(create({ level: options.level!.default }, null as never), tokenizer, 704, SCRATCHPAD)
      const [one] = each.problems('train', 1, 5)
      const trie = each.answerTrie(one!)!
      expect(trie.strings).toBe(trie.terminal.reduce((sum, end) => sum + end, 0))
      const texts = new Set(stringsOf(trie))
      expect(texts.size).toBeGreaterThan(1)
      for (const text of texts) {
        const completion = [...written('thinking'), ...each.format.terminationSuffix, ...written(text), 2]
        expect(each.grade(one!, completion).correct, text).toBe(true)
      }
      const trace = each.teacherTrace(one!, createRng(1))!
      expect(each.grade(one!, trace.completion)).toMatchObject({ correct: true })
      expect(trace.boundaries.length).toBeGreaterThan(1)
    },
  )

  it('follow each tokenization once, the usual one among them', () => {
    const ways = tokenizer.tokenizations(' hello', 8)
    expect(ways[0]).toEqual(tokenizer.encode(' hello'))
    for (const way of ways) expect(tokenizer.decode(way)).toBe(' hello')
    expect(new Set(ways.map((way) => way.join())).size).toBe(ways.length)
    const trie = answerTrieOf([' hello'], tokenizer, [2, 198])
    expect(trie.strings).toBe(ways.length * 2)
  })
})

describe('arithmetic chains', () => {
  it('are answered by their last value, which their teacher reaches line by line', () => {
    for (const level of arithmetic.levels)
      for (const { data } of proceduralTask(arithmetic, level.id).problems('train', 20, 2)) {
        const said = arithmetic.teacher!(data as Chain, null as never)
        expect(arithmetic.answers(data as Chain)).toEqual([said.answer])
        for (const line of said.thinking.split('\n')) {
          const [, x, sign, y, result] = /^(\d+) ([-+*]) (\d+) = (\d+)$/.exec(line)!
          expect({ '+': Number(x) + Number(y), '-': Number(x) - Number(y), '*': Number(x) * Number(y) }[sign as '+' | '-' | '*']).toBe(
            Number(result),
          )
        }
      }
  })
})
