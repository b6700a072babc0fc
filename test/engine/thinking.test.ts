// Budget forcing, case by case, on a model whose every next token is decided by the test:
// thinking writes 5 5 5 ... until something ends it; after the end token come 6 6 6 ...
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Completion, Decoder, GenerateRequest, Thinking } from '../../src-main/engine/decoder.ts'
import { openEngine, type Engine } from '../../src-main/engine/engine.ts'
import { openMarkov, surely } from './models.ts'

const STOP = 2
const BEGIN = 3
const END = 4
const THINK = 5
const ANSWER = 6
const WAIT = 7
const QUIT = 8 // leads to END
const V = 9
const NEXT = [STOP, STOP, STOP, THINK, ANSWER, THINK, ANSWER, QUIT, END]

let engine: Engine
let decoder: Decoder
beforeAll(async () => {
  engine = openEngine()
  decoder = (await openMarkov(engine, V, (token) => surely(V, NEXT[token]!))).decoder
})
afterAll(() => engine.dispose())

async function complete(prefix: number[], thinking: Thinking | undefined, more: Partial<GenerateRequest> = {}): Promise<Completion> {
  const [completion] = await decoder.generate({
    sources: [Int32Array.from(prefix)],
    requests: [{ source: 0, seed: 1, maxNewTokens: 12, stopTokens: [STOP], thinking, ...more }],
  })
  return completion!
}

describe('the budget', () => {
  test('forces the end token after that many thinking tokens; the answer follows', async () => {
    const { tokens, sampled, finish } = await complete([BEGIN], { closers: [[END]], endTokens: [END], budget: 3, answerTokens: 4 })
    expect([...tokens]).toEqual([THINK, THINK, THINK, END, ANSWER, ANSWER, ANSWER, ANSWER])
    expect([...sampled]).toEqual([1, 1, 1, 0, 1, 1, 1, 1])
    expect(finish).toBe('length')
  })

  test('counts the thinking tokens of the prefix', async () => {
    const { tokens } = await complete(
      [BEGIN, THINK, THINK],
      { closers: [[END]], endTokens: [END], budget: 3, answerTokens: 1 },
      { prefixThinkingTokens: 2 },
    )
    expect([...tokens]).toEqual([THINK, END, ANSWER])
  })

  test('of zero ends the thinking at once', async () => {
    const { tokens, sampled } = await complete([BEGIN], { closers: [[END]], endTokens: [END], budget: 0, answerTokens: 1 })
    expect([...tokens]).toEqual([END, ANSWER])
    expect([...sampled]).toEqual([0, 1])
  })

  test('a forced token carries its log-prob under the model and -Infinity where the sampling rule leaves it out', async () => {
    const { logps, samplingLogps } = await complete(
      [BEGIN],
      { closers: [[END]], endTokens: [END], budget: 1, answerTokens: 1 },
      { topK: 1 },
    )
    expect(logps[1]).toBeCloseTo(-50, 3)
    expect(samplingLogps[1]).toBe(-Infinity)
    expect(samplingLogps[0]).toBe(0)
  })

  test('without a rule nothing is forced', async () => {
    const { tokens, sampled } = await complete([BEGIN], undefined)
    expect([...tokens]).toEqual(new Array(12).fill(THINK))
    expect([...sampled]).toEqual(new Array(12).fill(1))
  })

  test('is met exactly by a model that stops by itself', async () => {
    const { tokens, sampled } = await complete([QUIT], { closers: [[END]], endTokens: [END], budget: 5, answerTokens: 1 })
    expect([...tokens]).toEqual([END, ANSWER])
    expect([...sampled]).toEqual([1, 1])
  })
})

describe('the minimum', () => {
  test('replaces an early end token by the extend token', async () => {
    // After WAIT the model quits again: 8 -> END, replaced each time.
    const { tokens, sampled } = await complete([QUIT], {
      closers: [[END]],
      endTokens: [END],
      budget: 9,
      answerTokens: 1,
      minimum: 3,
      extendTokens: [WAIT],
    })
    expect([...tokens]).toEqual([WAIT, QUIT, WAIT, QUIT, END, ANSWER])
    expect([...sampled]).toEqual([0, 1, 0, 1, 1, 1])
  })

  test('counts the thinking tokens of the prefix', async () => {
    const thinking = { closers: [[END]], endTokens: [END], budget: 9, answerTokens: 1, minimum: 3, extendTokens: [WAIT] }
    const { tokens } = await complete([QUIT], thinking, { prefixThinkingTokens: 2 })
    expect([...tokens]).toEqual([WAIT, QUIT, END, ANSWER])
  })

  test('above the budget gives way to the budget', async () => {
    const { tokens, sampled } = await complete([QUIT], {
      closers: [[END]],
      endTokens: [END],
      budget: 2,
      answerTokens: 1,
      minimum: 5,
      extendTokens: [WAIT],
    })
    expect([...tokens]).toEqual([WAIT, QUIT, END, ANSWER])
    expect([...sampled]).toEqual([0, 1, 0, 1])
  })
})

describe('the answer', () => {
  test('begins at once when the suffix ends the thinking', async () => {
    const { tokens, sampled } = await complete(
      [BEGIN, THINK],
      { closers: [[END]], endTokens: [END], budget: 0, answerTokens: 2 },
      { suffix: [END] },
    )
    expect([...tokens]).toEqual([ANSWER, ANSWER])
    expect([...sampled]).toEqual([1, 1])
  })

  test('of zero tokens ends with the end token', async () => {
    const { tokens, finish } = await complete([BEGIN], { closers: [[END]], endTokens: [END], budget: 1, answerTokens: 0 })
    expect([...tokens]).toEqual([THINK, END])
    expect(finish).toBe('length')
  })

  test('stops at a stop token, which is part of it', async () => {
    const { tokens, finish } = await complete(
      [BEGIN],
      { closers: [[END]], endTokens: [END], budget: 1, answerTokens: 5 },
      { stopTokens: [ANSWER] },
    )
    expect([...tokens]).toEqual([THINK, END, ANSWER])
    expect(finish).toBe('stop')
  })

  test('a forced end token that is a stop token ends the completion', async () => {
    const { tokens, finish } = await complete(
      [BEGIN],
      { closers: [[END]], endTokens: [END], budget: 2, answerTokens: 5 },
      { stopTokens: [END] },
    )
    expect([...tokens]).toEqual([THINK, THINK, END])
    expect(finish).toBe('stop')
  })

  test('maxNewTokens limits thinking and answer together', async () => {
    const { tokens, finish } = await complete(
      [BEGIN],
      { closers: [[END]], endTokens: [END], budget: 3, answerTokens: 9 },
      { maxNewTokens: 5 },
    )
    expect([...tokens]).toEqual([THINK, THINK, THINK, END, ANSWER])
    expect(finish).toBe('length')
  })
})

describe('a mark of several tokens', () => {
  test('closes the thinking where the last of them is written, and the tokens after it are the answer', async () => {
    // 8 -> 4 is a closing run; then 6 6 6.
    const { tokens, sampled } = await complete(
      [BEGIN, THINK, QUIT],
      {
        closers: [
          [WAIT, END],
          [QUIT, END],
        ],
        endTokens: [END],
        budget: 9,
        answerTokens: 2,
      },
      { length: 2, seed: 1 },
    )
    expect([...tokens].slice(0, 3)).toEqual([THINK, THINK, THINK])
    expect(sampled.slice(0, 9).every((value) => value === 1)).toBe(true)
    const closed = await complete([WAIT], {
      closers: [
        [WAIT, END],
        [QUIT, END],
      ],
      endTokens: [END],
      budget: 9,
      answerTokens: 2,
    })
    expect([...closed.tokens]).toEqual([QUIT, END, ANSWER, ANSWER])
  })

  test('is not closed by its last token alone', async () => {
    const { tokens } = await complete([QUIT], { closers: [[QUIT, END]], endTokens: [END], budget: 2, answerTokens: 1 })
    // The 4 that follows the prompt's 8 is a thought of its own: the run must be written. Then 6 6, until the budget forces the end.
    expect([...tokens]).toEqual([END, ANSWER, END, ANSWER])
  })

  test('is forced whole when the budget is used up, and counted neither as thought nor as answer', async () => {
    const { tokens, sampled } = await complete([BEGIN], {
      closers: [[QUIT, END]],
      endTokens: [WAIT, QUIT, END],
      budget: 2,
      answerTokens: 2,
    })
    expect([...tokens]).toEqual([THINK, THINK, WAIT, QUIT, END, ANSWER, ANSWER])
    expect([...sampled]).toEqual([1, 1, 0, 0, 0, 1, 1])
  })

  test('is replaced before the minimum where it would be completed', async () => {
    const { tokens, sampled } = await complete([WAIT], {
      closers: [[QUIT, END]],
      endTokens: [END],
      budget: 9,
      answerTokens: 1,
      minimum: 2,
      extendTokens: [THINK, WAIT],
    })
    expect([...tokens]).toEqual([QUIT, THINK, WAIT, QUIT, END, ANSWER])
    expect([...sampled]).toEqual([1, 0, 0, 1, 1, 1])
  })
})

describe('stops of the answer', () => {
  test('end the completion after the thinking and are thoughts within it', async () => {
    const { tokens, finish } = await complete([BEGIN], {
      closers: [[END]],
      endTokens: [END],
      budget: 2,
      answerTokens: 9,
      answerStops: [THINK, ANSWER],
    })
    expect([...tokens]).toEqual([THINK, THINK, END, ANSWER])
    expect(finish).toBe('stop')
  })
})
